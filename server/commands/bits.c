/* bits.c - values as rows of bits: bit 0 is the highest of the first byte.
 *
 * What turns out to change no bit, within the value as it is, is no write.
 */
#include "commands/bitmap.h"
#include "commands/data.h"
#include "commands/events.h"
#include "commands/table.h"

/* The bits of a value that a request could carry, and no more. */
static enum status check_bit_offset(struct call *call, int64_t number, uint64_t *offset)
{
    int64_t bytes_max = options_number(call_services(call)->options, OPTION_PROTO_MAX_BULK_LEN);

    if (number < 0 || number / 8 >= bytes_max)
        return STATUS_BIT_OFFSET;
    *offset = (uint64_t)number;
    return STATUS_OK;
}

static enum status parse_bit_offset(struct call *call, struct bytes text, uint64_t *offset)
{
    int64_t number;

    if (!bytes_to_int64(text, &number))
        return STATUS_BIT_OFFSET;
    return check_bit_offset(call, number, offset);
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
    events_note(call, EVENT_SETBIT, key);
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

/* --- counting and finding --- */

/* Bits of a value, both ends included: none if first > last. */
struct bit_range {
    int64_t first, last;
};

/* Below zero they count from the end. */
static struct bit_range clamp(int64_t first, int64_t last, int64_t size)
{
    if (first < 0)
        first = first + size > 0 ? first + size : 0;
    if (last < 0)
        last = last + size > 0 ? last + size : 0;
    if (last >= size)
        last = size - 1;
    return (struct bit_range){first, last};
}

/* The bits that the numbers name, be they of bits or of bytes. */
static struct bit_range range_of(int64_t first, int64_t last, bool is_of_bits, struct bytes value)
{
    struct bit_range range;

    if (is_of_bits)
        return clamp(first, last, (int64_t)value.size * 8);
    range = clamp(first, last, (int64_t)value.size);
    if (range.first > range.last)
        return range;
    return (struct bit_range){range.first * 8, range.last * 8 + 7};
}

/* BIT or BYTE. */
static enum status parse_unit(struct bytes word, bool *is_of_bits)
{
    if (!bytes_is_word(word, "bit") && !bytes_is_word(word, "byte"))
        return STATUS_SYNTAX;
    *is_of_bits = bytes_is_word(word, "bit");
    return STATUS_OK;
}

/* As in Redis, the word is not looked at where the numbers alone say that there is nothing. */
static enum status parse_count_range(struct call *call, struct bytes value, struct bit_range *range)
{
    bool is_of_bits = false;
    int64_t first = 0, last = -1;
    enum status s = STATUS_OK;

    if (call->argc == 3 || call->argc > 5)
        return STATUS_SYNTAX;
    if (call->argc > 3 && (!bytes_to_int64(call_argument(call, 2), &first) ||
                           !bytes_to_int64(call_argument(call, 3), &last)))
        return STATUS_NOT_INTEGER;
    *range = (struct bit_range){1, 0};
    if (first < 0 && last < 0 && first > last)
        return STATUS_OK;
    if (call->argc == 5)
        s = parse_unit(call_argument(call, 4), &is_of_bits);
    if (s == STATUS_OK)
        *range = range_of(first, last, is_of_bits, value);
    return s;
}

/* BITCOUNT key [start end [BYTE | BIT]]: the range of a missing key may be any nonsense. */
static enum status command_bitcount(struct call *call)
{
    struct bit_range range = {1, 0};
    const struct entry *entry;
    struct bytes value;
    enum status s;

    s = data_look(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    value = data_value(entry);
    if (entry != NULL)
        s = parse_count_range(call, value, &range);
    if (s != STATUS_OK)
        return s;
    reply_integer(call->reply,
                  range.first > range.last
                      ? 0
                      : (int64_t)bitmap_count(value, (uint64_t)range.first, (uint64_t)range.last));
    return STATUS_OK;
}

static enum status parse_find_range(struct call *call, struct bytes value, struct bit_range *range)
{
    bool is_of_bits = false;
    int64_t first = 0, last = -1;
    enum status s = STATUS_OK;

