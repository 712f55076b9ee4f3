/* Two stores in one process that merge each other's writes, with a clock that stands still until it
 * is moved. */
#include "store/replica.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "replication/records.h"
#include "store/feed.h"
#include "store/record.h"
#include "unit/test.h"

#define DEADLINE_MS 20000
#define NO_LIMIT    UINT64_MAX /* newest_allowed */

static _Atomic int64_t wall_us = 1700000000000000;

static int64_t fake_wall(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static const struct clock fake_clock = {fake_wall, fake_wall};

struct side {
    char directory[64];
    struct options *options;
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
    struct replica *replica;
    struct merge_counts counts;
    uint64_t pushed; /* how far the other side has read */
    int wakes;
};

static struct side a, b;

static int64_t now_ms(void)
{
    return atomic_load(&wall_us) / 1000;
}

static void pass_ms(int64_t ms)
{
    atomic_fetch_add(&wall_us, ms * 1000);
}

static void count_wake(void *context)
{
    struct side *side = context;

    __atomic_fetch_add(&side->wakes, 1, __ATOMIC_RELAXED);
}

static void open_side(struct side *side)
{
    char error[STORE_ERROR_MAX];

    assert_int_equal(store_open(side->options, &fake_clock, &side->store, error), STATUS_OK);
    side->thread = store_join(side->store, count_wake, side);
    side->txn = txn_create(side->thread);
    side->replica = replica_create(side->thread);
    store_set_horizon(side->store, 0);
    feed_set_wanted(store_feed(side->store), true);
    side->pushed = store_clock(side->store);
    side->counts = (struct merge_counts){0};
}

static void close_side(struct side *side)
{
    replica_destroy(side->replica);
    txn_destroy(side->txn);
    store_leave(side->thread);
    store_close(side->store);
}

static void reopen(struct side *side)
{
    close_side(side);
    open_side(side);
}

/* The next opening finds what a crash would have left at this moment. */
static void crash(struct side *side)
{
    char command[256];

    (void)snprintf(command, sizeof command, "cp -r %s %s.copy", side->directory, side->directory);
    assert_int_equal(system(command), 0);
    close_side(side);
    (void)snprintf(command, sizeof command, "rm -rf %s && mv %s.copy %s", side->directory,
                   side->directory, side->directory);
    assert_int_equal(system(command), 0);
    open_side(side);
}

static void make_side(struct side *side)
{
    char error[OPTIONS_ERROR_MAX];
    char program[] = "test", dir[] = "--dir", level[] = "--loglevel", warning[] = "warning";
    char limits[] = "--limits", none[] = "none";
    char *arguments[] = {program, dir, side->directory, level, warning, limits, none};

    *side = (struct side){.directory = "/tmp/grapevine-test-XXXXXX"};
    assert_non_null(mkdtemp(side->directory));
    side->options = options_create();
    assert_int_equal(options_parse(side->options, COUNT_OF(arguments), arguments, error),
                     STATUS_OK);
    assert_int_equal(options_finish(side->options, error), STATUS_OK);
    open_side(side);
}

static void remove_side(struct side *side)
{
    char command[128];

    close_side(side);
    options_destroy(side->options);
    (void)snprintf(command, sizeof command, "rm -rf %s", side->directory);
    assert_int_equal(system(command), 0);
}

static int set_up(void **state)
{
    (void)state;
    make_side(&a);
    make_side(&b);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_side(&a);
    remove_side(&b);
    return 0;
}

/* ---------- clients ---------- */

static struct ns *db(const struct side *side, int n)
{
    return registry_database(store_registry(side->store), n);
}

static void wait_committed(struct side *side, uint64_t group)
{
    store_end_turn(side->thread);
    for (int i = 0; i < DEADLINE_MS && store_committed(side->store) < group; i++)
        poll(NULL, 0, 1);
    assert_true(store_committed(side->store) >= group);
}

static enum status finish_txn(struct side *side, bool waits)
{
    uint64_t group = 0;
    int64_t wait_ms = 0;
    enum status status = txn_commit(side->txn, &group, &wait_ms);

    epoch_exit(store_epoch(side->thread));
    if (status == STATUS_OK && waits)
        wait_committed(side, group);
    return status;
}

static enum status begin_txn(struct side *side)
{
    enum status status;

    txn_reset(side->txn, now_ms());
    epoch_enter(store_epoch(side->thread));
    status = txn_enter(side->txn);
    if (status != STATUS_OK)
        epoch_exit(store_epoch(side->thread));
    return status;
}

static void put_in(struct side *side, struct ns *ns, const char *key, struct bytes value,
                   const char *meta, int64_t expiry_ms)
{
    char *area;

    assert_int_equal(
        txn_put(side->txn, ns, bytes_of(key), bytes_of(meta), expiry_ms, false, value.size, &area),
        STATUS_OK);
    memcpy(area, value.data, value.size);
}

static enum status put(struct side *side, const char *key, const char *value)
{
    enum status status = begin_txn(side);

    if (status != STATUS_OK)
        return status;
    put_in(side, db(side, 0), key, bytes_of(value), "", EXPIRY_NONE);
    return finish_txn(side, true);
}

static void delete_key(struct side *side, const char *key)
{
    assert_int_equal(begin_txn(side), STATUS_OK);
    assert_int_equal(txn_delete(side->txn, db(side, 0), bytes_of(key)), STATUS_OK);
    assert_int_equal(finish_txn(side, true), STATUS_OK);
}

/* "(none)", or the value. */
static void assert_value(struct side *side, struct ns *ns, const char *key, const char *expected)
{
    const struct entry *entry;
    uint64_t depends_on = 0;
    bool is_there, is_same = false;

    epoch_enter(store_epoch(side->thread));
    is_there =
        store_find(side->thread, ns, bytes_of(key), now_ms(), &entry, &depends_on) == STATUS_OK;
    if (is_there)
        is_same = bytes_equal(entry_value(entry), bytes_of(expected));
    epoch_exit(store_epoch(side->thread));
    assert_true(is_there ? is_same : strcmp(expected, "(none)") == 0);
}

static void assert_both(const char *key, const char *expected)
{
    assert_value(&a, db(&a, 0), key, expected);
    assert_value(&b, db(&b, 0), key, expected);
}

static struct version version_at(struct side *side, const char *key)
{
    const struct entry *entry;
    uint64_t depends_on = 0;
    struct version version = {0};

    epoch_enter(store_epoch(side->thread));
    if (store_find_any(side->thread, db(side, 0), bytes_of(key), &entry, &depends_on) == STATUS_OK)
        version = (struct version){entry->header.stamp,
                                   store_node_of_alias(side->store, entry->header.origin),
                                   entry->header.value_hash};
    epoch_exit(store_epoch(side->thread));
    return version;
}

static void assert_same_version(const char *key)
{
    struct version at_a = version_at(&a, key), at_b = version_at(&b, key);

    assert_int_not_equal(at_a.stamp, 0);
    assert_int_equal(version_compare(&at_a, &at_b), 0);
}

/* ---------- merging ---------- */

static enum status merge_from(struct side *side, struct bytes blob, uint64_t newest_allowed,
                              size_t *done)
{
    uint64_t group = 0;
    enum status status;

    do
        status = replica_merge(side->replica, blob, store_horizon(side->store), newest_allowed,
                               done, &side->counts, &group);
    while (status == STATUS_OK && *done < blob.size);
    wait_committed(side, group);
    return status;
}

static enum status merge(struct side *side, struct bytes blob)
{
    size_t done = 0;
    enum status status = merge_from(side, blob, NO_LIMIT, &done);

    if (status == STATUS_OK)
        assert_int_equal(done, blob.size);
    return status;
}

static struct buffer new_writes(struct side *side)
{
    struct buffer blob = {0};
    uint64_t to = 0, cut;

    assert_true(feed_read(store_feed(side->store), side->pushed, SIZE_MAX, &blob, &to, &cut));
    side->pushed = to;
    return blob;
}

static void push(struct side *from, struct side *to)
{
    struct buffer blob = new_writes(from);

    assert_int_equal(merge(to, buffer_view(&blob)), STATUS_OK);
    buffer_clear(&blob);
}

static void exchange(void)
{
    push(&a, &b);
    push(&b, &a);
}

#define OTHER_NODE 77

/* A record of db0, as a third node might have written it. */
static struct wire_record record_of(const char *key, const char *value, uint64_t stamp)
{
    static const char db0[NS_ID_SIZE];

    return (struct wire_record){
        .ns = {db0, NS_ID_SIZE},
        .key = bytes_of(key),
        .meta = {"", 0},
        .value = bytes_of(value),
        .version = {stamp, OTHER_NODE, record_content_hash(bytes_of(value), (struct bytes){"", 0})},
        .expiry_ms = EXPIRY_NONE,
        .value_size = (uint32_t)strlen(value),
        .kind = WIRE_LIVE,
    };
}

static struct buffer blob_of(const struct wire_record *records, size_t count)
{
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};

    for (size_t i = 0; i < count; i++)
        records_put(&writer, &records[i]);
    return blob;
}

