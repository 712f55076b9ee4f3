/* acl_names.h - the commands that rules of ACL users may name.
 *
 * These are all rows of the command table, and all other commands of Redis 7.0: users that were
 * written for a real Redis can be loaded, and look the same afterwards.  Every name has an index; a
 * set of names is a row of bits.  The indexes of our own commands are those of the table.
 */
#ifndef COMMANDS_ACL_NAMES_H
#define COMMANDS_ACL_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "commands/categories.h"

#define ACL_NAMES_MAX 1024

struct acl_set {
    uint64_t words[ACL_NAMES_MAX / 64];
};

struct acl_name {
    const char *full_name; /* "config|get" */
    uint32_t categories;
    int container; /* an index, or -1 */
    bool has_subcommands;
    const struct command *command; /* NULL = not one of ours */
};

/* Once, after table_init(), before any thread runs. */
void acl_names_init(void);

int acl_names_count(void);
const struct acl_name *acl_name_at(int index);

/* "config|get" or "get", in any case; -1 if there is none. */
int acl_name_find(struct bytes full_name);

/* The name itself and, of a container, all its subcommands. */
void acl_name_add_to(int index, struct acl_set *set);

/* All of a category, and the subcommands of its containers. */
const struct acl_set *acl_names_of(enum category category);

/* The same without those that are there for their container's sake. */
const struct acl_set *acl_names_strictly_of(enum category category);

const struct acl_set *acl_names_all(void);

/* --- sets --- */

static inline bool acl_set_has(const struct acl_set *set, int index)
{
    return (set->words[index / 64] >> (index % 64)) & 1;
}

static inline void acl_set_add(struct acl_set *set, int index)
{
    set->words[index / 64] |= UINT64_C(1) << (index % 64);
}

void acl_set_add_all(struct acl_set *set, const struct acl_set *other);
void acl_set_remove_all(struct acl_set *set, const struct acl_set *other);
bool acl_set_equal(const struct acl_set *a, const struct acl_set *b);
int acl_set_count_common(const struct acl_set *a, const struct acl_set *b);

#endif
