"""The option that makes x264 deterministic, for all that encodes with it."""

import platform

# With AVX-512 (seen on a Zen 5 with x264 165) one film in four differs in some bytes from the one before it. SSE2,
# which every such processor has, costs a tenth of the speed and gives what x264 gives without any SIMD code.
X264_DETERMINISTIC = {"x264-params": "asm=sse2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}
