/* transfer_page.h - reading the whole store, page by page, for a new node.
 *
 * What is sent is what stood there when the first page was read (checkpoint.h): LevelDB's tables as
 * they are, and the rows that were in none yet.  What is written later is pushed, or found by
 * comparing.  Each page is some of the stream (transfer_stream.h), in whole pieces; its cursor
 * names what it is read from, and where the next one begins.
 *
 * For the cluster's worker thread: no call here is made by an event loop, inside an epoch, or while
 * the commit order is held.
 *
 * Q1  What is read from keeps files, and some memory until its rows are sent.  It goes with the
 *     last page, or when nobody has asked for PAGES_IDLE_MS, or when more than PAGES_READINGS_MAX
 *     others were begun.
 * Q2  A cursor whose reading is gone, or that came from another node, begins a new stream.
 */
#ifndef STORE_TRANSFER_PAGE_H
#define STORE_TRANSFER_PAGE_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/status.h"

#define PAGES_IDLE_MS      60000
#define PAGES_READINGS_MAX 4

struct store_thread;
struct transfer_pages;

struct transfer_pages *transfer_pages_create(struct store_thread *thread);
void transfer_pages_destroy(struct transfer_pages *pages);

/* Appends the piece at the cursor ("" = the beginning) and those behind it, about bytes_max; `next`
 * is replaced by the cursor of the next page.  STATUS_PARKED: the store is being reopened;
 * STATUS_IO: something can't be read. */
enum status transfer_read_page(struct transfer_pages *pages, struct bytes cursor, size_t bytes_max,
                               struct buffer *blob, struct buffer *next, bool *is_last) MUST_USE;

/* Lets go what nobody asks for any more (Q1); false if nothing is left. */
bool transfer_pages_expire(struct transfer_pages *pages);

#endif
