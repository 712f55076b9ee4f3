/* Spellings of arguments, and the trees that are read from them.
 *
 * A tree is written back in a notation of the test's own: name:type, the token before it as TOKEN=,
 * a question mark behind what may be left out, a star behind what may be repeated, two stars if its
 * token is repeated too, and children in parentheses. */
#include "commands/syntax.h"

#include <stdio.h>

#include "unit/test.h"

#define TREE_MAX 1024

static void write_tree(const struct argument *first, char *tree);

static void write_argument(const struct argument *argument, char *tree)
{
    size_t size = strlen(tree);

    if (argument->token.size > 0)
        size += (size_t)snprintf(tree + size, TREE_MAX - size, "%.*s=", (int)argument->token.size,
                                 argument->token.data);
    snprintf(tree + size, TREE_MAX - size, "%s:%s%s%s%s", argument->name,
             argument_type_names[argument->type], argument->is_optional ? "?" : "",
             argument->is_multiple ? "*" : "", argument->repeats_token ? "*" : "");
    if (argument->child == NULL)
        return;
    strcat(tree, "(");
    write_tree(argument->child, tree);
    strcat(tree, ")");
}

static void write_tree(const struct argument *first, char *tree)
{
    for (const struct argument *argument = first; argument != NULL; argument = argument->next) {
        if (argument != first)
            strcat(tree, " ");
        write_argument(argument, tree);
    }
}

static void assert_tree(const char *spelling, const char *expected)
{
    struct syntax syntax;
    char tree[TREE_MAX] = "";

    assert_true(syntax_parse(spelling, &syntax));
    write_tree(syntax.first, tree);
    assert_string_equal(tree, expected);
}

static void no_arguments_are_an_empty_tree(void **state)
{
    (void)state;
    assert_tree("", "");
    assert_tree("  ", "");
}

static void the_type_goes_by_the_name(void **state)
{
    (void)state;
    assert_tree("key value", "key:key value:string");
    assert_tree("key seconds", "key:key seconds:integer");
    assert_tree("pattern", "pattern:pattern");
    assert_tree("unix-time-seconds", "unix-time-seconds:unix-time");
    assert_tree("float-increment", "float-increment:double");
}

static void square_brackets_mean_that_it_may_be_left_out(void **state)
{
    (void)state;
    assert_tree("[message]", "message:string?");
    assert_tree("[a [b]]", "a_b:block?(a:string b:string?)");
}

static void a_capital_word_is_a_token_of_what_follows(void **state)
{
    (void)state;
    assert_tree("[REPLACE]", "REPLACE=replace:pure-token?");
    assert_tree("[MATCH pattern] [COUNT count]", "MATCH=pattern:pattern? COUNT=count:integer?");
    assert_tree("[AUTH username password]",
                "AUTH=username_password:block?(username:string password:string)");
}

static void a_bar_parts_alternatives(void **state)
{
    (void)state;
    assert_tree("[NX | XX]", "nx_xx:oneof?(NX=nx:pure-token XX=xx:pure-token)");
    assert_tree("<ON|OFF>", "on_off:oneof(ON=on:pure-token OFF=off:pure-token)");
    assert_tree("[EX seconds | KEEPTTL]",
                "seconds_keepttl:oneof?(EX=seconds:integer KEEPTTL=keepttl:pure-token)");
    assert_tree("TYPE <A | B>", "TYPE=a_b:oneof(A=a:pure-token B=b:pure-token)");
    assert_tree("a | b c", "a_b_c:oneof(a:string b_c:block(b:string c:string))");
}

static void dots_mean_that_it_may_be_repeated(void **state)
{
    (void)state;
    assert_tree("key [key ...]", "key:key*");
    assert_tree("key value [key value ...]", "key_value:block*(key:key value:string)");
    assert_tree("<p v> [<p v> ...]", "p_v:block*(p:string v:string)");
    assert_tree("ID client-id [client-id ...]", "ID=client-id:integer*");
    assert_tree("[GET pattern [GET pattern ...]]", "GET=pattern:pattern?**");
    assert_tree("command [arg ...]", "command:string arg:string?*");
    assert_tree("[A a | B b ...]", "a_b:oneof?*(A=a:string B=b:string)");
}

static void what_is_not_in_the_notation_is_refused(void **state)
{
    static const char *const wrong[] = {"[a",  "a]",  "<a]",  "a ...",     "[]",
                                        "a |", "| a", "[a|]", "[a ... b]", "[[[[[[[[[a]]]]]]]]]"};
    struct syntax syntax;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_false(syntax_parse(wrong[i], &syntax));
}

static void more_arguments_than_there_is_room_for_are_refused(void **state)
{
    char spelling[2 * SYNTAX_ARGUMENTS_MAX + 3] = "";
    struct syntax syntax;

    (void)state;
    for (int i = 0; i < SYNTAX_ARGUMENTS_MAX; i++)
        strcat(spelling, "a ");
    assert_true(syntax_parse(spelling, &syntax));
    strcat(spelling, "a");
    assert_false(syntax_parse(spelling, &syntax));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_arguments_are_an_empty_tree),
        cmocka_unit_test(the_type_goes_by_the_name),
        cmocka_unit_test(square_brackets_mean_that_it_may_be_left_out),
        cmocka_unit_test(a_capital_word_is_a_token_of_what_follows),
        cmocka_unit_test(a_bar_parts_alternatives),
        cmocka_unit_test(dots_mean_that_it_may_be_repeated),
        cmocka_unit_test(what_is_not_in_the_notation_is_refused),
        cmocka_unit_test(more_arguments_than_there_is_room_for_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
