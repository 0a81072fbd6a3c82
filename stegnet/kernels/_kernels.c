/* The loops that take the most time, each beside the NumPy code that defines it: the same bits, faster.

   Every buffer's size is checked against the layout before a loop sees it. Python's limited API, so that one build
   serves all versions from 3.11 on. */

#include "_kernels.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDEST __attribute__((target_clones("arch=skylake-avx512", "avx2", "default")))
#else
#define WIDEST
#endif

#ifdef __GNUC__
#define PREFETCH(address) __builtin_prefetch((const void *)(address))
#else
#define PREFETCH(address) ((void)(address))
#endif

enum { AHEAD = 128 }; /* places: a run of carriers is anywhere in memory */
enum { LANES = 32, DIGITS = 3, HEIGHT = 6, WIDTH = 17, STATES = 729, UNREACHABLE = 40000, LEAST_HOPE = 30000 };

/* A code, and the state before each one: by +1 and by -1 in each column. */
typedef struct {
    int height, states;
    int32_t before_up[WIDTH][STATES], before_down[WIDTH][STATES];
} Code;

/* Arrays of all lanes, as in trellis.py: (rows, lanes) and (length, lanes). */
typedef struct {
    const uint8_t *missing;
    const uint16_t *up, *down;
    int8_t *changes;
    const int64_t *starts;
    Py_ssize_t rows, length, lanes;
} Lanes;

typedef uint16_t Costs[STATES][LANES];
typedef uint8_t Decision[LANES]; /* 0, 1 for +1, 2 for -1 */

typedef struct {
    uint16_t up[LANES], down[LANES];
    Costs costs, other;
    Decision decisions[];
} Work;

/* The first of two sums of trits, digit by digit modulo 3. */
static int32_t plus(int32_t state, int32_t column, int factor)
{
    int32_t sum = 0;
    for (int power = 1; power < STATES; power *= DIGITS)
        sum += (state / power + factor * (column / power)) % DIGITS * power;
    return sum;
}

static void fill(Code *code, int height, const uint16_t *columns, Py_ssize_t count)
{
    code->height = height;
    code->states = 1;
    for (int digit = 0; digit < height; digit++) code->states *= DIGITS;
    for (Py_ssize_t sample = 0; sample < count; sample++)
        for (int32_t state = 0; state < code->states; state++) {
            code->before_up[sample][state] = plus(state, columns[sample], 2);
            code->before_down[sample][state] = plus(state, columns[sample], 1);
        }
}

/* Costs of all states after a sample, and the decision that led to each. */
WIDEST static void through(
    const Code *code, int sample, uint16_t (*restrict before)[LANES], uint16_t (*restrict after)[LANES],
    const uint16_t *restrict up, const uint16_t *restrict down, Decision *restrict decisions)
{
    for (int state = 0; state < code->states; state++) {
        const uint16_t *kept = before[state], *raised = before[code->before_up[sample][state]],
                       *lowered = before[code->before_down[sample][state]];
        for (int lane = 0; lane < LANES; lane++) {
            uint16_t least = kept[lane], by_up = raised[lane] + up[lane], by_down = lowered[lane] + down[lane];
            uint8_t decision = 0;
            if (by_up < least) { least = by_up; decision = 1; }
            if (by_down < least) { least = by_down; decision = 2; }
            after[state][lane] = least;
            decisions[state][lane] = decision;
        }
    }
}

/* Keeps the states whose lowest digit is what the row must add, and shifts them by that digit. */
WIDEST static void next_row(
    int states, uint16_t (*restrict before)[LANES], uint16_t (*restrict after)[LANES], const uint8_t *missing)
{
    uint16_t least[LANES];
    memset(least, 0xff, sizeof least);
    for (int state = 0; state < states / DIGITS; state++)
        for (int lane = 0; lane < LANES; lane++) {
            uint16_t cost = missing[lane] == 0   ? before[DIGITS * state][lane]
                            : missing[lane] == 1 ? before[DIGITS * state + 1][lane]
                                                 : before[DIGITS * state + 2][lane];
            after[state][lane] = cost;
            least[lane] = cost < least[lane] ? cost : least[lane];
        }
    for (int state = 0; state < states / DIGITS; state++)
        for (int lane = 0; lane < LANES; lane++) {
            uint16_t cost = after[state][lane] - least[lane];
            after[state][lane] = cost > LEAST_HOPE ? UNREACHABLE : cost;
        }
    for (int state = states / DIGITS; state < states; state++)
        for (int lane = 0; lane < LANES; lane++) after[state][lane] = UNREACHABLE;
}

