/* The disk fails: write(), fdatasync() and posix_fallocate() of this program are the ones below,
 * also for LevelDB, and refuse on demand. */
#include "store/store.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/random.h"
#include "base/wire.h"
#include "replication/records.h"
#include "store/feed.h"
#include "store/news.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/scan.h"
#include "store/store_internal.h"
#include "unit/store/one_store.h"
#include "unit/test.h"

#define STOP_MS_MAX 2000

/* ---------- the disk ---------- */

static atomic_bool is_full;           /* no file grows any more */
static _Atomic int64_t syncs_to_fail; /* what was written stays in the kernel's hands */
static _Atomic int64_t writes_until_full = INT64_MAX;

ssize_t write(int file, const void *data, size_t size)
{
    bool is_file = file > STDERR_FILENO;

    if (is_file && atomic_fetch_sub(&writes_until_full, 1) <= 0)
        atomic_store(&is_full, true);
    if (is_file && atomic_load(&is_full)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, file, data, size);
}

int fdatasync(int file)
{
    if (atomic_fetch_sub(&syncs_to_fail, 1) > 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, file);
}

int posix_fallocate(int file, off_t offset, off_t size); /* <fcntl.h> would call it fallocate64 */

int posix_fallocate(int file, off_t offset, off_t size)
{
    if (atomic_load(&is_full))
        return ENOSPC;
    return ftruncate(file, offset + size) == 0 ? 0 : errno;
}

static void repair_disk(void)
{
    atomic_store(&writes_until_full, INT64_MAX);
    atomic_store(&is_full, false);
    atomic_store(&syncs_to_fail, 0);
}

/* ---------- the store ---------- */

static int64_t now_ms(void)
{
    return clock_wall_ms(clock_real());
}

static void open_store(void)
{
    open_on(clock_real());
}

static int set_up_with(char *appendfsync)
{
    char *arguments[] = {"test",          "--dir",     fixture.directory, "--limits", "none",
                         "--appendfsync", appendfsync, "--cache-size",    "1mb"};

    commits_at_once = true;
    log_set_level(LOG_NOTHING);
    make_directory();
    take_options(arguments, COUNT_OF(arguments));
    open_store();
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with((char[]){"everysec"});
}

static int set_up_synced(void **state)
{
    (void)state;
    return set_up_with((char[]){"always"});
}

static int tear_down(void **state)
{
    (void)state;
    repair_disk();
    close_store();
    options_destroy(fixture.options);
    return remove_directory();
}

/* ---------- a client ---------- */

static void wait_until_writable(void)
{
    char reason[STORE_ERROR_MAX];

    for (int i = 0; i < DEADLINE_MS && store_is_refusing(fixture.store, reason); i++) {
        end_turn();
        if (store_failure_pending(fixture.thread))
            store_failure_seen(fixture.thread);
    }
    assert_false(store_is_refusing(fixture.store, reason));
}

static void write_into(const char *key, struct bytes value)
{
    char *area;

    assert_int_equal(txn_put(fixture.txn, db(0), bytes_of(key), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, value.size, &area),
                     STATUS_OK);
    memcpy(area, value.data, value.size);
}

static enum status begin(const char *key)
{
    txn_reset(fixture.txn, now_ms());
    txn_name(fixture.txn, db(0), bytes_of(key));
    return txn_enter(fixture.txn);
}

static uint64_t commit(void)
{
    uint64_t group = 0;
    int64_t wait_ms;

    assert_int_equal(txn_commit(fixture.txn, &group, &wait_ms), STATUS_OK);
    return group;
}

static uint64_t put_unseen(const char *key, struct bytes value)
{
    assert_int_equal(begin(key), STATUS_OK);
    write_into(key, value);
    return commit();
}

static bool put(const char *key, const char *value)
{
    return wait_for_group(put_unseen(key, bytes_of(value)));
}

static uint64_t delete_unseen(const char *key)
{
    assert_int_equal(begin(key), STATUS_OK);
    assert_int_equal(txn_delete(fixture.txn, db(0), bytes_of(key)), STATUS_OK);
    return commit();
}

static uint64_t empty_unseen(void)
{
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    assert_int_equal(registry_empty(fixture.txn, db(0)), STATUS_OK);
    return commit();
}

