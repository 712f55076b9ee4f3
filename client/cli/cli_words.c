#include "cli_words.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "table.h"

/* --- reading --- */

struct reader {
    struct cli_line line;
    const char *word[CLI_OPTION_COUNT]; /* the options as they were written */
    char *error;
};

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
        bool is_letter =
            cli_options[i].letter != 0 && word[1] == cli_options[i].letter && word[2] == '\0';
        bool is_name = word[1] == '-' && strcmp(word + 2, cli_options[i].name) == 0;

        if (is_letter || is_name) {
            *found = (enum cli_option)i;
            return true;
        }
    }
    return false;
}

static bool check_value(const struct reader *reader, enum cli_option option, const char *value)
{
    const struct option_row *row = &cli_options[option];
    const char *word = reader->word[option];

    if (value == NULL)
        snprintf(reader->error, CLI_ERROR_MAX, "%s needs a value: %s", word, row->value_name);
    else if (row->type == VALUE_NUMBER && !is_number(value, row->min, row->max) &&
             row->max == LLONG_MAX)
        snprintf(reader->error, CLI_ERROR_MAX, "%s: '%.100s' is not a number of at least %lld",
                 word, value, row->min);
    else if (row->type == VALUE_NUMBER && !is_number(value, row->min, row->max))
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
    takes_value = cli_options[option].type != VALUE_NONE;
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
        const struct command_row *row = &cli_commands[i];

        if (strcmp(word, row->word) == 0 &&
            (row->second_word == NULL || strcmp(second, row->second_word) == 0)) {
            *found = (enum cli_command)i;
            return true;
        }
    }
    return false;
}

/* Is it the first of the two words of a command? */
static bool wants_second_word(const char *word)
{
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (strcmp(word, cli_commands[i].word) == 0)
            return cli_commands[i].second_word != NULL;
    }
    return false;
}

/* Why no command is found at the front of the arguments. */
static void explain_no_command(const struct reader *reader)
{
    const struct cli_line *line = &reader->line;
    const char *word = line->argument[0];

    if (!wants_second_word(word))
        snprintf(reader->error, CLI_ERROR_MAX,
                 "there is no command '%.100s'; `grapevine-cli help` lists them", word);
    else if (line->argument_count == 1)
        snprintf(reader->error, CLI_ERROR_MAX, "%s and then what? `grapevine-cli help %s` lists it",
                 word, word);
    else
        snprintf(reader->error, CLI_ERROR_MAX,
                 "there is no command '%s %.100s'; `grapevine-cli help` lists them", word,
                 line->argument[1]);
}

/* Takes the command off the front of the arguments. */
static bool read_command(struct reader *reader)
{
    struct cli_line *line = &reader->line;

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
    if (!find_command(line, &line->command)) {
        explain_no_command(reader);
        return false;
    }
    drop_arguments(line, cli_commands[line->command].second_word != NULL ? 2 : 1);
    return true;
}

static bool check_arguments(const struct reader *reader)
{
    const struct cli_line *line = &reader->line;
    const struct command_row *row = &cli_commands[line->command];
    char name[TABLE_NAME_MAX];

    if (line->argument_count >= row->arguments_min && line->argument_count <= row->arguments_max)
        return true;
    /* `--help put KEY` explains put */
    if (line->option[CLI_OPTION_HELP] != NULL)
        return true;
    table_name(row, name);
    snprintf(reader->error, CLI_ERROR_MAX, "too %s arguments: grapevine-cli %s%s%s",
             line->argument_count < row->arguments_min ? "few" : "many", name,
             row->syntax[0] != '\0' ? " " : "", row->syntax);
    return false;
}

