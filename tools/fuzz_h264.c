/* Fuzzes the H.264 reader with damaged slices: fuzz_h264 SLICES SECONDS SEED. Started by tools/fuzz_h264.py.

   SLICES holds an SPS, a PPS and a slice each, with their sizes as uint32 before them. Each run damages one of the three
   and reads and rewrites it; what was written with changed levels must be read again with these. */

#include "../stegnet/h264/_h264.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { SETS = 3, MOST = 1 << 16 };

typedef struct {
    Bytes parts[SETS];
} Item;

static Source source(const Bytes *parts)
{
    return (Source){parts[0], parts[1], parts[2]};
}

static uint64_t state;
static unsigned long counts[WRONG_VALUE + 1];

/* Marsaglia's xorshift64*. */
static uint32_t draw(uint32_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 2685821657736338717u) >> 33) % below;
}

static void stop(const char *why)
{
    fprintf(stderr, "FAULT: %s\n", why);
    abort();
}

/* A copy in memory of its own, so that AddressSanitizer sees each byte read behind it. */
static Bytes copied(Bytes from, size_t size)
{
    uint8_t *const data = malloc(size ? size : 1);
    if (!data) exit(2);
    memcpy(data, from.data, size);
    return (Bytes){data, size};
}

static void damage(Bytes *part, Bytes other)
{
    uint8_t *const data = (uint8_t *)part->data;
    if (!part->size) return;
    const uint32_t size = (uint32_t)part->size, at = draw(size);
    uint32_t count = 1u << draw(8);
    switch (draw(5)) {
    case 0:
        part->size = at;
        break;
    case 1:
        for (; count; count--) data[draw(size)] = (uint8_t)draw(256);
        break;
    case 2:
        count = count < size - at ? count : size - at;
        memset(data + at, draw(2) ? 0 : 255, count);
        break;
    case 3:
        for (; count && at + count <= size && at + count <= other.size; count = 0)
            memcpy(data + at, other.data + at, count);
        break;
    default:
        for (count = 1 + draw(4); count; count--) data[draw(size)] ^= (uint8_t)(1 << draw(8));
    }
}

static int32_t changed(int32_t value)
{
    const int32_t size = value < 0 ? -value : value, more = draw(2) || size == 1 ? size + 1 : size - 1;
    if (size > 2000 || draw(3)) return draw(2) && size <= WRITABLE_LEVEL ? -value : value;
    return draw(2) ? more : -more;
}

static void write_changed(const Bytes *parts, const Level *levels, size_t count)
{
    int32_t *const values = malloc((count + 1) * sizeof *values);
    Bytes out;
    size_t found = 0;
    Level *again = NULL;
    int padding;
    if (!values) exit(2);
    for (size_t at = 0; at < count; at++) values[at] = changed(levels[at].value);
    const Source own = source(parts);
    if (h264_write(&own, values, count, (int)draw(2), &out)) stop("levels were not written");
    const Source written = {parts[0], parts[1], copied(out, out.size)};
    if (h264_read(&written, &again, &found, &padding)) stop("what was written is not read");
    if (found != count) stop("another number of levels is read");
    for (size_t at = 0; at < count; at++)
        if (again[at].value != values[at] || again[at].position != levels[at].position) stop("other levels are read");
    free((void *)written.nal.data);
    free((void *)out.data);
    free(again);
    free(values);
}

static void run(const Item *item, const Item *other)
{
    Bytes parts[SETS];
    Level *levels = NULL;
    size_t count = 0;
    int type, id, sps_id, padding;
    const uint32_t target = draw(8) < 6 ? 2 : draw(SETS);
    for (int part = 0; part < SETS; part++) parts[part] = copied(item->parts[part], item->parts[part].size);
    if (draw(50)) damage(parts + target, other->parts[target]);
    for (int part = 0; part < SETS; part++) h264_identify(parts[part], &type, &id, &sps_id);
    const Source own = source(parts);
    const Failure failure = h264_read(&own, &levels, &count, &padding);
    counts[failure]++;
    if (!failure) write_changed(parts, levels, count);
    free(levels);
    for (int part = 0; part < SETS; part++) free((void *)parts[part].data);
}

static size_t load(const char *path, Item *items)
{
    FILE *const file = fopen(path, "rb");
    uint32_t size, number = 0;
    if (!file) return 0;
    while (number < MOST * SETS && fread(&size, sizeof size, 1, file) == 1) {
        uint8_t *const data = malloc(size + 1);
        if (!data || fread(data, 1, size, file) != size) exit(2);
        items[number / SETS].parts[number % SETS] = (Bytes){data, size};
        number++;
    }
    fclose(file);
    return number / SETS;
}

int main(int argc, char **argv)
{
    static Item items[MOST];
    if (argc < 4) return 2;
    const size_t count = load(argv[1], items);
    const time_t end = time(NULL) + atol(argv[2]);
    state = strtoull(argv[3], NULL, 10) * 2 + 1;
    unsigned long runs = 0;
    if (!count) return 2;
    for (; time(NULL) < end; runs++) run(items + draw((uint32_t)count), items + draw((uint32_t)count));
    printf("%lu runs:", runs);
    for (int failure = 0; failure <= WRONG_VALUE; failure++)
        if (counts[failure]) printf(" %lu of result %d,", counts[failure], failure);
    printf("\n");
    return 0;
}
