#include "store/registry.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "replication/version.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/ns_internal.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/store.h"
#include "store/txn_internal.h"

/* Keys and values of the registry's records:
 *
 *     'n' id       version u8 = 1, creation stamp u64, settings i64 x LIMIT_COUNT, title
 *     'd'          SWAPDB: for each database number, in order, the id it names */
#define KEY_NAMESPACE     'n'
#define KEY_DATABASES     "d"
#define NAMESPACE_VERSION 1
#define NAMESPACE_FIXED   (1 + 8 + 8 * LIMIT_COUNT)

/* Of a note of counts; the first versions did not count what is buried. */
#define COUNTS_SIZE        32
#define COUNTS_SIZE_BEFORE 24

struct registry {
    pthread_mutex_t titles;
    struct ns *all; /* newest first; holds a reference to each */
    struct ns *self;
    int database_count;
    _Atomic(struct ns *) *databases;
    _Atomic int64_t defaults[LIMIT_COUNT];
    _Atomic int64_t value_size_max;
    _Atomic uint64_t changed_in;
    uint32_t next_number; /* under the order */
};

/* ---------- one namespace ---------- */

static struct ns *create_ns(const unsigned char id[NS_ID_SIZE], int database)
{
    struct ns *ns = xcalloc(1, sizeof *ns);

    memcpy(ns->id, id, NS_ID_SIZE);
    atomic_store(&ns->database, database);
    atomic_store(&ns->references, 1);
    for (int i = 0; i < LIMIT_COUNT; i++)
        atomic_store(&ns->setting[i], -1);
    return ns;
}

struct ns *ns_retain(struct ns *ns)
{
    atomic_fetch_add_explicit(&ns->references, 1, memory_order_relaxed);
    return ns;
}

void ns_release(struct ns *ns)
{
    if (ns == NULL || atomic_fetch_sub_explicit(&ns->references, 1, memory_order_acq_rel) > 1)
        return;
    free(ns->title);
    free(ns);
}

static struct ns_counts read_counts(const struct ns *ns)
{
    return (struct ns_counts){atomic_load_explicit(&ns->key_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->byte_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->expiring_count, memory_order_relaxed),
                              atomic_load_explicit(&ns->buried_count, memory_order_relaxed)};
}

static void set_counts(struct ns *ns, struct ns_counts counts)
{
    atomic_store_explicit(&ns->key_count, counts.keys, memory_order_relaxed);
    atomic_store_explicit(&ns->byte_count, counts.bytes, memory_order_relaxed);
    atomic_store_explicit(&ns->expiring_count, counts.expiring, memory_order_relaxed);
    atomic_store_explicit(&ns->buried_count, counts.buried, memory_order_relaxed);
}

void ns_freeze_counts(struct ns *ns)
{
    ns->frozen = read_counts(ns);
    ns->frozen_number = atomic_load(&ns->number);
    ns->is_frozen_dropped = atomic_load(&ns->is_dropped);
    ns->is_touched = false;
}

void ns_commit_counts(struct ns *ns)
{
    ns->committed = ns->frozen;
}

void ns_restore_counts(struct ns *ns)
{
    set_counts(ns, ns->committed);
    ns->is_touched = false;
}

static struct bytes number_bytes(char text[4], uint32_t number)
{
    number = htobe32(number);
    memcpy(text, &number, sizeof number);
    return (struct bytes){text, sizeof number};
}

static struct bytes counts_key(struct buffer *key, uint32_t number)
{
    char text[4];

    return keyspace_local(key, NOTE_COUNTS, number_bytes(text, number));
}

void ns_put_counts(const struct ns *ns, struct engine_batch *batch, struct buffer *key,
                   struct buffer *value)
{
    if (ns->is_frozen_dropped)
        return;
    value->size = 0;
    wire_put_u64(value, (uint64_t)ns->frozen.keys);
    wire_put_u64(value, (uint64_t)ns->frozen.bytes);
    wire_put_u64(value, (uint64_t)ns->frozen.expiring);
    wire_put_u64(value, (uint64_t)ns->frozen.buried);
    engine_batch_put(batch, counts_key(key, ns->frozen_number), buffer_view(value));
}