static bool check_options(const struct reader *reader)
{
    const struct cli_line *line = &reader->line;
    char name[TABLE_NAME_MAX];

    table_name(&cli_commands[line->command], name);
    for (int i = 0; i < CLI_OPTION_COUNT; i++) {
        if (line->option[i] == NULL || line->command == CLI_HELP || line->command == CLI_VERSION)
            continue;
        if (cli_options[i].commands != 0 &&
            (cli_options[i].commands & TABLE_ON(line->command)) == 0) {
            snprintf(reader->error, CLI_ERROR_MAX, "%s is no option of %s", reader->word[i], name);
            return false;
        }
        for (int j = 0; j < i; j++) {
            if (line->option[j] != NULL && cli_options[i].group != 0 &&
                cli_options[i].group == cli_options[j].group) {
                snprintf(reader->error, CLI_ERROR_MAX, "%s and %s exclude each other",
                         reader->word[j], reader->word[i]);
                return false;
            }
        }
    }
    return true;
}

/* Without --tls they would be ignored, and the connection be open to all. */
static bool check_tls(const struct reader *reader)
{
    static const enum cli_option belong[] = {CLI_OPTION_CACERT, CLI_OPTION_CACERTDIR,
                                             CLI_OPTION_CERT,   CLI_OPTION_KEY,
                                             CLI_OPTION_SNI,    CLI_OPTION_INSECURE};

    for (size_t i = 0; i < sizeof(belong) / sizeof(*belong); i++) {
        if (reader->line.option[belong[i]] == NULL || reader->line.option[CLI_OPTION_TLS] != NULL)
            continue;
        snprintf(reader->error, CLI_ERROR_MAX, "%s needs --tls too", reader->word[belong[i]]);
        return false;
    }
    return true;
}

bool cli_line_parse(struct cli_line *line, int argc, char **argv, char error[CLI_ERROR_MAX])
{
    struct reader reader = {.error = error};

    reader.line.argument = calloc((size_t)argc + 1, sizeof(*reader.line.argument));
    assert(reader.line.argument != NULL);
    if (!read_words(&reader, argc, argv) || !read_command(&reader) || !check_arguments(&reader) ||
        !check_options(&reader) || !check_tls(&reader)) {
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
    char name[TABLE_NAME_MAX];

    if (row->letter != 0)
        snprintf(name, sizeof(name), "-%c, --%s %s", row->letter, row->name, row->value_name);
    else
        snprintf(name, sizeof(name), "    --%s %s", row->name,
                 row->value_name != NULL ? row->value_name : "");
    fprintf(out, "  %-26s %s\n", name, row->help);
}

/* Those of a command, or those that every command takes. */
static void help_options(FILE *out, uint64_t command)
{
    bool is_first = true;

    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        bool is_wanted =
            command == 0 ? cli_options[i].commands == 0 : (cli_options[i].commands & command) != 0;

        if (is_wanted && is_first)
            fputs("\nOptions\n", out);
        if (is_wanted)
            help_option(out, &cli_options[i]);
        is_first = is_first && !is_wanted;
    }
}

void cli_help(FILE *out)
{
    fputs("Usage: grapevine-cli [OPTION ...] COMMAND [ARGUMENT ...]\n\nCommands\n", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        char name[TABLE_NAME_MAX];

        table_name(&cli_commands[i], name);
        fprintf(out, "  %s%s%s\n", name, cli_commands[i].syntax[0] != '\0' ? " " : "",
                cli_commands[i].syntax);
    }
    fputs("`grapevine-cli help COMMAND` explains one of them.\n", out);
    help_options(out, 0);
    fputs("\nExit codes\n", out);
    for (size_t i = 0; cli_exits[i].text != NULL; i++)
        fprintf(out, "  %-3d  %s\n", cli_exits[i].code, cli_exits[i].text);
}

bool cli_help_command(FILE *out, const struct cli_line *line)
{
    const char *word = line->argument[0];
    const char *second = line->argument_count > 1 ? line->argument[1] : NULL;
    bool is_found = false;

    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct command_row *row = &cli_commands[i];
        char name[TABLE_NAME_MAX];

        if (strcmp(row->word, word) != 0 ||
            (second != NULL && row->second_word != NULL && strcmp(row->second_word, second) != 0))
            continue;
        table_name(row, name);
        fprintf(out, "%sgrapevine-cli %s %s\n\n%s\n", is_found ? "\n" : "", name, row->syntax,
                row->help);
        help_options(out, TABLE_ON(i));
        is_found = true;
    }
    return is_found;
}
