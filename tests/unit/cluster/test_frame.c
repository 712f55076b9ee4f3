#include "unit/test.h"

#include "cluster/frame.h"
#include "cluster/joiner.h"

#define GOSSIP_BEAT "*3\r\n$6\r\nGOSSIP\r\n$4\r\nBEAT\r\n$3\r\nabc\r\n"
#define A_PART                                                                                     \
    "*6\r\n$6\r\nGOSSIP\r\n$4\r\nPART\r\n$4\r\nPUSH\r\n$1\r\n3\r\n$2\r\n10\r\n$3\r\nabc\r\n"

static enum frame_result parse(const char *text, struct frame *frame)
{
    size_t size = 0;

    return frame_parse(bytes_of(text), FRAME_BYTES_MAX, frame, &size);
}

static void assert_bytes(struct bytes bytes, const char *expected)
{
    assert_true(bytes_equal(bytes, bytes_of(expected)));
}

static void a_message_is_read_as_it_was_put(void **state)
{
    struct buffer out = {0};
    struct frame frame;
    size_t size = 0;

    (void)state;
    frame_put(&out, "BEAT", bytes_of("abc"));
    assert_bytes(buffer_view(&out), GOSSIP_BEAT);
    assert_int_equal(frame_parse(buffer_view(&out), FRAME_BYTES_MAX, &frame, &size), FRAME_OK);
    assert_int_equal(size, out.size);
    assert_int_equal(frame.kind, FRAME_WHOLE);
    assert_bytes(frame.name, "BEAT");
    assert_bytes(frame.body, "abc");
    buffer_clear(&out);
}

static void a_part_is_read_as_it_was_put(void **state)
{
    struct buffer out = {0};
    struct frame frame;

    (void)state;
    frame_put_part_head(&out, "PUSH", 3, 10, 3);
    buffer_append_text(&out, "abc" FRAME_END);
    assert_bytes(buffer_view(&out), A_PART);
    assert_int_equal(parse(A_PART, &frame), FRAME_OK);
    assert_int_equal(frame.kind, FRAME_PART);
    assert_bytes(frame.name, "PUSH");
    assert_int_equal(frame.offset, 3);
    assert_int_equal(frame.size, 10);
    assert_bytes(frame.body, "abc");
    buffer_clear(&out);
}

static void a_refusal_is_one_line_whatever_it_says(void **state)
{
    struct buffer out = {0};
    struct frame frame;
    size_t size = 0;

    (void)state;
    frame_put_refusal(&out, "NOAUTH no\r\nreally");
    assert_bytes(buffer_view(&out), "-NOAUTH no  really\r\n");
    assert_int_equal(frame_parse(buffer_view(&out), 4096, &frame, &size), FRAME_OK);
    assert_int_equal(frame.kind, FRAME_REFUSAL);
    assert_bytes(frame.body, "NOAUTH no  really");
    buffer_clear(&out);
}

static void the_longest_refusal_can_be_read(void **state)
{
    char text[2 * FRAME_REFUSAL_MAX];
    struct buffer out = {0};
    struct frame frame;
    size_t size = 0;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    frame_put_refusal(&out, text);
    assert_int_equal(frame_parse(buffer_view(&out), 4096, &frame, &size), FRAME_OK);
    assert_int_equal(frame.body.size, FRAME_REFUSAL_MAX);
    buffer_clear(&out);
}

/* Every prefix asks for more than it has, and no more than there will be; and asking as often as
 * it takes leads to the frame. */
static void assert_asks_for_more(const char *text)
{
    struct bytes whole = bytes_of(text);
    struct frame frame;

    for (size_t there = 0; there < whole.size; there++) {
        size_t needed = 0;

        assert_int_equal(
            frame_parse((struct bytes){whole.data, there}, FRAME_BYTES_MAX, &frame, &needed),
            FRAME_MORE);
        assert_in_range(needed, there + 1, whole.size);
    }
}

static void every_truncation_asks_for_more(void **state)
{
    (void)state;
    assert_asks_for_more(GOSSIP_BEAT);
    assert_asks_for_more(A_PART);
    assert_asks_for_more("-ERR so\r\n");
}

static void what_is_no_frame_is_refused(void **state)
{
    static const char *const bad[] = {
        "PING\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "*4\r\n",
        "*-1\r\n",
        "*1000000000\r\n",
        "*3\r\n*1\r\n",
        "*3\r\n:1\r\n",
        "*3\n",
        "*\r\n",
        "*3\r\n$-1\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$1048577\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$99999999999999999999\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$4\r\nbeat\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$0\r\n\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$17\r\nABCDEFGHIJKLMNOPQ\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$4\r\nPART\r\n",
        "*6\r\n$6\r\nGOSSIP\r\n$4\r\nBEAT\r\n",
        "*3\r\n$6\r\nGOSSIP\r\n$4\r\nBEATxx",
        "*6\r\n$6\r\nGOSSIP\r\n$4\r\nPART\r\n$4\r\nPUSH\r\n$1\r\n8\r\n$2\r\n10\r\n$3\r\nabc\r\n",
        "*6\r\n$6\r\nGOSSIP\r\n$4\r\nPART\r\n$4\r\nPUSH\r\n$2\r\n-1\r\n$2\r\n10\r\n$3\r\nabc\r\n",
        "GET / HTTP/1.1\r\n",
        "\x16\x03\x01",
    };
    struct frame frame;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (parse(bad[i], &frame) != FRAME_BAD)
            fail_msg("taken: %s", bad[i]);
}

