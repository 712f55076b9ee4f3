#include "unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "base/random.h"
#include "replication/sketch.h"

/* Two sets: `shared` elements in both, then those of one side alone. */
struct sets {
    struct element *ours, *theirs;
    size_t our_count, their_count, shared;
    bool is_wide;
};

static struct element random_element(struct random *random, bool is_wide)
{
    uint64_t a = random_next(random);

    return (struct element){a, is_wide ? random_next(random) : 0};
}

static struct sets sets_create(struct random *random, size_t shared, size_t ours, size_t theirs,
                               bool is_wide)
{
    struct sets sets = {.our_count = shared + ours,
                        .their_count = shared + theirs,
                        .shared = shared,
                        .is_wide = is_wide};

    sets.ours = xcalloc(sets.our_count, sizeof *sets.ours);
    sets.theirs = xcalloc(sets.their_count, sizeof *sets.theirs);
    for (size_t i = 0; i < shared; i++)
        sets.ours[i] = sets.theirs[i] = random_element(random, is_wide);
    for (size_t i = shared; i < sets.our_count; i++)
        sets.ours[i] = random_element(random, is_wide);
    for (size_t i = shared; i < sets.their_count; i++)
        sets.theirs[i] = random_element(random, is_wide);
    return sets;
}

static void sets_clear(struct sets *sets)
{
    free(sets->ours);
    free(sets->theirs);
}

static int by_value(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct element));
}

static void assert_same_elements(const struct element *found, size_t found_count,
                                 const struct element *expected, size_t expected_count)
{
    struct element *a = xcalloc(found_count, sizeof *a), *b = xcalloc(expected_count, sizeof *b);

    assert_int_equal(found_count, expected_count);
    if (found_count > 0) {
        memcpy(a, found, found_count * sizeof *a);
        memcpy(b, expected, expected_count * sizeof *b);
        qsort(a, found_count, sizeof *a, by_value);
        qsort(b, expected_count, sizeof *b, by_value);
        assert_memory_equal(a, b, found_count * sizeof *a);
    }
    free(a);
    free(b);
}

static void assert_difference(const struct peeler *peeler, const struct sets *sets)
{
    size_t ours, theirs;
    const struct element *our_elements = peeler_ours(peeler, &ours);
    const struct element *their_elements = peeler_theirs(peeler, &theirs);

    assert_same_elements(our_elements, ours, sets->ours + sets->shared,
                         sets->our_count - sets->shared);
    assert_same_elements(their_elements, theirs, sets->theirs + sets->shared,
                         sets->their_count - sets->shared);
}

/* Symbols until the difference is known, `step` at a time. */
static size_t symbols_needed(const struct sets *sets, uint64_t salt, size_t step)
{
    struct sketch *sketch = sketch_create(salt, sets->theirs, sets->their_count);
    struct peeler *peeler = peeler_create(salt, sets->ours, sets->our_count);
    struct symbol *symbols = xcalloc(step, sizeof *symbols);
    size_t count;

    do {
        assert_int_equal(sketch_next(sketch, symbols, step), peeler_position(peeler));
        assert_true(sketch_position(sketch) < 1000000);
    } while (!peeler_add(peeler, symbols, step));
    assert_difference(peeler, sets);
    count = peeler_position(peeler);
    assert_int_equal(sketch_size(sketch), sets->their_count);
    sketch_destroy(sketch);
    peeler_destroy(peeler);
    free(symbols);
    return count;
}

static void equal_sets_need_one_symbol(void **state)
{
    struct random random = {1};
    struct sets none = sets_create(&random, 0, 0, 0, false);
    struct sets many = sets_create(&random, 5000, 0, 0, true);

    (void)state;
    assert_int_equal(symbols_needed(&none, 7, 1), 1);
    assert_int_equal(symbols_needed(&many, 7, 1), 1);
    sets_clear(&none);
    sets_clear(&many);
}

static void nothing_is_known_before_the_first_symbol(void **state)
{
    struct peeler *peeler = peeler_create(1, NULL, 0);

    (void)state;
    assert_false(peeler_add(peeler, NULL, 0));
    peeler_destroy(peeler);
}

