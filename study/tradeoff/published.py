"""What others have published or left as samples: points to draw beside ours, never to rank against them.

None was measured on the pictures that ours are measured on, so they show where a method stands, no more.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A method's figures.

    Attributes:
        name: for the chart.
        container, secret: PSNR in dB.
        source: where the figures come from, and on which pictures and containers.
        files: were the containers rounded to 8 bits? If not, the figures are better than any file's.
    """

    name: str
    container: float
    secret: float
    source: str
    files: bool


_FLOAT = "as published for ImageNet at 256², float containers"

POINTS = (
    Published("github.com/anilsathyan7, own sample", 32.45, 32.78, "its sample pair of 224², 8 bits", True),
    Published("github.com/arnoweng, own sample", 32.71, 33.11, "its sample pair, restored, 8 bits", True),
    Published("github.com/zjyhhhher, own weights", 30.44, 31.67, "its weights on Kodak at 256², 8 bits", True),
    Published("HiNet", 37.9, 40.3, f"HiNet (ICCV 2021), {_FLOAT}", False),
    Published("StegFormer-S", 42.8, 42.2, f"StegFormer-S (AAAI 2024), {_FLOAT}", False),
    Published("WIN", 43.8, 43.7, f"WIN (arXiv 2508.02111), {_FLOAT}", False),
)
