#include "store/digest.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/process.h"
#include "base/wire.h"
#include "store/digest_internal.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/replica.h"
#include "store/store_internal.h"

/* From so many leaves on, sums are stored with the changes. */
#define DIRECT_LEAVES_MIN 65536

#define LIST_STRETCH 2048          /* leaves: some 100 us */
#define SUM_SIZE     24            /* two halves and the count */
#define FORGET_BATCH (1024 * 1024) /* bytes of deletions in one batch */

/* ---------- tables ---------- */

static size_t place_of(const struct store_digest *digest, uint32_t number)
{
    size_t from = 0, end = digest->table_count;

    while (from < end) {
        size_t middle = from + (end - from) / 2;

        if (digest->tables[middle]->number < number)
            from = middle + 1;
        else
            end = middle;
    }
    return from;
}

struct digest_table *digest_find_table(struct store_digest *digest, uint32_t number)
{
    size_t place;

    if (digest->last_table != NULL && digest->last_table->number == number)
        return digest->last_table;
    place = place_of(digest, number);
    if (place == digest->table_count || digest->tables[place]->number != number)
        return NULL;
    digest->last_table = digest->tables[place];
    return digest->last_table;
}

static struct digest_table *add_table(struct store_digest *digest, uint32_t number, struct bytes ns)
{
    struct digest_table *table = xcalloc(1, sizeof *table);
    size_t place = place_of(digest, number);

    table->number = number;
    memcpy(table->ns, ns.data, sizeof table->ns);
    table->leaves = leaves_create();
    digest->tables =
        xgrow(digest->tables, digest->table_count, &digest->table_capacity, sizeof *digest->tables);
    memmove(digest->tables + place + 1, digest->tables + place,
            (digest->table_count - place) * sizeof *digest->tables);
    digest->tables[place] = table;
    digest->table_count++;
    return table;
}

static void destroy_table(struct digest_table *table)
{
    leaves_destroy(table->leaves);
    buffer_clear(&table->cursor);
    free(table);
}

static void remove_table(struct store_digest *digest, size_t place)
{
    destroy_table(digest->tables[place]);
    digest->table_count--;
    memmove(digest->tables + place, digest->tables + place + 1,
            (digest->table_count - place) * sizeof *digest->tables);
    digest->last_table = NULL;
}

void digest_suspect(struct store_digest *digest, struct digest_table *table, struct leaf *leaf)
{
    atomic_store_explicit(&digest->is_ready, false, memory_order_relaxed);
    leaf->is_suspect = true;
    table->may_have_suspects = true;
    table->is_pass_clean = false;
}

/* ---------- rows ---------- */

void digest_put_sum(struct store_digest *digest, struct engine_batch *batch,
                    const struct digest_table *table, const struct leaf *leaf)
{
    digest->value.size = 0;
    wire_put_u64(&digest->value, leaf->digest.sum.low);
    wire_put_u64(&digest->value, leaf->digest.sum.high);
    wire_put_u64(&digest->value, leaf->digest.count);
    engine_batch_put(batch,
                     keyspace_leaf(&digest->key, KEYSPACE_SUM, table->number, leaf->boundary),
                     buffer_view(&digest->value));
}

void digest_put_mark(struct store_digest *digest, struct engine_batch *batch,
                     const struct digest_table *table, struct bytes boundary)
{
    engine_batch_put(batch, keyspace_leaf(&digest->key, KEYSPACE_DIRTY, table->number, boundary),
                     bytes_of(""));
}

void digest_delete_row(struct store_digest *digest, struct engine_batch *batch, char kind,
                       const struct digest_table *table, struct bytes boundary)
{
    engine_batch_delete(batch, keyspace_leaf(&digest->key, kind, table->number, boundary));
}

/* ---------- hashes ---------- */

struct hash128 digest_of_header(const struct store_digest *digest, struct hash128 key,
                                const struct record_header *header)
{
    struct digest_version version = {
        .stamp = header->stamp,
        .node_id = store_node_of_alias(digest->store, header->origin),
        .value_hash = header->value_hash,
        .expiry_ms = header->expiry_ms,
        .is_tombstone = header->kind == ENTRY_TOMBSTONE,
    };

    return digest_of_record(&digest->keys, key, &version);
}

static void raise_own(const struct store_digest *digest, uint64_t *own_max,
                      const struct record_header *header)
{
    if (header->origin == aliases_self(digest->store->aliases) && header->stamp > *own_max)
        *own_max = header->stamp;
}