/* Viterbi search of up to LANES lanes, every step-th from the first on; writes their changes. */
static void search_some(const Code *code, const Lanes *all, Py_ssize_t first, Py_ssize_t step, int count, Work *work)
{
    uint16_t(*costs)[LANES] = work->costs, (*other)[LANES] = work->other, (*swap)[LANES];
    uint8_t missing[LANES] = {0};
    int32_t at[LANES] = {0};
    memset(work->up, 0, sizeof work->up);
    memset(work->down, 0, sizeof work->down);
    for (int state = 0; state < code->states; state++)
        for (int lane = 0; lane < LANES; lane++) costs[state][lane] = state ? UNREACHABLE : 0;
    for (Py_ssize_t row = 0; row < all->rows; row++) {
        for (int64_t sum = all->starts[row]; sum < all->starts[row + 1]; sum++) {
            const Py_ssize_t place = sum * all->lanes + first;
            for (int lane = 0; lane < count; lane++) {
                work->up[lane] = all->up[place + lane * step];
                work->down[lane] = all->down[place + lane * step];
            }
            through(code, (int)(sum - all->starts[row]), costs, other, work->up, work->down,
                    work->decisions + sum * code->states);
            swap = costs, costs = other, other = swap;
        }
        for (int lane = 0; lane < count; lane++) missing[lane] = all->missing[row * all->lanes + first + lane * step];
        next_row(code->states, costs, other, missing);
        swap = costs, costs = other, other = swap;
    }
    for (int lane = 0; lane < count; lane++)
        for (int32_t state = 1; state < code->states / DIGITS; state++)
            if (costs[state][lane] < costs[at[lane]][lane]) at[lane] = state;
    for (Py_ssize_t row = all->rows - 1; row >= 0; row--) {
        for (int lane = 0; lane < count; lane++)
            at[lane] = DIGITS * at[lane] + all->missing[row * all->lanes + first + lane * step];
        for (int64_t sum = all->starts[row + 1] - 1; sum >= all->starts[row]; sum--) {
            const int sample = (int)(sum - all->starts[row]);
            for (int lane = 0; lane < count; lane++) {
                const uint8_t decision = work->decisions[sum * code->states + at[lane]][lane];
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

static const char search_doc[] =
    "search(missing, up, down, changes, starts, columns, height, first, step)\n\n"
    "Writes the changes of every step-th lane from the first on, as `trellis._search` does.";

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
    if (height < 1 || height > HEIGHT || !fit(&all, buffers, columns, states, first, step))
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
    else if (!code || !(work = malloc(sizeof(Work) + (size_t)all.length * (size_t)states * sizeof(Decision))))
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

PyObject *ended(int fits, Py_buffer *buffers, int count)
{
    for (int number = 0; number < count; number++) PyBuffer_Release(buffers + number);
    if (!fits) {
        PyErr_SetString(PyExc_ValueError, "the arrays do not fit each other");
        return NULL;
    }
    Py_RETURN_NONE;
}

static const char numbers_doc[] =
    "numbers(runs, first, out)\n\n"
    "Writes the numbers of the samples at the places from the first on, as `Order.numbers` gives them.";

static PyObject *numbers(PyObject *self, PyObject *arguments)
{
    enum { RUN = 32, STRIDE = 31, SALT = 15 };
    Py_buffer buffers[2];
    Py_ssize_t first;
    if (!PyArg_ParseTuple(arguments, "y*nw*", buffers, &first, buffers + 1)) return NULL;
    const Py_ssize_t count = buffers[1].len / 4;
    const int64_t *const runs = buffers[0].buf;
    int32_t *const out = buffers[1].buf;
    const int fits = first >= 0 && buffers[0].len / 8 >= (first + count + RUN - 1) / RUN;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        const int32_t carrier = (int32_t)runs[(first + place) / RUN] * RUN + (int32_t)((first + place) % RUN);
        out[place] = carrier + (carrier + SALT) / (STRIDE - 1);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 2);
}

static const char free_doc[] =
    "free(numbers, channels, free) -> int\n\n"
    "Marks samples as free, unless that is empty, and moves the numbers of the green ones to the front, of whom it\n"
    "returns the count.";

static PyObject *free_samples(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    Py_ssize_t count = 0;
    int channels;
    if (!PyArg_ParseTuple(arguments, "w*iw*", buffers, &channels, buffers + 1)) return NULL;
    int32_t *const at = buffers[0].buf;
    uint8_t *const unbound = buffers[1].buf;
    const Py_ssize_t places = buffers[0].len / 4;
    int fits = channels == 1 || channels == 3;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < places; place++) {
        const int32_t number = at[place];
        fits = number >= 0 && (!buffers[1].len || number < buffers[1].len);
        if (!fits) break;
        if (buffers[1].len) unbound[number] = 1;
        at[count] = number;
        count += channels == 1 || number % 3 == 1;
    }
    PyEval_RestoreThread(others);
    PyObject *none = ended(fits, buffers, 2);
    return none ? PyLong_FromSsize_t(count) : NULL;
}

static const char bind_doc[] =
    "bind(numbers, free, beside, cost, up, down)\n\n"
    "Sets the costs of samples to `cost` where one of the two that move with them is not free.";

static PyObject *bind_samples(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* numbers, free, up, down */
    Py_ssize_t beside;
    int cost;
    if (!PyArg_ParseTuple(arguments, "y*y*niw*w*", buffers, buffers + 1, &beside, &cost, buffers + 2, buffers + 3))
        return NULL;
    const int32_t *const at = buffers[0].buf;
    const uint8_t *const unbound = buffers[1].buf;
    uint16_t *const up = buffers[2].buf, *const down = buffers[3].buf;
    const Py_ssize_t size = buffers[1].len, count = buffers[0].len / 4;
    int fits = beside >= 0 && buffers[2].len == 2 * count && buffers[3].len == 2 * count;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        fits = at[place] >= beside && at[place] < size - beside;
        if (fits && !(unbound[at[place] - beside] && unbound[at[place] + beside]))
            up[place] = down[place] = (uint16_t)cost;
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

static const char final_doc[] =
    "final(samples, costs, ties, mirror, edge, most, together, out)\n\n"
    "Writes 8 times the costs of steps, of each sample or of so many together, with the highest three bits of ties\n"
    "(mirrored: exclusive or 7) as last bits; `most` for samples at the edge; of so many together, the highest.";

static PyObject *final_costs(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* samples, costs, ties, out */
    int mirror, edge, most, together;
    if (!PyArg_ParseTuple(arguments, "y*y*y*iiiiw*", buffers, buffers + 1, buffers + 2, &mirror, &edge, &most,
                          &together, buffers + 3))
        return NULL;
    const uint8_t *const samples = buffers[0].buf;
    const uint16_t *const costs = buffers[1].buf, *const ties = buffers[2].buf;
    uint16_t *const out = buffers[3].buf;
    const Py_ssize_t size = buffers[0].len, count = buffers[3].len / 2;
    const int fits = together > 0 && size == count * together && buffers[2].len == 2 * size &&
                     (buffers[1].len == 2 * size || buffers[1].len == 2 * count);
    const int one = buffers[1].len != 2 * size; /* cost of all samples of an item */
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        uint16_t highest = 0;
        for (Py_ssize_t sample = place * together; sample < (place + 1) * together; sample++) {
            const uint16_t last = (uint16_t)((ties[sample] >> 13) ^ (mirror ? 7 : 0));
            const uint16_t cost = (uint16_t)(samples[sample] == edge ? most : costs[one ? place : sample] * 8 + last);
            highest = cost > highest ? cost : highest;
        }
        out[place] = highest;
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

static const char gather_doc[] =
    "gather(source, numbers, divisor, shift, out)\n\n"
    "As `out[:] = source[(numbers // divisor - shift) % len(source)]`, of items of one byte or two; no shift is longer.";

static int32_t divided(int32_t number, int divisor) /* by 1 and 3 without a division */
{
    return divisor == 1 ? number : divisor == 3 ? number / 3 : number / divisor;
}

static PyObject *gather(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3];
    Py_ssize_t shift;
    int divisor;
    if (!PyArg_ParseTuple(arguments, "y*y*inw*", buffers, buffers + 1, &divisor, &shift, buffers + 2)) return NULL;
    const int32_t *const at = buffers[1].buf;
    const Py_ssize_t count = buffers[1].len / 4, item = buffers[2].len > count ? 2 : 1, size = buffers[0].len / item;
    int fits = divisor > 0 && shift >= 0 && shift <= size && buffers[2].len == item * count;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        const int32_t number = divided(at[place], divisor);
        fits = number >= 0 && number < size;
        if (place + AHEAD < count)
            PREFETCH((uintptr_t)buffers[0].buf + (uintptr_t)((divided(at[place + AHEAD], divisor) - shift) * item));
        if (!fits) break;
        const Py_ssize_t from = number - shift + (number < shift ? size : 0);
        if (item == 1) ((uint8_t *)buffers[2].buf)[place] = ((const uint8_t *)buffers[0].buf)[from];
        if (item == 2) ((uint16_t *)buffers[2].buf)[place] = ((const uint16_t *)buffers[0].buf)[from];
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

static const char cheapest_doc[] =
    "cheapest(costs, ties, merged, lanes, least, chosen)\n\n"
    "Writes the least of the costs of a sum's samples, and the sample's number, as `trellis._cheapest`.";

static PyObject *cheapest(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* costs, ties, least, chosen */
    Py_ssize_t merged, lanes;
    if (!PyArg_ParseTuple(arguments, "y*y*nnw*w*", buffers, buffers + 1, &merged, &lanes, buffers + 2, buffers + 3))
        return NULL;
    const uint16_t *const costs = buffers[0].buf, *const ties = buffers[1].buf;
    uint16_t *const least = buffers[2].buf;
    uint32_t *const chosen = buffers[3].buf;
    const Py_ssize_t sums = buffers[2].len / 2, size = buffers[0].len / 2;
    const int fits = merged > 0 && lanes > 0 && sums % lanes == 0 && size % merged == 0 && size / merged == sums &&
                     buffers[0].len == buffers[1].len && buffers[3].len == 4 * sums;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t sum = 0; fits && sum < sums; sum++) {
        const Py_ssize_t first = sum / lanes * lanes * merged + sum % lanes;
        uint32_t best = UINT32_MAX;
        for (Py_ssize_t number = 0; number < merged; number++) {
            const Py_ssize_t place = first + number * lanes;
            const uint32_t cost = (uint32_t)costs[place] << 16 | ties[place];
            if (cost >= best) continue;
            best = cost;
            chosen[sum] = (uint32_t)number;
        }
        least[sum] = (uint16_t)(best >> 16);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

static uint16_t cheaper(uint16_t cost, int together)
{
    return cost > together ? (uint16_t)(cost / together) : 1;
}

static const char follow_doc[] =
    "follow(numbers, channels, moved, width, together, lanes, first, stride, up, down, out_up, out_down)\n\n"
    "Writes the costs of a further step of samples in every stride-th lane from the first, `together` times less where\n"
    "the four pixels around moved the same way. `moved` has a row of zeros at both ends.";

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
    for (Py_ssize_t place = 0; fits && place < count; place++)
        fits = numbers[place] >= 0 && divided(numbers[place], channels) < size;
    for (Py_ssize_t row = 0; fits && row < count; row += lanes) {
        const Py_ssize_t end = count - row < lanes ? count : row + lanes;
        for (Py_ssize_t place = first < end - row ? row + first : end; place < end; place += stride) {
            const int32_t pixel = divided(numbers[place], channels);
            const int8_t *const at = moved + pixel + width;
            const int around = at[-width] + at[-1] + at[1] + at[width];
            out_up[place] = around > 0 ? cheaper(up[place], together) : up[place];
            out_down[place] = around < 0 ? cheaper(down[place], together) : down[place];
        }
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 6);
}

static const char step_doc[] =
    "step(samples, numbers, changes, free, beside)\n\n"
    "Changes samples, and so many beside them that are free, by -1, 0 or +1: as `steps.changed`. Of an empty `free`,\n"
    "all are.";

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
    int fits = beside >= 0 && buffers[1].len == 4 * count && (!unbound || buffers[3].len == size);
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t place = 0; fits && place < count; place++) {
        fits = at[place] >= beside && at[place] < size - beside;
        if (!changes[place]) continue; /* of most */
        for (Py_ssize_t number = at[place] - beside; fits && number <= at[place] + beside; number++) {
            const int value = samples[number] + changes[place];
            if (!unbound || unbound[number]) samples[number] = (uint8_t)(value < 0 ? 2 : value > 255 ? 253 : value);
        }
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

enum { SHARP = 1 << 20, CHANNELS = 3, FINE = 1, COARSE = 7 }; /* as in costs.py; reaches of the two boxes */

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

static const char smooth_doc[] =
    "smooth(picture, width, out)\n\n"
    "Writes the smoothed inverse texture of a picture, (H, W, 3) uint8, as `costs._smoothness`, (H, W) int32.";

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

static PyMethodDef methods[] = {
    {"smooth", smooth, METH_VARARGS, smooth_doc}, {"search", search, METH_VARARGS, search_doc},
    {"numbers", numbers, METH_VARARGS, numbers_doc}, {"free", free_samples, METH_VARARGS, free_doc},
    {"bind", bind_samples, METH_VARARGS, bind_doc}, {"final", final_costs, METH_VARARGS, final_doc},
    {"gather", gather, METH_VARARGS, gather_doc}, {"follow", follow, METH_VARARGS, follow_doc},
    {"step", step, METH_VARARGS, step_doc}, {"cheapest", cheapest, METH_VARARGS, cheapest_doc},
    {"count", count_symbols, METH_VARARGS, count_doc}, {"code", code_scan, METH_VARARGS, code_doc},
    {NULL, NULL, 0, NULL},
};
static PyModuleDef_Slot slots[] = {{0, NULL}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernels", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernels(void) { return PyModuleDef_Init(&module); }