/* NULL = absent.  The answer may leave at once. */
static void assert_stored(const char *key, const char *value)
{
    const struct entry *entry;
    uint64_t depends_on = 0;
    enum status status =
        store_find(fixture.thread, db(0), bytes_of(key), now_ms(), &entry, &depends_on);

    assert_int_equal(depends_on, 0);
    assert_int_equal(status, value == NULL ? STATUS_NOT_FOUND : STATUS_OK);
    if (value != NULL)
        assert_true(bytes_equal(entry_value(entry), bytes_of(value)));
}

static void assert_count_is_exact(int64_t expected)
{
    struct bytes none = {"", 0};
    uint64_t depends_on = 0;
    int64_t listed = 0, bytes = 0;
    struct scan_row row;
    struct scan *scan;

    assert_int_equal(
        scan_open(fixture.thread, NULL, db(0), none, none, now_ms(), &scan, &depends_on),
        STATUS_OK);
    for (; scan_next(scan, &row) == STATUS_OK; listed++)
        bytes += (int64_t)(row.key.size + row.meta.size + row.value_size);
    scan_close(scan);
    assert_int_equal(listed, expected);
    assert_int_equal(db(0)->key_count, expected);
    assert_int_equal(db(0)->byte_count, bytes);
}

static void reopen_store(void)
{
    close_store();
    open_store();
}

static void ignore_told(void *context, struct bytes list)
{
    (void)context;
    (void)list;
}

/* ---------- claims ---------- */

static void a_failed_commit_leaves_nothing_behind_and_the_store_recovers(void **state)
{
    (void)state;
    assert_true(put("kept", "1"));
    atomic_store(&is_full, true);
    assert_false(put("lost", "1"));
    assert_stored("lost", NULL);
    assert_stored("kept", "1");
    assert_count_is_exact(1);
    assert_int_equal(begin("kept"), STATUS_CANNOT_PERSIST);
    repair_disk();
    wait_until_writable();
    assert_stored("lost", NULL);
    assert_true(put("kept", "2"));
    reopen_store();
    assert_stored("kept", "2");
    assert_stored("lost", NULL);
    assert_count_is_exact(1);
}

#define OTHER_NODE 77

static uint64_t merge_key_unseen(const char *key)
{
    struct replica *replica = replica_create(fixture.thread);
    static const char db0[NS_ID_SIZE];
    struct merge_counts counts = {0};
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    struct bytes none = {"", 0};
    struct wire_record record = {
        .ns = {db0, NS_ID_SIZE},
        .key = bytes_of(key),
        .meta = none,
        .value = none,
        .version = {stamp_of_wall_ms(now_ms()), OTHER_NODE, record_content_hash(none, none)},
        .expiry_ms = EXPIRY_NONE};
    uint64_t group = 0;
    size_t done = 0;

    records_put(&writer, &record);
    epoch_exit(store_epoch(fixture.thread));
    assert_int_equal(
        replica_merge(replica, buffer_view(&blob), 0, UINT64_MAX, &done, &counts, &group),
        STATUS_OK);
    epoch_enter(store_epoch(fixture.thread));
    assert_int_equal(counts.taken, 1);
    buffer_clear(&blob);
    replica_destroy(replica);
    return group;
}

/* The note that says who the alias is was lost with the record. */
static void a_node_is_known_though_its_first_record_was_lost(void **state)
{
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    store_set_horizon(fixture.store, 0);
    assert_true(put("mine", "1"));
    atomic_store(&is_full, true);
    assert_false(wait_for_group(merge_key_unseen("lost")));
    assert_stored("lost", NULL);
    repair_disk();
    wait_until_writable();
    assert_true(wait_for_group(merge_key_unseen("kept")));
    reopen_store();
    assert_stored("lost", NULL);
    assert_stored("kept", "");
    assert_int_equal(
        store_find(fixture.thread, db(0), bytes_of("kept"), now_ms(), &entry, &depends_on),
        STATUS_OK);
    assert_int_equal(store_node_of_alias(fixture.store, entry->header.origin), OTHER_NODE);
}

static void what_is_synced_always_is_durable_when_it_is_committed(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        uint64_t group = put_unseen("key", bytes_of("1"));

        assert_true(store_durable(fixture.store) < group);
        assert_true(wait_for_group(group));
        assert_true(store_durable(fixture.store) >= group);
    }
    assert_true(store_durable(fixture.store) <= store_committed(fixture.store));
}

