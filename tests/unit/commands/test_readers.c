#include "unit/test.h"

#include "commands/readers.h"

static struct readers readers;

static int set_up(void **state)
{
    (void)state;
    readers = (struct readers){.key_count = 0};
    readers_init(&readers);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    readers_clear(&readers);
    assert_int_equal(readers.key_count + readers.reader_count, 0);
    return 0;
}

static struct reader seen[16];
static size_t seen_count;

static bool look(void *context, struct reader *reader)
{
    (void)context;
    seen[seen_count++] = *reader;
    return true;
}

static bool send_away(void *context, struct reader *reader)
{
    const uint64_t *id = context;

    return reader->id != *id;
}

static void look_at(const char *name)
{
    seen_count = 0;
    readers_sift(&readers, readers_find(&readers, bytes_of(name)), look, NULL);
}

static void a_reader_stands_once_with_his_first_and_last_reading(void **state)
{
    (void)state;
    readers_add(&readers, bytes_of("k"), 7, 10);
    readers_add(&readers, bytes_of("k"), 7, 12);
    readers_add(&readers, bytes_of("k"), 7, 11);
    look_at("k");
    assert_int_equal(seen_count, 1);
    assert_int_equal(seen[0].first_seen, 10);
    assert_int_equal(seen[0].last_seen, 11);
    assert_int_equal(readers.reader_count, 1);
}

static void readers_stand_in_order_of_their_ids(void **state)
{
    static const uint64_t ids[] = {5, 1, 9, 3, 7};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        readers_add(&readers, bytes_of("k"), ids[i], 0);
    look_at("k");
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_int_equal(seen[i].id, 2 * i + 1);
    assert_true(read_key_has(readers_find(&readers, bytes_of("k")), 9));
    assert_false(read_key_has(readers_find(&readers, bytes_of("k")), 4));
}

static void a_key_goes_with_its_last_reader(void **state)
{
    uint64_t one = 1, two = 2;

    (void)state;
    readers_add(&readers, bytes_of("k"), one, 0);
    readers_add(&readers, bytes_of("k"), two, 0);
    readers_sift(&readers, readers_find(&readers, bytes_of("k")), send_away, &one);
    look_at("k");
    assert_int_equal(seen_count, 1);
    assert_int_equal(seen[0].id, two);
    readers_sift(&readers, readers_find(&readers, bytes_of("k")), send_away, &two);
    assert_null(readers_find(&readers, bytes_of("k")));
    assert_int_equal(readers.key_count, 0);
}

static void the_oldest_key_is_the_one_remembered_first(void **state)
{
    (void)state;
    readers_add(&readers, bytes_of("first"), 1, 0);
    readers_add(&readers, bytes_of("second"), 1, 0);
    readers_add(&readers, bytes_of("first"), 2, 0);
    assert_true(bytes_equal(read_key_name(readers_oldest(&readers)), bytes_of("first")));
    assert_int_equal(readers.key_count, 2);
    assert_int_equal(readers.reader_count, 3);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_reader_stands_once_with_his_first_and_last_reading),
        CLAIM(readers_stand_in_order_of_their_ids),
        CLAIM(a_key_goes_with_its_last_reader),
        CLAIM(the_oldest_key_is_the_one_remembered_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
