#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/registry_parts.h"
#include "store/store.h"
#include "store/txn_internal.h"

#define NAMESPACE_VERSION 1
#define NAMESPACE_FIXED   (1 + 8 + 8 * LIMIT_COUNT)

/* ---------- taking back ---------- */

struct ns_before {
    struct registry *registry;
    struct ns *ns;
    bool was_listed, was_dropped, was_stored;
    bool is_drop; /* the change is its end */
    char *title;  /* NULL for db<n> */
    uint64_t created_stamp, emptied_stamp, newest_stamp;
    int64_t setting[LIMIT_COUNT];
};

struct registry *registry_of(const struct txn *txn)
{
    return store_registry(txn_store(txn));
}

static void restore_ns(struct ns_before *before)
{
    struct ns *ns = before->ns;

    ns->is_stored = before->was_stored;
    ns->created_stamp = before->created_stamp;
    atomic_store(&ns->emptied_stamp, before->emptied_stamp);
    ns_note_stamp(ns, before->newest_stamp);
    for (int i = 0; i < LIMIT_COUNT; i++)
        atomic_store(&ns->setting[i], before->setting[i]);
    atomic_store(&ns->is_dropped, before->was_dropped);
    if (before->title != NULL)
        registry_set_title(before->registry, ns, bytes_of(before->title));
    if (!before->was_listed) {
        atomic_store(&ns->is_dropped, true);
        registry_take_out(before->registry, ns);
        registry_refresh_title(before->registry, ns);
        ns_release(ns);
    }
}

/* A dropped namespace stays listed, marked, until its drop is committed: so it can come back. */
static void finish_ns(void *context, bool is_failed)
{
    struct ns_before *before = context;

    if (is_failed) {
        restore_ns(before);
    } else if (before->is_drop) {
        registry_take_out(before->registry, before->ns);
        ns_release(before->ns);
    }
    ns_release(before->ns);
    free(before->title);
    free(before);
}

/* What the transaction is about to change; the change is the namespace's beginning or its end. */
static void remember(struct txn *txn, struct ns *ns, bool is_new, bool is_drop)
{
    struct ns_before *before = xcalloc(1, sizeof *before);

    before->registry = registry_of(txn);
    before->ns = ns_retain(ns);
    before->was_listed = !is_new;
    before->is_drop = is_drop;
    before->was_dropped = atomic_load(&ns->is_dropped);
    before->was_stored = ns->is_stored;
    before->title = ns->title != NULL ? xstrdup(ns->title) : NULL;
    before->created_stamp = ns->created_stamp;
    before->emptied_stamp = atomic_load(&ns->emptied_stamp);
    before->newest_stamp = atomic_load(&ns->newest_stamp);
    for (int i = 0; i < LIMIT_COUNT; i++)
        before->setting[i] = atomic_load(&ns->setting[i]);
    txn_add_undo(txn, finish_ns, before);
}

void registry_remember(struct txn *txn, struct ns *ns)
{
    remember(txn, ns, false, false);
}

/* ---------- the stored form ---------- */

struct bytes registry_id_key(char text[ID_KEY_SIZE], char kind, struct bytes id)
{
    text[0] = kind;
    memcpy(text + 1, id.data, NS_ID_SIZE);
    return (struct bytes){text, ID_KEY_SIZE};
}

struct bytes registry_key_of(char text[ID_KEY_SIZE], const struct ns *ns)
{
    return registry_id_key(text, KEY_NAMESPACE, ns_id(ns));
}

static enum status put_record(struct txn *txn, struct bytes key, struct bytes value)
{
    char *area;
    enum status status = txn_put(txn, registry_of(txn)->self, key, (struct bytes){"", 0},
                                 EXPIRY_NONE, false, value.size, &area);

    if (status == STATUS_OK && value.size > 0)
        memcpy(area, value.data, value.size);
    return status;
}

static enum status put_ns(struct txn *txn, struct ns *ns)
{
    char key[ID_KEY_SIZE];
    struct buffer value = {0};
    enum status status;

    buffer_append_byte(&value, NAMESPACE_VERSION);
    wire_put_u64(&value, ns->created_stamp);
    for (int i = 0; i < LIMIT_COUNT; i++)
        wire_put_u64(&value, (uint64_t)atomic_load(&ns->setting[i]));
    if (ns->title != NULL)
        buffer_append_text(&value, ns->title);
    status = put_record(txn, registry_key_of(key, ns), buffer_view(&value));
    buffer_clear(&value);
    return status;
}

