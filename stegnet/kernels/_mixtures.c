/* Levels by mixtures of logistics, as numpy_mixtures.py. */

#include "_kernels.h"

enum {
    MIXED = 3, MEAN_PARTS = 32, MOST_SCALE = 32, MOST_WEIGHT = 128, WHOLE = 1 << 16, LEAST = 2, WEIGHT_BITS = 15,
    FARTHEST = 12 * 1024, SHIFT = 9, TABLES = 6, LARGEST_MEAN = 1 << 15, VALUES = 5
};
static const uint64_t STATE = (uint64_t)1 << 32; /* least state */

typedef struct {
    const int32_t *means;
    const int16_t *scales, *weights;
    const int32_t *logistic, *narrow, *exponential;
    Py_ssize_t count;
    int top;
} Mixtures;

typedef struct { /* of one level */
    int32_t mean[MIXED], narrow[MIXED], share[MIXED];
} Mixture;

/* Returns whether the buffers are those of mixtures. */
static int are_mixtures(const Py_buffer *buffers, int top, Mixtures *found)
{
    *found = (Mixtures){buffers[0].buf, buffers[1].buf, buffers[2].buf, buffers[3].buf, buffers[4].buf, buffers[5].buf,
                        buffers[0].len / (MIXED * 4), top};
    if (top < 1 || top > 255 || buffers[0].len != found->count * MIXED * 4) return 0;
    for (int which = 1; which < 3; which++)
        if (buffers[which].len != found->count * MIXED * 2) return 0;
    if (buffers[3].len != 8 * FARTHEST || buffers[4].len != 4 * (2 * MOST_SCALE + 1)) return 0;
    if (buffers[5].len != 4 * (2 * MOST_WEIGHT + 1)) return 0;
    for (Py_ssize_t at = 0; at < MIXED * found->count; at++) {
        const int weight = found->weights[at], scale = found->scales[at], mean = found->means[at];
        if (mean < -LARGEST_MEAN || mean > LARGEST_MEAN) return 0;
        if (weight < -MOST_WEIGHT || weight > MOST_WEIGHT || scale < -MOST_SCALE || scale > MOST_SCALE) return 0;
    }
    return 1;
}

/* One level's mixture; returns the expected level. */
static inline int32_t take_mixture(const Mixtures *all, Py_ssize_t at, Mixture *one)
{
    const Py_ssize_t apart = all->count;
    int most = -MOST_WEIGHT;
    for (int part = 0; part < MIXED; part++)
        if (all->weights[at + part * apart] > most) most = all->weights[at + part * apart];
    uint32_t powers[MIXED], sum = 0;
    for (int part = 0; part < MIXED; part++)
        sum += powers[part] = (uint32_t)all->exponential[most - all->weights[at + part * apart]];
    int64_t expected = 0;
    for (int part = 0; part < MIXED; part++) {
        one->mean[part] = all->means[at + part * apart];
        one->narrow[part] = all->narrow[all->scales[at + part * apart] + MOST_SCALE];
        one->share[part] = (int32_t)(((uint64_t)powers[part] << WEIGHT_BITS) / sum);
        expected += (int64_t)one->share[part] * one->mean[part];
    }
    return (int32_t)(expected >> WEIGHT_BITS);
}

/* The sum of the frequencies below a level. */
static inline uint32_t below(const Mixtures *all, const Mixture *one, int level)
{
    if (level <= 0) return 0;
    if (level > all->top) return WHOLE;
    uint32_t sum = 0;
    for (int part = 0; part < MIXED; part++) {
        const int64_t difference = MEAN_PARTS * level - MEAN_PARTS / 2 - one->mean[part];
        int64_t argument = (difference * one->narrow[part]) >> SHIFT;
        if (argument < -FARTHEST) argument = -FARTHEST;
        if (argument > FARTHEST - 1) argument = FARTHEST - 1;
        sum += (uint32_t)all->logistic[argument + FARTHEST] * (uint32_t)one->share[part];
    }
    const uint64_t spread = (uint64_t)(sum >> WEIGHT_BITS) * (uint64_t)(WHOLE - LEAST * (all->top + 1));
    return (uint32_t)(spread >> 16) + (uint32_t)(LEAST * level);
}

/* a / b, rounded down; b > 0 */
static inline int64_t divided(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* The likeliest place of a sample in its level, which has five values. */
static inline int8_t shift_in(const Mixtures *all, const Mixture *one, int level)
{
    enum { MIDDLE = VALUES / 2 };
    int64_t before = 0, first = 0, moment = 0, whole;
    for (int edge = 0; edge <= VALUES; edge++) {
        int64_t sum = 0;
        if (level == all->top && edge > MIDDLE)
            for (int part = 0; part < MIXED; part++) sum += (int64_t)one->share[part] << 16;
        else if (level > 0 || edge > MIDDLE)
            for (int part = 0; part < MIXED; part++) {
                const int64_t place = MEAN_PARTS * (VALUES * level + edge) - MEAN_PARTS / 2 * VALUES;
                int64_t argument = divided((place - VALUES * one->mean[part]) * one->narrow[part], VALUES << SHIFT);
                if (argument < -FARTHEST) argument = -FARTHEST;
                if (argument > FARTHEST - 1) argument = FARTHEST - 1;
                sum += (int64_t)all->logistic[argument + FARTHEST] * one->share[part];
            }
        if (edge) moment += (sum - before) * (edge - 1 - MIDDLE);
        else first = sum;
        before = sum;
    }
    whole = before > first ? before - first : 1;
    const int64_t shift = divided(2 * moment + whole, 2 * whole);
    return (int8_t)(shift < -1 ? -1 : shift > 1 ? 1 : shift);
}

PyObject *mixture_shifts(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[TABLES + 2];
    Py_buffer *const last = buffers + TABLES;
    int top;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*iy*w*", buffers, buffers + 1, buffers + 2, buffers + 3, buffers + 4,
                          buffers + 5, &top, last, last + 1))
        return NULL;
    Mixtures all;
    PyThreadState *others = PyEval_SaveThread();
    int fits = are_mixtures(buffers, top, &all) && last[0].len == all.count && last[1].len == all.count;
    const uint8_t *const levels = last[0].buf;
    int8_t *const shifts = last[1].buf;
    for (Py_ssize_t at = 0; fits && at < all.count; at++) {
        Mixture one;
        fits = levels[at] <= top;
        take_mixture(&all, at, &one);
        shifts[at] = shift_in(&all, &one, levels[at]);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, TABLES + 2);
}

