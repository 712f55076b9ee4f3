/* cli_print.h - replies of the server as text and as JSON.
 *
 * Maps come as RESP2 spells them: arrays of name, value, name, value.  A reply of another shape
 * than expected is printed as if the missing parts were nil.
 */
#ifndef CLI_CLI_PRINT_H
#define CLI_CLI_PRINT_H

#include <grapevine.h>
#include <stdbool.h>
#include <stdio.h>

/* The value under `name`, or NULL if there is none or it is nil. */
const struct grapevine_reply *cli_map_find(const struct grapevine_reply *map, const char *name);

/* Bytes on a line: control characters and what is not UTF-8 as \n, \t, \\ or \xFF. */
void cli_print_line(FILE *out, const char *bytes, size_t size);

/* KV.GET: lines on the record, an empty one, the value; or {"key":…, "value":…, …}. */
void cli_print_record(FILE *out, const struct grapevine_reply *record);
void cli_print_record_json(FILE *out, const char *key, const struct grapevine_reply *record);

/* KV.META: {"key":…, "metadata":…}. */
void cli_print_meta_json(FILE *out, const char *key, const struct grapevine_reply *meta);

/* A row of KV.LIST: the name, or an array of name, metadata, value, the latter two as far as asked
 * for.  Names in JSON that are not UTF-8 are base64, with "name_base64": true.  The first row opens
 * the JSON document, the end closes it; with no rows the end is all of it. */
struct cli_row_parts {
    bool has_metadata;
    bool has_value;
};

void cli_print_row(FILE *out, const struct grapevine_reply *row, struct cli_row_parts parts);
void cli_print_row_json(FILE *out, const struct grapevine_reply *row, struct cli_row_parts parts,
                        bool is_first);
void cli_print_list_end_json(FILE *out, const char *cursor, bool is_empty);

/* One text a line. */
void cli_print_texts(FILE *out, const struct grapevine_reply *texts);

/* A map of anything, nested ones indented; or as a JSON object. */
void cli_print_map(FILE *out, const struct grapevine_reply *map, int indent);
void cli_print_map_json(FILE *out, const struct grapevine_reply *map);

/* {"name":value} and a newline. */
void cli_print_number_json(FILE *out, const char *name, long long value);
void cli_print_texts_json(FILE *out, const char *name, const struct grapevine_reply *texts);
void cli_print_text_json(FILE *out, const char *name, const char *value);

/* A few lines out of INFO's hundred. */
void cli_print_status(FILE *out, const char *info);
void cli_print_status_json(FILE *out, const char *info);

#endif
