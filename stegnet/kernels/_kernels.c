/* Searches, orders, costs and steps of samples, and rows of PNGs. _kernels.pyi says more of the arguments. As all
   sources of this module, it has an oracle in tests/kernels, which gives the same bits, slower: numpy_kernels.py.

   Every buffer's size is checked against the layout before a loop sees it. Python's limited API, so that one build
   serves all versions from 3.11 on. */

#include "_kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#define UNROLLED _Pragma("GCC unroll 32") /* the loop around is then over vectors */
#else
#define UNROLLED
#endif

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch((const void *)(address))
#else
#define PREFETCH(address) ((void)(address))
#endif

enum { AHEAD = 128, RUNS_AHEAD = 16 }; /* places, and runs: a run of data samples is anywhere in memory */
enum { LANES = 32, DIGITS = 3, HEIGHT = 6, WIDTH = 17, STATES = 729, UNREACHABLE = 40000, PRUNED_ABOVE = 30000 };

/* A code, and the state before each one: by +1 and by -1 in each column. */
typedef struct {
    int height, states;
    int32_t before_up[WIDTH][STATES], before_down[WIDTH][STATES];
} Code;

/* Arrays of all lanes, as in _kernels.pyi: (rows, lanes) and (length, lanes). */
typedef struct {
    const uint8_t *missing;
    const uint16_t *up, *down;
    int8_t *changes;
    const int64_t *starts;
    Py_ssize_t rows, length, lanes;
} Lanes;

/* Costs and decisions (0, 1 for +1, 2 for -1) are by state, then by lane: 8, 16 or 32, as many as are searched.
   Decisions of four samples share a byte in the end: the system takes longer to clear new memory than they to fill it. */
typedef struct {
    uint16_t up[LANES], down[LANES], costs[STATES * LANES], other[STATES * LANES];
    uint8_t latest[4][STATES * LANES], decisions[];
} Work;

/* Fills the sums of each state and some times a column, digit by digit modulo 3. */
static void add_to_all(int32_t *sums, int32_t states, int32_t column, int factor)
{
    sums[0] = 0;
    for (int32_t power = 1; power < states; power *= DIGITS)
        for (int digit = DIGITS - 1; digit >= 0; digit--) {
            const int32_t sum = (digit + factor * (column / power)) % DIGITS * power;
            for (int32_t state = 0; state < power; state++) sums[digit * power + state] = sums[state] + sum;
        }
}

static void fill(Code *code, int height, const uint16_t *columns, Py_ssize_t count)
{
    code->height = height;
    code->states = 1;
    for (int digit = 0; digit < height; digit++) code->states *= DIGITS;
    for (Py_ssize_t sample = 0; sample < count; sample++) {
        add_to_all(code->before_up[sample], code->states, columns[sample], 2);
        add_to_all(code->before_down[sample], code->states, columns[sample], 1);
    }
}

static inline void through_lanes(
    const int lanes, const Code *code, int sample, const uint16_t *restrict before, uint16_t *restrict after,
    const uint16_t *restrict up, const uint16_t *restrict down, uint8_t *restrict decisions)
{
    for (int state = 0; state < code->states; state++) {
        const uint16_t *kept = before + state * lanes, *raised = before + code->before_up[sample][state] * lanes,
                       *lowered = before + code->before_down[sample][state] * lanes;
        for (int lane = 0; lane < lanes; lane++) {
            uint16_t least = kept[lane], by_up = raised[lane] + up[lane], by_down = lowered[lane] + down[lane];
            uint8_t decision = 0;
            if (by_up < least) { least = by_up; decision = 1; }
            if (by_down < least) { least = by_down; decision = 2; }
            after[state * lanes + lane] = least;
            decisions[state * lanes + lane] = decision;
        }
    }
}

/* Costs of all states after a sample, and the decision that led to each. */
WIDEST static void through(
    int lanes, const Code *code, int sample, const uint16_t *before, uint16_t *after, const uint16_t *up,
    const uint16_t *down, uint8_t *decisions)
{
    if (lanes == 8) through_lanes(8, code, sample, before, after, up, down, decisions);
    if (lanes == 16) through_lanes(16, code, sample, before, after, up, down, decisions);
    if (lanes == LANES) through_lanes(LANES, code, sample, before, after, up, down, decisions);
}

WIDEST static void pack(const uint8_t (*latest)[STATES * LANES], uint8_t *restrict decisions, int count)
{
    for (int place = 0; place < count; place++)
        decisions[place] = (uint8_t)(latest[0][place] | latest[1][place] << 2 | latest[2][place] << 4 | latest[3][place] << 6);
}

static inline void next_row_lanes(
    const int lanes, int states, const uint16_t *restrict before, uint16_t *restrict after,
    const uint8_t *restrict missing)
{
    uint16_t least[LANES], raised[LANES], lowered[LANES]; /* masks, of lanes that must add 1, and 2 */
    for (int lane = 0; lane < lanes; lane++) {
        least[lane] = UINT16_MAX;
        raised[lane] = missing[lane] == 1 ? UINT16_MAX : 0;
        lowered[lane] = missing[lane] == 2 ? UINT16_MAX : 0;
    }
    /* Pointers, since compilers don't vectorise places that are ints, which wrap around by Python's -fwrapv. */
    uint16_t *const kept_end = after + states / DIGITS * lanes, *const end = after + states * lanes;
    const uint16_t *digits = before;
    for (uint16_t *to = after; to < kept_end; to += lanes, digits += DIGITS * lanes)
        for (int lane = 0; lane < lanes; lane++) {
            const uint16_t changed = (digits[lanes + lane] & raised[lane]) | (digits[2 * lanes + lane] & lowered[lane]);
            const uint16_t cost = (digits[lane] & ~(raised[lane] | lowered[lane])) | changed;
            to[lane] = cost;
            least[lane] = cost < least[lane] ? cost : least[lane];
        }
    for (uint16_t *to = after; to < kept_end; to += lanes)
        for (int lane = 0; lane < lanes; lane++) {
            const uint16_t cost = to[lane] - least[lane];
            to[lane] = cost > PRUNED_ABOVE ? UNREACHABLE : cost;
        }
    for (uint16_t *to = kept_end; to < end; to++) *to = UNREACHABLE;
}

/* Keeps the states whose lowest digit is what the row must add, and shifts them by that digit. */
WIDEST static void next_row(int lanes, int states, const uint16_t *before, uint16_t *after, const uint8_t *missing)
{
    if (lanes == 8) next_row_lanes(8, states, before, after, missing);
    if (lanes == 16) next_row_lanes(16, states, before, after, missing);
    if (lanes == LANES) next_row_lanes(LANES, states, before, after, missing);
}

static int lanes_for(Py_ssize_t count) { return count <= 8 ? 8 : count <= 16 ? 16 : LANES; }

