/* libjpeg's arithmetic: colours, the DCT in both directions and quantisation, as tests/kernels/numpy_libjpeg.py.

   Blocks are computed side by side in lanes, an array of LANES numbers for each coefficient. Integers wrap around as
   NumPy's do; no JPEG that an encoder made gets there. */

#include "_kernels.h"

#include <string.h>

#ifdef __GNUC__
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { SIDE = 8, BLOCK = 64, LANES = 16, MIDDLE = 128, PEAK = 255, HALF = 1 << 15 };
enum { SLOW, FAST, FLOAT, METHODS };  /* forward DCTs: islow, ifast, float */
enum { BITS = 13, MORE = 2 };         /* behind the point: of islow's constants, and of numbers between its passes */

/* Place in a block, row by row, of the coefficients in zigzag order. */
static const uint8_t zigzag[BLOCK] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,
    7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46,
    53, 60, 61, 54, 47, 55, 62, 63};

typedef uint32_t Numbers[BLOCK][LANES]; /* two's complement, so that sums may wrap around */
typedef float Floats[BLOCK][LANES];

/* How coefficients are quantised, row by row. Of int32_t, or for FLOAT of float. */
typedef struct {
    int method;
    const void *scales;           /* divisors of the DCT, or factors */
    const void *inward, *outward; /* limits of its results from the multiple of a step */
} Quantiser;

INLINE int32_t shifted(uint32_t number, int bits) { return (int32_t)number >> bits; }

INLINE uint32_t descaled(uint32_t number, int bits) { return (uint32_t)shifted(number + (1u << (bits - 1)), bits); }

/* The rotations of islow's odd half, which are the same in both directions. */
INLINE void rotate(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d)
{
    const uint32_t z1 = (*a + *d) * (uint32_t)-7373, z2 = (*b + *c) * (uint32_t)-20995;
    const uint32_t sum3 = *a + *c, sum4 = *b + *d, z5 = (sum3 + sum4) * 9633;
    const uint32_t z3 = sum3 * (uint32_t)-16069 + z5, z4 = sum4 * (uint32_t)-3196 + z5;
    *a = *a * 2446 + z1 + z3;
    *b = *b * 16819 + z2 + z4;
    *c = *c * 25172 + z2 + z3;
    *d = *d * 12299 + z1 + z4;
}

/* A pass of islow's inverse DCT over numbers `apart` from one another, of so many lanes. */
INLINE void inverse_pass(const int lanes, const int apart, const uint32_t *restrict in, uint32_t *restrict out,
                         const int bits)
{
    for (int lane = 0; lane < lanes; lane++) {
        const uint32_t *const v = in + lane;
        uint32_t *const w = out + lane;
        const uint32_t v2 = v[2 * apart], v6 = v[6 * apart], z1 = (v2 + v6) * 4433;
        const uint32_t low = z1 - v6 * 15137, high = z1 + v2 * 6270;
        const uint32_t both = (v[0] + v[4 * apart]) << BITS, between = (v[0] - v[4 * apart]) << BITS;
        uint32_t a = v[7 * apart], b = v[5 * apart], c = v[3 * apart], d = v[apart];
        rotate(&a, &b, &c, &d);
        w[0] = descaled(both + high + d, bits);
        w[7 * apart] = descaled(both + high - d, bits);
        w[apart] = descaled(between + low + c, bits);
        w[6 * apart] = descaled(between + low - c, bits);
        w[2 * apart] = descaled(between - low + b, bits);
        w[5 * apart] = descaled(between - low - b, bits);
        w[3 * apart] = descaled(both - high + a, bits);
        w[4 * apart] = descaled(both - high - a, bits);
    }
}