int64_t ns_limit(const struct registry *registry, const struct ns *ns, enum limit limit)
{
    int64_t own = atomic_load_explicit(&ns->setting[limit], memory_order_relaxed);

    return own >= 0 ? own : atomic_load_explicit(&registry->defaults[limit], memory_order_relaxed);
}

/* ---------- the registry ---------- */

static void database_id(int n, unsigned char id[NS_ID_SIZE])
{
    uint32_t number = htobe32((uint32_t)n);

    memset(id, 0, NS_ID_SIZE);
    memcpy(id + NS_ID_SIZE - sizeof number, &number, sizeof number);
}

static void add(struct registry *registry, struct ns *ns)
{
    pthread_mutex_lock(&registry->titles);
    ns->next = registry->all;
    registry->all = ns;
    pthread_mutex_unlock(&registry->titles);
}

static void take_out(struct registry *registry, struct ns *ns)
{
    struct ns **link = &registry->all;

    pthread_mutex_lock(&registry->titles);
    while (*link != NULL && *link != ns)
        link = &(*link)->next;
    if (*link != NULL)
        *link = ns->next;
    pthread_mutex_unlock(&registry->titles);
}

static struct ns *create_self(void)
{
    unsigned char id[NS_ID_SIZE];
    struct ns *self;

    memset(id, 0xff, sizeof id);
    self = create_ns(id, -1);
    self->is_stored = true;
    for (int i = 0; i < LIMIT_COUNT; i++)
        atomic_store(&self->setting[i], limits_of_profile(LIMIT_PROFILE_NONE)->at[i]);
    return self;
}

/* The largest only ever rises: that a connection could read more than is allowed now does no harm.
 */
static void note_limit(struct registry *registry, enum limit limit, int64_t value)
{
    int64_t max = atomic_load(&registry->value_size_max);

    while (limit == LIMIT_VALUE_SIZE && value > max &&
           !atomic_compare_exchange_weak(&registry->value_size_max, &max, value))
        ;
}

static void set_setting(struct registry *registry, struct ns *ns, enum limit limit, int64_t value)
{
    atomic_store(&ns->setting[limit], value);
    note_limit(registry, limit, value);
}

struct registry *registry_create_empty(int databases, const struct limits *defaults)
{
    struct registry *registry = xcalloc(1, sizeof *registry);

    pthread_mutex_init(&registry->titles, NULL);
    registry->self = create_self();
    registry->database_count = databases;
    registry->databases = xcalloc((size_t)databases, sizeof *registry->databases);
    registry->next_number = NS_REGISTRY + 1;
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_default(registry, (enum limit)i, defaults->at[i]);
    for (int n = 0; n < databases; n++) {
        unsigned char id[NS_ID_SIZE];
        struct ns *ns;

        database_id(n, id);
        ns = create_ns(id, n);
        add(registry, ns);
        atomic_store(&registry->databases[n], ns);
    }
    return registry;
}

void registry_destroy(struct registry *registry)
{
    if (registry == NULL)
        return;
    for (struct ns *ns = registry->all, *next; ns != NULL; ns = next) {
        next = ns->next;
        ns_release(ns);
    }
    ns_release(registry->self);
    pthread_mutex_destroy(&registry->titles);
    free(registry->databases);
    free(registry);
}

struct ns *registry_database(const struct registry *registry, int n)
{
    return atomic_load_explicit(&registry->databases[n], memory_order_acquire);
}

int registry_database_count(const struct registry *registry)
{
    return registry->database_count;
}

void registry_set_default(struct registry *registry, enum limit limit, int64_t value)
{
    atomic_store(&registry->defaults[limit], value);
    note_limit(registry, limit, value);
}

uint64_t registry_changed_in(const struct registry *registry)
{
    return atomic_load_explicit(&registry->changed_in, memory_order_acquire);
}

