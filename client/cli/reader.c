#include "reader.h"

#include <assert.h>
#include <string.h>

static bool fail(struct reader *reader, const char *error)
{
    reader->error = error;
    return false;
}

struct reader reader_of(struct bytes text, struct buffer *scratch)
{
    scratch->size = 0;
    buffer_reserve(scratch, text.size);
    return (struct reader){.text = text, .scratch = scratch};
}

char reader_peek(struct reader *reader)
{
    while (reader->at < reader->text.size) {
        char c = reader->text.data[reader->at];

        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
        reader->at++;
    }
    return '\0';
}

bool reader_skip(struct reader *reader, char c)
{
    if (reader_peek(reader) != c || reader->at == reader->text.size)
        return false;
    reader->at++;
    return true;
}

bool reader_expect(struct reader *reader, char c, const char *error)
{
    return reader_skip(reader, c) || fail(reader, error);
}

bool reader_end(struct reader *reader)
{
    reader_peek(reader);
    return reader->at == reader->text.size || fail(reader, "there is something behind the end");
}

/* --- strings --- */

/* The text between here and the next character of a string that is more than itself. */
static bool pass_plain(struct reader *reader)
{
    const char *text = reader->text.data;
    size_t at = reader->at, size = reader->text.size;

    while (at < size) {
        unsigned char c = (unsigned char)text[at];
        size_t length = 1;

        if (c == '"' || c == '\\' || c < ' ')
            break;
        if (c >= 0x80)
            length = utf8_length(text + at, size - at);
        if (length == 0) {
            reader->at = at;
            return fail(reader, "this is not UTF-8");
        }
        at += length;
    }
    reader->at = at;
    if (at == size)
        return fail(reader, "the string has no end");
    return (unsigned char)text[at] >= ' ' ||
           fail(reader, "a control character in a string wants a \\");
}

/* The four hex digits of \uXXXX. */
static bool read_unit(struct reader *reader, uint32_t *unit)
{
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        char c = reader->at < reader->text.size ? reader->text.data[reader->at] : '\0';
        const char *digit = memchr(digits, c >= 'A' && c <= 'F' ? c | 0x20 : c, 16);

        if (digit == NULL)
            return fail(reader, "\\u wants four hex digits");
        *unit = *unit << 4 | (uint32_t)(digit - digits);
        reader->at++;
    }
    return true;
}

