/* transfer_load.h - filling the empty store of a new node with all that another replica holds.
 *
 * Records go past the cache, the order and the engine's log: clients wait meanwhile (GATE_LOADING),
 * nothing else is merged, and the sweeper rests.  They come sorted, so they are written once, into
 * table files beside the database (tables.h), and summed up leaf by leaf on the way (digest.h).  At
 * the end files and leaves become part of the store.  Rows of indexes, which have another order, go
 * to the engine in large batches.  The registry's own
 * records are merged as always, so that the namespaces are there before their keys.
 *
 * For the cluster's worker thread: no call here is made by an event loop, inside an epoch, or while
 * the commit order is held.
 *
 * O1  A mark (NOTE_LOADING) is on disk before the first record, and leaves in the commit that
 *     brings the counts.  A store that is opened with the mark is wiped: it is blank again, with a
 *     new node id.
 * O2  A record comes once: pages are loaded in the order in which they were read (transfer_page.h),
 *     each from the cursor that the one before ended with.
 */
#ifndef STORE_TRANSFER_LOAD_H
#define STORE_TRANSFER_LOAD_H

#include "base/bytes.h"
#include "base/status.h"

struct engine;
struct store_thread;
struct transfer_load;

struct transfer_load *transfer_load_begin(struct store_thread *thread);

/* STATUS_PARKED: too much waits for the commit thread; nothing of the page was loaded, try again.
 * After any other failure the load is over, and so is this store until it was opened anew. */
enum status transfer_load_page(struct transfer_load *load, struct bytes blob) MUST_USE;

/* Files, leaves, counts, and a durable point; the store is an ordinary one from here on. */
enum status transfer_load_finish(struct transfer_load *load) MUST_USE;
void transfer_load_destroy(struct transfer_load *load);

/* At start, before anything is read: see O1. */
enum status transfer_wipe_half_loaded(struct engine *engine) MUST_USE;

#endif
