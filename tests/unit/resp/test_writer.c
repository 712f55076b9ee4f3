#include "unit/test.h"

#include <math.h>
#include <stdio.h>

#include "resp/writer.h"

static struct buffer out;
static struct resp_writer writer;
static struct reply *const reply = &writer.reply;

static int set_up(void **state)
{
    (void)state;
    resp_writer_init(&writer, &out, 2);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buffer_clear(&out);
    return 0;
}

/* Everything written since the last time. */
static void assert_wrote(const char *text)
{
    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.data, text, out.size);
    out.size = 0;
}

static void speak(int protocol)
{
    writer.protocol = protocol;
}

static void lines_and_numbers_are_the_same_in_both(void **state)
{
    (void)state;
    for (int protocol = 2; protocol <= 3; protocol++) {
        speak(protocol);
        reply_ok(reply);
        assert_wrote("+OK\r\n");
        reply_simple(reply, "QUEUED");
        assert_wrote("+QUEUED\r\n");
        reply_error(reply, bytes_of("ERR no such key"));
        assert_wrote("-ERR no such key\r\n");
        reply_integer(reply, -42);
        assert_wrote(":-42\r\n");
        reply_integer(reply, INT64_MIN);
        assert_wrote(":-9223372036854775808\r\n");
        reply_array(reply, 3);
        assert_wrote("*3\r\n");
        reply_array(reply, 0);
        assert_wrote("*0\r\n");
    }
}

static void a_bulk_is_its_length_and_its_bytes(void **state)
{
    (void)state;
    reply_bulk(reply, bytes_of("hello"));
    assert_wrote("$5\r\nhello\r\n");
    reply_text(reply, "");
    assert_wrote("$0\r\n\r\n");
    reply_bulk(reply, (struct bytes){NULL, 0});
    assert_wrote("$0\r\n\r\n");
    reply_bulk(reply, (struct bytes){"a\0\r\n", 4});
    assert_int_equal(out.size, 10);
    assert_memory_equal(out.data, "$4\r\na\0\r\n\r\n", 10);
}

static void a_bulk_of_any_size_fits(void **state)
{
    static char value[100000];
    static const size_t sizes[] = {9, 10, 99, 100, 999, 1000, 65536, 99999, 100000};

    (void)state;
    memset(value, 'v', sizeof value);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char header[32];
        size_t length = (size_t)snprintf(header, sizeof header, "$%zu\r\n", sizes[i]);

        reply_bulk(reply, (struct bytes){value, sizes[i]});
        assert_int_equal(out.size, length + sizes[i] + 2);
        assert_memory_equal(out.data, header, length);
        assert_memory_equal(out.data + length, value, sizes[i]);
        assert_memory_equal(out.data + out.size - 2, "\r\n", 2);
        out.size = 0;
    }
}

static void nothing_has_two_forms_in_resp2_and_one_in_resp3(void **state)
{
    (void)state;
    reply_null(reply);
    assert_wrote("$-1\r\n");
    reply_null_array(reply);
    assert_wrote("*-1\r\n");
    speak(3);
    reply_null(reply);
    assert_wrote("_\r\n");
    reply_null_array(reply);
    assert_wrote("_\r\n");
}

static void a_map_is_a_flat_array_in_resp2(void **state)
{
    (void)state;
    reply_map(reply, 7);
    assert_wrote("*14\r\n");
    speak(3);
    reply_map(reply, 7);
    assert_wrote("%7\r\n");
}

static void sets_and_pushes_are_arrays_in_resp2(void **state)
{
    (void)state;
    reply_set(reply, 2);
    reply_push(reply, 3);
    assert_wrote("*2\r\n*3\r\n");
    speak(3);
    reply_set(reply, 2);
    reply_push(reply, 3);
    assert_wrote("~2\r\n>3\r\n");
}