/* Viterbi search of up to LANES lanes, every step-th from the first on; writes their changes. */
static void search_some(const Code *code, const Lanes *all, Py_ssize_t first, Py_ssize_t step, int count, Work *work)
{
    const int lanes = lanes_for(count);
    uint16_t *costs = work->costs, *other = work->other, *swap;
    uint8_t missing[LANES] = {0};
    int32_t at[LANES] = {0};
    memset(work->up, 0, sizeof work->up);
    memset(work->down, 0, sizeof work->down);
    for (int place = 0; place < code->states * lanes; place++) costs[place] = place < lanes ? 0 : UNREACHABLE;
    for (Py_ssize_t row = 0; row < all->rows; row++) {
        for (int64_t sum = all->starts[row]; sum < all->starts[row + 1]; sum++) {
            const Py_ssize_t place = sum * all->lanes + first;
            for (int lane = 0; lane < count; lane++) {
                work->up[lane] = all->up[place + lane * step];
                work->down[lane] = all->down[place + lane * step];
            }
            through(lanes, code, (int)(sum - all->starts[row]), costs, other, work->up, work->down,
                    work->latest[sum % 4]);
            if (sum % 4 == 3 || sum == all->length - 1)
                pack(work->latest, work->decisions + sum / 4 * code->states * lanes, code->states * lanes);
            swap = costs, costs = other, other = swap;
        }
        for (int lane = 0; lane < count; lane++) missing[lane] = all->missing[row * all->lanes + first + lane * step];
        next_row(lanes, code->states, costs, other, missing);
        swap = costs, costs = other, other = swap;
    }
    for (int lane = 0; lane < count; lane++)
        for (int32_t state = 1; state < code->states / DIGITS; state++)
            if (costs[state * lanes + lane] < costs[at[lane] * lanes + lane]) at[lane] = state;
    for (Py_ssize_t row = all->rows - 1; row >= 0; row--) {
        for (int lane = 0; lane < count; lane++)
            at[lane] = DIGITS * at[lane] + all->missing[row * all->lanes + first + lane * step];
        for (int64_t sum = all->starts[row + 1] - 1; sum >= all->starts[row]; sum--) {
            const int sample = (int)(sum - all->starts[row]);
            for (int lane = 0; lane < count; lane++) {
                const uint8_t four = work->decisions[(sum / 4 * code->states + at[lane]) * lanes + lane];
                const int decision = four >> sum % 4 * 2 & 3;
                all->changes[sum * all->lanes + first + lane * step] = decision == 1 ? 1 : decision == 2 ? -1 : 0;
                if (decision) at[lane] = (decision == 1 ? code->before_up : code->before_down)[sample][at[lane]];
            }
        }
    }
}

/* Whether the buffers fit each other, so that no loop leaves one. */
static int fit(const Lanes *all, const Py_buffer *buffers, Py_ssize_t columns, int states, Py_ssize_t first,
               Py_ssize_t step)
{
    const Py_ssize_t samples = buffers[3].len;
    int fits = all->rows > 0 && all->lanes > 0 && first >= 0 && step > 0 && columns > 0 && columns <= WIDTH &&
               buffers[0].len == all->rows * all->lanes && samples == all->length * all->lanes &&
               buffers[1].len == 2 * samples && buffers[2].len == 2 * samples && all->starts[0] == 0;
    for (Py_ssize_t row = 0; fits && row < all->rows; row++) {
        const int64_t width = all->starts[row + 1] - all->starts[row];
        fits = width >= 0 && width <= columns;
    }
    for (Py_ssize_t place = 0; fits && place < buffers[0].len; place++) fits = all->missing[place] < DIGITS;
    for (Py_ssize_t column = 0; fits && column < columns; column++)
        fits = ((const uint16_t *)buffers[5].buf)[column] < states;
    return fits;
}

static PyObject *search(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[6];
    int height, done = 0;
    Py_ssize_t first, step;
    if (!PyArg_ParseTuple(arguments, "y*y*y*w*y*y*inn", buffers, buffers + 1, buffers + 2, buffers + 3, buffers + 4,
                          buffers + 5, &height, &first, &step))
        return NULL;
    Lanes all = {buffers[0].buf, buffers[1].buf, buffers[2].buf, buffers[3].buf, buffers[4].buf, 0, 0, 0};
    Code *code = malloc(sizeof(Code));
    Work *work = NULL;
    all.rows = buffers[4].len / (Py_ssize_t)sizeof(int64_t) - 1;
    const Py_ssize_t columns = buffers[5].len / 2;
    int states = 1;
    for (int digit = 0; digit < height && digit < HEIGHT; digit++) states *= DIGITS;
    if (all.rows > 0) {
        all.length = (Py_ssize_t)all.starts[all.rows];
        all.lanes = buffers[0].len / all.rows;
    }
    const int lanes = step > 0 ? lanes_for((all.lanes - first + step - 1) / step) : LANES;
    if (height < 1 || height > HEIGHT || !fit(&all, buffers, columns, states, first, step))
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
    else if (!code || !(work = malloc(sizeof(Work) + (size_t)(all.length / 4 + 1) * (size_t)(states * lanes))))
        PyErr_NoMemory();
    else {
        PyThreadState *others = PyEval_SaveThread();
        fill(code, height, buffers[5].buf, columns);
        for (Py_ssize_t lane = first; lane < all.lanes; lane += LANES * step) {
            const Py_ssize_t left = (all.lanes - lane + step - 1) / step;
            search_some(code, &all, lane, step, left < LANES ? (int)left : LANES, work);
        }
        PyEval_RestoreThread(others);
        done = 1;
    }
    free(work);
    free(code);
    for (int number = 0; number < 6; number++) PyBuffer_Release(buffers + number);
    if (!done) return NULL;
    Py_RETURN_NONE;
}

WIDEST static void add_column(uint16_t *restrict sums, const uint8_t *restrict values, int digit, Py_ssize_t lanes)
{
    for (Py_ssize_t lane = 0; lane < lanes; lane++) sums[lane] = (uint16_t)(sums[lane] + digit * values[lane]);
}

WIDEST static void end_row(uint16_t *restrict sums, uint8_t *restrict trits, Py_ssize_t lanes)
{
    for (Py_ssize_t lane = 0; lane < lanes; lane++) trits[lane] = (uint8_t)(sums[lane] % 3);
    memset(sums, 0, 2 * (size_t)lanes);
}

/* Sums of the members of each sum, side by side, modulo 3. */
WIDEST static void add_members(const uint8_t *restrict members, Py_ssize_t merged, uint32_t *restrict totals,
                               uint8_t *restrict trits, Py_ssize_t lanes)
{
    memset(totals, 0, sizeof *totals * (size_t)lanes);
    for (Py_ssize_t member = 0; member < merged; member++, members += lanes)
        for (Py_ssize_t lane = 0; lane < lanes; lane++) totals[lane] += members[lane];
    for (Py_ssize_t lane = 0; lane < lanes; lane++) trits[lane] = (uint8_t)(totals[lane] % 3);
}

