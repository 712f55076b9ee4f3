/* telling.c - how requests end, and callers hear of it (T1, T2). */
#include <event2/event.h>
#include <stdio.h>

#include "library/client.h"

/* How much of a failure is told behind that the outcome is unknown. */
#define REASON_MAX 400

void client_finish(struct grapevine *client, struct request *request)
{
    TAILQ_REMOVE(&client->by_age, request, by_age);
    request->state = REQUEST_DONE;
    TAILQ_INSERT_TAIL(&client->done, request, in_queue);
    event_active(client->telling, EV_TIMEOUT, 0);
}

void client_finish_failed(struct grapevine *client, struct request *request,
                          const struct failure *failure)
{
    struct failure doubt;

    if (request->is_in_doubt) {
        failure_say(&doubt, GRAPEVINE_OUTCOME_UNKNOWN, "%s (%.*s)",
                    grapevine_error_text(GRAPEVINE_OUTCOME_UNKNOWN), REASON_MAX, failure->sentence);
        failure = &doubt;
    }
    if (failure != request->failure)
        request_note(request, failure);
    client_finish(client, request);
}

static void call_back(struct request *request, const struct outcome *outcome)
{
    struct grapevine_answer answer = {
        .error = outcome->failure.error,
        .sentence = outcome->failure.sentence,
        .key = request_end_key(request),
        .attempts = request->retry.attempts,
        .version = outcome->version,
        .record = &outcome->record,
        .deleted = outcome->deleted,
        .page = &outcome->page,
        .reply = &outcome->reply,
    };

    request->done(&answer, request->context);
}

static void tell(struct grapevine *client, struct request *request)
{
    const char *server = grapevine_server(client);
    struct outcome outcome;

    client->in_flight--;
    client->in_flight_bytes -= request->size; /* there is room for what the caller may send now */
    if (request->reply != NULL)
        outcome_read(&outcome, request, server != NULL ? server : "the server");
    else
        outcome = (struct outcome){.is_there = true, .failure = *request->failure};
    if (request->outcome != NULL) {
        *request->outcome = outcome;
    } else {
        if (request->done != NULL)
            call_back(request, &outcome);
        outcome_clear(&outcome);
    }
    request_destroy(request);
}

void client_tell_all(struct grapevine *client)
{
    bool was_telling = client->is_telling;
    struct request *request;

    client->is_telling = true;
    while ((request = TAILQ_FIRST(&client->done)) != NULL) {
        TAILQ_REMOVE(&client->done, request, in_queue);
        tell(client, request);
    }
    client->is_telling = was_telling;
}

void client_on_telling(int fd, short what, void *context)
{
    struct grapevine *client = context;

    (void)fd;
    (void)what;
    client_tell_all(client);
    if (client->is_doomed && client->depth == 0)
        client_free(client);
}
