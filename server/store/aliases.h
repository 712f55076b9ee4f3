/* aliases.h - the nodes that have written what is stored here, by short local numbers.
 *
 * A record names the node that wrote it by an alias of two bytes instead of its id of eight.  An
 * alias never changes its meaning: records that carry it are never rewritten.
 *
 * L1  The note that explains an alias is committed with or before the first record that carries it.
 * L2  aliases_node() takes no lock: readers ask for each version they show.
 * L3  Alias 0 is this node and has no note; unless the store was taken over from another node,
 *     tables, aliases and all (transfer_load.h): then every alias has one, this node's own too.
 */
#ifndef STORE_ALIASES_H
#define STORE_ALIASES_H

#include <stdint.h>

#include "base/status.h"
#include "store/engine.h"

struct aliases;
struct txn;

struct aliases *aliases_create(void);
void aliases_destroy(struct aliases *aliases);
/* What is stored, instead of what was known before.  STATUS_CORRUPT: this node has no alias. */
enum status aliases_load(struct aliases *aliases, struct engine *engine, uint64_t node_id) MUST_USE;

/* This node's own. */
uint16_t aliases_self(const struct aliases *aliases);

uint64_t aliases_node(const struct aliases *aliases, uint16_t alias);

/* The alias of a node for a record that the transaction is going to write; a new one is stored with
 * it.  STATUS_CANNOT_PERSIST: there are no more. */
enum status aliases_for(struct aliases *aliases, struct txn *txn, uint64_t node_id,
                        uint16_t *alias) MUST_USE;

/* Under the order.  The ids of all, u64 each, from alias 0 on. */
void aliases_list(const struct aliases *aliases, struct buffer *list);
/* The notes of another node's list, and of this node behind it: L3. */
enum status aliases_take_over(struct engine_batch *batch, struct bytes list,
                              uint64_t node_id) MUST_USE;

#endif
