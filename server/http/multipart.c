#include "http/multipart.h"

#include <assert.h>

#define LINE_END_SIZE 2 /* CR LF */
#define DASHES_SIZE   2 /* in front of a boundary, and behind the last one */

/* `at` is always where a delimiter's dashes stand, or the body's beginning, where some text may
 * come before the first one.  A delimiter is a whole line: where a boundary is only the beginning
 * of a longer line, it belongs to the data. */
enum delimiter { DELIMITER_NONE, DELIMITER_OPENS, DELIMITER_CLOSES };

static struct bytes skip(struct bytes text, size_t size)
{
    return (struct bytes){text.data + size, text.size - size};
}

/* What stands in front of `separator`, or all of it. */
static struct bytes before(struct bytes text, char separator)
{
    const char *found = text.size == 0 ? NULL : memchr(text.data, separator, text.size);

    return found == NULL ? text : (struct bytes){text.data, (size_t)(found - text.data)};
}

/* --- parameters: `form-data; name="value"; filename=a` --- */

/* Takes a parameter's value from the front of *rest: what is between quotes, as it is, or else all
 * up to the next semicolon.  False if a quote is not closed. */
static bool take_value(struct bytes *rest, struct bytes *value)
{
    bool is_quoted = rest->size > 0 && rest->data[0] == '"';

    if (is_quoted)
        *rest = skip(*rest, 1);
    *value = before(*rest, is_quoted ? '"' : ';');
    if (is_quoted && value->size == rest->size)
        return false;
    *rest = skip(*rest, value->size);
    if (!is_quoted)
        *value = bytes_trim(*value);
    return true;
}

static bool find_parameter(struct bytes header, const char *wanted, struct bytes *value)
{
    struct bytes rest = header;

    for (;;) {
        struct bytes name;

        rest = skip(rest, before(rest, ';').size);
        if (rest.size == 0)
            return false;
        rest = skip(rest, 1);
        name = before(before(rest, ';'), '=');
        rest = skip(rest, name.size);
        if (rest.size == 0 || rest.data[0] != '=')
            continue;
        rest = skip(rest, 1);
        if (!take_value(&rest, value))
            return false;
        if (bytes_is_word(bytes_trim(name), wanted))
            return true;
    }
}

bool multipart_is_form(struct bytes content_type)
{
    return bytes_is_word(bytes_trim(before(content_type, ';')), "multipart/form-data");
}

/* More than RFC 2046 allows, but a backslash: it could escape what it stands in front of. */
static bool is_boundary_byte(char byte)
{
    return byte >= ' ' && byte <= '~' && byte != '\\';
}

bool multipart_boundary(struct bytes content_type, struct bytes *boundary)
{
    struct bytes found;

    if (!find_parameter(content_type, "boundary", &found) || found.size == 0 ||
        found.size > MULTIPART_BOUNDARY_MAX || bytes_is_blank(found.data[found.size - 1]))
        return false;
    for (size_t i = 0; i < found.size; i++)
        if (!is_boundary_byte(found.data[i]))
            return false;
    *boundary = found;
    return true;
}

/* --- delimiters --- */

/* Does a line end at `at`, perhaps behind blanks?  The end of the body counts if it `may_be_last`.
 */
static bool ends_line(struct bytes body, size_t at, bool may_be_last, size_t *end)
{
    while (at < body.size && bytes_is_blank(body.data[at]))
        at++;
    *end = at;
    if (at == body.size)
        return may_be_last;
    *end += LINE_END_SIZE;
    return *end <= body.size && memcmp(body.data + at, "\r\n", LINE_END_SIZE) == 0;
}

/* The delimiter whose dashes stand at `at`; *end is behind its line. */
static enum delimiter delimiter_at(const struct multipart *multipart, size_t at, size_t *end)
{
    struct bytes rest = skip(multipart->body, at);
    size_t size = DASHES_SIZE + multipart->boundary.size;

