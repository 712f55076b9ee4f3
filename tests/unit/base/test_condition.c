#include "base/condition.h"

#include <time.h>

#include "unit/test.h"

#define LONG_MS 60000

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition;
static int is_said;

static void *say(void *context)
{
    pthread_mutex_lock(&mutex);
    is_said = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return context;
}

static void a_wait_ends_when_it_is_signalled(void **state)
{
    int64_t started = now_ms();
    pthread_t thread;

    (void)state;
    condition_init(&condition);
    pthread_mutex_lock(&mutex);
    assert_int_equal(pthread_create(&thread, NULL, say, NULL), 0);
    while (!is_said)
        condition_wait_ms(&condition, &mutex, LONG_MS);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&condition);
    assert_true(now_ms() - started < LONG_MS);
}

static void a_wait_that_nobody_ends_takes_its_time_also_across_a_second(void **state)
{
    int64_t started = now_ms();

    (void)state;
    condition_init(&condition);
    pthread_mutex_lock(&mutex);
    while (now_ms() - started < 1001)
        condition_wait_ms(&condition, &mutex, 1001 - (now_ms() - started));
    pthread_mutex_unlock(&mutex);
    pthread_cond_destroy(&condition);
    assert_true(now_ms() - started < LONG_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_when_it_is_signalled),
        cmocka_unit_test(a_wait_that_nobody_ends_takes_its_time_also_across_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
