/* Digests of a store on a real LevelDB, against a recount of all that is stored.
 *
 * The clock stands still until it is moved; write() of this program is the one below, also for
 * LevelDB, and refuses on demand. */
#include "store/digest.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/wire.h"
#include "store/digest_internal.h"
#include "store/keyspace.h"
#include "store/notes.h"
#include "store/record.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"
#include "unit/store/one_store.h"
#include "unit/test.h"

#define KEYS           4000
#define MANY_KEYS      40000 /* more than one stride of counting */
#define BOUNDARIES_MAX 64

/* ---------- the disk and the clock ---------- */

static atomic_bool is_full;
static _Atomic int64_t writes_until_full = INT64_MAX;

ssize_t write(int file, const void *data, size_t size)
{
    if (file > STDERR_FILENO && atomic_fetch_sub(&writes_until_full, 1) <= 0)
        atomic_store(&is_full, true);
    if (file > STDERR_FILENO && atomic_load(&is_full)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, file, data, size);
}

static _Atomic int64_t wall_us = 1700000000000000;

static int64_t fake_time(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static const struct clock fake_clock = {fake_time, fake_time};

static int64_t now_ms(void)
{
    return atomic_load(&wall_us) / 1000;
}

static void pass_ms(int64_t ms)
{
    atomic_fetch_add(&wall_us, ms * 1000);
}

/* ---------- the store ---------- */

static struct {
    struct digest_keys keys;
    unsigned boundaries[2][BOUNDARIES_MAX]; /* keys of db0 and db1 that begin a leaf */
    size_t boundary_count[2];
    uint64_t last_stamp; /* of what was written last */
} known;

static bool is_alone; /* opened with `replication no` */

static void open_with(char *secret)
{
    char *arguments[] = {"test",
                         "--dir",
                         fixture.directory,
                         "--limits",
                         "none",
                         "--cache-size",
                         "1mb",
                         "--replication",
                         is_alone ? "no" : "yes",
                         "--cluster-secret",
                         secret};
    int count = secret == NULL ? COUNT_OF(arguments) - 2 : COUNT_OF(arguments);

    take_options(arguments, count);
    open_on(&fake_clock);
    store_set_clock_limit(fixture.store, INT64_MAX); /* there is no cluster to do so */
    pass_ms(501);                                    /* after a crash writes wait for the clock */
}

static void close_all(void)
{
    close_store();
    options_destroy(fixture.options);
}

static void run(const char *program, const char *a, const char *b)
{
    char command[300];

    (void)snprintf(command, sizeof command, "%s %s %s", program, a, b);
    assert_int_equal(system(command), 0);
}

/* Nothing is written any more: the next opening finds what a crash would have left. */
static void crash(void)
{
    atomic_store(&is_full, true);
    close_all();
    atomic_store(&is_full, false);
    atomic_store(&writes_until_full, INT64_MAX);
}

static struct bytes key_of(char text[16], unsigned n)
{
    return (struct bytes){text, (size_t)snprintf(text, 16, "key%05u", n)};
}

static void find_boundaries(void)
{
    digest_keys_derive(&known.keys, bytes_of("secret"));
    for (int n = 0; n < 2; n++) {
        known.boundary_count[n] = 0;
        for (unsigned i = 0; i < KEYS; i++) {
            char text[16];
            struct hash128 hash = digest_of_key(&known.keys, db(n)->id, key_of(text, i));

            if (digest_is_boundary(hash) && known.boundary_count[n] < BOUNDARIES_MAX)
                known.boundaries[n][known.boundary_count[n]++] = i;
        }
        assert_true(known.boundary_count[n] > 1);
    }
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_NOTHING);
    make_directory();
    open_with("secret");
    find_boundaries();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    atomic_store(&is_full, false);
    close_all();
    run("rm -rf", fixture.directory, "");
    return 0;
}

/* ---------- a client ---------- */

static void begin(struct ns *ns, struct bytes key)
{
    enum status status;

    for (int i = 0; i < DEADLINE_MS; i++) {
        txn_reset(fixture.txn, now_ms());
        txn_name(fixture.txn, ns, key);
        status = txn_enter(fixture.txn);
        if (status == STATUS_OK)
            return;
        assert_int_equal(status, STATUS_PARKED);
        end_turn();
    }
    fail_msg("the order can't be entered");
}

static uint64_t commit(void)
{
    uint64_t group = 0;
    int64_t wait_ms;

    known.last_stamp = txn_stamp(fixture.txn);
    assert_int_equal(txn_commit(fixture.txn, &group, &wait_ms), STATUS_OK);
    return group;
}