static enum status merge_records(struct side *side, const struct wire_record *records, size_t count)
{
    struct buffer blob = blob_of(records, count);
    enum status status = merge(side, buffer_view(&blob));

    buffer_clear(&blob);
    return status;
}

static enum status merge_record(struct side *side, struct wire_record record)
{
    return merge_records(side, &record, 1);
}

static uint64_t stamp_now(void)
{
    return stamp_of_wall_ms(now_ms());
}

/* ---------- claims: merging ---------- */

static void stores_that_exchange_their_writes_hold_the_same(void **state)
{
    (void)state;
    assert_int_equal(put(&a, "one", "a"), STATUS_OK);
    assert_int_equal(put(&b, "two", "b"), STATUS_OK);
    assert_int_equal(put(&a, "both", "older"), STATUS_OK);
    pass_ms(5);
    assert_int_equal(put(&b, "both", "newer"), STATUS_OK);
    exchange();
    assert_both("one", "a");
    assert_both("two", "b");
    assert_both("both", "newer");
    assert_same_version("one");
    assert_same_version("two");
    assert_same_version("both");
    assert_int_equal(version_at(&b, "one").node_id, store_node_id(a.store));
}

static void merging_again_changes_nothing(void **state)
{
    struct buffer blob;

    (void)state;
    assert_int_equal(put(&a, "one", "1"), STATUS_OK);
    assert_int_equal(put(&a, "two", "2"), STATUS_OK);
    blob = new_writes(&a);
    assert_int_equal(merge(&b, buffer_view(&blob)), STATUS_OK);
    assert_int_equal(b.counts.kept, 0);
    assert_int_equal(b.counts.taken, 2);
    assert_int_equal(merge(&b, buffer_view(&blob)), STATUS_OK);
    assert_int_equal(b.counts.taken, 2);
    assert_int_equal(b.counts.kept, 2);
    assert_int_equal(db(&b, 0)->key_count, 2);
    buffer_clear(&blob);
}

static void a_delete_reaches_the_other_side(void **state)
{
    (void)state;
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    exchange();
    pass_ms(1);
    delete_key(&b, "key");
    exchange();
    assert_both("key", "(none)");
    assert_same_version("key");
    assert_int_equal(db(&a, 0)->key_count, 0);
}

static void an_older_delete_does_not_win(void **state)
{
    struct wire_record gone = record_of("key", "", stamp_now());

    (void)state;
    gone.kind = WIRE_TOMBSTONE;
    gone.version.value_hash = 0;
    pass_ms(5);
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    assert_int_equal(merge_record(&a, gone), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "1");
    assert_int_equal(a.counts.kept, 1);
}

static void expiry_metadata_and_encoding_are_merged(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    record.meta = bytes_of("{}");
    record.version.value_hash = record_content_hash(record.value, record.meta);
    record.expiry_ms = now_ms() + 60000;
    record.is_raw = true;
    assert_int_equal(merge_record(&a, record), STATUS_OK);
    epoch_enter(store_epoch(a.thread));
    assert_int_equal(
        store_find(a.thread, db(&a, 0), bytes_of("key"), now_ms(), &entry, &depends_on), STATUS_OK);
    assert_true(bytes_equal(entry_meta(entry), bytes_of("{}")));
    assert_int_equal(entry->header.expiry_ms, now_ms() + 60000);
    assert_true(entry->header.is_raw);
    epoch_exit(store_epoch(a.thread));
    assert_int_equal(db(&a, 0)->expiring_count, 1);
    pass_ms(60000);
    assert_value(&a, db(&a, 0), "key", "(none)");
}

