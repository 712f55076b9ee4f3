#include "replication/sketch.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"

/* Symbols are made ahead, in blocks that grow with what was given already: each block looks at
 * every element once, so that the callers may ask for few symbols at a time. */
#define BLOCK_MIN 64

/* Farther than anybody asks for. */
#define INDEX_MAX UINT32_MAX

/* ---------- where an element goes ---------- */

/* An element on its way through the symbols: `next` is the index of the symbol it is added to next.
 * Element e is in symbol i with probability 1 / (1 + i/2), decided by a generator seeded from the
 * salt and e. */
struct walker {
    struct element element;
    uint64_t generator;
    uint32_t check;
    uint32_t next;
};

static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static struct walker walker_of(uint64_t salt, struct element element)
{
    uint64_t hash = mix(mix(mix(salt + 0x9e3779b97f4a7c15) ^ element.a) + element.b);

    return (struct walker){element, hash, (uint32_t)(mix(hash + 1) >> 32), 0};
}

/* The distance to the next index by inversion: behind index i, the element is in none of the
 * symbols up to j with probability
 *
 *     prod k = i+1..j (1 - 1 / (1 + k/2))  =  prod k / (k + 2)  =  (i+1) (i+2) / ((j+1) (j+2))
 *
 * so for u, even in (0, 1], the next index is the first j behind i for which that is at most u, or
 * j >= sqrt((i+1) (i+2) / u + 1/4) - 3/2.  That is less than 2^59.  IEEE 754 rounds division and
 * square root exactly: all machines agree. */
static inline void walker_step(struct walker *walker)
{
    double i = walker->next, u, least;
    int64_t j;

    walker->generator += 0x9e3779b97f4a7c15;
    u = (double)((mix(walker->generator) >> 11) + 1) * 0x1p-53;
    least = sqrt((i + 1) * (i + 2) / u + 0.25) - 1.5;
    j = (int64_t)least;
    if ((double)j < least || j == walker->next)
        j++;
    walker->next = j < INDEX_MAX ? (uint32_t)j : INDEX_MAX;
}

/* ---------- symbols ---------- */

/* Counts wrap around as the sums do: what a peer sends may be anything. */
static void symbol_add(struct symbol *symbol, const struct walker *walker)
{
    symbol->sum.a += walker->element.a;
    symbol->sum.b += walker->element.b;
    symbol->check += walker->check;
    symbol->count = (int64_t)((uint64_t)symbol->count + 1);
}

static void symbol_remove(struct symbol *symbol, const struct walker *walker)
{
    symbol->sum.a -= walker->element.a;
    symbol->sum.b -= walker->element.b;
    symbol->check -= walker->check;
    symbol->count = (int64_t)((uint64_t)symbol->count - 1);
}

static void symbol_subtract(struct symbol *symbol, const struct symbol *other)
{
    symbol->sum.a -= other->sum.a;
    symbol->sum.b -= other->sum.b;
    symbol->check -= other->check;
    symbol->count = (int64_t)((uint64_t)symbol->count - (uint64_t)other->count);
}

static bool symbol_is_empty(const struct symbol *symbol)
{
    return symbol->sum.a == 0 && symbol->sum.b == 0 && symbol->check == 0 && symbol->count == 0;
}

/* ---------- the sketch ---------- */

struct sketch {
    struct walker *walkers;
    size_t count;
    struct symbol *block; /* symbols block_from .. block_from + block_count - 1 */
    size_t block_from, block_count;
    size_t position;
};

struct sketch *sketch_create(uint64_t salt, const struct element *elements, size_t count)
{
    struct sketch *sketch = xcalloc(1, sizeof *sketch);

    sketch->walkers = xmalloc(count * sizeof *sketch->walkers);
    sketch->count = count;
    for (size_t i = 0; i < count; i++)
        sketch->walkers[i] = walker_of(salt, elements[i]);
    return sketch;
}

void sketch_destroy(struct sketch *sketch)
{
    if (sketch == NULL)
        return;
    free(sketch->walkers);
    free(sketch->block);
    free(sketch);
}

static void make_block(struct sketch *sketch)
{
    size_t from = sketch->position;
    size_t count = from / 2 > BLOCK_MIN ? from / 2 : BLOCK_MIN;

    free(sketch->block);
    sketch->block = xcalloc(count, sizeof *sketch->block);
    sketch->block_from = from;
    sketch->block_count = count;
    for (size_t i = 0; i < sketch->count; i++)
        for (struct walker *walker = &sketch->walkers[i]; walker->next < from + count;
             walker_step(walker))
            symbol_add(&sketch->block[walker->next - from], walker);
}

size_t sketch_next(struct sketch *sketch, struct symbol *symbols, size_t count)
{
    size_t first = sketch->position;

    while (count > 0) {
        size_t left = sketch->block_from + sketch->block_count - sketch->position;
        size_t taken = left < count ? left : count;

        if (left == 0) {
            make_block(sketch);
            continue;
        }
        memcpy(symbols, sketch->block + (sketch->position - sketch->block_from),
               taken * sizeof *symbols);
        sketch->position += taken;
        symbols += taken;
        count -= taken;
    }
    return first;
}

