#include "store/log_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/wire.h"
#include "store/table.h"
#include "store/table_format.h"

#define LOG_HEADER 7
enum log_type { LOG_FULL = 1, LOG_FIRST, LOG_MIDDLE, LOG_LAST };

static void append_piece(struct buffer *log, enum log_type type, struct bytes piece)
{
    char type_byte = (char)type;
    uint32_t crc = crc32c_extend(crc32c_extend(0, (struct bytes){&type_byte, 1}), piece);

    table_append_u32(log, table_masked_crc(crc));
    buffer_append_byte(log, (char)(piece.size & 0xff));
    buffer_append_byte(log, (char)(piece.size >> 8));
    buffer_append_byte(log, type_byte);
    buffer_append_bytes(log, piece);
}

/* What is left of the block. */
static size_t room_at(size_t position)
{
    return LOG_FILE_BLOCK - position % LOG_FILE_BLOCK;
}

void log_file_append(struct buffer *log, struct bytes record)
{
    bool is_first = true, is_last = false;

    while (!is_last) {
        size_t size;

        while (room_at(log->size) < LOG_HEADER)
            buffer_append_byte(log, '\0');
        size = room_at(log->size) - LOG_HEADER;
        is_last = record.size <= size;
        size = is_last ? record.size : size;
        if (is_last)
            append_piece(log, is_first ? LOG_FULL : LOG_LAST, wire_take(&record, size));
        else
            append_piece(log, is_first ? LOG_FIRST : LOG_MIDDLE, wire_take(&record, size));
        is_first = false;
    }
}

/* Takes the piece at *position, which moves behind it; false if it is torn or damaged. */
static bool read_piece(struct bytes log, size_t *position, enum log_type *type, struct bytes *piece)
{
    const unsigned char *header;
    struct buffer crc = {0};
    size_t size;
    bool is_whole;

    if (room_at(*position) < LOG_HEADER)
        *position += room_at(*position);
    if (*position + LOG_HEADER > log.size)
        return false;
    header = (const unsigned char *)log.data + *position;
    size = (size_t)header[4] | (size_t)header[5] << 8;
    *type = header[6];
    *position += LOG_HEADER;
    if (size > log.size - *position)
        return false;
    *piece = (struct bytes){log.data + *position, size};
    *position += size;
    table_append_u32(&crc, table_masked_crc(crc32c_extend(
                               0, (struct bytes){(const char *)header + 6, size + 1})));
    is_whole = memcmp(crc.data, header, crc.size) == 0;
    buffer_clear(&crc);
    return is_whole;
}

bool log_file_read(struct bytes log, size_t *position, struct buffer *record)
{
    bool is_first = true, is_last = false;

    record->size = 0;
    while (!is_last) {
        enum log_type type;
        struct bytes piece;

        if (!read_piece(log, position, &type, &piece) ||
            is_first != (type == LOG_FULL || type == LOG_FIRST))
            return false;
        buffer_append_bytes(record, piece);
        is_first = false;
        is_last = type == LOG_FULL || type == LOG_LAST;
    }
    return true;
}

bool log_file_is_log(const char *name, uint64_t *number)
{
    char *end;

    if (*name < '0' || *name > '9')
        return false;
    *number = strtoull(name, &end, 10);
    return strcmp(end, ".log") == 0;
}