static void a_failed_commit_is_not_fed_and_saves_no_state(void **state)
{
    struct buffer blob = {0}, saved = {0};
    uint64_t from, to = 0, cut;

    (void)state;
    feed_set_wanted(store_feed(fixture.store), true);
    assert_true(put("kept", "1"));
    from = store_clock(fixture.store);
    atomic_store(&is_full, true);
    (void)put_unseen("lost", bytes_of("1"));
    assert_false(wait_for_group(store_save_state(fixture.thread, bytes_of("lost"), true)));
    assert_int_equal(store_save_state(fixture.thread, bytes_of("refused"), false), 0);
    assert_true(feed_read(store_feed(fixture.store), from, 1000, &blob, &to, &cut));
    assert_int_equal(blob.size, 0);
    repair_disk();
    wait_until_writable();
    assert_int_equal(store_load_state(fixture.store, &saved), STATUS_OK);
    assert_int_equal(saved.size, 0);
    assert_true(put("kept", "2"));
    assert_true(feed_read(store_feed(fixture.store), from, 1000, &blob, &to, &cut));
    assert_int_not_equal(blob.size, 0);
    buffer_clear(&blob);
}

static void what_a_failed_commit_overwrote_and_deleted_is_back(void **state)
{
    uint64_t last;

    (void)state;
    assert_true(put("a", "1"));
    assert_true(put("b", "1"));
    atomic_store(&is_full, true);
    (void)put_unseen("a", bytes_of("2"));
    (void)put_unseen("a", bytes_of("33"));
    (void)put_unseen("new", bytes_of("1"));
    last = delete_unseen("b");
    assert_false(wait_for_group(last));
    assert_stored("a", "1");
    assert_stored("b", "1");
    assert_stored("new", NULL);
    assert_count_is_exact(2);
}

static void an_emptied_namespace_comes_back_and_its_readers_need_not_wait(void **state)
{
    (void)state;
    assert_true(put("k", "v"));
    atomic_store(&is_full, true);
    assert_false(wait_for_group(empty_unseen()));
    assert_stored("k", "v");
    assert_count_is_exact(1);
    repair_disk();
    wait_until_writable();
    assert_stored("k", "v");
    assert_true(wait_for_group(empty_unseen()));
    assert_stored("k", NULL);
    assert_count_is_exact(0);
}

/* A record of the registry as another replica would send it, of the namespace of db<0>. */
static uint64_t merge_unseen(char kind, uint64_t stamp, struct bytes value)
{
    char text[1 + NS_ID_SIZE];
    struct wire_record record = {
        .key = {text, sizeof text}, .value = value, .version.stamp = stamp, .kind = WIRE_LIVE};
    uint64_t group = 0;
    int64_t wait_ms;

    text[0] = kind;
    memcpy(text + 1, db(0)->id, NS_ID_SIZE);
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    assert_int_equal(registry_merged(fixture.txn, &record), STATUS_OK);
    assert_int_equal(txn_commit(fixture.txn, &group, &wait_ms), STATUS_OK);
    return group;
}

static uint64_t merge_emptying(uint64_t until)
{
    struct buffer value = {0};
    uint64_t group;

    wire_put_u64(&value, until);
    group = merge_unseen('e', until + 1, buffer_view(&value));
    buffer_clear(&value);
    return group;
}

static void an_emptying_by_another_replica_is_taken_back_whole(void **state)
{
    uint64_t until;

    (void)state;
    assert_true(put("old", "1"));
    until = txn_stamp(fixture.txn);
    assert_true(put("new", "2"));
    atomic_store(&is_full, true);
    assert_false(wait_for_group(merge_emptying(until)));
    assert_stored("old", "1");
    assert_stored("new", "2");
    assert_count_is_exact(2);
    assert_int_equal(db(0)->emptied_stamp, 0);
    repair_disk();
    wait_until_writable();
    assert_true(wait_for_group(merge_emptying(until)));
    for (int i = 0; i < 2; i++, reopen_store()) {
        assert_stored("old", NULL);
        assert_stored("new", "2");
        assert_count_is_exact(1);
    }
}