static void one_difference_needs_one_symbol(void **state)
{
    struct random random = {2};

    (void)state;
    for (int round = 0; round < 20; round++) {
        struct sets mine = sets_create(&random, 100, 1, 0, round % 2 == 0);
        struct sets yours = sets_create(&random, 100, 0, 1, round % 2 == 0);

        assert_int_equal(symbols_needed(&mine, (uint64_t)round, 1), 1);
        assert_int_equal(symbols_needed(&yours, (uint64_t)round, 1), 1);
        sets_clear(&mine);
        sets_clear(&yours);
    }
}

static double mean_overhead(struct random *random, size_t shared, size_t differences, int rounds,
                            bool is_wide)
{
    size_t symbols = 0;

    for (int round = 0; round < rounds; round++) {
        size_t ours = random_below(random, differences + 1);
        struct sets sets = sets_create(random, shared, ours, differences - ours, is_wide);

        symbols += symbols_needed(&sets, random_next(random), 1);
        sets_clear(&sets);
    }
    return (double)symbols / (double)differences / rounds;
}

/* The paper gives 1.72 at worst (a few differences) and 1.35 in the limit. */
static void less_than_two_symbols_a_difference_are_enough(void **state)
{
    static const size_t differences[] = {4, 10, 100, 1000, 10000};
    struct random random = {3};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(differences); i++) {
        int rounds = differences[i] <= 100 ? 100 : differences[i] <= 1000 ? 20 : 3;
        double overhead = mean_overhead(&random, 300, differences[i], rounds, i % 2 == 0);

        print_message("%zu differences: %.2f symbols each\n", differences[i], overhead);
        assert_true(overhead < (differences[i] < 1000 ? 1.9 : 1.55) && overhead > 1.2);
    }
}

static void sets_with_nothing_in_common_are_found_too(void **state)
{
    struct random random = {4};
    struct sets sets = sets_create(&random, 0, 700, 300, true);

    (void)state;
    assert_true(symbols_needed(&sets, 99, 50) < 2000);
    sets_clear(&sets);
}

static void symbols_do_not_depend_on_the_order_of_elements_or_of_asking(void **state)
{
    enum { SYMBOLS = 1500 };
    struct random random = {5};
    struct sets sets = sets_create(&random, 2000, 0, 0, true);
    struct symbol whole[SYMBOLS], parts[SYMBOLS];
    struct sketch *sketch = sketch_create(11, sets.ours, sets.our_count);

    (void)state;
    memset(whole, 0, sizeof whole); /* with what stands between the members */
    memset(parts, 0, sizeof parts);
    assert_int_equal(sketch_next(sketch, whole, SYMBOLS), 0);
    sketch_destroy(sketch);
    for (size_t i = 0; i < sets.our_count / 2; i++) {
        struct element other = sets.ours[i];

        sets.ours[i] = sets.ours[sets.our_count - 1 - i];
        sets.ours[sets.our_count - 1 - i] = other;
    }
    sketch = sketch_create(11, sets.ours, sets.our_count);
    for (size_t at = 0, size; at < SYMBOLS; at += size) {
        size = random_below(&random, 1 + SYMBOLS - at);
        assert_int_equal(sketch_next(sketch, parts + at, size), at);
    }
    for (size_t i = 0; i < SYMBOLS; i++) {
        assert_memory_equal(&whole[i].sum, &parts[i].sum, sizeof whole[i].sum);
        assert_int_equal(whole[i].check, parts[i].check);
        assert_int_equal(whole[i].count, parts[i].count);
    }
    sketch_destroy(sketch);
    sets_clear(&sets);
}

static void however_symbols_are_cut_the_result_is_the_same(void **state)
{
    struct random random = {6};

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct sets sets = sets_create(&random, 500, 60, 40, true);
        size_t needed = symbols_needed(&sets, 5, 1);

        for (size_t step = 2; step < 64; step = step * 3 / 2 + 1)
            assert_int_equal(symbols_needed(&sets, 5, step), (needed + step - 1) / step * step);
        sets_clear(&sets);
    }
}

/* Replicas of other versions and machines must give the same. */
static void symbols_never_change(void **state)
{
    static const struct element elements[] = {{1, 0}, {2, 3}, {UINT64_MAX, 4}};
    struct sketch *sketch = sketch_create(1, elements, COUNT_OF(elements));
    struct symbol symbols[1000];
    uint64_t a = 0, check = 0, count = 0;

    (void)state;
    sketch_next(sketch, symbols, COUNT_OF(symbols));
    for (size_t i = 0; i < COUNT_OF(symbols); i++) {
        a += symbols[i].sum.a * (i + 1);
        check += symbols[i].check * (i + 1);
        count += (uint64_t)symbols[i].count * (i + 1);
    }
    assert_int_equal(a, 0xb2d);
    assert_int_equal(check, 0xcd92269b519);
    assert_int_equal(count, 0x18bd);
    sketch_destroy(sketch);
}

