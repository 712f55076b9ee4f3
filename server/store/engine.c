#include "store/engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <leveldb/c.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/manifest.h"
#include "store/table.h"
#include "store/tables.h"

/* Chosen by measurement: bench/README.md, "LevelDB's settings".  A small disk gets a small write
 * buffer: what lies in full logs when it fills must fit once more into what is freed. */
#define WRITE_BUFFER_MAX (32u << 20)
#define WRITE_BUFFER_MIN (1u << 20)
#define DISK_PER_BUFFER  64 /* the disk holds at least so many write buffers */
#define BLOCK_CACHE_SIZE (16u << 20)
#define FILE_SIZE        (32u << 20)
#define BLOOM_BITS       TABLE_BLOOM_BITS

/* LevelDB maps so many tables at most, and reads others into memory of its own.  A mapped table
 * whose blocks are not compressed is used where it lies: index, filter and values are page cache.
 * Only the index is compressed with the rest, and then a copy of it stays in memory for as long as
 * the table is open. */
#define OPEN_FILES_MAX 1000

#define LEVEL_MIN   3 /* for tables: the first one with nothing of a small store */
#define LEVEL_HOLDS ((uint64_t)1000 << 20) /* what LEVEL_MIN does */

/* How LevelDB writes a batch to its log: a head, for each put or delete a byte before the sizes of
 * key and value, and a head for each piece of it in a block of the file. */
#define BATCH_HEAD     12
#define LOG_PIECE_HEAD 7
#define LOG_PIECE_MAX  (32768 - LOG_PIECE_HEAD)

/* A write is held up if it slept for longer than locks explain: LevelDB's own pauses are 1 ms. */
#define STALL_US 500

#define WIPE_MARK "wiping" /* a file: see engine_wipe() */

/* A place in the row of log files. */
struct log_end {
    unsigned long long number;
    off_t size;
};

struct engine {
    char *directory;
    size_t write_buffer_size;
    bool compresses;
    leveldb_t *db; /* NULL while it could not be reopened */
    leveldb_options_t *options;
    leveldb_cache_t *cache;
    leveldb_filterpolicy_t *filter;
    leveldb_readoptions_t *read;
    leveldb_readoptions_t *read_once; /* scans: don't push hot blocks out of the cache */
    leveldb_writeoptions_t *write, *write_synced;
    struct log_end before; /* the last synced write */
    bool must_cut;         /* it failed, and may stand behind that place all the same */
    _Atomic uint64_t writes;
    _Atomic int64_t put_bytes, log_bytes, stalls, stall_us;
    struct levels before_reopening; /* what compaction did until then */
    pthread_mutex_t error_mutex;
    char error[ENGINE_ERROR_MAX];
};

struct engine_batch {
    leveldb_writebatch_t *batch;
    size_t size;
    size_t heads; /* what the log adds */
};

/* The one place where LevelDB's error texts become a status. */
static enum status take_error(struct engine *engine, char *text, const char *doing)
{
    enum status status = STATUS_IO;

    if (text == NULL)
        return STATUS_OK;
    if (strncmp(text, "Corruption", 10) == 0)
        status = STATUS_CORRUPT;
    else if (strstr(text, "lock ") != NULL)
        status = STATUS_LOCKED;
    pthread_mutex_lock(&engine->error_mutex);
    (void)snprintf(engine->error, sizeof engine->error, "%s", text);
    pthread_mutex_unlock(&engine->error_mutex);
    log_line(LOG_WARNING, "LevelDB, %s: %s", doing, text);
    leveldb_free(text);
    return status;
}

void engine_error(struct engine *engine, char error[ENGINE_ERROR_MAX])
{
    pthread_mutex_lock(&engine->error_mutex);
    memcpy(error, engine->error, ENGINE_ERROR_MAX);
    pthread_mutex_unlock(&engine->error_mutex);
}

static bool is_log(const char *name)
{
    const char *dot = strchr(name, '.');

    return dot != NULL && dot > name && strspn(name, "0123456789") == (size_t)(dot - name) &&
           strcmp(dot, ".log") == 0;
}

