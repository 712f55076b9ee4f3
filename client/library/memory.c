#include "library/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *memory_take(size_t size)
{
    void *memory = malloc(size > 0 ? size : 1);

    if (memory == NULL) {
        (void)fputs("libgrapevine: out of memory\n", stderr);
        abort();
    }
    return memory;
}

void *memory_take_zeroed(size_t size)
{
    return memset(memory_take(size), 0, size);
}

char *memory_copy(const char *data, size_t size)
{
    char *copy = memory_take(size + 1);

    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

char *memory_copy_text(const char *text)
{
    return text != NULL ? memory_copy(text, strlen(text)) : NULL;
}
