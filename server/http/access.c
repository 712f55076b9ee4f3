#include "http/access.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/secret.h"

static const char scheme[] = "Bearer ";

void access_refresh(struct access *access, const struct options *options)
{
    access_clear(access);
    access->token = options_take_text(options, OPTION_HTTP_TOKEN);
    if (access->token[0] == '\0') {
        free(access->token);
        access->token = options_take_text(options, OPTION_REQUIREPASS);
    }
    access->is_protected = options_is_on(options, OPTION_PROTECTED_MODE);
}

void access_clear(struct access *access)
{
    free(access->token);
    access->token = NULL;
}

static bool is_token(const struct access *access, struct bytes given)
{
    return given.size == strlen(access->token) &&
           secret_equal((const unsigned char *)given.data, (const unsigned char *)access->token,
                        given.size);
}

/* The older pair of headers, X-Auth-Email and X-Auth-Key, is what clients send that were given an
 * API key; whose it is does not matter here. */
static bool find_token(const struct http_request *request, struct bytes *token)
{
    struct bytes given;
    size_t size = sizeof scheme - 1;

    if (!http_request_header(request, "authorization", &given))
        return http_request_header(request, "x-auth-key", token);
    if (given.size < size || strncasecmp(given.data, scheme, size) != 0)
        return false;
    *token = (struct bytes){given.data + size, given.size - size};
    return true;
}

bool access_allows(const struct access *access, const struct http_request *request, bool is_local,
                   enum http_refusal *refusal)
{
    struct bytes token;

    if (access->token[0] == '\0') {
        *refusal = REFUSE_NOT_LOCAL;
        return is_local || !access->is_protected;
    }
    if (!find_token(request, &token)) {
        *refusal = REFUSE_NO_CREDENTIALS;
        return false;
    }
    *refusal = REFUSE_WRONG_TOKEN;
    return is_token(access, token);
}