/* A pass of islow's forward DCT, of all lanes. */
INLINE void slow_pass(const int apart, const uint32_t *restrict in, uint32_t *restrict out, const int is_first)
{
    const int bits = is_first ? BITS - MORE : BITS + MORE;
    for (int lane = 0; lane < LANES; lane++) {
        const uint32_t *const v = in + lane;
        uint32_t *const w = out + lane;
        const uint32_t s0 = v[0] + v[7 * apart], s1 = v[apart] + v[6 * apart], s2 = v[2 * apart] + v[5 * apart];
        const uint32_t s3 = v[3 * apart] + v[4 * apart];
        uint32_t d0 = v[0] - v[7 * apart], d1 = v[apart] - v[6 * apart], d2 = v[2 * apart] - v[5 * apart];
        uint32_t d3 = v[3 * apart] - v[4 * apart];
        const uint32_t t10 = s0 + s3, t13 = s0 - s3, t11 = s1 + s2, t12 = s1 - s2, z1 = (t12 + t13) * 4433;
        w[0] = is_first ? (t10 + t11) << MORE : descaled(t10 + t11, MORE);
        w[4 * apart] = is_first ? (t10 - t11) << MORE : descaled(t10 - t11, MORE);
        w[2 * apart] = descaled(z1 + t13 * 6270, bits);
        w[6 * apart] = descaled(z1 - t12 * 15137, bits);
        rotate(&d3, &d2, &d1, &d0);
        w[7 * apart] = descaled(d3, bits);
        w[5 * apart] = descaled(d2, bits);
        w[3 * apart] = descaled(d1, bits);
        w[apart] = descaled(d0, bits);
    }
}

/* A pass of ifast's forward DCT, of all lanes. */
INLINE void fast_pass(const int apart, const uint32_t *restrict in, uint32_t *restrict out)
{
    for (int lane = 0; lane < LANES; lane++) {
        const uint32_t *const v = in + lane;
        uint32_t *const w = out + lane;
        const uint32_t s0 = v[0] + v[7 * apart], s1 = v[apart] + v[6 * apart], s2 = v[2 * apart] + v[5 * apart];
        const uint32_t s3 = v[3 * apart] + v[4 * apart];
        const uint32_t d0 = v[0] - v[7 * apart], d1 = v[apart] - v[6 * apart], d2 = v[2 * apart] - v[5 * apart];
        const uint32_t d3 = v[3 * apart] - v[4 * apart];
        const uint32_t t10 = s0 + s3, t13 = s0 - s3, t11 = s1 + s2, t12 = s1 - s2;
        const uint32_t a = d3 + d2, b = d2 + d1, c = d1 + d0;
        const uint32_t z1 = (uint32_t)shifted((t12 + t13) * 181, 8), z3 = (uint32_t)shifted(b * 181, 8);
        const uint32_t z5 = (uint32_t)shifted((a - c) * 98, 8);
        const uint32_t z2 = (uint32_t)shifted(a * 139, 8) + z5, z4 = (uint32_t)shifted(c * 334, 8) + z5;
        w[0] = t10 + t11;
        w[4 * apart] = t10 - t11;
        w[2 * apart] = t13 + z1;
        w[6 * apart] = t13 - z1;
        w[5 * apart] = d0 - z3 + z2;
        w[3 * apart] = d0 - z3 - z2;
        w[apart] = d0 + z3 + z4;
        w[7 * apart] = d0 + z3 - z4;
    }
}

/* A pass of the forward DCT in single precision, of all lanes. */
INLINE void float_pass(const int apart, const float *restrict in, float *restrict out)
{
    for (int lane = 0; lane < LANES; lane++) {
        const float *const v = in + lane;
        float *const w = out + lane;
        const float s0 = v[0] + v[7 * apart], s1 = v[apart] + v[6 * apart], s2 = v[2 * apart] + v[5 * apart];
        const float s3 = v[3 * apart] + v[4 * apart];
        const float d0 = v[0] - v[7 * apart], d1 = v[apart] - v[6 * apart], d2 = v[2 * apart] - v[5 * apart];
        const float d3 = v[3 * apart] - v[4 * apart];
        const float t10 = s0 + s3, t13 = s0 - s3, t11 = s1 + s2, t12 = s1 - s2;
        const float a = d3 + d2, b = d2 + d1, c = d1 + d0;
        const float z1 = (t12 + t13) * 0.707106781f, z3 = b * 0.707106781f, z5 = (a - c) * 0.382683433f;
        const float z2 = a * 0.541196100f + z5, z4 = c * 1.306562965f + z5, z11 = d0 + z3, z13 = d0 - z3;
        w[0] = t10 + t11;
        w[4 * apart] = t10 - t11;
        w[2 * apart] = t13 + z1;
        w[6 * apart] = t13 - z1;
        w[5 * apart] = z13 + z2;
        w[3 * apart] = z13 - z2;
        w[apart] = z11 + z4;
        w[7 * apart] = z11 - z4;
    }
}

