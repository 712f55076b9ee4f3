#include "commands/table.h"

#include <assert.h>
#include <ctype.h>
#include <limits.h>
#include <stdio.h>

#include "base/memory.h"

/* Longer ones can only be names that table_rename() gave. */
#define NAME_MAX_BYTES 24
#define NAME_WORDS     (NAME_MAX_BYTES / 8)

/* Open addressing, at most a quarter full.  A power of two. */
#define SLOTS      512
#define SLOT_SHIFT (64 - 9) /* the uppermost bits of a hash */
#define ROWS_MAX   256
#define SLOT_MASK  (SLOTS - 1)

/* The bit that tells a lower case letter from a capital, in each byte of a word. */
#define CASE_BITS 0x2020202020202020u

/* A name in words of eight bytes, read where they overlap if need be: two names of one size are the
 * same if the words are. */
struct name {
    uint64_t words[NAME_WORDS];
    size_t size;
};

struct slot {
    const struct command *command;
    struct name name, letters; /* CASE_BITS where the name has letters */
};

static struct command *const families[] = {
    strings_commands,    bits_commands,        dump_commands,   keys_commands,
    expiry_commands,     scan_commands,        kv_commands,     namespace_commands,
    connection_commands, transaction_commands, server_commands, introspection_commands,
    command_commands,    replica_commands,     pubsub_commands, acl_commands,
};

static struct slot slots[SLOTS];
static struct command *rows[ROWS_MAX];
static int row_count;
static bool has_long_names, is_renamed;

static inline uint64_t load_u64(const char *at)
{
    uint64_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t load_u32(const char *at)
{
    uint32_t word;

    memcpy(&word, at, sizeof word);
    return word;
}

static inline uint64_t load_short(const char *at, size_t size)
{
    if (size >= 4)
        return load_u32(at) | load_u32(at + size - 4) << 32;
    if (size == 0)
        return 0;
    return (uint64_t)((unsigned char)at[0] | (unsigned char)at[size / 2] << 8 |
                      (unsigned char)at[size - 1] << 16);
}

static inline struct name read_name(struct bytes text)
{
    const char *at = text.data;
    size_t size = text.size;

    if (LIKELY(size <= 8))
        return (struct name){{load_short(at, size)}, size};
    if (size <= 16)
        return (struct name){{load_u64(at), load_u64(at + size - 8)}, size};
    return (struct name){{load_u64(at), load_u64(at + 8), load_u64(at + size - 8)}, size};
}

/* The same for all spellings.  Long names that begin and are as long as each other are few. */
static inline size_t first_slot(const struct name *name)
{
    return ((name->words[0] | CASE_BITS) + name->size) * 0x9e3779b97f4a7c15u >> SLOT_SHIFT;
}

static inline bool is_in_slot(const struct slot *slot, const struct name *name)
{
    if (((slot->name.words[0] ^ name->words[0]) & ~slot->letters.words[0]) != 0 ||
        slot->name.size != name->size)
        return false;
    for (size_t i = 1; i * 8 < name->size; i++)
        if (((slot->name.words[i] ^ name->words[i]) & ~slot->letters.words[i]) != 0)
            return false;
    return true;
}

/* Seldom called, and not to cost the others registers. */
static NEVER_INLINE const struct command *find_long(struct bytes text)
{
    for (int i = 0; has_long_names && i < row_count; i++)
        if (rows[i]->container == NULL && bytes_is_word(text, rows[i]->called))
            return rows[i];
    return NULL;
}

const struct command *table_find(struct bytes text)
{
    struct name name;

    if (text.size > NAME_MAX_BYTES)
        return find_long(text);
    name = read_name(text);
    for (size_t i = first_slot(&name); slots[i].command != NULL; i = (i + 1) & SLOT_MASK)
        if (is_in_slot(&slots[i], &name))
            return slots[i].command;
    return NULL;
}

const struct command *table_find_row(struct bytes name)
{
    if (!is_renamed)
        return table_find(name);
    for (int i = 0; i < row_count; i++)
        if (rows[i]->container == NULL && bytes_is_word(name, rows[i]->name))
            return rows[i];
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

const struct command *table_find_full(struct bytes name)
{
    const char *bar = name.size > 0 ? memchr(name.data, '|', name.size) : NULL;
    const struct command *container;
    size_t size;

    if (bar == NULL)
        return table_find(name);
    size = (size_t)(bar - name.data);
    container = table_find((struct bytes){name.data, size});
    if (container == NULL)
        return NULL;
    return table_find_subcommand(container, (struct bytes){bar + 1, name.size - size - 1});
}

static struct name letters_of(struct bytes text)
{
    char letters[NAME_MAX_BYTES];

    for (size_t i = 0; i < text.size; i++)
        letters[i] = text.data[i] >= 'a' && text.data[i] <= 'z' ? 'a' ^ 'A' : 0;
    return read_name((struct bytes){letters, text.size});
}

static void add_slot(const struct command *command)
{
    struct bytes text = bytes_of(command->called);
    struct name name = read_name(text);
    size_t i;

    assert(table_find(text) == NULL);
    for (i = first_slot(&name); slots[i].command != NULL; i = (i + 1) & SLOT_MASK)
        continue;
    slots[i] = (struct slot){command, name, letters_of(text)};
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
    command->called = command->name;
    command->is_plain = command->subcommands == NULL;
    rows[row_count++] = command;
}

/* Slots are never freed: the ones behind might not be found any more. */
static void fill_slots(void)
{
    memset(slots, 0, sizeof slots);
    has_long_names = false;
    for (int i = 0; i < row_count; i++) {
        size_t size = strlen(rows[i]->called);

        if (size > NAME_MAX_BYTES)
            has_long_names = true;
        else if (rows[i]->container == NULL && size > 0)
            add_slot(rows[i]);
    }
}

void table_init(void)
{
    if (row_count > 0)
        return;
    for (size_t i = 0; i < COUNT_OF(families); i++) {
        for (struct command *row = families[i]; row->name != NULL; row++) {
            assert(strlen(row->name) <= NAME_MAX_BYTES);
            add_row(row, NULL);
            for (struct command *sub = row->subcommands; sub != NULL && sub->name != NULL; sub++)
                add_row(sub, row);
        }
    }
    fill_slots();
}

/* One that was made by copy_name(). */
static void drop_name(const struct command *command)
{
    if (command->called != command->name && command->called[0] != '\0')
        xbytes_free(bytes_of(command->called));
}

/* As the table wants it. */
static const char *copy_name(struct bytes name)
{
    char *copy = xcalloc(1, name.size + 1);

    for (size_t i = 0; i < name.size; i++)
        copy[i] = (char)tolower((unsigned char)name.data[i]);
    return copy;
}

enum table_rename table_rename(struct bytes from, struct bytes to)
{
    const struct command *command = table_find(from), *other = table_find(to);

    if (command == NULL)
        return TABLE_NO_SUCH_NAME;
    if (other != NULL && other != command)
        return TABLE_NAME_TAKEN;
    is_renamed = true;
    drop_name(command);
    rows[command->index]->called = to.size > 0 ? copy_name(to) : "";
    rows[command->index]->is_plain = false;
    fill_slots();
    return TABLE_RENAMED;
}

bool command_is_callable(const struct command *command)
{
    return (command->container != NULL ? command->container : command)->called[0] != '\0';
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
