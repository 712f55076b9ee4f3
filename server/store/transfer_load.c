#include "store/transfer_load.h"

#include <stdlib.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/wire.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/rows.h"
#include "store/store_internal.h"
#include "store/tables.h"
#include "store/takeover.h"
#include "store/transfer_stream.h"
#include "store/txn_internal.h"

struct transfer_load {
    struct store_thread *thread;
    struct store *store;
    struct txn *txn;
    enum status status;    /* the failure that ended it */
    int64_t failures;      /* of commits, when it began */
    struct tables *tables; /* NULL: no head has come yet */
    uint64_t newest_stamp; /* as the head says */
    uint32_t crc_expected; /* of all rows: it says that, too */
    uint32_t crc;          /* of those that came */
    struct buffer aliases;
    bool is_begun, is_complete, is_taken_over;
    struct buffer key;
};

static struct bytes mark_key(struct buffer *key)
{
    return keyspace_local(key, NOTE_LOADING, (struct bytes){"", 0});
}

/* ---------- the order ---------- */

/* STATUS_PARKED and STATUS_CANNOT_PERSIST as order_enter(). */
static enum status enter(struct transfer_load *load)
{
    txn_reset(load->txn, clock_wall_ms(load->store->clock));
    return txn_enter(load->txn);
}

/* Leaves the order, and waits until what was put into the open group is on disk. */
static enum status commit(struct transfer_load *load)
{
    uint64_t group = order_request_sync(&load->store->order), depends_on = 0;
    int64_t wait_ms;
    enum status status = txn_commit(load->txn, &depends_on, &wait_ms);

    if (status != STATUS_OK)
        return status;
    store_end_turn(load->thread);
    return order_wait(&load->store->order, group, load->failures);
}

/* O1. */
static enum status begin(struct transfer_load *load)
{
    enum status status;

    load->failures = order_failures(&load->store->order);
    status = enter(load);
    if (status != STATUS_OK)
        return status;
    atomic_store(&load->store->is_loading, true);
    order_note(&load->store->order, mark_key(&load->key), (struct bytes){"", 0});
    status = commit(load);
    load->is_begun = status == STATUS_OK;
    return status;
}

/* The commit that makes it an ordinary store. */
static enum status end(struct transfer_load *load)
{
    struct order *order = &load->store->order;
    enum status status = enter(load);

    if (status != STATUS_OK)
        return status;
    hlc_observe(&order->hlc, load->newest_stamp);
    if (load->newest_stamp > order->open->stamp_max)
        order->open->stamp_max = load->newest_stamp;
    order_note_deleted(order, mark_key(&load->key));
    status = commit(load);
    if (status == STATUS_OK)
        atomic_store(&load->store->is_loading, false);
    return status;
}

/* ---------- pieces ---------- */

/* O2. */
static enum status take_head(struct transfer_load *load, struct bytes head)
{
    uint64_t newest_stamp, sequence;
    uint8_t format;

    if (!wire_read_u8(&head, &format) || format != STREAM_FORMAT ||
        !wire_read_u64(&head, &newest_stamp) || !wire_read_u64(&head, &sequence) ||
        !wire_read_u32(&head, &load->crc_expected))
        return STATUS_CORRUPT;
    tables_destroy(load->tables);
    load->tables = engine_create_tables(load->store->engine, sequence);
    load->newest_stamp = newest_stamp;
    load->crc = 0;
    load->aliases.size = 0;
    buffer_append_bytes(&load->aliases, head);
    load->is_complete = false;
    return STATUS_OK;
}

static bool take_row(struct bytes *rest, struct bytes *key, struct bytes *value, bool *is_deleted)
{
    uint32_t key_size, value_size;

    if (!wire_read_u32(rest, &key_size) || !wire_read_u32(rest, &value_size))
        return false;
    *is_deleted = value_size == ROW_DELETED;
    value_size = *is_deleted ? 0 : value_size;
    if (key_size > rest->size || value_size > rest->size - key_size)
        return false;
    *key = wire_take(rest, key_size);
    *value = wire_take(rest, value_size);
    return true;
}

static enum status take_rows(struct transfer_load *load, struct bytes rows)
{
    enum status status = STATUS_OK;
    struct bytes key, value;
    bool is_deleted;

