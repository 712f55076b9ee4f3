#include "unit/test.h"

#include "net/crew.h"
#include "net/loop.h"

#define LOOPS 3

struct fixture {
    struct loop loops[LOOPS];
    struct loop *members[LOOPS];
    struct crew crew;
};

static struct fixture fixture;

static void given(int first, int second, int third)
{
    const int percent[LOOPS] = {first, second, third};

    fixture.crew = (struct crew){.loops = fixture.members, .count = LOOPS};
    for (int i = 0; i < LOOPS; i++) {
        fixture.members[i] = &fixture.loops[i];
        atomic_store(&fixture.loops[i].percent_busy, percent[i]);
        atomic_store(&fixture.loops[i].load, 10);
    }
}

static void assert_admits(int expected)
{
    assert_ptr_equal(crew_admit(&fixture.crew), &fixture.loops[expected]);
}

static void assert_relieves(int loop, int expected)
{
    assert_ptr_equal(crew_relieve(&fixture.crew, &fixture.loops[loop]),
                     expected < 0 ? NULL : &fixture.loops[expected]);
}

#ifndef __SANITIZE_THREAD__ /* which wants clients spread at once: crew.c */
static void a_new_client_goes_to_the_first_loop_that_is_not_busy(void **state)
{
    (void)state;
    given(0, 0, 0);
    assert_admits(0);
    given(70, 20, 0);
    assert_admits(1);
}
#endif

static void where_all_are_busy_a_new_client_goes_to_the_least_busy(void **state)
{
    (void)state;
    given(80, 95, 70);
    assert_admits(2);
}

static void of_equally_busy_ones_the_loop_with_fewer_clients_is_chosen(void **state)
{
    (void)state;
    given(80, 80, 80);
    atomic_store(&fixture.loops[1].load, 9);
    assert_admits(1);
}

static void an_overloaded_loop_is_relieved_by_the_least_busy(void **state)
{
    (void)state;
    given(99, 40, 10);
    assert_relieves(0, 2);
}

static void a_loop_that_can_cope_is_not_relieved(void **state)
{
    (void)state;
    given(85, 0, 0);
    assert_relieves(0, -1);
}

static void where_all_are_overloaded_nobody_is_relieved(void **state)
{
    (void)state;
    given(99, 95, 90);
    assert_relieves(0, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test(a_new_client_goes_to_the_first_loop_that_is_not_busy),
#endif
        cmocka_unit_test(where_all_are_busy_a_new_client_goes_to_the_least_busy),
        cmocka_unit_test(of_equally_busy_ones_the_loop_with_fewer_clients_is_chosen),
        cmocka_unit_test(an_overloaded_loop_is_relieved_by_the_least_busy),
        cmocka_unit_test(a_loop_that_can_cope_is_not_relieved),
        cmocka_unit_test(where_all_are_overloaded_nobody_is_relieved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
