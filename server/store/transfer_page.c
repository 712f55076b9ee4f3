#include "store/transfer_page.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/process.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/aliases.h"
#include "store/checkpoint.h"
#include "store/digest.h"
#include "store/replica.h"
#include "store/rows.h"
#include "store/run.h"
#include "store/store_internal.h"
#include "store/transfer_record.h"
#include "store/transfer_stream.h"

#define CURSOR_SIZE (3 * sizeof(uint64_t))

/* Bytes of a table are read so many at a time, then others get their turn. */
#define READ_SIZE ((size_t)128 << 10)

/* Room for a page is made at once, but not for any size that is asked for. */
#define RESERVED_MAX ((size_t)1 << 20)

/* A stream of what stood here at some moment. */
struct reading {
    uint64_t id; /* random: it is not known elsewhere */
    struct checkpoint *checkpoint;
    struct buffer head;
    int64_t used_us; /* monotonic */
    struct reading *next;
};

struct transfer_pages {
    struct store_thread *thread;
    struct reading *readings; /* the one used last first */
    size_t count;
    bool is_failure_told;
};

/* Where a page begins: the rows are part 0, the tables 1 and so on. */
struct place {
    uint64_t part;
    uint64_t offset; /* rows, or bytes */
};

/* ---------- readings ---------- */

static void forget(struct transfer_pages *pages, struct reading **link)
{
    struct reading *reading = *link;

    *link = reading->next;
    pages->count--;
    checkpoint_destroy(reading->checkpoint);
    buffer_clear(&reading->head);
    free(reading);
}

static struct reading **last_used(struct transfer_pages *pages)
{
    struct reading **link = &pages->readings;

    while ((*link)->next != NULL)
        link = &(*link)->next;
    return link;
}

static void add_first(struct transfer_pages *pages, struct reading *reading)
{
    reading->used_us = clock_monotonic_us(pages->thread->store->clock);
    reading->next = pages->readings;
    pages->readings = reading;
    pages->count++;
}

/* NULL: it is gone. */
static struct reading *find(struct transfer_pages *pages, uint64_t id)
{
    struct reading **link = &pages->readings, *reading;

    while (*link != NULL && (*link)->id != id)
        link = &(*link)->next;
    reading = *link;
    if (reading == NULL)
        return NULL;
    *link = reading->next;
    pages->count--;
    add_first(pages, reading);
    return reading;
}

static struct bytes row_bytes(const char *row)
{
    return (struct bytes){row, (size_t)(row_end(row) - row)};
}

static uint32_t crc_of_rows(const struct run *rows)
{
    uint32_t crc = 0;

    for (size_t i = 0; i < rows->count; i++)
        crc = crc32c_extend(crc, row_bytes(rows->rows[i]));
    return crc;
}

static void put_head(struct reading *reading, struct store *store)
{
    bool is_locked;

    buffer_append_byte(&reading->head, STREAM_FORMAT);
    wire_put_u64(&reading->head, store_clock(store));
    wire_put_u64(&reading->head, checkpoint_sequence(reading->checkpoint));
    wire_put_u32(&reading->head, crc_of_rows(checkpoint_rows(reading->checkpoint)));
    is_locked = order_lock(&store->order);
    aliases_list(store->aliases, &reading->head);
    order_unlock(&store->order, is_locked);
}

/* It is asked for again every few seconds. */
static void tell_once(struct transfer_pages *pages, enum status status)
{
    if (status != STATUS_OK && !pages->is_failure_told)
        log_line(LOG_WARNING, "A new node can't load from here: %s.",
                 status == STATUS_CORRUPT ? "one of LevelDB's logs is damaged"
                                          : "files of the database can't be read");
    pages->is_failure_told = status != STATUS_OK;
}

/* So that the new node need not count what is known here. */
static enum status store_sums(struct order *order, void *context)
{
    (void)context;
    return order->digest == NULL ? STATUS_OK : digest_checkpoint(order->digest);
}

/* The head is made when the checkpoint is: it names every alias, and is behind every stamp, that is
 * in there. */
static enum status begin(struct transfer_pages *pages, struct reading **begun)
{
    struct store_thread *thread = pages->thread;
    struct checkpoint *checkpoint;
    enum status status;

    (void)!order_run(&thread->store->order, store_sums, NULL);
    if (!transfer_enter(thread))
        return STATUS_PARKED;
    status = engine_checkpoint(thread->store->engine, &checkpoint);
    epoch_exit(thread->epoch);
    tell_once(pages, status);
    if (status != STATUS_OK)
        return status;
    if (pages->count == PAGES_READINGS_MAX)
        forget(pages, last_used(pages));
    *begun = xcalloc(1, sizeof **begun);
    (*begun)->id = random_secret_u64();
    (*begun)->checkpoint = checkpoint;
    put_head(*begun, thread->store);
    add_first(pages, *begun);
    return STATUS_OK;
}

/* ---------- pieces ---------- */

static void put_piece(struct buffer *blob, char kind, struct bytes bytes)
{
    buffer_append_byte(blob, kind);
    wire_put_u32(blob, (uint32_t)bytes.size);
    buffer_append_bytes(blob, bytes);
}

/* A piece that is appended byte by byte: its size is filled in at the end. */
static size_t begin_piece(struct buffer *blob, char kind)
{
    put_piece(blob, kind, (struct bytes){"", 0});
    return blob->size;
}

static void end_piece(struct buffer *blob, size_t begin)
{
    uint32_t size = htobe32((uint32_t)(blob->size - begin));

    memcpy(blob->data + begin - sizeof size, &size, sizeof size);
}

