#include "load/stats.h"

#include <stdio.h>
#include <string.h>

const char *stats_kind_name(enum kind kind)
{
    static const char *const names[KIND_COUNT] = {"GET",    "MGET",   "SET",    "MSET",
                                                  "KV.PUT", "INSERT", "GET+SET"};

    return names[kind];
}

static void count_word(struct error_counts *errors, const char *word, uint64_t times)
{
    struct error_count *row = errors->rows;

    for (unsigned i = 0; i < errors->count; i++, row++)
        if (strcmp(row->word, word) == 0) {
            row->times += times;
            return;
        }
    if (errors->count == STATS_ERRORS_MAX) {
        errors->rows[STATS_ERRORS_MAX - 1].times += times;
        return;
    }
    errors->count++;
    (void)snprintf(row->word, sizeof(row->word), "%s",
                   errors->count == STATS_ERRORS_MAX ? "(other)" : word);
    row->times = times;
}

void stats_count_error(struct stats *stats, enum kind kind, const char *word)
{
    stats->kinds[kind].errors++;
    count_word(&stats->errors, word, 1);
}

void stats_add(struct stats *into, const struct stats *other)
{
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        struct kind_stats *to = &into->kinds[kind];
        const struct kind_stats *from = &other->kinds[kind];

        if (from->latency.count > 0)
            histogram_add(&to->latency, &from->latency);
        to->misses += from->misses;
        to->errors += from->errors;
    }
    for (unsigned i = 0; i < other->errors.count; i++)
        count_word(&into->errors, other->errors.rows[i].word, other->errors.rows[i].times);
    histogram_add(&into->late, &other->late);
    if (other->last_reply_ns > into->last_reply_ns)
        into->last_reply_ns = other->last_reply_ns;
}
