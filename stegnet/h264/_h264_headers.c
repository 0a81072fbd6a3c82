/* Sequence and picture parameter sets, and slice headers, of H.264 (7.3.2 and 7.3.3). */

#include "_h264.h"

enum { SETS = 32, PICTURE_SETS = 256 };

static void skip_scaling_lists(Reader *in, int count)
{
    for (int list = 0; list < count && !in->failed; list++) {
        const int size = list < 6 ? 16 : 64;
        if (!take(in, 1)) continue;
        for (int place = 0, last = 8; place < size && !in->failed; place++) {
            last = (last + (h264_se(in) & 255)) & 255;
            if (!last) break; /* the rest is as before it */
        }
    }
}

static int has_chroma_format(uint32_t profile)
{
    static const uint8_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    return memchr(high, (int)profile, sizeof high) != NULL;
}

static Failure read_chroma_format(Reader *in)
{
    const uint32_t format = h264_ue(in);
    if (in->failed) return DAMAGED;
    if (format != 1) return format > 3 ? DAMAGED : NOT_420;
    const uint32_t luma = h264_ue(in), chroma = h264_ue(in);
    if (luma || chroma) return DEEP;
    if (take(in, 1)) return LOSSLESS;
    if (take(in, 1)) skip_scaling_lists(in, 8);
    return FINE;
}

static Failure read_order(Reader *in, Sps *sps)
{
    const uint32_t type = h264_ue(in);
    if (type > 2) return DAMAGED;
    sps->order_type = (int)type;
    if (type == 0) {
        const uint32_t more = h264_ue(in);
        sps->order_bits = (int)(more % 16) + 4;
        return more > 12 ? DAMAGED : FINE;
    }
    if (type == 2) return FINE;
    sps->order_always_zero = (int)take(in, 1);
    h264_se(in);
    h264_se(in);
    const uint32_t cycle = h264_ue(in);
    if (cycle > 255) return DAMAGED;
    for (uint32_t number = 0; number < cycle; number++) h264_se(in);
    return FINE;
}

/* Equations 7-19 to 7-22, of progressive pictures in 4:2:0. */
static Failure read_cropping(Reader *in, Sps *sps)
{
    const int64_t sides[4] = {0, 16 * (int64_t)sps->width, 0, 16 * (int64_t)sps->height};
    const int is_cropped = (int)take(in, 1);
    for (int side = 0; side < 4; side++) {
        const int64_t cut = is_cropped ? 2 * (int64_t)h264_ue(in) : 0, end = side % 2 ? -cut : cut;
        if (cut > LARGEST) return DAMAGED;
        sps->shown[side] = (int)(sides[side] + end);
    }
    const int is_empty = sps->shown[0] >= sps->shown[1] || sps->shown[2] >= sps->shown[3];
    return in->failed || is_empty ? DAMAGED : FINE;
}

Failure h264_read_sps(Reader *in, Sps *sps)
{
    *sps = (Sps){0};
    const uint32_t profile = take(in, 8);
    skip(in, 16); /* constraints and level */
    const uint32_t id = h264_ue(in);
    if (in->failed || id >= SETS) return DAMAGED;
    sps->id = (int)id;
    Failure failure = FINE;
    if (has_chroma_format(profile))
        failure = read_chroma_format(in);
    else if (profile != 66 && profile != 77 && profile != 88)
        failure = UNKNOWN_PROFILE;
    if (failure) return failure;
    const uint32_t more = h264_ue(in);
    if (more > 12) return DAMAGED;
    sps->frame_num_bits = (int)more + 4;
    failure = read_order(in, sps);
    if (failure) return failure;
    h264_ue(in); /* max_num_ref_frames */
    take(in, 1); /* gaps_in_frame_num_value_allowed_flag */
    const uint32_t width = h264_ue(in), height = h264_ue(in);
    const int frames = (int)take(in, 1);
    if (in->failed) return DAMAGED;
    if (!frames) return INTERLACED;
    if (width >= LARGEST || height >= LARGEST || (uint64_t)(width + 1) * (height + 1) > LARGEST) return TOO_LARGE;
    sps->width = (int)width + 1;
    sps->height = (int)height + 1;
    sps->direct_8x8 = (int)take(in, 1);
    return read_cropping(in, sps); /* VUI follows */
}

Failure h264_read_pps(Reader *in, Pps *pps)
{
    *pps = (Pps){0};
    const uint32_t id = h264_ue(in), sps_id = h264_ue(in);
    if (in->failed || id >= PICTURE_SETS || sps_id >= SETS) return DAMAGED;
    pps->id = (int)id;
    pps->sps_id = (int)sps_id;
    pps->cabac = (int)take(in, 1);
    pps->order_present = (int)take(in, 1);
    if (h264_ue(in)) return in->failed ? DAMAGED : GROUPED;
    for (int list = 0; list < 2; list++) {
        const uint32_t references = h264_ue(in) + 1;
        if (references > 32) return DAMAGED;
        pps->references[list] = (int)references;
    }
    pps->weighted = (int)take(in, 1);
    pps->bipred = (int)take(in, 2);
    const int32_t qp = h264_se(in);
    h264_se(in); /* pic_init_qs_minus26 */
    const int32_t offset = h264_se(in);
    if (qp < -26 || qp > 25 || offset < -12 || offset > 12) return DAMAGED;
    pps->qp = 26 + (int)qp;
    pps->chroma_offset[0] = pps->chroma_offset[1] = (int)offset;
    pps->deblocking = (int)take(in, 1);
    take(in, 1); /* constrained_intra_pred_flag */
    pps->redundant = (int)take(in, 1);
    if (in->at >= h264_stop_bit(in)) return in->failed ? DAMAGED : FINE;
    pps->transform_8x8 = (int)take(in, 1);
    if (take(in, 1)) skip_scaling_lists(in, pps->transform_8x8 ? 8 : 6);
    const int32_t second = h264_se(in);
    if (in->failed || second < -12 || second > 12) return DAMAGED;
    pps->chroma_offset[1] = (int)second;
    return FINE;
}