static void an_expired_record_is_merged_as_one(void **state)
{
    struct wire_record record = record_of("key", "1234", stamp_now());

    (void)state;
    record.kind = WIRE_EXPIRED;
    record.expiry_ms = now_ms();
    assert_int_equal(merge_record(&a, record), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "(none)");
    assert_int_equal(store_buried_count(a.store), 1);
    assert_int_equal(db(&a, 0)->key_count, 0);
    reopen(&a);
    assert_int_equal(store_buried_count(a.store), 1);
    assert_int_equal(version_at(&a, "key").value_hash, record.version.value_hash);
}

static void a_record_that_comes_after_its_expiry_is_absent_and_swept(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());

    (void)state;
    record.expiry_ms = now_ms() - 1;
    assert_int_equal(merge_record(&a, record), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "(none)");
    for (int i = 0; i < DEADLINE_MS && store_buried_count(a.store) == 0; i++)
        poll(NULL, 0, 1);
    assert_int_equal(store_buried_count(a.store), 1);
    assert_int_equal(version_at(&a, "key").stamp, record.version.stamp);
}

static void long_values_are_merged_whole(void **state)
{
    size_t size = 3 * 1024 * 1024 + 17;
    char *value = calloc(1, size + 1);

    (void)state;
    for (size_t i = 0; i < size; i++)
        value[i] = (char)('a' + i % 23);
    assert_int_equal(put(&a, "long", value), STATUS_OK);
    assert_int_equal(put(&a, "short", "1"), STATUS_OK);
    exchange();
    assert_both("long", value);
    reopen(&b);
    assert_both("long", value);
    assert_both("short", "1");
    free(value);
}

static void many_records_go_in_several_transactions(void **state)
{
    enum { COUNT = 3000, A_CALL = 1024 };
    uint64_t group = 0;
    size_t done = 0;
    struct buffer blob;
    struct wire_record *records = calloc(COUNT, sizeof *records);
    char(*keys)[16] = calloc(COUNT, sizeof *keys);

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%d", i);
        records[i] = record_of(keys[i], "v", stamp_now() + (uint64_t)i);
    }
    blob = blob_of(records, COUNT);
    assert_int_equal(replica_merge(a.replica, buffer_view(&blob), store_horizon(a.store), NO_LIMIT,
                                   &done, &a.counts, &group),
                     STATUS_OK);
    assert_int_equal(a.counts.taken, A_CALL);
    assert_true(done > 0 && done < blob.size);
    assert_int_equal(merge_from(&a, buffer_view(&blob), NO_LIMIT, &done), STATUS_OK);
    assert_int_equal(done, blob.size);
    assert_int_equal(a.counts.taken, COUNT);
    assert_int_equal(db(&a, 0)->key_count, COUNT);
    assert_value(&a, db(&a, 0), "2999", "v");
    buffer_clear(&blob);
    free(records);
    free(keys);
}

static void two_versions_of_a_key_in_one_blob_leave_the_newer(void **state)
{
    struct wire_record records[3] = {record_of("key", "2", stamp_now() + 2),
                                     record_of("key", "3", stamp_now() + 3),
                                     record_of("key", "1", stamp_now() + 1)};

    (void)state;
    assert_int_equal(merge_records(&a, records, 3), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "3");
    assert_int_equal(a.counts.taken, 2);
    assert_int_equal(a.counts.kept, 1);
    assert_int_equal(db(&a, 0)->key_count, 1);
}

static void one_write_with_two_values_is_counted(void **state)
{
    uint64_t stamp = stamp_now();

    (void)state;
    assert_int_equal(merge_record(&a, record_of("key", "1", stamp)), STATUS_OK);
    assert_int_equal(merge_record(&a, record_of("key", "2", stamp)), STATUS_OK);
    assert_int_equal(merge_record(&b, record_of("key", "2", stamp)), STATUS_OK);
    assert_int_equal(merge_record(&b, record_of("key", "1", stamp)), STATUS_OK);
    assert_int_equal(a.counts.conflicts, 1);
    assert_same_version("key");
}

static void what_comes_later_wins_over_what_was_merged(void **state)
{
    uint64_t ahead = stamp_of_wall_ms(now_ms() + 400);

    (void)state;
    assert_int_equal(merge_record(&a, record_of("key", "theirs", ahead)), STATUS_OK);
    assert_int_equal(put(&a, "key", "mine"), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "mine");
    assert_true(version_at(&a, "key").stamp > ahead);
    exchange();
    assert_both("key", "mine");
}

static void also_after_a_crash(void **state)
{
    uint64_t ahead = stamp_of_wall_ms(now_ms() + 5000);

    (void)state;
    assert_int_equal(merge_record(&a, record_of("key", "theirs", ahead)), STATUS_OK);
    crash(&a);
    assert_int_equal(put(&a, "key", "mine"), STATUS_OK);
    assert_true(version_at(&a, "key").stamp > ahead);
}

static void nothing_is_merged_from_a_record_of_the_future_on(void **state)
{
    uint64_t now = stamp_now();
    struct wire_record records[3] = {record_of("1", "1", now), record_of("2", "2", now + 2),
                                     record_of("3", "3", now + 1)};
    struct buffer blob = blob_of(records, 3);
    size_t done = 0;

    (void)state;
    assert_int_equal(merge_from(&a, buffer_view(&blob), now + 1, &done), STATUS_CLOCK_SKEW);
    assert_int_equal(a.counts.taken, 1);
    assert_value(&a, db(&a, 0), "1", "1");
    assert_value(&a, db(&a, 0), "3", "(none)");
    assert_int_equal(merge_from(&a, buffer_view(&blob), now + 2, &done), STATUS_OK);
    assert_int_equal(done, blob.size);
    assert_int_equal(a.counts.taken, 3);
    buffer_clear(&blob);
}

