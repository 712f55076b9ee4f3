#include "unit/test.h"

#include "cluster/hello.h"

static const struct hello some = {
    .proto = HELLO_PROTO,
    .cluster_id = 1,
    .node_id = UINT64_MAX,
    .incarnation = 3,
    .start = 4,
    .instance = 5,
    .nonce = "0123456789abcde",
    .address = {"db1.example:16379", 17},
    .capabilities = 6,
};

static struct buffer encoded(const struct hello *hello)
{
    struct buffer out = {0};

    hello_encode(&out, hello);
    return out;
}

static void a_hello_is_read_as_it_was_written(void **state)
{
    struct buffer bytes = encoded(&some);
    struct hello read;

    (void)state;
    assert_int_equal(hello_decode(buffer_view(&bytes), &read), STATUS_OK);
    assert_int_equal(read.proto, some.proto);
    assert_int_equal(read.cluster_id, some.cluster_id);
    assert_true(read.node_id == some.node_id);
    assert_int_equal(read.incarnation, some.incarnation);
    assert_int_equal(read.start, some.start);
    assert_int_equal(read.instance, some.instance);
    assert_memory_equal(read.nonce, some.nonce, HELLO_NONCE_SIZE);
    assert_true(bytes_equal(read.address, some.address));
    assert_int_equal(read.capabilities, some.capabilities);
    buffer_clear(&bytes);
}

static void every_truncation_is_refused(void **state)
{
    struct buffer bytes = encoded(&some);
    struct hello read;

    (void)state;
    for (size_t size = 0; size < bytes.size; size++)
        assert_int_equal(hello_decode((struct bytes){bytes.data, size}, &read), STATUS_CORRUPT);
    buffer_clear(&bytes);
}

/* Only a later version may have put more there. */
static void more_behind_the_fields_is_for_a_higher_proto(void **state)
{
    struct hello later = some, read;
    struct buffer bytes = encoded(&some);

    (void)state;
    buffer_append_byte(&bytes, 'x');
    assert_int_equal(hello_decode(buffer_view(&bytes), &read), STATUS_CORRUPT);
    buffer_clear(&bytes);
    later.proto++;
    bytes = encoded(&later);
    buffer_append_byte(&bytes, 'x');
    assert_int_equal(hello_decode(buffer_view(&bytes), &read), STATUS_OK);
    buffer_clear(&bytes);
}

static void assert_address_refused(struct bytes address)
{
    struct hello hello = some, read;
    struct buffer bytes;

    hello.address = address;
    bytes = encoded(&hello);
    assert_int_equal(hello_decode(buffer_view(&bytes), &read), STATUS_CORRUPT);
    buffer_clear(&bytes);
}

static void an_address_that_could_not_be_shown_is_refused(void **state)
{
    char longest[HELLO_ADDRESS_MAX + 1];

    (void)state;
    assert_address_refused(bytes_of("two words:1"));
    assert_address_refused(bytes_of("line\n:1"));
    assert_address_refused(bytes_of("\xff:1"));
    assert_address_refused((struct bytes){"a\0b:1", 5});
    memset(longest, 'a', sizeof longest);
    assert_address_refused((struct bytes){longest, sizeof longest});
}

/* --- proofs --- */

struct proof {
    const char *secret;
    enum hello_role role;
    const char *dialler, *acceptor, *channel;
};

static void prove(struct proof proof, unsigned char mac[SECRET_MAC_SIZE])
{
    struct hello_secret secret;

    hello_derive(bytes_of(proof.secret), &secret);
    hello_mac(&secret, proof.role, bytes_of(proof.dialler), bytes_of(proof.acceptor),
              bytes_of(proof.channel), mac);
}

static void a_proof_depends_on_all_that_it_is_about(void **state)
{
    static const struct proof proofs[] = {
        {"secret", HELLO_DIALLER, "a", "bc", ""},  {"Secret", HELLO_DIALLER, "a", "bc", ""},
        {"secret", HELLO_ACCEPTOR, "a", "bc", ""}, {"secret", HELLO_DIALLER, "ab", "c", ""},
        {"secret", HELLO_DIALLER, "bc", "a", ""},  {"secret", HELLO_DIALLER, "a", "bc", "x"},
        {"secret", HELLO_DIALLER, "a", "bcx", ""},
    };
    unsigned char mac[COUNT_OF(proofs)][SECRET_MAC_SIZE], again[SECRET_MAC_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(proofs); i++) {
        prove(proofs[i], mac[i]);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(mac[i], mac[j], SECRET_MAC_SIZE);
    }
    prove(proofs[0], again);
    assert_memory_equal(again, mac[0], SECRET_MAC_SIZE);
}

static void another_secret_is_another_cluster(void **state)
{
    struct hello_secret one, same, other;

    (void)state;
    hello_derive(bytes_of("one"), &one);
    hello_derive(bytes_of("one"), &same);
    hello_derive(bytes_of("other"), &other);
    assert_true(one.cluster_id == same.cluster_id);
    assert_true(one.cluster_id != other.cluster_id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_is_read_as_it_was_written),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(more_behind_the_fields_is_for_a_higher_proto),
        cmocka_unit_test(an_address_that_could_not_be_shown_is_refused),
        cmocka_unit_test(a_proof_depends_on_all_that_it_is_about),
        cmocka_unit_test(another_secret_is_another_cluster),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
