#include "commands/acl_user.h"

#include <stdio.h>
#include <stdlib.h>

#include "commands/compat.h"
#include "commands/table.h"
#include "unit/test.h"

static int set_up(void **state)
{
    (void)state;
    table_init();
    acl_names_init();
    return 0;
}

static char shown[8192];

static const char *show(struct buffer *text)
{
    (void)snprintf(shown, sizeof shown, "%.*s", (int)text->size, text->data);
    buffer_clear(text);
    return shown;
}

/* The problem of the first rule that has one.  Rules are separated by blanks. */
static enum acl_problem apply(struct acl_user *user, const char *line)
{
    struct bytes words[64], open;
    struct acl_rules rules;
    enum acl_problem problem = ACL_FINE;
    size_t count = 0;

    while (*line != '\0') {
        size_t size = strcspn(line, " ");

        words[count++] = (struct bytes){line, size};
        line += size + (line[size] == ' ');
    }
    assert_true(acl_rules_join(words, count, &rules, &open));
    for (size_t i = 0; i < rules.count && problem == ACL_FINE; i++)
        problem = acl_user_apply(user, rules.at[i], false);
    acl_rules_clear(&rules);
    acl_user_finish(user);
    return problem;
}

/* What becomes of a new user by these rules. */
static const char *described(const char *rules)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    struct buffer text = {0};

    assert_int_equal(apply(user, rules), ACL_FINE);
    acl_user_describe(user, &text);
    acl_user_release(user);
    return show(&text);
}

static enum acl_problem problem_of(const char *rules)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    enum acl_problem problem = apply(user, rules);

    acl_user_release(user);
    return problem;
}

/* --- what rules do --- */

static void a_new_user_is_off_and_may_do_nothing(void **state)
{
    (void)state;
    assert_string_equal(described(""), "off resetchannels -@all");
}

static void rules_are_described_by_rules(void **state)
{
    (void)state;
    assert_string_equal(described("on nopass +@all ~* &*"), "on nopass ~* &* +@all");
    assert_string_equal(described("on ~a %R~b %W~c %RW~d &x +get"),
                        "on ~a %R~b %W~c ~d resetchannels &x -@all +get");
    assert_string_equal(described("+@all -client|kill"), "off resetchannels +@all -client|kill");
    assert_string_equal(described("+config -config|set"),
                        "off resetchannels -@all +config -config|set");
    assert_string_equal(described("+select|0"), "off resetchannels -@all +select|0");
    assert_string_equal(described("skip-sanitize-payload"),
                        "off skip-sanitize-payload resetchannels -@all");
}

static void a_description_describes_itself(void **state)
{
    static const char *const users[] = {
        "on nopass +@all ~* &*",
        "+@all -@dangerous +keys -config +config|get",
        "-@all +@read +@connection -client +client|id +select|0 +select|1",
        "allkeys +@string -get (+get ~a) (%R~b +@all -@write &c)",
        ">secret on +xadd -@all +@stream -xinfo|help +debug|object namespace=shop",
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(users); i++) {
        char *once = strdup(described(users[i]));

        assert_string_equal(described(once), once);
        free(once);
    }
}

static void every_category_is_described_as_itself(void **state)
{
    char rules[64], expected[96];

    (void)state;
    for (int i = 0; i < CATEGORY_COUNT; i++) {
        (void)snprintf(rules, sizeof rules, "+@all -@%s", category_names[i]);
        (void)snprintf(expected, sizeof expected, "off resetchannels %s", rules);
        assert_string_equal(described(rules), expected);
        (void)snprintf(rules, sizeof rules, "-@all +@%s", category_names[i]);
        (void)snprintf(expected, sizeof expected, "off resetchannels %s", rules);
        assert_string_equal(described(rules), expected);
    }
}

static void reset_brings_a_user_back_to_nothing(void **state)
{
    (void)state;
    assert_string_equal(described("on nopass +@all ~* &* (+get ~a) namespace=shop reset"),
                        "off sanitize-payload resetchannels -@all");
}

static void a_selector_may_be_split_at_its_blanks(void **state)
{
    (void)state;
    assert_string_equal(described("( +get ~a ) (+set"
                                  " ~b)"),
                        "off resetchannels -@all (~a resetchannels -@all +get) "
                        "(~b resetchannels -@all +set)");
    assert_string_equal(described("(+get ~a) clearselectors"), "off resetchannels -@all");
}

