#include "store/takeover.h"

#include "store/aliases.h"
#include "store/commit.h"
#include "store/digest.h"
#include "store/keyspace.h"
#include "store/news.h"
#include "store/notes.h"
#include "store/order_internal.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"

struct work {
    struct store *store;
    const struct takeover *takeover;
};

/* ---------- rows of this node's own ---------- */

/* A note that is not here must not be there either. */
static enum status put_note(struct engine *engine, const char *name, struct engine_batch *rows)
{
    struct buffer buffer = {0};
    struct bytes key = keyspace_local(&buffer, name, bytes_of("")), value;
    enum status status = engine_get(engine, key, &value);

    if (status == STATUS_OK) {
        engine_batch_put(rows, key, value);
        engine_free(value);
    } else if (status == STATUS_NOT_FOUND) {
        engine_batch_delete(rows, key);
        status = STATUS_OK;
    }
    buffer_clear(&buffer);
    return status;
}

static enum status put_own_rows(const struct work *work, struct engine_batch *rows)
{
    static const char *const names[] = NOTES_OF_NODE;
    enum status status =
        aliases_take_over(rows, work->takeover->aliases, store_node_id(work->store));

    for (size_t i = 0; i < sizeof names / sizeof names[0] && status == STATUS_OK; i++)
        status = put_note(work->store->engine, names[i], rows);
    return status;
}

/* ---------- memory ---------- */

static enum status load_registry(struct store *store, uint64_t newest_stamp)
{
    bool is_locked = order_lock(&store->order);
    enum status status = registry_load(store->registry, store->engine, newest_stamp);

    order_unlock(&store->order, is_locked);
    return status;
}

/* As store_open() does. */
static enum status load_parts(struct store *store, uint64_t newest_stamp)
{
    enum status status = commit_clean_pending(store->engine);

    if (status == STATUS_OK)
        status = aliases_load(store->aliases, store->engine, store->node_id);
    if (status == STATUS_OK)
        status = load_registry(store, newest_stamp);
    if (status == STATUS_OK && store->digest != NULL)
        status = digest_reload(store->digest);
    atomic_store(&store->has_taken_over, true);
    return status;
}

/* ---------- both ---------- */

static enum status install(const struct work *work)
{
    struct engine_batch *rows = engine_batch_create();
    enum status status = put_own_rows(work, rows);

    if (status == STATUS_OK)
        status = engine_install_tables(work->store->engine, work->takeover->tables, rows);
    if (status == STATUS_OK)
        status = load_parts(work->store, work->takeover->newest_stamp);
    engine_batch_destroy(rows);
    return status;
}

static void tell(struct order *order)
{
    struct buffer list = {0};

    if (!order_has_listeners(order))
        return;
    news_put(&list, &(struct news){.kind = NEWS_LOADED});
    order->tell(order->tell_context, buffer_view(&list));
    buffer_clear(&list);
}

/* What the cache knows of keys that were not there is not true any more: it is forgotten before
 * anybody can have found the rows, or heard of them. */
static enum status run(struct order *order, void *context)
{
    enum status status;

    order_begin_reopening(order);
    status = install(context);
    cache_forget(order->cache, order->commit_epoch);
    order_end_reopening(order, status == STATUS_OK);
    order_wake_all(order);
    tell(order);
    return status;
}

enum status takeover_run(struct store *store, const struct takeover *takeover)
{
    struct work work = {store, takeover};

    return order_run(&store->order, run, &work);
}