enum status registry_read_ns(struct bytes value, struct ns_record *record)
{
    if (value.size < NAMESPACE_FIXED || wire_take_u8(&value) != NAMESPACE_VERSION)
        return STATUS_CORRUPT;
    record->created_stamp = wire_take_u64(&value);
    for (int i = 0; i < LIMIT_COUNT; i++)
        record->setting[i] = (int64_t)wire_take_u64(&value);
    record->title = value;
    return STATUS_OK;
}

/* ---------- steps of a change ---------- */

void registry_note_number(struct txn *txn, struct ns *ns)
{
    registry_remember(txn, ns);
    ns->is_stored = true;
    if (txn_number(txn, ns) == atomic_load(&ns->number))
        txn_renumber(txn, ns, NUMBER_NONE, atomic_load(&ns->number));
}

void registry_begin(struct txn *txn, struct ns *ns)
{
    struct registry *registry = registry_of(txn);

    atomic_store(&ns->number, registry_new_number(registry));
    remember(txn, ns, true, false);
    registry_add(registry, ns);
    registry_refresh_title(registry, ns);
    registry_note_number(txn, ns);
}

void registry_end(struct txn *txn, struct ns *ns)
{
    struct registry *registry = registry_of(txn);

    remember(txn, ns, false, true);
    atomic_store(&ns->is_dropped, true);
    registry_refresh_title(registry, ns);
    registry_absent(registry, ns_id(ns))->is_dropped = true;
    registry_note_emptied(registry, ns_id(ns), atomic_load(&ns->emptied_stamp));
    txn_renumber(txn, ns, txn_number(txn, ns), NUMBER_NONE);
}

void registry_kill(struct txn *txn, struct ns *ns, uint64_t stamp)
{
    registry_remember(txn, ns);
    if (stamp > atomic_load(&ns->emptied_stamp))
        atomic_store(&ns->emptied_stamp, stamp);
    atomic_store(&ns->newest_stamp, 0);
    txn_renumber(txn, ns, txn_number(txn, ns), registry_new_number(registry_of(txn)));
}

struct permutation_before {
    struct registry *registry;
    struct buffer permutation;
};

static void finish_permutation(void *context, bool is_failed)
{
    struct permutation_before *before = context;

    if (is_failed)
        registry_permute(before->registry, buffer_view(&before->permutation));
    buffer_clear(&before->permutation);
    free(before);
}

void registry_permute_in(struct txn *txn, struct bytes permutation)
{
    struct permutation_before *before = xcalloc(1, sizeof *before);

    before->registry = registry_of(txn);
    buffer_append_bytes(&before->permutation, buffer_view(&before->registry->permutation));
    txn_add_undo(txn, finish_permutation, before);
    registry_permute(before->registry, permutation);
}

/* ---------- changes ---------- */

/* Every replica knows a numbered database by its id: without settings it needs no record. */
enum status registry_store(struct txn *txn, struct ns *ns)
{
    registry_note_number(txn, ns);
    return STATUS_OK;
}

static struct ns *shown_under(struct registry *registry, struct bytes title)
{
    struct ns *ns;

    pthread_mutex_lock(&registry->titles);
    ns = registry_find_title(registry, title);
    pthread_mutex_unlock(&registry->titles);
    return ns;
}

enum status registry_create(struct txn *txn, struct bytes title)
{
    char id[NS_ID_SIZE];
    struct ns *ns;

    if (!registry_is_title(title))
        return STATUS_TITLE_INVALID;
    if (shown_under(registry_of(txn), title) != NULL || registry_database_of_title(title) >= 0)
        return STATUS_TITLE_TAKEN;
    random_bytes(id, sizeof id);
    ns = ns_create((struct bytes){id, sizeof id}, -1);
    ns->title = xcalloc(1, title.size + 1);
    memcpy(ns->title, title.data, title.size);
    ns->created_stamp = txn_stamp(txn);
    registry_begin(txn, ns);
    return put_ns(txn, ns);
}

enum status registry_rename(struct txn *txn, struct bytes title, struct bytes new_title)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns = shown_under(registry, title);
    const struct ns *taken;

    if (registry_database_of_title(title) >= 0)
        return STATUS_TITLE_RESERVED;
    if (!registry_is_title(new_title))
        return STATUS_TITLE_INVALID;
    if (ns == NULL)
        return STATUS_NO_NAMESPACE;
    taken = shown_under(registry, new_title);
    if (taken == ns)
        return STATUS_OK;
    if (taken != NULL || registry_database_of_title(new_title) >= 0)
        return STATUS_TITLE_TAKEN;
    registry_remember(txn, ns);
    registry_set_title(registry, ns, new_title);
    return put_ns(txn, ns);
}

