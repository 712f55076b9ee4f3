/* Counting suspect leaves, and checkpoints: what the commit thread does between two groups. */
#include <stdlib.h>

#include "base/wire.h"
#include "store/digest_internal.h"
#include "store/keyspace.h"
#include "store/store_internal.h"

/* A stride ends with the leaf in which it exceeds one of these (S3). */
#define STRIDE_RECORDS_MAX 8192
#define STRIDE_US_MAX      1500
#define STRIDE_PASSED_MAX  65536 /* leaves that it may look at to find a suspect */

/* A checkpoint is made when so many leaves are marked, or so much time has passed. */
#define CHECKPOINT_MARKS     4096
#define CHECKPOINT_PERIOD_US (60 * 1000000LL)
#define CHECKPOINT_STRIDE    512 /* leaves written at a time */

/* S10: so long after a page, and so long in all. */
#define GIVE_WAY_US     (200 * 1000LL)
#define GIVE_WAY_US_MAX (10 * 1000000LL)

/* ---------- suspects ---------- */

static void end_pass(struct digest_table *table)
{
    table->cursor.size = 0;
    if (table->is_pass_clean)
        table->may_have_suspects = false;
    table->is_pass_clean = true;
}

/* The next suspect of a pass, NULL if none is near. */
static struct leaf *next_suspect(struct digest_table *table)
{
    struct leaf *leaf = leaves_find(table->leaves, buffer_view(&table->cursor));

    for (size_t i = 0; i < STRIDE_PASSED_MAX && leaf != NULL && !leaf->is_suspect; i++)
        leaf = leaves_next(table->leaves, leaf);
    if (leaf == NULL) {
        end_pass(table);
        return NULL;
    }
    table->cursor.size = 0;
    buffer_append_bytes(&table->cursor, leaf->boundary);
    if (!leaf->is_suspect)
        return NULL;
    table->is_pass_clean = false;
    return leaf;
}

static struct digest_table *suspect_table(struct store_digest *digest)
{
    for (size_t i = 0; i < digest->table_count; i++)
        if (digest->tables[i]->may_have_suspects)
            return digest->tables[i];
    return NULL;
}

/* ---------- one leaf ---------- */

/* Nothing is stored under the key that began the leaf (its split was not committed): it is part of
 * the one before it, which is suspect then. */
static enum status give_up_leaf(struct store_digest *digest, struct digest_table *table,
                                struct leaf *leaf)
{
    struct leaf *lower = leaves_previous(table->leaves, leaf);
    struct buffer boundary = {0};
    enum status status;

    buffer_append_bytes(&boundary, leaf->boundary);
    engine_batch_clear(digest->batch);
    digest_delete_row(digest, digest->batch, KEYSPACE_SUM, table, buffer_view(&boundary));
    digest_delete_row(digest, digest->batch, KEYSPACE_DIRTY, table, buffer_view(&boundary));
    digest_put_mark(digest, digest->batch, table, lower->boundary);
    status = engine_write(digest->engine, digest->batch, false);
    if (status == STATUS_OK) {
        lower = leaves_join(table->leaves, buffer_view(&boundary));
        lower->is_marked = true;
        digest_suspect(digest, table, lower);
    }
    engine_batch_clear(digest->batch);
    buffer_clear(&boundary);
    return status;
}

/* The leaf is known now; what lies behind a boundary inside of it is one of its own, and suspect.
 */
static struct leaf *settle_leaf(struct store_digest *digest, struct digest_table *table,
                                struct leaf *leaf, const struct digest_count *count)
{
    leaf->digest = count->digest;
    leaf->is_suspect = leaf->is_marked = false;
    digest_put_sum(digest, digest->batch, table, leaf);
    digest_delete_row(digest, digest->batch, KEYSPACE_DIRTY, table, leaf->boundary);
    if (!count->is_at_boundary)
        return leaves_next(table->leaves, leaf);
    leaf = leaves_split(table->leaves, count->boundary);
    digest_suspect(digest, table, leaf);
    leaf->is_marked = true;
    digest_put_mark(digest, digest->batch, table, leaf->boundary);
    return leaf;
}

static struct digest_count count_of(const struct digest_table *table, const struct leaf *leaf)
{
    const struct leaf *next = leaves_next(table->leaves, leaf);

    return (struct digest_count){.from = leaf->boundary,
                                 .to = next != NULL ? next->boundary : (struct bytes){NULL, 0},
                                 .stops_at_boundary = true};
}

/* ---------- a stride ---------- */

struct stride {
    struct digest_table *table;
    struct engine_iterator *iterator;
    size_t records, leaves;
    uint64_t own_max;
    int64_t until_us;
};

static bool is_long(const struct store_digest *digest, const struct stride *stride)
{
    return stride->records >= STRIDE_RECORDS_MAX ||
           clock_monotonic_us(digest->clock) >= stride->until_us;
}