static uint64_t put(int n, unsigned key, const char *value, int64_t expiry_ms)
{
    char text[16], *area;
    struct bytes name = key_of(text, key);

    begin(db(n), name);
    assert_int_equal(
        txn_put(fixture.txn, db(n), name, bytes_of(""), expiry_ms, false, strlen(value), &area),
        STATUS_OK);
    memcpy(area, value, strlen(value));
    return commit();
}

/* 0 if there is nothing to delete. */
static uint64_t delete_key(int n, unsigned key)
{
    char text[16];
    struct bytes name = key_of(text, key);

    begin(db(n), name);
    if (txn_delete(fixture.txn, db(n), name) == STATUS_OK)
        return commit();
    txn_abandon(fixture.txn);
    return 0;
}

static uint64_t empty(int n)
{
    begin(db(n), bytes_of("any"));
    assert_int_equal(registry_empty(fixture.txn, db(n)), STATUS_OK);
    return commit();
}

/* One change of any kind, often where a leaf begins. */
static uint64_t change_at_random(struct random *random)
{
    int n = (int)random_below(random, 2);
    unsigned key = (unsigned)random_below(random, KEYS);
    char value[21];

    if (random_below(random, 10) < 3)
        key = known.boundaries[n][random_below(random, known.boundary_count[n])];
    (void)snprintf(value, sizeof value, "%u", (unsigned)random_below(random, 1000));
    switch (random_below(random, 10)) {
    case 0:
    case 1:
    case 2:
        return delete_key(n, key);
    case 3:
        return put(n, key, value, now_ms() + 500);
    default:
        return put(n, key, value, EXPIRY_NONE);
    }
}

static void change_much(struct random *random, int changes)
{
    uint64_t group = 0;

    for (int i = 0; i < changes; i++) {
        uint64_t last = change_at_random(random);

        group = last > group ? last : group;
        if (random_below(random, 50) == 0)
            assert_true(wait_for_group(group));
        if (random_below(random, 500) == 0)
            pass_ms(2500); /* something expires, tombstones are purged */
        if (random_below(random, 2000) == 0)
            group = empty((int)random_below(random, 2));
    }
    assert_true(wait_for_group(group));
}

/* ---------- the recount ---------- */

struct expected {
    uint64_t *fingerprints;
    size_t count, capacity;
    struct digest root;
};

static void expect_leaf(struct expected *expected, const unsigned char *ns, struct bytes boundary,
                        const struct digest *digest)
{
    if (digest->count == 0)
        return;
    expected->fingerprints =
        xgrow(expected->fingerprints, expected->count, &expected->capacity, sizeof(uint64_t));
    expected->fingerprints[expected->count++] = digest_of_leaf(&known.keys, ns, boundary, digest);
    digest_join(&expected->root, digest);
}

/* Straight from the rules, without anything of store/digest.c. */
static void expect_namespace(struct expected *expected, uint32_t number, const unsigned char *ns)
{
    struct engine_iterator *iterator = engine_iterate(fixture.store->engine);
    struct buffer first = {0}, boundary = {0};
    struct digest digest = {{0, 0}, 0};
    struct record_view record;
    struct bytes key;

    engine_iterator_seek(iterator, keyspace_namespace(&first, KEYSPACE_RECORD, number));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key);
         engine_iterator_next(iterator)) {
        struct hash128 hash = digest_of_key(&known.keys, ns, key);
        const struct record_header *header = &record.header;
        struct digest_version version;

        assert_int_equal(record_decode(engine_iterator_value(iterator), &record), STATUS_OK);
        if (digest_is_boundary(hash)) {
            expect_leaf(expected, ns, buffer_view(&boundary), &digest);
            digest = (struct digest){{0, 0}, 0};
            boundary.size = 0;
            buffer_append_bytes(&boundary, key);
        }
        version = (struct digest_version){
            header->stamp, store_node_of_alias(fixture.store, header->origin), header->value_hash,
            header->expiry_ms, header->kind == ENTRY_TOMBSTONE};
        digest_add(&digest, digest_of_record(&known.keys, hash, &version));
    }
    expect_leaf(expected, ns, buffer_view(&boundary), &digest);
    engine_iterator_destroy(iterator);
    buffer_clear(&first);
    buffer_clear(&boundary);
}

static int by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;

    return *a < *b ? -1 : *a > *b;
}

static struct expected recount(void)
{
    struct expected expected = {0};
    unsigned char registry[NS_ID_SIZE];
    size_t count;
    struct ns **all = registry_list(store_registry(fixture.store), &count);

