/* What the engine held at one moment, put into another engine and compared with a model of the
 * first, while that one goes on. */
#include "store/checkpoint.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/random.h"
#include "store/engine_internal.h"
#include "store/tree.h"
#include "unit/store/engines.h"

#define KEYS        3000
#define BATCH_MAX   40
#define VALUE_MAX   30000
#define LAST        "last" /* its value is the number of the batch that put it */
#define HISTORIES   4
#define ROUNDS      1500
#define CHECKPOINTS 8 /* beside a writer */

/* The batch that put a key last, 0 = there is none. */
struct model {
    uint32_t batches[KEYS];
    uint32_t last;
};

static struct home source;
static struct model model;

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_NOTHING);
    model = (struct model){0};
    home_create(&source);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    home_destroy(&source);
    return 0;
}

/* ---------- batches ---------- */

static struct bytes key_of(char text[16], size_t key)
{
    (void)snprintf(text, 16, "k%06zu", key);
    return bytes_of(text);
}

/* Empty ones, and long ones now and then. */
static struct bytes value_of(char text[VALUE_MAX], uint32_t batch, size_t key)
{
    size_t size = (batch * 31 + key) % 97 == 0 ? VALUE_MAX : (batch + key) % 5 * 100;

    memset(text, 'a' + (int)(key % 26), size);
    if (size > 0)
        memcpy(text, &batch, sizeof batch);
    return (struct bytes){text, size};
}

/* What a batch does follows from its number.  Either may be NULL. */
static void put_batch(uint32_t number, struct engine_batch *batch, struct model *into)
{
    struct random numbers = {number};
    size_t count = 1 + random_below(&numbers, BATCH_MAX);
    char name[16], text[VALUE_MAX];

    for (size_t i = 0; i < count; i++) {
        size_t key = random_below(&numbers, KEYS);
        bool is_deleted = random_below(&numbers, 4) == 0;

        if (into != NULL)
            into->batches[key] = is_deleted ? 0 : number;
        if (batch != NULL && is_deleted)
            engine_batch_delete(batch, key_of(name, key));
        else if (batch != NULL)
            engine_batch_put(batch, key_of(name, key), value_of(text, number, key));
    }
    if (into != NULL)
        into->last = number;
    if (batch != NULL)
        engine_batch_put(batch, bytes_of(LAST), (struct bytes){(char *)&number, sizeof number});
}

static void write_batch(uint32_t number)
{
    struct engine_batch *batch = engine_batch_create();

    put_batch(number, batch, NULL);
    assert_int_equal(engine_write(source.engine, batch, number % 100 == 0), STATUS_OK);
    engine_batch_destroy(batch);
}

static void write_and_note(uint32_t number)
{
    write_batch(number);
    put_batch(number, NULL, &model);
}

/* ---------- comparing ---------- */

static void expect_next(struct engine_iterator *iterator, struct bytes key, struct bytes value)
{
    assert_true(engine_iterator_is_valid(iterator));
    assert_true(bytes_equal(engine_iterator_key(iterator), key));
    assert_true(bytes_equal(engine_iterator_value(iterator), value));
    engine_iterator_next(iterator);
}

/* These and no others, but for what the engine notes itself, which is before them. */
static void assert_holds(const struct home *home, const struct model *expected)
{
    struct engine_iterator *iterator = engine_iterate(home->engine);
    char name[16], text[VALUE_MAX];

    engine_iterator_seek(iterator, bytes_of(""));
    if (engine_iterator_is_valid(iterator) &&
        bytes_equal(engine_iterator_key(iterator), keyspace_moved()))
        engine_iterator_next(iterator);
    for (size_t key = 0; key < KEYS; key++)
        if (expected->batches[key] != 0)
            expect_next(iterator, key_of(name, key), value_of(text, expected->batches[key], key));
    if (expected->last != 0)
        expect_next(iterator, bytes_of(LAST),
                    (struct bytes){(const char *)&expected->last, sizeof expected->last});
    assert_false(engine_iterator_is_valid(iterator));
    assert_int_equal(engine_iterator_status(iterator), STATUS_OK);
    engine_iterator_destroy(iterator);
    for (size_t key = 0; key < KEYS; key += 7)
        if (expected->batches[key] == 0)
            assert_true(home_lacks(home, key_of(name, key)));
        else
            assert_true(
                home_has(home, key_of(name, key), value_of(text, expected->batches[key], key)));
}

static void assert_gives(const struct checkpoint *checkpoint, const struct model *expected)
{
    struct home other;

    home_create(&other);
    home_install(&other, checkpoint);
    assert_holds(&other, expected);
    home_reopen(&other);
    engine_compact(other.engine, bytes_of(""), bytes_of("zz"));
    assert_holds(&other, expected);
    home_destroy(&other);
}

