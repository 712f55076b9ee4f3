#include "replication/message.h"

#include "base/wire.h"
#include "unit/replication/random_message.h"
#include "unit/test.h"

#define ROUNDS          300
#define BEAT_BYTES_MAX  90
#define EACH_KIND(kind) (enum message_kind kind = 0; kind < MESSAGE_KIND_COUNT; kind++)

static void require_round_trip(const struct message *message)
{
    struct buffer body = {0};
    struct message read;

    message_encode(&body, message);
    assert_int_equal(message_decode(message->kind, buffer_view(&body), &read), STATUS_OK);
    assert_true(message_same(message, &read));
    message_clear(&read);
    buffer_clear(&body);
}

static void what_is_encoded_is_decoded_the_same(void **state)
{
    struct random random = {1};

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        for
            EACH_KIND(kind)
            {
                struct message message = random_message(&random, kind);

                require_round_trip(&message);
                message_clear(&message);
            }
    }
}

/* From a copy of just this size, so that the sanitizer sees a read behind the end. */
static enum status decode_copy(enum message_kind kind, struct bytes body)
{
    char *copy = body.size > 0 ? xmalloc(body.size) : NULL;
    struct message read;
    enum status s;

    if (body.size > 0)
        memcpy(copy, body.data, body.size);
    s = message_decode(kind, (struct bytes){copy, body.size}, &read);
    if (s == STATUS_OK)
        message_clear(&read);
    free(copy);
    return s;
}

static void no_beginning_of_a_message_is_one(void **state)
{
    struct random random = {2};
    struct buffer body = {0};

    (void)state;
    for (int i = 0; i < ROUNDS / 10; i++) {
        for
            EACH_KIND(kind)
            {
                struct message message = random_message(&random, kind);

                message_encode(&body, &message);
                for (size_t size = 0; size < body.size; size++)
                    assert_int_equal(decode_copy(kind, (struct bytes){body.data, size}),
                                     STATUS_CORRUPT);
                message_clear(&message);
            }
    }
    buffer_clear(&body);
}

static void nothing_may_follow_a_message(void **state)
{
    struct random random = {3};
    struct buffer body = {0};

    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        for
            EACH_KIND(kind)
            {
                struct message message = random_message(&random, kind);

                message_encode(&body, &message);
                buffer_append_byte(&body, (char)random_next(&random));
                assert_int_equal(decode_copy(kind, buffer_view(&body)), STATUS_CORRUPT);
                message_clear(&message);
            }
    }
    buffer_clear(&body);
}

/* So a message has one spelling, and everything that is refused can't be read two ways. */
static void what_is_decoded_was_encoded(void **state)
{
    struct random random = {4};
    struct buffer body = {0}, again = {0};
    struct message read;

    (void)state;
    for (int i = 0; i < ROUNDS * 10; i++) {
        for
            EACH_KIND(kind)
            {
                struct message message = random_message(&random, kind);

                message_encode(&body, &message);
                message_clear(&message);
                body.data[random_below(&random, body.size)] = (char)random_next(&random);
                if (message_decode(kind, buffer_view(&body), &read) != STATUS_OK)
                    continue;
                message_encode(&again, &read);
                assert_true(bytes_equal(buffer_view(&body), buffer_view(&again)));
                message_clear(&read);
            }
    }
    buffer_clear(&body);
    buffer_clear(&again);
}

static void a_count_of_more_than_is_there_is_refused(void **state)
{
    struct message fetch = {.kind = MESSAGE_FETCH};
    struct buffer body = {0};

    (void)state;
    message_encode(&body, &fetch);
    body.size--; /* the count, 0 */
    wire_put_varint(&body, UINT64_MAX / 8 + 2);
    wire_put_u64(&body, 1);
    assert_int_equal(decode_copy(MESSAGE_FETCH, buffer_view(&body)), STATUS_CORRUPT);
    buffer_clear(&body);
}

static void a_beat_without_vector_is_small(void **state)
{
    const int64_t now_us = 1764000000000000;
    const uint64_t stamp = (uint64_t)(now_us / 1000) << 16;
    struct message message = {.kind = MESSAGE_BEAT,
                              .beat = {.sent_us = now_us,
                                       .echo_us = now_us - 500000,
                                       .echo_arrive_us = now_us - 499000,
                                       .incarnation = 1000,
                                       .start = stamp,
                                       .push_from = stamp,
                                       .closed = stamp + 100000000,
                                       .applied = stamp,
                                       .horizon = stamp,
                                       .members_hash = UINT64_MAX}};
    struct buffer body = {0};

    (void)state;
    message_encode(&body, &message);
    assert_true(body.size <= BEAT_BYTES_MAX);
    buffer_clear(&body);
}

static void a_kind_is_found_by_its_name(void **state)
{
    enum message_kind found;

    (void)state;
    for
        EACH_KIND(kind)
        {
            assert_int_equal(message_kind_of(bytes_of(message_name(kind)), &found), STATUS_OK);
            assert_int_equal(found, kind);
        }
    assert_int_equal(message_kind_of(bytes_of("WHISPER"), &found), STATUS_NOT_FOUND);
    assert_int_equal(message_kind_of(bytes_of(""), &found), STATUS_NOT_FOUND);
}

static void positions_and_members_are_taken_from_the_front(void **state)
{
    struct origin_position position = {7, 3, true, 1000, 900}, *positions;
    struct member_entry member = {9, 2, 500, MEMBER_OUT, bytes_of("host:1")}, read;
    struct buffer bytes = {0};
    struct bytes rest;
    size_t count;

    (void)state;
    positions_encode(&bytes, &position, 1);
    member_encode(&bytes, &member);
    buffer_append_text(&bytes, "rest");
    rest = buffer_view(&bytes);
    assert_int_equal(positions_decode(&rest, &positions, &count), STATUS_OK);
    assert_int_equal(count, 1);
    assert_true(positions_same(positions, &position, 1));
    assert_int_equal(member_decode(&rest, &read), STATUS_OK);
    assert_true(members_same(&read, &member, 1));
    assert_true(bytes_equal(rest, bytes_of("rest")));
    assert_int_equal(member_decode(&rest, &read), STATUS_CORRUPT);
    assert_true(bytes_equal(rest, bytes_of("rest")));
    free(positions);
    buffer_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_encoded_is_decoded_the_same),
        cmocka_unit_test(no_beginning_of_a_message_is_one),
        cmocka_unit_test(nothing_may_follow_a_message),
        cmocka_unit_test(what_is_decoded_was_encoded),
        cmocka_unit_test(a_count_of_more_than_is_there_is_refused),
        cmocka_unit_test(a_beat_without_vector_is_small),
        cmocka_unit_test(a_kind_is_found_by_its_name),
        cmocka_unit_test(positions_and_members_are_taken_from_the_front),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