static void commands_of_redis_that_are_not_here_are_known(void **state)
{
    (void)state;
    assert_string_equal(described("+lpush -@all +zadd +xinfo|stream +eval"),
                        "off resetchannels -@all +zadd +eval +xinfo|stream");
}

static void require_known(void *context, struct bytes name)
{
    (void)context;
    assert_true(acl_name_find(name) >= 0);
}

static void all_that_compat_misses_is_known(void **state)
{
    (void)state;
    compat_each_absent(require_known, NULL);
}

/* --- what is refused --- */

static void what_is_wrong_with_a_rule_is_said(void **state)
{
    static const struct {
        const char *rules;
        enum acl_problem problem;
    } cases[] = {
        {"+nosuch", ACL_UNKNOWN_NAME},
        {"-nosuch", ACL_UNKNOWN_NAME},
        {"+@nosuch", ACL_UNKNOWN_NAME},
        {"+config|nosuch", ACL_UNKNOWN_NAME},
        {"-get|a", ACL_UNKNOWN_NAME},
        {"+get|a|b", ACL_UNKNOWN_NAME},
        {"+config|get|a", ACL_ARGUMENT_OF_SUBCOMMAND},
        {"+get|", ACL_SYNTAX},
        {"nonsense", ACL_SYNTAX},
        {"%X~a", ACL_SYNTAX},
        {"%RR~a", ACL_SYNTAX},
        {"%R", ACL_SYNTAX},
        {"%~a", ACL_SYNTAX},
        {"~* ~a", ACL_KEYS_AFTER_ALL},
        {"&* &a", ACL_CHANNELS_AFTER_ALL},
        {"<nosuch", ACL_NO_SUCH_PASSWORD},
        {"#12", ACL_BAD_HASH},
        {"(nonsense)", ACL_SYNTAX},
        {"(on)", ACL_SYNTAX},
        {")", ACL_SYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(problem_of(cases[i].rules), cases[i].problem);
}

static void a_hash_in_upper_case_is_none(void **state)
{
    char rule[2 + ACL_PASSWORD_HEX_SIZE] = "#";

    (void)state;
    memset(rule + 1, 'a', ACL_PASSWORD_HEX_SIZE);
    assert_int_equal(problem_of(rule), ACL_FINE);
    rule[5] = 'A';
    assert_int_equal(problem_of(rule), ACL_BAD_HASH);
}

static void an_open_parenthesis_is_named(void **state)
{
    const struct bytes words[] = {bytes_of("on"), bytes_of("(+get"), bytes_of("~a")};
    struct acl_rules rules;
    struct bytes open;

    (void)state;
    assert_false(acl_rules_join(words, COUNT_OF(words), &rules, &open));
    assert_true(bytes_equal(open, words[1]));
}

/* --- passwords --- */

static void passwords_are_kept_as_hashes(void **state)
{
    (void)state;
    assert_string_equal(
        described(">secret >secret"),
        "off #2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b resetchannels "
        "-@all");
    assert_string_equal(described(">secret <secret"), "off resetchannels -@all");
    assert_string_equal(described("nopass >a resetpass"), "off resetchannels -@all");
}

static void only_a_users_own_passwords_are_known(void **state)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    struct acl_password password;

    (void)state;
    assert_int_equal(apply(user, ">one >two"), ACL_FINE);
    acl_password_hash(bytes_of("two"), &password);
    assert_true(acl_user_knows_password(user, &password));
    acl_password_hash(bytes_of("three"), &password);
    assert_false(acl_user_knows_password(user, &password));
    acl_user_release(user);
}

/* --- rights --- */

static void keys_are_read_and_written_by_permission(void **state)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    const struct acl_selector *root;

    (void)state;
    assert_int_equal(apply(user, "%R~r* %W~w* ~b*"), ACL_FINE);
    root = &user->selectors[0];
    assert_true(acl_selector_allows_key(root, bytes_of("r1"), ACL_READ));
    assert_false(acl_selector_allows_key(root, bytes_of("r1"), ACL_WRITE));
    assert_false(acl_selector_allows_key(root, bytes_of("w1"), ACL_READ | ACL_WRITE));
    assert_true(acl_selector_allows_key(root, bytes_of("w1"), 0));
    assert_true(acl_selector_allows_key(root, bytes_of("b1"), ACL_READ | ACL_WRITE));
    assert_false(acl_selector_allows_key(root, bytes_of("x"), 0));
    acl_user_release(user);
}

