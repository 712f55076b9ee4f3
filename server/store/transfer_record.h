/* transfer_record.h - stored records as they travel: what all kinds of transfer share. */
#ifndef STORE_TRANSFER_RECORD_H
#define STORE_TRANSFER_RECORD_H

#include "replication/records.h"
#include "store/order.h"
#include "store/registry.h"

/* So many bytes of records are put or taken, then others get their turn (process_give_way()). */
#define TRANSFER_TURN_BYTES ((size_t)32 << 10)

/* The thread enters an epoch; false, and it has not, while the engine is being reopened.  It leaves
 * by epoch_exit(). */
bool transfer_enter(struct store_thread *thread) MUST_USE;

/* All zeros but `thread`: one thread's way to read. */
struct transfer_reader {
    struct store_thread *thread;
    struct buffer key, value; /* the last stored key and the last long value */
};

void transfer_reader_clear(struct transfer_reader *reader);

/* A stored record as it travels; what it points to is borrowed from the arguments and from the
 * reader, until its next call.  STATUS_NOT_FOUND: its long value was overwritten meanwhile. */
enum status transfer_view(struct transfer_reader *reader, const struct ns *ns, uint32_t number,
                          struct bytes key, struct bytes stored,
                          struct wire_record *record) MUST_USE;

/* Writes the record that is committed under the key now; STATUS_NOT_FOUND if there is none. */
enum status transfer_put_current(struct transfer_reader *reader, struct records_writer *writer,
                                 const struct ns *ns, uint32_t number, struct bytes key) MUST_USE;

#endif
