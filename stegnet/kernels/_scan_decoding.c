/* Entropy decoding of JPEG scans by Huffman's method (ITU-T T.81, annexes F and G), as numpy_scan_decoding.py
   of tests/kernels.

   Data may be anything. Where they are damaged, they are read as libjpeg reads them: behind their end are zeros, with
   which the MCU that needs them is completed, and the rest of its restart interval is left as it is. */

#include "_kernels.h"

#include <string.h>

enum { BLOCK = 64, COMPONENTS = 4, MOST_FACTOR = 4, MOST_SIDE = 1 << 16, MOST_STRIDE = 1 << 20, HIGHEST_BIT = 13 };
enum { LONGEST_CODE = 16, SYMBOLS = 256, TABLE = LONGEST_CODE + SYMBOLS, ZRL_RUN = 15 };
enum { QUICK = 9, NEEDED = 32 }; /* bits: of codes that are looked up at once; of a symbol and a value, at least */
enum { NO_MARKER = 0, FIRST_RESTART = 0xD0, END = 0xD9 };

/* A Huffman table: the symbol and length of each short code, and of longer ones figure F.16's MAXCODE and VALPTR. */
typedef struct {
    uint16_t quick[1 << QUICK]; /* by the next bits, 256 * length + symbol; 0: the code is longer, or none */
    int32_t largest[LONGEST_CODE + 1];
    int32_t first[LONGEST_CODE + 1]; /* place of the symbol of code 0, if all were of this length */
    const uint8_t *symbols;
} Table;

/* Bits ahead, the next one highest; their number is negative if more were taken than there are. */
typedef struct {
    const uint8_t *at, *end;
    uint64_t waiting;
    int count;
    int marker; /* that was met; END: any but a restart marker, or the end of the data */
} Bits;

/* A component in a scan: where its blocks are, and how many an MCU has. */
typedef struct {
    Py_ssize_t start, stride;
    int across, down;
    Table dc, ac;
    uint32_t before; /* PRED of F.2.1.3.1: the DC coefficient of the block before */
} Component;

typedef struct {
    int progressive, first, last, high, low;
    Py_ssize_t rows, columns, interval; /* in MCUs; interval 0: no restart markers */
    int count;
    Component components[COMPONENTS];
    int16_t *coefficients;
    uint32_t run; /* EOBRUN of G.1.2.2: blocks, the present one as well, in which nothing new is */
} Scan;

/* Expands a table's 16 numbers of codes by length, and its symbols (C.2, F.2.2.3); false if they make no code. */
static int make_table(Table *table, const uint8_t *entry)
{
    int32_t code = 0, place = 0;
    memset(table->quick, 0, sizeof table->quick);
    table->symbols = entry + LONGEST_CODE;
    for (int length = 1; length <= LONGEST_CODE; length++) {
        const int count = entry[length - 1];
        table->first[length] = place - code;
        if (place + count > SYMBOLS || (count && code + count >= 1 << length)) return 0; /* none is of ones alone */
        for (int each = 0; each < count && length <= QUICK; each++) {
            const uint16_t found = (uint16_t)(length << 8 | table->symbols[place + each]);
            const int spare = QUICK - length;
            for (int bits = 0; bits < 1 << spare; bits++) table->quick[(code + each) << spare | bits] = found;
        }
        place += count;
        code += count;
        table->largest[length] = code - 1;
        code <<= 1;
    }
    return 1;
}

/* The next eight bytes; true if none of them is 255, which may begin a marker. */
static inline int eight_plain(const uint8_t *at, uint64_t *word)
{
    *word = (uint64_t)at[0] << 56 | (uint64_t)at[1] << 48 | (uint64_t)at[2] << 40 | (uint64_t)at[3] << 32 |
            (uint64_t)at[4] << 24 | (uint64_t)at[5] << 16 | (uint64_t)at[6] << 8 | (uint64_t)at[7];
    return !((~*word - 0x0101010101010101) & *word & 0x8080808080808080);
}