    if (call->argc > 6)
        return STATUS_SYNTAX;
    if (call->argc > 3 && !bytes_to_int64(call_argument(call, 3), &first))
        return STATUS_NOT_INTEGER;
    if (call->argc == 6)
        s = parse_unit(call_argument(call, 5), &is_of_bits);
    if (s == STATUS_OK && call->argc > 4 && !bytes_to_int64(call_argument(call, 4), &last))
        s = STATUS_NOT_INTEGER;
    if (s == STATUS_OK)
        *range = range_of(first, last, is_of_bits, value);
    return s;
}

/* Where the bit is, or -1.  Unless an end was given, a clear bit follows every value. */
static int64_t position_of(bool bit, struct bytes value, struct bit_range range, bool has_end)
{
    uint64_t at;

    if (range.first > range.last)
        return -1;
    if (bitmap_find(value, bit, (uint64_t)range.first, (uint64_t)range.last, &at))
        return (int64_t)at;
    return bit || has_end ? -1 : range.last + 1;
}

/* BITPOS key bit [start [end [BYTE | BIT]]]: a missing key is clear bits without end. */
static enum status command_bitpos(struct call *call)
{
    const struct entry *entry;
    struct bit_range range;
    int64_t bit;
    enum status s;

    if (!bytes_to_int64(call_argument(call, 2), &bit))
        return STATUS_NOT_INTEGER;
    if (bit != 0 && bit != 1)
        return call_fail(call, "ERR The bit argument must be 1 or 0.");
    s = data_look(call, call_argument(call, 1), &entry);
    if (s != STATUS_OK)
        return s;
    if (entry == NULL) {
        reply_integer(call->reply, bit == 1 ? -1 : 0);
        return STATUS_OK;
    }
    s = parse_find_range(call, entry_value(entry), &range);
    if (s == STATUS_OK)
        reply_integer(call->reply,
                      position_of(bit == 1, entry_value(entry), range, call->argc > 4));
    return s;
}

/* --- BITOP --- */

static bool find_operation(struct bytes word, enum bitmap_operation *operation)
{
    static const char *const names[] = {
        [BITMAP_AND] = "and", [BITMAP_OR] = "or", [BITMAP_XOR] = "xor", [BITMAP_NOT] = "not"};

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_is_word(word, names[i])) {
            *operation = (enum bitmap_operation)i;
            return true;
        }
    }
    return false;
}

/* The values of the keys behind the first, to the scratch memory, and the size of the longest. */
static enum status look_for_sources(struct call *call, size_t *size_max)
{
    size_t longest = 0;

    for (size_t i = 3; i < call->argc; i++) {
        const struct entry *entry;
        struct bytes value;
        enum status s = data_look(call, call_argument(call, i), &entry);

        if (s != STATUS_OK)
            return s;
        if (entry == NULL)
            events_note_miss(call, call_argument(call, i));
        value = data_value(entry);
        longest = value.size > longest ? value.size : longest;
        buffer_append(&call->worker->scratch, &value, sizeof value);
    }
    *size_max = longest;
    return STATUS_OK;
}

static void combine_sources(const struct call *call, enum bitmap_operation operation, char *into,
                            size_t size)
{
    const struct bytes *sources = (const void *)call->worker->scratch.data;
    size_t count = call->argc - 3;

    if (operation == BITMAP_NOT) {
        bitmap_combine(BITMAP_NOT, into, size, sources[0]);
        return;
    }
    memcpy(into, sources[0].data, sources[0].size);
    memset(into + sources[0].size, 0, size - sources[0].size);
    for (size_t i = 1; i < count; i++)
        bitmap_combine(operation, into, size, sources[i]);
}