size_t sketch_position(const struct sketch *sketch)
{
    return sketch->position;
}

size_t sketch_size(const struct sketch *sketch)
{
    return sketch->count;
}

/* ---------- the peeler ---------- */

/* The elements of one side that were found. */
struct found {
    struct element *elements;
    struct walker *walkers; /* standing behind the last symbol that came */
    size_t count, capacity;
};

struct peeler {
    uint64_t salt;
    struct sketch *own;
    struct symbol *symbols; /* theirs minus ours minus what was found */
    bool *is_spent;         /* the symbol has given its element: it gives no other */
    size_t *queue;          /* symbols to look at */
    size_t count, capacity, queued, queue_capacity;
    size_t full_count; /* symbols that are not empty */
    struct found ours, theirs;
    bool is_complete, is_wrong;
};

struct peeler *peeler_create(uint64_t salt, const struct element *elements, size_t count)
{
    struct peeler *peeler = xcalloc(1, sizeof *peeler);

    peeler->salt = salt;
    peeler->own = sketch_create(salt, elements, count);
    return peeler;
}

static void found_clear(struct found *found)
{
    free(found->elements);
    free(found->walkers);
}

void peeler_destroy(struct peeler *peeler)
{
    if (peeler == NULL)
        return;
    sketch_destroy(peeler->own);
    free(peeler->symbols);
    free(peeler->is_spent);
    free(peeler->queue);
    found_clear(&peeler->ours);
    found_clear(&peeler->theirs);
    free(peeler);
}

static void found_add(struct found *found, const struct walker *walker)
{
    if (found->count == found->capacity) {
        found->capacity = found->capacity == 0 ? 16 : found->capacity * 2;
        found->elements = xrealloc(found->elements, found->capacity * sizeof *found->elements);
        found->walkers = xrealloc(found->walkers, found->capacity * sizeof *found->walkers);
    }
    found->elements[found->count] = walker->element;
    found->walkers[found->count++] = *walker;
}

static void reserve_symbols(struct peeler *peeler, size_t count)
{
    while (peeler->capacity < count)
        peeler->capacity = peeler->capacity == 0 ? BLOCK_MIN : peeler->capacity * 2;
    peeler->symbols = xrealloc(peeler->symbols, peeler->capacity * sizeof *peeler->symbols);
    peeler->is_spent = xrealloc(peeler->is_spent, peeler->capacity * sizeof *peeler->is_spent);
}

static void enqueue(struct peeler *peeler, size_t index)
{
    peeler->queue =
        xgrow(peeler->queue, peeler->queued, &peeler->queue_capacity, sizeof *peeler->queue);
    peeler->queue[peeler->queued++] = index;
}

static bool may_give(const struct peeler *peeler, size_t index)
{
    int64_t count = peeler->symbols[index].count;

    return (count == 1 || count == -1) && !peeler->is_spent[index];
}

/* Takes an element of theirs, or puts back one of ours, in the symbols that it passes. */
static void walk(struct peeler *peeler, struct walker *walker, bool is_theirs)
{
    for (; walker->next < peeler->count; walker_step(walker)) {
        struct symbol *symbol = &peeler->symbols[walker->next];

        peeler->full_count -= !symbol_is_empty(symbol);
        if (is_theirs)
            symbol_remove(symbol, walker);
        else
            symbol_add(symbol, walker);
        peeler->full_count += !symbol_is_empty(symbol);
        if (may_give(peeler, walker->next))
            enqueue(peeler, walker->next);
    }
}

static bool passes(struct walker walker, size_t index)
{
    while (walker.next < index)
        walker_step(&walker);
    return walker.next == index;
}

/* The element that is alone in a symbol, if the checksum says so and it belongs there (K2). */
static bool read_alone(const struct peeler *peeler, size_t index, struct walker *walker)
{
    const struct symbol *symbol = &peeler->symbols[index];
    struct element element = symbol->sum;
    uint32_t check = symbol->check;

    if (symbol->count == -1) {
        element = (struct element){-element.a, -element.b};
        check = -check;
    }
    *walker = walker_of(peeler->salt, element);
    return walker->check == check && passes(*walker, index);
}

static void peel(struct peeler *peeler)
{
    while (peeler->queued > 0) {
        size_t index = peeler->queue[--peeler->queued];
        bool is_theirs = peeler->symbols[index].count == 1;
        struct walker walker;

        if (!may_give(peeler, index) || !read_alone(peeler, index, &walker))
            continue;
        peeler->is_spent[index] = true;
        walk(peeler, &walker, is_theirs);
        found_add(is_theirs ? &peeler->theirs : &peeler->ours, &walker);
    }
}

/* What was found before goes out of the symbols that are new. */
static void walk_on(struct peeler *peeler)
{
    for (size_t i = 0; i < peeler->theirs.count; i++)
        walk(peeler, &peeler->theirs.walkers[i], true);
    for (size_t i = 0; i < peeler->ours.count; i++)
        walk(peeler, &peeler->ours.walkers[i], false);
}

