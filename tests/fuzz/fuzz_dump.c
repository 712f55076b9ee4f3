/* fuzz_dump.c - a payload that is taken is a value that can be dumped again.  The input is sealed
 * first: few made-up payloads have the right sum. */
#include <assert.h>
#include <endian.h>

#include "base/crc64.h"
#include "commands/dump.h"
#include "fuzz/target.h"

static void check_value(struct bytes value)
{
    struct buffer payload = {0};
    struct dump_string again;

    dump_write(&payload, value);
    assert(dump_read(buffer_view(&payload), &again) == DUMP_FINE);
    assert(bytes_equal(again.stored, value));
    buffer_clear(&payload);
}

static void check_payload(struct bytes payload)
{
    struct buffer unpacked = {0};
    struct dump_string string;

    if (dump_read(payload, &string) != DUMP_FINE)
        return;
    assert(string.size <= payload.size * 88 + INT64_TEXT_MAX);
    if (!string.is_packed)
        check_value(string.stored);
    else if (dump_unpack(&string, &unpacked))
        check_value(buffer_view(&unpacked));
    buffer_clear(&unpacked);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = {(const char *)data, size};
    struct buffer sealed = {0};
    uint64_t sum;

    check_payload(input);
    buffer_append_bytes(&sealed, input);
    buffer_append(&sealed, "\x0a", 2);
    sum = htole64(crc64_jones(buffer_view(&sealed)));
    buffer_append(&sealed, &sum, sizeof sum);
    check_payload(buffer_view(&sealed));
    buffer_clear(&sealed);
    return 0;
}
