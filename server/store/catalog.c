#include "store/catalog.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/fences.h"
#include "store/manifest.h"
#include "store/table.h"

/* For as many rows as LevelDB gathers in memory, twice: two million of them fill a fifth. */
#define LATELY_BITS (UINT64_C(1) << 24)

/* A process may have 65,530 mappings, and LevelDB wants its own thousand.  Tables beyond these are
 * left to it. */
#define MAPPED_MAX 30000

/* LevelDB stops writing when there are twelve in the first level. */
#define LOOKED_INTO_MAX 32

/* Keys that were moved from some moment on: U2. */
struct lately {
    struct key_filter *keys;
    uint64_t log;
    size_t views; /* that have it */
};

struct listed {
    uint64_t number, size;
    struct bytes smallest, largest; /* without what LevelDB adds; its own */
    size_t views;
    _Atomic(struct table_reader *) reader; /* NULL until somebody needs it */
    atomic_bool is_unreadable;
};

struct level_list {
    struct listed **tables;
    size_t count;
    struct fences *fences; /* by where tables end; not of the first level */
};

struct view {
    size_t holders; /* under the catalog's mutex */
    struct lately *older, *newer;
    struct listed **tables; /* of all levels, one after the other */
    struct listed **by_number;
    size_t count;
    struct level_list levels[MANIFEST_LEVELS];
    struct view *next; /* among the old ones */
};

struct catalog {
    int directory;
    atomic_size_t mapped;
    size_t fences_max;
    atomic_size_t fence_bytes; /* of all readers */
    pthread_mutex_t mutex;     /* of `current` and of holders */
    struct view *current;      /* NULL: LevelDB is asked */

    /* Of who changes it: one thread at a time. */
    pthread_mutex_t change_mutex;
    struct manifest manifest;
    bool is_lost;           /* there is no manifest to follow */
    struct lately *newer;   /* where keys are noted */
    struct view *old_views; /* that somebody may hold */
};

/* ---------- parts of views; for who changes the catalog ---------- */

static struct lately *lately_create(uint64_t log)
{
    struct lately *lately = xcalloc(1, sizeof *lately);

    lately->keys = key_filter_create(LATELY_BITS);
    lately->log = log;
    return lately;
}

static void lately_leave(struct lately *lately)
{
    if (lately == NULL || --lately->views > 0)
        return;
    key_filter_destroy(lately->keys);
    free(lately);
}

static struct bytes key_in(const struct buffer *stored)
{
    return (struct bytes){stored->data, stored->size - TABLE_TRAILER_SIZE};
}

static struct listed *listed_create(const struct manifest_file *file)
{
    struct listed *table = xcalloc(1, sizeof *table);

    table->number = file->number;
    table->size = file->size;
    table->smallest = xbytes_copy(key_in(&file->smallest));
    table->largest = xbytes_copy(key_in(&file->largest));
    return table;
}

static void close_reader(struct catalog *catalog, struct table_reader *reader)
{
    atomic_fetch_sub(&catalog->fence_bytes, table_reader_fence_bytes(reader));
    atomic_fetch_sub(&catalog->mapped, 1);
    table_reader_close(reader);
}

static void listed_leave(struct catalog *catalog, struct listed *table)
{
    struct table_reader *reader = atomic_load(&table->reader);

    if (--table->views > 0)
        return;
    if (reader != NULL)
        close_reader(catalog, reader);
    xbytes_free(table->smallest);
    xbytes_free(table->largest);
    free(table);
}

static void view_destroy(struct catalog *catalog, struct view *view)
{
    for (size_t i = 0; i < view->count; i++)
        listed_leave(catalog, view->tables[i]);
    for (int i = 0; i < MANIFEST_LEVELS; i++)
        fences_destroy(view->levels[i].fences);
    lately_leave(view->older);
    lately_leave(view->newer);
    free(view->tables);
    free(view->by_number);
    free(view);
}

/* Level by level; within the first, where files may overlap, the newest first, else by keys. */
static int compare_files(const void *a, const void *b)
{
    const struct manifest_file *left = *(const struct manifest_file *const *)a;
    const struct manifest_file *right = *(const struct manifest_file *const *)b;
    int order;

    if (left->level != right->level)
        return left->level < right->level ? -1 : 1;
    if (left->level == 0)
        return left->number > right->number ? -1 : 1;
    order = bytes_compare(key_in(&left->smallest), key_in(&right->smallest));
    return order != 0 ? order : bytes_compare(key_in(&left->largest), key_in(&right->largest));
}

