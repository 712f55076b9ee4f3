#include "base/lzf.h"

#define LITERAL_END 32 /* a first byte below is a literal's */
#define COPY_MIN    2
#define LENGTH_FULL 7 /* this length says that a byte with the rest of it follows */

struct unpacking {
    struct bytes left; /* packed bytes that were not read */
    char *into;
    size_t size, done;
};

static unsigned take_byte(struct unpacking *unpacking)
{
    unsigned byte = (unsigned char)unpacking->left.data[0];

    unpacking->left = (struct bytes){unpacking->left.data + 1, unpacking->left.size - 1};
    return byte;
}

static bool take_literal(struct unpacking *unpacking, size_t size)
{
    if (size > unpacking->left.size || size > unpacking->size - unpacking->done)
        return false;
    memcpy(unpacking->into + unpacking->done, unpacking->left.data, size);
    unpacking->left = (struct bytes){unpacking->left.data + size, unpacking->left.size - size};
    unpacking->done += size;
    return true;
}

/* What is copied may reach into itself, and repeats then. */
static bool take_copy(struct unpacking *unpacking, unsigned first)
{
    size_t length = first >> 5, distance;

    if (unpacking->left.size < (length == LENGTH_FULL ? 2 : 1))
        return false;
    if (length == LENGTH_FULL)
        length += take_byte(unpacking);
    length += COPY_MIN;
    distance = ((size_t)(first & 0x1f) << 8 | take_byte(unpacking)) + 1;
    if (distance > unpacking->done || length > unpacking->size - unpacking->done)
        return false;
    for (char *to = unpacking->into + unpacking->done, *end = to + length; to < end; to++)
        *to = *(to - distance);
    unpacking->done += length;
    return true;
}

bool lzf_unpack(struct bytes packed, char *into, size_t size)
{
    struct unpacking unpacking = {packed, into, size, 0};

    while (unpacking.left.size > 0) {
        unsigned first = take_byte(&unpacking);
        bool is_taken = first < LITERAL_END ? take_literal(&unpacking, first + 1)
                                            : take_copy(&unpacking, first);

        if (!is_taken)
            return false;
    }
    return unpacking.done == size;
}
