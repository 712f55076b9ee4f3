#include "base/process.h"

#include <linux/sched/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define POLICY_ORDINARY 0 /* SCHED_OTHER; <sched.h> does not go with the kernel's own header */
#define TURN_NS         100000
#define SLACK_NS        1000UL
#define NICENESS        5 /* of who steps back */

/* "RssAnon:     1234 kB" */
static void read_line(const char *line, const char *name, int64_t *bytes)
{
    size_t size = strlen(name);
    long long kilobytes;

    if (strncmp(line, name, size) == 0 && sscanf(line + size, ": %lld kB", &kilobytes) == 1)
        *bytes = kilobytes * 1024;
}

struct process_memory process_memory(void)
{
    struct process_memory memory = {0};
    FILE *status = fopen("/proc/self/status", "re");
    char line[128];

    if (status == NULL)
        return memory;
    while (fgets(line, sizeof line, status) != NULL) {
        read_line(line, "VmRSS", &memory.resident);
        read_line(line, "RssAnon", &memory.anonymous);
        read_line(line, "RssFile", &memory.file);
    }
    (void)fclose(status);
    return memory;
}

static int64_t time_to_us(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

struct process_cpu process_cpu(enum process_scope scope)
{
    static const int whose[] = {
        [PROCESS_SELF] = RUSAGE_SELF,
        [PROCESS_CHILDREN] = RUSAGE_CHILDREN,
        [PROCESS_THREAD] = RUSAGE_THREAD,
    };
    struct rusage usage = {0};

    (void)getrusage(whose[scope], &usage);
    return (struct process_cpu){time_to_us(usage.ru_stime), time_to_us(usage.ru_utime)};
}

int64_t process_id(void)
{
    return getpid();
}

void process_executable(char *path, size_t size)
{
    ssize_t length = readlink("/proc/self/exe", path, size - 1);

    path[length < 0 ? 0 : length] = '\0';
}

void process_system_name(char *name, size_t size)
{
    struct utsname system = {0};

    (void)uname(&system);
    (void)snprintf(name, size, "%s %s %s", system.sysname, system.release, system.machine);
}

int64_t process_machine_memory(void)
{
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
}

void process_boot_id(char id[PROCESS_BOOT_ID_SIZE])
{
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    size_t size;

    id[0] = '\0';
    if (file == NULL)
        return;
    size = fread(id, 1, PROCESS_BOOT_ID_SIZE - 1, file);
    id[size] = '\0';
    (void)fclose(file);
}

/* It may run in turns of at least a tenth of a millisecond, the shortest there are: who asks for
 * less at a time does not have to wait until the turn of another is over (sched(7), EEVDF). */
void process_take_short_turns(void)
{
    struct sched_attr attributes;

    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 ||
        attributes.sched_policy != POLICY_ORDINARY)
        return;
    attributes.sched_runtime = TURN_NS;
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void process_sleep_exactly(void)
{
    (void)prctl(PR_SET_TIMERSLACK, SLACK_NS);
}

/* A low priority alone is not enough: the kernel may let such a thread finish its turn before
 * another one that has woken meanwhile, and looks again at its next tick, which may be milliseconds
 * away.  Short turns, because who yields gives up what is left of the turn, and would hardly get on
 * where processors are busy all the time. */
void process_step_back(void)
{
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), NICENESS);
    process_take_short_turns();
}

void process_give_way(void)
{
    (void)syscall(SYS_sched_yield);
}