/* BITOP: a new value for the destination, as SET stores one; of nothing but empty values, none. */
static enum status command_bitop(struct call *call)
{
    struct data_record record = {
        .key = call_argument(call, 2), .expiry_ms = EXPIRY_NONE, .is_raw = true};
    enum bitmap_operation operation;
    char *into;
    enum status s;

    if (!find_operation(call_argument(call, 1), &operation))
        return STATUS_SYNTAX;
    if (operation == BITMAP_NOT && call->argc != 4)
        return call_fail(call, "ERR BITOP NOT must be called with a single source key.");
    s = look_for_sources(call, &record.value_size);
    if (s != STATUS_OK)
        return s;
    if (record.value_size == 0) {
        s = data_delete(call, record.key);
        if (s == STATUS_OK)
            events_note(call, EVENT_DEL, record.key);
        s = s == STATUS_NOT_FOUND ? STATUS_OK : s;
    } else {
        s = data_put(call, &record, &into);
        if (s == STATUS_OK) {
            combine_sources(call, operation, into, record.value_size);
            events_note(call, EVENT_SET, record.key);
        }
    }
    if (s == STATUS_OK)
        reply_integer(call->reply, (int64_t)record.value_size);
    return s;
}

/* --- BITFIELD --- */

enum field_verb { FIELD_GET, FIELD_SET, FIELD_INCRBY };

struct field_step {
    enum field_verb verb;
    enum bitmap_overflow overflow;
    struct bitmap_field field;
    int64_t number; /* to set, or to add */
};

/* i1 .. i64, u1 .. u63. */
static enum status parse_field_type(struct call *call, struct bytes text,
                                    struct bitmap_field *field)
{
    bool is_signed = text.size > 0 && text.data[0] == 'i';
    int64_t bits;

    if (text.size == 0 || (!is_signed && text.data[0] != 'u') ||
        !bytes_to_int64((struct bytes){text.data + 1, text.size - 1}, &bits) || bits < 1 ||
        bits > (is_signed ? 64 : 63))
        return call_fail(call, "ERR Invalid bitfield type. Use something like i16 u8. Note that "
                               "u64 is not supported but i64 is.");
    field->is_signed = is_signed;
    field->bits = (unsigned)bits;
    return STATUS_OK;
}

/* A bit, or #n: where the field would stand behind n of its width. */
static enum status parse_field_offset(struct call *call, struct bytes text,
                                      struct bitmap_field *field)
{
    int64_t number;

    if (text.size == 0 || text.data[0] != '#')
        return parse_bit_offset(call, text, &field->offset);
    if (!bytes_to_int64((struct bytes){text.data + 1, text.size - 1}, &number) ||
        __builtin_mul_overflow(number, (int64_t)field->bits, &number))
        return STATUS_BIT_OFFSET;
    return check_bit_offset(call, number, &field->offset);
}

static enum status parse_overflow(struct call *call, struct bytes word,
                                  enum bitmap_overflow *overflow)
{
    if (bytes_is_word(word, "wrap"))
        *overflow = BITMAP_WRAP;
    else if (bytes_is_word(word, "sat"))
        *overflow = BITMAP_SATURATE;
    else if (bytes_is_word(word, "fail"))
        *overflow = BITMAP_FAIL;
    else
        return call_fail(call, "ERR Invalid OVERFLOW type specified");
    return STATUS_OK;
}

/* GET type offset | SET type offset value | INCRBY type offset increment, with the verb at *index,
 * which is left at the last word. */
static enum status parse_step(struct call *call, struct field_step *step, size_t *index)
{
    struct bytes word = call_argument(call, *index);
    size_t left = call->argc - *index - 1;
    enum status s;

    if (bytes_is_word(word, "get") && left >= 2)
        step->verb = FIELD_GET;
    else if (bytes_is_word(word, "set") && left >= 3)
        step->verb = FIELD_SET;
    else if (bytes_is_word(word, "incrby") && left >= 3)
        step->verb = FIELD_INCRBY;
    else
        return STATUS_SYNTAX;
    s = parse_field_type(call, call_argument(call, ++*index), &step->field);
    if (s == STATUS_OK)
        s = parse_field_offset(call, call_argument(call, ++*index), &step->field);
    if (s == STATUS_OK && step->verb != FIELD_GET &&
        !bytes_to_int64(call_argument(call, ++*index), &step->number))
        s = STATUS_NOT_INTEGER;
    return s;
}

