#include "commands/acl.h"

#include "unit/commands/talk.h"

#define NO_KEY "-NOPERM this user has no permissions to access one of the keys used as arguments"
#define NO_CHANNEL                                                                                 \
    "-NOPERM this user has no permissions to access one of the channels used as arguments"
#define WRONG "-WRONGPASS invalid username-password pair or user is disabled."
#define TIED  "-NOPERM this user is tied to the namespace 'shop'"

static const char *no_command(const char *name)
{
    static char text[128];

    (void)snprintf(text, sizeof text,
                   "-NOPERM this user has no permissions to run the '%s' command", name);
    return text;
}

static void ignore_bell(struct session *session)
{
    (void)session;
}

/* The other client logs in as a new user with these rules. */
static void enter(const char *rules)
{
    char line[512];

    (void)snprintf(line, sizeof line, "ACL SETUSER ann reset on >pw %s", rules);
    assert_string_equal(say(line), "+OK");
    assert_string_equal(say_other("AUTH ann pw"), "+OK");
    assert_string_equal(say("NAMESPACE SET db0 key-write-rate 0"), "+OK");
    talk.other.wake = ignore_bell;
}

/* --- who one is --- */

static void a_user_needs_the_right_password_and_to_be_on(void **state)
{
    (void)state;
    assert_string_equal(say("ACL SETUSER ann >pw"), "+OK");
    assert_string_equal(say_other("AUTH ann pw"), WRONG);
    assert_string_equal(say("ACL SETUSER ann on"), "+OK");
    assert_string_equal(say_other("AUTH ann no"), WRONG);
    assert_string_equal(say_other("AUTH bob pw"), WRONG);
    assert_string_equal(say_other("AUTH ann pw"), "+OK");
    assert_string_equal(say_other("ACL WHOAMI"), no_command("acl|whoami"));
    assert_string_equal(say("ACL WHOAMI"), "$7 default");
}

static void a_password_of_the_default_user_is_asked_for(void **state)
{
    (void)state;
    talk.other.is_authenticated = false;
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say("ACL SETUSER default >pw"), "+OK");
    assert_string_equal(say_other("GET a"), "-NOAUTH Authentication required.");
    assert_string_equal(say_other("AUTH pw"), "+OK");
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say("GET a"), "$-1"); /* who was in stays in */
}

static void logging_in_as_somebody_gives_nothing_to_who_is_not(void **state)
{
    (void)state;
    assert_string_equal(say("CONFIG SET requirepass pw"), "+OK");
    talk.other.is_authenticated = false;
    assert_string_equal(say_other("AUTH wrong"), WRONG);
    assert_string_equal(say_other("GET a"), "-NOAUTH Authentication required.");
}

static void requirepass_is_the_default_users_only_password(void **state)
{
    const struct bytes none[] = {bytes_of("CONFIG"), bytes_of("SET"), bytes_of("requirepass"),
                                 bytes_of("")};

    (void)state;
    assert_string_equal(say("ACL SETUSER default >old"), "+OK");
    assert_string_equal(say("CONFIG SET requirepass new"), "+OK");
    assert_string_equal(say("AUTH old"), WRONG);
    assert_string_equal(say("AUTH new"), "+OK");
    assert_string_equal(say_words(&talk.session, none, COUNT_OF(none)), "+OK");
    assert_string_equal(say("ACL LIST"), "*1 $34 user default on nopass ~* &* +@all");
}

static void a_deleted_user_is_gone_and_so_is_his_connection(void **state)
{
    (void)state;
    enter("+@all ~*");
    assert_string_equal(say("ACL DELUSER ann bob"), ":1");
    assert_true(atomic_load(&talk.other.is_killed));
    assert_string_equal(say_other("GET a"), "-NOPERM this user has been deleted");
    assert_true(talk.other.wants_close);
    assert_string_equal(say("ACL DELUSER default"), "-ERR The 'default' user cannot be removed");
}

/* --- what one may do --- */

static void rights_change_at_once(void **state)
{
    (void)state;
    enter("+get ~a");
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say_other("GET b"), NO_KEY);
    assert_string_equal(say_other("SET a 1"), no_command("set"));
    assert_string_equal(say("ACL SETUSER ann +set ~b -get"), "+OK");
    assert_string_equal(say_other("SET b 1"), "+OK");
    assert_string_equal(say_other("GET b"), no_command("get"));
    assert_string_equal(say("ACL SETUSER ann +@all ~* &*"), "+OK");
    assert_string_equal(say_other("GET c"), "$-1");
    assert_string_equal(say("ACL SETUSER ann -get"), "+OK");
    assert_string_equal(say_other("GET c"), no_command("get"));
}

