/* fuzz_message.c - whatever a peer sends, it is refused or is exactly what encoding it again gives.
 *
 * The first byte of an input chooses the kind; the rest is the body. */
#include <assert.h>

#include "fuzz/target.h"
#include "replication/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message message;
    struct buffer again = {0};
    struct bytes body;

    if (size == 0 || data[0] >= MESSAGE_KIND_COUNT)
        return 0;
    body = (struct bytes){(const char *)data + 1, size - 1};
    if (message_decode((enum message_kind)data[0], body, &message) != STATUS_OK)
        return 0;
    message_encode(&again, &message);
    assert(bytes_equal(body, buffer_view(&again)));
    message_clear(&message);
    buffer_clear(&again);
    return 0;
}
