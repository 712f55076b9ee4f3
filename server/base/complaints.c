#include "base/complaints.h"

#include "base/compiler.h"
#include "base/hash.h"

bool complaints_allow(struct complaints *complaints, struct bytes address, struct bytes reason,
                      int64_t now_us)
{
    uint64_t hash = hash_content(address), why = hash_content(reason);
    size_t oldest = 0;

    for (size_t i = 0; i < COUNT_OF(complaints->recent); i++) {
        bool is_same = complaints->recent[i].reason == why;
        int64_t fresh_us = is_same ? COMPLAINTS_REPEAT_US : COMPLAINTS_INTERVAL_US;
        bool is_fresh =
            complaints->recent[i].at_us != 0 && now_us - complaints->recent[i].at_us < fresh_us;

        if (is_fresh && complaints->recent[i].address == hash)
            return false;
        if (complaints->recent[i].at_us < complaints->recent[oldest].at_us)
            oldest = i;
    }
    if (complaints->recent[oldest].at_us != 0 &&
        now_us - complaints->recent[oldest].at_us < COMPLAINTS_INTERVAL_US)
        return false;
    complaints->recent[oldest].address = hash;
    complaints->recent[oldest].reason = why;
    complaints->recent[oldest].at_us = now_us;
    return true;
}
