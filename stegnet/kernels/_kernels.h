/* What the sources of the module share. _kernels.pyi documents each function, by the name in `methods`. */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>

#ifdef _MSC_VER
#define restrict __restrict
#endif

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#if __GNUC__ >= 12
#define WIDEST __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else /* has no name for AVX-512 on all processors */
#define WIDEST __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#endif
#else
#define WIDEST
#endif

/* Gives back buffers that Python lent; None, or an error if they did not fit each other. */
PyObject *ended(int fits, Py_buffer *buffers, int count);

/* _scans.c */
PyObject *count_symbols(PyObject *self, PyObject *arguments);
PyObject *code_scan(PyObject *self, PyObject *arguments);

/* _scan_decoding.c */
PyObject *decode_scan(PyObject *self, PyObject *arguments);

/* _jpeg_costs.c */
PyObject *jpeg_show(PyObject *self, PyObject *arguments);
PyObject *jpeg_variances(PyObject *self, PyObject *arguments);
PyObject *jpeg_wiener(PyObject *self, PyObject *arguments);
PyObject *jpeg_errors(PyObject *self, PyObject *arguments);
PyObject *jpeg_count(PyObject *self, PyObject *arguments);
PyObject *jpeg_step_costs(PyObject *self, PyObject *arguments);

/* _belief.c */
PyObject *decode(PyObject *self, PyObject *arguments);

/* _libjpeg.c */
PyObject *jpeg_ycc(PyObject *self, PyObject *arguments);
PyObject *jpeg_offsets(PyObject *self, PyObject *arguments);
PyObject *jpeg_forward(PyObject *self, PyObject *arguments);
PyObject *jpeg_blocks_hold(PyObject *self, PyObject *arguments);
PyObject *jpeg_steps_hold(PyObject *self, PyObject *arguments);