    memset(registry, 0xff, sizeof registry);
    expect_namespace(&expected, NS_REGISTRY, registry);
    for (size_t i = 0; i < count; i++) {
        expect_namespace(&expected, atomic_load(&all[i]->number), all[i]->id);
        ns_release(all[i]);
    }
    free(all);
    qsort(expected.fingerprints, expected.count, sizeof(uint64_t), by_number);
    return expected;
}

static struct leaf_list *list_leaves(void)
{
    struct leaf_list *list;

    for (int i = 0; i < DEADLINE_MS; i++) {
        if (digest_list(store_digest(fixture.store), &list) == STATUS_OK)
            return list;
        end_turn();
    }
    fail_msg("the digest does not become ready");
    return NULL;
}

static bool is_as_recounted(const struct leaf_list *list)
{
    struct expected expected = recount();
    uint64_t *listed = xcalloc(list->count, sizeof *listed);
    bool is_same = list->count == expected.count &&
                   memcmp(&list->root, &expected.root, sizeof list->root) == 0;

    for (size_t i = 0; i < list->count; i++)
        listed[i] = list->leaves[i].fingerprint;
    qsort(listed, list->count, sizeof *listed, by_number);
    is_same = is_same && (list->count == 0 ||
                          memcmp(listed, expected.fingerprints, list->count * sizeof *listed) == 0);
    free(listed);
    free(expected.fingerprints);
    return is_same;
}

/* Leaves of a namespace follow each other. */
static void assert_no_overlap(const struct leaf_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        const struct leaf_ref *before = &list->leaves[i - 1], *leaf = &list->leaves[i];

        if (before->number != leaf->number) {
            assert_true(before->number < leaf->number);
            assert_null(before->to.data);
            continue;
        }
        assert_non_null(before->to.data);
        assert_true(bytes_compare(before->to, leaf->from) <= 0);
        assert_true(bytes_compare(before->from, before->to) < 0);
    }
}

/* The sweeper may be at work: it comes to an end while the clock stands. */
static bool becomes_right(int deadline_ms)
{
    bool is_right = false;

    for (int i = 0; i < deadline_ms && !is_right; i += 10) {
        struct leaf_list *list = list_leaves();

        assert_no_overlap(list);
        is_right = is_as_recounted(list);
        leaf_list_destroy(list);
        for (int j = 0; j < 10 && !is_right; j++)
            end_turn();
    }
    return is_right;
}

static void assert_right(void)
{
    assert_true(becomes_right(DEADLINE_MS));
}

static size_t leaf_count(void)
{
    struct leaf_list *list = list_leaves();
    size_t count = list->count;

    leaf_list_destroy(list);
    return count;
}

static int64_t count_rows(struct engine *engine, char kind)
{
    struct engine_iterator *iterator = engine_iterate(engine);
    struct buffer first = {0};
    struct bytes boundary;
    uint32_t number;
    int64_t count = 0;

    engine_iterator_seek(iterator, keyspace_namespace(&first, kind, 0));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_leaf(engine_iterator_key(iterator), kind, &number, &boundary);
         engine_iterator_next(iterator))
        count++;
    engine_iterator_destroy(iterator);
    buffer_clear(&first);
    return count;
}

/* ---------- claims ---------- */

static void without_a_secret_there_is_no_digest(void **state)
{
    (void)state;
    close_all();
    open_with(NULL);
    assert_null(store_digest(fixture.store));
}

static void open_alone(void)
{
    is_alone = true;
    open_with("secret");
    is_alone = false;
}

static void save_state(const char *text)
{
    uint64_t group = store_save_state(fixture.thread, bytes_of(text), true);

    for (int i = 0; i < DEADLINE_MS && store_durable(fixture.store) < group; i++)
        poll(NULL, 0, 1);
    assert_true(store_durable(fixture.store) >= group);
}

static void a_time_without_replication_is_remembered_until_state_is_saved(void **state)
{
    (void)state;
    close_all();
    open_alone(); /* nothing was replicated before */
    close_all();
    open_with("secret");
    assert_false(store_was_alone(fixture.store));
    save_state("first");
    close_all();
    open_with(NULL); /* what others may need was kept */
    close_all();
    open_with("secret");
    assert_false(store_was_alone(fixture.store));
    close_all();
    open_alone();
    crash();
    open_with("secret");
    assert_true(store_was_alone(fixture.store));
    crash(); /* nothing was saved */
    open_with("secret");
    assert_true(store_was_alone(fixture.store));
    save_state("second");
    crash();
    open_with("secret");
    assert_false(store_was_alone(fixture.store));
}

