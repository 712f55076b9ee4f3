/* digest.h - what a set of records sums up to.
 *
 * Every record has a keyed 128-bit hash of its key and version; a digest is the sum of the hashes
 * of a set, and their count.  Sums do not depend on order, and a record is taken out as it was
 * added.  (Sums, not XOR: with XOR a record counted twice would vanish.)
 *
 * The keys of the hashes derive from the cluster's secret, so that a client who chooses keys and
 * values can neither make two sets look equal nor choose where leaves begin.
 *
 * D1  Equal sets of records have equal digests on every replica, whatever their history.
 * D2  Expiry alone changes nothing: a live record and the expired one it becomes hash the same.
 * D3  Local numbers (of namespaces, of origins) and the local clock never enter a hash.
 */
#ifndef REPLICATION_DIGEST_H
#define REPLICATION_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/secret.h"

#define DIGEST_NS_SIZE 16 /* of a namespace's id */

/* A leaf (leaves.h) has so many keys in the mean: a power of two. */
#define DIGEST_LEAF_KEYS 512

struct digest_keys {
    unsigned char key[SECRET_HASH_KEY_SIZE];
    unsigned char element[SECRET_HASH_KEY_SIZE];
    unsigned char leaf[SECRET_HASH_KEY_SIZE];
    uint64_t check; /* equal only for the same secret: kept with stored sums */
};

void digest_keys_derive(struct digest_keys *keys, struct bytes secret);

/* Of a namespace's id and a key; the basis of all that follows. */
struct hash128 digest_of_key(const struct digest_keys *keys, const unsigned char ns[DIGEST_NS_SIZE],
                             struct bytes key);

/* Does a leaf begin at this key?  Depends on nothing but the key. */
static inline bool digest_is_boundary(struct hash128 key)
{
    return (key.low & (DIGEST_LEAF_KEYS - 1)) == 0;
}

/* What of a record enters its hash. */
struct digest_version {
    uint64_t stamp;
    uint64_t node_id;
    uint64_t value_hash;
    int64_t expiry_ms;
    bool is_tombstone; /* deleted; not: expired */
};

/* Of one record: its key's hash and its version. */
struct hash128 digest_of_record(const struct digest_keys *keys, struct hash128 key,
                                const struct digest_version *version);

struct digest {
    struct hash128 sum; /* two separate sums */
    uint64_t count;
};

static inline void digest_add(struct digest *digest, struct hash128 record)
{
    digest->sum.low += record.low;
    digest->sum.high += record.high;
    digest->count++;
}

static inline void digest_remove(struct digest *digest, struct hash128 record)
{
    digest->sum.low -= record.low;
    digest->sum.high -= record.high;
    digest->count--;
}

static inline void digest_join(struct digest *digest, const struct digest *other)
{
    digest->sum.low += other->sum.low;
    digest->sum.high += other->sum.high;
    digest->count += other->count;
}

/* The part that is gone: what digest_join() added. */
static inline void digest_part(struct digest *digest, const struct digest *other)
{
    digest->sum.low -= other->sum.low;
    digest->sum.high -= other->sum.high;
    digest->count -= other->count;
}

/* The fingerprint of a leaf: where it begins, and what it holds. */
uint64_t digest_of_leaf(const struct digest_keys *keys, const unsigned char ns[DIGEST_NS_SIZE],
                        struct bytes boundary, const struct digest *digest);

#endif
