#include "http/form.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/json_reader.h"
#include "commands/metadata.h"
#include "http/multipart.h"

/* Of metadata in the SDK's spelling. */
#define DEPTH_MAX 32
#define PARTS_MAX 4096

static const struct bytes metadata_name = {"metadata", 8};

/* --- metadata[a][b]=… --- */

/* Takes "[a]" from the front of a path. */
static bool take_step(struct bytes *path, struct bytes *step)
{
    const char *end = path->size > 0 ? memchr(path->data, ']', path->size) : NULL;

    if (end == NULL || path->data[0] != '[')
        return false;
    *step = (struct bytes){path->data + 1, (size_t)(end - path->data - 1)};
    path->size -= step->size + 2;
    path->data = end + 1;
    return true;
}

/* What stands at `step` of an object or, "" being its end, of an array; NULL if nothing does. */
static json_t *at_step(const json_t *tree, struct bytes step)
{
    return json_is_object(tree) ? json_object_getn(tree, step.data, step.size) : NULL;
}

/* Takes the value over; false if it can't stand there, or something does already. */
static bool put_at_step(json_t *tree, struct bytes step, json_t *value)
{
    if (json_is_object(tree) && step.size > 0 && at_step(tree, step) == NULL)
        return json_object_setn_new(tree, step.data, step.size, value) == 0;
    if (json_is_array(tree) && step.size == 0)
        return json_array_append_new(tree, value) == 0;
    json_decref(value);
    return false;
}

/* What is to hold the next step: an array for "[]". */
static json_t *branch_for(struct bytes path)
{
    return bytes_starts_with(path, bytes_of("[]")) ? json_array() : json_object();
}

static bool grow(json_t *tree, struct bytes path, struct bytes text)
{
    struct bytes step;

    for (int depth = 0; depth < DEPTH_MAX && take_step(&path, &step); depth++) {
        json_t *next = at_step(tree, step);

        if (path.size == 0)
            return put_at_step(tree, step, json_stringn(text.data, text.size));
        if (next == NULL) {
            if (json_is_array(tree)) /* which parts make one of its elements can't be told */
                return false;
            next = branch_for(path);
            if (!put_at_step(tree, step, next))
                return false;
        }
        tree = next;
    }
    return false;
}

/* --- the parts --- */

struct form {
    struct bytes value, metadata; /* data NULL = no such part */
    json_t *tree;                 /* NULL = no part named "metadata[…" */
    int tree_parts;
};

static bool note_metadata(struct fault *fault, const char *text)
{
    return fault_note(fault, REFUSE_METADATA, "%s", text);
}

static bool take_branch(struct form *form, struct bytes name, struct bytes data,
                        struct fault *fault)
{
    struct bytes path = {name.data + metadata_name.size, name.size - metadata_name.size};

    if (form->tree == NULL)
        form->tree = branch_for(path);
    if (form->tree_parts++ == PARTS_MAX)
        return fault_note(fault, REFUSE_METADATA_TOO_LONG, "metadata has too many parts");
    return grow(form->tree, path, data) ||
           note_metadata(fault, "metadata must be valid json, or parts metadata[…] that make "
                                "objects and arrays of strings");
}

static bool take_part(struct form *form, const struct multipart_part *part, struct fault *fault)
{
    if (bytes_equal(part->name, bytes_of("value")))
        form->value = part->data;
    else if (bytes_equal(part->name, metadata_name))
        form->metadata = part->data;
    else if (bytes_starts_with(part->name, bytes_of("metadata[")))
        return take_branch(form, part->name, part->data, fault);
    return true;
}

static bool take_parts(struct form *form, struct bytes body, struct bytes boundary,
                       struct fault *fault)
{
    struct multipart multipart;
    struct multipart_part part;
    enum multipart_event event;

    multipart_init(&multipart, body, boundary);
    while ((event = multipart_next(&multipart, &part)) == MULTIPART_PART)
        if (!take_part(form, &part, fault))
            return false;
    if (event != MULTIPART_END)
        return fault_note(fault, REFUSE_BAD_REQUEST, "the form is broken, or breaks off");
    if (form->value.data == NULL)
        return fault_note(fault, REFUSE_BAD_REQUEST, "the form has no part named value");
    return true;
}

/* --- the metadata --- */

static bool write_metadata(const struct form *form, struct buffer *metadata, struct fault *fault)
{
    char *text;

    if (form->metadata.data != NULL) {
        if (form->metadata.size > METADATA_TEXT_MAX)
            return fault_note(fault, REFUSE_METADATA_TOO_LONG,
                              "Metadata length exceeds every limit.");
        if (!json_reader_is_valid(form->metadata))
            return note_metadata(fault, "metadata must be valid json");
        json_reader_compact(form->metadata, metadata);
    } else if (form->tree != NULL) {
        text = json_dumps(form->tree, JSON_COMPACT);
        buffer_append_text(metadata, text);
        free(text);
    }
    return true;
}

bool form_read(struct bytes content_type, struct bytes body, struct bytes *value,
               struct buffer *metadata, struct fault *fault)
{
    struct form form = {.tree = NULL};
    struct bytes boundary;
    bool is_read;

    if (!multipart_boundary(content_type, &boundary))
        return fault_note(fault, REFUSE_BAD_REQUEST, "the form's Content-Type names no boundary");
    is_read = take_parts(&form, body, boundary, fault) && write_metadata(&form, metadata, fault);
    if (is_read)
        *value = form.value;
    json_decref(form.tree);
    return is_read;
}
