#include "commands/syntax.h"

#include <ctype.h>
#include <stdio.h>

/* How deep brackets may be nested: the parser calls itself for each. */
#define DEPTH_MAX 8

const char *const argument_type_names[ARGUMENT_TYPE_COUNT] = {
    [ARGUMENT_STRING] = "string",    [ARGUMENT_INTEGER] = "integer",
    [ARGUMENT_DOUBLE] = "double",    [ARGUMENT_KEY] = "key",
    [ARGUMENT_PATTERN] = "pattern",  [ARGUMENT_UNIX_TIME] = "unix-time",
    [ARGUMENT_TOKEN] = "pure-token", [ARGUMENT_ONEOF] = "oneof",
    [ARGUMENT_BLOCK] = "block",
};

/* What a word stands for. */
static const struct {
    const char *name;
    enum argument_type type;
} types[] = {
    {"key", ARGUMENT_KEY},
    {"key1", ARGUMENT_KEY},
    {"key2", ARGUMENT_KEY},
    {"newkey", ARGUMENT_KEY},
    {"destkey", ARGUMENT_KEY},
    {"source", ARGUMENT_KEY},
    {"destination", ARGUMENT_KEY},
    {"pattern", ARGUMENT_PATTERN},
    {"unix-time-seconds", ARGUMENT_UNIX_TIME},
    {"unix-time-milliseconds", ARGUMENT_UNIX_TIME},
    {"float-increment", ARGUMENT_DOUBLE},
    {"bit", ARGUMENT_INTEGER},
    {"client-id", ARGUMENT_INTEGER},
    {"count", ARGUMENT_INTEGER},
    {"cursor", ARGUMENT_INTEGER},
    {"db", ARGUMENT_INTEGER},
    {"decrement", ARGUMENT_INTEGER},
    {"destination-db", ARGUMENT_INTEGER},
    {"end", ARGUMENT_INTEGER},
    {"frequency", ARGUMENT_INTEGER},
    {"increment", ARGUMENT_INTEGER},
    {"index1", ARGUMENT_INTEGER},
    {"index2", ARGUMENT_INTEGER},
    {"len", ARGUMENT_INTEGER},
    {"limit", ARGUMENT_INTEGER},
    {"milliseconds", ARGUMENT_INTEGER},
    {"numreplicas", ARGUMENT_INTEGER},
    {"offset", ARGUMENT_INTEGER},
    {"protover", ARGUMENT_INTEGER},
    {"seconds", ARGUMENT_INTEGER},
    {"start", ARGUMENT_INTEGER},
    {"timeout", ARGUMENT_INTEGER},
    {"ttl", ARGUMENT_INTEGER},
};

struct parser {
    struct syntax *syntax;
    const char *at;
    int depth;
};

/* A row of arguments, in order. */
struct list {
    struct argument *first, *last;
    int count;
    bool has_dots; /* "..." behind it */
};

static bool parse_choice(struct parser *parser, char end, struct list *list);

/* ---------- building ---------- */

static struct argument *add_argument(struct parser *parser)
{
    struct syntax *syntax = parser->syntax;

    if (syntax->count == SYNTAX_ARGUMENTS_MAX)
        return NULL;
    syntax->arguments[syntax->count] = (struct argument){.type = ARGUMENT_STRING};
    return &syntax->arguments[syntax->count++];
}

static void append(struct list *list, struct argument *argument)
{
    if (list->last == NULL)
        list->first = argument;
    else
        list->last->next = argument;
    list->last = argument;
    list->count++;
}

/* Takes the last `count` arguments off the list. */
static struct argument *cut_tail(struct list *list, int count)
{
    struct argument *before = NULL, *tail = list->first;

    for (int i = list->count; i > count; i--) {
        before = tail;
        tail = tail->next;
    }
    if (before == NULL)
        list->first = NULL;
    else
        before->next = NULL;
    list->last = before;
    list->count -= count;
    return tail;
}

/* "nx_xx": arguments that have no name of their own go by those of their parts. */
static void name_by_children(struct argument *argument)
{
    size_t size = 0;

    for (const struct argument *child = argument->child; child != NULL; child = child->next) {
        int more = snprintf(argument->name + size, sizeof argument->name - size, "%s%s",
                            size > 0 ? "_" : "", child->name);

        size += (size_t)more;
        if (size >= sizeof argument->name)
            return;
    }
}

static struct argument *group(struct parser *parser, enum argument_type type,
                              struct argument *children)
{
    struct argument *argument = add_argument(parser);

    if (argument == NULL)
        return NULL;
    argument->type = type;
    argument->child = children;
    name_by_children(argument);
    return argument;
}

/* One argument for the whole list: itself, if it is only one. */
static struct argument *as_one(struct parser *parser, const struct list *list)
{
    return list->count == 1 ? list->first : group(parser, ARGUMENT_BLOCK, list->first);
}

/* ---------- words ---------- */

static void skip_blanks(struct parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static bool is_at_end(const struct parser *parser)
{
    return *parser->at == '\0' || strchr("|]>", *parser->at) != NULL;
}

static struct bytes take_word(struct parser *parser)
{
    size_t size = strcspn(parser->at, " |[]<>");
    struct bytes word = {parser->at, size};

    parser->at += size;
    return word;
}

static bool is_token(struct bytes word)
{
    for (size_t i = 0; i < word.size; i++)
        if (islower((unsigned char)word.data[i]))
            return false;
    return true;
}

static void set_name(struct argument *argument, struct bytes word)
{
    size_t size = word.size < SYNTAX_NAME_MAX - 1 ? word.size : SYNTAX_NAME_MAX - 1;

    for (size_t i = 0; i < size; i++)
        argument->name[i] = (char)tolower((unsigned char)word.data[i]);
    argument->name[size] = '\0';
}

static enum argument_type type_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return ARGUMENT_STRING;
}

