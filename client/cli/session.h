/* session.h - what every command has: its words, a way to the server, and a way to complain. */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include <grapevine.h>

#include "cli_words.h"

struct cli {
    struct cli_line line;
    struct grapevine *client; /* NULL for commands that need no server */
};

bool is_given(const struct cli *cli, enum cli_option option);

/* One sentence on standard error. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The exit code, said why; a macro so that the code stays a constant to the compiler. */
#define FAIL(code, ...) (complain(__VA_ARGS__), (code))

/* The exit code of an error of the library's. */
enum cli_exit session_exit(enum grapevine_error error);

/* Says what the client's last call failed with. */
enum cli_exit session_fail(const struct grapevine *client, enum grapevine_error error);

/* How much trouble is waited for, where the command line does not say: none, so that a person (or a
 * script that has its own mind) hears of it at once; or as much as a long task can bear. */
enum session_patience { SESSION_HASTY, SESSION_PATIENT };

/* A client of the server and user that the command line names; `ns` NULL = the one it names, too.
 * Patient or not, a server that can't be reached at first is told of at once. */
enum cli_exit session_open(const struct cli *cli, const char *ns, enum session_patience patience,
                           struct grapevine **client);

/* The servers that the command line names, as the library wants them. */
#define SESSION_SERVERS_MAX 4096
void session_servers(const struct cli *cli, char text[SESSION_SERVERS_MAX]);

/* TLS as the command line wants it; NULL = without.  Fills `tls`, whose strings are the line's. */
const struct grapevine_tls *session_tls(const struct cli *cli, struct grapevine_tls *tls);

/* What was printed has arrived, or nobody reads on (`list | head`), which is no reason to complain.
 */
enum cli_exit session_flush(void);

/* From now on SIGINT and SIGTERM are remembered; the second one ends the program. */
void session_catch_interrupts(void);
bool session_is_interrupted(void);

/* For measuring. */
int64_t session_now_ms(void);

#endif
