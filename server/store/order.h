/* order.h - the one order in which a node's writes are committed.
 *
 * A writer takes the order (a mutex, held for the length of one transaction and never across I/O),
 * puts its changes into the open group, publishes the new entries in the cache and lets go.  The
 * commit thread takes the open group whole, turns it into one batch, writes it, and raises the
 * committed group; replies that depend on the group leave then.  While it writes, the next group
 * fills: the slower the disk, the larger the groups.
 *
 *     open --(commit thread is free)--> in flight --(written)--> committed
 *                                           |
 *                                           +--(write failed)--> undone, and the open one with it
 *
 * C1  Groups are numbered from 1 and committed in that order, each all or nothing.
 * C2  An entry whose group is not committed stays in the cache: nobody reads the disk behind it.
 * C3  Several writes of one key in one group are stored once.
 * C4  If a group fails, it and all that followed it are undone before anything is written again; no
 *     reply that depends on them has left, and none will.
 * C5  Stamps are issued under the order and rise with it.  No stamp above the persisted ceiling is
 *     seen outside: the batch that first carries one raises the ceiling and is synced.
 * C6  The commit thread alone waits on the engine's write side.  A small group is written by the
 *     thread that made it, if the commit thread sleeps and the engine need not wait; what goes
 *     wrong with that is the commit thread's.
 * C7  Namespace counts are stored in the batch of the changes they count.
 *
 * Locks, in the order in which they may be taken together: the order, the registry's titles, a
 * shard of the cache.
 */
#ifndef STORE_ORDER_H
#define STORE_ORDER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/epoch.h"
#include "base/random.h"
#include "base/status.h"
#include "config/options.h"
#include "replication/version.h"
#include "store/cache.h"
#include "store/engine.h"
#include "store/group.h"
#include "store/long_reads.h"
#include "store/registry.h"
#include "store/sorting.h"

struct news;
struct order;

/* What was not built by the commit thread, on its way through it. */
struct foreign_batch {
    struct engine_batch *batch;
    struct foreign_batch *next;
    /* What is to be done instead of writing the batch, NULL = nothing, by the commit thread. */
    enum status (*run)(struct order *order, void *context);
    void *context;
    enum status status;
    bool is_done;
};

/* A thread that reads or writes the store. */
struct store_thread {
    struct store *store;
    struct epoch_thread *epoch;
    void (*on_commit)(void *context); /* NULL: it has no clients to tell of a failure */
    void *context;
    atomic_bool is_failure_pending;
    bool has_published;   /* since the commit thread was last woken by this thread */
    struct random random; /* for frequency.h */
    unsigned met;         /* STORE_MET_*: lookup.h */
    struct long_reads long_reads;
    struct store_thread *next;
};

struct order_statistics {
    int64_t commits, changes, failures, syncs, unsynced_changes, last_sync_s;
    int64_t bytes; /* of keys, values and metadata in committed changes */
};

struct store_digest;

struct order {
    pthread_mutex_t mutex;
    struct hlc hlc;
    struct group *open;
    struct group *in_flight; /* NULL = the commit thread is idle */
    _Atomic uint64_t committed;
    _Atomic uint64_t durable;        /* the last group that a durable point covers */
    _Atomic uint64_t newest;         /* the last group that has anything in it */
    _Atomic uint64_t *names_changed; /* the newest group that changed a namespace; the registry's */
    _Atomic uint64_t publications;
    atomic_int listeners;            /* to news */
    int64_t writes_open_at_ms;       /* after an unclean stop: see C5 */
    char refusing[ENGINE_ERROR_MAX]; /* why writes are refused, "" = they are not */
    atomic_int gate;                 /* enum gossip_gate: may clients write? */
    _Atomic int64_t clock_limit_ms;  /* no client's stamp is taken from a clock beyond it */
    uint64_t persisted;              /* the ceiling on disk, as of the committed group */
    atomic_bool is_engine_open;
    pthread_mutex_t engine_in_use; /* held around long calls outside of any epoch, and to reopen */

    /* the commit thread's */
    struct engine *engine;
    struct cache *cache;
    struct epoch *epoch;
    struct options *options;
    const struct clock *clock;
    struct feed *feed;                              /* not owned; NULL = none */
    void (*tell)(void *context, struct bytes news); /* under the order */
    void *tell_context;
    uint64_t node_id;
    struct store_digest *digest; /* not owned; NULL = none */
    bool is_digest_busy;         /* it has more to do at once */
    struct epoch_thread *commit_epoch;
    struct group *spare; /* an empty group, to be the next open one */
    struct engine_batch *batch;
    struct sorting sorting; /* of the group in flight */
    struct buffer key, value;
    uint64_t ceiling;
    bool is_stopping, is_idle;
    bool is_committing_here;       /* some other thread does, see C6 */
    struct foreign_batch *foreign; /* what others want to be done, the oldest first */
    pthread_cond_t work, done, seen, settled, unsynced;
    pthread_t commit_thread, sync_thread;
    pthread_mutex_t threads_mutex; /* innermost: nothing is taken under it */
    struct store_thread *threads;
    struct order_statistics statistics;
};

