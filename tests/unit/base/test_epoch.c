#include "unit/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/epoch.h"

/* The tests of one thread play several: a thread is no more than its membership. */
static struct epoch *epoch;
static struct epoch_thread *writer, *reader;
static int destroyed;

static void count_destroyed(void *object)
{
    (void)object;
    destroyed++;
}

static int set_up(void **state)
{
    (void)state;
    epoch = epoch_create();
    writer = epoch_join(epoch);
    reader = epoch_join(epoch);
    destroyed = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    epoch_leave(writer);
    epoch_leave(reader);
    epoch_destroy(epoch);
    return 0;
}

static void retire(int count)
{
    for (int i = 0; i < count; i++)
        epoch_retire(writer, &destroyed, count_destroyed);
}

static void a_thread_is_inside_from_enter_to_exit(void **state)
{
    (void)state;
    assert_false(epoch_is_inside(reader));
    epoch_enter(reader);
    assert_true(epoch_is_inside(reader));
    assert_false(epoch_is_inside(writer));
    epoch_exit(reader);
    assert_false(epoch_is_inside(reader));
}

static void with_nobody_inside_collect_frees_all(void **state)
{
    (void)state;
    retire(3);
    assert_int_equal(epoch_pending(writer), 3);
    epoch_collect(writer);
    assert_int_equal(destroyed, 3);
    assert_int_equal(epoch_pending(writer), 0);
}

static void a_reader_inside_keeps_what_was_retired_meanwhile(void **state)
{
    (void)state;
    epoch_enter(reader);
    retire(1);
    for (int i = 0; i < 100; i++)
        epoch_collect(writer);
    assert_int_equal(destroyed, 0);
    epoch_exit(reader);
    epoch_collect(writer);
    assert_int_equal(destroyed, 1);
}

static void a_reader_that_came_back_later_keeps_nothing(void **state)
{
    (void)state;
    epoch_enter(reader);
    retire(1);
    epoch_collect(writer);
    epoch_exit(reader);
    epoch_enter(reader);
    epoch_collect(writer);
    assert_int_equal(destroyed, 1);
    epoch_exit(reader);
}

static void what_is_retired_while_an_older_batch_waits_is_freed_after_it(void **state)
{
    (void)state;
    epoch_enter(reader);
    retire(1);
    epoch_collect(writer);
    retire(2);
    epoch_collect(writer);
    assert_int_equal(epoch_pending(writer), 3);
    epoch_exit(reader);
    epoch_collect(writer);
    assert_int_equal(destroyed, 3);
}

static void a_writer_may_retire_inside_and_still_use_it_there(void **state)
{
    (void)state;
    epoch_enter(writer);
    retire(1000);
    assert_int_equal(destroyed, 0);
    epoch_exit(writer);
    assert_int_equal(destroyed, 1000);
}

static void exit_frees_by_itself_after_some_turns(void **state)
{
    (void)state;
    retire(1);
    for (int turn = 0; turn < 100 && destroyed == 0; turn++) {
        epoch_enter(writer);
        epoch_exit(writer);
    }
    assert_int_equal(destroyed, 1);
}

static void what_hurries_is_freed_at_the_end_of_the_stay(void **state)
{
    (void)state;
    epoch_enter(writer);
    retire(1);
    epoch_hurry(writer, 1000);
    assert_int_equal(epoch_hurried(writer), 1000);
    epoch_exit(writer);
    assert_int_equal(destroyed, 1);
    assert_int_equal(epoch_hurried(writer), 0);
}

static void what_hurries_waits_for_who_is_inside_and_is_looked_at_after_each_stay(void **state)
{
    (void)state;
    epoch_enter(reader);
    epoch_enter(writer);
    retire(1);
    epoch_hurry(writer, 1000);
    epoch_exit(writer);
    assert_int_equal(destroyed, 0);
    assert_int_equal(epoch_hurried(writer), 1000);
    epoch_exit(reader);
    epoch_enter(writer);
    epoch_exit(writer);
    assert_int_equal(destroyed, 1);
    assert_int_equal(epoch_hurried(writer), 0);
}

static void hurry_for_what_is_not_retired_ends_with_the_stay(void **state)
{
    (void)state;
    epoch_enter(writer);
    epoch_hurry(writer, 1000);
    epoch_exit(writer);
    assert_int_equal(epoch_hurried(writer), 0);
}

static void each_stay_has_a_number_of_its_own(void **state)
{
    uint64_t first;

    (void)state;
    epoch_enter(writer);
    first = epoch_stay(writer);
    epoch_exit(writer);
    epoch_enter(writer);
    assert_true(epoch_stay(writer) != first);
    epoch_exit(writer);
}

static void each_thread_frees_its_own(void **state)
{
    (void)state;
    retire(5);
    epoch_collect(reader);
    assert_int_equal(destroyed, 0);
    assert_int_equal(epoch_pending(reader), 0);
    epoch_collect(writer);
    assert_int_equal(destroyed, 5);
}

static void what_is_left_behind_goes_to_the_next_who_joins(void **state)
{
    (void)state;
    epoch_enter(reader);
    retire(2);
    epoch_leave(writer);
    assert_int_equal(destroyed, 0);
    epoch_exit(reader);
    writer = epoch_join(epoch);
    epoch_collect(writer);
    assert_int_equal(destroyed, 2);
}