/* ---------- claims ---------- */

static void compact(void)
{
    engine_compact(source.engine, bytes_of(""), bytes_of("zz"));
}

/* The histories are of different seeds, and have few or many of each. */
static void do_something_else(struct random *numbers)
{
    uint64_t choice = random_below(numbers, 300);

    if (choice == 0)
        home_reopen(&source);
    else if (choice == 1)
        compact();
    else if (choice == 2)
        assert_int_equal(engine_reopen(source.engine), STATUS_OK);
}

static void live_through(struct random *numbers, uint32_t seed)
{
    struct checkpoint *checkpoint = NULL;
    static struct model then;

    for (uint32_t round = 1; round <= ROUNDS; round++) {
        write_and_note(seed * ROUNDS + round);
        do_something_else(numbers);
        if (random_below(numbers, ROUNDS / 4) == 0 && checkpoint == NULL) {
            checkpoint = home_checkpoint(&source);
            then = model;
        } else if (random_below(numbers, ROUNDS / 8) == 0 && checkpoint != NULL) {
            assert_gives(checkpoint, &then);
            checkpoint_destroy(checkpoint);
            checkpoint = NULL;
        }
    }
    if (checkpoint != NULL)
        assert_gives(checkpoint, &then);
    checkpoint_destroy(checkpoint);
}

static void it_is_what_was_there_whatever_is_done_later(void **state)
{
    void *none = NULL;

    (void)state;
    for (uint32_t seed = 0; seed < HISTORIES; seed++) {
        struct random numbers = {seed};

        live_through(&numbers, seed);
        assert_int_equal(tear_down(&none), 0);
        set_up(&none);
    }
}

/* The stage alone, or the tables alone, or LevelDB's log and the stage. */
static void it_is_complete_wherever_rows_are(void **state)
{
    struct checkpoint *checkpoint = home_checkpoint(&source);

    (void)state;
    assert_int_equal(checkpoint_table_count(checkpoint), 0);
    assert_int_equal(checkpoint_rows(checkpoint)->count, 0);
    assert_gives(checkpoint, &model);
    checkpoint_destroy(checkpoint);
    for (uint32_t number = 1; number < 100; number++) {
        write_and_note(number);
        if (number == 40)
            home_reopen(&source);
        if (number % 10 != 1)
            continue;
        checkpoint = home_checkpoint(&source);
        assert_gives(checkpoint, &model);
        checkpoint_destroy(checkpoint);
    }
}

static size_t count_gone(const struct checkpoint *checkpoint)
{
    size_t gone = 0;

    for (size_t i = 0; i < checkpoint_table_count(checkpoint); i++) {
        char path[128];

        (void)snprintf(path, sizeof path, "%s/%06llu.ldb", source.directory,
                       (unsigned long long)checkpoint_table(checkpoint, i)->number);
        gone += access(path, F_OK) != 0;
    }
    return gone;
}

static void its_tables_are_there_after_leveldb_removed_them(void **state)
{
    struct checkpoint *checkpoint;
    struct model then;

    (void)state;
    for (uint32_t number = 1; number <= 500; number++)
        write_and_note(number);
    checkpoint = home_checkpoint(&source);
    then = model;
    assert_true(checkpoint_table_count(checkpoint) > 1);
    for (uint32_t number = 501; number <= 1000; number++)
        write_and_note(number);
    compact();
    assert_int_equal(count_gone(checkpoint), checkpoint_table_count(checkpoint));
    assert_gives(checkpoint, &then);
    checkpoint_destroy(checkpoint);
}

static void its_tables_come_in_the_order_of_their_age(void **state)
{
    struct checkpoint *checkpoint;

    (void)state;
    for (uint32_t number = 1; number <= 500; number++)
        write_and_note(number);
    checkpoint = home_checkpoint(&source);
    for (size_t i = 1; i < checkpoint_table_count(checkpoint); i++)
        assert_true(checkpoint_table(checkpoint, i - 1)->number <
                    checkpoint_table(checkpoint, i)->number);
    checkpoint_destroy(checkpoint);
}

static void without_its_rows_it_has_what_was_in_tables(void **state)
{
    struct checkpoint *checkpoint;
    struct model then;

    (void)state;
    for (uint32_t number = 1; number <= 300; number++)
        write_and_note(number);
    home_reopen(&source);
    then = model;
    for (uint32_t number = 301; number <= 303; number++)
        write_and_note(number);
    checkpoint = home_checkpoint(&source);
    checkpoint_drop_rows(checkpoint);
    assert_null(checkpoint_rows(checkpoint));
    assert_gives(checkpoint, &then);
    checkpoint_destroy(checkpoint);
}