/* What is to be done, in the scratch memory. */
struct field_plan {
    size_t step_count;
    uint64_t written_size; /* the size that all writes need; 0 = there are none */
};

static enum status parse_plan(struct call *call, struct field_plan *plan)
{
    struct field_step step = {.overflow = BITMAP_WRAP};
    enum status s = STATUS_OK;

    *plan = (struct field_plan){0};
    for (size_t i = 2; i < call->argc && s == STATUS_OK; i++) {
        if (bytes_is_word(call_argument(call, i), "overflow") && i + 1 < call->argc) {
            s = parse_overflow(call, call_argument(call, ++i), &step.overflow);
            continue;
        }
        s = parse_step(call, &step, &i);
        if (s != STATUS_OK)
            break;
        buffer_append(&call->worker->scratch, &step, sizeof step);
        plan->step_count++;
        if (step.verb != FIELD_GET && bitmap_field_end(step.field) / 8 >= plan->written_size)
            plan->written_size = bitmap_field_end(step.field) / 8 + 1;
    }
    return s;
}

/* A value under change: what was there, until there is something to write. */
struct field_row {
    struct bytes key;
    const struct entry *old;
    struct bytes value;
    char *area; /* of the new value; NULL = nothing was changed yet */
};

static enum status make_writable(struct call *call, struct field_row *row, size_t size)
{
    struct data_record record = data_successor(row->key, row->old, size);
    struct bytes before = row->value;
    enum status s;

    record.is_raw = true;
    s = data_put(call, &record, &row->area);
    if (s != STATUS_OK)
        return s;
    events_note(call, EVENT_SETBIT, row->key);
    memcpy(row->area, before.data, before.size);
    memset(row->area + before.size, 0, size - before.size);
    row->value = (struct bytes){row->area, size};
    return STATUS_OK;
}

/* Answers the number before (SET) or after (INCRBY), or nothing if OVERFLOW FAIL forbids it. */
static enum status write_field(struct call *call, struct field_row *row,
                               const struct field_step *step)
{
    int64_t before = bitmap_field_get(row->value, step->field), after;
    bool is_sum = step->verb == FIELD_INCRBY;
    enum status s = STATUS_OK;

    if (!bitmap_field_add(step->field, step->overflow, is_sum ? before : step->number,
                          is_sum ? step->number : 0, &after)) {
        reply_null(call->reply);
        return STATUS_OK;
    }
    reply_integer(call->reply, is_sum ? after : before);
    if (after == before)
        return STATUS_OK;
    if (row->area == NULL)
        s = make_writable(call, row, row->value.size);
    if (s == STATUS_OK)
        bitmap_field_set(row->area, row->value.size, step->field, after);
    return s;
}

/* As in Redis, the value grows for all that might be written, also if OVERFLOW FAIL forbids it. */
static enum status perform_plan(struct call *call, const struct field_plan *plan)
{
    const struct field_step *steps = (const void *)call->worker->scratch.data;
    struct field_row row = {.key = call_argument(call, 1)};
    enum status s;

    s = data_look(call, row.key, &row.old);
    if (s != STATUS_OK)
        return s;
    row.value = data_value(row.old);
    if (plan->written_size > row.value.size)
        s = make_writable(call, &row, plan->written_size);
    reply_array(call->reply, plan->step_count);
    for (size_t i = 0; i < plan->step_count && s == STATUS_OK; i++) {
        if (steps[i].verb == FIELD_GET)
            reply_integer(call->reply, bitmap_field_get(row.value, steps[i].field));
        else
            s = write_field(call, &row, &steps[i]);
    }
    return s;
}