_Atomic uint64_t *registry_changed_mark(struct registry *registry)
{
    return &registry->changed_in;
}

int64_t registry_value_size_max(const struct registry *registry)
{
    return atomic_load_explicit(&registry->value_size_max, memory_order_relaxed);
}

/* ---------- titles ---------- */

/* The number of "db<n>", -1 if the title is not of that form.  Any n counts, also one that this
 * server has no database for. */
static int64_t database_of_title(struct bytes title)
{
    int64_t n;

    if (title.size < 3 || memcmp(title.data, "db", 2) != 0 ||
        !bytes_to_int64((struct bytes){title.data + 2, title.size - 2}, &n) || n < 0)
        return -1;
    return n;
}

static bool is_all_digits(struct bytes title)
{
    for (size_t i = 0; i < title.size; i++)
        if (title.data[i] < '0' || title.data[i] > '9')
            return false;
    return true;
}

static bool is_title(struct bytes title)
{
    return title.size >= 1 && title.size <= NS_TITLE_MAX && bytes_is_utf8(title) &&
           !is_all_digits(title) && memchr(title.data, '\0', title.size) == NULL;
}

/* Under the titles' lock. */
static struct ns *find_title(struct registry *registry, struct bytes title)
{
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (ns->title != NULL && !atomic_load(&ns->is_dropped) &&
            bytes_equal(bytes_of(ns->title), title))
            return ns;
    return NULL;
}

enum status registry_find(struct registry *registry, struct bytes title, struct ns **found)
{
    int64_t database = database_of_title(title);
    struct ns *ns = NULL;

    pthread_mutex_lock(&registry->titles);
    if (database < 0)
        ns = find_title(registry, title);
    else if (database < registry->database_count)
        ns = registry_database(registry, (int)database);
    if (ns != NULL) {
        ns->is_used = true;
        *found = ns_retain(ns);
    }
    pthread_mutex_unlock(&registry->titles);
    return ns != NULL ? STATUS_OK : STATUS_NO_NAMESPACE;
}

static char *copy_title(const struct ns *ns)
{
    char text[32];

    if (ns->title != NULL)
        return xstrdup(ns->title);
    (void)snprintf(text, sizeof text, "db%d", atomic_load(&ns->database));
    return xstrdup(text);
}

char *ns_take_title(struct registry *registry, const struct ns *ns)
{
    char *title;

    pthread_mutex_lock(&registry->titles);
    title = copy_title(ns);
    pthread_mutex_unlock(&registry->titles);
    return title;
}

static bool is_listed(const struct ns *ns)
{
    return !atomic_load(&ns->is_dropped) && (ns->is_stored || ns->is_used);
}

static int by_title(const void *left, const void *right)
{
    struct ns *const *a = left;
    struct ns *const *b = right;
    int da = atomic_load(&(*a)->database), db = atomic_load(&(*b)->database);

    if (da >= 0 && db >= 0)
        return da - db;
    if (da >= 0 || db >= 0)
        return da >= 0 ? -1 : 1;
    return strcmp((*a)->title, (*b)->title);
}

struct ns **registry_list(struct registry *registry, size_t *count)
{
    struct ns **list;
    size_t capacity = 0;

    *count = 0;
    pthread_mutex_lock(&registry->titles);
    for (const struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        capacity++;
    list = xcalloc(capacity + 1, sizeof(struct ns *));
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (is_listed(ns))
            list[(*count)++] = ns_retain(ns);
    qsort(list, *count, sizeof *list, by_title);
    pthread_mutex_unlock(&registry->titles);
    return list;
}

struct ns *registry_by_number(struct registry *registry, uint32_t number)
{
    struct ns *ns;

