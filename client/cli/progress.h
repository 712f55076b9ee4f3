/* progress.h - how far a long task has come, on one line that is drawn over and over.
 *
 *     [==========>          ] 41%  412,345 pairs  58.1 MB  153,000/s  0:04 left
 *
 * Pure: time is an argument.  progress_is_due() says when to draw, so that it costs nothing to ask
 * often.  Where no person watches, a plain line appears now and then instead.
 */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROGRESS_LINE_MAX 256

struct progress {
    const char *noun; /* what is counted: "pairs" */
    bool is_terminal;
    int64_t begun_ms;
    int64_t drawn_ms;
    bool has_drawn;
};

/* What there is to show. */
struct progress_state {
    uint64_t count;
    uint64_t bytes;    /* of keys and values */
    uint64_t position; /* of `total`, in whatever unit; */
    uint64_t total;    /* 0 = nobody knows */
};

void progress_init(struct progress *progress, const char *noun, bool is_terminal, int64_t now_ms);

bool progress_is_due(const struct progress *progress, int64_t now_ms);

/* The line, without anything around it. */
void progress_line(const struct progress *progress, const struct progress_state *state,
                   int64_t now_ms, char line[PROGRESS_LINE_MAX]);

/* Draws it; the end of it takes a bar away, so that what is said next stands by itself. */
void progress_draw(struct progress *progress, FILE *out, const struct progress_state *state,
                   int64_t now_ms);
void progress_end(struct progress *progress, FILE *out);

/* "1,234,567" and "12.3 MB". */
#define PROGRESS_NUMBER_MAX 32
const char *progress_number(uint64_t number, char text[PROGRESS_NUMBER_MAX]);
const char *progress_size(uint64_t bytes, char text[PROGRESS_NUMBER_MAX]);

#endif
