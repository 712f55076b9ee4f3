/* failure.h - what went wrong, and what to do about it.
 *
 * One table (failure.c) says for each error that a server may answer what it means to a caller,
 * whether it passes, and whether another server might do better.
 */
#ifndef LIBRARY_FAILURE_H
#define LIBRARY_FAILURE_H

#include "grapevine.h"

struct failure {
    enum grapevine_error error;
    bool is_passing;   /* the same request may succeed later */
    bool is_of_server; /* another server may do better */
    int64_t told_ms;   /* how long the server says to wait; 0 = it says nothing */
    char sentence[GRAPEVINE_SENTENCE_MAX];
};

/* That of an error reply (without its '-'), from the server of that name. */
void failure_of_reply(struct failure *failure, const char *server, struct grapevine_bytes text);

/* A connection that could not be made, or broke. */
void failure_of_connection(struct failure *failure, const char *server, const char *what);

/* One that no repetition helps. */
void failure_say(struct failure *failure, enum grapevine_error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