static PyObject *syndrome(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* values, starts, columns, trits */
    Py_ssize_t merged;
    int height;
    if (!PyArg_ParseTuple(arguments, "y*ny*y*iw*", buffers, &merged, buffers + 1, buffers + 2, &height, buffers + 3))
        return NULL;
    const uint8_t *const values = buffers[0].buf;
    const int64_t *const starts = buffers[1].buf;
    const uint16_t *const columns = buffers[2].buf;
    const Py_ssize_t rows = buffers[1].len / 8 - 1, width = buffers[2].len / 2;
    const Py_ssize_t lanes = rows > 0 ? buffers[3].len / rows : 0;
    int fits = height > 0 && height <= HEIGHT && rows > 0 && lanes > 0 && buffers[3].len == rows * lanes &&
               width <= WIDTH && starts[0] == 0 && merged > 0 && merged < 1 << 24 && buffers[0].len % merged == 0 &&
               buffers[0].len / merged == starts[rows] * lanes;
    for (Py_ssize_t row = 0; fits && row < rows; row++)
        fits = starts[row + 1] >= starts[row] && starts[row + 1] - starts[row] <= width;
    /* Of as many rows as a column has digits; the values of WIDTH columns add up to less than 2^16. */
    uint16_t *const sums = fits ? calloc((size_t)(height * lanes), 2) : NULL;
    uint32_t *const totals = fits ? malloc(5 * (size_t)lanes) : NULL;
    uint8_t *const trits = totals ? (uint8_t *)(totals + lanes) : NULL;
    if (sums && totals) {
        PyThreadState *others = PyEval_SaveThread();
        for (Py_ssize_t row = 0; row < rows; row++) {
            for (int64_t at = starts[row]; at < starts[row + 1]; at++) {
                const uint8_t *const members = values + at * merged * lanes;
                if (merged > 1) add_members(members, merged, totals, trits, lanes);
                for (int digit = 0, rest = columns[at - starts[row]]; digit < height; digit++, rest /= DIGITS)
                    if (rest % DIGITS)
                        add_column(sums + (row + digit) % height * lanes, merged > 1 ? trits : members, rest % DIGITS,
                                   lanes);
            }
            end_row(sums + row % height * lanes, (uint8_t *)buffers[3].buf + row * lanes, lanes);
        }
        PyEval_RestoreThread(others);
    }
    const int lacking = fits && !(sums && totals);
    free(sums);
    free(totals);
    PyObject *done = ended(fits, buffers, 4);
    return lacking ? PyErr_NoMemory() : done;
}

PyObject *ended(int fits, Py_buffer *buffers, int count)
{
    for (int number = 0; number < count; number++) PyBuffer_Release(buffers + number);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

enum { RUN = 32, STRIDE = 31, SALT = 15, WAYS = 3 * (STRIDE - 1) }; /* WAYS that colours follow */
#define SAMPLE_OF(ordinal) ((ordinal) + ((ordinal) + SALT) / (STRIDE - 1))

static PyObject *numbers(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "y*nw*", buffers, &first, buffers + 1)) return NULL;
    const Py_ssize_t count = buffers[1].len / 4;
    const int64_t *const runs = buffers[0].buf;
    int32_t *const out = buffers[1].buf;
    const int fits = first >= 0 && buffers[0].len / 8 >= (first + count + RUN - 1) / RUN;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count;) {
        const Py_ssize_t run = (first + place) / RUN, end = (run + 1) * RUN - first;
        const int32_t ordinal = (int32_t)(runs[run] * RUN - (run * RUN - first)); /* less its place */
        for (; place < end && place < count; place++) out[place] = SAMPLE_OF(ordinal + (int32_t)place);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 2);
}

/* Whether so many places from the first on are of runs that a buffer holds. */
static int are_of_runs(const Py_buffer *runs, Py_ssize_t first, Py_ssize_t count)
{
    return first >= 0 && count >= 0 && count <= PY_SSIZE_T_MAX - first - RUN &&
           runs->len / 8 >= (first + count + RUN - 1) / RUN;
}

/* By a data sample's number modulo WAYS: of the RUN from it on, the first green one from each on; RUN: none. */
typedef uint8_t GreensAhead[WAYS][RUN + 1];

static void fill_ahead(GreensAhead ahead, int channels)
{
    for (int way = 0; way < WAYS; way++)
        for (int next = 0, to = 0; next <= RUN; next++) {
            for (; to < RUN && (to < next || SAMPLE_OF(way + to) % channels != channels / 2); to++) continue;
            ahead[way][next] = (uint8_t)to;
        }
}

static PyObject *greens(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    Py_ssize_t first, count, found = 0;
    int channels;
    if (!PyArg_ParseTuple(arguments, "y*nniw*", buffers, &first, &count, &channels, buffers + 1)) return NULL;
    const int64_t *const runs = buffers[0].buf;
    int32_t *const out = buffers[1].buf;
    int fits = (channels == 1 || channels == 3) && are_of_runs(buffers, first, count) && buffers[1].len / 4 >= count;
    PyThreadState *others = PyEval_SaveThread();
    GreensAhead ahead;
    if (fits) fill_ahead(ahead, channels);
    for (Py_ssize_t place = first; fits && place < first + count;) {
        const Py_ssize_t run = place / RUN, end = (run + 1) * RUN < first + count ? (run + 1) * RUN : first + count;
        const int64_t ordinal = runs[run] * RUN + place % RUN;
        fits = runs[run] >= 0 && runs[run] < INT32_MAX / STRIDE;
        if (!fits) break;
        const uint8_t *const next = ahead[ordinal % WAYS];
        for (int to = next[0]; to < end - place; to = next[to + 1]) out[found++] = (int32_t)SAMPLE_OF(ordinal + to);
        place = end;
    }
    PyEval_RestoreThread(others);
    PyObject *none = ended(fits, buffers, 2);
    return none ? PyLong_FromSsize_t(found) : NULL;
}

static PyObject *mark(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    Py_ssize_t first, count, samples;
    if (!PyArg_ParseTuple(arguments, "y*nnnw*", buffers, &first, &count, &samples, buffers + 1)) return NULL;
    const int64_t *const runs = buffers[0].buf;
    uint8_t *const marks = buffers[1].buf;
    int fits = are_of_runs(buffers, first, count) && samples >= 0 && buffers[1].len == samples / 8 + (samples % 8 > 0);
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = first; fits && place < first + count;) {
        const Py_ssize_t run = place / RUN, end = (run + 1) * RUN < first + count ? (run + 1) * RUN : first + count;
        const int64_t ordinal = runs[run] * RUN + place % RUN, start = SAMPLE_OF(ordinal);
        const int64_t last = SAMPLE_OF(ordinal + (end - place) - 1), salt = start / STRIDE * STRIDE + SALT;
        fits = runs[run] >= 0 && runs[run] < INT32_MAX / STRIDE && last < samples;
        if (!fits) break;
        if (run + RUNS_AHEAD < buffers[0].len / 8)
            PREFETCH((uintptr_t)marks + (uintptr_t)SAMPLE_OF(runs[run + RUNS_AHEAD] * RUN) / 8);
        uint64_t bits = ((uint64_t)1 << (last - start + 1)) - 1; /* at most two of them are salt samples */
        if (salt > start) bits &= ~((uint64_t)1 << (salt - start));
        bits &= ~((uint64_t)1 << (salt + STRIDE - start));
        bits <<= start % 8;
        for (uint8_t *byte = marks + start / 8; bits; byte++, bits >>= 8) *byte |= (uint8_t)bits;
        place = end;
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 2);
}