/* Counts from the leaf on as long as leaves are suspect; the iterator stands where each begins. */
static enum status count_leaves(struct store_digest *digest, struct stride *stride,
                                struct leaf *leaf)
{
    engine_iterator_seek(stride->iterator,
                         keyspace_record(&digest->key, stride->table->number, leaf->boundary));
    while (leaf != NULL && leaf->is_suspect && !is_long(digest, stride)) {
        struct digest_count count = count_of(stride->table, leaf);
        enum status status = digest_count_range(digest, stride->iterator, stride->table, &count);

        if (status != STATUS_OK)
            return status;
        if (leaf->boundary.size > 0 && !count.has_first)
            return stride->leaves > 0 ? STATUS_OK : give_up_leaf(digest, stride->table, leaf);
        stride->records += count.records;
        stride->leaves++;
        if (count.own_max > stride->own_max)
            stride->own_max = count.own_max;
        leaf = settle_leaf(digest, stride->table, leaf, &count);
    }
    return STATUS_OK;
}

/* What a stride has gone through is as unknown as it was. */
static void doubt_stride(struct store_digest *digest, const struct stride *stride,
                         struct bytes from)
{
    struct leaf *leaf = leaves_find(stride->table->leaves, from);

    for (size_t i = 0; i <= stride->leaves && leaf != NULL; i++) {
        digest_suspect(digest, stride->table, leaf);
        leaf->is_marked = false;
        leaf = leaves_next(stride->table->leaves, leaf);
    }
}

/* What was found is committed, whether or not its sums will be. */
static void raise_own(struct store_digest *digest, uint64_t own_max)
{
    if (own_max > atomic_load(&digest->last_own))
        atomic_store(&digest->last_own, own_max);
    if (own_max > digest->own_held)
        digest->own_held = own_max;
}

/* A failure to read is tried again: what was counted before it holds. */
static enum status count_stride(struct store_digest *digest, struct digest_table *table,
                                bool *is_more)
{
    struct stride stride = {.table = table,
                            .until_us = clock_monotonic_us(digest->clock) + STRIDE_US_MAX};
    struct leaf *leaf = next_suspect(table);
    struct buffer from = {0};
    enum status status;

    *is_more = true;
    if (leaf == NULL)
        return STATUS_OK;
    buffer_append_bytes(&from, leaf->boundary);
    engine_batch_clear(digest->batch);
    stride.iterator = engine_iterate(digest->engine);
    *is_more = count_leaves(digest, &stride, leaf) == STATUS_OK;
    engine_iterator_destroy(stride.iterator);
    raise_own(digest, stride.own_max);
    digest_put_own(digest, digest->batch);
    status = engine_write(digest->engine, digest->batch, false);
    if (status == STATUS_OK)
        digest_own_is_noted(digest);
    else
        doubt_stride(digest, &stride, buffer_view(&from));
    buffer_clear(&from);
    return status;
}

/* ---------- checkpoints ---------- */

/* Calls each() for up to CHECKPOINT_STRIDE of the marks, from the first that is not done yet, whose
 * leaves are known; returns where the next ones begin. */
static size_t each_mark(struct store_digest *digest, int64_t *count,
                        void (*each)(struct store_digest *digest, struct digest_table *table,
                                     struct leaf *leaf))
{
    struct bytes rest = {digest->marks.data + digest->marks_done,
                         digest->marks_until - digest->marks_done};

    for (*count = 0; *count < CHECKPOINT_STRIDE && rest.size > 0; ++*count) {
        uint32_t number = wire_take_u32(&rest);
        struct digest_table *table = digest_find_table(digest, number);
        struct bytes boundary;
        struct leaf *leaf;

        if (!wire_read_bytes(&rest, &boundary) || table == NULL)
            continue;
        leaf = leaves_find(table->leaves, boundary);
        if (leaf->is_marked && !leaf->is_suspect && bytes_equal(leaf->boundary, boundary))
            each(digest, table, leaf);
    }
    return digest->marks_until - rest.size;
}

static void put_leaf(struct store_digest *digest, struct digest_table *table, struct leaf *leaf)
{
    digest_put_sum(digest, digest->batch, table, leaf);
    digest_delete_row(digest, digest->batch, KEYSPACE_DIRTY, table, leaf->boundary);
}

static void unmark_leaf(struct store_digest *digest, struct digest_table *table, struct leaf *leaf)
{
    (void)digest;
    (void)table;
    leaf->is_marked = false;
}

static bool is_checkpoint_under_way(const struct store_digest *digest)
{
    return digest->marks_until > digest->marks_done;
}

static enum status checkpoint_stride(struct store_digest *digest)
{
    enum status status;
    int64_t count;
    size_t done;

