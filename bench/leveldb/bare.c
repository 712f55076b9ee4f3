/* bare.c - LevelDB by itself, through its C API: what the server's figures are compared with.
 *
 *     bare DIR fill COUNT KEYS [name=value ...]   puts, in batches, of records as the server's;
 * then settles bare DIR get COUNT KEYS [...]               leveldb_get() of keys drawn from KEYS
 *     bare DIR miss COUNT KEYS [...]              ... of keys that are not there
 *
 * One line for each: us of CPU of the calling thread a put or get, of all threads, found, bytes on
 * disk, RssAnon and RssFile in KB.  A directory of the server may be read (its namespace's local
 * number is ns=), while no server runs on it.
 *
 *     ns=1 batch=200 order=0 size=64 text=0 seed=1 threads=1 passes=1
 *     buffer=32 file=32 (MiB) block=4 cache=16384 (KiB) bits=10 files=1000 snappy=1 restarts=16
 * crc=0
 *
 * order: 0 by key, 1 shuffled, and then sorted within each batch.
 */
#include "keys.h"

#include <dirent.h>
#include <endian.h>
#include <leveldb/c.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RECORD_HEAD 23 /* record.h: flags, stamp, origin, size, hash */
#define PREFIX      5  /* keyspace.h: 'm', namespace */

/* clang-format off */
enum { NS, BATCH, ORDER, SIZE, TEXT, SEED, THREADS, PASSES, BUFFER, FILE_SIZE, BLOCK, CACHE, BITS, FILES, SNAPPY, RESTARTS, CRC, SETTINGS };
static const char *const names[SETTINGS] = {
    "ns", "batch", "order", "size", "text", "seed", "threads", "passes", "buffer", "file", "block", "cache", "bits", "files", "snappy", "restarts", "crc"};
static uint64_t settings[SETTINGS] = {1, 200, 0, 64, 0, 1, 1, 1, 32, 32, 4, 16384, 10, 1000, 1, 16, 0};
/* clang-format on */

static leveldb_t *db;
static leveldb_readoptions_t *reading;
static uint64_t count, keys;
static bool is_miss;

static void die(const char *what)
{
    (void)fprintf(stderr, "bare: %s\n", what);
    exit(1);
}

