#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "replication/leaves.h"

#define MODEL_KEYS 3000

static struct bytes key_of(char text[16], unsigned n)
{
    return (struct bytes){text, (size_t)snprintf(text, 16, "%05u", n)};
}

static void a_new_table_is_one_empty_leaf_for_all_keys(void **state)
{
    struct leaves *leaves = leaves_create();
    struct leaf *leaf = leaves_find(leaves, bytes_of(""));

    (void)state;
    assert_int_equal(leaves_count(leaves), 1);
    assert_int_equal(leaf->boundary.size, 0);
    assert_int_equal(leaf->digest.count, 0);
    assert_false(leaf->is_marked || leaf->is_suspect);
    assert_ptr_equal(leaves_find(leaves, bytes_of("anything")), leaf);
    assert_null(leaves_next(leaves, leaf));
    leaves_destroy(leaves);
}

static void a_leaf_holds_its_boundary_and_what_follows(void **state)
{
    struct leaves *leaves = leaves_create();
    struct leaf *upper = leaves_split(leaves, bytes_of("m"));

    (void)state;
    assert_true(bytes_equal(upper->boundary, bytes_of("m")));
    assert_ptr_equal(leaves_find(leaves, bytes_of("m")), upper);
    assert_ptr_equal(leaves_find(leaves, bytes_of("z")), upper);
    assert_ptr_equal(leaves_find(leaves, bytes_of("ma")), upper);
    assert_int_equal(leaves_find(leaves, bytes_of("lzz"))->boundary.size, 0);
    assert_ptr_equal(leaves_next(leaves, leaves_find(leaves, bytes_of(""))), upper);
    leaves_destroy(leaves);
}

static void the_table_keeps_copies_of_its_boundaries(void **state)
{
    struct leaves *leaves = leaves_create();
    char text[] = "boundary";

    (void)state;
    leaves_split(leaves, bytes_of(text));
    memset(text, 'x', sizeof text - 1);
    assert_true(bytes_equal(leaves_find(leaves, bytes_of("c"))->boundary, bytes_of("boundary")));
    leaves_destroy(leaves);
}

static void splitting_where_a_leaf_begins_changes_nothing(void **state)
{
    struct leaves *leaves = leaves_create();
    struct leaf *upper = leaves_split(leaves, bytes_of("m"));

    (void)state;
    upper->digest.count = 5;
    assert_ptr_equal(leaves_split(leaves, bytes_of("m")), upper);
    assert_int_equal(upper->digest.count, 5);
    assert_int_equal(leaves_split(leaves, bytes_of(""))->boundary.size, 0);
    assert_int_equal(leaves_count(leaves), 2);
    leaves_destroy(leaves);
}

static void joining_adds_the_digests_and_keeps_the_flags(void **state)
{
    struct leaves *leaves = leaves_create();
    struct leaf *leaf = leaves_split(leaves, bytes_of("m"));

    (void)state;
    leaf->digest = (struct digest){{UINT64_MAX, 2}, 3};
    leaf->is_marked = true;
    leaf = leaves_find(leaves, bytes_of("a"));
    leaf->digest = (struct digest){{2, 4}, 5};
    leaf = leaves_join(leaves, bytes_of("m"));
    assert_int_equal(leaf->boundary.size, 0);
    assert_int_equal(leaf->digest.sum.low, 1);
    assert_int_equal(leaf->digest.sum.high, 6);
    assert_int_equal(leaf->digest.count, 8);
    assert_true(leaf->is_marked);
    assert_false(leaf->is_suspect);
    leaves_split(leaves, bytes_of("x"))->is_suspect = true;
    assert_true(leaves_join(leaves, bytes_of("x"))->is_suspect);
    leaves_destroy(leaves);
}

static void only_where_a_leaf_begins_it_can_be_joined(void **state)
{
    struct leaves *leaves = leaves_create();

    (void)state;
    leaves_split(leaves, bytes_of("m"));
    assert_null(leaves_join(leaves, bytes_of("")));
    assert_null(leaves_join(leaves, bytes_of("l")));
    assert_null(leaves_join(leaves, bytes_of("mm")));
    assert_int_equal(leaves_count(leaves), 2);
    leaves_destroy(leaves);
}

