#include "store/levels.h"

#include <stdio.h>
#include <string.h>

#define MEGABYTE 1048576.0

static void read_row(struct levels *levels, const char *row)
{
    int level, files;
    double size_mb, seconds, read_mb, written_mb;

    if (sscanf(row, " %d %d %lf %lf %lf %lf", &level, &files, &size_mb, &seconds, &read_mb,
               &written_mb) != 6 ||
        level < 0 || level >= LEVELS_MAX)
        return;
    levels->at[level] = (struct level){.files = files,
                                       .bytes = (int64_t)(size_mb * MEGABYTE),
                                       .read_bytes = (int64_t)(read_mb * MEGABYTE),
                                       .written_bytes = (int64_t)(written_mb * MEGABYTE),
                                       .compaction_s = (int64_t)seconds};
}

struct levels levels_read(const char *table)
{
    struct levels levels = {0};

    while (table != NULL) {
        read_row(&levels, table);
        table = strchr(table, '\n');
        table += table != NULL;
    }
    return levels;
}

struct level levels_sum(const struct levels *levels)
{
    struct level sum = {0};

    for (int i = 0; i < LEVELS_MAX; i++) {
        const struct level *level = &levels->at[i];

        sum.files += level->files;
        sum.bytes += level->bytes;
        sum.read_bytes += level->read_bytes;
        sum.written_bytes += level->written_bytes;
        sum.compaction_s += level->compaction_s;
    }
    return sum;
}

void levels_add_work(struct levels *levels, const struct levels *more)
{
    for (int i = 0; i < LEVELS_MAX; i++) {
        levels->at[i].read_bytes += more->at[i].read_bytes;
        levels->at[i].written_bytes += more->at[i].written_bytes;
        levels->at[i].compaction_s += more->at[i].compaction_s;
    }
}
