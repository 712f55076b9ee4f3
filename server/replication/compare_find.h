/* compare_find.h - one side's half of finding the difference of two sets, over messages.
 *
 * The other side's symbols (sketch.h) are asked for in portions until they peel, or all of its
 * elements where that is cheaper.  How many of the elements are found while the symbols do not
 * suffice yet tells rather exactly how many will: the end is overshot by little, in few portions.
 *
 * F1  A result is right, or there is none: see sketch.h, K2.  The plain list is always the way out.
 * F2  Memory is in proportion to the own set and to what the other side has really sent.
 */
#ifndef REPLICATION_COMPARE_FIND_H
#define REPLICATION_COMPARE_FIND_H

#include "replication/message.h"

/* At most so many in a message. */
#define FIND_SYMBOLS_MAX  16384
#define FIND_ELEMENTS_MAX 65536

enum finding {
    FIND_MORE,  /* finder_ask() says what is wanted next */
    FIND_DONE,  /* the difference is known */
    FIND_STRAY, /* late or doubled: nothing has changed */
    FIND_WRONG  /* nothing that the other side of this dialogue would send */
};

struct finder;

/* Takes the elements.  `expected` is a guess at the least size of the difference. */
struct finder *finder_create(uint64_t salt, enum sketch_level level, struct element *elements,
                             size_t count, size_t expected);
void finder_destroy(struct finder *finder);

/* How many symbols to begin with. */
size_t finder_first_portion(size_t expected);

/* The other side has so many elements: said before anything else, and again with each message. */
enum finding finder_set_size(struct finder *finder, uint64_t set_size);
/* Fills in level, is_list, from and count. */
void finder_ask(const struct finder *finder, struct get *get);
enum finding finder_add_symbols(struct finder *finder, const struct sketch_message *sketch);
enum finding finder_add_list(struct finder *finder, const struct list_message *list);

/* Asks for the list although the difference is known: for its order. */
void finder_want_list(struct finder *finder);

/* What only we have, and only they; until the finder is destroyed. */
const struct element *finder_ours(const struct finder *finder, size_t *count);
const struct element *finder_theirs(const struct finder *finder, size_t *count);
/* All of theirs in their order, if it came to that; else NULL. */
const struct element *finder_list(const struct finder *finder, size_t *count);

/* Elements by their `a`, which is a keyed hash already. */
struct element_index {
    const struct element *elements; /* borrowed */
    uint32_t *slots;                /* element + 1, 0 = free */
    size_t mask;
};

#define ELEMENT_NONE SIZE_MAX

void element_index_init(struct element_index *index, const struct element *elements, size_t count);
void element_index_clear(struct element_index *index);
/* The number of the element, or ELEMENT_NONE. */
size_t element_index_find(const struct element_index *index, uint64_t a);

#endif
