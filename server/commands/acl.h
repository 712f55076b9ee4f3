/* acl.h - all users: who there is, and who knows which password.
 *
 * Users are immutable (acl_user.h); a change puts a new one in the old one's place, under the lock,
 * and raises the generation.  A session holds the user that it had found in the generation it
 * remembers, and looks again when the generation has changed (acl_check.h).  So nothing on the way
 * of a command takes the lock, unless users have just changed.
 *
 * A1  There is always a user "default"; with requirepass his password is that one.
 * A2  The generation is raised after the users have changed: who sees the new number finds them.
 * A3  Changes that come in one file or one command are taken whole or not at all.
 */
#ifndef COMMANDS_ACL_H
#define COMMANDS_ACL_H

#include <pthread.h>
#include <stdatomic.h>

#include "commands/acl_log.h"
#include "commands/acl_user.h"
#include "config/options.h"

struct acl {
    _Atomic uint64_t generation; /* 1 .. */
    atomic_bool needs_password;  /* the default user is off, or has a password */
    atomic_bool is_open;         /* the default user needs none, and may do everything */
    atomic_bool has_others;      /* there are users besides the default one */
    /* the rest is acl.c's, the users under the lock */
    pthread_mutex_t lock;
    struct name_table users;
    struct options *options;
    struct acl_log *log;
};

#define ACL_ERROR_MAX OPTIONS_ERROR_MAX

/* With the default user alone, as requirepass says. */
struct acl *acl_create(struct options *options);
void acl_destroy(struct acl *acl);

/* Once, before other threads run: the users of aclfile, or those of the config file.  On failure
 * `error` is one line. */
enum status acl_load_at_start(struct acl *acl, char error[ACL_ERROR_MAX]) MUST_USE;

/* From here on CONFIG SET requirepass gives the default user his only password; empty = he needs
 * none. */
void acl_obey_options(struct acl *acl);

static inline uint64_t acl_generation(const struct acl *acl)
{
    return atomic_load_explicit(&acl->generation, memory_order_acquire);
}

/* Must a new client prove who it is? */
static inline bool acl_needs_password(const struct acl *acl)
{
    return atomic_load_explicit(&acl->needs_password, memory_order_relaxed);
}

/* May everybody do everything? */
static inline bool acl_is_open(const struct acl *acl)
{
    return atomic_load_explicit(&acl->is_open, memory_order_relaxed);
}

/* Might anybody be found by a password? */
static inline bool acl_has_passwords(const struct acl *acl)
{
    return atomic_load_explicit(&acl->has_others, memory_order_relaxed) || acl_needs_password(acl);
}

/* --- users, each with a reference for the caller; NULL = none --- */

struct acl_user *acl_find_user(struct acl *acl, struct bytes name);
/* The user of the name if he is on and the password is his. */
struct acl_user *acl_authenticate(struct acl *acl, struct bytes name, struct bytes password);
/* Any user who is on and has this password, which he needs: for doors that know no names. */
struct acl_user *acl_find_by_password(struct acl *acl, struct bytes password);

/* All, by name; the caller releases each and frees the array. */
struct acl_user **acl_list_users(struct acl *acl, size_t *count);

/* --- changes --- */

/* ACL SETUSER.  `old` is who was there before, NULL if nobody, `new` who is now, both with a
 * reference.  STATUS_FAILED: nothing has changed, `error` says why, appended. */
enum status acl_set_user(struct acl *acl, struct bytes name, const struct bytes *words,
                         size_t count, struct acl_user **old, struct acl_user **new,
                         struct buffer *error) MUST_USE;

/* False if there is none. */
bool acl_delete_user(struct acl *acl, struct bytes name);

/* ACL LOAD and SAVE.  STATUS_FAILED: nothing has changed, `error` says why, appended. */
enum status acl_load_file(struct acl *acl, struct buffer *error) MUST_USE;
enum status acl_save_file(struct acl *acl, struct buffer *error) MUST_USE;
bool acl_has_file(const struct acl *acl);

/* The lines "user <name> <rules>" for the config file: with aclfile none, and none for a default
 * user who is no more than requirepass makes of him. */
void acl_print_users(struct acl *acl, struct buffer *lines);

#endif