    load->crc = crc32c_extend(load->crc, rows);
    while (rows.size > 0 && status == STATUS_OK) {
        if (!take_row(&rows, &key, &value, &is_deleted))
            return STATUS_CORRUPT;
        status = tables_put(load->tables, key, value, is_deleted);
    }
    return status;
}

static enum status take_file(struct transfer_load *load, struct bytes file)
{
    struct bytes smallest, largest;
    uint64_t size;
    uint8_t level;

    if (!wire_read_u8(&file, &level) || !wire_read_u64(&file, &size) ||
        !wire_read_bytes(&file, &smallest) || !wire_read_bytes(&file, &largest) || file.size > 0)
        return STATUS_CORRUPT;
    return tables_begin_file(load->tables, level, size, smallest, largest);
}

static enum status take_end(struct transfer_load *load)
{
    enum status status =
        load->crc == load->crc_expected ? tables_finish(load->tables) : STATUS_CORRUPT;

    load->is_complete = status == STATUS_OK;
    return status;
}

static enum status take_piece(struct transfer_load *load, uint8_t kind, struct bytes bytes)
{
    if (kind == STREAM_HEAD)
        return take_head(load, bytes);
    if (load->tables == NULL || load->is_complete)
        return STATUS_CORRUPT;
    switch (kind) {
    case STREAM_ROWS:
        return take_rows(load, bytes);
    case STREAM_FILE:
        return take_file(load, bytes);
    case STREAM_BYTES:
        return tables_add(load->tables, bytes);
    case STREAM_END:
        return take_end(load);
    default:
        return STATUS_CORRUPT;
    }
}

static enum status take_pieces(struct transfer_load *load, struct bytes page)
{
    enum status status = STATUS_OK;
    uint32_t size;
    uint8_t kind;

    while (page.size > 0 && status == STATUS_OK) {
        if (!wire_read_u8(&page, &kind) || !wire_read_u32(&page, &size) || size > page.size)
            return STATUS_CORRUPT;
        status = take_piece(load, kind, wire_take(&page, size));
    }
    return status;
}

/* ---------- the whole ---------- */

/* What will not be taken over need not fill the disk until the next start. */
static enum status settle(struct transfer_load *load, enum status status)
{
    if (status == STATUS_OK || status == STATUS_PARKED)
        return status;
    load->status = status;
    tables_destroy(load->tables);
    load->tables = NULL;
    return status;
}

enum status transfer_load_page(struct transfer_load *load, struct bytes page)
{
    enum status status = load->status;

    if (status == STATUS_OK && !load->is_begun)
        status = begin(load);
    if (status == STATUS_OK)
        status = take_pieces(load, page);
    return settle(load, status);
}

static enum status take_over(struct transfer_load *load)
{
    struct takeover takeover = {load->tables, buffer_view(&load->aliases), load->newest_stamp};
    enum status status = takeover_run(load->store, &takeover);

    load->is_taken_over = status == STATUS_OK;
    return status;
}

/* All is on disk before the mark leaves: once it is gone nobody knows that something is missing. */
enum status transfer_load_finish(struct transfer_load *load)
{
    enum status status = load->status;

    if (status == STATUS_OK && !load->is_begun)
        status = begin(load);
    if (status == STATUS_OK && load->is_complete && !load->is_taken_over)
        status = take_over(load);
    if (status == STATUS_OK)
        status = end(load);
    return settle(load, status);
}

struct transfer_load *transfer_load_begin(struct store_thread *thread)
{
    struct transfer_load *load = xcalloc(1, sizeof *load);

    load->thread = thread;
    load->store = thread->store;
    load->txn = txn_create(thread);
    txn_set_kind(load->txn, TXN_MERGE);
    return load;
}

void transfer_load_destroy(struct transfer_load *load)
{
    if (load == NULL)
        return;
    tables_destroy(load->tables);
    txn_destroy(load->txn);
    buffer_clear(&load->aliases);
    buffer_clear(&load->key);
    free(load);
}

/* ---------- the next start ---------- */

enum status transfer_wipe_half_loaded(struct engine *engine)
{
    struct buffer key = {0};
    struct bytes mark;
    enum status status = engine_get(engine, mark_key(&key), &mark);

    buffer_clear(&key);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    engine_free(mark);
    log_line(LOG_WARNING, "What was loaded from another replica is not complete; starting anew.");
    return engine_wipe(engine);
}
