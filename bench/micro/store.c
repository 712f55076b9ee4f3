/* The store: a record's bytes, transactions up to their commit, and bare LevelDB beside them.  On
 * disk in a temporary directory, without a sync of each group. */
#include <leveldb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "micro/micro.h"
#include "store/record.h"
#include "store/store.h"

#define TURN               16 /* operations in a turn of the event loop */
#define LOADED             1000000
#define RECORD_SIZE        123 /* what a value of 100 bytes is stored in */
#define LEVELDB_BATCH      200
#define LEVELDB_BUFFER     (32u << 20)
#define LEVELDB_BLOOM_BITS 10

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "micro: %s\n", what);
    exit(1);
}

static void make_directory(char *directory, size_t size)
{
    (void)snprintf(directory, size, "/tmp/grapevine-micro-XXXXXX");
    must(mkdtemp(directory) != NULL, "no temporary directory");
}

static void remove_directory(const char *directory)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    must(system(command) == 0, command);
}

/* --- a record's bytes --- */

struct codec {
    struct entry *entry;
    struct buffer bytes;
};

static void *codec_set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct codec *codec = xcalloc(1, sizeof *codec);
    char text[MICRO_KEY_SIZE];

    codec->entry = entry_create(1, 1, micro_key(1, text), (struct bytes){"", 0}, benchmark->size);
    memset(entry_value_area(codec->entry), 'x', benchmark->size);
    codec->entry->header.expiry_ms = EXPIRY_NONE;
    codec->entry->header.stamp = 1;
    (void)record_encode(&codec->bytes, codec->entry);
    *bytes = codec->bytes.size;
    return codec;
}

static void encode_run(void *state, size_t count)
{
    struct codec *codec = state;

    for (size_t i = 0; i < count; i++)
        micro_use(record_encode(&codec->bytes, codec->entry).size);
}

static void decode_run(void *state, size_t count)
{
    const struct codec *codec = state;
    struct record_view view;

    for (size_t i = 0; i < count; i++)
        micro_use(record_decode(buffer_view(&codec->bytes), &view) == STATUS_OK ? view.value.size
                                                                                : 0);
}

static void codec_tear_down(void *state)
{
    struct codec *codec = state;

    entry_destroy(codec->entry);
    buffer_clear(&codec->bytes);
    free(codec);
}

/* --- a store --- */

struct stored {
    char directory[64];
    struct options *options;
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
    struct ns *ns;
    size_t keys;
    uint64_t group; /* the last one that was written to */
};

static void pause_shortly(void)
{
    static const struct timespec pause = {0, 100000};

    nanosleep(&pause, NULL);
}

static void end_turn(struct stored *stored)
{
    store_end_turn(stored->thread);
    epoch_exit(store_epoch(stored->thread));
    epoch_enter(store_epoch(stored->thread));
}

static void begin(struct stored *stored, struct bytes key)
{
    enum status status;

    for (;;) {
        txn_reset(stored->txn, clock_wall_ms(clock_real()));
        txn_name(stored->txn, stored->ns, key);
        status = txn_enter(stored->txn);
        if (status != STATUS_PARKED)
            break;
        end_turn(stored);
        pause_shortly();
    }
    must(status == STATUS_OK, "txn_enter");
}

static void put(struct stored *stored, uint64_t number)
{
    char text[MICRO_KEY_SIZE], *area;
    struct bytes key = micro_key(number, text), value = micro_value();
    int64_t wait_ms;

    begin(stored, key);
    must(txn_put(stored->txn, stored->ns, key, (struct bytes){"", 0}, EXPIRY_NONE, false,
                 value.size, &area) == STATUS_OK,
         "txn_put");
    memcpy(area, value.data, value.size);
    must(txn_commit(stored->txn, &stored->group, &wait_ms) == STATUS_OK, "txn_commit");
}

static void await_commit(struct stored *stored)
{
    end_turn(stored);
    while (store_committed(stored->store) < stored->group)
        pause_shortly();
}

static void open_store(struct stored *stored)
{
    char error[STORE_ERROR_MAX > OPTIONS_ERROR_MAX ? STORE_ERROR_MAX : OPTIONS_ERROR_MAX];
    char program[] = "micro", dir[] = "--dir", level[] = "--loglevel", warning[] = "warning";
    char limits[] = "--limits", none[] = "none";
    char *arguments[] = {program, dir, stored->directory, level, warning, limits, none};

    stored->options = options_create();
    must(options_parse(stored->options, COUNT_OF(arguments), arguments, error) == STATUS_OK &&
             options_finish(stored->options, error) == STATUS_OK &&
             store_open(stored->options, clock_real(), &stored->store, error) == STATUS_OK,
         error);
}

static void *store_set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct stored *stored = xcalloc(1, sizeof *stored);

    (void)bytes;
    make_directory(stored->directory, sizeof stored->directory);
    open_store(stored);
    stored->thread = store_join(stored->store, NULL, NULL);
    stored->txn = txn_create(stored->thread);
    stored->ns = registry_database(store_registry(stored->store), 0);
    stored->keys = benchmark->size;
    epoch_enter(store_epoch(stored->thread));
    for (size_t i = 0; i < stored->keys; i++) {
        put(stored, i);
        if (i % TURN == 0)
            end_turn(stored);
    }
    await_commit(stored);
    return stored;
}

static void store_tear_down(void *state)
{
    struct stored *stored = state;

    txn_destroy(stored->txn);
    epoch_exit(store_epoch(stored->thread));
    store_leave(stored->thread);
    store_close(stored->store);
    options_destroy(stored->options);
    remove_directory(stored->directory);
    free(stored);
}

