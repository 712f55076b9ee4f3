/* transfer_salvage.h - what only this node may have, as text, before it is given up.
 *
 * A replica that was away for too long is wiped and loads everything anew (gossip.h, G5).  What it
 * had written itself and not told anybody is saved before: GOSSIP SALVAGE.  `path` gets one JSON
 * object a line, as `grapevine-cli bulk put` takes them and Workers KV spells them:
 *
 *     {"namespace": "web", "key": "k", "value": "v", "metadata": {"a": 1}, "expiration":
 * 1700000000}
 *
 * with "base64": true if the value, and "key_base64": true if the key is not UTF-8 and stands there
 * in base64.  `path`.deleted gets the deletes: {"namespace": "web", "key": "k", "deleted": true}.
 * Both appear whole or not at all.
 */
#ifndef STORE_TRANSFER_SALVAGE_H
#define STORE_TRANSFER_SALVAGE_H

#include "store/store.h"

/* Own records with a stamp above `from`; *count is how many lines were written to both files.  For
 * a thread that may take its time, outside of any epoch.  On failure *error is a sentence. */
enum status transfer_salvage(struct store_thread *thread, uint64_t from, const char *path,
                             int64_t *count, char error[STORE_ERROR_MAX]) MUST_USE;

#endif
