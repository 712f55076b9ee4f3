/* Merges on their way through a store, on a real LevelDB.  What gossip is told ends here: all that
 * host.c calls of it is defined below, so that none of it is linked.
 *
 * write() of this program is the one below, also for LevelDB: it waits, or refuses, on demand. */
#include "cluster/host.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/digest.h"
#include "store/record.h"
#include "unit/store/stores.h"

#define RECORDS    700
#define VALUE_SIZE 65536 /* so that a group is full before all of them are merged */
#define OTHER_NODE 77

/* ---------- the disk ---------- */

static atomic_bool is_held, is_full;

ssize_t write(int file, const void *data, size_t size)
{
    while (file > STDERR_FILENO && atomic_load(&is_held))
        poll(NULL, 0, 1);
    if (file > STDERR_FILENO && atomic_load(&is_full)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, file, data, size);
}

/* ---------- gossip ---------- */

static int applied_count;
static enum applied applied_last;

void gossip_applied(struct gossip *gossip, struct gossip_time now, uint64_t token,
                    enum applied result)
{
    (void)gossip;
    (void)now;
    (void)token;
    applied_count++;
    applied_last = result;
}

/* Not told of anything here. */
void gossip_saved(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_saved)
{
    (void)gossip, (void)now, (void)token, (void)is_saved;
}

void gossip_leaves(struct gossip *gossip, struct gossip_time now, uint64_t token, bool is_ready,
                   const uint64_t *fingerprints, size_t count, const struct digest *root)
{
    (void)gossip, (void)now, (void)token, (void)is_ready, (void)fingerprints;
    (void)count, (void)root;
}

void gossip_elements(struct gossip *gossip, struct gossip_time now, uint64_t token,
                     const struct element *elements, size_t count)
{
    (void)gossip, (void)now, (void)token, (void)elements, (void)count;
}

void gossip_collected(struct gossip *gossip, struct gossip_time now, uint64_t token,
                      size_t answered, struct bytes records)
{
    (void)gossip, (void)now, (void)token, (void)answered, (void)records;
}

void gossip_page(struct gossip *gossip, struct gossip_time now, uint64_t token,
                 struct bytes records, struct bytes cursor, bool is_last)
{
    (void)gossip, (void)now, (void)token, (void)records, (void)cursor, (void)is_last;
}

void gossip_page_failed(struct gossip *gossip, uint64_t token)
{
    (void)gossip, (void)token;
}

/* ---------- the host ---------- */

static struct node node;
static struct host host;

static void ignore(void *context)
{
    (void)context;
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_NOTHING);
    applied_count = 0;
    node_create(&node);
    store_set_horizon(node.store, 0);
    host_init(&host, node.store, store_join(node.store, ignore, NULL), &fake_clock, 1000);
    return 0;
}

static int tear_down(void **state)
{
    struct store_thread *thread = host.thread;

    (void)state;
    host_clear(&host);
    store_leave(thread);
    node_destroy(&node);
    return 0;
}

static void append_record(struct records_writer *writer, const char *key, struct bytes value)
{
    struct wire_record record = {
        .ns = {(const char *)node_db(&node, 0)->id, DIGEST_NS_SIZE},
        .key = bytes_of(key),
        .meta = {"", 0},
        .value = value,
        .version = {stamp_of_wall_ms(now_ms()), OTHER_NODE,
                    record_content_hash(value, (struct bytes){"", 0})},
        .expiry_ms = INT64_MAX,
        .value_size = (uint32_t)value.size,
    };

    records_put(writer, &record);
}

static void apply_many_records(void)
{
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    char *value = xcalloc(1, VALUE_SIZE);
    char key[16];

    for (int i = 0; i < RECORDS; i++) {
        (void)snprintf(key, sizeof key, "key%d", i);
        append_record(&writer, key, (struct bytes){value, VALUE_SIZE});
    }
    host.functions.apply(&host, 1, 0, buffer_view(&blob));
    buffer_clear(&blob);
    free(value);
}

static int64_t key_count(void)
{
    return atomic_load(&node_db(&node, 0)->key_count);
}

/* A group is in flight and stays there: not the digest's own work, which is done. */
static void hold_a_commit(void)
{
    struct store_digest *digest = store_digest(node.store);
    char *area;
    uint64_t group = 0;
    int64_t wait_ms;

    for (int i = 0; i < DEADLINE_MS && digest != NULL && !digest_is_ready(digest); i++)
        poll(NULL, 0, 1);
    atomic_store(&is_held, true);
    node_enter(&node, node_db(&node, 1), bytes_of("own"));
    assert_int_equal(txn_put(node.txn, node_db(&node, 1), bytes_of("own"), (struct bytes){"", 0},
                             EXPIRY_NONE, false, 0, &area),
                     STATUS_OK);
    assert_int_equal(txn_commit(node.txn, &group, &wait_ms), STATUS_OK);
    store_end_turn(node.thread);
    epoch_exit(store_epoch(node.thread));
    for (int i = 0; i < DEADLINE_MS && store_newest_group(node.store) <= group; i++) {
        host.functions.save(&host, 0, bytes_of("state")); /* into the group behind it, in time */
        poll(NULL, 0, 1);
    }
    assert_true(store_newest_group(node.store) > group);
}

static void pump_until_applied(void)
{
    for (int i = 0; i < DEADLINE_MS && applied_count == 0; i++) {
        host_pump(&host);
        poll(NULL, 0, 1);
    }
    assert_int_equal(applied_count, 1);
}

static void a_large_blob_is_merged_whole(void **state)
{
    (void)state;
    apply_many_records();
    pump_until_applied();
    assert_int_equal(applied_last, APPLIED_OK);
    assert_int_equal(key_count(), RECORDS);
}

/* Also if nothing is written afterwards. */
static void gossip_is_told_that_a_blob_failed_that_was_merged_in_part(void **state)
{
    (void)state;
    hold_a_commit();
    apply_many_records();
    host_pump(&host);
    assert_true(key_count() > 0 && key_count() < RECORDS);
    assert_int_equal(applied_count, 0);
    atomic_store(&is_full, true);
    atomic_store(&is_held, false);
    for (int i = 0; i < DEADLINE_MS && !store_failure_pending(host.thread); i++)
        poll(NULL, 0, 1);
    assert_int_equal(key_count(), 0);
    pump_until_applied();
    assert_int_equal(applied_last, APPLIED_FAILED);
    atomic_store(&is_full, false);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_large_blob_is_merged_whole),
        CLAIM(gossip_is_told_that_a_blob_failed_that_was_merged_in_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
