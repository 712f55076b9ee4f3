/* one_store.h - the one store of a test program, on a real LevelDB in a temporary directory.
 *
 * The thread is inside of its epoch but between turns, so what was found is good for a turn.
 * Options and the clock are the program's own. */
#ifndef UNIT_STORE_ONE_STORE_H
#define UNIT_STORE_ONE_STORE_H

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/registry_internal.h"
#include "store/store.h"
#include "unit/test.h"

#define DEADLINE_MS 10000

struct fixture {
    char directory[64];
    struct options *options;
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
};

static struct fixture fixture;

static inline struct ns *db(int n)
{
    return registry_database(store_registry(fixture.store), n);
}

static inline void ignore(void *context)
{
    (void)context;
}

static inline void make_directory(void)
{
    strcpy(fixture.directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(fixture.directory));
}

static inline int remove_directory(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", fixture.directory);
    return system(command);
}

static inline void take_options(char **arguments, int count)
{
    char error[OPTIONS_ERROR_MAX];

    fixture.options = options_create();
    assert_int_equal(options_parse(fixture.options, count, arguments, error), STATUS_OK);
    assert_int_equal(options_finish(fixture.options, error), STATUS_OK);
}

static inline void open_on(const struct clock *clock)
{
    char error[STORE_ERROR_MAX];

    assert_int_equal(store_open(fixture.options, clock, &fixture.store, error), STATUS_OK);
    fixture.thread = store_join(fixture.store, ignore, NULL);
    fixture.txn = txn_create(fixture.thread);
    epoch_enter(store_epoch(fixture.thread));
}

static inline void close_store(void)
{
    epoch_exit(store_epoch(fixture.thread));
    txn_destroy(fixture.txn);
    store_leave(fixture.thread);
    store_close(fixture.store);
}

/* Does a turn's end commit what it can by itself, every other time? */
static bool commits_at_once;

static inline void end_turn(void)
{
    static unsigned turns;

    if (commits_at_once && turns++ % 2 == 0)
        (void)!store_commit_turn(fixture.thread);
    store_end_turn(fixture.thread);
    epoch_exit(store_epoch(fixture.thread));
    poll(NULL, 0, 1);
    epoch_enter(store_epoch(fixture.thread));
}

/* What becomes of a reply that depends on the group: true = it leaves, false = it becomes an error.
 */
static inline bool wait_for_group(uint64_t group)
{
    for (int i = 0; i < DEADLINE_MS; i++) {
        end_turn();
        if (store_failure_pending(fixture.thread)) {
            bool is_committed = store_committed(fixture.store) >= group;

            store_failure_seen(fixture.thread);
            return is_committed;
        }
        if (store_committed(fixture.store) >= group)
            return true;
    }
    fail_msg("nothing became of the group");
    return false;
}

#endif
