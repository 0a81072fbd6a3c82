/* Belief propagation over the graph of a code, as tests/kernels/numpy_belief.py. */

#include "_kernels.h"

#include <stdlib.h>
#include <string.h>

enum { AT_ONCE = 256, MOST_EDGES = 64, CELLS_SHIFT = 16 }; /* checks; edges of one; bits of a float that are cut off */

#define LEAST 1e-7f
#define LARGEST 30.0f

static inline int32_t bits_of(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

typedef struct {
    float phi[MOST_EDGES][AT_ONCE], sums[AT_ONCE], found[AT_ONCE];
    uint32_t positive[MOST_EDGES][AT_ONCE], odd[AT_ONCE], unsatisfied[AT_ONCE];
    int32_t cells[AT_ONCE];
} Checks;

/* The cells of magnitudes in the table of phi; what is no number has the first one. */
static inline void find_cells(const float *restrict values, int32_t *restrict cells, int count)
{
    for (int at = 0; at < count; at++) {
        const float size = values[at] < 0 ? -values[at] : values[at], inside = size > LEAST ? size : LEAST;
        cells[at] = (bits_of(inside < LARGEST ? inside : LARGEST) >> CELLS_SHIFT) - (bits_of(LEAST) >> CELLS_SHIFT);
    }
}

/* Messages of some checks, whose j-th edges begin at j * apart; returns whether any check is not satisfied.

   What looks up has a loop of its own, so that the others are vectorised. */
WIDEST static int some_checks(
    Checks *restrict work, const float *restrict totals, const int32_t *restrict ends, float *restrict to_bits,
    const float *restrict table, int degree, Py_ssize_t apart, int count)
{
    uint32_t any = 0, *const odd = work->odd, *const unsatisfied = work->unsatisfied;
    float *const sums = work->sums, *const found = work->found;
    memset(sums, 0, sizeof work->sums);
    memset(odd, 0, sizeof work->odd);
    memset(unsatisfied, 0, sizeof work->unsatisfied);
    for (int edge = 0; edge < degree; edge++) {
        const int32_t *const own = ends + edge * apart;
        const float *const before = to_bits + edge * apart;
        float *const phi = work->phi[edge];
        uint32_t *const positive = work->positive[edge];
        for (int check = 0; check < count; check++) found[check] = totals[own[check]];
        for (int check = 0; check < count; check++) {
            unsatisfied[check] ^= found[check] > 0;
            found[check] -= before[check];
            positive[check] = found[check] > 0;
            odd[check] ^= positive[check];
        }
        find_cells(found, work->cells, count);
        for (int check = 0; check < count; check++) phi[check] = table[work->cells[check]];
        for (int check = 0; check < count; check++) sums[check] += phi[check];
    }
    for (int check = 0; check < count; check++) any |= unsatisfied[check];
    for (int edge = 0; edge < degree; edge++) {
        float *const now = to_bits + edge * apart;
        const float *const phi = work->phi[edge];
        const uint32_t *const positive = work->positive[edge];
        for (int check = 0; check < count; check++) found[check] = sums[check] - phi[check];
        find_cells(found, work->cells, count);
        for (int check = 0; check < count; check++) found[check] = table[work->cells[check]];
        for (int check = 0; check < count; check++)
            now[check] = odd[check] != positive[check] ? found[check] : -found[check];
    }
    return any != 0;
}

PyObject *decode(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[5]; /* ratios, ends, groups, table, message */
    int iterations;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*iw*", buffers, buffers + 1, buffers + 2, buffers + 3, &iterations,
                          buffers + 4))
        return NULL;
    const float *const ratios = buffers[0].buf, *const table = buffers[3].buf;
    const int32_t *const ends = buffers[1].buf;
    const int64_t *const groups = buffers[2].buf; /* degree and number of checks of each */
    uint8_t *const message = buffers[4].buf;
    const Py_ssize_t bits = buffers[0].len / 4, edges = buffers[1].len / 4, kinds = buffers[2].len / 16;
    const Py_ssize_t wanted = buffers[4].len;
    Py_ssize_t sum = 0;
    int fits = buffers[3].len / 4 == (bits_of(LARGEST) >> CELLS_SHIFT) - (bits_of(LEAST) >> CELLS_SHIFT) + 1 &&
               wanted <= bits;
    for (Py_ssize_t kind = 0; fits && kind < kinds; kind++) {
        const int64_t degree = groups[2 * kind], count = groups[2 * kind + 1];
        fits = degree > 0 && degree <= MOST_EDGES && count > 0 && count <= (edges - sum) / degree;
        sum += fits ? (Py_ssize_t)(degree * count) : 0;
    }
    fits = fits && sum == edges;
    for (Py_ssize_t edge = 0; fits && edge < edges; edge++) fits = ends[edge] >= 0 && ends[edge] < bits;
    Checks *work = NULL;
    float *totals = NULL, *to_bits = NULL;
    double *sums = NULL;
    if (fits) {
        work = malloc(sizeof(Checks));
        totals = malloc(sizeof(float) * (size_t)bits + 1);
        sums = malloc(sizeof(double) * (size_t)bits + 1);
        to_bits = calloc((size_t)edges + 1, sizeof(float));
    }
    const int lacking = fits && !(work && totals && sums && to_bits);
    int found = 0;
    if (fits && !lacking) {
        PyThreadState *others = PyEval_SaveThread();
        memcpy(totals, ratios, sizeof(float) * (size_t)bits);
        for (int iteration = 0; iteration < iterations; iteration++) {
            int unsatisfied = 0;
            for (Py_ssize_t kind = 0, start = 0; kind < kinds; kind++) {
                const Py_ssize_t degree = groups[2 * kind], count = groups[2 * kind + 1];
                for (Py_ssize_t check = 0; check < count; check += AT_ONCE) {
                    const Py_ssize_t left = count - check;
                    unsatisfied |= some_checks(work, totals, ends + start + check, to_bits + start + check, table,
                                               (int)degree, count, left < AT_ONCE ? (int)left : AT_ONCE);
                }
                start += degree * count;
            }
            if (!unsatisfied) {
                found = 1;
                for (Py_ssize_t bit = 0; bit < wanted; bit++) message[bit] = totals[bit] > 0;
                break;
            }
            memset(sums, 0, sizeof(double) * (size_t)bits);
            for (Py_ssize_t edge = 0; edge < edges; edge++) sums[ends[edge]] += to_bits[edge];
            for (Py_ssize_t bit = 0; bit < bits; bit++) totals[bit] = ratios[bit] + (float)sums[bit];
        }
        PyEval_RestoreThread(others);
    }
    free(work);
    free(totals);
    free(sums);
    free(to_bits);
    PyObject *done = ended(fits, buffers, 5);
    if (lacking) return PyErr_NoMemory();
    return done ? PyBool_FromLong(found) : NULL;
}