static bool parse_name(struct parser *parser, struct bytes word, struct list *list)
{
    struct argument *argument = add_argument(parser);

    if (argument == NULL)
        return false;
    set_name(argument, word);
    argument->type = type_of(argument->name);
    append(list, argument);
    return true;
}

/* ---------- brackets ---------- */

static bool is_same(const struct argument *a, const struct argument *b, bool *repeats_token)
{
    if (strcmp(a->name, b->name) != 0)
        return false;
    *repeats_token = b->token.size > 0;
    return true;
}

/* Does `inner` spell the last arguments of the list once more?  Then those may be repeated. */
static bool merge_repetition(struct parser *parser, struct list *list, const struct list *inner)
{
    struct argument *repeated, *last;
    bool repeats_token = false;

    if (!inner->has_dots || inner->count > list->count)
        return false;
    last = list->first;
    for (int i = list->count; i > inner->count; i--)
        last = last->next;
    for (const struct argument *a = last, *b = inner->first; b != NULL; a = a->next, b = b->next)
        if (!is_same(a, b, &repeats_token))
            return false;
    repeated = cut_tail(list, inner->count);
    if (inner->count > 1)
        repeated = group(parser, ARGUMENT_BLOCK, repeated);
    if (repeated == NULL)
        return false;
    repeated->is_multiple = true;
    repeated->repeats_token = repeats_token;
    append(list, repeated);
    return true;
}

static bool parse_brackets(struct parser *parser, struct list *list)
{
    bool is_optional = *parser->at == '[';
    struct list inner = {0};
    struct argument *argument;

    parser->at++;
    if (!parse_choice(parser, is_optional ? ']' : '>', &inner) || inner.count == 0)
        return false;
    if (is_optional && merge_repetition(parser, list, &inner))
        return true;
    argument = as_one(parser, &inner);
    if (argument == NULL)
        return false;
    argument->is_optional |= is_optional;
    argument->is_multiple |= inner.has_dots;
    append(list, argument);
    return true;
}

/* ---------- sequences ---------- */

/* An operand of a token: anything but another token. */
static bool parse_operands(struct parser *parser, struct list *operands)
{
    for (skip_blanks(parser); !is_at_end(parser); skip_blanks(parser)) {
        if (*parser->at == '[' || *parser->at == '<') {
            if (!parse_brackets(parser, operands))
                return false;
        } else if (strncmp(parser->at, "...", 3) == 0) {
            return true;
        } else {
            const char *start = parser->at;
            struct bytes word = take_word(parser);

            if (is_token(word)) {
                parser->at = start;
                return true;
            }
            if (!parse_name(parser, word, operands))
                return false;
        }
    }
    return true;
}

static bool parse_token(struct parser *parser, struct bytes token, struct list *list)
{
    struct list operands = {0};
    struct argument *argument;

    if (!parse_operands(parser, &operands))
        return false;
    if (operands.count == 0) {
        if (!parse_name(parser, token, list))
            return false;
        list->last->type = ARGUMENT_TOKEN;
        list->last->token = token;
        return true;
    }
    argument = as_one(parser, &operands);
    if (argument == NULL)
        return false;
    argument->token = token;
    append(list, argument);
    return true;
}

static bool parse_element(struct parser *parser, struct list *list)
{
    struct bytes word;

    if (*parser->at == '[' || *parser->at == '<')
        return parse_brackets(parser, list);
    word = take_word(parser);
    return is_token(word) ? parse_token(parser, word, list) : parse_name(parser, word, list);
}

static bool parse_sequence(struct parser *parser, struct list *list)
{
    for (skip_blanks(parser); !is_at_end(parser); skip_blanks(parser)) {
        if (list->has_dots)
            return false;
        if (strncmp(parser->at, "...", 3) == 0) {
            parser->at += 3;
            list->has_dots = true;
        } else if (!parse_element(parser, list)) {
            return false;
        }
    }
    return true;
}

/* One sequence is taken as it is; several become one argument that is one of them. */
static bool parse_alternatives(struct parser *parser, struct list *list)
{
    struct list choices = {0}, sequence = {0};
    struct argument *argument;

    for (;;) {
        if (!parse_sequence(parser, &sequence))
            return false;
        if (*parser->at != '|' && choices.count == 0) {
            *list = sequence;
            return true;
        }
        argument = sequence.count > 0 ? as_one(parser, &sequence) : NULL;
        if (argument == NULL)
            return false;
        append(&choices, argument);
        choices.has_dots = sequence.has_dots;
        if (*parser->at != '|')
            break;
        parser->at++;
        sequence = (struct list){0};
    }
    argument = group(parser, ARGUMENT_ONEOF, choices.first);
    if (argument == NULL)
        return false;
    append(list, argument);
    list->has_dots = choices.has_dots;
    return true;
}

static bool parse_choice(struct parser *parser, char end, struct list *list)
{
    bool is_parsed;

    if (parser->depth == DEPTH_MAX)
        return false;
    parser->depth++;
    is_parsed = parse_alternatives(parser, list) && *parser->at == end;
    parser->depth--;
    if (is_parsed && end != '\0')
        parser->at++;
    return is_parsed;
}

bool syntax_parse(const char *spelling, struct syntax *syntax)
{
    struct parser parser = {syntax, spelling, 0};
    struct list list = {0};

    syntax->count = 0;
    syntax->first = NULL;
    if (!parse_choice(&parser, '\0', &list) || list.has_dots)
        return false;
    syntax->first = list.first;
    return true;
}
