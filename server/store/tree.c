#include "store/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <leveldb/c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/log_file.h"
#include "store/table.h"
#include "store/tables.h"

/* Chosen by measurement: bench/README.md, "LevelDB's settings".  A small disk gets a small write
 * buffer: what lies in full logs when it fills must fit once more into what is freed. */
#define WRITE_BUFFER_MAX (64u << 20)
#define WRITE_BUFFER_MIN (1u << 20)
#define DISK_PER_BUFFER  64 /* the disk holds at least so many write buffers */
#define BLOCK_CACHE_SIZE (16u << 20)
#define FILE_SIZE_MAX    (32u << 20)
#define BLOOM_BITS       TABLE_BLOOM_BITS

/* LevelDB maps so many tables at most, and reads others into memory of its own.  A mapped table
 * whose blocks are not compressed is used where it lies: index, filter and values are page cache.
 * Only the index is compressed with the rest, and then a copy of it stays in memory for as long as
 * the table is open. */
#define OPEN_FILES_MAX 1000

/* How LevelDB writes a batch to its log: a head, for each put or delete a byte before the sizes of
 * key and value, and a head for each piece of it in a block of the file. */
#define BATCH_HEAD     12
#define LOG_PIECE_HEAD 7
#define LOG_PIECE_MAX  (32768 - LOG_PIECE_HEAD)

#define WIPE_MARK "wiping" /* a file: see tree_wipe() */

struct tree {
    char *directory;
    size_t write_buffer_size;
    bool compresses;
    leveldb_t *db; /* NULL while it could not be reopened */
    unsigned long openings;
    leveldb_options_t *options;
    leveldb_cache_t *cache;
    leveldb_filterpolicy_t *filter;
    leveldb_readoptions_t *read;
    leveldb_readoptions_t *read_once; /* scans: don't push hot blocks out of the cache */
    leveldb_writeoptions_t *write;
    _Atomic int64_t log_bytes;
    struct levels before_reopening; /* what compaction did until then */
    pthread_mutex_t error_mutex;
    char error[TREE_ERROR_MAX];
};

struct tree_batch {
    leveldb_writebatch_t *batch;
    size_t size;
    size_t heads; /* what the log adds */
};

/* The one place where LevelDB's error texts become a status. */
static enum status take_error(struct tree *tree, char *text, const char *doing)
{
    enum status status = STATUS_IO;

    if (text == NULL)
        return STATUS_OK;
    if (strncmp(text, "Corruption", 10) == 0)
        status = STATUS_CORRUPT;
    else if (strstr(text, "lock ") != NULL)
        status = STATUS_LOCKED;
    pthread_mutex_lock(&tree->error_mutex);
    (void)snprintf(tree->error, sizeof tree->error, "%s", text);
    pthread_mutex_unlock(&tree->error_mutex);
    log_line(LOG_WARNING, "LevelDB, %s: %s", doing, text);
    leveldb_free(text);
    return status;
}

const char *tree_directory(const struct tree *tree)
{
    return tree->directory;
}

void tree_error(struct tree *tree, char error[TREE_ERROR_MAX])
{
    pthread_mutex_lock(&tree->error_mutex);
    memcpy(error, tree->error, TREE_ERROR_MAX);
    pthread_mutex_unlock(&tree->error_mutex);
}

/* Calls each() for every log file; stops when one fails. */
static enum status each_log(const struct tree *tree,
                            enum status (*each)(int directory, const char *name, void *context),
                            void *context)
{
    DIR *directory = opendir(tree->directory);
    enum status status = STATUS_OK;
    struct dirent *file;
    uint64_t number;

    if (directory == NULL)
        return STATUS_IO;
    while (status == STATUS_OK && (file = readdir(directory)) != NULL)
        if (log_file_is_log(file->d_name, &number))
            status = each(dirfd(directory), file->d_name, context);
    closedir(directory);
    return status;
}

static struct levels read_levels(struct tree *tree)
{
    char *table = tree_take_property(tree, "leveldb.stats");
    struct levels levels = levels_read(table);

    free(table);
    return levels;
}

static void close_database(struct tree *tree)
{
    struct levels levels = read_levels(tree);

    levels_add_work(&tree->before_reopening, &levels);
    if (tree->db != NULL)
        leveldb_close(tree->db);
    tree->db = NULL;
}

/* ---------- opening ---------- */

