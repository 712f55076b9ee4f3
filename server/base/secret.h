/* secret.h - what the members of a cluster know and nobody else: keyed hashes and proofs; and how
 * passwords are kept.
 *
 * The primitives are libsodium's: BLAKE2b to derive keys, HMAC-SHA-256 as proof, SipHash-2-4 for
 * many short inputs (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012).
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define SECRET_KEY_SIZE      32
#define SECRET_MAC_SIZE      32
#define SECRET_HASH_KEY_SIZE 16
#define SECRET_SHA256_SIZE   32

/* Fills `key` with `size` bytes (16 .. 64) that depend on the secret and on the purpose, a word. */
void secret_derive(struct bytes secret, const char *purpose, unsigned char *key, size_t size);

/* HMAC-SHA-256. */
void secret_mac(const unsigned char key[SECRET_KEY_SIZE], struct bytes message,
                unsigned char mac[SECRET_MAC_SIZE]);

/* SHA-256, as passwords of users are kept. */
void secret_sha256(struct bytes bytes, unsigned char hash[SECRET_SHA256_SIZE]);

/* Takes the same time wherever they differ. */
bool secret_equal(const unsigned char *a, const unsigned char *b, size_t size);

struct hash128 {
    uint64_t low, high;
};

/* SipHash-2-4 with 64 and with 128 bits of output. */
uint64_t secret_hash64(const unsigned char key[SECRET_HASH_KEY_SIZE], struct bytes bytes);
struct hash128 secret_hash128(const unsigned char key[SECRET_HASH_KEY_SIZE], struct bytes bytes);

#endif
