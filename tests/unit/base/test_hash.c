#include "unit/test.h"

#include "base/hash.h"

static void the_content_hash_never_changes(void **state)
{
    (void)state;
    /* It is stored and compared between replicas: other values here would be another format. */
    assert_true(hash_content((struct bytes){NULL, 0}) == UINT64_C(0x2d06800538d394c2));
    assert_true(hash_content(bytes_of("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(hash_content(bytes_of("grapevine")) == UINT64_C(0xa711c6b3c6a3d01f));
    assert_true(hash_content((struct bytes){"a\0b", 3}) == UINT64_C(0xd5a06cd078125351));
}

static void a_seed_decides_the_seeded_hash(void **state)
{
    (void)state;
    assert_true(hash_seeded(bytes_of("key"), 1) == hash_seeded(bytes_of("key"), 1));
    assert_true(hash_seeded(bytes_of("key"), 1) != hash_seeded(bytes_of("key"), 2));
    assert_true(hash_seeded((struct bytes){NULL, 0}, 1) == hash_seeded(bytes_of(""), 1));
}

static void every_byte_counts_at_every_length(void **state)
{
    char text[300] = {0};

    (void)state;
    for (size_t size = 1; size <= sizeof text; size++) {
        struct bytes bytes = {text, size};
        uint64_t before = hash_seeded(bytes, 42);

        text[size - 1] = 1;
        assert_true(hash_seeded(bytes, 42) != before);
        text[size - 1] = 0;
        assert_true(hash_seeded(bytes, 42) == before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_content_hash_never_changes),
        cmocka_unit_test(a_seed_decides_the_seeded_hash),
        cmocka_unit_test(every_byte_counts_at_every_length),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