static void a_namespace_comes_before_its_keys(void **state)
{
    uint64_t group = 0;
    struct ns *at_a, *at_b;
    struct buffer blob;
    int64_t wait_ms;

    (void)state;
    assert_int_equal(begin_txn(&a), STATUS_OK);
    assert_int_equal(registry_create(a.txn, bytes_of("photos")), STATUS_OK);
    assert_int_equal(registry_find(store_registry(a.store), bytes_of("photos"), &at_a), STATUS_OK);
    put_in(&a, at_a, "key", bytes_of("1"), "", EXPIRY_NONE);
    assert_int_equal(txn_commit(a.txn, &group, &wait_ms), STATUS_OK);
    epoch_exit(store_epoch(a.thread));
    wait_committed(&a, group);
    blob = new_writes(&a);
    assert_int_equal(merge(&b, buffer_view(&blob)), STATUS_OK);
    assert_int_equal(registry_find(store_registry(b.store), bytes_of("photos"), &at_b), STATUS_OK);
    assert_value(&b, at_b, "key", "1");
    ns_release(at_a);
    ns_release(at_b);
    buffer_clear(&blob);
}

static void change_registry(struct side *side, enum status (*change)(struct txn *txn))
{
    assert_int_equal(begin_txn(side), STATUS_OK);
    assert_int_equal(change(side->txn), STATUS_OK);
    assert_int_equal(finish_txn(side, true), STATUS_OK);
}

static void emptying_a_namespace_elsewhere_leaves_what_is_newer(void **state)
{
    (void)state;
    assert_int_equal(put(&a, "old", "1"), STATUS_OK);
    exchange();
    assert_int_equal(put(&b, "unseen", "1"), STATUS_OK);
    pass_ms(1);
    change_registry(&a, registry_empty_databases);
    pass_ms(1);
    assert_int_equal(put(&b, "new", "1"), STATUS_OK);
    exchange();
    assert_both("old", "(none)");
    assert_both("unseen", "(none)");
    assert_both("new", "1");
    assert_same_version("new");
    assert_int_equal(a.counts.dead, 1);
    reopen(&b);
    assert_both("unseen", "(none)");
    assert_both("new", "1");
}

/* The write and the emptying from elsewhere are in one group: the write moves with its namespace.
 */
static void a_write_that_outlives_an_emptying_in_its_group_is_fed(void **state)
{
    struct buffer emptying;

    (void)state;
    assert_int_equal(put(&a, "old", "1"), STATUS_OK);
    exchange();
    change_registry(&a, registry_empty_databases);
    pass_ms(1);
    emptying = new_writes(&a);
    assert_int_equal(begin_txn(&b), STATUS_OK);
    put_in(&b, db(&b, 0), "new", bytes_of("1"), "", EXPIRY_NONE);
    assert_int_equal(finish_txn(&b, false), STATUS_OK);
    assert_int_equal(merge(&b, buffer_view(&emptying)), STATUS_OK);
    exchange();
    assert_both("old", "(none)");
    assert_both("new", "1");
    buffer_clear(&emptying);
}

static enum status create_photos(struct txn *txn)
{
    return registry_create(txn, bytes_of("photos"));
}

static enum status drop_photos(struct txn *txn)
{
    return registry_drop(txn, bytes_of("photos"));
}

static void keys_of_a_dropped_namespace_are_dead(void **state)
{
    struct ns *ns;
    struct buffer late;

    (void)state;
    change_registry(&a, create_photos);
    exchange();
    assert_int_equal(registry_find(store_registry(b.store), bytes_of("photos"), &ns), STATUS_OK);
    change_registry(&a, drop_photos);
    assert_int_equal(begin_txn(&b), STATUS_OK);
    put_in(&b, ns, "key", bytes_of("1"), "", EXPIRY_NONE);
    assert_int_equal(finish_txn(&b, true), STATUS_OK);
    ns_release(ns);
    late = new_writes(&b);
    push(&a, &b);
    assert_int_equal(registry_find(store_registry(b.store), bytes_of("photos"), &ns),
                     STATUS_NO_NAMESPACE);
    assert_int_equal(merge(&a, buffer_view(&late)), STATUS_OK);
    assert_int_equal(a.counts.dead, 1);
    buffer_clear(&late);
}

static void keys_of_an_unknown_namespace_are_not_merged(void **state)
{
    struct wire_record records[2] = {record_of("1", "1", stamp_now()),
                                     record_of("2", "2", stamp_now())};
    char unknown[NS_ID_SIZE] = "unknown";
    struct buffer blob;
    size_t done = 0;

    (void)state;
    records[1].ns.data = unknown;
    blob = blob_of(records, 2);
    assert_int_equal(merge_from(&a, buffer_view(&blob), NO_LIMIT, &done), STATUS_NO_NAMESPACE);
    assert_int_equal(a.counts.taken, 1);
    assert_true(done < blob.size);
    buffer_clear(&blob);
}

static void a_value_that_does_not_fit_its_hash_is_corrupt(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());

    (void)state;
    record.version.value_hash++;
    assert_int_equal(merge_record(&a, record), STATUS_CORRUPT);
    assert_value(&a, db(&a, 0), "key", "(none)");
    assert_int_equal(merge(&a, bytes_of("nonsense")), STATUS_CORRUPT);
}

static void what_may_have_been_purged_does_not_come_back(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());
    struct buffer blob = blob_of(&record, 1);
    uint64_t horizon = stamp_now(), group = 0;
    size_t done = 0;

    (void)state;
    store_set_horizon(a.store, horizon);
    assert_int_equal(replica_merge(a.replica, buffer_view(&blob), horizon - 1, NO_LIMIT, &done,
                                   &a.counts, &group),
                     STATUS_OK);
    assert_int_equal(done, blob.size);
    assert_int_equal(a.counts.purged, 1);
    assert_value(&a, db(&a, 0), "key", "(none)");
    assert_int_equal(merge(&a, buffer_view(&blob)), STATUS_OK);
    assert_value(&a, db(&a, 0), "key", "1");
    buffer_clear(&blob);
}

static void what_an_emptied_namespace_held_is_dead(void **state)
{
    (void)state;
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    atomic_store(&db(&a, 0)->emptied_stamp, stamp_now() + 100);
    assert_int_equal(merge_record(&a, record_of("old", "1", stamp_now() + 100)), STATUS_OK);
    assert_int_equal(merge_record(&a, record_of("new", "1", stamp_now() + 101)), STATUS_OK);
    assert_int_equal(a.counts.dead, 1);
    assert_value(&a, db(&a, 0), "old", "(none)");
    assert_value(&a, db(&a, 0), "new", "1");
}

