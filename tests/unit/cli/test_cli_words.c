#include "unit/test.h"

#include <stdlib.h>
#include <string.h>

#include "client/cli/cli_words.h"

#define WORDS_MAX 16

static bool parse(struct cli_line *line, char error[CLI_ERROR_MAX], const char *const *words)
{
    static char storage[WORDS_MAX][128];
    char *argv[WORDS_MAX + 2] = {storage[0]};
    int argc = 1;

    for (; words[argc - 1] != NULL; argc++) {
        snprintf(storage[argc], sizeof(storage[argc]), "%s", words[argc - 1]);
        argv[argc] = storage[argc];
    }
    return cli_line_parse(line, argc, argv, error);
}

static struct cli_line parse_well(const char *const *words)
{
    struct cli_line line;
    char error[CLI_ERROR_MAX] = "";

    if (!parse(&line, error, words))
        fail_msg("%s", error);
    return line;
}

#define PARSE_WELL(...) parse_well((const char *const[WORDS_MAX]){__VA_ARGS__})

static void assert_refused(const char *expected, const char *const *words)
{
    struct cli_line line;
    char error[CLI_ERROR_MAX] = "";

    assert_false(parse(&line, error, words));
    assert_string_equal(error, expected);
}

#define ASSERT_REFUSED(expected, ...)                                                              \
    assert_refused(expected, (const char *const[WORDS_MAX]){__VA_ARGS__})

static void a_command_is_followed_by_its_arguments(void **state)
{
    struct cli_line line = PARSE_WELL("put", "key", "value");

    (void)state;
    assert_int_equal(line.command, CLI_PUT);
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.argument[0], "key");
    assert_string_equal(line.argument[1], "value");
    cli_line_clear(&line);
}

static void a_command_can_have_two_words(void **state)
{
    struct cli_line line = PARSE_WELL("namespace", "rename", "old", "new");

    (void)state;
    assert_int_equal(line.command, CLI_NAMESPACE_RENAME);
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.argument[1], "new");
    cli_line_clear(&line);
}

static void options_may_stand_anywhere(void **state)
{
    struct cli_line line =
        PARSE_WELL("-h", "::1", "put", "--ttl", "60", "key", "--json", "value", "-p", "7000");

    (void)state;
    assert_int_equal(line.command, CLI_PUT);
    assert_int_equal(line.argument_count, 2);
    assert_string_equal(line.argument[1], "value");
    assert_string_equal(line.option[CLI_OPTION_HOST], "::1");
    assert_non_null(line.option[CLI_OPTION_JSON]);
    assert_null(line.option[CLI_OPTION_USER]);
    assert_int_equal(cli_line_number(&line, CLI_OPTION_TTL, -1), 60);
    assert_int_equal(cli_line_number(&line, CLI_OPTION_PORT, -1), 7000);
    assert_int_equal(cli_line_number(&line, CLI_OPTION_LIMIT, -1), -1);
    cli_line_clear(&line);
}

static void two_dashes_end_the_options(void **state)
{
    struct cli_line line = PARSE_WELL("put", "--if-absent", "--", "-key", "--");

    (void)state;
    assert_non_null(line.option[CLI_OPTION_IF_ABSENT]);
    assert_string_equal(line.argument[0], "-key");
    assert_string_equal(line.argument[1], "--");
    cli_line_clear(&line);
}

static void a_dash_alone_is_an_argument(void **state)
{
    struct cli_line line = PARSE_WELL("put", "key", "-");

    (void)state;
    assert_string_equal(line.argument[1], "-");
    cli_line_clear(&line);
}

static void an_empty_value_is_a_value(void **state)
{
    struct cli_line line = PARSE_WELL("list", "--prefix", "");

    (void)state;
    assert_string_equal(line.option[CLI_OPTION_PREFIX], "");
    cli_line_clear(&line);
}

static void metadata_takes_a_value_for_put_and_none_for_get(void **state)
{
    struct cli_line line = PARSE_WELL("put", "key", "value", "--metadata", "{}");

    (void)state;
    assert_string_equal(line.option[CLI_OPTION_METADATA], "{}");
    cli_line_clear(&line);
    line = PARSE_WELL("get", "--metadata", "key");
    assert_non_null(line.option[CLI_OPTION_WITH_METADATA]);
    assert_null(line.option[CLI_OPTION_METADATA]);
    assert_string_equal(line.argument[0], "key");
    cli_line_clear(&line);
}

