/* status.h - how things end.
 *
 * Every function that can fail returns one of these and leaves its results untouched unless it
 * returns STATUS_OK.  commands/refusal.c has the words for the ones that reach a client, in
 * one table.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

enum status {
    STATUS_OK,

    /* commands: what Redis answers in the same case */
    STATUS_NOT_FOUND,       /* no such key: most callers answer nil and never pass it on */
    STATUS_SYNTAX,          /* -ERR syntax error */
    STATUS_NOT_INTEGER,     /* -ERR value is not an integer or out of range */
    STATUS_NOT_FLOAT,       /* -ERR value is not a valid float */
    STATUS_OVERFLOW,        /* -ERR increment or decrement would overflow */
    STATUS_NAN,             /* -ERR increment would produce NaN or Infinity */
    STATUS_OFFSET,          /* -ERR offset is out of range */
    STATUS_BIT_OFFSET,      /* -ERR bit offset is not an integer or out of range */
    STATUS_BIT_VALUE,       /* -ERR bit is not an integer or out of range */
    STATUS_STRING_TOO_LONG, /* -ERR string exceeds maximum allowed size (proto-max-bulk-len) */
    STATUS_NO_KEY,          /* -ERR no such key */
    STATUS_SAME_OBJECT,     /* -ERR source and destination objects are the same */
    STATUS_DB_RANGE,        /* -ERR DB index is out of range */
    STATUS_CURSOR,          /* -ERR invalid cursor */
    STATUS_ARITY,           /* -ERR wrong number of arguments for '<command>' command */
    STATUS_EXPIRE_TIME,     /* -ERR invalid expire time in '<command>' command */
    STATUS_FAILED,          /* the text is in call->error_text: see call_fail() */

    /* limits: call->limit carries the numbers */
    STATUS_KEY_TOO_LONG,
    STATUS_VALUE_TOO_LONG,
    STATUS_META_TOO_LONG,
    STATUS_NAMESPACE_FULL,
    STATUS_RATE_LIMITED,
    STATUS_META_INVALID, /* -ERR invalid metadata */

    /* namespaces */
    STATUS_NO_NAMESPACE,   /* -ERR no such namespace '<title>' */
    STATUS_TITLE_TAKEN,    /* -ERR namespace '<title>' already exists */
    STATUS_TITLE_INVALID,  /* -ERR invalid namespace title */
    STATUS_TITLE_RESERVED, /* -ERR db<n> can't be renamed */

    /* the store */
    STATUS_CANNOT_PERSIST, /* -MISCONF <reason>: writes are refused, reads go on */
    STATUS_PARKED,         /* can't be done now, nothing was changed: the connection waits and
                              the same command runs again (never becomes a reply) */
    STATUS_CLOCK_SKEW,     /* -CLOCKSKEW: this machine's clock is off, or a record's stamp is */
    STATUS_STALE,          /* -STALE: this replica was away for too long */
    STATUS_LEAVING,        /* -LEAVING: this replica is leaving its cluster */
    STATUS_LOADING,        /* -LOADING: a new replica, still without its data */
    STATUS_OUT_OF_MEMORY,  /* -OOM: memory_limit.h */
    STATUS_IO,             /* LevelDB or the file system failed; the log has the text */
    STATUS_CORRUPT,        /* stored bytes are not what we wrote */
    STATUS_LOCKED,         /* another server uses the directory */
    STATUS_FOREIGN,        /* not a data directory of ours, or of a newer format */

    STATUS_COUNT
};

#endif
