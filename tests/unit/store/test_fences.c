/* Which block has a key: beside a plain search of the keys that blocks end with. */
#include "store/fences.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "unit/test.h"

#define BLOCKS_MAX 5000
#define KEY_MAX    24
#define ROUNDS     300
#define SEARCHES   200

/* Keys of blocks, in order. */
static struct bytes keys[BLOCKS_MAX];
static size_t count;
static struct random numbers;

static size_t below(size_t limit)
{
    return (size_t)random_below(&numbers, limit);
}

static int set_up(void **state)
{
    (void)state;
    numbers = (struct random){1};
    count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++)
        xbytes_free(keys[i]);
    return 0;
}

static int compare(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

/* Few different bytes, the least and the largest among them: many keys begin like others. */
static struct bytes random_key(char at[KEY_MAX], const char *prefix)
{
    static const char few[] = {'\0', 'a', 'b', '\xff'};
    size_t size = strlen(prefix), end = size + below(12);

    memcpy(at, prefix, size);
    while (size < end)
        at[size++] = few[below(sizeof few)];
    return (struct bytes){at, size};
}

static void make_keys(size_t wanted, const char *prefix)
{
    char key[KEY_MAX];

    (void)tear_down(NULL);
    for (count = 0; count < wanted; count++)
        keys[count] = xbytes_copy(random_key(key, prefix));
    qsort(keys, count, sizeof keys[0], compare);
}

/* Block i begins at 100 * i, its filter at i. */
static struct fences *make_fences(const char *prefix)
{
    struct fences *fences = fences_create(count, bytes_of(prefix));

    for (size_t i = 0; i <= count; i++)
        fences_set(fences, i, i < count ? keys[i] : bytes_of(""), (uint32_t)(100 * i), (uint32_t)i);
    fences_seal(fences);
    return fences;
}

/* The first block that does not end before the key; the last one if all do. */
static size_t searched(struct bytes key)
{
    size_t i = 0;

    while (i + 1 < count && bytes_compare(keys[i], key) < 0)
        i++;
    return i;
}

static size_t found(const struct fences *fences, struct bytes key)
{
    struct fence_search search;
    size_t low, high;

    fences_begin(&search, fences, key);
    fences_find(&search, &low, &high);
    assert_true(low <= high && high < count);
    while (low < high && bytes_compare(keys[low], key) < 0)
        low++;
    return low;
}

static void check(const struct fences *fences, struct bytes key)
{
    assert_int_equal(found(fences, key), searched(key));
}

static void check_all(const char *prefix)
{
    struct fences *fences = make_fences(prefix);
    char key[KEY_MAX];

    for (size_t i = 0; i < SEARCHES; i++) {
        check(fences, random_key(key, prefix));
        check(fences, random_key(key, ""));
        check(fences, keys[below(count)]);
    }
    check(fences, bytes_of(""));
    check(fences, bytes_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"));
    fences_destroy(fences);
}

/* ---------- claims ---------- */

static void the_block_is_that_of_a_plain_search(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        const char *prefix = round % 3 == 0 ? "" : "a common one";

        make_keys(1 + below(round % 20 == 0 ? BLOCKS_MAX : 70), prefix);
        check_all(prefix);
    }
}

/* At each border of groups and of samples, whatever is behind it. */
static void any_number_of_blocks_will_do(void **state)
{
    (void)state;
    for (size_t blocks = 1; blocks < 600; blocks++) {
        make_keys(blocks, "k");
        check_all("k");
    }
}

static void the_last_key_may_be_any(void **state)
{
    struct fences *fences;

    (void)state;
    make_keys(40, "prefix");
    xbytes_free(keys[39]);
    keys[39] = xbytes_copy(bytes_of("z"));
    fences = make_fences("prefix");
    check(fences, bytes_of("q"));
    check(fences, bytes_of("z"));
    check(fences, bytes_of("zz"));
    check(fences, bytes_of("a"));
    fences_destroy(fences);
}

static void only_keys_that_look_alike_need_the_index(void **state)
{
    struct fences *fences;
    struct fence_search search;
    size_t low, high;
    char key[KEY_MAX];

    (void)state;
    for (count = 0; count < 1000; count++) {
        (void)snprintf(key, sizeof key, "key:%08zu", 2 * count);
        keys[count] = xbytes_copy(bytes_of(key));
    }
    fences = make_fences("key:0000");
    for (size_t i = 0; i + 1 < count; i++) {
        (void)snprintf(key, sizeof key, "key:%08zu", 2 * i + 1);
        fences_begin(&search, fences, bytes_of(key));
        fences_find(&search, &low, &high);
        assert_int_equal(low, i + 1);
        assert_int_equal(high, i + 1);
    }
    fences_destroy(fences);
}

static void each_block_has_its_place(void **state)
{
    struct fences *fences;

    (void)state;
    make_keys(50, "k");
    fences = make_fences("k");
    for (size_t i = 0; i < count; i++) {
        struct fence_place place = fences_place(fences, i);

        assert_int_equal(place.begin, 100 * i);
        assert_int_equal(place.end, 100 * (i + 1));
        assert_int_equal(place.filter_begin, i);
        assert_int_equal(place.filter_end, i + 1);
    }
    fences_destroy(fences);
}

static void a_block_costs_twenty_two_bytes_at_most(void **state)
{
    (void)state;
    for (size_t blocks = 100; blocks < 20000; blocks += 99)
        assert_true(fences_cost(blocks, 10) <= blocks * 22 + 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_block_is_that_of_a_plain_search, set_up, tear_down),
        cmocka_unit_test_setup_teardown(any_number_of_blocks_will_do, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_key_may_be_any, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_keys_that_look_alike_need_the_index, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_block_has_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_costs_twenty_two_bytes_at_most, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
