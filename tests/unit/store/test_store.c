/* The store as a whole, on a real LevelDB in a temporary directory, with a clock that stands still
 * until it is moved. */
#include "store/store.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "store/frequency.h"
#include "store/scan.h"
#include "unit/store/one_store.h"
#include "unit/test.h"

static _Atomic int64_t wall_us = 1700000000000000;

static int64_t fake_wall(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static int64_t fake_monotonic(const struct clock *clock)
{
    return fake_wall(clock);
}

static const struct clock fake_clock = {fake_wall, fake_monotonic};

static int64_t now_ms(void)
{
    return atomic_load(&wall_us) / 1000;
}

static void pass_ms(int64_t ms)
{
    atomic_fetch_add(&wall_us, ms * 1000);
}

static void open_store(void)
{
    open_on(&fake_clock);
}

static void reopen_store(void)
{
    close_store();
    open_store();
}

static int set_up(void **state)
{
    char program[] = "test", dir[] = "--dir", level[] = "--loglevel", warning[] = "warning";
    char *arguments[] = {program, dir, fixture.directory, level, warning};

    (void)state;
    make_directory();
    take_options(arguments, COUNT_OF(arguments));
    open_store();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    close_store();
    options_destroy(fixture.options);
    return remove_directory();
}

static void wait_committed(uint64_t group)
{
    store_end_turn(fixture.thread);
    epoch_exit(store_epoch(fixture.thread));
    for (int i = 0; i < DEADLINE_MS && store_committed(fixture.store) < group; i++)
        poll(NULL, 0, 1);
    epoch_enter(store_epoch(fixture.thread));
    assert_true(store_committed(fixture.store) >= group);
}

static enum status put_at(struct ns *ns, const char *key, struct bytes value, int64_t expiry_ms,
                          bool wait)
{
    uint64_t group = 0;
    int64_t wait_ms;
    enum status status;
    char *area;

    txn_reset(fixture.txn, now_ms());
    txn_name(fixture.txn, ns, bytes_of(key));
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    assert_int_equal(txn_put(fixture.txn, ns, bytes_of(key), (struct bytes){"", 0}, expiry_ms,
                             false, value.size, &area),
                     STATUS_OK);
    memcpy(area, value.data, value.size);
    status = txn_commit(fixture.txn, &group, &wait_ms);
    if (status == STATUS_OK && wait)
        wait_committed(group);
    return status;
}

static enum status put(const char *key, const char *value)
{
    return put_at(db(0), key, bytes_of(value), EXPIRY_NONE, true);
}

static enum status remove_key(const char *key)
{
    uint64_t group = 0;
    int64_t wait_ms;
    enum status status;

    txn_reset(fixture.txn, now_ms());
    txn_name(fixture.txn, db(0), bytes_of(key));
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    status = txn_delete(fixture.txn, db(0), bytes_of(key));
    if (status != STATUS_OK) {
        txn_abandon(fixture.txn);
        return status;
    }
    status = txn_commit(fixture.txn, &group, &wait_ms);
    if (status == STATUS_OK)
        wait_committed(group);
    return status;
}

static enum status find(const char *key, const struct entry **entry)
{
    uint64_t depends_on = 0;

    return store_find(fixture.thread, db(0), bytes_of(key), now_ms(), entry, &depends_on);
}

static void assert_value(const char *key, const char *value)
{
    const struct entry *entry;

    assert_int_equal(find(key, &entry), STATUS_OK);
    assert_true(bytes_equal(entry_value(entry), bytes_of(value)));
}

static void assert_missing(const char *key)
{
    const struct entry *entry;

    assert_int_equal(find(key, &entry), STATUS_NOT_FOUND);
}

static void what_is_written_is_read_and_survives_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("k", "v"), STATUS_OK);
    assert_value("k", "v");
    reopen_store();
    assert_value("k", "v");
    assert_int_equal(db(0)->key_count, 1);
}

static void a_write_is_read_back_before_it_is_committed(void **state)
{
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    assert_int_equal(put_at(db(0), "k", bytes_of("v"), EXPIRY_NONE, false), STATUS_OK);
    assert_int_equal(
        store_find(fixture.thread, db(0), bytes_of("k"), now_ms(), &entry, &depends_on), STATUS_OK);
    assert_true(depends_on > 0);
    wait_committed(depends_on);
}

