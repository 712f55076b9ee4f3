/* A program as a user of libgrapevine would write it; library.py builds and runs it.
 *
 *     program session SERVERS            everything once
 *     program rate SERVERS               writes one key again and again
 *     program steady SERVERS COUNT       a put and a get for each line of input; says which server
 * it was program loop SERVERS COUNT         on an event loop of its own program bulk SERVERS COUNT
 * many in flight; says how much memory it took, in KiB
 */
#include <event2/event.h>
#include <grapevine.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

static struct grapevine *client;

/* Ends the program where something is not as it should be. */
static void must(bool holds, const char *what)
{
    if (holds)
        return;
    printf("not so: %s (%s)\n", what, client != NULL ? grapevine_sentence(client) : "");
    exit(1);
}

#define MUST(condition) must(condition, #condition)
#define DONE(call)      must((call) == GRAPEVINE_OK, #call)

/* --- session --- */

static const char binary[] = "\0\r\n$5\r\n\377value";
static const struct grapevine_entry full = {
    .key = {"\0key\n", 5},
    .value = {binary, sizeof binary},
    .metadata = {"{\"a\":1}", 7},
    .ttl_ms = 3600 * 1000,
};

static void try_keys(void)
{
    char version[GRAPEVINE_VERSION_SIZE], newer[GRAPEVINE_VERSION_SIZE];
    struct grapevine_entry again = full;
    struct grapevine_record record;
    uint64_t deleted;

    DONE(grapevine_put(client, &full, version));
    DONE(grapevine_get(client, full.key, &record));
    MUST(record.value.size == sizeof binary);
    MUST(memcmp(record.value.data, binary, sizeof binary) == 0);
    MUST(strcmp(record.metadata.data, "{\"a\":1}") == 0);
    MUST(strcmp(record.version, version) == 0);
    MUST(record.expires_at_ms > 0);
    grapevine_record_clear(&record);
    DONE(grapevine_meta(client, full.key, &record));
    MUST(record.metadata.size == 7);
    grapevine_record_clear(&record);

    again.condition = GRAPEVINE_IF_ABSENT;
    MUST(grapevine_put(client, &again, NULL) == GRAPEVINE_CONDITION);
    again.condition = GRAPEVINE_IF_VERSION;
    again.version = version;
    DONE(grapevine_put(client, &again, newer));
    MUST(strcmp(newer, version) > 0);
    MUST(grapevine_put(client, &again, NULL) == GRAPEVINE_CONDITION);

    DONE(grapevine_delete(client, &full.key, 1, &deleted));
    MUST(deleted == 1);
    MUST(grapevine_get(client, full.key, &record) == GRAPEVINE_NOT_FOUND);
    again.condition = GRAPEVINE_IF_PRESENT;
    MUST(grapevine_put(client, &again, NULL) == GRAPEVINE_CONDITION);
}

static void try_limits(void)
{
    struct grapevine_entry entry = {.key = {"k", 1}};
    char *large = calloc(1, 65537);

    entry.value = (struct grapevine_bytes){large, 65537};
    MUST(grapevine_put(client, &entry, NULL) == GRAPEVINE_TOO_LONG);
    entry.value.size = 65536;
    DONE(grapevine_put(client, &entry, NULL));
    entry.metadata = grapevine_text("no json");
    MUST(grapevine_put(client, &entry, NULL) == GRAPEVINE_REFUSED);
    free(large);
}

static void try_listing(void)
{
    struct grapevine_listing listing = {
        .prefix = {"row:", 4}, .limit = 10, .with_metadata = true, .with_values = true};
    struct grapevine_page page = {.cursor = {"", 0}};
    char key[16], value[16];
    unsigned count = 0;

    for (int i = 0; i < 25; i++) {
        struct grapevine_entry entry = {.key = {key, (size_t)sprintf(key, "row:%02d", i)},
                                        .value = {value, (size_t)sprintf(value, "%d", i)},
                                        .metadata = {value, strlen(value)}};
        DONE(grapevine_put(client, &entry, NULL));
    }
    for (;;) {
        struct grapevine_page next;

        listing.cursor = page.cursor;
        DONE(grapevine_list(client, &listing, &next));
        grapevine_page_clear(&page);
        page = next;
        for (size_t i = 0; i < page.row_count; i++, count++) {
            (void)sprintf(value, "%u", count);
            MUST(strcmp(page.rows[i].value.data, value) == 0);
            MUST(strcmp(page.rows[i].metadata.data, value) == 0);
        }
        if (page.is_last)
            break;
    }
    grapevine_page_clear(&page);
    MUST(count == 25);
}

