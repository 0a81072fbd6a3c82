/* The macroblock layer of H.264 in context-adaptive variable-length coding (9.1 and 9.2). */

#include "_h264.h"

#include "_h264_cavlc_tables.h"

enum { LONGEST_PREFIX = 19 }; /* of levels: more than 16 bits need */

/* ---- codes */

static uint32_t pass(Slice *slice, int bits) /* up to 32 */
{
    const uint32_t value = take(&slice->in, bits);
    put(&slice->out, value, bits);
    return value;
}

static uint32_t pass_ue(Slice *slice)
{
    const int zeros = leading_zeros(peek(&slice->in));
    if (zeros > 31) {
        fail(slice, DAMAGED);
        return 0;
    }
    pass(slice, zeros);
    return pass(slice, zeros + 1) - 1;
}

static int32_t pass_se(Slice *slice)
{
    const uint32_t code = pass_ue(slice);
    const int32_t half = (int32_t)(code / 2);
    return code % 2 ? half + 1 : -half;
}

static uint32_t pass_up_to(Slice *slice, uint32_t most)
{
    const uint32_t value = pass_ue(slice);
    if (value <= most) return value;
    fail(slice, DAMAGED);
    return 0;
}

/* A code is found by its zeros before the first 1, and by the three bits behind that. */
static void add_code(Code *entries, Code code, int value)
{
    const int ones = 32 - leading_zeros(code.value), zeros = code.length - ones, rest = ones ? ones - 1 : 0;
    const Code entry = {(uint8_t)value, code.length};
    if (!code.length) return;
    if (!ones) {
        for (int place = 8 * zeros; place < PREFIXES; place++) entries[place] = entry;
        return;
    }
    const int first = (code.value - (1 << rest)) << (3 - rest);
    for (int place = first; place < first + (8 >> rest); place++) entries[8 * zeros + place] = entry;
}

static int take_code(Slice *slice, const Code *entries)
{
    const uint32_t bits = peek(&slice->in);
    const int zeros = leading_zeros(bits | 1 << 15);
    const Code entry = entries[8 * zeros + (bits << zeros >> 28 & 7)];
    if (!entry.length) fail(slice, DAMAGED);
    skip(&slice->in, entry.length);
    return entry.value;
}

static void start(Slice *slice)
{
    for (int table = 0; table < 4; table++)
        for (int total = 0; total < 17; total++)
            for (int ones = 0; ones < 4; ones++)
                add_code(slice->tokens[table], token_codes[table][total][ones], 4 * total + ones);
    for (int value = 0; value < 16; value++) {
        for (int table = 0; table < 15; table++) add_code(slice->zeros[table], zeros_codes[table][value], value);
        for (int table = 0; table < 3; table++)
            add_code(slice->chroma_zeros[table], chroma_zeros_codes[table][value], value);
        for (int table = 0; table < 7; table++) add_code(slice->runs[table], run_codes[table][value], value);
    }
    const size_t bytes = slice->in.at / 8;
    const int bits = (int)(slice->in.at % 8);
    memcpy(slice->out.data, slice->in.data, bytes);
    slice->out.size = bytes;
    put(&slice->out, bits ? slice->in.data[bytes] >> (8 - bits) : 0, bits);
    slice->skips = slice->header.type == I_SLICE ? 0 : -1;
}

/* ---- syntax elements */

static int skipped(Slice *slice)
{
    if (slice->header.type == I_SLICE) return 0;
    if (slice->skips < 0) slice->skips = pass_up_to(slice, LARGEST);
    return slice->skips-- > 0;
}

static int ended(Slice *slice)
{
    if (slice->in.failed) fail(slice, DAMAGED);
    return slice->skips <= 0 && slice->in.at >= slice->in.size;
}

static int mb_type(Slice *slice)
{
    static const uint8_t most[3] = {30, 48, 25};
    return (int)pass_up_to(slice, most[slice->header.type]);
}

static int sub_type(Slice *slice)
{
    return (int)pass_up_to(slice, slice->header.type == B_SLICE ? 12 : 3);
}

static int transform_8x8(Slice *slice)
{
    return (int)pass(slice, 1);
}