/* LevelDB finds the whole record in its log when it is opened again. */
static void a_commit_that_could_not_be_synced_does_not_come_back(void **state)
{
    (void)state;
    assert_true(put("kept", "1"));
    atomic_store(&syncs_to_fail, 1);
    assert_false(put("lost", "1"));
    repair_disk();
    wait_until_writable();
    assert_stored("lost", NULL);
    assert_stored("kept", "1");
    assert_count_is_exact(1);
    assert_true(put("next", "1"));
    reopen_store();
    assert_stored("lost", NULL);
    assert_count_is_exact(2);
}

/* Once the commit thread sleeps. */
static void a_small_group_is_committed_by_who_made_it(void **state)
{
    bool is_committed = false;

    (void)state;
    assert_true(put("k", "1")); /* raises the clock's ceiling */
    for (int i = 0; i < DEADLINE_MS && !is_committed; i++) {
        uint64_t group = put_unseen("k", bytes_of("2"));

        is_committed = store_commit_turn(fixture.thread);
        assert_true(!is_committed || store_committed(fixture.store) >= group);
        assert_true(is_committed || wait_for_group(group));
    }
    assert_true(is_committed);
    assert_stored("k", "2");
}

static void what_must_be_synced_or_told_is_left_to_the_commit_thread(void **state)
{
    (void)state;
    assert_true(put("k", "1"));
    put_unseen("k", bytes_of("2"));
    (void)store_request_sync(fixture.store);
    assert_false(store_commit_turn(fixture.thread));
    assert_true(wait_for_group(store_newest_group(fixture.store)));
    store_set_teller(fixture.store, ignore_told, NULL);
    store_listen(fixture.store, 1);
    put_unseen("k", bytes_of("3"));
    assert_false(store_commit_turn(fixture.thread));
    assert_true(wait_for_group(store_newest_group(fixture.store)));
}

static void a_sync_that_fails_in_the_background_is_not_forgotten(void **state)
{
    struct store_statistics statistics;

    (void)state;
    assert_true(put("first", "1")); /* synced, because it raises the clock's ceiling */
    assert_true(put("kept", "1"));
    atomic_store(&syncs_to_fail, 1); /* the kernel tells of it once */
    for (int i = 0; i < DEADLINE_MS && !store_failure_pending(fixture.thread); i++)
        end_turn();
    assert_true(store_failure_pending(fixture.thread));
    store_failure_seen(fixture.thread);
    repair_disk();
    wait_until_writable();
    store_statistics(fixture.store, &statistics);
    assert_int_equal(statistics.failed_commits, 1);
    assert_stored("kept", "1");
}

static int64_t stored_chunks(void)
{
    struct engine_iterator *iterator = engine_iterate(fixture.store->engine);
    int64_t count = 0;

    for (engine_iterator_seek(iterator, bytes_of("v"));
         engine_iterator_is_valid(iterator) && engine_iterator_key(iterator).data[0] == 'v';
         engine_iterator_next(iterator))
        count++;
    engine_iterator_destroy(iterator);
    return count;
}

static void the_pieces_of_a_long_value_that_failed_are_removed(void **state)
{
    size_t size = 9u << 20;
    char *value = calloc(1, size);

    (void)state;
    assert_non_null(value);
    assert_true(put("k", "v"));
    random_bytes(value, size);
    atomic_store(&writes_until_full, 2); /* some of the pieces come through */
    assert_false(wait_for_group(put_unseen("long", (struct bytes){value, size})));
    assert_stored("long", NULL);
    assert_true(stored_chunks() > 0);
    repair_disk();
    wait_until_writable();
    assert_int_equal(stored_chunks(), 0);
    assert_true(wait_for_group(put_unseen("long", (struct bytes){value, size})));
    reopen_store();
    assert_int_equal(stored_chunks(), 36);
    assert_count_is_exact(2);
    free(value);
}

static void the_store_closes_at_once_while_it_refuses_writes(void **state)
{
    int64_t began_ms;

    (void)state;
    assert_true(put("kept", "1"));
    atomic_store(&is_full, true);
    assert_false(put("lost", "1"));
    began_ms = now_ms();
    close_store();
    assert_true(now_ms() - began_ms < STOP_MS_MAX);
    repair_disk();
    open_store();
    assert_stored("kept", "1");
    assert_stored("lost", NULL);
    assert_count_is_exact(1);
}

