#include "cli_print.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- bytes --- */

/* The length of the UTF-8 sequence that begins here, 0 if it is none (RFC 3629: no overlong forms,
 * no surrogates, nothing above U+10FFFF). */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length;

    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] == 0xe0)
        low = 0xa0;
    else if (at[0] == 0xed)
        high = 0x9f;
    else if (at[0] == 0xf0)
        low = 0x90;
    else if (at[0] == 0xf4)
        high = 0x8f;
    if (left < length || at[1] < low || at[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (at[i] < 0x80 || at[i] > 0xbf)
            return 0;
    }
    return length;
}

static bool is_utf8(const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;

    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(at + i, size - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

/* The caller frees. */
static char *base64(const char *bytes, size_t size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *text = malloc((size + 2) / 3 * 4 + 1), *out = text;

    assert(text != NULL);
    for (size_t i = 0; i < size; i += 3) {
        uint32_t bits = 0;

        for (size_t j = i; j < i + 3; j++)
            bits = bits << 8 | (j < size ? (unsigned char)bytes[j] : 0);
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < size ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < size ? digits[bits & 63] : '=';
    }
    *out = '\0';
    return text;
}

void cli_print_line(FILE *out, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;

    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(at + i, size - i);

        if (at[i] == '\n' || at[i] == '\t' || at[i] == '\\')
            fprintf(out, "\\%c", at[i] == '\n' ? 'n' : at[i] == '\t' ? 't' : '\\');
        else if (length == 0 || at[i] < ' ' || at[i] == 0x7f)
            fprintf(out, "\\x%02x", at[i]);
        else
            fwrite(at + i, 1, length, out);
        i += length > 0 ? length : 1;
    }
}

/* --- replies --- */

const redisReply *cli_map_find(const redisReply *map, const char *name)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2) {
        const redisReply *key = map->element[i], *value = map->element[i + 1];

        if (key->type == REDIS_REPLY_STRING && strcmp(key->str, name) == 0)
            return value->type != REDIS_REPLY_NIL ? value : NULL;
    }
    return NULL;
}

static bool is_text(const redisReply *reply)
{
    return reply != NULL &&
           (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
}

/* On one line; nil as nothing. */
static void print_value(FILE *out, const redisReply *value)
{
    if (is_text(value))
        cli_print_line(out, value->str, value->len);
    else if (value != NULL && value->type == REDIS_REPLY_INTEGER)
        fprintf(out, "%lld", value->integer);
}

/* --- JSON --- */

/* Only out of memory, which nothing here can mend, makes jansson fail. */
static json_t *checked(json_t *json)
{
    assert(json != NULL);
    return json;
}

/* Takes over `value`. */
static void set(json_t *object, const char *name, json_t *value)
{
    int failed = json_object_set_new(object, name, checked(value));

    assert(failed == 0);
    (void)failed;
}

/* Texts that are UTF-8 by their nature; should one not be, it is null. */
static json_t *text_to_json(const char *text, size_t size)
{
    return is_utf8(text, size) ? json_stringn(text, size) : json_null();
}

/* Sets `name` to a text; what is not UTF-8 goes as base64, with `mark`: true. */
static void set_bytes(json_t *object, const char *name, const char *mark, const redisReply *bytes)
{
    char *encoded;

    if (!is_text(bytes)) {
        set(object, name, json_null());
    } else if (is_utf8(bytes->str, bytes->len)) {
        set(object, name, json_stringn(bytes->str, bytes->len));
    } else {
        encoded = base64(bytes->str, bytes->len);
        set(object, name, json_string(encoded));
        set(object, mark, json_true());
        free(encoded);
    }
}

static void set_key(json_t *object, const char *key)
{
    redisReply reply = {.type = REDIS_REPLY_STRING, .len = strlen(key)};

    reply.str = strdup(key);
    assert(reply.str != NULL);
    set_bytes(object, "key", "key_base64", &reply);
    free(reply.str);
}

/* Metadata is JSON already.  Should jansson be stricter than the server, it stays a text. */
static void set_metadata(json_t *object, const redisReply *meta)
{
    json_t *value = NULL;

    if (is_text(meta))
        value = json_loadb(meta->str, meta->len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    if (value != NULL)
        set(object, "metadata", value);
    else
        set_bytes(object, "metadata", "metadata_base64", meta);
}

/* Prints and frees. */
static void print_json(FILE *out, json_t *json)
{
    json_dumpf(json, out, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(json);
}

static void print_json_line(FILE *out, json_t *json)
{
    print_json(out, json);
    fputc('\n', out);
}

/* --- records --- */

static long long expiration_ms(const redisReply *record)
{
    const redisReply *expiration = cli_map_find(record, "expiration");

    return expiration != NULL && expiration->type == REDIS_REPLY_INTEGER ? expiration->integer : 0;
}

/* As a time of day and as the number. */
static void print_expiration(FILE *out, long long ms)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm utc;
    char text[64];

    if (gmtime_r(&seconds, &utc) != NULL &&
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc))
        fprintf(out, "%s (%lld)", text, ms);
    else
        fprintf(out, "%lld", ms);
}

void cli_print_record(FILE *out, const redisReply *record)
{
    const redisReply *value = cli_map_find(record, "value");
    long long ms = expiration_ms(record);

    fputs("version: ", out);
    print_value(out, cli_map_find(record, "version"));
    fputs("\nexpiration: ", out);
    if (ms != 0)
        print_expiration(out, ms);
    fputs("\nmetadata: ", out);
    print_value(out, cli_map_find(record, "metadata"));
    fputs("\n\n", out);
    if (is_text(value))
        fwrite(value->str, 1, value->len, out);
}

void cli_print_record_json(FILE *out, const char *key, const redisReply *record)
{
    json_t *object = checked(json_object());
    const redisReply *version = cli_map_find(record, "version");
    long long ms = expiration_ms(record);

    set_key(object, key);
    set_bytes(object, "value", "base64", cli_map_find(record, "value"));
    set_metadata(object, cli_map_find(record, "metadata"));
    set(object, "expiration", ms != 0 ? json_integer(ms) : json_null());
    set(object, "version",
        is_text(version) ? text_to_json(version->str, version->len) : json_null());
    print_json_line(out, object);
}

void cli_print_meta_json(FILE *out, const char *key, const redisReply *meta)
{
    json_t *object = checked(json_object());

    set_key(object, key);
    set_metadata(object, meta);
    print_json_line(out, object);
}

/* --- rows of a list --- */

/* The part at `index` of a row that may also be a bare name; NULL if it is not there. */
static const redisReply *part(const redisReply *row, size_t index)
{
    if (row->type != REDIS_REPLY_ARRAY)
        return index == 0 ? row : NULL;
    return index < row->elements ? row->element[index] : NULL;
}

void cli_print_row(FILE *out, const redisReply *row, struct cli_row_parts parts)
{
    size_t count = 1U + parts.has_metadata + parts.has_value;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc('\t', out);
        print_value(out, part(row, i));
    }
    fputc('\n', out);
}

