#include "base/json_reader.h"

#include "base/json_text.h"

void json_reader_init(struct json_reader *reader, struct bytes text)
{
    *reader = (struct json_reader){.text = text};
}

static bool fail(struct json_reader *reader)
{
    reader->is_bad = true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static bool has_more(const struct json_reader *reader)
{
    return reader->at < reader->text.size;
}

static char here(const struct json_reader *reader)
{
    return reader->text.data[reader->at];
}

static void skip_blanks(struct json_reader *reader)
{
    while (has_more(reader) && is_blank(here(reader)))
        reader->at++;
}

enum json_kind json_reader_peek(struct json_reader *reader)
{
    skip_blanks(reader);
    if (reader->is_bad || !has_more(reader))
        return JSON_IS_BAD;
    switch (here(reader)) {
    case 'n':
        return JSON_IS_NULL;
    case 't':
        return JSON_IS_TRUE;
    case 'f':
        return JSON_IS_FALSE;
    case '"':
        return JSON_IS_STRING;
    case '[':
        return JSON_IS_ARRAY;
    case '{':
        return JSON_IS_OBJECT;
    default:
        return here(reader) == '-' || (here(reader) >= '0' && here(reader) <= '9') ? JSON_IS_NUMBER
                                                                                   : JSON_IS_BAD;
    }
}

bool json_reader_enter(struct json_reader *reader, enum json_kind kind)
{
    if (json_reader_peek(reader) != kind || (kind != JSON_IS_ARRAY && kind != JSON_IS_OBJECT))
        return fail(reader);
    reader->at++;
    reader->is_first = true;
    return true;
}

/* True in front of the next one; false behind the bracket, or if neither comes. */
static bool go_to_next(struct json_reader *reader, char closing)
{
    bool is_first = reader->is_first;

    reader->is_first = false;
    skip_blanks(reader);
    if (reader->is_bad || !has_more(reader))
        return fail(reader);
    if (here(reader) == closing) {
        reader->at++;
        return false;
    }
    if (is_first)
        return true;
    if (here(reader) != ',')
        return fail(reader);
    reader->at++;
    return true;
}

bool json_reader_next_element(struct json_reader *reader)
{
    return go_to_next(reader, ']');
}

bool json_reader_next_member(struct json_reader *reader, struct buffer *name)
{
    if (!go_to_next(reader, '}'))
        return false;
    name->size = 0;
    if (!json_reader_take_string(reader, name))
        return false;
    skip_blanks(reader);
    if (!has_more(reader) || here(reader) != ':')
        return fail(reader);
    reader->at++;
    return true;
}

/* --- strings --- */

/* The bytes from here on that stand for themselves; not yet known to be UTF-8. */
static struct bytes take_run(struct json_reader *reader)
{
    const char *from = reader->text.data + reader->at;
    const char *end = reader->text.data + reader->text.size, *at = from;

    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ')
        at++;
    reader->at += (size_t)(at - from);
    return (struct bytes){from, (size_t)(at - from)};
}

/* The four hex digits of \u. */
static bool take_code(struct json_reader *reader, uint32_t *code)
{
    uint32_t value = 0;

    if (reader->text.size - reader->at < 4)
        return fail(reader);
    for (int i = 0; i < 4; i++) {
        int digit = bytes_hex_digit(reader->text.data[reader->at++]);

        if (digit < 0)
            return fail(reader);
        value = value << 4 | (uint32_t)digit;
    }
    *code = value;
    return true;
}

static void append_utf8(struct buffer *out, uint32_t code)
{
    if (code < 0x80) {
        buffer_append_byte(out, (char)code);
        return;
    }
    if (code < 0x800) {
        buffer_append_byte(out, (char)(0xc0 | code >> 6));
    } else if (code < 0x10000) {
        buffer_append_byte(out, (char)(0xe0 | code >> 12));
        buffer_append_byte(out, (char)(0x80 | (code >> 6 & 63)));
    } else {
        buffer_append_byte(out, (char)(0xf0 | code >> 18));
        buffer_append_byte(out, (char)(0x80 | (code >> 12 & 63)));
        buffer_append_byte(out, (char)(0x80 | (code >> 6 & 63)));
    }
    buffer_append_byte(out, (char)(0x80 | (code & 63)));
}

/* Behind a high surrogate: the low one, and with it the character. */
static bool take_low_surrogate(struct json_reader *reader, uint32_t *code)
{
    struct bytes left = {reader->text.data + reader->at, reader->text.size - reader->at};
    uint32_t low;

    if (!bytes_starts_with(left, bytes_of("\\u")))
        return fail(reader);
    reader->at += 2;
    if (!take_code(reader, &low) || low < 0xdc00 || low > 0xdfff)
        return fail(reader);
    *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
    return true;
}

/* With out NULL the escape is only gone over, and may be half of a pair. */
static bool take_unicode(struct json_reader *reader, struct buffer *out)
{
    uint32_t code;

    if (!take_code(reader, &code))
        return false;
    if (out == NULL)
        return true;
    if (code >= 0xdc00 && code <= 0xdfff)
        return fail(reader);
    if (code >= 0xd800 && code <= 0xdbff && !take_low_surrogate(reader, &code))
        return false;
    append_utf8(out, code);
    return true;
}

static bool take_escape(struct json_reader *reader, struct buffer *out)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    const char *found;

    reader->at++;
    if (!has_more(reader))
        return fail(reader);
    if (here(reader) == 'u') {
        reader->at++;
        return take_unicode(reader, out);
    }
    found = here(reader) != '\0' ? strchr(letters, here(reader)) : NULL;
    if (found == NULL)
        return fail(reader);
    if (out != NULL)
        buffer_append_byte(out, meanings[found - letters]);
    reader->at++;
    return true;
}