static void intra_mode(Slice *slice)
{
    if (!pass(slice, 1)) pass(slice, 3);
}

static int chroma_mode(Slice *slice)
{
    return (int)pass_up_to(slice, 3);
}

static int pattern(Slice *slice)
{
    return patterns[slice->intra][pass_up_to(slice, 47)];
}

static int qp_delta(Slice *slice)
{
    const int32_t delta = pass_se(slice);
    if (delta < -26 || delta > 25) fail(slice, DAMAGED);
    return slice->failure ? 0 : (int)delta;
}

static int reference(Slice *slice, int list, int quarter)
{
    (void)quarter;
    const int most = slice->header.references[list] - 1;
    return (int)(most == 1 ? !pass(slice, 1) : pass_up_to(slice, (uint32_t)most));
}

static int mvd(Slice *slice, int list, int cell, int component)
{
    (void)list, (void)cell, (void)component;
    pass_ue(slice);
    return 0; /* no code depends on it */
}

static void pcm(Slice *slice)
{
    skip(&slice->in, -(int)slice->in.at & 7);
    put(&slice->out, 0, -slice->out.bits & 7);
    for (int words = 384 / 4; words; words--) pass(slice, 32);
}

/* ---- blocks of coefficients (9.2) */

/* nC: the mean of levels in the blocks at the left and above, or one of them (9.2.1). */
static int expected_count(const Slice *slice, int cell)
{
    const int inside_x = cell < 16 ? cell & 3 : cell & 1, inside_y = cell < 16 ? cell >> 2 : cell & 2;
    const int has_left = inside_x || slice->has_left, has_above = inside_y || slice->has_above;
    const int left = has_left ? count_left(slice, cell) : 0, above = has_above ? count_above(slice, cell) : 0;
    return has_left && has_above ? (left + above + 1) >> 1 : left + above;
}

/* coeff_token's table: 3 of chroma DC, 4 of fixed lengths. */
static int token_table(const Slice *slice, const Block *block)
{
    if (block->kind == CHROMA_DC) return 3;
    const int levels = expected_count(slice, block->cell);
    return levels < 2 ? 0 : levels < 4 ? 1 : levels < 8 ? 2 : 4;
}

static int take_token(Slice *slice, int table)
{
    if (table < 4) return take_code(slice, slice->tokens[table]);
    const int code = (int)take(&slice->in, 6);
    if (code == 3) return 0;
    if ((code & 3) > (code >> 2) + 1) fail(slice, DAMAGED);
    return code + 4;
}

static void put_token(Slice *slice, int table, int total, int ones)
{
    if (table < 4)
        put(&slice->out, token_codes[table][total][ones].value, token_codes[table][total][ones].length);
    else
        put(&slice->out, total ? (uint32_t)(4 * total + ones - 4) : 3, 6);
}

/* suffixLength behind a level (9.2.2.1). */
static int next_length(int length, int32_t level)
{
    const int32_t size = level < 0 ? -level : level;
    length += !length;
    return length + (length < 6 && size > 3 << (length - 1));
}

static int32_t take_level(Slice *slice, int length, int is_larger)
{
    const int prefix = leading_zeros(peek(&slice->in));
    if (prefix > LONGEST_PREFIX) {
        fail(slice, DAMAGED);
        return 1;
    }
    skip(&slice->in, prefix + 1);
    const int bits = prefix >= 15 ? prefix - 3 : prefix == 14 && !length ? 4 : length;
    int32_t code = (prefix < 15 ? prefix : 15) << length;
    code += (int32_t)take(&slice->in, bits);
    if (prefix >= 15 && !length) code += 15;
    if (prefix >= 16) code += (1 << (prefix - 3)) - 4096;
    if (is_larger) code += 2;
    const int32_t level = code % 2 ? -(code + 1) / 2 : code / 2 + 1;
    if (level > WIDEST_LEVEL || level < -WIDEST_LEVEL) fail(slice, DAMAGED);
    return level;
}

