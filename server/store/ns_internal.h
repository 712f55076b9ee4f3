/* ns_internal.h - a namespace's counts on their way to disk, for order.c.
 *
 * Three readings of each count: as of the newest write, as of the group in flight, as committed.
 * All calls are made under the order, but for ns_put_counts(), which reads what the freeze fixed.
 */
#ifndef STORE_NS_INTERNAL_H
#define STORE_NS_INTERNAL_H

#include "store/engine.h"
#include "store/registry.h"

void ns_freeze_counts(struct ns *ns);
void ns_put_counts(const struct ns *ns, struct engine_batch *batch, struct buffer *key,
                   struct buffer *value);
void ns_commit_counts(struct ns *ns);
void ns_restore_counts(struct ns *ns);

#endif
