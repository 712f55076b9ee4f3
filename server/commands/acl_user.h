/* acl_user.h - a user: passwords, rights, and perhaps a namespace that is all there is for him.
 *
 * A user is built by rules and does not change any more once others can see it: a change makes a
 * new one in its place, and the old one goes when the last session lets go of it.
 *
 * Besides Redis's rules there is `namespace=<title>`: the user works in that namespace and nowhere
 * else; `namespace=` alone unties it.
 */
#ifndef COMMANDS_ACL_USER_H
#define COMMANDS_ACL_USER_H

#include <stdatomic.h>

#include "base/name_table.h"
#include "base/secret.h"
#include "commands/acl_selector.h"

#define ACL_PASSWORD_HEX_SIZE ((size_t)2 * SECRET_SHA256_SIZE)
#define ACL_NAMESPACE_MAX     512

struct acl_password {
    unsigned char hash[SECRET_SHA256_SIZE];
};

enum acl_sanitizing { ACL_SANITIZE_UNSAID, ACL_SANITIZE_SKIP, ACL_SANITIZE_YES };

struct acl_user {
    struct name_node node; /* in acl.c's table; its name is `name` */
    atomic_uint references;
    struct bytes name; /* owned */
    bool is_on, needs_no_password;
    enum acl_sanitizing sanitizing;
    struct acl_password *passwords;
    size_t password_count;
    struct acl_selector *selectors; /* the root first */
    size_t selector_count;
    struct bytes namespace_title; /* owned; {NULL, 0} = not tied to any */
    bool is_unrestricted;         /* set by acl_user_finish() */
};

/* Off, without passwords and rights, but for the channels that acl-pubsub-default gives. */
struct acl_user *acl_user_create(struct bytes name, bool has_all_channels);
/* As the user "default" is from the start: everything, without a password. */
struct acl_user *acl_user_create_default(void);
struct acl_user *acl_user_copy(const struct acl_user *user);

struct acl_user *acl_user_retain(struct acl_user *user);
void acl_user_release(struct acl_user *user); /* NULL is fine */

/* One rule.  On a problem the user is good for nothing but release. */
enum acl_problem acl_user_apply(struct acl_user *user, struct bytes rule,
                                bool has_all_channels) MUST_USE;

/* Joins the words of selectors that were split at their blanks: "(+get", "~a)" is one rule.  The
 * rules point into `storage`.  False if a parenthesis is not closed; *open is the word that opens
 * it. */
struct acl_rules {
    struct bytes *at;
    size_t count;
    struct buffer storage;
};
bool acl_rules_join(const struct bytes *words, size_t count, struct acl_rules *rules,
                    struct bytes *open) MUST_USE;
void acl_rules_clear(struct acl_rules *rules);

/* No more rules: from here on the user may be shown to others. */
void acl_user_finish(struct acl_user *user);

bool acl_user_knows_password(const struct acl_user *user, const struct acl_password *password);
void acl_password_hash(struct bytes password, struct acl_password *hash);
void acl_password_print(const struct acl_password *password, struct buffer *out);

/* Blanks and zeros make no name. */
bool acl_user_name_is_fine(struct bytes name);

/* The rules behind "user <name> " in a file. */
void acl_user_describe(const struct acl_user *user, struct buffer *out);

/* May it listen to the channel? */
bool acl_user_allows_channel(const struct acl_user *user, struct bytes channel, bool is_pattern);

/* May it do that, ACL_READ or the like, with all keys that begin so? */
bool acl_user_allows_prefix(const struct acl_user *user, struct bytes prefix, unsigned permissions);

#endif
