#include "commands/key_use.h"

/* The second is 0 unless the second key is used in another way than the first. */
static const uint32_t key_bits[KEYS_USE_COUNT][2] = {
    [KEYS_RO] = {KEY_RO | KEY_ACCESS},
    [KEYS_PEEK] = {KEY_RO},
    [KEYS_RW] = {KEY_RW | KEY_ACCESS | KEY_UPDATE},
    [KEYS_UPDATE] = {KEY_RW | KEY_UPDATE},
    [KEYS_INSERT] = {KEY_RW | KEY_INSERT},
    [KEYS_OW] = {KEY_OW | KEY_UPDATE},
    [KEYS_NEW] = {KEY_OW | KEY_INSERT},
    [KEYS_SET] = {KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE},
    [KEYS_FIELDS] = {KEY_RW | KEY_ACCESS | KEY_UPDATE | KEY_VARIABLE},
    [KEYS_RM] = {KEY_RM | KEY_DELETE},
    [KEYS_TAKE] = {KEY_RW | KEY_ACCESS | KEY_DELETE},
    [KEYS_RENAME] = {KEY_RW | KEY_ACCESS | KEY_DELETE, KEY_OW | KEY_UPDATE},
    [KEYS_RENAMENX] = {KEY_RW | KEY_ACCESS | KEY_DELETE, KEY_OW | KEY_INSERT},
    [KEYS_COPY] = {KEY_RO | KEY_ACCESS, KEY_OW | KEY_UPDATE},
    [KEYS_BITOP] = {KEY_OW | KEY_UPDATE, KEY_RO | KEY_ACCESS},
};

int key_spec_count(const struct command *command)
{
    if (command->first_key == 0)
        return 0;
    return key_bits[command->key_use][1] != 0 ? 2 : 1;
}

uint32_t key_spec_bits(const struct command *command, int spec)
{
    return key_bits[command->key_use][spec];
}

/* SET key value ... GET: answers what was there. */
static bool set_answers(const struct bytes *argv, size_t argc)
{
    for (size_t i = 3; i < argc; i++)
        if (bytes_is_word(argv[i], "get"))
            return true;
    return false;
}

/* BITFIELD key of nothing but GET encoding offset. */
static bool bitfield_only_reads(const struct bytes *argv, size_t argc)
{
    for (size_t i = 2; i < argc; i += 3)
        if (!bytes_is_word(argv[i], "get") || argc - i < 3)
            return false;
    return true;
}

uint32_t key_use_of(const struct command *command, const struct bytes *argv, size_t argc,
                    size_t index)
{
    int spec = key_spec_count(command) == 2 && (int64_t)index > command->first_key;

    if (command->key_use == KEYS_SET && !set_answers(argv, argc))
        return KEY_OW | KEY_UPDATE;
    if (command->key_use == KEYS_FIELDS && bitfield_only_reads(argv, argc))
        return KEY_RO | KEY_ACCESS;
    return key_bits[command->key_use][spec] & ~(uint32_t)KEY_VARIABLE;
}
