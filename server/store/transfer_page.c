#include "store/transfer_page.h"

#include "base/process.h"
#include "base/wire.h"
#include "store/digest.h"
#include "store/keyspace.h"
#include "store/registry_internal.h"
#include "store/store_internal.h"
#include "store/transfer_record.h"

struct page {
    struct registry *registry;
    struct transfer_reader reader;
    struct records_writer writer;
    struct engine_iterator *iterator;
    size_t size_max;    /* of the blob */
    size_t turn_end;    /* a size of it */
    struct buffer next; /* the cursor behind it, if it is full */
    bool is_full;
};

static void set_cursor(struct page *page, const struct ns *ns, struct bytes key)
{
    buffer_append(&page->next, ns->id, NS_ID_SIZE);
    buffer_append_bytes(&page->next, key);
}

static enum status put_row(struct page *page, const struct ns *ns, uint32_t number,
                           struct bytes key)
{
    struct wire_record record;
    enum status status = transfer_view(&page->reader, ns, number, key,
                                       engine_iterator_value(page->iterator), &record);

    if (status == STATUS_OK)
        records_put(&page->writer, &record);
    if (status != STATUS_NOT_FOUND)
        return status;
    status = transfer_put_current(&page->reader, &page->writer, ns, number, key);
    return status == STATUS_NOT_FOUND ? STATUS_OK : status;
}

/* Q1.  A numbered database can do without. */
static enum status put_ns_record(struct page *page, const struct ns *ns, bool *is_known)
{
    struct ns *self = registry_by_number(page->registry, NS_REGISTRY);
    char text[ID_KEY_SIZE];
    struct bytes key = registry_key_of(text, ns);
    enum status status = STATUS_OK;

    *is_known = registry_database_of_id((struct bytes){(const char *)ns->id, NS_ID_SIZE}) >= 0;
    engine_iterator_seek(page->iterator, keyspace_record(&page->reader.key, NS_REGISTRY, key));
    if (engine_iterator_is_valid(page->iterator) &&
        bytes_equal(engine_iterator_key(page->iterator), buffer_view(&page->reader.key))) {
        *is_known = true;
        status = put_row(page, self, NS_REGISTRY, key);
    }
    ns_release(self);
    return status;
}

static void give_way(struct page *page)
{
    if (page->writer.out->size < page->turn_end)
        return;
    page->turn_end = page->writer.out->size + TRANSFER_TURN_BYTES;
    process_give_way();
}

/* The records of a namespace behind `after`, whose data is NULL at its beginning. */
static enum status put_rows(struct page *page, const struct ns *ns, uint32_t number,
                            struct bytes after)
{
    enum status status = STATUS_OK;
    struct bytes key;

    engine_iterator_seek(page->iterator, keyspace_record(&page->reader.key, number, after));
    for (; status == STATUS_OK && !page->is_full && engine_iterator_is_valid(page->iterator) &&
           keyspace_read_record(engine_iterator_key(page->iterator), number, &key);
         engine_iterator_next(page->iterator)) {
        if (after.data != NULL && bytes_equal(key, after))
            continue;
        status = put_row(page, ns, number, key);
        page->is_full = page->writer.out->size >= page->size_max;
        give_way(page);
        if (page->is_full)
            set_cursor(page, ns, key);
    }
    return status;
}

static enum status put_namespace(struct page *page, const struct ns *ns, struct bytes after)
{
    uint32_t number = atomic_load_explicit(&ns->number, memory_order_acquire);
    bool is_known = true;
    enum status status = STATUS_OK;

    if (number != NS_REGISTRY)
        status = put_ns_record(page, ns, &is_known);
    if (status == STATUS_OK && is_known)
        status = put_rows(page, ns, number, after);
    return status == STATUS_OK ? engine_iterator_status(page->iterator) : status;
}

/* Where to go on.  If the cursor's namespace is gone, it is the one that follows. */
static struct ns *first_namespace(const struct page *page, struct bytes cursor, struct bytes *after)
{
    struct bytes id = {cursor.data, NS_ID_SIZE};
    struct ns *ns;

    *after = (struct bytes){NULL, 0};
    if (cursor.size == 0)
        return registry_by_number(page->registry, NS_REGISTRY);
    ns = registry_by_id(page->registry, id);
    if (ns == NULL)
        return registry_next(page->registry, id);
    *after = (struct bytes){cursor.data + NS_ID_SIZE, cursor.size - NS_ID_SIZE};
    return ns;
}

/* The namespace after this one, which is given back. */
static struct ns *next_namespace(const struct page *page, struct ns *ns)
{
    struct ns *next =
        registry_next(page->registry, (struct bytes){(const char *)ns->id, NS_ID_SIZE});

    ns_release(ns);
    return next;
}

/* Inside an epoch. */
static enum status fill_page(struct page *page, struct bytes cursor)
{
    enum status status = STATUS_OK;
    struct bytes after;
    struct ns *ns = first_namespace(page, cursor, &after);

    while (ns != NULL) {
        status = put_namespace(page, ns, after);
        if (status != STATUS_OK || page->is_full) {
            ns_release(ns);
            break;
        }
        ns = next_namespace(page, ns);
        after = (struct bytes){NULL, 0};
    }
    return status;
}

enum status transfer_read_page(struct store_thread *thread, struct bytes cursor, size_t bytes_max,
                               struct buffer *blob, struct buffer *next, bool *is_last)
{
    struct page page = {.registry = thread->store->registry,
                        .reader = {.thread = thread},
                        .writer = {.out = blob},
                        .size_max = blob->size + bytes_max};
    size_t size_before = blob->size;
    enum status status;

    if (cursor.size > 0 && cursor.size < NS_ID_SIZE)
        return STATUS_CORRUPT;
    if (!transfer_enter(thread))
        return STATUS_PARKED;
    if (thread->store->digest != NULL)
        digest_give_way(thread->store->digest);
    page.iterator = engine_iterate(thread->store->engine);
    status = fill_page(&page, cursor);
    engine_iterator_destroy(page.iterator);
    epoch_exit(thread->epoch);
    transfer_reader_clear(&page.reader);
    if (status == STATUS_OK) {
        *is_last = !page.is_full;
        next->size = 0;
        buffer_append_bytes(next, buffer_view(&page.next));
    } else {
        blob->size = size_before;
    }
    buffer_clear(&page.next);
    return status;
}