    if (number == NS_REGISTRY)
        return ns_retain(registry->self);
    pthread_mutex_lock(&registry->titles);
    for (ns = registry->all; ns != NULL; ns = ns->next)
        if (atomic_load_explicit(&ns->number, memory_order_relaxed) == number)
            break;
    if (ns != NULL)
        ns_retain(ns);
    pthread_mutex_unlock(&registry->titles);
    return ns;
}

static void add_counts(struct ns_counts *sum, struct ns_counts counts)
{
    sum->keys += counts.keys;
    sum->bytes += counts.bytes;
    sum->expiring += counts.expiring;
    sum->buried += counts.buried;
}

struct ns_counts registry_counts(struct registry *registry)
{
    struct ns_counts sum = read_counts(registry->self);

    pthread_mutex_lock(&registry->titles);
    for (const struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        add_counts(&sum, read_counts(ns));
    pthread_mutex_unlock(&registry->titles);
    return sum;
}

static struct ns *find_id(struct registry *registry, struct bytes id)
{
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (memcmp(ns->id, id.data, NS_ID_SIZE) == 0)
            return ns;
    return NULL;
}

struct ns *registry_by_id(struct registry *registry, struct bytes id)
{
    struct ns *ns;

    if (memcmp(registry->self->id, id.data, NS_ID_SIZE) == 0)
        return ns_retain(registry->self);
    pthread_mutex_lock(&registry->titles);
    ns = find_id(registry, id);
    if (ns != NULL)
        ns = atomic_load(&ns->is_dropped) ? NULL : ns_retain(ns);
    pthread_mutex_unlock(&registry->titles);
    return ns;
}

bool registry_was_dropped(struct registry *registry, struct bytes id)
{
    bool was_dropped;
    const struct ns *ns;

    pthread_mutex_lock(&registry->titles);
    ns = find_id(registry, id);
    was_dropped = ns != NULL && atomic_load(&ns->is_dropped);
    pthread_mutex_unlock(&registry->titles);
    return was_dropped;
}

/* ---------- taking back ---------- */

/* A namespace as it was before a transaction changed it. */
struct ns_before {
    struct registry *registry;
    struct ns *ns;
    bool was_listed, was_dropped, was_stored;
    bool is_drop; /* the change is its end */
    char *title;
    int64_t setting[LIMIT_COUNT];
};

static void restore_ns(struct ns_before *before)
{
    struct ns *ns = before->ns;

    pthread_mutex_lock(&before->registry->titles);
    if (ns->title != NULL) {
        free(ns->title);
        ns->title = xstrdup(before->title);
    }
    ns->is_stored = before->was_stored;
    atomic_store(&ns->is_dropped, before->was_dropped);
    for (int i = 0; i < LIMIT_COUNT; i++)
        atomic_store(&ns->setting[i], before->setting[i]);
    pthread_mutex_unlock(&before->registry->titles);
    if (!before->was_listed) {
        take_out(before->registry, ns);
        atomic_store(&ns->is_dropped, true);
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
        take_out(before->registry, before->ns);
        ns_release(before->ns);
    }
    ns_release(before->ns);
    free(before->title);
    free(before);
}

static struct ns_before *remember_ns(struct txn *txn, struct registry *registry, struct ns *ns,
                                     bool was_listed)
{
    struct ns_before *before = xcalloc(1, sizeof *before);

    before->registry = registry;
    before->ns = ns_retain(ns);
    before->was_listed = was_listed;
    before->was_dropped = atomic_load(&ns->is_dropped);
    before->was_stored = ns->is_stored;
    before->title = copy_title(ns);
    for (int i = 0; i < LIMIT_COUNT; i++)
        before->setting[i] = atomic_load(&ns->setting[i]);
    txn_add_undo(txn, finish_ns, before);
    return before;
}

/* ---------- the stored form ---------- */

static struct bytes record_key(char text[1 + NS_ID_SIZE], const struct ns *ns)
{
    text[0] = KEY_NAMESPACE;
    memcpy(text + 1, ns->id, NS_ID_SIZE);
    return (struct bytes){text, 1 + NS_ID_SIZE};
}

static enum status put_record(struct txn *txn, struct registry *registry, struct bytes key,
                              struct bytes value)
{
    char *area;
    enum status status = txn_put(txn, registry->self, key, (struct bytes){"", 0}, EXPIRY_NONE,
                                 false, value.size, &area);

