/* reactor.h - the turns of a thread that serves clients, whatever protocol they speak.
 *
 * It waits in libevent for its sockets and timers.  All that became ready at once is one turn:
 *
 *     wait -> callbacks, the first of which begins the turn -> work -> rings, commits -> end
 *
 * During a turn the clock stands still (now_ms), and what was found in the store stays valid: the
 * thread is inside the epoch (epoch.h) from the turn's first callback to its end, and never while
 * it waits.  At the turn's end all that was written in it goes to the commit thread together.
 *
 * What the owner does in a turn (loop.c for Redis's protocol, http/door.c for HTTP) it says by
 * `struct reactor_ops`.
 *
 * T1  Replies that wait for a commit are let go in committed() and failed() only, and a failed
 *     commit is looked at first: store_failure_pending(), then store_committed().
 * T2  A commit rings only a thread that expects one.  Who begins to expect looks once more after.
 * T3  A thread that has served a crowd since it last slept, and finds nobody waiting, pauses for
 *     some microseconds before it waits.  The first client to come back would wake it, for its one
 *     request, and to wake another processor costs more than to answer; after the pause many have
 *     come, and none of them had to wake anybody.  The pause is short beside the time that serving
 *     the crowd took, and there is none while somebody waits for a commit.
 */
#ifndef NET_REACTOR_H
#define NET_REACTOR_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdatomic.h>

#include "base/compiler.h"
#include "commands/call.h"
#include "net/bell.h"

struct reactor;

/* Called in the reactor's thread, inside a turn. */
struct reactor_ops {
    void (*begin)(struct reactor *reactor); /* a turn has begun; NULL = nothing to do */
    void (*work)(struct reactor *reactor);  /* after the callbacks; maybe outside of a turn; NULL */
    void (*rung)(struct reactor *reactor);  /* somebody rang: look at what was left */
    void (*committed)(struct reactor *reactor);               /* store_committed() rose */
    void (*failed)(struct reactor *reactor);                  /* what waited for a group above
                                                                 store_committed() must be answered an error */
    void (*retry)(struct reactor *reactor, int64_t until_ms); /* runs parked requests whose time
                                                   comes until then, and asks for the next time */
    bool (*expects_commit)(const struct reactor *reactor);    /* does anybody wait for a commit? */
};

struct reactor {
    const struct reactor_ops *ops;
    struct services *services;
    struct worker worker;
    struct epoch_thread *epoch;
    struct event_base *base; /* without locks: this thread's alone */

    /* this turn's */
    bool is_in_turn;
    bool was_rung;
    int64_t now_ms; /* wall clock */
    int64_t now_s;  /* monotonic */

    /* T3 */
    int arrival_count; /* since it last slept; its owner counts those who sent something */
    int64_t turn_ended_us;
    uint64_t pause_count;

    int64_t retry_at_ms; /* when retry_timer goes off; INT64_MAX = never */
    struct event retry_timer, collect_timer, bell_event;
    bool is_collecting; /* collect_timer is set */

    /* any thread's */
    CACHE_ALIGNED struct bell bell;
    atomic_bool has_commit;
    atomic_int is_expecting; /* 1 = somebody holds replies or is parked */
    atomic_bool is_stopping;
};

/* Without a thread yet; services->store is open.  STATUS_IO (and errno) if the system has no
 * descriptors for it. */
enum status reactor_init(struct reactor *reactor, const struct reactor_ops *ops,
                         struct services *services) MUST_USE;
/* Its thread has ended. */
void reactor_clear(struct reactor *reactor);

/* One wait, and the turn that follows it. */
void reactor_turn(struct reactor *reactor);

static inline bool reactor_is_stopping(const struct reactor *reactor)
{
    return atomic_load_explicit(&reactor->is_stopping, memory_order_acquire);
}

/* --- from any thread --- */

void reactor_ring(struct reactor *reactor);

/* Raises is_stopping and rings. */
void reactor_stop(struct reactor *reactor);

/* --- from the reactor's own callbacks --- */

void reactor_begin_turn_slowly(struct reactor *reactor);

/* Every callback begins with it. */
static inline void reactor_begin_turn(struct reactor *reactor)
{
    if (!reactor->is_in_turn)
        reactor_begin_turn_slowly(reactor);
}

/* Outside of callbacks (the farewell): a turn that reactor_begin_turn() began. */
void reactor_end_turn(struct reactor *reactor);

/* ops->retry() will be called by then. */
void reactor_retry_at(struct reactor *reactor, int64_t at_ms);

struct timeval reactor_milliseconds(int64_t ms);

#endif
