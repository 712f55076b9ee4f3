#include "cli_words.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ANY        SIZE_MAX
#define COUNT(row) (sizeof(row) / sizeof((row)[0]))
#define ON(name)   (1U << CLI_##name)

enum value_type { NO_VALUE, TEXT, NUMBER };

struct option_row {
    const char *name;
    const char *value_name; /* for the help */
    enum value_type type;
    char letter;       /* -p, or 0 */
    unsigned commands; /* those that take it; 0 = all */
    int group;         /* two of one group exclude each other; 0 = in none */
    long long min, max;
    const char *help;
};

struct command_row {
    const char *word;
    const char *second_word; /* of "namespace create"; NULL = there is none */
    size_t arguments_min, arguments_max;
    const char *syntax;
    const char *help;
};

enum { GROUP_EXPIRY = 1, GROUP_CONDITION, GROUP_PLACE };

/* clang-format off */
static const struct option_row options[CLI_OPTION_COUNT] = {
    /* name            value       type     letter commands     group  min max    help */
    [CLI_OPTION_HOST] =
    { "host",          "HOST",     TEXT,     'h',  0,           GROUP_PLACE, 0, 0,
      "where the server is (127.0.0.1)" },
    [CLI_OPTION_PORT] =
    { "port",          "PORT",     NUMBER,   'p',  0,           0, 1, 65535,
      "its port (6379)" },
    [CLI_OPTION_SOCKET] =
    { "socket",        "PATH",     TEXT,     's',  0,           GROUP_PLACE, 0, 0,
      "its unix socket, instead of host and port" },
    [CLI_OPTION_PASSWORD] =
    { "password",      "PASSWORD", TEXT,     'a',  0,           0, 0, 0,
      "password; better set the environment variable GRAPEVINE_PASSWORD" },
    [CLI_OPTION_USER] =
    { "user",          "NAME",     TEXT,     0,    0,           0, 0, 0,
      "user the password is for (default)" },
    [CLI_OPTION_NAMESPACE] =
    { "namespace",     "NAME",     TEXT,     'n',  0,           0, 0, 0,
      "namespace to work in, by title or by number of database (0)" },
    [CLI_OPTION_JSON] =
    { "json",          NULL,       NO_VALUE, 0,    0,           0, 0, 0,
      "answer with one JSON document; \"base64\": true beside what is not UTF-8" },
    [CLI_OPTION_HELP] =
    { "help",          NULL,       NO_VALUE, 0,    0,           0, 0, 0,
      "explain the command" },
    [CLI_OPTION_VERSION] =
    { "version",       NULL,       NO_VALUE, 0,    0,           0, 0, 0,
      "tell the version of this program" },
    [CLI_OPTION_TTL] =
    { "ttl",           "SECONDS",  NUMBER,   0,    ON(PUT),     GROUP_EXPIRY, 1, LLONG_MAX,
      "let the key expire after so long" },
    [CLI_OPTION_EXPIRES_AT] =
    { "expires-at",    "UNIX",     NUMBER,   0,    ON(PUT),     GROUP_EXPIRY, 1, LLONG_MAX,
      "let the key expire at this time, in seconds since 1970" },
    [CLI_OPTION_METADATA] =
    { "metadata",      "JSON",     TEXT,     0,    ON(PUT),     0, 0, 0,
      "JSON to keep with the value" },
    [CLI_OPTION_IF_ABSENT] =
    { "if-absent",     NULL,       NO_VALUE, 0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if there is no such key" },
    [CLI_OPTION_IF_EXISTS] =
    { "if-exists",     NULL,       NO_VALUE, 0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if there is such a key" },
    [CLI_OPTION_IF_VERSION] =
    { "if-version",    "VERSION",  TEXT,     0,    ON(PUT),     GROUP_CONDITION, 0, 0,
      "only if the key has this version; 0 = if there is none" },
    [CLI_OPTION_WITH_METADATA] =
    { "with-metadata", NULL,       NO_VALUE, 0,    ON(GET) | ON(LIST), 0, 0, 0,
      "show the metadata too; get also knows this as --metadata" },
    [CLI_OPTION_WITH_VALUES] =
    { "with-values",   NULL,       NO_VALUE, 0,    ON(LIST),    0, 0, 0,
      "show the values too" },
    [CLI_OPTION_PREFIX] =
    { "prefix",        "PREFIX",   TEXT,     0,    ON(LIST),    0, 0, 0,
      "only keys that begin so" },
    [CLI_OPTION_LIMIT] =
    { "limit",         "COUNT",    NUMBER,   0,    ON(LIST),    0, 1, LLONG_MAX,
      "at most so many keys; a cursor to go on from is told on standard error" },
    [CLI_OPTION_CURSOR] =
    { "cursor",        "CURSOR",   TEXT,     0,    ON(LIST),    0, 0, 0,
      "go on from where a list with --limit ended" },
};

static const struct command_row commands[CLI_COMMAND_COUNT] = {
    [CLI_PUT] =
    { "put", NULL, 1, 2, "KEY [VALUE | @FILE | -]",
      "Stores a value and prints its version.  Without VALUE, or with -, the value is read from\n"
      "standard input; so is one that begins with @ or is a dash." },
    [CLI_GET] =
    { "get", NULL, 1, 1, "KEY",
      "Prints the value as it is, byte by byte.  With metadata, lines on version, expiration and\n"
      "metadata and an empty line come first." },
    [CLI_META] =
    { "meta", NULL, 1, 1, "KEY",
      "Prints the metadata." },
    [CLI_LIST] =
    { "list", NULL, 0, 0, "",
      "Prints the keys in the order of their bytes, one a line; metadata and value follow after\n"
      "tabs.  What would not fit on a line is written as \\n, \\t, \\\\ or \\xFF." },
    [CLI_DELETE] =
    { "delete", NULL, 1, ANY, "KEY ...",
      "Deletes keys, all or none, and prints how many there were." },
    [CLI_NAMESPACE_CREATE] =
    { "namespace", "create", 1, 1, "TITLE",
      "Makes an empty namespace." },
    [CLI_NAMESPACE_LIST] =
    { "namespace", "list", 0, 0, "",
      "Prints the titles of all namespaces." },
    [CLI_NAMESPACE_INFO] =
    { "namespace", "info", 1, 1, "TITLE",
      "Prints id, number of keys, bytes and limits." },
    [CLI_NAMESPACE_RENAME] =
    { "namespace", "rename", 2, 2, "TITLE NEW-TITLE",
      "Gives a namespace another title." },
    [CLI_NAMESPACE_DELETE] =
    { "namespace", "delete", 1, 1, "TITLE",
      "Deletes a namespace with all its keys." },
    [CLI_NAMESPACE_SET] =
    { "namespace", "set", 3, 3, "TITLE OPTION VALUE",
      "Gives a namespace a limit of its own, such as key-write-rate 0; the value default takes it\n"
      "back." },
    [CLI_NAMESPACE_GET] =
    { "namespace", "get", 1, 2, "TITLE [OPTION]",
      "Prints the limits that hold for a namespace, or one of them." },
    [CLI_STATUS] =
    { "status", NULL, 0, 0, "",
      "Prints the server's version, uptime, clients, keys and memory." },
    [CLI_PING] =
    { "ping", NULL, 0, 0, "",
      "Asks whether the server answers." },
    [CLI_HELP] =
    { "help", NULL, 0, 2, "[COMMAND]",
      "Explains everything, or one command." },
    [CLI_VERSION] =
    { "version", NULL, 0, 0, "",
      "Prints the version of this program." },
};
/* clang-format on */

/* --- reading --- */

struct reader {
    struct cli_line line;
    const char *word[CLI_OPTION_COUNT]; /* the options as they were written */
    char *error;
};

static void name_command(const struct command_row *row, char name[64])
{
    snprintf(name, 64, "%s%s%s", row->word, row->second_word != NULL ? " " : "",
             row->second_word != NULL ? row->second_word : "");
}

static bool is_number(const char *text, long long min, long long max)
{
    char *end;
    long long number;

    errno = 0;
    number = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && number >= min &&
           number <= max;
}

/* The option that `word` names: --name or -n. */
static bool find_option(const char *word, enum cli_option *found)
{
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        bool is_letter = options[i].letter != 0 && word[1] == options[i].letter && word[2] == '\0';
        bool is_name = word[1] == '-' && strcmp(word + 2, options[i].name) == 0;

        if (is_letter || is_name) {
            *found = (enum cli_option)i;
            return true;
        }
    }
    return false;
}

static bool check_value(const struct reader *reader, enum cli_option option, const char *value)
{
    const struct option_row *row = &options[option];
    const char *word = reader->word[option];

    if (value == NULL)
        snprintf(reader->error, CLI_ERROR_MAX, "%s needs a value: %s", word, row->value_name);
    else if (row->type == NUMBER && !is_number(value, row->min, row->max) && row->max == LLONG_MAX)
        snprintf(reader->error, CLI_ERROR_MAX, "%s: '%.100s' is not a number of at least %lld",
                 word, value, row->min);
    else if (row->type == NUMBER && !is_number(value, row->min, row->max))
        snprintf(reader->error, CLI_ERROR_MAX, "%s: '%.100s' is not a number from %lld to %lld",
                 word, value, row->min, row->max);
    else
        return true;
    return false;
}

/* `word` starts with a dash.  Returns how many words were used, 0 = it makes no sense. */
static int read_option(struct reader *reader, const char *word, const char *next)
{
    enum cli_option option;
    bool takes_value;

    if (!find_option(word, &option)) {
        snprintf(reader->error, CLI_ERROR_MAX,
                 "there is no option '%.100s'; write -- before a key that begins with a dash",
                 word);
        return 0;
    }
    takes_value = options[option].type != NO_VALUE;
    reader->word[option] = word;
    if (takes_value && !check_value(reader, option, next))
        return 0;
    reader->line.option[option] = takes_value ? next : "";
    return takes_value ? 2 : 1;
}

/* `get KEY --metadata` has no value, `put KEY --metadata JSON` has one: which it is depends on the
 * command, which stands somewhere before it. */
static const char *spelled_out(const struct reader *reader, const char *word)
{
    bool is_get = reader->line.argument_count > 0 && strcmp(reader->line.argument[0], "get") == 0;

    return is_get && strcmp(word, "--metadata") == 0 ? "--with-metadata" : word;
}

static bool read_words(struct reader *reader, int argc, char **argv)
{
    bool is_over = false; /* "--" was seen */
    int i = 1;

    while (i < argc) {
        const char *word = argv[i];
        int used = 1;

        if (!is_over && strcmp(word, "--") == 0)
            is_over = true;
        else if (is_over || word[0] != '-' || word[1] == '\0')
            reader->line.argument[reader->line.argument_count++] = word;
        else
            used = read_option(reader, spelled_out(reader, word), argv[i + 1]);
        if (used == 0)
            return false;
        i += used;
    }
    return true;
}

/* --- what it means --- */

static void drop_arguments(struct cli_line *line, size_t count)
{
    line->argument_count -= count;
    memmove(line->argument, line->argument + count, line->argument_count * sizeof(*line->argument));
}

static bool find_command(const struct cli_line *line, enum cli_command *found)
{
    const char *word = line->argument[0];
    const char *second = line->argument_count > 1 ? line->argument[1] : "";

    for (int i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct command_row *row = &commands[i];

        if (strcmp(word, row->word) == 0 &&
            (row->second_word == NULL || strcmp(second, row->second_word) == 0)) {
            *found = (enum cli_command)i;
            return true;
        }
    }
    return false;
}

/* Takes the command off the front of the arguments. */
static bool read_command(struct reader *reader)
{
    struct cli_line *line = &reader->line;
    bool is_namespace;

    if (line->option[CLI_OPTION_VERSION] != NULL) {
        line->command = CLI_VERSION;
        line->argument_count = 0;
        return true;
    }
    if (line->option[CLI_OPTION_HELP] != NULL) {
        line->command = CLI_HELP;
        return true;
    }
    if (line->argument_count == 0) {
        snprintf(reader->error, CLI_ERROR_MAX, "which command? `grapevine-cli help` lists them");
        return false;
    }
    is_namespace = strcmp(line->argument[0], "namespace") == 0;
    if (is_namespace && line->argument_count == 1) {
        snprintf(reader->error, CLI_ERROR_MAX,
                 "namespace and then what? `grapevine-cli help namespace` lists it");
        return false;
    }
    if (!find_command(line, &line->command)) {
        snprintf(reader->error, CLI_ERROR_MAX,
                 "there is no command '%s%.100s'; `grapevine-cli help` lists them",
                 is_namespace ? "namespace " : "", line->argument[is_namespace ? 1 : 0]);
        return false;
    }
    drop_arguments(line, commands[line->command].second_word != NULL ? 2 : 1);
    return true;
}

static bool check_arguments(const struct reader *reader)
{
    const struct cli_line *line = &reader->line;
    const struct command_row *row = &commands[line->command];
    char name[64];

    if (line->argument_count >= row->arguments_min && line->argument_count <= row->arguments_max)
        return true;
    /* `--help put KEY` explains put */
    if (line->option[CLI_OPTION_HELP] != NULL)
        return true;
    name_command(row, name);
    snprintf(reader->error, CLI_ERROR_MAX, "too %s arguments: grapevine-cli %s%s%s",
             line->argument_count < row->arguments_min ? "few" : "many", name,
             row->syntax[0] != '\0' ? " " : "", row->syntax);
    return false;
}

static bool check_options(const struct reader *reader)
{
    const struct cli_line *line = &reader->line;
    char name[64];

    name_command(&commands[line->command], name);
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        if (line->option[i] == NULL || line->command == CLI_HELP || line->command == CLI_VERSION)
            continue;
        if (options[i].commands != 0 && (options[i].commands & (1U << line->command)) == 0) {
            snprintf(reader->error, CLI_ERROR_MAX, "%s is no option of %s", reader->word[i], name);
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (line->option[j] != NULL && options[i].group != 0 &&
                options[i].group == options[j].group) {
                snprintf(reader->error, CLI_ERROR_MAX, "%s and %s exclude each other",
                         reader->word[j], reader->word[i]);
                return false;
            }
        }
    }
    return true;
}

