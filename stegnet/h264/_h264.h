/* What the sources of the H.264 reader share; only _h264.c knows Python.

   A slice is transcoded: each syntax element is decoded and coded again, and the levels of each block of coefficients
   can be replaced between the two. Clauses and tables are those of Rec. ITU-T H.264 (08/2021). */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { LARGEST = 139264, WIDEST_LEVEL = 32767, WRITABLE_LEVEL = 2063 }; /* macroblocks, of level 6.2; |level| */
enum { PADDING = 16, LONGEST_NAL = 1 << 26, MARGIN = 1 << 15 }; /* bytes; the last is more than a macroblock takes */

/* The same numbers as `Reason` in h264_levels.py. */
typedef enum {
    FINE, NOT_A_SLICE, DAMAGED, INTERLACED, DEEP, NOT_420, SWITCHING, PARTITIONED, GROUPED, REDUNDANT, LOSSLESS,
    UNKNOWN_PROFILE, TOO_LARGE, NOT_EXACT, NO_MEMORY, WRONG_COUNT, WRONG_VALUE
} Failure;

enum { P_SLICE, B_SLICE, I_SLICE };
enum { LUMA_DC, LUMA_AC, LUMA_4X4, CHROMA_DC, CHROMA_AC, LUMA_8X8 }; /* ctxBlockCat, table 9-42 */

typedef struct {
    const uint8_t *data;
    size_t size;
} Bytes;

/* NAL units of a slice and its parameters, without start codes. */
typedef struct {
    Bytes sps, pps, nal;
} Source;

/* Bits of a NAL unit without its emulation prevention, PADDING bytes behind them; none is read beyond the last. */
typedef struct {
    const uint8_t *data;
    size_t size, at; /* bits */
    int failed;
} Reader;

typedef struct {
    uint8_t *data;
    size_t size, room; /* bytes */
    uint64_t waiting;  /* bits that make no whole bytes yet, the last ones lowest */
    int bits;
} Writer;

typedef struct {
    int id, width, height; /* macroblocks */
    int frame_num_bits, order_type, order_bits, order_always_zero, direct_8x8;
    int shown[4]; /* first and end column, first and end row of what is shown, in samples of luma */
} Sps;

typedef struct {
    int id, sps_id, cabac, order_present, references[2], weighted, bipred, qp, chroma_offset[2], deblocking, redundant;
    int transform_8x8;
} Pps;

typedef struct {
    int nal_type, ref_idc, type, first, qp, references[2], init_idc;
} Header;

/* A non-zero level; the same layout as `LEVEL` in h264_levels.py. */
typedef struct {
    int32_t value;
    uint32_t macroblock;
    uint8_t kind, position, qp, block, intra, unused[3];
} Level;

/* What later macroblocks ask of one: zero for one that is skipped. Cells are 4x4 blocks, by rows. */
typedef struct {
    uint8_t counts[24];    /* levels of each cell: 16 of luma, 4 of Cb, 4 of Cr */
    uint8_t mvd[2][16][2]; /* |mvd| of each list's cells, up to 64 */
    uint8_t references[2]; /* of each list a bit for each quarter: ref_idx > 0 */
    uint8_t pattern, dc;   /* coded_block_pattern; bits for DC levels of luma, Cb, Cr */
    uint8_t coded, not_direct, not_nxn, chroma_mode, transform_8x8;
} Macroblock;

/* A block of coefficients; its levels in coding order, that of the highest frequency first. */
typedef struct {
    int kind, number, cell, first, step, size; /* coefficient i has position first + step * i */
    int count;
    int32_t levels[64];
    uint8_t places[64];
} Block;

/* The arithmetic decoder (9.3.1.2): `left` more bits of the stream are in `value`, below its 9. */
typedef struct {
    const uint8_t *data;
    size_t next, end; /* bytes */
    uint64_t value;
    uint32_t range;
    int left;
} Decoder;

/* The arithmetic encoder (9.3.4.2): `bits` above the 10 of its register wait in `low`. */
typedef struct {
    Writer *out;
    size_t start;
    uint64_t low;
    uint32_t range;
    int bits;
} Encoder;

enum { CONTEXTS = 313, PREFIXES = 17 * 8 };

typedef struct {
    uint8_t value, length;
} Code;

struct Coding;

typedef struct {
    Sps sps;
    Pps pps;
    Header header;
    const struct Coding *coding;
    Failure failure;
    Reader in; /* ends before the stop bit, once the header is read */
    Writer out;

    uint32_t address, column;
    Macroblock now, *row; /* the last macroblock of each column */
    const Macroblock *left, *above;
    int has_left, has_above, intra, qp, qp_delta;

    Decoder decoder; /* CABAC */
    Encoder encoder;
    uint8_t contexts[CONTEXTS][2]; /* of levels, the second is the encoder's */

    int64_t skips; /* CAVLC: macroblocks left of mb_skip_run; -1: it comes next */
    Code tokens[4][PREFIXES], zeros[15][PREFIXES], chroma_zeros[3][PREFIXES], runs[7][PREFIXES];

    Block block;
    Level *levels; /* found */
    size_t count, room;
    const int32_t *values; /* to write instead, or NULL */
    size_t values_count;
    int padding; /* CABAC: the last bit of the last byte, behind the stop bit; -1: the stop bit is that one */
} Slice;

