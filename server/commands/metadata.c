#include "commands/metadata.h"

#include "base/json_reader.h"

enum status metadata_check(struct bytes *meta)
{
    struct json_reader reader;

    if (!json_reader_is_valid(*meta))
        return STATUS_META_INVALID;
    json_reader_init(&reader, *meta);
    if (json_reader_peek(&reader) == JSON_IS_NULL)
        meta->size = 0;
    return STATUS_OK;
}
