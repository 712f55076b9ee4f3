/* rest.h - what the endpoints of the REST API share. */
#ifndef HTTP_REST_H
#define HTTP_REST_H

#include "http/call.h"
#include "http/fault.h"

#define REST_BASE       "/client/v4"
#define REST_ACCOUNT    REST_BASE "/accounts/:account"
#define REST_NAMESPACES REST_ACCOUNT "/storage/kv/namespaces"
#define REST_NAMESPACE  REST_NAMESPACES "/:ns"

/* An integer of the query in a range; *value stays as it is if it is not given.  False: it is
 * refused. */
bool rest_number(struct http_call *call, const char *name, int64_t min, int64_t max,
                 enum http_refusal refusal, int64_t *value);

static inline struct registry *rest_registry(const struct http_call *call)
{
    return store_registry(call->worker->services->store);
}

/* After titles or ids were read: the response waits for the last change to any of them. */
void rest_depend_on_registry(struct http_call *call);

#endif
