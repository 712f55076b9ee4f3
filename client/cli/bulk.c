#include "bulk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "failures.h"
#include "flights.h"
#include "from_redis.h"
#include "json_text.h"
#include "pair.h"
#include "progress.h"

/* So many bytes wait behind others of the same key at most. */
#define FOLLOWER_BYTES_MAX ((size_t)8 * 1024 * 1024)

/* How often the clock is read, in elements, and how long one waits without looking around. */
#define LOOK_EVERY 64
#define LOOK_MS    100

/* After an interruption, what is on its way may still arrive. */
#define LANDING_MS 2000

struct bulk;

/* What is done with an element. */
struct work {
    enum pair_kind kind;
    const char *done; /* "stored" */
    enum grapevine_error (*send)(struct bulk *bulk, struct flight *flight, const struct pair *pair);
    void (*answered)(struct bulk *bulk, const struct grapevine_answer *answer);
    bool is_output; /* what was got is the answer, and not that it was */
};

struct bulk {
    const struct cli *cli;
    const struct work *work;
    const struct bulk_source *source;
    struct grapevine *client;
    char *ns; /* the one that the client is in, if pairs name it; owned */
    struct flights flights;
    struct flight *ready; /* followers whose turn it is */
    struct failures failures;
    struct progress progress;
    struct buffer scratch;

    uint64_t read;       /* elements, those skipped included */
    uint64_t skipped;    /* by --skip */
    uint64_t done;       /* answered well */
    uint64_t replaced;   /* by a later one of the same key */
    uint64_t missing;    /* of a delete or get: there was no such key */
    uint64_t bytes;      /* of keys and values that are done */
    uint64_t rate_count; /* of the failed, those whose key was written too often */

    bool is_broken;        /* the input: what was read before is still done */
    bool is_stopped;       /* it makes no sense to go on */
    uint64_t first_undone; /* the lowest number of an element that was not answered */
    enum cli_exit code;    /* why it stopped */
    char why[GRAPEVINE_SENTENCE_MAX];
};

/* --- answers --- */

/* Is it about the server, rather than about this one element? */
static bool is_of_server(enum grapevine_error error)
{
    static const enum grapevine_error errors[] = {
        GRAPEVINE_NO_NAMESPACE, GRAPEVINE_DENIED,    GRAPEVINE_UNAVAILABLE,
        GRAPEVINE_UNREACHABLE,  GRAPEVINE_TIMEOUT,   GRAPEVINE_OUTCOME_UNKNOWN,
        GRAPEVINE_PROTOCOL,     GRAPEVINE_CANCELLED,
    };

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (errors[i] == error)
            return true;
    }
    return false;
}

/* The element of that number is not done, nor what is behind it; the first reason is told. */
static void leave_undone(struct bulk *bulk, uint64_t number, enum cli_exit code, const char *why)
{
    if (number < bulk->first_undone)
        bulk->first_undone = number;
    if (bulk->code != CLI_EXIT_OK)
        return;
    bulk->code = code;
    snprintf(bulk->why, sizeof(bulk->why), "%s", why);
}

static void stop(struct bulk *bulk, uint64_t number, enum cli_exit code, const char *why)
{
    leave_undone(bulk, number, code, why);
    bulk->is_stopped = true;
}

static void break_off(struct bulk *bulk, uint64_t number, const char *why)
{
    leave_undone(bulk, number, CLI_EXIT_USAGE, why);
    bulk->is_broken = true;
}

static void fail_flight(struct bulk *bulk, const struct flight *flight,
                        const struct grapevine_answer *answer)
{
    char sentence[INPUT_ERROR_MAX];

    progress_end(&bulk->progress, stderr);
    bulk->rate_count += answer->error == GRAPEVINE_RATE_LIMITED;
    bulk->source->explain(bulk->source->context, flight_text(flight), flight->place, 0,
                          answer->sentence, sentence);
    failures_add(&bulk->failures, flight_text(flight), sentence);
}