static void a_key_is_written_once_in_a_second(void **state)
{
    (void)state;
    assert_int_equal(put("k", "1"), STATUS_OK);
    pass_ms(999);
    assert_int_equal(put("k", "2"), STATUS_RATE_LIMITED);
    assert_value("k", "1");
    pass_ms(1);
    assert_int_equal(put("k", "3"), STATUS_OK);
    assert_value("k", "3");
}

static void a_delete_counts_as_a_write_also_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("k", "1"), STATUS_OK);
    pass_ms(1000);
    assert_int_equal(remove_key("k"), STATUS_OK);
    assert_missing("k");
    reopen_store();
    pass_ms(500);
    assert_int_equal(put("k", "2"), STATUS_RATE_LIMITED);
    pass_ms(500);
    assert_int_equal(put("k", "2"), STATUS_OK);
    assert_int_equal(db(0)->key_count, 1);
}

static void deleting_what_is_not_there_is_no_write(void **state)
{
    (void)state;
    assert_int_equal(remove_key("nothing"), STATUS_NOT_FOUND);
    assert_int_equal(put("nothing", "something"), STATUS_OK);
}

static void a_record_is_absent_the_moment_its_expiry_is_reached(void **state)
{
    int64_t expiry_ms = now_ms() + 100;

    (void)state;
    assert_int_equal(put_at(db(0), "k", bytes_of("v"), expiry_ms, true), STATUS_OK);
    pass_ms(99);
    assert_value("k", "v");
    pass_ms(1);
    assert_missing("k");
}

static void an_expired_record_is_swept_from_the_count(void **state)
{
    (void)state;
    assert_int_equal(put_at(db(0), "k", bytes_of("v"), now_ms() + 100, true), STATUS_OK);
    assert_int_equal(db(0)->key_count, 1);
    pass_ms(200);
    for (int i = 0; i < DEADLINE_MS && atomic_load(&db(0)->key_count) > 0; i++)
        poll(NULL, 0, 1);
    assert_int_equal(db(0)->key_count, 0);
    assert_int_equal(db(0)->expiring_count, 0);
    assert_int_equal(db(0)->byte_count, 0);
}

static void a_long_value_comes_back_whole_from_disk(void **state)
{
    size_t size = 3 * 1024 * 1024 + 17;
    char *value = malloc(size);
    const struct entry *entry;

    (void)state;
    for (size_t i = 0; i < size; i++)
        value[i] = (char)(i * 31 >> 3);
    assert_int_equal(put_at(db(0), "long", (struct bytes){value, size}, EXPIRY_NONE, true),
                     STATUS_OK);
    reopen_store();
    assert_int_equal(find("long", &entry), STATUS_OK);
    assert_true(bytes_equal(entry_value(entry), (struct bytes){value, size}));
    free(value);
}

static struct store_statistics statistics(void)
{
    struct store_statistics result;

    store_statistics(fixture.store, &result);
    return result;
}

static int64_t cached_records(void)
{
    struct store_statistics now = statistics();

    return now.cache_bytes - now.cache_overhead;
}

/* More than a shard of the cache can keep. */
#define LONG_SIZE ((size_t)5 << 20)

static void put_long(const char *key, char filling)
{
    char *value = malloc(LONG_SIZE);

    memset(value, filling, LONG_SIZE);
    assert_int_equal(put_at(db(0), key, (struct bytes){value, LONG_SIZE}, EXPIRY_NONE, true),
                     STATUS_OK);
    free(value);
}

static void assert_long(const char *key, char filling)
{
    const struct entry *entry;

    assert_int_equal(find(key, &entry), STATUS_OK);
    assert_int_equal(entry_value(entry).size, LONG_SIZE);
    assert_int_equal(entry_value(entry).data[LONG_SIZE - 1], filling);
}

static void next_turn(void)
{
    epoch_exit(store_epoch(fixture.thread));
    epoch_enter(store_epoch(fixture.thread));
}

static void a_record_too_long_for_the_cache_is_read_once_in_a_turn(void **state)
{
    (void)state;
    put_long("one", '1');
    put_long("two", '2');
    reopen_store();
    for (int i = 0; i < 10; i++) {
        assert_long("one", '1');
        assert_long("two", '2');
    }
    assert_int_equal(statistics().disk_reads, 2);
    assert_true(store_passing_bytes(fixture.thread) >= 2 * LONG_SIZE);
    next_turn();
    assert_int_equal(store_passing_bytes(fixture.thread), 0);
    assert_long("one", '1');
    assert_int_equal(statistics().disk_reads, 3);
}

