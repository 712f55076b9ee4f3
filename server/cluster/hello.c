#include "cluster/hello.h"

#include "base/wire.h"

void hello_encode(struct buffer *out, const struct hello *hello)
{
    wire_put_u32(out, hello->proto);
    wire_put_u64(out, hello->cluster_id);
    wire_put_u64(out, hello->node_id);
    wire_put_u32(out, hello->incarnation);
    wire_put_u64(out, hello->start);
    wire_put_u64(out, hello->instance);
    buffer_append(out, hello->nonce, sizeof hello->nonce);
    wire_put_bytes(out, hello->address);
    wire_put_u64(out, hello->capabilities);
}

static bool read_nonce(struct bytes *from, unsigned char nonce[HELLO_NONCE_SIZE])
{
    if (from->size < HELLO_NONCE_SIZE)
        return false;
    memcpy(nonce, wire_take(from, HELLO_NONCE_SIZE).data, HELLO_NONCE_SIZE);
    return true;
}

/* It is dialled, shown and logged: printable ASCII without blanks. */
static bool is_address(struct bytes address)
{
    if (address.size > HELLO_ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < address.size; i++)
        if (address.data[i] <= ' ' || address.data[i] > '~')
            return false;
    return true;
}

enum status hello_decode(struct bytes bytes, struct hello *hello)
{
    struct hello read;

    if (!wire_read_u32(&bytes, &read.proto) || read.proto < HELLO_PROTO ||
        !wire_read_u64(&bytes, &read.cluster_id) || !wire_read_u64(&bytes, &read.node_id) ||
        !wire_read_u32(&bytes, &read.incarnation) || !wire_read_u64(&bytes, &read.start) ||
        !wire_read_u64(&bytes, &read.instance) || !read_nonce(&bytes, read.nonce) ||
        !wire_read_bytes(&bytes, &read.address) || !is_address(read.address) ||
        !wire_read_u64(&bytes, &read.capabilities))
        return STATUS_CORRUPT;
    if (read.proto == HELLO_PROTO && bytes.size != 0)
        return STATUS_CORRUPT;
    *hello = read;
    return STATUS_OK;
}

void hello_derive(struct bytes secret, struct hello_secret *derived)
{
    unsigned char id[SECRET_HASH_KEY_SIZE];

    secret_derive(secret, "cluster id", id, sizeof id);
    memcpy(&derived->cluster_id, id, sizeof derived->cluster_id);
    derived->cluster_id = be64toh(derived->cluster_id);
    secret_derive(secret, "link", derived->key, sizeof derived->key);
}

void hello_mac(const struct hello_secret *secret, enum hello_role role, struct bytes dialler,
               struct bytes acceptor, struct bytes channel, unsigned char mac[SECRET_MAC_SIZE])
{
    struct buffer message = {0};

    buffer_append_byte(&message, (char)role);
    wire_put_bytes(&message, dialler);
    wire_put_bytes(&message, acceptor);
    wire_put_bytes(&message, channel);
    secret_mac(secret->key, buffer_view(&message), mac);
    buffer_clear(&message);
}
