#include "unit/test.h"

#include <stdio.h>
#include <string.h>

#include "library/request.h"

/* The words of a request, separated by blanks; the protocol's own bytes are checked on the way. */
static const char *words_of(const struct request *request)
{
    static char words[1024];
    const char *at = request->bytes, *end = request->bytes + request->size;
    unsigned count = 0, size = 0;
    size_t used = 0;
    int read = 0;

    assert_int_equal(sscanf(at, "*%u\r\n%n", &count, &read), 1);
    at += read;
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(sscanf(at, "$%u", &size), 1);
        at = strchr(at, '\n') + 1;
        used += (size_t)snprintf(words + used, sizeof words - used, "%s%.*s", i > 0 ? " " : "",
                                 (int)size, at);
        at += size;
        assert_memory_equal(at, "\r\n", 2);
        at += 2;
    }
    assert_ptr_equal(at, end);
    return words;
}

static void assert_words(struct request *request, const char *expected)
{
    assert_non_null(request);
    assert_string_equal(words_of(request), expected);
    request_destroy(request);
}

static void assert_put(const struct grapevine_entry *entry, const char *expected)
{
    struct failure failure;

    assert_words(request_put(entry, &failure), expected);
}

static void assert_refused(const struct request *request, const struct failure *failure,
                           enum grapevine_error error, const char *sentence)
{
    assert_null(request);
    assert_int_equal(failure->error, error);
    assert_string_equal(failure->sentence, sentence);
}

#define K .key = {"k", 1}, .value = {"v", 1}

static void a_put_says_what_its_entry_says(void **state)
{
    (void)state;
    assert_put(&(struct grapevine_entry){K}, "KV.PUT k v");
    assert_put(&(struct grapevine_entry){K, .ttl_ms = 1500}, "KV.PUT k v PX 1500");
    assert_put(&(struct grapevine_entry){K, .expires_at_ms = 1700000000000},
               "KV.PUT k v PXAT 1700000000000");
    assert_put(&(struct grapevine_entry){K, .keeps_expiry = true}, "KV.PUT k v KEEPTTL");
    assert_put(&(struct grapevine_entry){K, .metadata = {"{}", 2}}, "KV.PUT k v META {}");
    assert_put(&(struct grapevine_entry){K, .condition = GRAPEVINE_IF_ABSENT}, "KV.PUT k v NX");
    assert_put(&(struct grapevine_entry){K, .condition = GRAPEVINE_IF_PRESENT}, "KV.PUT k v XX");
    assert_put(&(struct grapevine_entry){K, .condition = GRAPEVINE_IF_VERSION, .version = "0",
                                         .ttl_ms = 1, .metadata = {"1", 1}},
               "KV.PUT k v PX 1 META 1 IFVERSION 0");
}

static void keys_and_values_may_hold_anything(void **state)
{
    struct grapevine_entry entry = {.key = {"\0\r\n", 3}, .value = {"", 0}};
    struct failure failure;
    struct request *request = request_put(&entry, &failure);

    (void)state;
    assert_memory_equal(request->bytes, "*3\r\n$6\r\nKV.PUT\r\n$3\r\n\0\r\n\r\n$0\r\n\r\n",
                        request->size);
    assert_int_equal(request->size, 31);
    assert_int_equal(request_end_key(request).size, 3);
    assert_memory_equal(request_end_key(request).data, "\0\r\n\0", 4);
    request_destroy(request);
}

static void an_entry_that_makes_no_sense_is_refused(void **state)
{
    struct failure failure;

    (void)state;
    assert_refused(
        request_put(&(struct grapevine_entry){K, .ttl_ms = 1, .expires_at_ms = 1}, &failure),
        &failure, GRAPEVINE_ARGUMENT,
        "only one of ttl_ms, expires_at_ms and keeps_expiry can hold");
    assert_refused(request_put(&(struct grapevine_entry){K, .ttl_ms = -1}, &failure), &failure,
                   GRAPEVINE_ARGUMENT, "ttl_ms and expires_at_ms can't be negative");
    assert_refused(
        request_put(&(struct grapevine_entry){K, .condition = GRAPEVINE_IF_VERSION}, &failure),
        &failure, GRAPEVINE_ARGUMENT, "GRAPEVINE_IF_VERSION needs a version");
}