static void put_rows(const struct reading *reading, struct place *place, size_t size_max,
                     struct buffer *blob)
{
    const struct run *rows = checkpoint_rows(reading->checkpoint);
    size_t begin = begin_piece(blob, STREAM_ROWS);

    while (place->offset < rows->count && (blob->size == begin || blob->size < size_max)) {
        buffer_append_bytes(blob, row_bytes(rows->rows[place->offset++]));
    }
    end_piece(blob, begin);
    if (place->offset >= rows->count)
        *place = (struct place){1, 0};
}

static void put_file(const struct checkpoint_table *table, struct buffer *blob)
{
    size_t begin = begin_piece(blob, STREAM_FILE);

    buffer_append_byte(blob, (char)table->level);
    wire_put_u64(blob, table->size);
    wire_put_bytes(blob, table->smallest);
    wire_put_bytes(blob, table->largest);
    end_piece(blob, begin);
}

static enum status put_bytes(const struct checkpoint_table *table, struct place *place,
                             struct buffer *blob)
{
    uint64_t left = table->size - place->offset;
    size_t size = left < READ_SIZE ? (size_t)left : READ_SIZE;
    size_t begin = begin_piece(blob, STREAM_BYTES);
    ssize_t got = pread(table->file, buffer_reserve(blob, size), size, (off_t)place->offset);

    if (got <= 0)
        return STATUS_IO;
    blob->size += (size_t)got;
    end_piece(blob, begin);
    place->offset += (uint64_t)got;
    if (place->offset == table->size)
        *place = (struct place){place->part + 1, 0};
    process_give_way();
    return STATUS_OK;
}

static enum status put_table(const struct reading *reading, struct place *place,
                             struct buffer *blob)
{
    const struct checkpoint_table *table =
        checkpoint_table(reading->checkpoint, (size_t)place->part - 1);

    if (place->offset > table->size)
        return STATUS_IO;
    if (place->offset == 0)
        put_file(table, blob);
    return put_bytes(table, place, blob);
}

/* ---------- pages ---------- */

static enum status put_next(struct reading *reading, struct place *place, size_t size_max,
                            struct buffer *blob, bool *is_last)
{
    if (place->part == 0) {
        put_rows(reading, place, size_max, blob);
        return STATUS_OK;
    }
    if (place->offset == 0 && place->part == 1)
        checkpoint_drop_rows(reading->checkpoint);
    *is_last = place->part > checkpoint_table_count(reading->checkpoint);
    if (!*is_last)
        return put_table(reading, place, blob);
    put_piece(blob, STREAM_END, (struct bytes){"", 0});
    return STATUS_OK;
}

/* Rows that were sent are gone. */
static bool can_go_on(const struct reading *reading, const struct place *place)
{
    return reading != NULL && (place->part > 0 || checkpoint_rows(reading->checkpoint) != NULL);
}

/* Q2. */
static enum status choose(struct transfer_pages *pages, struct bytes cursor, struct place *place,
                          struct buffer *blob, struct reading **reading)
{
    enum status status;

    if (cursor.size == CURSOR_SIZE) {
        *reading = find(pages, wire_take_u64(&cursor));
        place->part = wire_take_u64(&cursor);
        place->offset = wire_take_u64(&cursor);
        if (can_go_on(*reading, place))
            return STATUS_OK;
    }
    *place = (struct place){0, 0};
    status = begin(pages, reading);
    if (status == STATUS_OK)
        put_piece(blob, STREAM_HEAD, buffer_view(&(*reading)->head));
    return status;
}

static void set_cursor(struct buffer *cursor, const struct reading *reading,
                       const struct place *place)
{
    cursor->size = 0;
    wire_put_u64(cursor, reading->id);
    wire_put_u64(cursor, place->part);
    wire_put_u64(cursor, place->offset);
}

enum status transfer_read_page(struct transfer_pages *pages, struct bytes cursor, size_t bytes_max,
                               struct buffer *blob, struct buffer *next, bool *is_last)
{
    size_t before = blob->size;
    struct reading *reading;
    struct place place;
    enum status status = choose(pages, cursor, &place, blob, &reading);

    *is_last = false;
    (void)buffer_reserve(blob, (bytes_max < RESERVED_MAX ? bytes_max : RESERVED_MAX) + READ_SIZE);
    while (status == STATUS_OK && !*is_last && blob->size - before < bytes_max)
        status = put_next(reading, &place, before + bytes_max, blob, is_last);
    if (status != STATUS_OK) {
        blob->size = before;
        return status;
    }
    if (pages->thread->store->digest != NULL)
        digest_give_way(pages->thread->store->digest);
    set_cursor(next, reading, &place);
    if (*is_last)
        forget(pages, &pages->readings);
    return STATUS_OK;
}

/* ---------- life ---------- */

struct transfer_pages *transfer_pages_create(struct store_thread *thread)
{
    struct transfer_pages *pages = xcalloc(1, sizeof *pages);

    pages->thread = thread;
    return pages;
}

void transfer_pages_destroy(struct transfer_pages *pages)
{
    if (pages == NULL)
        return;
    while (pages->readings != NULL)
        forget(pages, &pages->readings);
    free(pages);
}

bool transfer_pages_expire(struct transfer_pages *pages)
{
    int64_t now_us = clock_monotonic_us(pages->thread->store->clock);

    while (pages->readings != NULL &&
           now_us - (*last_used(pages))->used_us >= PAGES_IDLE_MS * 1000LL)
        forget(pages, last_used(pages));
    return pages->readings != NULL;
}
