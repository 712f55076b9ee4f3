#include "store/aliases.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"

#define ALIAS_COUNT_MAX 65536

struct alias {
    _Atomic uint64_t node_id;
    bool is_noted; /* its note is committed, or will be before what is written from now on */
};

/* Reserved whole, so that it never moves; the kernel gives memory for what is used. */
struct aliases {
    uint32_t count; /* under the order */
    _Atomic uint16_t self;
    struct alias alias[ALIAS_COUNT_MAX];
};

struct aliases *aliases_create(void)
{
    return xcalloc(1, sizeof(struct aliases));
}

void aliases_destroy(struct aliases *aliases)
{
    free(aliases);
}

static enum status load_note(struct aliases *aliases, struct bytes detail, struct bytes value)
{
    uint16_t alias;

    if (detail.size != sizeof alias || value.size != sizeof(uint64_t))
        return STATUS_CORRUPT;
    alias = wire_take_u16(&detail);
    aliases->alias[alias].is_noted = true;
    atomic_store(&aliases->alias[alias].node_id, wire_take_u64(&value));
    if (alias >= aliases->count)
        aliases->count = alias + 1u;
    return STATUS_OK;
}

static uint32_t find(const struct aliases *aliases, uint64_t node_id)
{
    uint32_t alias = 0;

    while (alias < aliases->count && aliases_node(aliases, (uint16_t)alias) != node_id)
        alias++;
    return alias;
}

/* L3. */
static enum status find_self(struct aliases *aliases, uint64_t node_id)
{
    uint32_t self = 0;

    if (aliases->alias[0].is_noted) {
        self = find(aliases, node_id);
    } else {
        aliases->alias[0].is_noted = true;
        atomic_store(&aliases->alias[0].node_id, node_id);
        aliases->count = aliases->count == 0 ? 1 : aliases->count;
    }
    atomic_store(&aliases->self, (uint16_t)self);
    return self < aliases->count ? STATUS_OK : STATUS_CORRUPT;
}

static void forget_all(struct aliases *aliases)
{
    for (uint32_t i = 0; i < aliases->count; i++)
        aliases->alias[i].is_noted = false;
    aliases->count = 0;
}

enum status aliases_load(struct aliases *aliases, struct engine *engine, uint64_t node_id)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer buffer = {0};
    struct bytes prefix = keyspace_local(&buffer, NOTE_ORIGIN, (struct bytes){"", 0}), key;
    enum status status = STATUS_OK;

    forget_all(aliases);
    engine_iterator_seek(iterator, prefix);
    while (status == STATUS_OK && engine_iterator_is_valid(iterator) &&
           bytes_starts_with(key = engine_iterator_key(iterator), prefix)) {
        status = load_note(aliases, (struct bytes){key.data + prefix.size, key.size - prefix.size},
                           engine_iterator_value(iterator));
        engine_iterator_next(iterator);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&buffer);
    return status == STATUS_OK ? find_self(aliases, node_id) : status;
}

uint64_t aliases_node(const struct aliases *aliases, uint16_t alias)
{
    return atomic_load_explicit(&aliases->alias[alias].node_id, memory_order_acquire);
}

uint16_t aliases_self(const struct aliases *aliases)
{
    return atomic_load_explicit(&aliases->self, memory_order_relaxed);
}

void aliases_list(const struct aliases *aliases, struct buffer *list)
{
    for (uint32_t i = 0; i < aliases->count; i++)
        wire_put_u64(list, aliases_node(aliases, (uint16_t)i));
}

static struct bytes note_key(struct buffer *key, uint16_t alias)
{
    struct buffer detail = {0};

    wire_put_u16(&detail, alias);
    keyspace_local(key, NOTE_ORIGIN, buffer_view(&detail));
    buffer_clear(&detail);
    return buffer_view(key);
}

static void put_note(struct engine_batch *batch, uint16_t alias, uint64_t node_id)
{
    struct buffer key = {0}, value = {0};

    wire_put_u64(&value, node_id);
    engine_batch_put(batch, note_key(&key, alias), buffer_view(&value));
    buffer_clear(&key);
    buffer_clear(&value);
}

enum status aliases_take_over(struct engine_batch *batch, struct bytes list, uint64_t node_id)
{
    bool has_self = false;
    uint32_t count = 0;

    for (; list.size >= sizeof node_id && count < ALIAS_COUNT_MAX; count++) {
        uint64_t listed = wire_take_u64(&list);

        has_self |= listed == node_id;
        put_note(batch, (uint16_t)count, listed);
    }
    if (!has_self && count < ALIAS_COUNT_MAX) {
        put_note(batch, (uint16_t)count, node_id);
        has_self = true;
    }
    return has_self && list.size == 0 ? STATUS_OK : STATUS_CORRUPT;
}

/* If the commit fails, so did every other one that could have brought a record with this alias: the
 * next that does notes it anew. */
static void finish_note(void *context, bool is_failed)
{
    struct alias *alias = context;

    if (is_failed)
        alias->is_noted = false;
}

static void note(struct txn *txn, uint16_t number, struct alias *alias)
{
    struct buffer key = {0}, value = {0};

    wire_put_u64(&value, atomic_load(&alias->node_id));
    order_note(&txn_store(txn)->order, note_key(&key, number), buffer_view(&value));
    alias->is_noted = true;
    txn_add_undo(txn, finish_note, alias);
    buffer_clear(&key);
    buffer_clear(&value);
}

enum status aliases_for(struct aliases *aliases, struct txn *txn, uint64_t node_id, uint16_t *alias)
{
    uint32_t found = find(aliases, node_id);

    if (found == ALIAS_COUNT_MAX)
        return STATUS_CANNOT_PERSIST;
    if (found == aliases->count) {
        atomic_store_explicit(&aliases->alias[found].node_id, node_id, memory_order_release);
        aliases->count++;
    }
    if (!aliases->alias[found].is_noted)
        note(txn, (uint16_t)found, &aliases->alias[found]);
    *alias = (uint16_t)found;
    return STATUS_OK;
}
