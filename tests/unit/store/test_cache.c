#include "store/cache.h"

#include <stdio.h>

#include "base/memory.h"
#include "unit/test.h"

struct fixture {
    struct epoch *epoch;
    struct epoch_thread *thread;
    struct cache *cache;
    _Atomic uint64_t committed;
};

static int set_up(void **state)
{
    static struct fixture fixture;

    fixture.epoch = epoch_create();
    fixture.thread = epoch_join(fixture.epoch);
    atomic_store(&fixture.committed, 0);
    fixture.cache = cache_create(1 << 20, &fixture.committed, true);
    epoch_enter(fixture.thread);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;

    epoch_exit(fixture->thread);
    epoch_leave(fixture->thread);
    cache_destroy(fixture->cache);
    epoch_destroy(fixture->epoch);
    return 0;
}

static struct entry *make(struct fixture *fixture, uint32_t ns, const char *key, uint64_t group)
{
    struct entry *entry = entry_create(cache_hash(fixture->cache, ns, bytes_of(key)), ns,
                                       bytes_of(key), (struct bytes){"", 0}, 100);

    memset(entry_value_area(entry), 'v', 100);
    atomic_store(&entry->group, group);
    return entry;
}

static struct entry *find(struct fixture *fixture, uint32_t ns, const char *key)
{
    return cache_find(fixture->cache, cache_hash(fixture->cache, ns, bytes_of(key)), ns,
                      bytes_of(key));
}

static void what_is_published_is_found_in_its_namespace_only(void **state)
{
    struct fixture *fixture = *state;
    struct entry *entry = make(fixture, 1, "k", 1);

    assert_null(cache_publish(fixture->cache, fixture->thread, entry));
    assert_ptr_equal(find(fixture, 1, "k"), entry);
    assert_null(find(fixture, 2, "k"));
    assert_null(find(fixture, 1, "K"));
}

static void a_newer_entry_takes_the_place_and_the_old_one_is_handed_back(void **state)
{
    struct fixture *fixture = *state;
    struct entry *old = make(fixture, 1, "k", 1), *entry = make(fixture, 1, "k", 2);

    cache_publish(fixture->cache, fixture->thread, old);
    assert_ptr_equal(cache_publish(fixture->cache, fixture->thread, entry), old);
    assert_ptr_equal(find(fixture, 1, "k"), entry);
    entry_destroy(old);
}

static void a_fill_never_replaces_what_is_there(void **state)
{
    struct fixture *fixture = *state;
    struct entry *written = make(fixture, 1, "k", 1), *read = make(fixture, 1, "k", 0);

    cache_publish(fixture->cache, fixture->thread, written);
    assert_ptr_equal(cache_fill(fixture->cache, fixture->thread, read,
                                cache_generation(fixture->cache, read->hash)),
                     written);
    entry_destroy(read);
}

static void a_fill_is_refused_after_a_written_entry_left_the_shard(void **state)
{
    struct fixture *fixture = *state;
    struct entry *written = make(fixture, 1, "k", 1), *read = make(fixture, 1, "k", 0);
    uint64_t before = cache_generation(fixture->cache, read->hash);

    cache_publish(fixture->cache, fixture->thread, written);
    assert_true(cache_unlink(fixture->cache, written));
    entry_destroy(written);
    assert_null(cache_fill(fixture->cache, fixture->thread, read, before));
    assert_null(find(fixture, 1, "k"));
    entry_destroy(read);
}

static void memory_stays_within_its_bound(void **state)
{
    struct fixture *fixture = *state;
    struct cache_statistics statistics;
    char key[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        cache_publish(fixture->cache, fixture->thread, make(fixture, 1, key, 0));
    }
    cache_statistics(fixture->cache, &statistics);
    assert_true(statistics.bytes <= 1 << 20);
    assert_true(statistics.evicted > 0);
    assert_int_equal(statistics.entries + statistics.evicted, 20000);
}

#define LARGE_SIZE ((size_t)64 << 20)

/* How many records stay, of as many as never fit. */
static int64_t count_kept(struct fixture *fixture)
{
    struct cache_statistics statistics;
    char key[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        entry_destroy(cache_publish(fixture->cache, fixture->thread, make(fixture, 1, key, 0)));
    }
    cache_statistics(fixture->cache, &statistics);
    return statistics.entries;
}

