/* wait.c - the calls that wait: each sends one request, and runs the client's loop until it ended.
 */
#include <event2/event.h>
#include <string.h>

#include "library/client.h"

/* Takes the request over (NULL: it was refused before it was made) and waits.  Only if this answers
 * GRAPEVINE_OK, the outcome is the caller's. */
static enum grapevine_error ask(struct grapevine *client, struct request *request,
                                const struct failure *refusal, struct outcome *outcome)
{
    enum grapevine_error error;

    if (request == NULL)
        return client_fail(client, refusal);
    error = client_enter(client);
    if (error != GRAPEVINE_OK) {
        request_destroy(request);
        return error;
    }
    outcome->is_there = false;
    outcome->failure.error = GRAPEVINE_CANCELLED;
    request->outcome = outcome;
    if (client->is_closing)
        request_destroy(request);
    else
        client_take(client, request);
    while (!outcome->is_there && client_turn(client, true))
        ;
    error = outcome->failure.error;
    if (client_leave(client) && error != GRAPEVINE_OK)
        return client_fail(client, &outcome->failure);
    return error;
}

/* --- keys --- */

enum grapevine_error grapevine_put(struct grapevine *client, const struct grapevine_entry *entry,
                                   char version[GRAPEVINE_VERSION_SIZE])
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_put(entry, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK && version != NULL)
        memcpy(version, outcome.version, sizeof outcome.version);
    return error;
}

enum grapevine_error grapevine_get(struct grapevine *client, struct grapevine_bytes key,
                                   struct grapevine_record *record)
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_get(key, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK)
        *record = outcome.record;
    return error;
}

enum grapevine_error grapevine_meta(struct grapevine *client, struct grapevine_bytes key,
                                    struct grapevine_record *record)
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_meta(key, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK)
        *record = outcome.record;
    return error;
}

enum grapevine_error grapevine_delete(struct grapevine *client, const struct grapevine_bytes *keys,
                                      size_t key_count, uint64_t *deleted)
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_delete(keys, key_count, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK && deleted != NULL)
        *deleted = outcome.deleted;
    return error;
}

enum grapevine_error grapevine_list(struct grapevine *client,
                                    const struct grapevine_listing *listing,
                                    struct grapevine_page *page)
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_list(listing, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK)
        *page = outcome.page;
    return error;
}

/* --- anything else --- */

enum grapevine_error grapevine_command(struct grapevine *client,
                                       const struct grapevine_bytes *words, size_t word_count,
                                       enum grapevine_repeat repeat, struct grapevine_reply *reply)
{
    struct failure refusal;
    struct outcome outcome;
    enum grapevine_error error;

    error = ask(client, request_command(words, word_count, repeat, &refusal), &refusal, &outcome);
    if (error == GRAPEVINE_OK)
        *reply = outcome.reply;
    return error;
}

enum grapevine_error grapevine_ping(struct grapevine *client)
{
    struct grapevine_bytes ping = grapevine_text("PING");
    struct grapevine_reply reply;
    enum grapevine_error error;

    error = grapevine_command(client, &ping, 1, GRAPEVINE_READS, &reply);
    if (error == GRAPEVINE_OK)
        grapevine_reply_clear(&reply);
    return error;
}

enum grapevine_error grapevine_wait(struct grapevine *client, int64_t wait_ms)
{
    enum grapevine_error error = client_enter(client);
    int64_t until_ms;
    bool is_over = false;

    if (error != GRAPEVINE_OK)
        return error;
    until_ms = client_now_ms(client) + wait_ms;
    if (wait_ms > 0)
        client_set_timer(client->waking, wait_ms);
    while (client->in_flight > 0 && !is_over && client_turn(client, wait_ms != 0))
        is_over = wait_ms >= 0 && client_now_ms(client) >= until_ms;
    error = client->in_flight > 0 ? GRAPEVINE_TIMEOUT : GRAPEVINE_OK;
    if (!client->is_doomed)
        event_del(client->waking);
    (void)client_leave(client);
    return error;
}
