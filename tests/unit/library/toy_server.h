/* toy_server.h - a server on loopback that plays a part.
 *
 *     static const struct toy_line script[] = {
 *         ONCE("KV.PUT k v", "-RATELIMIT retry in 30 ms\r\n"),
 *         ONCE("KV.PUT k v", TOY_VERSION),
 *         {0},
 *     };
 *
 * Each request that comes, on whichever connection, must be that of the next line (a glob; words
 * with blanks between them), and gets its reply.  PING, with which a client greets, is answered by
 * itself unless the script's next line is about it.  What the script does not expect closes the
 * connection and is remembered as wrong.  It runs in a thread of its own.
 */
#ifndef UNIT_LIBRARY_TOY_SERVER_H
#define UNIT_LIBRARY_TOY_SERVER_H

#include <stdbool.h>
#include <stddef.h>

#define TOY_CLOSE   "close"   /* for a reply: the connection ends */
#define TOY_SILENCE "silence" /* nothing comes */
#define TOY_VERSION "$33\r\n0123456789abcdef-0123456789abcdef\r\n"
#define TOY_RECORD                                                                                 \
    "*8\r\n$5\r\nvalue\r\n$1\r\nv\r\n$8\r\nmetadata\r\n$-1\r\n$10\r\nexpiration\r\n$-1\r\n"        \
    "$7\r\nversion\r\n" TOY_VERSION

struct toy_line {
    const char *request; /* NULL ends the script */
    const char *reply;
    int delay_ms;    /* before the reply, or before each part of it */
    int parts;       /* in which the reply comes; 0 = 1 */
    bool is_forever; /* the script stays here */
    bool closes;     /* behind the reply */
};

#define ONCE(words, answer)                                                                        \
    {                                                                                              \
        .request = (words), .reply = (answer)                                                      \
    }
#define LATE(words, answer, ms)                                                                    \
    {                                                                                              \
        .request = (words), .reply = (answer), .delay_ms = (ms)                                    \
    }
#define PARTS(words, answer, count, ms)                                                            \
    {                                                                                              \
        .request = (words), .reply = (answer), .parts = (count), .delay_ms = (ms)                  \
    }
#define LAST(words, answer)                                                                        \
    {                                                                                              \
        .request = (words), .reply = (answer), .closes = true                                      \
    }
#define ALWAYS(words, answer)                                                                      \
    {                                                                                              \
        .request = (words), .reply = (answer), .is_forever = true                                  \
    }

struct toy;

/* On a port that the kernel chooses, or on a path. */
struct toy *toy_start(const struct toy_line *script);
struct toy *toy_start_at(const char *path, const struct toy_line *script);
/* A port that nobody listens on, until toy_start_again(). */
struct toy *toy_stop(struct toy *toy);
void toy_start_again(struct toy *toy, const struct toy_line *script);
void toy_destroy(struct toy *toy);

/* "127.0.0.1:40123" */
const char *toy_address(const struct toy *toy);

/* What did not go by the script: "" if all did, and all of it was played. */
const char *toy_complaint(struct toy *toy);
unsigned toy_connections(struct toy *toy);

#endif
