#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "config/options_internal.h"
#include "config/text_file.h"
#include "config/words.h"

#define INCLUDE_DEPTH_MAX 8

/* Where a word stands, for the error line. */
struct place {
    const char *file; /* NULL = command line */
    int line;
    int depth; /* of includes */
};

static void name_place(const struct place *place, struct buffer *text)
{
    if (place->file == NULL)
        buffer_append_text(text, "command line");
    else
        buffer_printf(text, "file %s, line %d", place->file, place->line);
}

/* --- errors: one line, whatever was written --- */

#define QUOTED_MAX 100

/* 'like this', shortened, and without what would not print on one line. */
static void append_quoted(struct buffer *text, struct bytes written)
{
    struct bytes shown = {written.data, written.size < QUOTED_MAX ? written.size : QUOTED_MAX};
    bool is_utf8 = bytes_is_utf8(shown);

    buffer_append_byte(text, '\'');
    for (size_t i = 0; i < shown.size; i++) {
        unsigned char c = (unsigned char)shown.data[i];
        bool is_printed = c >= ' ' && c != 0x7f && (c < 0x80 || is_utf8);

        buffer_append_byte(text, is_printed ? (char)c : '?');
    }
    buffer_append_text(text, shown.size < written.size ? "...'" : "'");
}

/* Takes over `text`, which holds what follows the place. */
static enum status fail(const struct place *place, struct buffer *text,
                        char error[OPTIONS_ERROR_MAX])
{
    struct buffer line = {0};

    name_place(place, &line);
    snprintf(error, OPTIONS_ERROR_MAX, "%.*s: %.*s", (int)line.size, line.data, (int)text->size,
             text->data);
    buffer_clear(&line);
    buffer_clear(text);
    return STATUS_FAILED;
}

static enum status fail_unknown(const struct place *place, struct bytes name,
                                char error[OPTIONS_ERROR_MAX])
{
    const char *near = option_suggest(name);
    struct buffer text = {0};

    buffer_append_text(&text, "unknown option ");
    append_quoted(&text, name);
    if (near != NULL)
        buffer_printf(&text, ", did you mean '%s'?", near);
    else
        buffer_append_text(&text, "; --help lists them all");
    return fail(place, &text, error);
}

static enum status fail_value(const struct place *place, enum option_id id, struct bytes value,
                              char error[OPTIONS_ERROR_MAX])
{
    struct buffer text = {0};

    buffer_printf(&text, "%s: ", option_name(id));
    if ((option_rows[id].flags & FLAG_SECRET) != 0)
        buffer_append_text(&text, "the value");
    else
        append_quoted(&text, value);
    buffer_append_text(&text, " is not ");
    option_print_allowed(id, &text);
    return fail(place, &text, error);
}

static enum status fail_count(const struct place *place, enum option_id id, size_t count,
                              char error[OPTIONS_ERROR_MAX])
{
    struct buffer text = {0};

    if (count == 0)
        buffer_printf(&text, "%s: needs a value: ", option_name(id));
    else
        buffer_printf(&text, "%s: takes one value, not %zu: ", option_name(id), count);
    option_print_allowed(id, &text);
    return fail(place, &text, error);
}

/* --- one option --- */

/* What is parsed: the words, behind those given earlier if the option adds up.  The first mention
 * replaces the default, and so does an empty one at any time. */
static void collect_value(const struct options *options, enum option_id id,
                          const struct bytes *words, size_t count, struct buffer *value)
{
    bool is_empty = count == 1 && words[0].size == 0;

    if ((option_rows[id].flags & FLAG_ADDS_UP) != 0 && options->origin[id] != NULL && !is_empty)
        buffer_append_bytes(value, options->text[id]);
    for (size_t i = 0; i < count; i++) {
        if (value->size > 0)
            buffer_append_byte(value, ' ');
        buffer_append_bytes(value, words[i]);
    }
}

static void remember_origin(struct options *options, enum option_id id, const struct place *place)
{
    struct buffer text = {0};

    name_place(place, &text);
    buffer_append_byte(&text, '\0');
    free(options->origin[id]);
    options->origin[id] = text.data;
}

static const char *const line_names[LINE_KIND_COUNT] = {
    [LINE_USER] = "user",
    [LINE_RENAME_COMMAND] = "rename-command",
};

/* LINE_KIND_COUNT if the word begins an option or nothing known. */
static enum line_kind find_line_kind(struct bytes word)
{
    int kind = 0;

