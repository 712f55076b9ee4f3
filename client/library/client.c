/* client.c - a client's life: made of options, given requests, run, closed. */
#include "library/client.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "library/memory.h"
#include "library/tls.h"

#define SERVERS_USUAL "127.0.0.1:6379"

/* A client that was left alone for so long first looks whether its connection is still there: else
 * a write that may be sent only once would go to one that is not, and end in doubt. */
#define LOOK_AGAIN_MS 10

/* --- time and chance --- */

int64_t client_real_now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* T5 */
int64_t client_now_ms(const struct grapevine *client)
{
    bool stands_still = client->owns_base && client->depth == 0;

    return (stands_still ? client->left_ms : client_real_now_ms()) - client->paused_ms;
}

/* xorshift64*: the waits of many clients shall differ, no more. */
uint64_t client_draw(struct grapevine *client)
{
    client->random ^= client->random >> 12;
    client->random ^= client->random << 25;
    client->random ^= client->random >> 27;
    return (client->random * 0x2545F4914F6CDD1DULL) >> 16;
}

static void seed(struct grapevine *client)
{
    if (getrandom(&client->random, sizeof client->random, GRND_NONBLOCK) < 0)
        client->random = (uint64_t)client_real_now_ms() ^ (uint64_t)(uintptr_t)client;
    client->random |= 1; /* zero would stay zero */
}

void client_set_timer(struct event *timer, int64_t ms)
{
    struct timeval time = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};

    event_add(timer, &time);
}

/* --- options --- */

static int64_t or_else(int64_t given, int64_t usual)
{
    return given > 0 ? given : usual;
}

static const char *why_not(const struct grapevine_options *options)
{
    if (options->connect_timeout_ms < 0 || options->answer_timeout_ms < 0 ||
        options->deadline_ms < 0 || options->backoff_min_ms < 0 || options->backoff_max_ms < 0 ||
        options->fail_back_ms < 0)
        return "a time can't be negative";
    if (options->backoff_max_ms > 0 && options->backoff_min_ms > options->backoff_max_ms)
        return "backoff_min_ms can't be more than backoff_max_ms";
    if ((unsigned)options->jitter > GRAPEVINE_JITTER_NONE)
        return "there is no such jitter";
    if (options->user != NULL && (options->password == NULL || options->password[0] == '\0'))
        return "a user needs a password too";
    return NULL;
}

/* NULL and "" are both nothing. */
static char *copy_option(const char *text)
{
    return text != NULL && text[0] != '\0' ? memory_copy_text(text) : NULL;
}

static struct grapevine_tls copy_tls(const struct grapevine_tls *tls)
{
    return (struct grapevine_tls){
        .ca_file = copy_option(tls->ca_file),
        .ca_folder = copy_option(tls->ca_folder),
        .cert_file = copy_option(tls->cert_file),
        .key_file = copy_option(tls->key_file),
        .server_name = copy_option(tls->server_name),
        .is_insecure = tls->is_insecure,
    };
}

static void clear_tls(struct grapevine_tls *tls)
{
    const char *ours[] = {tls->ca_file, tls->ca_folder, tls->cert_file, tls->key_file,
                          tls->server_name};

    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        free((void *)(uintptr_t)ours[i]);
}

static void take_options(struct grapevine *client, const struct grapevine_options *options,
                         struct ssl_ctx_st *context)
{
    client->user = copy_option(options->user);
    client->password = copy_option(options->password);
    client->ns = copy_option(options->ns);
    if (options->tls != NULL)
        client->tls = copy_tls(options->tls);
    client->rules = (struct link_rules){
        .user = client->user,
        .password = client->password,
        .ns = client->ns,
        .tls = &client->tls,
        .tls_context = context,
        .connect_timeout_ms = or_else(options->connect_timeout_ms, 2000),
        .answer_timeout_ms = or_else(options->answer_timeout_ms, 5000),
    };
    client->deadline_ms = or_else(options->deadline_ms, 30000);
    client->retry = (struct retry_rule){
        .min_ms = or_else(options->backoff_min_ms, 20),
        .max_ms = or_else(options->backoff_max_ms, 2000),
        .jitter = options->jitter,
        .attempts_max = options->attempts_max,
    };
    if (client->retry.max_ms < client->retry.min_ms)
        client->retry.max_ms = client->retry.min_ms;
    client->in_flight_max = options->in_flight_max > 0 ? options->in_flight_max : 4096;
    client->in_flight_bytes_max =
        options->in_flight_bytes_max > 0 ? options->in_flight_bytes_max : (size_t)8 * 1024 * 1024;
}

