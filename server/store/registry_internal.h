/* registry_internal.h - the registry as the rest of the store sees it. */
#ifndef STORE_REGISTRY_INTERNAL_H
#define STORE_REGISTRY_INTERNAL_H

#include "store/engine.h"
#include "store/registry.h"

/* An empty registry with db<0> .. db<databases - 1>. */
struct registry *registry_create_empty(int databases, const struct limits *defaults);
void registry_destroy(struct registry *registry);

/* Reads namespaces, numbers and counts. */
enum status registry_load(struct registry *registry, struct engine *engine) MUST_USE;

/* Counts all keys anew: after a repair, when the stored counts can't be trusted. */
enum status registry_recount(struct registry *registry, struct engine *engine) MUST_USE;

/* The namespace whose keys are under a local number, retained; NULL if none is (any more). */
struct ns *registry_by_number(struct registry *registry, uint32_t number);

/* What registry_changed_in() answers, for the order to set: every read asks, so it does not stand
 * among the numbers that every write changes. */
_Atomic uint64_t *registry_changed_mark(struct registry *registry);

/* Gives a namespace that has no record yet one, as part of the transaction. */
enum status registry_store(struct txn *txn, struct ns *ns) MUST_USE;

#endif
