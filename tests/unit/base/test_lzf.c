#include "base/lzf.h"

#include <stdlib.h>

#include "base/memory.h"
#include "unit/test.h"

/* Unpacks in memory of just that size, so that a sanitizer sees any byte beside it. */
static void assert_unpacks(const char *packed, size_t packed_size, const char *expected)
{
    size_t size = strlen(expected);
    char *into = xmalloc(size + 1);
    char *packed_copy = xmalloc(packed_size + 1);

    memcpy(packed_copy, packed, packed_size);
    assert_true(lzf_unpack((struct bytes){packed_copy, packed_size}, into, size));
    assert_memory_equal(into, expected, size);
    free(packed_copy);
    free(into);
}

#define PACKED(text) text, sizeof(text) - 1

static void literals_are_copied(void **state)
{
    (void)state;
    assert_unpacks(PACKED(""), "");
    assert_unpacks(PACKED("\x02"
                          "abc"),
                   "abc");
    assert_unpacks(PACKED("\x00"
                          "a\x01"
                          "bc"),
                   "abc");
}

static void what_was_there_is_repeated(void **state)
{
    (void)state;
    assert_unpacks(PACKED("\x02"
                          "abc\x20\x02"),
                   "abcabc");
    assert_unpacks(PACKED("\x02"
                          "abc\x40\x02"),
                   "abcabca"); /* four bytes from three back: the fourth is one of its own */
    assert_unpacks(PACKED("\x00"
                          "x\xe0\x03\x00"),
                   "xxxxxxxxxxxxx");
}

static void a_copy_may_reach_back_8192_bytes(void **state)
{
    char packed[33 * 256 + 2], unpacked[8192 + 3];

    (void)state;
    for (size_t i = 0; i < 256; i++) {
        packed[i * 33] = 31;
        memset(packed + i * 33 + 1, i == 0 ? 'a' : 'b', 32);
    }
    packed[33 * 256] = 0x3f;
    packed[33 * 256 + 1] = (char)0xff;
    assert_true(lzf_unpack((struct bytes){packed, sizeof packed}, unpacked, sizeof unpacked));
    assert_memory_equal(unpacked + 8192, "aaa", 3);
}

static void assert_refused(const char *packed, size_t packed_size, size_t size)
{
    char *into = xmalloc(size + 1);

    assert_false(lzf_unpack((struct bytes){packed, packed_size}, into, size));
    free(into);
}

static void other_sizes_than_promised_are_refused(void **state)
{
    (void)state;
    assert_refused(PACKED("\x02"
                          "abc"),
                   2);
    assert_refused(PACKED("\x02"
                          "abc"),
                   4);
    assert_refused(PACKED("\x02"
                          "abc\x20\x02"),
                   5);
    assert_refused(PACKED(""), 1);
}

static void what_is_cut_off_is_refused(void **state)
{
    (void)state;
    assert_refused(PACKED("\x02"
                          "ab"),
                   3);
    assert_refused(PACKED("\x00"
                          "a\x20"),
                   4);
    assert_refused(PACKED("\x00"
                          "a\xe0"),
                   10);
    assert_refused(PACKED("\x00"
                          "a\xe0\x01"),
                   11);
}

static void copies_from_before_the_beginning_are_refused(void **state)
{
    (void)state;
    assert_refused(PACKED("\x20\x00"), 3);
    assert_refused(PACKED("\x00"
                          "a\x20\x01"),
                   4);
    assert_refused(PACKED("\x00"
                          "a\x3f\xff"),
                   4);
}

static void no_packed_bytes_yield_more_than_the_maximum(void **state)
{
    char into[1 + 264];

    (void)state;
    /* The longest copy there is: 7 + 255 + 2 bytes for three. */
    assert_true(lzf_unpack((struct bytes){"\x00"
                                          "a\xe0\xff\x00",
                                          5},
                           into, sizeof into));
    assert_true(sizeof into <= lzf_size_max(5));
    assert_int_equal(lzf_size_max(3), 264);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_are_copied),
        cmocka_unit_test(what_was_there_is_repeated),
        cmocka_unit_test(a_copy_may_reach_back_8192_bytes),
        cmocka_unit_test(other_sizes_than_promised_are_refused),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(copies_from_before_the_beginning_are_refused),
        cmocka_unit_test(no_packed_bytes_yield_more_than_the_maximum),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