void cli_print_row_json(FILE *out, const redisReply *row, struct cli_row_parts parts, bool is_first)
{
    json_t *object = checked(json_object());

    fputs(is_first ? "{\"keys\":[" : ",\n", out);
    set_bytes(object, "name", "name_base64", part(row, 0));
    if (parts.has_metadata)
        set_metadata(object, part(row, 1));
    if (parts.has_value)
        set_bytes(object, "value", "base64", part(row, 1U + parts.has_metadata));
    print_json(out, object);
}

void cli_print_list_end_json(FILE *out, const char *cursor, bool is_empty)
{
    fprintf(out, "%s],\"list_complete\":%s,\"cursor\":", is_empty ? "{\"keys\":[" : "",
            cursor == NULL ? "true" : "false");
    print_json(out, checked(cursor != NULL ? text_to_json(cursor, strlen(cursor)) : json_null()));
    fputs("}\n", out);
}

void cli_print_texts(FILE *out, const redisReply *texts)
{
    for (size_t i = 0; texts->type == REDIS_REPLY_ARRAY && i < texts->elements; i++) {
        print_value(out, texts->element[i]);
        fputc('\n', out);
    }
}

/* --- maps --- */

void cli_print_map(FILE *out, const redisReply *map, int indent)
{
    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2) {
        const redisReply *value = map->element[i + 1];

        fprintf(out, "%*s", indent, "");
        print_value(out, map->element[i]);
        fputc(':', out);
        if (value->type == REDIS_REPLY_ARRAY) {
            fputc('\n', out);
            cli_print_map(out, value, indent + 2);
        } else {
            fputc(' ', out);
            print_value(out, value);
            fputc('\n', out);
        }
    }
}

static json_t *map_to_json(const redisReply *map)
{
    json_t *object = checked(json_object());

    for (size_t i = 0; map->type == REDIS_REPLY_ARRAY && i + 1 < map->elements; i += 2) {
        const redisReply *name = map->element[i], *value = map->element[i + 1];

        if (!is_text(name) || !is_utf8(name->str, name->len))
            continue;
        if (value->type == REDIS_REPLY_ARRAY)
            set(object, name->str, map_to_json(value));
        else if (value->type == REDIS_REPLY_INTEGER)
            set(object, name->str, json_integer(value->integer));
        else
            set_bytes(object, name->str, "base64", value);
    }
    return object;
}

