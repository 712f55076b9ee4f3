#include "unit/test.h"

#include "base/secret.h"

static void a_derived_key_depends_on_the_secret_and_the_purpose_alone(void **state)
{
    unsigned char first[64], second[64];

    (void)state;
    secret_derive(bytes_of("secret"), "links", first, sizeof first);
    secret_derive(bytes_of("secret"), "links", second, sizeof second);
    assert_memory_equal(first, second, sizeof first);
    secret_derive(bytes_of("secret"), "hashes", second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
    secret_derive(bytes_of("secret2"), "links", second, sizeof second);
    assert_memory_not_equal(first, second, sizeof first);
}

static void a_secret_may_have_any_size(void **state)
{
    unsigned char none[16], longest[16], shorter[16];
    static char text[5000];

    (void)state;
    memset(text, 'x', sizeof text);
    secret_derive((struct bytes){"", 0}, "purpose", none, sizeof none);
    secret_derive((struct bytes){text, sizeof text}, "purpose", longest, sizeof longest);
    secret_derive((struct bytes){text, sizeof text - 1}, "purpose", shorter, sizeof shorter);
    assert_memory_not_equal(none, longest, sizeof none);
    assert_memory_not_equal(shorter, longest, sizeof shorter);
}

/* Replicas of other versions and machines must derive the same. */
static void derived_keys_never_change(void **state)
{
    static const unsigned char expected[16] = {0xe2, 0x0e, 0x43, 0xf0, 0xed, 0x73, 0x2e, 0xde,
                                               0x4a, 0x05, 0x08, 0x96, 0x69, 0xa2, 0x31, 0x59};
    unsigned char key[16];

    (void)state;
    secret_derive(bytes_of("secret"), "purpose", key, sizeof key);
    assert_memory_equal(key, expected, sizeof key);
}

/* RFC 4231, test case 1; its key of 20 bytes is the same as one that ends in zeros. */
static void the_proof_is_hmac_sha_256(void **state)
{
    static const unsigned char expected[SECRET_MAC_SIZE] = {
        0xb0, 0x34, 0x4c, 0x61, 0xd8, 0xdb, 0x38, 0x53, 0x5c, 0xa8, 0xaf,
        0xce, 0xaf, 0x0b, 0xf1, 0x2b, 0x88, 0x1d, 0xc2, 0x00, 0xc9, 0x83,
        0x3d, 0xa7, 0x26, 0xe9, 0x37, 0x6c, 0x2e, 0x32, 0xcf, 0xf7};
    unsigned char key[SECRET_KEY_SIZE] = {0}, mac[SECRET_MAC_SIZE];

    (void)state;
    memset(key, 0x0b, 20);
    secret_mac(key, bytes_of("Hi There"), mac);
    assert_memory_equal(mac, expected, sizeof expected);
}

static void equal_proofs_are_told_from_others(void **state)
{
    (void)state;
    assert_true(secret_equal((const unsigned char *)"abc", (const unsigned char *)"abc", 3));
    assert_false(secret_equal((const unsigned char *)"abc", (const unsigned char *)"abd", 3));
    assert_true(secret_equal((const unsigned char *)"abc", (const unsigned char *)"abd", 2));
}

/* The vectors of the reference implementation: key 00 01 .. 0f, input 00 01 .. 0e. */
static void short_inputs_are_hashed_by_siphash_2_4(void **state)
{
    unsigned char key[SECRET_HASH_KEY_SIZE];
    char input[15];
    struct hash128 hash;

    (void)state;
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (char)i;
    assert_true(secret_hash64(key, (struct bytes){input, sizeof input}) ==
                UINT64_C(0xa129ca6149be45e5));
    hash = secret_hash128(key, (struct bytes){input, sizeof input});
    assert_true(hash.low == UINT64_C(0x11a8b03399e99354));
    assert_true(hash.high == UINT64_C(0xd9c3cf970fec087e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_derived_key_depends_on_the_secret_and_the_purpose_alone),
        cmocka_unit_test(a_secret_may_have_any_size),
        cmocka_unit_test(derived_keys_never_change),
        cmocka_unit_test(the_proof_is_hmac_sha_256),
        cmocka_unit_test(equal_proofs_are_told_from_others),
        cmocka_unit_test(short_inputs_are_hashed_by_siphash_2_4),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
