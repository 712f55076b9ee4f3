/* wrongclock.c - a wall clock that is off, preloaded into one process.
 *
 * The file named by WRONG_CLOCK holds a signed 64-bit number: by how many nanoseconds
 * CLOCK_REALTIME is ahead.  It is mapped, so that a test changes it while the process runs.
 * (libfaketime does the same and more, but jemalloc asks for the time before libfaketime can tell
 * it, and neither gives way.)  Nothing here allocates, and CLOCK_MONOTONIC stays as it is. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000

static const volatile int64_t *ahead_ns;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("WRONG_CLOCK");
    int descriptor = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    void *mapped;

    if (descriptor < 0)
        return;
    mapped = mmap(NULL, sizeof *ahead_ns, PROT_READ, MAP_SHARED, descriptor, 0);
    (void)close(descriptor);
    if (mapped != MAP_FAILED)
        ahead_ns = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int result = (int)syscall(SYS_clock_gettime, clock, now);
    int64_t ns;

    if (result != 0 || ahead_ns == NULL ||
        (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE))
        return result;
    ns = (int64_t)now->tv_sec * SECOND_NS + now->tv_nsec + *ahead_ns;
    *now = (struct timespec){.tv_sec = ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
    return 0;
}

time_t time(time_t *seconds)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (seconds != NULL)
        *seconds = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec precise = {0, 0};

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &precise);
    *now = (struct timeval){.tv_sec = precise.tv_sec, .tv_usec = precise.tv_nsec / 1000};
    return 0;
}