/* Rounds numbers below 2^22 to nearest, halves to even. */
INLINE float rounded(float number)
{
    const float shift = 12582912.0f; /* 1.5 * 2^23: from here on, floats are integers */
    return (number + shift) - shift;
}

/* The first pass of the forward DCT, over rows of pixels less 128. */
INLINE void forward_rows(const int method, const Numbers pixels, Numbers rows, Floats float_rows)
{
    Floats as_floats;
    if (method == FLOAT)
        for (int place = 0; place < BLOCK; place++)
            for (int lane = 0; lane < LANES; lane++) as_floats[place][lane] = (float)(int32_t)pixels[place][lane];
    for (int row = 0; row < BLOCK; row += SIDE) {
        if (method == SLOW) slow_pass(LANES, pixels[row], rows[row], 1);
        if (method == FAST) fast_pass(LANES, pixels[row], rows[row]);
        if (method == FLOAT) float_pass(LANES, as_floats[row], float_rows[row]);
    }
}

/* The second pass, over a column. */
INLINE void forward_column(const int method, int column, const Numbers rows, const Floats float_rows, Numbers out,
                           Floats float_out)
{
    if (method == SLOW) slow_pass(SIDE * LANES, rows[column], out[column], 0);
    if (method == FAST) fast_pass(SIDE * LANES, rows[column], out[column]);
    if (method == FLOAT) float_pass(SIDE * LANES, float_rows[column], float_out[column]);
}

/* The forward DCT of pixels less 128, divided and rounded. */
INLINE void quantise(const int method, const Quantiser *quantiser, const Numbers pixels, int32_t out[BLOCK][LANES])
{
    Numbers rows, values;
    Floats float_rows, float_values;
    forward_rows(method, pixels, rows, float_rows);
    for (int column = 0; column < SIDE; column++)
        forward_column(method, column, rows, float_rows, values, float_values);
    for (int place = 0; place < BLOCK; place++) {
        if (method == FLOAT) {
            const float factor = ((const float *)quantiser->scales)[place];
            for (int lane = 0; lane < LANES; lane++)
                out[place][lane] = (int32_t)rounded(float_values[place][lane] * factor);
            continue;
        }
        const int32_t divisor = ((const int32_t *)quantiser->scales)[place], half = divisor / 2;
        const float by = (float)divisor;
        for (int lane = 0; lane < LANES; lane++) {
            const int32_t value = (int32_t)values[place][lane], size = (value < 0 ? -value : value) + half;
            const int32_t quotient = (int32_t)((float)size / by); /* exact, as sizes are below 2^24 */
            out[place][lane] = value < 0 ? -quotient : quotient;
        }
    }
}

/* The second pass of the inverse DCT, after which samples are clipped, and pixels gain their offset. */
INLINE void show(const Numbers columns, const Numbers offset, Numbers pixels)
{
    for (int row = 0; row < BLOCK; row += SIDE)
        inverse_pass(LANES, LANES, columns[row], pixels[row], BITS + MORE + 3);
    for (int place = 0; place < BLOCK; place++)
        for (int lane = 0; lane < LANES; lane++) {
            int32_t sample = (int32_t)pixels[place][lane];
            sample = sample < -MIDDLE ? -MIDDLE : sample;
            sample = sample > PEAK - MIDDLE ? PEAK - MIDDLE : sample;
            pixels[place][lane] = (uint32_t)sample + offset[place][lane];
        }
}

