/* expiration.h - when a key that is written over HTTP expires.
 *
 * Two ways to say it, as texts of a query or as numbers of a bulk write: `expiration`, in seconds
 * since 1970, and `expiration_ttl`, in seconds from now.  With both the ttl holds, and the other is
 * not looked at.  Either must be at least EXPIRATION_DISTANCE_S away, a rule of these doors alone.
 */
#ifndef HTTP_EXPIRATION_H
#define HTTP_EXPIRATION_H

#include "base/bytes.h"
#include "http/fault.h"

#define EXPIRATION_DISTANCE_S 60

/* Either is NULL where it was not given; then *expiry_ms is EXPIRY_NONE of store/entry.h with
 * both.  False: what is wrong is in *fault, and *expiry_ms as it was. */
bool expiration_read(const struct bytes *expiration, const struct bytes *ttl, int64_t now_ms,
                     int64_t *expiry_ms, struct fault *fault) MUST_USE;

/* As the doors tell it: the second in which the key is gone. */
static inline int64_t expiration_seconds(int64_t expiry_ms)
{
    return expiry_ms / 1000;
}

#endif