/* --- life --- */

static struct event_base *base_of_its_own(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    /* hiredis adds and removes its events at each turn: so, the kernel hears of the sum. */
    (void)event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

/* The loop has turned: that is all a waiting call asks for. */
static void on_waking(int fd, short what, void *client)
{
    (void)fd;
    (void)what;
    (void)client;
}

static void set_up(struct grapevine *client, struct event_base *base)
{
    client->base = base;
    client->reconnect = evtimer_new(base, client_on_reconnect, client);
    client->deadline = evtimer_new(base, client_on_deadline, client);
    client->telling = event_new(base, -1, 0, client_on_telling, client);
    client->waking = evtimer_new(base, on_waking, client);
    TAILQ_INIT(&client->by_age);
    TAILQ_INIT(&client->waiting);
    TAILQ_INIT(&client->done);
    client->left_ms = client_real_now_ms();
    seed(client);
}

static enum grapevine_error refuse(char sentence[GRAPEVINE_SENTENCE_MAX], const char *why)
{
    if (sentence != NULL)
        (void)snprintf(sentence, GRAPEVINE_SENTENCE_MAX, "%s", why);
    return GRAPEVINE_ARGUMENT;
}

/* `base` is NULL: one of its own. */
static enum grapevine_error create(const struct grapevine_options *options, struct event_base *base,
                                   struct grapevine **created,
                                   char sentence[GRAPEVINE_SENTENCE_MAX])
{
    const char *servers = options->servers, *why = why_not(options);
    bool owns_base = base == NULL;
    struct ssl_ctx_st *context = NULL;
    struct grapevine *client;
    char text[GRAPEVINE_SENTENCE_MAX];

    if (why != NULL)
        return refuse(sentence, why);
    client = memory_take_zeroed(sizeof *client);
    if (servers == NULL || servers[0] == '\0')
        servers = SERVERS_USUAL;
    if (!addresses_parse(&client->addresses, servers, text)) {
        free(client);
        return refuse(sentence, text);
    }
    if (options->tls != NULL && (context = tls_context_create(options->tls, text)) == NULL) {
        addresses_clear(&client->addresses);
        free(client);
        return refuse(sentence, text);
    }
    if (owns_base && (base = base_of_its_own()) == NULL) {
        tls_context_destroy(context);
        addresses_clear(&client->addresses);
        free(client);
        return refuse(sentence, "the system has no file descriptor left for an event loop");
    }
    take_options(client, options, context);
    servers_init(&client->servers, client->addresses.count, or_else(options->fail_back_ms, 10000));
    client->owns_base = owns_base;
    set_up(client, base);
    *created = client;
    return GRAPEVINE_OK;
}

enum grapevine_error grapevine_create(const struct grapevine_options *options,
                                      struct grapevine **client,
                                      char sentence[GRAPEVINE_SENTENCE_MAX])
{
    return create(options, NULL, client, sentence);
}

enum grapevine_error grapevine_create_on(const struct grapevine_options *options,
                                         struct event_base *base, struct grapevine **client,
                                         char sentence[GRAPEVINE_SENTENCE_MAX])
{
    assert(base != NULL);
    return create(options, base, client, sentence);
}

static void close_link(struct link **link)
{
    if (*link != NULL)
        link_destroy(*link);
    *link = NULL;
}

static void end_all(struct grapevine *client)
{
    struct request *request;
    struct failure failure;

    failure_say(&failure, GRAPEVINE_CANCELLED, "%s", grapevine_error_text(GRAPEVINE_CANCELLED));
    while ((request = TAILQ_FIRST(&client->by_age)) != NULL)
        client_expire(client, request, &failure);
    client_tell_all(client);
}

void client_free(struct grapevine *client)
{
    struct event *events[] = {client->reconnect, client->deadline, client->telling, client->waking};

    for (size_t i = 0; i < sizeof events / sizeof *events; i++)
        event_free(events[i]);
    if (client->owns_base)
        event_base_free(client->base);
    addresses_clear(&client->addresses);
    free(client->user);
    free(client->password);
    free(client->ns);
    clear_tls(&client->tls);
    tls_context_destroy(client->rules.tls_context);
    free(client);
}

void grapevine_destroy(struct grapevine *client)
{
    if (client == NULL || client->is_closing)
        return;
    client->is_closing = true;
    end_all(client);
    close_link(&client->active);
    close_link(&client->probe);
    close_link(&client->retiring);
    client->is_doomed = true;
    if (client->depth == 0 && !client->is_telling)
        client_free(client);
}

/* --- running --- */

enum grapevine_error client_enter(struct grapevine *client)
{
    int64_t now_ms = client_real_now_ms(), away_ms = now_ms - client->left_ms;
    struct failure failure;

    if (!client->owns_base || client->depth > 0 || client->is_telling) {
        failure_say(&failure, GRAPEVINE_ARGUMENT, "%s",
                    client->owns_base ? "a grapevine_done can't wait for another answer"
                                      : "a client on the caller's event loop can't wait");
        return client_fail(client, &failure);
    }
    client->depth++;
    client->paused_ms += away_ms;
    if (away_ms >= LOOK_AGAIN_MS && client->active != NULL)
        (void)client_turn(client, false);
    return GRAPEVINE_OK;
}

bool client_turn(struct grapevine *client, bool waits)
{
    if (!client->is_doomed)
        (void)event_base_loop(client->base, waits ? EVLOOP_ONCE : EVLOOP_NONBLOCK);
    client->bytes_unmoved = 0;
    return !client->is_doomed;
}

bool client_leave(struct grapevine *client)
{
    client->depth--;
    client->left_ms = client_real_now_ms();
    if (!client->is_doomed)
        return true;
    client_free(client);
    return false;
}

/* --- requests --- */

bool client_has_room(const struct grapevine *client, size_t bytes)
{
    return client->in_flight == 0 ||
           (client->in_flight < client->in_flight_max && bytes <= client->in_flight_bytes_max &&
            client->in_flight_bytes <= client->in_flight_bytes_max - bytes);
}

void client_take(struct grapevine *client, struct request *request)
{
    request->client = client;
    request->state = REQUEST_WAITING;
    request->deadline_ms = client_now_ms(client) + client->deadline_ms;
    TAILQ_INSERT_TAIL(&client->by_age, request, by_age);
    TAILQ_INSERT_TAIL(&client->waiting, request, in_queue);
    client->in_flight++;
    client->in_flight_bytes += request->size;
    client->bytes_unmoved += request->size;
    if (!event_pending(client->deadline, EV_TIMEOUT, NULL))
        client_set_timer(client->deadline, client->deadline_ms);
    client_look_for_preferred(client);
    client_connect_or_send(client);
}

enum grapevine_error client_fail(struct grapevine *client, const struct failure *failure)
{
    (void)snprintf(client->sentence, sizeof client->sentence, "%s", failure->sentence);
    return failure->error;
}

const char *grapevine_sentence(const struct grapevine *client)
{
    return client->sentence;
}

const char *grapevine_server(const struct grapevine *client)
{
    if (client->active == NULL || !link_state(client->active)->is_ready)
        return NULL;
    return link_state(client->active)->address->name;
}

size_t grapevine_in_flight(const struct grapevine *client)
{
    return client->in_flight;
}