static void destroying_the_domain_frees_what_is_left_behind(void **state)
{
    struct epoch *other = epoch_create();
    struct epoch_thread *a = epoch_join(other), *b = epoch_join(other);

    (void)state;
    epoch_enter(b);
    for (int i = 0; i < 3; i++)
        epoch_retire(a, &destroyed, count_destroyed);
    epoch_collect(a);
    for (int i = 0; i < 4; i++)
        epoch_retire(a, &destroyed, count_destroyed);
    epoch_leave(a);
    epoch_exit(b);
    epoch_leave(b);
    assert_int_equal(destroyed, 0);
    epoch_destroy(other);
    assert_int_equal(destroyed, 7);
}

static void a_membership_given_up_is_used_again(void **state)
{
    struct epoch_thread *first = epoch_join(epoch), *second;

    (void)state;
    epoch_leave(first);
    second = epoch_join(epoch);
    assert_ptr_equal(first, second);
    epoch_leave(second);
}

static void nothing_is_not_destroyed(void **state)
{
    (void)state;
    epoch_destroy(NULL);
}

/* The rest runs several threads. */

static atomic_bool is_inside, may_leave, has_left;

static void *stay_inside_for_a_while(void *unused)
{
    struct epoch_thread *thread = epoch_join(epoch);

    epoch_enter(thread);
    atomic_store(&is_inside, true);
    while (!atomic_load(&may_leave))
        (void)sched_yield();
    atomic_store(&has_left, true);
    epoch_exit(thread);
    epoch_leave(thread);
    return unused;
}

static void synchronize_waits_for_who_is_inside(void **state)
{
    pthread_t thread;

    (void)state;
    epoch_synchronize(epoch);
    assert_int_equal(pthread_create(&thread, NULL, stay_inside_for_a_while, NULL), 0);
    while (!atomic_load(&is_inside))
        (void)sched_yield();
    atomic_store(&may_leave, true);
    epoch_synchronize(epoch);
    assert_true(atomic_load(&has_left));
    assert_int_equal(pthread_join(thread, NULL), 0);
}

#define CELLS   8
#define READERS 2
#define WRITERS 2
#define ROUNDS  20000
#define ENOUGH  10000 /* objects freed on the way before a writer is content */

#define ALIVE 0x600dcafe

struct object {
    unsigned magic;
    int value;
};

static _Atomic(struct object *) cells[CELLS];
static atomic_int writers_left, retired, freed;

static struct object *make_object(int value)
{
    struct object *object = malloc(sizeof *object);

    assert_non_null(object);
    *object = (struct object){ALIVE, value};
    return object;
}

static void destroy_object(void *object)
{
    ((struct object *)object)->magic = 0;
    free(object);
    atomic_fetch_add(&freed, 1);
}

static void *read_cells(void *unused)
{
    struct epoch_thread *thread = epoch_join(epoch);
    bool is_sound = true;

    while (atomic_load(&writers_left) > 0) {
        struct object *held[CELLS];

        epoch_enter(thread);
        for (int i = 0; i < CELLS; i++)
            held[i] = atomic_load_explicit(&cells[i], memory_order_acquire);
        for (int i = CELLS - 1; i >= 0; i--)
            is_sound &= held[i]->magic == ALIVE && held[i]->value == i;
        epoch_exit(thread);
    }
    epoch_leave(thread);
    return is_sound ? unused : NULL;
}

static void *replace_cells(void *unused)
{
    struct epoch_thread *thread = epoch_join(epoch);

    for (int round = 0; round < ROUNDS || atomic_load(&freed) < ENOUGH; round++) {
        epoch_enter(thread);
        for (int i = round % CELLS; i < CELLS; i += 3) {
            epoch_retire(thread,
                         atomic_exchange_explicit(&cells[i], make_object(i), memory_order_acq_rel),
                         destroy_object);
            atomic_fetch_add(&retired, 1);
        }
        epoch_exit(thread);
        if (round % 64 == 0)
            (void)sched_yield(); /* with few cores, a reader may have been stopped inside */
    }
    epoch_leave(thread);
    atomic_fetch_sub(&writers_left, 1);
    return unused;
}

static void readers_never_see_what_was_freed(void **state)
{
    pthread_t threads[READERS + WRITERS];

    (void)state;
    for (int i = 0; i < CELLS; i++)
        atomic_store(&cells[i], make_object(i));
    atomic_store(&writers_left, WRITERS);
    for (int i = 0; i < READERS + WRITERS; i++)
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < READERS ? read_cells : replace_cells, epoch), 0);
    for (int i = 0; i < READERS + WRITERS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    epoch_leave(writer);
    epoch_leave(reader);
    epoch_destroy(epoch);
    assert_int_equal(atomic_load(&freed), atomic_load(&retired));
    for (int i = 0; i < CELLS; i++)
        free(atomic_load(&cells[i]));
    (void)set_up(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thread_is_inside_from_enter_to_exit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(with_nobody_inside_collect_frees_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_inside_keeps_what_was_retired_meanwhile, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_came_back_later_keeps_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_retired_while_an_older_batch_waits_is_freed_after_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_may_retire_inside_and_still_use_it_there, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(exit_frees_by_itself_after_some_turns, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_hurries_is_freed_at_the_end_of_the_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_hurries_waits_for_who_is_inside_and_is_looked_at_after_each_stay, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(hurry_for_what_is_not_retired_ends_with_the_stay, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(each_stay_has_a_number_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_thread_frees_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_behind_goes_to_the_next_who_joins, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(destroying_the_domain_frees_what_is_left_behind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_membership_given_up_is_used_again, set_up, tear_down),
        cmocka_unit_test(nothing_is_not_destroyed),
        cmocka_unit_test_setup_teardown(synchronize_waits_for_who_is_inside, set_up, tear_down),
        cmocka_unit_test_setup_teardown(readers_never_see_what_was_freed, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