static void begin_with(struct fixture *fixture, size_t bytes_max)
{
    cache_destroy(fixture->cache);
    fixture->cache = cache_create(bytes_max, &fixture->committed, true);
}

static void a_cache_made_smaller_keeps_as_many_records_as_one_that_began_so(void **state)
{
    struct fixture *fixture = *state;
    int64_t kept = count_kept(fixture);

    begin_with(fixture, LARGE_SIZE);
    assert_int_equal(count_kept(fixture), 20000);
    cache_set_bytes_max(fixture->cache, 1 << 20, SIZE_MAX);
    assert_in_range(count_kept(fixture), kept - kept / 20, kept + kept / 20);
}

static void where_there_is_less_room_the_hash_table_counts_too(void **state)
{
    struct fixture *fixture = *state;
    struct cache_statistics empty, statistics;
    const int64_t left = 1 << 20;

    begin_with(fixture, LARGE_SIZE);
    cache_statistics(fixture->cache, &empty);
    cache_set_bytes_max(fixture->cache, LARGE_SIZE, (size_t)(empty.bytes + left));
    assert_true(count_kept(fixture) < 20000);
    cache_statistics(fixture->cache, &statistics);
    assert_in_range(statistics.bytes, empty.bytes + left / 2, empty.bytes + left);
}

static void what_is_not_committed_is_not_evicted(void **state)
{
    struct fixture *fixture = *state;
    char key[32];

    cache_publish(fixture->cache, fixture->thread, make(fixture, 1, "pinned", 1));
    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        cache_publish(fixture->cache, fixture->thread, make(fixture, 1, key, 0));
    }
    assert_non_null(find(fixture, 1, "pinned"));
}

static void what_is_read_again_outlives_a_scan(void **state)
{
    struct fixture *fixture = *state;
    char key[32];

    cache_publish(fixture->cache, fixture->thread, make(fixture, 1, "hot", 0));
    for (int i = 0; i < 50000; i++) {
        if (i % 100 == 0)
            cache_touch(find(fixture, 1, "hot"));
        snprintf(key, sizeof key, "key:%d", i);
        cache_publish(fixture->cache, fixture->thread, make(fixture, 1, key, 0));
    }
    assert_non_null(find(fixture, 1, "hot"));
}

static void fill(struct fixture *fixture, const char *key)
{
    struct entry *entry = make(fixture, 1, key, 0);

    assert_ptr_equal(cache_fill(fixture->cache, fixture->thread, entry,
                                cache_generation(fixture->cache, entry->hash)),
                     entry);
}

/* Reads so many keys that nobody reads again. */
static void scan(struct fixture *fixture, int count)
{
    static int next;
    char key[32];

    for (int i = 0; i < count; i++) {
        snprintf(key, sizeof key, "scanned:%d", next++);
        fill(fixture, key);
    }
}

static void what_was_used_once_outlives_any_scan(void **state)
{
    struct fixture *fixture = *state;

    fill(fixture, "used");
    fill(fixture, "unused");
    cache_touch(find(fixture, 1, "used"));
    scan(fixture, 100000);
    assert_non_null(find(fixture, 1, "used"));
    assert_null(find(fixture, 1, "unused"));
}

/* What left is remembered by a few bits of its hash, and another one may take their place at once:
 * so it was for one in 150. */
static void what_is_read_again_soon_after_it_left_stays(void **state)
{
    static const char *const keys[] = {"back", "again", "once more", "not gone", "here"};
    struct fixture *fixture = *state;
    size_t stayed = 0;

    scan(fixture, 20000);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        fill(fixture, keys[i]);
        while (find(fixture, 1, keys[i]) != NULL)
            scan(fixture, 1);
        fill(fixture, keys[i]);
    }
    scan(fixture, 100000);
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        stayed += find(fixture, 1, keys[i]) != NULL;
    assert_true(stayed >= COUNT_OF(keys) - 2);
}

static void what_is_read_again_long_after_it_left_is_new(void **state)
{
    struct fixture *fixture = *state;

    scan(fixture, 20000);
    fill(fixture, "back");
    scan(fixture, 20000);
    fill(fixture, "back");
    scan(fixture, 20000);
    assert_null(find(fixture, 1, "back"));
}

