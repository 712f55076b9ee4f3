#include "library/encode.h"

#define LINE_END_SIZE 2

static size_t digits(size_t number)
{
    size_t count = 1;

    for (; number >= 10; number /= 10)
        count++;
    return count;
}

/* "$3\r\n" */
static size_t head_size(size_t number)
{
    return 1 + digits(number) + LINE_END_SIZE;
}

static char *write_line_end(char *out)
{
    out[0] = '\r';
    out[1] = '\n';
    return out + LINE_END_SIZE;
}

static char *write_head(char *out, char kind, size_t number)
{
    size_t count = digits(number);

    *out++ = kind;
    for (size_t i = count; i-- > 0; number /= 10)
        out[i] = (char)('0' + number % 10);
    return write_line_end(out + count);
}

size_t encode_offset(const struct grapevine_bytes *words, size_t count, size_t index)
{
    size_t size = head_size(count);

    for (size_t i = 0; i < index; i++)
        size += head_size(words[i].size) + words[i].size + LINE_END_SIZE;
    return index < count ? size + head_size(words[index].size) : size;
}

size_t encode_size(const struct grapevine_bytes *words, size_t count)
{
    return encode_offset(words, count, count);
}

void encode_write(char *out, const struct grapevine_bytes *words, size_t count)
{
    out = write_head(out, '*', count);
    for (size_t i = 0; i < count; i++) {
        out = write_head(out, '$', words[i].size);
        if (words[i].size > 0)
            memcpy(out, words[i].data, words[i].size);
        out = write_line_end(out + words[i].size);
    }
}
