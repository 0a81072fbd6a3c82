/* NAL units and Exp-Golomb codes of H.264 (7.4.1, 9.1). */

#include "_h264.h"

#include <stdlib.h>

size_t h264_unescaped(Bytes nal, uint8_t *out)
{
    size_t size = 0, zeros = 0;
    for (size_t at = 0; at < nal.size; at++) {
        const uint8_t byte = nal.data[at];
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        out[size++] = byte;
        zeros = byte ? 0 : zeros + 1;
    }
    return size;
}

size_t h264_escaped(Bytes rbsp, uint8_t *out)
{
    size_t size = 0, zeros = 0;
    for (size_t at = 0; at < rbsp.size; at++) {
        const uint8_t byte = rbsp.data[at];
        if (zeros >= 2 && byte <= 3) {
            out[size++] = 3;
            zeros = 0;
        }
        out[size++] = byte;
        zeros = byte ? 0 : zeros + 1;
    }
    if (zeros) out[size++] = 3; /* behind cabac_zero_words */
    return size;
}

int h264_reserve(Writer *out, size_t more)
{
    if (out->room - out->size >= more) return 1;
    const size_t room = out->room + out->room / 2 + more;
    uint8_t *const data = realloc(out->data, room);
    if (!data) return 0;
    out->data = data;
    out->room = room;
    return 1;
}

uint32_t h264_ue(Reader *in)
{
    const int zeros = leading_zeros(peek(in));
    if (zeros > 31) {
        in->failed = 1;
        return 0;
    }
    skip(in, zeros);
    return take(in, zeros + 1) - 1;
}

int32_t h264_se(Reader *in)
{
    const uint32_t code = h264_ue(in);
    const int32_t half = (int32_t)(code / 2);
    return code % 2 ? half + 1 : -half;
}

size_t h264_stop_bit(const Reader *in)
{
    size_t bytes = in->size / 8;
    while (bytes && !in->data[bytes - 1]) bytes--;
    if (!bytes) return 0;
    const uint32_t last = in->data[bytes - 1], lowest = last & (0u - last);
    return 8 * bytes + (size_t)leading_zeros(lowest) - 32;
}
