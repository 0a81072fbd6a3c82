/* Entropy coding of sequential JPEG scans by Huffman's method (ITU-T T.81, annex F), as tests/kernels/numpy_scans.py. */

#include "_kernels.h"

#include <string.h>

enum { BLOCK = 64, TABLES = 32, SYMBOLS = 256, COMPONENTS = 4, ZRL = 0xF0, LONGEST_CODE = 16 };
enum { MARGIN = 16, NO_CODE = 1, NO_ROOM = 2 }; /* bytes: more than a symbol takes, or the end of an interval */

/* A scan: blocks in order, and of each block of an MCU its component and tables. */
typedef struct {
    const int16_t *blocks;
    const uint8_t *owners, *dc, *ac;
    Py_ssize_t count, per_mcu, interval;
} Scan;

/* Where symbols go: they are counted, or written by their codes. */
typedef struct {
    int64_t *counts; /* NULL: they are written */
    const uint16_t *codes;
    const uint8_t *sizes;
    uint8_t *out;
    Py_ssize_t at, room;
    uint64_t waiting; /* bits that make no whole byte yet, the last ones lowest */
    int bits, failure;
} Sink;

/* Writes the oldest whole bytes that wait, so many, with a zero behind each 255. */
static void put_bytes(Sink *sink, int count)
{
    for (; count; count--) {
        sink->bits -= 8;
        const uint8_t byte = (uint8_t)(sink->waiting >> sink->bits);
        sink->out[sink->at++] = byte;
        if (byte == 0xFF) sink->out[sink->at++] = 0;
    }
}

static inline void put(Sink *sink, int table, int symbol, uint32_t extra, int length)
{
    const int entry = table * SYMBOLS + symbol;
    if (sink->counts) {
        sink->counts[entry]++;
        return;
    }
    const int size = sink->sizes[entry];
    if (!size || sink->room - sink->at < MARGIN) {
        if (!sink->failure) sink->failure = size ? NO_ROOM : NO_CODE;
        return;
    }
    sink->waiting = ((sink->waiting << size | sink->codes[entry]) << length) | extra;
    sink->bits += size + length;
    if (sink->bits >= 32) put_bytes(sink, 4); /* up to 31 and 32 are waiting */
}

/* Of a number below 2^16; without branches, which no processor would predict. */
static inline int bit_length(uint32_t number)
{
    int length = (number > 0xFF) << 3;
    length += (number >> length > 0xF) << 2;
    length += (number >> length > 3) << 1;
    length += number >> length > 1;
    return length + (number > 0);
}

/* A value behind a run of zeros: its size, and the bits that tell which of that size it is (F.1.2.1); up to 16. */
static inline void put_value(Sink *sink, int table, int run, int32_t value)
{
    const uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    const int size = bit_length(magnitude);
    const uint32_t extra = value < 0 ? ((uint32_t)1 << size) - 1 - magnitude : magnitude;
    put(sink, table, (run * 16 + size) % SYMBOLS, extra, size);
}

/* The places of a block's coefficients that are not 0, the first left out: a bit for each. */
static inline uint64_t places_used(const int16_t *block)
{
    uint64_t used = 0;
    for (int place = 1; place < BLOCK; place++) used |= (uint64_t)(block[place] != 0) << place;
    return used;
}

static inline int lowest(uint64_t bits)
{
#ifdef __GNUC__
    return __builtin_ctzll(bits);
#else
    int place = 0;
    while (!(bits >> place & 1)) place++;
    return place;
#endif
}

static void put_block(Sink *sink, const int16_t *block, int ac)
{
    int before = 0;
    for (uint64_t used = places_used(block); used; used &= used - 1) {
        const int place = lowest(used);
        int run = place - before - 1;
        for (; run > 15; run -= 16) put(sink, ac, ZRL, 0, 0);
        put_value(sink, ac, run, block[place]);
        before = place;
    }
    if (before < BLOCK - 1) put(sink, ac, 0, 0, 0);
}