/* Reads bytes while they fit, up to a marker. */
static void refill(Bits *bits)
{
    uint64_t word;
    if (bits->marker) return;
    if (bits->end - bits->at >= 8 && eight_plain(bits->at, &word)) {
        bits->waiting |= word >> bits->count;
        bits->at += (63 - bits->count) >> 3;
        bits->count |= 56;
        return;
    }
    while (bits->count <= 56) {
        const Py_ssize_t left = bits->end - bits->at;
        if (!left || (*bits->at == 0xFF && (left == 1 || bits->at[1]))) {
            const int is_restart = left > 1 && (bits->at[1] & 0xF8) == FIRST_RESTART;
            bits->marker = is_restart ? bits->at[1] : END;
            bits->at += is_restart ? 2 : 0;
            return;
        }
        bits->waiting |= (uint64_t)*bits->at << (56 - bits->count);
        bits->count += 8;
        bits->at += *bits->at == 0xFF ? 2 : 1; /* with the zero behind it */
    }
}

static inline void ensure(Bits *bits)
{
    if (bits->count < NEEDED) refill(bits);
}

/* Takes bits that `ensure` read, or zeros behind the end. */
static inline uint32_t take(Bits *bits, int count)
{
    const uint32_t value = (uint32_t)(bits->waiting >> 32 >> (32 - count));
    bits->waiting <<= count;
    bits->count -= count;
    return value;
}

static int longer_symbol(Bits *bits, const Table *table)
{
    for (int length = QUICK + 1; length <= LONGEST_CODE; length++) {
        const int32_t code = (int32_t)(bits->waiting >> (64 - length));
        if (code > table->largest[length]) continue;
        take(bits, length);
        return table->symbols[code + table->first[length]];
    }
    take(bits, LONGEST_CODE + 1); /* none, which libjpeg takes for symbol 0 */
    return 0;
}

static inline int next_symbol(Bits *bits, const Table *table)
{
    ensure(bits);
    const uint16_t found = table->quick[bits->waiting >> (64 - QUICK)];
    if (!found) return longer_symbol(bits, table);
    take(bits, found >> 8);
    return found & 0xFF;
}

/* A number of 1 to 15 bits behind its symbol (EXTEND of F.2.2.1). */
static inline uint32_t next_value(Bits *bits, int size)
{
    const uint32_t negative = (uint32_t)(~bits->waiting >> 63);
    return take(bits, size) - ((0 - negative) & ((1u << size) - 1));
}

static inline uint32_t next_bit(Bits *bits)
{
    ensure(bits);
    return take(bits, 1);
}

static inline void set(int16_t *block, int place, uint32_t value)
{
    block[place < BLOCK ? place : BLOCK - 1] = (int16_t)value; /* of damaged data, as libjpeg does */
}

static inline void next_dc(Bits *bits, Component *own, int low, int16_t *block)
{
    const int size = next_symbol(bits, &own->dc) & 15;
    if (size) own->before += next_value(bits, size);
    set(block, 0, own->before << low);
}

/* A block of a sequential scan (F.2.2). */
static void sequential_block(Bits *bits, Component *own, int16_t *block)
{
    next_dc(bits, own, 0, block);
    for (int place = 1; place < BLOCK; place++) {
        const int symbol = next_symbol(bits, &own->ac), run = symbol >> 4, size = symbol & 15;
        if (!size && run < ZRL_RUN) return;
        place += run;
        if (size) set(block, place, next_value(bits, size));
    }
}

/* Starts a run of blocks, this one as well, in which nothing new is (G.1.2.2). */
static inline void start_run(Bits *bits, Scan *scan, int size)
{
    ensure(bits);
    scan->run = (1u << size) + take(bits, size);
}

