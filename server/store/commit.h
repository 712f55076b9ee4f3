/* commit.h - a group of changes as batches for the engine. */
#ifndef STORE_COMMIT_H
#define STORE_COMMIT_H

#include "store/order.h"

/* How far ahead of the stamps the persisted ceiling is put. */
#define COMMIT_CEILING_AHEAD_MS 500

/* Everything of the group as order->batch, after its long values if there are many (C1). */
enum status commit_build(struct order *order, const struct group *group) MUST_USE;
/* The same, and writes it: as a durable point if it must be one, then with a higher ceiling. */
enum status commit_write(struct order *order, struct group *group) MUST_USE;
/* Is every group a durable point? */
bool commit_is_always_synced(const struct order *order);

/* Appends to the batch what a change stores and removes: the record, its chunks, its index rows.
 * Chunks are left out if `has_chunks_written`. */
void commit_change(struct engine_batch *batch, struct buffer *key, struct buffer *value,
                   const struct change *change, bool has_chunks_written);

/* Bytes of the values that go into chunks. */
size_t commit_chunk_bytes(const struct group *group);

/* Writes all chunks of the group in batches of bounded size, under a mark by which an interrupted
 * attempt is cleaned up at the next start. */
enum status commit_chunks_first(struct order *order, const struct group *group) MUST_USE;

/* The mark of commit_chunks_first(), to be deleted in the batch that stores the records. */
struct bytes commit_pending_mark(struct buffer *key);

/* At start and after a failed commit: removes chunks whose records were never stored. */
enum status commit_clean_pending(struct engine *engine) MUST_USE;

#endif