/* The engine is open and the clock notes were read: `ceiling` is what was persisted, `is_clean`
 * says that the last stop was.  `names_changed` outlives the order. */
void order_init(struct order *order, struct engine *engine, struct cache *cache,
                struct epoch *epoch, struct options *options, const struct clock *clock,
                _Atomic uint64_t *names_changed, uint64_t ceiling, bool is_clean);
void order_start(struct order *order);
/* Commits and syncs what is open and ends the threads.  False if the last of it could not be
 * written. */
bool order_stop(struct order *order);
void order_clear(struct order *order);

void order_join(struct order *order, struct store_thread *thread);
void order_leave(struct order *order, struct store_thread *thread);
/* The thread has turned all answers that depended on the failed groups into errors. */
void order_failure_seen(struct order *order, struct store_thread *thread);

/* --- for transactions --- */

/* Takes the order.  STATUS_CANNOT_PERSIST, or STATUS_PARKED (too much is waiting already): then it
 * was not taken.  A client's transaction also asks the gate, and waits after an unclean stop. */
enum status order_enter(struct order *order, int64_t now_ms, bool is_client,
                        int64_t *wake_at_ms) MUST_USE;
void order_exit(struct order *order);

/* What the wall clock says to stamps: 0, that is nothing, while it is not trusted.  It is asked for
 * each stamp, also those of transactions that no gate holds up: merging and expiring go on in the
 * moment between a jump of the clock and its being noticed. */
int64_t order_wall_ms(const struct order *order, int64_t now_ms);
/* May it be said of a record that its time is over? */
bool order_trusts_clock(const struct order *order, int64_t now_ms);

/* For a short look or remark from anywhere, also from inside a transaction of this thread. */
bool order_lock(struct order *order) MUST_USE;
void order_unlock(struct order *order, bool is_locked);

/* Under the order: the entry becomes part of the open group and takes its key's place in the cache.
 * `base` is what the transaction found under the key (NULL = nothing at all). */
void order_publish(struct order *order, struct store_thread *thread, struct entry *entry,
                   const struct entry *base);
void order_touch(struct order *order, struct ns *ns);
void order_note(struct order *order, struct bytes key, struct bytes value);
void order_note_deleted(struct order *order, struct bytes key);
void order_add_undos(struct order *order, struct undo *undos);
/* Does anybody want to be told?  Then news are added to the open group. */
static inline bool order_has_listeners(const struct order *order)
{
    return atomic_load_explicit(&order->listeners, memory_order_relaxed) > 0;
}
void order_add_news(struct order *order, const struct news *news);
void order_add_remarks(struct order *order, struct bytes remarks);
/* Before a transaction changes namespaces: who sees the change waits for the open group. */
void order_names_change(struct order *order);
/* Around the publishing of one transaction: the count of publications is odd between the two. */
void order_begin_publication(struct order *order);
void order_end_publication(struct order *order);
/* The open group has something in it now.  `own_stamp` is that of a client's writes, 0 = it has
 * none; `stamp_max` is at least that, and what came from elsewhere. */
void order_published(struct order *order, struct store_thread *thread, uint64_t own_stamp,
                     uint64_t stamp_max);

/* Calls each() for all entries that are not committed yet; under the order. */
void order_each_uncommitted(struct order *order,
                            void (*each)(void *context, const struct entry *entry), void *context);

/* At the end of a thread's turn, if it has published: wakes the commit thread. */
void order_wake(struct order *order, struct store_thread *thread);
/* The same; or commits the open group here (C6).  Then true, and on_commit() is not called for this
 * thread. */
bool order_commit_or_wake(struct order *order, struct store_thread *thread);

/* Calls on_commit() of all threads, as after a commit. */
void order_wake_all(struct order *order);

/* --- for the background --- */

/* Writes a batch that belongs to no group (purging, loading) through the commit thread and waits
 * for it. */
enum status order_write_batch(struct order *order, struct engine_batch *batch) MUST_USE;

/* The commit thread runs it between two groups; waits for that.  A status that is not STATUS_OK is
 * that of a commit that failed. */
enum status order_run(struct order *order, enum status (*run)(struct order *order, void *context),
                      void *context) MUST_USE;

/* How many commits have failed so far. */
int64_t order_failures(struct order *order);

/* Waits until a group is committed; STATUS_IO if a commit has failed since order_failures() was
 * `failures`.  For the background, outside of any epoch. */
enum status order_wait(struct order *order, uint64_t group, int64_t failures) MUST_USE;

/* Asks for a durable point and returns the group to wait for; 0 while writes are refused. */
uint64_t order_request_sync(struct order *order);

#endif