/* Of costs: how far they are shifted, and the highest one then; from which on they cost most. */
typedef struct {
    int shift, high, wet, most;
} Finish;

WIDEST static void finish_each(
    const uint8_t *restrict samples, const uint16_t *restrict costs, const uint16_t *restrict ties, uint16_t mask,
    uint8_t edge, const Finish *finish, uint16_t *restrict out, Py_ssize_t count)
{
    const int shift = finish->shift;
    const uint16_t high = (uint16_t)finish->high, wet = (uint16_t)finish->wet, most = (uint16_t)finish->most;
    for (Py_ssize_t place = 0; place < count; place++) {
        const uint16_t cost = costs[place] >> shift, last = ties[place] >> 13 ^ mask;
        const uint16_t finished = (uint16_t)((cost < high ? cost : high) + last);
        out[place] = samples[place] == edge || costs[place] >= wet ? most : finished;
    }
}

static PyObject *final_costs(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* samples, costs, ties, out */
    Finish finish;
    int mirror, edge, together;
    if (!PyArg_ParseTuple(arguments, "y*y*y*iiiiiiiw*", buffers, buffers + 1, buffers + 2, &mirror, &edge,
                          &finish.shift, &finish.high, &finish.wet, &finish.most, &together, buffers + 3))
        return NULL;
    const uint8_t *const samples = buffers[0].buf;
    const uint16_t *const costs = buffers[1].buf, *const ties = buffers[2].buf;
    uint16_t *const out = buffers[3].buf;
    const Py_ssize_t size = buffers[0].len, count = buffers[3].len / 2;
    const int fits = together > 0 && finish.shift >= 0 && finish.shift < 16 && size == count * together && buffers[2].len == 2 * size &&
                     (buffers[1].len == 2 * size || buffers[1].len == 2 * count);
    const int one = buffers[1].len != 2 * size; /* cost of all samples of an item */
    const uint16_t mask = mirror ? 7 : 0;
    PyThreadState *others = PyEval_SaveThread();
    if (fits && together == 1)
        finish_each(samples, costs, ties, mask, (uint8_t)edge, &finish, out, count);
    for (Py_ssize_t place = 0; fits && together > 1 && place < count; place++) {
        uint16_t highest = 0;
        for (Py_ssize_t sample = place * together; sample < (place + 1) * together; sample++) {
            uint16_t cost;
            finish_each(samples + sample, costs + (one ? place : sample), ties + sample, mask, (uint8_t)edge, &finish,
                        &cost, 1);
            highest = cost > highest ? cost : highest;
        }
        out[place] = highest;
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

static PyObject *gather(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3];
    if (!PyArg_ParseTuple(arguments, "y*y*w*", buffers, buffers + 1, buffers + 2)) return NULL;
    const uint8_t *const samples = buffers[0].buf;
    const int32_t *const at = buffers[1].buf;
    uint8_t *const out = buffers[2].buf;
    const Py_ssize_t count = buffers[1].len / 4, size = buffers[0].len;
    int fits = buffers[2].len == count;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        if (place + AHEAD < count) PREFETCH((uintptr_t)samples + (uintptr_t)at[place + AHEAD]);
        fits = at[place] >= 0 && at[place] < size;
        if (!fits) break;
        out[place] = samples[at[place]];
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

static int32_t divided(int32_t number, int divisor) /* by 1 and 3 without a division */
{
    return divisor == 1 ? number : divisor == 3 ? number / 3 : number / divisor;
}

/* Costs of steps, of each sample or of so many together, of a picture that is rolled by `shift` samples; `dear` are
   those beside which, so far to each side, a sample is not free. */
typedef struct {
    const uint16_t *up, *down;
    const uint8_t *unbound; /* a bit for each sample that is free, the lowest of a byte first; NULL: all are */
    Py_ssize_t size, items, shift, beside;
    int together, dear;
} Prices;

static inline int is_unbound(const uint8_t *unbound, Py_ssize_t sample)
{
    return unbound[sample / 8] >> (sample % 8) & 1;
}

/* Takes the costs of samples, whose number is known, and marks of those that are free; whether all fit each other. */
static int set_costs(Prices *prices, const Py_buffer *up, const Py_buffer *down, const Py_buffer *unbound)
{
    prices->up = up->buf, prices->down = down->buf, prices->items = up->len / 2;
    prices->unbound = unbound->len ? unbound->buf : NULL;
    return prices->together > 0 && prices->size == prices->items * prices->together && prices->beside >= 0 &&
           prices->shift >= 0 && prices->shift < prices->size && prices->shift % prices->together == 0 &&
           up->len == 2 * prices->items && down->len == 2 * prices->items &&
           (!prices->unbound || unbound->len == (prices->size + 7) / 8);
}

static inline Py_ssize_t item_of(const Prices *prices, int32_t sample)
{
    return divided(sample, prices->together) - prices->shift / prices->together +
           (sample < prices->shift ? prices->items : 0);
}

static inline void price_ahead(const Prices *prices, int32_t sample)
{
    const uintptr_t item = (uintptr_t)item_of(prices, sample);
    PREFETCH((uintptr_t)prices->up + 2 * item);
    PREFETCH((uintptr_t)prices->down + 2 * item);
    PREFETCH((uintptr_t)prices->unbound + (uintptr_t)sample / 8);
}

/* Whether a sample and those beside it are some; writes its costs. */
static inline int priced(const Prices *prices, int32_t sample, uint16_t *up, uint16_t *down)
{
    if (sample < prices->beside || sample >= prices->size - prices->beside) return 0;
    const Py_ssize_t item = item_of(prices, sample);
    const uint8_t *const unbound = prices->unbound;
    const int stuck =
        unbound && !(is_unbound(unbound, sample - prices->beside) && is_unbound(unbound, sample + prices->beside));
    *up = stuck ? (uint16_t)prices->dear : prices->up[item];
    *down = stuck ? (uint16_t)prices->dear : prices->down[item];
    return 1;
}

static PyObject *price(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[6]; /* numbers, up, down, free, out_up, out_down */
    Prices prices = {0};
    if (!PyArg_ParseTuple(arguments, "y*ny*y*y*niinw*w*", buffers, &prices.size, buffers + 1, buffers + 2, buffers + 3,
                          &prices.beside, &prices.dear, &prices.together, &prices.shift, buffers + 4, buffers + 5))
        return NULL;
    const int32_t *const at = buffers[0].buf;
    uint16_t *const up = buffers[4].buf, *const down = buffers[5].buf;
    const Py_ssize_t count = buffers[0].len / 4;
    int fits = set_costs(&prices, buffers + 1, buffers + 2, buffers + 3) && buffers[4].len == 2 * count &&
               buffers[5].len == 2 * count;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        if (place + AHEAD < count) price_ahead(&prices, at[place + AHEAD]);
        fits = priced(&prices, at[place], up + place, down + place);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 6);
}

static PyObject *merge(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[9]; /* samples, numbers, ties, up, down, free, values, raised, lowered */
    Py_ssize_t merged, lanes;
    Prices prices = {0};
    if (!PyArg_ParseTuple(arguments, "y*y*nny*y*y*y*niinw*w*w*", buffers, buffers + 1, &merged, &lanes, buffers + 2,
                          buffers + 3, buffers + 4, buffers + 5, &prices.beside, &prices.dear, &prices.together,
                          &prices.shift, buffers + 6, buffers + 7, buffers + 8))
        return NULL;
    const uint8_t *const samples = buffers[0].buf;
    const int32_t *const at = buffers[1].buf;
    const uint16_t *const ties = buffers[2].buf;
    uint8_t *const values = buffers[6].buf;
    uint64_t *const raised = buffers[7].buf, *const lowered = buffers[8].buf;
    const Py_ssize_t sums = buffers[6].len, count = buffers[1].len / 4;
    prices.size = buffers[0].len;
    int fits = set_costs(&prices, buffers + 3, buffers + 4, buffers + 5) && buffers[2].len == 2 * count &&
               merged > 0 && lanes > 0 && sums % lanes == 0 && count % merged == 0 && count / merged == sums &&
               buffers[7].len == 8 * sums && buffers[8].len == 8 * sums;
    PyThreadState *others = PyEval_SaveThread();
    Py_ssize_t place = 0;
    for (Py_ssize_t first = 0; fits && first < sums; first += lanes)
        for (Py_ssize_t number = 0; fits && number < merged; number++)
            for (Py_ssize_t sum = first; sum < first + lanes; sum++, place++) {
                uint16_t up, down;
                fits = priced(&prices, at[place], &up, &down);
                if (!fits) break;
                if (place + AHEAD < count) {
                    price_ahead(&prices, at[place + AHEAD]);
                    PREFETCH((uintptr_t)samples + (uintptr_t)at[place + AHEAD]);
                }
                const uint64_t rest = (uint64_t)ties[place] << 32 | (uint64_t)number;
                const uint64_t by_up = (uint64_t)up << 48 | rest, by_down = (uint64_t)down << 48 | rest;
                values[sum] = (uint8_t)(((number ? values[sum] : 0) + samples[at[place]]) % 3);
                if (!number || by_up < raised[sum]) raised[sum] = by_up;
                if (!number || by_down < lowered[sum]) lowered[sum] = by_down;
            }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 9);
}

