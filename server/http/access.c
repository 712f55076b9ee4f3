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

/* "http://host:port", the page's, and what the client calls us. */
static bool is_own_origin(struct bytes origin, struct bytes host)
{
    const char *colon = memmem(origin.data, origin.size, "://", 3);
    size_t size;

    if (colon == NULL)
        return false;
    size = origin.size - (size_t)(colon + 3 - origin.data);
    return size == host.size && strncasecmp(colon + 3, host.data, size) == 0;
}

/* Does a page of another site write, that somebody on this machine happens to look at?  Browsers
 * say whose page a request comes from; other clients say nothing of the kind.  What such a page
 * reads its browser does not show it. */
static bool is_of_other_site(const struct http_request *request)
{
    struct bytes site, origin, host = {"", 0};

    if (request->method == HTTP_GET || request->method == HTTP_HEAD)
        return false;
    if (http_request_header(request, "sec-fetch-site", &site))
        return !bytes_is_word(site, "same-origin") && !bytes_is_word(site, "none");
    if (!http_request_header(request, "origin", &origin))
        return false;
    (void)http_request_header(request, "host", &host);
    return !is_own_origin(origin, host);
}

/* Without a token; or with one that nobody knows, which is as good where none is needed. */
static bool let_in_default(const struct access *access, struct acl *acl,
                           const struct http_request *request, bool has_token, bool is_local,
                           struct acl_user **user, enum http_refusal *refusal)
{
    if (access->token[0] != '\0' || acl_needs_password(acl)) {
        *refusal = has_token ? REFUSE_WRONG_TOKEN : REFUSE_NO_CREDENTIALS;
        return false;
    }
    if (is_of_other_site(request)) {
        *refusal = REFUSE_OTHER_SITE;
        return false;
    }
    if (!is_local && access->is_protected) {
        *refusal = REFUSE_NOT_LOCAL;
        return false;
    }
    if (!acl_is_open(acl)) /* else his rights are all there are */
        *user = acl_find_user(acl, bytes_of("default"));
    return true;
}

bool access_allows(const struct access *access, struct acl *acl, const struct http_request *request,
                   bool is_local, struct acl_user **user, enum http_refusal *refusal)
{
    struct bytes token;
    bool has_token = find_token(request, &token);

    *user = NULL;
    if (has_token && access->token[0] != '\0' && is_token(access, token))
        return true;
    if (has_token && acl_has_passwords(acl))
        *user = acl_find_by_password(acl, token);
    return *user != NULL ||
           let_in_default(access, acl, request, has_token, is_local, user, refusal);
}
