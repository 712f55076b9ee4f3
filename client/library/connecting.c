/* connecting.c - which link requests go out on: finding a server, leaving it, finding back (T4). */
#include <event2/event.h>

#include "library/client.h"

static struct link *open_link(struct grapevine *client, size_t server)
{
    return link_create(client->base, &client->rules, &client->addresses.list[server], server,
                       &client_link_owner, client);
}

static bool is_ready(struct link *link)
{
    return link != NULL && link_state(link)->is_ready;
}

static void send_waiting(struct grapevine *client)
{
    struct request *request;

    while (is_ready(client->active) && (request = TAILQ_FIRST(&client->waiting)) != NULL) {
        TAILQ_REMOVE(&client->waiting, request, in_queue);
        if (!link_send(client->active, request)) {
            TAILQ_INSERT_HEAD(&client->waiting, request, in_queue);
            return;
        }
        request->state = REQUEST_SENT;
        request->sent_ms = client_now_ms(client);
        request->retry.attempts++;
    }
}

/* --- rounds --- */

static void begin_round(struct grapevine *client)
{
    servers_begin_round(&client->servers);
    client->round_began_ms = client_now_ms(client);
    client->round_may_pass = false;
}

/* Those that may not be tried again, or all, end in what was met.  Not to reach any server counts
 * as an attempt of a request that was not sent in this round. */
static void give_up(struct grapevine *client, bool are_all)
{
    struct request *request, *next;

    for (request = TAILQ_FIRST(&client->waiting); request != NULL; request = next) {
        next = TAILQ_NEXT(request, in_queue);
        if (request->retry.attempts == 0 || request->sent_ms < client->round_began_ms)
            request->retry.attempts++;
        if (!are_all && retry_is_left(&client->retry, &request->retry))
            continue;
        TAILQ_REMOVE(&client->waiting, request, in_queue);
        client_finish_failed(client, request, &client->failure);
    }
}

static void end_round(struct grapevine *client)
{
    struct retry_rule endless = client->retry;
    int64_t wait_ms = 0;

    give_up(client, !client->round_may_pass);
    if (TAILQ_EMPTY(&client->waiting)) {
        begin_round(client);
        return;
    }
    endless.attempts_max = 0;
    (void)retry_draw(&endless, &client->rounds, 0, INT64_MAX, client_draw(client), &wait_ms);
    client_set_timer(client->reconnect, wait_ms);
}

void client_on_reconnect(int fd, short what, void *context)
{
    struct grapevine *client = context;

    (void)fd;
    (void)what;
    begin_round(client);
    client_connect_or_send(client);
}

static void connect_to_next(struct grapevine *client)
{
    size_t server = servers_next(&client->servers, client_real_now_ms());

    if (server == SERVERS_NONE) {
        end_round(client);
    } else if (client->probe != NULL && link_state(client->probe)->server == server) {
        client->active = client->probe;
        client->probe = NULL;
    } else {
        client->active = open_link(client, server);
    }
}

void client_connect_or_send(struct grapevine *client)
{
    if (client->is_closing || TAILQ_EMPTY(&client->waiting))
        return;
    if (client->active == NULL && !event_pending(client->reconnect, EV_TIMEOUT, NULL))
        connect_to_next(client);
    send_waiting(client);
}

/* --- from one link to another --- */

/* Nothing more goes to the active link; what it was sent it may answer.  One at a time can be in
 * this state: false if there is another. */
static bool retire(struct grapevine *client)
{
    if (client->active == NULL)
        return true;
    if (client->retiring != NULL)
        return false;
    client->retiring = client->active;
    client->active = NULL;
    return true;
}

void client_settle_links(struct grapevine *client)
{
    if (client->retiring != NULL && TAILQ_EMPTY(&link_state(client->retiring)->sent)) {
        link_destroy(client->retiring);
        client->retiring = NULL;
    }
    if (is_ready(client->probe) && retire(client)) {
        client->active = client->probe;
        client->probe = NULL;
        client_settle_links(client);
    }
}

void client_on_ready(void *context, struct link *link)
{
    struct grapevine *client = context;

    (void)link;
    client_settle_links(client);
    client_connect_or_send(client);
}

void client_look_for_preferred(struct grapevine *client)
{
    size_t server;

    if (client->probe != NULL || !is_ready(client->active))
        return;
    server = link_state(client->active)->server;
    if (server == 0)
        return;
    server = servers_preferred(&client->servers, server, client_real_now_ms());
    if (server != SERVERS_NONE)
        client->probe = open_link(client, server);
}

void client_leave_server(struct grapevine *client, struct link *link)
{
    size_t server = link_state(link)->server;
    int64_t now_ms = client_real_now_ms();

    if (link != client->active || !servers_has_other(&client->servers, server, now_ms) ||
        !retire(client))
        return;
    servers_failed(&client->servers, server, now_ms);
    begin_round(client);
    client_connect_or_send(client);
}

void client_note_answer(struct grapevine *client, const struct link *link)
{
    if (link != client->active)
        return;
    client->rounds = (struct retry){0};
    client->failure.error = GRAPEVINE_OK;
    if (client->servers.tried != 0)
        begin_round(client);
    servers_succeeded(&client->servers, link_state(client->active)->server);
}

void client_note_loss(struct grapevine *client, struct link *link)
{
    const struct failure *failure = &link_state(link)->failure;

    servers_failed(&client->servers, link_state(link)->server, client_real_now_ms());
    if (link == client->probe) {
        client->probe = NULL;
    } else if (link == client->retiring) {
        client->retiring = NULL;
    } else {
        client->active = NULL;
        if (failure->is_passing || !client->round_may_pass)
            client->failure = *failure;
        client->round_may_pass |= failure->is_passing;
    }
}
