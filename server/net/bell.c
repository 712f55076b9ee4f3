#include "net/bell.h"

#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum bell_state { BELL_AWAKE, BELL_ASLEEP, BELL_RUNG };

enum status bell_init(struct bell *bell)
{
    int descriptor = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

    if (descriptor < 0)
        return STATUS_IO;
    *bell = (struct bell){.state = BELL_AWAKE, .descriptor = descriptor};
    return STATUS_OK;
}

void bell_clear(struct bell *bell)
{
    (void)close(bell->descriptor);
}

void bell_ring(struct bell *bell)
{
    const uint64_t one = 1;

    if (atomic_exchange(&bell->state, BELL_RUNG) != BELL_ASLEEP)
        return;
    while (write(bell->descriptor, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

bool bell_fall_asleep(struct bell *bell)
{
    int awake = BELL_AWAKE;

    return atomic_compare_exchange_strong(&bell->state, &awake, BELL_ASLEEP);
}

bool bell_wake_up(struct bell *bell)
{
    return atomic_exchange(&bell->state, BELL_AWAKE) == BELL_RUNG;
}
