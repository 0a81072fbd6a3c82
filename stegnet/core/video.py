"""Video codecs: what they leave of the luma of a short film."""

import platform
from fractions import Fraction

import numpy as np

BLACK, WHITE = 16, 235  # lumas of limited range
_GREY = 128
# With AVX-512 (seen on a Zen 5 with x264 165) one film in four differs in some bytes from the one before it. SSE2,
# which every such processor has, costs a tenth of the speed and gives what x264 gives without any SIMD code.
X264_DETERMINISTIC = {"x264-params": "asm=sse2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}
H264 = "h264"
# FFmpeg's encoder, what is added to the CRF, and other options.
CODECS = {
    H264: ("libx264", 0, X264_DETERMINISTIC),
    "hevc": ("libx265", 3, {"preset": "fast", "x265-params": "log-level=none:pools=none:frame-threads=1"}),
    "vp9": ("libvpx-vp9", 11, {"preset": "", "b": "0", "deadline": "realtime", "cpu-used": "6"}),
    "av1": ("libsvtav1", 11, {"preset": "10", "svtav1-params": "lp=1"}),
}
_DECODERS = {"av1": "libdav1d"}


def through_codec(film: np.ndarray, codec: str, crf: int, preset: str) -> np.ndarray:
    """Lumas of a film, (F, H, W) uint8 of limited range, after a codec of CODECS; sides are even.

    Args:
        crf: of H.264; that of another codec is moved to about the same quality.
        preset: of x264; other encoders have fast ones of their own.
    """
    import av  # training on pictures does not need it

    _, height, width = film.shape
    name, more, options = CODECS[codec]
    encoder = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base, encoder.framerate, encoder.thread_count = Fraction(1, 25), Fraction(25), 1
    encoder.options = {"crf": str(crf + more), "preset": preset} | options
    decoder = av.CodecContext.create(_DECODERS.get(codec, codec), "r")
    planes = np.full((height * 3 // 2, width), _GREY, np.uint8)
    packets = []
    for number, luma in enumerate(film):
        planes[:height] = luma
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoded = [frame for packet in packets for frame in decoder.decode(packet)] + decoder.decode(None)
    return np.stack([frame.to_ndarray()[:height] for frame in decoded])