    engine_batch_clear(digest->batch);
    (void)each_mark(digest, &count, put_leaf);
    digest_put_own(digest, digest->batch);
    status = engine_write(digest->engine, digest->batch, false);
    if (status != STATUS_OK)
        return status;
    digest_own_is_noted(digest);
    done = each_mark(digest, &count, unmark_leaf);
    digest->mark_count -= count;
    digest->marks_done = done;
    if (!is_checkpoint_under_way(digest)) {
        buffer_consume(&digest->marks, done);
        digest->marks_done = digest->marks_until = 0;
    }
    return STATUS_OK;
}

static void begin_checkpoint(struct store_digest *digest)
{
    digest->marks_until = digest->marks.size;
    digest->checkpoint_us = clock_monotonic_us(digest->clock);
}

static bool is_checkpoint_due(const struct store_digest *digest)
{
    return digest->mark_count >= CHECKPOINT_MARKS ||
           (digest->mark_count > 0 &&
            clock_monotonic_us(digest->clock) - digest->checkpoint_us >= CHECKPOINT_PERIOD_US);
}

static enum status checkpoint(struct store_digest *digest, bool *is_more)
{
    enum status status;

    if (!is_checkpoint_under_way(digest) && is_checkpoint_due(digest))
        begin_checkpoint(digest);
    if (!is_checkpoint_under_way(digest))
        return digest_scrub(digest);
    status = checkpoint_stride(digest);
    *is_more = is_checkpoint_under_way(digest);
    return status;
}

/* ---------- the commit thread's calls ---------- */

/* S8: what is stored is trusted by nobody from here on, and only then not kept true any more. */
static enum status rest(struct store_digest *digest)
{
    enum status status;

    engine_batch_clear(digest->batch);
    digest_disown(digest->batch);
    status = engine_write(digest->engine, digest->batch, false);
    if (status != STATUS_OK)
        return status;
    digest_suspect_everything(digest);
    digest->marks.size = digest->marks_done = digest->marks_until = 0;
    digest->mark_count = 0;
    digest->is_resting = true;
    return STATUS_OK;
}

static enum status wake_up(struct store_digest *digest)
{
    enum status status = digest_forget_all(digest);

    digest->is_resting = status != STATUS_OK;
    return status;
}

void digest_give_way(struct store_digest *digest)
{
    int64_t now_us = clock_monotonic_us(digest->clock);
    int64_t before_us = atomic_load_explicit(&digest->page_us, memory_order_relaxed);

    if (before_us == 0 || now_us - before_us >= GIVE_WAY_US)
        atomic_store_explicit(&digest->pages_since_us, now_us, memory_order_relaxed);
    atomic_store_explicit(&digest->page_us, now_us, memory_order_relaxed);
}

/* S10 */
static bool gives_way(const struct store_digest *digest)
{
    int64_t page_us = atomic_load_explicit(&digest->page_us, memory_order_relaxed);
    int64_t since_us = atomic_load_explicit(&digest->pages_since_us, memory_order_relaxed);
    int64_t now_us = clock_monotonic_us(digest->clock);

    return page_us != 0 && now_us - page_us < GIVE_WAY_US && now_us - since_us < GIVE_WAY_US_MAX;
}

static enum status work(struct store_digest *digest, bool *is_more)
{
    bool is_wanted = atomic_load_explicit(&digest->is_wanted, memory_order_relaxed);
    struct digest_table *table;

    if (is_wanted == digest->is_resting) {
        *is_more = true;
        return is_wanted ? wake_up(digest) : rest(digest);
    }
    if (digest->is_resting || atomic_load(&digest->store->is_loading))
        return STATUS_OK;
    if (atomic_load_explicit(&digest->is_ready, memory_order_relaxed))
        return checkpoint(digest, is_more);
    table = suspect_table(digest);
    if (table != NULL && gives_way(digest))
        return STATUS_OK;
    if (table != NULL)
        return count_stride(digest, table, is_more);
    atomic_store(&digest->is_ready, true);
    return checkpoint(digest, is_more);
}

enum status digest_work(struct store_digest *digest, bool *is_more)
{
    enum status status;

    *is_more = false;
    pthread_mutex_lock(&digest->mutex);
    status = work(digest, is_more);
    pthread_mutex_unlock(&digest->mutex);
    return status;
}

enum status digest_checkpoint(struct store_digest *digest)
{
    enum status status = STATUS_OK;

    pthread_mutex_lock(&digest->mutex);
    if (!digest->is_resting)
        begin_checkpoint(digest);
    while (status == STATUS_OK && is_checkpoint_under_way(digest))
        status = checkpoint_stride(digest);
    pthread_mutex_unlock(&digest->mutex);
    return status;
}

enum status digest_reload(struct store_digest *digest)
{
    enum status status;

    pthread_mutex_lock(&digest->mutex);
    status = digest_load(digest, true);
    if (status == STATUS_OK && digest->is_resting)
        status = rest(digest);
    else if (status == STATUS_OK)
        atomic_store(&digest->is_ready, suspect_table(digest) == NULL);
    pthread_mutex_unlock(&digest->mutex);
    return status;
}
