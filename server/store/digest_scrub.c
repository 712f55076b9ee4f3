/* A leaf now and then is counted anew and compared with its sum: what keeps replicas equal is not
 * taken on trust for ever.  (Riak rebuilds its hash trees for the same reason.) */
#include "base/log.h"
#include "store/digest_internal.h"
#include "store/keyspace.h"

/* One leaf in so many microseconds: a tenth of a thousandth of a core, and a million keys in a
 * quarter of an hour. */
#define SCRUB_PERIOD_US 500000

/* The table at which the round is, or the next one; NULL at the end. */
static struct digest_table *scrubbed_table(struct store_digest *digest)
{
    for (size_t i = 0; i < digest->table_count; i++) {
        struct digest_table *table = digest->tables[i];

        if (table->number == digest->scrub_number)
            return table;
        if (table->number > digest->scrub_number) {
            digest->scrub_number = table->number;
            digest->scrub_key.size = 0;
            return table;
        }
    }
    return NULL;
}

static void move_on(struct store_digest *digest, const struct leaf *next)
{
    digest->scrub_key.size = 0;
    if (next != NULL)
        buffer_append_bytes(&digest->scrub_key, next->boundary);
    else
        digest->scrub_number++;
}

static bool is_as_counted(const struct leaf *leaf, const struct digest_count *count)
{
    return leaf->digest.sum.low == count->digest.sum.low &&
           leaf->digest.sum.high == count->digest.sum.high &&
           leaf->digest.count == count->digest.count;
}

/* Marked first: whatever happens before it is counted, its stored sum is trusted by nobody. */
static enum status doubt_leaf(struct store_digest *digest, struct digest_table *table,
                              struct leaf *leaf)
{
    enum status status;

    atomic_fetch_add(&digest->mismatches, 1);
    log_line(LOG_WARNING, "A digest did not fit what is stored; it is counted anew.  Replicas "
                          "compare by it: please report this.");
    engine_batch_clear(digest->batch);
    digest_put_mark(digest, digest->batch, table, leaf->boundary);
    status = engine_write(digest->engine, digest->batch, false);
    if (status != STATUS_OK)
        return status;
    leaf->is_marked = true;
    digest_suspect(digest, table, leaf);
    return STATUS_OK;
}

static enum status scrub_leaf(struct store_digest *digest, struct digest_table *table)
{
    struct leaf *leaf = leaves_find(table->leaves, buffer_view(&digest->scrub_key));
    struct leaf *next = leaves_next(table->leaves, leaf);
    struct digest_count count = {.from = leaf->boundary,
                                 .to = next != NULL ? next->boundary : (struct bytes){NULL, 0}};
    struct engine_iterator *iterator = engine_iterate(digest->engine);
    enum status status;

    engine_iterator_seek(iterator, keyspace_record(&digest->key, table->number, leaf->boundary));
    status = digest_count_range(digest, iterator, table, &count);
    engine_iterator_destroy(iterator);
    move_on(digest, next);
    if (status != STATUS_OK || is_as_counted(leaf, &count))
        return STATUS_OK; /* what can't be read will be seen by whoever needs it */
    return doubt_leaf(digest, table, leaf);
}

enum status digest_scrub(struct store_digest *digest)
{
    int64_t now_us = clock_monotonic_us(digest->clock);
    struct digest_table *table;

    if (now_us < digest->scrub_due_us)
        return STATUS_OK;
    digest->scrub_due_us = now_us + SCRUB_PERIOD_US;
    table = scrubbed_table(digest);
    if (table != NULL)
        return scrub_leaf(digest, table);
    digest->scrub_number = 0;
    digest->scrub_key.size = 0;
    return STATUS_OK;
}
