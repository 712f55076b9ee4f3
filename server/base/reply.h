/* reply.h - what a command can say.
 *
 * An interface: resp/writer.c spells it as RESP2 or RESP3, http/ will spell it as JSON.  Aggregates
 * announce their length first and are followed by exactly that many values (maps: pairs).  The
 * bytes given are copied before the call returns.
 */
#ifndef BASE_REPLY_H
#define BASE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

struct reply;

struct reply_ops {
    void (*simple)(struct reply *reply, struct bytes text); /* one line, no CR or LF */
    void (*error)(struct reply *reply, struct bytes text);  /* "ERR ...", no leading dash */
    void (*integer)(struct reply *reply, int64_t value);
    void (*bulk)(struct reply *reply, struct bytes value);
    void (*verbatim)(struct reply *reply, struct bytes text); /* plain text for people */
    void (*null)(struct reply *reply);
    void (*null_array)(struct reply *reply); /* RESP2 has two kinds of nothing */
    void (*boolean)(struct reply *reply, bool value);
    void (*number)(struct reply *reply, double value);
    void (*array)(struct reply *reply, size_t count);
    void (*map)(struct reply *reply, size_t pairs);
    void (*set)(struct reply *reply, size_t count);
    void (*push)(struct reply *reply, size_t count);
    /* of RESP3 alone; NULL = not to be said, DEBUG PROTOCOL is not offered there */
    void (*attribute)(struct reply *reply, size_t pairs);
    void (*big_number)(struct reply *reply, struct bytes digits);
    size_t (*mark)(const struct reply *reply);
    void (*rewind)(struct reply *reply, size_t mark);
    void (*set_protocol)(struct reply *reply, int protocol); /* RESP 2 or 3 from here on: HELLO;
                                                                NULL = it has no versions */
};

struct reply {
    const struct reply_ops *ops;
    uint64_t error_count; /* errors written so far: the dispatcher's statistics read it */
};

static inline void reply_simple(struct reply *reply, const char *text)
{
    reply->ops->simple(reply, bytes_of(text));
}

static inline void reply_ok(struct reply *reply)
{
    reply->ops->simple(reply, (struct bytes){"OK", 2});
}

static inline void reply_error(struct reply *reply, struct bytes text)
{
    reply->error_count++;
    reply->ops->error(reply, text);
}

static inline void reply_integer(struct reply *reply, int64_t value)
{
    reply->ops->integer(reply, value);
}

static inline void reply_bulk(struct reply *reply, struct bytes value)
{
    reply->ops->bulk(reply, value);
}

static inline void reply_text(struct reply *reply, const char *text)
{
    reply->ops->bulk(reply, bytes_of(text));
}

static inline void reply_verbatim(struct reply *reply, struct bytes text)
{
    reply->ops->verbatim(reply, text);
}

static inline void reply_null(struct reply *reply)
{
    reply->ops->null(reply);
}

static inline void reply_null_array(struct reply *reply)
{
    reply->ops->null_array(reply);
}

static inline void reply_boolean(struct reply *reply, bool value)
{
    reply->ops->boolean(reply, value);
}

static inline void reply_number(struct reply *reply, double value)
{
    reply->ops->number(reply, value);
}

static inline void reply_array(struct reply *reply, size_t count)
{
    reply->ops->array(reply, count);
}

static inline void reply_map(struct reply *reply, size_t pairs)
{
    reply->ops->map(reply, pairs);
}

static inline void reply_set(struct reply *reply, size_t count)
{
    reply->ops->set(reply, count);
}

static inline void reply_push(struct reply *reply, size_t count)
{
    reply->ops->push(reply, count);
}

static inline void reply_set_protocol(struct reply *reply, int protocol)
{
    if (reply->ops->set_protocol != NULL)
        reply->ops->set_protocol(reply, protocol);
}

/* A place in what has been said, for reply_rewind() to go back to. */
static inline size_t reply_mark(const struct reply *reply)
{
    return reply->ops->mark(reply);
}

/* Takes back all that was said since the mark, which was taken in the same turn. */
static inline void reply_rewind(struct reply *reply, size_t mark)
{
    reply->ops->rewind(reply, mark);
}

#endif