static void on_answer(const struct grapevine_answer *answer, void *context)
{
    struct flight *flight = context, *follower;
    struct bulk *bulk = flight->owner;

    if (answer->error == GRAPEVINE_OK || answer->error == GRAPEVINE_NOT_FOUND) {
        bulk->done++;
        bulk->bytes += flight->payload_bytes;
        bulk->work->answered(bulk, answer);
    } else if (is_of_server(answer->error)) {
        stop(bulk, flight->number, session_exit(answer->error), answer->sentence);
    } else {
        fail_flight(bulk, flight, answer);
    }
    follower = flights_remove(&bulk->flights, flight);
    if (follower != NULL) {
        follower->next_ready = bulk->ready;
        bulk->ready = follower;
    }
}

/* --- looking around --- */

static void show_progress(struct bulk *bulk)
{
    struct progress_state state = {.count = bulk->done + bulk->replaced + bulk->failures.count,
                                   .bytes = bulk->bytes};
    int64_t now_ms = session_now_ms();

    if (!progress_is_due(&bulk->progress, now_ms))
        return;
    bulk->source->measure(bulk->source->context, &state.position, &state.total);
    progress_draw(&bulk->progress, stderr, &state, now_ms);
}

static void look_around(struct bulk *bulk)
{
    show_progress(bulk);
    if (session_is_interrupted())
        stop(bulk, bulk->read, CLI_EXIT_INTERRUPTED, "interrupted");
}

static void wait_a_little(struct bulk *bulk)
{
    (void)grapevine_wait(bulk->client, LOOK_MS);
    look_around(bulk);
}

/* --- sending --- */

/* Understands an element, or stops. */
static bool parse(struct bulk *bulk, struct bytes element, struct place place, uint64_t number,
                  struct pair *pair)
{
    char sentence[INPUT_ERROR_MAX];
    struct pair_error error;

    if (pair_parse(element, bulk->work->kind, &bulk->scratch, pair, &error))
        return true;
    bulk->source->explain(bulk->source->context, element, place, error.at, error.sentence,
                          sentence);
    break_off(bulk, number, sentence);
    return false;
}

static void send_flight(struct bulk *bulk, struct flight *flight, const struct pair *pair)
{
    enum grapevine_error error = bulk->work->send(bulk, flight, pair);
    struct grapevine_answer answer = {.error = error};

    if (error == GRAPEVINE_OK)
        return;
    answer.sentence = grapevine_sentence(bulk->client);
    on_answer(&answer, flight);
}

static void send_ready(struct bulk *bulk)
{
    while (bulk->ready != NULL && !bulk->is_stopped) {
        struct flight *flight = bulk->ready;
        struct pair pair;

        bulk->ready = flight->next_ready;
        if (parse(bulk, flight_text(flight), flight->place, flight->number, &pair))
            send_flight(bulk, flight, &pair);
    }
}

static void land(struct bulk *bulk)
{
    while (!bulk->is_stopped && bulk->flights.count > 0) {
        send_ready(bulk);
        wait_a_little(bulk);
    }
}

/* Pairs may say where they belong; one who names a namespace on the command line knows better. */
static void enter_namespace(struct bulk *bulk, const struct pair *pair)
{
    struct grapevine *client = NULL;
    char *title;
    enum cli_exit code;

    if (is_given(bulk->cli, CLI_OPTION_NAMESPACE) || pair->ns.size == 0 ||
        is_given(bulk->cli, CLI_OPTION_DRY_RUN))
        return;
    if (bulk->ns != NULL && strlen(bulk->ns) == pair->ns.size &&
        memcmp(bulk->ns, pair->ns.data, pair->ns.size) == 0)
        return;
    title = strndup(pair->ns.data, pair->ns.size);
    assert(title != NULL);
    land(bulk);
    progress_end(&bulk->progress, stderr);
    code = bulk->is_stopped ? bulk->code : session_open(bulk->cli, title, SESSION_PATIENT, &client);
    if (code != CLI_EXIT_OK) {
        free(title);
        stop(bulk, bulk->read - 1, code, "");
        return;
    }
    grapevine_destroy(bulk->client);
    free(bulk->ns);
    bulk->client = client;
    bulk->ns = title;
}

static struct flight *take_off(struct bulk *bulk, const struct pair *pair, struct bytes element)
{
    struct flight *first = flights_find(&bulk->flights, pair->key);
    bool has_replaced;

