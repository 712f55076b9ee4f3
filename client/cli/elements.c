#include "elements.h"

#include <string.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

/* One call of elements_next(). */
struct look {
    struct elements *elements;
    struct bytes input;
    bool is_all;
    size_t used;
    struct bytes element;
    struct place place;
    const char *error;
};

struct place place_behind(struct place from, struct bytes text)
{
    const char *at = text.data, *end = text.data + text.size, *newline;

    while (at < end && (newline = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        from.line++;
        from.column = 1;
        at = newline + 1;
    }
    from.column += (uint64_t)(end - at);
    return from;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static struct bytes rest(const struct look *look)
{
    return (struct bytes){look->input.data + look->used, look->input.size - look->used};
}

static void use(struct look *look, size_t size)
{
    struct bytes text = {look->input.data + look->used, size};

    look->elements->place = place_behind(look->elements->place, text);
    look->used += size;
}

static void use_blanks(struct look *look)
{
    struct bytes text = rest(look);
    size_t count = 0;

    while (count < text.size && is_blank(text.data[count]))
        count++;
    use(look, count);
}

static enum elements_result broken(struct look *look, const char *error)
{
    look->place = look->elements->place;
    look->error = error;
    return ELEMENTS_BROKEN;
}

/* The element is the next `size` bytes; blanks at its end are not part of it. */
static enum elements_result found(struct look *look, size_t size)
{
    struct bytes text = {look->input.data + look->used, size};

    look->place = look->elements->place;
    look->elements->looked_at = 0;
    look->elements->depth = 0;
    use(look, size);
    while (text.size > 0 && is_blank(text.data[text.size - 1]))
        text.size--;
    look->element = text;
    return ELEMENTS_FOUND;
}

/* --- the kinds of file --- */

/* Passes over a byte order mark; false: the file is too short to tell. */
static bool pass_mark(struct look *look)
{
    struct bytes text = rest(look);
    size_t mark = strlen(BYTE_ORDER_MARK);

    if (text.size < mark && !look->is_all)
        return false;
    if (text.size >= mark && memcmp(text.data, BYTE_ORDER_MARK, mark) == 0)
        look->used += mark;
    look->elements->has_begun = true;
    return true;
}

/* False: the file is too short to tell. */
static bool tell_kind(struct look *look)
{
    struct bytes text;

    if (!look->elements->has_begun && !pass_mark(look))
        return false;
    use_blanks(look);
    text = rest(look);
    if (text.size == 0 && !look->is_all)
        return false;
    look->elements->state = ELEMENTS_LINES;
    if (text.size > 0 && text.data[0] == '[') {
        look->elements->state = ELEMENTS_ARRAY;
        use(look, 1);
    }
    return true;
}

static enum elements_result next_line(struct look *look)
{
    struct elements *elements = look->elements;
    struct bytes text;
    const char *newline;

    if (elements->looked_at == 0)
        use_blanks(look);
    text = rest(look);
    newline = text.size == elements->looked_at
                  ? NULL
                  : memchr(text.data + elements->looked_at, '\n', text.size - elements->looked_at);
    if (newline != NULL)
        return found(look, (size_t)(newline - text.data));
    if (look->is_all)
        return text.size > 0 ? found(look, text.size) : ELEMENTS_END;
    elements->looked_at = text.size;
    return ELEMENTS_MORE;
}

/* Is the quote at `text[at]` one of the string's characters?  It is behind an odd number of
 * backslashes; the opening quote is before all of them. */
static bool is_escaped(const char *text, size_t at)
{
    size_t backslashes = 0;

    while (text[at - backslashes - 1] == '\\')
        backslashes++;
    return backslashes % 2 == 1;
}

/* Goes on to behind the end of the string; false if there is no end yet. */
static bool leave_string(struct elements *elements, struct bytes text, size_t *at)
{
    while (*at < text.size) {
        const char *quote = memchr(text.data + *at, '"', text.size - *at);

        if (quote == NULL)
            break;
        *at = (size_t)(quote - text.data) + 1;
        if (!is_escaped(text.data, *at - 1)) {
            elements->is_in_string = false;
            return true;
        }
    }
    *at = text.size;
    return false;
}

/* Looks for the comma or bracket that ends the element; false if it is not there yet. */
static bool find_end(struct elements *elements, struct bytes text, size_t *end)
{
    size_t at = elements->looked_at;

    while (at < text.size) {
        char c = text.data[at];

        if (elements->is_in_string) {
            if (!leave_string(elements, text, &at))
                break;
            continue;
        }
        if (elements->depth == 0 && (c == ',' || c == ']' || c == '}')) {
            *end = at;
            return true;
        }
        if (c == '"')
            elements->is_in_string = true;
        else if (c == '{' || c == '[')
            elements->depth++;
        else if (c == '}' || c == ']')
            elements->depth--;
        at++;
    }
    elements->looked_at = at;
    return false;
}

static enum elements_result next_in_array(struct look *look)
{
    struct elements *elements = look->elements;
    struct bytes text;
    size_t end;

    if (elements->looked_at == 0)
        use_blanks(look);
    text = rest(look);
    if (text.size > 0 && text.data[0] == ']' && elements->looked_at == 0 && !elements->has_any) {
        elements->state = ELEMENTS_OVER;
        use(look, 1);
        return ELEMENTS_FOUND;
    }
    if (find_end(elements, text, &end)) {
        if (end == 0)
            return broken(look, "here an element of the array should begin");
        elements->state = ELEMENTS_BEHIND;
        elements->has_any = true;
        return found(look, end);
    }
    return look->is_all
               ? broken(look, text.size > 0 ? "the file ends in the element that begins here"
                                            : "the file ends within the array")
               : ELEMENTS_MORE;
}

/* The comma or bracket that ended an element is still there. */
static enum elements_result pass_end(struct look *look)
{
    char c = rest(look).data[0];

    if (c == '}')
        return broken(look, "this bracket was never opened");
    look->elements->state = c == ',' ? ELEMENTS_ARRAY : ELEMENTS_OVER;
    use(look, 1);
    return ELEMENTS_FOUND;
}

static enum elements_result next_behind_array(struct look *look)
{
    use_blanks(look);
    if (rest(look).size > 0)
        return broken(look, "there is something behind the end of the array");
    return look->is_all ? ELEMENTS_END : ELEMENTS_MORE;
}

/* FOUND without an element: a step was made. */
static enum elements_result step(struct look *look)
{
    switch (look->elements->state) {
    case ELEMENTS_UNKNOWN:
        return tell_kind(look) ? ELEMENTS_FOUND : ELEMENTS_MORE;
    case ELEMENTS_LINES:
        return next_line(look);
    case ELEMENTS_ARRAY:
        return next_in_array(look);
    case ELEMENTS_BEHIND:
        return pass_end(look);
    case ELEMENTS_OVER:
        break;
    }
    return next_behind_array(look);
}

void elements_init(struct elements *elements)
{
    *elements = (struct elements){.place = {1, 1}};
}

enum elements_result elements_next(struct elements *elements, struct bytes input, bool is_all,
                                   size_t *used, struct bytes *element, struct place *place,
                                   const char **error)
{
    struct look look = {.elements = elements, .input = input, .is_all = is_all};
    enum elements_result result;

    do
        result = step(&look);
    while (result == ELEMENTS_FOUND && look.element.data == NULL);
    *used = look.used;
    *element = look.element;
    *place = look.place;
    *error = look.error;
    return result;
}
