/* Levels of H.264 slices for Python. Buffers come in as bytes; a failure comes back as its number. Python's limited
   API, so that one build serves all versions from 3.11 on. */

#define Py_LIMITED_API 0x030b0000
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "_h264.h"

#include <stdlib.h>

enum { SPS, PPS, NAL, VALUES, BUFFERS };

static void release(Py_buffer *buffers, int count)
{
    for (int number = 0; number < count; number++) PyBuffer_Release(buffers + number);
}

static Bytes bytes(const Py_buffer *buffer)
{
    return (Bytes){buffer->buf, (size_t)buffer->len};
}

/* Takes the SPS, the PPS and the slice. */
static Source source(const Py_buffer *buffers)
{
    return (Source){bytes(buffers), bytes(buffers + PPS), bytes(buffers + NAL)};
}

static PyObject *result(Failure failure, const void *data, size_t size)
{
    if (failure == NO_MEMORY) return PyErr_NoMemory();
    if (failure) return PyLong_FromLong(failure);
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)size);
}

static const char identify_doc[] =
    "identify(nal) -> (failure, type, id, sps_id)\n\n"
    "The type of a NAL unit, the id of its parameter set or of the slice's PPS, of a PPS its SPS's; -1: it has none.";

static PyObject *identify(PyObject *self, PyObject *arguments)
{
    Py_buffer nal;
    int type, id, sps_id;
    if (!PyArg_ParseTuple(arguments, "y*", &nal)) return NULL;
    const Failure failure = h264_identify(bytes(&nal), &type, &id, &sps_id);
    PyBuffer_Release(&nal);
    return failure == NO_MEMORY ? PyErr_NoMemory() : Py_BuildValue("iiii", failure, type, id, sps_id);
}

static const char area_doc[] =
    "area(sps) -> (failure, width, left, right, top, bottom)\n\n"
    "The macroblocks in a row of an SPS's pictures; first and end column, first and end row of what is shown.";

static PyObject *area(PyObject *self, PyObject *arguments)
{
    Py_buffer nal;
    Sps sps = {0};
    if (!PyArg_ParseTuple(arguments, "y*", &nal)) return NULL;
    const Failure failure = h264_area(bytes(&nal), &sps);
    PyBuffer_Release(&nal);
    const int *const shown = sps.shown;
    return failure == NO_MEMORY ? PyErr_NoMemory()
                                : Py_BuildValue("iiiiii", failure, sps.width, shown[0], shown[1], shown[2], shown[3]);
}

static const char read_doc[] =
    "read(sps, pps, nal) -> int | tuple[bytes, int]\n\n"
    "The non-zero levels of a slice in coding order, as items of `LEVEL` in h264_levels.py, and its padding: the last bit\n"
    "of a last byte in CABAC; -1: it is the stop bit.";

static PyObject *read_levels(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3];
    Level *levels = NULL;
    size_t count = 0;
    int padding = -1;
    if (!PyArg_ParseTuple(arguments, "y*y*y*", buffers, buffers + 1, buffers + 2)) return NULL;
    const Source own = source(buffers);
    PyThreadState *others = PyEval_SaveThread();
    const Failure failure = h264_read(&own, &levels, &count, &padding);
    PyEval_RestoreThread(others);
    release(buffers, 3);
    PyObject *found = result(failure, levels, count * sizeof *levels);
    free(levels);
    return failure || !found ? found : Py_BuildValue("Ni", found, padding);
}

static const char write_doc[] =
    "write(sps, pps, nal, values, padding) -> int | bytes\n\n"
    "The slice's NAL unit with other non-zero levels, int32, in the same order; padding where the slice has none.";

static PyObject *write_levels(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[BUFFERS];
    Bytes out = {NULL, 0};
    int padding;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*p", buffers, buffers + 1, buffers + 2, buffers + 3, &padding))
        return NULL;
    const Source own = source(buffers);
    const Bytes values = bytes(buffers + VALUES);
    PyThreadState *others = PyEval_SaveThread();
    const Failure failure =
        h264_write(&own, (const int32_t *)values.data, values.size / sizeof(int32_t), padding, &out);
    PyEval_RestoreThread(others);
    release(buffers, BUFFERS);
    PyObject *written = result(failure, out.data, out.size);
    free((void *)out.data);
    return written;
}

static PyMethodDef methods[] = {
    {"identify", identify, METH_VARARGS, identify_doc},
    {"area", area, METH_VARARGS, area_doc},
    {"read", read_levels, METH_VARARGS, read_doc},
    {"write", write_levels, METH_VARARGS, write_doc},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_h264", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__h264(void) { return PyModuleDef_Init(&module); }