static void sums_are_those_of_a_recount_whatever_happens(void **state)
{
    struct random random = {1};

    (void)state;
    for (int round = 0; round < 12; round++) {
        change_much(&random, 1000);
        assert_right();
        if (round == 5)
            assert_true(leaf_count() > 6);
    }
    assert_int_equal(digest_mismatches(store_digest(fixture.store)), 0);
}

static void leaves_are_joined_when_the_records_that_began_them_are_purged(void **state)
{
    uint64_t group = 0;
    size_t before;

    (void)state;
    for (unsigned i = 0; i < KEYS; i++)
        group = put(0, i, "v", EXPIRY_NONE);
    assert_true(wait_for_group(group));
    assert_right();
    before = leaf_count();
    assert_true(before >= known.boundary_count[0]);
    for (size_t i = 0; i < known.boundary_count[0]; i++)
        group = delete_key(0, known.boundaries[0][i]);
    assert_true(wait_for_group(group));
    assert_right();
    assert_int_equal(leaf_count(), before); /* tombstones begin leaves too */
    pass_ms(5000);
    for (int i = 0; i < DEADLINE_MS && leaf_count() > before - known.boundary_count[0]; i++)
        end_turn();
    assert_right();
    assert_int_equal(leaf_count(), before - known.boundary_count[0]);
}

static void an_emptied_namespace_has_no_leaves_and_its_rows_are_purged(void **state)
{
    struct random random = {2};
    int64_t rows = 0;

    (void)state;
    change_much(&random, 3000);
    (void)empty(0);
    assert_true(wait_for_group(empty(1)));
    assert_right();
    for (int i = 0; i < DEADLINE_MS; i++) {
        rows = count_rows(fixture.store->engine, KEYSPACE_SUM) +
               count_rows(fixture.store->engine, KEYSPACE_DIRTY);
        if (rows <= 4)
            break;
        end_turn();
    }
    assert_true(rows <= 4); /* of the registry and of two first leaves */
}

static void after_a_clean_stop_the_sums_are_read_and_nothing_is_counted(void **state)
{
    char error[ENGINE_ERROR_MAX];
    struct random random = {3};
    struct engine *engine;
    bool was_repaired;

    (void)state;
    change_much(&random, 3000);
    assert_right();
    close_all();
    assert_int_equal(engine_open(fixture.directory, false, &engine, &was_repaired, error),
                     STATUS_OK);
    assert_int_equal(count_rows(engine, KEYSPACE_DIRTY), 0);
    engine_close(engine);
    open_with("secret");
    assert_right();
    change_much(&random, 1000);
    assert_right();
}

static void
after_a_crash_the_marked_leaves_are_counted_and_the_last_own_stamp_is_found(void **state)
{
    struct random random = {4};

    (void)state;
    for (int round = 0; round < 4; round++) {
        change_much(&random, 1500);
        assert_true(wait_for_group(put(0, 1, "last", EXPIRY_NONE)));
        crash();
        open_with("secret");
        assert_right();
        assert_int_equal(digest_last_own(store_digest(fixture.store)), known.last_stamp);
    }
}

static void wait_for_a_checkpoint(void)
{
    pass_ms(60000);
    for (int i = 0; i < DEADLINE_MS && digest_dirty_leaves(store_digest(fixture.store)) > 0; i++)
        end_turn();
}

/* What the sweeper leaves alone. */
static void put_all(void)
{
    uint64_t group = 0;

    for (unsigned i = 0; i < KEYS; i++)
        group = put(0, i, "v", EXPIRY_NONE);
    assert_true(wait_for_group(group));
}

static void the_last_own_stamp_is_found_in_leaves_that_are_not_marked_too(void **state)
{
    (void)state;
    put_all();
    wait_for_a_checkpoint();
    assert_int_equal(digest_dirty_leaves(store_digest(fixture.store)), 0);
    crash();
    open_with("secret");
    assert_right();
    assert_int_equal(digest_last_own(store_digest(fixture.store)), known.last_stamp);
}

static void counting_itself_does_not_lose_the_last_own_stamp(void **state)
{
    struct random random = {16};
    uint64_t last;

    (void)state;
    change_much(&random, 1500);
    assert_true(wait_for_group(put(0, 1, "last", EXPIRY_NONE)));
    last = known.last_stamp;
    for (int round = 0; round < 3; round++) {
        crash();
        open_with("secret");
        assert_right();
        assert_int_equal(digest_last_own(store_digest(fixture.store)), last);
    }
}

