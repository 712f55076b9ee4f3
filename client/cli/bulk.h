/* bulk.h - the same thing done with each element of a file: put, delete or get.
 *
 * Elements come from a source, which is mostly a file (input.h); thousands of requests are in
 * flight; memory does not depend on the size of the file.  A key that is refused for its write rate
 * is tried again when the server said, by the library.  What fails for good goes to the file
 * of --failed, in the format of the input.  Trouble with the server rather than with a pair ends
 * the run, as SIGINT does; then it is told from where to go on.
 */
#ifndef CLI_BULK_H
#define CLI_BULK_H

#include "input.h"
#include "session.h"

/* Where elements come from; all functions get `context`. */
struct bulk_source {
    const char *noun; /* "pairs" */
    enum input_result (*next)(void *context, struct bytes *element, struct place *place,
                              char error[INPUT_ERROR_MAX]);
    /* Names the place of a refused or broken element before `what`. */
    void (*explain)(void *context, struct bytes element, struct place place, size_t at,
                    const char *what, char error[INPUT_ERROR_MAX]);
    /* How far it is, of how much; 0 of 0 if nobody knows. */
    void (*measure)(void *context, uint64_t *position, uint64_t *total);
    /* Adds a line to the summary, or members to its JSON; NULL = there is nothing to add. */
    void (*summarize)(void *context, bool is_json);
    void *context;
};

/* Puts every element as a pair; says at the end how it went. */
enum cli_exit bulk_put_from(const struct cli *cli, const struct bulk_source *source);

/* The commands. */
enum cli_exit bulk_put(struct cli *cli);
enum cli_exit bulk_delete(struct cli *cli);
enum cli_exit bulk_get(struct cli *cli);
enum cli_exit bulk_import(struct cli *cli);

#endif
