#include "commands/list_cursor.h"

#include "base/base64url.h"
#include "base/hash.h"

#define CURSOR_VERSION 1
#define CHECK_SIZE     8
#define HEADER_SIZE    (1 + CHECK_SIZE)

static void write_header(struct bytes prefix, struct bytes last_key, char header[HEADER_SIZE])
{
    uint64_t check = hash_content(last_key) * 31 + hash_content(prefix);

    header[0] = CURSOR_VERSION;
    for (int i = 0; i < CHECK_SIZE; i++)
        header[1 + i] = (char)(check >> (56 - 8 * i) & 0xff);
}

void list_cursor_write(struct bytes prefix, struct bytes last_key, struct buffer *text)
{
    struct buffer cursor = {0};
    char header[HEADER_SIZE];

    write_header(prefix, last_key, header);
    buffer_append(&cursor, header, sizeof header);
    buffer_append_bytes(&cursor, last_key);
    base64url_encode(buffer_view(&cursor), text);
    buffer_clear(&cursor);
}

static bool is_valid(struct bytes cursor, struct bytes prefix)
{
    char expected[HEADER_SIZE];
    struct bytes last_key;

    if (cursor.size < HEADER_SIZE)
        return false;
    last_key = (struct bytes){cursor.data + HEADER_SIZE, cursor.size - HEADER_SIZE};
    write_header(prefix, last_key, expected);
    return memcmp(cursor.data, expected, HEADER_SIZE) == 0 && bytes_starts_with(last_key, prefix);
}

enum status list_cursor_read(struct bytes text, struct bytes prefix, struct buffer *from)
{
    struct buffer cursor = {0};
    enum status s = STATUS_CURSOR;

    if (base64url_decode(text, &cursor) && is_valid(buffer_view(&cursor), prefix)) {
        buffer_append(from, cursor.data + HEADER_SIZE, cursor.size - HEADER_SIZE);
        buffer_append_byte(from, '\0');
        s = STATUS_OK;
    }
    buffer_clear(&cursor);
    return s;
}
