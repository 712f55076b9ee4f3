#include "replication/compare_find.h"

#include <stdlib.h>

#include "base/memory.h"

#define PORTION_MIN 16
/* Sets larger than this are not believed. */
#define SET_MAX ((uint64_t)1 << 26)
/* In the mean: a sum, a checksum, and a count of a byte or two. */
#define NARROW_SYMBOL_BYTES 14
#define WIDE_SYMBOL_BYTES   23
/* So many symbols for an element of the difference are enough, nearly always, when it is large. */
#define SYMBOLS_ENOUGH 1.40
/* A guess from fewer elements than this says nothing. */
#define FOUND_MIN 3

struct finder {
    enum sketch_level level;
    uint64_t salt;
    struct element *own;
    size_t own_count;
    size_t expected;
    bool has_size;
    uint64_t set_size; /* of theirs */
    struct peeler *peeler;
    size_t target; /* symbols wanted, from the first on */
    bool is_list;
    struct element *list; /* theirs, as far as they came */
    size_t list_count, list_capacity;
    struct element *ours, *theirs; /* the difference by list */
    size_t our_count, their_count;
};

/* ---------- an index ---------- */

void element_index_init(struct element_index *index, const struct element *elements, size_t count)
{
    size_t size = 16;

    while (size < count * 2)
        size *= 2;
    index->elements = elements;
    index->slots = xcalloc(size, sizeof *index->slots);
    index->mask = size - 1;
    for (size_t i = 0; i < count; i++) {
        size_t slot = elements[i].a & index->mask;

        while (index->slots[slot] != 0)
            slot = (slot + 1) & index->mask;
        index->slots[slot] = (uint32_t)(i + 1);
    }
}

void element_index_clear(struct element_index *index)
{
    free(index->slots);
    *index = (struct element_index){0};
}

size_t element_index_find(const struct element_index *index, uint64_t a)
{
    for (size_t slot = a & index->mask; index->slots[slot] != 0; slot = (slot + 1) & index->mask) {
        size_t i = index->slots[slot] - 1;

        if (index->elements[i].a == a)
            return i;
    }
    return ELEMENT_NONE;
}

/* ---------- life ---------- */

struct finder *finder_create(uint64_t salt, enum sketch_level level, struct element *elements,
                             size_t count, size_t expected)
{
    struct finder *finder = xcalloc(1, sizeof *finder);

    finder->salt = salt;
    finder->level = level;
    finder->own = elements;
    finder->own_count = count;
    finder->expected = expected;
    return finder;
}

void finder_destroy(struct finder *finder)
{
    if (finder == NULL)
        return;
    peeler_destroy(finder->peeler);
    free(finder->own);
    free(finder->list);
    free(finder->ours);
    free(finder->theirs);
    free(finder);
}

/* ---------- how much to ask for ---------- */

size_t finder_first_portion(size_t expected)
{
    size_t portion = (size_t)((double)expected * SYMBOLS_ENOUGH);

    if (portion < PORTION_MIN)
        return PORTION_MIN;
    return portion < FIND_SYMBOLS_MAX ? portion : FIND_SYMBOLS_MAX;
}

static uint64_t symbols_cost(const struct finder *finder, size_t count)
{
    return (uint64_t)count *
           (finder->level == LEVEL_LEAVES ? NARROW_SYMBOL_BYTES : WIDE_SYMBOL_BYTES);
}

static uint64_t list_cost(const struct finder *finder)
{
    return finder->set_size * (finder->level == LEVEL_LEAVES ? 8 : 16);
}

/* Peeling stops early as long as there are too few symbols, but how early depends on little more
 * than symbols / difference: measured over sets of random elements, to within some hundredths from
 * a hundred elements on.  Found elements per symbol -> symbols per element of the difference. */
static double symbols_per_element(double found_per_symbol)
{
    static const double curve[][2] = {{0.000, 0.30}, {0.005, 0.40}, {0.016, 0.50}, {0.030, 0.60},
                                      {0.050, 0.70}, {0.074, 0.80}, {0.101, 0.90}, {0.132, 1.00},
                                      {0.170, 1.10}, {0.214, 1.20}, {0.285, 1.30}, {0.420, 1.36}};
    size_t i = 1;

    while (i < COUNT_OF(curve) && curve[i][0] < found_per_symbol)
        i++;
    if (i == COUNT_OF(curve))
        return curve[i - 1][1];
    return curve[i - 1][1] + (curve[i][1] - curve[i - 1][1]) *
                                 (found_per_symbol - curve[i - 1][0]) /
                                 (curve[i][0] - curve[i - 1][0]);
}

static size_t count_found(const struct finder *finder)
{
    size_t ours, theirs;

    (void)peeler_ours(finder->peeler, &ours);
    (void)peeler_theirs(finder->peeler, &theirs);
    return ours + theirs;
}

/* How many symbols will be needed, as far as can be told from those that are there. */
static size_t guess_needed(const struct finder *finder)
{
    double position = (double)peeler_position(finder->peeler);
    size_t found = count_found(finder), least;
    double needed = position * 4;

    if (found >= FOUND_MIN)
        needed = SYMBOLS_ENOUGH * position / symbols_per_element((double)found / position);
    least = (size_t)(position + position / 16) + PORTION_MIN / 2;
    return (size_t)needed > least ? (size_t)needed : least;
}