    if (status == STATUS_OK && value.size > 0)
        memcpy(area, value.data, value.size);
    return status;
}

static enum status put_ns(struct txn *txn, struct registry *registry, struct ns *ns)
{
    char key[1 + NS_ID_SIZE];
    struct buffer value = {0};
    enum status status;

    buffer_append_byte(&value, NAMESPACE_VERSION);
    wire_put_u64(&value, ns->created_stamp);
    for (int i = 0; i < LIMIT_COUNT; i++)
        wire_put_u64(&value, (uint64_t)atomic_load(&ns->setting[i]));
    if (ns->title != NULL)
        buffer_append_text(&value, ns->title);
    status = put_record(txn, registry, record_key(key, ns), buffer_view(&value));
    buffer_clear(&value);
    return status;
}

static struct registry *registry_of(struct txn *txn)
{
    return store_registry(txn_store(txn));
}

static uint32_t new_number(struct registry *registry)
{
    return registry->next_number++;
}

enum status registry_store(struct txn *txn, struct ns *ns)
{
    struct registry *registry = registry_of(txn);

    (void)remember_ns(txn, registry, ns, true);
    if (ns->created_stamp == 0)
        ns->created_stamp = txn_stamp(txn);
    ns->is_stored = true;
    if (txn_number(txn, ns) == atomic_load(&ns->number))
        txn_renumber(txn, ns, NUMBER_NONE, atomic_load(&ns->number));
    return put_ns(txn, registry, ns);
}

/* ---------- changes ---------- */

enum status registry_create(struct txn *txn, struct bytes title)
{
    struct registry *registry = registry_of(txn);
    unsigned char id[NS_ID_SIZE];
    struct ns *ns;

    if (!is_title(title))
        return STATUS_TITLE_INVALID;
    pthread_mutex_lock(&registry->titles);
    ns = find_title(registry, title);
    pthread_mutex_unlock(&registry->titles);
    if (ns != NULL || database_of_title(title) >= 0)
        return STATUS_TITLE_TAKEN;
    random_bytes(id, sizeof id);
    ns = create_ns(id, -1);
    ns->title = xcalloc(1, title.size + 1);
    memcpy(ns->title, title.data, title.size);
    atomic_store(&ns->number, new_number(registry));
    (void)remember_ns(txn, registry, ns, false);
    add(registry, ns);
    return registry_store(txn, ns);
}

enum status registry_rename(struct txn *txn, struct bytes title, struct bytes new_title)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns, *taken;

    if (database_of_title(title) >= 0)
        return STATUS_TITLE_RESERVED;
    if (!is_title(new_title))
        return STATUS_TITLE_INVALID;
    pthread_mutex_lock(&registry->titles);
    ns = find_title(registry, title);
    taken = find_title(registry, new_title);
    pthread_mutex_unlock(&registry->titles);
    if (ns == NULL)
        return STATUS_NO_NAMESPACE;
    if (taken == ns)
        return STATUS_OK;
    if (taken != NULL || database_of_title(new_title) >= 0)
        return STATUS_TITLE_TAKEN;
    (void)remember_ns(txn, registry, ns, true);
    pthread_mutex_lock(&registry->titles);
    ns->title = xrealloc(ns->title, new_title.size + 1);
    memcpy(ns->title, new_title.data, new_title.size);
    ns->title[new_title.size] = '\0';
    pthread_mutex_unlock(&registry->titles);
    return put_ns(txn, registry, ns);
}

enum status registry_drop(struct txn *txn, struct bytes title)
{
    struct registry *registry = registry_of(txn);
    int64_t database = database_of_title(title);
    char key[1 + NS_ID_SIZE];
    struct ns *ns;

