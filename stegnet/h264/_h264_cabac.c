/* The macroblock layer of H.264 in context-adaptive binary arithmetic coding (9.3). Each bin is decoded and encoded
   again; the encoder has contexts of its own where levels can differ. */

#include "_h264_cabac_tables.h"

#include "_h264.h"

/* First contexts of syntax elements (table 9-34); from 276 on, 123 lower than there. */
enum {
    MB_TYPE_I = 3, SKIP_P = 11, MB_TYPE_P = 14, SUB_TYPE_P = 21, SKIP_B = 24, MB_TYPE_B = 27, SUB_TYPE_B = 36,
    MVD_X = 40, MVD_Y = 47, REFERENCE = 54, QP_DELTA = 60, CHROMA_MODE = 64, INTRA_MODE = 68, LUMA_PATTERN = 73,
    CHROMA_PATTERN = 77, CODED_BLOCK = 85, TRANSFORM_8X8 = 276
};
static const uint16_t significant_contexts[6] = {105, 120, 134, 149, 152, 279};
static const uint16_t last_contexts[6] = {166, 181, 195, 210, 213, 294};
static const uint16_t level_contexts[6] = {227, 237, 247, 257, 266, 303};
enum { I_PCM = 25, INTRA_IN_P = 5, INTRA_IN_B = 23, MOST_MAGNITUDE_BITS = 15, FAR_MVD = 64 };