static void every_key_of_a_request_is_looked_at(void **state)
{
    (void)state;
    enter("+@all %R~r* %W~w*");
    assert_string_equal(say_other("MGET r1 r2"), "*2 $-1 $-1");
    assert_string_equal(say_other("MGET r1 x"), NO_KEY);
    assert_string_equal(say_other("MSET w1 r1 w2 x"), "+OK");
    assert_string_equal(say_other("MSET w1 1 r1 2"), NO_KEY);
    assert_string_equal(say_other("COPY r1 w1"), ":0");
    assert_string_equal(say_other("COPY w1 r1"), NO_KEY);
    assert_string_equal(say_other("BITOP NOT w1 r1"), ":0");
    assert_string_equal(say_other("BITOP NOT r1 r2"), NO_KEY);
    assert_string_equal(say_other("SET w1 x"), "+OK");
    assert_string_equal(say_other("SET w1 x GET"), NO_KEY);
    assert_string_equal(say_other("INCR w1"), NO_KEY);
    assert_string_equal(say_other("EXISTS w1 r1"), ":1"); /* any permission will do */
}

static void a_listing_with_values_shows_only_what_may_be_read(void **state)
{
    (void)state;
    enter("+@all ~mine:*");
    assert_string_equal(say_other("KV.LIST PREFIX mine: WITHVALUES"),
                        "*6 $4 keys *0 $13 list_complete :1 $6 cursor $-1");
    assert_string_equal(say_other("KV.LIST PREFIX min WITHVALUES"), NO_KEY);
    assert_string_equal(say_other("KV.LIST WITHMETA"), NO_KEY);
    assert_string_equal(say_other("KV.LIST"), "*6 $4 keys *0 $13 list_complete :1 $6 cursor $-1");
}

static void one_selector_must_allow_all_of_it(void **state)
{
    (void)state;
    enter("(+get ~a) (+set ~b)");
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say_other("SET b 1"), "+OK");
    assert_string_equal(say_other("GET b"), NO_KEY);
    assert_string_equal(say_other("DEL a"), no_command("del"));
}

static void a_first_argument_can_be_allowed_alone(void **state)
{
    (void)state;
    enter("+select|1");
    assert_string_equal(say_other("SELECT 1"), "+OK");
    assert_string_equal(say_other("SELECT 0"), no_command("select"));
}

static void rules_that_change_meanwhile_hold_in_exec(void **state)
{
    (void)state;
    enter("+@all ~*");
    assert_string_equal(say_other("MULTI"), "+OK");
    assert_string_equal(say_other("SET a 1"), "+QUEUED");
    assert_string_equal(say_other("SET b 1"), "+QUEUED");
    assert_string_equal(say("ACL SETUSER ann resetkeys ~a"), "+OK");
    assert_string_equal(
        say_other("EXEC"),
        "*2 +OK -NOPERM ACLs rules changed between the moment the transaction was accumulated "
        "and the EXEC call. This command is no longer allowed for the following reason: no "
        "permission to touch the specified keys");
}

static void a_select_that_exec_refuses_leaves_the_rest_where_it_is(void **state)
{
    const char *answer;

    (void)state;
    assert_string_equal(say("SELECT 1"), "+OK");
    assert_string_equal(say("SET a other"), "+OK");
    assert_string_equal(say("SELECT 0"), "+OK");
    enter("+@all ~*");
    assert_string_equal(say_other("MULTI"), "+OK");
    assert_string_equal(say_other("SELECT 1"), "+QUEUED");
    assert_string_equal(say_other("APPEND a x"), "+QUEUED");
    assert_string_equal(say("ACL SETUSER ann -select"), "+OK");
    answer = say_other("EXEC");
    assert_non_null(strstr(answer, "*2 -NOPERM ACLs rules changed"));
    assert_non_null(strstr(answer, " :1"));
    assert_string_equal(say("GET a"), "$1 x");
}

static void what_is_refused_in_multi_ends_it(void **state)
{
    (void)state;
    enter("+@all -get ~*");
    assert_string_equal(say_other("MULTI"), "+OK");
    assert_string_equal(say_other("GET a"), no_command("get"));
    assert_string_equal(say_other("EXEC"),
                        "-EXECABORT Transaction discarded because of previous errors.");
}

