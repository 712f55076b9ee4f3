#include "store/transfer_salvage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json_text.h"
#include "base/memory.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"
#include "store/transfer_record.h"

/* Of one epoch: then what was found is written to the files, and the next rows are read. */
#define SLICE_ROWS  4096
#define SLICE_BYTES (1u << 20)

#define SALVAGE_PATH_MAX 4096

/* A file that has its name once it is complete. */
struct output {
    char path[SALVAGE_PATH_MAX], unfinished[SALVAGE_PATH_MAX];
    FILE *file;
    struct buffer lines;
};

struct salvage {
    struct store_thread *thread;
    struct transfer_reader reader;
    struct output live, deleted;
    uint64_t from;
    int64_t now_ms, count;
    char *title;            /* of the namespace at hand */
    struct buffer position; /* the stored key of the next row */
};

/* ---------- files ---------- */

static bool open_output(struct output *output, const char *path, const char *suffix)
{
    int length = snprintf(output->path, sizeof output->path, "%s%s", path, suffix);

    if (length < 0 || (size_t)length >= sizeof output->path ||
        snprintf(output->unfinished, sizeof output->unfinished, "%s.unfinished", output->path) >=
            (int)sizeof output->unfinished) {
        errno = ENAMETOOLONG;
        return false;
    }
    output->file = fopen(output->unfinished, "we");
    return output->file != NULL;
}

static bool write_lines(struct output *output)
{
    size_t size = output->lines.size;

    output->lines.size = 0;
    return size == 0 || fwrite(output->lines.data, 1, size, output->file) == size;
}

static bool finish_output(struct output *output)
{
    bool is_written = fflush(output->file) == 0 && fsync(fileno(output->file)) == 0;

    is_written &= fclose(output->file) == 0;
    output->file = NULL;
    return is_written;
}

/* What is not finished by now goes. */
static void clear_output(struct output *output)
{
    if (output->file != NULL)
        (void)fclose(output->file);
    if (output->unfinished[0] != '\0')
        (void)unlink(output->unfinished);
    buffer_clear(&output->lines);
}

/* ---------- lines ---------- */

static void put_name(struct salvage *salvage, struct buffer *out, struct bytes key)
{
    buffer_append_text(out, "{\"namespace\":");
    json_text_string(out, bytes_of(salvage->title));
    buffer_append_text(out, ",\"key\":");
    if (bytes_is_utf8(key)) {
        json_text_string(out, key);
    } else {
        json_text_base64(out, key);
        buffer_append_text(out, ",\"key_base64\":true");
    }
}

static void put_value(struct buffer *out, struct bytes value)
{
    buffer_append_text(out, ",\"value\":");
    if (bytes_is_utf8(value)) {
        json_text_string(out, value);
    } else {
        json_text_base64(out, value);
        buffer_append_text(out, ",\"base64\":true");
    }
}

static void put_live(struct salvage *salvage, const struct wire_record *record)
{
    struct buffer *out = &salvage->live.lines;

    put_name(salvage, out, record->key);
    put_value(out, record->value);
    if (record->meta.size > 0) {
        buffer_append_text(out, ",\"metadata\":");
        json_text_raw(out, record->meta);
    }
    if (record->expiry_ms != EXPIRY_NONE)
        buffer_printf(out, ",\"expiration\":%lld",
                      (long long)(record->expiry_ms / 1000 + (record->expiry_ms % 1000 > 0)));
    buffer_append_text(out, "}\n");
    salvage->count++;
}

static void put_deleted(struct salvage *salvage, struct bytes key)
{
    put_name(salvage, &salvage->deleted.lines, key);
    buffer_append_text(&salvage->deleted.lines, ",\"deleted\":true}\n");
    salvage->count++;
}

/* ---------- rows ---------- */

static enum status salvage_row(struct salvage *salvage, const struct ns *ns, uint32_t number,
                               struct bytes key, struct bytes stored)
{
    struct record_view view;
    struct wire_record record;
    enum status status = record_decode(stored, &view);

    if (status != STATUS_OK ||
        view.header.origin != aliases_self(salvage->thread->store->aliases) ||
        view.header.stamp <= salvage->from)
        return status;
    if (view.header.kind == ENTRY_TOMBSTONE)
        put_deleted(salvage, key);
    if (!header_is_live(&view.header, salvage->now_ms))
        return STATUS_OK;
    status = transfer_view(&salvage->reader, ns, number, key, stored, &record);
    if (status == STATUS_OK)
        put_live(salvage, &record);
    return status;
}

static bool is_slice_full(const struct salvage *salvage, int rows)
{
    return rows >= SLICE_ROWS ||
           salvage->live.lines.size + salvage->deleted.lines.size >= SLICE_BYTES;
}

