/* random_message.h - messages of every kind with random contents, and whether two are the same: one
 * table of all fields is behind both, so that a field that a codec forgets is noticed. */
#ifndef UNIT_REPLICATION_RANDOM_MESSAGE_H
#define UNIT_REPLICATION_RANDOM_MESSAGE_H

#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "replication/message.h"

enum field_type {
    FIELD_NUMBER, /* of any size */
    FIELD_BELOW,  /* a bool or an enumeration: below `limit` */
    FIELD_BYTES,
    FIELD_NUMBERS, /* arrays; their counts stand at `count` */
    FIELD_POSITIONS,
    FIELD_MEMBERS,
    FIELD_ELEMENTS
};

static const struct field {
    enum message_kind kind;
    enum field_type type;
    size_t offset, size, count, limit;
} fields[] = {
#define AT(field) offsetof(struct message, field), sizeof(((struct message *)0)->field)
#define NUMBER(kind, field)                                                                        \
    {                                                                                              \
        MESSAGE_##kind, FIELD_NUMBER, AT(field), 0, 0                                              \
    }
#define BELOW(kind, field, limit)                                                                  \
    {                                                                                              \
        MESSAGE_##kind, FIELD_BELOW, AT(field), 0, limit                                           \
    }
#define BYTES(kind, field)                                                                         \
    {                                                                                              \
        MESSAGE_##kind, FIELD_BYTES, AT(field), 0, 0                                               \
    }
#define ARRAY(kind, type, field, count)                                                            \
    {                                                                                              \
        MESSAGE_##kind, FIELD_##type, AT(field), offsetof(struct message, count), 0                \
    }
    NUMBER(BEAT, beat.sent_us),
    NUMBER(BEAT, beat.echo_us),
    NUMBER(BEAT, beat.echo_arrive_us),
    NUMBER(BEAT, beat.incarnation),
    NUMBER(BEAT, beat.start),
    NUMBER(BEAT, beat.push_from),
    NUMBER(BEAT, beat.closed),
    NUMBER(BEAT, beat.applied),
    NUMBER(BEAT, beat.horizon),
    NUMBER(BEAT, beat.members_hash),
    NUMBER(BEAT, beat.flags),
    BELOW(BEAT, beat.has_vector, 2),
    ARRAY(BEAT, POSITIONS, beat.vector, beat.vector_count),
    ARRAY(MEMBERS, MEMBERS, members.entries, members.count),
    ARRAY(MEMBERS, NUMBERS, members.replaced, members.replaced_count),
    NUMBER(PUSH, push.incarnation),
    NUMBER(PUSH, push.start),
    NUMBER(PUSH, push.from),
    NUMBER(PUSH, push.to),
    NUMBER(PUSH, push.horizon),
    NUMBER(PUSH, push.sent_bytes),
    BELOW(PUSH, push.is_cut, 2),
    BYTES(PUSH, push.records),
    NUMBER(PUSHED, pushed.incarnation),
    NUMBER(PUSHED, pushed.applied),
    NUMBER(PUSHED, pushed.sent_bytes),
    BELOW(PUSHED, pushed.status, PUSHED_BUSY + 1),
    NUMBER(COMPARE, compare.session),
    NUMBER(COMPARE, compare.root.sum.low),
    NUMBER(COMPARE, compare.root.sum.high),
    NUMBER(COMPARE, compare.root.count),
    NUMBER(COMPARE, compare.horizon),
    NUMBER(COMPARED, compared.session),
    BELOW(COMPARED, compared.is_equal, 2),
    BELOW(COMPARED, compared.is_busy, 2),
    NUMBER(COMPARED, compared.leaf_count),
    NUMBER(COMPARED, compared.horizon),
    ARRAY(COMPARED, POSITIONS, compared.vector, compared.vector_count),
    NUMBER(OPEN, open.session),
    NUMBER(OPEN, open.batch),
    NUMBER(OPEN, open.cutoff),
    NUMBER(OPEN, open.horizon),
    BELOW(OPEN, open.by_content, 2),
    NUMBER(OPEN, open.symbols),
    ARRAY(OPEN, NUMBERS, open.leaves, open.leaf_count),
    NUMBER(GET, get.session),
    NUMBER(GET, get.batch),
    BELOW(GET, get.level, LEVEL_RECORDS + 1),
    BELOW(GET, get.is_list, 2),
    NUMBER(GET, get.from),
    NUMBER(GET, get.count),
    NUMBER(SKETCH, sketch.session),
    NUMBER(SKETCH, sketch.batch),
    BELOW(SKETCH, sketch.level, LEVEL_RECORDS + 1),
    NUMBER(SKETCH, sketch.from),
    BELOW(SKETCH, sketch.count, 20),
    NUMBER(SKETCH, sketch.set_size),
    BYTES(SKETCH, sketch.symbols),
    NUMBER(LIST, list.session),
    NUMBER(LIST, list.batch),
    BELOW(LIST, list.level, LEVEL_RECORDS + 1),
    NUMBER(LIST, list.from),
    NUMBER(LIST, list.set_size),
    ARRAY(LIST, ELEMENTS, list.elements, list.count),
    NUMBER(FETCH, fetch.session),
    NUMBER(FETCH, fetch.batch),
    NUMBER(FETCH, fetch.number),
    ARRAY(FETCH, NUMBERS, fetch.keys, fetch.count),
#define RECORDS(kind)                                                                              \
    NUMBER(kind, records.session), NUMBER(kind, records.batch), NUMBER(kind, records.number),      \
        NUMBER(kind, records.consumed), NUMBER(kind, records.horizon),                             \
        BYTES(kind, records.records)
    RECORDS(RECORDS),
    RECORDS(GIVE),
#undef RECORDS
    NUMBER(GIVEN, given.session),
    NUMBER(GIVEN, given.batch),
    NUMBER(GIVEN, given.number),
    BELOW(GIVEN, given.is_refused, 2),
    NUMBER(PAGE, page.session),
    NUMBER(PAGE, page.number),
    BYTES(PAGE, page.cursor),
    NUMBER(PAGE, page.bytes_max),
    NUMBER(PAGED, paged.session),
    NUMBER(PAGED, paged.number),
    BELOW(PAGED, paged.is_last, 2),
    BELOW(PAGED, paged.is_refused, 2),
    NUMBER(PAGED, paged.horizon),
    BYTES(PAGED, paged.cursor),
    ARRAY(PAGED, POSITIONS, paged.vector, paged.vector_count),
    BYTES(PAGED, paged.records),
#undef ARRAY
#undef BYTES
#undef BELOW
#undef NUMBER
#undef AT
};

