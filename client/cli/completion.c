#include "completion.h"

#include <string.h>

#include "table.h"

/* The first words of commands, or the second ones behind `first`; each once. */
static void print_words(FILE *out, const char *first)
{
    const char *before = "";

    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        const struct command_row *row = &cli_commands[i];
        bool is_new = i == 0 || strcmp(row->word, cli_commands[i - 1].word) != 0;

        if (first == NULL && is_new) {
            (void)fprintf(out, "%s%s", before, row->word);
            before = " ";
        } else if (first != NULL && strcmp(row->word, first) == 0 && row->second_word != NULL) {
            (void)fprintf(out, "%s%s", before, row->second_word);
            before = " ";
        }
    }
}

/* Does only this command, with some others, take it? */
static bool is_of(const struct option_row *option, size_t command)
{
    return (option->commands & TABLE_ON(command)) != 0;
}

static bool is_of_all(const struct option_row *option, size_t ignored)
{
    (void)ignored;
    return option->commands == 0;
}

/* The long options for which that is true. */
static void print_options(FILE *out, bool (*wants)(const struct option_row *, size_t),
                          size_t command)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (wants(&cli_options[i], command))
            (void)fprintf(out, " --%s", cli_options[i].name);
    }
}

/* "--host|-h|--port|-p": those behind which a value stands. */
static void print_with_value(FILE *out)
{
    const char *before = "";

    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        const struct option_row *row = &cli_options[i];

        if (row->type == VALUE_NONE)
            continue;
        (void)fprintf(out, "%s--%s", before, row->name);
        if (row->letter != 0)
            (void)fprintf(out, "|-%c", row->letter);
        before = "|";
    }
}

/* Files are completed behind commands and options that take them. */
static bool takes_file(const struct command_row *row)
{
    return strstr(row->syntax, "FILE") != NULL;
}

/* --- bash, and zsh by its imitation of bash --- */

/* What stands behind a whole command. */
static void print_case(FILE *out, size_t command)
{
    char name[TABLE_NAME_MAX];

    table_name(&cli_commands[command], name);
    (void)fprintf(out, "    \"%s\")%s words=\"", name,
                  takes_file(&cli_commands[command]) ? " files=yes;" : "");
    if (command == CLI_HELP)
        print_words(out, NULL);
    else if (command == CLI_COMPLETION)
        (void)fputs("bash zsh fish", out);
    (void)fputs("\"; options=\"$options", out);
    print_options(out, is_of, command);
    (void)fputs("\" ;;\n", out);
}

/* Is it the first of those that share their first word, and have a second one? */
static bool begins_family(size_t command)
{
    return cli_commands[command].second_word != NULL &&
           (command == 0 ||
            strcmp(cli_commands[command].word, cli_commands[command - 1].word) != 0);
}

static void print_cases(FILE *out)
{
    (void)fputs("    \"\") words=\"", out);
    print_words(out, NULL);
    (void)fputs("\" ;;\n", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (begins_family(i)) {
            (void)fprintf(out, "    \"%s\" | \"help %s\") words=\"", cli_commands[i].word,
                          cli_commands[i].word);
            print_words(out, cli_commands[i].word);
            (void)fputs("\" ;;\n", out);
        }
        print_case(out, i);
    }
}

/* Words that another one follows before the command is whole. */
static void print_first_words(FILE *out)
{
    (void)fputs("\"help\"", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
        if (begins_family(i))
            (void)fprintf(out, " | \"%s\"", cli_commands[i].word);
    }
}

/* The words before the one to be completed are the command, as far as they are no options. */
static void print_bash(FILE *out)
{
    (void)fputs("# Completion of grapevine-cli; made by `grapevine-cli completion bash`.\n"
                "_grapevine_cli() {\n"
                "    local word=\"${COMP_WORDS[COMP_CWORD]}\" command=\"\" words=\"\" options=\"\" "
                "files=\"\" i\n"
                "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
                "        case \"${COMP_WORDS[i]}\" in\n        ",
                out);
    print_with_value(out);
    (void)fputs(") ((i++)) ;;\n"
                "        -*) ;;\n"
                "        *)\n"
                "            case \"$command\" in\n"
                "            \"\") command=\"${COMP_WORDS[i]}\" ;;\n            ",
                out);
    print_first_words(out);
    (void)fputs(") command=\"$command ${COMP_WORDS[i]}\" ;;\n"
                "            esac\n"
                "            ;;\n"
                "        esac\n"
                "    done\n"
                "    if [ \"$i\" -gt \"$COMP_CWORD\" ]; then\n"
                "        COMPREPLY=($(compgen -f -- \"$word\"))\n"
                "        return\n"
                "    fi\n"
                "    options=\"",
                out);
    print_options(out, is_of_all, 0);
    (void)fputs("\"\n    case \"$command\" in\n", out);
    print_cases(out);
    (void)fputs("    esac\n"
                "    case \"$word\" in\n"
                "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
                "    *) COMPREPLY=($(compgen -W \"$words\" -- \"$word\") ${files:+$(compgen -f -- "
                "\"$word\")}) ;;\n"
                "    esac\n"
                "}\n"
                "complete -o filenames -F _grapevine_cli grapevine-cli\n",
                out);
}

static void print_zsh(FILE *out)
{
    (void)fputs("#compdef grapevine-cli\n"
                "autoload -U +X bashcompinit && bashcompinit\n",
                out);
    print_bash(out);
}

/* --- fish --- */

/* Within single quotes. */
static void print_quoted(FILE *out, const char *text)
{
    (void)fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            (void)fputc('\\', out);
        (void)fputc(*text == '\n' ? ' ' : *text, out);
    }
    (void)fputc('\'', out);
}

static void print_fish_command(FILE *out, size_t index)
{
    const struct command_row *row = &cli_commands[index];

    if (row->second_word != NULL) {
        (void)fprintf(out,
                      "complete -c grapevine-cli -n '__fish_seen_subcommand_from %s' -a %s -d ",
                      row->word, row->second_word);
        print_quoted(out, row->help);
        (void)fputc('\n', out);
    }
    if (index > 0 && strcmp(row->word, cli_commands[index - 1].word) == 0)
        return;
    (void)fprintf(out, "complete -c grapevine-cli -n __fish_use_subcommand -f -a %s -d ",
                  row->word);
    print_quoted(out, row->second_word == NULL ? row->help : "");
    (void)fputc('\n', out);
}

static void print_fish_option(FILE *out, const struct option_row *row)
{
    (void)fputs("complete -c grapevine-cli", out);
    if (row->commands != 0) {
        (void)fputs(" -n '__fish_seen_subcommand_from", out);
        for (size_t i = 0; i < CLI_COMMAND_COUNT; i++) {
            if (is_of(row, i))
                (void)fprintf(out, " %s", cli_commands[i].word);
        }
        (void)fputc('\'', out);
    }
    if (row->letter != 0)
        (void)fprintf(out, " -s %c", row->letter);
    (void)fprintf(out, " -l %s%s -d ", row->name, row->type != VALUE_NONE ? " -r" : "");
    print_quoted(out, row->help);
    (void)fputc('\n', out);
}

static void print_fish(FILE *out)
{
    (void)fputs("# Completion of grapevine-cli; made by `grapevine-cli completion fish`.\n", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
        print_fish_command(out, i);
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
        print_fish_option(out, &cli_options[i]);
}

bool completion_print(FILE *out, const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(FILE *out);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};

    for (size_t i = 0; i < sizeof(shells) / sizeof(shells[0]); i++) {
        if (strcmp(shell, shells[i].name) == 0) {
            shells[i].print(out);
            return true;
        }
    }
    return false;
}
