/* transfer_load.h - filling the empty store of a new node with all that another replica holds.
 *
 * The stream (transfer_stream.h) is put into files beside the database (tables.h); nobody looks at
 * a record on the way.  At the end the store becomes what the other one was (takeover.h).  Clients
 * wait meanwhile (GATE_LOADING), nothing is merged, and the sweeper rests.
 *
 * For the cluster's worker thread: no call here is made by an event loop, inside an epoch, or while
 * the commit order is held.
 *
 * O1  A mark (NOTE_LOADING) is on disk before the first page is taken, and leaves when the store
 *     has taken over all.  A store that is opened with the mark is wiped: it is blank again, with a
 *     new node id.
 * O2  Pages follow each other as they were read (transfer_page.h).  A head among them means that
 *     all begins anew, from this source or from another.
 */
#ifndef STORE_TRANSFER_LOAD_H
#define STORE_TRANSFER_LOAD_H

#include "base/bytes.h"
#include "base/status.h"

struct engine;
struct store_thread;
struct transfer_load;

struct transfer_load *transfer_load_begin(struct store_thread *thread);

/* STATUS_PARKED: too much waits for the commit thread; nothing of the page was taken, try again.
 * After any other failure the load is over, and so is this store until it was opened anew:
 * STATUS_CORRUPT: this is not what follows; STATUS_IO: it can't be written, or a table is damaged.
 */
enum status transfer_load_page(struct transfer_load *load, struct bytes page) MUST_USE;

/* Takes over what came, if that was all of it, or else nothing; the store is an ordinary one from
 * here on. */
enum status transfer_load_finish(struct transfer_load *load) MUST_USE;
void transfer_load_destroy(struct transfer_load *load);

/* At start, before anything is read: see O1. */
enum status transfer_wipe_half_loaded(struct engine *engine) MUST_USE;

#endif
