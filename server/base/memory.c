#include "base/memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* jemalloc's control call.  The release binary links the library; the sanitizers bring an allocator
 * of their own, and then this is absent. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *new, size_t new_size)
    __attribute__((weak));
extern void malloc_stats_print(void (*add)(void *context, const char *text), void *context,
                               const char *options) __attribute__((weak));
/* What theirs has given out: to them mallinfo2() knows of nothing. */
extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

/* Elements of an array that grows, at least. */
#define ARRAY_MIN 16

/* To mallctl() all arenas together have this number. */
#define ALL_ARENAS "arena.4096"

/* jemalloc reads this before main().  Huge pages: walking tables of some hundred megabytes costs
 * more in address translation than in reading otherwise (SET -P 16 over 1M keys: 4.7 us of CPU
 * without, 4.1 with); nothing here forks, so they are never copied.  And each thread keeps more of
 * what it freed: a turn of a loop replaces some thousand records, frees them at its end, and wants
 * as many in the next; without, most go to the arena, one by one, and come back so. */
extern const char *malloc_conf;
const char *malloc_conf = "thp:always,tcache_nslots_small_max:2048,lg_tcache_nslots_mul:4";

static _Noreturn void out_of_memory(size_t size)
{
    char line[96];
    int length = snprintf(line, sizeof line, "Out of memory allocating %zu bytes.\n", size);

    /* stdio might allocate. */
    if (write(STDERR_FILENO, line, (size_t)length) < 0)
        _exit(1);
    abort();
}

void *xmalloc(size_t size)
{
    void *pointer = malloc(size == 0 ? 1 : size);

    if (pointer == NULL)
        out_of_memory(size);
    return pointer;
}

void *xcalloc(size_t count, size_t size)
{
    void *pointer = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    size_t total;

    if (pointer == NULL)
        out_of_memory(__builtin_mul_overflow(count, size, &total) ? SIZE_MAX : total);
    return pointer;
}

void *xrealloc(void *old, size_t size)
{
    void *pointer = realloc(old, size == 0 ? 1 : size);

    if (pointer == NULL)
        out_of_memory(size);
    return pointer;
}

struct bytes xbytes_copy(struct bytes bytes)
{
    char *copy = xmalloc(bytes.size + 1);

    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return (struct bytes){copy, bytes.size};
}

void xbytes_free(struct bytes copy)
{
    free((void *)(uintptr_t)copy.data); /* owned, whatever a view says of what it shows */
}

void *xaligned_alloc(size_t alignment, size_t size)
{
    size_t rounded = (size + alignment - 1) & ~(alignment - 1);
    void *pointer = aligned_alloc(alignment, rounded);

    if (pointer == NULL)
        out_of_memory(size);
    return pointer;
}

void *xmap(size_t size)
{
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (pages == MAP_FAILED)
        out_of_memory(size);
    return pages;
}

void *xgrow_slowly(void *array, size_t *capacity, size_t element_size)
{
    *capacity = *capacity == 0 ? ARRAY_MIN : *capacity * 2;
    return xrealloc(array, *capacity * element_size);
}

char *xstrdup(const char *text)
{
    size_t size = strlen(text) + 1;

    return memcpy(xmalloc(size), text, size);
}

size_t memory_size(void *pointer)
{
    return malloc_usable_size(pointer);
}

static size_t read_size(const char *name)
{
    size_t value = 0, size = sizeof value;

    return mallctl(name, &value, &size, NULL, 0) == 0 ? value : 0;
}

/* jemalloc answers from a snapshot. */
static void renew_snapshot(void)
{
    uint64_t epoch = 1;

    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof epoch);
}

static atomic_size_t mapped_in_use;

void memory_count_mapped(ptrdiff_t more)
{
    atomic_fetch_add_explicit(&mapped_in_use, (size_t)more, memory_order_relaxed);
}

static size_t allocated(void)
{
    struct mallinfo2 info;
    size_t used = 0;

    if (mallctl != NULL) {
        renew_snapshot();
        used = read_size("stats.allocated");
    }
    if (__sanitizer_get_current_allocated_bytes != NULL)
        used = __sanitizer_get_current_allocated_bytes();
    if (used > 0)
        return used;
    info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

size_t memory_used(void)
{
    return allocated() + atomic_load_explicit(&mapped_in_use, memory_order_relaxed);
}

struct memory_pages memory_pages(void)
{
    struct mallinfo2 info;

    if (mallctl != NULL) {
        renew_snapshot();
        return (struct memory_pages){read_size("stats.allocated"), read_size("stats.active"),
                                     read_size("stats.resident")};
    }
    info = mallinfo2();
    return (struct memory_pages){info.uordblks + info.hblkhd, info.arena + info.hblkhd,
                                 info.arena + info.hblkhd};
}

void memory_give_back(void)
{
    if (mallctl != NULL)
        (void)mallctl(ALL_ARENAS ".purge", NULL, NULL, NULL, 0);
    else
        (void)malloc_trim(0);
}

bool memory_describe(void (*add)(void *context, const char *text), void *context)
{
    if (malloc_stats_print == NULL)
        return false;
    malloc_stats_print(add, context, NULL);
    return true;
}

static char allocator_name[32] = "libc";

static void find_allocator_name(void)
{
    const char *version = NULL;
    size_t size = sizeof version;

    if (mallctl == NULL || mallctl("version", &version, &size, NULL, 0) != 0)
        return;
    /* "5.3.0-0-g54eaed1d8b56..." */
    (void)snprintf(allocator_name, sizeof allocator_name, "jemalloc-%.*s",
                   (int)strcspn(version, "-"), version);
}

const char *memory_allocator(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)pthread_once(&once, find_allocator_name);
    return allocator_name;
}