enum status digest_count_range(struct store_digest *digest, struct engine_iterator *iterator,
                               const struct digest_table *table, struct digest_count *count)
{
    struct record_view record;
    struct hash128 hash;
    struct bytes key;

    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), table->number, &key);
         engine_iterator_next(iterator)) {
        if (count->to.data != NULL && bytes_compare(key, count->to) >= 0)
            break;
        hash = digest_of_key(&digest->keys, table->ns, key);
        if (bytes_equal(key, count->from)) {
            count->has_first = true;
        } else if (count->stops_at_boundary && digest_is_boundary(hash)) {
            count->is_at_boundary = true;
            count->boundary = key;
            break;
        }
        if (record_decode(engine_iterator_value(iterator), &record) != STATUS_OK)
            continue;
        digest_add(&count->digest, digest_of_header(digest, hash, &record.header));
        raise_own(digest, &count->own_max, &record.header);
        count->records++;
    }
    return engine_iterator_status(iterator);
}

/* ---------- what a batch changes ---------- */

static void flush_direct(struct store_digest *digest, struct engine_batch *batch)
{
    if (digest->direct != NULL)
        digest_put_sum(digest, batch, digest->direct_table, digest->direct);
    digest->direct = NULL;
}

static void remember_mark(struct store_digest *digest, const struct digest_table *table,
                          struct bytes boundary)
{
    wire_put_u32(&digest->marks, table->number);
    wire_put_bytes(&digest->marks, boundary);
    digest->mark_count++;
}

/* The leaf changes with this batch (S1). */
static void touch(struct store_digest *digest, struct engine_batch *batch,
                  struct digest_table *table, struct leaf *leaf)
{
    if (leaf->is_marked)
        return;
    if (leaf == digest->direct && leaf->is_suspect)
        digest->direct = NULL;
    if (!leaf->is_suspect && leaves_count(table->leaves) >= digest->direct_leaves_min) {
        if (leaf != digest->direct)
            flush_direct(digest, batch);
        digest->direct = leaf;
        digest->direct_table = table;
        digest->has_direct = true;
        return;
    }
    digest_put_mark(digest, batch, table, leaf->boundary);
    remember_mark(digest, table, leaf->boundary);
    leaf->is_marked = true;
}

/* What is stored from `key` on belongs to a leaf of its own now.  Changes come in order, so those
 * behind the key are not in the sums yet: it is what was stored before this batch. */
static bool count_upper(struct store_digest *digest, struct digest_table *table, struct bytes key,
                        struct bytes to, struct digest *upper)
{
    struct digest_count count = {.from = key, .to = to};
    enum status status;

    if (digest->iterator == NULL)
        digest->iterator = engine_iterate(digest->engine);
    engine_iterator_seek(digest->iterator, keyspace_record(&digest->key, table->number, key));
    status = digest_count_range(digest, digest->iterator, table, &count);
    if (status == STATUS_OK)
        *upper = count.digest;
    return status == STATUS_OK;
}

static struct bytes end_of(const struct digest_table *table, const struct leaf *leaf)
{
    const struct leaf *next = leaves_next(table->leaves, leaf);

    return next != NULL ? next->boundary : (struct bytes){NULL, 0};
}

/* A record is about to be stored under a key that begins a leaf. */
static void split(struct store_digest *digest, struct engine_batch *batch,
                  struct digest_table *table, struct bytes key)
{
    struct leaf *lower = leaves_find(table->leaves, key), *leaf;
    struct digest upper = {{0, 0}, 0};
    bool is_suspect;

    if (bytes_equal(lower->boundary, key)) {
        digest_suspect(digest, table, lower); /* there should be no leaf without a record */
        return;
    }
    if (!lower->is_suspect && !count_upper(digest, table, key, end_of(table, lower), &upper))
        digest_suspect(digest, table, lower);
    is_suspect = lower->is_suspect;
    digest_part(&lower->digest, &upper);
    touch(digest, batch, table, lower);
    flush_direct(digest, batch);
    leaf = leaves_split(table->leaves, key);
    leaf->digest = upper;
    if (is_suspect)
        digest_suspect(digest, table, leaf);
}

/* The record that began a leaf is gone. */
static void join(struct store_digest *digest, struct engine_batch *batch,
                 struct digest_table *table, struct bytes key)
{
    struct leaf *leaf = leaves_find(table->leaves, key), *lower;
    bool is_lower_marked;