static bool take_string(struct json_reader *reader, struct buffer *out)
{
    if (json_reader_peek(reader) != JSON_IS_STRING)
        return fail(reader);
    reader->at++;
    for (;;) {
        struct bytes run = take_run(reader);

        if (!bytes_is_utf8(run) || !has_more(reader) || (unsigned char)here(reader) < ' ')
            return fail(reader);
        if (out != NULL)
            buffer_append_bytes(out, run);
        if (here(reader) == '"')
            break;
        if (!take_escape(reader, out))
            return false;
    }
    reader->at++;
    return true;
}

bool json_reader_take_string(struct json_reader *reader, struct buffer *out)
{
    return take_string(reader, out);
}

/* --- values of any kind --- */

static size_t take_digits(struct json_reader *reader)
{
    size_t from = reader->at;

    while (has_more(reader) && here(reader) >= '0' && here(reader) <= '9')
        reader->at++;
    return reader->at - from;
}

static bool take_if(struct json_reader *reader, char c)
{
    if (!has_more(reader) || here(reader) != c)
        return false;
    reader->at++;
    return true;
}

static bool take_number(struct json_reader *reader)
{
    (void)take_if(reader, '-');
    if (!take_if(reader, '0') && take_digits(reader) == 0)
        return fail(reader);
    if (take_if(reader, '.') && take_digits(reader) == 0)
        return fail(reader);
    if (take_if(reader, 'e') || take_if(reader, 'E')) {
        if (!take_if(reader, '+'))
            (void)take_if(reader, '-');
        if (take_digits(reader) == 0)
            return fail(reader);
    }
    return true;
}

static bool take_word(struct json_reader *reader, const char *word)
{
    struct bytes left = {reader->text.data + reader->at, reader->text.size - reader->at};

    if (!bytes_starts_with(left, bytes_of(word)))
        return fail(reader);
    reader->at += strlen(word);
    return true;
}

static bool take_colon(struct json_reader *reader)
{
    skip_blanks(reader);
    return take_if(reader, ':') || fail(reader);
}