static enum status command_bitfield(struct call *call)
{
    struct field_plan plan;
    enum status s;

    s = parse_plan(call, &plan);
    if (s == STATUS_OK && plan.written_size > 0)
        s = data_check_value_size(call, (int64_t)plan.written_size);
    return s == STATUS_OK ? perform_plan(call, &plan) : s;
}

static enum status command_bitfield_ro(struct call *call)
{
    struct field_plan plan;
    enum status s;

    s = parse_plan(call, &plan);
    if (s != STATUS_OK)
        return s;
    if (plan.written_size > 0)
        return call_fail(call, "ERR BITFIELD_RO only supports the GET subcommand");
    return perform_plan(call, &plan);
}

/* clang-format off */
#define GROUP   .group = GROUP_BITMAP
#define KEY     .first_key = 1, .last_key = 1, .key_step = 1, GROUP
#define READS   KEY, .key_use = KEYS_RO, .compat = COMPAT_SAME, .note = ""
#define CHANGES .compat = COMPAT_DIFFERS, \
                .note = "keeps the key's metadata; subject to the size limits and the write rate"

struct command bits_commands[] = {
    { .name = "bitcount", .arity = -2, .flags = CMD_READONLY, READS,
      .run = command_bitcount, .since = "2.6.0", .complexity = "O(N)",
      .summary = "Counts the bits that are set in the value of a key",
      .syntax = "key [start end [BYTE | BIT]]" },
    { .name = "bitfield", .arity = -2, .flags = CMD_WRITE | CMD_DENYOOM, KEY,
      .key_use = KEYS_FIELDS, CHANGES, .run = command_bitfield, .since = "3.2.0",
      .complexity = "O(1) for each subcommand specified, and O(N) to change a value of length N",
      .summary = "Reads and changes integers of any width at any bit of a value",
      .syntax = "key [GET encoding offset | [OVERFLOW <WRAP | SAT | FAIL>] "
                "<SET encoding offset value | INCRBY encoding offset increment> ...]" },
    { .name = "bitfield_ro", .arity = -2, .flags = CMD_READONLY | CMD_FAST, READS,
      .run = command_bitfield_ro, .since = "6.0.0",
      .complexity = "O(1) for each subcommand specified",
      .summary = "Reads integers of any width at any bit of a value",
      .syntax = "key [GET encoding offset] [GET encoding offset ...]" },
    { .name = "bitop", .arity = -4, .flags = CMD_WRITE | CMD_DENYOOM, GROUP,
      .first_key = 2, .last_key = -1, .key_step = 1, .key_use = KEYS_BITOP,
      .run = command_bitop, .since = "2.6.0", .complexity = "O(N)",
      .summary = "Stores what AND, OR, XOR or NOT makes of several values",
      .syntax = "operation destkey key [key ...]", .compat = COMPAT_DIFFERS,
      .note = "clears the metadata of the destination; subject to the size limits and the write "
              "rate" },
    { .name = "bitpos", .arity = -3, .flags = CMD_READONLY, READS,
      .run = command_bitpos, .since = "2.8.7", .complexity = "O(N)",
      .summary = "Finds the first bit that is set, or clear, in the value of a key",
      .syntax = "key bit [start [end [BYTE | BIT]]]" },
    { .name = "getbit", .arity = 3, .flags = CMD_READONLY | CMD_FAST, READS,
      .run = command_getbit, .since = "2.2.0", .complexity = "O(1)",
      .summary = "Answers one bit of the value of a key", .syntax = "key offset" },
    { .name = "setbit", .arity = 4, .flags = CMD_WRITE | CMD_DENYOOM, KEY, .key_use = KEYS_RW,
      CHANGES, .run = command_setbit, .since = "2.2.0",
      .complexity = "O(N) where N is the new length",
      .summary = "Sets or clears one bit of the value of a key and answers what it was",
      .syntax = "key offset value" },
    { 0 },
};
/* clang-format on */
