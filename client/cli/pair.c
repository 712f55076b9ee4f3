#include "pair.h"

#include <stdio.h>
#include <string.h>

#include "json_text.h"
#include "reader.h"

/* A text is base64 when that is shorter than its escapes by more than this, or nearly so. */
#define ESCAPES_FREE 16

/* A pair while it is read: strings as they stand there, and whether they are base64. */
struct reading {
    struct reader reader;
    struct pair pair;
    bool has_key, has_value;
    bool is_key_base64, is_value_base64, is_metadata_base64;
    int64_t expiration_s, expiration_ms, ttl_s;
};

static bool read_key(struct reading *reading)
{
    reading->has_key = true;
    return reader_string(&reading->reader, &reading->pair.key);
}

static bool read_value(struct reading *reading)
{
    reading->has_value = true;
    return reader_string(&reading->reader, &reading->pair.value);
}

static bool read_metadata(struct reading *reading)
{
    return reader_any(&reading->reader, &reading->pair.metadata);
}

static bool read_namespace(struct reading *reading)
{
    return reader_string(&reading->reader, &reading->pair.ns);
}

static bool read_key_base64(struct reading *reading)
{
    return reader_bool(&reading->reader, &reading->is_key_base64);
}

static bool read_base64(struct reading *reading)
{
    return reader_bool(&reading->reader, &reading->is_value_base64);
}

static bool read_metadata_base64(struct reading *reading)
{
    return reader_bool(&reading->reader, &reading->is_metadata_base64);
}

static bool read_expiration(struct reading *reading)
{
    return reader_number(&reading->reader, 1, INT64_MAX / 1000, &reading->expiration_s);
}

static bool read_expiration_ms(struct reading *reading)
{
    return reader_number(&reading->reader, 1, INT64_MAX, &reading->expiration_ms);
}

static bool read_ttl(struct reading *reading)
{
    return reader_number(&reading->reader, 1, INT64_MAX / 1000, &reading->ttl_s);
}

static const struct {
    const char *name;
    enum pair_kind kind; /* the least that wants it: names are part of whole pairs */
    bool may_be_null;
    bool (*read)(struct reading *reading);
} members[] = {
    {"key", PAIR_NAME, false, read_key},
    {"value", PAIR_WHOLE, false, read_value},
    {"metadata", PAIR_WHOLE, true, read_metadata},
    {"expiration", PAIR_WHOLE, true, read_expiration},
    {"expiration_ttl", PAIR_WHOLE, true, read_ttl},
    {"expiration_ms", PAIR_WHOLE, true, read_expiration_ms},
    {"base64", PAIR_WHOLE, true, read_base64},
    {"key_base64", PAIR_NAME, true, read_key_base64},
    {"metadata_base64", PAIR_WHOLE, true, read_metadata_base64},
    {"namespace", PAIR_NAME, true, read_namespace},
};

static bool is_word(struct bytes text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool read_member(struct reading *reading, enum pair_kind kind)
{
    struct bytes name, ignored;

    if (!reader_string(&reading->reader, &name) ||
        !reader_expect(&reading->reader, ':', "here a : should stand"))
        return false;
    if (kind == PAIR_NAME && is_word(name, "name"))
        return read_key(reading);
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        if (!is_word(name, members[i].name) || (kind == PAIR_NAME && members[i].kind != PAIR_NAME))
            continue;
        if (members[i].may_be_null && reader_peek(&reading->reader) == 'n')
            break;
        return members[i].read(reading);
    }
    return reader_any(&reading->reader, &ignored);
}

static bool read_members(struct reading *reading, enum pair_kind kind)
{
    if (!reader_expect(&reading->reader, '{',
                       kind == PAIR_NAME ? "here a name or an object { } should begin"
                                         : "here an object { } should begin"))
        return false;
    if (reader_skip(&reading->reader, '}'))
        return true;
    do {
        if (!read_member(reading, kind))
            return false;
    } while (reader_skip(&reading->reader, ','));
    return reader_expect(&reading->reader, '}', "here a , or a } should stand");
}

/* --- what it means --- */

/* Replaces base64 by what it stands for. */
static bool decode(struct buffer *scratch, struct bytes *bytes)
{
    size_t begin = scratch->size;

    if (!base64_decode(scratch, *bytes))
        return false;
    *bytes = (struct bytes){scratch->data + begin, scratch->size - begin};
    return true;
}

/* The metadata's JSON without line breaks. */
static void join_lines(struct buffer *scratch, struct bytes *text)
{
    size_t begin = scratch->size;

    if (memchr(text->data, '\n', text->size) == NULL &&
        memchr(text->data, '\r', text->size) == NULL)
        return;
    pair_append_text(scratch, *text);
    *text = (struct bytes){scratch->data + begin, scratch->size - begin};
}

static const char *understand_metadata(struct reading *reading)
{
    struct pair *pair = &reading->pair;

    if (pair->metadata.size == 0)
        return NULL;
    if (!reading->is_metadata_base64) {
        join_lines(reading->reader.scratch, &pair->metadata);
        return NULL;
    }
    if (pair->metadata.data[0] == '"') {
        pair->metadata.data++;
        pair->metadata.size -= 2;
        if (decode(reading->reader.scratch, &pair->metadata))
            return NULL;
    }
    return "its metadata is not base64";
}