/* LevelDB removes its files in no order, and would take what is left of them for a database.  So a
 * mark is set before, and while it stands nothing in the directory counts. */
static enum status set_wipe_mark(struct tree *tree, int directory)
{
    int file = openat(directory, WIPE_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)tree;
    if (file < 0)
        return STATUS_IO;
    close(file);
    return fsync(directory) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status finish_wipe(struct tree *tree, int directory)
{
    char *text = NULL;
    enum status status;

    if (faccessat(directory, WIPE_MARK, F_OK, 0) != 0)
        return errno == ENOENT ? STATUS_OK : STATUS_IO;
    leveldb_destroy_db(tree->options, tree->directory, &text);
    status = take_error(tree, text, "wiping");
    if (status == STATUS_OK && (fsync(directory) != 0 || unlinkat(directory, WIPE_MARK, 0) != 0))
        status = STATUS_IO;
    return status;
}

static enum status with_directory(struct tree *tree,
                                  enum status (*act)(struct tree *tree, int directory))
{
    int directory = open(tree->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = directory < 0 ? STATUS_IO : act(tree, directory);

    if (directory >= 0)
        close(directory);
    return status;
}

static enum status open_database(struct tree *tree)
{
    enum status status = with_directory(tree, finish_wipe);
    char *text = NULL;

    if (status != STATUS_OK)
        return status;
    tree->db = leveldb_open(tree->options, tree->directory, &text);
    tree->openings += tree->db != NULL;
    return take_error(tree, text, "opening");
}

unsigned long tree_openings(const struct tree *tree)
{
    return tree->openings;
}

enum status tree_wipe(struct tree *tree)
{
    enum status status;

    close_database(tree);
    status = with_directory(tree, set_wipe_mark);
    return status == STATUS_OK ? open_database(tree) : status;
}

static enum status repair_database(struct tree *tree)
{
    char *text = NULL;

    log_line(LOG_WARNING, "The database in %s is damaged; repairing it, which may take a while.",
             tree->directory);
    leveldb_repair_db(tree->options, tree->directory, &text);
    return take_error(tree, text, "repairing");
}

static size_t write_buffer_for(const char *directory)
{
    struct statvfs disk;
    uint64_t share;

    if (statvfs(directory, &disk) != 0)
        return WRITE_BUFFER_MAX;
    share = (uint64_t)disk.f_blocks * disk.f_frsize / DISK_PER_BUFFER;
    if (share > WRITE_BUFFER_MAX)
        return WRITE_BUFFER_MAX;
    return share < WRITE_BUFFER_MIN ? WRITE_BUFFER_MIN : (size_t)share;
}

static struct tree *create(const char *directory, bool compresses)
{
    struct tree *tree = xcalloc(1, sizeof *tree);

    tree->directory = xstrdup(directory);
    tree->compresses = compresses;
    tree->write_buffer_size = write_buffer_for(directory);
    pthread_mutex_init(&tree->error_mutex, NULL);
    tree->cache = leveldb_cache_create_lru(BLOCK_CACHE_SIZE);
    tree->filter = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
    tree->options = leveldb_options_create();
    leveldb_options_set_create_if_missing(tree->options, 1);
    leveldb_options_set_paranoid_checks(tree->options, 1);
    leveldb_options_set_write_buffer_size(tree->options, tree->write_buffer_size);
    leveldb_options_set_max_file_size(tree->options, tree->write_buffer_size < FILE_SIZE_MAX
                                                         ? tree->write_buffer_size
                                                         : FILE_SIZE_MAX);
    leveldb_options_set_cache(tree->options, tree->cache);
    leveldb_options_set_filter_policy(tree->options, tree->filter);
    leveldb_options_set_block_size(tree->options, TABLE_BLOCK_SIZE);
    leveldb_options_set_max_open_files(tree->options, OPEN_FILES_MAX);
    leveldb_options_set_compression(tree->options, compresses ? leveldb_snappy_compression
                                                              : leveldb_no_compression);
    tree->read = leveldb_readoptions_create();
    tree->read_once = leveldb_readoptions_create();
    leveldb_readoptions_set_fill_cache(tree->read_once, 0);
    tree->write = leveldb_writeoptions_create();
    return tree;
}

enum status tree_open(const char *directory, bool compresses, struct tree **tree,
                      bool *was_repaired, char error[TREE_ERROR_MAX])
{
    struct tree *opened = create(directory, compresses);
    enum status status = tables_clean(directory);

    *was_repaired = false;
    if (status == STATUS_OK)
        status = open_database(opened);
    if (status == STATUS_CORRUPT) {
        status = repair_database(opened);
        if (status == STATUS_OK)
            status = open_database(opened);
        *was_repaired = true;
    }
    if (status != STATUS_OK) {
        tree_error(opened, error);
        tree_close(opened);
        return status;
    }
    *tree = opened;
    return STATUS_OK;
}

void tree_close(struct tree *tree)
{
    if (tree == NULL)
        return;
    close_database(tree);
    leveldb_writeoptions_destroy(tree->write);
    leveldb_readoptions_destroy(tree->read_once);
    leveldb_readoptions_destroy(tree->read);
    leveldb_options_destroy(tree->options);
    leveldb_filterpolicy_destroy(tree->filter);
    leveldb_cache_destroy(tree->cache);
    pthread_mutex_destroy(&tree->error_mutex);
    free(tree->directory);
    free(tree);
}

size_t tree_write_buffer_size(const struct tree *tree)
{
    return tree->write_buffer_size;
}

enum status tree_get(struct tree *tree, struct bytes key, struct bytes *value)
{
    char *text = NULL;
    size_t size;
    char *data = leveldb_get(tree->db, tree->read, key.data, key.size, &size, &text);