/* Blocks, each with its offset, up to LANES of them: coefficients times steps; zeros in other lanes. */
static void load(const int16_t *blocks, const int8_t *offsets, Py_ssize_t count, const int32_t *steps, Numbers values,
                 Numbers offset)
{
    memset(values, 0, sizeof(Numbers));
    memset(offset, 0, sizeof(Numbers));
    for (int lane = 0; lane < count; lane++)
        for (int place = 0; place < BLOCK; place++) {
            const uint32_t product = (uint32_t)blocks[lane * BLOCK + place] * (uint32_t)steps[zigzag[place]];
            values[zigzag[place]][lane] = (uint32_t)(int16_t)product;
            offset[place][lane] = (uint32_t)offsets[lane * BLOCK + place];
        }
}

/* The pixels of up to LANES blocks. */
INLINE void show_blocks(const int16_t *blocks, const int8_t *offsets, Py_ssize_t count, const int32_t *steps,
                        Numbers pixels)
{
    Numbers values, offset, columns;
    load(blocks, offsets, count, steps, values, offset);
    for (int column = 0; column < SIDE; column++)
        inverse_pass(LANES, SIDE * LANES, values[column], columns[column], BITS - MORE);
    show(columns, offset, pixels);
}

/* Writes quantised coefficients of up to LANES blocks in zigzag order. */
INLINE void store(int32_t values[BLOCK][LANES], Py_ssize_t count, int16_t *out)
{
    for (int lane = 0; lane < count; lane++)
        for (int place = 0; place < BLOCK; place++) out[lane * BLOCK + place] = (int16_t)values[zigzag[place]][lane];
}

/* Rows of blocks of a plane, `columns` blocks wide. */
INLINE void forward_all(const int method, const Quantiser *quantiser, const uint8_t *samples, Py_ssize_t columns,
                        Py_ssize_t rows, int16_t *out)
{
    Numbers pixels;
    int32_t coded[BLOCK][LANES];
    memset(pixels, 0, sizeof pixels);
    for (Py_ssize_t row = 0; row < rows; row++)
        for (Py_ssize_t start = 0; start < columns; start += LANES) {
            const Py_ssize_t now = columns - start < LANES ? columns - start : LANES;
            for (int y = 0; y < SIDE; y++) {
                const uint8_t *const line = samples + ((row * SIDE + y) * columns + start) * SIDE;
                for (int lane = 0; lane < now; lane++)
                    for (int x = 0; x < SIDE; x++)
                        pixels[y * SIDE + x][lane] = (uint32_t)line[lane * SIDE + x] - MIDDLE;
            }
            quantise(method, quantiser, pixels, coded);
            store(coded, now, out + (row * columns + start) * BLOCK);
        }
}

WIDEST static void forward(const Quantiser *quantiser, const uint8_t *samples, Py_ssize_t columns, Py_ssize_t rows,
                           int16_t *out)
{
    if (quantiser->method == SLOW) forward_all(SLOW, quantiser, samples, columns, rows, out);
    if (quantiser->method == FAST) forward_all(FAST, quantiser, samples, columns, rows, out);
    if (quantiser->method == FLOAT) forward_all(FLOAT, quantiser, samples, columns, rows, out);
}

/* What results of the DCT must be for blocks to arrive as planned. */
typedef struct {
    Numbers least;
    int32_t span[BLOCK][LANES]; /* from the least to the highest; negative: there is none */
    Floats planned; /* FLOAT: the rounded quotients */
} Plan;

INLINE void plan(const int method, const Quantiser *quantiser, int place, int lane, int32_t coefficient, Plan *planned)
{
    if (method == FLOAT) {
        planned->planned[place][lane] = (float)coefficient;
        return;
    }
    const int32_t inward = ((const int32_t *)quantiser->inward)[place];
    const int32_t outward = ((const int32_t *)quantiser->outward)[place];
    const int32_t below = coefficient > 0 ? inward : outward, above = coefficient < 0 ? inward : outward;
    const uint32_t middle = (uint32_t)coefficient * ((const uint32_t *)quantiser->scales)[place];
    planned->least[place][lane] = middle - (uint32_t)below;
    planned->span[place][lane] = below < 0 || above < 0 ? -1 : below + above;
}