static void a_checkpoint_is_made_in_time(void **state)
{
    struct random random = {5};

    (void)state;
    change_much(&random, 2000);
    assert_right();
    assert_true(digest_dirty_leaves(store_digest(fixture.store)) > 0);
    wait_for_a_checkpoint();
    /* What the sweeper does meanwhile marks leaves anew. */
    assert_true(count_rows(fixture.store->engine, KEYSPACE_SUM) > 0);
    assert_right();
    crash();
    open_with("secret");
    assert_right();
}

/* No other leaf is marked, and of these two only what the change itself has marked. */
static void a_split_and_a_join_hold_after_a_crash(void **state)
{
    unsigned key = known.boundaries[0][0];
    uint64_t group = 0;
    size_t leaves;

    (void)state;
    for (unsigned i = 0; i < KEYS; i++)
        if (i != key)
            group = put(0, i, "v", EXPIRY_NONE);
    assert_true(wait_for_group(group));
    assert_right();
    leaves = leaf_count();
    close_all();
    open_with("secret");
    assert_true(wait_for_group(put(0, key, "v", EXPIRY_NONE)));
    crash();
    open_with("secret");
    assert_right();
    assert_int_equal(leaf_count(), leaves + 1);

    assert_true(wait_for_group(delete_key(0, key)));
    close_all();
    open_with("secret");
    pass_ms(5000);
    for (int i = 0; i < DEADLINE_MS && leaf_count() > leaves; i++)
        end_turn();
    crash();
    open_with("secret");
    assert_right();
    assert_int_equal(leaf_count(), leaves);
}

static void store_sums_directly(void)
{
    struct store_digest *digest = store_digest(fixture.store);

    pthread_mutex_lock(&digest->mutex);
    digest->direct_leaves_min = 4;
    pthread_mutex_unlock(&digest->mutex);
}

static void where_leaves_are_many_the_sums_go_with_the_changes(void **state)
{
    struct random random = {6};

    (void)state;
    change_much(&random, 4000);
    for (int round = 0; round < 4; round++) {
        store_sums_directly();
        change_much(&random, 1000);
        assert_true(wait_for_group(put(0, 1, "last", EXPIRY_NONE)));
        assert_right();
        if (round % 2 == 0)
            crash();
        else
            close_all();
        open_with("secret");
        assert_right();
        if (round % 2 == 0)
            assert_int_equal(digest_last_own(store_digest(fixture.store)), known.last_stamp);
    }
}

/* ---------- failures ---------- */

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

/* The commit thread waits meanwhile: else its own work might meet the full disk first. */
static void fail_some_changes(struct random *random)
{
    struct store_digest *digest = store_digest(fixture.store);
    uint64_t group = 0;

    pthread_mutex_lock(&digest->mutex);
    atomic_store(&is_full, true);
    for (int i = 0; i < 40; i++) {
        uint64_t last = change_at_random(random);

        group = last > group ? last : group;
    }
    pthread_mutex_unlock(&digest->mutex);
    assert_false(wait_for_group(group));
    atomic_store(&is_full, false);
    wait_until_writable();
}

static void a_failed_commit_leaves_no_trace_in_the_sums(void **state)
{
    struct random random = {7};

    (void)state;
    change_much(&random, 2000);
    for (int round = 0; round < 8; round++) {
        fail_some_changes(&random);
        if (round % 2 == 0)
            assert_right();
        change_much(&random, 200);
        assert_right();
    }
}

static void nor_after_a_crash(void **state)
{
    struct random random = {8};

    (void)state;
    change_much(&random, 2000);
    for (int round = 0; round < 4; round++) {
        fail_some_changes(&random);
        if (round % 2 == 1)
            change_much(&random, 50);
        crash();
        open_with("secret");
        assert_right();
    }
}

/* Tombstones of keys that begin leaves are purged while the disk is full. */
static void a_join_that_failed_is_taken_back(void **state)
{
    struct random random = {9};
    uint64_t group = 0;

    (void)state;
    change_much(&random, 2000);
    for (size_t i = 0; i < known.boundary_count[0]; i++) {
        uint64_t last = delete_key(0, known.boundaries[0][i]);

        group = last > group ? last : group;
    }
    assert_true(wait_for_group(group));
    assert_right();
    atomic_store(&is_full, true);
    pass_ms(5000);
    for (int i = 0; i < DEADLINE_MS && !store_failure_pending(fixture.thread); i++)
        end_turn();
    assert_true(store_failure_pending(fixture.thread));
    store_failure_seen(fixture.thread);
    atomic_store(&is_full, false);
    wait_until_writable();
    assert_right();
    crash();
    open_with("secret");
    assert_right();
}

static void want_digest(bool is_wanted)
{
    digest_set_wanted(store_digest(fixture.store), is_wanted);
    for (int i = 0; i < DEADLINE_MS; i++) {
        if (store_digest(fixture.store)->is_resting == !is_wanted)
            return;
        end_turn();
    }
    fail();
}

