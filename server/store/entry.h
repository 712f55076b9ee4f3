/* entry.h - one record in memory.
 *
 * An entry is one allocation: this header, then the key, the metadata and the value.  Once
 * published (cache.h) it never changes, but for the few atomics; a write makes a new entry that
 * takes its place.  So readers need no lock, and a pointer to an entry is good until the reader's
 * turn ends (epoch.h).
 *
 * Kinds:
 *   live       a value, perhaps with an expiry: past it the entry reads as absent
 *   tombstone  deleted at `stamp`
 *   expired    a tombstone that expiry made of a live record: keeps the stamp of that record
 *   absent     nothing is stored: the engine said so, or a purge took it away
 */
#ifndef STORE_ENTRY_H
#define STORE_ENTRY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define EXPIRY_NONE INT64_MAX /* expiry_ms of a record that does not expire */

#define ENTRY_USES_MAX 3

enum entry_kind { ENTRY_LIVE, ENTRY_TOMBSTONE, ENTRY_EXPIRED, ENTRY_ABSENT };

/* What the commit of a successor needs to know of a record: where its parts are stored. */
struct record_header {
    int64_t expiry_ms;
    uint32_t value_size;
    uint16_t meta_size;
    uint8_t kind;   /* enum entry_kind */
    bool is_raw;    /* built in place by APPEND and the like: OBJECT ENCODING tells */
    uint64_t stamp; /* 0 = there is no record */
    uint64_t value_hash;
    uint16_t origin; /* alias of the node that wrote it: aliases.h */
};

/* What a lookup reads stands in the first 64 bytes. */
struct entry {
    _Atomic(struct entry *) chain; /* the next in its bucket */
    uint64_t hash;
    uint32_t ns; /* the namespace's local number */
    uint16_t key_size;
    atomic_uchar uses; /* since eviction last looked at it, up to ENTRY_USES_MAX (cache.h) */
    bool is_own; /* its group is to tell the other replicas of it (feed.h); a byte that was free */
    atomic_uint_least32_t used_s; /* wall second of the last use: OBJECT IDLETIME; under an LFU
                                     policy how often it is used (frequency.h) */
    _Atomic uint32_t place;       /* in the shard's rings, under the shard's lock (cache.c) */
    _Atomic uint64_t group;       /* the commit that stores it; 0 = it was read from disk */
    struct record_header header;
    uint32_t change;    /* its place in that group */
    uint32_t allocated; /* bytes, as the allocator rounds them up */
    char data[];
};

/* A new entry whose key and metadata are filled in and whose value is to be written by the caller,
 * before it is published, through entry_value_area(). */
struct entry *entry_create(uint64_t hash, uint32_t ns, struct bytes key, struct bytes meta,
                           size_t value_size);
void entry_destroy(void *entry);

static inline struct bytes entry_key(const struct entry *entry)
{
    return (struct bytes){entry->data, entry->key_size};
}

static inline struct bytes entry_meta(const struct entry *entry)
{
    return (struct bytes){entry->data + entry->key_size, entry->header.meta_size};
}

static inline struct bytes entry_value(const struct entry *entry)
{
    return (struct bytes){entry->data + entry->key_size + entry->header.meta_size,
                          entry->header.value_size};
}

static inline char *entry_value_area(struct entry *entry)
{
    return entry->data + entry->key_size + entry->header.meta_size;
}

static inline bool header_is_live(const struct record_header *header, int64_t now_ms)
{
    return header->kind == ENTRY_LIVE && header->expiry_ms > now_ms;
}

static inline bool entry_is_live(const struct entry *entry, int64_t now_ms)
{
    return header_is_live(&entry->header, now_ms);
}

#endif