/* ---------- against a plain array ---------- */

/* model[n]: a leaf begins at n; each key n counts once, in its leaf. */
static void check(struct leaves *leaves, const bool *model)
{
    struct leaf *leaf = leaves_find(leaves, bytes_of(""));
    size_t count = 0;
    uint64_t keys = 0, sum = 0;
    char text[16];

    for (unsigned n = 0; n < MODEL_KEYS; n++) {
        if (n == 0 || model[n]) {
            const struct leaf *before = leaf;

            if (n > 0)
                leaf = leaves_next(leaves, leaf);
            assert_non_null(leaf);
            assert_ptr_equal(leaves_previous(leaves, leaf), n > 0 ? before : NULL);
            assert_true(bytes_equal(leaf->boundary, n == 0 ? bytes_of("") : key_of(text, n)));
            count++;
            keys += leaf->digest.count;
            sum += leaf->digest.sum.low;
        }
        assert_ptr_equal(leaves_find(leaves, key_of(text, n)), leaf);
    }
    assert_null(leaves_next(leaves, leaf));
    assert_int_equal(leaves_count(leaves), count);
    assert_int_equal(keys, MODEL_KEYS);
    assert_int_equal(sum, MODEL_KEYS * (MODEL_KEYS - 1) / 2);
}

/* Moves the keys from `from` up to the next leaf out of one and into the other. */
static void split_model(struct leaves *leaves, bool *model, unsigned from)
{
    struct digest moved = {{0, 0}, 0};
    char text[16];

    for (unsigned n = from; n == from || (n < MODEL_KEYS && !model[n]); n++)
        digest_add(&moved, (struct hash128){n, 0});
    digest_part(&leaves_find(leaves, key_of(text, from))->digest, &moved);
    leaves_split(leaves, key_of(text, from))->digest = moved;
    model[from] = true;
}

static void random_splits_and_joins_agree_with_an_array(void **state)
{
    struct leaves *leaves = leaves_create();
    static bool model[MODEL_KEYS];
    struct random random = {1};
    char text[16];

    (void)state;
    for (unsigned n = 0; n < MODEL_KEYS; n++)
        digest_add(&leaves_find(leaves, bytes_of(""))->digest, (struct hash128){n, 0});
    for (int round = 0; round < 40000; round++) {
        unsigned n = 1 + (unsigned)random_below(&random, MODEL_KEYS - 1);
        /* it grows, shrinks to almost nothing, and grows again */
        bool grows = random_below(&random, 10) < (round / 10000 % 2 == 0 ? 9 : 1);

        if (!model[n] && grows) {
            split_model(leaves, model, n);
        } else if (!grows) {
            assert_int_equal(leaves_join(leaves, key_of(text, n)) != NULL, model[n]);
            model[n] = false;
        }
        if (round % 2000 == 0)
            check(leaves, model);
    }
    check(leaves, model);
    leaves_destroy(leaves);
}

static void an_emptied_table_gives_its_memory_back(void **state)
{
    struct leaves *leaves = leaves_create();
    size_t before = leaves_bytes(leaves), full;
    char text[16];

    (void)state;
    for (unsigned n = 0; n < 20000; n++)
        leaves_split(leaves, key_of(text, n));
    full = leaves_bytes(leaves);
    assert_true(full > 20000 * sizeof(struct leaf));
    for (unsigned n = 0; n < 20000; n++)
        assert_non_null(leaves_join(leaves, key_of(text, n)));
    assert_int_equal(leaves_count(leaves), 1);
    assert_true(leaves_bytes(leaves) < before + full / 10);
    leaves_destroy(leaves);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_table_is_one_empty_leaf_for_all_keys),
        cmocka_unit_test(a_leaf_holds_its_boundary_and_what_follows),
        cmocka_unit_test(the_table_keeps_copies_of_its_boundaries),
        cmocka_unit_test(splitting_where_a_leaf_begins_changes_nothing),
        cmocka_unit_test(joining_adds_the_digests_and_keeps_the_flags),
        cmocka_unit_test(only_where_a_leaf_begins_it_can_be_joined),
        cmocka_unit_test(random_splits_and_joins_agree_with_an_array),
        cmocka_unit_test(an_emptied_table_gives_its_memory_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