static void merging_into_a_new_database_writes_nothing_of_its_own(void **state)
{
    struct buffer blob;

    (void)state;
    assert_int_equal(merge_record(&a, record_of("key", "1", stamp_now())), STATUS_OK);
    blob = new_writes(&a);
    assert_int_equal(blob.size, 0);
    reopen(&a);
    assert_value(&a, db(&a, 0), "key", "1");
    assert_int_equal(db(&a, 0)->key_count, 1);
    buffer_clear(&blob);
}

static void a_merge_goes_on_where_it_stopped(void **state)
{
    struct wire_record records[2] = {record_of("1", "1", stamp_now()),
                                     record_of("2", "2", stamp_now())};
    struct buffer first = blob_of(records, 1), blob = blob_of(records, 2);
    size_t done = first.size, wrong = first.size - 1;

    (void)state;
    assert_int_equal(merge_from(&a, buffer_view(&blob), NO_LIMIT, &done), STATUS_OK);
    assert_int_equal(a.counts.taken, 1);
    assert_value(&a, db(&a, 0), "1", "(none)");
    assert_value(&a, db(&a, 0), "2", "2");
    assert_int_equal(merge_from(&a, buffer_view(&blob), NO_LIMIT, &wrong), STATUS_CORRUPT);
    buffer_clear(&first);
    buffer_clear(&blob);
}

/* A client of one side, on a thread of its own. */
struct writer {
    struct side *side;
    pthread_t id;
    atomic_bool is_done;
};

#define WRITER_ROUNDS 300
#define WRITER_KEYS   200

static void write_some(struct side *side, struct store_thread *thread, struct txn *txn,
                       struct random *random)
{
    uint64_t group = 0;
    int64_t wait_ms;
    char key[16], *area;

    txn_reset(txn, now_ms());
    epoch_enter(store_epoch(thread));
    if (txn_enter(txn) == STATUS_OK) {
        for (int i = 0; i < 5; i++) {
            (void)snprintf(key, sizeof key, "%d", (int)random_below(random, WRITER_KEYS));
            if (random_below(random, 4) == 0)
                (void)!txn_delete(txn, db(side, 0), bytes_of(key));
            else if (txn_put(txn, db(side, 0), bytes_of(key), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, 1, &area) == STATUS_OK)
                *area = (char)('a' + random_below(random, 26));
        }
        (void)!txn_commit(txn, &group, &wait_ms);
    }
    epoch_exit(store_epoch(thread));
    store_end_turn(thread);
}

static void *run_writer(void *context)
{
    struct writer *writer = context;
    struct store_thread *thread = store_join(writer->side->store, count_wake, writer->side);
    struct random random = {(uint64_t)(uintptr_t)writer};
    struct txn *txn = txn_create(thread);

    for (int round = 0; round < WRITER_ROUNDS; round++) {
        write_some(writer->side, thread, txn, &random);
        if (round % 10 == 0)
            pass_ms(1);
        poll(NULL, 0, round % 7 == 0);
    }
    txn_destroy(txn);
    store_leave(thread);
    atomic_store(&writer->is_done, true);
    return NULL;
}

static void stores_agree_after_writing_and_merging_at_once(void **state)
{
    struct writer writers[2] = {{.side = &a}, {.side = &b}};
    char key[16];

    (void)state;
    for (int i = 0; i < 2; i++)
        pthread_create(&writers[i].id, NULL, run_writer, &writers[i]);
    while (!atomic_load(&writers[0].is_done) || !atomic_load(&writers[1].is_done))
        exchange();
    for (int i = 0; i < 2; i++)
        pthread_join(writers[i].id, NULL);
    wait_committed(&a, store_newest_group(a.store));
    wait_committed(&b, store_newest_group(b.store));
    exchange();
    for (int i = 0; i < WRITER_KEYS; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        if (version_at(&a, key).stamp != 0 || version_at(&b, key).stamp != 0)
            assert_same_version(key);
    }
    assert_int_equal(a.counts.conflicts + b.counts.conflicts, 0);
    assert_int_equal(db(&a, 0)->key_count, db(&b, 0)->key_count);
    assert_int_equal(store_buried_count(a.store), store_buried_count(b.store));
}

/* ---------- claims: what survives ---------- */

static void nodes_are_known_after_a_restart_and_after_a_crash(void **state)
{
    struct wire_record other = record_of("other", "1", stamp_now());

    (void)state;
    other.version.node_id = UINT64_MAX;
    assert_int_equal(put(&a, "mine", "1"), STATUS_OK);
    assert_int_equal(merge_record(&a, record_of("theirs", "1", stamp_now())), STATUS_OK);
    crash(&a);
    assert_int_equal(version_at(&a, "theirs").node_id, OTHER_NODE);
    assert_int_equal(merge_record(&a, other), STATUS_OK);
    reopen(&a);
    assert_int_equal(version_at(&a, "theirs").node_id, OTHER_NODE);
    assert_int_equal(version_at(&a, "other").node_id, UINT64_MAX);
    assert_int_equal(version_at(&a, "mine").node_id, store_node_id(a.store));
    assert_int_equal(store_node_of_alias(a.store, 0), store_node_id(a.store));
}

static void the_state_survives(void **state)
{
    struct buffer saved = {0};
    uint64_t group;

    (void)state;
    assert_int_equal(store_load_state(a.store, &saved), STATUS_OK);
    assert_int_equal(saved.size, 0);
    (void)store_save_state(a.thread, bytes_of("first"), false);
    group = store_save_state(a.thread, bytes_of("second"), true);
    assert_int_not_equal(group, 0);
    for (int i = 0; i < DEADLINE_MS && store_durable(a.store) < group; i++)
        poll(NULL, 0, 1);
    assert_true(store_durable(a.store) >= group);
    assert_true(store_committed(a.store) >= group);
    crash(&a);
    assert_int_equal(store_load_state(a.store, &saved), STATUS_OK);
    assert_true(bytes_equal(buffer_view(&saved), bytes_of("second")));
    buffer_clear(&saved);
}

