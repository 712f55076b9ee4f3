/* key_use.h - what a command does with its keys, in the words of Redis's key specs.
 *
 * COMMAND tells these words; the rights of ACL users follow from them.
 */
#ifndef COMMANDS_KEY_USE_H
#define COMMANDS_KEY_USE_H

#include "commands/table.h"

enum {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_VARIABLE = 1 << 8, /* the arguments decide, key_use_of() knows */
};

/* 0, 1, or 2 where the first key is used in another way than the others. */
int key_spec_count(const struct command *command);

/* What the spec says, whatever the arguments. */
uint32_t key_spec_bits(const struct command *command, int spec);

/* What this request does with the key at `index` of its words. */
uint32_t key_use_of(const struct command *command, const struct bytes *argv, size_t argc,
                    size_t index);

#endif
