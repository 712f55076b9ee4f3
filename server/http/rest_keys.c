/* rest_keys.c - the names of a namespace's keys over REST. */
#include "base/json_text.h"
#include "http/envelope.h"
#include "http/listing.h"
#include "http/rest.h"

static enum http_progress answer_listing(struct http_call *call)
{
    const struct http_answer *answer = &call->answer;
    struct bytes cursor = listing_cursor(answer);

    listing_write_keys(answer, json_text_raw, envelope_open(call));
    return envelope_close_with_info(call, "\"count\":%zu,\"cursor\":\"%.*s\"",
                                    listing_count(answer), (int)cursor.size, cursor.data);
}

static enum http_progress list_keys(struct http_call *call)
{
    struct listing listing = {.limit = LISTING_MAX};
    enum http_progress progress = HTTP_DONE;

    if (listing_read(call, &listing) &&
        rest_number(call, "limit", 1, LISTING_MAX, REFUSE_LIST_LIMIT, &listing.limit)) {
        progress = listing_run(call, &listing);
        if (progress == HTTP_DONE && call->response.status == 200)
            progress = answer_listing(call);
    }
    listing_clear(&listing);
    return progress;
}

/* clang-format off */
const struct route rest_key_routes[] = {
    {HTTP_GET, DOOR_REST, REST_NAMESPACE "/keys", BODY_UNUSED, "list keys", list_keys},
    {.path = NULL},
};
/* clang-format on */