/* Sets the lanes of pixels that arrive as planned, of those that are set; stops once there are none. */
INLINE void compare(const int method, const Quantiser *quantiser, const Numbers pixels, const Plan *planned,
                    int32_t holds[LANES])
{
    Numbers rows, values;
    Floats float_rows, float_values;
    forward_rows(method, pixels, rows, float_rows);
    for (int column = 0; column < SIDE; column++) {
        forward_column(method, column, rows, float_rows, values, float_values);
        for (int place = column; place < BLOCK; place += SIDE) {
            if (method == FLOAT) {
                const float factor = ((const float *)quantiser->scales)[place];
                const float limit = ((const float *)quantiser->inward)[place];
                for (int lane = 0; lane < LANES; lane++) {
                    const float middle = planned->planned[place][lane], quotient = float_values[place][lane] * factor;
                    const float away = quotient - middle;
                    holds[lane] &= (away <= limit) & (away >= -limit) & (rounded(quotient) == middle);
                }
                continue;
            }
            for (int lane = 0; lane < LANES; lane++) {
                const int32_t span = planned->span[place][lane];
                holds[lane] &= (values[place][lane] - planned->least[place][lane] <= (uint32_t)span) & (span >= 0);
            }
        }
        int32_t any = 0;
        for (int lane = 0; lane < LANES; lane++) any |= holds[lane];
        if (!any) return;
    }
}

INLINE void blocks_all(const int method, const Quantiser *quantiser, const int32_t *steps, const int16_t *blocks,
                       const int8_t *offsets, Py_ssize_t count, uint8_t *out)
{
    Numbers pixels;
    Plan planned;
    int32_t holds[LANES];
    memset(&planned, 0, sizeof planned);
    for (Py_ssize_t start = 0; start < count; start += LANES) {
        const Py_ssize_t now = count - start < LANES ? count - start : LANES;
        show_blocks(blocks + start * BLOCK, offsets + start * BLOCK, now, steps, pixels);
        for (int lane = 0; lane < LANES; lane++) {
            holds[lane] = lane < now;
            for (int place = 0; place < BLOCK && lane < now; place++)
                plan(method, quantiser, zigzag[place], lane, blocks[(start + lane) * BLOCK + place], &planned);
        }
        compare(method, quantiser, pixels, &planned, holds);
        for (int lane = 0; lane < now; lane++) out[start + lane] = (uint8_t)holds[lane];
    }
}

WIDEST static void find_blocks(const Quantiser *quantiser, const int32_t *steps, const int16_t *blocks,
                               const int8_t *offsets, Py_ssize_t count, uint8_t *out)
{
    if (quantiser->method == SLOW) blocks_all(SLOW, quantiser, steps, blocks, offsets, count, out);
    if (quantiser->method == FAST) blocks_all(FAST, quantiser, steps, blocks, offsets, count, out);
    if (quantiser->method == FLOAT) blocks_all(FLOAT, quantiser, steps, blocks, offsets, count, out);
}

/* A block of which several changed copies are computed at once. */
typedef struct {
    uint32_t values[BLOCK], after_columns[BLOCK]; /* before and after the first pass of the inverse DCT */
    Numbers columns, offset;
    Plan planned;
} Copies;

/* Fills all lanes with the block as it is. */
INLINE void copy_block(const int method, const Quantiser *quantiser, const int32_t *steps, const int16_t *block,
                       const int8_t *offset, Copies *copies)
{
    for (int place = 0; place < BLOCK; place++) {
        const int natural = zigzag[place];
        copies->values[natural] = (uint32_t)(int16_t)((uint32_t)block[place] * (uint32_t)steps[natural]);
        plan(method, quantiser, natural, 0, block[place], &copies->planned);
    }
    inverse_pass(SIDE, SIDE, copies->values, copies->after_columns, BITS - MORE);
    for (int place = 0; place < BLOCK; place++)
        for (int lane = 0; lane < LANES; lane++) {
            copies->columns[place][lane] = copies->after_columns[place];
            copies->offset[place][lane] = (uint32_t)offset[place];
        }
    for (int place = 0; place < BLOCK; place++) /* one loop for both takes GCC 12 20 seconds to compile */
        for (int lane = 0; lane < LANES; lane++) {
            copies->planned.least[place][lane] = copies->planned.least[place][0];
            copies->planned.span[place][lane] = copies->planned.span[place][0];
            copies->planned.planned[place][lane] = copies->planned.planned[place][0];
        }
}

