/* The command table: what must hold of every row, and how rows are found. */
#include "commands/table.h"

#include "commands/categories.h"
#include "commands/compat.h"
#include "commands/syntax.h"
#include "unit/test.h"

#define REDIS_COMMANDS 240

/* A claim about every row; the row's name stands in the failure. */
static void each_row(void (*check)(const struct command *command))
{
    for (int i = 0; i < table_count(); i++) {
        const struct command *command = table_at(i);

        print_message("%s\n", command->full_name);
        check(command);
    }
}

static int set_up(void **state)
{
    (void)state;
    table_init();
    return 0;
}

static void check_findable(const struct command *command)
{
    struct bytes name = bytes_of(command->name);

    if (command->container == NULL)
        assert_ptr_equal(table_find(name), command);
    else
        assert_ptr_equal(table_find_subcommand(command->container, name), command);
    assert_ptr_equal(table_at(command->index), command);
}

static void every_row_is_found_by_its_name(void **state)
{
    (void)state;
    each_row(check_findable);
}

static void names_are_found_in_any_case(void **state)
{
    (void)state;
    assert_ptr_equal(table_find(bytes_of("GeT")), table_find(bytes_of("get")));
    assert_ptr_equal(table_find(bytes_of("KV.PUT")), table_find(bytes_of("kv.put")));
    assert_ptr_equal(table_find_subcommand(table_find(bytes_of("config")), bytes_of("GET")),
                     table_find_subcommand(table_find(bytes_of("config")), bytes_of("get")));
}

static void what_is_only_like_a_name_is_not_found(void **state)
{
    (void)state;
    assert_null(table_find(bytes_of("")));
    assert_null(table_find(bytes_of("ge")));
    assert_null(table_find(bytes_of("gett")));
    assert_null(table_find((struct bytes){"get\0", 4}));
    assert_null(table_find(bytes_of("kv\x0eput")));
    assert_null(table_find(bytes_of("a-name-that-is-much-longer-than-all-of-the-names")));
    assert_null(table_find_subcommand(table_find(bytes_of("get")), bytes_of("key")));
}

static void check_texts(const struct command *command)
{
    assert_non_null(command->summary);
    assert_true(command->summary[0] != '\0');
    assert_true(command->summary[strlen(command->summary) - 1] != '.');
    assert_non_null(command->since);
    assert_non_null(command->complexity);
    assert_non_null(command->syntax);
    assert_non_null(command->note);
    if (command->compat == COMPAT_DIFFERS)
        assert_true(command->note[0] != '\0');
}

static void every_row_tells_what_it_does_and_in_what_it_differs(void **state)
{
    (void)state;
    each_row(check_texts);
}

static void check_syntax(const struct command *command)
{
    struct syntax syntax;

    assert_true(syntax_parse(command->syntax, &syntax));
}

static void every_syntax_can_be_read(void **state)
{
    (void)state;
    each_row(check_syntax);
}

/* How many words the least request has, and whether there may be more. */
static size_t least_words(const struct argument *argument, bool *may_be_more)
{
    size_t words = argument->token.size > 0, least = SIZE_MAX;

    *may_be_more |= argument->is_multiple || argument->is_optional;
    if (argument->child == NULL)
        words += argument->type != ARGUMENT_TOKEN;
    for (const struct argument *child = argument->child; child != NULL; child = child->next) {
        size_t more = least_words(child, may_be_more);

        if (argument->type == ARGUMENT_BLOCK)
            words += more;
        else if (more < least)
            least = more;
    }
    if (argument->type == ARGUMENT_ONEOF)
        words += least;
    return argument->is_optional ? 0 : words;
}

static void check_arity(const struct command *command)
{
    size_t names = command->container != NULL ? 2 : 1, words = names;
    bool may_be_more = false;
    struct syntax syntax;

    assert_true(command->arity != 0);
    if (command->subcommands != NULL || strcmp(command->full_name, "debug") == 0)
        return;
    assert_true(syntax_parse(command->syntax, &syntax));
    for (const struct argument *argument = syntax.first; argument != NULL;
         argument = argument->next)
        words += least_words(argument, &may_be_more);
    assert_true(command_accepts_argc(command, words));
    if (may_be_more)
        assert_true(command->arity < 0);
}

static void arity_and_syntax_agree(void **state)
{
    (void)state;
    each_row(check_arity);
}

static void check_keys(const struct command *command)
{
    int arity = command->arity < 0 ? -command->arity : command->arity;

    assert_int_equal(command->first_key == 0, command->key_use == KEYS_NONE);
    if (command->first_key == 0) {
        assert_int_equal(command->last_key, 0);
        assert_int_equal(command->key_step, 0);
        return;
    }
    assert_true(command->first_key < arity);
    assert_true(command->last_key < arity);
    assert_true(command->last_key == -1 || command->last_key >= command->first_key);
    assert_true(command->key_step > 0);
}

static void keys_are_within_the_least_request(void **state)
{
    (void)state;
    each_row(check_keys);
}

static void check_flags(const struct command *command)
{
    assert_false((command->flags & CMD_READONLY) && (command->flags & CMD_WRITE));
    if (command->flags & CMD_DENYOOM)
        assert_true(command->flags & CMD_WRITE);
    if (command->flags & CMD_WHOLE)
        assert_int_equal(command->first_key, 0);
    if (command->flags & CMD_WRITE)
        assert_true(command->first_key != 0 || (command->flags & CMD_WHOLE));
    assert_true(command->run != NULL || command->subcommands != NULL);
}