/* Calls each() for every log file; stops when one fails. */
static enum status each_log(const struct engine *engine,
                            enum status (*each)(int directory, const char *name, void *context),
                            void *context)
{
    DIR *directory = opendir(engine->directory);
    enum status status = STATUS_OK;
    struct dirent *file;

    if (directory == NULL)
        return STATUS_IO;
    while (status == STATUS_OK && (file = readdir(directory)) != NULL)
        if (is_log(file->d_name))
            status = each(dirfd(directory), file->d_name, context);
    closedir(directory);
    return status;
}

static enum status cut_log(int directory, const char *name, void *context)
{
    unsigned long long number = strtoull(name, NULL, 10);
    const struct log_end *end = context;
    enum status status = STATUS_OK;
    int file;

    if (number < end->number)
        return STATUS_OK;
    file = openat(directory, name, O_WRONLY | O_CLOEXEC);
    if (file < 0 || ftruncate(file, number == end->number ? end->size : 0) != 0)
        status = STATUS_IO;
    if (file >= 0)
        close(file);
    return status;
}

static struct levels read_levels(struct engine *engine)
{
    char *table = engine_take_property(engine, "leveldb.stats");
    struct levels levels = levels_read(table);

    free(table);
    return levels;
}

static enum status close_database(struct engine *engine)
{
    struct levels levels = read_levels(engine);

    levels_add_work(&engine->before_reopening, &levels);
    if (engine->db != NULL)
        leveldb_close(engine->db);
    engine->db = NULL;
    if (engine->must_cut && each_log(engine, cut_log, &engine->before) != STATUS_OK)
        return STATUS_IO;
    engine->must_cut = false;
    return STATUS_OK;
}

/* ---------- opening ---------- */

/* LevelDB removes its files in no order, and would take what is left of them for a database.  So a
 * mark is set before, and while it stands nothing in the directory counts. */
static enum status set_wipe_mark(struct engine *engine, int directory)
{
    int file = openat(directory, WIPE_MARK, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    (void)engine;
    if (file < 0)
        return STATUS_IO;
    close(file);
    return fsync(directory) == 0 ? STATUS_OK : STATUS_IO;
}

static enum status finish_wipe(struct engine *engine, int directory)
{
    char *text = NULL;
    enum status status;

    if (faccessat(directory, WIPE_MARK, F_OK, 0) != 0)
        return errno == ENOENT ? STATUS_OK : STATUS_IO;
    leveldb_destroy_db(engine->options, engine->directory, &text);
    status = take_error(engine, text, "wiping");
    if (status == STATUS_OK && (fsync(directory) != 0 || unlinkat(directory, WIPE_MARK, 0) != 0))
        status = STATUS_IO;
    return status;
}

static enum status with_directory(struct engine *engine,
                                  enum status (*act)(struct engine *engine, int directory))
{
    int directory = open(engine->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = directory < 0 ? STATUS_IO : act(engine, directory);

    if (directory >= 0)
        close(directory);
    return status;
}

static enum status open_database(struct engine *engine)
{
    enum status status = with_directory(engine, finish_wipe);
    char *text = NULL;

    if (status != STATUS_OK)
        return status;
    engine->db = leveldb_open(engine->options, engine->directory, &text);
    return take_error(engine, text, "opening");
}

enum status engine_wipe(struct engine *engine)
{
    enum status status = close_database(engine);

    if (status == STATUS_OK)
        status = with_directory(engine, set_wipe_mark);
    return status == STATUS_OK ? open_database(engine) : status;
}

static enum status repair_database(struct engine *engine)
{
    char *text = NULL;

    log_line(LOG_WARNING, "The database in %s is damaged; repairing it, which may take a while.",
             engine->directory);
    leveldb_repair_db(engine->options, engine->directory, &text);
    return take_error(engine, text, "repairing");
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

static struct engine *create(const char *directory, bool compresses)
{
    struct engine *engine = xcalloc(1, sizeof *engine);

