#include "unit/test.h"

#include "base/compiler.h"
#include "base/random.h"
#include "replication/merge.h"

#define ROUNDS 20000

/* A key: what is held under it, if anything. */
struct held {
    struct version version;
    bool is_there;
};

static const struct merge_context plain; /* nobody purges, nothing is emptied */

static enum merge_verdict merge(const struct merge_context *context, struct held *held,
                                const struct version *incoming)
{
    bool takes;
    enum merge_verdict verdict =
        merge_decide(context, held->is_there ? &held->version : NULL, incoming, &takes);

    if (takes)
        *held = (struct held){*incoming, true};
    return verdict;
}

/* Few different values, so that all comparisons are met. */
static struct version random_version(struct random *random)
{
    return (struct version){1 + random_below(random, 4), random_below(random, 3),
                            random_below(random, 3)};
}

static bool is_same(const struct held *a, const struct held *b)
{
    return a->is_there == b->is_there &&
           (!a->is_there || version_compare(&a->version, &b->version) == 0);
}

static void any_order_and_any_repetition_gives_the_same(void **state)
{
    struct random random = {1};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct version versions[5];
        struct held in_order = {0}, shuffled = {0};

        for (size_t i = 0; i < COUNT_OF(versions); i++) {
            versions[i] = random_version(&random);
            (void)merge(&plain, &in_order, &versions[i]);
        }
        for (int i = 0; i < 10; i++)
            (void)merge(&plain, &shuffled, &versions[random_below(&random, COUNT_OF(versions))]);
        for (size_t i = COUNT_OF(versions); i > 0; i--)
            (void)merge(&plain, &shuffled, &versions[i - 1]);
        assert_true(is_same(&in_order, &shuffled));
    }
}

/* Merging what another has merged is merging all of it: (a + b) + c = a + (b + c). */
static void merging_what_was_merged_elsewhere_is_the_same(void **state)
{
    struct random random = {2};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct version a = random_version(&random), b = random_version(&random),
                       c = random_version(&random);
        struct held left = {a, true}, right = {b, true}, whole = {a, true};

        (void)merge(&plain, &left, &b);
        (void)merge(&plain, &left, &c);
        (void)merge(&plain, &right, &c);
        (void)merge(&plain, &whole, &right.version);
        assert_true(is_same(&left, &whole));
    }
}

static void what_is_held_never_gets_older(void **state)
{
    struct random random = {3};
    struct held held = {0};

    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct merge_context context = {random_below(&random, 5), random_below(&random, 5),
                                        random_below(&random, 5), false};
        struct version incoming = random_version(&random), before = held.version;
        bool was_there = held.is_there;
        enum merge_verdict verdict = merge(&context, &held, &incoming);

        if (was_there)
            assert_true(version_compare(&held.version, &before) >= 0);
        if (verdict == MERGE_TAKE)
            assert_int_equal(version_compare(&held.version, &incoming), 0);
        if (random_below(&random, 8) == 0)
            held.is_there = false;
    }
}

static void the_same_again_is_kept(void **state)
{
    struct held held = {0};
    struct version version = {5, 1, 1};

    (void)state;
    assert_int_equal(merge(&plain, &held, &version), MERGE_TAKE);
    assert_int_equal(merge(&plain, &held, &version), MERGE_KEEP);
}

static void one_write_with_two_values_is_a_conflict_that_the_larger_hash_wins(void **state)
{
    struct held held = {{5, 1, 1}, true};
    struct version larger = {5, 1, 2}, smaller = {5, 1, 0};

    (void)state;
    assert_int_equal(merge(&plain, &held, &larger), MERGE_CONFLICT);
    assert_int_equal(held.version.value_hash, 2);
    assert_int_equal(merge(&plain, &held, &smaller), MERGE_CONFLICT);
    assert_int_equal(held.version.value_hash, 2);
}

static void one_stamp_of_two_nodes_is_no_conflict(void **state)
{
    struct held held = {{5, 1, 9}, true};
    struct version other = {5, 2, 1};

    (void)state;
    assert_int_equal(merge(&plain, &held, &other), MERGE_TAKE);
}

static void a_record_from_before_the_horizon_is_dropped_if_nothing_is_held(void **state)
{
    struct merge_context context = {.horizon = 10, .frame_horizon = 9};
    struct version at = {10, 1, 1}, behind = {11, 1, 1};
    struct held nothing = {0}, older = {{3, 1, 1}, true};

    (void)state;
    assert_int_equal(merge(&context, &nothing, &at), MERGE_PURGED);
    assert_false(nothing.is_there);
    assert_int_equal(merge(&context, &nothing, &behind), MERGE_TAKE);
    assert_int_equal(merge(&context, &older, &at), MERGE_TAKE);
}

static void a_record_read_under_our_horizon_is_a_repair(void **state)
{
    struct merge_context same = {.horizon = 10, .frame_horizon = 10},
                         later = {.horizon = 10, .frame_horizon = 11};
    struct version old = {3, 1, 1};
    struct held a = {0}, b = {0};

    (void)state;
    assert_int_equal(merge(&same, &a, &old), MERGE_TAKE);
    assert_int_equal(merge(&later, &b, &old), MERGE_TAKE);
}

static void without_the_rule_deletes_can_come_back(void **state)
{
    struct merge_context context = {.horizon = 10, .frame_horizon = 9, .is_horizon_rule_off = true};
    struct version old = {3, 1, 1};
    struct held nothing = {0};

    (void)state;
    assert_int_equal(merge(&context, &nothing, &old), MERGE_TAKE);
}

static void what_a_namespace_held_when_it_was_emptied_is_dead(void **state)
{
    struct merge_context context = {.emptied = 10};
    struct version at = {10, 1, 1}, behind = {11, 1, 1};
    struct held nothing = {0}, older = {{3, 1, 1}, true};

    (void)state;
    assert_int_equal(merge(&context, &nothing, &at), MERGE_DEAD);
    assert_int_equal(merge(&context, &older, &at), MERGE_DEAD);
    assert_int_equal(older.version.stamp, 3);
    assert_int_equal(merge(&context, &nothing, &behind), MERGE_TAKE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_and_any_repetition_gives_the_same),
        cmocka_unit_test(merging_what_was_merged_elsewhere_is_the_same),
        cmocka_unit_test(what_is_held_never_gets_older),
        cmocka_unit_test(the_same_again_is_kept),
        cmocka_unit_test(one_write_with_two_values_is_a_conflict_that_the_larger_hash_wins),
        cmocka_unit_test(one_stamp_of_two_nodes_is_no_conflict),
        cmocka_unit_test(a_record_from_before_the_horizon_is_dropped_if_nothing_is_held),
        cmocka_unit_test(a_record_read_under_our_horizon_is_a_repair),
        cmocka_unit_test(without_the_rule_deletes_can_come_back),
        cmocka_unit_test(what_a_namespace_held_when_it_was_emptied_is_dead),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