static void a_frame_over_the_bound_is_refused_at_its_size(void **state)
{
    const char *head = "*3\r\n$6\r\nGOSSIP\r\n$5\r\nHELLO\r\n$4090\r\n";
    struct frame frame;
    size_t size = 0;

    (void)state;
    assert_int_equal(frame_parse(bytes_of(head), 4096, &frame, &size), FRAME_BAD);
    assert_int_equal(frame_parse(bytes_of(head), 8192, &frame, &size), FRAME_MORE);
    assert_int_equal(size, strlen(head) + 4090 + 2);
}

/* --- joining --- */

static struct frame part_of(const char *name, struct bytes whole, size_t offset, size_t size)
{
    return (struct frame){.kind = FRAME_PART,
                          .name = bytes_of(name),
                          .body = {whole.data + offset, size},
                          .offset = offset,
                          .size = whole.size};
}

static void pieces_in_order_are_the_body(void **state)
{
    struct bytes whole = bytes_of("abcdefghij");
    struct joiner joiner = {.size = 0};
    bool is_whole = true;

    (void)state;
    for (size_t at = 0; at < whole.size; at += 5) {
        struct frame part = part_of("PUSH", whole, at, 5);

        assert_int_equal(joiner_add(&joiner, &part, 10, &is_whole), STATUS_OK);
        assert_int_equal(is_whole, at == 5);
    }
    assert_true(bytes_equal(buffer_view(&joiner.body), whole));
    joiner_clear(&joiner);
}

static void a_piece_that_does_not_follow_is_refused(void **state)
{
    struct bytes whole = bytes_of("abcdefghij"), other = bytes_of("abcdefghijk");
    struct frame first = part_of("PUSH", whole, 0, 5), late = part_of("PUSH", whole, 6, 4),
                 foreign = part_of("PAGED", whole, 5, 5), longer = part_of("PUSH", other, 5, 5),
                 empty = part_of("PUSH", whole, 5, 0);
    const struct frame *const wrong[] = {&late, &foreign, &longer, &empty};
    struct joiner joiner = {.size = 0};
    bool is_whole;

    (void)state;
    assert_int_equal(joiner_add(&joiner, &late, 10, &is_whole), STATUS_CORRUPT);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_int_equal(joiner_add(&joiner, &first, 10, &is_whole), STATUS_OK);
        assert_int_equal(joiner_add(&joiner, wrong[i], 20, &is_whole), STATUS_CORRUPT);
    }
    joiner_clear(&joiner);
}

static void a_body_over_the_bound_is_refused_at_its_first_piece(void **state)
{
    struct frame first = part_of("PUSH", bytes_of("abcdefghij"), 0, 1);
    struct joiner joiner = {.size = 0};
    bool is_whole;

    (void)state;
    assert_int_equal(joiner_add(&joiner, &first, 9, &is_whole), STATUS_CORRUPT);
    assert_int_equal(joiner.body.capacity, 0);
}

static void a_new_body_ends_an_unfinished_one(void **state)
{
    struct frame first = part_of("PUSH", bytes_of("abcdefghij"), 0, 5),
                 other = part_of("PAGED", bytes_of("xy"), 0, 2);
    struct joiner joiner = {.size = 0};
    bool is_whole = false;

    (void)state;
    assert_int_equal(joiner_add(&joiner, &first, 10, &is_whole), STATUS_OK);
    assert_int_equal(joiner_add(&joiner, &other, 10, &is_whole), STATUS_OK);
    assert_true(is_whole);
    assert_bytes(buffer_view(&joiner.body), "xy");
    joiner_clear(&joiner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_read_as_it_was_put),
        cmocka_unit_test(a_part_is_read_as_it_was_put),
        cmocka_unit_test(a_refusal_is_one_line_whatever_it_says),
        cmocka_unit_test(the_longest_refusal_can_be_read),
        cmocka_unit_test(every_truncation_asks_for_more),
        cmocka_unit_test(what_is_no_frame_is_refused),
        cmocka_unit_test(a_frame_over_the_bound_is_refused_at_its_size),
        cmocka_unit_test(pieces_in_order_are_the_body),
        cmocka_unit_test(a_piece_that_does_not_follow_is_refused),
        cmocka_unit_test(a_body_over_the_bound_is_refused_at_its_first_piece),
        cmocka_unit_test(a_new_body_ends_an_unfinished_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