static void subscribers_go_when_their_channel_is_taken_away(void **state)
{
    (void)state;
    enter("+@all &a &b* &c");
    assert_string_equal(say_other("SUBSCRIBE d"), NO_CHANNEL);
    assert_string_equal(say_other("SUBSCRIBE a bc"),
                        "*3 $9 subscribe $1 a :1 *3 $9 subscribe $2 bc :2");
    assert_string_equal(say("ACL SETUSER ann resetchannels &a &b*"), "+OK");
    assert_false(atomic_load(&talk.other.is_killed));
    assert_string_equal(say("ACL SETUSER ann resetchannels &a"), "+OK");
    assert_true(atomic_load(&talk.other.is_killed));
}

static void refusals_are_logged_and_counted(void **state)
{
    const char *log;

    (void)state;
    enter("+get ~a");
    (void)say_other("GET b");
    (void)say_other("GET b");
    log = say("ACL LOG");
    assert_non_null(strstr(log, "*1 *14 $5 count :2 $6 reason $3 key $7 context $8 toplevel "
                                "$6 object $1 b $8 username $3 ann $11 age-seconds "));
    assert_non_null(strstr(log, " user=ann "));
    (void)say_other("AUTH ann wrong");
    assert_non_null(strstr(say("ACL LOG 1"), "$4 auth $7 context $8 toplevel $6 object $4 AUTH"));
    assert_string_equal(say("CONFIG SET acllog-max-len 1"), "+OK");
    (void)say_other("SET b 1");
    assert_non_null(strstr(say("ACL LOG"), "*1 *14 $5 count :1 $6 reason $7 command"));
    assert_string_equal(say("ACL LOG RESET"), "+OK");
    assert_string_equal(say("ACL LOG"), "*0");
}

/* --- tied to a namespace --- */

static void enter_shop(void)
{
    assert_string_equal(say("NAMESPACE CREATE shop"), "+OK");
    assert_string_equal(say("NAMESPACE CREATE bank"), "+OK");
    assert_string_equal(say("NAMESPACE SET shop key-write-rate 0"), "+OK");
    enter("+@all ~* &* namespace=shop");
}

static void a_tied_user_lands_in_his_namespace(void **state)
{
    (void)state;
    enter_shop();
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("GET a"), "$-1");
    assert_string_equal(say("SELECT shop"), "+OK");
    assert_string_equal(say("GET a"), "$1 1");
}

static void a_tied_user_can_not_leave(void **state)
{
    static const char *const refused[] = {
        "SELECT 0",
        "SELECT bank",
        "SELECT nowhere",
        "NAMESPACE USE bank",
        "NAMESPACE INFO bank",
        "NAMESPACE GET bank",
        "NAMESPACE CREATE more",
        "NAMESPACE DELETE shop",
        "NAMESPACE RENAME shop mine",
        "NAMESPACE SET shop key-write-rate 9",
        "MOVE a 1",
        "COPY a b DB 1",
        "COPY a b REPLACE DB 1",
        "SWAPDB 0 1",
        "FLUSHALL",
        "CONFIG GET dir",
        "ACL SETUSER ann namespace=",
        "CLIENT LIST",
        "MONITOR",
        "DEBUG SLEEP 0",
        "GOSSIP STATUS",
    };

    (void)state;
    enter_shop();
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_string_equal(say_other(refused[i]), TIED);
    assert_string_equal(say_other("SELECT shop"), "+OK");
    assert_string_equal(say_other("NAMESPACE LIST"), "*1 $4 shop");
    assert_string_equal(say_other("SET 1 x"), "+OK");
    assert_string_equal(say_other("COPY 1 2"), ":1"); /* keys, not databases */
    assert_string_equal(say_other("DBSIZE"), ":2");
    assert_string_equal(say_other("FLUSHDB"), "+OK");
    assert_null(strstr(say_other("INFO namespaces"), "bank"));
}

