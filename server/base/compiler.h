/* compiler.h - words the compiler understands, spelled once. */
#ifndef BASE_COMPILER_H
#define BASE_COMPILER_H

#define MUST_USE             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, va) __attribute__((format(printf, fmt, va)))
#define LIKELY(x)            __builtin_expect(!!(x), 1)
#define UNLIKELY(x)          __builtin_expect(!!(x), 0)
#define NEVER_INLINE         __attribute__((noinline))

#define CACHE_LINE    64
#define CACHE_ALIGNED __attribute__((aligned(CACHE_LINE)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Asks for the memory.  A function that does nothing else has no effect in the compiler's eyes, and
 * calls of it go, unless something in it is volatile. */
#define PREFETCH(at)                                                                               \
    do {                                                                                           \
        __asm__ volatile("");                                                                      \
        __builtin_prefetch(at);                                                                    \
    } while (0)

#endif
