#include "unit/test.h"

#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"

#define LINE_PATTERN                                                                               \
    "^[0-9]+:M [0-3][0-9] [A-Z][a-z][a-z] [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3} [.*#-] "

static char folder[] = "/tmp/test_log.XXXXXX";
static char path[64], moved_path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    (void)snprintf(path, sizeof path, "%s/log", folder);
    (void)snprintf(moved_path, sizeof moved_path, "%s/log.1", folder);
    return log_open(path, LOG_NOTICE) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(moved_path);
    return log_open("", LOG_NOTICE) ? rmdir(folder) : -1;
}

/* The file's text, in memory that the next call overwrites. */
static const char *logged(void)
{
    static char text[1 << 20];
    FILE *file = fopen(path, "r");
    size_t size;

    assert_non_null(file);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = '\0';
    (void)fclose(file);
    return text;
}

static bool matches(const char *text, const char *pattern)
{
    regex_t regex;
    bool is_match;

    assert_int_equal(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
    is_match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return is_match;
}

static void a_line_looks_like_one_of_redis(void **state)
{
    char pid[16];

    (void)state;
    log_line(LOG_NOTICE, "Ready on port %d", 6379);
    (void)snprintf(pid, sizeof pid, "%d:M ", (int)getpid());
    assert_memory_equal(logged(), pid, strlen(pid));
    assert_true(matches(logged(), LINE_PATTERN "Ready on port 6379\n$"));
}

static void each_level_has_its_mark(void **state)
{
    (void)state;
    log_set_level(LOG_DEBUG);
    log_line(LOG_DEBUG, "1");
    log_line(LOG_VERBOSE, "2");
    log_line(LOG_NOTICE, "3");
    log_line(LOG_WARNING, "4");
    assert_true(matches(logged(), " \\. 1\n.* - 2\n.* \\* 3\n.* # 4\n"));
}

static void lines_below_the_level_are_not_written(void **state)
{
    (void)state;
    log_line(LOG_VERBOSE, "unheard");
    log_set_level(LOG_WARNING);
    log_line(LOG_NOTICE, "unheard");
    log_line(LOG_WARNING, "heard");
    log_set_level(LOG_NOTHING);
    log_line(LOG_WARNING, "unheard");
    log_line(LOG_NOTHING, "unheard");
    assert_null(strstr(logged(), "unheard"));
    assert_non_null(strstr(logged(), "heard"));
}

static void a_long_text_is_cut_and_still_one_line(void **state)
{
    (void)state;
    log_line(LOG_NOTICE, "%010000d", 1);
    log_line(LOG_NOTICE, "next");
    assert_true(matches(logged(), "0\n[0-9]+:M [^\n]* next\n$"));
    assert_true(strlen(logged()) < 4096);
}

static void control_bytes_cannot_fake_a_line(void **state)
{
    (void)state;
    log_line(LOG_NOTICE, "bad title '%s'", "a\n1:M 01 Jan 2000 # gone\r\x1b\x7f");
    assert_true(matches(logged(), "bad title 'a 1:M 01 Jan 2000 # gone   '\n$"));
}

static void opening_appends(void **state)
{
    (void)state;
    log_line(LOG_NOTICE, "first");
    assert_true(log_open(path, LOG_NOTICE));
    log_line(LOG_NOTICE, "second");
    assert_true(matches(logged(), "first\n[^\n]*second\n$"));
}

static void a_file_that_cannot_be_opened_is_refused(void **state)
{
    (void)state;
    assert_false(log_open("/nonexistent/folder/log", LOG_NOTICE));
    log_line(LOG_NOTICE, "still here");
    assert_non_null(strstr(logged(), "still here"));
}

static void a_file_moved_away_is_made_anew(void **state)
{
    time_t deadline = time(NULL) + 10;

    (void)state;
    log_line(LOG_NOTICE, "old");
    assert_int_equal(rename(path, moved_path), 0);
    while (access(path, F_OK) != 0 && time(NULL) < deadline) {
        log_line(LOG_NOTICE, "after the move");
        (void)poll(NULL, 0, 20);
    }
    assert_true(matches(logged(), LINE_PATTERN "after the move\n$"));
    assert_null(strstr(logged(), "old"));
}

#define WRITERS 4
#define LINES   500

static void *write_lines(void *unused)
{
    for (int i = 0; i < LINES; i++)
        log_line(LOG_NOTICE, "a line of one of several threads, and it ends here");
    return unused;
}

static void lines_of_several_threads_stay_whole(void **state)
{
    pthread_t threads[WRITERS];
    const char *end;
    int count = 0;

    (void)state;
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, NULL), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (const char *line = logged(); (end = strchr(line, '\n')) != NULL; line = end + 1) {
        const char *text = strchr(line, '*');

        assert_true(text != NULL && text < end);
        assert_int_equal(end - text,
                         strlen("* a line of one of several threads, and it ends here"));
        count++;
    }
    assert_int_equal(count, WRITERS * LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_looks_like_one_of_redis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_level_has_its_mark, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_and_still_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(control_bytes_cannot_fake_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(opening_appends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_cannot_be_opened_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_moved_away_is_made_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_of_several_threads_stay_whole, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
