/* send.c - the calls that don't wait: each takes one request, whose end a function hears of. */
#include "library/client.h"

/* On a loop of its own, what was taken leaves for the server when this much has come together. */
#define MOVE_BYTES ((size_t)32 * 1024)

/* Can the client run its loop here? */
static bool can_turn(const struct grapevine *client)
{
    return client->owns_base && client->depth == 0 && !client->is_telling;
}

/* Waits until there is room for so many bytes.  GRAPEVINE_CANCELLED: the client was destroyed by a
 * function of the caller's, and is gone. */
static enum grapevine_error make_room(struct grapevine *client, size_t bytes)
{
    enum grapevine_error error = client_enter(client);

    if (error != GRAPEVINE_OK)
        return error;
    while (!client_has_room(client, bytes) && client_turn(client, true))
        ;
    return client_leave(client) ? GRAPEVINE_OK : GRAPEVINE_CANCELLED;
}

static enum grapevine_error find_room(struct grapevine *client, size_t bytes)
{
    struct failure busy;

    if (client_has_room(client, bytes))
        return GRAPEVINE_OK;
    if (can_turn(client))
        return make_room(client, bytes);
    failure_say(&busy, GRAPEVINE_BUSY, "%s", grapevine_error_text(GRAPEVINE_BUSY));
    return client_fail(client, &busy);
}

/* Takes the request over; NULL: it was refused before it was made. */
static enum grapevine_error submit(struct grapevine *client, struct request *request,
                                   const struct failure *refusal, grapevine_done *done,
                                   void *context)
{
    enum grapevine_error error;

    if (request == NULL)
        return client_fail(client, refusal);
    error = client->is_closing ? GRAPEVINE_CANCELLED : find_room(client, request->size);
    if (error != GRAPEVINE_OK) {
        request_destroy(request);
        return error;
    }
    request->done = done;
    request->context = context;
    client_take(client, request);
    if (can_turn(client) && client->bytes_unmoved >= MOVE_BYTES &&
        client_enter(client) == GRAPEVINE_OK) {
        (void)client_turn(client, false);
        (void)client_leave(client);
    }
    return GRAPEVINE_OK;
}

enum grapevine_error grapevine_send_put(struct grapevine *client,
                                        const struct grapevine_entry *entry, grapevine_done *done,
                                        void *context)
{
    struct failure refusal;

    return submit(client, request_put(entry, &refusal), &refusal, done, context);
}

enum grapevine_error grapevine_send_get(struct grapevine *client, struct grapevine_bytes key,
                                        grapevine_done *done, void *context)
{
    struct failure refusal;

    return submit(client, request_get(key, &refusal), &refusal, done, context);
}

enum grapevine_error grapevine_send_meta(struct grapevine *client, struct grapevine_bytes key,
                                         grapevine_done *done, void *context)
{
    struct failure refusal;

    return submit(client, request_meta(key, &refusal), &refusal, done, context);
}

enum grapevine_error grapevine_send_delete(struct grapevine *client,
                                           const struct grapevine_bytes *keys, size_t key_count,
                                           grapevine_done *done, void *context)
{
    struct failure refusal;

    return submit(client, request_delete(keys, key_count, &refusal), &refusal, done, context);
}

enum grapevine_error grapevine_send_list(struct grapevine *client,
                                         const struct grapevine_listing *listing,
                                         grapevine_done *done, void *context)
{
    struct failure refusal;

    return submit(client, request_list(listing, &refusal), &refusal, done, context);
}

enum grapevine_error grapevine_send_command(struct grapevine *client,
                                            const struct grapevine_bytes *words, size_t word_count,
                                            enum grapevine_repeat repeat, grapevine_done *done,
                                            void *context)
{
    struct failure refusal;

    return submit(client, request_command(words, word_count, repeat, &refusal), &refusal, done,
                  context);
}
