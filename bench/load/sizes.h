/* sizes.h - how large values are: "100", "64-100", or "100:80,1000-2000:15,65536:5" with weights.
 */
#ifndef LOAD_SIZES_H
#define LOAD_SIZES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/random.h"

#define SIZES_RANGES_MAX 32
#define SIZES_BYTES_MAX  (32u << 20) /* more than the largest value of any profile but `none` */

struct sizes {
    unsigned range_count;
    uint64_t weight_sum;
    struct size_range {
        uint64_t min, max, weight;
    } ranges[SIZES_RANGES_MAX];
};

/* False, and *sizes untouched, if the text is none of the above. */
bool sizes_parse(const char *text, struct sizes *sizes) MUST_USE;

uint64_t sizes_draw(const struct sizes *sizes, struct random *random);
uint64_t sizes_max(const struct sizes *sizes);

/* "60" or "60-3600": min <= max <= limit. */
bool sizes_parse_range(const char *text, uint64_t limit, uint64_t *min, uint64_t *max) MUST_USE;

#endif