/* Another thread's writes come in the middle of this one's turn. */
static void write_from_elsewhere(const char *key, const char *value)
{
    struct store_thread *thread = fixture.thread;
    struct txn *txn = fixture.txn;

    fixture.thread = store_join(fixture.store, ignore, NULL);
    fixture.txn = txn_create(fixture.thread);
    epoch_enter(store_epoch(fixture.thread));
    assert_int_equal(put(key, value), STATUS_OK);
    epoch_exit(store_epoch(fixture.thread));
    txn_destroy(fixture.txn);
    store_leave(fixture.thread);
    fixture.thread = thread;
    fixture.txn = txn;
}

static void
what_was_read_in_this_turn_is_not_believed_when_something_was_written_since(void **state)
{
    (void)state;
    put_long("k", '1');
    reopen_store();
    pass_ms(1000);
    assert_long("k", '1');
    write_from_elsewhere("k", "new");
    store_set_cache_size(fixture.store, 1, INT64_MAX); /* what was written leaves memory, too */
    for (int i = 0; i < DEADLINE_MS && cached_records() > 0; i++)
        poll(NULL, 0, 1);
    assert_value("k", "new");
}

/* A store that did not begin empty must ask the engine. */
static void open_not_complete(void)
{
    assert_int_equal(put("there", "v"), STATUS_OK);
    reopen_store();
}

static void the_engine_is_asked_once_for_a_missing_key(void **state)
{
    (void)state;
    open_not_complete();
    for (int i = 0; i < 3; i++)
        assert_missing("missing");
    assert_int_equal(statistics().denials, 1);
}

static void a_missing_key_is_found_as_soon_as_it_is_written(void **state)
{
    (void)state;
    open_not_complete();
    assert_missing("k");
    assert_int_equal(put("k", "v"), STATUS_OK);
    assert_value("k", "v");
    pass_ms(1000);
    assert_int_equal(remove_key("k"), STATUS_OK);
    assert_missing("k");
    assert_int_equal(remove_key("k"), STATUS_NOT_FOUND);
    assert_int_equal(db(0)->key_count, 1);
}

static void that_a_key_was_missed_says_nothing_of_how_often_it_is_used(void **state)
{
    const struct bytes words[] = {bytes_of("maxmemory-policy"), bytes_of("allkeys-lfu")};
    char error[OPTIONS_ERROR_MAX];
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    assert_int_equal(options_set(fixture.options, words, COUNT_OF(words), error), STATUS_OK);
    open_not_complete();
    assert_missing("k");
    assert_int_equal(put("k", "v"), STATUS_OK);
    assert_int_equal(
        store_peek(fixture.thread, db(0), bytes_of("k"), now_ms(), &entry, &depends_on), STATUS_OK);
    assert_int_equal(frequency_count(entry->used_s, now_ms()), FREQUENCY_START);
}

/* So writes of new keys pay nothing for it. */
static void only_reads_leave_a_mark_of_what_is_missing(void **state)
{
    int64_t before;

    (void)state;
    open_not_complete();
    before = statistics().cache_entries;
    assert_int_equal(remove_key("missing"), STATUS_NOT_FOUND);
    assert_int_equal(statistics().cache_entries, before);
    assert_missing("missing");
    assert_int_equal(statistics().cache_entries, before + 1);
}

static void a_cache_made_smaller_gives_memory_back_without_a_write(void **state)
{
    char value[50000];

    (void)state;
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 60; i++) {
        char key[16];

        (void)snprintf(key, sizeof key, "key %d", i);
        assert_int_equal(put_at(db(0), key, (struct bytes){value, sizeof value}, EXPIRY_NONE, true),
                         STATUS_OK);
    }
    assert_true(cached_records() >= 60 * (int64_t)sizeof value);
    store_set_cache_size(fixture.store, 1 << 20, INT64_MAX);
    for (int i = 0; i < DEADLINE_MS && cached_records() > 1 << 20; i++)
        poll(NULL, 0, 1);
    assert_true(cached_records() <= 1 << 20);
}