    engine->directory = xstrdup(directory);
    engine->compresses = compresses;
    engine->write_buffer_size = write_buffer_for(directory);
    pthread_mutex_init(&engine->error_mutex, NULL);
    engine->cache = leveldb_cache_create_lru(BLOCK_CACHE_SIZE);
    engine->filter = leveldb_filterpolicy_create_bloom(BLOOM_BITS);
    engine->options = leveldb_options_create();
    leveldb_options_set_create_if_missing(engine->options, 1);
    leveldb_options_set_paranoid_checks(engine->options, 1);
    leveldb_options_set_write_buffer_size(engine->options, engine->write_buffer_size);
    leveldb_options_set_max_file_size(engine->options, engine->write_buffer_size);
    leveldb_options_set_cache(engine->options, engine->cache);
    leveldb_options_set_filter_policy(engine->options, engine->filter);
    leveldb_options_set_block_size(engine->options, TABLE_BLOCK_SIZE);
    leveldb_options_set_max_open_files(engine->options, OPEN_FILES_MAX);
    leveldb_options_set_compression(engine->options, compresses ? leveldb_snappy_compression
                                                                : leveldb_no_compression);
    engine->read = leveldb_readoptions_create();
    engine->read_once = leveldb_readoptions_create();
    leveldb_readoptions_set_fill_cache(engine->read_once, 0);
    engine->write = leveldb_writeoptions_create();
    engine->write_synced = leveldb_writeoptions_create();
    leveldb_writeoptions_set_sync(engine->write_synced, 1);
    return engine;
}

enum status engine_open(const char *directory, bool compresses, struct engine **engine,
                        bool *was_repaired, char error[ENGINE_ERROR_MAX])
{
    struct engine *opened = create(directory, compresses);
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
        engine_error(opened, error);
        engine_close(opened);
        return status;
    }
    *engine = opened;
    return STATUS_OK;
}

void engine_close(struct engine *engine)
{
    if (engine == NULL)
        return;
    (void)!close_database(engine);
    leveldb_writeoptions_destroy(engine->write_synced);
    leveldb_writeoptions_destroy(engine->write);
    leveldb_readoptions_destroy(engine->read_once);
    leveldb_readoptions_destroy(engine->read);
    leveldb_options_destroy(engine->options);
    leveldb_filterpolicy_destroy(engine->filter);
    leveldb_cache_destroy(engine->cache);
    pthread_mutex_destroy(&engine->error_mutex);
    free(engine->directory);
    free(engine);
}

enum status engine_get(struct engine *engine, struct bytes key, struct bytes *value)
{
    char *text = NULL;
    size_t size;
    char *data = leveldb_get(engine->db, engine->read, key.data, key.size, &size, &text);

    if (text != NULL)
        return take_error(engine, text, "reading");
    if (data == NULL)
        return STATUS_NOT_FOUND;
    *value = (struct bytes){data, size};
    return STATUS_OK;
}

void engine_free(struct bytes value)
{
    leveldb_free((void *)(uintptr_t)value.data);
}

struct engine_batch *engine_batch_create(void)
{
    struct engine_batch *batch = xcalloc(1, sizeof *batch);

    batch->batch = leveldb_writebatch_create();
    return batch;
}

void engine_batch_destroy(struct engine_batch *batch)
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

void engine_batch_put(struct engine_batch *batch, struct bytes key, struct bytes value)
{
    leveldb_writebatch_put(batch->batch, key.data, key.size, value.data, value.size);
    batch->size += key.size + value.size;
    batch->heads += 1 + varint_size(key.size) + varint_size(value.size);
}

void engine_batch_delete(struct engine_batch *batch, struct bytes key)
{
    leveldb_writebatch_delete(batch->batch, key.data, key.size);
    batch->size += key.size;
    batch->heads += 1 + varint_size(key.size);
}

void engine_batch_clear(struct engine_batch *batch)
{
    leveldb_writebatch_clear(batch->batch);
    batch->size = batch->heads = 0;
}

size_t engine_batch_size(const struct engine_batch *batch)
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

enum status engine_sync_logs(struct engine *engine)
{
    return each_log(engine, sync_file, NULL);
}

static enum status find_log_end(int directory, const char *name, void *context)
{
    unsigned long long number = strtoull(name, NULL, 10);
    struct log_end *end = context;
    struct stat file;