static void put_level(Slice *slice, int length, int is_larger, int32_t level)
{
    int32_t code = (level < 0 ? -2 * level - 1 : 2 * level - 2) - (is_larger ? 2 : 0);
    const int32_t escape = (15 << length) + (length ? 0 : 15);
    int prefix = 15, bits = 12;
    if (code >= escape) {
        code -= escape;
        for (; code >= 1 << bits; bits++, prefix++) code -= 1 << bits;
    } else if (length) {
        prefix = code >> length;
        bits = length;
        code -= prefix << length;
    } else {
        prefix = code < 14 ? code : 14;
        bits = code < 14 ? 0 : 4;
        code -= prefix;
    }
    put(&slice->out, 1, prefix + 1);
    put(&slice->out, (uint32_t)code, bits);
}

static void take_levels(Slice *slice, Block *block, int ones)
{
    int length = block->count > 10 && ones < 3;
    for (int number = 0; number < block->count; number++) {
        if (number < ones) {
            block->levels[number] = take(&slice->in, 1) ? -1 : 1;
            continue;
        }
        block->levels[number] = take_level(slice, length, number == ones && ones < 3);
        length = next_length(length, block->levels[number]);
    }
}

static void put_levels(Slice *slice, const Block *block, int ones)
{
    int length = block->count > 10 && ones < 3;
    for (int number = 0; number < block->count; number++) {
        const int32_t level = block->levels[number];
        if (number < ones) {
            put(&slice->out, level < 0, 1);
            continue;
        }
        put_level(slice, length, number == ones && ones < 3, level);
        length = next_length(length, level);
    }
}

/* Levels of magnitude 1 at the start, up to three. */
static int trailing_ones(const Block *block)
{
    int ones = 0;
    while (ones < 3 && ones < block->count && block->levels[ones] * block->levels[ones] == 1) ones++;
    return ones;
}

/* total_zeros and run_before (9.2.3): the places of the levels. */
static void take_places(Slice *slice, Block *block)
{
    int zeros = 0;
    if (block->count < block->size)
        zeros = take_code(slice, (block->size == 4 ? slice->chroma_zeros : slice->zeros)[block->count - 1]);
    if (zeros + block->count > block->size) {
        fail(slice, DAMAGED);
        return;
    }
    int place = zeros + block->count - 1;
    for (int number = 0; number < block->count; number++, place--) {
        block->places[number] = (uint8_t)place;
        if (!zeros || number + 1 == block->count) continue;
        const int run = take_code(slice, slice->runs[zeros < 7 ? zeros - 1 : 6]);
        if (run > zeros) {
            fail(slice, DAMAGED);
            return;
        }
        zeros -= run;
        place -= run;
    }
}

/* Passes what the reader has taken from a bit on. */
static void pass_again(Slice *slice, size_t from)
{
    const size_t end = slice->in.at;
    slice->in.at = from;
    while (slice->in.at < end) pass(slice, end - slice->in.at < 32 ? (int)(end - slice->in.at) : 32);
}

static void code_block(Slice *slice, Block *block)
{
    const int table = token_table(slice, block), token = take_token(slice, table);
    block->count = token >> 2;
    if (block->count > block->size) fail(slice, DAMAGED);
    if (block->kind != CHROMA_DC && block->kind != LUMA_DC) slice->now.counts[block->cell] = (uint8_t)block->count;
    if (slice->failure || !block->count) {
        put_token(slice, table, 0, 0);
        return;
    }
    take_levels(slice, block, token & 3);
    const size_t from = slice->in.at;
    take_places(slice, block);
    if (slice->failure) return;
    h264_pass(slice, block);
    put_token(slice, table, block->count, trailing_ones(block));
    put_levels(slice, block, trailing_ones(block));
    pass_again(slice, from);
}

static void finish(Slice *slice)
{
    Writer *const out = &slice->out;
    put(out, 1, 1);
    put(out, 0, -out->bits & 7);
    for (; out->bits; out->bits -= 8) out->data[out->size++] = (uint8_t)(out->waiting >> (out->bits - 8));
}

const Coding h264_cavlc = {
    start, skipped, mb_type, sub_type, transform_8x8, intra_mode, chroma_mode, pattern, qp_delta, reference, mvd, pcm,
    code_block, ended, finish,
};
