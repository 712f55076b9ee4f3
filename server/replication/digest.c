#include "replication/digest.h"

#include <endian.h>
#include <stdlib.h>

#include "base/memory.h"

/* Longer inputs are put together on the heap. */
#define STACK_INPUT_MAX 512

/* key hash 16, stamp, node id, value hash, expiry 8 each, is_tombstone 1 */
#define RECORD_INPUT_SIZE 49

void digest_keys_derive(struct digest_keys *keys, struct bytes secret)
{
    secret_derive(secret, "digest of a key", keys->key, sizeof keys->key);
    secret_derive(secret, "digest of a record", keys->element, sizeof keys->element);
    secret_derive(secret, "digest of a leaf", keys->leaf, sizeof keys->leaf);
    keys->check = secret_hash64(keys->leaf, bytes_of("check"));
}

static char *put_u64(char *at, uint64_t value)
{
    value = htole64(value);
    memcpy(at, &value, sizeof value);
    return at + sizeof value;
}

static char *put_bytes(char *at, const void *data, size_t size)
{
    if (size > 0)
        memcpy(at, data, size);
    return at + size;
}

struct hash128 digest_of_key(const struct digest_keys *keys, const unsigned char ns[DIGEST_NS_SIZE],
                             struct bytes key)
{
    size_t size = DIGEST_NS_SIZE + key.size;
    char space[STACK_INPUT_MAX];
    char *input = size <= sizeof space ? space : xmalloc(size);
    struct hash128 hash;

    put_bytes(put_bytes(input, ns, DIGEST_NS_SIZE), key.data, key.size);
    hash = secret_hash128(keys->key, (struct bytes){input, size});
    if (input != space)
        free(input);
    return hash;
}

struct hash128 digest_of_record(const struct digest_keys *keys, struct hash128 key,
                                const struct digest_version *version)
{
    char input[RECORD_INPUT_SIZE], *at = input;

    at = put_u64(at, key.low);
    at = put_u64(at, key.high);
    at = put_u64(at, version->stamp);
    at = put_u64(at, version->node_id);
    at = put_u64(at, version->value_hash);
    at = put_u64(at, (uint64_t)version->expiry_ms);
    *at = version->is_tombstone ? 1 : 0;
    return secret_hash128(keys->element, (struct bytes){input, sizeof input});
}

/* What has a fixed size stands in front, so that no two leaves give the same bytes. */
uint64_t digest_of_leaf(const struct digest_keys *keys, const unsigned char ns[DIGEST_NS_SIZE],
                        struct bytes boundary, const struct digest *digest)
{
    size_t size = DIGEST_NS_SIZE + 3 * sizeof(uint64_t) + boundary.size;
    char space[STACK_INPUT_MAX];
    char *input = size <= sizeof space ? space : xmalloc(size), *at;
    uint64_t hash;

    at = put_bytes(input, ns, DIGEST_NS_SIZE);
    at = put_u64(at, digest->sum.low);
    at = put_u64(at, digest->sum.high);
    at = put_u64(at, digest->count);
    put_bytes(at, boundary.data, boundary.size);
    hash = secret_hash64(keys->leaf, (struct bytes){input, size});
    if (input != space)
        free(input);
    return hash;
}