    if (database >= 0)
        return database < registry->database_count
                   ? registry_empty(txn, registry_database(registry, (int)database))
                   : STATUS_NO_NAMESPACE;
    pthread_mutex_lock(&registry->titles);
    ns = find_title(registry, title);
    pthread_mutex_unlock(&registry->titles);
    if (ns == NULL)
        return STATUS_NO_NAMESPACE;
    remember_ns(txn, registry, ns, true)->is_drop = true;
    atomic_store(&ns->is_dropped, true);
    txn_renumber(txn, ns, atomic_load(&ns->number), NUMBER_NONE);
    return txn_delete(txn, registry->self, record_key(key, ns));
}

enum status registry_set(struct txn *txn, struct ns *ns, enum limit limit, int64_t value)
{
    struct registry *registry = registry_of(txn);

    (void)remember_ns(txn, registry, ns, true);
    set_setting(registry, ns, limit, value);
    if (!ns->is_stored)
        return registry_store(txn, ns);
    return put_ns(txn, registry, ns);
}

/* What was never stored may hold what the transaction itself has written. */
enum status registry_empty(struct txn *txn, struct ns *ns)
{
    struct registry *registry = registry_of(txn);

    if (!ns->is_stored && txn_key_count(txn, ns) == 0)
        return STATUS_OK;
    txn_renumber(txn, ns, txn_number(txn, ns), new_number(registry));
    return STATUS_OK;
}

enum status registry_empty_databases(struct txn *txn)
{
    struct registry *registry = registry_of(txn);
    enum status status = STATUS_OK;

    for (int n = 0; n < registry->database_count && status == STATUS_OK; n++)
        status = registry_empty(txn, registry_database(registry, n));
    return status;
}

struct swap_before {
    struct registry *registry;
    int a, b;
};

static void exchange(struct registry *registry, int a, int b)
{
    struct ns *at_a = registry_database(registry, a);
    struct ns *at_b = registry_database(registry, b);

    atomic_store(&at_a->database, b);
    atomic_store(&at_b->database, a);
    atomic_store_explicit(&registry->databases[a], at_b, memory_order_release);
    atomic_store_explicit(&registry->databases[b], at_a, memory_order_release);
}

static void finish_swap(void *context, bool is_failed)
{
    struct swap_before *before = context;

    if (is_failed)
        exchange(before->registry, before->a, before->b);
    free(before);
}

static enum status put_databases(struct txn *txn, struct registry *registry)
{
    struct buffer value = {0};
    enum status status;

    for (int n = 0; n < registry->database_count; n++)
        buffer_append(&value, registry_database(registry, n)->id, NS_ID_SIZE);
    status = put_record(txn, registry, bytes_of(KEY_DATABASES), buffer_view(&value));
    buffer_clear(&value);
    return status;
}

enum status registry_swap(struct txn *txn, int a, int b)
{
    struct registry *registry = registry_of(txn);
    struct swap_before *before;

    if (a == b)
        return STATUS_OK;
    before = xcalloc(1, sizeof *before);
    *before = (struct swap_before){registry, a, b};
    exchange(registry, a, b);
    txn_add_undo(txn, finish_swap, before);
    return put_databases(txn, registry);
}

/* ---------- loading ---------- */

/* The value of a note, exactly `size` bytes, or STATUS_NOT_FOUND. */
static enum status read_note(struct engine *engine, const char *name, struct bytes detail,
                             struct bytes *value)
{
    struct buffer key = {0};
    enum status status = engine_get(engine, keyspace_local(&key, name, detail), value);

    buffer_clear(&key);
    return status;
}

static enum status load_counts(struct ns *ns, struct engine *engine)
{
    struct bytes stored, value;
    char text[4];
    enum status status =
        read_note(engine, NOTE_COUNTS, number_bytes(text, atomic_load(&ns->number)), &stored);