#define RANDOM_TEXT_SIZE 600

/* What the bytes of random messages are a part of. */
static const char random_text[RANDOM_TEXT_SIZE] = "10.0.0.7:16379 the quick brown fox";

/* Of any magnitude. */
static uint64_t random_number(struct random *random)
{
    return random_next(random) >> random_below(random, 64);
}

static struct bytes random_view(struct random *random, size_t size_max)
{
    return (struct bytes){random_text, random_below(random, size_max + 1)};
}

static void random_array(struct random *random, const struct field *field, char *at, size_t *count)
{
    static const size_t sizes[] = {[FIELD_NUMBERS] = sizeof(uint64_t),
                                   [FIELD_POSITIONS] = sizeof(struct origin_position),
                                   [FIELD_MEMBERS] = sizeof(struct member_entry),
                                   [FIELD_ELEMENTS] = sizeof(struct element)};
    char *array;

    *count = random_below(random, 6);
    if (*count == 0)
        return;
    array = xcalloc(*count, sizes[field->type]);
    memcpy(at, &array, sizeof array);
    for (size_t i = 0; i < *count; i++) {
        uint64_t a = random_number(random), b = random_number(random);
        uint32_t small = (uint32_t)random_number(random);

        if (field->type == FIELD_NUMBERS)
            ((uint64_t *)(void *)array)[i] = a;
        else if (field->type == FIELD_ELEMENTS)
            ((struct element *)(void *)array)[i] = (struct element){a, b};
        else if (field->type == FIELD_MEMBERS)
            ((struct member_entry *)(void *)array)[i] = (struct member_entry){
                a, small, b, (enum member_state)(b & 1), random_view(random, 40)};
        else
            ((struct origin_position *)(void *)array)[i] =
                (struct origin_position){a, small, (b & 1) != 0, b, random_number(random)};
    }
}