static bool read_code_point(struct reader *reader, uint32_t *code)
{
    uint32_t low;

    if (!read_unit(reader, code))
        return false;
    if (*code < 0xd800 || *code > 0xdfff)
        return true;
    if (*code > 0xdbff || reader->text.size - reader->at < 2 ||
        reader->text.data[reader->at] != '\\' || reader->text.data[reader->at + 1] != 'u')
        return fail(reader, "half of a surrogate pair is no character");
    reader->at += 2;
    if (!read_unit(reader, &low))
        return false;
    if (low < 0xdc00 || low > 0xdfff)
        return fail(reader, "half of a surrogate pair is no character");
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

static void append_utf8(struct buffer *out, uint32_t code)
{
    char text[4];
    size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char heads[] = {0, 0x00, 0xc0, 0xe0, 0xf0};

    for (size_t i = size - 1; i > 0; i--) {
        text[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    text[0] = (char)(heads[size] | code);
    buffer_append(out, text, size);
}

/* What follows a backslash. */
static bool read_escape(struct reader *reader)
{
    static const char names[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    char c = reader->at < reader->text.size ? reader->text.data[reader->at] : '\0';
    const char *name = memchr(names, c, sizeof(names) - 1);
    uint32_t code;

    if (name != NULL) {
        buffer_append(reader->scratch, &meanings[name - names], 1);
    } else if (c != 'u') {
        return fail(reader, "there is no such escape");
    } else {
        reader->at++;
        if (!read_code_point(reader, &code))
            return false;
        append_utf8(reader->scratch, code);
        return true;
    }
    reader->at++;
    return true;
}

/* Behind the opening quote, at the first backslash; `from` is where the string begins. */
static bool read_escaped(struct reader *reader, size_t from, struct bytes *string)
{
    struct buffer *scratch = reader->scratch;
    size_t begin = scratch->size;

    for (;;) {
        buffer_append(scratch, reader->text.data + from, reader->at - from);
        if (reader->text.data[reader->at++] == '"')
            break;
        if (!read_escape(reader))
            return false;
        from = reader->at;
        if (!pass_plain(reader))
            return false;
    }
    *string = (struct bytes){scratch->data + begin, scratch->size - begin};
    return true;
}

bool reader_string(struct reader *reader, struct bytes *string)
{
    size_t from;

    if (!reader_expect(reader, '"', "here a string should begin"))
        return false;
    from = reader->at;
    if (!pass_plain(reader))
        return false;
    if (reader->text.data[reader->at] == '\\')
        return read_escaped(reader, from, string);
    *string = (struct bytes){reader->text.data + from, reader->at - from};
    reader->at++;
    return true;
}

/* --- other words --- */

static bool pass_digits(struct reader *reader)
{
    size_t from = reader->at;

    while (reader->at < reader->text.size && reader->text.data[reader->at] >= '0' &&
           reader->text.data[reader->at] <= '9')
        reader->at++;
    return reader->at > from || fail(reader, "here a digit should stand");
}

/* Right here, blanks do not count. */
static bool pass_one_of(struct reader *reader, const char *set)
{
    if (reader->at == reader->text.size || reader->text.data[reader->at] == '\0' ||
        strchr(set, reader->text.data[reader->at]) == NULL)
        return false;
    reader->at++;
    return true;
}

static bool pass_number(struct reader *reader)
{
    pass_one_of(reader, "-");
    if (!pass_one_of(reader, "0") && !pass_digits(reader))
        return false;
    if (pass_one_of(reader, ".") && !pass_digits(reader))
        return false;
    if (!pass_one_of(reader, "eE"))
        return true;
    pass_one_of(reader, "+-");
    return pass_digits(reader);
}

bool reader_number(struct reader *reader, int64_t min, int64_t max, int64_t *number)
{
    int64_t sum = 0;
    size_t from;

    reader_peek(reader);
    from = reader->at;
    while (reader->at < reader->text.size && reader->text.data[reader->at] >= '0' &&
           reader->text.data[reader->at] <= '9') {
        if (__builtin_mul_overflow(sum, 10, &sum) ||
            __builtin_add_overflow(sum, reader->text.data[reader->at] - '0', &sum))
            sum = INT64_MAX;
        reader->at++;
    }
    if (reader->at == from || pass_one_of(reader, ".eE") || sum < min || sum > max) {
        reader->at = from;
        return fail(reader, "here a whole number should stand, and a sensible one");
    }
    *number = sum;
    return true;
}

static bool pass_word(struct reader *reader, const char *word)
{
    size_t length = strlen(word);

    if (reader->text.size - reader->at < length ||
        memcmp(reader->text.data + reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

bool reader_bool(struct reader *reader, bool *is_true)
{
    reader_peek(reader);
    if (pass_word(reader, "true"))
        *is_true = true;
    else if (pass_word(reader, "false"))
        *is_true = false;
    else
        return fail(reader, "here true or false should stand");
    return true;
}

/* --- any value --- */

static bool pass_value(struct reader *reader, unsigned depth);

static bool pass_name(struct reader *reader)
{
    struct bytes name;

    return reader_string(reader, &name) && reader_expect(reader, ':', "here a : should stand");
}

/* Behind the opening bracket. */
static bool pass_nested(struct reader *reader, char close, unsigned depth)
{
    if (depth == READER_DEPTH_MAX)
        return fail(reader, "it is nested too deeply");
    if (reader_skip(reader, close))
        return true;
    do {
        if (close == '}' && !pass_name(reader))
            return false;
        if (!pass_value(reader, depth + 1))
            return false;
    } while (reader_skip(reader, ','));
    return reader_expect(reader, close,
                         close == '}' ? "here a , or a } should stand"
                                      : "here a , or a ] should stand");
}

static bool pass_value(struct reader *reader, unsigned depth)
{
    struct bytes string;
    char c = reader_peek(reader);

    if (c == '"')
        return reader_string(reader, &string);
    if (reader_skip(reader, '{'))
        return pass_nested(reader, '}', depth);
    if (reader_skip(reader, '['))
        return pass_nested(reader, ']', depth);
    if (c == '-' || (c >= '0' && c <= '9'))
        return pass_number(reader);
    return pass_word(reader, "true") || pass_word(reader, "false") || pass_word(reader, "null") ||
           fail(reader, "here a value should stand");
}

bool reader_any(struct reader *reader, struct bytes *spelling)
{
    size_t from;

    reader_peek(reader);
    from = reader->at;
    if (!pass_value(reader, 0))
        return false;
    *spelling = (struct bytes){reader->text.data + from, reader->at - from};
    return true;
}
