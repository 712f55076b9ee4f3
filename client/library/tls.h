/* tls.h - TLS on a connected socket, from the client's side.
 *
 * hiredis 0.14 knows nothing of it: who uses hiredis reads and writes by tls_receive() and
 * tls_send() instead, and gives hiredis's reader what has come.
 *
 * The socket may block or not.  Where it would, the results say what to wait for.  OpenSSL writes
 * by write(), which may raise SIGPIPE: that is the caller's to prevent.
 */
#ifndef LIBRARY_TLS_H
#define LIBRARY_TLS_H

#include <sys/types.h>

#include "grapevine.h"

struct ssl_ctx_st;
struct tls;

enum tls_result {
    TLS_DONE,
    TLS_WANTS_READ,
    TLS_WANTS_WRITE,
    TLS_ENDED, /* the connection is over; tls_problem() may say more */
    TLS_FAILED /* TLS itself fails, and tls_problem() says why */
};

/* What all connections of a client share.  NULL, with a sentence, if a file can't be used. */
struct ssl_ctx_st *tls_context_create(const struct grapevine_tls *options,
                                      char sentence[GRAPEVINE_SENTENCE_MAX]);
void tls_context_destroy(struct ssl_ctx_st *context);

/* For a connection to `host`, NULL = it has no name.  The options are those of the context. */
struct tls *tls_open(struct ssl_ctx_st *context, const struct grapevine_tls *options, int fd,
                     const char *host);

/* Says good-bye, if that makes sense, and leaves the socket open. */
void tls_close(struct tls *tls);

enum tls_result tls_shake_hands(struct tls *tls);

/* *done is how many bytes of it, and more than 0 if the result is TLS_DONE. */
enum tls_result tls_receive(struct tls *tls, void *data, size_t size, size_t *done);
enum tls_result tls_send(struct tls *tls, const void *data, size_t size, size_t *done);

/* Has come, and no socket tells of it. */
bool tls_has_more(const struct tls *tls);

/* "" = none. */
const char *tls_problem(const struct tls *tls);

#endif