static void the_store_closes_though_its_directory_is_gone(void **state)
{
    char elsewhere[sizeof fixture.directory + 8];

    (void)state;
    assert_true(put("kept", "1"));
    (void)snprintf(elsewhere, sizeof elsewhere, "%s-moved", fixture.directory);
    assert_int_equal(rename(fixture.directory, elsewhere), 0);
    close_store();
    assert_int_equal(rename(elsewhere, fixture.directory), 0);
    open_store();
    assert_stored("kept", "1");
    assert_count_is_exact(1);
}

static void nor_does_it_after_a_restart(void **state)
{
    (void)state;
    assert_true(put("kept", "1"));
    atomic_store(&syncs_to_fail, INT64_MAX);
    assert_false(put("lost", "1"));
    close_store();
    repair_disk();
    open_store();
    assert_stored("lost", NULL);
    assert_stored("kept", "1");
    assert_count_is_exact(1);
}

/* ---------- many writers ---------- */

#define WRITERS  3
#define ACCOUNTS 8
#define FAILURES 6

struct writer {
    pthread_t id;
    struct store_thread *thread;
    struct txn *txn;
    char own[16];                  /* a key that it alone counts up */
    int64_t written, acknowledged; /* the count there */
    uint64_t depends_on;
};

static atomic_bool is_over;

static int64_t number_at(struct txn *txn, const char *key)
{
    const struct entry *entry;
    int64_t number = 0;

    if (txn_find(txn, db(0), bytes_of(key), &entry) == STATUS_OK)
        memcpy(&number, entry_value(entry).data, sizeof number);
    return number;
}

static void put_number(struct txn *txn, const char *key, int64_t number)
{
    char *area;
    enum status status = txn_put(txn, db(0), bytes_of(key), (struct bytes){"", 0}, EXPIRY_NONE,
                                 false, sizeof number, &area);

    assert(status == STATUS_OK);
    memcpy(area, &number, sizeof number);
}

/* One from an account to the next, whose sum is 0, and one more of its own. */
static void transfer(struct writer *writer, uint64_t at)
{
    char from[16], to[16];
    int64_t wait_ms;
    enum status status;

    (void)snprintf(from, sizeof from, "account:%d", (int)(at % ACCOUNTS));
    (void)snprintf(to, sizeof to, "account:%d", (int)((at + 1) % ACCOUNTS));
    txn_reset(writer->txn, now_ms());
    txn_name(writer->txn, db(0), bytes_of(from));
    txn_name(writer->txn, db(0), bytes_of(to));
    txn_name(writer->txn, db(0), bytes_of(writer->own));
    if (txn_enter(writer->txn) != STATUS_OK)
        return;
    put_number(writer->txn, from, number_at(writer->txn, from) - 1);
    put_number(writer->txn, to, number_at(writer->txn, to) + 1);
    writer->written = number_at(writer->txn, writer->own) + 1;
    assert(writer->written > writer->acknowledged);
    put_number(writer->txn, writer->own, writer->written);
    status = txn_commit(writer->txn, &writer->depends_on, &wait_ms);
    assert(status == STATUS_OK);
}

static void *run_writer(void *context)
{
    struct writer *writer = context;
    struct epoch_thread *epoch = store_epoch(writer->thread);
    bool has_failed;

    for (uint64_t at = 0; !atomic_load(&is_over); at++) {
        epoch_enter(epoch);
        transfer(writer, at);
        (void)!store_commit_turn(writer->thread);
        epoch_exit(epoch);
        if (at % 5 == 0)
            poll(NULL, 0, 1);
        has_failed = store_failure_pending(writer->thread); /* then nothing is committed any more */
        if (store_committed(fixture.store) >= writer->depends_on)
            writer->acknowledged = writer->written;
        if (has_failed) {
            writer->depends_on = 0;
            writer->written = writer->acknowledged;
            store_failure_seen(writer->thread);
        }
    }
    return NULL;
}

static void start_writers(struct writer *writers)
{
    atomic_store(&is_over, false);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){.thread = store_join(fixture.store, ignore, NULL)};
        writers[i].txn = txn_create(writers[i].thread);
        (void)snprintf(writers[i].own, sizeof writers[i].own, "own:%d", i);
        pthread_create(&writers[i].id, NULL, run_writer, &writers[i]);
    }
}