void cli_print_map_json(FILE *out, const redisReply *map)
{
    print_json_line(out, map_to_json(map));
}

/* --- small answers --- */

void cli_print_number_json(FILE *out, const char *name, long long value)
{
    json_t *object = checked(json_object());

    set(object, name, json_integer(value));
    print_json_line(out, object);
}

void cli_print_text_json(FILE *out, const char *name, const char *value)
{
    json_t *object = checked(json_object());

    set(object, name, text_to_json(value, strlen(value)));
    print_json_line(out, object);
}

void cli_print_texts_json(FILE *out, const char *name, const redisReply *texts)
{
    json_t *object = checked(json_object()), *array = checked(json_array());

    for (size_t i = 0; texts->type == REDIS_REPLY_ARRAY && i < texts->elements; i++) {
        const redisReply *text = texts->element[i];

        if (is_text(text))
            json_array_append_new(array, checked(text_to_json(text->str, text->len)));
    }
    set(object, name, array);
    print_json_line(out, object);
}

/* --- status --- */

/* The value of "name:value" in INFO's lines; its length into *length.  NULL if there is none. */
static const char *find_field(const char *info, const char *name, size_t *length)
{
    size_t name_length = strlen(name);

    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, name_length) == 0 && line[name_length] == ':') {
            *length = strcspn(line + name_length + 1, "\r\n");
            return line + name_length + 1;
        }
    }
    return NULL;
}

static long long find_number(const char *info, const char *name)
{
    size_t length;
    const char *value = find_field(info, name, &length);

    return value != NULL ? strtoll(value, NULL, 10) : 0;
}

static void find_text(const char *info, const char *name, char *text, size_t size)
{
    size_t length = 0;
    const char *value = find_field(info, name, &length);

    snprintf(text, size, "%.*s", (int)length, value != NULL ? value : "");
}

/* Databases have a line "db0:keys=…", other namespaces "ns:<title>:keys=…". */
static long long count_keys(const char *info)
{
    long long count = 0;

    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        size_t length;
        const char *keys;

        line += *line == '\n';
        length = strcspn(line, "\r\n");
        keys = memmem(line, length, ":keys=", strlen(":keys="));
        if (keys != NULL && (strncmp(line, "db", 2) == 0 || strncmp(line, "ns:", 3) == 0))
            count += strtoll(keys + strlen(":keys="), NULL, 10);
    }
    return count;
}

static void print_duration(FILE *out, long long seconds)
{
    long long days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;

    if (days > 0)
        fprintf(out, "%lldd %lldh\n", days, hours);
    else if (hours > 0)
        fprintf(out, "%lldh %lldm\n", hours, minutes);
    else
        fprintf(out, "%lldm %llds\n", minutes, seconds % 60);
}

static void print_size(FILE *out, long long bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes / 1024;
    size_t unit = 0;

    while (size >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
        size /= 1024;
        unit++;
    }
    fprintf(out, "%.1f %s\n", size, units[unit]);
}

#define VERSION_TEXT_MAX 64

/* A plain Redis has no version of ours. */
static void find_versions(const char *info, char ours[VERSION_TEXT_MAX],
                          char redis[VERSION_TEXT_MAX])
{
    find_text(info, "grapevine_version", ours, VERSION_TEXT_MAX);
    find_text(info, "redis_version", redis, VERSION_TEXT_MAX);
}

void cli_print_status(FILE *out, const char *info)
{
    char ours[VERSION_TEXT_MAX], redis[VERSION_TEXT_MAX];

    find_versions(info, ours, redis);
    fprintf(out, "version: %s%s(speaks Redis %s)\n", ours, ours[0] != '\0' ? " " : "", redis);
    fputs("uptime: ", out);
    print_duration(out, find_number(info, "uptime_in_seconds"));
    fprintf(out, "clients: %lld\n", find_number(info, "connected_clients"));
    fprintf(out, "keys: %lld\n", count_keys(info));
    fputs("memory: ", out);
    print_size(out, find_number(info, "used_memory"));
}

void cli_print_status_json(FILE *out, const char *info)
{
    char ours[VERSION_TEXT_MAX], redis[VERSION_TEXT_MAX];
    json_t *object = checked(json_object());

    find_versions(info, ours, redis);
    set(object, "version", ours[0] != '\0' ? text_to_json(ours, strlen(ours)) : json_null());
    set(object, "redis_version", text_to_json(redis, strlen(redis)));
    set(object, "uptime_seconds", json_integer(find_number(info, "uptime_in_seconds")));
    set(object, "clients", json_integer(find_number(info, "connected_clients")));
    set(object, "keys", json_integer(count_keys(info)));
    set(object, "memory_bytes", json_integer(find_number(info, "used_memory")));
    print_json_line(out, object);
}
