/* Slices of H.264, transcoded (7.3.4 and 7.3.5): syntax of CABAC and CAVLC alike. */

#include "_h264.h"

#include <stdlib.h>

enum { NXN, LARGE_INTRA, I_PCM = 25, INTRA_IN_P = 5, INTRA_IN_B = 23, SPLIT_P = 3, SPLIT_P0 = 4, SPLIT_B = 22 };
enum { SLICE_NAL = 1, IDR_NAL = 5, SPS_NAL = 7, PPS_NAL = 8 };
enum { L0 = 1, L1 = 2, BI = 3 };

/* Cells of 4x4 blocks, in coding order (6.4.3). */
static const uint8_t cells[16] = {0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15};

/* A part of a macroblock: its first cell, its size in cells, its lists. */
typedef struct {
    uint8_t cell, width, height, lists;
} Part;

/* Tables 7-17 and 7-18: sizes in cells, and lists. */
static const Part sub_parts_p[4] = {{0, 2, 2, L0}, {0, 2, 1, L0}, {0, 1, 2, L0}, {0, 1, 1, L0}};
static const Part sub_parts_b[13] = {
    {0, 2, 2, 0},  {0, 2, 2, L0}, {0, 2, 2, L1}, {0, 2, 2, BI}, {0, 2, 1, L0}, {0, 1, 2, L0}, {0, 2, 1, L1},
    {0, 1, 2, L1}, {0, 2, 1, BI}, {0, 1, 2, BI}, {0, 1, 1, L0}, {0, 1, 1, L1}, {0, 1, 1, BI},
};

/* Table 7-14: lists of both parts, of B macroblocks from 4 on, two by two. */
static const uint8_t lists_b[9][2] = {{L0, L0}, {L1, L1}, {L0, L1}, {L1, L0}, {L0, BI},
                                      {L1, BI}, {BI, L0}, {BI, L1}, {BI, BI}};