static void what_was_written_before_a_clean_stop_is_known_to_be_held(void **state)
{
    uint64_t stamp;

    (void)state;
    assert_int_equal(store_last_own_at_start(a.store), 0);
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    stamp = version_at(&a, "key").stamp;
    reopen(&a);
    assert_true(store_last_own_at_start(a.store) >= stamp);
    crash(&a);
    assert_int_equal(store_last_own_at_start(a.store), 0);
}

static void a_store_is_blank_until_it_holds_anything(void **state)
{
    (void)state;
    assert_true(store_is_blank(a.store));
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    assert_false(store_is_blank(a.store));
    reopen(&a);
    assert_false(store_is_blank(a.store));
    assert_true(store_is_blank(b.store));
    reopen(&b);
    assert_true(store_is_blank(b.store));
}

/* ---------- claims: the feed and time ---------- */

static void the_feed_has_own_writes_only(void **state)
{
    struct buffer blob;
    uint64_t position;

    (void)state;
    assert_int_equal(put(&a, "mine", "1"), STATUS_OK);
    exchange();
    position = b.pushed;
    assert_int_equal(merge_record(&b, record_of("theirs", "1", stamp_now())), STATUS_OK);
    blob = new_writes(&b);
    assert_int_equal(blob.size, 0);
    assert_int_equal(b.pushed, position);
    assert_int_equal(put(&b, "new", "1"), STATUS_OK);
    blob = new_writes(&b);
    assert_int_not_equal(blob.size, 0);
    buffer_clear(&blob);
}

static void the_feed_reaches_every_write_in_order(void **state)
{
    struct wire_record record;
    char key[16];

    (void)state;
    for (int i = 0; i < 50; i++) {
        uint64_t from = a.pushed;
        struct buffer blob;
        struct records_reader reader;

        (void)snprintf(key, sizeof key, "%d", i % 7);
        assert_int_equal(put(&a, key, "v"), STATUS_OK);
        if (i % 3 == 0)
            delete_key(&a, key);
        blob = new_writes(&a);
        reader = records_read(buffer_view(&blob));
        while (records_next(&reader, &record) == STATUS_OK)
            assert_in_range(record.version.stamp, from + 1, a.pushed);
        assert_int_equal(reader.rest.size, 0);
        assert_true(a.pushed >= version_at(&a, key).stamp);
        assert_int_equal(merge(&b, buffer_view(&blob)), STATUS_OK);
        buffer_clear(&blob);
    }
    assert_int_equal(db(&a, 0)->key_count, db(&b, 0)->key_count);
}

static void the_feed_begins_where_this_start_began(void **state)
{
    struct buffer blob = {0};
    uint64_t stamp, to = 0, cut = 0;

    (void)state;
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    stamp = version_at(&a, "key").stamp;
    reopen(&a);
    assert_false(feed_read(store_feed(a.store), stamp - 1, 100, &blob, &to, &cut));
    assert_true(cut >= stamp);
    assert_true(feed_read(store_feed(a.store), cut, 100, &blob, &to, &cut));
}

static void no_write_comes_below_a_closed_time(void **state)
{
    uint64_t closed, before = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        closed = store_close_time(a.store);
        assert_true(closed >= before);
        before = closed;
        assert_int_equal(put(&a, "key", "1"), STATUS_OK);
        assert_true(version_at(&a, "key").stamp > closed);
        assert_true(store_close_time(a.store) >= version_at(&a, "key").stamp);
        pass_ms(i * 20);
    }
}

static void a_closed_time_follows_the_clock_up_to_the_ceiling(void **state)
{
    (void)state;
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    pass_ms(100);
    assert_int_equal(store_close_time(a.store), stamp_now());
    pass_ms(60000);
    assert_true(store_close_time(a.store) < stamp_now());
    assert_int_equal(store_clock(a.store), store_close_time(a.store));
    crash(&a);
    assert_true(store_close_time(a.store) < store_clock(a.store) + 1);
}

static void a_time_is_not_closed_over_an_open_write(void **state)
{
    uint64_t stamp;

    (void)state;
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    assert_int_equal(begin_txn(&a), STATUS_OK);
    stamp = txn_stamp(a.txn);
    put_in(&a, db(&a, 0), "key", bytes_of("2"), "", EXPIRY_NONE);
    assert_int_equal(finish_txn(&a, false), STATUS_OK);
    assert_true(store_close_time(a.store) < stamp);
    wait_committed(&a, store_newest_group(a.store));
    assert_true(store_close_time(a.store) >= stamp);
}

static void an_observed_stamp_is_below_all_that_follow(void **state)
{
    uint64_t seen = stamp_of_wall_ms(now_ms() + 1000);

    (void)state;
    store_observe(a.store, seen);
    assert_int_equal(store_clock(a.store), seen);
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    assert_true(version_at(&a, "key").stamp > seen);
}

/* ---------- claims: clients ---------- */

static void a_closed_gate_stops_clients_and_nobody_else(void **state)
{
    static const struct {
        enum gossip_gate gate;
        enum status status;
    } answers[] = {{GATE_WAIT, STATUS_PARKED},     {GATE_SKEW, STATUS_CLOCK_SKEW},
                   {GATE_STALE, STATUS_STALE},     {GATE_LEAVING, STATUS_LEAVING},
                   {GATE_LOADING, STATUS_LOADING}, {GATE_OPEN, STATUS_OK}};

    (void)state;
    assert_int_equal(store_gate(a.store), GATE_OPEN);
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        store_set_gate(a.store, answers[i].gate);
        assert_int_equal(store_gate(a.store), answers[i].gate);
        assert_int_equal(put(&a, "key", "1"), answers[i].status);
        assert_int_equal(merge_record(&a, record_of("theirs", "1", stamp_now() + i)), STATUS_OK);
    }
}

static void who_waits_at_the_gate_is_woken(void **state)
{
    int wakes;

    (void)state;
    store_set_gate(a.store, GATE_WAIT);
    assert_int_equal(put(&a, "key", "1"), STATUS_PARKED);
    assert_int_equal(txn_wake_at_ms(a.txn), now_ms() + 100);
    wakes = __atomic_load_n(&a.wakes, __ATOMIC_RELAXED);
    store_set_gate(a.store, GATE_OPEN);
    assert_true(__atomic_load_n(&a.wakes, __ATOMIC_RELAXED) > wakes);
}