/* Returns what is wrong, NULL if nothing is. */
static const char *understand(struct reading *reading, enum pair_kind kind)
{
    struct pair *pair = &reading->pair;

    if (!reading->has_key)
        return "it has no key";
    if (!reading->has_value && kind == PAIR_WHOLE)
        return "it has no value";
    if (reading->is_key_base64 && !decode(reading->reader.scratch, &pair->key))
        return "its key is not base64";
    if (reading->is_value_base64 && !decode(reading->reader.scratch, &pair->value))
        return "its value is not base64";
    if (reading->ttl_s != 0 && (reading->expiration_s != 0 || reading->expiration_ms != 0))
        return "expiration and expiration_ttl exclude each other";
    pair->ttl_ms = reading->ttl_s * 1000;
    pair->expires_at_ms =
        reading->expiration_ms != 0 ? reading->expiration_ms : reading->expiration_s * 1000;
    return understand_metadata(reading);
}

static bool fail(struct pair_error *error, size_t at, const char *sentence)
{
    error->at = at;
    snprintf(error->sentence, sizeof(error->sentence), "%s", sentence);
    return false;
}

bool pair_parse(struct bytes text, enum pair_kind kind, struct buffer *scratch, struct pair *pair,
                struct pair_error *error)
{
    struct reading reading = {.reader = reader_of(text, scratch)};
    bool is_bare = kind == PAIR_NAME && reader_peek(&reading.reader) == '"';
    const char *wrong;

    /* strings are decoded into it once, base64 and metadata a second time: it must not move */
    buffer_reserve(scratch, 2 * text.size);
    if (is_bare ? !read_key(&reading) : !read_members(&reading, kind))
        return fail(error, reading.reader.at, reading.reader.error);
    if (!reader_end(&reading.reader))
        return fail(error, reading.reader.at, reading.reader.error);
    wrong = understand(&reading, kind);
    if (wrong != NULL)
        return fail(error, 0, wrong);
    *pair = reading.pair;
    return true;
}

/* --- writing --- */

/* "name":"text", or "name":"base64","mark":true where that is the only way, or by far shorter. */
static void append_bytes(struct buffer *out, const char *name, const char *mark, struct bytes bytes)
{
    bool is_text = utf8_is_valid(bytes) && json_text_size(bytes) <= 2 * bytes.size + ESCAPES_FREE;

    buffer_append_text(out, "\"");
    buffer_append_text(out, name);
    buffer_append_text(out, "\":");
    if (is_text) {
        json_text_append(out, bytes);
        return;
    }
    json_text_append_base64(out, bytes);
    buffer_append_text(out, ",\"");
    buffer_append_text(out, mark);
    buffer_append_text(out, "\":true");
}

/* As it is, if a reader finds it so again. */
static void append_metadata(struct buffer *out, struct bytes metadata)
{
    struct buffer scratch = {0};
    struct reader reader = reader_of(metadata, &scratch);
    struct bytes spelling;
    bool is_plain = reader_any(&reader, &spelling) && spelling.size == metadata.size &&
                    memchr(metadata.data, '\n', metadata.size) == NULL &&
                    memchr(metadata.data, '\r', metadata.size) == NULL;

    buffer_clear(&scratch);
    buffer_append_text(out, ",\"metadata\":");
    if (is_plain) {
        buffer_append(out, metadata.data, metadata.size);
        return;
    }
    json_text_append_base64(out, metadata);
    buffer_append_text(out, ",\"metadata_base64\":true");
}

static void append_number(struct buffer *out, const char *name, int64_t number)
{
    buffer_append_text(out, name);
    buffer_append_number(out, number);
}

void pair_append(struct buffer *out, const struct pair *pair)
{
    buffer_append_text(out, "{");
    append_bytes(out, "key", "key_base64", pair->key);
    buffer_append_text(out, ",");
    append_bytes(out, "value", "base64", pair->value);
    if (pair->metadata.size > 0)
        append_metadata(out, pair->metadata);
    if (pair->expires_at_ms >= 1000)
        append_number(out, ",\"expiration\":", pair->expires_at_ms / 1000);
    if (pair->expires_at_ms % 1000 != 0)
        append_number(out, ",\"expiration_ms\":", pair->expires_at_ms);
    buffer_append_text(out, "}\n");
}

/* The end of the blanks that begin here, and whether they break the line. */
static size_t pass_blanks(struct bytes text, size_t at, bool *has_break)
{
    *has_break = false;
    for (; at < text.size; at++) {
        char c = text.data[at];

        if (c == '\n' || c == '\r')
            *has_break = true;
        else if (c != ' ' && c != '\t')
            break;
    }
    return at;
}

void pair_append_text(struct buffer *out, struct bytes text)
{
    size_t from = 0, at = 0;

    while (at < text.size) {
        bool has_break;
        size_t end = pass_blanks(text, at, &has_break);

        if (has_break) {
            buffer_append(out, text.data + from, at - from);
            from = end;
        }
        at = end > at ? end : at + 1;
    }
    buffer_append(out, text.data + from, text.size - from);
}