    while (kind < LINE_KIND_COUNT && !bytes_is_word(word, line_names[kind]))
        kind++;
    return (enum line_kind)kind;
}

/* Who reads the lines knows what else they have to be. */
static const char *problem_of_line(enum line_kind kind, const struct words *words)
{
    if (kind == LINE_USER)
        return words->count > 1 ? NULL : "takes a name and rules";
    for (size_t i = 1; i < words->count; i++)
        if (memchr(words->word[i].data, '\0', words->word[i].size) != NULL)
            return "a command's name has no zero byte";
    return words->count == 3 ? NULL : "takes a command and its new name, or \"\" for none";
}

static enum status fail_line(const struct place *place, enum line_kind kind, const char *problem,
                             char error[OPTIONS_ERROR_MAX])
{
    struct buffer text = {0};

    buffer_printf(&text, "%s: %s", line_names[kind], problem);
    return fail(place, &text, error);
}

/* Takes over the words. */
static void add_line(struct option_lines *lines, struct words words, const struct place *place)
{
    struct buffer origin = {0};

    name_place(place, &origin);
    buffer_append_byte(&origin, '\0');
    lines->at = xrealloc(lines->at, (lines->count + 1) * sizeof(*lines->at));
    lines->at[lines->count++] = (struct option_line){words, origin.data};
}

static enum status load_option(struct options *options, enum option_id id,
                               const struct bytes *words, size_t count, const struct place *place,
                               char error[OPTIONS_ERROR_MAX])
{
    static const struct bytes none = {"", 0};
    char problem[OPTIONS_ERROR_MAX];
    struct option_value value;
    struct buffer text = {0};
    enum status status = STATUS_OK;

    if (count == 0 && option_rows[id].type == TYPE_SAVE_POINTS) { /* as in Redis */
        words = &none;
        count = 1;
    }
    if (count == 0 || (count > 1 && !option_type_is_list(option_rows[id].type)))
        return fail_count(place, id, count, error);
    collect_value(options, id, words, count, &text);
    if (option_parse(id, buffer_view(&text), options->text[id], &value, problem)) {
        options_store_value(options, id, value);
        remember_origin(options, id, place);
    } else {
        status = fail_value(place, id, buffer_view(&text), error);
    }
    buffer_clear(&text);
    return status;
}

/* --- files --- */

static enum status load_lines(struct options *options, struct bytes text, const char *file,
                              int depth, char error[OPTIONS_ERROR_MAX]);

static enum status load_file(struct options *options, const char *path, const struct place *place,
                             char error[OPTIONS_ERROR_MAX])
{
    struct buffer text = {0}, message = {0};
    int problem = text_file_read(path, &text);
    enum status status;

    if (problem != 0) {
        buffer_append_text(&message, "cannot read ");
        append_quoted(&message, bytes_of(path));
        buffer_printf(&message, ": %s", strerror(problem));
        return fail(place, &message, error);
    }
    status = load_lines(options, buffer_view(&text), path, place->depth, error);
    buffer_clear(&text);
    return status;
}

static enum status load_include(struct options *options, const struct words *words,
                                const struct place *place, char error[OPTIONS_ERROR_MAX])
{
    struct place inner = {place->file, place->line, place->depth + 1};
    struct buffer text = {0};
    enum status status;

    if (words->count != 2) {
        buffer_append_text(&text, "include: takes one file");
        return fail(place, &text, error);
    }
    if (inner.depth > INCLUDE_DEPTH_MAX) {
        buffer_printf(&text, "include: files include each other more than %d deep",
                      INCLUDE_DEPTH_MAX);
        return fail(place, &text, error);
    }
    buffer_append_bytes(&text, words->word[1]);
    buffer_append_byte(&text, '\0');
    status = load_file(options, text.data, &inner, error);
    buffer_clear(&text);
    return status;
}

static enum status load_line(struct options *options, struct bytes line, const struct place *place,
                             char error[OPTIONS_ERROR_MAX])
{
    struct words words = {0};
    struct buffer text = {0};
    enum status status;
    enum line_kind kind;
    enum option_id id;

    if (!words_split(line, &words)) {
        buffer_append_text(&text, "a quote is not closed, or something follows it without a blank");
        return fail(place, &text, error);
    }
    kind = find_line_kind(words.word[0]);
    if (kind < LINE_KIND_COUNT && problem_of_line(kind, &words) == NULL) {
        add_line(&options->lines[kind], words, place);
        return STATUS_OK;
    }
    if (kind < LINE_KIND_COUNT)
        status = fail_line(place, kind, problem_of_line(kind, &words), error);
    else if (bytes_is_word(words.word[0], "include"))
        status = load_include(options, &words, place, error);
    else if (!option_find(words.word[0], &id))
        status = fail_unknown(place, words.word[0], error);
    else
        status = load_option(options, id, words.word + 1, words.count - 1, place, error);
    words_clear(&words);
    return status;
}

