#include "store/feed_group.h"

#include "replication/records.h"

/* The namespace whose keys were under a number when the group was closed; NULL if there is none any
 * more: emptied or dropped within the group, so what was written before is gone. */
static const struct ns *ns_of(const struct group *group, uint32_t number)
{
    for (size_t i = 0; i < group->touched_count; i++) {
        const struct ns *ns = group->touched[i];

        if (ns->frozen_number == number && !ns->is_frozen_dropped)
            return ns;
    }
    return NULL;
}

static struct wire_record wire_of(const struct entry *entry, const struct ns *ns, uint64_t node_id)
{
    const struct record_header *header = &entry->header;
    bool is_live = header->kind == ENTRY_LIVE;

    return (struct wire_record){
        .ns = {(const char *)ns->id, NS_ID_SIZE},
        .key = entry_key(entry),
        .meta = entry_meta(entry),
        .value = is_live ? entry_value(entry) : (struct bytes){"", 0},
        .version = {header->stamp, node_id, header->value_hash},
        .expiry_ms = header->expiry_ms,
        .value_size = header->value_size,
        .kind = (enum wire_kind)header->kind,
        .is_raw = header->is_raw,
    };
}

/* The registry's own records have the smallest number, so they come first. */
static void put_own(struct buffer *records, const struct group *group,
                    const struct change *const *sorted, uint64_t node_id)
{
    struct records_writer writer = {.out = records};
    const struct ns *ns = NULL;

    for (size_t i = 0; i < group->change_count; i++) {
        const struct entry *entry = sorted[i]->entry;
        struct wire_record record;

        if (!entry->is_own || entry->header.kind == ENTRY_ABSENT)
            continue;
        if (ns == NULL || ns->frozen_number != entry->ns)
            ns = ns_of(group, entry->ns);
        if (ns == NULL)
            continue;
        record = wire_of(entry, ns, node_id);
        records_put(&writer, &record);
    }
}

void feed_group(struct feed *feed, const struct group *group, const struct change *const *sorted,
                uint64_t node_id)
{
    struct buffer records = {0};

    if (group->own_stamp_max == 0)
        return;
    if (!feed_is_wanted(feed) || !feed_can_hold(feed, group->bytes)) {
        feed_cut(feed, group->own_stamp_max);
        return;
    }
    put_own(&records, group, sorted, node_id);
    feed_append(feed, group->own_stamp_max, &records);
    buffer_clear(&records);
}