/* Clients wait then, but what others send is merged, and the sweeper works. */
static void no_stamp_comes_from_a_clock_beyond_its_limit(void **state)
{
    uint64_t believed = stamp_of_wall_ms(now_ms() + 1000);

    (void)state;
    store_set_clock_limit(a.store, now_ms() + 1000);
    pass_ms(3600000);
    assert_int_equal(put(&a, "key", "1"), STATUS_PARKED);
    assert_int_equal(
        merge_record(&a, record_of("theirs", "1", stamp_now() - stamp_of_wall_ms(3600000))),
        STATUS_OK);
    assert_true(store_clock(a.store) < believed);
}

static void wait_until_buried(const struct side *side, int64_t count)
{
    for (int i = 0; i < DEADLINE_MS && store_buried_count(side->store) != count; i++)
        poll(NULL, 0, 1);
    assert_int_equal(store_buried_count(side->store), count);
}

static void bury_one_more(struct side *side, const char *key)
{
    struct wire_record record = record_of(key, "1", stamp_now());
    int64_t before = store_buried_count(side->store);

    record.expiry_ms = now_ms() - 1;
    assert_int_equal(merge_record(side, record), STATUS_OK);
    wait_until_buried(side, before + 1);
}

/* ... whose values would be gone when it is right again.  The other store's sweeper tells how long
 * this one had time for it. */
static void nothing_expires_by_a_clock_that_is_not_trusted(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());

    (void)state;
    record.expiry_ms = now_ms() + 60000;
    assert_int_equal(merge_record(&a, record), STATUS_OK);
    store_set_gate(a.store, GATE_SKEW);
    pass_ms(3600000);
    bury_one_more(&b, "first");
    bury_one_more(&b, "second");
    assert_int_equal(store_buried_count(a.store), 0);
    store_set_gate(a.store, GATE_OPEN);
    wait_until_buried(&a, 1);
}

static void give_secret(struct side *side)
{
    char error[OPTIONS_ERROR_MAX];
    char program[] = "test", dir[] = "--dir", secret[] = "--cluster-secret", word[] = "grapes";
    char *arguments[] = {program, dir, side->directory, secret, word};

    options_destroy(side->options);
    side->options = options_create();
    assert_int_equal(options_parse(side->options, COUNT_OF(arguments), arguments, error),
                     STATUS_OK);
    assert_int_equal(options_finish(side->options, error), STATUS_OK);
}

/* The machine's clock was wrong when the node was started. */
static void a_store_of_a_cluster_believes_no_clock_that_nobody_watches(void **state)
{
    struct wire_record record = record_of("key", "1", stamp_now());

    (void)state;
    record.expiry_ms = now_ms() + 60000;
    assert_int_equal(merge_record(&b, record), STATUS_OK);
    close_side(&b);
    give_secret(&b);
    pass_ms(3600000);
    open_side(&b);
    bury_one_more(&a, "first");
    bury_one_more(&a, "second");
    assert_int_equal(store_buried_count(b.store), 0);
    assert_true(store_clock(b.store) < stamp_of_wall_ms(now_ms() - 3000000));
    store_set_clock_limit(b.store, INT64_MAX);
    wait_until_buried(&b, 1);
}

static void who_did_not_write_last_waits_longer(void **state)
{
    uint64_t nodes[2] = {store_node_id(a.store), store_node_id(b.store)};

    (void)state;
    registry_set_default(store_registry(a.store), LIMIT_KEY_WRITE_RATE, 1);
    registry_set_default(store_registry(b.store), LIMIT_KEY_WRITE_RATE, 1);
    store_set_stagger(a.store, nodes, 2, 50000);
    store_set_stagger(b.store, nodes, 2, 50000);
    assert_int_equal(put(&a, "key", "1"), STATUS_OK);
    exchange();
    pass_ms(1000);
    assert_int_equal(put(&b, "key", "2"), STATUS_RATE_LIMITED);
    pass_ms(49);
    assert_int_equal(put(&b, "key", "2"), STATUS_RATE_LIMITED);
    pass_ms(1);
    assert_int_equal(put(&b, "key", "2"), STATUS_OK);
    exchange();
    pass_ms(1000);
    assert_int_equal(put(&b, "key", "3"), STATUS_OK);
    exchange();
    pass_ms(1000);
    assert_int_equal(put(&a, "key", "4"), STATUS_RATE_LIMITED);
    store_set_stagger(a.store, NULL, 0, 0);
    assert_int_equal(put(&a, "key", "4"), STATUS_OK);
}

static void merging_has_no_limit(void **state)
{
    (void)state;
    registry_set_default(store_registry(a.store), LIMIT_KEY_WRITE_RATE, 1);
    registry_set_default(store_registry(a.store), LIMIT_KEYS, 1);
    for (int i = 0; i < 3; i++)
        assert_int_equal(merge_record(&a, record_of("key", "1", stamp_now() + (uint64_t)i)),
                         STATUS_OK);
    assert_int_equal(merge_record(&a, record_of("another", "1", stamp_now())), STATUS_OK);
    assert_int_equal(a.counts.taken, 4);
    assert_int_equal(put(&a, "key", "2"), STATUS_RATE_LIMITED);
}

/* ---------- claims: the horizon ---------- */

static void wait_buried(struct side *side, int64_t count)
{
    for (int i = 0; i < DEADLINE_MS && store_buried_count(side->store) != count; i++)
        poll(NULL, 0, 1);
    assert_int_equal(store_buried_count(side->store), count);
}

static void wait_wants_horizon(struct side *side, bool wants)
{
    for (int i = 0; i < DEADLINE_MS && store_wants_horizon(side->store) != wants; i++)
        poll(NULL, 0, 1);
    assert_int_equal(store_wants_horizon(side->store), wants);
}

