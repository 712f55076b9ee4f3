/* What is not shown by the store as a whole: wiping. */
#include "store/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/test.h"

static char directory[64];
static struct engine *engine;

static void open_engine(void)
{
    char error[ENGINE_ERROR_MAX];
    bool was_repaired;

    assert_int_equal(engine_open(directory, &engine, &was_repaired, error), STATUS_OK);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    open_engine();
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    engine_close(engine);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

static void put(const char *key)
{
    struct engine_batch *batch = engine_batch_create();

    engine_batch_put(batch, bytes_of(key), bytes_of("value"));
    assert_int_equal(engine_write(engine, batch, false), STATUS_OK);
    engine_batch_destroy(batch);
}

static bool has(const char *key)
{
    struct bytes value;
    enum status status = engine_get(engine, bytes_of(key), &value);

    if (status == STATUS_OK)
        engine_free(value);
    return status == STATUS_OK;
}

static void touch(const char *name)
{
    char path[128];
    FILE *file;

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
}

static bool exists(const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof path, "%s/%s", directory, name);
    return access(path, F_OK) == 0;
}

static void nothing_is_left_of_what_is_wiped(void **state)
{
    (void)state;
    put("a");
    engine_close(engine);
    open_engine(); /* what was in the log stands in a table now */
    put("b");
    assert_int_equal(engine_wipe(engine), STATUS_OK);
    assert_false(has("a"));
    assert_false(has("b"));
    put("c");
    engine_close(engine);
    open_engine();
    assert_false(has("a"));
    assert_false(has("b"));
    assert_true(has("c"));
}

static void files_of_others_are_left_alone(void **state)
{
    (void)state;
    touch("GRAPEVINE");
    assert_int_equal(engine_wipe(engine), STATUS_OK);
    assert_true(exists("GRAPEVINE"));
}

/* It ended after some of LevelDB's files were gone: here, the one that names all others. */
static void an_interrupted_wipe_is_finished_by_opening(void **state)
{
    char path[128];

    (void)state;
    put("a");
    engine_close(engine);
    touch("wiping");
    (void)snprintf(path, sizeof path, "%s/CURRENT", directory);
    assert_int_equal(unlink(path), 0);
    open_engine();
    assert_false(has("a"));
    assert_false(exists("wiping"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_left_of_what_is_wiped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_of_others_are_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_interrupted_wipe_is_finished_by_opening, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
