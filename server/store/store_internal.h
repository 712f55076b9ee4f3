/* store_internal.h - the parts of the store, for its own files. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/aliases.h"
#include "store/cache.h"
#include "store/engine.h"
#include "store/order.h"
#include "store/store.h"

struct feed;
struct sweeper;

/* See store_set_stagger(); under the order. */
struct stagger {
    uint64_t *nodes; /* owned */
    size_t count;
    int64_t step_us;
};

struct store {
    struct options *options;
    const struct clock *clock;
    struct epoch *epoch;
    struct engine *engine;
    struct cache *cache;
    struct registry *registry;
    struct order order;
    struct store_digest *digest; /* NULL while there is no cluster secret */
    struct sweeper *sweeper;
    struct aliases *aliases;
    struct feed *feed;
    struct stagger stagger;
    uint64_t closed;            /* the last answer of store_close_time(); under the order */
    bool was_alone;             /* NOTE_ALONE stood there */
    atomic_bool is_loading;     /* a blank store that takes over another one (transfer_load.h) */
    atomic_bool has_taken_over; /* and the sweeper has not begun anew yet */
    _Atomic uint64_t horizon;
    uint64_t last_own_at_start;
    int lock_file;
    uint64_t node_id;
    _Atomic int64_t disk_reads, denials;
    _Atomic int64_t expired_keys;         /* raised under the order */
    _Atomic int64_t expiry_held_until_ms; /* store_hold_expiry() */
};

/* May the engine be used?  The answer holds until the thread's turn ends: reopening waits for that.
 */
static inline bool store_is_engine_open(const struct store *store)
{
    return atomic_load_explicit(&store->order.is_engine_open, memory_order_acquire);
}

/* How often a long value may be overwritten under a reader before the reader gives up. */
#define STORE_READ_ATTEMPTS_MAX 64

/* Fills header->value_size bytes from the chunks of a long value; STATUS_NOT_FOUND if one is gone:
 * the record was overwritten. */
enum status store_read_chunks(struct engine *engine, uint32_t number, struct bytes key,
                              const struct record_header *header, char *into) MUST_USE;

#endif
