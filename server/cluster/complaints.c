#include "cluster/complaints.h"

#include "base/compiler.h"
#include "base/hash.h"

bool complaints_allow(struct complaints *complaints, struct bytes address, int64_t now_us)
{
    uint64_t hash = hash_content(address);
    size_t oldest = 0;

    for (size_t i = 0; i < COUNT_OF(complaints->recent); i++) {
        bool is_fresh = complaints->recent[i].at_us != 0 &&
                        now_us - complaints->recent[i].at_us < COMPLAINTS_INTERVAL_US;

        if (is_fresh && complaints->recent[i].address == hash)
            return false;
        if (complaints->recent[i].at_us < complaints->recent[oldest].at_us)
            oldest = i;
    }
    if (complaints->recent[oldest].at_us != 0 &&
        now_us - complaints->recent[oldest].at_us < COMPLAINTS_INTERVAL_US)
        return false;
    complaints->recent[oldest].address = hash;
    complaints->recent[oldest].at_us = now_us;
    return true;
}