    if (number >= end->number && fstatat(directory, name, &file, 0) == 0)
        *end = (struct log_end){number, file.st_size};
    return STATUS_OK;
}

/* The calling thread's time on the clock, on a processor, and how often it went to sleep. */
struct moment {
    int64_t wall_us, cpu_us;
    long sleeps;
};

static int64_t us_of(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static struct moment now(void)
{
    struct timespec wall;
    struct rusage usage;

    clock_gettime(CLOCK_MONOTONIC, &wall);
    (void)getrusage(RUSAGE_THREAD, &usage);
    return (struct moment){.wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
                           .cpu_us = us_of(usage.ru_utime) + us_of(usage.ru_stime),
                           .sleeps = usage.ru_nvcsw};
}

/* A thread that had to wait for a processor did not go to sleep by itself, so a busy machine alone
 * is no stall. */
static void count_stall(struct engine *engine, const struct moment *before)
{
    struct moment after = now();
    int64_t idle_us = after.wall_us - before->wall_us - (after.cpu_us - before->cpu_us);

    if (after.sleeps == before->sleeps || idle_us < STALL_US)
        return;
    atomic_fetch_add(&engine->stalls, 1);
    atomic_fetch_add(&engine->stall_us, idle_us);
}

static void count_write(struct engine *engine, const struct engine_batch *batch)
{
    size_t size = BATCH_HEAD + batch->heads + batch->size;

    atomic_fetch_add(&engine->writes, 1);
    atomic_fetch_add(&engine->put_bytes, (int64_t)batch->size);
    atomic_fetch_add(&engine->log_bytes,
                     (int64_t)(size + (size / LOG_PIECE_MAX + 1) * LOG_PIECE_HEAD));
}

/* A synced write waits for the disk, which is no stall. */
static char *write_batch(struct engine *engine, const struct engine_batch *batch, bool sync)
{
    struct moment before = now();
    char *text = NULL;

    leveldb_write(engine->db, sync ? engine->write_synced : engine->write, batch->batch, &text);
    if (!sync)
        count_stall(engine, &before);
    return text;
}

/* A write that failed to be synced stands whole in the log, and would be there again after opening.
 */
enum status engine_write(struct engine *engine, struct engine_batch *batch, bool sync)
{
    struct log_end before = {0};
    char *text;

    if (engine->db == NULL || (sync && each_log(engine, find_log_end, &before) != STATUS_OK))
        return STATUS_IO;
    text = write_batch(engine, batch, sync);
    count_write(engine, batch);
    if (text != NULL && sync && !engine->must_cut) {
        engine->must_cut = true;
        engine->before = before;
    }
    return take_error(engine, text, "writing");
}

uint64_t engine_writes(const struct engine *engine)
{
    return atomic_load(&engine->writes);
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
bool engine_has_space(struct engine *engine)
{
    char path[4096];
    off_t logs = 0;
    bool has_space;
    int file;

    if (each_log(engine, add_size, &logs) != STATUS_OK)
        return false;
    (void)snprintf(path, sizeof path, "%s/space.probe", engine->directory);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0)
        return false;
    has_space = posix_fallocate(file, 0, logs + (off_t)engine->write_buffer_size / 4) == 0;
    close(file);
    unlink(path);
    return has_space;
}

enum status engine_reopen(struct engine *engine)
{
    enum status status = close_database(engine);

    return status == STATUS_OK ? open_database(engine) : status;
}

/* ---------- tables that come in past the log ---------- */

/* The level at which LevelDB itself would keep so much: each holds ten times what the one above it
 * does.  Those above are left to what is written by the ordinary road, which is newer and may lie
 * across all of it. */
static int level_for(uint64_t size)
{
    uint64_t holds = LEVEL_HOLDS;
    int level = LEVEL_MIN;

    for (; level < MANIFEST_LEVELS - 1 && holds < size; level++)
        holds *= 10;
    return level;
}

struct tables *engine_create_tables(const struct engine *engine)
{
    return tables_create(engine->directory, engine->write_buffer_size, engine->compresses);
}

static enum status install(struct engine *engine, struct tables *tables, int level,
                           enum status (*how)(struct tables *tables, int level))
{
    enum status status = close_database(engine), opened;

    if (status != STATUS_OK)
        return status;
    status = how(tables, level);
    opened = open_database(engine);
    atomic_fetch_add(&engine->writes, 1);
    return status == STATUS_OK ? opened : status;
}

enum status engine_install_tables(struct engine *engine, struct tables *tables)
{
    return install(engine, tables, level_for(tables_size(tables)), tables_install);
}

/* Stops behind bytes_max. */
static enum status copy_rows(struct engine *engine, uint64_t bytes_max, struct tables *copy,
                             uint64_t *bytes)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    enum status status = STATUS_OK;

    *bytes = 0;
    engine_iterator_seek(iterator, bytes_of(""));
    for (; status == STATUS_OK && *bytes <= bytes_max && engine_iterator_is_valid(iterator);
         engine_iterator_next(iterator)) {
        struct bytes key = engine_iterator_key(iterator), value = engine_iterator_value(iterator);

        status = tables_put(copy, RUN_ROWS, key, value);
        *bytes += key.size + value.size;
    }
    if (status == STATUS_OK)
        status = engine_iterator_status(iterator);
    engine_iterator_destroy(iterator);
    return status == STATUS_OK ? tables_finish(copy) : status;
}

enum status engine_renew(struct engine *engine, uint64_t bytes_max, bool *is_renewed)
{
    struct tables *copy = engine_create_tables(engine);
    uint64_t bytes;
    enum status status = copy_rows(engine, bytes_max, copy, &bytes);
    bool fits = status == STATUS_OK && bytes <= bytes_max;