/* ---------- files that are gone before they are opened ---------- */

static _Thread_local int openings_left = -1; /* -1: nothing happens */
static _Thread_local bool is_slow;

static void remove_files(void)
{
    tree_compact(source.engine->tree, bytes_of(""), bytes_of("zz"));
}

/* Of a table, a log, or the list of all. */
static void open_one(const char *name)
{
    if (openings_left < 0 ||
        (strstr(name, ".ldb") == NULL && strstr(name, ".log") == NULL && strcmp(name, ".") != 0))
        return;
    if (openings_left-- == 0)
        remove_files();
}

/* In place of libc's: before some file is opened LevelDB has removed all it had; or much is written
 * before it is known what files there are. */
int openat(int directory, const char *name, int flags, ...)
{
    static int (*next)(int, const char *, int, ...);
    va_list rest;
    int mode;

    va_start(rest, flags);
    mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
    va_end(rest);
    if (next == NULL)
        *(void **)&next = dlsym(RTLD_NEXT, "openat");
    open_one(name);
    if (is_slow && strstr(name, "MANIFEST") != NULL)
        poll(NULL, 0, 20);
    return next(directory, name, flags, mode);
}

static void what_is_gone_before_it_is_opened_does_not_matter(void **state)
{
    uint32_t number = 1;
    int removals = 0;

    (void)state;
    for (int openings = 0; openings < 6; openings++) {
        struct checkpoint *checkpoint;

        for (int i = 0; i < 60; i++)
            write_and_note(number++);
        openings_left = openings;
        checkpoint = home_checkpoint(&source);
        removals += openings_left < 0;
        openings_left = -1;
        assert_gives(checkpoint, &model);
        checkpoint_destroy(checkpoint);
    }
    assert_true(removals > 2);
}

/* ---------- beside a writer ---------- */

static atomic_bool is_stopping;
static _Atomic uint32_t begun, written;

static void *write_on(void *context)
{
    (void)context;
    for (uint32_t number = 1; !is_stopping; number++) {
        begun = number;
        write_batch(number);
        written = number;
    }
    return NULL;
}

static void *compact_on(void *context)
{
    (void)context;
    while (!is_stopping) {
        remove_files();
        poll(NULL, 0, 1);
    }
    return NULL;
}

static uint32_t last_of(const struct home *home)
{
    struct bytes value;
    uint32_t last = 0;

    if (engine_get(home->engine, bytes_of(LAST), &value) != STATUS_OK)
        return 0;
    assert_int_equal(value.size, sizeof last);
    memcpy(&last, value.data, sizeof last);
    engine_free(value);
    return last;
}

/* All that had been written when it was asked for, and perhaps more, in whole batches (H1). */
static void assert_prefix(struct checkpoint *checkpoint, uint32_t before, uint32_t after)
{
    struct home other;
    uint32_t last;

    home_create(&other);
    home_install(&other, checkpoint);
    last = last_of(&other);
    assert_in_range(last, before, after);
    while (model.last < last)
        put_batch(model.last + 1, NULL, &model);
    assert_holds(&other, &model);
    home_destroy(&other);
}

static pthread_t writer, compactor;

static int set_up_threads(void **state)
{
    set_up(state);
    is_stopping = false;
    begun = written = 0;
    pthread_create(&writer, NULL, write_on, NULL);
    pthread_create(&compactor, NULL, compact_on, NULL);
    return 0;
}

static int tear_down_threads(void **state)
{
    is_stopping = true;
    pthread_join(writer, NULL);
    pthread_join(compactor, NULL);
    return tear_down(state);
}

static void it_ends_with_a_whole_batch_beside_a_writer(void **state)
{
    (void)state;
    for (int i = 0; i < CHECKPOINTS; i++) {
        struct checkpoint *checkpoint;
        uint32_t before = written;

        is_slow = i % 2 == 0;
        checkpoint = home_checkpoint(&source);
        is_slow = false;
        assert_prefix(checkpoint, before, begun);
        checkpoint_destroy(checkpoint);
    }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(it_is_what_was_there_whatever_is_done_later),
        CLAIM(it_is_complete_wherever_rows_are),
        CLAIM(its_tables_are_there_after_leveldb_removed_them),
        CLAIM(its_tables_come_in_the_order_of_their_age),
        CLAIM(without_its_rows_it_has_what_was_in_tables),
        CLAIM(what_is_gone_before_it_is_opened_does_not_matter),
        cmocka_unit_test_setup_teardown(it_ends_with_a_whole_batch_beside_a_writer, set_up_threads,
                                        tear_down_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