static void stop_writers(struct writer *writers)
{
    atomic_store(&is_over, true);
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(writers[i].id, NULL);
        txn_destroy(writers[i].txn);
        store_leave(writers[i].thread);
    }
}

static int64_t stored_number(const char *key)
{
    const struct entry *entry;
    uint64_t depends_on = 0;
    int64_t number;

    assert_int_equal(
        store_find(fixture.thread, db(0), bytes_of(key), now_ms(), &entry, &depends_on), STATUS_OK);
    memcpy(&number, entry_value(entry).data, sizeof number);
    return number;
}

static void assert_books_balance(const struct writer *writers)
{
    int64_t sum = 0;
    char key[16];

    for (int i = 0; i < ACCOUNTS; i++) {
        (void)snprintf(key, sizeof key, "account:%d", i);
        sum += stored_number(key);
    }
    assert_int_equal(sum, 0);
    for (int i = 0; i < WRITERS; i++)
        assert_in_range(stored_number(writers[i].own), writers[i].acknowledged, writers[i].written);
    assert_count_is_exact(ACCOUNTS + WRITERS);
}

/* The main thread is a client too, which must say that it has seen each failure. */
static void let_pass_ms(int64_t duration_ms)
{
    for (int64_t end_ms = now_ms() + duration_ms; now_ms() < end_ms; end_turn())
        if (store_failure_pending(fixture.thread))
            store_failure_seen(fixture.thread);
}

static void many_writers_lose_nothing_that_was_acknowledged(void **state)
{
    struct writer writers[WRITERS];

    (void)state;
    start_writers(writers);
    for (int i = 0; i < FAILURES; i++) {
        let_pass_ms(50);
        if (i % 2 == 0)
            atomic_store(&is_full, true);
        else
            atomic_store(&syncs_to_fail, 1);
        let_pass_ms(100);
        repair_disk();
        wait_until_writable();
    }
    let_pass_ms(50);
    stop_writers(writers);
    let_pass_ms(50);
    assert_books_balance(writers);
    reopen_store();
    assert_books_balance(writers);
}

static atomic_int told_count;

static void count_told(void *context, struct bytes list)
{
    struct news news;

    (void)context;
    while (news_next(&list, &news))
        atomic_fetch_add(&told_count, 1);
}

static void of_a_failed_commit_nobody_is_told(void **state)
{
    (void)state;
    store_set_teller(fixture.store, count_told, NULL);
    store_listen(fixture.store, 1);
    atomic_store(&is_full, true);
    assert_false(put("lost", "1"));
    repair_disk();
    wait_until_writable();
    assert_true(put("kept", "1"));
    let_pass_ms(50);
    assert_int_equal(atomic_load(&told_count), 1);
}

#define CLAIM(name)        cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define SYNCED_CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up_synced, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_failed_commit_leaves_nothing_behind_and_the_store_recovers),
        CLAIM(a_node_is_known_though_its_first_record_was_lost),
        CLAIM(a_failed_commit_is_not_fed_and_saves_no_state),
        CLAIM(of_a_failed_commit_nobody_is_told),
        CLAIM(a_small_group_is_committed_by_who_made_it),
        CLAIM(what_must_be_synced_or_told_is_left_to_the_commit_thread),
        SYNCED_CLAIM(what_is_synced_always_is_durable_when_it_is_committed),
        CLAIM(what_a_failed_commit_overwrote_and_deleted_is_back),
        CLAIM(an_emptied_namespace_comes_back_and_its_readers_need_not_wait),
        CLAIM(an_emptying_by_another_replica_is_taken_back_whole),
        SYNCED_CLAIM(a_commit_that_could_not_be_synced_does_not_come_back),
        SYNCED_CLAIM(nor_does_it_after_a_restart),
        CLAIM(a_sync_that_fails_in_the_background_is_not_forgotten),
        CLAIM(the_pieces_of_a_long_value_that_failed_are_removed),
        CLAIM(many_writers_lose_nothing_that_was_acknowledged),
        SYNCED_CLAIM(many_writers_lose_nothing_that_was_acknowledged),
        CLAIM(the_store_closes_at_once_while_it_refuses_writes),
        CLAIM(the_store_closes_though_its_directory_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
