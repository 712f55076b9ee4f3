#include "base/process.h"

/* The kernel's header has a struct of this name, too. */
#define sched_param kernel_sched_param
#include <linux/sched/types.h>
#undef sched_param
#include <pthread.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(short_turns_are_one_thread_s_and_leave_its_niceness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