/* ref_pic_list_modification (7.3.3.1). */
static Failure read_modifications(Reader *in, int lists)
{
    for (int list = 0; list < lists; list++) {
        if (!take(in, 1)) continue;
        for (uint32_t operation = 0; operation != 3;) {
            operation = h264_ue(in);
            if (in->failed || operation > 3) return DAMAGED;
            if (operation != 3) h264_ue(in);
        }
    }
    return FINE;
}

/* pred_weight_table (7.3.3.2). */
static Failure read_weights(Reader *in, const Header *header)
{
    if (h264_ue(in) > 7 || h264_ue(in) > 7) return DAMAGED;
    for (int list = 0; list <= (header->type == B_SLICE); list++)
        for (int reference = 0; reference < header->references[list]; reference++) {
            for (int values = take(in, 1) ? 2 : 0; values; values--) h264_se(in);
            for (int values = take(in, 1) ? 4 : 0; values; values--) h264_se(in);
        }
    return FINE;
}

/* dec_ref_pic_marking (7.3.3.3). */
static Failure read_marking(Reader *in, int is_idr)
{
    if (is_idr) {
        skip(in, 2);
        return FINE;
    }
    if (!take(in, 1)) return FINE;
    for (;;) {
        const uint32_t operation = h264_ue(in);
        if (in->failed || operation > 6) return DAMAGED;
        if (!operation) return FINE;
        if (operation != 5) h264_ue(in);
        if (operation == 3) h264_ue(in);
    }
}

/* Picture order count and redundant_pic_cnt. */
static Failure read_places(Reader *in, const Sps *sps, const Pps *pps, const Header *header)
{
    skip(in, sps->frame_num_bits);
    if (header->nal_type == 5 && h264_ue(in) > 65535) return DAMAGED; /* idr_pic_id */
    if (sps->order_type == 0) {
        skip(in, sps->order_bits);
        if (pps->order_present) h264_se(in);
    }
    if (sps->order_type == 1 && !sps->order_always_zero) {
        h264_se(in);
        if (pps->order_present) h264_se(in);
    }
    if (pps->redundant && h264_ue(in)) return REDUNDANT;
    return FINE;
}

static Failure read_references(Reader *in, const Pps *pps, Header *header)
{
    const int lists = header->type == B_SLICE ? 2 : header->type == P_SLICE ? 1 : 0;
    const int given = lists && take(in, 1);
    for (int list = 0; list < lists; list++) {
        const uint32_t references = given ? h264_ue(in) + 1 : (uint32_t)pps->references[list];
        if (in->failed || references > 32) return DAMAGED;
        header->references[list] = (int)references;
    }
    Failure failure = read_modifications(in, lists);
    if (!failure && ((pps->weighted && lists == 1) || (pps->bipred == 1 && lists == 2)))
        failure = read_weights(in, header);
    return failure;
}

/* Of a slice that begins behind its NAL unit's first byte. */
Failure h264_read_header(Reader *in, const Sps *sps, const Pps *pps, Header *header)
{
    const uint32_t first = h264_ue(in), type = h264_ue(in), pps_id = h264_ue(in);
    if (in->failed || type > 9 || pps_id >= PICTURE_SETS) return DAMAGED;
    if (type % 5 > I_SLICE) return SWITCHING;
    if ((int)pps_id != pps->id || first >= (uint32_t)(sps->width * sps->height)) return DAMAGED;
    header->first = (int)first;
    header->type = (int)type % 5;
    Failure failure = read_places(in, sps, pps, header);
    if (failure) return in->failed ? DAMAGED : failure;
    if (header->type == B_SLICE) skip(in, 1); /* direct modes, spatial or temporal, have the same syntax */
    failure = read_references(in, pps, header);
    if (!failure && header->ref_idc) failure = read_marking(in, header->nal_type == 5);
    if (failure) return failure;
    if (pps->cabac && header->type != I_SLICE) {
        const uint32_t init = h264_ue(in);
        if (init > 2) return DAMAGED;
        header->init_idc = (int)init;
    }
    const int32_t qp = h264_se(in);
    if (qp < -51 || qp > 51 || pps->qp + qp < 0 || pps->qp + qp > 51) return DAMAGED;
    header->qp = pps->qp + (int)qp;
    if (pps->deblocking && h264_ue(in) != 1) {
        h264_se(in);
        h264_se(in);
    }
    return in->failed ? DAMAGED : FINE;
}
