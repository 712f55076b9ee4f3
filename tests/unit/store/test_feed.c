#include "unit/test.h"

#include "store/feed.h"

#define PIECE_SIZE 1000

static void append(struct feed *feed, uint64_t position, char letter, size_t size)
{
    struct buffer records = {0};

    memset(buffer_reserve(&records, size + 1), letter, size);
    records.size = size;
    feed_append(feed, position, &records);
    assert_int_equal(records.size, 0);
    buffer_clear(&records);
}

static struct feed *create_wanted(size_t bytes_max)
{
    struct feed *feed = feed_create(bytes_max);

    feed_cut(feed, 101);
    feed_set_wanted(feed, true);
    return feed;
}

/* What is read, and how far it reaches; "cut" if it can't be read. */
static void assert_read(struct feed *feed, uint64_t from, size_t bytes_max, const char *expected,
                        uint64_t reaches)
{
    struct buffer records = {0};
    uint64_t to = 0, cut = 0;
    bool is_read = feed_read(feed, from, bytes_max, &records, &to, &cut);

    buffer_append_byte(&records, '\0');
    assert_string_equal(is_read ? records.data : "cut", expected);
    assert_int_equal(is_read ? to : cut, reaches);
    buffer_clear(&records);
}

static void what_is_appended_is_read_on_from_a_position(void **state)
{
    struct feed *feed = create_wanted(1 << 20);

    (void)state;
    assert_read(feed, 101, 100, "", 101);
    append(feed, 110, 'a', 2);
    append(feed, 120, 'b', 1);
    assert_read(feed, 101, 100, "aab", 120);
    assert_read(feed, 110, 100, "b", 120);
    assert_read(feed, 120, 100, "", 120);
    assert_read(feed, 500, 100, "", 500);
    feed_destroy(feed);
}

static void whole_commits_are_read_and_at_least_one(void **state)
{
    struct feed *feed = create_wanted(1 << 20);

    (void)state;
    append(feed, 110, 'a', 5);
    append(feed, 120, 'b', 2);
    append(feed, 130, 'c', 2);
    assert_read(feed, 101, 1, "aaaaa", 110);
    assert_read(feed, 101, 6, "aaaaa", 110);
    assert_read(feed, 101, 7, "aaaaabb", 120);
    assert_read(feed, 110, 3, "bb", 120);
    feed_destroy(feed);
}

static void a_position_inside_a_commit_reads_all_of_it(void **state)
{
    struct feed *feed = create_wanted(1 << 20);

    (void)state;
    append(feed, 110, 'a', 2);
    assert_read(feed, 105, 100, "aa", 110);
    feed_destroy(feed);
}

static void commits_without_records_move_the_position(void **state)
{
    struct feed *feed = create_wanted(1 << 20);

    (void)state;
    append(feed, 110, 'a', 1);
    append(feed, 115, ' ', 0);
    assert_read(feed, 101, 100, "a", 115);
    assert_read(feed, 110, 100, "", 115);
    append(feed, 120, 'b', 1);
    assert_read(feed, 115, 100, "b", 120);
    feed_destroy(feed);
}

static void the_oldest_go_when_it_is_full(void **state)
{
    struct feed *feed = create_wanted(10 * PIECE_SIZE);

    (void)state;
    for (uint64_t i = 1; i <= 20; i++) {
        append(feed, 101 + i, 'x', PIECE_SIZE);
        assert_true(feed_bytes(feed) <= 10 * PIECE_SIZE);
    }
    assert_true(feed_bytes(feed) > 5 * PIECE_SIZE);
    feed_trim(feed, 119);
    assert_read(feed, 118, 100, "cut", 119);
    append(feed, 130, 'y', 1);
    assert_read(feed, 121, 100, "y", 130);
    feed_destroy(feed);
}

static void a_commit_larger_than_the_feed_leaves_a_cut(void **state)
{
    struct feed *feed = create_wanted(PIECE_SIZE);

    (void)state;
    append(feed, 110, 'x', 2 * PIECE_SIZE);
    assert_int_equal(feed_bytes(feed), 0);
    assert_read(feed, 101, 100, "cut", 110);
    append(feed, 120, 'y', 1);
    assert_read(feed, 110, 100, "y", 120);
    assert_true(feed_can_hold(feed, PIECE_SIZE));
    assert_false(feed_can_hold(feed, PIECE_SIZE + 1));
    feed_cut(feed, 130);
    assert_read(feed, 120, 100, "cut", 130);
    assert_read(feed, 130, 100, "", 130);
    feed_destroy(feed);
}

static void what_all_have_is_trimmed(void **state)
{
    struct feed *feed = create_wanted(1 << 20);

    (void)state;
    append(feed, 110, 'a', 1);
    append(feed, 120, 'b', 1);
    feed_trim(feed, 115);
    assert_read(feed, 109, 100, "cut", 110);
    assert_read(feed, 110, 100, "b", 120);
    feed_trim(feed, 120);
    assert_int_equal(feed_bytes(feed), 0);
    feed_destroy(feed);
}

static void nothing_is_kept_while_it_is_not_wanted(void **state)
{
    struct feed *feed = feed_create(1 << 20);

    (void)state;
    assert_false(feed_is_wanted(feed));
    append(feed, 100, 'a', 5);
    assert_int_equal(feed_bytes(feed), 0);
    assert_read(feed, 99, 100, "cut", 100);
    feed_set_wanted(feed, true);
    assert_true(feed_is_wanted(feed));
    append(feed, 110, 'b', 1);
    assert_read(feed, 100, 100, "b", 110);
    feed_set_wanted(feed, false);
    assert_int_equal(feed_bytes(feed), 0);
    assert_read(feed, 100, 100, "cut", 110);
    feed_destroy(feed);
}

/* The commit thread asked whether it is wanted before it was: nothing of that commit is here. */
static void a_commit_that_began_before_it_was_wanted_is_cut_off(void **state)
{
    struct feed *feed = feed_create(1 << 20);

    (void)state;
    feed_cut(feed, 100);
    feed_set_wanted(feed, true);
    feed_cut(feed, 110);
    assert_read(feed, 100, 100, "cut", 110);
    append(feed, 120, ' ', 0);
    assert_read(feed, 110, 100, "", 120);
    feed_destroy(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_is_read_on_from_a_position),
        cmocka_unit_test(whole_commits_are_read_and_at_least_one),
        cmocka_unit_test(a_position_inside_a_commit_reads_all_of_it),
        cmocka_unit_test(commits_without_records_move_the_position),
        cmocka_unit_test(the_oldest_go_when_it_is_full),
        cmocka_unit_test(a_commit_larger_than_the_feed_leaves_a_cut),
        cmocka_unit_test(what_all_have_is_trimmed),
        cmocka_unit_test(nothing_is_kept_while_it_is_not_wanted),
        cmocka_unit_test(a_commit_that_began_before_it_was_wanted_is_cut_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
