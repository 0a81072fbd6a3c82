/* Entropy coding of sequential JPEG scans by Huffman's method (ITU-T T.81, annex F), as tests/kernels/numpy_scans.py. */

#include "_kernels.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

enum { BLOCK = 64, TABLES = 32, SYMBOLS = 256, COMPONENTS = 4, ZRL = 0xF0, LONGEST_CODE = 16 };
enum { PART = 4096, MARGIN = 512, NO_CODE = 1, NO_ROOM = 2 }; /* bytes; the margin is more than a block takes */

enum { MOST_FACTOR = 4, MOST_SIDE = 1 << 16 };

/* A component: its blocks, those of an MCU, across and down, and the keys of its tables. */
typedef struct {
    const int16_t *blocks;
    Py_ssize_t rows, columns;
    int across, down, dc, ac;
    int32_t before; /* PRED of F.1.1.5.1: the DC coefficient of the block before */
} Component;

typedef struct {
    Py_ssize_t rows, columns, interval; /* MCUs, and blocks between restart markers */
    int count;
    Component components[COMPONENTS];
} Scan;

/* Where symbols go: they are counted, or written by their codes, a part after the other. */
typedef struct {
    int64_t *counts;       /* NULL: they are written */
    const uint32_t *codes; /* each below its length in the upper half; 0: none */
    uint8_t *out, *end;
    uint8_t *part, *at; /* the part, and the place of its next byte */
    uint64_t waiting;   /* lowest: bits that make no whole byte yet, up to seven */
    int bits, failure;
} Sink;

/* Writes the part, with a zero behind each byte of 255, and begins the next one. */
static void put_part(Sink *sink)
{
    const Py_ssize_t count = sink->at - sink->part;
    if (sink->end - sink->out < 2 * count) {
        sink->failure = NO_ROOM;
        return;
    }
    const uint8_t *const part = sink->part;
    uint8_t *out = sink->out;
    for (Py_ssize_t at = 0; at < count;) {
        const uint8_t *const found = memchr(part + at, 0xFF, (size_t)(count - at));
        const Py_ssize_t next = found ? found - part + 1 : count;
        memcpy(out, part + at, (size_t)(next - at));
        out += next - at;
        at = next;
        if (found) *out++ = 0;
    }
    sink->out = out;
    sink->at = sink->part;
}

/* Without branches, which no processor would predict: eight bytes are written, of which so many stay as are whole. */
static inline void put_bits(Sink *sink, uint64_t bits, int count)
{
    sink->waiting = sink->waiting << count | bits;
    sink->bits += count;
    const uint64_t first = sink->waiting << 1 << (63 - sink->bits);
#if defined(__GNUC__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ /* compilers don't see it in the loop */
    const uint64_t turned = __builtin_bswap64(first);
    memcpy(sink->at, &turned, sizeof turned);
#else
    for (int byte = 0; byte < 8; byte++) sink->at[byte] = (uint8_t)(first >> (56 - 8 * byte));
#endif
    sink->at += sink->bits >> 3;
    sink->bits &= 7;
}

static inline void put(Sink *sink, const int counts, int table, int symbol, uint32_t extra, int length)
{
    const int entry = table * SYMBOLS + symbol;
    if (counts) {
        sink->counts[entry]++;
        return;
    }
    const uint32_t code = sink->codes[entry];
    if (!code) sink->failure = NO_CODE;
    put_bits(sink, (uint64_t)(code & 0xFFFF) << length | extra, (int)(code >> 16) + length);
}

/* Of a number below 2^17. */
static inline int bit_length(uint32_t number)
{
#ifdef __GNUC__
    return 31 - __builtin_clz(number << 1 | 1);
#else
    int length = 0;
    for (; number; number >>= 1) length++;
    return length;
#endif
}

/* A value behind a run of zeros: its size, and the bits that tell which of that size it is (F.1.2.1); up to 16. */
static inline void put_value(Sink *sink, const int counts, int table, int run, int32_t value)
{
    const uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
    const int size = bit_length(magnitude);
    const uint32_t extra = value < 0 ? ((uint32_t)1 << size) - 1 - magnitude : magnitude;
    put(sink, counts, table, (run * 16 + size) % SYMBOLS, extra, size);
}

