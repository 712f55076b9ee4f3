#include "base/secret.h"

#include <assert.h>
#include <endian.h>
#include <pthread.h>
#include <stdlib.h>

#include <sodium.h>

/* Chooses the library's fastest routines for this processor; all of them work without, slower. */
static void start_library(void)
{
    if (sodium_init() < 0)
        abort(); /* no source of randomness: a kernel older than any we run on */
}

static void init_once(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, start_library);
}

static const unsigned char *data_of(struct bytes bytes)
{
    return (const unsigned char *)bytes.data;
}

/* The secret may have any size, a key of BLAKE2b may not: the secret's own hash is the key under
 * which purposes are hashed. */
void secret_derive(struct bytes secret, const char *purpose, unsigned char *key, size_t size)
{
    unsigned char root[crypto_generichash_KEYBYTES];

    assert(size >= crypto_generichash_BYTES_MIN && size <= crypto_generichash_BYTES_MAX);
    init_once();
    (void)crypto_generichash(root, sizeof root, data_of(secret), secret.size, NULL, 0);
    (void)crypto_generichash(key, size, data_of(bytes_of(purpose)), strlen(purpose), root,
                             sizeof root);
    sodium_memzero(root, sizeof root);
}

void secret_mac(const unsigned char key[SECRET_KEY_SIZE], struct bytes message,
                unsigned char mac[SECRET_MAC_SIZE])
{
    init_once();
    (void)crypto_auth_hmacsha256(mac, data_of(message), message.size, key);
}

void secret_sha256(struct bytes bytes, unsigned char hash[SECRET_SHA256_SIZE])
{
    init_once();
    (void)crypto_hash_sha256(hash, data_of(bytes), bytes.size);
}

bool secret_equal(const unsigned char *a, const unsigned char *b, size_t size)
{
    return sodium_memcmp(a, b, size) == 0;
}

uint64_t secret_hash64(const unsigned char key[SECRET_HASH_KEY_SIZE], struct bytes bytes)
{
    uint64_t hash;

    (void)crypto_shorthash_siphash24((unsigned char *)&hash, data_of(bytes), bytes.size, key);
    return le64toh(hash);
}

struct hash128 secret_hash128(const unsigned char key[SECRET_HASH_KEY_SIZE], struct bytes bytes)
{
    uint64_t hash[2];

    (void)crypto_shorthash_siphashx24((unsigned char *)hash, data_of(bytes), bytes.size, key);
    return (struct hash128){le64toh(hash[0]), le64toh(hash[1])};
}
