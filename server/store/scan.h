/* scan.h - the live keys of a namespace in byte order, as of now.
 *
 * Merges a LevelDB snapshot with what is not committed yet, and with a transaction's own changes if
 * one is given.  Belongs to one thread and one turn: a long listing is done in pages, each with a
 * scan of its own that starts behind the last key of the page before.
 */
#ifndef STORE_SCAN_H
#define STORE_SCAN_H

#include "base/buffer.h"
#include "store/txn.h"

struct scan;

struct scan_row {
    struct bytes key;
    struct bytes meta;
    struct bytes value; /* only if has_value: a long value must be fetched by its key */
    bool has_value;
    int64_t expiry_ms;
    uint32_t value_size;
};

/* Rows with key >= from that start with prefix.  txn may be NULL. */
enum status scan_open(struct store_thread *thread, struct txn *txn, const struct ns *ns,
                      struct bytes prefix, struct bytes from, int64_t now_ms, struct scan **scan,
                      uint64_t *depends_on) MUST_USE;

/* The next row, borrowed until the next call; STATUS_NOT_FOUND at the end. */
enum status scan_next(struct scan *scan, struct scan_row *row) MUST_USE;
void scan_close(struct scan *scan);

/* A key of the namespace, each with a fair chance; appended to *key.  STATUS_NOT_FOUND if empty. */
enum status scan_random_key(struct store_thread *thread, struct txn *txn, const struct ns *ns,
                            int64_t now_ms, struct buffer *key, uint64_t *depends_on) MUST_USE;

#endif