/* Bits by which a range below 256 is shifted to be one of 9 bits, by its highest five of eight. */
static const uint8_t shifts[32] = {6, 5, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 2, 2, 2, 2,
                                   1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

/* ---- the arithmetic decoder; a context is 2 * pStateIdx + valMPS */

static inline void refill(Decoder *in)
{
    if (in->left >= 8) return;
    in->value <<= 32;
    in->left += 32;
    if (in->next < in->end) in->value |= load32(in->data + in->next); /* there are PADDING bytes behind the end */
    in->next += 4;
}

static void start_decoder(Decoder *in, const Reader *reader)
{
    const size_t at = reader->at / 8;
    *in = (Decoder){.data = reader->data, .next = at, .end = reader->size / 8 + 1, .range = 510, .left = -9};
    refill(in);
}

static inline uint32_t lps_range(uint32_t range, uint8_t context)
{
    return range_lps[context >> 1][range >> 6 & 3];
}

/* A context after the more and after the less probable symbol (table 9-45). */
static inline uint8_t more_likely(uint8_t context)
{
    return (uint8_t)(context < 124 ? context + 2 : context);
}

static inline uint8_t less_likely(uint8_t context)
{
    return (uint8_t)(after_lps[context >> 1] << 1 | ((context & 1) ^ (context < 2)));
}

static inline void narrow_decoder(Decoder *in, uint32_t range, int shift)
{
    in->range = range << shift;
    in->left -= shift;
    refill(in);
}

/* Whether the less probable symbol comes next; takes it. */
static inline int decode_rare(Decoder *in, uint8_t context)
{
    const uint32_t lps = lps_range(in->range, context), mps = in->range - lps;
    const uint64_t limit = (uint64_t)mps << in->left;
    if (in->value < limit) {
        narrow_decoder(in, mps, mps < 256);
        return 0;
    }
    in->value -= limit;
    narrow_decoder(in, lps, shifts[lps >> 3]);
    return 1;
}

static inline int decode(Decoder *in, uint8_t *context)
{
    const int likely = *context & 1;
    if (!decode_rare(in, *context)) {
        *context = more_likely(*context);
        return likely;
    }
    *context = less_likely(*context);
    return !likely;
}

static inline int decode_bypass(Decoder *in)
{
    in->left--;
    const uint64_t limit = (uint64_t)in->range << in->left;
    const int bin = in->value >= limit;
    if (bin) in->value -= limit;
    refill(in);
    return bin;
}

static int decode_end(Decoder *in)
{
    in->range -= 2;
    if (in->value >= (uint64_t)in->range << in->left) return 1;
    narrow_decoder(in, in->range, in->range < 256);
    return 0;
}

/* The bit that the decoder reads next, behind its 9. */
static size_t next_bit(const Decoder *in)
{
    return 8 * in->next - (size_t)in->left;
}

/* ---- the arithmetic encoder */

/* Adds the highest bits that wait, and their carry to those written before. */
static inline void write_bytes(Encoder *out, uint64_t bits, int bytes)
{
    Writer *const writer = out->out;
    if (bits >> 8 * bytes)
        for (size_t at = writer->size; at > out->start && !++writer->data[at - 1];) at--;
    while (bytes--) writer->data[writer->size++] = (uint8_t)(bits >> 8 * bytes);
}

static inline void drain(Encoder *out)
{
    if (out->bits < 32) return;
    out->bits -= 32;
    write_bytes(out, out->low >> (10 + out->bits), 4);
    out->low &= ((uint64_t)1 << (10 + out->bits)) - 1;
}

static void start_encoder(Encoder *out, Writer *writer)
{
    *out = (Encoder){.out = writer, .start = writer->size, .range = 510, .bits = -1}; /* the first bit is always 0 */
}

static inline void narrow_encoder(Encoder *out, uint32_t range, int shift)
{
    out->range = range << shift;
    out->low <<= shift;
    out->bits += shift;
    drain(out);
}

static inline void encode_likely(Encoder *out, uint8_t context)
{
    const uint32_t mps = out->range - lps_range(out->range, context);
    narrow_encoder(out, mps, mps < 256);
}

static inline void encode_rare(Encoder *out, uint8_t context)
{
    const uint32_t lps = lps_range(out->range, context);
    out->low += out->range - lps;
    narrow_encoder(out, lps, shifts[lps >> 3]);
}

static inline void encode(Encoder *out, uint8_t *context, int bin)
{
    if (bin == (*context & 1)) {
        encode_likely(out, *context);
        *context = more_likely(*context);
        return;
    }
    encode_rare(out, *context);
    *context = less_likely(*context);
}

static inline void encode_bypass(Encoder *out, int bin)
{
    out->low <<= 1;
    if (bin) out->low += out->range;
    out->bits++;
    drain(out);
}

static void encode_end(Encoder *out, int bin)
{
    const uint32_t rest = out->range - 2;
    if (bin) out->low += rest;
    narrow_encoder(out, bin ? 2 : rest, bin ? 7 : rest < 256);
}

/* Ends with a 1 and zeros up to a whole byte (9.3.4.5). */
static void end_encoder(Encoder *out)
{
    const int bits = out->bits + 3, zeros = -bits & 7;
    write_bytes(out, (out->low >> 7 | 1) << zeros, (bits + zeros) / 8);
}

/* ---- bins that pass */

/* A bin that can't change: one context serves both engines. */
static inline int pass(Decoder *in, Encoder *out, uint8_t *context)
{
    const uint8_t before = *context;
    if (!decode_rare(in, before)) {
        encode_likely(out, before);
        *context = more_likely(before);
        return before & 1;
    }
    encode_rare(out, before);
    *context = less_likely(before);
    return !(before & 1);
}

static int bin(Slice *slice, int context)
{
    return pass(&slice->decoder, &slice->encoder, slice->contexts[context]);
}

static int bypass(Slice *slice)
{
    const int value = decode_bypass(&slice->decoder);
    encode_bypass(&slice->encoder, value);
    return value;
}

static int end(Slice *slice)
{
    const int value = decode_end(&slice->decoder);
    encode_end(&slice->encoder, value);
    return value;
}

static void start_engines(Slice *slice)
{
    start_decoder(&slice->decoder, &slice->in);
    start_encoder(&slice->encoder, &slice->out);
}

/* Contexts by the slice's QP (9.3.1.1); the slice's data begin at a whole byte. */
static void start(Slice *slice)
{
    const int8_t(*const init)[2] = context_init[slice->header.type == I_SLICE ? 0 : 1 + slice->header.init_idc];
    for (int context = 0; context < CONTEXTS; context++) {
        const int level = ((init[context][0] * slice->header.qp) >> 4) + init[context][1];
        const int state = level < 1 ? 1 : level > 126 ? 126 : level;
        const int packed = state <= 63 ? 2 * (63 - state) : 2 * (state - 64) + 1;
        slice->contexts[context][0] = slice->contexts[context][1] = (uint8_t)packed;
    }
    skip(&slice->in, -(int)slice->in.at & 7);
    const size_t size = slice->in.at / 8;
    memcpy(slice->out.data, slice->in.data, size);
    slice->out.size = size;
    start_engines(slice);
}

/* ---- syntax elements; context increments by neighbours are those of 9.3.3.1.1 */

static int skipped(Slice *slice)
{
    const int first = slice->header.type == P_SLICE ? SKIP_P : slice->header.type == B_SLICE ? SKIP_B : 0;
    return first && bin(slice, first + slice->left->coded + slice->above->coded);
}

/* An Intra_16x16 or I_PCM macroblock, behind its first bin; `step` is 0 where bins share contexts. */
static int large_intra_type(Slice *slice, int first, int step)
{
    if (end(slice)) return I_PCM;
    int type = 1 + 12 * bin(slice, first);
    if (bin(slice, first + 1)) type += 4 + 4 * bin(slice, first + 1 + step);
    type += 2 * bin(slice, first + 2 + step);
    return type + bin(slice, first + 2 + 2 * step);
}

static int intra_type_between(Slice *slice, int first) /* of P and B slices */
{
    return bin(slice, first) ? large_intra_type(slice, first + 1, 0) : 0;
}

static int mb_type_p(Slice *slice)
{
    if (bin(slice, MB_TYPE_P)) return INTRA_IN_P + intra_type_between(slice, MB_TYPE_P + 3);
    if (bin(slice, MB_TYPE_P + 1)) return bin(slice, MB_TYPE_P + 3) ? 1 : 2;
    return bin(slice, MB_TYPE_P + 2) ? 3 : 0;
}

static int mb_type_b(Slice *slice)
{
    if (!bin(slice, MB_TYPE_B + slice->left->not_direct + slice->above->not_direct)) return 0;
    if (!bin(slice, MB_TYPE_B + 3)) return 1 + bin(slice, MB_TYPE_B + 5);
    int bins = bin(slice, MB_TYPE_B + 4);
    for (int more = 3; more; more--) bins = 2 * bins + bin(slice, MB_TYPE_B + 5);
    if (bins < 8) return 3 + bins;
    if (bins == 13) return INTRA_IN_B + intra_type_between(slice, MB_TYPE_B + 5);
    if (bins == 14) return 11;
    if (bins == 15) return 22;
    return 2 * bins + bin(slice, MB_TYPE_B + 5) - 4;
}

static int mb_type(Slice *slice)
{
    if (slice->header.type == P_SLICE) return mb_type_p(slice);
    if (slice->header.type == B_SLICE) return mb_type_b(slice);
    if (!bin(slice, MB_TYPE_I + slice->left->not_nxn + slice->above->not_nxn)) return 0;
    return large_intra_type(slice, MB_TYPE_I + 3, 1);
}

static int sub_type_p(Slice *slice)
{
    if (bin(slice, SUB_TYPE_P)) return 0;
    if (!bin(slice, SUB_TYPE_P + 1)) return 1;
    return bin(slice, SUB_TYPE_P + 2) ? 2 : 3;
}

static int sub_type(Slice *slice)
{
    if (slice->header.type == P_SLICE) return sub_type_p(slice);
    if (!bin(slice, SUB_TYPE_B)) return 0;
    if (!bin(slice, SUB_TYPE_B + 1)) return 1 + bin(slice, SUB_TYPE_B + 3);
    int type = 3;
    if (bin(slice, SUB_TYPE_B + 2)) {
        if (bin(slice, SUB_TYPE_B + 3)) return 11 + bin(slice, SUB_TYPE_B + 3);
        type += 4;
    }
    type += 2 * bin(slice, SUB_TYPE_B + 3);
    return type + bin(slice, SUB_TYPE_B + 3);
}

static int transform_8x8(Slice *slice)
{
    return bin(slice, TRANSFORM_8X8 + slice->left->transform_8x8 + slice->above->transform_8x8);
}

static void intra_mode(Slice *slice)
{
    if (bin(slice, INTRA_MODE)) return;
    for (int bins = 3; bins; bins--) bin(slice, INTRA_MODE + 1);
}

static int chroma_mode(Slice *slice)
{
    if (!bin(slice, CHROMA_MODE + slice->left->chroma_mode + slice->above->chroma_mode)) return 0;
    if (!bin(slice, CHROMA_MODE + 3)) return 1;
    return 2 + bin(slice, CHROMA_MODE + 3);
}

static int pattern(Slice *slice)
{
    const int left = slice->left->pattern, above = slice->above->pattern;
    int found = 0;
    for (int quarter = 0; quarter < 4; quarter++) {
        const int beside = quarter & 1 ? found >> (quarter - 1) : left >> (quarter + 1);
        const int over = quarter & 2 ? found >> (quarter - 2) : above >> (quarter + 2);
        found |= bin(slice, LUMA_PATTERN + !(beside & 1) + 2 * !(over & 1)) << quarter;
    }
    if (!bin(slice, CHROMA_PATTERN + (left > 15) + 2 * (above > 15))) return found;
    return found + 16 + 16 * bin(slice, CHROMA_PATTERN + 4 + (left > 31) + 2 * (above > 31));
}

static int qp_delta(Slice *slice)
{
    if (!bin(slice, QP_DELTA + (slice->qp_delta != 0))) return 0;
    int code = 1;
    for (int context = QP_DELTA + 2; code < 53 && bin(slice, context); context = QP_DELTA + 3) code++;
    if (code == 53) fail(slice, DAMAGED);
    return code & 1 ? (code + 1) / 2 : -(code / 2);
}

static int reference(Slice *slice, int list, int quarter)
{
    const int own = slice->now.references[list], most = slice->header.references[list];
    const int left = quarter & 1 ? own >> (quarter - 1) : slice->left->references[list] >> (quarter + 1);
    const int above = quarter & 2 ? own >> (quarter - 2) : slice->above->references[list] >> (quarter + 2);
    int found = 0, context = REFERENCE + (left & 1) + 2 * (above & 1);
    while (found < most && bin(slice, context)) context = found++ ? REFERENCE + 5 : REFERENCE + 4;
    if (found == most) fail(slice, DAMAGED);
    return found;
}

/* The suffix of a binarization by Exp-Golomb codes of order k (9.3.2.3), decoded. */
static inline int32_t decode_suffix(Decoder *in, int k, int *failed)
{
    int32_t value = 0;
    while (decode_bypass(in)) {
        value += (int32_t)1 << k++;
        if (k <= MOST_MAGNITUDE_BITS) continue;
        *failed = 1;
        return 0;
    }
    int32_t low = 0;
    while (k--) low = 2 * low + decode_bypass(in);
    return value + low;
}

static inline void encode_suffix(Encoder *out, int k, int32_t value)
{
    for (; value >> k; k++) {
        encode_bypass(out, 1);
        value -= (int32_t)1 << k;
    }
    encode_bypass(out, 0);
    while (k--) encode_bypass(out, value >> k & 1);
}

static int mvd(Slice *slice, int list, int cell, int component)
{
    uint8_t(*const own)[2] = slice->now.mvd[list];
    const uint8_t *const left = cell & 3 ? own[cell - 1] : slice->left->mvd[list][cell + 3];
    const uint8_t *const above = cell >> 2 ? own[cell - 4] : slice->above->mvd[list][cell + 12];
    const int first = component ? MVD_Y : MVD_X, sum = left[component] + above[component];
    if (!bin(slice, first + (sum > 2) + (sum > 32))) return 0;
    int32_t size = 1;
    for (int context = first + 3; size < 9 && bin(slice, context); size++) context += context < first + 6;
    if (size == 9) {
        int failed = 0;
        const int32_t more = decode_suffix(&slice->decoder, 3, &failed);
        if (failed) fail(slice, DAMAGED);
        encode_suffix(&slice->encoder, 3, more);
        size += more;
    }
    bypass(slice);
    return size < FAR_MVD ? size : FAR_MVD;
}

/* Ends both engines' bytes; returns the place of the decoder's last 1. x264 makes the last of the zeros behind it a 1,
   too, by a pattern over its frames: that bit stays, or is the given one where it does not show. */
static size_t end_engines(Slice *slice)
{
    const size_t last = next_bit(&slice->decoder) - 1;
    end_encoder(&slice->encoder);
    if (last % 8 < 7 && last < slice->in.size + 8) slice->padding = slice->in.data[last / 8] & 1;
    if (slice->padding > 0) slice->out.data[slice->out.size - 1] |= 1;
    return last;
}

/* Bytes of samples, between the ends and the starts of both engines (7.3.5, 9.3.1.2). */
static void pcm(Slice *slice)
{
    Writer *const out = &slice->out;
    const size_t samples = 384, at = end_engines(slice) / 8 + 1;
    if (at + samples > slice->in.size / 8) {
        fail(slice, DAMAGED);
        return;
    }
    memcpy(out->data + out->size, slice->in.data + at, samples);
    out->size += samples;
    slice->in.at = 8 * (at + samples);
    start_engines(slice);
}

/* ---- blocks of coefficients (7.3.5.3.3) */

static int coded_block(Slice *slice, const Block *block)
{
    const int kind = block->kind, cell = block->cell;
    int left, above;
    if (kind == LUMA_8X8) return 1; /* inferred */
    if (kind == LUMA_DC || kind == CHROMA_DC) {
        const int bit = kind == LUMA_DC ? 0 : 1 + block->number;
        left = slice->left->dc >> bit & 1;
        above = slice->above->dc >> bit & 1;
    } else {
        left = count_left(slice, cell) != 0;
        above = count_above(slice, cell) != 0;
    }
    return bin(slice, CODED_BLOCK + 4 * kind + left + 2 * above);
}

/* Passes the significance map; returns the number of levels, whose places it writes from the lowest on. */
static int pass_places(Slice *slice, const Block *block, uint8_t *places)
{
    const int wide = block->kind == LUMA_8X8, narrow = block->kind == CHROMA_DC, last = block->size - 1;
    const int first_significant = significant_contexts[block->kind], first_last = last_contexts[block->kind];
    int count = 0;
    Decoder in = slice->decoder; /* copies stay in registers */
    Encoder out = slice->encoder;
    for (int place = 0; place < last; place++) {
        const int significant = wide ? significant_8x8[place] : narrow && place > 2 ? 2 : place;
        if (!pass(&in, &out, slice->contexts[first_significant + significant])) continue;
        places[count++] = (uint8_t)place;
        if (pass(&in, &out, slice->contexts[first_last + (wide ? last_8x8[place] : significant)])) goto done;
    }
    places[count++] = (uint8_t)last;
done:
    slice->decoder = in;
    slice->encoder = out;
    return count;
}

/* Contexts of a level's bins, by the levels before it (9.3.3.1.3). */
typedef struct {
    int ones, more, most; /* of magnitude 1, and above; the highest increment */
} Before;

static inline int first_bin(const Before *before)
{
    return before->more ? 0 : before->ones < 3 ? 1 + before->ones : 4;
}

static inline int later_bin(const Before *before)
{
    return 5 + (before->more < before->most ? before->more : before->most);
}

static inline void add_level(Before *before, int32_t size)
{
    before->ones += size == 1;
    before->more += size > 1;
}

static void decode_levels(Slice *slice, Block *block)
{
    Decoder in = slice->decoder;
    Before before = {0, 0, block->kind == CHROMA_DC ? 3 : 4};
    uint8_t(*const contexts)[2] = slice->contexts + level_contexts[block->kind];
    int failed = 0;
    for (int number = 0; number < block->count; number++) {
        int32_t size = 1 + decode(&in, contexts[first_bin(&before)]);
        if (size == 2) {
            uint8_t *const later = contexts[later_bin(&before)];
            while (size < 15 && decode(&in, later)) size++;
            if (size == 15) size += decode_suffix(&in, 0, &failed);
        }
        failed |= size > WIDEST_LEVEL;
        add_level(&before, size);
        block->levels[number] = decode_bypass(&in) ? -size : size;
    }
    if (failed) fail(slice, DAMAGED);
    slice->decoder = in;
}

static void encode_levels(Slice *slice, const Block *block)
{
    Encoder out = slice->encoder;
    Before before = {0, 0, block->kind == CHROMA_DC ? 3 : 4};
    uint8_t(*const contexts)[2] = slice->contexts + level_contexts[block->kind];
    for (int number = 0; number < block->count; number++) {
        const int32_t level = block->levels[number], size = level < 0 ? -level : level;
        encode(&out, contexts[first_bin(&before)] + 1, size > 1);
        if (size > 1) {
            uint8_t *const later = contexts[later_bin(&before)] + 1;
            for (int32_t bins = 2; bins < size && bins < 15; bins++) encode(&out, later, 1);
            if (size < 15)
                encode(&out, later, 0);
            else
                encode_suffix(&out, 0, size - 15);
        }
        encode_bypass(&out, level < 0);
        add_level(&before, size);
    }
    slice->encoder = out;
}

static void note_count(Slice *slice, const Block *block)
{
    uint8_t *const counts = slice->now.counts + block->cell;
    if (block->kind == LUMA_DC || block->kind == CHROMA_DC)
        slice->now.dc |= (uint8_t)(1 << (block->kind == LUMA_DC ? 0 : 1 + block->number));
    else
        counts[0] = 1;
    if (block->kind == LUMA_8X8) counts[1] = counts[4] = counts[5] = 1;
}

static void code_block(Slice *slice, Block *block)
{
    uint8_t places[64];
    if (!coded_block(slice, block)) return;
    note_count(slice, block);
    block->count = pass_places(slice, block, places);
    for (int number = 0; number < block->count; number++) block->places[number] = places[block->count - 1 - number];
    decode_levels(slice, block);
    h264_pass(slice, block);
    encode_levels(slice, block);
}

static int ended(Slice *slice)
{
    if (next_bit(&slice->decoder) > slice->in.size + 1) fail(slice, DAMAGED);
    return end(slice);
}

static void finish(Slice *slice)
{
    const size_t last = end_engines(slice);
    if (slice->in.size != last && slice->in.size != (last | 7)) fail(slice, DAMAGED);
}

const Coding h264_cabac = {
    start, skipped, mb_type, sub_type, transform_8x8, intra_mode, chroma_mode, pattern, qp_delta, reference, mvd, pcm,
    code_block, ended, finish,
};
