#include "http/rest.h"

bool rest_number(struct http_call *call, const char *name, int64_t min, int64_t max,
                 enum http_refusal refusal, int64_t *value)
{
    struct buffer text = {0};
    bool is_given, is_right;
    int64_t number;

    is_right = http_parameter(call, name, &text, &is_given);
    if (is_right && is_given) {
        is_right = bytes_to_int64(buffer_view(&text), &number) && number >= min && number <= max;
        if (is_right)
            *value = number;
        else
            http_refuse(call, refusal, NULL);
    }
    buffer_clear(&text);
    return is_right;
}

void rest_depend_on_registry(struct http_call *call)
{
    uint64_t group = registry_changed_in(rest_registry(call));

    if (group > call->depends_on)
        call->depends_on = group;
}