static void help_and_version_win_over_everything(void **state)
{
    struct cli_line line = PARSE_WELL("put", "--help");

    (void)state;
    assert_int_equal(line.command, CLI_HELP);
    assert_string_equal(line.argument[0], "put");
    cli_line_clear(&line);
    line = PARSE_WELL("--version", "nonsense");
    assert_int_equal(line.command, CLI_VERSION);
    cli_line_clear(&line);
    line = PARSE_WELL("--help");
    assert_int_equal(line.command, CLI_HELP);
    assert_int_equal(line.argument_count, 0);
    cli_line_clear(&line);
}

static void what_makes_no_sense_is_one_sentence(void **state)
{
    (void)state;
    ASSERT_REFUSED("which command? `grapevine-cli help` lists them", NULL);
    ASSERT_REFUSED("there is no command 'nope'; `grapevine-cli help` lists them", "nope");
    ASSERT_REFUSED("namespace and then what? `grapevine-cli help namespace` lists it", "namespace");
    ASSERT_REFUSED("there is no command 'namespace nope'; `grapevine-cli help` lists them",
                   "namespace", "nope");
    ASSERT_REFUSED("too few arguments: grapevine-cli get KEY", "get");
    ASSERT_REFUSED("too many arguments: grapevine-cli ping", "ping", "pong");
    ASSERT_REFUSED("there is no option '--nope'; write -- before a key that begins with a dash",
                   "get", "--nope");
    ASSERT_REFUSED("there is no option '-x'; write -- before a key that begins with a dash", "get",
                   "-x");
}

static void a_bad_option_says_what_is_allowed(void **state)
{
    (void)state;
    ASSERT_REFUSED("-p: '65536' is not a number from 1 to 65535", "-p", "65536", "ping");
    ASSERT_REFUSED("--ttl: '0' is not a number of at least 1", "put", "k", "v", "--ttl", "0");
    ASSERT_REFUSED("--ttl: '1s' is not a number of at least 1", "put", "k", "v", "--ttl", "1s");
    ASSERT_REFUSED("--ttl: '9223372036854775808' is not a number of at least 1", "put", "k", "v",
                   "--ttl", "9223372036854775808");
    ASSERT_REFUSED("--cursor needs a value: CURSOR", "list", "--cursor");
    ASSERT_REFUSED("--ttl is no option of get", "get", "k", "--ttl", "5");
    ASSERT_REFUSED("--if-absent and --if-version exclude each other", "put", "k", "v",
                   "--if-version", "0", "--if-absent");
    ASSERT_REFUSED("--ttl and --expires-at exclude each other", "put", "k", "v", "--ttl", "5",
                   "--expires-at", "5");
}

static char *help_text(void (*write)(FILE *out))
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    write(out);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void help_names_every_command_and_exit_code(void **state)
{
    static const char *const names[] = {"put KEY",  "get KEY", "list\n", "namespace create TITLE",
                                        "status\n", "  0  ",   "  5  "};
    char *text = help_text(cli_help);

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr(text, names[i]));
    free(text);
}

static void write_help_of_put(FILE *out)
{
    struct cli_line line = PARSE_WELL("help", "put");

    assert_true(cli_help_command(out, &line));
    cli_line_clear(&line);
}

static void help_on_a_command_names_its_options(void **state)
{
    char *text = help_text(write_help_of_put);

    (void)state;
    assert_non_null(strstr(text, "grapevine-cli put KEY"));
    assert_non_null(strstr(text, "--if-version VERSION"));
    assert_null(strstr(text, "--prefix"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_followed_by_its_arguments),
        cmocka_unit_test(a_command_can_have_two_words),
        cmocka_unit_test(options_may_stand_anywhere),
        cmocka_unit_test(two_dashes_end_the_options),
        cmocka_unit_test(a_dash_alone_is_an_argument),
        cmocka_unit_test(an_empty_value_is_a_value),
        cmocka_unit_test(metadata_takes_a_value_for_put_and_none_for_get),
        cmocka_unit_test(help_and_version_win_over_everything),
        cmocka_unit_test(what_makes_no_sense_is_one_sentence),
        cmocka_unit_test(a_bad_option_says_what_is_allowed),
        cmocka_unit_test(help_names_every_command_and_exit_code),
        cmocka_unit_test(help_on_a_command_names_its_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
