#include "load/sizes.h"

#include <stdio.h>
#include <string.h>

#include "base/bytes.h"

#define WEIGHT_MAX 1000000

/* Takes what is before `end` (a separator or the zero) off *text. */
static struct bytes take_until(struct bytes *text, char end)
{
    const char *found = text->size > 0 ? memchr(text->data, end, text->size) : NULL;
    struct bytes part = {text->data, found != NULL ? (size_t)(found - text->data) : text->size};
    size_t used = part.size + (found != NULL);

    *text = (struct bytes){text->data + used, text->size - used};
    return part;
}

static bool parse_range(struct bytes text, uint64_t limit, uint64_t *min, uint64_t *max)
{
    bool has_end = text.size > 0 && memchr(text.data, '-', text.size) != NULL;
    struct bytes first = take_until(&text, '-');

    if (!bytes_to_uint64(first, min))
        return false;
    *max = *min;
    return (!has_end || bytes_to_uint64(text, max)) && *min <= *max && *max <= limit;
}

bool sizes_parse_range(const char *text, uint64_t limit, uint64_t *min, uint64_t *max)
{
    return parse_range(bytes_of(text), limit, min, max);
}

/* "100" or "100-200" or either with ":weight". */
static bool parse_weighted(struct bytes text, struct size_range *range)
{
    bool has_weight = text.size > 0 && memchr(text.data, ':', text.size) != NULL;
    struct bytes sizes = take_until(&text, ':');

    range->weight = 1;
    return parse_range(sizes, SIZES_BYTES_MAX, &range->min, &range->max) &&
           (!has_weight || bytes_to_uint64(text, &range->weight)) && range->weight > 0 &&
           range->weight <= WEIGHT_MAX;
}

bool sizes_parse(const char *text, struct sizes *sizes)
{
    struct sizes parsed = {0};
    struct bytes rest = bytes_of(text);

    if (rest.size > 0 && rest.data[rest.size - 1] == ',')
        return false;
    do {
        struct size_range *range = &parsed.ranges[parsed.range_count];

        if (parsed.range_count == SIZES_RANGES_MAX ||
            !parse_weighted(take_until(&rest, ','), range))
            return false;
        parsed.weight_sum += range->weight;
        parsed.range_count++;
    } while (rest.size > 0);
    *sizes = parsed;
    return true;
}

uint64_t sizes_draw(const struct sizes *sizes, struct random *random)
{
    const struct size_range *range = sizes->ranges;
    uint64_t left = sizes->range_count > 1 ? random_below(random, sizes->weight_sum) : 0;

    for (; left >= range->weight; range++)
        left -= range->weight;
    return range->min == range->max
               ? range->min
               : range->min + random_below(random, range->max - range->min + 1);
}

uint64_t sizes_max(const struct sizes *sizes)
{
    uint64_t max = 0;

    for (unsigned i = 0; i < sizes->range_count; i++)
        max = sizes->ranges[i].max > max ? sizes->ranges[i].max : max;
    return max;
}
