/* expiry_option.h - how SET, GETEX and KV.PUT are told when a key expires.
 *
 * The words are taken one at a time among the command's others; their number is looked at last, as
 * in Redis: a syntax error anywhere in the request comes first.
 */
#ifndef COMMANDS_EXPIRY_OPTION_H
#define COMMANDS_EXPIRY_OPTION_H

#include "commands/call.h"

enum expiry_choice {
    EXPIRY_UNSAID,
    EXPIRY_EX,      /* seconds from now */
    EXPIRY_PX,      /* milliseconds from now */
    EXPIRY_EXAT,    /* the second */
    EXPIRY_PXAT,    /* the millisecond */
    EXPIRY_KEEPTTL, /* what the key had: SET and KV.PUT */
    EXPIRY_PERSIST, /* never: GETEX */
};

struct expiry_option {
    enum expiry_choice choice;
    struct bytes number; /* of the first four */
};

/* Takes the word at argv[*index], with the number behind it, and leaves *index at the last one
 * taken. False if it is none of these words, lacks its number, or contradicts an earlier one. */
bool expiry_option_take(struct expiry_option *option, const struct call *call, size_t *index);

/* The moment it names; EXPIRY_NONE for the choices without a number (KEEPTTL is the caller's to
 * look up).  STATUS_NOT_INTEGER, STATUS_EXPIRE_TIME. */
enum status expiry_option_moment(const struct expiry_option *option, int64_t now_ms,
                                 int64_t *expiry_ms) MUST_USE;

#endif
