#include "commands/lcs.h"

#include <stdlib.h>

#include "base/memory.h"

/* For each cell: does the walk back go up, to a's shorter prefix?  NULL = nobody will walk. */
static void set_bit(unsigned char *bits, uint64_t at)
{
    bits[at / 8] |= (unsigned char)(1U << at % 8);
}

static bool has_bit(const unsigned char *bits, uint64_t at)
{
    return (bits[at / 8] >> at % 8 & 1) != 0;
}

/* Row i from row i - 1: row[j] is the length for a's first i and b's first j bytes. */
static void fill_row(struct bytes a, struct bytes b, size_t i, const uint32_t *above, uint32_t *row,
                     unsigned char *goes_up)
{
    for (size_t j = 1; j <= b.size; j++) {
        if (a.data[i - 1] == b.data[j - 1]) {
            row[j] = above[j - 1] + 1;
        } else if (above[j] > row[j - 1]) {
            row[j] = above[j];
            if (goes_up != NULL)
                set_bit(goes_up, (uint64_t)i * (b.size + 1) + j);
        } else {
            row[j] = row[j - 1];
        }
    }
}

static uint32_t fill_table(struct bytes a, struct bytes b, unsigned char *goes_up)
{
    uint32_t *above = xcalloc(b.size + 1, sizeof *above);
    uint32_t *row = xcalloc(b.size + 1, sizeof *row);
    uint32_t length;

    for (size_t i = 1; i <= a.size; i++) {
        uint32_t *filled = row;

        fill_row(a, b, i, above, row, goes_up);
        row = above;
        above = filled;
    }
    length = above[b.size];
    free(above);
    free(row);
    return length;
}

/* The run that ends where both prefixes do, at *i and *j; leaves them at its start. */
static struct lcs_run take_run(struct bytes a, struct bytes b, size_t *i, size_t *j)
{
    size_t end = *i;

    while (*i > 0 && *j > 0 && a.data[*i - 1] == b.data[*j - 1]) {
        --*i;
        --*j;
    }
    return (struct lcs_run){(uint32_t)*i, (uint32_t)*j, (uint32_t)(end - *i)};
}

static void walk_back(struct bytes a, struct bytes b, const unsigned char *goes_up,
                      struct buffer *runs)
{
    size_t i = a.size, j = b.size;

    while (i > 0 && j > 0) {
        struct lcs_run run = take_run(a, b, &i, &j);

        if (run.size > 0)
            buffer_append(runs, &run, sizeof run);
        else if (has_bit(goes_up, (uint64_t)i * (b.size + 1) + j))
            i--;
        else
            j--;
    }
}

uint32_t lcs_length(struct bytes a, struct bytes b)
{
    return fill_table(a, b, NULL);
}

uint32_t lcs_find(struct bytes a, struct bytes b, struct buffer *runs)
{
    unsigned char *goes_up = xcalloc(lcs_cells(a, b) / 8 + 1, 1);
    uint32_t length = fill_table(a, b, goes_up);

    walk_back(a, b, goes_up, runs);
    free(goes_up);
    return length;
}
