/* answering.c - what becomes of requests that were sent: answered, refused for now, lost, overdue.
 */
#include <event2/event.h>
#include <hiredis/hiredis.h>

#include "library/client.h"

static void wait_for_link(struct grapevine *client, struct request *request)
{
    request->state = REQUEST_WAITING;
    TAILQ_INSERT_TAIL(&client->waiting, request, in_queue);
}

/* --- refused for now --- */

static void on_delay_over(int fd, short what, void *context)
{
    struct request *request = context;

    (void)fd;
    (void)what;
    wait_for_link(request->client, request);
    client_connect_or_send(request->client);
}

/* Sends it again later, if it helps and there is time; else it ends in this. */
static void refuse(struct grapevine *client, struct request *request, const struct failure *failure)
{
    int64_t left_ms = request->deadline_ms - client_now_ms(client), wait_ms;

    if (!failure->is_passing || !retry_draw(&client->retry, &request->retry, failure->told_ms,
                                            left_ms, client_draw(client), &wait_ms)) {
        client_finish_failed(client, request, failure);
        return;
    }
    request_note(request, failure);
    request->state = REQUEST_DELAYED;
    if (request->timer == NULL)
        request->timer = evtimer_new(client->base, on_delay_over, request);
    client_set_timer(request->timer, wait_ms);
}

static void on_error(struct grapevine *client, struct link *link, struct request *request,
                     const redisReply *reply)
{
    struct failure failure;

    failure_of_reply(&failure, link_state(link)->address->name,
                     (struct grapevine_bytes){reply->str, reply->len});
    refuse(client, request, &failure);
    if (failure.is_passing && failure.is_of_server)
        client_leave_server(client, link);
}

/* --- answered --- */

static void on_answered(void *context, struct link *link, struct request *request,
                        redisReply *reply)
{
    struct grapevine *client = context;

    client_note_answer(client, link);
    if (request != NULL && reply->type != REDIS_REPLY_ERROR) {
        request->reply = reply;
        client_finish(client, request);
    } else {
        if (request != NULL)
            on_error(client, link, request, reply);
        freeReplyObject(reply);
    }
    client_settle_links(client);
}

/* --- lost --- */

/* Its answer will not come: again, or never (T2). */
static void recover(struct grapevine *client, struct request *request,
                    const struct failure *failure)
{
    request->is_in_doubt |= request->repeat != GRAPEVINE_READS;
    if (request->repeat == GRAPEVINE_WRITES_ONCE ||
        !retry_is_left(&client->retry, &request->retry)) {
        client_finish_failed(client, request, failure);
        return;
    }
    request_note(request, failure);
    wait_for_link(client, request);
}

static void on_lost(void *context, struct link *link)
{
    struct grapevine *client = context;
    struct link_state *state = link_state(link);
    struct request *request;

    client_note_loss(client, link);
    while ((request = TAILQ_FIRST(&state->sent)) != NULL) {
        TAILQ_REMOVE(&state->sent, request, in_queue);
        recover(client, request, &state->failure);
    }
    link_destroy(link);
    client_settle_links(client);
    client_connect_or_send(client);
}

static int64_t on_asked_for_time(void *context)
{
    return client_now_ms(context);
}

const struct link_owner client_link_owner = {
    .ready = client_on_ready,
    .answered = on_answered,
    .lost = on_lost,
    .now_ms = on_asked_for_time,
};

/* --- overdue (T3) --- */

/* Out of the queue of its state. */
static void withdraw(struct grapevine *client, struct request *request)
{
    switch (request->state) {
    case REQUEST_WAITING:
        TAILQ_REMOVE(&client->waiting, request, in_queue);
        break;
    case REQUEST_SENT:
        request->is_in_doubt |= request->repeat != GRAPEVINE_READS;
        link_forget(request->link, request);
        break;
    case REQUEST_DELAYED:
        event_del(request->timer);
        break;
    case REQUEST_DONE:
        break;
    }
}

void client_expire(struct grapevine *client, struct request *request, const struct failure *failure)
{
    withdraw(client, request);
    client_finish_failed(client, request, failure);
}

/* Waiting, it ends in what keeps it from being sent; delayed, in what it was refused for. */
static void expire(struct grapevine *client, struct request *request)
{
    bool is_sent = request->state == REQUEST_SENT;
    struct failure late;

    if (request->state == REQUEST_DELAYED) {
        client_expire(client, request, request->failure);
    } else if (!is_sent && client->failure.error != GRAPEVINE_OK) {
        client_expire(client, request, &client->failure);
    } else {
        enum grapevine_error error = is_sent ? GRAPEVINE_TIMEOUT : GRAPEVINE_UNREACHABLE;

        failure_say(&late, error, "%s", grapevine_error_text(error));
        client_expire(client, request, &late);
    }
}

void client_on_deadline(int fd, short what, void *context)
{
    struct grapevine *client = context;
    struct request *request;
    int64_t left_ms;

    (void)fd;
    (void)what;
    while ((request = TAILQ_FIRST(&client->by_age)) != NULL) {
        left_ms = request->deadline_ms - client_now_ms(client);
        if (left_ms > 0) {
            client_set_timer(client->deadline, left_ms);
            return;
        }
        expire(client, request);
    }
}