static void what_is_only_viewed_does_not_stay_in_memory(void **state)
{
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    open_not_complete();
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            store_view(fixture.thread, db(0), bytes_of("there"), now_ms(), &entry, &depends_on),
            STATUS_OK);
        assert_true(bytes_equal(entry_value(entry), bytes_of("v")));
        assert_int_equal(
            store_view(fixture.thread, db(0), bytes_of("missing"), now_ms(), &entry, &depends_on),
            STATUS_NOT_FOUND);
    }
    assert_int_equal(statistics().cache_entries, 0);
    assert_int_equal(statistics().disk_reads, 2);
}

static void what_is_in_memory_is_viewed_there_and_not_used_by_it(void **state)
{
    const struct entry *entry;
    uint64_t depends_on = 0;

    (void)state;
    open_not_complete();
    assert_value("there", "v");
    assert_int_equal(find("there", &entry), STATUS_OK);
    assert_int_equal(atomic_load(&entry->uses), 1); /* the first one loaded it */
    assert_int_equal(
        store_view(fixture.thread, db(0), bytes_of("there"), now_ms(), &entry, &depends_on),
        STATUS_OK);
    assert_int_equal(atomic_load(&entry->uses), 1);
    assert_int_equal(statistics().disk_reads, 1);
}

static enum status put_two(const char *a, const char *b)
{
    uint64_t group = 0;
    int64_t wait_ms;
    enum status status;
    char *area;

    txn_reset(fixture.txn, now_ms());
    txn_name(fixture.txn, db(0), bytes_of(a));
    txn_name(fixture.txn, db(0), bytes_of(b));
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    assert_int_equal(txn_put(fixture.txn, db(0), bytes_of(a), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, 0, &area),
                     STATUS_OK);
    assert_int_equal(txn_put(fixture.txn, db(0), bytes_of(b), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, 0, &area),
                     STATUS_OK);
    status = txn_commit(fixture.txn, &group, &wait_ms);
    if (status == STATUS_OK)
        wait_committed(group);
    return status;
}

static void one_refused_key_refuses_the_whole_transaction(void **state)
{
    (void)state;
    assert_int_equal(put("b", "1"), STATUS_OK);
    assert_int_equal(put_two("a", "b"), STATUS_RATE_LIMITED);
    assert_missing("a");
    assert_value("b", "1");
    assert_int_equal(db(0)->key_count, 1);
}

static void several_writes_of_one_key_in_a_transaction_are_one(void **state)
{
    (void)state;
    assert_int_equal(put_two("a", "a"), STATUS_OK);
    assert_value("a", "");
    assert_int_equal(db(0)->key_count, 1);
}

static void commit_and_wait(void)
{
    uint64_t group = 0;
    int64_t wait_ms;

    assert_int_equal(txn_commit(fixture.txn, &group, &wait_ms), STATUS_OK);
    wait_committed(group);
}

static enum status in_txn(enum status (*change)(struct txn *txn))
{
    uint64_t group = 0;
    int64_t wait_ms;
    enum status status;

    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    status = change(fixture.txn);
    if (status != STATUS_OK) {
        txn_abandon(fixture.txn);
        return status;
    }
    status = txn_commit(fixture.txn, &group, &wait_ms);
    wait_committed(group);
    return status;
}

static enum status empty_db0(struct txn *txn)
{
    return registry_empty(txn, db(0));
}

static void an_emptied_namespace_is_empty_at_once_and_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("k", "v"), STATUS_OK);
    assert_int_equal(in_txn(empty_db0), STATUS_OK);
    assert_missing("k");
    assert_int_equal(db(0)->key_count, 0);
    reopen_store();
    assert_missing("k");
    assert_int_equal(put("k", "again"), STATUS_OK);
}

static enum status create_config(struct txn *txn)
{
    return registry_create(txn, bytes_of("config"));
}

static enum status drop_config(struct txn *txn)
{
    return registry_drop(txn, bytes_of("config"));
}

static void a_title_is_created_once_and_survives_a_restart(void **state)
{
    struct ns *ns;

    (void)state;
    assert_int_equal(in_txn(create_config), STATUS_OK);
    assert_int_equal(in_txn(create_config), STATUS_TITLE_TAKEN);
    reopen_store();
    assert_int_equal(registry_find(store_registry(fixture.store), bytes_of("config"), &ns),
                     STATUS_OK);
    ns_release(ns);
    assert_int_equal(in_txn(drop_config), STATUS_OK);
    assert_int_equal(in_txn(drop_config), STATUS_NO_NAMESPACE);
    assert_int_equal(in_txn(create_config), STATUS_OK);
}

