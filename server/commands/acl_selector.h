/* acl_selector.h - one set of rights: which commands on which keys and channels.
 *
 * A user has one, its root, and any number of others in parentheses; a request is allowed if one of
 * them allows all of it.  Rules change a selector one by one; what holds in the end is described by
 * as few rules as the categories allow.  All of it is pure: rules in, answers out.
 */
#ifndef COMMANDS_ACL_SELECTOR_H
#define COMMANDS_ACL_SELECTOR_H

#include "base/buffer.h"
#include "base/compiler.h"
#include "commands/acl_names.h"

/* Why a rule was not taken; Redis's words for it. */
enum acl_problem {
    ACL_FINE,
    ACL_UNKNOWN_NAME,
    ACL_SYNTAX,
    ACL_KEYS_AFTER_ALL,
    ACL_CHANNELS_AFTER_ALL,
    ACL_NO_SUCH_PASSWORD,
    ACL_BAD_HASH,
    ACL_ARGUMENT_OF_SUBCOMMAND,
    ACL_BAD_NAMESPACE
};

const char *acl_problem_text(enum acl_problem problem);

enum { ACL_READ = 1 << 0, ACL_WRITE = 1 << 1 };

struct acl_pattern {
    struct bytes text; /* owned */
    unsigned permissions;
};

struct acl_patterns {
    struct acl_pattern *at;
    size_t count;
};

/* "+select|0": the command, which is not allowed otherwise, with this first argument. */
struct acl_first_argument {
    int index;
    char *word;
};

struct acl_selector {
    bool has_all_commands;    /* and those of the future */
    bool has_future_commands; /* began with +@all */
    bool has_all_keys, has_all_channels;
    struct acl_set commands;
    struct acl_patterns keys, channels;
    struct acl_first_argument *first_arguments;
    size_t first_argument_count;
};

/* All zeros is a selector that allows nothing. */
void acl_selector_copy(struct acl_selector *to, const struct acl_selector *from);
void acl_selector_clear(struct acl_selector *selector);

/* "+get", "~key*", "resetchannels", ...; nothing has changed unless ACL_FINE. */
enum acl_problem acl_selector_apply(struct acl_selector *selector, struct bytes rule) MUST_USE;

/* May this command be run at all?  `argv` has its name in front. */
bool acl_selector_allows(const struct acl_selector *selector, int index, const struct bytes *argv,
                         size_t argc);
bool acl_selector_allows_key(const struct acl_selector *selector, struct bytes key,
                             unsigned permissions);
/* All keys that begin so? */
bool acl_selector_allows_prefix(const struct acl_selector *selector, struct bytes prefix,
                                unsigned permissions);
/* A pattern to subscribe to is allowed only if it is one of the rules, word for word. */
bool acl_selector_allows_channel(const struct acl_selector *selector, struct bytes channel,
                                 bool is_pattern);

/* Parts of the description, as rules that bring the selector about. */
void acl_selector_describe_commands(const struct acl_selector *selector, struct buffer *out);
void acl_selector_describe_keys(const struct acl_selector *selector, struct buffer *out);
void acl_selector_describe_channels(const struct acl_selector *selector, struct buffer *out);

/* All of it, as ACL LIST shows it. */
void acl_selector_describe(const struct acl_selector *selector, struct buffer *out);

#endif