static void a_tied_user_hears_of_no_other_keys(void **state)
{
    static const char *const refused[] = {
        "SUBSCRIBE news __keyspace@0__:a",
        "SUBSCRIBE __keyevent@bank__:del",
        "PSUBSCRIBE *",
        "PSUBSCRIBE __key*",
        "PSUBSCRIBE __keyspace@*__:a",
        "PSUBSCRIBE __keyspace@sho?__:a",
        "PSUBSCRIBE [_]*",
        "PUBLISH __keyspace@0__:a set",
    };

    (void)state;
    enter_shop();
    for (size_t i = 0; i < COUNT_OF(refused); i++)
        assert_string_equal(say_other(refused[i]), TIED);
    assert_string_equal(say_other("PSUBSCRIBE __keyspace@shop__:*"),
                        "*3 $10 psubscribe $19 __keyspace@shop__:* :1");
    assert_string_equal(say_other("PSUBSCRIBE n*"), "*3 $10 psubscribe $2 n* :2");
}

static void a_tied_user_can_not_leave_inside_multi(void **state)
{
    (void)state;
    enter_shop();
    assert_string_equal(say_other("MULTI"), "+OK");
    assert_string_equal(say_other("SELECT 0"), TIED);
    assert_string_equal(say_other("DISCARD"), "+OK");
}

static void reset_and_login_bring_a_tied_user_home(void **state)
{
    (void)state;
    enter_shop();
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say_other("RESET"), "+RESET");
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say_other("AUTH ann pw"), "+OK");
    assert_string_equal(say_other("GET a"), "$1 1");
}

static void who_is_tied_elsewhere_is_let_go_and_comes_back_there(void **state)
{
    (void)state;
    enter_shop();
    assert_string_equal(say_other("SET a 1"), "+OK");
    assert_string_equal(say("ACL SETUSER ann +get"), "+OK");
    assert_false(atomic_load(&talk.other.is_killed));
    assert_string_equal(say("ACL SETUSER ann namespace=db3"), "+OK");
    assert_true(atomic_load(&talk.other.is_killed));
    assert_string_equal(say_other("GET a"), "$-1");
    assert_string_equal(say_other("SELECT 3"), "+OK");
    assert_string_equal(say_other("SELECT 0"), "-NOPERM this user is tied to the namespace 'db3'");
}

static void without_its_namespace_a_tied_user_gets_nowhere(void **state)
{
    (void)state;
    assert_string_equal(say("ACL SETUSER ann on >pw +@all ~* namespace=shop"), "+OK");
    assert_string_equal(say_other("AUTH ann pw"),
                        "-ERR no such namespace 'shop': this user is tied to it");
    assert_string_equal(say_other("ACL WHOAMI"), "$7 default");
}

static void a_tied_default_user_is_home_from_the_start(void **state)
{
    (void)state;
    assert_string_equal(say("NAMESPACE CREATE shop"), "+OK");
    assert_string_equal(say("SELECT shop"), "+OK");
    assert_string_equal(say("SET a 1"), "+OK");
    talk.other.wake = ignore_bell;
    assert_string_equal(say("ACL SETUSER default namespace=shop"), "+OK");
    assert_true(talk.session.wants_close);
    assert_string_equal(say_other("GET a"), "$1 1");
    assert_string_equal(say_other("SELECT 0"), TIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, talk_set_up, talk_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_user_needs_the_right_password_and_to_be_on),
        TEST(a_password_of_the_default_user_is_asked_for),
        TEST(logging_in_as_somebody_gives_nothing_to_who_is_not),
        TEST(requirepass_is_the_default_users_only_password),
        TEST(a_deleted_user_is_gone_and_so_is_his_connection),
        TEST(rights_change_at_once),
        TEST(every_key_of_a_request_is_looked_at),
        TEST(a_listing_with_values_shows_only_what_may_be_read),
        TEST(one_selector_must_allow_all_of_it),
        TEST(a_first_argument_can_be_allowed_alone),
        TEST(rules_that_change_meanwhile_hold_in_exec),
        TEST(a_select_that_exec_refuses_leaves_the_rest_where_it_is),
        TEST(what_is_refused_in_multi_ends_it),
        TEST(subscribers_go_when_their_channel_is_taken_away),
        TEST(refusals_are_logged_and_counted),
        TEST(a_tied_user_lands_in_his_namespace),
        TEST(a_tied_user_can_not_leave),
        TEST(a_tied_user_hears_of_no_other_keys),
        TEST(a_tied_user_can_not_leave_inside_multi),
        TEST(reset_and_login_bring_a_tied_user_home),
        TEST(who_is_tied_elsewhere_is_let_go_and_comes_back_there),
        TEST(without_its_namespace_a_tied_user_gets_nowhere),
        TEST(a_tied_default_user_is_home_from_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