/* Changes a coefficient by 1 in each even lane, and by -1 in the next one, up to LANES / 2 coefficients. */
INLINE void step_lanes(const int method, const Quantiser *quantiser, const int32_t *steps, const int16_t *block,
                       const uint8_t *places, int count, Copies *copies)
{
    uint32_t column[SIDE][LANES] = {{0}}, after[SIDE][LANES];
    for (int lane = 0; lane < 2 * count; lane++) {
        const int natural = zigzag[places[lane / 2]];
        const int32_t sign = lane % 2 ? -1 : 1;
        for (int row = 0; row < SIDE; row++) column[row][lane] = copies->values[row * SIDE + natural % SIDE];
        column[natural / SIDE][lane] =
            (uint32_t)(int16_t)(copies->values[natural] + (uint32_t)sign * (uint32_t)steps[natural]);
        plan(method, quantiser, natural, lane, (int16_t)(block[places[lane / 2]] + sign), &copies->planned);
    }
    inverse_pass(LANES, LANES, column[0], after[0], BITS - MORE);
    for (int lane = 0; lane < 2 * count; lane++) {
        const int natural = zigzag[places[lane / 2]];
        for (int row = 0; row < SIDE; row++) copies->columns[row * SIDE + natural % SIDE][lane] = after[row][lane];
    }
}

/* Undoes the changes. */
INLINE void restore_lanes(const int method, const Quantiser *quantiser, const int16_t *block, const uint8_t *places,
                          int count, Copies *copies)
{
    for (int lane = 0; lane < 2 * count; lane++) {
        const int natural = zigzag[places[lane / 2]];
        for (int place = natural % SIDE; place < BLOCK; place += SIDE)
            copies->columns[place][lane] = copies->after_columns[place];
        plan(method, quantiser, natural, lane, block[places[lane / 2]], &copies->planned);
    }
}

INLINE void steps_all(const int method, const Quantiser *quantiser, const int32_t *steps, const int16_t *blocks,
                      const int8_t *offsets, const uint8_t *wanted, Py_ssize_t count, uint8_t *up, uint8_t *down)
{
    Numbers pixels;
    Copies copies;
    int32_t holds[LANES];
    memset(&copies, 0, sizeof copies);
    for (Py_ssize_t number = 0; number < count; number++) {
        const int16_t *const block = blocks + number * BLOCK;
        const Py_ssize_t before = number * (BLOCK - 1) - 1; /* place 1 comes first */
        uint8_t places[BLOCK];
        int tried = 0;
        for (int place = 1; place < BLOCK; place++) {
            up[before + place] = down[before + place] = 0;
            if (wanted[before + place]) places[tried++] = (uint8_t)place;
        }
        if (tried) copy_block(method, quantiser, steps, block, offsets + number * BLOCK, &copies);
        for (int start = 0; start < tried; start += LANES / 2) {
            const int now = tried - start < LANES / 2 ? tried - start : LANES / 2;
            step_lanes(method, quantiser, steps, block, places + start, now, &copies);
            show(copies.columns, copies.offset, pixels);
            for (int lane = 0; lane < LANES; lane++) holds[lane] = lane < 2 * now;
            compare(method, quantiser, pixels, &copies.planned, holds);
            for (int each = 0; each < now; each++) {
                up[before + places[start + each]] = (uint8_t)holds[2 * each];
                down[before + places[start + each]] = (uint8_t)holds[2 * each + 1];
            }
            restore_lanes(method, quantiser, block, places + start, now, &copies);
        }
    }
}