    if (fits)
        status = install(engine, copy, LEVEL_MIN - 1, tables_install_alone);
    tables_destroy(copy);
    if (status == STATUS_OK)
        *is_renewed = fits;
    return status;
}

/* ---------- iterators ---------- */

/* Iterators are LevelDB's own, under another name. */
static leveldb_iterator_t *native(const struct engine_iterator *iterator)
{
    return (leveldb_iterator_t *)(uintptr_t)iterator;
}

struct engine_iterator *engine_iterate(struct engine *engine)
{
    return (struct engine_iterator *)leveldb_create_iterator(engine->db, engine->read_once);
}

void engine_iterator_destroy(struct engine_iterator *iterator)
{
    if (iterator != NULL)
        leveldb_iter_destroy(native(iterator));
}

void engine_iterator_seek(struct engine_iterator *iterator, struct bytes key)
{
    leveldb_iter_seek(native(iterator), key.data, key.size);
}

void engine_iterator_next(struct engine_iterator *iterator)
{
    leveldb_iter_next(native(iterator));
}

void engine_iterator_previous(struct engine_iterator *iterator)
{
    if (leveldb_iter_valid(native(iterator)))
        leveldb_iter_prev(native(iterator));
    else
        leveldb_iter_seek_to_last(native(iterator));
}

bool engine_iterator_is_valid(const struct engine_iterator *iterator)
{
    return leveldb_iter_valid(native(iterator));
}

struct bytes engine_iterator_key(const struct engine_iterator *iterator)
{
    struct bytes key;

    key.data = leveldb_iter_key(native(iterator), &key.size);
    return key;
}

struct bytes engine_iterator_value(const struct engine_iterator *iterator)
{
    struct bytes value;

    value.data = leveldb_iter_value(native(iterator), &value.size);
    return value;
}

enum status engine_iterator_status(struct engine_iterator *iterator)
{
    char *text = NULL;

    leveldb_iter_get_error(native(iterator), &text);
    if (text == NULL)
        return STATUS_OK;
    log_line(LOG_WARNING, "LevelDB, listing: %s", text);
    leveldb_free(text);
    return STATUS_IO;
}

void engine_compact(struct engine *engine, struct bytes from, struct bytes to)
{
    leveldb_compact_range(engine->db, from.data, from.size, to.data, to.size);
}

char *engine_take_property(struct engine *engine, const char *name)
{
    char *value, *copy;

    if (engine->db == NULL || (value = leveldb_property_value(engine->db, name)) == NULL)
        return NULL;
    copy = xstrdup(value);
    leveldb_free(value);
    return copy;
}

void engine_statistics(struct engine *engine, struct engine_statistics *statistics)
{
    off_t logs = 0;

    *statistics = (struct engine_statistics){.put_bytes = atomic_load(&engine->put_bytes),
                                             .log_bytes = atomic_load(&engine->log_bytes),
                                             .stalls = atomic_load(&engine->stalls),
                                             .stall_us = atomic_load(&engine->stall_us),
                                             .levels = read_levels(engine)};
    (void)!each_log(engine, add_size, &logs);
    statistics->disk_bytes = levels_sum(&statistics->levels).bytes + (int64_t)logs;
    levels_add_work(&statistics->levels, &engine->before_reopening);
}