/* Merges consecutive samples, the member `number` of as many sums, side by side. */
WIDEST static void merge_side_by_side(
    const uint8_t *restrict samples, const uint16_t *restrict ties, const uint16_t *restrict up,
    const uint16_t *restrict down, uint64_t number, uint8_t *restrict values, uint64_t *restrict raised,
    uint64_t *restrict lowered, Py_ssize_t count)
{
    for (Py_ssize_t at = 0; at < count; at++) values[at] = (uint8_t)((uint16_t)(values[at] + samples[at]) % 3);
    for (Py_ssize_t at = 0; at < count; at++) {
        const uint64_t rest = (uint64_t)ties[at] << 32 | number;
        const uint64_t by_up = (uint64_t)up[at] << 48 | rest, by_down = (uint64_t)down[at] << 48 | rest;
        raised[at] = by_up < raised[at] ? by_up : raised[at];
        lowered[at] = by_down < lowered[at] ? by_down : lowered[at];
    }
}

static PyObject *merge_runs(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[9]; /* samples, ranks, ties, up, down, free, values, raised, lowered */
    Py_ssize_t first, merged, lanes;
    int channels;
    Prices prices = {0};
    if (!PyArg_ParseTuple(arguments, "y*y*ninny*y*y*y*niiw*w*w*", buffers, buffers + 1, &first, &channels, &merged,
                          &lanes, buffers + 2, buffers + 3, buffers + 4, buffers + 5, &prices.beside, &prices.dear,
                          &prices.together, buffers + 6, buffers + 7, buffers + 8))
        return NULL;
    const uint8_t *const samples = buffers[0].buf;
    const int32_t *const ranks = buffers[1].buf;
    const uint16_t *const ties = buffers[2].buf;
    uint8_t *const values = buffers[6].buf;
    uint64_t *const raised = buffers[7].buf, *const lowered = buffers[8].buf;
    const Py_ssize_t sums = buffers[6].len, runs = buffers[1].len / 4;
    prices.size = buffers[0].len;
    int fits = set_costs(&prices, buffers + 3, buffers + 4, buffers + 5) && (channels == 1 || channels == 3) &&
               merged > 0 && lanes > 0 && sums % lanes == 0 && sums <= INT32_MAX / merged && first >= 0 && runs > 0 &&
               first < INT32_MAX / STRIDE - runs && SAMPLE_OF((first + runs) * RUN - 1) < prices.size &&
               buffers[7].len == 8 * sums && buffers[8].len == 8 * sums;
    const Py_ssize_t start = SAMPLE_OF(first * RUN);
    fits = fits && buffers[2].len == 2 * (SAMPLE_OF((first + runs) * RUN - 1) - start + 1);
    PyThreadState *others = PyEval_SaveThread();
    GreensAhead ahead;
    if (fits) fill_ahead(ahead, channels);
    for (Py_ssize_t run = 0; fits && run < runs; run++) {
        if (ranks[run] < 0) continue;
        const Py_ssize_t ordinal = (first + run) * RUN;
        const uint8_t *const next = ahead[ordinal % WAYS];
        Py_ssize_t row = ranks[run] / (merged * lanes), number = ranks[run] / lanes % merged, lane = ranks[run] % lanes;
        const int plain = channels == 1 && prices.together == 1 && !prices.beside && !prices.unbound;
        for (Py_ssize_t to = 0, count; plain && to < RUN && row * lanes < sums; to += count) {
            const Py_ssize_t sample = SAMPLE_OF(ordinal + to), sum = row * lanes + lane;
            count = STRIDE - 1 - (ordinal + to + SALT) % (STRIDE - 1); /* up to the next salt sample */
            count = count < RUN - to ? count : RUN - to;
            count = count < lanes - lane ? count : lanes - lane;
            merge_side_by_side(samples + sample, ties + (sample - start), prices.up + sample, prices.down + sample,
                               (uint64_t)number, values + sum, raised + sum, lowered + sum, count);
            lane += count;
            if (lane < lanes) continue;
            lane = 0;
            if (++number == merged) number = 0, row++;
        }
        if (plain) continue;
        for (int to = next[0]; fits && to < RUN && row * lanes < sums; to = next[to + 1]) {
            const Py_ssize_t sample = SAMPLE_OF(ordinal + to), sum = row * lanes + lane;
            uint16_t up, down;
            fits = priced(&prices, (int32_t)sample, &up, &down);
            if (!fits) break;
            const uint64_t rest = (uint64_t)ties[sample - start] << 32 | (uint64_t)number;
            const uint64_t by_up = (uint64_t)up << 48 | rest, by_down = (uint64_t)down << 48 | rest;
            values[sum] = (uint8_t)((values[sum] + samples[sample]) % 3);
            if (by_up < raised[sum]) raised[sum] = by_up;
            if (by_down < lowered[sum]) lowered[sum] = by_down;
            if (++lane == lanes) {
                lane = 0;
                if (++number == merged) number = 0, row++;
            }
        }
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 9);
}

