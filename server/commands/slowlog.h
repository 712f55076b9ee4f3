/* slowlog.h - the calls that took long, the newest first.
 *
 * A bounded list under a lock of its own.  Long commands are cut as Redis cuts them, so an entry
 * has a bounded size too, whatever a client sent.
 */
#ifndef COMMANDS_SLOWLOG_H
#define COMMANDS_SLOWLOG_H

#include "commands/call.h"

#define SLOWLOG_ARGS_MAX      32
#define SLOWLOG_ARG_BYTES_MAX 128

struct slow_call {
    struct slow_call *older;
    int64_t id; /* from 0, never used twice */
    int64_t at_s;
    int64_t duration_us;
    char address[64];
    char *name; /* of the client, "" if it has none */
    int argc;
    struct buffer argv[SLOWLOG_ARGS_MAX];
};

struct slowlog;

struct slowlog *slowlog_create(void);
void slowlog_destroy(struct slowlog *log);

/* Adds the call and forgets the oldest ones beyond `length_max`. */
void slowlog_add(struct slowlog *log, const struct call *call, int64_t duration_us,
                 int64_t length_max);

int64_t slowlog_length(struct slowlog *log);
void slowlog_clear(struct slowlog *log);

/* Forgets the oldest ones beyond `length_max`. */
void slowlog_trim(struct slowlog *log, int64_t length_max);

/* Shows `count` entries (-1 = all), the newest first, under the lock: begin(context, how many),
 * then each(context, entry) for every one. */
struct slowlog_reader {
    void (*begin)(void *context, int64_t count);
    void (*each)(void *context, const struct slow_call *call);
    void *context;
};

void slowlog_read(struct slowlog *log, int64_t count, const struct slowlog_reader *reader);

#endif