PyObject *mixture_intervals(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[TABLES + 3];
    Py_buffer *const last = buffers + TABLES;
    int top;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*iy*w*w*", buffers, buffers + 1, buffers + 2, buffers + 3, buffers + 4,
                          buffers + 5, &top, last, last + 1, last + 2))
        return NULL;
    Mixtures all;
    PyThreadState *others = PyEval_SaveThread();
    int fits = are_mixtures(buffers, top, &all);
    fits = fits && last[0].len == all.count && last[1].len == 4 * all.count && last[2].len == 4 * all.count;
    const uint8_t *const levels = last[0].buf;
    uint32_t *const intervals = last[1].buf;
    int32_t *const expected = last[2].buf;
    for (Py_ssize_t at = 0; fits && at < all.count; at++) {
        Mixture one;
        fits = levels[at] <= top;
        expected[at] = take_mixture(&all, at, &one);
        const uint32_t first = below(&all, &one, levels[at]);
        intervals[at] = first << 16 | (below(&all, &one, levels[at] + 1) - first);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, TABLES + 3);
}

PyObject *mixture_levels(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[TABLES + 4];
    Py_buffer *const last = buffers + TABLES;
    int top;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*y*y*iy*w*w*w*", buffers, buffers + 1, buffers + 2, buffers + 3,
                          buffers + 4, buffers + 5, &top, last, last + 1, last + 2, last + 3))
        return NULL;
    Mixtures all;
    PyThreadState *others = PyEval_SaveThread();
    int fits = are_mixtures(buffers, top, &all);
    fits = fits && last[1].len == 16 && last[2].len == all.count && last[3].len == 4 * all.count;
    const uint16_t *const words = last[0].buf;
    const uint64_t most = (uint64_t)last[0].len / 2;
    uint64_t *const kept = last[1].buf;
    uint8_t *const levels = last[2].buf;
    int32_t *const expected = last[3].buf;
    uint64_t state = fits ? kept[0] : STATE, place = fits ? kept[1] : 0;
    for (Py_ssize_t at = 0; fits && at < all.count; at++) {
        Mixture one;
        expected[at] = take_mixture(&all, at, &one);
        const uint32_t slot = (uint32_t)state & (WHOLE - 1);
        int least = 0, beyond = top + 1;
        uint32_t first = 0, end = WHOLE; /* below the least, and below what is beyond */
        int guess = (expected[at] + MEAN_PARTS / 2) / MEAN_PARTS; /* near it, levels are likely */
        int reach = 1;
        while (beyond - least > 1) {
            if (guess <= least) guess = least + 1;
            if (guess >= beyond) guess = beyond - 1;
            const uint32_t edge = below(&all, &one, guess);
            const int is_above = edge <= slot;
            if (is_above) least = guess, first = edge;
            else beyond = guess, end = edge;
            if (reach < 256) guess = is_above ? least + reach : beyond - reach, reach *= 4;
            else guess = (least + beyond) / 2;
        }
        levels[at] = (uint8_t)least;
        state = (uint64_t)(end - first) * (state >> 16) + slot - first;
        if (state < STATE) {
            state = state << 16 | (place < most ? words[place] : 0);
            place++;
        }
    }
    if (fits) kept[0] = state, kept[1] = place;
    PyEval_RestoreThread(others);
    return ended(fits, buffers, TABLES + 4);
}

PyObject *encode_intervals(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2];
    if (!PyArg_ParseTuple(arguments, "y*w*", buffers, buffers + 1)) return NULL;
    const uint32_t *const intervals = buffers[0].buf;
    uint16_t *const words = buffers[1].buf;
    const Py_ssize_t count = buffers[0].len / 4, room = buffers[1].len / 2;
    int fits = room >= count + 3;
    Py_ssize_t place = room;
    PyThreadState *others = PyEval_SaveThread();
    uint64_t state = STATE;
    for (Py_ssize_t at = count - 1; fits && at >= 0; at--) {
        const uint64_t first = intervals[at] >> 16, frequency = intervals[at] & (WHOLE - 1);
        fits = frequency > 0;
        if (!fits) break;
        if (state >= frequency << 32) {
            words[--place] = (uint16_t)state;
            state >>= 16;
        }
        state = (state / frequency << 16) + state % frequency + first;
    }
    for (int word = 0; fits && word < 3; word++, state >>= 16) words[--place] = (uint16_t)state;
    PyEval_RestoreThread(others);
    PyObject *none = ended(fits, buffers, 2);
    return none ? PyLong_FromSsize_t(room - place) : NULL;
}
