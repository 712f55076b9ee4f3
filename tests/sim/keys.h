/* keys.h - the keys that a simulated cluster is about: few, so that writes conflict.
 *
 * A key is known by its slot, a small number; slots are in stored order.  What depends on nothing
 * but the key (its hash, whether a leaf begins at it) is computed once for the whole program.
 * Leaves are smaller than the server's: fingerprints are the host's business, and a few dozen keys
 * should have several.
 */
#ifndef SIM_KEYS_H
#define SIM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "replication/digest.h"

#define KEYS_NS_MAX    3
#define KEYS_PER_NS    64
#define KEYS_SLOTS     (KEYS_NS_MAX * KEYS_PER_NS)
#define KEYS_TEXT_SIZE 3  /* "k07" */
#define KEYS_LEAF_MASK 7u /* a leaf has eight keys in the mean */

struct key {
    unsigned char ns[DIGEST_NS_SIZE];
    char text[KEYS_TEXT_SIZE + 1];
    struct hash128 hash;
    bool is_boundary;
};

/* Before anything else of this header. */
void keys_init(void);

const struct key *keys_at(int slot);
const struct digest_keys *keys_digest(void);

static inline int keys_ns_of(int slot)
{
    return slot / KEYS_PER_NS;
}

static inline struct bytes keys_text(int slot)
{
    return (struct bytes){keys_at(slot)->text, KEYS_TEXT_SIZE};
}

/* -1 if there is none. */
int keys_find(struct bytes ns, struct bytes key);
int keys_find_hash(uint64_t high);

#endif
