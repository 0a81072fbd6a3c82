/* Pixels and costs of a JPEG's luma, by rows of blocks, as tests/kernels/numpy_jpeg_costs.py. Each product is rounded
   before it is added: the compiler must not contract the two. */

#include "_kernels.h"

#include <stdlib.h>
#include <string.h>

enum { SIDE = 8, BLOCK = SIDE * SIDE, AROUND = 9, MIDDLE = 128, LEVELS = 255 };

/* Buffers for a row: sums over its pixels' columns of three, with one more on each side, and what comes of them. */
typedef struct {
    int32_t *sums, *squares;
    float *means, *variances;
} Line;

static int make_line(Line *line, Py_ssize_t width)
{
    const size_t count = (size_t)width + 2;
    line->sums = malloc(2 * count * sizeof *line->sums);
    line->means = malloc(2 * count * sizeof *line->means);
    if (!line->sums || !line->means) return 0;
    line->squares = line->sums + count;
    line->variances = line->means + count;
    return 1;
}

static void free_line(Line *line)
{
    free(line->sums);
    free(line->means);
}

/* The means and variances of the 3x3 pixels around each of a row; those at the edges repeat. */
WIDEST static void moments(const uint8_t *restrict above, const uint8_t *restrict own, const uint8_t *restrict below,
                           Py_ssize_t width, int32_t *restrict sums, int32_t *restrict squares,
                           float *restrict means, float *restrict variances)
{
    for (Py_ssize_t col = 0; col < width; col++) {
        sums[col + 1] = above[col] + own[col] + below[col];
        squares[col + 1] = above[col] * above[col] + own[col] * own[col] + below[col] * below[col];
    }
    sums[0] = sums[1], sums[width + 1] = sums[width];
    squares[0] = squares[1], squares[width + 1] = squares[width];
    for (Py_ssize_t col = 0; col < width; col++) {
        const float mean = (float)(sums[col] + sums[col + 1] + sums[col + 2]) / AROUND;
        const float mean_square = (float)(squares[col] + squares[col + 1] + squares[col + 2]) / AROUND;
        const float variance = mean_square - mean * mean;
        means[col] = mean;
        variances[col] = variance > 0 ? variance : 0;
    }
}

static void moments_of_row(const uint8_t *pixels, Py_ssize_t height, Py_ssize_t width, Py_ssize_t row, Line *line)
{
    const uint8_t *const own = pixels + row * width;
    moments(row > 0 ? own - width : own, own, row < height - 1 ? own + width : own, width, line->sums, line->squares,
            line->means, line->variances);
}

PyObject *jpeg_variances(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2]; /* pixels, out */
    Py_ssize_t width, first;
    if (!PyArg_ParseTuple(arguments, "y*nnw*", buffers, &width, &first, buffers + 1)) return NULL;
    const Py_ssize_t height = width > 0 ? buffers[0].len / width : 0;
    const Py_ssize_t rows = width > 0 ? buffers[1].len / 4 / width : 0;
    float *const out = buffers[1].buf;
    const int fits = rows > 0 && first >= 0 && rows <= height && first <= height - rows &&
                     buffers[0].len == height * width && buffers[1].len == 4 * rows * width;
    Line line = {0};
    const int lacking = fits && !make_line(&line, width);
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t row = 0; fits && !lacking && row < rows; row++) {
        moments_of_row(buffers[0].buf, height, width, first + row, &line);
        memcpy(out + row * width, line.variances, 4 * (size_t)width);
    }
    PyEval_RestoreThread(others);
    free_line(&line);
    PyObject *done = ended(fits, buffers, 2);
    return lacking ? PyErr_NoMemory() : done;
}

/* The filtered pixels of a row, less the middle of their range, into that row of each block. */
WIDEST static void filter_row(const uint8_t *restrict own, const float *restrict means,
                              const float *restrict variances, float noise, float least, Py_ssize_t cols,
                              float *restrict out)
{
    for (Py_ssize_t col = 0; col < cols; col++, out += BLOCK)
        for (int to = 0; to < SIDE; to++) {
            const Py_ssize_t at = SIDE * col + to;
            const float signal = variances[at] - noise, most = variances[at] > least ? variances[at] : least;
            const float gain = (signal > 0 ? signal : 0) / most;
            out[to] = means[at] + gain * ((float)own[at] - means[at]) - MIDDLE;
        }
}