static void a_prefix_is_allowed_if_all_it_finds_is(void **state)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);
    const struct acl_selector *root;

    (void)state;
    assert_int_equal(apply(user, "~a:* %W~w:* ~x? ~y[ab]*"), ACL_FINE);
    root = &user->selectors[0];
    assert_true(acl_selector_allows_prefix(root, bytes_of("a:"), ACL_READ));
    assert_true(acl_selector_allows_prefix(root, bytes_of("a:b"), ACL_READ));
    assert_false(acl_selector_allows_prefix(root, bytes_of("a"), ACL_READ));
    assert_false(acl_selector_allows_prefix(root, bytes_of(""), ACL_READ));
    assert_false(acl_selector_allows_prefix(root, bytes_of("w:"), ACL_READ));
    assert_false(acl_selector_allows_prefix(root, bytes_of("xa"), ACL_READ));
    assert_false(acl_selector_allows_prefix(root, bytes_of("ya"), ACL_READ));
    acl_user_release(user);
}

static void a_pattern_to_listen_to_is_taken_literally(void **state)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false);

    (void)state;
    assert_int_equal(apply(user, "&news.* (&chat)"), ACL_FINE);
    assert_true(acl_user_allows_channel(user, bytes_of("news.sport"), false));
    assert_true(acl_user_allows_channel(user, bytes_of("news.*"), true));
    assert_false(acl_user_allows_channel(user, bytes_of("news.s*"), true));
    assert_true(acl_user_allows_channel(user, bytes_of("chat"), false));
    assert_false(acl_user_allows_channel(user, bytes_of("mail"), false));
    acl_user_release(user);
}

static void only_who_may_do_everything_everywhere_is_unrestricted(void **state)
{
    static const char *const restricted[] = {"+@all ~*", "~* &* +@all -get", "+@all &* ~a",
                                             "~* &* +@all namespace=shop"};
    struct acl_user *user = acl_user_create_default();

    (void)state;
    acl_user_finish(user);
    assert_true(user->is_unrestricted);
    assert_int_equal(apply(user, "-get"), ACL_FINE);
    assert_false(user->is_unrestricted);
    assert_int_equal(apply(user, "+get"), ACL_FINE);
    assert_true(user->is_unrestricted);
    acl_user_release(user);
    for (size_t i = 0; i < COUNT_OF(restricted); i++) {
        user = acl_user_create(bytes_of("ann"), false);
        assert_int_equal(apply(user, restricted[i]), ACL_FINE);
        assert_false(user->is_unrestricted);
        acl_user_release(user);
    }
}

static void a_copy_is_the_same_and_its_own(void **state)
{
    struct acl_user *user = acl_user_create(bytes_of("ann"), false), *copy;
    struct buffer text = {0}, other = {0};

    (void)state;
    assert_int_equal(apply(user, "on >a ~k %R~r &c +get +select|0 (+set ~x) namespace=shop"),
                     ACL_FINE);
    copy = acl_user_copy(user);
    acl_user_describe(user, &text);
    acl_user_describe(copy, &other);
    assert_true(bytes_equal(buffer_view(&text), buffer_view(&other)));
    acl_user_release(user);
    other.size = 0;
    acl_user_describe(copy, &other);
    assert_true(bytes_equal(buffer_view(&text), buffer_view(&other)));
    buffer_clear(&text);
    buffer_clear(&other);
    acl_user_release(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_user_is_off_and_may_do_nothing),
        cmocka_unit_test(rules_are_described_by_rules),
        cmocka_unit_test(a_description_describes_itself),
        cmocka_unit_test(every_category_is_described_as_itself),
        cmocka_unit_test(reset_brings_a_user_back_to_nothing),
        cmocka_unit_test(a_selector_may_be_split_at_its_blanks),
        cmocka_unit_test(commands_of_redis_that_are_not_here_are_known),
        cmocka_unit_test(all_that_compat_misses_is_known),
        cmocka_unit_test(what_is_wrong_with_a_rule_is_said),
        cmocka_unit_test(a_hash_in_upper_case_is_none),
        cmocka_unit_test(an_open_parenthesis_is_named),
        cmocka_unit_test(passwords_are_kept_as_hashes),
        cmocka_unit_test(only_a_users_own_passwords_are_known),
        cmocka_unit_test(keys_are_read_and_written_by_permission),
        cmocka_unit_test(a_prefix_is_allowed_if_all_it_finds_is),
        cmocka_unit_test(a_pattern_to_listen_to_is_taken_literally),
        cmocka_unit_test(only_who_may_do_everything_everywhere_is_unrestricted),
        cmocka_unit_test(a_copy_is_the_same_and_its_own),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