/* The places of a block's coefficients that are not 0, the first left out: a bit for each. */
static inline uint64_t places_used(const int16_t *block)
{
    uint64_t used = 0;
#ifdef __SSE2__
    const __m128i *const eights = (const __m128i *)block, zeros = _mm_setzero_si128();
    for (int place = 0; place < BLOCK / 16; place++) {
        const __m128i first = _mm_cmpeq_epi16(_mm_loadu_si128(eights + 2 * place), zeros);
        const __m128i second = _mm_cmpeq_epi16(_mm_loadu_si128(eights + 2 * place + 1), zeros);
        used |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_packs_epi16(first, second)) << 16 * place;
    }
    return ~used & ~(uint64_t)1;
#else
    for (int place = 1; place < BLOCK; place++) used |= (uint64_t)(block[place] != 0) << place;
    return used;
#endif
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

static inline void put_block(Sink *sink, const int counts, const int16_t *block, int ac)
{
    int before = 0;
    for (uint64_t used = places_used(block); used; used &= used - 1) {
        const int place = lowest(used);
        int run = place - before - 1;
        for (; run > 15; run -= 16) put(sink, counts, ac, ZRL, 0, 0);
        put_value(sink, counts, ac, run, block[place]);
        before = place;
    }
    if (before < BLOCK - 1) put(sink, counts, ac, 0, 0, 0);
}

/* Fills up the last byte with ones, and writes a restart marker. */
static inline void end_interval(Sink *sink, int marker)
{
    const int fill = -sink->bits & 7;
    put_bits(sink, (1u << fill) - 1, fill);
    put_part(sink);
    if (marker < 0 || sink->failure) return;
    if (sink->end - sink->out < 2) {
        sink->failure = NO_ROOM;
        return;
    }
    *sink->out++ = 0xFF;
    *sink->out++ = (uint8_t)(0xD0 + marker);
}

/* A block of a component. Those that only fill up an MCU repeat the DC coefficient before them, as libjpeg's do: of the
   last block of their row, or of the last one of the MCU above. */
static inline const int16_t *block_at(const Component *own, Py_ssize_t row, Py_ssize_t column, int16_t *filled)
{
    if (row < own->rows && column < own->columns) return own->blocks + (row * own->columns + column) * BLOCK;
    for (; row >= own->rows; row--) column = column / own->across * own->across + own->across - 1;
    if (column >= own->columns) column = own->columns - 1;
    memset(filled, 0, BLOCK * sizeof *filled);
    filled[0] = own->blocks[(row * own->columns + column) * BLOCK];
    return filled;
}

/* Of a copy of the sink, which a compiler knows to be apart from what is written. */
static inline Sink put_scan(Sink sink, const int counts, Scan *scan)
{
    int16_t filled[BLOCK];
    int marker = 0;
    Py_ssize_t left = scan->interval;
    for (Py_ssize_t number = 0; number < scan->rows * scan->columns && !sink.failure; number++) {
        const Py_ssize_t row = number / scan->columns, column = number % scan->columns;
        for (Component *own = scan->components; own < scan->components + scan->count; own++)
            for (int place = 0; place < own->across * own->down; place++, left--) {
                if (!counts && sink.at - sink.part > PART - MARGIN) put_part(&sink);
                if (!left) {
                    if (!counts) end_interval(&sink, marker);
                    marker = (marker + 1) & 7;
                    left = scan->interval;
                    for (int each = 0; each < scan->count; each++) scan->components[each].before = 0;
                }
                const int16_t *const block = block_at(own, row * own->down + place / own->across,
                                                      column * own->across + place % own->across, filled);
                put_value(&sink, counts, own->dc, 0, block[0] - own->before);
                own->before = block[0];
                put_block(&sink, counts, block, own->ac);
            }
    }
    if (!counts && !sink.failure) end_interval(&sink, -1);
    return sink;
}

/* Reads where a component's blocks are; false unless it has all of them, and at least one. */
static int place_blocks(Component *own, const Py_buffer *plane, const int64_t *layout)
{
    const int64_t rows = layout[0], columns = layout[1], across = layout[2], down = layout[3];
    if (rows < 1 || rows > MOST_SIDE || columns < 1 || columns > MOST_SIDE) return 0;
    if (across < 1 || across > MOST_FACTOR || down < 1 || down > MOST_FACTOR) return 0;
    *own = (Component){plane->buf, (Py_ssize_t)rows, (Py_ssize_t)columns, (int)across, (int)down, 0, 0, 0};
    return plane->len == 2 * BLOCK * rows * columns;
}