    if (rest.size < size || memcmp(rest.data, "--", DASHES_SIZE) != 0 ||
        memcmp(rest.data + DASHES_SIZE, multipart->boundary.data, multipart->boundary.size) != 0)
        return DELIMITER_NONE;
    if (rest.size >= size + DASHES_SIZE && memcmp(rest.data + size, "--", DASHES_SIZE) == 0)
        return ends_line(multipart->body, at + size + DASHES_SIZE, true, end) ? DELIMITER_CLOSES
                                                                              : DELIMITER_NONE;
    return ends_line(multipart->body, at + size, false, end) ? DELIMITER_OPENS : DELIMITER_NONE;
}

/* Finds the next delimiter behind the line end at or after `from`; *at is where its dashes stand.
 */
static bool find_delimiter(const struct multipart *multipart, size_t from, size_t *at)
{
    char line[LINE_END_SIZE + DASHES_SIZE + MULTIPART_BOUNDARY_MAX] = "\r\n--";
    size_t size = LINE_END_SIZE + DASHES_SIZE + multipart->boundary.size, end;

    memcpy(line + LINE_END_SIZE + DASHES_SIZE, multipart->boundary.data, multipart->boundary.size);
    for (;;) {
        struct bytes rest = skip(multipart->body, from);
        const char *found = memmem(rest.data, rest.size, line, size);

        if (found == NULL)
            return false;
        from = (size_t)(found - multipart->body.data) + LINE_END_SIZE;
        if (delimiter_at(multipart, from, &end) != DELIMITER_NONE) {
            *at = from;
            return true;
        }
    }
}

/* --- parts --- */

/* Takes a line from the front of *text, without its end.  False if it has none, or a bare LF. */
static bool take_line(struct bytes *text, struct bytes *line)
{
    *line = before(*text, '\n');
    if (line->size == text->size || line->size == 0 || line->data[line->size - 1] != '\r')
        return false;
    *text = skip(*text, line->size + 1);
    line->size--;
    return true;
}

static void read_header(struct bytes name, struct bytes value, struct multipart_part *part)
{
    struct bytes found;

    if (bytes_is_word(bytes_trim(name), "content-disposition") && part->name.size == 0 &&
        find_parameter(value, "name", &found))
        part->name = found;
}

/* The headers of a part, up to the empty line, and with it *size bytes. */
static bool read_headers(struct bytes text, struct multipart_part *part, size_t *size)
{
    struct bytes rest = text, line;

    part->name = (struct bytes){text.data, 0};
    rest.size = rest.size < MULTIPART_HEADERS_MAX ? rest.size : MULTIPART_HEADERS_MAX;
    while (take_line(&rest, &line)) {
        struct bytes name = before(line, ':');

        if (line.size == 0) {
            *size = (size_t)(rest.data - text.data);
            return true;
        }
        if (name.size == 0 || name.size == line.size)
            return false;
        read_header(name, skip(line, name.size + 1), part);
    }
    return false;
}

void multipart_init(struct multipart *multipart, struct bytes body, struct bytes boundary)
{
    assert(boundary.size > 0 && boundary.size <= MULTIPART_BOUNDARY_MAX);
    if (body.data == NULL)
        body.data = "";
    *multipart = (struct multipart){body, boundary, 0};
}

/* The line end in front of a delimiter belongs to it.  It may be the one of the empty line behind
 * the headers: the part has no data then. */
static bool read_part(struct multipart *multipart, size_t from, struct multipart_part *part)
{
    size_t size;

    if (!read_headers(skip(multipart->body, from), part, &size) ||
        !find_delimiter(multipart, from + size - LINE_END_SIZE, &multipart->at))
        return false;
    part->data = skip(multipart->body, from + size);
    part->data.size = multipart->at > from + size ? multipart->at - LINE_END_SIZE - from - size : 0;
    return true;
}

enum multipart_event multipart_next(struct multipart *multipart, struct multipart_part *part)
{
    size_t end = 0;
    enum delimiter delimiter = delimiter_at(multipart, multipart->at, &end);

    if (delimiter == DELIMITER_NONE && find_delimiter(multipart, multipart->at, &multipart->at))
        delimiter = delimiter_at(multipart, multipart->at, &end);
    if (delimiter == DELIMITER_CLOSES)
        return MULTIPART_END;
    if (delimiter == DELIMITER_NONE || !read_part(multipart, end, part))
        return MULTIPART_BAD;
    return MULTIPART_PART;
}
