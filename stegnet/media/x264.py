"""What x264 needs so that the same frames give the same bytes."""

import platform

# With AVX-512 (seen on a Zen 5 with x264 165) one film in four differs in some bytes from the one before it. SSE2,
# which every such processor has, costs a tenth of the speed and gives what x264 gives without any of it.
SAME_BITS = {"x264-params": "asm=sse2"} if platform.machine().lower() in {"x86_64", "amd64"} else {}
