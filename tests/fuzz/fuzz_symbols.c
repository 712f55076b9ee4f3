/* fuzz_symbols.c - symbols of a peer, whatever they are, are refused, or peeled to an end.
 *
 * The first byte of an input chooses the width and how many symbols come at a time, the second one
 * our own set; the rest is what the peer sends. */
#include <stdlib.h>

#include "base/memory.h"
#include "fuzz/target.h"
#include "replication/sketch.h"

#define SALT      1
#define OWN_MAX   16
#define ROW_COUNT 4096 /* symbols of an input, at most */

static size_t own_set(uint8_t choice, struct element elements[OWN_MAX], bool is_wide)
{
    size_t count = choice % OWN_MAX;

    for (size_t i = 0; i < count; i++)
        elements[i] = (struct element){choice + i * 0x9e3779b97f4a7c15, is_wide ? i : 0};
    return count;
}

/* How many symbols there are, 0 if they are none at all. */
static size_t decode(struct bytes input, struct symbol *symbols, bool is_wide)
{
    for (size_t count = 1; count <= ROW_COUNT && count <= input.size; count++)
        if (symbols_decode(input, symbols, count, is_wide) == STATUS_OK)
            return count;
    return 0;
}

static void require(bool claim)
{
    if (!claim)
        abort();
}

/* A result means that their set, as it follows from ours, gives exactly these symbols. */
static void check_result(const struct peeler *peeler, const struct element *own, size_t own_count,
                         const struct symbol *symbols)
{
    size_t ours, theirs, position = peeler_position(peeler), count = 0;
    const struct element *our_elements = peeler_ours(peeler, &ours);
    const struct element *their_elements = peeler_theirs(peeler, &theirs);
    struct element *set = xcalloc(own_count + theirs, sizeof *set);
    struct symbol *given = xcalloc(position, sizeof *given);
    struct sketch *sketch;

    for (size_t i = 0; i < own_count; i++) {
        bool is_kept = true;

        for (size_t j = 0; j < ours; j++)
            is_kept &= our_elements[j].a != own[i].a || our_elements[j].b != own[i].b;
        if (is_kept)
            set[count++] = own[i];
    }
    require(count == own_count - ours);
    for (size_t i = 0; i < theirs; i++)
        set[count++] = their_elements[i];
    sketch = sketch_create(SALT, set, count);
    sketch_next(sketch, given, position);
    for (size_t i = 0; i < position; i++)
        require(given[i].sum.a == symbols[i].sum.a && given[i].sum.b == symbols[i].sum.b &&
                given[i].check == symbols[i].check && given[i].count == symbols[i].count);
    sketch_destroy(sketch);
    free(given);
    free(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct symbol *symbols;
    struct element own[OWN_MAX];
    struct peeler *peeler;
    size_t count, own_count, step;
    bool is_wide;

    if (size < 2)
        return 0;
    is_wide = (data[0] & 1) != 0;
    step = 1 + (data[0] >> 1);
    own_count = own_set(data[1], own, is_wide);
    symbols = xcalloc(ROW_COUNT, sizeof *symbols);
    count = decode((struct bytes){(const char *)data + 2, size - 2}, symbols, is_wide);
    peeler = peeler_create(SALT, own, own_count);
    for (size_t at = 0; at < count; at += step)
        if (peeler_add(peeler, symbols + at, step < count - at ? step : count - at)) {
            check_result(peeler, own, own_count, symbols);
            break;
        }
    peeler_destroy(peeler);
    free(symbols);
    return 0;
}