static void a_word_that_the_protocol_has_no_room_for_is_refused(void **state)
{
    struct grapevine_entry entry = {.key = {"k", 1}, .value = {"", REQUEST_WORD_BYTES_MAX + 1}};
    struct failure failure;

    (void)state;
    assert_refused(request_put(&entry, &failure), &failure, GRAPEVINE_TOO_LONG,
                   "no request may have a word of more than 512 MiB, or more than 1 GiB in all");
}

static void only_a_put_without_condition_may_be_sent_twice(void **state)
{
    static const enum grapevine_repeat expected[] = {
        [GRAPEVINE_ALWAYS] = GRAPEVINE_WRITES,
        [GRAPEVINE_IF_ABSENT] = GRAPEVINE_WRITES_ONCE,
        [GRAPEVINE_IF_PRESENT] = GRAPEVINE_WRITES_ONCE,
        [GRAPEVINE_IF_VERSION] = GRAPEVINE_WRITES_ONCE,
    };

    (void)state;
    for (int condition = GRAPEVINE_ALWAYS; condition <= GRAPEVINE_IF_VERSION; condition++) {
        struct grapevine_entry entry = {K, .condition = (enum grapevine_condition)condition,
                                        .version = "0"};
        struct failure failure;
        struct request *request = request_put(&entry, &failure);

        assert_int_equal(request->repeat, expected[condition]);
        request_destroy(request);
    }
}

static void reads_and_deletes_name_their_keys(void **state)
{
    const struct grapevine_bytes keys[] = {{"a", 1}, {"b", 1}};
    struct failure failure;

    (void)state;
    assert_words(request_get(keys[0], &failure), "KV.GET a");
    assert_words(request_meta(keys[1], &failure), "KV.META b");
    assert_words(request_delete(keys, 2, &failure), "DEL a b");
    assert_refused(request_delete(keys, 0, &failure), &failure, GRAPEVINE_ARGUMENT,
                   "a delete is of 1 to 1,048,575 keys");
}

static void a_listing_says_what_is_wanted(void **state)
{
    struct failure failure;

    (void)state;
    assert_words(request_list(&(struct grapevine_listing){0}, &failure), "KV.LIST");
    assert_words(request_list(&(struct grapevine_listing){.prefix = {"p", 1},
                                                          .cursor = {"c", 1},
                                                          .limit = 10000,
                                                          .with_metadata = true,
                                                          .with_values = true},
                              &failure),
                 "KV.LIST PREFIX p CURSOR c LIMIT 10000 WITHMETA WITHVALUES");
    assert_refused(request_list(&(struct grapevine_listing){.limit = 10001}, &failure), &failure,
                   GRAPEVINE_ARGUMENT, "a page has 1 to 10,000 keys");
}

static struct request *command(const char *first, const char *second, struct failure *failure)
{
    struct grapevine_bytes words[] = {grapevine_text(first), grapevine_text(second)};

    return request_command(words, 2, GRAPEVINE_READS, failure);
}

static void a_command_is_sent_as_it_is(void **state)
{
    struct failure failure;

    (void)state;
    assert_words(command("INFO", "replication", &failure), "INFO replication");
    assert_words(command("NAMESPACE", "LIST", &failure), "NAMESPACE LIST");
}

static void commands_about_the_connection_are_refused(void **state)
{
    static const char *const names[] = {"SELECT",    "auth",    "HELLO", "Multi", "EXEC",  "WATCH",
                                        "subscribe", "MONITOR", "QUIT",  "RESET", "CLIENT"};
    const char *sentence = "that command is about the connection, which is the library's";
    struct failure failure;

    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        assert_refused(command(names[i], "x", &failure), &failure, GRAPEVINE_ARGUMENT, sentence);
    assert_refused(command("Namespace", "Use", &failure), &failure, GRAPEVINE_ARGUMENT, sentence);
    assert_refused(command("", "x", &failure), &failure, GRAPEVINE_ARGUMENT,
                   "a command has 1 to 1,048,576 words");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_put_says_what_its_entry_says),
        cmocka_unit_test(keys_and_values_may_hold_anything),
        cmocka_unit_test(an_entry_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_word_that_the_protocol_has_no_room_for_is_refused),
        cmocka_unit_test(only_a_put_without_condition_may_be_sent_twice),
        cmocka_unit_test(reads_and_deletes_name_their_keys),
        cmocka_unit_test(a_listing_says_what_is_wanted),
        cmocka_unit_test(a_command_is_sent_as_it_is),
        cmocka_unit_test(commands_about_the_connection_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