static enum status swap(struct txn *txn)
{
    return registry_swap(txn, 0, 1);
}

static void swapped_databases_stay_swapped_after_a_restart(void **state)
{
    (void)state;
    assert_int_equal(put("k", "v"), STATUS_OK);
    assert_int_equal(in_txn(swap), STATUS_OK);
    assert_missing("k");
    reopen_store();
    assert_missing("k");
    assert_int_equal(in_txn(swap), STATUS_OK);
    assert_value("k", "v");
}

static void list(struct txn *txn, const char *prefix, const char *from, char *names)
{
    struct scan_row row;
    struct scan *scan;
    uint64_t depends_on = 0;

    names[0] = '\0';
    assert_int_equal(scan_open(fixture.thread, txn, db(0), bytes_of(prefix), bytes_of(from),
                               now_ms(), &scan, &depends_on),
                     STATUS_OK);
    while (scan_next(scan, &row) == STATUS_OK) {
        strncat(names, row.key.data, row.key.size);
        strcat(names, " ");
    }
    scan_close(scan);
}

static void a_scan_merges_what_is_stored_and_what_is_not_yet(void **state)
{
    char names[128];

    (void)state;
    assert_int_equal(put("b", "1"), STATUS_OK);
    assert_int_equal(put("d", "1"), STATUS_OK);
    assert_int_equal(put_at(db(0), "a", bytes_of("1"), EXPIRY_NONE, false), STATUS_OK);
    assert_int_equal(put_at(db(0), "c", bytes_of("1"), EXPIRY_NONE, false), STATUS_OK);
    list(NULL, "", "", names);
    assert_string_equal(names, "a b c d ");
    list(NULL, "", "b", names);
    assert_string_equal(names, "b c d ");
    list(NULL, "c", "", names);
    assert_string_equal(names, "c ");
    wait_committed(store_newest_group(fixture.store));
}

static void a_scan_inside_a_transaction_sees_its_own_changes(void **state)
{
    char names[128], *area;

    (void)state;
    assert_int_equal(put("a", "1"), STATUS_OK);
    assert_int_equal(put("b", "1"), STATUS_OK);
    pass_ms(1000);
    txn_reset(fixture.txn, now_ms());
    txn_name(fixture.txn, db(0), bytes_of("a"));
    txn_name(fixture.txn, db(0), bytes_of("c"));
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    assert_int_equal(txn_delete(fixture.txn, db(0), bytes_of("a")), STATUS_OK);
    assert_int_equal(txn_put(fixture.txn, db(0), bytes_of("c"), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, 0, &area),
                     STATUS_OK);
    list(fixture.txn, "", "", names);
    assert_string_equal(names, "b c ");
    assert_int_equal(txn_key_count(fixture.txn, db(0)), 2);
    txn_abandon(fixture.txn);
    list(NULL, "", "", names);
    assert_string_equal(names, "a b ");
}

static void stamps_rise_also_when_the_clock_goes_back(void **state)
{
    uint64_t before;

    (void)state;
    assert_int_equal(put("a", "1"), STATUS_OK);
    before = txn_stamp(fixture.txn);
    pass_ms(-3600000);
    assert_int_equal(put("b", "1"), STATUS_OK);
    assert_true(txn_stamp(fixture.txn) > before);
    pass_ms(3600000);
}

static void put_in_txn(const char *key)
{
    char *area;

    assert_int_equal(txn_put(fixture.txn, db(0), bytes_of(key), (struct bytes){"", 0}, EXPIRY_NONE,
                             false, 0, &area),
                     STATUS_OK);
}

static void emptying_takes_what_the_transaction_itself_wrote(void **state)
{
    (void)state;
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    put_in_txn("before");
    assert_int_equal(registry_empty(fixture.txn, db(0)), STATUS_OK);
    put_in_txn("after");
    commit_and_wait();
    assert_missing("before");
    assert_value("after", "");
    assert_int_equal(db(0)->key_count, 1);
    reopen_store();
    assert_missing("before");
    assert_int_equal(db(0)->key_count, 1);
}

static void a_transaction_may_empty_a_namespace_many_times(void **state)
{
    char key[16];

    (void)state;
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        put_in_txn(key);
        assert_int_equal(registry_empty(fixture.txn, db(0)), STATUS_OK);
    }
    put_in_txn("last");
    commit_and_wait();
    assert_value("last", "");
    assert_int_equal(db(0)->key_count, 1);
}

