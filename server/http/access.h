/* access.h - who may use the HTTP port.
 *
 * With http-token set, whoever sends it ("Authorization: Bearer <token>", or "X-Auth-Key:
 * <token>"). Without, requirepass stands in for it: nobody gets in here who would be asked for a
 * password next door.  With neither, clients of this machine, and all others only with
 * protected-mode off; but a page of another site, in a browser of this machine, may not write: it
 * could otherwise delete whatever is open to the person who looks at it.
 */
#ifndef HTTP_ACCESS_H
#define HTTP_ACCESS_H

#include "config/options.h"
#include "http/refusal.h"
#include "http/request.h"

/* What the options said when they were last looked at. */
struct access {
    char *token; /* owned; "" = none is needed */
    bool is_protected;
};

/* Looks at the options (again).  All zeros is an access that has never looked. */
void access_refresh(struct access *access, const struct options *options);
void access_clear(struct access *access);

/* May this request be answered?  If not, *refusal says why. */
bool access_allows(const struct access *access, const struct http_request *request, bool is_local,
                   enum http_refusal *refusal);

#endif