static uint16_t cheaper(uint16_t cost, int together)
{
    return cost > together ? (uint16_t)(cost / together) : 1;
}

static PyObject *follow(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[6]; /* numbers, moved, up, down, out_up, out_down */
    Py_ssize_t width, lanes, first, stride;
    int channels, together;
    if (!PyArg_ParseTuple(arguments, "y*iy*ninnny*y*w*w*", buffers, &channels, buffers + 1, &width, &together, &lanes,
                          &first, &stride, buffers + 2, buffers + 3, buffers + 4, buffers + 5))
        return NULL;
    const int32_t *const numbers = buffers[0].buf;
    const int8_t *const moved = buffers[1].buf;
    const uint16_t *const up = buffers[2].buf, *const down = buffers[3].buf;
    uint16_t *const out_up = buffers[4].buf, *const out_down = buffers[5].buf;
    const Py_ssize_t count = buffers[0].len / 4, rim = width > 0 && width <= buffers[1].len / 2 ? width : 0;
    const Py_ssize_t size = rim ? buffers[1].len - 2 * rim : 0;
    int fits = channels > 0 && together > 0 && size > 0 && buffers[0].len == 4 * count;
    fits = fits && lanes > 0 && lanes <= INT32_MAX && first >= 0 && stride > 0 && stride <= INT32_MAX;
    for (int number = 2; number < 6; number++) fits = fits && buffers[number].len == 2 * count;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t row = 0; fits && row < count; row += lanes) {
        const Py_ssize_t end = count - row < lanes ? count : row + lanes;
        for (Py_ssize_t place = first < end - row ? row + first : end; place < end; place += stride) {
            const int32_t pixel = divided(numbers[place], channels);
            fits = numbers[place] >= 0 && pixel < size;
            if (!fits) break;
            const int8_t *const at = moved + pixel + width;
            const int around = at[-width] + at[-1] + at[1] + at[width];
            out_up[place] = around > 0 ? cheaper(up[place], together) : up[place];
            out_down[place] = around < 0 ? cheaper(down[place], together) : down[place];
        }
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 6);
}

