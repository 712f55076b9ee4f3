#include "cli_print.h"

#include <assert.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bytes.h"

/* --- bytes --- */

void cli_print_line(FILE *out, const char *bytes, size_t size)
{
    const unsigned char *at = (const unsigned char *)bytes;

    for (size_t i = 0; i < size;) {
        size_t length = utf8_length(bytes + i, size - i);

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

const struct grapevine_reply *cli_map_find(const struct grapevine_reply *map, const char *name)
{
    for (size_t i = 0; map->type == GRAPEVINE_REPLY_ARRAY && i + 1 < map->element_count; i += 2) {
        const struct grapevine_reply *key = &map->elements[i], *value = &map->elements[i + 1];

        if (key->type == GRAPEVINE_REPLY_BYTES && strcmp(key->bytes.data, name) == 0)
            return value->type != GRAPEVINE_REPLY_NIL ? value : NULL;
    }
    return NULL;
}

static bool is_text(const struct grapevine_reply *reply)
{
    return reply != NULL && reply->type == GRAPEVINE_REPLY_BYTES;
}

/* On one line; nil as nothing. */
static void print_value(FILE *out, const struct grapevine_reply *value)
{
    if (is_text(value))
        cli_print_line(out, value->bytes.data, value->bytes.size);
    else if (value != NULL && value->type == GRAPEVINE_REPLY_INTEGER)
        fprintf(out, "%" PRId64, value->integer);
}

/* --- JSON --- */

static bool is_utf8(const char *text, size_t size)
{
    return utf8_is_valid((struct bytes){text, size});
}

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
static void set_bytes(json_t *object, const char *name, const char *mark,
                      const struct grapevine_reply *bytes)
{
    struct buffer encoded = {0};

    if (!is_text(bytes)) {
        set(object, name, json_null());
    } else if (is_utf8(bytes->bytes.data, bytes->bytes.size)) {
        set(object, name, json_stringn(bytes->bytes.data, bytes->bytes.size));
    } else {
        base64_append(&encoded, (struct bytes){bytes->bytes.data, bytes->bytes.size});
        set(object, name, json_stringn(encoded.data, encoded.size));
        set(object, mark, json_true());
        buffer_clear(&encoded);
    }
}

static void set_key(json_t *object, const char *key)
{
    struct grapevine_reply reply = {.type = GRAPEVINE_REPLY_BYTES, .bytes = grapevine_text(key)};

    set_bytes(object, "key", "key_base64", &reply);
}

/* Metadata is JSON already.  Should jansson be stricter than the server, it stays a text. */
static void set_metadata(json_t *object, const struct grapevine_reply *meta)
{
    json_t *value = NULL;

    if (is_text(meta))
        value =
            json_loadb(meta->bytes.data, meta->bytes.size, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
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

static long long expiration_ms(const struct grapevine_reply *record)
{
    const struct grapevine_reply *expiration = cli_map_find(record, "expiration");

    return expiration != NULL && expiration->type == GRAPEVINE_REPLY_INTEGER ? expiration->integer
                                                                             : 0;
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

void cli_print_record(FILE *out, const struct grapevine_reply *record)
{
    const struct grapevine_reply *value = cli_map_find(record, "value");
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
        fwrite(value->bytes.data, 1, value->bytes.size, out);
}

void cli_print_record_json(FILE *out, const char *key, const struct grapevine_reply *record)
{
    json_t *object = checked(json_object());
    const struct grapevine_reply *version = cli_map_find(record, "version");
    long long ms = expiration_ms(record);

    set_key(object, key);
    set_bytes(object, "value", "base64", cli_map_find(record, "value"));
    set_metadata(object, cli_map_find(record, "metadata"));
    set(object, "expiration", ms != 0 ? json_integer(ms / 1000) : json_null());
    if (ms != 0)
        set(object, "expiration_ms", json_integer(ms)); /* as in files of pairs: pair.h */
    set(object, "version",
        is_text(version) ? text_to_json(version->bytes.data, version->bytes.size) : json_null());
    print_json_line(out, object);
}

void cli_print_meta_json(FILE *out, const char *key, const struct grapevine_reply *meta)
{
    json_t *object = checked(json_object());

    set_key(object, key);
    set_metadata(object, meta);
    print_json_line(out, object);
}

/* --- rows of a list --- */

/* The part at `index` of a row that may also be a bare name; NULL if it is not there. */
static const struct grapevine_reply *part(const struct grapevine_reply *row, size_t index)
{
    if (row->type != GRAPEVINE_REPLY_ARRAY)
        return index == 0 ? row : NULL;
    return index < row->element_count ? &row->elements[index] : NULL;
}

void cli_print_row(FILE *out, const struct grapevine_reply *row, struct cli_row_parts parts)
{
    size_t count = 1U + parts.has_metadata + parts.has_value;

    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            fputc('\t', out);
        print_value(out, part(row, i));
    }
    fputc('\n', out);
}

void cli_print_row_json(FILE *out, const struct grapevine_reply *row, struct cli_row_parts parts,
                        bool is_first)
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

void cli_print_texts(FILE *out, const struct grapevine_reply *texts)
{
    for (size_t i = 0; texts->type == GRAPEVINE_REPLY_ARRAY && i < texts->element_count; i++) {
        print_value(out, &texts->elements[i]);
        fputc('\n', out);
    }
}

/* --- maps --- */

void cli_print_map(FILE *out, const struct grapevine_reply *map, int indent)
{
    for (size_t i = 0; map->type == GRAPEVINE_REPLY_ARRAY && i + 1 < map->element_count; i += 2) {
        const struct grapevine_reply *value = &map->elements[i + 1];

        fprintf(out, "%*s", indent, "");
        print_value(out, &map->elements[i]);
        fputc(':', out);
        if (value->type == GRAPEVINE_REPLY_ARRAY) {
            fputc('\n', out);
            cli_print_map(out, value, indent + 2);
        } else {
            fputc(' ', out);
            print_value(out, value);
            fputc('\n', out);
        }
    }
}

static json_t *map_to_json(const struct grapevine_reply *map)
{
    json_t *object = checked(json_object());

    for (size_t i = 0; map->type == GRAPEVINE_REPLY_ARRAY && i + 1 < map->element_count; i += 2) {
        const struct grapevine_reply *name = &map->elements[i], *value = &map->elements[i + 1];

        if (!is_text(name) || !is_utf8(name->bytes.data, name->bytes.size))
            continue;
        if (value->type == GRAPEVINE_REPLY_ARRAY)
            set(object, name->bytes.data, map_to_json(value));
        else if (value->type == GRAPEVINE_REPLY_INTEGER)
            set(object, name->bytes.data, json_integer(value->integer));
        else
            set_bytes(object, name->bytes.data, "base64", value);
    }
    return object;
}

void cli_print_map_json(FILE *out, const struct grapevine_reply *map)
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

void cli_print_texts_json(FILE *out, const char *name, const struct grapevine_reply *texts)
{
    json_t *object = checked(json_object()), *array = checked(json_array());

    for (size_t i = 0; texts->type == GRAPEVINE_REPLY_ARRAY && i < texts->element_count; i++) {
        const struct grapevine_reply *text = &texts->elements[i];

        if (is_text(text))
            json_array_append_new(array, checked(text_to_json(text->bytes.data, text->bytes.size)));
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