    flush_direct(digest, batch);
    lower = leaves_previous(table->leaves, leaf);
    if (!bytes_equal(leaf->boundary, key) || lower == NULL) {
        digest_suspect(digest, table, leaf); /* its boundary was not counted yet */
        touch(digest, batch, table, leaf);
        return;
    }
    is_lower_marked = lower->is_marked;
    digest_delete_row(digest, batch, KEYSPACE_SUM, table, key);
    digest_delete_row(digest, batch, KEYSPACE_DIRTY, table, key);
    lower = leaves_join(table->leaves, key);
    lower->is_marked = is_lower_marked;
    if (lower->is_suspect)
        digest_suspect(digest, table, lower);
    touch(digest, batch, table, lower);
}

static void remember_change(struct store_digest *digest, const struct change *change)
{
    digest->changes = xgrow(digest->changes, digest->change_count, &digest->change_capacity,
                            sizeof *digest->changes);
    digest->changes[digest->change_count++] = change;
}

static bool begins_leaf(struct hash128 hash, struct bytes key)
{
    return digest_is_boundary(hash) && key.size > 0;
}

static void add_change(struct store_digest *digest, struct engine_batch *batch,
                       const struct change *change)
{
    const struct record_header *header = &change->entry->header;
    bool existed = change->old.stamp != 0, exists = header->kind != ENTRY_ABSENT;
    struct digest_table *table = digest_find_table(digest, change->entry->ns);
    struct bytes key = entry_key(change->entry);
    struct hash128 hash;
    struct leaf *leaf;

    if (table == NULL || table->is_dropped || (!existed && !exists))
        return; /* the keys of a number that is gone are purged (S6) */
    remember_change(digest, change);
    hash = digest_of_key(&digest->keys, table->ns, key);
    if (exists && !existed && begins_leaf(hash, key))
        split(digest, batch, table, key);
    leaf = leaves_find(table->leaves, key);
    if (!leaf->is_suspect && existed)
        digest_remove(&leaf->digest, digest_of_header(digest, hash, &change->old));
    if (!leaf->is_suspect && exists)
        digest_add(&leaf->digest, digest_of_header(digest, hash, header));
    touch(digest, batch, table, leaf);
    if (exists)
        raise_own(digest, &digest->own_max, header);
    if (existed && !exists && begins_leaf(hash, key))
        join(digest, batch, table, key);
}

/* ---------- namespaces come and go ---------- */

static bool read_number(struct bytes bytes, uint32_t *number)
{
    if (bytes.size != sizeof *number)
        return false;
    *number = wire_take_u32(&bytes);
    return true;
}

/* The rest of a note's key behind its name. */
static bool is_note(struct bytes key, const char *name, struct bytes *detail)
{
    size_t head = 1 + strlen(name);

    if (key.size < head || memcmp(key.data + 1, name, head - 1) != 0)
        return false;
    *detail = (struct bytes){key.data + head, key.size - head};
    return true;
}

static void follow_note(struct store_digest *digest, const struct note *note)
{
    struct digest_table *table;
    struct bytes detail;
    uint32_t number;

    if (note->value.data == NULL)
        return;
    if (is_note(note->key, NOTE_NUMBER, &detail) && detail.size == DIGEST_NS_SIZE &&
        read_number(note->value, &number) && digest_find_table(digest, number) == NULL) {
        add_table(digest, number, detail)->is_new = true;
        digest->has_table_changes = true;
    }
    if (is_note(note->key, NOTE_PURGE, &detail) && read_number(detail, &number) &&
        (table = digest_find_table(digest, number)) != NULL) {
        table->is_dropped = true;
        digest->has_table_changes = true;
    }
}

static void end_table_changes(struct store_digest *digest, bool is_committed)
{
    for (size_t i = digest->table_count; i > 0; i--) {
        struct digest_table *table = digest->tables[i - 1];
        bool is_gone = is_committed ? table->is_dropped : table->is_new;

        table->is_new = table->is_dropped = false;
        if (is_gone)
            remove_table(digest, i - 1);
    }
    digest->has_table_changes = false;
}

/* ---------- the batch ---------- */

static void put_own(struct store_digest *digest, struct engine_batch *batch, uint64_t own)
{
    if (own <= digest->own_noted)
        return;
    digest->value.size = 0;
    wire_put_u64(&digest->value, own);
    engine_batch_put(batch, keyspace_local(&digest->key, NOTE_OWN, bytes_of("")),
                     buffer_view(&digest->value));
}

