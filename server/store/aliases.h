/* aliases.h - the nodes that have written what is stored here, by short local numbers.
 *
 * A record names the node that wrote it by an alias of two bytes instead of its id of eight; alias
 * 0 is this node.  An alias never changes its meaning: records that carry it are never rewritten.
 *
 * L1  The note that explains an alias is committed with or before the first record that carries it.
 * L2  aliases_node() takes no lock: readers ask for each version they show.
 */
#ifndef STORE_ALIASES_H
#define STORE_ALIASES_H

#include <stdint.h>

#include "base/status.h"
#include "store/engine.h"

struct aliases;
struct txn;

struct aliases *aliases_create(uint64_t node_id);
void aliases_destroy(struct aliases *aliases);
enum status aliases_load(struct aliases *aliases, struct engine *engine) MUST_USE;

uint64_t aliases_node(const struct aliases *aliases, uint16_t alias);

/* The alias of a node for a record that the transaction is going to write; a new one is stored with
 * it.  STATUS_CANNOT_PERSIST: there are no more. */
enum status aliases_for(struct aliases *aliases, struct txn *txn, uint64_t node_id,
                        uint16_t *alias) MUST_USE;

#endif
