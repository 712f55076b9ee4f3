/* call.h - what a command is given.
 *
 * A command says what success looks like and returns STATUS_OK after it wrote its reply; any other
 * status becomes an error reply in dispatch.c, and nothing it wrote to the reply stays.  It runs in
 * its connection's thread, in one go, with its keys in reach (data.h); it never blocks.
 */
#ifndef COMMANDS_CALL_H
#define COMMANDS_CALL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/compiler.h"
#include "base/reply.h"
#include "base/status.h"
#include "commands/session.h"
#include "config/options.h"
#include "store/store.h"

struct acl;
struct clients;
struct cluster;
struct command;
struct cursors;
struct events;
struct pubsub;
struct statistics;
struct tls_contexts;
struct thread_statistics;
struct tracking;
struct watch;

#define CALL_ERROR_MAX 1024

/* What all commands share; one for the server. */
struct services {
    struct options *options;
    struct store *store;
    struct cluster *cluster; /* NULL = a single node */
    const struct clock *clock;
    struct acl *acl;
    struct clients *clients;
    struct cursors *cursors;
    struct pubsub *pubsub;
    struct events *events;
    struct tracking *tracking;
    struct watch *watch;
    struct statistics *statistics;
    struct tls_contexts *tls;
    size_t startup_memory;           /* used when all was built, for INFO */
    atomic_int http_clients;         /* connections to http-port, for INFO */
    atomic_bool is_out_of_memory;    /* memory_limit.h */
    void (*shutdown)(void *context); /* any thread: ends the server as SIGTERM does */
    void *shutdown_context;
};

/* Quick commands that ran one behind the other, and were not counted yet. */
struct run {
    const struct command *command;
    uint64_t count;
};

/* What a command may use of its thread. */
struct worker {
    struct services *services;
    struct store_thread *store_thread;
    struct txn *txn; /* reused from call to call */
    struct thread_statistics *statistics;
    struct buffer scratch; /* emptied before each call */
    int64_t clock_us;      /* monotonic: when the work at hand began.  The loop sets it after system
                              calls, dispatch.c when a command, or a run of them, is timed. */
    bool times_runs;       /* its loop will call dispatch_end_run() */
    bool names_rows; /* its requests name commands as their rows do, whatever they are called */
    struct run run;
};

struct call {
    struct worker *worker;
    struct session *session;
    struct reply *reply;
    const struct command *command; /* the row that runs: of a subcommand, the subcommand's */
    const struct bytes *argv;      /* argv[0] is the command's name, as it was sent */
    size_t argc;
    int64_t now_ms;  /* wall clock; one value for a whole EXEC */
    struct ns *ns;   /* the selected namespace */
    struct txn *txn; /* the transaction around it, or NULL: a read outside of EXEC */
    bool is_in_exec;
    unsigned met;        /* STORE_MET_*, while it ran */
    uint64_t depends_on; /* the reply leaves when this group is committed */
    int64_t wake_at_ms;  /* with STATUS_PARKED: try again then, or when a commit happens */

    /* for error texts */
    int64_t limit_allowed, limit_seen; /* the limits' statuses */
    int64_t retry_ms;                  /* STATUS_RATE_LIMITED */
    char error_text[CALL_ERROR_MAX];   /* STATUS_FAILED: "ERR ..." */
};

/* Sets the error text and returns STATUS_FAILED.  The text starts with its error word. */
enum status call_fail(struct call *call, const char *format, ...) PRINTF_LIKE(2, 3);

static inline struct services *call_services(const struct call *call)
{
    return call->worker->services;
}

/* The reply must wait for this group too. */
static inline void call_depend_on(struct call *call, uint64_t group)
{
    if (group > call->depends_on)
        call->depends_on = group;
}

/* The reply tells of what may not be committed yet, anywhere: it waits for everything so far. */
static inline void call_depend_on_all(struct call *call)
{
    call_depend_on(call, store_newest_group(call->worker->services->store));
}

static inline struct bytes call_argument(const struct call *call, size_t index)
{
    return call->argv[index];
}

/* +OK, once everything written so far is on disk; STATUS_CANNOT_PERSIST while writes are refused.
 */
enum status call_answer_when_synced(struct call *call) MUST_USE;

#endif