void digest_put_own(struct store_digest *digest, struct engine_batch *batch)
{
    put_own(digest, batch, digest->own_held);
}

void digest_own_is_noted(struct store_digest *digest)
{
    digest->own_noted = digest->own_held;
}

void digest_add_group(struct store_digest *digest, struct engine_batch *batch,
                      const struct group *group, const struct change *const *changes)
{
    pthread_mutex_lock(&digest->mutex);
    digest->own_max = 0;
    digest->has_direct = false;
    for (size_t i = 0; i < group->note_count; i++)
        follow_note(digest, &group->notes[i]);
    for (size_t i = 0; i < group->change_count && !digest->is_resting; i++)
        add_change(digest, batch, changes[i]);
    flush_direct(digest, batch);
    if (digest->has_direct)
        put_own(digest, batch,
                digest->own_max > digest->own_held ? digest->own_max : digest->own_held);
}

/* A change that was not stored: its leaf, and the one before it if the key begins one, are counted
 * anew; what they were joined from is there again (S4, S7).  That a leaf is not marked means that
 * the next change will mark it. */
static void doubt(struct store_digest *digest, const struct change *change)
{
    struct digest_table *table = digest_find_table(digest, change->entry->ns);
    struct bytes key = entry_key(change->entry);
    struct leaf *leaf, *lower;

    if (table == NULL)
        return;
    if (change->old.stamp != 0 && begins_leaf(digest_of_key(&digest->keys, table->ns, key), key))
        leaf = leaves_split(table->leaves, key);
    else
        leaf = leaves_find(table->leaves, key);
    digest_suspect(digest, table, leaf);
    leaf->is_marked = false;
    lower = leaves_previous(table->leaves, leaf);
    if (lower != NULL && bytes_equal(leaf->boundary, key)) {
        digest_suspect(digest, table, lower);
        lower->is_marked = false;
    }
}

void digest_end_batch(struct store_digest *digest, bool is_committed)
{
    engine_iterator_destroy(digest->iterator);
    digest->iterator = NULL;
    if (digest->has_table_changes)
        end_table_changes(digest, is_committed);
    if (is_committed && digest->own_max > digest->own_held)
        digest->own_held = digest->own_max;
    if (is_committed && digest->has_direct)
        digest_own_is_noted(digest);
    if (!is_committed) {
        for (size_t i = 0; i < digest->change_count; i++)
            doubt(digest, digest->changes[i]);
    }
    digest->change_count = 0;
    pthread_mutex_unlock(&digest->mutex);
}

/* ---------- opening ---------- */

static enum status load_tables(struct store_digest *digest)
{
    struct engine_iterator *iterator = engine_iterate(digest->engine);
    struct buffer prefix = {0};
    unsigned char registry[DIGEST_NS_SIZE];
    struct bytes detail;
    enum status status;
    uint32_t number;

    memset(registry, 0xff, sizeof registry);
    add_table(digest, NS_REGISTRY, (struct bytes){(char *)registry, sizeof registry});
    engine_iterator_seek(iterator, keyspace_local(&prefix, NOTE_NUMBER, bytes_of("")));
    for (; engine_iterator_is_valid(iterator) &&
           bytes_starts_with(engine_iterator_key(iterator), buffer_view(&prefix));
         engine_iterator_next(iterator))
        if (is_note(engine_iterator_key(iterator), NOTE_NUMBER, &detail) &&
            detail.size == DIGEST_NS_SIZE && read_number(engine_iterator_value(iterator), &number))
            add_table(digest, number, detail);
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&prefix);
    return status;
}

static void load_row(struct store_digest *digest, struct digest_table *table, char kind,
                     struct bytes boundary, struct bytes value)
{
    struct leaf *leaf = leaves_split(table->leaves, boundary);

    if (kind == KEYSPACE_DIRTY || value.size != SUM_SIZE) {
        digest_suspect(digest, table, leaf);
        leaf->is_marked = true;
        return;
    }
    leaf->digest.sum.low = wire_take_u64(&value);
    leaf->digest.sum.high = wire_take_u64(&value);
    leaf->digest.count = wire_take_u64(&value);
}

/* Rows of numbers that are gone wait to be purged. */
static enum status load_rows(struct store_digest *digest, char kind)
{
    struct engine_iterator *iterator = engine_iterate(digest->engine);
    struct bytes boundary;
    enum status status;
    uint32_t number;

