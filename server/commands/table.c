#include "commands/table.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>

#include "base/memory.h"

/* Longer names are unknown without a look at the table. */
#define NAME_MAX_BYTES 24

/* Open addressing, at most a quarter full.  A power of two. */
#define SLOTS     512
#define ROWS_MAX  256
#define SLOT_MASK (SLOTS - 1)

struct slot {
    const struct command *command;
    uint32_t hash;
    uint32_t name_size;
};

static struct command *const families[] = {
    strings_commands,    bits_commands,        dump_commands,   keys_commands,
    expiry_commands,     scan_commands,        kv_commands,     namespace_commands,
    connection_commands, transaction_commands, server_commands, introspection_commands,
    command_commands,    replica_commands,     pubsub_commands, acl_commands,
};

static struct slot slots[SLOTS];
static const struct command *rows[ROWS_MAX];
static int row_count;

static inline char fold_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* FNV-1a over the lower-cased name, which it also writes to `folded`. */
static inline uint32_t fold_and_hash(struct bytes name, char folded[NAME_MAX_BYTES])
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < name.size; i++) {
        folded[i] = fold_case(name.data[i]);
        hash = (hash ^ (unsigned char)folded[i]) * 16777619u;
    }
    return hash ^ (hash >> 15);
}

const struct command *table_find(struct bytes name)
{
    char folded[NAME_MAX_BYTES];
    uint32_t hash;

    if (name.size > NAME_MAX_BYTES)
        return NULL;
    hash = fold_and_hash(name, folded);
    for (uint32_t i = hash & SLOT_MASK; slots[i].command != NULL; i = (i + 1) & SLOT_MASK) {
        const struct slot *slot = &slots[i];

        if (slot->hash == hash && slot->name_size == name.size &&
            memcmp(slot->command->name, folded, name.size) == 0)
            return slot->command;
    }
    return NULL;
}

const struct command *table_find_subcommand(const struct command *container, struct bytes name)
{
    if (container->subcommands == NULL)
        return NULL;
    for (const struct command *row = container->subcommands; row->name != NULL; row++) {
        if (bytes_is_word(name, row->name))
            return row;
    }
    return NULL;
}

static void add_slot(const struct command *command)
{
    char folded[NAME_MAX_BYTES];
    struct bytes name = bytes_of(command->name);
    uint32_t hash, i;

    assert(name.size <= NAME_MAX_BYTES);
    assert(table_find(name) == NULL);
    hash = fold_and_hash(name, folded);
    for (i = hash & SLOT_MASK; slots[i].command != NULL; i = (i + 1) & SLOT_MASK)
        continue;
    slots[i] = (struct slot){command, hash, (uint32_t)name.size};
}

static const char *join_names(const char *container, const char *name)
{
    size_t size = strlen(container) + strlen(name) + 2;
    char *joined = xmalloc(size);

    (void)snprintf(joined, size, "%s|%s", container, name);
    return joined;
}

static void add_row(struct command *command, const struct command *container)
{
    assert(row_count < ROWS_MAX);
    command->index = row_count;
    command->container = container;
    command->full_name =
        container == NULL ? command->name : join_names(container->name, command->name);
    rows[row_count++] = command;
}

void table_init(void)
{
    if (row_count > 0)
        return;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        for (struct command *row = families[i]; row->name != NULL; row++) {
            add_row(row, NULL);
            add_slot(row);
            for (struct command *sub = row->subcommands; sub != NULL && sub->name != NULL; sub++)
                add_row(sub, row);
        }
    }
}

int table_count(void)
{
    return row_count;
}

const struct command *table_at(int index)
{
    assert(index >= 0 && index < row_count);
    return rows[index];
}

bool command_accepts_argc(const struct command *command, size_t argc)
{
    size_t arity = (size_t)(command->arity < 0 ? -command->arity : command->arity);

    return command->arity < 0 ? argc >= arity : argc == arity;
}

/* A last key of -1 is the last argument, -2 the one before it. */
static int64_t last_key_index(const struct command *command, size_t argc)
{
    return command->last_key < 0 ? (int64_t)argc + command->last_key : command->last_key;
}

size_t command_key_count(const struct command *command, size_t argc)
{
    int64_t last = last_key_index(command, argc);

    if (command->first_key == 0 || last < command->first_key)
        return 0;
    return (size_t)((last - command->first_key) / command->key_step + 1);
}

bool command_each_key(const struct command *command, size_t argc,
                      void (*each)(void *context, size_t index), void *context)
{
    int64_t last = last_key_index(command, argc);

    if (command->first_key == 0 || last < command->first_key || last >= (int64_t)argc)
        return false;
    for (int64_t i = command->first_key; i <= last; i += command->key_step)
        each(context, (size_t)i);
    return true;
}