static void wait_for_failure(void)
{
    for (int i = 0; i < DEADLINE_MS && !store_failure_pending(fixture.thread); i++)
        end_turn();
    assert_true(store_failure_pending(fixture.thread));
    store_failure_seen(fixture.thread);
}

static void what_rested_is_counted_anew(void **state)
{
    struct random random = {17};

    (void)state;
    change_much(&random, 2000);
    assert_right();
    want_digest(false);
    change_much(&random, 500);
    assert_false(digest_is_ready(store_digest(fixture.store)));
    want_digest(true);
    change_much(&random, 100);
    assert_right();
    crash();
    open_with("secret");
    assert_right();
}

static bool is_counted(void)
{
    return digest_is_ready(store_digest(fixture.store));
}

/* The commit thread has looked what there is to do, twice at least. */
static void commit_some(void)
{
    for (int i = 0; i < 3; i++)
        assert_true(wait_for_group(put(0, 1, "v", EXPIRY_NONE)));
}

static void counting_gives_way_however_late_a_load_begins(void **state)
{
    struct random random = {24};

    (void)state;
    change_much(&random, 500);
    want_digest(false);
    pass_ms(60000);
    digest_give_way(store_digest(fixture.store));
    want_digest(true);
    commit_some();
    assert_false(is_counted());
    pass_ms(1000);
    assert_right();
}

static void counting_gives_way_to_who_reads_pages_for_a_while(void **state)
{
    struct random random = {23};

    (void)state;
    change_much(&random, 500);
    want_digest(false);
    digest_give_way(store_digest(fixture.store));
    want_digest(true);
    commit_some();
    assert_false(is_counted());
    pass_ms(1000);
    assert_right();
    want_digest(false);
    for (int page = 0; page < 120; page++) {
        digest_give_way(store_digest(fixture.store));
        want_digest(true);
        commit_some();
        assert_true(page > 80 || !is_counted());
        pass_ms(100);
    }
    assert_true(is_counted());
}

/* The disk is full when the digest lies down, and changes follow: had it rested, a crash would
 * bring back sums that are old and trusted. */
static void it_does_not_rest_before_the_disk_knows(void **state)
{
    (void)state;
    put_all();
    assert_right();
    wait_for_a_checkpoint();
    atomic_store(&is_full, true);
    digest_set_wanted(store_digest(fixture.store), false);
    wait_for_failure();
    atomic_store(&is_full, false);
    wait_until_writable();
    assert_true(wait_for_group(put(0, 1, "changed", EXPIRY_NONE)));
    crash();
    open_with("secret");
    assert_right();
}

static void nor_does_it_wake_up_before(void **state)
{
    struct random random = {19};

    (void)state;
    change_much(&random, 2000);
    assert_right();
    want_digest(false);
    change_much(&random, 500);
    atomic_store(&is_full, true);
    digest_set_wanted(store_digest(fixture.store), true);
    wait_for_failure();
    atomic_store(&is_full, false);
    wait_until_writable();
    change_much(&random, 50);
    assert_right();
    crash();
    open_with("secret");
    assert_right();
}

/* ---------- what is trusted ---------- */

/* Makes the stored sum of the first leaf of db0 a wrong one, and changes the note of trust. */
static void spoil(const char *boot)
{
    char error[ENGINE_ERROR_MAX];
    uint32_t number = atomic_load(&db(0)->number);
    struct engine_batch *batch = engine_batch_create();
    struct buffer key = {0}, value = {0};
    struct engine *engine;
    bool was_repaired;

    crash();
    assert_int_equal(engine_open(fixture.directory, false, &engine, &was_repaired, error),
                     STATUS_OK);
    keyspace_leaf(&key, KEYSPACE_SUM, number, bytes_of(""));
    buffer_append(&value, "012345670123456701234567", 24);
    engine_batch_put(batch, buffer_view(&key), buffer_view(&value));
    engine_batch_delete(batch, keyspace_leaf(&key, KEYSPACE_DIRTY, number, bytes_of("")));
    if (boot != NULL) {
        value.size = 0;
        wire_put_u64(&value, known.keys.check);
        buffer_append_text(&value, boot);
        keyspace_local(&key, NOTE_DIGEST, bytes_of(""));
        engine_batch_put(batch, buffer_view(&key), buffer_view(&value));
    }
    assert_int_equal(engine_write(engine, batch, true), STATUS_OK);
    engine_close(engine);
    engine_batch_destroy(batch);
    buffer_clear(&key);
    buffer_clear(&value);
}

