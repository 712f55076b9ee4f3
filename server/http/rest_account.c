/* rest_account.c - the account around the namespaces, for clients that ask for it.
 *
 * A server has one account without a name of its own: whatever id a path names is that account's.
 * These answers are constant; they let wrangler and SDKs find what they look for before they work.
 */
#include "base/json_text.h"
#include "http/envelope.h"
#include "http/rest.h"
#include "http/uri.h"

#define ACCOUNT_ID      "677261706576696e6500000000000000"
#define ACCOUNT_SETTING "\"type\":\"standard\",\"settings\":{\"enforce_twofactor\":false}"
#define ACCOUNT         "{\"id\":\"" ACCOUNT_ID "\",\"name\":\"Grapevine\"," ACCOUNT_SETTING "}"
#define USER_ID         "677261706576696e6500000000000001"
#define MEMBERSHIP_ID   "677261706576696e6500000000000002"
#define TOKEN_ID        "677261706576696e6500000000000003"
#define PAGE_MAX        1000000

/* The one element is on the first page: whoever asks on until a page is empty comes to an end. */
static enum http_progress answer_list(struct http_call *call, const char *element)
{
    int64_t page = 1;
    int count;

    if (!rest_number(call, "page", 1, PAGE_MAX, REFUSE_PAGE, &page))
        return HTTP_DONE;
    count = page == 1;
    buffer_printf(envelope_open(call), "[%s]", page == 1 ? element : "");
    return envelope_close_with_info(call,
                                    "\"page\":%lld,\"per_page\":20,\"count\":%d,"
                                    "\"total_count\":1,\"total_pages\":1",
                                    (long long)page, count);
}

static enum http_progress answer(struct http_call *call, const char *result)
{
    buffer_append_text(envelope_open(call), result);
    return envelope_close(call);
}

static enum http_progress list_memberships(struct http_call *call)
{
    return answer_list(call, "{\"id\":\"" MEMBERSHIP_ID "\",\"status\":\"accepted\","
                             "\"roles\":[\"Administrator\"],\"account\":" ACCOUNT "}");
}

static enum http_progress list_accounts(struct http_call *call)
{
    return answer_list(call, ACCOUNT);
}

/* The id that was asked for, as it stands in the path. */
static bool read_account_id(struct http_call *call, struct buffer *id)
{
    struct bytes segment = {"", 0};
    size_t at = 0;

    for (int i = 0; i < 4; i++)
        if (!uri_next_segment(call->request->path, &at, &segment))
            break;
    return uri_decode_path(segment, id);
}

static enum http_progress get_account(struct http_call *call)
{
    struct buffer id = {0};

    if (read_account_id(call, &id)) {
        struct buffer *out = envelope_open(call);

        buffer_append_text(out, "{\"id\":");
        json_text_any(out, buffer_view(&id));
        buffer_append_text(out, ",\"name\":\"Grapevine\"," ACCOUNT_SETTING "}");
        (void)envelope_close(call);
    } else {
        http_refuse(call, REFUSE_BAD_REQUEST, "the account's id could not be URL-decoded");
    }
    buffer_clear(&id);
    return HTTP_DONE;
}

static enum http_progress get_user(struct http_call *call)
{
    return answer(call, "{\"id\":\"" USER_ID "\",\"email\":\"admin@grapevine.invalid\","
                        "\"username\":\"grapevine\",\"first_name\":null,\"last_name\":null,"
                        "\"suspended\":false,\"two_factor_authentication_enabled\":false,"
                        "\"organizations\":[]}");
}

/* The connection has let the token in, so it is one. */
static enum http_progress verify_token(struct http_call *call)
{
    return answer(call, "{\"id\":\"" TOKEN_ID "\",\"status\":\"active\"}");
}

/* clang-format off */
const struct route rest_account_routes[] = {
    {HTTP_GET, DOOR_REST, REST_BASE "/memberships",        BODY_UNUSED, "list memberships", list_memberships},
    {HTTP_GET, DOOR_REST, REST_BASE "/accounts",           BODY_UNUSED, "list accounts",    list_accounts},
    {HTTP_GET, DOOR_REST, REST_ACCOUNT,                    BODY_UNUSED, "get account",      get_account},
    {HTTP_GET, DOOR_REST, REST_BASE "/user",               BODY_UNUSED, "get user",         get_user},
    {HTTP_GET, DOOR_REST, REST_BASE "/user/tokens/verify", BODY_UNUSED, "verify token",     verify_token},
    {.path = NULL},
};
/* clang-format on */
