/* takeover.h - a blank store becomes what another node's is.
 *
 * The engine gets that node's tables, and above them a few rows of this node's own: its notes
 * (notes.h, NOTES_OF_NODE), what explains the aliases (aliases.h, L3), how far its journal has been
 * moved.  Then what is kept in memory is read anew, as at a start.
 *
 * V1  One manifest brings the tables and these rows: a crash leaves the blank store or the other
 *     one's data with this node's notes, never that node's id on two nodes.
 * V2  Nobody is inside the engine, or finds anything in it, until memory agrees with it.
 */
#ifndef STORE_TAKEOVER_H
#define STORE_TAKEOVER_H

#include "base/bytes.h"
#include "base/status.h"

struct store;
struct tables;

struct takeover {
    struct tables *tables;
    struct bytes aliases;  /* the other node's: aliases_list() */
    uint64_t newest_stamp; /* of all that is in the tables, at least */
};

/* Waits until it is done by the commit thread; outside of any epoch.  After a failure this store
 * must be opened anew. */
enum status takeover_run(struct store *store, const struct takeover *takeover) MUST_USE;

#endif