static void what_is_written_again_counts_as_used(void **state)
{
    struct fixture *fixture = *state;
    struct entry *first = make(fixture, 1, "k", 0);

    cache_publish(fixture->cache, fixture->thread, first);
    assert_ptr_equal(cache_publish(fixture->cache, fixture->thread, make(fixture, 1, "k", 0)),
                     first);
    entry_destroy(first);
    scan(fixture, 100000);
    assert_non_null(find(fixture, 1, "k"));
}

static void what_is_not_used_any_more_makes_room_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    char key[32];

    fill(fixture, "old");
    for (int i = 0; i < 100; i++)
        cache_touch(find(fixture, 1, "old"));
    for (int i = 0; i < 50000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        fill(fixture, key);
        cache_touch(find(fixture, 1, key));
    }
    assert_null(find(fixture, 1, "old"));
}

static void a_use_of_what_is_used_enough_writes_nothing(void **state)
{
    struct fixture *fixture = *state;
    struct entry before, *entry = make(fixture, 1, "k", 0);

    cache_publish(fixture->cache, fixture->thread, entry);
    for (int i = 0; i < ENTRY_USES_MAX; i++)
        cache_touch(entry);
    memcpy(&before, entry, sizeof before);
    cache_touch(entry);
    assert_memory_equal(entry, &before, sizeof before);
}

static void a_value_too_large_for_the_cache_drives_out_no_used_one(void **state)
{
    struct fixture *fixture = *state;
    struct entry *large;
    char key[32];

    for (int i = 0; i < 20000; i++) {
        snprintf(key, sizeof key, "key:%d", i % 1000);
        if (find(fixture, 1, key) == NULL)
            fill(fixture, key);
        cache_touch(find(fixture, 1, key));
    }
    large = entry_create(cache_hash(fixture->cache, 1, bytes_of("large")), 1, bytes_of("large"),
                         (struct bytes){"", 0}, 1 << 20);
    (void)cache_fill(fixture->cache, fixture->thread, large,
                     cache_generation(fixture->cache, large->hash));
    assert_null(find(fixture, 1, "large"));
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        assert_non_null(find(fixture, 1, key));
    }
}

static struct entry *make_absent(struct fixture *fixture, const char *key)
{
    struct entry *entry = entry_create(cache_hash(fixture->cache, 1, bytes_of(key)), 1,
                                       bytes_of(key), (struct bytes){"", 0}, 0);

    entry->header.kind = ENTRY_ABSENT;
    return entry;
}

/* However often each is asked for. */
static void missing_keys_drive_out_no_used_record(void **state)
{
    struct fixture *fixture = *state;
    char key[32];

    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        fill(fixture, key);
        cache_touch(find(fixture, 1, key));
    }
    for (int i = 0; i < 100000; i++) {
        struct entry *absent;

        snprintf(key, sizeof key, "missing:%d", i);
        absent = make_absent(fixture, key);
        (void)cache_fill(fixture->cache, fixture->thread, absent,
                         cache_generation(fixture->cache, absent->hash));
        cache_touch(absent);
        cache_touch(absent);
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key:%d", i);
        assert_non_null(find(fixture, 1, key));
    }
}

static void a_missing_key_that_is_asked_for_again_and_again_stays_known(void **state)
{
    struct fixture *fixture = *state;
    struct entry *absent = make_absent(fixture, "missing");

    (void)cache_fill(fixture->cache, fixture->thread, absent,
                     cache_generation(fixture->cache, absent->hash));
    for (int i = 0; i < 100000; i++) {
        scan(fixture, 1);
        cache_touch(absent);
        assert_ptr_equal(find(fixture, 1, "missing"), absent);
    }
}

static void what_is_counted_is_what_the_memory_costs(void **state)
{
    struct fixture *fixture = *state;
    struct cache_statistics empty, statistics;
    int64_t entries = 0;
    char key[32];

    cache_statistics(fixture->cache, &empty);
    assert_true(empty.bytes >= (1 << 20) / 128 * (int64_t)sizeof(void *));
    for (int i = 0; i < 2000; i++) {
        struct entry *entry;

        snprintf(key, sizeof key, "key:%d", i);
        entry = make(fixture, 1, key, 0);
        entries += (int64_t)memory_size(entry);
        cache_publish(fixture->cache, fixture->thread, entry);
    }
    cache_statistics(fixture->cache, &statistics);
    assert_int_equal(statistics.evicted, 0);
    assert_true(statistics.bytes - empty.bytes >= entries + 2000 * (int64_t)sizeof(void *));
}

