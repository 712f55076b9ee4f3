/* stats.h - what became of requests, by kind. */
#ifndef LOAD_STATS_H
#define LOAD_STATS_H

#include "load/histogram.h"

enum kind { KIND_GET, KIND_MGET, KIND_SET, KIND_MSET, KIND_PUT, KIND_INSERT, KIND_RMW, KIND_COUNT };

#define STATS_WORD_MAX   32 /* bytes of an error's first word that are kept, with the zero */
#define STATS_ERRORS_MAX 16 /* words that are counted by themselves */

/* How often replies were errors, by their first words; all that find no room are "(other)". */
struct error_counts {
    unsigned count;
    struct error_count {
        char word[STATS_WORD_MAX];
        uint64_t times;
    } rows[STATS_ERRORS_MAX];
};

struct stats {
    struct kind_stats {
        struct histogram latency; /* ns, of replies that are no errors */
        uint64_t misses;          /* values that were not there */
        uint64_t errors;          /* error replies, and requests that were lost with a connection */
    } kinds[KIND_COUNT];
    struct error_counts errors;
    struct histogram late; /* ns that the generator itself was behind its schedule */
    uint64_t last_reply_ns;
};

void stats_count_error(struct stats *stats, enum kind kind, const char *word);
void stats_add(struct stats *into, const struct stats *other);

/* "GET"; of a read that is followed by a write of the same key, "GET+SET". */
const char *stats_kind_name(enum kind kind);

#endif