    if (text != NULL)
        return take_error(tree, text, "reading");
    if (data == NULL)
        return STATUS_NOT_FOUND;
    *value = (struct bytes){data, size};
    return STATUS_OK;
}

void tree_free(struct bytes value)
{
    leveldb_free((void *)(uintptr_t)value.data);
}

struct tree_batch *tree_batch_create(void)
{
    struct tree_batch *batch = xcalloc(1, sizeof *batch);

    batch->batch = leveldb_writebatch_create();
    return batch;
}

void tree_batch_destroy(struct tree_batch *batch)
{
    if (batch == NULL)
        return;
    leveldb_writebatch_destroy(batch->batch);
    free(batch);
}

/* Of a size before what has it. */
static size_t varint_size(size_t size)
{
    size_t bytes = 1;

    for (; size >= 0x80; size >>= 7)
        bytes++;
    return bytes;
}

void tree_batch_put(struct tree_batch *batch, struct bytes key, struct bytes value)
{
    leveldb_writebatch_put(batch->batch, key.data, key.size, value.data, value.size);
    batch->size += key.size + value.size;
    batch->heads += 1 + varint_size(key.size) + varint_size(value.size);
}

void tree_batch_delete(struct tree_batch *batch, struct bytes key)
{
    leveldb_writebatch_delete(batch->batch, key.data, key.size);
    batch->size += key.size;
    batch->heads += 1 + varint_size(key.size);
}

void tree_batch_clear(struct tree_batch *batch)
{
    leveldb_writebatch_clear(batch->batch);
    batch->size = batch->heads = 0;
}

size_t tree_batch_size(const struct tree_batch *batch)
{
    return batch->size;
}

static enum status sync_file(int directory, const char *name, void *context)
{
    int file = openat(directory, name, O_RDONLY | O_CLOEXEC);
    enum status status = STATUS_OK;

    (void)context;
    if (file < 0)
        return errno == ENOENT ? STATUS_OK : STATUS_IO; /* LevelDB removed it meanwhile */
    if (fdatasync(file) != 0)
        status = STATUS_IO;
    close(file);
    return status;
}

static enum status sync_names(struct tree *tree, int directory)
{
    (void)tree;
    return fsync(directory) == 0 ? STATUS_OK : STATUS_IO;
}

/* The names too: LevelDB begins a log now and then. */
enum status tree_sync_logs(struct tree *tree)
{
    enum status status = each_log(tree, sync_file, NULL);

    return status == STATUS_OK ? with_directory(tree, sync_names) : status;
}

static void count_log(struct tree *tree, const struct tree_batch *batch)
{
    size_t size = BATCH_HEAD + batch->heads + batch->size;

    atomic_fetch_add(&tree->log_bytes,
                     (int64_t)(size + (size / LOG_PIECE_MAX + 1) * LOG_PIECE_HEAD));
}

enum status tree_write(struct tree *tree, struct tree_batch *batch)
{
    char *text = NULL;