bool cli_line_parse(struct cli_line *line, int argc, char **argv, char error[CLI_ERROR_MAX])
{
    struct reader reader = {.error = error};

    reader.line.argument = calloc((size_t)argc + 1, sizeof(*reader.line.argument));
    assert(reader.line.argument != NULL);
    if (!read_words(&reader, argc, argv) || !read_command(&reader) || !check_arguments(&reader) ||
        !check_options(&reader)) {
        cli_line_clear(&reader.line);
        return false;
    }
    *line = reader.line;
    return true;
}

void cli_line_clear(struct cli_line *line)
{
    free(line->argument);
    *line = (struct cli_line){0};
}

long long cli_line_number(const struct cli_line *line, enum cli_option option, long long missing)
{
    return line->option[option] != NULL ? strtoll(line->option[option], NULL, 10) : missing;
}

/* --- help --- */

static void help_option(FILE *out, const struct option_row *row)
{
    char name[64];

    if (row->letter != 0)
        snprintf(name, sizeof(name), "-%c, --%s %s", row->letter, row->name, row->value_name);
    else
        snprintf(name, sizeof(name), "    --%s %s", row->name,
                 row->value_name != NULL ? row->value_name : "");
    fprintf(out, "  %-26s %s\n", name, row->help);
}

/* Those of a command, or those that every command takes. */
static void help_options(FILE *out, unsigned command)
{
    bool is_first = true;

    for (size_t i = 0; i < COUNT(options); i++) {
        bool is_wanted =
            command == 0 ? options[i].commands == 0 : (options[i].commands & command) != 0;

        if (is_wanted && is_first)
            fputs("\nOptions\n", out);
        if (is_wanted)
            help_option(out, &options[i]);
        is_first = is_first && !is_wanted;
    }
}

