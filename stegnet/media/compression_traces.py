"""Constants of the page's search for traces of lossy compression (demo/src/codec/compression_traces.js).

The search itself is in `stegnet.media.evidence`; these go when the page has it, too.
"""

import numpy as np

from stegnet.media.evidence.jpegs import GAP, LOW, MOST_GAPS, OFTEN, TWICE
from stegnet.media.evidence.lattice import COPY
from stegnet.media.evidence.pictures import FLAT

__all__ = ["COPY", "FLAT", "GAP", "LOW", "MOST_GAPS", "OFTEN", "TWICE"]

_STEPS = np.arange(2, 32, dtype=np.float32)  # quantisation steps that are searched for
_WEBP = {  # factors and offsets of libwebp (src/dsp/yuv.h)
    **{"luma": 19077, "v_to_red": 26149, "u_to_green": 6419, "v_to_green": 13320, "u_to_blue": 33050},
    **{"red": 14234, "green": 8708, "blue": 17685},
}
_LOOKED_AT = 1 << 20  # pixels of a picture whose colours are examined
_FEW = 30  # distinct colours that are too few to tell
_NEARLY_ALL = 0.95  # share of the colours that a decoder must produce
_MOSTLY = 0.8  # share of pixels that equal the next one in their row
_SIDE = 384  # pixels of a side of the middle that is searched for a grid
_FREQUENCIES = ((0, 1), (1, 0), (1, 1), (2, 2), (0, 3), (3, 0))  # of a grid's blocks
_ENOUGH = 100  # values of a frequency that tell a step
_PERIODIC = 0.5  # mean cosine of the values' phases that shows a step
