#include "unit/test.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/cli_print.h"

/* Replies are spelled as they come over the wire. */
static void convert(struct grapevine_reply *to, const redisReply *from)
{
    struct grapevine_reply *elements = calloc(from->elements + 1, sizeof(*elements));
    char *bytes = calloc(1, from->len + 1);

    assert_true(elements != NULL && bytes != NULL);
    if (from->str != NULL)
        memcpy(bytes, from->str, from->len);
    *to = (struct grapevine_reply){.type = GRAPEVINE_REPLY_BYTES, .bytes = {bytes, from->len}};
    to->elements = elements;
    to->element_count = from->elements;
    to->integer = from->integer;
    to->memory = bytes;
    if (from->type == REDIS_REPLY_NIL)
        to->type = GRAPEVINE_REPLY_NIL;
    else if (from->type == REDIS_REPLY_INTEGER)
        to->type = GRAPEVINE_REPLY_INTEGER;
    else if (from->type == REDIS_REPLY_ARRAY)
        to->type = GRAPEVINE_REPLY_ARRAY;
    for (size_t i = 0; i < from->elements; i++)
        convert(&elements[i], from->element[i]);
}

static struct grapevine_reply *reply_of(const char *wire, size_t size)
{
    struct grapevine_reply *converted = calloc(1, sizeof(*converted));
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    assert_int_equal(redisReaderFeed(reader, wire, size), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_true(converted != NULL && reply != NULL);
    convert(converted, reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
    return converted;
}

static void drop_inside(const struct grapevine_reply *reply)
{
    for (size_t i = 0; i < reply->element_count; i++)
        drop_inside(&reply->elements[i]);
    free((void *)(uintptr_t)reply->elements);
    free(reply->memory);
}

static void drop(struct grapevine_reply *reply)
{
    drop_inside(reply);
    free(reply);
}

#define REPLY(wire) reply_of(wire, sizeof(wire) - 1)

/* Collects what a print function writes. */
static struct {
    FILE *out;
    char *text;
    size_t size;
} printed;

static FILE *collect(void)
{
    printed.out = open_memstream(&printed.text, &printed.size);
    assert_non_null(printed.out);
    return printed.out;
}

static void assert_printed(const char *expected)
{
    assert_int_equal(fclose(printed.out), 0);
    assert_string_equal(printed.text, expected);
    free(printed.text);
}

static void assert_line(const char *bytes, size_t size, const char *expected)
{
    cli_print_line(collect(), bytes, size);
    assert_printed(expected);
}

static void a_line_escapes_what_would_break_it(void **state)
{
    (void)state;
    assert_line("a\tb\nc\\d", 7, "a\\tb\\nc\\\\d");
    assert_line("\0\x1b\x7f", 3, "\\x00\\x1b\\x7f");
    assert_line("", 0, "");
}

static void a_line_keeps_utf8_and_escapes_other_bytes(void **state)
{
    (void)state;
    assert_line("grüße €𝄞", strlen("grüße €𝄞"), "grüße €𝄞");
    assert_line("\xff\xc3", 2, "\\xff\\xc3");
    assert_line("\xc0\x80", 2, "\\xc0\\x80");                   /* overlong */
    assert_line("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* surrogate */
    assert_line("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* above U+10FFFF */
}

#define RECORD                                                                                     \
    "*8\r\n$5\r\nvalue\r\n$3\r\na\nb\r\n$8\r\nmetadata\r\n$7\r\n{\"x\":1}\r\n"                     \
    "$10\r\nexpiration\r\n:1700000000123\r\n$7\r\nversion\r\n$3\r\n1-2\r\n"

#define BARE_RECORD                                                                                \
    "*8\r\n$5\r\nvalue\r\n$2\r\n\xff\x00\r\n$8\r\nmetadata\r\n$-1\r\n$10\r\nexpiration\r\n$-1\r\n" \
    "$7\r\nversion\r\n$3\r\n1-2\r\n"

static void a_record_is_told_before_its_value(void **state)
{
    struct grapevine_reply *record = REPLY(RECORD);

    (void)state;
    cli_print_record(collect(), record);
    assert_printed("version: 1-2\nexpiration: 2023-11-14T22:13:20Z (1700000000123)\n"
                   "metadata: {\"x\":1}\n\na\nb");
    drop(record);
}

static void a_record_is_one_json_object(void **state)
{
    struct grapevine_reply *record = REPLY(RECORD);

    (void)state;
    cli_print_record_json(collect(), "k", record);
    assert_printed(
        "{\"key\":\"k\",\"value\":\"a\\nb\",\"metadata\":{\"x\":1},"
        "\"expiration\":1700000000,\"expiration_ms\":1700000000123,\"version\":\"1-2\"}\n");
    drop(record);
}

static void json_marks_a_value_that_is_no_text(void **state)
{
    struct grapevine_reply *record = REPLY(BARE_RECORD);

    (void)state;
    cli_print_record_json(collect(), "\xff", record);
    assert_printed("{\"key\":\"/w==\",\"key_base64\":true,\"value\":\"/wA=\",\"base64\":true,"
                   "\"metadata\":null,\"expiration\":null,\"version\":\"1-2\"}\n");
    drop(record);
}

static void metadata_of_any_json_type_stays_what_it_is(void **state)
{
    struct grapevine_reply *meta = REPLY("$5\r\n\"x\\n\"\r\n");

    (void)state;
    cli_print_meta_json(collect(), "k", meta);
    assert_printed("{\"key\":\"k\",\"metadata\":\"x\\n\"}\n");
    drop(meta);
    meta = REPLY("$3\r\nnot\r\n");
    cli_print_meta_json(collect(), "k", meta);
    assert_printed("{\"key\":\"k\",\"metadata\":\"not\"}\n");
    drop(meta);
}

static void a_row_has_the_columns_that_were_asked_for(void **state)
{
    const struct cli_row_parts none = {false, false}, both = {true, true}, value = {false, true};
    struct grapevine_reply *name = REPLY("$3\r\na\tb\r\n");
    struct grapevine_reply *row = REPLY("*3\r\n$1\r\nk\r\n$-1\r\n$2\r\nvv\r\n");
    struct grapevine_reply *short_row = REPLY("*2\r\n$1\r\nk\r\n$2\r\nvv\r\n");

    (void)state;
    cli_print_row(collect(), name, none);
    assert_printed("a\\tb\n");
    cli_print_row(collect(), row, both);
    assert_printed("k\t\tvv\n");
    cli_print_row(collect(), short_row, value);
    assert_printed("k\tvv\n");
    drop(name);
    drop(row);
    drop(short_row);
}

static void rows_in_json_make_one_document(void **state)
{
    const struct cli_row_parts none = {false, false}, both = {true, true};
    struct grapevine_reply *name = REPLY("$1\r\n\xff\r\n");
    struct grapevine_reply *row = REPLY("*3\r\n$1\r\nk\r\n$2\r\n{}\r\n$1\r\nv\r\n");
    FILE *out = collect();

    (void)state;
    cli_print_row_json(out, name, none, true);
    cli_print_row_json(out, row, both, false);
    cli_print_list_end_json(out, NULL, false);
    assert_printed("{\"keys\":[{\"name\":\"/w==\",\"name_base64\":true},\n"
                   "{\"name\":\"k\",\"metadata\":{},\"value\":\"v\"}],"
                   "\"list_complete\":true,\"cursor\":null}\n");
    cli_print_list_end_json(collect(), "c\"", true);
    assert_printed("{\"keys\":[],\"list_complete\":false,\"cursor\":\"c\\\"\"}\n");
    drop(name);
    drop(row);
}

static void a_map_is_lines_or_an_object(void **state)
{
    struct grapevine_reply *map = REPLY("*6\r\n$5\r\ntitle\r\n$2\r\nt\n\r\n$4\r\nkeys\r\n:7\r\n"
                                        "$6\r\nlimits\r\n*2\r\n$1\r\na\r\n:1\r\n");

    (void)state;
    cli_print_map(collect(), map, 0);
    assert_printed("title: t\\n\nkeys: 7\nlimits:\n  a: 1\n");
    cli_print_map_json(collect(), map);
    assert_printed("{\"title\":\"t\\n\",\"keys\":7,\"limits\":{\"a\":1}}\n");
    drop(map);
}

static void a_reply_of_another_shape_is_no_crash(void **state)
{
    struct grapevine_reply *shapes[] = {REPLY(":1\r\n"), REPLY("$-1\r\n"),
                                        REPLY("*1\r\n$1\r\na\r\n"), REPLY("*0\r\n"),
                                        REPLY("*2\r\n*0\r\n*0\r\n")};
    const struct cli_row_parts both = {true, true};

    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
        FILE *out = collect();

        cli_print_record(out, shapes[i]);
        cli_print_record_json(out, "k", shapes[i]);
        cli_print_meta_json(out, "k", shapes[i]);
        cli_print_row(out, shapes[i], both);
        cli_print_row_json(out, shapes[i], both, true);
        cli_print_texts(out, shapes[i]);
        cli_print_texts_json(out, "t", shapes[i]);
        cli_print_map(out, shapes[i], 0);
        cli_print_map_json(out, shapes[i]);
        assert_int_equal(fclose(out), 0);
        free(printed.text);
        drop(shapes[i]);
    }
}

static const char info[] = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:93784\r\n"
                           "grapevine_version:1.2.3\r\n\r\n# Clients\r\nconnected_clients:3\r\n"
                           "used_memory:1572864\r\nused_memory_rss:9\r\n\r\n# Keyspace\r\n"
                           "db0:keys=5,expires=0,avg_ttl=0\r\ndb11:keys=6,expires=1,avg_ttl=0\r\n"
                           "# Namespaces\r\nns:flags:keys=7,bytes=1\r\ncmdstat_x:keys=100\r\n";

static void status_is_a_few_lines_of_info(void **state)
{
    (void)state;
    cli_print_status(collect(), info);
    assert_printed("version: 1.2.3 (speaks Redis 7.0.15)\nuptime: 1d 2h\nclients: 3\nkeys: 18\n"
                   "memory: 1.5 MiB\n");
    cli_print_status_json(collect(), info);
    assert_printed("{\"version\":\"1.2.3\",\"redis_version\":\"7.0.15\",\"uptime_seconds\":93784,"
                   "\"clients\":3,\"keys\":18,\"memory_bytes\":1572864}\n");
    cli_print_status(collect(), "");
    assert_printed(
        "version: (speaks Redis )\nuptime: 0m 0s\nclients: 0\nkeys: 0\nmemory: 0.0 KiB\n");
}

static void small_answers_are_objects_too(void **state)
{
    struct grapevine_reply *texts = REPLY("*2\r\n$1\r\na\r\n$1\r\nb\r\n");

    (void)state;
    cli_print_number_json(collect(), "deleted", 2);
    assert_printed("{\"deleted\":2}\n");
    cli_print_text_json(collect(), "result", "OK");
    assert_printed("{\"result\":\"OK\"}\n");
    cli_print_texts_json(collect(), "namespaces", texts);
    assert_printed("{\"namespaces\":[\"a\",\"b\"]}\n");
    cli_print_texts(collect(), texts);
    assert_printed("a\nb\n");
    drop(texts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_escapes_what_would_break_it),
        cmocka_unit_test(a_line_keeps_utf8_and_escapes_other_bytes),
        cmocka_unit_test(a_record_is_told_before_its_value),
        cmocka_unit_test(a_record_is_one_json_object),
        cmocka_unit_test(json_marks_a_value_that_is_no_text),
        cmocka_unit_test(metadata_of_any_json_type_stays_what_it_is),
        cmocka_unit_test(a_row_has_the_columns_that_were_asked_for),
        cmocka_unit_test(rows_in_json_make_one_document),
        cmocka_unit_test(a_map_is_lines_or_an_object),
        cmocka_unit_test(a_reply_of_another_shape_is_no_crash),
        cmocka_unit_test(status_is_a_few_lines_of_info),
        cmocka_unit_test(small_answers_are_objects_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
