/* failures.h - elements that could not be done: a few are told, all are kept in a file. */
#ifndef CLI_FAILURES_H
#define CLI_FAILURES_H

#include <stdint.h>
#include <stdio.h>

#include "bytes.h"
#include "cli_words.h"

/* So many are told of one by one. */
#define FAILURES_TOLD_MAX 10

struct failures {
    const char *path; /* NULL = they are not kept */
    FILE *file;
    uint64_t count;
};

/* Makes the file.  It must not be the one that is read, whose name is `input` (NULL = none). */
enum cli_exit failures_open(struct failures *failures, const char *path, const char *input);

/* Keeps the element and says why, but for the many. */
void failures_add(struct failures *failures, struct bytes element, const char *why);

/* Removes the file if it is empty. */
enum cli_exit failures_close(struct failures *failures);

#endif