static PyObject *step(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* samples, numbers, changes, free */
    Py_ssize_t beside;
    if (!PyArg_ParseTuple(arguments, "w*y*y*y*n", buffers, buffers + 1, buffers + 2, buffers + 3, &beside)) return NULL;
    uint8_t *const samples = buffers[0].buf;
    const int32_t *const at = buffers[1].buf;
    const int8_t *const changes = buffers[2].buf;
    const uint8_t *const unbound = buffers[3].len ? buffers[3].buf : NULL;
    const Py_ssize_t size = buffers[0].len, count = buffers[2].len;
    int fits = beside >= 0 && buffers[1].len == 4 * count && (!unbound || buffers[3].len == (size + 7) / 8);
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        fits = at[place] >= beside && at[place] < size - beside;
        if (!changes[place]) continue; /* of most */
        for (Py_ssize_t number = at[place] - beside; fits && number <= at[place] + beside; number++) {
            const int value = samples[number] + changes[place];
            if (!unbound || is_unbound(unbound, number)) samples[number] = (uint8_t)(value < 0 ? 2 : value > 255 ? 253 : value);
        }
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

enum { SHARP = 1 << 20, CHANNELS = 3, FINE = 1, COARSE = 7 }; /* FINE, COARSE: reaches of the two boxes */

/* A place beyond an edge, mirrored there. */
static Py_ssize_t mirrored(Py_ssize_t at, Py_ssize_t size)
{
    while (at < 0 || at >= size) at = at < 0 ? -1 - at : 2 * size - 1 - at;
    return at;
}

/* Sums over squares of 2 reach + 1 values a side; `line` has room for 2 (reach + 1) values more than a row. */
WIDEST static void box(const int32_t *in, int32_t *out, int32_t *line, Py_ssize_t height, Py_ssize_t width, int reach)
{
    int32_t *const sums = line + reach + 1;
    memset(sums, 0, (size_t)width * sizeof *sums);
    for (Py_ssize_t row = -reach; row <= reach; row++)
        for (Py_ssize_t col = 0; col < width; col++) sums[col] += in[mirrored(row, height) * width + col];
    for (Py_ssize_t row = 0; row < height; row++) {
        for (Py_ssize_t beyond = 1; beyond <= reach + 1; beyond++) {
            sums[-beyond] = sums[mirrored(-beyond, width)];
            sums[width - 1 + beyond] = sums[mirrored(width - 1 + beyond, width)];
        }
        int32_t sum = 0;
        for (Py_ssize_t col = -reach; col <= reach; col++) sum += sums[col];
        for (Py_ssize_t col = 0; col < width; col++) {
            out[row * width + col] = sum;
            sum += sums[col + reach + 1] - sums[col - reach];
        }
        const int32_t *const above = in + mirrored(row - reach, height) * width,
                             *const below = in + mirrored(row + reach + 1, height) * width;
        for (Py_ssize_t col = 0; col < width; col++) sums[col] += below[col] - above[col];
    }
}

/* Magnitudes of the high-pass residuals, of all channels together. */
WIDEST static void residuals(const uint8_t *picture, int32_t *out, Py_ssize_t height, Py_ssize_t width, int32_t *line)
{
    const Py_ssize_t size = width * CHANNELS;
    for (Py_ssize_t row = 0; row < height; row++) {
        const uint8_t *const own = picture + row * size, *const above = picture + mirrored(row - 1, height) * size,
                            *const below = picture + mirrored(row + 1, height) * size;
        int32_t *const rows = line + CHANNELS;
        for (Py_ssize_t at = 0; at < size; at++) rows[at] = 2 * own[at] - above[at] - below[at];
        for (int channel = 0; channel < CHANNELS; channel++) {
            line[channel] = rows[channel];
            rows[size + channel] = rows[size - CHANNELS + channel];
        }
        for (Py_ssize_t at = 0; at < size; at++) line[at] = abs(2 * rows[at] - line[at] - rows[at + CHANNELS]);
        for (Py_ssize_t col = 0; col < width; col++)
            out[row * width + col] = line[CHANNELS * col] + line[CHANNELS * col + 1] + line[CHANNELS * col + 2];
    }
}

WIDEST static void sharpness(int32_t *values, Py_ssize_t count) /* a double's quotient is exact enough to be cut off */
{
    for (Py_ssize_t at = 0; at < count; at++) values[at] = (int32_t)((double)SHARP / (values[at] > 1 ? values[at] : 1));
}

static PyObject *smooth(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    Py_ssize_t width;
    if (!PyArg_ParseTuple(arguments, "y*nw*", buffers, &width, buffers + 1)) return NULL;
    const Py_ssize_t count = buffers[1].len / 4, height = width > 0 ? count / width : 0;
    const int fits = height > 0 && height * width == count && buffers[0].len == CHANNELS * count;
    int32_t *const out = buffers[1].buf, *line = NULL, *values = NULL;
    if (fits) {
        line = malloc(sizeof(int32_t) * (size_t)(CHANNELS * (width + 2) + 2 * (COARSE + 1)));
        values = malloc(sizeof(int32_t) * (size_t)count);
    }
    if (line && values) {
        PyThreadState *others = PyEval_SaveThread();
        residuals(buffers[0].buf, out, height, width, line);
        box(out, values, line, height, width, FINE);
        sharpness(values, count);
        box(values, out, line, height, width, COARSE);
        PyEval_RestoreThread(others);
    }
    const int lacking = fits && !(line && values);
    free(line);
    free(values);
    PyObject *done = ended(fits, buffers, 2);
    return lacking ? PyErr_NoMemory() : done;
}

enum { TAPS = 16 }; /* of a wavelet */

/* Each product is rounded before it is added: the compiler must not contract the two. */
WIDEST static void filter_row(const float *restrict in, Py_ssize_t apart, const float *restrict taps,
                              float stabiliser, float *restrict out, Py_ssize_t width)
{
    for (Py_ssize_t col = 0; col < width; col++) {
        float sum = in[col] * taps[0];
        for (int tap = 1; tap < TAPS; tap++) sum += in[col + tap * apart] * taps[tap];
        out[col] = sum;
    }
    for (Py_ssize_t col = 0; stabiliser > 0 && col < width; col++) {
        const float size = out[col] < 0 ? -out[col] : out[col];
        out[col] = 1 / (stabiliser + size);
    }
}

static PyObject *filter(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3]; /* values, taps, out */
    Py_ssize_t width;
    int axis;
    float stabiliser;
    if (!PyArg_ParseTuple(arguments, "y*ny*ifw*", buffers, &width, buffers + 1, &axis, &stabiliser, buffers + 2))
        return NULL;
    const float *const values = buffers[0].buf, *const taps = buffers[1].buf;
    float *const out = buffers[2].buf;
    const Py_ssize_t height = width > 0 ? buffers[0].len / 4 / width : 0, less = TAPS - 1;
    const Py_ssize_t rows = height - (axis ? 0 : less), cols = width - (axis ? less : 0);
    const int fits = rows > 0 && cols > 0 && (axis == 0 || axis == 1) && buffers[1].len == 4 * TAPS &&
                     buffers[0].len == 4 * height * width &&
                     buffers[2].len == 4 * rows * cols;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t row = 0; fits && row < rows; row++)
        filter_row(values + row * width, axis ? 1 : width, taps, stabiliser, out + row * cols, cols);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

enum { WINDOW = 23, SIDE = 8, CELL = SIDE * SIDE }; /* pixels of a wavelet's response to a block, and of a block */

/* Sums over the windows of a row of blocks, weighted down: (8, width), one row for each vertical frequency. */
WIDEST static void sum_down(const float *restrict weights, Py_ssize_t width, const float *restrict down,
                            float *restrict out)
{
    for (int frequency = 0; frequency < SIDE; frequency++, down += WINDOW, out += width)
        for (Py_ssize_t col = 0; col < width; col++) {
            float sum = weights[col] * down[0];
            UNROLLED
            for (int place = 1; place < WINDOW; place++) sum += weights[col + place * width] * down[place];
            out[col] = sum;
        }
}

/* Adds to each block of a row the sums of those sums, weighted across; factors are place by place, (23, 8). */
WIDEST static void sum_across(const float *restrict sums, Py_ssize_t width, const float *restrict across,
                              float *restrict out, Py_ssize_t cols)
{
    for (int frequency = 0; frequency < SIDE; frequency++, sums += width, out += SIDE)
        for (Py_ssize_t col = 0; col < cols; col++) {
            const float *const window = sums + col * SIDE;
            float found[SIDE];
            for (int to = 0; to < SIDE; to++) {
                float sum = window[0] * across[to];
                UNROLLED
                for (int place = 1; place < WINDOW; place++) sum += window[place] * across[place * SIDE + to];
                found[to] = sum;
            }
            for (int to = 0; to < SIDE; to++) out[col * CELL + to] += found[to];
        }
}

static PyObject *windows(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* weights, down, across, out */
    Py_ssize_t width;
    if (!PyArg_ParseTuple(arguments, "y*ny*y*w*", buffers, &width, buffers + 1, buffers + 2, buffers + 3)) return NULL;
    const Py_ssize_t cols = (width - (WINDOW - SIDE)) / SIDE, height = width > 0 ? buffers[0].len / 4 / width : 0;
    const Py_ssize_t rows = (height - (WINDOW - SIDE)) / SIDE, factors = 4 * SIDE * WINDOW;
    const float *const weights = buffers[0].buf, *const factor = buffers[2].buf;
    float *const out = buffers[3].buf, across[WINDOW * SIDE], *sums = NULL;
    const int fits = rows > 0 && cols > 0 && width == cols * SIDE + WINDOW - SIDE &&
                     buffers[0].len == 4 * width * (rows * SIDE + WINDOW - SIDE) && buffers[1].len == factors &&
                     buffers[2].len == factors && buffers[3].len == 4 * CELL * rows * cols;
    if (fits) sums = malloc(sizeof(float) * (size_t)(SIDE * width));
    if (sums) {
        PyThreadState *others = PyEval_SaveThread();
        for (int place = 0; place < WINDOW; place++)
            for (int to = 0; to < SIDE; to++) across[place * SIDE + to] = factor[to * WINDOW + place];
        for (Py_ssize_t row = 0; row < rows; row++) {
            sum_down(weights + row * SIDE * width, width, buffers[1].buf, sums);
            sum_across(sums, width, across, out + row * cols * CELL, cols);
        }
        PyEval_RestoreThread(others);
    }
    const int lacking = fits && !sums;
    free(sums);
    PyObject *done = ended(fits, buffers, 4);
    return lacking ? PyErr_NoMemory() : done;
}

