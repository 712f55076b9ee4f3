#include "http/key_name.h"

bool key_name_check_prefix(struct bytes prefix, int64_t size_max, struct fault *fault)
{
    if ((int64_t)prefix.size <= size_max)
        return true;
    return fault_note(fault, REFUSE_KEY_TOO_LONG,
                      "UTF-8 encoded length of %zu exceeds key length limit of %lld.", prefix.size,
                      (long long)size_max);
}

bool key_name_check(struct bytes key, int64_t size_max, struct fault *fault)
{
    if (key.size == 0)
        return fault_note(fault, REFUSE_KEY_NAME, "Key names must not be empty");
    if (bytes_equal(key, bytes_of(".")) || bytes_equal(key, bytes_of("..")))
        return fault_note(fault, REFUSE_KEY_NAME,
                          "Illegal key name \"%.*s\". Please use a different name.", (int)key.size,
                          key.data);
    return key_name_check_prefix(key, size_max, fault);
}