    engine_iterator_seek(iterator, keyspace_namespace(&digest->key, kind, 0));
    while (engine_iterator_is_valid(iterator) &&
           keyspace_read_leaf(engine_iterator_key(iterator), kind, &number, &boundary)) {
        struct digest_table *table = digest_find_table(digest, number);

        if (table == NULL && number == UINT32_MAX)
            break;
        if (table == NULL) {
            engine_iterator_seek(iterator, keyspace_namespace(&digest->key, kind, number + 1));
            continue;
        }
        load_row(digest, table, kind, boundary, engine_iterator_value(iterator));
        engine_iterator_next(iterator);
    }
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    return status;
}

static enum status flush(struct store_digest *digest)
{
    enum status status = engine_write(digest->engine, digest->batch, false);

    engine_batch_clear(digest->batch);
    return status;
}

static enum status delete_rows(struct store_digest *digest, char kind)
{
    struct engine_iterator *iterator = engine_iterate(digest->engine);
    enum status status = STATUS_OK;
    struct bytes boundary;
    uint32_t number;

    engine_iterator_seek(iterator, keyspace_namespace(&digest->key, kind, 0));
    for (; status == STATUS_OK && engine_iterator_is_valid(iterator) &&
           keyspace_read_leaf(engine_iterator_key(iterator), kind, &number, &boundary);
         engine_iterator_next(iterator)) {
        engine_batch_delete(digest->batch, engine_iterator_key(iterator));
        if (engine_batch_size(digest->batch) > FORGET_BATCH)
            status = flush(digest);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    return status;
}

/* The note by which stored sums are trusted (S5). */
static struct bytes trust_note(const struct store_digest *digest, struct buffer *value)
{
    char boot[PROCESS_BOOT_ID_SIZE];

    process_boot_id(boot);
    value->size = 0;
    wire_put_u64(value, digest->keys.check);
    buffer_append_text(value, boot);
    return buffer_view(value);
}

static enum status is_trusted(struct store_digest *digest, bool is_clean, bool *trusted)
{
    struct bytes expected = trust_note(digest, &digest->value), stored;
    enum status status;

    *trusted = false;
    status = engine_get(digest->engine, keyspace_local(&digest->key, NOTE_DIGEST, bytes_of("")),
                        &stored);
    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    if (is_clean)
        *trusted = stored.size >= sizeof(uint64_t) &&
                   memcmp(stored.data, expected.data, sizeof(uint64_t)) == 0;
    else
        *trusted = bytes_equal(stored, expected);
    engine_free(stored);
    return STATUS_OK;
}

void digest_disown(struct engine_batch *batch)
{
    struct buffer key = {0};

    engine_batch_delete(batch, keyspace_local(&key, NOTE_DIGEST, bytes_of("")));
    buffer_clear(&key);
}

static enum status load_own(struct store_digest *digest)
{
    struct bytes stored, rest;
    enum status status =
        engine_get(digest->engine, keyspace_local(&digest->key, NOTE_OWN, bytes_of("")), &stored);

    if (status != STATUS_OK)
        return status == STATUS_NOT_FOUND ? STATUS_OK : status;
    rest = stored;
    if (rest.size == sizeof(uint64_t))
        digest->own_noted = wire_take_u64(&rest);
    digest->own_held = digest->own_noted;
    atomic_store(&digest->last_own, digest->own_noted);
    engine_free(stored);
    return STATUS_OK;
}

static void put_trust(struct store_digest *digest)
{
    engine_batch_put(digest->batch, keyspace_local(&digest->key, NOTE_DIGEST, bytes_of("")),
                     trust_note(digest, &digest->value));
}

void digest_suspect_everything(struct store_digest *digest)
{
    for (size_t i = 0; i < digest->table_count; i++) {
        struct digest_table *table = digest->tables[i];

        leaves_destroy(table->leaves);
        table->leaves = leaves_create();
        table->cursor.size = 0;
        digest_suspect(digest, table, leaves_find(table->leaves, bytes_of("")));
    }
}

/* While it is not certain that all rows are gone, the next start may trust none: and memory gives
 * up what it knows only when the disk has (S7). */
enum status digest_forget_all(struct store_digest *digest)
{
    enum status status;