/* Fills up the last byte with ones, and writes a restart marker. */
static void end_interval(Sink *sink, int marker)
{
    if (sink->counts || sink->failure) return;
    if (sink->room - sink->at < MARGIN) {
        sink->failure = NO_ROOM;
        return;
    }
    const int fill = -sink->bits & 7;
    sink->waiting = sink->waiting << fill | ((1u << fill) - 1);
    sink->bits += fill;
    put_bytes(sink, sink->bits / 8);
    if (marker < 0) return;
    sink->out[sink->at++] = 0xFF;
    sink->out[sink->at++] = (uint8_t)(0xD0 + marker);
}

static void put_scan(Sink *sink, const Scan *scan)
{
    int32_t before[COMPONENTS] = {0};
    int marker = 0;
    Py_ssize_t left = scan->interval, in_mcu = 0;
    for (Py_ssize_t number = 0; number < scan->count && !sink->failure; number++) {
        if (!left) {
            end_interval(sink, marker);
            marker = (marker + 1) & 7;
            left = scan->interval;
            memset(before, 0, sizeof before);
        }
        const int16_t *const block = scan->blocks + number * BLOCK;
        const int owner = scan->owners[in_mcu];
        put_value(sink, scan->dc[owner], 0, block[0] - before[owner]);
        before[owner] = block[0];
        put_block(sink, block, scan->ac[owner]);
        left--;
        in_mcu = in_mcu + 1 == scan->per_mcu ? 0 : in_mcu + 1;
    }
    end_interval(sink, -1);
}

/* Whether the buffers fit each other; they are blocks, owners, tables of DC and of AC. */
static int fit(Scan *scan, const Py_buffer *buffers)
{
    *scan = (Scan){buffers[0].buf, buffers[1].buf, buffers[2].buf, buffers[3].buf, 0, buffers[1].len, scan->interval};
    scan->count = buffers[0].len / (2 * BLOCK);
    int fits = buffers[0].len == scan->count * 2 * BLOCK && scan->per_mcu > 0 && scan->interval > 0 &&
               buffers[2].len <= COMPONENTS && buffers[2].len == buffers[3].len;
    for (Py_ssize_t place = 0; fits && place < scan->per_mcu; place++) fits = scan->owners[place] < buffers[2].len;
    for (Py_ssize_t place = 0; fits && place < buffers[2].len; place++)
        fits = scan->dc[place] < TABLES && scan->ac[place] < TABLES;
    return fits;
}

PyObject *count_symbols(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[5];
    Scan scan;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*nw*", buffers, buffers + 1, buffers + 2, buffers + 3, &scan.interval,
                          buffers + 4))
        return NULL;
    Sink sink = {.counts = buffers[4].buf};
    const int fits = fit(&scan, buffers) && buffers[4].len == TABLES * SYMBOLS * (Py_ssize_t)sizeof *sink.counts;
    PyThreadState *others = PyEval_SaveThread();
    if (fits) put_scan(&sink, &scan);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 5);
}

PyObject *code_scan(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[7];
    Scan scan;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*ny*y*w*", buffers, buffers + 1, buffers + 2, buffers + 3, &scan.interval,
                          buffers + 4, buffers + 5, buffers + 6))
        return NULL;
    Sink sink = {NULL, buffers[4].buf, buffers[5].buf, buffers[6].buf, 0, buffers[6].len, 0, 0, 0};
    int fits = fit(&scan, buffers) && buffers[4].len == 2 * TABLES * SYMBOLS && buffers[5].len == TABLES * SYMBOLS;
    for (int entry = 0; fits && entry < TABLES * SYMBOLS; entry++)
        fits = sink.sizes[entry] <= LONGEST_CODE && !(sink.codes[entry] >> sink.sizes[entry]);
    PyThreadState *others = PyEval_SaveThread();
    if (fits) put_scan(&sink, &scan);
    PyEval_RestoreThread(others);
    PyObject *none = ended(fits && sink.failure != NO_ROOM, buffers, 7);
    if (none && sink.failure == NO_CODE) {
        PyErr_SetString(PyExc_ValueError, "a symbol has no code");
        return NULL;
    }
    return none ? PyLong_FromSsize_t(sink.at) : NULL;
}
