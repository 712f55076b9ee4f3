#include "manual.h"

#include <string.h>

#include "table.h"

/* Text as troff takes it: dashes are dashes, and no line begins with a command of troff's. */
static void print_text(FILE *out, const char *text)
{
    bool is_first = true;

    for (; *text != '\0'; text++) {
        if (is_first && (*text == '.' || *text == '\''))
            (void)fputs("\\&", out);
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(*text, out);
        is_first = *text == '\n';
    }
    (void)fputc('\n', out);
}

static void print_option(FILE *out, const struct option_row *row)
{
    (void)fputs(".TP\n", out);
    if (row->letter != 0)
        (void)fprintf(out, "\\fB\\-%c\\fR, ", row->letter);
    (void)fputs("\\fB\\-\\-", out);
    for (const char *at = row->name; *at != '\0'; at++)
        (void)fputs(*at == '-' ? "\\-" : (const char[]){*at, '\0'}, out);
    (void)fputs("\\fR", out);
    if (row->value_name != NULL)
        (void)fprintf(out, " \\fI%s\\fR", row->value_name);
    (void)fputc('\n', out);
    print_text(out, row->help);
}

/* Those of a command, or those that every command takes. */
static void print_options(FILE *out, uint64_t command)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if (command == 0 ? cli_options[i].commands == 0 : (cli_options[i].commands & command) != 0)
            print_option(out, &cli_options[i]);
    }
}

static bool has_options(uint64_t command)
{
    for (size_t i = 0; i < CLI_OPTION_COUNT; i++) {
        if ((cli_options[i].commands & command) != 0)
            return true;
    }
    return false;
}

static void print_command(FILE *out, size_t index)
{
    const struct command_row *row = &cli_commands[index];
    char name[TABLE_NAME_MAX];

    table_name(row, name);
    (void)fprintf(out, ".SS %s\n\\fB%s\\fR ", name, name);
    print_text(out, row->syntax);
    (void)fputs(".PP\n", out);
    print_text(out, row->help);
    if (!has_options(TABLE_ON(index)))
        return;
    (void)fputs(".RS\n", out);
    print_options(out, TABLE_ON(index));
    (void)fputs(".RE\n", out);
}

void manual_print(FILE *out)
{
    (void)fprintf(
        out,
        ".TH GRAPEVINE\\-CLI 1 \"\" \"Grapevine %s\" \"Grapevine\"\n"
        ".SH NAME\n"
        "grapevine\\-cli \\- keys, values and namespaces of a Grapevine server\n"
        ".SH SYNOPSIS\n"
        "\\fBgrapevine\\-cli\\fR [\\fIOPTION\\fR ...] \\fICOMMAND\\fR "
        "[\\fIARGUMENT\\fR ...]\n"
        ".SH DESCRIPTION\n"
        "One command, one answer, one exit code.  Options may stand anywhere; \\-\\- ends "
        "them, for keys that begin with a dash.\n"
        ".SH OPTIONS\n"
        "Every command takes these.\n",
        GRAPEVINE_VERSION);
    print_options(out, 0);
    (void)fputs(".SH COMMANDS\n", out);
    for (size_t i = 0; i < CLI_COMMAND_COUNT; i++)
        print_command(out, i);
    (void)fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; cli_exits[i].text != NULL; i++) {
        (void)fprintf(out, ".TP\n\\fB%d\\fR\n", cli_exits[i].code);
        print_text(out, cli_exits[i].text);
    }
    (void)fputs(".SH ENVIRONMENT\n.TP\n\\fBGRAPEVINE_PASSWORD\\fR\n"
                "The password, where \\fB\\-\\-password\\fR does not name it.\n"
                ".SH SEE ALSO\n\\fBredis\\-cli\\fR(1)\n",
                out);
}
