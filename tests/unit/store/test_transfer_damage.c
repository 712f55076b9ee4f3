/* Streams that are not what a source sent, fed to a blank store. */
#include "base/log.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/transfer_load.h"
#include "store/transfer_page.h"
#include "store/transfer_stream.h"
#include "unit/store/stores.h"

#define KEYS       200
#define ABOVE      20 /* of these are in no table */
#define PIECES_MAX 64
#define CUTS       15
#define DAMAGES    60

static struct node source, blank;
static struct buffer stream;
static struct bytes pieces[PIECES_MAX]; /* of it, with their heads */
static size_t piece_count;

static const char *name_of(int number)
{
    static char name[32];

    (void)snprintf(name, sizeof name, "key %d", number);
    return name;
}

/* All in one page. */
static void read_stream(void)
{
    struct transfer_pages *pages = transfer_pages_create(source.thread);
    struct buffer next = {0};
    bool is_last;

    stream.size = 0;
    assert_int_equal(
        transfer_read_page(pages, bytes_of(""), SIZE_MAX / 2, &stream, &next, &is_last), STATUS_OK);
    assert_true(is_last);
    transfer_pages_destroy(pages);
    buffer_clear(&next);
}

static void find_pieces(void)
{
    struct bytes rest = buffer_view(&stream);

    for (piece_count = 0; rest.size > 0; piece_count++) {
        struct bytes head = rest;
        uint32_t size = 0;

        assert_true(piece_count < PIECES_MAX);
        (void)wire_take(&head, 1);
        assert_true(wire_read_u32(&head, &size));
        pieces[piece_count] = wire_take(&rest, 1 + sizeof size + size);
    }
    assert_true(piece_count >= 5);
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_NOTHING);
    node_create(&source);
    for (int i = 0; i < KEYS; i++) {
        node_set(&source, node_db(&source, 0), name_of(i), name_of(i));
        if (i == KEYS - ABOVE)
            node_reopen(&source);
    }
    read_stream();
    find_pieces();
    node_create(&blank);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_destroy(&source);
    node_destroy(&blank);
    buffer_clear(&stream);
    return 0;
}

/* STATUS_NOT_FOUND: all was taken, but it was not complete. */
static enum status load(struct bytes page)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    enum status status = STATUS_PARKED;

    for (int i = 0; i < DEADLINE_MS && status == STATUS_PARKED; i++) {
        status = transfer_load_page(load, page);
        poll(NULL, 0, status == STATUS_PARKED ? 1 : 0);
    }
    if (status == STATUS_OK)
        status = transfer_load_finish(load);
    transfer_load_destroy(load);
    return status;
}

static bool has_anything(void)
{
    for (int i = 0; i < KEYS; i++)
        if (*node_get(&blank, node_db(&blank, 0), name_of(i)) != '\0')
            return true;
    return false;
}

static void renew_blank(void)
{
    node_destroy(&blank);
    node_create(&blank);
}

/* Now, and after the next start. */
static void assert_nothing_came(void)
{
    for (int round = 0; round < 2; round++) {
        assert_false(has_anything());
        node_reopen(&blank);
    }
    renew_blank();
}

/* ---------- claims ---------- */

static void what_was_sent_is_taken_over(void **state)
{
    (void)state;
    assert_int_equal(load(buffer_view(&stream)), STATUS_OK);
    for (int i = 0; i < KEYS; i++)
        assert_string_equal(node_get(&blank, node_db(&blank, 0), name_of(i)), name_of(i));
}

static void assert_pieces_of_no_use(struct buffer *altered, bool is_refused)
{
    enum status status = load(buffer_view(altered));

    assert_int_equal(status, is_refused ? STATUS_CORRUPT : STATUS_OK);
    assert_nothing_came();
    altered->size = 0;
}

static void append_pieces(struct buffer *out, size_t from, size_t to)
{
    for (; from < to; from++)
        buffer_append_bytes(out, pieces[from]);
}

static void without_its_end_a_stream_is_not_taken_over(void **state)
{
    struct buffer altered = {0};

    (void)state;
    for (size_t i = 0; i < piece_count; i++) {
        append_pieces(&altered, 0, i);
        assert_pieces_of_no_use(&altered, false);
    }
    buffer_clear(&altered);
}

static void a_piece_that_is_cut_off_is_refused(void **state)
{
    struct random numbers = {1};
    struct buffer altered = {0};

    (void)state;
    for (int i = 0; i < CUTS; i++) {
        size_t place = (size_t)i % piece_count;

        append_pieces(&altered, 0, place);
        buffer_append(&altered, pieces[place].data,
                      1 + random_below(&numbers, pieces[place].size - 1));
        assert_pieces_of_no_use(&altered, true);
    }
    buffer_clear(&altered);
}

/* A head begins anew, and there may be none or many rows; all else has its place. */
static void pieces_follow_each_other_as_they_were_sent(void **state)
{
    struct buffer altered = {0};

    (void)state;
    for (size_t i = 1; i < piece_count; i++) {
        append_pieces(&altered, 0, i + 1); /* twice */
        append_pieces(&altered, i, piece_count);
        assert_pieces_of_no_use(&altered, true);
        append_pieces(&altered, 0, i - 1); /* before the one before it */
        append_pieces(&altered, i, i + 1);
        append_pieces(&altered, i - 1, i);
        append_pieces(&altered, i + 1, piece_count);
        assert_pieces_of_no_use(&altered, true);
    }
    append_pieces(&altered, 0, piece_count); /* something behind the end */
    append_pieces(&altered, piece_count - 1, piece_count);
    assert_pieces_of_no_use(&altered, true);
    buffer_append(&altered, "X\0\0\0\0", 5);
    assert_pieces_of_no_use(&altered, true);
    buffer_clear(&altered);
}

/* True if it is in a row or a table. */
static bool damage(struct random *numbers)
{
    size_t place = random_below(numbers, piece_count), at;
    const char kind = pieces[place].data[0];

    at = (size_t)(pieces[place].data - stream.data) + random_below(numbers, pieces[place].size);
    stream.data[at] ^= (char)(1 << random_below(numbers, 8));
    return kind == STREAM_ROWS || kind == STREAM_BYTES;
}

static void damage_to_what_is_stored_is_noticed_and_none_is_a_crash(void **state)
{
    struct random numbers = {2};
    struct buffer whole = {0};

    (void)state;
    buffer_append_bytes(&whole, buffer_view(&stream));
    for (int i = 0; i < DAMAGES; i++) {
        bool is_stored = damage(&numbers);
        enum status status = load(buffer_view(&stream));

        memcpy(stream.data, whole.data, whole.size);
        assert_false(is_stored && status == STATUS_OK);
        if (is_stored)
            assert_false(has_anything());
        renew_blank();
    }
    buffer_clear(&whole);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_was_sent_is_taken_over),
        CLAIM(without_its_end_a_stream_is_not_taken_over),
        CLAIM(a_piece_that_is_cut_off_is_refused),
        CLAIM(pieces_follow_each_other_as_they_were_sent),
        CLAIM(damage_to_what_is_stored_is_noticed_and_none_is_a_crash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