/* ---------- what no set gives ---------- */

static void damage(struct random *random, struct symbol *symbol)
{
    uint64_t bit = UINT64_C(1) << random_below(random, 64);

    switch (random_below(random, 4)) {
    case 0:
        symbol->sum.a ^= bit;
        break;
    case 1:
        symbol->sum.b ^= bit;
        break;
    case 2:
        symbol->check ^= (uint32_t)(bit | bit >> 32);
        break;
    default:
        symbol->count ^= (int64_t)(bit & 3) + 1;
        break;
    }
}

static void a_damaged_symbol_never_gives_a_wrong_result(void **state)
{
    enum { SYMBOLS = 200 };
    struct random random = {8};

    (void)state;
    for (int round = 0; round < 300; round++) {
        struct sets sets = sets_create(&random, 50, 20, 20, true);
        struct sketch *sketch = sketch_create(3, sets.theirs, sets.their_count);
        struct peeler *peeler = peeler_create(3, sets.ours, sets.our_count);
        struct symbol symbols[SYMBOLS];

        sketch_next(sketch, symbols, SYMBOLS);
        damage(&random, &symbols[random_below(&random, 40)]); /* before it can be complete */
        for (size_t i = 0; i < SYMBOLS; i++)
            assert_false(peeler_add(peeler, &symbols[i], 1));
        sketch_destroy(sketch);
        peeler_destroy(peeler);
        sets_clear(&sets);
    }
}

static void garbage_gives_no_result_and_an_end(void **state)
{
    enum { SYMBOLS = 3000 };
    struct random random = {9};

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct sets sets = sets_create(&random, 500, 0, 0, true);
        struct peeler *peeler = peeler_create(3, sets.ours, sets.our_count);
        struct symbol *symbols = xcalloc(SYMBOLS, sizeof *symbols);

        for (size_t i = 0; i < SYMBOLS; i++)
            symbols[i] =
                (struct symbol){random_element(&random, true), (uint32_t)random_next(&random),
                                (int64_t)random_below(&random, 3) - 1};
        symbols[0].count = INT64_MIN;
        assert_false(peeler_add(peeler, symbols, SYMBOLS));
        free(symbols);
        peeler_destroy(peeler);
        sets_clear(&sets);
    }
}

/* One symbol holds an element that all others lack: taken out here, it is missing there, for ever.
 */
static void an_element_in_one_symbol_alone_does_not_peel_round_and_round(void **state)
{
    static const struct element element = {42, 43};
    struct sketch *sketch = sketch_create(3, &element, 1);
    struct peeler *peeler = peeler_create(3, NULL, 0);
    struct symbol symbols[100];

    (void)state;
    sketch_next(sketch, symbols, COUNT_OF(symbols));
    for (size_t i = 1; i < COUNT_OF(symbols); i++)
        symbols[i] = (struct symbol){{0, 0}, 0, 0};
    assert_false(peeler_add(peeler, symbols, COUNT_OF(symbols)));
    sketch_destroy(sketch);
    peeler_destroy(peeler);
}

/* The symbols of the empty set minus those of an element: the other side "lacks" what we never had.
 */
static void what_we_do_not_have_is_not_found_as_ours(void **state)
{
    static const struct element element = {42, 43};
    struct sketch *sketch = sketch_create(3, &element, 1);
    struct peeler *peeler = peeler_create(3, NULL, 0);
    struct symbol symbols[20];

    (void)state;
    sketch_next(sketch, symbols, COUNT_OF(symbols));
    for (size_t i = 0; i < COUNT_OF(symbols); i++)
        symbols[i] = (struct symbol){
            {-symbols[i].sum.a, -symbols[i].sum.b}, -symbols[i].check, -symbols[i].count};
    assert_false(peeler_add(peeler, symbols, COUNT_OF(symbols)));
    sketch_destroy(sketch);
    peeler_destroy(peeler);
}

