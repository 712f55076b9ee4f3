/* bulk_item.h - one item of a bulk request: read, decoded and checked.
 *
 *     { "key": "a", "value": "b", "base64": false, "expiration": 1999999999,
 *       "expiration_ttl": 60, "metadata": {"x": 1} }      to be written, or
 *     "a"                                                 to be read or deleted
 *
 * Pure.  Other members are not looked at; of a member that comes twice the last one holds, and null
 * is as good as none but for key and value.  A member that is gone over as a whole is no longer
 * than METADATA_TEXT_MAX: it is done in one turn.
 */
#ifndef HTTP_BULK_ITEM_H
#define HTTP_BULK_ITEM_H

#include "base/json_reader.h"
#include "http/fault.h"

/* What holds for the whole request. */
struct bulk_rules {
    int64_t key_size_max, value_size_max, metadata_size_max;
    int64_t now_ms;
};

/* Buffers are kept from item to item.  All zeros is one that was never read. */
struct bulk_item {
    struct buffer key;
    struct buffer value;
    struct buffer metadata; /* compact JSON; empty = none */
    int64_t expiry_ms;      /* EXPIRY_NONE of store/entry.h = never */

    struct buffer member, text; /* while it is read */
};

void bulk_item_clear(struct bulk_item *item);

/* Reads the pair, or the name, that comes next.  False: what is wrong is in *fault. */
bool bulk_item_read_pair(struct bulk_item *item, struct json_reader *reader,
                         const struct bulk_rules *rules, struct fault *fault) MUST_USE;
bool bulk_item_read_name(struct bulk_item *item, struct json_reader *reader,
                         const struct bulk_rules *rules, struct fault *fault) MUST_USE;

#endif