/* A block of the first scan of some AC coefficients (G.1.2.2). */
static void first_ac_block(Bits *bits, Scan *scan, const Table *table, int16_t *block)
{
    for (int place = scan->first; place <= scan->last && !scan->run; place++) {
        const int symbol = next_symbol(bits, table), run = symbol >> 4, size = symbol & 15;
        place += run;
        if (size) set(block, place, next_value(bits, size) << scan->low);
        else if (run < ZRL_RUN) start_run(bits, scan, run);
    }
    if (scan->run) scan->run--;
}

/* Adds a bit to a coefficient that is not 0, if it is not there yet. */
static inline void correct(Bits *bits, int low, int16_t *coefficient)
{
    const int unit = 1 << low;
    if (next_bit(bits) && !(*coefficient & unit))
        *coefficient = (int16_t)(*coefficient + (*coefficient < 0 ? -unit : unit));
}

/* A block of a scan that adds a bit to some AC coefficients, and new ones (G.1.2.3, figure G.7). */
static void refine_ac_block(Bits *bits, Scan *scan, const Table *table, int16_t *block)
{
    int place = scan->first;
    for (; place <= scan->last && !scan->run; place++) {
        const int symbol = next_symbol(bits, table), is_new = (symbol & 15) > 0;
        int run = symbol >> 4;
        if (!is_new && run < ZRL_RUN) {
            start_run(bits, scan, run);
            break;
        }
        const uint32_t unit = 1u << scan->low, value = !is_new ? 0 : next_bit(bits) ? unit : 0 - unit;
        for (; place <= scan->last; place++) {
            if (block[place]) correct(bits, scan->low, block + place);
            else if (run-- == 0) break;
        }
        if (is_new) set(block, place, value);
    }
    if (!scan->run) return;
    for (; place <= scan->last; place++)
        if (block[place]) correct(bits, scan->low, block + place);
    scan->run--;
}

static void decode_block(Bits *bits, Scan *scan, Component *own, int16_t *block)
{
    if (!scan->progressive) sequential_block(bits, own, block);
    else if (!scan->first && !scan->high) next_dc(bits, own, scan->low, block);
    else if (!scan->first) block[0] = (int16_t)(block[0] | (int)next_bit(bits) << scan->low);
    else if (!scan->high) first_ac_block(bits, scan, &own->ac, block);
    else refine_ac_block(bits, scan, &own->ac, block);
}

static void decode_mcu(Bits *bits, Scan *scan, Py_ssize_t row, Py_ssize_t column)
{
    for (Component *own = scan->components; own < scan->components + scan->count; own++)
        for (int y = 0; y < own->down; y++) {
            const Py_ssize_t left = own->start + (row * own->down + y) * own->stride + column * own->across;
            for (int x = 0; x < own->across; x++)
                decode_block(bits, scan, own, scan->coefficients + (left + x) * BLOCK);
        }
}

/* Drops all bits up to the next marker. */
static void find_marker(Bits *bits)
{
    do {
        bits->waiting = 0;
        bits->count = 0;
        refill(bits);
    } while (!bits->marker);
    bits->waiting = 0;
    bits->count = 0;
}

/* Passes the restart marker of a number. Of others, those soon to come stay ahead, so that the interval is empty; data
   behind those just gone are passed over; and all else is taken for the right one (libjpeg, jpeg_resync_to_restart). */
static void restart(Bits *bits, Scan *scan, int number)
{
    int ahead;
    do {
        find_marker(bits);
        ahead = bits->marker == END ? 1 : (bits->marker - FIRST_RESTART - number) & 7;
        if (ahead != 1 && ahead != 2) bits->marker = NO_MARKER;
    } while (ahead == 6 || ahead == 7);
    for (int place = 0; place < scan->count; place++) scan->components[place].before = 0;
    scan->run = 0;
}