    if (tree->db == NULL)
        return STATUS_IO;
    leveldb_write(tree->db, tree->write, batch->batch, &text);
    count_log(tree, batch);
    return take_error(tree, text, "writing");
}

static enum status add_size(int directory, const char *name, void *context)
{
    struct stat file;
    off_t *total = context;

    if (fstatat(directory, name, &file, 0) == 0)
        *total += file.st_size;
    return STATUS_OK;
}

/* Opening writes the old logs into tables, and compaction wants to go on. */
bool tree_has_space(struct tree *tree, uint64_t more)
{
    char path[4096];
    off_t logs = 0;
    bool has_space;
    int file;

    if (each_log(tree, add_size, &logs) != STATUS_OK)
        return false;
    (void)snprintf(path, sizeof path, "%s/space.probe", tree->directory);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    has_space = posix_fallocate(file, 0, logs + (off_t)(tree->write_buffer_size / 4 + more)) == 0;
    close(file);
    unlink(path);
    return has_space;
}

enum status tree_reopen(struct tree *tree)
{
    close_database(tree);
    return open_database(tree);
}

/* ---------- tables of another database ---------- */

struct tables *tree_create_tables(const struct tree *tree, uint64_t last_sequence)
{
    return tables_create(tree->directory, tree->compresses, last_sequence);
}

enum status tree_install_tables(struct tree *tree, struct tables *tables, const struct run *rows)
{
    enum status status, opened;

    close_database(tree);
    status = tables_install(tables, rows);
    opened = open_database(tree);
    return status == STATUS_OK ? opened : status;
}

/* ---------- iterators ---------- */

/* Iterators are LevelDB's own, under another name. */
static leveldb_iterator_t *native(const struct tree_iterator *iterator)
{
    return (leveldb_iterator_t *)(uintptr_t)iterator;
}

struct tree_iterator *tree_iterate(struct tree *tree)
{
    return (struct tree_iterator *)leveldb_create_iterator(tree->db, tree->read_once);
}

void tree_iterator_destroy(struct tree_iterator *iterator)
{
    if (iterator != NULL)
        leveldb_iter_destroy(native(iterator));
}

void tree_iterator_seek(struct tree_iterator *iterator, struct bytes key)
{
    leveldb_iter_seek(native(iterator), key.data, key.size);
}

void tree_iterator_next(struct tree_iterator *iterator)
{
    leveldb_iter_next(native(iterator));
}

void tree_iterator_previous(struct tree_iterator *iterator)
{
    if (leveldb_iter_valid(native(iterator)))
        leveldb_iter_prev(native(iterator));
    else
        leveldb_iter_seek_to_last(native(iterator));
}

bool tree_iterator_is_valid(const struct tree_iterator *iterator)
{
    return leveldb_iter_valid(native(iterator));
}

struct bytes tree_iterator_key(const struct tree_iterator *iterator)
{
    struct bytes key;

    key.data = leveldb_iter_key(native(iterator), &key.size);
    return key;
}

struct bytes tree_iterator_value(const struct tree_iterator *iterator)
{
    struct bytes value;

    value.data = leveldb_iter_value(native(iterator), &value.size);
    return value;
}

enum status tree_iterator_status(struct tree_iterator *iterator)
{
    char *text = NULL;

    leveldb_iter_get_error(native(iterator), &text);
    if (text == NULL)
        return STATUS_OK;
    log_line(LOG_WARNING, "LevelDB, listing: %s", text);
    leveldb_free(text);
    return STATUS_IO;
}

void tree_compact(struct tree *tree, struct bytes from, struct bytes to)
{
    leveldb_compact_range(tree->db, from.data, from.size, to.data, to.size);
}

char *tree_take_property(struct tree *tree, const char *name)
{
    char *value, *copy;

    if (tree->db == NULL || (value = leveldb_property_value(tree->db, name)) == NULL)
        return NULL;
    copy = xstrdup(value);
    leveldb_free(value);
    return copy;
}

void tree_statistics(struct tree *tree, struct tree_statistics *statistics)
{
    off_t logs = 0;

    *statistics = (struct tree_statistics){.log_bytes = atomic_load(&tree->log_bytes),
                                           .levels = read_levels(tree)};
    (void)!each_log(tree, add_size, &logs);
    statistics->disk_bytes = levels_sum(&statistics->levels).bytes + (int64_t)logs;
    levels_add_work(&statistics->levels, &tree->before_reopening);
}