/* The next opening finds what a crash would have left at this moment. */
static void crash(void)
{
    char command[256];

    (void)snprintf(command, sizeof command, "cp -r %s %s.copy", fixture.directory,
                   fixture.directory);
    assert_int_equal(system(command), 0);
    close_store();
    (void)snprintf(command, sizeof command, "rm -rf %s && mv %s.copy %s", fixture.directory,
                   fixture.directory, fixture.directory);
    assert_int_equal(system(command), 0);
}

static void writes_wait_for_the_clock_after_a_crash_unless_it_was_set_back(void **state)
{
    (void)state;
    assert_int_equal(put("a", "1"), STATUS_OK);
    crash();
    open_store();
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_PARKED);
    assert_in_range(txn_wake_at_ms(fixture.txn) - now_ms(), 1, 501);
    pass_ms(501);
    assert_int_equal(put("b", "1"), STATUS_OK);
    crash();
    pass_ms(-3600000);
    open_store();
    assert_int_equal(put("c", "1"), STATUS_OK);
    pass_ms(3600000);
}

static void many_records_that_expired_long_ago_are_swept(void **state)
{
    const int count = 30000;
    uint64_t group = 0;
    int64_t wait_ms;
    char key[16], *area;

    (void)state;
    store_set_active_expiry(fixture.store, false);
    txn_reset(fixture.txn, now_ms());
    assert_int_equal(txn_enter(fixture.txn), STATUS_OK);
    for (int i = 0; i < count; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        assert_int_equal(txn_put(fixture.txn, db(0), bytes_of(key), (struct bytes){"", 0},
                                 now_ms() + 1 + i / 10, false, 0, &area),
                         STATUS_OK);
    }
    assert_int_equal(txn_commit(fixture.txn, &group, &wait_ms), STATUS_OK);
    wait_committed(group);
    pass_ms(3600000);
    store_set_active_expiry(fixture.store, true);
    for (int i = 0; i < DEADLINE_MS && atomic_load(&db(0)->key_count) > 0; i++)
        poll(NULL, 0, 1);
    assert_int_equal(db(0)->key_count, 0);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(what_is_written_is_read_and_survives_a_restart),
        CLAIM(a_write_is_read_back_before_it_is_committed),
        CLAIM(a_key_is_written_once_in_a_second),
        CLAIM(a_delete_counts_as_a_write_also_after_a_restart),
        CLAIM(deleting_what_is_not_there_is_no_write),
        CLAIM(a_record_is_absent_the_moment_its_expiry_is_reached),
        CLAIM(an_expired_record_is_swept_from_the_count),
        CLAIM(a_long_value_comes_back_whole_from_disk),
        CLAIM(a_record_too_long_for_the_cache_is_read_once_in_a_turn),
        CLAIM(what_was_read_in_this_turn_is_not_believed_when_something_was_written_since),
        CLAIM(the_engine_is_asked_once_for_a_missing_key),
        CLAIM(a_missing_key_is_found_as_soon_as_it_is_written),
        CLAIM(that_a_key_was_missed_says_nothing_of_how_often_it_is_used),
        CLAIM(only_reads_leave_a_mark_of_what_is_missing),
        CLAIM(a_cache_made_smaller_gives_memory_back_without_a_write),
        CLAIM(what_is_only_viewed_does_not_stay_in_memory),
        CLAIM(what_is_in_memory_is_viewed_there_and_not_used_by_it),
        CLAIM(one_refused_key_refuses_the_whole_transaction),
        CLAIM(several_writes_of_one_key_in_a_transaction_are_one),
        CLAIM(an_emptied_namespace_is_empty_at_once_and_after_a_restart),
        CLAIM(a_title_is_created_once_and_survives_a_restart),
        CLAIM(swapped_databases_stay_swapped_after_a_restart),
        CLAIM(a_scan_merges_what_is_stored_and_what_is_not_yet),
        CLAIM(a_scan_inside_a_transaction_sees_its_own_changes),
        CLAIM(emptying_takes_what_the_transaction_itself_wrote),
        CLAIM(a_transaction_may_empty_a_namespace_many_times),
        CLAIM(writes_wait_for_the_clock_after_a_crash_unless_it_was_set_back),
        CLAIM(many_records_that_expired_long_ago_are_swept),
        CLAIM(stamps_rise_also_when_the_clock_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
