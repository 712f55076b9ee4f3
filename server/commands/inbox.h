/* inbox.h - what others have to say to a client: messages, lines of MONITOR, invalidations.
 *
 * A letter is made once, however many clients it is for, and never changes; an inbox holds
 * references to letters, in the order in which they came.  Any thread posts; the session's own
 * thread delivers, in the words of the session's protocol.
 *
 * I1  A session that is posted to stays until the call returns: the caller holds the lock under
 *     which the session would first have to leave (of a channel, of the list of clients).
 * I2  An inbox is bounded (INBOX_BYTES_MAX): a client whose thread does not come to deliver for
 *     that long is let go.  What was delivered is bounded by client-output-buffer-limit.
 * I3  The lock of an inbox is taken last; under it nothing else is.
 */
#ifndef COMMANDS_INBOX_H
#define COMMANDS_INBOX_H

#include <pthread.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "base/reply.h"

#define INBOX_BYTES_MAX  ((size_t)64 * 1024 * 1024)
#define LETTER_PARTS_MAX 4

struct session;
struct letter;

enum letter_kind {
    LETTER_LINE, /* a simple string of one part */
    LETTER_PUSH, /* a push (of RESP2: an array) of its parts */
    LETTER_OWN   /* spelled by who made it */
};

/* With one reference, the caller's; copies the parts. */
struct letter *letter_create(enum letter_kind kind, const struct bytes *parts, size_t count);
/* The same, of one part, which spell() will put into words for each session that it goes to. */
struct letter *letter_create_own(void (*spell)(const struct session *session, struct bytes content,
                                               struct reply *reply),
                                 struct bytes content);
void letter_release(struct letter *letter);
/* Of one part: that part. */
struct bytes letter_content(const struct letter *letter);

struct inbox {
    pthread_mutex_t lock;
    struct letter **letters;
    size_t count, capacity;
    size_t bytes;
    bool has_overflowed;
};

void inbox_init(struct inbox *inbox);
void inbox_clear(struct inbox *inbox);

/* Any thread (I1): adds a reference to the letter and wakes the session. */
void inbox_post(struct session *session, struct letter *letter);

/* The session's thread.  False if letters were lost (I2): the client must go. */
bool inbox_deliver(struct session *session, struct reply *reply) MUST_USE;

/* Forgets what has not been delivered. */
void inbox_empty(struct session *session);

#endif