/* As neighbours outside of the slice are taken to be: beside an inter and an intra macroblock. */
static const Macroblock outside[2] = {
    {.pattern = 15},
    {.pattern = 15, .dc = 7, .counts = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
};

/* ---- residual (7.3.5.3) */

static int chroma_qp(const Slice *slice, int plane)
{
    static const uint8_t high[22] = {29, 30, 31, 32, 32, 33, 34, 34, 35, 35, 36,
                                     36, 37, 37, 37, 38, 38, 38, 39, 39, 39, 39};
    const int index = slice->qp + slice->pps.chroma_offset[plane]; /* table 8-15 */
    return index < 0 ? 0 : index < 30 ? index : high[(index > 51 ? 51 : index) - 30];
}

static int block_qp(const Slice *slice, const Block *block)
{
    if (block->kind == CHROMA_DC) return chroma_qp(slice, block->number);
    return block->kind == CHROMA_AC ? chroma_qp(slice, block->number / 4) : slice->qp;
}

static void replace(Slice *slice, Block *block)
{
    if (slice->values_count - slice->count < (size_t)block->count) {
        fail(slice, WRONG_COUNT);
        return;
    }
    for (int number = 0; number < block->count; number++) {
        const int32_t value = slice->values[slice->count++], old = block->levels[number];
        const int is_writable = value && value <= WRITABLE_LEVEL && value >= -WRITABLE_LEVEL;
        if (value == old || is_writable)
            block->levels[number] = value;
        else
            fail(slice, WRONG_VALUE);
    }
}

static int has_room(Slice *slice, size_t more)
{
    if (slice->room - slice->count >= more) return 1;
    const size_t room = 2 * slice->room + 4096;
    Level *const levels = realloc(slice->levels, room * sizeof *levels);
    if (!levels) return 0;
    slice->levels = levels;
    slice->room = room;
    return 1;
}

void h264_pass(Slice *slice, Block *block)
{
    if (slice->values) {
        replace(slice, block);
        return;
    }
    if (!has_room(slice, 64)) {
        fail(slice, NO_MEMORY);
        return;
    }
    Level level = {.macroblock = slice->address, .kind = (uint8_t)block->kind, .block = (uint8_t)block->number};
    level.qp = (uint8_t)block_qp(slice, block);
    level.intra = (uint8_t)slice->intra;
    for (int number = 0; number < block->count; number++) {
        level.value = block->levels[number];
        level.position = (uint8_t)(block->first + block->step * block->places[number]);
        slice->levels[slice->count++] = level;
    }
}

/* A block; with a part from 0 to 3, every fourth coefficient of one of 8x8, which CAVLC codes as four. */
static void residual_block(Slice *slice, int kind, int number, int cell, int part)
{
    static const uint8_t sizes[6] = {16, 15, 16, 4, 15, 64};
    Block *const block = &slice->block;
    block->kind = kind;
    block->number = number;
    block->cell = cell;
    block->first = part >= 0 ? part : kind == LUMA_AC || kind == CHROMA_AC;
    block->step = part >= 0 ? 4 : 1;
    block->size = part >= 0 ? 16 : sizes[kind];
    slice->coding->block(slice, block);
}

static void residual_quarter(Slice *slice, int quarter, int is_large)
{
    const int is_wide = slice->now.transform_8x8;
    if (is_wide && slice->pps.cabac) {
        residual_block(slice, LUMA_8X8, quarter, cells[4 * quarter], -1);
        return;
    }
    for (int part = 0; part < 4; part++) {
        const int number = 4 * quarter + part;
        if (is_wide)
            residual_block(slice, LUMA_8X8, quarter, cells[number], part);
        else
            residual_block(slice, is_large ? LUMA_AC : LUMA_4X4, number, cells[number], -1);
    }
}

/* mb_qp_delta and the residual, if there is one. */
static void residual(Slice *slice, int is_large)
{
    const int pattern = slice->now.pattern, chroma = pattern >> 4;
    slice->qp_delta = pattern || is_large ? slice->coding->qp_delta(slice) : 0;
    slice->qp = (slice->qp + slice->qp_delta + 52) % 52;
    if (is_large) residual_block(slice, LUMA_DC, 0, 0, -1);
    for (int quarter = 0; quarter < 4; quarter++)
        if (pattern >> quarter & 1) residual_quarter(slice, quarter, is_large);
    for (int plane = 0; chroma && plane < 2; plane++) residual_block(slice, CHROMA_DC, plane, 16 + 4 * plane, -1);
    for (int number = 0; chroma == 2 && number < 8; number++)
        residual_block(slice, CHROMA_AC, number, 16 + number, -1);
}

/* ---- prediction (7.3.5.1 and 7.3.5.2) */

static void fill_mvd(Slice *slice, int list, const Part *part, const uint8_t *mvd)
{
    for (int row = 0; row < part->height; row++)
        for (int column = 0; column < part->width; column++)
            memcpy(slice->now.mvd[list][part->cell + 4 * row + column], mvd, 2);
}

static void pass_mvd(Slice *slice, int list, const Part *part)
{
    uint8_t mvd[2];
    for (int component = 0; component < 2; component++)
        mvd[component] = (uint8_t)slice->coding->mvd(slice, list, part->cell, component);
    fill_mvd(slice, list, part, mvd);
}

/* ref_idx of a part, noted in the quarters that it covers. */
static void pass_reference(Slice *slice, int list, const Part *part)
{
    if (slice->header.references[list] == 1) return;
    const int quarter = part->cell / 8 * 2 + part->cell % 4 / 2;
    if (slice->coding->reference(slice, list, quarter) == 0) return;
    for (int down = 0; down < part->height; down += 2)
        for (int right = 0; right < part->width; right += 2)
            slice->now.references[list] |= (uint8_t)(1 << (quarter + down + right / 2));
}

static void pass_parts(Slice *slice, const Part *parts, int count)
{
    for (int list = 0; list < 2; list++)
        for (int number = 0; number < count; number++)
            if (parts[number].lists >> list & 1) pass_reference(slice, list, parts + number);
    for (int list = 0; list < 2; list++)
        for (int number = 0; number < count; number++)
            if (parts[number].lists >> list & 1) pass_mvd(slice, list, parts + number);
}

/* Motion of four quarters; whether all are of 8x8 transforms' size. */
static int pass_quarters(Slice *slice, int has_references)
{
    Part quarters[4], sub_parts[4];
    int fits = 1;
    for (int number = 0; number < 4; number++) {
        const int type = slice->coding->sub_type(slice), is_b = slice->header.type == B_SLICE;
        sub_parts[number] = (is_b ? sub_parts_b : sub_parts_p)[type];
        sub_parts[number].cell = cells[4 * number];
        quarters[number] = (Part){cells[4 * number], 2, 2, sub_parts[number].lists};
        fits &= is_b && !type ? slice->sps.direct_8x8 : sub_parts[number].width * sub_parts[number].height == 4;
    }
    for (int list = 0; list < 2; list++)
        for (int number = 0; has_references && number < 4; number++)
            if (quarters[number].lists >> list & 1) pass_reference(slice, list, quarters + number);
    for (int list = 0; list < 2; list++)
        for (int number = 0; number < 4; number++) {
            Part part = sub_parts[number];
            if (!(part.lists >> list & 1)) continue;
            for (int down = 0; down < 2; down += part.height)
                for (int right = 0; right < 2; right += part.width) {
                    part.cell = (uint8_t)(sub_parts[number].cell + 4 * down + right);
                    pass_mvd(slice, list, &part);
                }
        }
    return fits;
}

/* Motion of an inter macroblock that is not split in four. */
static void pass_motion(Slice *slice, int type)
{
    if (slice->header.type == B_SLICE && type < 4) {
        const Part whole = {0, 4, 4, (uint8_t)type};
        pass_parts(slice, &whole, 1);
        return;
    }
    const uint8_t only_first[2] = {L0, L0};
    const uint8_t *const lists = slice->header.type == B_SLICE ? lists_b[(type - 4) / 2] : only_first;
    const int is_upright = slice->header.type == B_SLICE ? type & 1 : type == 2, is_whole = !type;
    const Part parts[2] = {
        {0, is_upright ? 2 : 4, is_upright || is_whole ? 4 : 2, lists[0]},
        {is_upright ? 2 : 8, is_upright ? 2 : 4, is_upright ? 4 : 2, lists[1]},
    };
    pass_parts(slice, parts, is_whole ? 1 : 2);
}

static void inter(Slice *slice, int type)
{
    const int is_b = slice->header.type == B_SLICE, is_direct = is_b && !type;
    int fits = !is_direct || slice->sps.direct_8x8;
    slice->now.not_direct = !is_direct;
    if (is_b ? type == SPLIT_B : type >= SPLIT_P)
        fits = pass_quarters(slice, is_b || type != SPLIT_P0);
    else if (!is_direct)
        pass_motion(slice, type);
    slice->now.pattern = (uint8_t)slice->coding->pattern(slice);
    if (slice->now.pattern & 15 && slice->pps.transform_8x8 && fits)
        slice->now.transform_8x8 = (uint8_t)slice->coding->transform_8x8(slice);
    residual(slice, 0);
}

static void pass_pcm(Slice *slice)
{
    slice->coding->pcm(slice);
    memset(slice->now.counts, 16, sizeof slice->now.counts);
    slice->now.pattern = 47;
    slice->now.dc = 7;
    slice->qp_delta = 0;
}

static void intra(Slice *slice, int type)
{
    slice->now.not_direct = 1;
    slice->now.not_nxn = type != NXN;
    if (type == I_PCM) {
        pass_pcm(slice);
        return;
    }
    if (type == NXN) {
        if (slice->pps.transform_8x8) slice->now.transform_8x8 = (uint8_t)slice->coding->transform_8x8(slice);
        for (int modes = slice->now.transform_8x8 ? 4 : 16; modes; modes--) slice->coding->intra_mode(slice);
    }
    slice->now.chroma_mode = slice->coding->chroma_mode(slice) > 0;
    if (type == NXN)
        slice->now.pattern = (uint8_t)slice->coding->pattern(slice);
    else
        slice->now.pattern = (uint8_t)((type > 12 ? 15 : 0) + (type - 1) / 4 % 3 * 16);
    residual(slice, type != NXN);
}

/* ---- macroblocks */

static void find_neighbours(Slice *slice)
{
    slice->left = slice->has_left ? slice->row + slice->column - 1 : outside + slice->intra;
    slice->above = slice->has_above ? slice->row + slice->column : outside + slice->intra;
}

static void macroblock(Slice *slice)
{
    static const uint8_t first_intra[3] = {INTRA_IN_P, INTRA_IN_B, 0};
    const int first = first_intra[slice->header.type], type = slice->coding->mb_type(slice);
    slice->now.coded = 1;
    slice->intra = type >= first;
    find_neighbours(slice);
    if (slice->intra)
        intra(slice, type - first);
    else
        inter(slice, type);
}

static void macroblocks(Slice *slice)
{
    const uint32_t width = (uint32_t)slice->sps.width, first = (uint32_t)slice->header.first;
    const uint32_t count = width * (uint32_t)slice->sps.height;
    for (slice->address = first; slice->address < count; slice->address++) {
        slice->column = slice->address % width;
        slice->has_left = slice->column && slice->address > first;
        slice->has_above = slice->address >= first + width;
        slice->now = (Macroblock){0};
        slice->intra = 0;
        find_neighbours(slice);
        if (!h264_reserve(&slice->out, MARGIN)) fail(slice, NO_MEMORY);
        if (slice->failure) return;
        if (slice->coding->skipped(slice))
            slice->qp_delta = 0;
        else
            macroblock(slice);
        slice->row[slice->column] = slice->now;
        if (slice->coding->ended(slice)) return;
    }
    fail(slice, DAMAGED);
}

/* ---- slices */

static Bytes front(Bytes nal, size_t most)
{
    return (Bytes){nal.data, nal.size < most ? nal.size : most};
}

/* A NAL unit without emulation prevention, behind its first byte; the caller frees its data. */
static Failure open_nal(Bytes nal, Reader *reader)
{
    *reader = (Reader){0};
    if (nal.size < 2 || nal.data[0] >> 7) return DAMAGED;
    if (nal.size > LONGEST_NAL) return TOO_LARGE;
    uint8_t *const data = malloc(nal.size + PADDING);
    if (!data) return NO_MEMORY;
    const size_t size = h264_unescaped(nal, data);
    memset(data + size, 0, PADDING);
    *reader = (Reader){data, 8 * size, 8, 0};
    return FINE;
}

static int nal_type(Bytes nal)
{
    return nal.size ? nal.data[0] & 31 : 0;
}

Failure h264_area(Bytes nal, Sps *sps)
{
    Reader reader;
    Failure failure = nal_type(nal) == SPS_NAL ? open_nal(nal, &reader) : DAMAGED;
    if (failure) return failure;
    failure = h264_read_sps(&reader, sps);
    free((void *)reader.data);
    return failure;
}

static Failure open_pps(Bytes nal, Pps *pps)
{
    Reader reader;
    Failure failure = nal_type(nal) == PPS_NAL ? open_nal(nal, &reader) : DAMAGED;
    if (failure) return failure;
    failure = h264_read_pps(&reader, pps);
    free((void *)reader.data);
    return failure;
}

static Failure check_type(int type)
{
    if (type >= 2 && type <= 4) return PARTITIONED;
    return type == SLICE_NAL || type == IDR_NAL ? FINE : NOT_A_SLICE;
}

static void close_slice(Slice *slice)
{
    free((void *)slice->in.data);
    free(slice->out.data);
    free(slice->row);
}

/* Reads the parameters and the header; the slice is to be closed. */
static Failure open_slice(const Source *source, Slice *slice)
{
    const Bytes nal = source->nal;
    memset(slice, 0, sizeof *slice);
    Failure failure = check_type(nal_type(nal));
    if (!failure) failure = h264_area(source->sps, &slice->sps);
    if (!failure) failure = open_pps(source->pps, &slice->pps);
    if (!failure && slice->pps.sps_id != slice->sps.id) failure = DAMAGED;
    if (!failure) failure = open_nal(nal, &slice->in);
    if (failure) return failure;
    slice->header.nal_type = nal_type(nal);
    slice->header.ref_idc = nal.data[0] >> 5;
    return h264_read_header(&slice->in, &slice->sps, &slice->pps, &slice->header);
}

static Failure transcode(Slice *slice)
{
    const size_t size = slice->in.size / 8;
    slice->in.size = h264_stop_bit(&slice->in);
    if (slice->in.at >= slice->in.size) return DAMAGED;
    slice->row = calloc((size_t)slice->sps.width, sizeof *slice->row);
    if (!slice->row || !h264_reserve(&slice->out, size + MARGIN)) return NO_MEMORY;
    slice->coding = slice->pps.cabac ? &h264_cabac : &h264_cavlc;
    slice->qp = slice->header.qp;
    slice->coding->start(slice);
    macroblocks(slice);
    if (slice->failure) return slice->failure;
    slice->coding->finish(slice);
    const size_t rest = size - (slice->in.size / 8 + 1); /* cabac_zero_words */
    if (!h264_reserve(&slice->out, rest)) return NO_MEMORY;
    memset(slice->out.data + slice->out.size, 0, rest);
    slice->out.size += rest;
    return slice->failure;
}

/* The NAL unit of what was written, and the zeros that followed the one read. */
static Failure close_nal(const Slice *slice, size_t zeros, Bytes *out)
{
    const Bytes rbsp = {slice->out.data, slice->out.size};
    uint8_t *const data = malloc(rbsp.size + rbsp.size / 2 + 1 + zeros);
    if (!data) return NO_MEMORY;
    const size_t size = h264_escaped(rbsp, data);
    memset(data + size, 0, zeros);
    *out = (Bytes){data, size + zeros};
    return FINE;
}

static size_t trailing_zeros(Bytes nal)
{
    size_t zeros = 0;
    while (zeros < nal.size && !nal.data[nal.size - 1 - zeros]) zeros++;
    return zeros;
}

/* Transcodes a slice, with other values if they are given; what it has written is to be freed. */
static Failure pass_slice(const Source *source, Slice *slice, const int32_t *values, size_t count, int padding,
                          Bytes *out)
{
    const size_t zeros = trailing_zeros(source->nal);
    const Source own = {source->sps, source->pps, {source->nal.data, source->nal.size - zeros}};
    Failure failure = open_slice(&own, slice);
    slice->values = values;
    slice->values_count = count;
    slice->padding = padding;
    if (!failure) failure = transcode(slice);
    if (!failure) failure = close_nal(slice, zeros, out);
    close_slice(slice);
    return failure;
}

Failure h264_identify(Bytes nal, int *type, int *id, int *sps_id)
{
    Reader reader = {0};
    *type = nal_type(nal);
    *id = *sps_id = -1;
    const int is_set = *type == SPS_NAL || *type == PPS_NAL;
    Failure failure = is_set ? FINE : check_type(*type);
    if (!failure) failure = open_nal(front(nal, 64), &reader);
    if (failure) return failure;
    if (*type == SPS_NAL)
        skip(&reader, 24);
    else if (!is_set) {
        h264_ue(&reader); /* first_mb_in_slice */
        h264_ue(&reader); /* slice_type */
    }
    const uint32_t first = h264_ue(&reader), second = *type == PPS_NAL ? h264_ue(&reader) : 0;
    free((void *)reader.data);
    if (reader.failed || first > 255 || second > 31) return DAMAGED;
    *id = (int)first;
    if (*type == PPS_NAL) *sps_id = (int)second;
    return FINE;
}

Failure h264_read(const Source *source, Level **levels, size_t *count, int *padding)
{
    Slice slice;
    Bytes out = {0};
    Failure failure = pass_slice(source, &slice, NULL, 0, -1, &out);
    if (!failure && (out.size != source->nal.size || memcmp(out.data, source->nal.data, out.size))) failure = NOT_EXACT;
    free((void *)out.data);
    *levels = slice.levels;
    *count = slice.count;
    *padding = slice.padding;
    return failure;
}

Failure h264_write(const Source *source, const int32_t *values, size_t count, int padding, Bytes *out)
{
    Slice slice;
    Level *levels = NULL;
    size_t found = 0;
    int own = -1;
    *out = (Bytes){0};
    const Failure failure = h264_read(source, &levels, &found, &own);
    free(levels);
    if (failure || found != count) return failure ? failure : WRONG_COUNT;
    return pass_slice(source, &slice, values, count, own < 0 ? padding : own, out);
}
