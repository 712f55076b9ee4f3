/* leaves.h - the table of leaves of one namespace, in memory.
 *
 * A leaf is a run of consecutive keys; a key that digest_is_boundary() begins one, so replicas with
 * the same keys have the same leaves.  The first leaf begins at the empty key.  The table is
 * ordered by boundary, in pages, so that it stays cheap to insert into with hundreds of thousands
 * of leaves.
 *
 * The caller keeps the sums true (store/digest.c); the table finds, splits and joins.  No record,
 * no clock, no lock here.
 */
#ifndef REPLICATION_LEAVES_H
#define REPLICATION_LEAVES_H

#include <stdbool.h>

#include "replication/digest.h"

struct leaf {
    struct bytes boundary; /* the table's own copy */
    struct digest digest;
    bool is_marked;  /* changed since its stored sum was written */
    bool is_suspect; /* its sum is not known: to be counted anew */
};

struct leaves;

/* A table with the first leaf alone: empty and known. */
struct leaves *leaves_create(void);
void leaves_destroy(struct leaves *leaves);

size_t leaves_count(const struct leaves *leaves);

/* The leaf that a key belongs to; there always is one.  Pointers are good until the next split or
 * join. */
struct leaf *leaves_find(struct leaves *leaves, struct bytes key);

/* The leaf behind this one, NULL at the end.  leaves_find(leaves, "") is the first. */
struct leaf *leaves_next(struct leaves *leaves, const struct leaf *leaf);

/* The leaf before this one, NULL at the beginning. */
struct leaf *leaves_previous(struct leaves *leaves, const struct leaf *leaf);

/* Cuts the leaf that holds `boundary` in two there and returns the new, upper one, with an empty
 * digest; if one begins there already, returns that, untouched. */
struct leaf *leaves_split(struct leaves *leaves, struct bytes boundary);

/* Joins the leaf that begins at exactly `boundary` to the one before it and returns that: digests
 * are added, marked or suspect if either was.  NULL if no leaf begins there, or it is the first. */
struct leaf *leaves_join(struct leaves *leaves, struct bytes boundary);

/* Memory used, in bytes. */
size_t leaves_bytes(const struct leaves *leaves);

#endif
