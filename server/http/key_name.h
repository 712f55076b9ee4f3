/* key_name.h - which keys the doors that speak HTTP accept.
 *
 * All bytes are, as in Redis, in up to `size_max` of them (max-key-size of the namespace).  Not so
 * "", "." and "..", which mean something else in a path.
 */
#ifndef HTTP_KEY_NAME_H
#define HTTP_KEY_NAME_H

#include "base/bytes.h"
#include "http/fault.h"

/* False: what is wrong is in *fault. */
bool key_name_check(struct bytes key, int64_t size_max, struct fault *fault) MUST_USE;

/* Of a listing: nothing but its length matters. */
bool key_name_check_prefix(struct bytes prefix, int64_t size_max, struct fault *fault) MUST_USE;

#endif
