/* store.h - everything that is kept, in one object.
 *
 * Owns the engine (LevelDB), the cache of records, the namespaces, the commit order with its
 * thread, and the sweeper.  See README.md for who calls what from which thread.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/epoch.h"
#include "base/status.h"
#include "config/options.h"
#include "store/registry.h"
#include "store/txn.h"

struct store_thread;

#define STORE_ERROR_MAX 512

/* Opens or creates the data directory.  On failure `error` is one sentence. */
enum status store_open(struct options *options, const struct clock *clock, struct store **store,
                       char error[STORE_ERROR_MAX]) MUST_USE;

/* All threads have left.  Commits and syncs what is open, closes LevelDB cleanly. */
void store_close(struct store *store);

struct registry *store_registry(struct store *store);
uint64_t store_node_id(const struct store *store);

/* --- threads --- */

/* A thread that reads or writes joins first.  on_commit(context) is called from the commit thread
 * whenever store_committed() rose or a commit failed; it must only wake its owner (eventfd). */
struct store_thread *store_join(struct store *store, void (*on_commit)(void *context),
                                void *context);
void store_leave(struct store_thread *thread);
/* At the end of every turn in which the thread may have written: hands what it published to the
 * commit thread.  Until then nothing of it is committed, so that a turn's writes go together. */
void store_end_turn(struct store_thread *thread);
/* The same; but a small group is committed at once, if nothing makes that wait.  Then true:
 * store_committed() rose, and on_commit() isn't called for this thread. */
bool store_commit_turn(struct store_thread *thread) MUST_USE;
struct epoch_thread *store_epoch(struct store_thread *thread);

/* What long records cost that the thread has read from disk and that have no place in the cache:
 * they are in memory until its turn ends, and every other thread's that has begun by then. */
size_t store_passing_bytes(const struct store_thread *thread);

/* --- commits --- */

/* All groups up to this one are committed (with appendfsync always: on disk). */
uint64_t store_committed(const struct store *store);

/* The group that is being collected: who needs "everything so far" waits for this one. */
uint64_t store_newest_group(const struct store *store);

/* After a commit failed: true once for each thread and failure.  All of the thread's answers that
 * depend on a group above store_committed() must become errors; then store_failure_seen() lets the
 * store go on. */
bool store_failure_pending(const struct store_thread *thread);
void store_failure_seen(struct store_thread *thread);

/* Why writes are refused at the moment, into `reason`; false if they are not. */
bool store_is_refusing(struct store *store, char reason[STORE_ERROR_MAX]);

/* Asks the commit thread for a durable point (SAVE) and returns the group to wait for; 0 while
 * writes are refused. */
uint64_t store_request_sync(struct store *store);

/* --- observation --- */

struct store_statistics {
    int64_t cache_bytes, cache_overhead; /* all that the cache costs; of it what is not records */
    int64_t cache_entries;
    int64_t disk_reads; /* records that the engine had */
    int64_t denials;    /* reads of keys that it had not */
    int64_t evicted_keys, expired_keys;
    int64_t commits, committed_changes, failed_commits, syncs;
    int64_t committed_bytes;  /* of keys, values and metadata */
    int64_t unsynced_changes; /* since the last durable point */
    int64_t last_sync_s;      /* wall clock */
    int64_t purge_backlog;    /* namespaces being purged */
};

void store_statistics(struct store *store, struct store_statistics *statistics);

/* All zeros while LevelDB is closed for the moment. */
struct engine_statistics;
void store_engine_statistics(struct store_thread *thread, struct engine_statistics *statistics);

/* Bytes of keys, values and metadata that are there to be read, in all namespaces. */
int64_t store_live_bytes(struct store *store);

/* LevelDB's own words: "leveldb.stats", "leveldb.sstables", "leveldb.approximate-memory-usage".
 * The caller frees; NULL if unknown or closed for the moment. */
char *store_take_property(struct store_thread *thread, const char *name);

/* cache-size; and what maxmemory leaves for the cache, its hash table included. */
void store_set_cache_size(struct store *store, int64_t bytes, int64_t room);

/* DEBUG SET-ACTIVE-EXPIRE and tests: the background expiry off or on. */
void store_set_active_expiry(struct store *store, bool is_on);

/* CLIENT PAUSE: no background expiry before then, either; 0 = go on. */
void store_hold_expiry(struct store *store, int64_t until_ms);

#endif