void cli_help(FILE *out)
{
    fputs("Usage: grapevine-cli [OPTION ...] COMMAND [ARGUMENT ...]\n\nCommands\n", out);
    for (size_t i = 0; i < COUNT(commands); i++) {
        char name[64];

        name_command(&commands[i], name);
        fprintf(out, "  %s%s%s\n", name, commands[i].syntax[0] != '\0' ? " " : "",
                commands[i].syntax);
    }
    fputs("`grapevine-cli help COMMAND` explains one of them.\n", out);
    help_options(out, 0);
    fputs("\nExit codes\n"
          "  0  done\n"
          "  1  no such key, or a condition of put did not hold\n"
          "  2  the command line makes no sense, or a file can't be read or written\n"
          "  3  the server can't be reached\n"
          "  4  the server answered with an error\n"
          "  5  the write rate refused it: the error says when to try again\n",
          out);
}

bool cli_help_command(FILE *out, const struct cli_line *line)
{
    const char *word = line->argument[0];
    const char *second = line->argument_count > 1 ? line->argument[1] : NULL;
    bool is_found = false;

    for (size_t i = 0; i < COUNT(commands); i++) {
        const struct command_row *row = &commands[i];
        char name[64];

        if (strcmp(row->word, word) != 0 ||
            (second != NULL && row->second_word != NULL && strcmp(row->second_word, second) != 0))
            continue;
        name_command(row, name);
        fprintf(out, "%sgrapevine-cli %s %s\n\n%s\n", is_found ? "\n" : "", name, row->syntax,
                row->help);
        help_options(out, 1U << i);
        is_found = true;
    }
    return is_found;
}
