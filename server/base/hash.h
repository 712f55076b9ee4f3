/* hash.h - the two hashes of this project, both XXH3 (xxhash.com).
 *
 * hash_seeded places keys in memory: the seed is random for each process, so that nobody outside
 * can choose keys that collide.  hash_content is the fixed one that is stored and compared between
 * replicas.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/bytes.h"

uint64_t hash_seeded(struct bytes bytes, uint64_t seed);
uint64_t hash_content(struct bytes bytes);

#endif