/* The tombstone of the record of emptyings tells those who keep the namespace, because a rename is
 * newer than this drop, what is dead of it. */
static enum status bury_emptied(struct txn *txn, const struct ns *ns)
{
    struct registry *registry = registry_of(txn);
    char key[ID_KEY_SIZE];

    registry_note_emptied(registry, ns_id(ns), txn_stamp(txn));
    return txn_bury(txn, registry->self, registry_id_key(key, KEY_EMPTIED, ns_id(ns)));
}

enum status registry_drop(struct txn *txn, struct bytes title)
{
    struct registry *registry = registry_of(txn);
    int64_t database = registry_database_of_title(title);
    char key[ID_KEY_SIZE];
    struct ns *ns;
    enum status status;

    if (database >= 0)
        return database < registry->database_count
                   ? registry_empty(txn, registry_database(registry, (int)database))
                   : STATUS_NO_NAMESPACE;
    ns = shown_under(registry, title);
    if (ns == NULL)
        return STATUS_NO_NAMESPACE;
    registry_end(txn, ns);
    status = bury_emptied(txn, ns);
    if (status != STATUS_OK)
        return status;
    return txn_delete(txn, registry->self, registry_key_of(key, ns));
}

enum status registry_set(struct txn *txn, struct ns *ns, enum limit limit, int64_t value)
{
    registry_remember(txn, ns);
    registry_set_setting(registry_of(txn), ns, limit, value);
    if (!ns->is_stored)
        registry_note_number(txn, ns);
    return put_ns(txn, ns);
}

/* What was never stored may hold what the transaction itself has written. */
bool registry_is_untouched(const struct txn *txn, const struct ns *ns)
{
    return !ns->is_stored && txn_key_count(txn, ns) == 0;
}

bool registry_are_databases_untouched(struct txn *txn)
{
    struct registry *registry = registry_of(txn);

    for (int n = 0; n < registry->database_count; n++)
        if (!registry_is_untouched(txn, registry_database(registry, n)))
            return false;
    return true;
}

/* All that was written
 * before has a smaller stamp than the transaction, and what it writes from here on has its stamp.
 */
enum status registry_empty(struct txn *txn, struct ns *ns)
{
    uint64_t dead = txn_stamp(txn) - 1;
    char key[ID_KEY_SIZE];
    struct buffer value = {0};
    enum status status;

    if (registry_is_untouched(txn, ns))
        return STATUS_OK;
    registry_kill(txn, ns, dead);
    wire_put_u64(&value, dead);
    status = put_record(txn, registry_id_key(key, KEY_EMPTIED, ns_id(ns)), buffer_view(&value));
    buffer_clear(&value);
    return status;
}

enum status registry_empty_databases(struct txn *txn)
{
    struct registry *registry = registry_of(txn);
    enum status status = STATUS_OK;

    for (int n = 0; n < registry->database_count && status == STATUS_OK; n++)
        status = registry_empty(txn, registry_database(registry, n));
    return status;
}

/* Is the last number of a permutation named after itself? */
static bool ends_in_order(const struct buffer *permutation)
{
    size_t last = permutation->size / NS_ID_SIZE - 1;
    struct bytes id = {permutation->data + last * NS_ID_SIZE, NS_ID_SIZE};

    return registry_database_of_id(id) == (int)last;
}

/* The stored permutation with two numbers exchanged, as short as it can be. */
static void swapped(const struct registry *registry, int a, int b, struct buffer *permutation)
{
    int known = (int)(registry->permutation.size / NS_ID_SIZE);
    int last = a > b ? a : b;
    char id[NS_ID_SIZE];

    for (int n = 0; n <= last || n < known; n++) {
        int source = n == a ? b : n == b ? a : n;

        buffer_append_bytes(permutation, registry_id_of_database(registry, source, id));
    }
    while (permutation->size > 0 && ends_in_order(permutation))
        permutation->size -= NS_ID_SIZE;
}

enum status registry_swap(struct txn *txn, int a, int b)
{
    struct buffer permutation = {0};
    enum status status;

    if (a == b)
        return STATUS_OK;
    swapped(registry_of(txn), a, b, &permutation);
    registry_permute_in(txn, buffer_view(&permutation));
    status = put_record(txn, bytes_of(KEY_DATABASES), buffer_view(&permutation));
    buffer_clear(&permutation);
    return status;
}
