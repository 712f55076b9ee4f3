#include "store/registry_parts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"

/* ---------- the registry ---------- */

static struct bytes database_id(char id[NS_ID_SIZE], int n)
{
    uint32_t number = htobe32((uint32_t)n);

    memset(id, 0, NS_ID_SIZE);
    memcpy(id + NS_ID_SIZE - sizeof number, &number, sizeof number);
    return (struct bytes){id, NS_ID_SIZE};
}

int registry_database_of_id(struct bytes id)
{
    static const char zeros[NS_ID_SIZE - sizeof(uint32_t)];
    uint32_t number;

    if (memcmp(id.data, zeros, sizeof zeros) != 0)
        return -1;
    memcpy(&number, id.data + sizeof zeros, sizeof number);
    number = be32toh(number);
    return number <= INT_MAX ? (int)number : -1;
}

uint32_t registry_new_number(struct registry *registry)
{
    return atomic_fetch_add(&registry->next_number, 1);
}

static struct ns **chain_of(struct registry *registry, const unsigned char id[NS_ID_SIZE])
{
    size_t end = (size_t)id[NS_ID_SIZE - 2] << 8 | id[NS_ID_SIZE - 1];

    return &registry->by_id[end % ID_CHAINS];
}

/* Under the titles' lock. */
static void add(struct registry *registry, struct ns *ns)
{
    struct ns **chain = chain_of(registry, ns->id);

    ns->next = registry->all;
    registry->all = ns;
    ns->next_of_id = *chain;
    *chain = ns;
}

void registry_add(struct registry *registry, struct ns *ns)
{
    pthread_mutex_lock(&registry->titles);
    add(registry, ns);
    pthread_mutex_unlock(&registry->titles);
}

void registry_take_out(struct registry *registry, struct ns *ns)
{
    struct ns **link = &registry->all, **chain = chain_of(registry, ns->id);

    pthread_mutex_lock(&registry->titles);
    while (*link != NULL && *link != ns)
        link = &(*link)->next;
    if (*link != NULL)
        *link = ns->next;
    while (*chain != NULL && *chain != ns)
        chain = &(*chain)->next_of_id;
    if (*chain != NULL)
        *chain = ns->next_of_id;
    pthread_mutex_unlock(&registry->titles);
}

static struct ns *create_self(void)
{
    char id[NS_ID_SIZE];
    struct ns *self;

