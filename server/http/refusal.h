/* refusal.h - the HTTP side of errors: one table of status, code and words.
 *
 * The same refusal reads differently on the two doors.  REST answers an envelope with a code and
 * "<operation>: '<text>'"; the binding puts the text into the reason phrase, the only place from
 * which workerd shows anything to a Worker, and into a plain body.
 */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include "base/bytes.h"
#include "base/compiler.h"

struct http_call;

enum http_refusal {
    REFUSE_BAD_REQUEST,   /* 400, 10029: broken JSON, broken multipart, a body of the wrong shape */
    REFUSE_BAD_PARAMETER, /* 400, 10029: a query parameter with broken escapes */
    REFUSE_NO_CREDENTIALS, /* 401, 10001 */
    REFUSE_WRONG_TOKEN,    /* 401, 10000 */
    REFUSE_NOT_LOCAL,      /* 403, 10000: no token is set, and the client is of another machine */
    REFUSE_OTHER_SITE,     /* 403, 10000: no token is set, and a page of another site writes */
    REFUSE_NO_PERMISSION,  /* 403, 10000: the user may not do that */
    REFUSE_NO_KEY,         /* 404, 10009 */
    REFUSE_NO_NAMESPACE,   /* 404, 10013; to the binding 400 */
    REFUSE_NO_ROUTE,       /* 404, 7000 */
    REFUSE_METHOD,         /* 405, 10405; with Allow */
    REFUSE_TITLE_TAKEN,    /* 400, 10014 */
    REFUSE_TITLE_MISSING,  /* 400, 10019 */
    REFUSE_TITLE_INVALID,  /* 400, 10010 */
    REFUSE_TITLE_RESERVED, /* 400, 10010 */
    REFUSE_PAGE,           /* 400, 10007 */
    REFUSE_PER_PAGE,       /* 400, 10008 */
    REFUSE_ORDER,          /* 400, 10043 */
    REFUSE_DIRECTION,      /* 400, 10044 */
    REFUSE_LIST_LIMIT,     /* 400, 10028 */
    REFUSE_CURSOR,         /* 400, 10041 */
    REFUSE_KEY_NAME,       /* 400, 10023: "", "." and "..", or escapes that can't be decoded */
    REFUSE_KEY_TOO_LONG,   /* 414, 10030 */
    REFUSE_VALUE_TOO_LONG, /* 413, 10024 */
    REFUSE_BODY_TOO_LONG,  /* 413, 10024 */
    REFUSE_METADATA,       /* 400, 10147 */
    REFUSE_METADATA_TOO_LONG, /* 413, 10047 */
    REFUSE_EXPIRATION,        /* 400, 10033 */
    REFUSE_EXPIRATION_TTL,    /* 400, 10034 */
    REFUSE_CACHE_TTL,         /* 400, 10029 */
    REFUSE_NAMESPACE_FULL,    /* 400, 10020 */
    REFUSE_RATE,              /* 429, 10022; with Retry-After */
    REFUSE_TIMEOUT,           /* 408, 10408: the request came too slowly */
    REFUSE_TARGET_TOO_LONG,   /* 414, 10414 */
    REFUSE_HEAD_TOO_LONG,     /* 431, 10431 */
    REFUSE_CODING,            /* 501, 10501 */
    REFUSE_VERSION,           /* 505, 10505 */
    REFUSE_BUSY,        /* 503, 10503; with Retry-After: no memory for the body at the moment */
    REFUSE_UNAVAILABLE, /* 503, 10503: the disk is full, this replica is loading, stale … */
    REFUSE_INTERNAL,    /* 500, 10001 */
    REFUSAL_COUNT
};

/* Makes the refusal the call's response, in the spelling of its route's door.  With format NULL the
 * table's own words. */
void http_refuse(struct http_call *call, enum http_refusal refusal, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* The same for a command's error reply ("RATELIMIT key was …"): its first word decides. */
void http_refuse_error(struct http_call *call, struct bytes error);

/* How many milliseconds a "RATELIMIT … retry in <ms> ms" names; 1000 if it names none. */
int64_t http_retry_ms(struct bytes error);

bool http_error_is(struct bytes error, const char *word);

#endif