static const struct manifest_file **sorted_files(const struct manifest *manifest)
{
    const struct manifest_file **files = xcalloc(manifest->count + 1, sizeof *files);

    for (size_t i = 0; i < manifest->count; i++)
        files[i] = &manifest->files[i];
    qsort(files, manifest->count, sizeof *files, compare_files);
    return files;
}

static int compare_numbers(const void *a, const void *b)
{
    const struct listed *left = *(struct listed *const *)a, *right = *(struct listed *const *)b;

    return left->number < right->number ? -1 : left->number > right->number;
}

/* The same file, as the view before had it: it stays mapped. */
static struct listed *find_listed(const struct view *view, uint64_t number)
{
    struct listed wanted = {.number = number}, *key = &wanted, **found;

    if (view == NULL || view->count == 0)
        return NULL;
    found = bsearch(&key, view->by_number, view->count, sizeof(struct listed *), compare_numbers);
    return found == NULL ? NULL : *found;
}

static void list_tables(struct view *view, const struct manifest_file **files,
                        const struct view *before)
{
    for (size_t i = 0; i < view->count; i++) {
        struct level_list *level = &view->levels[files[i]->level];
        struct listed *table = find_listed(before, files[i]->number);

        if (table == NULL)
            table = listed_create(files[i]);
        table->views++;
        view->tables[i] = view->by_number[i] = table;
        if (level->count++ == 0)
            level->tables = &view->tables[i];
    }
    qsort(view->by_number, view->count, sizeof(struct listed *), compare_numbers);
}

/* N1: of the last one it does not matter where it ends. */
static struct fences *fence_level(const struct level_list *level)
{
    size_t others = level->count - 1;
    struct bytes prefix = {"", 0};
    struct fences *fences;

    if (others > 0)
        prefix = bytes_shared_prefix(level->tables[0]->largest, level->tables[others - 1]->largest);
    fences = fences_create(level->count, prefix);
    for (size_t i = 0; i < level->count; i++)
        fences_set(fences, i, level->tables[i]->largest, 0, 0);
    fences_seal(fences);
    return fences;
}

static struct view *view_create(const struct manifest *manifest, const struct view *before,
                                struct lately *older, struct lately *newer)
{
    const struct manifest_file **files = sorted_files(manifest);
    struct view *view = xcalloc(1, sizeof *view);

    view->count = manifest->count;
    view->tables = xcalloc(view->count + 1, sizeof(struct listed *));
    view->by_number = xcalloc(view->count + 1, sizeof(struct listed *));
    list_tables(view, files, before);
    for (int i = 1; i < MANIFEST_LEVELS; i++)
        if (view->levels[i].count > 0)
            view->levels[i].fences = fence_level(&view->levels[i]);
    view->older = older;
    view->newer = newer;
    newer->views++;
    if (older != NULL)
        older->views++;
    free(files);
    return view;
}

/* ---------- changing ---------- */

static void remove_unheld(struct catalog *catalog)
{
    struct view **at = &catalog->old_views;

    while (*at != NULL) {
        struct view *view = *at;
        bool is_held;

        pthread_mutex_lock(&catalog->mutex);
        is_held = view->holders > 0;
        pthread_mutex_unlock(&catalog->mutex);
        if (is_held) {
            at = &view->next;
            continue;
        }
        *at = view->next;
        view_destroy(catalog, view);
    }
}

/* NULL: there is none from now on. */
static void publish(struct catalog *catalog, struct view *view)
{
    struct view *before;

    pthread_mutex_lock(&catalog->mutex);
    before = catalog->current;
    catalog->current = view;
    pthread_mutex_unlock(&catalog->mutex);
    if (before != NULL) {
        before->next = catalog->old_views;
        catalog->old_views = before;
    }
    remove_unheld(catalog);
}

static void set_newer(struct catalog *catalog, struct lately *newer)
{
    if (newer != NULL)
        newer->views++;
    lately_leave(catalog->newer);
    catalog->newer = newer;
}

static void forget_all(struct catalog *catalog)
{
    catalog->is_lost = true;
    publish(catalog, NULL);
    set_newer(catalog, NULL);
}

/* Until LevelDB is opened anew. */
static void lose(struct catalog *catalog)
{
    log_line(LOG_WARNING, "LevelDB's list of files can't be followed; reads will be slower.");
    forget_all(catalog);
}