static void decode_all(Bits *bits, Scan *scan)
{
    int number = 0, lacks_data = 0; /* number of the next restart marker */
    Py_ssize_t left = scan->interval;
    for (Py_ssize_t row = 0; row < scan->rows; row++)
        for (Py_ssize_t column = 0; column < scan->columns; column++, left--) {
            if (scan->interval && !left) {
                restart(bits, scan, number);
                number = (number + 1) & 7;
                left = scan->interval;
                if (!bits->marker) lacks_data = 0;
            }
            if (lacks_data && (!scan->interval || bits->marker == END)) return;
            if (lacks_data) continue;
            decode_mcu(bits, scan, row, column);
            lacks_data = bits->count < 0;
        }
}

/* Reads where a component's blocks are; false unless those of all MCUs are among those that there are. */
static int place_blocks(Component *own, const Scan *scan, const int64_t *layout, int64_t blocks)
{
    const int64_t start = layout[0], stride = layout[1], across = layout[2], down = layout[3];
    if (start < 0 || start > blocks || stride < 0 || stride > MOST_STRIDE) return 0;
    if (across < 1 || across > MOST_FACTOR || down < 1 || down > MOST_FACTOR) return 0;
    own->start = (Py_ssize_t)start;
    own->stride = (Py_ssize_t)stride;
    own->across = (int)across;
    own->down = (int)down;
    return scan->columns * across <= stride && start + scan->rows * down * stride <= blocks;
}

/* Reads a scan's components and tables; whether all fit each other, so that no loop leaves a buffer. */
static int fit(Scan *scan, const Py_buffer *layout, const Py_buffer *tables, int64_t blocks)
{
    const int64_t *const places = layout->buf;
    const uint8_t *const entries = tables->buf;
    const Py_ssize_t row = 4 * (Py_ssize_t)sizeof *places, count = layout->len / row;
    if (count < 1 || count > COMPONENTS || layout->len != count * row || tables->len != count * 2 * TABLE) return 0;
    if (scan->first < 0 || scan->first > scan->last || scan->last >= BLOCK) return 0;
    if (scan->low < 0 || scan->low > HIGHEST_BIT || scan->interval < 0) return 0;
    if (scan->rows < 1 || scan->rows > MOST_SIDE || scan->columns < 1 || scan->columns > MOST_SIDE) return 0;
    scan->count = (int)count;
    for (Py_ssize_t place = 0; place < count; place++) {
        Component *const own = scan->components + place;
        const uint8_t *const entry = entries + place * 2 * TABLE;
        if (!place_blocks(own, scan, places + 4 * place, blocks)) return 0;
        if (!make_table(&own->dc, entry) || !make_table(&own->ac, entry + TABLE)) return 0;
    }
    return 1;
}

/* Whether all bytes were taken, to the last one. */
static int are_used_up(Bits *bits)
{
    refill(bits);
    return bits->marker == END && bits->at == bits->end && bits->count >= 0 && bits->count < 8;
}

PyObject *decode_scan(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* data, layout, tables, coefficients */
    Scan scan = {0};
    if (!PyArg_ParseTuple(arguments, "y*(iiiii)(nnn)y*y*w*", buffers, &scan.progressive, &scan.first, &scan.last,
                          &scan.high, &scan.low, &scan.rows, &scan.columns, &scan.interval, buffers + 1, buffers + 2,
                          buffers + 3))
        return NULL;
    Bits bits = {buffers[0].buf, (const uint8_t *)buffers[0].buf + buffers[0].len, 0, 0, NO_MARKER};
    const Py_ssize_t block = BLOCK * (Py_ssize_t)sizeof *scan.coefficients;
    scan.coefficients = buffers[3].buf;
    const int fits = buffers[3].len % block == 0 && fit(&scan, buffers + 1, buffers + 2, buffers[3].len / block);
    PyThreadState *others = PyEval_SaveThread();
    if (fits) decode_all(&bits, &scan);
    const int used_up = fits && are_used_up(&bits);
    PyEval_RestoreThread(others);
    PyObject *none = ended(fits, buffers, 4);
    return none ? PyBool_FromLong(used_up) : NULL;
}
