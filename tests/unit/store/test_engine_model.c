/* The engine against a model of it: an array.  Stages are frozen and moved on the way; what is
 * read, by key or in order, is what the model holds, also from an iterator opened long before, and
 * in what a process killed at that moment would find. */
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/random.h"
#include "unit/test.h"

#define KEYS      4000
#define ROUNDS    600
#define BATCH_MAX 80
#define PAD       600 /* bytes of a value: some thousand rows fill a stage */
#define ITERATED  7   /* rounds for which an iterator stays open */

/* The number last put under a key, 0 = none. */
struct model {
    uint32_t numbers[KEYS];
};

static char directory[64];
static struct engine *engine;
static struct model model;
static struct random random_state;

static struct engine *open_in(const char *path)
{
    char error[ENGINE_ERROR_MAX];
    struct engine *opened;
    bool was_repaired;

    assert_int_equal(engine_open(path, false, &opened, &was_repaired, error), STATUS_OK);
    assert_false(was_repaired);
    return opened;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    log_set_level(LOG_NOTHING);
    engine = open_in(directory);
    memset(&model, 0, sizeof model);
    random_state = (struct random){7};
    return 0;
}

static int tear_down(void **state)
{
    char command[256];

    (void)state;
    engine_close(engine);
    (void)snprintf(command, sizeof command, "rm -rf %s %s.copy", directory, directory);
    return system(command);
}

static struct bytes key_of(char text[16], size_t key)
{
    (void)snprintf(text, 16, "k%06zu", key);
    return bytes_of(text);
}

static struct bytes value_of(char text[PAD], uint32_t number)
{
    memset(text, 'x', PAD);
    memcpy(text, &number, sizeof number);
    return (struct bytes){text, PAD};
}

static uint32_t number_in(struct bytes value)
{
    uint32_t number;

    assert_int_equal(value.size, PAD);
    memcpy(&number, value.data, sizeof number);
    return number;
}

static void write_some(uint32_t number)
{
    struct engine_batch *batch = engine_batch_create();
    size_t count = 1 + random_below(&random_state, BATCH_MAX);
    char name[16], text[PAD];

    for (size_t i = 0; i < count; i++) {
        size_t key = random_below(&random_state, KEYS);

        if (random_below(&random_state, 4) == 0) {
            engine_batch_delete(batch, key_of(name, key));
            model.numbers[key] = 0;
        } else {
            engine_batch_put(batch, key_of(name, key), value_of(text, number));
            model.numbers[key] = number;
        }
    }
    assert_int_equal(engine_write(engine, batch, number % 50 == 0), STATUS_OK);
    engine_batch_destroy(batch);
}

static void assert_iterated(struct engine_iterator *iterator, const struct model *expected)
{
    char name[16];

    engine_iterator_seek(iterator, bytes_of("k"));
    for (size_t key = 0; key < KEYS; key++) {
        if (expected->numbers[key] == 0)
            continue;
        assert_true(engine_iterator_is_valid(iterator));
        assert_true(bytes_equal(engine_iterator_key(iterator), key_of(name, key)));
        assert_int_equal(number_in(engine_iterator_value(iterator)), expected->numbers[key]);
        engine_iterator_next(iterator);
    }
    assert_false(engine_iterator_is_valid(iterator));
    assert_int_equal(engine_iterator_status(iterator), STATUS_OK);
}

static void assert_got(struct engine *from, size_t key)
{
    struct bytes value;
    char name[16];
    enum status status = engine_get(from, key_of(name, key), &value);

    assert_int_equal(status, model.numbers[key] == 0 ? STATUS_NOT_FOUND : STATUS_OK);
    if (status != STATUS_OK)
        return;
    assert_int_equal(number_in(value), model.numbers[key]);
    engine_free(value);
}

static void assert_all(struct engine *from)
{
    struct engine_iterator *iterator = engine_iterate(from);

    assert_iterated(iterator, &model);
    engine_iterator_destroy(iterator);
    for (size_t key = 0; key < KEYS; key += 3)
        assert_got(from, key);
}

static void reads_are_those_of_the_model_while_stages_come_and_go(void **state)
{
    struct engine_iterator *iterator = NULL;
    static struct model then;

    (void)state;
    for (uint32_t round = 1; round <= ROUNDS; round++) {
        if (round % ITERATED == 0) {
            if (iterator != NULL)
                assert_iterated(iterator, &then);
            engine_iterator_destroy(iterator);
            iterator = engine_iterate(engine);
            then = model;
        }
        write_some(round);
        for (int i = 0; i < 20; i++)
            assert_got(engine, random_below(&random_state, KEYS));
    }
    engine_iterator_destroy(iterator);
    assert_all(engine);
}

static void nothing_is_lost_by_opening_anew(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= ROUNDS / 2; round++) {
        write_some(round);
        if (round % 100 == 40)
            assert_int_equal(engine_reopen(engine), STATUS_OK);
        if (round % 100 == 80) {
            engine_close(engine);
            engine = open_in(directory);
        }
        if (round % 20 == 0)
            assert_all(engine);
    }
}

/* What lies in the directory at any moment is what is left when the process is killed then.  Rows
 * may move into LevelDB while the copy is made: so the journal is copied first. */
static void a_killed_process_leaves_all_that_was_written(void **state)
{
    char command[1024], path[80];
    struct engine *copy;

    (void)state;
    (void)snprintf(path, sizeof path, "%s.copy", directory);
    (void)snprintf(
        command, sizeof command,
        "cd %s && rm -rf %s && mkdir %s && cp journal.* %s && cp CURRENT MANIFEST* %s && "
        "{ cp *.ldb *.log %s 2> /dev/null || true; }",
        directory, path, path, path, path, path);
    for (uint32_t round = 1; round <= ROUNDS / 2; round++) {
        write_some(round);
        if (round % 30 != 0)
            continue;
        assert_int_equal(system(command), 0);
        copy = open_in(path);
        assert_all(copy);
        engine_close(copy);
    }
}

static void the_last_key_before_another_is_found_wherever_it_is(void **state)
{
    struct engine_batch *batch = engine_batch_create();
    struct buffer last = {0};

    (void)state;
    assert_int_equal(engine_last_before(engine, bytes_of("z"), &last), STATUS_NOT_FOUND);
    engine_batch_put(batch, bytes_of("b"), bytes_of("1"));
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    assert_int_equal(engine_reopen(engine), STATUS_OK); /* in LevelDB now */
    engine_batch_put(batch, bytes_of("d"), bytes_of("1"));
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    assert_int_equal(engine_last_before(engine, bytes_of("e"), &last), STATUS_OK);
    assert_true(bytes_equal(buffer_view(&last), bytes_of("d")));
    assert_int_equal(engine_last_before(engine, bytes_of("d"), &last), STATUS_OK);
    assert_true(bytes_equal(buffer_view(&last), bytes_of("b")));
    assert_int_equal(engine_last_before(engine, bytes_of("b"), &last), STATUS_NOT_FOUND);
    engine_batch_destroy(batch);
    buffer_clear(&last);
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(reads_are_those_of_the_model_while_stages_come_and_go),
        CLAIM(nothing_is_lost_by_opening_anew),
        CLAIM(a_killed_process_leaves_all_that_was_written),
        CLAIM(the_last_key_before_another_is_found_wherever_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
