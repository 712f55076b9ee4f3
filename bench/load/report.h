/* report.h - what a run says about itself: a table for people, JSON for programs. */
#ifndef LOAD_REPORT_H
#define LOAD_REPORT_H

#include <stdio.h>

#include "load/series.h"
#include "load/worker.h"

struct report {
    const struct options *options;
    struct stats stats;
    struct series series;
    double seconds; /* that the counted replies took */

    /* of all threads */
    struct worker_end end;
    double cpu_shares[256]; /* of each */
};

/* Adds what a thread says at its end. */
void report_add_end(struct report *report, unsigned index, const struct worker_end *end);

/* Was the generator itself late so often, or so busy, that the figures are its own? */
bool report_generator_was_slow(const struct report *report);

/* Was anything that was due never sent or never answered? */
bool report_is_incomplete(const struct report *report);

void report_print(const struct report *report, FILE *out);

/* False, with errno, if the file can't be written. */
bool report_write_json(const struct report *report, const char *path) MUST_USE;

#endif