/* Everything but arrays and objects. */
static bool take_scalar(struct json_reader *reader, enum json_kind kind)
{
    switch (kind) {
    case JSON_IS_NULL:
        return take_word(reader, "null");
    case JSON_IS_TRUE:
        return take_word(reader, "true");
    case JSON_IS_FALSE:
        return take_word(reader, "false");
    case JSON_IS_NUMBER:
        return take_number(reader);
    case JSON_IS_STRING:
        return take_string(reader, NULL);
    case JSON_IS_ARRAY:
    case JSON_IS_OBJECT:
    case JSON_IS_BAD:
        break;
    }
    return fail(reader);
}

/* The brackets that are open while a value is gone over. */
struct nesting {
    size_t depth;
    bool is_object[JSON_DEPTH_MAX];
};

static bool open_bracket(struct json_reader *reader, struct nesting *nesting, enum json_kind kind)
{
    if (nesting->depth == JSON_DEPTH_MAX || !json_reader_enter(reader, kind))
        return fail(reader);
    nesting->is_object[nesting->depth++] = kind == JSON_IS_OBJECT;
    return true;
}

/* Closes what ends here, and stands in front of the next value or, with depth 0, behind it all. */
static bool go_to_value(struct json_reader *reader, struct nesting *nesting)
{
    while (nesting->depth > 0) {
        bool is_object = nesting->is_object[nesting->depth - 1];

        if (go_to_next(reader, is_object ? '}' : ']'))
            return !is_object || (take_string(reader, NULL) && take_colon(reader));
        if (reader->is_bad)
            return false;
        nesting->depth--;
    }
    return true;
}

static bool take_value(struct json_reader *reader)
{
    struct nesting nesting;

    nesting.depth = 0;
    do {
        enum json_kind kind = json_reader_peek(reader);
        bool is_taken = kind == JSON_IS_ARRAY || kind == JSON_IS_OBJECT
                            ? open_bracket(reader, &nesting, kind)
                            : take_scalar(reader, kind);

        if (!is_taken || !go_to_value(reader, &nesting))
            return false;
    } while (nesting.depth > 0);
    return true;
}

bool json_reader_skip(struct json_reader *reader, struct bytes *raw)
{
    size_t from;

    skip_blanks(reader);
    from = reader->at;
    if (!take_value(reader))
        return false;
    *raw = (struct bytes){reader->text.data + from, reader->at - from};
    return true;
}

bool json_reader_at_end(struct json_reader *reader)
{
    skip_blanks(reader);
    return !reader->is_bad && !has_more(reader);
}

bool json_reader_is_valid(struct bytes text)
{
    struct json_reader reader;
    struct bytes raw;

    json_reader_init(&reader, text);
    return json_reader_skip(&reader, &raw) && json_reader_at_end(&reader);
}

/* A string with half of a surrogate pair has no other spelling. */
static void compact_string(struct json_reader *reader, struct buffer *out, struct buffer *decoded)
{
    struct json_reader before = *reader;

    decoded->size = 0;
    if (take_string(reader, decoded)) {
        json_text_string(out, buffer_view(decoded));
        return;
    }
    *reader = before;
    (void)take_string(reader, NULL);
    buffer_append(out, reader->text.data + before.at, reader->at - before.at);
}

/* What stands between strings, blanks left out. */
static void compact_run(struct json_reader *reader, struct buffer *out)
{
    size_t from = reader->at;

    while (has_more(reader) && here(reader) != '"' && !is_blank(here(reader)))
        reader->at++;
    buffer_append(out, reader->text.data + from, reader->at - from);
}

void json_reader_compact(struct bytes text, struct buffer *out)
{
    struct buffer decoded = {0};
    struct json_reader reader;

    json_reader_init(&reader, text);
    for (skip_blanks(&reader); has_more(&reader); skip_blanks(&reader)) {
        if (here(&reader) == '"')
            compact_string(&reader, out, &decoded);
        else
            compact_run(&reader, out);
    }
    buffer_clear(&decoded);
}