    engine_batch_clear(digest->batch);
    digest_disown(digest->batch);
    status = flush(digest);
    if (status != STATUS_OK)
        return status;
    digest_suspect_everything(digest);
    status = delete_rows(digest, KEYSPACE_SUM);
    if (status == STATUS_OK)
        status = delete_rows(digest, KEYSPACE_DIRTY);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < digest->table_count; i++)
        digest_put_mark(digest, digest->batch, digest->tables[i], bytes_of(""));
    put_trust(digest);
    engine_batch_delete(digest->batch, keyspace_local(&digest->key, NOTE_OWN, bytes_of("")));
    status = flush(digest);
    if (status != STATUS_OK)
        return status;
    for (size_t i = 0; i < digest->table_count; i++)
        leaves_find(digest->tables[i]->leaves, bytes_of(""))->is_marked = true;
    digest->own_noted = 0;
    return STATUS_OK;
}

static enum status load_trusted(struct store_digest *digest)
{
    enum status status = load_rows(digest, KEYSPACE_SUM);

    if (status == STATUS_OK)
        status = load_rows(digest, KEYSPACE_DIRTY);
    if (status != STATUS_OK)
        return status;
    put_trust(digest);
    return flush(digest);
}

static void forget_tables(struct store_digest *digest)
{
    while (digest->table_count > 0)
        remove_table(digest, digest->table_count - 1);
    digest->marks.size = digest->marks_done = digest->marks_until = 0;
    digest->mark_count = 0;
    digest->own_held = digest->own_noted = 0;
    atomic_store(&digest->is_ready, false);
}

enum status digest_load(struct store_digest *digest, bool is_clean)
{
    bool trusted = false;
    enum status status;

    forget_tables(digest);
    status = load_tables(digest);
    if (status == STATUS_OK)
        status = is_trusted(digest, is_clean, &trusted);
    if (status == STATUS_OK)
        status = trusted ? load_trusted(digest) : digest_forget_all(digest);
    return status == STATUS_OK ? load_own(digest) : status;
}

enum status digest_open(struct store *store, struct bytes secret, bool is_clean,
                        struct store_digest **digest)
{
    struct store_digest *opened = xcalloc(1, sizeof *opened);
    enum status status;

    opened->store = store;
    opened->engine = store->engine;
    opened->clock = store->clock;
    opened->batch = engine_batch_create();
    opened->direct_leaves_min = DIRECT_LEAVES_MIN;
    opened->list_stretch = LIST_STRETCH;
    opened->checkpoint_us = clock_monotonic_us(store->clock);
    atomic_store(&opened->is_wanted, true);
    digest_keys_derive(&opened->keys, secret);
    pthread_mutex_init(&opened->mutex, NULL);
    status = digest_load(opened, is_clean);
    if (status != STATUS_OK) {
        digest_destroy(opened);
        return status;
    }
    *digest = opened;
    return STATUS_OK;
}

void digest_destroy(struct store_digest *digest)
{
    if (digest == NULL)
        return;
    for (size_t i = 0; i < digest->table_count; i++)
        destroy_table(digest->tables[i]);
    free(digest->tables);
    free(digest->changes);
    engine_batch_destroy(digest->batch);
    buffer_clear(&digest->key);
    buffer_clear(&digest->value);
    buffer_clear(&digest->marks);
    buffer_clear(&digest->scrub_key);
    pthread_mutex_destroy(&digest->mutex);
    free(digest);
}

void digest_set_wanted(struct store_digest *digest, bool is_wanted)
{
    atomic_store(&digest->is_wanted, is_wanted);
}

/* ---------- observation ---------- */

bool digest_is_ready(struct store_digest *digest)
{
    return atomic_load(&digest->is_ready);
}

uint64_t digest_last_own(struct store_digest *digest)
{
    return atomic_load(&digest->last_own);
}

const struct digest_keys *digest_keys_of(const struct store_digest *digest)
{
    return &digest->keys;
}

int64_t digest_dirty_leaves(struct store_digest *digest)
{
    return atomic_load(&digest->mark_count);
}

int64_t digest_mismatches(const struct store_digest *digest)
{
    return atomic_load(&digest->mismatches);
}

static int64_t count_bytes(const struct store_digest *digest)
{
    size_t bytes = sizeof *digest;

    bytes += digest->table_capacity * sizeof *digest->tables + digest->marks.capacity;
    for (size_t i = 0; i < digest->table_count; i++)
        bytes += sizeof *digest->tables[i] + leaves_bytes(digest->tables[i]->leaves);
    return (int64_t)bytes;
}

int64_t digest_bytes(struct store_digest *digest)
{
    if (pthread_mutex_trylock(&digest->mutex) == 0) {
        atomic_store(&digest->bytes_seen, count_bytes(digest));
        pthread_mutex_unlock(&digest->mutex);
    }
    return atomic_load(&digest->bytes_seen);
}