/* Where nothing was found yet the guess is a lower bound, and half way there tells more. */
static void choose_next(struct finder *finder)
{
    size_t position = peeler_position(finder->peeler), needed = guess_needed(finder);

    if (symbols_cost(finder, needed) > list_cost(finder)) {
        finder->is_list = true;
        return;
    }
    finder->target = needed <= position * 3 ? needed : position * 3;
    if (finder->target > position + FIND_SYMBOLS_MAX)
        finder->target = position + FIND_SYMBOLS_MAX;
}

enum finding finder_set_size(struct finder *finder, uint64_t set_size)
{
    if (finder->has_size)
        return finder->set_size == set_size ? FIND_MORE : FIND_WRONG;
    if (set_size > SET_MAX)
        return FIND_WRONG;
    finder->has_size = true;
    finder->set_size = set_size;
    finder->target = finder_first_portion(finder->expected);
    finder->is_list = symbols_cost(finder, finder->target) > list_cost(finder);
    return FIND_MORE;
}

void finder_ask(const struct finder *finder, struct get *get)
{
    size_t position = finder->peeler != NULL ? peeler_position(finder->peeler) : 0;

    get->level = finder->level;
    get->is_list = finder->is_list;
    get->from = finder->is_list ? finder->list_count : position;
    get->count = finder->is_list ? FIND_ELEMENTS_MAX : (uint32_t)(finder->target - position);
}

/* ---------- symbols ---------- */

static enum finding peel(struct finder *finder, const struct sketch_message *sketch)
{
    struct symbol *symbols = xmalloc(sketch->count * sizeof *symbols);
    bool is_done;

    if (symbols_decode(sketch->symbols, symbols, sketch->count, finder->level == LEVEL_RECORDS) !=
        STATUS_OK) {
        free(symbols);
        return FIND_WRONG;
    }
    is_done = peeler_add(finder->peeler, symbols, sketch->count);
    free(symbols);
    finder->is_list = false;
    if (!is_done)
        choose_next(finder);
    return is_done ? FIND_DONE : FIND_MORE;
}

enum finding finder_add_symbols(struct finder *finder, const struct sketch_message *sketch)
{
    if (sketch->level != finder->level)
        return FIND_STRAY;
    if (finder_set_size(finder, sketch->set_size) == FIND_WRONG)
        return FIND_WRONG;
    if (finder->peeler == NULL)
        finder->peeler = peeler_create(finder->salt, finder->own, finder->own_count);
    if (sketch->from != peeler_position(finder->peeler) || finder->list_count > 0)
        return FIND_STRAY;
    if (sketch->count > FIND_SYMBOLS_MAX)
        return FIND_WRONG;
    return sketch->count > 0 ? peel(finder, sketch) : FIND_MORE;
}

/* ---------- the list ---------- */

/* Both in their order. */
static void subtract_lists(struct finder *finder)
{
    bool *is_common = xcalloc(finder->own_count + 1, sizeof *is_common);
    struct element_index index;

    finder->theirs = xmalloc((finder->list_count + 1) * sizeof *finder->theirs);
    finder->ours = xmalloc((finder->own_count + 1) * sizeof *finder->ours);
    element_index_init(&index, finder->own, finder->own_count);
    for (size_t i = 0; i < finder->list_count; i++) {
        size_t at = element_index_find(&index, finder->list[i].a);

        if (at != ELEMENT_NONE && finder->own[at].b == finder->list[i].b)
            is_common[at] = true;
        else
            finder->theirs[finder->their_count++] = finder->list[i];
    }
    for (size_t i = 0; i < finder->own_count; i++)
        if (!is_common[i])
            finder->ours[finder->our_count++] = finder->own[i];
    element_index_clear(&index);
    free(is_common);
}

enum finding finder_add_list(struct finder *finder, const struct list_message *list)
{
    if (list->level != finder->level || !finder->is_list || list->from != finder->list_count)
        return FIND_STRAY;
    if (finder_set_size(finder, list->set_size) == FIND_WRONG ||
        list->count > finder->set_size - finder->list_count ||
        (list->count == 0 && finder->list_count < finder->set_size))
        return FIND_WRONG;
    while (finder->list_capacity < finder->list_count + list->count) {
        finder->list_capacity = finder->list_capacity == 0 ? 1024 : finder->list_capacity * 2;
        finder->list = xrealloc(finder->list, finder->list_capacity * sizeof *finder->list);
    }
    if (list->count > 0)
        memcpy(finder->list + finder->list_count, list->elements,
               list->count * sizeof *list->elements);
    finder->list_count += list->count;
    if (finder->list_count < finder->set_size)
        return FIND_MORE;
    subtract_lists(finder);
    return FIND_DONE;
}

void finder_want_list(struct finder *finder)
{
    finder->is_list = true;
}

/* ---------- the difference ---------- */

const struct element *finder_ours(const struct finder *finder, size_t *count)
{
    if (!finder->is_list)
        return peeler_ours(finder->peeler, count);
    *count = finder->our_count;
    return finder->ours;
}

const struct element *finder_theirs(const struct finder *finder, size_t *count)
{
    if (!finder->is_list)
        return peeler_theirs(finder->peeler, count);
    *count = finder->their_count;
    return finder->theirs;
}

const struct element *finder_list(const struct finder *finder, size_t *count)
{
    if (!finder->is_list)
        return NULL;
    *count = finder->list_count;
    return finder->list;
}