    if (first == NULL)
        return flights_add(&bulk->flights, pair->key, element);
    first = flights_follow(&bulk->flights, first, element, &has_replaced);
    bulk->replaced += has_replaced;
    return first;
}

static void take(struct bulk *bulk, struct bytes element, struct place place)
{
    uint64_t number = bulk->read++;
    struct flight *flight;
    struct pair pair;
    bool is_first;

    if (number < bulk->skipped || !parse(bulk, element, place, number, &pair))
        return;
    enter_namespace(bulk, &pair);
    if (bulk->is_stopped)
        return;
    if (bulk->client == NULL) {
        bulk->done++;
        bulk->bytes += pair.key.size + pair.value.size;
        return;
    }
    is_first = flights_find(&bulk->flights, pair.key) == NULL;
    flight = take_off(bulk, &pair, element);
    flight->owner = bulk;
    flight->place = place;
    flight->number = number;
    flight->payload_bytes = pair.key.size + pair.value.size;
    if (is_first)
        send_flight(bulk, flight, &pair);
}

/* --- all of it --- */

static void read_all(struct bulk *bulk)
{
    const struct bulk_source *source = bulk->source;
    char error[INPUT_ERROR_MAX];
    struct bytes element;
    struct place place;

    while (!bulk->is_stopped && !bulk->is_broken) {
        enum input_result result = source->next(source->context, &element, &place, error);

        if (result == INPUT_END)
            break;
        if (result == INPUT_BROKEN)
            break_off(bulk, bulk->read, error);
        else if (result == INPUT_FOUND)
            take(bulk, element, place);
        if (result == INPUT_INTERRUPTED || bulk->read % LOOK_EVERY == 0)
            look_around(bulk);
        while (!bulk->is_stopped && bulk->flights.follower_bytes > FOLLOWER_BYTES_MAX)
            wait_a_little(bulk);
        send_ready(bulk);
    }
}

/* What was sent before the trouble may still be answered, unless the server is the trouble. */
static void land_stopped(struct bulk *bulk)
{
    uint64_t first;

    if (bulk->code == CLI_EXIT_INTERRUPTED)
        (void)grapevine_wait(bulk->client, LANDING_MS);
    first = flights_first(&bulk->flights);
    if (first < bulk->first_undone)
        bulk->first_undone = first;
}

/* ", 3 failed", if there are any. */
static void tell_some(uint64_t count, const char *what)
{
    char text[PROGRESS_NUMBER_MAX];

    if (count > 0)
        printf(", %s %s", progress_number(count, text), what);
}

static void tell_counts(const struct bulk *bulk, int64_t spent_ms)
{
    uint64_t done = bulk->done - bulk->missing;
    uint64_t rate = bulk->done * 1000 / (uint64_t)(spent_ms > 0 ? spent_ms : 1);
    char count[PROGRESS_NUMBER_MAX], size[PROGRESS_NUMBER_MAX], each[PROGRESS_NUMBER_MAX];
    int noun_length = (int)strlen(bulk->source->noun) - (done == 1);

    printf("%s %.*s %s", progress_number(done, count), noun_length, bulk->source->noun,
           bulk->client == NULL ? "read" : bulk->work->done);
    tell_some(bulk->missing, "not there");
    tell_some(bulk->failures.count, "failed");
    tell_some(bulk->replaced, "replaced by a later one of the same key");
    printf(": %s in %.1f s, %s a second\n", progress_size(bulk->bytes, size),
           (double)spent_ms / 1000, progress_number(rate, each));
}

static void tell_counts_json(const struct bulk *bulk, int64_t spent_ms)
{
    printf("{\"%s\":%" PRIu64 ",\"failed\":%" PRIu64 ",\"replaced\":%" PRIu64
           ",\"missing\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"milliseconds\":%" PRId64
           ",\"complete\":%s",
           bulk->work->done, bulk->done - bulk->missing, bulk->failures.count, bulk->replaced,
           bulk->missing, bulk->bytes, spent_ms, bulk->code != CLI_EXIT_OK ? "false" : "true");
}

static void tell_stop(const struct bulk *bulk)
{
    if (bulk->why[0] != '\0')
        complain("%s", bulk->why);
    complain("stopped: go on with --skip %" PRIu64 ", behind what is done", bulk->first_undone);
}