static void tombstones_stay_until_the_horizon_has_passed_them(void **state)
{
    uint64_t first;

    (void)state;
    assert_int_equal(put(&a, "1", "1"), STATUS_OK);
    assert_int_equal(put(&a, "2", "1"), STATUS_OK);
    delete_key(&a, "1");
    first = version_at(&a, "1").stamp;
    delete_key(&a, "2");
    assert_int_equal(store_buried_count(a.store), 2);
    assert_false(store_wants_horizon(a.store));
    pass_ms(10000);
    wait_wants_horizon(&a, true);
    assert_int_equal(store_buried_count(a.store), 2);
    store_set_horizon(a.store, first);
    wait_buried(&a, 1);
    assert_int_equal(version_at(&a, "1").stamp, 0);
    assert_int_not_equal(version_at(&a, "2").stamp, 0);
    assert_true(store_wants_horizon(a.store));
    store_set_horizon(a.store, UINT64_MAX);
    wait_buried(&a, 0);
    wait_wants_horizon(&a, false);
}

/* From its start on: until replication has read what it saved and says how far. */
static void a_store_that_was_replicated_purges_nothing_before_it_is_told(void **state)
{
    char error[STORE_ERROR_MAX];
    uint64_t group;

    (void)state;
    assert_int_equal(put(&a, "1", "1"), STATUS_OK);
    delete_key(&a, "1");
    group = store_save_state(a.thread, bytes_of("state"), true);
    for (int i = 0; i < DEADLINE_MS && store_durable(a.store) < group; i++)
        poll(NULL, 0, 1);
    close_side(&a);
    pass_ms(10000);
    assert_int_equal(store_open(a.options, &fake_clock, &a.store, error), STATUS_OK);
    assert_int_equal(store_horizon(a.store), 0);
    for (int i = 0; i < DEADLINE_MS && !store_wants_horizon(a.store); i++)
        poll(NULL, 0, 1);
    assert_int_equal(store_buried_count(a.store), 1);
    store_close(a.store);
    open_side(&a);
}

static void many_tombstones_go_quickly(void **state)
{
    enum { COUNT = 100000 };
    int64_t waited_ms = 0;
    char key[16];

    (void)state;
    for (int i = 0; i < COUNT; i++) {
        if (i % 1000 == 0)
            assert_int_equal(begin_txn(&a), STATUS_OK);
        (void)snprintf(key, sizeof key, "%d", i);
        put_in(&a, db(&a, 0), key, bytes_of("v"), "", EXPIRY_NONE);
        if (i % 1000 == 999)
            assert_int_equal(finish_txn(&a, i + 1 == COUNT || i % 10000 == 9999), STATUS_OK);
    }
    for (int i = 0; i < COUNT; i++) {
        if (i % 1000 == 0)
            assert_int_equal(begin_txn(&a), STATUS_OK);
        (void)snprintf(key, sizeof key, "%d", i);
        assert_int_equal(txn_delete(a.txn, db(&a, 0), bytes_of(key)), STATUS_OK);
        if (i % 1000 == 999)
            assert_int_equal(finish_txn(&a, i + 1 == COUNT || i % 10000 == 9999), STATUS_OK);
    }
    assert_int_equal(store_buried_count(a.store), COUNT);
    pass_ms(3000);
    wait_wants_horizon(&a, true);
    store_set_horizon(a.store, stamp_now());
    for (; waited_ms < DEADLINE_MS && store_buried_count(a.store) > 0; waited_ms += 5)
        poll(NULL, 0, 5);
    print_message("%d tombstones were purged in some %d ms\n", COUNT, (int)waited_ms);
    assert_int_equal(store_buried_count(a.store), 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(stores_that_exchange_their_writes_hold_the_same),
        CLAIM(merging_again_changes_nothing),
        CLAIM(a_delete_reaches_the_other_side),
        CLAIM(an_older_delete_does_not_win),
        CLAIM(expiry_metadata_and_encoding_are_merged),
        CLAIM(an_expired_record_is_merged_as_one),
        CLAIM(a_record_that_comes_after_its_expiry_is_absent_and_swept),
        CLAIM(long_values_are_merged_whole),
        CLAIM(many_records_go_in_several_transactions),
        CLAIM(two_versions_of_a_key_in_one_blob_leave_the_newer),
        CLAIM(one_write_with_two_values_is_counted),
        CLAIM(what_comes_later_wins_over_what_was_merged),
        CLAIM(also_after_a_crash),
        CLAIM(nothing_is_merged_from_a_record_of_the_future_on),
        CLAIM(a_namespace_comes_before_its_keys),
        CLAIM(emptying_a_namespace_elsewhere_leaves_what_is_newer),
        CLAIM(a_write_that_outlives_an_emptying_in_its_group_is_fed),
        CLAIM(keys_of_a_dropped_namespace_are_dead),
        CLAIM(keys_of_an_unknown_namespace_are_not_merged),
        CLAIM(a_value_that_does_not_fit_its_hash_is_corrupt),
        CLAIM(what_may_have_been_purged_does_not_come_back),
        CLAIM(what_an_emptied_namespace_held_is_dead),
        CLAIM(merging_into_a_new_database_writes_nothing_of_its_own),
        CLAIM(a_merge_goes_on_where_it_stopped),
        CLAIM(stores_agree_after_writing_and_merging_at_once),
        CLAIM(nodes_are_known_after_a_restart_and_after_a_crash),
        CLAIM(the_state_survives),
        CLAIM(what_was_written_before_a_clean_stop_is_known_to_be_held),
        CLAIM(a_store_is_blank_until_it_holds_anything),
        CLAIM(the_feed_has_own_writes_only),
        CLAIM(the_feed_reaches_every_write_in_order),
        CLAIM(the_feed_begins_where_this_start_began),
        CLAIM(no_write_comes_below_a_closed_time),
        CLAIM(a_closed_time_follows_the_clock_up_to_the_ceiling),
        CLAIM(a_time_is_not_closed_over_an_open_write),
        CLAIM(an_observed_stamp_is_below_all_that_follow),
        CLAIM(a_closed_gate_stops_clients_and_nobody_else),
        CLAIM(who_waits_at_the_gate_is_woken),
        CLAIM(no_stamp_comes_from_a_clock_beyond_its_limit),
        CLAIM(nothing_expires_by_a_clock_that_is_not_trusted),
        CLAIM(a_store_of_a_cluster_believes_no_clock_that_nobody_watches),
        CLAIM(who_did_not_write_last_waits_longer),
        CLAIM(merging_has_no_limit),
        CLAIM(tombstones_stay_until_the_horizon_has_passed_them),
        CLAIM(a_store_that_was_replicated_purges_nothing_before_it_is_told),
        CLAIM(many_tombstones_go_quickly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