/* Inside an epoch: rows from the position on, which moves behind them.  A long value that is
 * overwritten meanwhile ends the slice, and is met again in the next. */
static enum status salvage_rows(struct salvage *salvage, const struct ns *ns, uint32_t number,
                                bool *is_end)
{
    struct engine_iterator *iterator = engine_iterate(salvage->thread->store->engine);
    enum status status = STATUS_OK;
    struct bytes key;
    int rows = 0;

    engine_iterator_seek(iterator, buffer_view(&salvage->position));
    while (status == STATUS_OK && !is_slice_full(salvage, rows) &&
           engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key)) {
        keyspace_record(&salvage->position, number, key);
        status = salvage_row(salvage, ns, number, key, engine_iterator_value(iterator));
        if (status == STATUS_OK)
            buffer_append_byte(&salvage->position, '\0'); /* the least key behind it */
        engine_iterator_next(iterator);
        rows++;
    }
    *is_end = status == STATUS_OK && !is_slice_full(salvage, rows);
    if (status == STATUS_OK || status == STATUS_NOT_FOUND)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    return status;
}

static enum status salvage_slice(struct salvage *salvage, const struct ns *ns, uint32_t number,
                                 bool *is_end)
{
    enum status status;

    if (!transfer_enter(salvage->thread))
        return STATUS_PARKED;
    status = salvage_rows(salvage, ns, number, is_end);
    epoch_exit(salvage->thread->epoch);
    if (status == STATUS_OK && (!write_lines(&salvage->live) || !write_lines(&salvage->deleted)))
        status = STATUS_IO;
    return status;
}

static enum status salvage_namespace(struct salvage *salvage, const struct ns *ns)
{
    uint32_t number = atomic_load_explicit(&ns->number, memory_order_acquire);
    enum status status = STATUS_OK;
    bool is_end = false;

    keyspace_record(&salvage->position, number, (struct bytes){"", 0});
    salvage->title = ns_take_title(salvage->thread->store->registry, ns);
    while (status == STATUS_OK && !is_end)
        status = salvage_slice(salvage, ns, number, &is_end);
    free(salvage->title);
    return status;
}

static enum status salvage_all(struct salvage *salvage)
{
    struct registry *registry = salvage->thread->store->registry;
    struct ns *ns = registry_by_number(registry, NS_REGISTRY), *next;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && ns != NULL) {
        next = registry_next(registry, (struct bytes){(const char *)ns->id, NS_ID_SIZE});
        ns_release(ns);
        ns = next;
        if (ns != NULL)
            status = salvage_namespace(salvage, ns);
    }
    ns_release(ns);
    return status;
}

/* The deletes first: who finds the other file has both. */
static enum status finish_files(struct salvage *salvage)
{
    if (!finish_output(&salvage->deleted) || !finish_output(&salvage->live) ||
        rename(salvage->deleted.unfinished, salvage->deleted.path) != 0 ||
        rename(salvage->live.unfinished, salvage->live.path) != 0)
        return STATUS_IO;
    return STATUS_OK;
}

static void explain(enum status status, int cause, const char *path, char error[STORE_ERROR_MAX])
{
    if (status == STATUS_PARKED)
        (void)snprintf(error, STORE_ERROR_MAX, "the store can't be read at the moment; try again");
    else if (status == STATUS_IO && cause != 0)
        (void)snprintf(error, STORE_ERROR_MAX, "can't write %s: %s", path, strerror(cause));
    else
        (void)snprintf(error, STORE_ERROR_MAX, "the store can't be read; see the log");
}

enum status transfer_salvage(struct store_thread *thread, uint64_t from, const char *path,
                             int64_t *count, char error[STORE_ERROR_MAX])
{
    struct salvage *salvage = xcalloc(1, sizeof *salvage);
    enum status status = STATUS_OK;

    salvage->thread = salvage->reader.thread = thread;
    salvage->from = from;
    salvage->now_ms = clock_wall_ms(thread->store->clock);
    errno = 0;
    if (!open_output(&salvage->live, path, "") || !open_output(&salvage->deleted, path, ".deleted"))
        status = STATUS_IO;
    if (status == STATUS_OK)
        status = salvage_all(salvage);
    if (status == STATUS_OK)
        status = finish_files(salvage);
    if (status == STATUS_OK)
        *count = salvage->count;
    else
        explain(status, errno, path, error);
    clear_output(&salvage->live);
    clear_output(&salvage->deleted);
    transfer_reader_clear(&salvage->reader);
    buffer_clear(&salvage->position);
    free(salvage);
    return status;
}
