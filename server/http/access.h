/* access.h - who may use the HTTP port, and with whose rights.
 *
 * A request shows a token: "Authorization: Bearer <token>", or "X-Auth-Key: <token>".
 *
 *     the http-token             everything is allowed
 *     a password of an ACL user  what that user may do (requirepass is one of the default user's)
 *     none, or any other         if no http-token is set and the default user needs no password:
 *                                what he may do, for clients of this machine, and for all others
 *                                only with protected-mode off; else nothing
 *
 * But a page of another site, in a browser of this machine, may not write without one that is
 * known: it could otherwise delete whatever is open to the person who looks at it.
 *
 * So nobody gets in here who would be asked for a password next door.
 */
#ifndef HTTP_ACCESS_H
#define HTTP_ACCESS_H

#include "commands/acl.h"
#include "http/refusal.h"
#include "http/request.h"

/* What the options said when they were last looked at. */
struct access {
    char *token; /* owned; "" = there is no http-token */
    bool is_protected;
};

/* Looks at the options (again).  All zeros is an access that has never looked. */
void access_refresh(struct access *access, const struct options *options);
void access_clear(struct access *access);

/* May this request be answered?  Then *user, with a reference for the caller, is whose rights it
 * has, NULL = all there are.  If not, *refusal says why. */
bool access_allows(const struct access *access, struct acl *acl, const struct http_request *request,
                   bool is_local, struct acl_user **user, enum http_refusal *refusal);

#endif