static void try_namespaces(void)
{
    struct grapevine_namespace ns;
    struct grapevine_titles titles;
    bool is_listed = false;
    int64_t value;

    DONE(grapevine_namespace_create(client, "app"));
    MUST(grapevine_namespace_create(client, "app") == GRAPEVINE_NAMESPACE_TAKEN);
    DONE(grapevine_namespace_set(client, "app", "max-value-size", "1kb"));
    DONE(grapevine_namespace_get(client, "app", "max-value-size", &value));
    MUST(value == 1024);
    DONE(grapevine_namespace_rename(client, "app", "app2"));
    DONE(grapevine_namespace_info(client, "app2", &ns));
    MUST(strlen(ns.id) == 32 && ns.keys == 0 && ns.limit_count == 5);
    MUST(strcmp(ns.title.data, "app2") == 0);
    grapevine_namespace_clear(&ns);
    DONE(grapevine_namespace_list(client, &titles));
    for (size_t i = 0; i < titles.title_count; i++)
        is_listed |= strcmp(titles.titles[i].data, "app2") == 0;
    MUST(is_listed);
    grapevine_titles_clear(&titles);
    DONE(grapevine_namespace_delete(client, "app2"));
    MUST(grapevine_namespace_info(client, "app2", &ns) == GRAPEVINE_NO_NAMESPACE);
}

static void try_command(void)
{
    struct grapevine_bytes words[] = {grapevine_text("INFO"), grapevine_text("server")};
    struct grapevine_reply reply;

    DONE(grapevine_command(client, words, 2, GRAPEVINE_READS, &reply));
    MUST(strstr(reply.bytes.data, "grapevine_version:") != NULL);
    grapevine_reply_clear(&reply);
}

static void run_session(long count)
{
    (void)count;
    MUST(strcmp(grapevine_version(), "0.1.0") == 0);
    DONE(grapevine_ping(client));
    try_keys();
    try_limits();
    try_listing();
    try_namespaces();
    try_command();
}

/* --- rate, steady --- */

static void run_rate(long count)
{
    const struct grapevine_entry entry = {.key = {"hot", 3}};

    for (long i = 0; i < count; i++)
        DONE(grapevine_put(client, &entry, NULL));
}

/* Its servers know nothing of one another: between the put and the get it may have changed over. */
static void run_steady(long count)
{
    struct grapevine_record record = {.memory = NULL};
    enum grapevine_error error;
    char key[32], line[16];

    for (long i = 0; i < count && fgets(line, sizeof line, stdin) != NULL; i++) {
        struct grapevine_entry entry = {.key = {key, (size_t)sprintf(key, "steady:%ld", i)}};

        DONE(grapevine_put(client, &entry, NULL));
        error = grapevine_get(client, entry.key, &record);
        MUST(error == GRAPEVINE_OK || error == GRAPEVINE_NOT_FOUND);
        grapevine_record_clear(&record);
        printf("%s\n", grapevine_server(client));
        (void)fflush(stdout);
    }
}

/* --- loop, bulk --- */

static unsigned put_count, got_count;
static struct event_base *base;

static void on_got(const struct grapevine_answer *answer, void *wanted)
{
    must(answer->error == GRAPEVINE_OK, answer->sentence);
    MUST(answer->record->value.size == answer->key.size);
    MUST(memcmp(answer->record->value.data, answer->key.data, answer->key.size) == 0);
    if (++got_count == *(long *)wanted)
        event_base_loopbreak(base);
}

static void on_put(const struct grapevine_answer *answer, void *wanted)
{
    must(answer->error == GRAPEVINE_OK, answer->sentence);
    MUST(strlen(answer->version) == GRAPEVINE_VERSION_SIZE - 1);
    put_count++;
    DONE(grapevine_send_get(client, answer->key, on_got, wanted));
}

static void run_loop(long count)
{
    char key[32];

    for (long i = 0; i < count; i++) {
        struct grapevine_bytes name = {key, (size_t)sprintf(key, "loop:%ld", i)};
        struct grapevine_entry entry = {.key = name, .value = name};

        DONE(grapevine_send_put(client, &entry, on_put, &count));
    }
    event_base_dispatch(base);
    MUST(put_count == count);
}

static void on_stored(const struct grapevine_answer *answer, void *unused)
{
    (void)unused;
    must(answer->error == GRAPEVINE_OK, answer->sentence);
    put_count++;
}

static void run_bulk(long count)
{
    static char value[100];
    struct rusage usage;
    char key[32];

    for (long i = 0; i < count; i++) {
        struct grapevine_entry entry = {.key = {key, (size_t)sprintf(key, "bulk:%ld", i)},
                                        .value = {value, sizeof value}};

        DONE(grapevine_send_put(client, &entry, on_stored, NULL));
    }
    DONE(grapevine_wait(client, -1));
    MUST(put_count == count);
    (void)getrusage(RUSAGE_SELF, &usage);
    printf("%ld\n", usage.ru_maxrss);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(long count);
    } parts[] = {{"session", run_session},
                 {"rate", run_rate},
                 {"steady", run_steady},
                 {"loop", run_loop},
                 {"bulk", run_bulk}};
    struct grapevine_options options = {.fail_back_ms = 200};
    char sentence[GRAPEVINE_SENTENCE_MAX] = "";

    MUST(argc == 4);
    options.servers = argv[2];
    if (strcmp(argv[1], "loop") == 0) {
        base = event_base_new();
        must(grapevine_create_on(&options, base, &client, sentence) == GRAPEVINE_OK, sentence);
    } else {
        must(grapevine_create(&options, &client, sentence) == GRAPEVINE_OK, sentence);
    }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (strcmp(argv[1], parts[i].name) == 0)
            parts[i].run(atol(argv[3]));
    grapevine_destroy(client);
    if (base != NULL)
        event_base_free(base);
    return 0;
}