    if (status == STATUS_NOT_FOUND)
        return STATUS_OK;
    if (status != STATUS_OK)
        return status;
    value = stored;
    if (value.size == COUNTS_SIZE || value.size == COUNTS_SIZE_BEFORE) {
        ns->committed.keys = (int64_t)wire_take_u64(&value);
        ns->committed.bytes = (int64_t)wire_take_u64(&value);
        ns->committed.expiring = (int64_t)wire_take_u64(&value);
        ns->committed.buried = value.size > 0 ? (int64_t)wire_take_u64(&value) : 0;
        set_counts(ns, ns->committed);
    } else {
        status = STATUS_CORRUPT;
    }
    engine_free(stored);
    return status;
}

static enum status load_number(struct registry *registry, struct ns *ns, struct engine *engine)
{
    struct bytes stored, value;
    enum status status =
        read_note(engine, NOTE_NUMBER, (struct bytes){(char *)ns->id, NS_ID_SIZE}, &stored);

    if (status == STATUS_NOT_FOUND) {
        atomic_store(&ns->number, new_number(registry));
        return STATUS_OK;
    }
    if (status != STATUS_OK)
        return status;
    value = stored;
    if (value.size == 4)
        atomic_store(&ns->number, wire_take_u32(&value));
    else
        status = STATUS_CORRUPT;
    engine_free(stored);
    return status == STATUS_OK ? load_counts(ns, engine) : status;
}

static enum status load_ns(struct registry *registry, struct bytes key, struct bytes value)
{
    struct bytes id = {key.data + 1, NS_ID_SIZE};
    struct ns *ns;

    if (key.size != 1 + NS_ID_SIZE || value.size < NAMESPACE_FIXED ||
        wire_take_u8(&value) != NAMESPACE_VERSION)
        return STATUS_CORRUPT;
    ns = find_id(registry, id);
    if (ns == NULL) {
        ns = create_ns((const unsigned char *)id.data, -1);
        add(registry, ns);
    }
    ns->is_stored = true;
    ns->created_stamp = wire_take_u64(&value);
    for (int i = 0; i < LIMIT_COUNT; i++)
        set_setting(registry, ns, (enum limit)i, (int64_t)wire_take_u64(&value));
    if (atomic_load(&ns->database) < 0) {
        ns->title = xcalloc(1, value.size + 1);
        memcpy(ns->title, value.data, value.size);
    }
    return STATUS_OK;
}

/* Numbers beyond this server's `databases` keep what they name, out of reach, until it is raised.
 */
static void load_databases(struct registry *registry, struct bytes value)
{
    for (int n = 0; n < registry->database_count && value.size >= NS_ID_SIZE; n++) {
        struct ns *ns = find_id(registry, wire_take(&value, NS_ID_SIZE));

        if (ns == NULL || atomic_load(&ns->database) < 0)
            continue;
        atomic_store(&registry->databases[n], ns);
        atomic_store(&ns->database, n);
    }
}

static enum status load_record(struct registry *registry, struct bytes key, struct bytes stored)
{
    struct record_view record;
    enum status status = record_decode(stored, &record);

    if (status != STATUS_OK || record.header.kind != ENTRY_LIVE || key.size == 0)
        return status;
    if (key.data[0] == KEY_NAMESPACE)
        return load_ns(registry, key, record.value);
    return STATUS_OK;
}

static enum status load_records(struct registry *registry, struct engine *engine)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer from = {0}, databases = {0};
    enum status status = STATUS_OK;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, NS_REGISTRY));
    while (status == STATUS_OK && engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), NS_REGISTRY, &key)) {
        struct record_view record;

        status = load_record(registry, key, engine_iterator_value(iterator));
        if (status == STATUS_OK && bytes_equal(key, bytes_of(KEY_DATABASES)) &&
            record_decode(engine_iterator_value(iterator), &record) == STATUS_OK)
            buffer_append_bytes(&databases, record.value);
        engine_iterator_next(iterator);
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    load_databases(registry, buffer_view(&databases));
    engine_iterator_destroy(iterator);
    buffer_clear(&from);
    buffer_clear(&databases);
    return status;
}

/* The largest number that is in a note of this name, whose key or value ends in it. */
static void raise_next_number(struct registry *registry, struct bytes four)
{
    uint32_t number = wire_take_u32(&four);

    if (number >= registry->next_number)
        registry->next_number = number + 1;
}

