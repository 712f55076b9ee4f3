#include "unit/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "config/options.h"

/* --- what the tests say --- */

#define ARGUMENTS_MAX 16

/* Options after `grapevine-server <arguments>`, up to the first NULL. */
#define START(...) start((const char *const[ARGUMENTS_MAX]){__VA_ARGS__})

static struct options *try_start(const char *const *arguments, char error[OPTIONS_ERROR_MAX])
{
    struct options *options = options_create();
    char *argv[ARGUMENTS_MAX + 2];
    int argc = 1;

    argv[0] = xstrdup("grapevine-server");
    while (arguments[argc - 1] != NULL) {
        argv[argc] = xstrdup(arguments[argc - 1]);
        argc++;
    }
    if (options_parse(options, argc, argv, error) != STATUS_OK ||
        options_finish(options, error) != STATUS_OK) {
        options_destroy(options);
        options = NULL;
    }
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return options;
}

static struct options *start(const char *const *arguments)
{
    char error[OPTIONS_ERROR_MAX] = "";
    struct options *options = try_start(arguments, error);

    if (options == NULL)
        fail_msg("%s", error);
    return options;
}

#define ASSERT_NO_START(expected, ...)                                                             \
    assert_no_start(expected, (const char *const[ARGUMENTS_MAX]){__VA_ARGS__})

static void assert_no_start(const char *expected, const char *const *arguments)
{
    char error[OPTIONS_ERROR_MAX] = "";

    assert_null(try_start(arguments, error));
    assert_string_equal(error, expected);
}

struct seen {
    struct buffer text; /* "name=value\n" for each */
    int count;
};

static void see(void *context, const char *name, struct bytes value)
{
    struct seen *seen = context;

    buffer_printf(&seen->text, "%s=", name);
    buffer_append_bytes(&seen->text, value);
    buffer_append_byte(&seen->text, '\n');
    seen->count++;
}

static void assert_matches(const struct options *options, const char *pattern, const char *expected)
{
    struct bytes patterns[] = {bytes_of(pattern)};
    struct seen seen = {0};

    options_match(options, patterns, 1, see, &seen);
    buffer_append_byte(&seen.text, '\0');
    assert_string_equal(seen.text.data, expected);
    buffer_clear(&seen.text);
}

static void assert_shows(const struct options *options, const char *name, const char *value)
{
    struct buffer line = {0};

    buffer_printf(&line, "%s=%s\n", name, value);
    buffer_append_byte(&line, '\0');
    assert_matches(options, name, line.data);
    buffer_clear(&line);
}

#define SET(options, ...) set(options, (const char *const[ARGUMENTS_MAX]){__VA_ARGS__})

/* "" or the error. */
static const char *set(struct options *options, const char *const *words)
{
    static char error[OPTIONS_ERROR_MAX];
    struct bytes view[ARGUMENTS_MAX];
    size_t count = 0;

    for (; words[count] != NULL; count++)
        view[count] = bytes_of(words[count]);
    error[0] = '\0';
    if (options_set(options, view, count, error) != STATUS_OK)
        assert_true(error[0] != '\0');
    return error;
}

/* --- config files --- */

