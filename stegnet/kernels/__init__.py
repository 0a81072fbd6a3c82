"""Kernels, the loops that take the most time, in C: `_kernels.pyi` says what each computes.

tests/kernels compares each to an oracle in NumPy, with the same arguments and the same bits.
"""

from stegnet.core.errors import PackageError

try:
    from stegnet.kernels._kernels import (
        code,
        count,
        decode,
        decode_scan,
        filter,
        final,
        follow,
        gather,
        greens,
        jpeg_blocks_hold,
        jpeg_count,
        jpeg_errors,
        jpeg_forward,
        jpeg_offsets,
        jpeg_show,
        jpeg_step_costs,
        jpeg_steps_hold,
        jpeg_variances,
        jpeg_wiener,
        jpeg_ycc,
        mark,
        merge,
        merge_runs,
        numbers,
        price,
        rows,
        search,
        smooth,
        step,
        syndrome,
        windows,
    )
except ImportError as error:  # each installation has it; a folder that was only copied has not
    raise PackageError("stegnet's kernels are not compiled", "`pip install -e .`, in stegnet's folder") from error

SHARP = 1 << 20  # as in _kernels.c: numerator of a pixel's inverse texture, which is computed in integers
