#include "sim/disk.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

void disk_init(struct disk *disk, uint64_t node_id)
{
    *disk = (struct disk){.node_id = node_id, .first = 1, .is_changed = true};
}

static void clear_batch(struct batch *batch)
{
    free(batch->changes);
    buffer_clear(&batch->state);
    *batch = (struct batch){0};
}

void disk_clear(struct disk *disk)
{
    for (size_t i = 0; i < disk->count; i++)
        clear_batch(&disk->batches[i]);
    clear_batch(&disk->open);
    free(disk->batches);
    buffer_clear(&disk->durable.state);
}

static void apply_change(struct layer *layer, const struct change *change)
{
    layer->records[change->slot] = change->record;
    layer->is_written = true;
}

void disk_change(struct disk *disk, int slot, const struct record *record)
{
    struct batch *batch = &disk->open;

    batch->changes = xgrow(batch->changes, batch->count, &batch->capacity, sizeof *batch->changes);
    batch->changes[batch->count++] = (struct change){slot, *record};
    apply_change(&disk->current, &batch->changes[batch->count - 1]);
    disk->is_changed = true;
}

void disk_put_state(struct disk *disk, struct bytes state)
{
    disk->open.state.size = 0;
    buffer_append_bytes(&disk->open.state, state);
    disk->open.has_state = true;
}

static void apply_notes(struct layer *layer, const struct batch *batch)
{
    if (batch->ceiling != 0)
        layer->ceiling = batch->ceiling;
    if (batch->purged_under > layer->purged_under)
        layer->purged_under = batch->purged_under;
    if (batch->last_own > layer->last_own)
        layer->last_own = batch->last_own;
    if (batch->has_pages)
        layer->is_loading = !batch->has_last_page;
}

uint64_t disk_commit(struct disk *disk)
{
    disk->batches = xgrow(disk->batches, disk->count, &disk->capacity, sizeof *disk->batches);
    apply_notes(&disk->current, &disk->open);
    disk->batches[disk->count++] = disk->open;
    disk->open = (struct batch){0};
    return disk_last(disk);
}

static void settle(struct layer *layer, struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        apply_change(layer, &batch->changes[i]);
    apply_notes(layer, batch);
    if (batch->has_state) {
        buffer_clear(&layer->state);
        layer->state = batch->state;
        batch->state = (struct buffer){0};
    }
}

void disk_sync(struct disk *disk, uint64_t number)
{
    size_t done = 0;

    for (; done < disk->count && disk->first + done <= number; done++) {
        settle(&disk->durable, &disk->batches[done]);
        clear_batch(&disk->batches[done]);
    }
    disk->count -= done;
    disk->first += done;
    for (size_t i = 0; i < disk->count; i++)
        disk->batches[i] = disk->batches[i + done];
}

void disk_crash(struct disk *disk, size_t kept)
{
    assert(kept <= disk->count);
    disk_sync(disk, disk->first + kept - 1);
    for (size_t i = 0; i < disk->count; i++)
        clear_batch(&disk->batches[i]);
    clear_batch(&disk->open);
    disk->first += disk->count;
    disk->count = 0;
    disk->current = disk->durable;
    disk->current.state = (struct buffer){0};
    disk->is_changed = true;
}

void disk_copy(struct disk *to, const struct disk *from)
{
    disk_init(to, from->node_id);
    to->durable = from->durable;
    to->durable.state = (struct buffer){0};
    buffer_append_bytes(&to->durable.state, buffer_view(&from->durable.state));
    to->current = to->durable;
    to->current.state = (struct buffer){0};
}