static enum status load_next_number(struct registry *registry, struct engine *engine,
                                    const char *name, bool is_in_value)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer prefix = {0};
    enum status status;

    keyspace_local(&prefix, name, (struct bytes){"", 0});
    engine_iterator_seek(iterator, buffer_view(&prefix));
    while (engine_iterator_is_valid(iterator) &&
           bytes_starts_with(engine_iterator_key(iterator), buffer_view(&prefix))) {
        struct bytes four =
            is_in_value ? engine_iterator_value(iterator) : engine_iterator_key(iterator);

        if (four.size >= 4)
            raise_next_number(registry, (struct bytes){four.data + four.size - 4, 4});
        engine_iterator_next(iterator);
    }
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&prefix);
    return status;
}

static void count_record(struct ns_counts *counts, struct bytes key,
                         const struct record_header *header)
{
    if (header->kind != ENTRY_LIVE) {
        counts->buried++;
        return;
    }
    counts->keys++;
    counts->expiring += header->expiry_ms != EXPIRY_NONE;
    counts->bytes += (int64_t)(key.size + header->meta_size + header->value_size);
}

static enum status recount_ns(struct ns *ns, struct engine *engine)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    uint32_t number = atomic_load(&ns->number);
    struct ns_counts counts = {0};
    struct buffer from = {0};
    enum status status;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, number));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key);
         engine_iterator_next(iterator)) {
        struct record_view record;

        if (record_decode(engine_iterator_value(iterator), &record) == STATUS_OK)
            count_record(&counts, key, &record.header);
    }
    status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    buffer_clear(&from);
    ns->committed = counts;
    set_counts(ns, counts);
    return status;
}

enum status registry_load(struct registry *registry, struct engine *engine)
{
    enum status status = load_next_number(registry, engine, NOTE_NUMBER, true);

    if (status == STATUS_OK)
        status = load_next_number(registry, engine, NOTE_PURGE, false);
    if (status == STATUS_OK)
        status = load_records(registry, engine);
    if (status == STATUS_OK)
        status = recount_ns(registry->self, engine);
    for (struct ns *ns = registry->all; ns != NULL && status == STATUS_OK; ns = ns->next)
        status = load_number(registry, ns, engine);
    return status;
}

/* The counts go to disk at once: a namespace that is not written to would have the old ones again
 * after the next start. */
enum status registry_recount(struct registry *registry, struct engine *engine)
{
    struct engine_batch *batch = engine_batch_create();
    struct buffer key = {0}, value = {0};
    enum status status = STATUS_OK;

    for (struct ns *ns = registry->all; ns != NULL && status == STATUS_OK; ns = ns->next) {
        status = recount_ns(ns, engine);
        ns_freeze_counts(ns);
        if (ns->is_stored)
            ns_put_counts(ns, batch, &key, &value);
    }
    if (status == STATUS_OK)
        status = engine_write(engine, batch, true);
    engine_batch_destroy(batch);
    buffer_clear(&key);
    buffer_clear(&value);
    return status;
}

enum status registry_merged(struct txn *txn, const struct wire_record *record)
{
    struct registry *registry = registry_of(txn);
    struct ns *ns;

    if (record->key.size == 0 || record->key.data[0] != KEY_NAMESPACE || record->kind != WIRE_LIVE)
        return STATUS_OK;
    ns = registry_by_id(registry, (struct bytes){record->key.data + 1, NS_ID_SIZE});
    if (ns == NULL) {
        enum status status = load_ns(registry, record->key, record->value);

        if (status != STATUS_OK)
            return status;
        ns = registry_by_id(registry, (struct bytes){record->key.data + 1, NS_ID_SIZE});
        atomic_store(&ns->number, new_number(registry));
        txn_renumber(txn, ns, NUMBER_NONE, atomic_load(&ns->number));
    }
    ns_release(ns);
    return STATUS_OK;
}