WIDEST static void find_steps(const Quantiser *quantiser, const int32_t *steps, const int16_t *blocks,
                              const int8_t *offsets, const uint8_t *wanted, Py_ssize_t count, uint8_t *up,
                              uint8_t *down)
{
    if (quantiser->method == SLOW) steps_all(SLOW, quantiser, steps, blocks, offsets, wanted, count, up, down);
    if (quantiser->method == FAST) steps_all(FAST, quantiser, steps, blocks, offsets, wanted, count, up, down);
    if (quantiser->method == FLOAT) steps_all(FLOAT, quantiser, steps, blocks, offsets, wanted, count, up, down);
}

WIDEST static void to_ycc(const uint8_t *restrict rgb, Py_ssize_t count, uint8_t *restrict luma, uint8_t *restrict blue,
                          uint8_t *restrict red)
{
    const int32_t middle = (MIDDLE << 16) + HALF - 1;
    for (Py_ssize_t pixel = 0; pixel < count; pixel++) {
        const int32_t r = rgb[3 * pixel], g = rgb[3 * pixel + 1], b = rgb[3 * pixel + 2];
        luma[pixel] = (uint8_t)((19595 * r + 38470 * g + 7471 * b + HALF) >> 16);
        blue[pixel] = (uint8_t)((middle + 32768 * b - 11059 * r - 21709 * g) >> 16);
        red[pixel] = (uint8_t)((middle + 32768 * r - 27439 * g - 5329 * b) >> 16);
    }
}

INLINE int32_t clipped(int32_t colour)
{
    const int32_t low = colour < 0 ? 0 : colour;
    return low > PEAK ? PEAK : low;
}

/* What luma gains by the conversion to colours and back, and the least distance of a colour from 0 and 255. */
WIDEST static void find_offsets(const uint8_t *decoded, Py_ssize_t channels, Py_ssize_t columns, Py_ssize_t rows,
                                int8_t *offset, int16_t *room)
{
    for (Py_ssize_t number = 0; number < rows * columns; number++) {
        const Py_ssize_t top = number / columns * SIDE, left = number % columns * SIDE;
        int32_t least = PEAK, most = 0;
        for (int place = 0; place < BLOCK; place++) {
            const uint8_t *const pixel =
                decoded + ((top + place / SIDE) * columns * SIDE + left + place % SIDE) * channels;
            const int32_t luma = pixel[0];
            const int32_t blue = channels == 3 ? pixel[1] - MIDDLE : 0, red = channels == 3 ? pixel[2] - MIDDLE : 0;
            const int32_t r = luma + ((91881 * red + HALF) >> 16);
            const int32_t g = luma + ((HALF - 22554 * blue - 46802 * red) >> 16);
            const int32_t b = luma + ((116130 * blue + HALF) >> 16);
            const int32_t lower = r < g ? r : g, higher = r < g ? g : r;
            const int32_t lowest = b < lower ? b : lower, highest = b > higher ? b : higher;
            least = lowest < least ? lowest : least;
            least = luma < least ? luma : least;
            most = highest > most ? highest : most;
            most = luma > most ? luma : most;
            const int32_t sum = 19595 * clipped(r) + 38470 * clipped(g) + 7471 * clipped(b);
            offset[number * BLOCK + place] = (int8_t)(((sum + HALF) >> 16) - luma);
        }
        room[number] = (int16_t)(least < PEAK - most ? least : PEAK - most);
    }
}

/* Whether a method and its tables are such that nothing is divided by zero. */
static int fits_quantiser(int method, const Py_buffer *scales)
{
    if (method < 0 || method >= METHODS || scales->len != BLOCK * 4) return 0;
    if (method == FLOAT) return 1;
    for (int place = 0; place < BLOCK; place++)
        if (((const int32_t *)scales->buf)[place] < 1) return 0;
    return 1;
}

static int are_tables(const Py_buffer *buffers, int count)
{
    for (int each = 0; each < count; each++)
        if (buffers[each].len != BLOCK * 4) return 0;
    return 1;
}

PyObject *jpeg_ycc(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[4];
    if (!PyArg_ParseTuple(arguments, "y*w*w*w*", buffers, buffers + 1, buffers + 2, buffers + 3)) return NULL;
    const Py_ssize_t count = buffers[1].len;
    const int fits = buffers[0].len == 3 * count && buffers[2].len == count && buffers[3].len == count;
    PyThreadState *others = PyEval_SaveThread();
    if (fits) to_ycc(buffers[0].buf, count, buffers[1].buf, buffers[2].buf, buffers[3].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 4);
}