static enum status load_lines(struct options *options, struct bytes text, const char *file,
                              int depth, char error[OPTIONS_ERROR_MAX])
{
    struct place place = {file, 0, depth};
    struct bytes line, first;
    enum status status = STATUS_OK;

    while (status == STATUS_OK && words_next_line(&text, &line)) {
        struct bytes rest = line;

        place.line++;
        if (words_next(&rest, &first) && first.data[0] != '#')
            status = load_line(options, line, &place, error);
    }
    return status;
}

enum status options_load_text(struct options *options, struct bytes text, const char *name,
                              bool may_include, char error[OPTIONS_ERROR_MAX])
{
    return load_lines(options, text, name, may_include ? 0 : INCLUDE_DEPTH_MAX, error);
}

/* --- the command line --- */

static enum status load_first(struct options *options, const char *path,
                              char error[OPTIONS_ERROR_MAX])
{
    static const struct place place = {NULL, 0, 0};
    struct buffer text = {0};
    enum status status;
    char *absolute;
    int problem;

    if (strcmp(path, "-") != 0) {
        status = load_file(options, path, &place, error);
        absolute = status == STATUS_OK ? realpath(path, NULL) : NULL;
        if (absolute != NULL) {
            free(options->file);
            options->file = xstrdup(absolute);
            free(absolute);
        }
        return status;
    }
    problem = text_file_read("/dev/stdin", &text);
    if (problem != 0) {
        buffer_printf(&text, "cannot read standard input: %s", strerror(problem));
        return fail(&place, &text, error);
    }
    status = load_lines(options, buffer_view(&text), "standard input", 0, error);
    buffer_clear(&text);
    return status;
}

/* --user name rules ..., --rename-command, or "--name value" in one argument: as the line would be
 * in a file. */
static enum status load_as_line(struct options *options, const char *beginning,
                                const struct bytes *arguments, size_t count,
                                const struct place *place, char error[OPTIONS_ERROR_MAX])
{
    struct buffer line = {0};
    enum status status;

    buffer_append_text(&line, beginning);
    for (size_t i = 0; i < count; i++) {
        buffer_append_byte(&line, ' ');
        words_quote(&line, arguments[i]);
    }
    status = load_line(options, buffer_view(&line), place, error);
    buffer_clear(&line);
    return status;
}

static bool is_name_with_value(const char *argument)
{
    return strcspn(argument, " \t") > 0 && strpbrk(argument, " \t") != NULL;
}

static enum status load_arguments(struct options *options, int argc, char **argv,
                                  char error[OPTIONS_ERROR_MAX])
{
    static const struct place place = {NULL, 0, 0};
    struct bytes *words = xcalloc((size_t)argc + 1, sizeof(*words));
    enum status status = STATUS_OK;
    struct buffer text = {0};
    enum option_id id;
    int i = 0;

    while (i < argc && status == STATUS_OK) {
        const char *name = argv[i++];
        size_t count = 0;

        while (i < argc && strncmp(argv[i], "--", 2) != 0)
            words[count++] = bytes_of(argv[i++]);
        if (strncmp(name, "--", 2) != 0) {
            append_quoted(&text, bytes_of(name));
            buffer_append_text(&text, " is neither --name nor the value of one");
            status = fail(&place, &text, error);
        } else if (find_line_kind(bytes_of(name + 2)) < LINE_KIND_COUNT ||
                   is_name_with_value(name + 2)) {
            status = load_as_line(options, name + 2, words, count, &place, error);
        } else if (!option_find(bytes_of(name + 2), &id)) {
            status = fail_unknown(&place, bytes_of(name + 2), error);
        } else {
            status = load_option(options, id, words, count, &place, error);
        }
    }
    free(words);
    return status;
}

enum status options_parse(struct options *options, int argc, char **argv,
                          char error[OPTIONS_ERROR_MAX])
{
    int next = 1;
    enum status status = STATUS_OK;

    if (argc > 1 && (argv[1][0] != '-' || argv[1][1] == '\0'))
        status = load_first(options, argv[next++], error);
    if (status == STATUS_OK && argc > next)
        status = load_arguments(options, argc - next, argv + next, error);
    return status;
}
