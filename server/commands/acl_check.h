/* acl_check.h - may this client do that?
 *
 * Asked before a command runs or is queued, and once more for each that EXEC runs.  A session that
 * was found to be allowed everything costs one comparison: its user can't have changed while the
 * generation (acl.h) has not.
 *
 * A user who is tied to a namespace lands there when he logs in, and neither leaves it nor reaches
 * beyond it: what names another namespace is refused, and so is everything that administrates the
 * server, since he could untie himself with it.
 */
#ifndef COMMANDS_ACL_CHECK_H
#define COMMANDS_ACL_CHECK_H

#include "commands/acl.h"
#include "commands/call.h"

enum acl_answer { ACL_ALLOWED, ACL_DENIED_COMMAND, ACL_DENIED_KEY, ACL_DENIED_CHANNEL };

struct acl_verdict {
    enum acl_answer answer;
    size_t index; /* of the key or channel, among the words */
};

/* Pure; of namespaces it knows nothing. */
struct acl_verdict acl_judge(const struct acl_user *user, const struct command *command,
                             const struct bytes *argv, size_t argc);

/* --- requests --- */

enum status acl_check_slowly(struct call *call) MUST_USE;
enum status acl_check_queued_slowly(struct call *call) MUST_USE;

static inline bool acl_is_free(const struct call *call)
{
    return LIKELY(call->session->free_generation == acl_generation(call->worker->services->acl));
}

/* STATUS_FAILED: no. */
static inline MUST_USE enum status acl_check(struct call *call)
{
    return acl_is_free(call) ? STATUS_OK : acl_check_slowly(call);
}

/* For a command inside EXEC. */
static inline MUST_USE enum status acl_check_queued(struct call *call)
{
    return acl_is_free(call) ? STATUS_OK : acl_check_queued_slowly(call);
}

/* Must the client log in before it can do anything? */
bool acl_must_log_in(const struct call *call);

/* After subscribing: rules may have changed between the check and that. */
void acl_check_subscriptions(struct call *call);

/* --- sessions --- */

/* A new session, or one that begins anew: as the default user. */
void acl_begin_session(const struct services *services, struct session *session);

/* AUTH, HELLO. */
enum status acl_log_in(struct call *call, struct bytes name, struct bytes password) MUST_USE;

/* The title of the namespace that the session is tied to, or {NULL, 0}. */
static inline struct bytes acl_tied_to(const struct session *session)
{
    return session->user == NULL ? (struct bytes){NULL, 0} : session->user->namespace_title;
}

/* --- doors that see a token with every request --- */

/* Whose request it is from here on; takes over the reference.  NULL = everything is allowed. */
void acl_take_session(struct session *session, struct acl_user *user, uint64_t generation);

/* The namespace that the request is about has been selected: is it the one he is tied to? */
bool acl_is_at_home(const struct services *services, struct session *session);

#endif