PyObject *jpeg_wiener(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[2]; /* pixels, out */
    Py_ssize_t width, first;
    float noise, least;
    if (!PyArg_ParseTuple(arguments, "y*nnffw*", buffers, &width, &first, &noise, &least, buffers + 1)) return NULL;
    const Py_ssize_t height = width > 0 ? buffers[0].len / width : 0, cols = width / SIDE;
    const Py_ssize_t rows = width > 0 ? buffers[1].len / 4 / width : 0;
    float *const out = buffers[1].buf;
    const int fits = rows > 0 && rows % SIDE == 0 && width % SIDE == 0 && first >= 0 && rows <= height &&
                     first <= height - rows && least > 0 && buffers[0].len == height * width &&
                     buffers[1].len == 4 * rows * width;
    Line line = {0};
    const int lacking = fits && !make_line(&line, width);
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t row = 0; fits && !lacking && row < rows; row++) {
        moments_of_row(buffers[0].buf, height, width, first + row, &line);
        filter_row((const uint8_t *)buffers[0].buf + (first + row) * width, line.means, line.variances, noise,
                   noise > least ? noise : least, cols, out + row / SIDE * cols * BLOCK + row % SIDE * SIDE);
    }
    PyEval_RestoreThread(others);
    free_line(&line);
    PyObject *done = ended(fits, buffers, 2);
    return lacking ? PyErr_NoMemory() : done;
}

WIDEST static void less_luma(const int16_t *restrict luma, const float *restrict quanta, float *restrict exact,
                             Py_ssize_t blocks)
{
    for (Py_ssize_t block = 0; block < blocks; block++, luma += BLOCK, exact += BLOCK)
        for (int place = 0; place < BLOCK; place++) exact[place] = exact[place] / quanta[place] - luma[place];
}

PyObject *jpeg_errors(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3]; /* luma, quanta, exact */
    if (!PyArg_ParseTuple(arguments, "y*y*w*", buffers, buffers + 1, buffers + 2)) return NULL;
    const Py_ssize_t blocks = buffers[0].len / (2 * BLOCK);
    const int fits = buffers[0].len == 2 * BLOCK * blocks && buffers[1].len == 4 * BLOCK &&
                     buffers[2].len == 4 * BLOCK * blocks;
    PyThreadState *others = PyEval_SaveThread();
    if (fits) less_luma(buffers[0].buf, buffers[1].buf, buffers[2].buf, blocks);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

/* Adds the middle to a block's pixels; returns the least distance from an end of their range before they are rounded,
   half to even: beyond 2^23, a float holds no fraction. */
static inline float show_block(float *restrict values, uint8_t *restrict shown, Py_ssize_t width)
{
    const float whole = 1 << 23;
    float least = values[0] + MIDDLE, most = least;
    for (int place = 0; place < BLOCK; place++) {
        const float value = values[place] + MIDDLE;
        least = value < least ? value : least;
        most = value > most ? value : most;
        values[place] = value < 0 ? 0 : value > LEVELS ? LEVELS : value;
    }
    for (int row = 0; row < SIDE; row++, values += SIDE, shown += width)
        for (int to = 0; to < SIDE; to++) shown[to] = (uint8_t)(int32_t)((values[to] + whole) - whole);
    return least < LEVELS - most ? least : LEVELS - most;
}

WIDEST static void show_blocks(float *values, Py_ssize_t rows, Py_ssize_t cols, uint8_t *shown, float *room)
{
    for (Py_ssize_t row = 0; row < rows; row++, shown += SIDE * SIDE * cols)
        for (Py_ssize_t col = 0; col < cols; col++, values += BLOCK)
            *room++ = show_block(values, shown + SIDE * col, SIDE * cols);
}

