"""H.264 streams by their coefficients' levels: slices read, and written again with all other syntax as it was.

`parameters` keeps parameter sets and reads slice headers, `levels` reads and rewrites slices. Both are the face of a
compiled reader, `kernels/_h264*.c`, for progressive films in 8 bits and 4:2:0 of the Constrained Baseline, Main and
High profiles (Rec. ITU-T H.264); there is no other.
"""

from stegnet.media.h264.levels import WRITABLE, Kind, Levels, read_levels, write_levels, x264_padding
from stegnet.media.h264.parameters import H264Error, Parameters, Reason, SliceHeader, SliceType, header
