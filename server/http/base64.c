#include "http/base64.h"

/* The number that a letter stands for, -1 for what is no letter. */
static int digit_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

static struct bytes without_padding(struct bytes text)
{
    size_t padding = 0;

    while (text.size % 4 == 0 && padding < 2 && padding < text.size &&
           text.data[text.size - 1 - padding] == '=')
        padding++;
    return (struct bytes){text.data, text.size - padding};
}

size_t base64_decoded_size(struct bytes text)
{
    size_t letters = without_padding(text).size;

    return letters / 4 * 3 + letters % 4 * 3 / 4;
}

bool base64_is_valid(struct bytes text)
{
    struct bytes letters = without_padding(text);

    for (size_t i = 0; i < letters.size; i++)
        if (digit_of(letters.data[i]) < 0)
            return false;
    return letters.size % 4 != 1;
}

bool base64_decode(struct bytes text, struct buffer *bytes)
{
    struct bytes letters = without_padding(text);
    uint32_t group = 0;
    char *at;

    if (!base64_is_valid(text))
        return false;
    if (letters.size == 0)
        return true;
    at = buffer_reserve(bytes, base64_decoded_size(text));
    for (size_t i = 0; i < letters.size; i++) {
        group = group << 6 | (uint32_t)digit_of(letters.data[i]);
        if (i % 4 != 0)
            *at++ = (char)(group >> (6 - 2 * (i % 4)));
    }
    bytes->size += base64_decoded_size(text);
    return true;
}
