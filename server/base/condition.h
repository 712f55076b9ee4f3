/* condition.h - condition variables whose waits end by the monotonic clock. */
#ifndef BASE_CONDITION_H
#define BASE_CONDITION_H

#include <pthread.h>
#include <stdint.h>

void condition_init(pthread_cond_t *condition);

/* Waits to be signalled, at most so long; may end early, as any wait.  The mutex is held. */
void condition_wait_ms(pthread_cond_t *condition, pthread_mutex_t *mutex, int64_t duration_ms);

#endif