static void put_run(void *state, size_t count)
{
    struct stored *stored = state;

    for (size_t i = 0; i < count; i++) {
        put(stored, micro_random() % stored->keys);
        if (i % TURN == TURN - 1)
            end_turn(stored);
    }
    await_commit(stored);
}

/* The keys are there, and the transaction says so; it changes nothing, so there is no commit. */
static void enter_run(void *state, size_t count)
{
    struct stored *stored = state;
    char text[MICRO_KEY_SIZE];

    for (size_t i = 0; i < count; i++) {
        begin(stored, micro_key(micro_random() % stored->keys, text));
        txn_abandon(stored->txn);
    }
}

static void find_run(void *state, size_t count)
{
    struct stored *stored = state;
    const struct entry *entry;
    char text[MICRO_KEY_SIZE];
    int64_t now_ms = clock_wall_ms(clock_real());

    for (size_t i = 0; i < count; i++) {
        struct bytes key = micro_key(micro_random() % stored->keys, text);
        uint64_t depends_on = 0;

        must(store_find(stored->thread, stored->ns, key, now_ms, &entry, &depends_on) == STATUS_OK,
             "store_find");
        micro_use(entry->header.value_size);
    }
}

/* --- bare LevelDB, for comparison --- */

struct bare {
    char directory[64];
    leveldb_t *db;
    leveldb_options_t *options;
    leveldb_filterpolicy_t *bloom;
    leveldb_writeoptions_t *write;
    leveldb_readoptions_t *read;
    leveldb_writebatch_t *batch;
    size_t keys;
};

static void write_batch(struct bare *bare)
{
    char *error = NULL;

    leveldb_write(bare->db, bare->write, bare->batch, &error);
    must(error == NULL, "leveldb_write");
    leveldb_writebatch_clear(bare->batch);
}

static void bare_put(struct bare *bare, uint64_t number)
{
    static const char record[RECORD_SIZE];
    char text[MICRO_KEY_SIZE];
    struct bytes key = micro_key(number, text);

    leveldb_writebatch_put(bare->batch, key.data, key.size, record, sizeof record);
}

static void *bare_set_up(const struct benchmark *benchmark, size_t *bytes)
{
    struct bare *bare = xcalloc(1, sizeof *bare);
    char *error = NULL;

    (void)bytes;
    make_directory(bare->directory, sizeof bare->directory);
    bare->options = leveldb_options_create();
    bare->bloom = leveldb_filterpolicy_create_bloom(LEVELDB_BLOOM_BITS);
    leveldb_options_set_create_if_missing(bare->options, 1);
    leveldb_options_set_write_buffer_size(bare->options, LEVELDB_BUFFER);
    leveldb_options_set_filter_policy(bare->options, bare->bloom);
    bare->db = leveldb_open(bare->options, bare->directory, &error);
    must(error == NULL, "leveldb_open");
    bare->write = leveldb_writeoptions_create();
    bare->read = leveldb_readoptions_create();
    bare->batch = leveldb_writebatch_create();
    bare->keys = benchmark->size;
    for (size_t i = 0; i < bare->keys; i++) {
        bare_put(bare, i);
        if (i % LEVELDB_BATCH == LEVELDB_BATCH - 1)
            write_batch(bare);
    }
    leveldb_compact_range(bare->db, NULL, 0, NULL, 0);
    return bare;
}

static void bare_put_run(void *state, size_t count)
{
    struct bare *bare = state;

    for (size_t i = 0; i < count; i++) {
        bare_put(bare, micro_random() % bare->keys);
        if (i % LEVELDB_BATCH == LEVELDB_BATCH - 1)
            write_batch(bare);
    }
    write_batch(bare);
}

static void bare_get_run(void *state, size_t count)
{
    struct bare *bare = state;
    char text[MICRO_KEY_SIZE];

    for (size_t i = 0; i < count; i++) {
        struct bytes key = micro_key(micro_random() % bare->keys, text);
        char *error = NULL, *value;
        size_t size;

        value = leveldb_get(bare->db, bare->read, key.data, key.size, &size, &error);
        must(value != NULL && size == RECORD_SIZE, "leveldb_get");
        leveldb_free(value);
    }
}

static void bare_tear_down(void *state)
{
    struct bare *bare = state;

    leveldb_writebatch_destroy(bare->batch);
    leveldb_writeoptions_destroy(bare->write);
    leveldb_readoptions_destroy(bare->read);
    leveldb_close(bare->db);
    leveldb_options_destroy(bare->options);
    leveldb_filterpolicy_destroy(bare->bloom);
    remove_directory(bare->directory);
    free(bare);
}

/* clang-format off */
const struct benchmark store_benchmarks[] = {
    { "record: encode, 100 bytes",                                      codec_set_up, encode_run,   codec_tear_down, 100, false },
    { "record: decode, 100 bytes",                                      codec_set_up, decode_run,   codec_tear_down, 100, false },
    { "record: encode, 1000 bytes",                                     codec_set_up, encode_run,   codec_tear_down, 1000, false },
    { "store: find, 100k keys",                                         store_set_up, find_run,     store_tear_down, 100000, false },
    { "store: a transaction that changes nothing, 100k keys",           store_set_up, enter_run,    store_tear_down, 100000, false },
    { "store: put through to the commit, 100k keys",                    store_set_up, put_run,      store_tear_down, 100000, false },
    { "bare LevelDB: put, batches of 200, 1M keys",                     bare_set_up,  bare_put_run, bare_tear_down,  LOADED, false },
    { "bare LevelDB: get, 1M keys, page cache",                         bare_set_up,  bare_get_run, bare_tear_down,  LOADED, false },
    { NULL, NULL, NULL, NULL, 0, false },
};
/* clang-format on */