static void flags_do_not_contradict_each_other(void **state)
{
    (void)state;
    each_row(check_flags);
}

struct positions {
    size_t at[8];
    size_t count;
};

static void note_position(void *context, size_t index)
{
    struct positions *positions = context;

    positions->at[positions->count++] = index;
}

static struct positions keys_of(const char *name, size_t argc, bool has_keys)
{
    struct positions positions = {.count = 0};
    const struct command *command = table_find(bytes_of(name));

    assert_int_equal(command_each_key(command, argc, note_position, &positions), has_keys);
    assert_int_equal(command_key_count(command, argc), positions.count);
    return positions;
}

static void keys_stand_where_the_row_says(void **state)
{
    struct positions mset = keys_of("mset", 5, true), copy = keys_of("copy", 5, true);
    struct positions del = keys_of("del", 4, true);

    (void)state;
    assert_int_equal(mset.count, 2);
    assert_int_equal(mset.at[0], 1);
    assert_int_equal(mset.at[1], 3);
    assert_int_equal(copy.count, 2);
    assert_int_equal(copy.at[1], 2);
    assert_int_equal(del.count, 3);
    assert_int_equal(del.at[2], 3);
    (void)keys_of("ping", 2, false);
}

static void categories_follow_from_flags_and_group(void **state)
{
    uint32_t get = command_categories(table_find(bytes_of("get")));
    uint32_t flushall = command_categories(table_find(bytes_of("flushall")));

    (void)state;
    assert_int_equal(get, category_bit(bytes_of("read")) | category_bit(bytes_of("STRING")) |
                              category_bit(bytes_of("fast")));
    assert_true(flushall & category_bit(bytes_of("dangerous")));
    assert_int_equal(category_bit(bytes_of("nothing")), 0);
}

static void check_absent(void *context, struct bytes name)
{
    const char *bar = memchr(name.data, '|', name.size);
    int *count = context;

    if (bar == NULL) {
        assert_null(table_find(name));
        ++*count;
    } else {
        size_t size = (size_t)(bar - name.data);
        const struct command *container = table_find((struct bytes){name.data, size});

        assert_non_null(container);
        assert_null(
            table_find_subcommand(container, (struct bytes){bar + 1, name.size - size - 1}));
    }
}

static void what_is_there_and_what_is_missing_make_up_redis(void **state)
{
    int count = 0;

    (void)state;
    compat_each_absent(check_absent, &count);
    for (int i = 0; i < table_count(); i++)
        count += table_at(i)->container == NULL && table_at(i)->compat != COMPAT_OURS;
    assert_int_equal(count, REDIS_COMMANDS);
}

/* Last: it leaves the table changed. */
static void a_command_is_called_as_it_was_renamed(void **state)
{
    const struct command *get = table_find(bytes_of("get"));
    const char *longest = "a-name-that-is-longer-than-any-name-of-the-table-is";

    (void)state;
    assert_int_equal(table_rename(bytes_of("Get"), bytes_of("Fetch")), TABLE_RENAMED);
    assert_null(table_find(bytes_of("get")));
    assert_ptr_equal(table_find(bytes_of("fEtch")), get);
    assert_ptr_equal(table_find_row(bytes_of("GET")), get);
    assert_null(table_find_row(bytes_of("fetch")));
    assert_string_equal(get->full_name, "get");
    assert_int_equal(table_rename(bytes_of("get"), bytes_of("x")), TABLE_NO_SUCH_NAME);
    assert_int_equal(table_rename(bytes_of("fetch"), bytes_of("set")), TABLE_NAME_TAKEN);

    assert_int_equal(table_rename(bytes_of("fetch"), bytes_of(longest)), TABLE_RENAMED);
    assert_null(table_find(bytes_of("fetch")));
    assert_ptr_equal(table_find(bytes_of(longest)), get);
    assert_null(table_find(bytes_of("a-name-that-is-longer-than-any-name-of-the-table-iz")));

    assert_int_equal(table_rename(bytes_of("config"), bytes_of("")), TABLE_RENAMED);
    assert_null(table_find(bytes_of("config")));
    assert_null(table_find(bytes_of("")));
    assert_null(table_find_full(bytes_of("config|get")));
    assert_false(command_is_callable(
        table_find_subcommand(table_find_row(bytes_of("config")), bytes_of("get"))));
    assert_true(command_is_callable(get));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_found_by_its_name),
        cmocka_unit_test(names_are_found_in_any_case),
        cmocka_unit_test(what_is_only_like_a_name_is_not_found),
        cmocka_unit_test(every_row_tells_what_it_does_and_in_what_it_differs),
        cmocka_unit_test(every_syntax_can_be_read),
        cmocka_unit_test(arity_and_syntax_agree),
        cmocka_unit_test(keys_are_within_the_least_request),
        cmocka_unit_test(flags_do_not_contradict_each_other),
        cmocka_unit_test(keys_stand_where_the_row_says),
        cmocka_unit_test(categories_follow_from_flags_and_group),
        cmocka_unit_test(what_is_there_and_what_is_missing_make_up_redis),
        cmocka_unit_test(a_command_is_called_as_it_was_renamed),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