/* The exit code of a run that came to its end. */
static enum cli_exit judge(const struct bulk *bulk)
{
    if (bulk->code != CLI_EXIT_OK || bulk->failures.count == 0)
        return bulk->code;
    return bulk->rate_count == bulk->failures.count ? CLI_EXIT_RATE : CLI_EXIT_REFUSED;
}

static void tell(const struct bulk *bulk, int64_t spent_ms)
{
    const struct bulk_source *source = bulk->source;
    bool is_json = is_given(bulk->cli, CLI_OPTION_JSON);

    if (bulk->work->is_output && bulk->client != NULL) {
        puts(bulk->done > 0 ? "}" : "{}");
        return;
    }
    if (is_json)
        tell_counts_json(bulk, spent_ms);
    else
        tell_counts(bulk, spent_ms);
    if (source->summarize != NULL)
        source->summarize(source->context, is_json);
    if (is_json)
        puts("}");
}

static enum cli_exit finish(struct bulk *bulk)
{
    int64_t spent_ms;
    enum cli_exit code, closing;

    if (bulk->client != NULL && bulk->is_stopped)
        land_stopped(bulk);
    spent_ms = session_now_ms() - bulk->progress.begun_ms;
    progress_end(&bulk->progress, stderr);
    code = judge(bulk);
    closing = failures_close(&bulk->failures);
    if (bulk->code != CLI_EXIT_OK)
        tell_stop(bulk);
    tell(bulk, spent_ms);
    return code == CLI_EXIT_OK ? closing : code;
}

static enum cli_exit run(struct bulk *bulk)
{
    enum cli_exit code;

    session_catch_interrupts();
    progress_init(&bulk->progress, bulk->source->noun, isatty(STDERR_FILENO) == 1,
                  session_now_ms());
    bulk->first_undone = UINT64_MAX;
    bulk->skipped = (uint64_t)cli_line_number(&bulk->cli->line, CLI_OPTION_SKIP, 0);
    read_all(bulk);
    if (bulk->client != NULL)
        land(bulk);
    code = finish(bulk);
    grapevine_destroy(bulk->client);
    flights_clear(&bulk->flights);
    buffer_clear(&bulk->scratch);
    free(bulk->ns);
    return code;
}

static enum cli_exit run_from(const struct cli *cli, const struct work *work,
                              const struct bulk_source *source, const char *path)
{
    struct bulk bulk = {.cli = cli, .work = work, .source = source};
    enum cli_exit code;

    code = failures_open(&bulk.failures, cli->line.option[CLI_OPTION_FAILED], path);
    if (code == CLI_EXIT_OK && !is_given(cli, CLI_OPTION_DRY_RUN))
        code = session_open(cli, NULL, SESSION_PATIENT, &bulk.client);
    if (code == CLI_EXIT_OK)
        return run(&bulk);
    (void)failures_close(&bulk.failures);
    return code;
}

/* --- put --- */

static struct grapevine_bytes lend(struct bytes bytes)
{
    return (struct grapevine_bytes){bytes.data, bytes.size};
}

static enum grapevine_error send_put(struct bulk *bulk, struct flight *flight,
                                     const struct pair *pair)
{
    struct grapevine_entry entry = {
        .key = lend(pair->key),
        .value = lend(pair->value),
        .metadata = lend(pair->metadata),
        .ttl_ms = pair->ttl_ms,
        .expires_at_ms = pair->expires_at_ms,
    };

    return grapevine_send_put(bulk->client, &entry, on_answer, flight);
}

static void be_pleased(struct bulk *bulk, const struct grapevine_answer *answer)
{
    (void)bulk;
    (void)answer;
}

static const struct work putting = {PAIR_WHOLE, "stored", send_put, be_pleased, false};

enum cli_exit bulk_put_from(const struct cli *cli, const struct bulk_source *source)
{
    return run_from(cli, &putting, source, NULL);
}

/* --- files --- */

static enum input_result next_of_file(void *context, struct bytes *element, struct place *place,
                                      char error[INPUT_ERROR_MAX])
{
    return input_next(context, element, place, error);
}

