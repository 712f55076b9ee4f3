#include "base/log.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

/* Longer lines are cut: a line goes out in one write, so that lines of several threads, and of
 * several processes on one file, never mix. */
#define LINE_MAX_BYTES 2048

static atomic_int threshold = LOG_NOTICE;

/* Where lines go; `path` NULL = standard output. */
static struct {
    pthread_mutex_t lock;
    char *path;
    int fd;
    time_t checked_at_s;
} sink = {PTHREAD_MUTEX_INITIALIZER, NULL, STDOUT_FILENO, 0};

static int open_to_append(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void close_sink(void)
{
    if (sink.path != NULL)
        (void)close(sink.fd);
    free(sink.path);
    sink.path = NULL;
    sink.fd = STDOUT_FILENO;
}

bool log_open(const char *path, enum log_level level)
{
    int fd = STDOUT_FILENO;

    if (*path != '\0' && (fd = open_to_append(path)) < 0)
        return false;
    (void)pthread_mutex_lock(&sink.lock);
    close_sink();
    if (*path != '\0')
        sink.path = xstrdup(path);
    sink.fd = fd;
    (void)pthread_mutex_unlock(&sink.lock);
    log_set_level(level);
    return true;
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

static bool is_still_at_path(void)
{
    struct stat opened, named;

    return fstat(sink.fd, &opened) == 0 && stat(sink.path, &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

/* logrotate moves the file away and expects a new one; looked for at most once a second. */
static void reopen_if_moved(time_t now_s)
{
    int fd;

    if (sink.path == NULL || sink.checked_at_s == now_s)
        return;
    sink.checked_at_s = now_s;
    if (is_still_at_path())
        return;
    fd = open_to_append(sink.path);
    if (fd < 0)
        return; /* better the old file than none */
    (void)close(sink.fd);
    sink.fd = fd;
}

static size_t write_prefix(char *line, size_t size, enum log_level level, struct timespec now)
{
    static const char marks[] = {
        [LOG_DEBUG] = '.', [LOG_VERBOSE] = '-', [LOG_NOTICE] = '*', [LOG_WARNING] = '#'};
    char date[32];
    struct tm local;

    (void)localtime_r(&now.tv_sec, &local);
    (void)strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &local);
    return (size_t)snprintf(line, size, "%d:M %s.%03d %c ", (int)getpid(), date,
                            (int)(now.tv_nsec / 1000000), marks[level]);
}

/* Texts quote what clients and files say; a control byte in there must not fake a second line. */
static void blank_control_bytes(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            text[i] = ' ';
}

void log_line(enum log_level level, const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    struct timespec now;
    size_t prefix, size;
    va_list arguments;
    int length;

    if (level >= LOG_NOTHING || (int)level < atomic_load_explicit(&threshold, memory_order_relaxed))
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    prefix = write_prefix(line, sizeof line, level, now);
    va_start(arguments, format);
    length = vsnprintf(line + prefix, sizeof line - prefix, format, arguments);
    va_end(arguments);
    size = prefix + (length < 0 ? 0 : (size_t)length);
    if (size > sizeof line - 1)
        size = sizeof line - 1;
    blank_control_bytes(line + prefix, size - prefix);
    line[size++] = '\n'; /* over the zero */

    (void)pthread_mutex_lock(&sink.lock);
    reopen_if_moved(now.tv_sec);
    if (write(sink.fd, line, size) < 0)
        sink.checked_at_s = 0; /* nobody left to tell; look at the file again at once */
    (void)pthread_mutex_unlock(&sink.lock);
}
