#include "replication/compare_find.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "unit/test.h"

#define SALT 7

/* The other side of the dialogue: answers what a finder asks. */
struct peer {
    struct element *elements;
    size_t count;
    struct sketch *sketch;
    bool is_lying;
    size_t symbols, listed, questions;
};

static struct element *random_elements(struct random *random, size_t count)
{
    struct element *elements = xmalloc((count + 1) * sizeof *elements);

    for (size_t i = 0; i < count; i++)
        elements[i] = (struct element){random_next(random), random_next(random)};
    return elements;
}

static enum finding answer_symbols(struct peer *peer, struct finder *finder, const struct get *get)
{
    struct symbol *symbols = xcalloc(get->count, sizeof *symbols);
    struct buffer encoded = {0};
    struct sketch_message message = {
        .level = get->level, .from = get->from, .count = get->count, .set_size = peer->count};
    enum finding finding;

    assert_int_equal(get->from, sketch_position(peer->sketch));
    assert_true(get->count > 0 && get->count <= FIND_SYMBOLS_MAX);
    sketch_next(peer->sketch, symbols, get->count);
    if (peer->is_lying)
        symbols[0].sum.a++;
    symbols_encode(&encoded, symbols, get->count, get->level == LEVEL_RECORDS);
    message.symbols = buffer_view(&encoded);
    peer->symbols += get->count;
    finding = finder_add_symbols(finder, &message);
    buffer_clear(&encoded);
    free(symbols);
    return finding;
}

static enum finding answer_list(struct peer *peer, struct finder *finder, const struct get *get)
{
    size_t left = peer->count - (size_t)get->from;
    struct list_message message = {.level = get->level,
                                   .from = get->from,
                                   .set_size = peer->count,
                                   .elements = peer->elements + get->from,
                                   .count = left < get->count ? left : get->count};

    peer->listed += message.count;
    return finder_add_list(finder, &message);
}

static void converse(struct peer *peer, struct finder *finder)
{
    enum finding finding = finder_set_size(finder, peer->count);

    while (finding == FIND_MORE) {
        struct get get = {0};

        finder_ask(finder, &get);
        peer->questions++;
        finding =
            get.is_list ? answer_list(peer, finder, &get) : answer_symbols(peer, finder, &get);
    }
    assert_int_equal(finding, FIND_DONE);
}

static int by_value(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct element));
}

static void require_elements(const struct element *found, size_t found_count,
                             const struct element *expected, size_t count)
{
    struct element *a = xmalloc((count + 1) * sizeof *a), *b = xmalloc((count + 1) * sizeof *b);

    assert_int_equal(found_count, count);
    if (count > 0) {
        memcpy(a, found, count * sizeof *a);
        memcpy(b, expected, count * sizeof *b);
        qsort(a, count, sizeof *a, by_value);
        qsort(b, count, sizeof *b, by_value);
        assert_memory_equal(a, b, count * sizeof *a);
    }
    free(a);
    free(b);
}

/* Both have `common`; ours are in front of them, theirs behind. */
static struct peer find(size_t ours, size_t common, size_t theirs, size_t expected, bool is_lying)
{
    struct random random = {ours + common + theirs};
    struct element *all = random_elements(&random, ours + common + theirs);
    struct element *own = xmalloc((ours + common + 1) * sizeof *own);
    struct peer peer = {.elements = all + ours, .count = common + theirs, .is_lying = is_lying};
    struct finder *finder;
    size_t count;
    const struct element *found;

    memcpy(own, all, (ours + common) * sizeof *own);
    peer.sketch = sketch_create(SALT, peer.elements, peer.count);
    finder = finder_create(SALT, LEVEL_RECORDS, own, ours + common, expected);
    converse(&peer, finder);
    found = finder_ours(finder, &count);
    require_elements(found, count, all, ours);
    found = finder_theirs(finder, &count);
    require_elements(found, count, all + ours + common, theirs);
    finder_destroy(finder);
    sketch_destroy(peer.sketch);
    peer.elements = NULL;
    free(all);
    return peer;
}