/* The syntax elements of the macroblock layer (7.3.5), each decoded and coded again; of CABAC and of CAVLC. */
typedef struct Coding {
    void (*start)(Slice *slice);
    int (*skipped)(Slice *slice);
    int (*mb_type)(Slice *slice);
    int (*sub_type)(Slice *slice);
    int (*transform_8x8)(Slice *slice);
    void (*intra_mode)(Slice *slice);
    int (*chroma_mode)(Slice *slice);
    int (*pattern)(Slice *slice);
    int (*qp_delta)(Slice *slice);
    int (*reference)(Slice *slice, int list, int quarter);
    int (*mvd)(Slice *slice, int list, int cell, int component);
    void (*pcm)(Slice *slice);
    void (*block)(Slice *slice, Block *block);
    int (*ended)(Slice *slice);
    void (*finish)(Slice *slice);
} Coding;

extern const Coding h264_cabac, h264_cavlc;

/* _h264_bits.c */
size_t h264_unescaped(Bytes nal, uint8_t *out); /* out: as many bytes */
size_t h264_escaped(Bytes rbsp, uint8_t *out);  /* out: half as many again, and 1 */
int h264_reserve(Writer *out, size_t more);     /* 0: there is no memory */
size_t h264_stop_bit(const Reader *in);         /* the last 1; 0: there is none */
uint32_t h264_ue(Reader *in);
int32_t h264_se(Reader *in);

/* _h264_headers.c */
Failure h264_read_sps(Reader *in, Sps *sps);
Failure h264_read_pps(Reader *in, Pps *pps);
Failure h264_read_header(Reader *in, const Sps *sps, const Pps *pps, Header *header);

/* _h264_slice.c; what they return is to be freed, also after a failure */
Failure h264_identify(Bytes nal, int *type, int *id, int *sps_id); /* of parameters, or of a slice its PPS's */
Failure h264_area(Bytes nal, Sps *sps);                            /* sizes of an SPS's pictures */
Failure h264_read(const Source *source, Level **levels, size_t *count, int *padding);
Failure h264_write(const Source *source, const int32_t *values, size_t count, int padding, Bytes *out);
void h264_pass(Slice *slice, Block *block); /* logs the levels of a block, or replaces them */

static inline void fail(Slice *slice, Failure failure)
{
    if (!slice->failure) slice->failure = failure;
}

/* Levels in the cells beside one and above it: of this macroblock, or of the next one there. */
static inline int count_left(const Slice *slice, int cell)
{
    const int is_luma = cell < 16, width = is_luma ? 4 : 2;
    return cell % width ? slice->now.counts[cell - 1] : slice->left->counts[cell + width - 1];
}

static inline int count_above(const Slice *slice, int cell)
{
    if (cell < 16) return cell >= 4 ? slice->now.counts[cell - 4] : slice->above->counts[cell + 12];
    return cell & 2 ? slice->now.counts[cell - 2] : slice->above->counts[cell + 2];
}

static inline uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static inline int leading_zeros(uint32_t value) /* 32 of 0 */
{
#ifdef __GNUC__
    return value ? __builtin_clz(value) : 32;
#else
    int zeros = 32;
    for (; value; value >>= 1) zeros--;
    return zeros;
#endif
}

/* The next 32 bits; beyond the end, whatever follows. */
static inline uint32_t peek(const Reader *in)
{
    const uint8_t *const at = in->data + in->at / 8;
    return (uint32_t)(((uint64_t)load32(at) << 8 | at[4]) >> (8 - in->at % 8));
}

static inline void skip(Reader *in, int bits)
{
    in->at += (size_t)bits;
    if (in->at <= in->size) return;
    in->at = in->size;
    in->failed = 1;
}

static inline uint32_t take(Reader *in, int bits) /* up to 32 */
{
    const uint32_t value = bits ? peek(in) >> (32 - bits) : 0;
    skip(in, bits);
    return value;
}

static inline void put(Writer *out, uint32_t value, int bits) /* up to 32 */
{
    out->waiting = out->waiting << bits | value;
    out->bits += bits;
    if (out->bits < 32) return;
    out->bits -= 32;
    const uint32_t whole = (uint32_t)(out->waiting >> out->bits);
    for (int shift = 24; shift >= 0; shift -= 8) out->data[out->size++] = (uint8_t)(whole >> shift);
}
