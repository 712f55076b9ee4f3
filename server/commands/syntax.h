/* syntax.h - a command's arguments, from how they are spelled.
 *
 * The rows of the command table spell arguments as Redis's documentation does; COMMAND DOCS wants
 * them as a tree.  The notation, from the outside in:
 *
 *     choice   := sequence { "|" sequence }
 *     sequence := { element } [ "..." ]
 *     element  := "[" choice "]"          may be left out
 *               | "<" choice ">"          must be there
 *               | TOKEN { element }       a word to be typed, with what belongs to it
 *               | name                    a word that stands for a value; its type goes by the name
 *
 * "key [key ...]" is one argument that may be repeated, and so is "key value [key value ...]".
 */
#ifndef COMMANDS_SYNTAX_H
#define COMMANDS_SYNTAX_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/compiler.h"

#define SYNTAX_ARGUMENTS_MAX 48
#define SYNTAX_NAME_MAX      96

enum argument_type {
    ARGUMENT_STRING,
    ARGUMENT_INTEGER,
    ARGUMENT_DOUBLE,
    ARGUMENT_KEY,
    ARGUMENT_PATTERN,
    ARGUMENT_UNIX_TIME,
    ARGUMENT_TOKEN, /* nothing but the token itself */
    ARGUMENT_ONEOF, /* one of its children */
    ARGUMENT_BLOCK, /* all of its children */
    ARGUMENT_TYPE_COUNT
};

/* As COMMAND DOCS spells them. */
extern const char *const argument_type_names[ARGUMENT_TYPE_COUNT];

struct argument {
    char name[SYNTAX_NAME_MAX];
    enum argument_type type;
    struct bytes token; /* in the spelling, empty = none */
    bool is_optional;
    bool is_multiple;
    bool repeats_token; /* the token comes before each of the multiple ones */
    struct argument *child, *next;
};

struct syntax {
    struct argument arguments[SYNTAX_ARGUMENTS_MAX];
    int count;
    struct argument *first; /* NULL = no arguments */
};

/* False if it is not in the notation or has too many arguments. */
bool syntax_parse(const char *spelling, struct syntax *syntax) MUST_USE;

#endif