/* Takes the planes' buffers, and reads a scan from them, its layout, and the keys of its tables for DC and AC; whether
   all fit each other, so that no loop leaves a buffer. */
static int fit(Scan *scan, PyObject *planes, Py_buffer *of_planes, const Py_buffer *buffers)
{
    const Py_ssize_t count = PyTuple_Size(planes), row = 4 * (Py_ssize_t)sizeof(int64_t);
    const uint8_t *const dc = buffers[1].buf, *const ac = buffers[2].buf;
    if (count < 1 || count > COMPONENTS || buffers[0].len != count * row) return 0;
    if (buffers[1].len != count || buffers[2].len != count || scan->interval < 1) return 0;
    if (scan->rows < 1 || scan->rows > MOST_SIDE || scan->columns < 1 || scan->columns > MOST_SIDE) return 0;
    scan->count = (int)count;
    for (Py_ssize_t place = 0; place < count; place++) {
        Component *const own = scan->components + place;
        if (PyObject_GetBuffer(PyTuple_GetItem(planes, place), of_planes + place, PyBUF_SIMPLE) < 0) {
            PyErr_Clear();
            return 0;
        }
        if (!place_blocks(own, of_planes + place, (const int64_t *)buffers[0].buf + 4 * place)) return 0;
        if (dc[place] >= TABLES || ac[place] >= TABLES) return 0;
        own->dc = dc[place];
        own->ac = ac[place];
    }
    return 1;
}

PyObject *count_symbols(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4], of_planes[COMPONENTS] = {{0}}; /* layout, dc, ac, counts */
    PyObject *planes;
    Scan scan = {0};
    if (!PyArg_ParseTuple(arguments, "O!y*(nn)y*y*nw*", &PyTuple_Type, &planes, buffers, &scan.rows, &scan.columns,
                          buffers + 1, buffers + 2, &scan.interval, buffers + 3))
        return NULL;
    Sink sink = {.counts = buffers[3].buf};
    const int fits = fit(&scan, planes, of_planes, buffers) &&
                     buffers[3].len == TABLES * SYMBOLS * (Py_ssize_t)sizeof *sink.counts;
    PyThreadState *others = PyEval_SaveThread();
    if (fits) put_scan(sink, 1, &scan);
    PyEval_RestoreThread(others);
    for (int place = 0; place < COMPONENTS; place++) PyBuffer_Release(of_planes + place);
    return ended(fits, buffers, 4);
}

PyObject *code_scan(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[6], of_planes[COMPONENTS] = {{0}}; /* layout, dc, ac, codes, sizes, out */
    PyObject *planes;
    Scan scan = {0};
    if (!PyArg_ParseTuple(arguments, "O!y*(nn)y*y*ny*y*w*", &PyTuple_Type, &planes, buffers, &scan.rows, &scan.columns,
                          buffers + 1, buffers + 2, &scan.interval, buffers + 3, buffers + 4, buffers + 5))
        return NULL;
    const uint16_t *const codes = buffers[3].buf;
    const uint8_t *const sizes = buffers[4].buf;
    uint8_t *const out = buffers[5].buf;
    uint32_t coded[TABLES * SYMBOLS];
    uint8_t part[PART];
    Sink sink = {NULL, coded, out, out + buffers[5].len, part, part, 0, 0, 0};
    int fits = fit(&scan, planes, of_planes, buffers) && buffers[3].len == 2 * TABLES * SYMBOLS &&
               buffers[4].len == TABLES * SYMBOLS;
    for (int entry = 0; fits && entry < TABLES * SYMBOLS; entry++) {
        fits = sizes[entry] <= LONGEST_CODE && !(codes[entry] >> sizes[entry]);
        coded[entry] = (uint32_t)sizes[entry] << 16 | codes[entry];
    }
    PyThreadState *others = PyEval_SaveThread();
    if (fits) sink = put_scan(sink, 0, &scan);
    PyEval_RestoreThread(others);
    for (int place = 0; place < COMPONENTS; place++) PyBuffer_Release(of_planes + place);
    PyObject *none = ended(fits && sink.failure != NO_ROOM, buffers, 6);
    if (none && sink.failure == NO_CODE) {
        PyErr_SetString(PyExc_ValueError, "a symbol has no code");
        return NULL;
    }
    return none ? PyLong_FromSsize_t(sink.out - out) : NULL;
}