static void a_big_number_is_text_in_resp2(void **state)
{
    (void)state;
    reply->ops->big_number(reply, bytes_of("12345678901234567890"));
    assert_wrote("$20\r\n12345678901234567890\r\n");
    speak(3);
    reply->ops->big_number(reply, bytes_of("12345678901234567890"));
    reply->ops->attribute(reply, 1);
    assert_wrote("(12345678901234567890\r\n|1\r\n");
}

static void a_boolean_is_a_number_in_resp2(void **state)
{
    (void)state;
    reply_boolean(reply, true);
    reply_boolean(reply, false);
    assert_wrote(":1\r\n:0\r\n");
    speak(3);
    reply_boolean(reply, true);
    reply_boolean(reply, false);
    assert_wrote("#t\r\n#f\r\n");
}

static void a_number_is_a_bulk_in_resp2(void **state)
{
    (void)state;
    reply_number(reply, 3.5);
    assert_wrote("$3\r\n3.5\r\n");
    reply_number(reply, 0.1);
    assert_wrote("$19\r\n0.10000000000000001\r\n");
    reply_number(reply, -(double)INFINITY);
    assert_wrote("$4\r\n-inf\r\n");
    reply_number(reply, -1.7976931348623157e308);
    assert_wrote("$24\r\n-1.7976931348623157e+308\r\n");
    speak(3);
    reply_number(reply, 3.5);
    assert_wrote(",3.5\r\n");
    reply_number(reply, (double)INFINITY);
    assert_wrote(",inf\r\n");
    reply_number(reply, -(double)NAN);
    assert_wrote(",nan\r\n");
}

static void verbatim_text_is_a_bulk_in_resp2(void **state)
{
    (void)state;
    reply_verbatim(reply, bytes_of("# Server\r\n"));
    assert_wrote("$10\r\n# Server\r\n\r\n");
    speak(3);
    reply_verbatim(reply, bytes_of("# Server\r\n"));
    assert_wrote("=14\r\ntxt:# Server\r\n\r\n");
    reply_verbatim(reply, bytes_of(""));
    assert_wrote("=4\r\ntxt:\r\n");
}

static void a_line_break_cannot_end_an_error_early(void **state)
{
    (void)state;
    reply_error(reply, bytes_of("ERR unknown command 'a\r\n+OK'\n"));
    assert_wrote("-ERR unknown command 'a  +OK' \r\n");
    reply_simple(reply, "a\nb");
    assert_wrote("+a b\r\n");
    reply_error(reply, bytes_of(""));
    assert_wrote("-\r\n");
}

static void errors_are_counted(void **state)
{
    (void)state;
    assert_int_equal(reply->error_count, 0);
    reply_ok(reply);
    reply_error(reply, bytes_of("ERR one"));
    reply_error(reply, bytes_of("ERR two"));
    assert_int_equal(reply->error_count, 2);
}

static void what_was_said_since_a_mark_can_be_taken_back(void **state)
{
    size_t mark;

    (void)state;
    reply_array(reply, 2);
    mark = reply_mark(reply);
    reply_text(reply, "half done");
    reply_rewind(reply, mark);
    reply_null(reply);
    assert_wrote("*2\r\n$-1\r\n");
}

static void buffer_and_protocol_may_change_between_replies(void **state)
{
    struct buffer other = {0};

    (void)state;
    reply_null(reply);
    writer.out = &other;
    speak(3);
    reply_null(reply);
    assert_true(bytes_equal(buffer_view(&other), bytes_of("_\r\n")));
    assert_wrote("$-1\r\n");
    buffer_clear(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_and_numbers_are_the_same_in_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bulk_is_its_length_and_its_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_bulk_of_any_size_fits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_has_two_forms_in_resp2_and_one_in_resp3, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_map_is_a_flat_array_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_and_pushes_are_arrays_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_big_number_is_text_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_boolean_is_a_number_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_number_is_a_bulk_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verbatim_text_is_a_bulk_in_resp2, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_break_cannot_end_an_error_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_are_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_said_since_a_mark_can_be_taken_back, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(buffer_and_protocol_may_change_between_replies, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