static void the_difference_is_found(void **state)
{
    static const size_t sizes[] = {0, 1, 2, 5, 30, 300, 3000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        for (size_t j = 0; j < COUNT_OF(sizes); j++)
            for (size_t k = 0; k < COUNT_OF(sizes); k++)
                (void)find(sizes[i], sizes[j], sizes[k], sizes[i] / 2, false);
}

/* 1.4 symbols for an element are what it takes; and few questions find out how many that is. */
static void the_end_is_overshot_by_little(void **state)
{
    static const size_t sizes[] = {500, 1000, 2000, 3000, 7000};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        for (size_t expected = 0; expected <= sizes[i]; expected += sizes[i] / 2) {
            struct peer peer = find(sizes[i] / 2, 40000, sizes[i] / 2, expected, false);

            assert_int_equal(peer.listed, 0);
            assert_true((double)peer.symbols <= (double)sizes[i] * 1.4 * 1.15);
            assert_true(peer.questions <= 12);
        }
    }
}

static void where_the_list_is_cheaper_it_is_asked_for(void **state)
{
    struct peer peer = find(5000, 1000, 5000, 0, false);

    (void)state;
    assert_int_equal(peer.listed, 6000);
    assert_true(peer.symbols * 23 <= 6000 * 16 / 2);
    peer = find(0, 0, 5000, 5000, false);
    assert_int_equal(peer.symbols, 0);
    assert_int_equal(peer.listed, 5000);
}

/* Symbols that no set gives never peel; the list ends it. */
static void wrong_symbols_do_no_harm(void **state)
{
    struct peer peer = find(10, 3000, 10, 0, true);

    (void)state;
    assert_int_equal(peer.listed, 3010);
}

static void what_was_not_asked_for_changes_nothing(void **state)
{
    struct random random = {1};
    struct finder *finder =
        finder_create(SALT, LEVEL_RECORDS, random_elements(&random, 100), 100, 0);
    struct sketch_message late = {.level = LEVEL_RECORDS, .from = 16, .set_size = 100};
    struct list_message list = {.level = LEVEL_RECORDS, .set_size = 100};

    (void)state;
    assert_int_equal(finder_set_size(finder, 100), FIND_MORE);
    assert_int_equal(finder_add_symbols(finder, &late), FIND_STRAY);
    assert_int_equal(finder_add_list(finder, &list), FIND_STRAY);
    late.level = LEVEL_LEAVES;
    assert_int_equal(finder_add_symbols(finder, &late), FIND_STRAY);
    finder_destroy(finder);
}

static void a_set_that_changes_its_size_is_wrong(void **state)
{
    struct finder *finder = finder_create(SALT, LEVEL_RECORDS, xcalloc(1, 1), 0, 0);
    struct sketch_message sketch = {.level = LEVEL_RECORDS, .set_size = 101};

    (void)state;
    assert_int_equal(finder_set_size(finder, 100), FIND_MORE);
    assert_int_equal(finder_add_symbols(finder, &sketch), FIND_WRONG);
    finder_destroy(finder);
    finder = finder_create(SALT, LEVEL_RECORDS, xcalloc(1, 1), 0, 0);
    assert_int_equal(finder_set_size(finder, UINT64_MAX), FIND_WRONG);
    finder_destroy(finder);
}

/* More than was said, or nothing while there is more. */
static void a_list_of_another_length_is_wrong(void **state)
{
    struct element elements[3] = {{1, 1}, {2, 2}, {3, 3}};
    struct finder *finder = finder_create(SALT, LEVEL_RECORDS, xcalloc(1, 1), 0, 0);
    struct list_message list = {
        .level = LEVEL_RECORDS, .set_size = 2, .elements = elements, .count = 3};

    (void)state;
    assert_int_equal(finder_set_size(finder, 2), FIND_MORE);
    assert_int_equal(finder_add_list(finder, &list), FIND_WRONG);
    list.count = 0;
    assert_int_equal(finder_add_list(finder, &list), FIND_WRONG);
    list.count = 1;
    assert_int_equal(finder_add_list(finder, &list), FIND_MORE);
    finder_destroy(finder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_difference_is_found),
        cmocka_unit_test(the_end_is_overshot_by_little),
        cmocka_unit_test(where_the_list_is_cheaper_it_is_asked_for),
        cmocka_unit_test(wrong_symbols_do_no_harm),
        cmocka_unit_test(what_was_not_asked_for_changes_nothing),
        cmocka_unit_test(a_set_that_changes_its_size_is_wrong),
        cmocka_unit_test(a_list_of_another_length_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