static double clock_us(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static size_t stored_key(char *at, uint64_t number, bool missing)
{
    uint32_t ns = htobe32((uint32_t)settings[NS]);

    at[0] = 'm';
    memcpy(at + 1, &ns, sizeof ns);
    return PREFIX + write_key(at + PREFIX, number, missing);
}

static leveldb_t *open_database(const char *directory)
{
    leveldb_options_t *options = leveldb_options_create();
    char *error = NULL;
    leveldb_t *opened;

    leveldb_options_set_create_if_missing(options, 1);
    leveldb_options_set_paranoid_checks(options, 1);
    leveldb_options_set_write_buffer_size(options, settings[BUFFER] << 20);
    leveldb_options_set_max_file_size(options, settings[FILE_SIZE] << 20);
    leveldb_options_set_block_size(options, settings[BLOCK] << 10);
    leveldb_options_set_block_restart_interval(options, (int)settings[RESTARTS]);
    leveldb_options_set_cache(options, leveldb_cache_create_lru(settings[CACHE] << 10));
    leveldb_options_set_max_open_files(options, (int)settings[FILES]);
    leveldb_options_set_compression(options, settings[SNAPPY] ? leveldb_snappy_compression
                                                              : leveldb_no_compression);
    if (settings[BITS] > 0)
        leveldb_options_set_filter_policy(options,
                                          leveldb_filterpolicy_create_bloom((int)settings[BITS]));
    opened = leveldb_open(options, directory, &error);
    if (error != NULL)
        die(error);
    return opened;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void put_record(leveldb_writebatch_t *batch, uint64_t number, char *record)
{
    char key[PREFIX + KEY_MAX];
    size_t size = stored_key(key, number, false);
    uint64_t stamp = htobe64(0x0190000000000000u + number / 64), hash = mix(number);
    uint32_t value_size = (uint32_t)settings[SIZE];

    memset(record, 0, RECORD_HEAD);
    memcpy(record + 1, &stamp, sizeof stamp);
    memcpy(record + 11, &value_size, sizeof value_size);
    memcpy(record + 15, &hash, sizeof hash);
    write_value(record + RECORD_HEAD, settings[SIZE], number, settings[TEXT] != 0);
    leveldb_writebatch_put(batch, key, size, record, RECORD_HEAD + settings[SIZE]);
}

static void fill(void)
{
    leveldb_writeoptions_t *writing = leveldb_writeoptions_create();
    leveldb_writebatch_t *batch = leveldb_writebatch_create();
    uint64_t *numbers = malloc(settings[BATCH] * sizeof *numbers);
    char *record = malloc(RECORD_HEAD + settings[SIZE]), *error = NULL;

    for (uint64_t n = 0; n < count; n += settings[BATCH]) {
        uint64_t more = count - n < settings[BATCH] ? count - n : settings[BATCH];

        for (uint64_t i = 0; i < more; i++)
            numbers[i] =
                settings[ORDER] ? shuffled((n + i) % keys, keys, settings[SEED]) : (n + i) % keys;
        qsort(numbers, more, sizeof *numbers, compare_numbers);
        for (uint64_t i = 0; i < more; i++)
            put_record(batch, numbers[i], record);
        leveldb_write(db, writing, batch, &error);
        if (error != NULL)
            die(error);
        leveldb_writebatch_clear(batch);
    }
    free(numbers);
    free(record);
}

/* Until compaction has nothing to do: no CPU time for a while. */
static void settle(void)
{
    double before;

    do {
        before = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        usleep(300000);
    } while (clock_us(CLOCK_PROCESS_CPUTIME_ID) - before > 3000);
}

struct reader {
    pthread_t id;
    uint64_t state, found;
    double cpu_us;
};

static void *read_keys(void *context)
{
    struct reader *reader = context;
    double from = clock_us(CLOCK_THREAD_CPUTIME_ID);

    for (uint64_t n = 0; n < count; n++) {
        char key[PREFIX + KEY_MAX], *error = NULL, *value;
        size_t size = stored_key(key, draw(&reader->state, keys), is_miss);

        value = leveldb_get(db, reading, key, size, &size, &error);
        if (error != NULL)
            die(error);
        reader->found += value != NULL;
        leveldb_free(value);
    }
    reader->cpu_us = clock_us(CLOCK_THREAD_CPUTIME_ID) - from;
    return NULL;
}

static double read_all(uint64_t pass, uint64_t *found)
{
    static struct reader readers[64];
    double cpu_us = 0;

    for (uint64_t i = 0; i < settings[THREADS]; i++) {
        readers[i] = (struct reader){.state = mix(settings[SEED] + i + 100 * pass)};
        pthread_create(&readers[i].id, NULL, read_keys, &readers[i]);
    }
    for (uint64_t i = 0; i < settings[THREADS]; i++) {
        pthread_join(readers[i].id, NULL);
        cpu_us += readers[i].cpu_us;
        *found += readers[i].found;
    }
    return cpu_us / (double)settings[THREADS];
}

static uint64_t disk_bytes(const char *directory)
{
    DIR *folder = opendir(directory);
    struct dirent *file;
    struct stat stat;
    uint64_t bytes = 0;

    while ((file = readdir(folder)) != NULL)
        if (fstatat(dirfd(folder), file->d_name, &stat, 0) == 0 && S_ISREG(stat.st_mode))
            bytes += (uint64_t)stat.st_size;
    closedir(folder);
    return bytes;
}

static long memory_kb(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kb = strtol(line + strlen(name) + 1, NULL, 10);
    if (file != NULL)
        fclose(file);
    return kb;
}

static void read_setting(const char *word)
{
    for (int i = 0; i < SETTINGS; i++) {
        size_t size = strlen(names[i]);

        if (strncmp(word, names[i], size) == 0 && word[size] == '=') {
            settings[i] = strtoull(word + size + 1, NULL, 10);
            return;
        }
    }
    die("DIR fill|get|miss COUNT KEYS [name=value ...]");
}

static void report(const char *directory, double own_us, double all_us, uint64_t found)
{
    printf("%.3f %.3f %llu %llu %ld %ld\n", own_us / (double)count, all_us / (double)count,
           (unsigned long long)found, (unsigned long long)disk_bytes(directory),
           memory_kb("RssAnon"), memory_kb("RssFile"));
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    double own_us, all_us;

    if (argc < 5)
        read_setting("");
    for (int i = 5; i < argc; i++)
        read_setting(argv[i]);
    count = strtoull(argv[3], NULL, 10);
    keys = strtoull(argv[4], NULL, 10);
    is_miss = strcmp(argv[2], "miss") == 0;
    db = open_database(argv[1]);
    reading = leveldb_readoptions_create();
    for (uint64_t pass = 0; pass < settings[PASSES]; pass++) {
        uint64_t found = 0;

        all_us = clock_us(CLOCK_PROCESS_CPUTIME_ID);
        own_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
        if (strcmp(argv[2], "fill") == 0) {
            fill();
            own_us = clock_us(CLOCK_THREAD_CPUTIME_ID) - own_us;
            settle();
        } else {
            own_us = read_all(pass, &found);
        }
        report(argv[1], own_us, clock_us(CLOCK_PROCESS_CPUTIME_ID) - all_us, found);
    }
    leveldb_close(db);
    return 0;
}