    memset(id, 0xff, sizeof id);
    self = ns_create((struct bytes){id, sizeof id}, -1);
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

void registry_set_setting(struct registry *registry, struct ns *ns, enum limit limit, int64_t value)
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
    atomic_store(&registry->next_number, NS_REGISTRY + 1);
    for (int i = 0; i < LIMIT_COUNT; i++)
        registry_set_default(registry, (enum limit)i, defaults->at[i]);
    for (int n = 0; n < databases; n++) {
        char id[NS_ID_SIZE];
        struct ns *ns = ns_create(database_id(id, n), n);

        registry_add(registry, ns);
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
    for (struct absent *absent = registry->absent, *next; absent != NULL; absent = next) {
        next = absent->next;
        free(absent);
    }
    ns_release(registry->self);
    buffer_clear(&registry->permutation);
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

int64_t ns_limit(const struct registry *registry, const struct ns *ns, enum limit limit)
{
    int64_t own = atomic_load_explicit(&ns->setting[limit], memory_order_relaxed);

    return own >= 0 ? own : atomic_load_explicit(&registry->defaults[limit], memory_order_relaxed);
}

/* ---------- titles ---------- */

int64_t registry_database_of_title(struct bytes title)
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

bool registry_is_title(struct bytes title)
{
    return title.size >= 1 && title.size <= NS_TITLE_MAX && bytes_is_utf8(title) &&
           !is_all_digits(title) && memchr(title.data, '\0', title.size) == NULL;
}

struct ns *registry_find_title(struct registry *registry, struct bytes title)
{
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (ns->shown != NULL && !atomic_load(&ns->is_dropped) &&
            bytes_equal(bytes_of(ns->shown), title))
            return ns;
    return NULL;
}

/* Of two with one title: does `a` keep it (N3)? */
static bool is_before(const struct ns *a, const struct ns *b)
{
    if (a->created_stamp != b->created_stamp)
        return a->created_stamp < b->created_stamp;
    return memcmp(a->id, b->id, NS_ID_SIZE) < 0;
}

static bool has_title(const struct ns *ns, const char *title)
{
    return ns->title != NULL && !atomic_load(&ns->is_dropped) && strcmp(ns->title, title) == 0;
}

static void show(struct ns *ns, bool is_owner)
{
    struct buffer shown = {0};

    buffer_append_text(&shown, ns->title);
    if (!is_owner)
        buffer_printf(&shown, "~%02x%02x%02x%02x", ns->id[0], ns->id[1], ns->id[2], ns->id[3]);
    buffer_append_byte(&shown, '\0');
    free(ns->shown);
    ns->shown = shown.data;
}

/* Under the titles' lock. */
static void show_title(struct registry *registry, const char *title)
{
    const struct ns *owner = NULL;

    for (const struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (has_title(ns, title) && (owner == NULL || is_before(ns, owner)))
            owner = ns;
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (has_title(ns, title))
            show(ns, ns == owner);
}

void registry_refresh_title(struct registry *registry, const struct ns *ns)
{
    pthread_mutex_lock(&registry->titles);
    if (ns->title != NULL)
        show_title(registry, ns->title);
    pthread_mutex_unlock(&registry->titles);
}

void registry_set_title(struct registry *registry, struct ns *ns, struct bytes title)
{
    char *old = ns->title;
    char *copy = xcalloc(1, title.size + 1);

    memcpy(copy, title.data, title.size);
    pthread_mutex_lock(&registry->titles);
    ns->title = copy;
    if (old != NULL)
        show_title(registry, old);
    show_title(registry, copy);
    pthread_mutex_unlock(&registry->titles);
    free(old);
}

enum status registry_find(struct registry *registry, struct bytes title, struct ns **found)
{
    int64_t database = registry_database_of_title(title);
    struct ns *ns = NULL;

    pthread_mutex_lock(&registry->titles);
    if (database < 0)
        ns = registry_find_title(registry, title);
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

    if (ns->shown != NULL)
        return xstrdup(ns->shown);
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

/* Databases beyond this server's `databases` are kept, but out of sight. */
static bool is_listed(const struct registry *registry, const struct ns *ns)
{
    return !atomic_load(&ns->is_dropped) && (ns->is_stored || ns->is_used) &&
           atomic_load(&ns->database) < registry->database_count;
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
    return strcmp((*a)->shown, (*b)->shown);
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
        if (is_listed(registry, ns))
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
    struct ns_counts sum = ns_read_counts(registry->self);

    pthread_mutex_lock(&registry->titles);
    for (const struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        add_counts(&sum, ns_read_counts(ns));
    pthread_mutex_unlock(&registry->titles);
    return sum;
}

bool registry_is_blank(struct registry *registry)
{
    struct ns_counts counts = registry_counts(registry);
    bool is_blank = counts.keys == 0 && counts.buried == 0;

    pthread_mutex_lock(&registry->titles);
    for (const struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        is_blank = is_blank && !ns->is_stored;
    pthread_mutex_unlock(&registry->titles);
    return is_blank;
}

/* ---------- ids ---------- */

/* Under the titles' lock. */
static struct ns *find_id(struct registry *registry, struct bytes id)
{
    struct ns *ns = *chain_of(registry, (const unsigned char *)id.data);

    for (; ns != NULL; ns = ns->next_of_id)
        if (memcmp(ns->id, id.data, NS_ID_SIZE) == 0 && !atomic_load(&ns->is_dropped))
            return ns;
    return NULL;
}

/* A numbered database has a fixed id: it is there for whoever asks, also one that this server does
 * not reach. */
static struct ns *find_or_create(struct registry *registry, struct bytes id)
{
    struct ns *ns = find_id(registry, id);
    int database = registry_database_of_id(id);

    if (ns != NULL || database < 0)
        return ns;
    ns = ns_create(id, database);
    atomic_store(&ns->number, registry_new_number(registry));
    add(registry, ns);
    return ns;
}

enum status registry_find_id(struct registry *registry, const unsigned char id[NS_ID_SIZE],
                             struct ns **found)
{
    struct ns *ns;

    pthread_mutex_lock(&registry->titles);
    ns = find_id(registry, (struct bytes){(const char *)id, NS_ID_SIZE});
    if (ns != NULL && atomic_load(&ns->database) >= registry->database_count)
        ns = NULL;
    if (ns != NULL) {
        ns->is_used = true;
        *found = ns_retain(ns);
    }
    pthread_mutex_unlock(&registry->titles);
    return ns != NULL ? STATUS_OK : STATUS_NO_NAMESPACE;
}

struct ns *registry_live_ns(struct registry *registry, struct bytes id)
{
    struct ns *ns;

    pthread_mutex_lock(&registry->titles);
    ns = find_or_create(registry, id);
    pthread_mutex_unlock(&registry->titles);
    return ns;
}

bool registry_is_id(struct bytes id)
{
    for (size_t i = 0; i < NS_ID_SIZE; i++)
        if (id.data[i] != '\xff')
            return false;
    return true;
}

bool registry_is_permutation_key(struct bytes key)
{
    return bytes_equal(key, bytes_of(KEY_DATABASES));
}

struct ns *registry_by_id(struct registry *registry, struct bytes id)
{
    struct ns *ns;

    if (registry_is_id(id))
        return ns_retain(registry->self);
    pthread_mutex_lock(&registry->titles);
    ns = find_or_create(registry, id);
    if (ns != NULL)
        ns_retain(ns);
    pthread_mutex_unlock(&registry->titles);
    return ns;
}

static bool is_next(const struct ns *ns, const unsigned char *after, const struct ns *best)
{
    return atomic_load(&ns->is_stored) && !atomic_load(&ns->is_dropped) &&
           (after == NULL || memcmp(ns->id, after, NS_ID_SIZE) > 0) &&
           (best == NULL || memcmp(ns->id, best->id, NS_ID_SIZE) < 0);
}

struct ns *registry_next(struct registry *registry, struct bytes id)
{
    const unsigned char *after = registry_is_id(id) ? NULL : (const unsigned char *)id.data;
    struct ns *best = NULL;

    pthread_mutex_lock(&registry->titles);
    for (struct ns *ns = registry->all; ns != NULL; ns = ns->next)
        if (is_next(ns, after, best))
            best = ns;
    if (best != NULL)
        ns_retain(best);
    pthread_mutex_unlock(&registry->titles);
    return best;
}

static struct absent *find_absent(struct registry *registry, struct bytes id)
{
    struct absent *absent = registry->absent;

    while (absent != NULL && memcmp(absent->id, id.data, NS_ID_SIZE) != 0)
        absent = absent->next;
    return absent;
}

/* Never NULL.  Failed commits need not take back what is noted here: it was heard, and matters only
 * while there is no namespace with the id. */
struct absent *registry_absent(struct registry *registry, struct bytes id)
{
    struct absent *absent;

    pthread_mutex_lock(&registry->titles);
    absent = find_absent(registry, id);
    if (absent == NULL) {
        absent = xcalloc(1, sizeof *absent);
        memcpy(absent->id, id.data, NS_ID_SIZE);
        absent->next = registry->absent;
        registry->absent = absent;
    }
    pthread_mutex_unlock(&registry->titles);
    return absent;
}

uint64_t registry_dead_until(bool is_live, uint64_t stamp, struct bytes value)
{
    uint64_t until = 0;

    if (!is_live)
        return stamp;
    return wire_read_u64(&value, &until) ? until : 0;
}

void registry_note_emptied(struct registry *registry, struct bytes id, uint64_t stamp)
{
    struct ns *ns = registry_live_ns(registry, id);

    if (ns == NULL) {
        struct absent *absent = registry_absent(registry, id);

        absent->emptied_stamp = stamp > absent->emptied_stamp ? stamp : absent->emptied_stamp;
    } else if (stamp > atomic_load(&ns->emptied_stamp)) {
        atomic_store(&ns->emptied_stamp, stamp);
    }
}

bool registry_was_dropped(struct registry *registry, struct bytes id)
{
    const struct absent *absent;
    bool was_dropped;

    pthread_mutex_lock(&registry->titles);
    absent = find_absent(registry, id);
    was_dropped = absent != NULL && absent->is_dropped && find_id(registry, id) == NULL;
    pthread_mutex_unlock(&registry->titles);
    return was_dropped;
}

/* ---------- the order of databases ---------- */

static struct bytes id_in(struct bytes permutation, int n, char text[NS_ID_SIZE])
{
    if ((size_t)n >= permutation.size / NS_ID_SIZE)
        return database_id(text, n);
    return (struct bytes){permutation.data + (size_t)n * NS_ID_SIZE, NS_ID_SIZE};
}

struct bytes registry_id_of_database(const struct registry *registry, int n, char text[NS_ID_SIZE])
{
    return id_in(buffer_view(&registry->permutation), n, text);
}

bool registry_is_permutation(struct bytes value)
{
    size_t count = value.size / NS_ID_SIZE, found = 0;
    bool *is_named = xcalloc(count + 1, sizeof *is_named);

    for (size_t i = 0; i < count; i++) {
        struct bytes id = {value.data + i * NS_ID_SIZE, NS_ID_SIZE};
        int database = registry_database_of_id(id);

        if (database < 0 || (size_t)database >= count || is_named[database])
            break;
        is_named[database] = true;
        found++;
    }
    free(is_named);
    return found == count && value.size % NS_ID_SIZE == 0;
}

/* Numbers beyond this server's `databases` keep what they name, out of reach, until it is raised.
 */
void registry_permute(struct registry *registry, struct bytes permutation)
{
    struct bytes before = buffer_view(&registry->permutation);
    size_t count = (before.size > permutation.size ? before : permutation).size / NS_ID_SIZE;
    struct buffer after = {0};

    for (int n = 0; (size_t)n < count; n++) {
        char text[NS_ID_SIZE], text_before[NS_ID_SIZE];
        struct bytes id = id_in(permutation, n, text);
        struct ns *ns;

        if (bytes_equal(id, id_in(before, n, text_before)))
            continue;
        ns = registry_live_ns(registry, id);
        atomic_store(&ns->database, n);
        if (n < registry->database_count)
            atomic_store_explicit(&registry->databases[n], ns, memory_order_release);
    }
    buffer_append_bytes(&after, permutation);
    buffer_clear(&registry->permutation);
    registry->permutation = after;
}