static char folder[] = "/tmp/grapevine-options-XXXXXX";
static char conf[sizeof(folder) + 16];
static char other[sizeof(folder) + 16];

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(conf, sizeof(conf), "%s/a.conf", folder);
    snprintf(other, sizeof(other), "%s/b.conf", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(conf);
    unlink(other);
    return rmdir(folder);
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void assert_file(const char *path, const char *expected)
{
    char text[4096];
    int fd = open(path, O_RDONLY);
    ssize_t size = read(fd, text, sizeof(text) - 1);

    close(fd);
    assert_true(size >= 0);
    text[size] = '\0';
    assert_string_equal(text, expected);
}

static void assert_bad_file(const char *text, const char *expected)
{
    char error[OPTIONS_ERROR_MAX] = "", line[OPTIONS_ERROR_MAX];

    write_file(conf, text);
    assert_null(try_start((const char *const[]){conf, NULL}, error));
    snprintf(line, sizeof(line), "file %s, %s", conf, expected);
    assert_string_equal(error, line);
}

/* --- the table --- */

static void defaults_are_as_documented(void **state)
{
    struct options *options = options_create();

    (void)state;
    assert_shows(options, "port", "6379");
    assert_shows(options, "http-port", "8379");
    assert_shows(options, "bind", "127.0.0.1");
    assert_shows(options, "dir", "./data");
    assert_shows(options, "cache-size", "268435456");
    assert_shows(options, "appendfsync", "everysec");
    assert_shows(options, "save", "3600 1 300 100 60 10000");
    assert_shows(options, "client-output-buffer-limit",
                 "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
    assert_shows(options, "latency-tracking-info-percentiles", "50 99 99.9");
    assert_shows(options, "notify-keyspace-events", "");
    assert_shows(options, "protected-mode", "yes");
    options_destroy(options);
}

static void overrides_of_limits_are_in_the_order_of_the_limits(void **state)
{
    (void)state;
    for (int i = 0; i < LIMIT_COUNT; i++)
        assert_string_equal(option_name((enum option_id)(OPTION_MAX_KEY_SIZE + i)),
                            limit_rules[i].name);
}

/* Those that refuse even the value that they have; tools that set all options know them by name. */
static bool is_immutable_in_redis(const char *name)
{
    static const char *const names[] = {
        "unixsocket", "unixsocketperm", "tcp-backlog",  "io-threads", "aclfile",
        "databases",  "logfile",        "pidfile",      "daemonize",  "replicaof",
        "slaveof",    "appendfilename", "appenddirname"};

    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

static void every_option_can_be_set_to_what_it_shows(void **state)
{
    struct options *options = START("--peer", "a:1", "--cluster-secret", "x");
    struct bytes all = bytes_of("*");
    struct seen before = {0}, after = {0};

    (void)state;
    options_match(options, &all, 1, see, &before);
    assert_true(before.count > 60);
    for (int i = 0; i < OPTION_COUNT; i++) {
        struct seen one = {0};
        struct bytes name = bytes_of(option_name((enum option_id)i));
        char error[OPTIONS_ERROR_MAX] = "";

        options_match(options, &name, 1, see, &one);
        assert_int_equal(one.count, 1);
        if (options_set(options,
                        (struct bytes[]){
                            name, {one.text.data + name.size + 1, one.text.size - name.size - 2}},
                        2, error) != STATUS_OK)
            assert_true(is_immutable_in_redis(option_name((enum option_id)i)));
        buffer_clear(&one.text);
    }
    options_match(options, &all, 1, see, &after);
    assert_true(bytes_equal(buffer_view(&before.text), buffer_view(&after.text)));
    buffer_clear(&before.text);
    buffer_clear(&after.text);
    options_destroy(options);
}

static void help_names_every_option_that_is_not_hidden(void **state)
{
    struct buffer text = {0};

    (void)state;
    options_help(&text);
    buffer_append_byte(&text, '\0');
    for (int i = 0; i < OPTION_COUNT; i++) {
        char flag[64];

        snprintf(flag, sizeof(flag), "  --%s ", option_name((enum option_id)i));
        assert_int_equal(strstr(text.data, flag) != NULL, i < OPTION_KEY_LOAD_DELAY);
    }
    buffer_clear(&text);
}

/* --- the command line --- */

static void names_are_followed_by_their_values(void **state)
{
    struct options *options = START("--port", "7000", "--APPENDFSYNC", "Always", "--bind",
                                    "127.0.0.1", "::1", "--cache-size", "1gb");

    (void)state;
    assert_int_equal(options_number(options, OPTION_PORT), 7000);
    assert_int_equal(options_number(options, OPTION_APPENDFSYNC), APPENDFSYNC_ALWAYS);
    assert_int_equal(options_number(options, OPTION_CACHE_SIZE), 1024 * 1024 * 1024);
    assert_shows(options, "bind", "127.0.0.1 ::1");
    assert_string_equal(options_file(options), "");
    options_destroy(options);
}

static void what_is_not_an_option_is_named(void **state)
{
    (void)state;
    ASSERT_NO_START("command line: unknown option 'nope'; --help lists them all", "--nope", "1");
    ASSERT_NO_START("command line: unknown option 'prot', did you mean 'port'?", "--prot", "1");
    ASSERT_NO_START("command line: unknown option 'max-clients', did you mean 'maxclients'?",
                    "--max-clients", "1");
    ASSERT_NO_START("command line: '-p' is neither --name nor the value of one", "-p", "1");
}

static void a_bad_value_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    ASSERT_NO_START("command line: port: 'abc' is not a number from 0 to 65535", "--port", "abc");
    ASSERT_NO_START("command line: port: '65536' is not a number from 0 to 65535", "--port",
                    "65536");
    ASSERT_NO_START("command line: port: '+1' is not a number from 0 to 65535", "--port", "+1");
    ASSERT_NO_START("command line: port: needs a value: a number from 0 to 65535", "--port");
    ASSERT_NO_START("command line: port: takes one value, not 2: a number from 0 to 65535",
                    "--port", "1", "2");
    ASSERT_NO_START("command line: cache-size: '1023kb' is not a size of at least 1mb, in bytes or "
                    "with kb, mb, gb",
                    "--cache-size", "1023kb");
    ASSERT_NO_START("command line: appendfsync: 'never' is not one of everysec, always, no",
                    "--appendfsync", "never");
    ASSERT_NO_START("command line: daemonize: '1' is not yes or no", "--daemonize", "1");
    ASSERT_NO_START("command line: max-key-size: '65536' is not a size from 1 to 65535, in bytes "
                    "or with kb, mb, gb, or profile",
                    "--max-key-size", "65536");
    ASSERT_NO_START("command line: unixsocketperm: '778' is not an octal number from 0 to 777",
                    "--unixsocketperm", "778");
    ASSERT_NO_START("command line: peer: 'here' is not host:port with a port from 1 to 65535, at "
                    "most 1024 of them",
                    "--peer", "here");
}

static void a_secret_is_not_repeated_in_an_error(void **state)
{
    char secret[5000], error[OPTIONS_ERROR_MAX] = "";

    (void)state;
    memset(secret, 's', sizeof(secret) - 1);
    secret[sizeof(secret) - 1] = '\0';
    assert_null(try_start((const char *const[]){"--requirepass", secret, NULL}, error));
    assert_string_equal(error,
                        "command line: requirepass: the value is not a text of 0 to 4096 bytes");
    assert_null(try_start((const char *const[]){"--http-token", secret, NULL}, error));
    assert_string_equal(error, "command line: http-token: the value is not a text of 0 to 4096 "
                               "bytes without a zero byte");
}

static void an_error_stays_on_one_line_of_text(void **state)
{
    (void)state;
    ASSERT_NO_START("command line: port: '1?2?' is not a number from 0 to 65535", "--port",
                    "1\n2\xff");
}

/* --- the config file --- */

static void a_file_is_read_like_redis_conf(void **state)
{
    struct options *options;

    (void)state;
    write_file(conf, "# comment\n\n  \t# another\nPort 7001\r\nbind 127.0.0.1 \"::1\"\n"
                     "requirepass \"a b\\x21\"\nsave 900 1\nsave 60 10 30 20\ntimeout 5");
    options = START(conf, "--timeout", "6", "--save", "5 5");
    assert_int_equal(options_number(options, OPTION_PORT), 7001);
    assert_int_equal(options_number(options, OPTION_TIMEOUT), 6);
    assert_shows(options, "bind", "127.0.0.1 ::1");
    assert_shows(options, "requirepass", "a b!");
    assert_shows(options, "save", "900 1 60 10 30 20 5 5");
    assert_string_equal(options_file(options), conf);
    options_destroy(options);
}

static void a_name_may_come_with_its_value(void **state)
{
    struct options *options =
        START("--timeout 5", "--requirepass 'a b'", "--bind 127.0.0.1", "::1", "--port", "7001");

    (void)state;
    assert_shows(options, "timeout", "5");
    assert_shows(options, "requirepass", "a b");
    assert_shows(options, "bind", "127.0.0.1 ::1");
    assert_shows(options, "port", "7001");
    options_destroy(options);
    ASSERT_NO_START("command line: unknown option 'timeouts', did you mean 'timeout'?",
                    "--timeouts 5");
    ASSERT_NO_START("command line: unknown option ' timeout', did you mean 'timeout'?",
                    "-- timeout");
}

static void an_empty_save_forgets_the_ones_before(void **state)
{
    struct options *options;

    (void)state;
    write_file(conf, "save 900 1\nsave \"\"\n");
    options = START(conf);
    assert_shows(options, "save", "");
    options_destroy(options);
    write_file(conf, "save 900 1\nsave\n");
    options = START(conf);
    assert_shows(options, "save", "");
    options_destroy(options);
    options = START("--save", "--timeout", "5");
    assert_shows(options, "save", "");
    options_destroy(options);
    options = START(conf, "--save", "1", "2");
    assert_shows(options, "save", "1 2");
    options_destroy(options);
}

static void lines_for_classes_of_clients_add_up(void **state)
{
    struct options *options;
    struct output_limit limit;

    (void)state;
    write_file(conf, "client-output-buffer-limit normal 1mb 1kb 10\n"
                     "client-output-buffer-limit Replica 3 2 1\n");
    options = START(conf);
    limit = options_output_limit(options, CLIENT_CLASS_NORMAL);
    assert_int_equal(limit.hard_bytes, 1024 * 1024);
    assert_int_equal(limit.soft_bytes, 1024);
    assert_int_equal(limit.soft_seconds, 10);
    assert_int_equal(options_output_limit(options, CLIENT_CLASS_PUBSUB).soft_bytes, 8388608);
    assert_shows(options, "client-output-buffer-limit",
                 "normal 1048576 1024 10 slave 3 2 1 pubsub 33554432 8388608 60");
    options_destroy(options);
}

static void a_bad_line_is_named_by_file_and_number(void **state)
{
    (void)state;
    assert_bad_file("# one\nport 1\nmaxclient 5\n",
                    "line 3: unknown option 'maxclient', did you mean 'maxclients'?");
    assert_bad_file("maxclients 0\n",
                    "line 1: maxclients: '0' is not a number from 1 to 4294967295");
    assert_bad_file("port\n", "line 1: port: needs a value: a number from 0 to 65535");
    assert_bad_file("\n\nrequirepass \"abc\n",
                    "line 3: a quote is not closed, or something follows it without a blank");
    assert_bad_file("save 900\n", "line 1: save: '900' is not pairs of seconds and changes, such "
                                  "as 3600 1 300 100, or \"\"");
    assert_bad_file("include\n", "line 1: include: takes one file");
    ASSERT_NO_START("command line: cannot read 'no/such/file': No such file or directory",
                    "no/such/file");
}

static void a_file_can_include_others_but_not_itself_for_ever(void **state)
{
    struct options *options;
    char line[128];

    (void)state;
    snprintf(line, sizeof(line), "port 1\ninclude %s\n", other);
    write_file(conf, line);
    write_file(other, "port 2\n");
    options = START(conf);
    assert_int_equal(options_number(options, OPTION_PORT), 2);
    options_destroy(options);
    snprintf(line, sizeof(line), "include %s\n", conf);
    assert_bad_file(line, "line 1: include: files include each other more than 8 deep");
}

/* --- what depends on other options --- */

static void a_peer_needs_a_secret(void **state)
{
    (void)state;
    ASSERT_NO_START("command line: peer: needs cluster-secret or cluster-secret-file too", "--peer",
                    "a:1");
    ASSERT_NO_START("command line: peer: has no meaning with replication no", "--peer", "a:1",
                    "--cluster-secret", "x", "--replication", "no");
    options_destroy(START("--peer", "a:1", "--peer", "[::1]:2", "--cluster-secret", "x"));
}

static void the_secret_can_come_from_a_file_and_is_then_not_shown(void **state)
{
    struct options *options;
    char *secret;

    (void)state;
    write_file(other, "psst\r\n");
    options = START("--cluster-secret-file", other);
    secret = options_take_text(options, OPTION_CLUSTER_SECRET);
    assert_string_equal(secret, "psst");
    free(secret);
    assert_shows(options, "cluster-secret", "");
    options_destroy(options);
    ASSERT_NO_START(
        "command line: cluster-secret-file: give either this or cluster-secret, not both",
        "--cluster-secret", "x", "--cluster-secret-file", other);
    ASSERT_NO_START(
        "command line: cluster-secret-file: cannot read 'gone': No such file or directory",
        "--cluster-secret-file", "gone");
}

static void the_gossip_port_is_computed_only_with_a_secret(void **state)
{
    struct options *options = START("--port", "60000");

    (void)state;
    assert_int_equal(options_number(options, OPTION_GOSSIP_PORT), 0);
    options_destroy(options);
    options = START("--port", "7000", "--cluster-secret", "x");
    assert_int_equal(options_number(options, OPTION_GOSSIP_PORT), 17000);
    options_destroy(options);
    ASSERT_NO_START("gossip-port: port + 10000 is over 65535: give one from 1 to 65535", "--port",
                    "60000", "--cluster-secret", "x");
}

static void threads_are_counted_if_not_given(void **state)
{
    struct options *options = START(NULL);

    (void)state;
    assert_true(options_number(options, OPTION_IO_THREADS) >= 1);
    assert_true(options_number(options, OPTION_IO_THREADS) <= 128);
    options_destroy(options);
}

static void other_conflicts_stop_the_start(void **state)
{
    (void)state;
    ASSERT_NO_START("http-port: port is 8379 as well; give them different ports", "--port", "8379");
    ASSERT_NO_START("command line: port: nothing to listen on: give port, tls-port or unixsocket",
                    "--port", "0");
    ASSERT_NO_START("command line: peer: 'http://host:1' is not host:port with a port from 1 to "
                    "65535, at most 1024 of them",
                    "--cluster-secret", "s", "--peer", "http://host:1");
    ASSERT_NO_START("command line: tls-port: needs tls-cert-file and tls-key-file too",
                    "--tls-port", "1");
    ASSERT_NO_START("command line: replicaof: Redis's replication is not offered: see peer",
                    "--replicaof", "host", "6379");
    options_destroy(START("--slaveof", "no", "one"));
    options_destroy(START("--port", "0", "--http-port", "0", "--unixsocket", "s"));
}

/* --- limits --- */

static void a_limit_is_the_profiles_until_it_is_overridden(void **state)
{
    struct options *options = START("--limits", "current", "--max-key-size", "100");

    (void)state;
    assert_int_equal(options_number(options, OPTION_MAX_VALUE_SIZE), -1);
    assert_shows(options, "max-value-size", "26214400");
    assert_shows(options, "max-key-size", "100");
    assert_string_equal(SET(options, "limits", "none"), "");
    assert_shows(options, "max-value-size", "536870912");
    assert_shows(options, "key-write-rate", "0");
    assert_int_equal(options_limits(options).at[LIMIT_KEY_SIZE], 100);
    assert_string_equal(SET(options, "max-key-size", "profile"), "");
    assert_int_equal(options_limits(options).at[LIMIT_KEY_SIZE], 65535);
    options_destroy(options);
}

/* --- CONFIG GET --- */

static void patterns_ignore_case_and_match_each_option_once(void **state)
{
    struct options *options = options_create();
    struct bytes patterns[] = {bytes_of("MAXMEMORY"), bytes_of("maxmemory*"), bytes_of("*-policy"),
                               bytes_of("nope")};
    struct seen seen = {0};

    (void)state;
    options_match(options, patterns, COUNT_OF(patterns), see, &seen);
    assert_int_equal(seen.count, 4);
    buffer_clear(&seen.text);
    assert_matches(options, "lo[g]*", "loglevel=notice\nlogfile=\n");
    options_destroy(options);
}

static void a_hidden_option_is_shown_only_by_its_whole_name(void **state)
{
    struct options *options = options_create();

    (void)state;
    assert_matches(options, "key-load*", "");
    assert_matches(options, "key-load-delay", "key-load-delay=0\n");
    options_destroy(options);
}

static void values_are_shown_in_one_spelling(void **state)
{
    struct options *options = options_create();

    (void)state;
    SET(options, "notify-keyspace-events", "KEA");
    assert_shows(options, "notify-keyspace-events", "AKE");
    SET(options, "notify-keyspace-events", "Exl$K");
    assert_shows(options, "notify-keyspace-events", "$lxKE");
    SET(options, "notify-keyspace-events", "g$lshzxetdm");
    assert_shows(options, "notify-keyspace-events", "Am");
    SET(options, "latency-tracking-info-percentiles", "50.0 99.990  100");
    assert_shows(options, "latency-tracking-info-percentiles", "50 99.99 100");
    SET(options, "latency-tracking-info-percentiles", "");
    assert_shows(options, "latency-tracking-info-percentiles", "");
    SET(options, "proto-max-bulk-len", "2mb");
    assert_shows(options, "proto-max-bulk-len", "2097152");
    SET(options, "maxmemory-clients", "5%");
    assert_shows(options, "maxmemory-clients", "5%");
    options_destroy(options);
}

/* --- CONFIG SET --- */

static void errors_are_redis_texts(void **state)
{
    static const struct {
        const char *name, *value, *problem;
    } cases[] = {
        {"maxclients", "x", "argument couldn't be parsed into an integer"},
        {"maxclients", "0", "argument must be between 1 and 4294967295 inclusive"},
        {"databases", "16", "can't set immutable config"},
        {"http-port", "1", "can't set immutable config"},
        {"appendfsync", "x", "argument(s) must be one of the following: everysec, always, no"},
        {"protected-mode", "x", "argument must be 'yes' or 'no'"},
        {"maxmemory", "x", "argument must be a memory value"},
        {"maxmemory-clients", "200%", "percentage argument must be less or equal to 100"},
        {"maxmemory-clients", "x", "argument must be a memory or percent value"},
        {"save", "1", "Invalid save parameters"},
        {"save", "0 1", "Invalid save parameters"},
        {"notify-keyspace-events", "Q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
        {"latency-tracking-info-percentiles", "x",
         "Invalid latency-tracking-info-percentiles parameters"},
        {"latency-tracking-info-percentiles", "101",
         "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"},
        {"client-output-buffer-limit", "normal 1 2",
         "Wrong number of arguments in buffer limit configuration."},
        {"client-output-buffer-limit", "nobody 1 2 3",
         "Invalid client class specified in buffer limit configuration."},
        {"client-output-buffer-limit", "normal x 2 3",
         "Error in hard, soft or soft_seconds setting in buffer limit configuration."},
    };
    struct options *options = options_create();

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char expected[OPTIONS_ERROR_MAX];

        snprintf(expected, sizeof(expected),
                 "CONFIG SET failed (possibly related to argument '%s') - %s", cases[i].name,
                 cases[i].problem);
        assert_string_equal(SET(options, cases[i].name, cases[i].value), expected);
    }
    assert_string_equal(SET(options, "timeout", "1", "nope", "1"),
                        "Unknown option or number of arguments for CONFIG SET - 'nope'");
    assert_string_equal(SET(options, "timeout", "1", "Timeout", "2"),
                        "CONFIG SET failed (possibly related to argument 'Timeout') - duplicate "
                        "parameter");
    assert_string_equal(SET(options, "timeout"), "syntax error");
    assert_shows(options, "timeout", "0");
    options_destroy(options);
}

static void a_text_has_no_zero_byte(void **state)
{
    struct options *options = options_create();
    struct bytes words[] = {bytes_of("http-token"), {"a\0b", 3}};
    char error[OPTIONS_ERROR_MAX];

    (void)state;
    assert_int_equal(options_set(options, words, 2, error), STATUS_FAILED);
    assert_shows(options, "http-token", "");
    options_destroy(options);
}

static void pairs_are_set_together_or_not_at_all(void **state)
{
    struct options *options = options_create();

    (void)state;
    assert_string_equal(SET(options, "timeout", "7", "loglevel", "debug", "save", "1 2"), "");
    assert_int_equal(options_number(options, OPTION_TIMEOUT), 7);
    assert_int_equal(options_number(options, OPTION_LOGLEVEL), LOG_DEBUG);
    assert_shows(options, "save", "1 2");
    assert_true(SET(options, "timeout", "8", "save", "3 4", "hz", "x")[0] != '\0');
    assert_int_equal(options_number(options, OPTION_TIMEOUT), 7);
    assert_shows(options, "save", "1 2");
    options_destroy(options);
}

static void only_the_classes_given_change(void **state)
{
    struct options *options = options_create();

    (void)state;
    assert_string_equal(SET(options, "client-output-buffer-limit", "pubsub 3 2 1"), "");
    assert_int_equal(options_output_limit(options, CLIENT_CLASS_PUBSUB).hard_bytes, 3);
    assert_shows(options, "client-output-buffer-limit",
                 "normal 0 0 0 slave 268435456 67108864 60 pubsub 3 2 1");
    options_destroy(options);
}

/* --- hooks --- */

struct witness {
    const struct options *options;
    int64_t refused; /* the value to refuse */
    int64_t seen[8];
    int calls;
};

static bool witness_change(void *context, enum option_id id, char error[OPTIONS_ERROR_MAX])
{
    struct witness *witness = context;
    int64_t number = options_number(witness->options, id);

    witness->seen[witness->calls++] = number;
    if (number != witness->refused)
        return true;
    snprintf(error, OPTIONS_ERROR_MAX, "Unable to listen on this port. Check server logs.");
    return false;
}

static void a_hook_sees_the_new_value_and_only_if_it_is_new(void **state)
{
    struct options *options = options_create();
    struct witness witness = {.options = options, .refused = -1};

    (void)state;
    options_set_hook(options, OPTION_TIMEOUT, witness_change, &witness);
    SET(options, "timeout", "5");
    SET(options, "timeout", "5");
    assert_int_equal(witness.calls, 1);
    assert_int_equal(witness.seen[0], 5);
    options_destroy(options);
}

static void a_refusing_hook_brings_all_old_values_back(void **state)
{
    struct options *options = options_create();
    struct witness timeout = {.options = options, .refused = -1};
    struct witness port = {.options = options, .refused = 80};

    (void)state;
    options_set_hook(options, OPTION_TIMEOUT, witness_change, &timeout);
    options_set_hook(options, OPTION_PORT, witness_change, &port);
    assert_string_equal(SET(options, "timeout", "5", "port", "80", "save", ""),
                        "CONFIG SET failed (possibly related to argument 'port') - Unable to "
                        "listen on this port. Check server logs.");
    assert_int_equal(options_number(options, OPTION_PORT), 6379);
    assert_shows(options, "save", "3600 1 300 100 60 10000");
    assert_int_equal(timeout.calls, 2);
    assert_int_equal(timeout.seen[1], 0);
    assert_string_equal(SET(options, "port", "81"), "");
    options_destroy(options);
}

static void a_hook_of_several_options_is_called_once_for_all(void **state)
{
    struct options *options = options_create();
    struct witness witness = {.options = options, .refused = 7}, hz = witness;

    (void)state;
    options_set_hook(options, OPTION_TIMEOUT, witness_change, &witness);
    options_set_hook(options, OPTION_TCP_KEEPALIVE, witness_change, &witness);
    options_set_hook(options, OPTION_HZ, witness_change, &hz);
    assert_string_equal(SET(options, "timeout", "5", "hz", "11", "tcp-keepalive", "6"), "");
    assert_int_equal(witness.calls, 1);
    assert_int_equal(hz.calls, 1);
    assert_true(SET(options, "timeout", "1", "tcp-keepalive", "1", "hz", "7")[0] != '\0');
    assert_int_equal(witness.calls, 3); /* there and back */
    assert_int_equal(witness.seen[1], 1);
    assert_int_equal(witness.seen[2], 5);
    options_destroy(options);
}

static void a_file_named_again_is_a_change(void **state)
{
    struct options *options = START("--tls-cert-file", "x.crt");
    struct witness witness = {.options = options, .refused = -1};

    (void)state;
    options_set_hook(options, OPTION_TLS_CERT_FILE, witness_change, &witness);
    assert_string_equal(SET(options, "tls-cert-file", "x.crt"), "");
    assert_string_equal(SET(options, "tls-cert-file", "x.crt"), "");
    assert_int_equal(witness.calls, 2);
    options_destroy(options);
}

static void secrets_are_known_by_name(void **state)
{
    (void)state;
    assert_true(options_is_secret(bytes_of("RequirePass")));
    assert_true(options_is_secret(bytes_of("cluster-secret")));
    assert_false(options_is_secret(bytes_of("port")));
    assert_false(options_is_secret(bytes_of("nope")));
}

/* --- CONFIG REWRITE --- */

static const char *rewrite(struct options *options)
{
    static char error[OPTIONS_ERROR_MAX];

    error[0] = '\0';
    if (options_rewrite(options, bytes_of(""), error) != STATUS_OK)
        assert_true(error[0] != '\0');
    return error;
}

static void without_a_file_there_is_nothing_to_rewrite(void **state)
{
    struct options *options = options_create();

    (void)state;
    assert_string_equal(rewrite(options), "The server is running without a config file");
    options_destroy(options);
}

static void only_what_changed_is_rewritten(void **state)
{
    struct options *options;

    (void)state;
    write_file(conf, "# mine\nPORT   7000\n\ntimeout 5 \nsave 900 1\n# kept\nsave 60 1\n");
    options = START(conf, "--loglevel", "debug");
    SET(options, "timeout", "6", "save", "1 1 2 2", "requirepass", "two words");
    assert_string_equal(rewrite(options), "");
    assert_file(conf, "# mine\nPORT   7000\n\ntimeout 6\nsave 1 1 2 2\n# kept\n"
                      "# Generated by CONFIG REWRITE\nrequirepass \"two words\"\nloglevel debug\n");
    SET(options, "requirepass", "", "timeout", "0");
    assert_string_equal(rewrite(options), "");
    assert_file(conf, "# mine\nPORT   7000\n\ntimeout 0\nsave 1 1 2 2\n# kept\n"
                      "# Generated by CONFIG REWRITE\nrequirepass \"\"\nloglevel debug\n");
    options_destroy(options);
}

static void assert_holds(const struct options *options, enum option_id id, struct bytes expected)
{
    struct bytes value = options_take_bytes(options, id);

    assert_int_equal(value.size, expected.size);
    assert_memory_equal(value.data, expected.data, expected.size);
    xbytes_free(value);
}

static void a_password_may_have_zero_bytes(void **state)
{
    const struct bytes ours = {"a\0b", 3}, others = {"a\0c", 3};
    struct bytes words[] = {bytes_of("requirepass"), ours, bytes_of("masterauth"), others};
    struct options *options;
    char error[OPTIONS_ERROR_MAX];

    (void)state;
    write_file(conf, "requirepass \"\\x00z\"\n");
    options = START(conf);
    assert_holds(options, OPTION_REQUIREPASS, (struct bytes){"\0z", 2});
    assert_int_equal(options_set(options, words, COUNT_OF(words), error), STATUS_OK);
    assert_holds(options, OPTION_REQUIREPASS, ours);
    assert_holds(options, OPTION_MASTERAUTH, others);

    words[1] = others; /* only what is behind the zero differs */
    assert_int_equal(options_set(options, words, 2, error), STATUS_OK);
    assert_holds(options, OPTION_REQUIREPASS, others);

    assert_string_equal(rewrite(options), "");
    assert_file(conf, "requirepass \"a\\x00c\"\n# Generated by CONFIG REWRITE\n"
                      "masterauth \"a\\x00c\"\n");
    options_destroy(options);
}

static void what_was_rewritten_starts_the_same_again(void **state)
{
    struct options *options, *again;
    struct bytes all = bytes_of("*");
    struct seen before = {0}, after = {0};

    (void)state;
    write_file(conf, "");
    options = START(conf, "--cluster-secret", "a\"b\\c'd#", "--peer", "a:1", "--peer", "b:2",
                    "--unixsocketperm", "700", "--max-key-size", "9", "--limits", "current",
                    "--latency-tracking-info-percentiles", "");
    SET(options, "save", "", "client-output-buffer-limit", "normal 1 2 3");
    SET(options, "notify-keyspace-events", "KA", "masterauth", "\x01\xff", "maxmemory-clients",
        "3%");
    assert_string_equal(rewrite(options), "");
    again = START(conf);
    options_match(options, &all, 1, see, &before);
    options_match(again, &all, 1, see, &after);
    assert_true(bytes_equal(buffer_view(&before.text), buffer_view(&after.text)));
    buffer_clear(&before.text);
    buffer_clear(&after.text);
    options_destroy(again);
    options_destroy(options);
}

static void what_included_files_say_is_overridden_behind_them(void **state)
{
    struct options *options;
    char line[128], expected[256];

    (void)state;
    write_file(other, "port 2\ntimeout 3\nsave 1 1\n");
    snprintf(line, sizeof(line), "timeout 1\ninclude %s\n", other);
    write_file(conf, line);
    options = START(conf);
    SET(options, "timeout", "9", "save", "2 2");
    assert_string_equal(rewrite(options), "");
    snprintf(expected, sizeof(expected),
             "include %s\n# Generated by CONFIG REWRITE\ntimeout 9\nsave \"\"\nsave 2 2\n", other);
    assert_file(conf, expected);
    options_destroy(options);
    options = START(conf);
    assert_shows(options, "timeout", "9");
    assert_shows(options, "save", "2 2");
    options_destroy(options);
}

static void computed_values_are_not_written(void **state)
{
    struct options *options;

    (void)state;
    write_file(other, "psst\n");
    write_file(conf, "# nothing\n");
    options = START(conf, "--cluster-secret-file", other);
    assert_string_equal(rewrite(options), "");
    options_destroy(options);
    options = START(conf);
    options_destroy(options);
    write_file(conf, "# nothing\n");
    options = START(conf);
    assert_string_equal(rewrite(options), "");
    assert_file(conf, "# nothing\n");
    options_destroy(options);
}

static void a_file_that_can_not_be_rewritten_stays_as_it_is(void **state)
{
    struct options *options;
    char expected[OPTIONS_ERROR_MAX];

    (void)state;
    write_file(conf, "port 1\n");
    options = START(conf);
    write_file(conf, "port 1\nnonsense\n");
    snprintf(expected, sizeof(expected),
             "Rewriting config file: file %s, line 2: unknown option 'nonsense'; --help lists them "
             "all",
             conf);
    assert_string_equal(rewrite(options), expected);
    assert_file(conf, "port 1\nnonsense\n");
    options_destroy(options);
}

static void a_rewritten_file_keeps_its_mode(void **state)
{
    struct options *options;
    struct stat status;

    (void)state;
    write_file(conf, "port 1\n");
    assert_int_equal(chmod(conf, 0640), 0);
    options = START(conf, "--timeout", "4");
    assert_string_equal(rewrite(options), "");
    assert_int_equal(stat(conf, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0640);
    options_destroy(options);
}

/* --- threads --- */

static void *read_many_times(void *context)
{
    const struct options *options = context;

    for (int i = 0; i < 2000; i++) {
        struct bytes text = options_take_bytes(options, OPTION_REQUIREPASS);

        assert_true(text.size == 0 || bytes_is_word(text, "one") || bytes_is_word(text, "other"));
        xbytes_free(text);
        (void)options_number(options, OPTION_TIMEOUT);
        (void)options_limits(options);
        (void)options_output_limit(options, CLIENT_CLASS_NORMAL);
    }
    return NULL;
}

static void options_can_be_read_while_they_change(void **state)
{
    struct options *options = options_create();
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, read_many_times, options), 0);
    for (int i = 0; i < 500; i++)
        SET(options, "requirepass", i % 2 ? "one" : "other", "timeout", i % 2 ? "1" : "2",
            "client-output-buffer-limit", i % 2 ? "normal 1 1 1" : "normal 2 2 2");
    assert_int_equal(pthread_join(thread, NULL), 0);
    options_destroy(options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_as_documented),
        cmocka_unit_test(overrides_of_limits_are_in_the_order_of_the_limits),
        cmocka_unit_test(every_option_can_be_set_to_what_it_shows),
        cmocka_unit_test(help_names_every_option_that_is_not_hidden),
        cmocka_unit_test(names_are_followed_by_their_values),
        cmocka_unit_test(a_name_may_come_with_its_value),
        cmocka_unit_test(what_is_not_an_option_is_named),
        cmocka_unit_test(a_bad_value_is_named_with_what_is_allowed),
        cmocka_unit_test(a_secret_is_not_repeated_in_an_error),
        cmocka_unit_test(an_error_stays_on_one_line_of_text),
        cmocka_unit_test(a_file_is_read_like_redis_conf),
        cmocka_unit_test(an_empty_save_forgets_the_ones_before),
        cmocka_unit_test(lines_for_classes_of_clients_add_up),
        cmocka_unit_test(a_bad_line_is_named_by_file_and_number),
        cmocka_unit_test(a_file_can_include_others_but_not_itself_for_ever),
        cmocka_unit_test(a_peer_needs_a_secret),
        cmocka_unit_test(the_secret_can_come_from_a_file_and_is_then_not_shown),
        cmocka_unit_test(the_gossip_port_is_computed_only_with_a_secret),
        cmocka_unit_test(threads_are_counted_if_not_given),
        cmocka_unit_test(other_conflicts_stop_the_start),
        cmocka_unit_test(a_limit_is_the_profiles_until_it_is_overridden),
        cmocka_unit_test(patterns_ignore_case_and_match_each_option_once),
        cmocka_unit_test(a_hidden_option_is_shown_only_by_its_whole_name),
        cmocka_unit_test(values_are_shown_in_one_spelling),
        cmocka_unit_test(errors_are_redis_texts),
        cmocka_unit_test(a_text_has_no_zero_byte),
        cmocka_unit_test(pairs_are_set_together_or_not_at_all),
        cmocka_unit_test(only_the_classes_given_change),
        cmocka_unit_test(a_hook_sees_the_new_value_and_only_if_it_is_new),
        cmocka_unit_test(a_refusing_hook_brings_all_old_values_back),
        cmocka_unit_test(a_hook_of_several_options_is_called_once_for_all),
        cmocka_unit_test(a_file_named_again_is_a_change),
        cmocka_unit_test(secrets_are_known_by_name),
        cmocka_unit_test(without_a_file_there_is_nothing_to_rewrite),
        cmocka_unit_test(only_what_changed_is_rewritten),
        cmocka_unit_test(a_password_may_have_zero_bytes),
        cmocka_unit_test(what_was_rewritten_starts_the_same_again),
        cmocka_unit_test(what_included_files_say_is_overridden_behind_them),
        cmocka_unit_test(computed_values_are_not_written),
        cmocka_unit_test(a_file_that_can_not_be_rewritten_stays_as_it_is),
        cmocka_unit_test(a_rewritten_file_keeps_its_mode),
        cmocka_unit_test(options_can_be_read_while_they_change),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
