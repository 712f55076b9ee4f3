/* table.h - the commands and options of grapevine-cli, a row each.
 *
 * The command line, the help, the manual page and the completion of shells are made of them.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdint.h>

#include "cli_words.h"

enum value_type { VALUE_NONE, VALUE_TEXT, VALUE_NUMBER };

struct option_row {
    const char *name;
    const char *value_name; /* for the help */
    enum value_type type;
    char letter;       /* -p, or 0 */
    uint64_t commands; /* those that take it, TABLE_ON() each; 0 = all */
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

#define TABLE_ON(command) (UINT64_C(1) << (command))

extern const struct option_row cli_options[CLI_OPTION_COUNT];
extern const struct command_row cli_commands[CLI_COMMAND_COUNT];

/* What the exit codes say; a row without a text ends them. */
struct exit_row {
    enum cli_exit code;
    const char *text;
};

extern const struct exit_row cli_exits[];

#define TABLE_NAME_MAX 64

/* "namespace create". */
void table_name(const struct command_row *row, char name[TABLE_NAME_MAX]);

#endif