PyObject *jpeg_show(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3]; /* values, shown, room */
    Py_ssize_t cols;
    if (!PyArg_ParseTuple(arguments, "w*nw*w*", buffers, &cols, buffers + 1, buffers + 2)) return NULL;
    const Py_ssize_t blocks = buffers[2].len / 4, rows = cols > 0 ? blocks / cols : 0;
    const int fits = rows > 0 && blocks == rows * cols && buffers[2].len == 4 * blocks &&
                     buffers[1].len == BLOCK * blocks && buffers[0].len == 4 * BLOCK * blocks;
    PyThreadState *others = PyEval_SaveThread();
    if (fits) show_blocks(buffers[0].buf, rows, cols, buffers[1].buf, buffers[2].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

PyObject *jpeg_count(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4]; /* luma, costs, ones, counts */
    Py_ssize_t upper;
    if (!PyArg_ParseTuple(arguments, "y*y*nw*w*", buffers, buffers + 1, &upper, buffers + 2, buffers + 3)) return NULL;
    const Py_ssize_t blocks = buffers[0].len / (2 * BLOCK);
    const int16_t *luma = buffers[0].buf;
    const float *costs = buffers[1].buf;
    uint8_t *const ones = buffers[2].buf;
    uint32_t *const counts = buffers[3].buf;
    const int fits = buffers[0].len == 2 * BLOCK * blocks && buffers[1].len == 4 * BLOCK * blocks &&
                     buffers[2].len == BLOCK && buffers[3].len == 4 << 16 && upper >= -1 && upper <= UINT16_MAX;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t block = 0; fits && block < blocks; block++, luma += BLOCK, costs += BLOCK) {
        uint32_t bits[BLOCK], used[BLOCK];
        int count = 0;
        memcpy(bits, costs, sizeof bits);
        for (int place = 0; place < BLOCK; place++) ones[place] |= luma[place] == 1 || luma[place] == -1;
        for (int place = 1; place < BLOCK; place++) { /* without branches, which no processor would predict */
            used[count] = bits[place];
            count += luma[place] != 0;
        }
        for (int number = 0; number < count; number++)
            if (upper < 0) counts[used[number] >> 16]++;
            else if (used[number] >> 16 == (uint32_t)upper) counts[used[number] & 0xFFFF]++;
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

/* Of steps: the discount in an estimated direction, or 0; the largest one in a known direction; the factor of all
   costs; and what a step costs that should not be made. */
typedef struct {
    float estimated, known, scale, wet;
} Prices;

/* One side's costs. Each loop does one thing, as compilers don't vectorise branches one behind the other. */
static inline void price_side(const float *restrict costs, const float *restrict discounts, const Prices *prices,
                              uint16_t *restrict out)
{
    const float scale = prices->scale, wet = prices->wet;
    float scaled[BLOCK];
    for (int place = 0; place < BLOCK; place++) scaled[place] = discounts[place] > 0 ? discounts[place] : 0;
    for (int place = 0; place < BLOCK; place++) scaled[place] = costs[place] * (1 - scaled[place]) * scale;
    for (int place = 0; place < BLOCK; place++) scaled[place] = scaled[place] > 1 ? scaled[place] : 1;
    for (int place = 0; place < BLOCK; place++) scaled[place] = scaled[place] < wet ? scaled[place] : wet;
    for (int place = 0; place < BLOCK; place++) out[place] = (uint16_t)(int32_t)scaled[place];
}

static inline void discount(const float *restrict errors, const float *restrict ties, const Prices *prices,
                            float *restrict discounts)
{
    if (prices->estimated > 0)
        for (int place = 0; place < BLOCK; place++)
            discounts[place] = errors[place] > 0 ? prices->estimated : errors[place] < 0 ? -prices->estimated : 0;
    else
        for (int place = 0; place < BLOCK; place++) {
            const float doubled = 2 * errors[place], size = doubled < 0 ? -doubled : doubled;
            const float most = size < prices->known ? size : prices->known;
            discounts[place] = size >= ties[place] ? 0 : doubled < 0 ? -most : most;
        }
}

/* Whether a byte of eight is 0. */
static inline uint64_t has_zero(uint64_t word) { return (word - 0x0101010101010101) & ~word & 0x8080808080808080; }

static inline int is_clipped(const uint8_t *pixels, Py_ssize_t width)
{
    uint64_t found = 0, eight;
    for (int row = 0; row < SIDE; row++, pixels += width) {
        memcpy(&eight, pixels, sizeof eight);
        found |= has_zero(eight) | has_zero(~eight);
    }
    return found != 0;
}

/* A row of blocks: luma, costs and errors go from block to block, pixels and steps' costs as well. */
WIDEST static void price_row(const int16_t *luma, const float *costs, const float *errors, const uint8_t *pixels,
                             const float *ties, const uint8_t *ones, const Prices *prices, Py_ssize_t cols,
                             uint16_t *up, uint16_t *down)
{
    float discounts[BLOCK];
    uint16_t raised[BLOCK], lowered[BLOCK];
    const uint16_t wet = (uint16_t)prices->wet;
    for (Py_ssize_t col = 0; col < cols; col++) {
        const int clipped = is_clipped(pixels + SIDE * col, SIDE * cols);
        discount(errors + col * BLOCK, ties, prices, discounts);
        price_side(costs + col * BLOCK, discounts, prices, raised);
        for (int place = 0; place < BLOCK; place++) discounts[place] = -discounts[place];
        price_side(costs + col * BLOCK, discounts, prices, lowered);
        for (int place = 0; place < BLOCK; place++) {
            const int stays = clipped | (!ones[place] & !luma[col * BLOCK + place]);
            raised[place] = stays ? wet : raised[place];
            lowered[place] = stays ? wet : lowered[place];
        }
        memcpy(up + col * (BLOCK - 1), raised + 1, 2 * (BLOCK - 1));
        memcpy(down + col * (BLOCK - 1), lowered + 1, 2 * (BLOCK - 1));
    }
}

PyObject *jpeg_step_costs(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[8]; /* luma, costs, errors, pixels, ties, ones, up, down */
    Py_ssize_t cols;
    Prices prices;
    if (!PyArg_ParseTuple(arguments, "y*y*y*y*ny*y*ffffw*w*", buffers, buffers + 1, buffers + 2, buffers + 3, &cols,
                          buffers + 4, buffers + 5, &prices.estimated, &prices.known, &prices.scale, &prices.wet,
                          buffers + 6, buffers + 7))
        return NULL;
    const Py_ssize_t blocks = buffers[0].len / (2 * BLOCK), rows = cols > 0 ? blocks / cols : 0;
    const int fits = blocks > 0 && blocks == rows * cols && buffers[0].len == 2 * BLOCK * blocks &&
                     buffers[1].len == 4 * BLOCK * blocks && buffers[2].len == 4 * BLOCK * blocks &&
                     buffers[3].len == BLOCK * blocks && buffers[4].len == 4 * BLOCK && buffers[5].len == BLOCK &&
                     buffers[6].len == 2 * (BLOCK - 1) * blocks && buffers[7].len == 2 * (BLOCK - 1) * blocks &&
                     prices.estimated >= 0 && prices.known >= 0 && prices.scale >= 0 && prices.wet >= 1 &&
                     prices.wet <= UINT16_MAX;
    PyThreadState *others = PyEval_SaveThread();
    for (Py_ssize_t row = 0; fits && row < rows; row++) {
        const Py_ssize_t first = row * cols * BLOCK, carried = row * cols * (BLOCK - 1);
        price_row((const int16_t *)buffers[0].buf + first, (const float *)buffers[1].buf + first,
                  (const float *)buffers[2].buf + first, (const uint8_t *)buffers[3].buf + first, buffers[4].buf,
                  buffers[5].buf, &prices, cols, (uint16_t *)buffers[6].buf + carried,
                  (uint16_t *)buffers[7].buf + carried);
    }
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 8);
}
