/* registry_internal.h - the registry as the rest of the store sees it. */
#ifndef STORE_REGISTRY_INTERNAL_H
#define STORE_REGISTRY_INTERNAL_H

#include "replication/records.h"
#include "store/engine.h"
#include "store/registry.h"

struct store_thread;

/* An empty registry with db<0> .. db<databases - 1>. */
struct registry *registry_create_empty(int databases, const struct limits *defaults);
void registry_destroy(struct registry *registry);

/* Reads namespaces, numbers and counts.  No record is newer than newest_stamp. */
enum status registry_load(struct registry *registry, struct engine *engine,
                          uint64_t newest_stamp) MUST_USE;

/* Counts all keys anew: after a repair, when the stored counts can't be trusted. */
enum status registry_recount(struct registry *registry, struct engine *engine) MUST_USE;

/* Of all namespaces together, the registry's own records with them. */
struct ns_counts registry_counts(struct registry *registry);
/* Has nothing been stored yet, not even what is gone by now? */
bool registry_is_blank(struct registry *registry);

/* The namespace whose keys are under a local number, retained; NULL if none is (any more). */
struct ns *registry_by_number(struct registry *registry, uint32_t number);

/* The namespace with an id, retained; NULL if it is unknown or dropped.  All 0xff is the registry
 * itself; a numbered database that this server does not reach is kept out of sight. */
struct ns *registry_by_id(struct registry *registry, struct bytes id);

/* Is it the id of the registry itself? */
bool registry_is_id(struct bytes id);

/* Is it the key of the record that says which databases the numbers name? */
bool registry_is_permutation_key(struct bytes key);

/* The n of the id of db<n>, or -1. */
int registry_database_of_id(struct bytes id);

/* The stored namespace with the next larger id, retained; NULL if there is none.  The registry
 * itself stands before all others. */
struct ns *registry_next(struct registry *registry, struct bytes id);

/* The key of a namespace's own record in the registry. */
#define ID_KEY_SIZE (1 + NS_ID_SIZE)
struct bytes registry_key_of(char text[ID_KEY_SIZE], const struct ns *ns);

/* Is the id one of a namespace that is gone for good?  Its records are dead. */
bool registry_was_dropped(struct registry *registry, struct bytes id);

/* A record was published in the namespace; under the order. */
static inline void ns_note_stamp(struct ns *ns, uint64_t stamp)
{
    if (stamp > atomic_load_explicit(&ns->newest_stamp, memory_order_relaxed))
        atomic_store_explicit(&ns->newest_stamp, stamp, memory_order_relaxed);
}

/* Before such a transaction enters the order: what of it would take long (carry.h). */
enum status registry_prepare(struct store_thread *thread,
                             const struct wire_record *record) MUST_USE;

/* Inside a transaction that stores a newer version of one of the registry's records: the registry
 * follows it, and goes back if the transaction fails.  May add keys to the transaction. */
enum status registry_merged(struct txn *txn, const struct wire_record *record) MUST_USE;

/* What registry_changed_in() answers, for the order to set: every read asks, so it does not stand
 * among the numbers that every write changes. */
_Atomic uint64_t *registry_changed_mark(struct registry *registry);

/* Gives a namespace that has no record yet one, as part of the transaction. */
enum status registry_store(struct txn *txn, struct ns *ns) MUST_USE;

#endif