static void put_one(void)
{
    assert_true(wait_for_group(put(0, 1, "v", EXPIRY_NONE)));
    assert_right();
}

static void a_stored_sum_is_trusted_after_a_crash(void **state)
{
    (void)state;
    put_one();
    spoil(NULL);
    open_with("secret");
    assert_false(becomes_right(100));
}

static void no_stored_sum_is_trusted_when_the_machine_went_down(void **state)
{
    (void)state;
    put_one();
    spoil("another boot");
    open_with("secret");
    assert_right();
}

static void no_stored_sum_is_trusted_with_another_secret(void **state)
{
    struct random random = {10};

    (void)state;
    change_much(&random, 2000);
    close_all();
    open_with("another");
    digest_keys_derive(&known.keys, bytes_of("another"));
    assert_right();
    crash();
    open_with("another");
    assert_right();
    digest_keys_derive(&known.keys, bytes_of("secret"));
    close_all();
    open_with("secret");
    assert_right();
}

static void no_stored_sum_is_trusted_after_a_time_without_a_digest(void **state)
{
    struct random random = {11};

    (void)state;
    change_much(&random, 2000);
    close_all();
    open_with(NULL);
    change_much(&random, 500);
    close_all();
    open_with("secret");
    assert_right();
}

static void a_crash_in_the_middle_of_counting_loses_nothing(void **state)
{
    struct random random = {12};
    uint64_t group = 0;

    (void)state;
    change_much(&random, 2000);
    for (unsigned i = 0; i < KEYS; i++)
        group = put(0, i, "v", EXPIRY_NONE);
    assert_true(wait_for_group(group));
    close_all();
    open_with(NULL);
    close_all();
    for (int round = 0; round < 5; round++) {
        open_with("secret");
        assert_true(wait_for_group(change_at_random(&random)));
        crash();
    }
    open_with("secret");
    assert_right();
}

/* ---------- replicas ---------- */

/* Record n in its final version, or in an older one; every fifth is deleted, every seventh
 * expires. */
static uint64_t adopt(unsigned n, bool is_final)
{
    char text[16];
    struct bytes key = key_of(text, n);
    struct entry *entry = entry_create(0, 0, key, bytes_of(""), 3);
    uint64_t group;

    memcpy(entry_value_area(entry), is_final ? "new" : "old", 3);
    entry->header.stamp = stamp_of_wall_ms(1700000000000) + n * 2 + is_final;
    entry->header.expiry_ms = n % 7 == 0 ? 2000000000000 : EXPIRY_NONE;
    entry->header.value_hash = n;
    if (n % 5 == 0 && is_final)
        entry->header.kind = ENTRY_TOMBSTONE;
    begin(db(0), key);
    assert_int_equal(txn_adopt(fixture.txn, db(0), entry), STATUS_OK);
    entry_destroy(entry);
    group = commit();
    return group;
}

static struct leaf_list *one_history(bool is_other)
{
    struct random random = {is_other};
    struct leaf_list *list;
    uint64_t group = 0;

    open_with("secret");
    store_set_horizon(fixture.store, 0); /* tombstones stay */
    for (unsigned i = 0; i < KEYS; i++) {
        unsigned n = is_other ? KEYS - 1 - i : i;

        if (random_below(&random, 3) == 0)
            (void)adopt(n, false);
        group = adopt(n, true);
        if (i % 100 == 0)
            assert_true(wait_for_group(group));
    }
    assert_true(wait_for_group(group));
    assert_right();
    list = list_leaves();
    return list;
}

static void stores_with_the_same_records_have_the_same_leaves_whatever_their_history(void **state)
{
    struct leaf_list *here, *there;
    char copy[80];

    (void)state;
    put_one(); /* db0 is there */
    close_all();
    (void)snprintf(copy, sizeof copy, "%s.copy", fixture.directory);
    run("cp -r", fixture.directory, copy);
    here = one_history(false);
    close_all();
    run("rm -rf", fixture.directory, "");
    run("mv", copy, fixture.directory);
    there = one_history(true);
    assert_true(here->count > known.boundary_count[0]);
    assert_int_equal(here->count, there->count);
    assert_memory_equal(&here->root, &there->root, sizeof here->root);
    for (size_t i = 0; i < here->count; i++) {
        assert_true(here->leaves[i].fingerprint == there->leaves[i].fingerprint);
        assert_true(bytes_equal(here->leaves[i].from, there->leaves[i].from));
    }
    leaf_list_destroy(here);
    leaf_list_destroy(there);
}

/* ---------- listing ---------- */