static void explain_in_file(void *context, struct bytes element, struct place place, size_t at,
                            const char *what, char error[INPUT_ERROR_MAX])
{
    input_explain(context, element, place, at, what, error);
}

static void measure_file(void *context, uint64_t *position, uint64_t *total)
{
    const struct input *input = context;

    *position = input->used_bytes;
    *total = input->size;
}

static enum cli_exit run_on_file(const struct cli *cli, const struct work *work, const char *noun)
{
    const char *path = cli->line.argument_count > 0 ? cli->line.argument[0] : "-";
    struct input input;
    struct bulk_source source = {noun, next_of_file, explain_in_file, measure_file, NULL, &input};
    char error[INPUT_ERROR_MAX];
    enum cli_exit code;

    if (!input_open(&input, path, error))
        return FAIL(CLI_EXIT_USAGE, "%s", error);
    code = run_from(cli, work, &source, path);
    input_close(&input);
    return code;
}

enum cli_exit bulk_put(struct cli *cli)
{
    return run_on_file(cli, &putting, "pairs");
}

/* --- delete --- */

static enum grapevine_error send_delete(struct bulk *bulk, struct flight *flight,
                                        const struct pair *pair)
{
    struct grapevine_bytes key = lend(pair->key);

    return grapevine_send_delete(bulk->client, &key, 1, on_answer, flight);
}

static void count_missing(struct bulk *bulk, const struct grapevine_answer *answer)
{
    bulk->missing += answer->deleted == 0;
}

enum cli_exit bulk_delete(struct cli *cli)
{
    static const struct work deleting = {PAIR_NAME, "deleted", send_delete, count_missing, false};

    return run_on_file(cli, &deleting, "keys");
}

/* --- get --- */

static enum grapevine_error send_get(struct bulk *bulk, struct flight *flight,
                                     const struct pair *pair)
{
    return grapevine_send_get(bulk->client, lend(pair->key), on_answer, flight);
}

static struct bytes borrow(struct grapevine_bytes bytes)
{
    return (struct bytes){bytes.data, bytes.size};
}

/* A member of the object that bulk get prints: "name": value.  What can't be said so, and all with
 * metadata, is an object as bulk put takes it. */
static void print_member(struct bulk *bulk, const struct grapevine_answer *answer)
{
    const struct grapevine_record *record = answer->record;
    struct pair pair = {.key = borrow(answer->key), .value = borrow(record->value)};
    struct buffer line = {0};

    buffer_append_text(&line, bulk->done == 1 ? "{" : ",\n");
    if (utf8_is_valid(pair.key))
        json_text_append(&line, pair.key);
    else
        json_text_append_base64(&line, pair.key);
    buffer_append_text(&line, ":");
    if (answer->error == GRAPEVINE_NOT_FOUND) {
        buffer_append_text(&line, "null");
    } else if (!is_given(bulk->cli, CLI_OPTION_WITH_METADATA) && utf8_is_valid(pair.key) &&
               utf8_is_valid(pair.value)) {
        json_text_append(&line, pair.value);
    } else {
        pair.metadata = borrow(record->metadata);
        pair.expires_at_ms = record->expires_at_ms;
        pair_append(&line, &pair);
        line.size--; /* its newline */
    }
    (void)fwrite(line.data, 1, line.size, stdout);
    buffer_clear(&line);
}

static void print_got(struct bulk *bulk, const struct grapevine_answer *answer)
{
    print_member(bulk, answer);
    bulk->missing += answer->error == GRAPEVINE_NOT_FOUND;
    if (ferror(stdout))
        stop(bulk, bulk->read, session_flush(), "");
}

enum cli_exit bulk_get(struct cli *cli)
{
    static const struct work getting = {PAIR_NAME, "got", send_get, print_got, true};

    return run_on_file(cli, &getting, "keys");
}

/* --- import --- */

enum cli_exit bulk_import(struct cli *cli)
{
    if (!is_given(cli, CLI_OPTION_FROM_REDIS))
        return run_on_file(cli, &putting, "pairs");
    if (cli->line.argument_count > 0)
        return FAIL(CLI_EXIT_USAGE, "a file and --from-redis exclude each other");
    return from_redis_import(cli);
}
