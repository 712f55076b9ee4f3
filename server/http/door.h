/* door.h - the threads that serve HTTP, beside the loops that serve Redis's protocol.
 *
 * Each is a reactor (net/reactor.h) with its own connections (http/connection.h) and its own part
 * of the store; a long body or a bulk write keeps other HTTP clients of its thread waiting for a
 * moment, and Redis clients never.  The first thread accepts and deals connections to the one that
 * has the fewest.
 */
#ifndef HTTP_DOOR_H
#define HTTP_DOOR_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "base/listening.h"
#include "commands/call.h"

struct doors;

#define DOORS_ERROR_MAX LISTENING_ERROR_MAX

/* Opens http-port on the addresses of `bind`; *doors stays NULL if http-port is 0.  services->store
 * is open.  Clients are counted in *client_count, whoever else counts there, up to maxclients.
 * STATUS_FAILED: `error` is one sentence. */
enum status doors_create(struct services *services, atomic_int *client_count, struct doors **doors,
                         char error[DOORS_ERROR_MAX]) MUST_USE;
/* After doors_join(). */
void doors_destroy(struct doors *doors);

void doors_start(struct doors *doors);
/* Any thread: what is being answered still gets its chance, for a moment. */
void doors_stop(struct doors *doors);
void doors_join(struct doors *doors);

/* "127.0.0.1:8379, …" */
void doors_describe(const struct doors *doors, struct buffer *text);

#endif