/* U2. */
static void take_news(struct catalog *catalog)
{
    struct lately *older = catalog->current->older, *newer = catalog->newer;
    struct view *view;
    uint64_t log;

    if (catalog->manifest.log_number > newer->log &&
        manifest_newest_log(catalog->directory, &log) == STATUS_OK) {
        older = newer;
        newer = lately_create(log);
    }
    view = view_create(&catalog->manifest, catalog->current, older, newer);
    set_newer(catalog, newer);
    publish(catalog, view);
}

bool catalog_follow(struct catalog *catalog)
{
    bool changed = false;

    pthread_mutex_lock(&catalog->change_mutex);
    if (!catalog->is_lost) {
        if (manifest_follow(&catalog->manifest, catalog->directory, &changed) == STATUS_CORRUPT)
            lose(catalog);
        else if (changed)
            take_news(catalog);
        else
            remove_unheld(catalog);
    }
    pthread_mutex_unlock(&catalog->change_mutex);
    return changed;
}

void catalog_open(struct catalog *catalog)
{
    bool changed;
    uint64_t log;

    pthread_mutex_lock(&catalog->change_mutex);
    manifest_clear(&catalog->manifest);
    catalog->is_lost = false;
    if (manifest_follow(&catalog->manifest, catalog->directory, &changed) != STATUS_OK ||
        manifest_newest_log(catalog->directory, &log) != STATUS_OK) {
        lose(catalog);
    } else {
        set_newer(catalog, lately_create(log));
        publish(catalog, view_create(&catalog->manifest, NULL, NULL, catalog->newer));
    }
    pthread_mutex_unlock(&catalog->change_mutex);
}

void catalog_close(struct catalog *catalog)
{
    pthread_mutex_lock(&catalog->change_mutex);
    forget_all(catalog);
    pthread_mutex_unlock(&catalog->change_mutex);
}

void catalog_note(struct catalog *catalog, struct bytes key)
{
    if (catalog->newer != NULL)
        key_filter_add(catalog->newer->keys, key);
}

struct catalog *catalog_create(const char *directory, size_t fences_max)
{
    struct catalog *catalog = xcalloc(1, sizeof *catalog);

    catalog->directory = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    catalog->fences_max = fences_max;
    catalog->is_lost = true;
    pthread_mutex_init(&catalog->mutex, NULL);
    pthread_mutex_init(&catalog->change_mutex, NULL);
    return catalog;
}

void catalog_destroy(struct catalog *catalog)
{
    catalog_close(catalog);
    manifest_clear(&catalog->manifest);
    if (catalog->directory >= 0)
        close(catalog->directory);
    pthread_mutex_destroy(&catalog->mutex);
    pthread_mutex_destroy(&catalog->change_mutex);
    free(catalog);
}

/* ---------- finding ---------- */

static struct view *hold(struct catalog *catalog)
{
    struct view *view;

    pthread_mutex_lock(&catalog->mutex);
    view = catalog->current;
    if (view != NULL)
        view->holders++;
    pthread_mutex_unlock(&catalog->mutex);
    return view;
}

static void let_go(struct catalog *catalog, struct view *view)
{
    pthread_mutex_lock(&catalog->mutex);
    view->holders--;
    pthread_mutex_unlock(&catalog->mutex);
}

/* Whether there is room for its fences is asked before, so two threads may go past the limit. */
static void add_fences(struct catalog *catalog, struct table_reader *reader)
{
    size_t used = atomic_load(&catalog->fence_bytes);

    if (used < catalog->fences_max)
        atomic_fetch_add(&catalog->fence_bytes,
                         table_reader_add_fences(reader, catalog->fences_max - used));
}

/* Two threads may open it at once: one of them was not needed. */
static struct table_reader *open_reader(struct catalog *catalog, struct listed *table)
{
    struct table_reader *before = NULL, *reader;
    enum status status;

    if (atomic_load(&table->is_unreadable) || atomic_load(&catalog->mapped) >= MAPPED_MAX)
        return NULL;
    status = table_reader_open(catalog->directory, table->number, table->size, &reader);
    if (status != STATUS_OK) {
        atomic_store(&table->is_unreadable, status == STATUS_CORRUPT);
        return NULL;
    }
    atomic_fetch_add(&catalog->mapped, 1);
    add_fences(catalog, reader);
    if (!atomic_compare_exchange_strong(&table->reader, &before, reader)) {
        close_reader(catalog, reader);
        return before;
    }
    return reader;
}

