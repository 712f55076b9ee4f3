#include "unit/test.h"

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "replication/digest.h"

static const unsigned char ns_a[DIGEST_NS_SIZE] = {1}, ns_b[DIGEST_NS_SIZE] = {2};
static const struct digest_version version = {77, 5, 1234, INT64_MAX, false};

static struct digest_keys keys_of(const char *secret)
{
    struct digest_keys keys;

    digest_keys_derive(&keys, bytes_of(secret));
    return keys;
}

static bool same(struct hash128 a, struct hash128 b)
{
    return a.low == b.low && a.high == b.high;
}

static struct hash128 hash_of(const struct digest_keys *keys, const unsigned char *ns,
                              const char *key, const struct digest_version *of)
{
    return digest_of_record(keys, digest_of_key(keys, ns, bytes_of(key)), of);
}

static void a_hash_depends_on_secret_namespace_and_key(void **state)
{
    struct digest_keys keys = keys_of("one"), others = keys_of("two");
    struct hash128 hash = hash_of(&keys, ns_a, "k", &version);

    (void)state;
    assert_true(keys.check != others.check);
    assert_true(same(hash, hash_of(&keys, ns_a, "k", &version)));
    assert_false(same(hash, hash_of(&others, ns_a, "k", &version)));
    assert_false(same(hash, hash_of(&keys, ns_b, "k", &version)));
    assert_false(same(hash, hash_of(&keys, ns_a, "l", &version)));
}

static void a_hash_depends_on_every_part_of_the_version(void **state)
{
    struct digest_keys keys = keys_of("one");
    struct hash128 hash = hash_of(&keys, ns_a, "k", &version);
    struct digest_version changed[] = {version, version, version, version, version};

    (void)state;
    changed[0].stamp++;
    changed[1].node_id++;
    changed[2].value_hash++;
    changed[3].expiry_ms--;
    changed[4].is_tombstone = true;
    for (size_t i = 0; i < COUNT_OF(changed); i++)
        assert_false(same(hash, hash_of(&keys, ns_a, "k", &changed[i])));
}

/* Replicas of other versions and machines must find the same. */
static void hashes_never_change(void **state)
{
    struct digest_keys keys = keys_of("secret");
    struct hash128 hash = hash_of(&keys, ns_a, "k", &version);
    struct digest digest = {{1, 2}, 3};

    (void)state;
    assert_true(hash.low == UINT64_C(0x882563a974f73ef1));
    assert_true(hash.high == UINT64_C(0xb49f0a31d5a40c04));
    assert_true(digest_of_leaf(&keys, ns_a, bytes_of("k"), &digest) ==
                UINT64_C(0xc26c1ac1c5292294));
}

static void keys_of_every_size_have_hashes_of_their_own(void **state)
{
    struct digest_keys keys = keys_of("one");
    struct digest digest = {{1, 2}, 3};
    static char key[65535];
    uint64_t last_leaf = 0;
    struct hash128 last = {0, 0};

    (void)state;
    for (size_t size = 0; size <= sizeof key; size = size < 600 ? size + 1 : size * 2 + 1) {
        struct bytes bytes = {key, size < sizeof key ? size : sizeof key};
        struct hash128 hash = digest_of_key(&keys, ns_a, bytes);
        uint64_t leaf = digest_of_leaf(&keys, ns_a, bytes, &digest);

        assert_false(same(hash, last));
        assert_true(leaf != last_leaf);
        last = hash;
        last_leaf = leaf;
    }
}

static void one_key_in_512_begins_a_leaf(void **state)
{
    struct digest_keys keys = keys_of("one");
    int boundaries = 0;

    (void)state;
    for (uint64_t i = 0; i < 100 * DIGEST_LEAF_KEYS; i++)
        boundaries += digest_is_boundary(
            digest_of_key(&keys, ns_a, (struct bytes){(const char *)&i, sizeof i}));
    assert_in_range(boundaries, 60, 140);
}

static void a_sum_does_not_depend_on_order_and_is_taken_back(void **state)
{
    struct hash128 hashes[] = {{UINT64_MAX, 5}, {7, UINT64_MAX}, {7, UINT64_MAX}, {1, 2}};
    struct digest forth = {0}, back = {0}, joined = {0};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(hashes); i++) {
        digest_add(&forth, hashes[i]);
        digest_add(&back, hashes[COUNT_OF(hashes) - 1 - i]);
    }
    assert_memory_equal(&forth, &back, sizeof forth);
    assert_int_equal(forth.count, COUNT_OF(hashes));
    digest_join(&joined, &forth);
    digest_join(&joined, &back);
    digest_part(&joined, &forth);
    assert_memory_equal(&joined, &back, sizeof joined);
    for (size_t i = 0; i < COUNT_OF(hashes); i++)
        digest_remove(&joined, hashes[i]);
    assert_memory_equal(&joined, &(struct digest){0}, sizeof joined);
}

static void a_leaf_is_known_by_place_and_content(void **state)
{
    struct digest_keys keys = keys_of("one");
    struct digest digest = {{1, 2}, 3}, more = {{1, 2}, 4}, swapped = {{2, 1}, 3};
    uint64_t leaf = digest_of_leaf(&keys, ns_a, bytes_of("k"), &digest);

    (void)state;
    assert_true(leaf == digest_of_leaf(&keys, ns_a, bytes_of("k"), &digest));
    assert_true(leaf != digest_of_leaf(&keys, ns_b, bytes_of("k"), &digest));
    assert_true(leaf != digest_of_leaf(&keys, ns_a, bytes_of("l"), &digest));
    assert_true(leaf != digest_of_leaf(&keys, ns_a, bytes_of("k"), &more));
    assert_true(leaf != digest_of_leaf(&keys, ns_a, bytes_of("k"), &swapped));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hash_depends_on_secret_namespace_and_key),
        cmocka_unit_test(a_hash_depends_on_every_part_of_the_version),
        cmocka_unit_test(hashes_never_change),
        cmocka_unit_test(keys_of_every_size_have_hashes_of_their_own),
        cmocka_unit_test(one_key_in_512_begins_a_leaf),
        cmocka_unit_test(a_sum_does_not_depend_on_order_and_is_taken_back),
        cmocka_unit_test(a_leaf_is_known_by_place_and_content),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
