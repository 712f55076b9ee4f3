#include "store/group.h"

#include <stdlib.h>

#include "base/memory.h"
#include "store/ns_internal.h"

#define ENTRIES_KEPT 4096 /* larger arrays are given back when a group is done */
#define NEWS_KEPT    ((size_t)256 * 1024)

struct group *group_create(uint64_t number)
{
    struct group *group = xcalloc(1, sizeof *group);

    group->number = number;
    return group;
}

static void free_notes(struct group *group)
{
    for (size_t i = 0; i < group->note_count; i++) {
        free((void *)(uintptr_t)group->notes[i].key.data);
        free((void *)(uintptr_t)group->notes[i].value.data);
    }
    group->note_count = 0;
}

void group_destroy(struct group *group)
{
    if (group == NULL)
        return;
    free_notes(group);
    free(group->changes);
    free(group->detached);
    free(group->touched);
    free(group->notes);
    buffer_clear(&group->news);
    free(group);
}

struct group *group_emptied(struct group *group)
{
    struct group kept = {0};

    free_notes(group);
    if (group->change_capacity > ENTRIES_KEPT) {
        group_destroy(group);
        return group_create(0);
    }
    kept.changes = group->changes;
    kept.change_capacity = group->change_capacity;
    kept.detached = group->detached;
    kept.detached_capacity = group->detached_capacity;
    kept.touched = group->touched;
    kept.touched_capacity = group->touched_capacity;
    kept.notes = group->notes;
    kept.note_capacity = group->note_capacity;
    if (group->news.capacity > NEWS_KEPT)
        buffer_clear(&group->news);
    kept.news = group->news;
    kept.news.size = 0;
    *group = kept;
    return group;
}

bool group_is_empty(const struct group *group)
{
    return group->change_count == 0 && group->note_count == 0 && !group->wants_sync;
}

void group_run_undos(struct group *group, bool is_failed)
{
    for (struct undo *undo = group->undos, *next; undo != NULL; undo = next) {
        next = undo->next;
        undo->run(undo->context, is_failed);
        free(undo);
    }
    group->undos = NULL;
}

void group_add_change(struct group *group, struct entry *entry, const struct entry *base)
{
    group->changes =
        xgrow(group->changes, group->change_count, &group->change_capacity, sizeof *group->changes);
    entry->change = (uint32_t)group->change_count;
    group->changes[group->change_count++] = (struct change){
        .entry = entry,
        .old = base != NULL && base->header.kind != ENTRY_ABSENT ? base->header
                                                                 : (struct record_header){0}};
    group->bytes += sizeof *entry + entry->key_size + entry->header.meta_size;
    if (entry->header.kind == ENTRY_LIVE)
        group->bytes += entry->header.value_size;
}

/* What expires in the group that wrote it is still to be told. */
void group_replace_change(struct group *group, struct entry *entry, const struct entry *base)
{
    entry->change = base->change;
    group->changes[base->change].entry = entry;
    entry->is_own |= base->is_own && entry->header.stamp == base->header.stamp;
}

void group_detach(struct group *group, struct entry *entry)
{
    group->detached = xgrow(group->detached, group->detached_count, &group->detached_capacity,
                            sizeof *group->detached);
    group->detached[group->detached_count++] = entry;
}

void group_touch(struct group *group, struct ns *ns)
{
    group->touched = xgrow(group->touched, group->touched_count, &group->touched_capacity,
                           sizeof *group->touched);
    group->touched[group->touched_count++] = ns_retain(ns);
}

void group_note(struct group *group, struct bytes key, struct bytes value)
{
    group->notes =
        xgrow(group->notes, group->note_count, &group->note_capacity, sizeof *group->notes);
    group->notes[group->note_count++] =
        (struct note){xbytes_copy(key), value.data == NULL ? value : xbytes_copy(value)};
}

void group_add_undos(struct group *group, struct undo *undos)
{
    struct undo **end = &undos;

    while (*end != NULL)
        end = &(*end)->next;
    *end = group->undos;
    group->undos = undos;
}

void group_retire_detached(struct group *group, struct epoch_thread *epoch)
{
    for (size_t i = 0; i < group->detached_count; i++)
        epoch_retire(epoch, group->detached[i], entry_destroy);
    group->detached_count = 0;
}

void group_release_touched(struct group *group)
{
    for (size_t i = 0; i < group->touched_count; i++)
        ns_release(group->touched[i]);
}
