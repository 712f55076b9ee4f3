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

#endif
