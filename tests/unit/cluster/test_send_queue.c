#include "unit/test.h"

#include <stdlib.h>

#include "base/memory.h"
#include "cluster/joiner.h"
#include "cluster/send_queue.h"

static char zeros[SEND_LONG_MAX + 2 * FRAME_PIECE_MAX];

static bool add(struct send_queue *queue, enum message_kind kind, size_t size)
{
    return send_queue_add(queue, kind, (struct bytes){zeros, size});
}

/* What leaves next: a letter for the kind, large for a whole message, small for a piece. */
static char next_letter(struct send_queue *queue)
{
    struct buffer out = {0};
    struct frame frame;
    size_t size = 0;
    char letter = '-';

    if (send_queue_next(queue, &out)) {
        assert_int_equal(frame_parse(buffer_view(&out), FRAME_BYTES_MAX, &frame, &size), FRAME_OK);
        assert_int_equal(size, out.size);
        letter = frame.name.data[0];
        if (frame.kind == FRAME_PART)
            letter = (char)(letter - 'A' + 'a');
    }
    buffer_clear(&out);
    return letter;
}

static void assert_leave(struct send_queue *queue, const char *expected)
{
    for (; *expected != '\0'; expected++)
        assert_int_equal(next_letter(queue), *expected);
}

static void beats_leave_first_then_short_ones_in_their_order(void **state)
{
    struct send_queue queue;

    (void)state;
    send_queue_init(&queue);
    (void)add(&queue, MESSAGE_PUSH, 2 * FRAME_PIECE_MAX);
    (void)add(&queue, MESSAGE_GET, 10);
    (void)add(&queue, MESSAGE_FETCH, 10);
    (void)add(&queue, MESSAGE_BEAT, 10);
    assert_leave(&queue, "BGFpp-");
}

static void a_beat_waits_for_one_piece_at_most(void **state)
{
    struct send_queue queue;

    (void)state;
    send_queue_init(&queue);
    (void)add(&queue, MESSAGE_PUSH, 3 * FRAME_PIECE_MAX);
    assert_leave(&queue, "p");
    (void)add(&queue, MESSAGE_BEAT, 10);
    assert_leave(&queue, "Bpp-");
}

static void short_messages_do_not_keep_a_long_one_from_going_on(void **state)
{
    struct send_queue queue;

    (void)state;
    send_queue_init(&queue);
    (void)add(&queue, MESSAGE_PUSH, 2 * FRAME_PIECE_MAX);
    for (int i = 0; i < 3; i++)
        (void)add(&queue, MESSAGE_GET, FRAME_PIECE_MAX);
    assert_leave(&queue, "GpGpG-");
}

static void what_does_not_fit_is_dropped_class_by_class(void **state)
{
    struct send_queue queue;
    size_t taken = 0;

    (void)state;
    send_queue_init(&queue);
    while (add(&queue, MESSAGE_GET, FRAME_PIECE_MAX))
        taken += FRAME_PIECE_MAX;
    assert_in_range(taken, SEND_SHORT_MAX - 2 * FRAME_PIECE_MAX, SEND_SHORT_MAX);
    assert_true(add(&queue, MESSAGE_PUSH, SEND_LONG_MAX / 2));
    assert_false(add(&queue, MESSAGE_PUSH, SEND_LONG_MAX));
    assert_true(add(&queue, MESSAGE_BEAT, 10));
    send_queue_clear(&queue);
    assert_int_equal(send_queue_size(&queue), 0);
    assert_leave(&queue, "-");
}

static void small_ones_count_more_than_their_bodies(void **state)
{
    struct send_queue queue;
    size_t taken = 0;

    (void)state;
    send_queue_init(&queue);
    while (add(&queue, MESSAGE_GET, 0))
        taken++;
    assert_in_range(taken, 1, SEND_SHORT_MAX / sizeof(void *));
    send_queue_clear(&queue);
}

static void a_message_over_the_bound_may_wait_alone(void **state)
{
    struct send_queue queue;

    (void)state;
    send_queue_init(&queue);
    assert_true(add(&queue, MESSAGE_PUSH, sizeof zeros));
    assert_false(add(&queue, MESSAGE_PUSH, FRAME_PIECE_MAX + 1));
    send_queue_clear(&queue);
}

static void pieces_join_to_what_was_added(void **state)
{
    size_t size = 3 * FRAME_PIECE_MAX + 17;
    char *body = xmalloc(size);
    struct joiner joiner = {.size = 0};
    struct send_queue queue;
    struct buffer out = {0};
    bool is_whole = false;

    (void)state;
    for (size_t i = 0; i < size; i++)
        body[i] = (char)(i * 7 + i / 1000);
    send_queue_init(&queue);
    assert_true(send_queue_add(&queue, MESSAGE_PUSH, (struct bytes){body, size}));
    while (send_queue_next(&queue, &out)) {
        struct frame frame;
        size_t frame_size = 0;

        assert_false(is_whole);
        assert_int_equal(frame_parse(buffer_view(&out), FRAME_BYTES_MAX, &frame, &frame_size),
                         FRAME_OK);
        assert_int_equal(joiner_add(&joiner, &frame, size, &is_whole), STATUS_OK);
        buffer_clear(&out);
    }
    assert_true(is_whole);
    assert_true(bytes_equal(buffer_view(&joiner.body), (struct bytes){body, size}));
    joiner_clear(&joiner);
    free(body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(beats_leave_first_then_short_ones_in_their_order),
        cmocka_unit_test(a_beat_waits_for_one_piece_at_most),
        cmocka_unit_test(short_messages_do_not_keep_a_long_one_from_going_on),
        cmocka_unit_test(what_does_not_fit_is_dropped_class_by_class),
        cmocka_unit_test(small_ones_count_more_than_their_bodies),
        cmocka_unit_test(a_message_over_the_bound_may_wait_alone),
        cmocka_unit_test(pieces_join_to_what_was_added),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