static void random_field(struct random *random, const struct field *field, struct message *message)
{
    char *at = (char *)message + field->offset;
    uint64_t number = random_number(random);
    struct bytes view = random_view(random, 300);

    if (field->type == FIELD_BELOW)
        number = random_below(random, field->limit);
    if (field->type == FIELD_BYTES)
        memcpy(at, &view, sizeof view);
    else if (field->type <= FIELD_BELOW)
        memcpy(at, &number, field->size); /* little-endian, as Debian's machines are */
    else
        random_array(random, field, at, (size_t *)(void *)((char *)message + field->count));
}

/* To be cleared with message_clear(). */
static inline struct message random_message(struct random *random, enum message_kind kind)
{
    struct message message;

    memset(&message, 0, sizeof message);
    message.kind = kind;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].kind == kind)
            random_field(random, &fields[i], &message);
    }
    if (kind == MESSAGE_BEAT && !message.beat.has_vector) {
        free(message.beat.vector);
        message.beat.vector = NULL;
        message.beat.vector_count = 0;
    }
    if (kind == MESSAGE_SKETCH) {
        size_t least = message.sketch.level == LEVEL_LEAVES ? 13 : 21;

        message.sketch.symbols.size = message.sketch.count * (least + random_below(random, 10));
    }
    for (size_t i = 0; kind == MESSAGE_LIST && i < message.list.count; i++) {
        if (message.list.level == LEVEL_LEAVES)
            message.list.elements[i].b = 0;
    }
    return message;
}

static inline bool positions_same(const struct origin_position *a, const struct origin_position *b,
                                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].node_id != b[i].node_id || a[i].incarnation != b[i].incarnation ||
            a[i].is_closed != b[i].is_closed || a[i].start != b[i].start ||
            a[i].position != b[i].position)
            return false;
    }
    return true;
}

static inline bool members_same(const struct member_entry *a, const struct member_entry *b,
                                size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i].node_id != b[i].node_id || a[i].incarnation != b[i].incarnation ||
            a[i].start != b[i].start || a[i].state != b[i].state ||
            !bytes_equal(a[i].address, b[i].address))
            return false;
    }
    return true;
}

static bool arrays_same(const struct field *field, const struct message *a, const struct message *b)
{
    size_t counts[2];
    void *arrays[2];

    memcpy(&counts[0], (const char *)a + field->count, sizeof counts[0]);
    memcpy(&counts[1], (const char *)b + field->count, sizeof counts[1]);
    memcpy(&arrays[0], (const char *)a + field->offset, sizeof arrays[0]);
    memcpy(&arrays[1], (const char *)b + field->offset, sizeof arrays[1]);
    if (counts[0] != counts[1] || counts[0] == 0)
        return counts[0] == counts[1];
    if (field->type == FIELD_POSITIONS)
        return positions_same(arrays[0], arrays[1], counts[0]);
    if (field->type == FIELD_MEMBERS)
        return members_same(arrays[0], arrays[1], counts[0]);
    return memcmp(arrays[0], arrays[1],
                  counts[0] * (field->type == FIELD_NUMBERS ? sizeof(uint64_t)
                                                            : sizeof(struct element))) == 0;
}

static bool field_same(const struct field *field, const struct message *a, const struct message *b)
{
    const char *at = (const char *)a + field->offset, *other = (const char *)b + field->offset;
    struct bytes views[2];

    if (field->type <= FIELD_BELOW)
        return memcmp(at, other, field->size) == 0;
    if (field->type != FIELD_BYTES)
        return arrays_same(field, a, b);
    memcpy(&views[0], at, sizeof views[0]);
    memcpy(&views[1], other, sizeof views[1]);
    return bytes_equal(views[0], views[1]);
}

static inline bool message_same(const struct message *a, const struct message *b)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        if (fields[i].kind == a->kind && !field_same(&fields[i], a, b))
            return false;
    }
    return a->kind == b->kind;
}

#endif