size_t catalog_fence_bytes(const struct catalog *catalog)
{
    return atomic_load(&catalog->fence_bytes);
}

/* A search for one key in all tables that may have it, the newest first (R3). */
struct hunt {
    struct catalog *catalog;
    struct bytes key;
    uint32_t hash;
    size_t count;
    struct table_search searches[LOOKED_INTO_MAX];
    bool is_cut; /* what comes behind these can't be looked into */
};

static void look_into(struct hunt *hunt, struct listed *table)
{
    struct table_reader *reader = atomic_load_explicit(&table->reader, memory_order_acquire);

    if (hunt->is_cut)
        return;
    if (hunt->count == LOOKED_INTO_MAX ||
        (reader == NULL && (reader = open_reader(hunt->catalog, table)) == NULL)) {
        hunt->is_cut = true;
        return;
    }
    table_search_begin(&hunt->searches[hunt->count++], reader, hunt->key, hunt->hash);
}

static bool may_hold(const struct listed *table, struct bytes key)
{
    return bytes_compare(table->smallest, key) <= 0 && bytes_compare(table->largest, key) >= 0;
}

/* Any of them may have it. */
static void look_into_first(struct hunt *hunt, const struct level_list *level)
{
    for (size_t i = 0; i < level->count; i++)
        if (may_hold(level->tables[i], hunt->key))
            look_into(hunt, level->tables[i]);
}

/* A key in a gap between two tables is not worth finding out: the table's filter knows. */
static bool is_between(const struct level_list *level, size_t number, struct bytes key)
{
    const struct listed *table = level->tables[number];

    return (number > 0 || bytes_compare(table->smallest, key) <= 0) &&
           (number + 1 < level->count || bytes_compare(table->largest, key) >= 0);
}

/* One of them may have it.  Rows of one key may stand in two that follow each other, the newer ones
 * in the first: it is the first that does not end before the key. */
static void look_into_level(struct hunt *hunt, const struct level_list *level)
{
    struct fence_search search;
    size_t low, high;

    if (level->count == 0)
        return;
    fences_begin(&search, level->fences, hunt->key);
    fences_find(&search, &low, &high);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (bytes_compare(level->tables[middle]->largest, hunt->key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (is_between(level, low, hunt->key))
        look_into(hunt, level->tables[low]);
}

static bool may_have_lately(const struct view *view, uint64_t hash)
{
    return key_filter_may_have_hash(view->newer->keys, hash) ||
           (view->older != NULL && key_filter_may_have_hash(view->older->keys, hash));
}

static void prefetch_lately(const struct view *view, uint64_t hash)
{
    key_filter_prefetch(view->newer->keys, hash);
    if (view->older != NULL)
        key_filter_prefetch(view->older->keys, hash);
}

static enum table_answer find_in_view(struct hunt *hunt, const struct view *view, uint64_t hash,
                                      struct bytes *value)
{
    enum table_answer answer = TABLE_ABSENT;

    prefetch_lately(view, hash);
    look_into_first(hunt, &view->levels[0]);
    for (int i = 1; i < MANIFEST_LEVELS; i++)
        look_into_level(hunt, &view->levels[i]);
    if (may_have_lately(view, hash))
        return TABLE_UNKNOWN;
    for (size_t i = 0; i < hunt->count; i++)
        table_search_narrow(&hunt->searches[i]);
    for (size_t i = 0; i < hunt->count && answer == TABLE_ABSENT; i++)
        answer = table_search_end(&hunt->searches[i], value);
    return answer == TABLE_ABSENT && hunt->is_cut ? TABLE_UNKNOWN : answer;
}

enum table_answer catalog_find(struct catalog *catalog, struct bytes key, uint64_t hash,
                               struct bytes *value)
{
    struct view *view = hold(catalog);
    enum table_answer answer;
    struct hunt hunt;

    if (view == NULL)
        return TABLE_UNKNOWN;
    hunt.catalog = catalog;
    hunt.key = key;
    hunt.hash = table_search_hash(key);
    hunt.count = 0;
    hunt.is_cut = false;
    answer = find_in_view(&hunt, view, hash, value);
    if (answer == TABLE_FOUND)
        *value = xbytes_copy(*value);
    let_go(catalog, view);
    return answer;
}