static void *write_on(void *context)
{
    atomic_bool *is_over = context;
    struct random random = {13};

    epoch_enter(store_epoch(fixture.thread));
    while (!atomic_load(is_over)) {
        int n = (int)random_below(&random, 2);
        unsigned key = known.boundaries[n][random_below(&random, known.boundary_count[n])];

        if (random_below(&random, 2) == 0)
            (void)put(n, key, "v", EXPIRY_NONE);
        else
            (void)delete_key(n, key);
        if (random_below(&random, 20) == 0)
            end_turn();
        if (random_below(&random, 200) == 0)
            pass_ms(3000);
    }
    end_turn();
    epoch_exit(store_epoch(fixture.thread));
    return NULL;
}

static void leaves_never_overlap_while_others_are_split_and_joined(void **state)
{
    struct random random = {14};
    atomic_bool is_over = false;
    pthread_t writer;

    (void)state;
    change_much(&random, 2000);
    store_digest(fixture.store)->list_stretch = 1;
    epoch_exit(store_epoch(fixture.thread));
    pthread_create(&writer, NULL, write_on, &is_over);
    for (int i = 0; i < 20000; i++) {
        struct leaf_list *list;

        if (digest_list(store_digest(fixture.store), &list) != STATUS_OK)
            continue;
        assert_no_overlap(list);
        leaf_list_destroy(list);
    }
    atomic_store(&is_over, true);
    pthread_join(writer, NULL);
    epoch_enter(store_epoch(fixture.thread));
    assert_right();
}

/* As memory that went bad would. */
static void spoil_a_sum(void)
{
    struct store_digest *digest = store_digest(fixture.store);
    struct digest_table *table;

    pthread_mutex_lock(&digest->mutex);
    table = digest_find_table(digest, atomic_load(&db(0)->number));
    assert_non_null(table);
    leaves_find(table->leaves, bytes_of("key00500"))->digest.sum.low ^= 1;
    pthread_mutex_unlock(&digest->mutex);
}

static void a_sum_that_does_not_fit_is_found_by_the_scrub_and_counted_anew(void **state)
{
    struct store_digest *digest = store_digest(fixture.store);

    (void)state;
    put_all();
    assert_right();
    spoil_a_sum();
    for (int i = 0; i < 1000 && digest_mismatches(digest) == 0; i++) {
        pass_ms(500);
        assert_true(wait_for_group(put(1, 1, "value", EXPIRY_NONE)));
    }
    assert_int_equal(digest_mismatches(digest), 1);
    assert_right();
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(without_a_secret_there_is_no_digest),
        CLAIM(a_time_without_replication_is_remembered_until_state_is_saved),
        CLAIM(sums_are_those_of_a_recount_whatever_happens),
        CLAIM(leaves_are_joined_when_the_records_that_began_them_are_purged),
        CLAIM(an_emptied_namespace_has_no_leaves_and_its_rows_are_purged),
        CLAIM(after_a_clean_stop_the_sums_are_read_and_nothing_is_counted),
        CLAIM(after_a_crash_the_marked_leaves_are_counted_and_the_last_own_stamp_is_found),
        CLAIM(the_last_own_stamp_is_found_in_leaves_that_are_not_marked_too),
        CLAIM(counting_itself_does_not_lose_the_last_own_stamp),
        CLAIM(a_checkpoint_is_made_in_time),
        CLAIM(a_split_and_a_join_hold_after_a_crash),
        CLAIM(where_leaves_are_many_the_sums_go_with_the_changes),
        CLAIM(a_failed_commit_leaves_no_trace_in_the_sums),
        CLAIM(nor_after_a_crash),
        CLAIM(a_join_that_failed_is_taken_back),
        CLAIM(what_rested_is_counted_anew),
        CLAIM(counting_gives_way_however_late_a_load_begins),
        CLAIM(counting_gives_way_to_who_reads_pages_for_a_while),
        CLAIM(it_does_not_rest_before_the_disk_knows),
        CLAIM(nor_does_it_wake_up_before),
        CLAIM(a_stored_sum_is_trusted_after_a_crash),
        CLAIM(no_stored_sum_is_trusted_when_the_machine_went_down),
        CLAIM(no_stored_sum_is_trusted_with_another_secret),
        CLAIM(no_stored_sum_is_trusted_after_a_time_without_a_digest),
        CLAIM(a_crash_in_the_middle_of_counting_loses_nothing),
        CLAIM(stores_with_the_same_records_have_the_same_leaves_whatever_their_history),
        CLAIM(leaves_never_overlap_while_others_are_split_and_joined),
        CLAIM(a_sum_that_does_not_fit_is_found_by_the_scrub_and_counted_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
