"""Files of any size up to the capacity: what `stegnet.capacity` promises is hidden, and comes back byte for byte.

By day, the same sizes are tried each time; at night others, and more of them.
"""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings, strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from PIL import Image

import stegnet
from stegnet.core.names import USUAL_NAME
from tests.support.films import make_film, noisy_film, picture
from tests.support.settings import NIGHT
from tests.support.sounds import as_bytes, chunk, form_chunk, noise, riff

KEY = stegnet.Key(bytes(range(32)))
FRAMES = 3  # of a film without loss
HEADER = 131  # bytes of a sealed record besides the file's

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # that a cover gives its container away


def tried(examples: int) -> Callable[[Any], Any]:
    """Try so many examples by day, and five times as many at night."""
    how = settings(
        max_examples=examples * (5 if NIGHT else 1),
        derandomize=not NIGHT,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
        phases=[Phase.generate, Phase.shrink],
    )
    return lambda test: how(seed(int(NIGHT))(test)) if NIGHT else how(test)


@pytest.fixture(scope="module", autouse=True)
def examples_do_not_depend_on_modules() -> Iterator[None]:
    """Hypothesis also tries numbers that stand in whichever modules are imported, which other tests decide on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(providers, "_get_local_constants", Constants)
        yield


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A film for each method that hides any file in films."""
    folder = tmp_path_factory.mktemp("films")
    return {"sealed": make_film(folder / "film.mkv", FRAMES, 50, 70), "h264": noisy_film(folder / "film.mp4")}


def opaque(height: int, width: int, grey: bool) -> bytes:
    return stored(Image.fromarray(picture(height, width)).convert("L" if grey else "RGB"), "PNG")


def transparent(height: int, width: int, grey: bool) -> bytes:
    """A picture that can't be seen in part; the rest is opaque or translucent."""
    opacity = np.full((height, width), 255, np.uint8)
    opacity[: height // 4], opacity[height // 4 : height // 2] = 0, 9
    layers = np.dstack([picture(height, width), opacity])
    return stored(Image.fromarray(layers).convert("LA" if grey else "RGBA"), "PNG")


def jpeg(height: int, width: int, grey: bool) -> bytes:
    return stored(Image.fromarray(picture(height, width)).convert("L" if grey else "RGB"), "JPEG")


def sound(height: int, width: int, grey: bool) -> bytes:
    """As many samples as a picture has pixels, on one channel or two."""
    samples = noise(height * width, 1 if grey else 2)
    return riff(form_chunk(channels=samples.shape[1]), chunk(b"data", as_bytes(samples)))


def stored(image: Image.Image, form: str) -> bytes:
    file = io.BytesIO()
    image.save(file, form, quality=90, compress_level=1)
    return file.getvalue()


COVERS = {"sealed": opaque, "transparent": transparent, "jpeg": jpeg, "sound": sound}


def sizes(most: int) -> st.SearchStrategy[int]:
    """Sizes up to `most`: any, or one of the largest."""
    return st.integers(0, most) | st.integers(0, 40).map(lambda less: max(most - less, 0))


def sizes_about_merging(most: int) -> st.SearchStrategy[int]:
    """Sizes about that below which several samples count as one.

    In colours, a small record is in the green samples alone, and each of its trits has 16 of them there.
    """
    return st.integers(970, 1020).map(lambda share: max((most + HEADER) * share // 48_000 - HEADER, 0))


def promised(cover: bytes | Path, method: str) -> int:
    """Most bytes of a file whose name has the usual length; negative if nothing fits."""
    fits = stegnet.capacity(cover)
    return max((fit.bytes for fit in fits if fit.method == method and fit.bytes), default=-1)


@contextmanager
def named(secret: bytes) -> Iterator[Path]:
    """Yields a file of these bytes, whose name has the usual length."""
    with TemporaryDirectory() as folder:
        path = Path(folder, USUAL_NAME)
        path.write_bytes(secret)
        yield path


def comes_back(cover: bytes | Path, method: Any, size: int) -> None:
    secret = np.random.default_rng(size).bytes(size)
    with named(secret) as path:
        made = stegnet.hide(cover, path, key=KEY, method=method)
    assert made.container is not None
    found = stegnet.reveal(made.container, key=KEY)
    assert (found.data == secret, found.trouble) == (True, ())


def is_refused(cover: bytes | Path, method: Any, size: int) -> None:
    with named(bytes(size)) as path, pytest.raises(stegnet.CapacityError) as caught:
        stegnet.hide(cover, path, key=KEY, method=method)
    assert caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize("method", COVERS)
@tried(12)
@given(height=st.integers(16, 250), width=st.integers(16, 250), grey=st.booleans(), data=st.data())
def test_any_size_comes_back_and_one_more_byte_is_refused(method, height, width, grey, data):
    cover = COVERS[method](height, width, grey)
    most = promised(cover, method)
    if most >= 0:
        comes_back(cover, method, data.draw(sizes(most), "size"))
    is_refused(cover, method, most + 1 if most >= 0 else 300)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sealed", "transparent"])
@tried(8)
@given(height=st.integers(120, 250), width=st.integers(120, 250), data=st.data())
def test_sizes_about_which_samples_begin_to_count_as_one(method, height, width, data):
    cover = COVERS[method](height, width, grey=False)
    comes_back(cover, method, data.draw(sizes_about_merging(promised(cover, method)), "size"))


@pytest.mark.parametrize("method", COVERS)
def test_what_is_hard_to_find_is_one_number(method):
    """`info` tells it, the report's verdict turns at it, and `at_most_safe` refuses one byte more."""
    cover = COVERS[method](240, 250, grey=False)
    safe = max(fit.safe for fit in stegnet.capacity(cover) if fit.method == method and fit.safe is not None)
    for size in (0, safe, safe + 1) if safe else (0,):
        with named(bytes(size)) as path:
            figures = stegnet.hide(cover, path, key=KEY, method=method).figures
            assert (figures.detection == "hard") == (figures.secure.hard is not None and size <= figures.secure.hard)
            assert (figures.secure.hard or 0) == safe
            if figures.detection == "hard":
                assert stegnet.hide(cover, path, key=KEY, method=method, at_most_safe=True).figures.detection == "hard"
            else:
                with pytest.raises(stegnet.CapacityError, match="hard to find"):
                    stegnet.hide(cover, path, key=KEY, method=method, at_most_safe=True)


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.0203, 1, *(pytest.param(share, marks=pytest.mark.night) for share in (0, 0.5))])
def test_a_large_cover(share):
    """Files of 2.03 % of what fits into a cover of this size ended in a ValueError once."""
    cover = opaque(700, 900, grey=False)
    most = promised(cover, "sealed")
    comes_back(cover, "sealed", int(share * most))
    is_refused(cover, "sealed", most + 1)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["sealed", "h264"])
@tried(6)
@given(data=st.data())
def test_films(method, films, data):
    """Each frame of a film without loss holds the file's name; those of the other are one group."""
    most = promised(films[method], method)
    comes_back(films[method], method, data.draw(sizes(most), "size"))
    is_refused(films[method], method, most + 1)


@pytest.mark.night
@tried(8)
@given(height=st.integers(592, 1200), width=st.integers(592, 1200), data=st.data())
def test_large_covers(height, width, data):
    cover = opaque(height, width, grey=False)
    most = promised(cover, "sealed")
    comes_back(cover, "sealed", data.draw(sizes(most) | sizes_about_merging(most), "size"))