/* The filters of PNG by their numbers (PNG, third edition, section 9): each byte less what its neighbours predict. */
WIDEST static void png_filter(int type, const uint8_t *restrict now, const uint8_t *restrict before, Py_ssize_t width,
                              Py_ssize_t apart, uint8_t *restrict out)
{
    switch (type) {
    case 0: memcpy(out, now, (size_t)width); break;
    case 1:
        memcpy(out, now, (size_t)apart);
        for (Py_ssize_t at = apart; at < width; at++) out[at] = (uint8_t)(now[at] - now[at - apart]);
        break;
    case 2:
        for (Py_ssize_t at = 0; at < width; at++) out[at] = (uint8_t)(now[at] - before[at]);
        break;
    case 3:
        for (Py_ssize_t at = 0; at < apart; at++) out[at] = (uint8_t)(now[at] - before[at] / 2);
        for (Py_ssize_t at = apart; at < width; at++)
            out[at] = (uint8_t)(now[at] - (now[at - apart] + before[at]) / 2);
        break;
    default:
        for (Py_ssize_t at = 0; at < apart; at++) out[at] = (uint8_t)(now[at] - before[at]);
        for (Py_ssize_t at = apart; at < width; at++) {
            const int16_t left = now[at - apart], up = before[at], corner = before[at - apart];
            const int16_t rise = (int16_t)(up - corner), run = (int16_t)(left - corner), both = (int16_t)(rise + run);
            const int16_t to_left = (int16_t)(rise < 0 ? -rise : rise), to_up = (int16_t)(run < 0 ? -run : run);
            const int16_t to_corner = (int16_t)(both < 0 ? -both : both);
            const int16_t second = to_up <= to_corner ? up : corner;
            out[at] = (uint8_t)(now[at] - (((to_left <= to_up) & (to_left <= to_corner)) ? left : second));
        }
    }
}

/* Sum of a filtered row's bytes as numbers from -128 to 127, without their signs. */
WIDEST static int64_t png_size(const uint8_t *row, Py_ssize_t width)
{
    int64_t sum = 0;
    while (width > 0) {
        const Py_ssize_t count = width < 1 << 20 ? width : 1 << 20;
        uint32_t part = 0;
        for (Py_ssize_t at = 0; at < count; at++) part += row[at] < 128 ? row[at] : 256u - row[at];
        sum += part;
        row += count;
        width -= count;
    }
    return sum;
}

static PyObject *png_rows(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* samples, before, tried, out */
    Py_ssize_t width, apart;
    if (!PyArg_ParseTuple(arguments, "y*y*nny*w*", buffers, buffers + 1, &width, &apart, buffers + 2, buffers + 3))
        return NULL;
    const Py_ssize_t height = width > 0 ? buffers[0].len / width : 0, tried = buffers[2].len;
    const uint8_t *now = buffers[0].buf, *before = buffers[1].buf, *const types = buffers[2].buf;
    uint8_t *out = buffers[3].buf, *best = NULL, *other = NULL;
    int fits = height > 0 && buffers[0].len == height * width && buffers[1].len == width && apart > 0 &&
               apart <= width && tried > 0 && buffers[3].len == height * (width + 1);
    for (Py_ssize_t at = 0; fits && at < tried; at++) fits = types[at] <= 4;
    if (fits) {
        best = malloc((size_t)width);
        other = malloc((size_t)width);
    }
    if (best && other) {
        PyThreadState *others = PyEval_SaveThread();
        for (Py_ssize_t row = 0; row < height; row++, before = now, now += width, out += width + 1) {
            out[0] = types[0];
            if (tried == 1) {
                png_filter(types[0], now, before, width, apart, out + 1);
                continue;
            }
            png_filter(types[0], now, before, width, apart, best);
            int64_t least = png_size(best, width);
            for (Py_ssize_t at = 1; at < tried; at++) {
                png_filter(types[at], now, before, width, apart, other);
                const int64_t size = png_size(other, width);
                if (size >= least) continue;
                uint8_t *const worse = best;
                best = other;
                other = worse;
                least = size;
                out[0] = types[at];
            }
            memcpy(out + 1, best, (size_t)width);
        }
        PyEval_RestoreThread(others);
    }
    const int lacking = fits && !(best && other);
    free(best);
    free(other);
    PyObject *done = ended(fits, buffers, 4);
    return lacking ? PyErr_NoMemory() : done;
}

static PyMethodDef methods[] = {
    {"smooth", smooth, METH_VARARGS, NULL}, {"search", search, METH_VARARGS, NULL},
    {"syndrome", syndrome, METH_VARARGS, NULL},
    {"numbers", numbers, METH_VARARGS, NULL}, {"greens", greens, METH_VARARGS, NULL},
    {"mark", mark, METH_VARARGS, NULL},
    {"price", price, METH_VARARGS, NULL}, {"final", final_costs, METH_VARARGS, NULL},
    {"gather", gather, METH_VARARGS, NULL}, {"follow", follow, METH_VARARGS, NULL},
    {"step", step, METH_VARARGS, NULL}, {"merge", merge, METH_VARARGS, NULL},
    {"merge_runs", merge_runs, METH_VARARGS, NULL},
    {"count", count_symbols, METH_VARARGS, NULL}, {"code", code_scan, METH_VARARGS, NULL},
    {"decode_scan", decode_scan, METH_VARARGS, NULL},
    {"filter", filter, METH_VARARGS, NULL},
    {"rows", png_rows, METH_VARARGS, NULL}, {"windows", windows, METH_VARARGS, NULL},
    {"decode", decode, METH_VARARGS, NULL},
    {"jpeg_errors", jpeg_errors, METH_VARARGS, NULL},
    {"jpeg_show", jpeg_show, METH_VARARGS, NULL},
    {"jpeg_step_costs", jpeg_step_costs, METH_VARARGS, NULL},
    {"jpeg_count", jpeg_count, METH_VARARGS, NULL},
    {"jpeg_variances", jpeg_variances, METH_VARARGS, NULL},
    {"jpeg_wiener", jpeg_wiener, METH_VARARGS, NULL},
    {"jpeg_ycc", jpeg_ycc, METH_VARARGS, NULL},
    {"jpeg_offsets", jpeg_offsets, METH_VARARGS, NULL},
    {"jpeg_forward", jpeg_forward, METH_VARARGS, NULL},
    {"jpeg_blocks_hold", jpeg_blocks_hold, METH_VARARGS, NULL},
    {"jpeg_steps_hold", jpeg_steps_hold, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernels", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
