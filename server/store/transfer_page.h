/* transfer_page.h - reading the whole store, page by page, for a new node.
 *
 * Slow work over many records, for the cluster's worker thread: no call here is made by an event
 * loop, inside an epoch, or while the commit order is held.
 *
 * The registry's records come first, then each namespace in order of its id, then of keys.  A
 * cursor names the last record read by the namespace's id and the key, nothing local: a reading
 * goes on at another replica, too.  Each page is a view of what is committed at its time; what
 * changes behind the cursor is missing, and found by comparing.
 *
 * Q1  In every page, a namespace's own record in the registry, if it has one, stands before its
 *     keys.
 */
#ifndef STORE_TRANSFER_PAGE_H
#define STORE_TRANSFER_PAGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/status.h"

struct store_thread;

/* Appends the records behind `cursor` ("" = from the beginning), about bytes_max; `next` is
 * replaced by the cursor of the next page.  STATUS_PARKED: the store is being reopened;
 * STATUS_CORRUPT: not a cursor, or a damaged store. */
enum status transfer_read_page(struct store_thread *thread, struct bytes cursor, size_t bytes_max,
                               struct buffer *blob, struct buffer *next, bool *is_last) MUST_USE;

#endif
