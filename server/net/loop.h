/* loop.h - one thread that serves Redis clients.
 *
 * A reactor (reactor.h) with connections: what they have sent is read, run and answered group by
 * group at the end of a turn's callbacks (serving.h).
 *
 * What lies in a loop belongs to its thread, down to its connections.  Other threads reach it
 * through its mail alone (mail.h).
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "base/buffer.h"
#include "net/batch.h"
#include "net/crew.h"
#include "net/mail.h"
#include "net/reactor.h"
#include "net/rooms.h"
#include "resp/parser.h"
#include "resp/writer.h"

/* What one read takes at most, and so what one connection can do in a turn. */
#define LOOP_INPUT_SIZE ((size_t)64 * 1024)

/* So many connections are read together, or fewer: as many as have so many keys between them. */
#define LOOP_GROUP_MAX      16
#define LOOP_GROUP_KEYS_MAX 32

/* Output buffers that wait for the next connection with something to say. */
#define LOOP_SPARE_MAX 64

/* What one connection of a group has sent. */
struct reading {
    struct connection *connection;
    struct batch batch;
};

struct loop {
    struct reactor reactor; /* first: its ops find their loop */
    struct crew *crew;

    /* this turn's */
    struct resp_limits limits;       /* is_authenticated: of the connection at work */
    struct resp_writer writer;       /* writes to the connection at work */
    struct connection_list readable; /* told by libevent, not read yet */
    struct reading group[LOOP_GROUP_MAX];
    size_t group_count;
    uint64_t announced[LOOP_GROUP_KEYS_MAX + BATCH_REQUESTS_MAX]; /* keys of the group */
    size_t announced_count;
    struct batch batch; /* of a connection that runs again what it has */

    struct rooms rooms; /* of the connections' input */
    struct buffer spare[LOOP_SPARE_MAX];
    int spare_count;

    struct connection_list connections; /* the one checked longest ago first */
    struct connection_list holding;     /* with held replies */
    struct connection_list parked;      /* with a request to run again */
    struct event check_timer;
    int64_t checked_us, used_us; /* at the last check: monotonic, and processor time */
    int overloaded_checks;       /* so many checks in a row */
    int64_t attack_logged_s;

    /* any thread's */
    CACHE_ALIGNED struct mail mail;
    atomic_int load;         /* sockets adopted, not closed and not given away */
    atomic_int percent_busy; /* see crew.h */
};

/* A loop without a thread yet; services->store is open, and the crew will be complete before the
 * first thread runs.  STATUS_IO (and errno) if the system has no descriptors for it. */
enum status loop_create(struct services *services, struct crew *crew, struct loop **loop) MUST_USE;
/* Its thread has ended. */
void loop_destroy(struct loop *loop);

/* Serves until loop_stop(), then answers what is being committed, for LOOP_FAREWELL_MS at most, and
 * closes all connections. */
#define LOOP_FAREWELL_MS 800
void loop_run(struct loop *loop);

/* --- from any thread --- */

void loop_stop(struct loop *loop);

/* Hands over a connected, non-blocking socket. */
void loop_adopt(struct loop *loop, struct newcomer newcomer);

/* Sockets that it has; counted from the moment they were handed over. */
int loop_load(const struct loop *loop);
int loop_percent_busy(const struct loop *loop);

/* --- from the loop's own callbacks --- */

/* An empty output buffer; loop_give_buffer() takes it back and leaves *buffer empty. */
struct buffer loop_take_buffer(struct loop *loop);
void loop_give_buffer(struct loop *loop, struct buffer *buffer);

/* Around requests without a system call between them: the first is timed from here, the others from
 * the end of the one before. */
void loop_start_clock(struct loop *loop);
void loop_stop_clock(struct loop *loop);

/* There is a connection to be looked at now and then. */
void loop_keep_checking(struct loop *loop);

/* The connection, which is in no list of this loop any more, goes to another. */
void loop_give_away(struct loop *loop, struct connection *connection, struct loop *to);

/* The connection goes for good. */
void loop_forget(struct loop *loop, struct connection *connection);

#endif
