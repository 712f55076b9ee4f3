/* bits.c - values as rows of bits: bit 0 is the highest of the first byte. */
#include "commands/data.h"
#include "commands/table.h"

/* The bits of a value that a request could carry, and no more. */
static enum status parse_bit_offset(struct call *call, struct bytes text, uint64_t *offset)
{
    int64_t bytes_max = options_number(call_services(call)->options, OPTION_PROTO_MAX_BULK_LEN);
    int64_t number;

    if (!bytes_to_int64(text, &number) || number < 0 || number / 8 >= bytes_max)
        return STATUS_BIT_OFFSET;
    *offset = (uint64_t)number;
    return STATUS_OK;
}

static unsigned mask_of(uint64_t offset)
{
    return 0x80U >> offset % 8;
}

/* Behind the end all bits are zero. */
static bool bit_at(struct bytes value, uint64_t offset)
{
    return offset / 8 < value.size && ((unsigned)value.data[offset / 8] & mask_of(offset)) != 0;
}

static enum status command_getbit(struct call *call)
{
    const struct entry *entry;
    uint64_t offset;
    enum status s;

    s = parse_bit_offset(call, call_argument(call, 2), &offset);
    if (s == STATUS_OK)
        s = data_look(call, call_argument(call, 1), &entry);
    if (s == STATUS_OK)
        reply_integer(call->reply, bit_at(data_value(entry), offset));
    return s;
}

/* The same value but for one bit, made longer with zeros if that bit lies behind its end. */
static enum status put_bit(struct call *call, struct bytes key, const struct entry *old,
                           uint64_t offset, bool bit)
{
    struct bytes before = data_value(old);
    size_t size = offset / 8 < before.size ? before.size : offset / 8 + 1;
    struct data_record record = data_successor(key, old, size);
    char *into;
    enum status s;

    record.is_raw = true;
    s = data_put(call, &record, &into);
    if (s != STATUS_OK)
        return s;
    memcpy(into, before.data, before.size);
    memset(into + before.size, 0, size - before.size);
    if (bit)
        into[offset / 8] = (char)((unsigned)into[offset / 8] | mask_of(offset));
    else
        into[offset / 8] = (char)((unsigned)into[offset / 8] & ~mask_of(offset));
    return STATUS_OK;
}

/* SETBIT: answers the bit that was there.  The same bit again, within the value, is no write. */
static enum status command_setbit(struct call *call)
{
    struct bytes key = call_argument(call, 1);
    const struct entry *old;
    uint64_t offset;
    int64_t bit;
    bool bit_before;
    enum status s;

    s = parse_bit_offset(call, call_argument(call, 2), &offset);
    if (s != STATUS_OK)
        return s;
    if (!bytes_to_int64(call_argument(call, 3), &bit) || (bit != 0 && bit != 1))
        return STATUS_BIT_VALUE;
    s = data_check_value_size(call, (int64_t)(offset / 8) + 1);
    if (s == STATUS_OK)
        s = data_look(call, key, &old);
    if (s != STATUS_OK)
        return s;
    bit_before = bit_at(data_value(old), offset);
    if (offset / 8 >= data_value(old).size || bit_before != (bit == 1))
        s = put_bit(call, key, old, offset, bit == 1);
    if (s == STATUS_OK)
        reply_integer(call->reply, bit_before);
    return s;
}

/* clang-format off */
#define KEY .first_key = 1, .last_key = 1, .key_step = 1, .group = GROUP_BITMAP

struct command bits_commands[] = {
    { .name = "getbit", .arity = 3, .flags = CMD_READONLY | CMD_FAST, KEY, .key_use = KEYS_RO,
      .run = command_getbit, .since = "2.2.0", .complexity = "O(1)",
      .summary = "Answers one bit of the value of a key", .syntax = "key offset",
      .compat = COMPAT_SAME, .note = "" },
    { .name = "setbit", .arity = 4, .flags = CMD_WRITE | CMD_DENYOOM, KEY, .key_use = KEYS_RW,
      .run = command_setbit, .since = "2.2.0", .complexity = "O(N) where N is the new length",
      .summary = "Sets or clears one bit of the value of a key and answers what it was",
      .syntax = "key offset value",
      .compat = COMPAT_DIFFERS,
      .note = "keeps the key's metadata; subject to the size limits and the write rate" },
    { 0 },
};
/* clang-format on */