static void add_symbols(struct peeler *peeler, const struct symbol *symbols, size_t count)
{
    size_t first = peeler->count;

    reserve_symbols(peeler, first + count);
    sketch_next(peeler->own, peeler->symbols + first, count);
    for (size_t i = 0; i < count; i++) {
        struct symbol difference = symbols[i];

        symbol_subtract(&difference, &peeler->symbols[first + i]);
        peeler->symbols[first + i] = difference;
        peeler->is_spent[first + i] = false;
        peeler->full_count += !symbol_is_empty(&difference);
    }
    peeler->count += count;
}

/* ---------- is the result possible at all? ---------- */

static int by_value(const void *left, const void *right)
{
    const struct element *a = left, *b = right;

    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return a->b == b->b ? 0 : a->b < b->b ? -1 : 1;
}

static bool are_unique(struct found *found)
{
    if (found->count > 1)
        qsort(found->elements, found->count, sizeof *found->elements, by_value);
    for (size_t i = 1; i < found->count; i++)
        if (by_value(&found->elements[i - 1], &found->elements[i]) == 0)
            return false;
    return true;
}

static bool holds(const struct found *found, const struct element *element)
{
    return found->count > 0 && bsearch(element, found->elements, found->count,
                                       sizeof *found->elements, by_value) != NULL;
}

/* Which elements may have been found: most of our own were not, and need no search. */
#define FILTER_BITS 65536

struct filter {
    uint64_t words[FILTER_BITS / 64];
};

static void filter_add(struct filter *filter, const struct found *found)
{
    for (size_t i = 0; i < found->count; i++) {
        uint64_t bit = found->elements[i].a % FILTER_BITS;

        filter->words[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
}

static bool filter_has(const struct filter *filter, const struct element *element)
{
    uint64_t bit = element->a % FILTER_BITS;

    return (filter->words[bit / 64] >> (bit % 64) & 1) != 0;
}

/* Symbols that no set gives can add up to a set that has an element twice, or lacks what it is said
 * to have: ours must be among our elements, theirs not (K2). */
static bool is_possible(struct peeler *peeler)
{
    struct filter filter = {{0}};
    size_t ours = 0;

    if (!are_unique(&peeler->ours) || !are_unique(&peeler->theirs))
        return false;
    filter_add(&filter, &peeler->ours);
    filter_add(&filter, &peeler->theirs);
    for (size_t i = 0; i < peeler->own->count; i++) {
        const struct element *element = &peeler->own->walkers[i].element;

        if (!filter_has(&filter, element))
            continue;
        ours += holds(&peeler->ours, element);
        if (holds(&peeler->theirs, element))
            return false;
    }
    return ours == peeler->ours.count;
}

bool peeler_add(struct peeler *peeler, const struct symbol *symbols, size_t count)
{
    size_t first = peeler->count;

    if (count == 0 || peeler->is_complete || peeler->is_wrong)
        return peeler->is_complete;
    add_symbols(peeler, symbols, count);
    walk_on(peeler);
    for (size_t i = first; i < peeler->count; i++)
        if (may_give(peeler, i))
            enqueue(peeler, i);
    peel(peeler);
    peeler->is_complete = peeler->full_count == 0 && is_possible(peeler);
    peeler->is_wrong = peeler->full_count == 0 && !peeler->is_complete;
    return peeler->is_complete;
}

size_t peeler_position(const struct peeler *peeler)
{
    return peeler->count;
}

const struct element *peeler_ours(const struct peeler *peeler, size_t *count)
{
    *count = peeler->ours.count;
    return peeler->ours.elements;
}

const struct element *peeler_theirs(const struct peeler *peeler, size_t *count)
{
    *count = peeler->theirs.count;
    return peeler->theirs.elements;
}

/* ---------- symbols as bytes ---------- */

static uint64_t zigzag(int64_t value)
{
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value)
{
    return (int64_t)((value >> 1) ^ (0 - (value & 1)));
}

void symbols_encode(struct buffer *out, const struct symbol *symbols, size_t count, bool is_wide)
{
    for (size_t i = 0; i < count; i++) {
        wire_put_u64(out, symbols[i].sum.a);
        if (is_wide)
            wire_put_u64(out, symbols[i].sum.b);
        wire_put_u32(out, symbols[i].check);
        wire_put_varint(out, zigzag(symbols[i].count));
    }
}

static bool read_symbol(struct bytes *from, struct symbol *symbol, bool is_wide)
{
    uint64_t count;

    *symbol = (struct symbol){0};
    if (!wire_read_u64(from, &symbol->sum.a) || (is_wide && !wire_read_u64(from, &symbol->sum.b)) ||
        !wire_read_u32(from, &symbol->check) || !wire_read_varint(from, &count))
        return false;
    symbol->count = unzigzag(count);
    return true;
}

enum status symbols_decode(struct bytes from, struct symbol *symbols, size_t count, bool is_wide)
{
    for (size_t i = 0; i < count; i++)
        if (!read_symbol(&from, &symbols[i], is_wide))
            return STATUS_CORRUPT;
    return from.size == 0 ? STATUS_OK : STATUS_CORRUPT;
}
