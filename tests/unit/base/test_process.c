#include "base/process.h"

/* The kernel's header has a struct of this name, too. */
#define sched_param kernel_sched_param
#include <linux/sched/types.h>
#undef sched_param
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "unit/test.h"

#define NICENESS 3
#define SHORT_NS 100000

static struct sched_attr attributes_of_this_thread(void)
{
    struct sched_attr attributes = {0};

    assert_int_equal(syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0), 0);
    return attributes;
}

/* Older kernels have no turns of a length that can be chosen. */
static bool has_turns(void)
{
    struct utsname system;
    int major, minor;

    assert_int_equal(uname(&system), 0);
    assert_int_equal(sscanf(system.release, "%d.%d", &major, &minor), 2);
    return major > 6 || (major == 6 && minor >= 12);
}

static void *take_short_turns(void *attributes)
{
    assert_int_equal(setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS), 0);
    process_take_short_turns();
    *(struct sched_attr *)attributes = attributes_of_this_thread();
    return NULL;
}

static void short_turns_are_one_thread_s_and_leave_its_niceness(void **state)
{
    struct sched_attr before = attributes_of_this_thread(), there;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_short_turns, &there), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(there.sched_nice, NICENESS);
    if (has_turns())
        assert_int_equal(there.sched_runtime, SHORT_NS);
    assert_int_equal(attributes_of_this_thread().sched_runtime, before.sched_runtime);
}

static void *step_back(void *attributes)
{
    process_step_back();
    *(struct sched_attr *)attributes = attributes_of_this_thread();
    return NULL;
}

static void who_steps_back_has_short_turns_of_a_lower_priority(void **state)
{
    struct sched_attr before = attributes_of_this_thread(), there;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, step_back, &there), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(there.sched_nice > before.sched_nice || before.sched_nice >= NICENESS);
    if (has_turns())
        assert_int_equal(there.sched_runtime, SHORT_NS);
    assert_int_equal(attributes_of_this_thread().sched_nice, before.sched_nice);
}

static void *run_once(void *has_run)
{
    atomic_store((atomic_bool *)has_run, true);
    return NULL;
}

/* They share a processor.  The scheduler need not take the other one at the first time; and without
 * being asked it takes it at once sometimes, so it is tried again and again. */
static void let_another_run(void)
{
    atomic_bool has_run = false;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, run_once, &has_run), 0);
    for (int i = 0; i < 1000 && !atomic_load(&has_run); i++)
        process_give_way();
    assert_true(atomic_load(&has_run));
    assert_int_equal(pthread_join(thread, NULL), 0);
}

static void who_gives_way_lets_another_thread_run(void **state)
{
    unsigned long mask[16] = {0}, all[16] = {0};

    (void)state;
    assert_true(syscall(SYS_sched_getaffinity, 0, sizeof all, all) > 0);
    for (size_t i = 0; mask[i / 64] == 0; i++)
        mask[i / 64] = all[i / 64] & 1ul << (i % 64);
    assert_int_equal(syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), 0);
    for (int i = 0; i < 50; i++)
        let_another_run();
    assert_int_equal(syscall(SYS_sched_setaffinity, 0, sizeof all, all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_turns_are_one_thread_s_and_leave_its_niceness),
        cmocka_unit_test(who_steps_back_has_short_turns_of_a_lower_priority),
        cmocka_unit_test(who_gives_way_lets_another_thread_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