static void what_was_read_before_all_was_forgotten_is_not_kept(void **state)
{
    struct fixture *fixture = *state;
    struct entry *absent = make_absent(fixture, "k");
    uint64_t before = cache_generation(fixture->cache, absent->hash);

    cache_forget(fixture->cache, fixture->thread);
    assert_null(cache_fill(fixture->cache, fixture->thread, absent, before));
    entry_destroy(absent);
}

static void a_shard_is_complete_until_something_stored_is_evicted(void **state)
{
    struct fixture *fixture = *state;
    struct entry *absent = make(fixture, 1, "k", 1), *stored;

    absent->header.kind = ENTRY_ABSENT;
    atomic_store(&fixture->committed, 1);
    cache_publish(fixture->cache, fixture->thread, absent);
    assert_true(cache_unlink(fixture->cache, absent));
    assert_true(cache_is_complete(fixture->cache, absent->hash));
    stored = make(fixture, 1, "k", 1);
    cache_publish(fixture->cache, fixture->thread, stored);
    assert_true(cache_unlink(fixture->cache, stored));
    assert_false(cache_is_complete(fixture->cache, stored->hash));
    entry_destroy(absent);
    entry_destroy(stored);
}

/* What it would have removed is still stored. */
static void a_shard_is_not_complete_after_a_purge_was_undone(void **state)
{
    struct fixture *fixture = *state;
    struct entry *absent = make(fixture, 1, "k", 1);

    absent->header.kind = ENTRY_ABSENT;
    cache_publish(fixture->cache, fixture->thread, absent);
    assert_true(cache_unlink(fixture->cache, absent));
    assert_false(cache_is_complete(fixture->cache, absent->hash));
    entry_destroy(absent);
}

/* Something is stored now that the cache has not seen; what is not committed is newer than that. */
static void what_is_forgotten_is_all_that_is_committed_and_what_was_known_of_the_rest(void **state)
{
    struct fixture *fixture = *state;
    struct entry *absent = make(fixture, 1, "absent", 1), *stored = make(fixture, 1, "stored", 0),
                 *newer = make(fixture, 1, "newer", 2);

    absent->header.kind = ENTRY_ABSENT;
    cache_publish(fixture->cache, fixture->thread, absent);
    cache_publish(fixture->cache, fixture->thread, stored);
    cache_publish(fixture->cache, fixture->thread, newer);
    atomic_store(&fixture->committed, 1);
    cache_forget(fixture->cache, fixture->thread);
    assert_null(find(fixture, 1, "absent"));
    assert_null(find(fixture, 1, "stored"));
    assert_ptr_equal(find(fixture, 1, "newer"), newer);
    for (uint64_t hash = 0; hash < 64; hash++)
        assert_false(cache_is_complete(fixture->cache, hash));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_published_is_found_in_its_namespace_only, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            a_newer_entry_takes_the_place_and_the_old_one_is_handed_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fill_never_replaces_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fill_is_refused_after_a_written_entry_left_the_shard,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_stays_within_its_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            a_cache_made_smaller_keeps_as_many_records_as_one_that_began_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_there_is_less_room_the_hash_table_counts_too, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_committed_is_not_evicted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_again_outlives_a_scan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_used_once_outlives_any_scan, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_again_soon_after_it_left_stays, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_read_again_long_after_it_left_is_new, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_again_counts_as_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_used_any_more_makes_room_in_the_end, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_use_of_what_is_used_enough_writes_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_value_too_large_for_the_cache_drives_out_no_used_one,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_keys_drive_out_no_used_record, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_key_that_is_asked_for_again_and_again_stays_known,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_counted_is_what_the_memory_costs, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_was_read_before_all_was_forgotten_is_not_kept, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_shard_is_complete_until_something_stored_is_evicted,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_shard_is_not_complete_after_a_purge_was_undone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_forgotten_is_all_that_is_committed_and_what_was_known_of_the_rest, set_up,
            tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
