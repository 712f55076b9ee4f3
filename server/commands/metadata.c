#include "commands/metadata.h"

#include <jansson.h>

enum status metadata_check(struct bytes *meta)
{
    json_t *json = json_loadb(meta->data, meta->size,
                              JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);

    if (json == NULL)
        return STATUS_META_INVALID;
    if (json_is_null(json))
        meta->size = 0;
    json_decref(json);
    return STATUS_OK;
}
