/* stores.h - whole stores for tests, each on a real LevelDB in a temporary directory, with one
 * clock that stands still until it is moved. */
#ifndef UNIT_STORE_STORES_H
#define UNIT_STORE_STORES_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store.h"
#include "unit/test.h"

#define DEADLINE_MS 10000

struct node {
    char directory[64];
    struct options *options;
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
};

static _Atomic int64_t wall_us = 1700000000000000;

static int64_t fake_wall(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static const struct clock fake_clock = {fake_wall, fake_wall};

static inline int64_t now_ms(void)
{
    return atomic_load(&wall_us) / 1000;
}

static inline void pass_ms(int64_t ms)
{
    atomic_fetch_add(&wall_us, ms * 1000);
}

/* The thread is outside of any epoch, but during a transaction. */
static inline void node_open(struct node *node)
{
    char error[STORE_ERROR_MAX];

    assert_int_equal(store_open(node->options, &fake_clock, &node->store, error), STATUS_OK);
    store_set_active_expiry(node->store, false);
    store_set_clock_limit(node->store, INT64_MAX); /* there is no cluster to do so */
    node->thread = store_join(node->store, NULL, NULL);
    node->txn = txn_create(node->thread);
}

static inline void node_close(struct node *node)
{
    txn_destroy(node->txn);
    store_leave(node->thread);
    store_close(node->store);
}

static inline void node_reopen(struct node *node)
{
    node_close(node);
    node_open(node);
}

static inline void node_create(struct node *node)
{
    char error[OPTIONS_ERROR_MAX];
    char program[] = "test", dir[] = "--dir", level[] = "--loglevel", warning[] = "warning";
    char limits[] = "--limits", none[] = "none";
    char secret[] = "--cluster-secret", word[] = "a secret of sixteen or more";
    char *arguments[] = {program, dir, node->directory, level, warning, limits, none, secret, word};

    strcpy(node->directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(node->directory));
    node->options = options_create();
    assert_int_equal(options_parse(node->options, COUNT_OF(arguments), arguments, error),
                     STATUS_OK);
    assert_int_equal(options_finish(node->options, error), STATUS_OK);
    node_open(node);
}

static inline void node_destroy(struct node *node)
{
    char command[128];

    node_close(node);
    options_destroy(node->options);
    (void)snprintf(command, sizeof command, "rm -rf %s", node->directory);
    assert_int_equal(system(command), 0);
}

static inline struct ns *node_db(const struct node *node, int n)
{
    return registry_database(store_registry(node->store), n);
}

/* A transaction is entered; what it does follows, then node_commit(). */
static inline void node_enter(struct node *node, struct ns *ns, struct bytes key)
{
    epoch_enter(store_epoch(node->thread));
    txn_reset(node->txn, now_ms());
    if (ns != NULL)
        txn_name(node->txn, ns, key);
    assert_int_equal(txn_enter(node->txn), STATUS_OK);
}

static inline void node_commit(struct node *node)
{
    uint64_t group = 0;
    int64_t wait_ms;

    assert_int_equal(txn_commit(node->txn, &group, &wait_ms), STATUS_OK);
    store_end_turn(node->thread);
    epoch_exit(store_epoch(node->thread));
    for (int i = 0; i < DEADLINE_MS && store_committed(node->store) < group; i++)
        poll(NULL, 0, 1);
    assert_true(store_committed(node->store) >= group);
}

static inline void node_put(struct node *node, struct ns *ns, struct bytes key, struct bytes value,
                            const char *meta, int64_t expiry_ms)
{
    char *area;

    node_enter(node, ns, key);
    assert_int_equal(
        txn_put(node->txn, ns, key, bytes_of(meta), expiry_ms, false, value.size, &area),
        STATUS_OK);
    if (value.size > 0)
        memcpy(area, value.data, value.size);
    node_commit(node);
}

static inline void node_set(struct node *node, struct ns *ns, const char *key, const char *value)
{
    node_put(node, ns, bytes_of(key), bytes_of(value), "", EXPIRY_NONE);
}

static inline void node_delete(struct node *node, struct ns *ns, const char *key)
{
    node_enter(node, ns, bytes_of(key));
    assert_int_equal(txn_delete(node->txn, ns, bytes_of(key)), STATUS_OK);
    node_commit(node);
}

/* The caller gives it back by ns_release(). */
static inline struct ns *node_create_ns(struct node *node, const char *title)
{
    struct ns *ns;

    node_enter(node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_create(node->txn, bytes_of(title)), STATUS_OK);
    node_commit(node);
    assert_int_equal(registry_find(store_registry(node->store), bytes_of(title), &ns), STATUS_OK);
    return ns;
}

/* A live value, "" if there is none; static. */
static inline const char *node_get(struct node *node, const struct ns *ns, const char *key)
{
    static char text[256];
    const struct entry *entry;
    uint64_t group = 0;

    text[0] = '\0';
    epoch_enter(store_epoch(node->thread));
    if (store_find(node->thread, ns, bytes_of(key), now_ms(), &entry, &group) == STATUS_OK)
        (void)snprintf(text, sizeof text, "%.*s", (int)entry->header.value_size,
                       entry_value(entry).data);
    epoch_exit(store_epoch(node->thread));
    return text;
}

#endif