static void another_salt_gives_no_result(void **state)
{
    struct random random = {10};
    struct sets sets = sets_create(&random, 100, 3, 3, false);
    struct sketch *sketch = sketch_create(1, sets.theirs, sets.their_count);
    struct peeler *peeler = peeler_create(2, sets.ours, sets.our_count);
    struct symbol symbols[500];

    (void)state;
    sketch_next(sketch, symbols, COUNT_OF(symbols));
    assert_false(peeler_add(peeler, symbols, COUNT_OF(symbols)));
    sketch_destroy(sketch);
    peeler_destroy(peeler);
    sets_clear(&sets);
}

/* ---------- bytes ---------- */

static struct symbol random_symbol(struct random *random, bool is_wide)
{
    int64_t count = (int64_t)(random_next(random) >> random_below(random, 64));

    return (struct symbol){random_element(random, is_wide), (uint32_t)random_next(random),
                           random_below(random, 2) == 0 ? count : (int64_t) - (uint64_t)count};
}

static void decoding_takes_back_what_encoding_gives(void **state)
{
    enum { SYMBOLS = 300 };
    struct random random = {11};
    struct symbol symbols[SYMBOLS], decoded[SYMBOLS];

    (void)state;
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        struct buffer out = {0};

        for (size_t i = 0; i < SYMBOLS; i++)
            symbols[i] = random_symbol(&random, is_wide);
        symbols[0].count = INT64_MIN;
        symbols[1].count = INT64_MAX;
        symbols_encode(&out, symbols, SYMBOLS, is_wide);
        assert_int_equal(symbols_decode(buffer_view(&out), decoded, SYMBOLS, is_wide), STATUS_OK);
        for (size_t i = 0; i < SYMBOLS; i++) {
            assert_memory_equal(&symbols[i].sum, &decoded[i].sum, sizeof symbols[i].sum);
            assert_int_equal(symbols[i].check, decoded[i].check);
            assert_int_equal(symbols[i].count, decoded[i].count);
        }
        buffer_clear(&out);
    }
}

static void a_symbol_of_few_elements_takes_13_or_21_bytes(void **state)
{
    static const struct symbol symbol = {{1, 0}, 2, -64};
    struct buffer out = {0};

    (void)state;
    symbols_encode(&out, &symbol, 1, false);
    assert_int_equal(out.size, 13);
    symbols_encode(&out, &symbol, 1, true);
    assert_int_equal(out.size, 13 + 21);
    buffer_clear(&out);
}

static void symbols_that_end_early_or_late_are_refused(void **state)
{
    struct random random = {12};
    struct symbol symbols[3], decoded[4];

    (void)state;
    for (int is_wide = 0; is_wide < 2; is_wide++) {
        struct buffer out = {0};

        for (size_t i = 0; i < COUNT_OF(symbols); i++)
            symbols[i] = random_symbol(&random, is_wide);
        symbols_encode(&out, symbols, COUNT_OF(symbols), is_wide);
        for (size_t size = 0; size < out.size; size++)
            assert_int_equal(
                symbols_decode((struct bytes){out.data, size}, decoded, COUNT_OF(symbols), is_wide),
                STATUS_CORRUPT);
        assert_int_equal(symbols_decode(buffer_view(&out), decoded, 2, is_wide), STATUS_CORRUPT);
        assert_int_equal(symbols_decode(buffer_view(&out), decoded, 4, is_wide), STATUS_CORRUPT);
        buffer_clear(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_sets_need_one_symbol),
        cmocka_unit_test(nothing_is_known_before_the_first_symbol),
        cmocka_unit_test(one_difference_needs_one_symbol),
        cmocka_unit_test(less_than_two_symbols_a_difference_are_enough),
        cmocka_unit_test(sets_with_nothing_in_common_are_found_too),
        cmocka_unit_test(symbols_do_not_depend_on_the_order_of_elements_or_of_asking),
        cmocka_unit_test(however_symbols_are_cut_the_result_is_the_same),
        cmocka_unit_test(symbols_never_change),
        cmocka_unit_test(a_damaged_symbol_never_gives_a_wrong_result),
        cmocka_unit_test(garbage_gives_no_result_and_an_end),
        cmocka_unit_test(an_element_in_one_symbol_alone_does_not_peel_round_and_round),
        cmocka_unit_test(what_we_do_not_have_is_not_found_as_ours),
        cmocka_unit_test(another_salt_gives_no_result),
        cmocka_unit_test(decoding_takes_back_what_encoding_gives),
        cmocka_unit_test(a_symbol_of_few_elements_takes_13_or_21_bytes),
        cmocka_unit_test(symbols_that_end_early_or_late_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