PyObject *jpeg_offsets(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3]; /* decoded, offset, room */
    Py_ssize_t columns, channels;
    if (!PyArg_ParseTuple(arguments, "y*nnw*w*", buffers, &columns, &channels, buffers + 1, buffers + 2)) return NULL;
    const Py_ssize_t blocks = buffers[2].len / (Py_ssize_t)sizeof(int16_t);
    const int fits = columns > 0 && (channels == 1 || channels == 3) && blocks % columns == 0 &&
                     buffers[1].len == blocks * BLOCK && buffers[0].len == blocks * BLOCK * channels;
    PyThreadState *others = PyEval_SaveThread();
    if (fits)
        find_offsets(buffers[0].buf, channels, columns, blocks / columns, buffers[1].buf, buffers[2].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

PyObject *jpeg_forward(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[3]; /* samples, scales, coefficients */
    Py_ssize_t columns;
    int method;
    if (!PyArg_ParseTuple(arguments, "iy*ny*w*", &method, buffers, &columns, buffers + 1, buffers + 2)) return NULL;
    const Py_ssize_t row = columns * BLOCK;
    const int fits = columns > 0 && buffers[0].len % row == 0 && fits_quantiser(method, buffers + 1) &&
                     buffers[2].len == buffers[0].len * (Py_ssize_t)sizeof(int16_t);
    const Quantiser quantiser = {method, buffers[1].buf, NULL, NULL};
    PyThreadState *others = PyEval_SaveThread();
    if (fits) forward(&quantiser, buffers[0].buf, columns, buffers[0].len / row, buffers[2].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 3);
}

PyObject *jpeg_blocks_hold(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[7];
    int method;
    if (!PyArg_ParseTuple(arguments, "iy*y*y*y*y*y*w*", &method, buffers, buffers + 1, buffers + 2, buffers + 3,
                          buffers + 4, buffers + 5, buffers + 6))
        return NULL;
    const Py_ssize_t count = buffers[6].len;
    const int fits = buffers[0].len == count * BLOCK * (Py_ssize_t)sizeof(int16_t) &&
                     buffers[1].len == count * BLOCK && are_tables(buffers + 2, 4) &&
                     fits_quantiser(method, buffers + 3);
    const Quantiser quantiser = {method, buffers[3].buf, buffers[4].buf, buffers[5].buf};
    PyThreadState *others = PyEval_SaveThread();
    if (fits) find_blocks(&quantiser, buffers[2].buf, buffers[0].buf, buffers[1].buf, count, buffers[6].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 7);
}

PyObject *jpeg_steps_hold(PyObject *self, PyObject *arguments)
{
    Py_buffer buffers[9];
    int method;
    if (!PyArg_ParseTuple(arguments, "iy*y*y*y*y*y*y*w*w*", &method, buffers, buffers + 1, buffers + 2, buffers + 3,
                          buffers + 4, buffers + 5, buffers + 6, buffers + 7, buffers + 8))
        return NULL;
    const Py_ssize_t count = buffers[1].len / BLOCK, places = count * (BLOCK - 1);
    const int fits = buffers[0].len == count * BLOCK * (Py_ssize_t)sizeof(int16_t) &&
                     buffers[1].len == count * BLOCK && are_tables(buffers + 2, 4) &&
                     fits_quantiser(method, buffers + 3) && buffers[6].len == places && buffers[7].len == places &&
                     buffers[8].len == places;
    const Quantiser quantiser = {method, buffers[3].buf, buffers[4].buf, buffers[5].buf};
    PyThreadState *others = PyEval_SaveThread();
    if (fits)
        find_steps(&quantiser, buffers[2].buf, buffers[0].buf, buffers[1].buf, buffers[6].buf, count, buffers[7].buf,
                   buffers[8].buf);
    PyEval_RestoreThread(others);
    return ended(fits, buffers, 9);
}
