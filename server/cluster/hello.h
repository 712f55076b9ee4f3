/* hello.h - how two nodes prove to each other that they know the cluster's secret.
 *
 * Each sends a hello with a nonce of its own, then an HMAC over both hellos.  The dialler proves
 * first, so whoever only listens to us learns nothing that was made with the secret.
 *
 * H1  The sender's role is under the mac: nobody's own proof can be sent back to him.
 * H2  On a TLS connection its exported key is under the mac too: a proof can't be carried from one
 *     connection to another.
 * H3  The cluster's id depends on the secret alone, so nodes of different clusters find out before
 *     anybody proves anything.  It tells a listener no more of a secret than a proof does; both
 *     can be used to try guesses, so secrets are to be long random ones.
 */
#ifndef CLUSTER_HELLO_H
#define CLUSTER_HELLO_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/compiler.h"
#include "base/secret.h"
#include "base/status.h"

#define HELLO_PROTO      1
#define HELLO_NONCE_SIZE 16

#define HELLO_ADDRESS_MAX 299 /* host:port; gossip.h's GOSSIP_ADDRESS_MAX with its end */

struct hello {
    uint32_t proto; /* the highest that the sender speaks */
    uint64_t cluster_id;
    uint64_t node_id;
    uint32_t incarnation;
    uint64_t start;
    uint64_t instance; /* random for each process */
    unsigned char nonce[HELLO_NONCE_SIZE];
    struct bytes address; /* as announced, borrowed; "" = unknown */
    uint64_t capabilities;
};

void hello_encode(struct buffer *out, const struct hello *hello);

/* STATUS_CORRUPT if it is none.  What a higher proto has put behind the fields is not looked at. */
enum status hello_decode(struct bytes bytes, struct hello *hello) MUST_USE;

/* What follows from the secret. */
struct hello_secret {
    uint64_t cluster_id;
    unsigned char key[SECRET_KEY_SIZE];
};

void hello_derive(struct bytes secret, struct hello_secret *derived);

enum hello_role { HELLO_DIALLER = 'D', HELLO_ACCEPTOR = 'A' };

/* Both hellos as they were sent; `channel` is "" without TLS. */
void hello_mac(const struct hello_secret *secret, enum hello_role role, struct bytes dialler,
               struct bytes acceptor, struct bytes channel, unsigned char mac[SECRET_MAC_SIZE]);

#endif
