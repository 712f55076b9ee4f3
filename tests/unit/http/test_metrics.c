#include "http/metrics.h"

#include <string.h>

#include "unit/test.h"

static const char *metrics_of(const char *info)
{
    static struct buffer out;

    out.size = 0;
    metrics_write(bytes_of(info), &out);
    buffer_append_byte(&out, '\0');
    return out.data;
}

static void a_field_becomes_a_sample_with_its_type(void **state)
{
    (void)state;
    assert_string_equal(metrics_of("# Stats\r\nexpired_keys:12\r\nother:3\r\n"),
                        "# HELP grapevine_expired_keys_total Keys that expired.\n"
                        "# TYPE grapevine_expired_keys_total counter\n"
                        "grapevine_expired_keys_total 12\n");
}

static void a_field_is_its_whole_name(void **state)
{
    (void)state;
    assert_string_equal(metrics_of("commits_of_another_kind:1\r\n"), "");
}

static void what_is_no_number_is_no_sample(void **state)
{
    (void)state;
    assert_string_equal(metrics_of("uptime_in_seconds:long\r\n"), "");
    assert_null(strstr(metrics_of("peer0:id=1,addr=a:1,rtt_us=none,lag_ms=5\r\n"), "rtt"));
}

static void each_part_of_a_line_is_a_sample_with_the_lines_label(void **state)
{
    const char *out = metrics_of("ns:shop:keys=3,bytes=70\r\nns:blog:keys=1,bytes=9\r\n");

    (void)state;
    assert_non_null(strstr(out, "# TYPE grapevine_namespace_keys gauge\n"
                                "grapevine_namespace_keys{namespace=\"shop\"} 3\n"
                                "grapevine_namespace_keys{namespace=\"blog\"} 1\n"));
    assert_non_null(strstr(out, "grapevine_namespace_bytes{namespace=\"blog\"} 9\n"));
}

static void a_level_of_leveldb_is_called_by_its_number(void **state)
{
    const char *out = metrics_of("leveldb_level2:files=3,bytes=97517568,compaction_s=2,"
                                 "read_bytes=0,written_bytes=1048576\r\n");

    (void)state;
    assert_non_null(strstr(out, "grapevine_leveldb_level_bytes{level=\"2\"} 97517568\n"));
    assert_non_null(strstr(out, "# TYPE grapevine_leveldb_level_written_bytes_total counter\n"));
    assert_null(strstr(out, "compaction_s"));
}

static void a_peer_is_called_by_its_address(void **state)
{
    (void)state;
    assert_non_null(strstr(metrics_of("peer0:id=1f,addr=[::1]:16379,state=up,lag_ms=5\r\n"),
                           "grapevine_peer_lag_ms{peer=\"[::1]:16379\"} 5\n"));
}

static void a_label_can_hold_quotes(void **state)
{
    (void)state;
    assert_non_null(
        strstr(metrics_of("ns:a\"b\\c:keys=3,bytes=70\r\n"), "{namespace=\"a\\\"b\\\\c\"} 3\n"));
}

static void the_label_of_a_namespace_is_its_title(void **state)
{
    (void)state;
    assert_non_null(
        strstr(metrics_of("ns:a%3Ab%25%0Ac:keys=3,bytes=70\r\n"), "{namespace=\"a:b%\\nc\"} 3\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_field_becomes_a_sample_with_its_type),
        cmocka_unit_test(a_field_is_its_whole_name),
        cmocka_unit_test(what_is_no_number_is_no_sample),
        cmocka_unit_test(each_part_of_a_line_is_a_sample_with_the_lines_label),
        cmocka_unit_test(a_level_of_leveldb_is_called_by_its_number),
        cmocka_unit_test(a_peer_is_called_by_its_address),
        cmocka_unit_test(a_label_can_hold_quotes),
        cmocka_unit_test(the_label_of_a_namespace_is_its_title),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
