#include "replication/message.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/wire.h"

/* The least that one of them takes on the wire: a count that asks for more than is there is refused
 * before anything is allocated. */
#define POSITION_SIZE_MIN 18
#define MEMBER_SIZE_MIN   19
#define NARROW_SIZE       8 /* a number, or an element of LEVEL_LEAVES */
#define WIDE_SIZE         16
#define SYMBOL_REST_MIN   5  /* a symbol's checksum and count, beside its sum */
#define SYMBOL_REST_MAX   14 /* the count is a varint */

static const char *const names[] = {
#define MESSAGE_TEXT(kind, name) [MESSAGE_##kind] = name,
    MESSAGE_KINDS(MESSAGE_TEXT)
#undef MESSAGE_TEXT
};

const char *message_name(enum message_kind kind)
{
    assert(kind < MESSAGE_KIND_COUNT);
    return names[kind];
}

enum status message_kind_of(struct bytes name, enum message_kind *kind)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (bytes_equal(name, bytes_of(names[i]))) {
            *kind = (enum message_kind)i;
            return STATUS_OK;
        }
    }
    return STATUS_NOT_FOUND;
}

/* --- reading --- */

/* After the first failure everything reads as zero: decoders check once, at the end. */
struct reader {
    struct bytes rest;
    bool is_bad;
};

static uint64_t fail_reading(struct reader *reader)
{
    reader->is_bad = true;
    reader->rest.size = 0;
    return 0;
}

static uint64_t read_u64(struct reader *reader)
{
    uint64_t value;

    return wire_read_u64(&reader->rest, &value) ? value : fail_reading(reader);
}

/* A varint of at most `max`, in no more bytes than it needs. */
static uint64_t read_number(struct reader *reader, uint64_t max)
{
    const char *begin = reader->rest.data;
    uint64_t value;
    size_t size;

    if (!wire_read_varint(&reader->rest, &value) || value > max)
        return fail_reading(reader);
    size = (size_t)(reader->rest.data - begin);
    if (size > 1 && begin[size - 1] == 0)
        return fail_reading(reader);
    return value;
}

static uint32_t read_u32(struct reader *reader)
{
    return (uint32_t)read_number(reader, UINT32_MAX);
}

static uint8_t read_flags(struct reader *reader, uint8_t known)
{
    uint8_t flags;

    if (!wire_read_u8(&reader->rest, &flags) || (flags & ~known) != 0)
        return (uint8_t)fail_reading(reader);
    return flags;
}

/* How many of at least `size_min` bytes follow. */
static size_t read_count(struct reader *reader, size_t size_min)
{
    uint64_t count = read_number(reader, UINT64_MAX);

    if (count > reader->rest.size / size_min)
        return (size_t)fail_reading(reader);
    return (size_t)count;
}

static struct bytes read_bytes(struct reader *reader)
{
    size_t size = read_count(reader, 1);

    return size > 0 ? wire_take(&reader->rest, size) : bytes_of("");
}

/* NULL if there are none. */
static uint64_t *read_numbers(struct reader *reader, size_t *count)
{
    uint64_t *numbers;

    *count = read_count(reader, NARROW_SIZE);
    if (*count == 0)
        return NULL;
    numbers = xmalloc(*count * sizeof *numbers);
    for (size_t i = 0; i < *count; i++)
        numbers[i] = read_u64(reader);
    return numbers;
}

static void put_numbers(struct buffer *out, const uint64_t *numbers, size_t count)
{
    wire_put_varint(out, count);
    for (size_t i = 0; i < count; i++)
        wire_put_u64(out, numbers[i]);
}

/* A time near another one: the distance, small numbers for small ones of either sign. */
static void put_near(struct buffer *out, int64_t time, int64_t other)
{
    uint64_t distance = (uint64_t)time - (uint64_t)other;

    wire_put_varint(out, (distance << 1) ^ (0 - (distance >> 63)));
}

static int64_t read_near(struct reader *reader, int64_t other)
{
    uint64_t folded = read_number(reader, UINT64_MAX);

    return (int64_t)((uint64_t)other + ((folded >> 1) ^ (0 - (folded & 1))));
}

/* --- positions and members --- */

static void put_position(struct buffer *out, const struct origin_position *position)
{
    wire_put_u64(out, position->node_id);
    wire_put_varint(out, (uint64_t)position->incarnation << 1 | position->is_closed);
    wire_put_u64(out, position->start);
    wire_put_varint(out, position->position - position->start);
}

static void read_position(struct reader *reader, struct origin_position *position)
{
    uint64_t incarnation;

    position->node_id = read_u64(reader);
    incarnation = read_number(reader, (uint64_t)UINT32_MAX << 1 | 1);
    position->incarnation = (uint32_t)(incarnation >> 1);
    position->is_closed = (incarnation & 1) != 0;
    position->start = read_u64(reader);
    position->position = position->start + read_number(reader, UINT64_MAX);
}

static struct origin_position *read_positions(struct reader *reader, size_t *count)
{
    struct origin_position *positions;

    *count = read_count(reader, POSITION_SIZE_MIN);
    if (*count == 0)
        return NULL;
    positions = xmalloc(*count * sizeof *positions);
    for (size_t i = 0; i < *count; i++)
        read_position(reader, &positions[i]);
    return positions;
}

void positions_encode(struct buffer *out, const struct origin_position *positions, size_t count)
{
    wire_put_varint(out, count);
    for (size_t i = 0; i < count; i++)
        put_position(out, &positions[i]);
}

enum status positions_decode(struct bytes *from, struct origin_position **positions, size_t *count)
{
    struct reader reader = {.rest = *from};
    struct origin_position *read;
    size_t read_count;

    read = read_positions(&reader, &read_count);
    if (reader.is_bad) {
        free(read);
        return STATUS_CORRUPT;
    }
    *from = reader.rest;
    *positions = read;
    *count = read_count;
    return STATUS_OK;
}

void member_encode(struct buffer *out, const struct member_entry *entry)
{
    wire_put_u64(out, entry->node_id);
    wire_put_varint(out, entry->incarnation);
    wire_put_u64(out, entry->start);
    wire_put_varint(out, entry->state);
    wire_put_bytes(out, entry->address);
}

static void read_member(struct reader *reader, struct member_entry *entry)
{
    entry->node_id = read_u64(reader);
    entry->incarnation = read_u32(reader);
    entry->start = read_u64(reader);
    entry->state = (enum member_state)read_number(reader, MEMBER_OUT);
    entry->address = read_bytes(reader);
}

enum status member_decode(struct bytes *from, struct member_entry *entry)
{
    struct reader reader = {.rest = *from};
    struct member_entry read;

    read_member(&reader, &read);
    if (reader.is_bad)
        return STATUS_CORRUPT;
    *from = reader.rest;
    *entry = read;
    return STATUS_OK;
}

/* --- each kind --- */

static void encode_beat(struct buffer *out, const struct message *message)
{
    const struct beat *beat = &message->beat;

    wire_put_u64(out, (uint64_t)beat->sent_us);
    put_near(out, beat->echo_us, beat->sent_us);
    put_near(out, beat->echo_arrive_us, beat->sent_us);
    wire_put_varint(out, beat->incarnation);
    wire_put_u64(out, beat->start);
    wire_put_u64(out, beat->push_from);
    put_near(out, (int64_t)beat->closed, (int64_t)beat->push_from);
    wire_put_u64(out, beat->applied);
    wire_put_u64(out, beat->horizon);
    wire_put_u64(out, beat->members_hash);
    buffer_append_byte(out, (char)beat->flags);
    buffer_append_byte(out, beat->has_vector);
    if (beat->has_vector)
        positions_encode(out, beat->vector, beat->vector_count);
}

static void decode_beat(struct reader *reader, struct message *message)
{
    struct beat *beat = &message->beat;

    beat->sent_us = (int64_t)read_u64(reader);
    beat->echo_us = read_near(reader, beat->sent_us);
    beat->echo_arrive_us = read_near(reader, beat->sent_us);
    beat->incarnation = read_u32(reader);
    beat->start = read_u64(reader);
    beat->push_from = read_u64(reader);
    beat->closed = (uint64_t)read_near(reader, (int64_t)beat->push_from);
    beat->applied = read_u64(reader);
    beat->horizon = read_u64(reader);
    beat->members_hash = read_u64(reader);
    beat->flags = read_flags(reader, UINT8_MAX);
    beat->has_vector = read_flags(reader, 1) != 0;
    if (beat->has_vector)
        beat->vector = read_positions(reader, &beat->vector_count);
}

static void encode_members(struct buffer *out, const struct message *message)
{
    const struct members *members = &message->members;

    wire_put_varint(out, members->count);
    for (size_t i = 0; i < members->count; i++)
        member_encode(out, &members->entries[i]);
    put_numbers(out, members->replaced, members->replaced_count);
}

static void decode_members(struct reader *reader, struct message *message)
{
    struct members *members = &message->members;

    members->count = read_count(reader, MEMBER_SIZE_MIN);
    if (members->count > 0)
        members->entries = xmalloc(members->count * sizeof *members->entries);
    for (size_t i = 0; i < members->count; i++)
        read_member(reader, &members->entries[i]);
    members->replaced = read_numbers(reader, &members->replaced_count);
}

static void encode_push(struct buffer *out, const struct message *message)
{
    const struct push *push = &message->push;

    wire_put_varint(out, push->incarnation);
    wire_put_u64(out, push->start);
    wire_put_u64(out, push->from);
    wire_put_u64(out, push->to);
    wire_put_u64(out, push->horizon);
    wire_put_varint(out, push->sent_bytes);
    buffer_append_byte(out, push->is_cut);
    wire_put_bytes(out, push->records);
}

static void decode_push(struct reader *reader, struct message *message)
{
    struct push *push = &message->push;

    push->incarnation = read_u32(reader);
    push->start = read_u64(reader);
    push->from = read_u64(reader);
    push->to = read_u64(reader);
    push->horizon = read_u64(reader);
    push->sent_bytes = read_number(reader, UINT64_MAX);
    push->is_cut = read_flags(reader, 1) != 0;
    push->records = read_bytes(reader);
}

static void encode_pushed(struct buffer *out, const struct message *message)
{
    const struct pushed *pushed = &message->pushed;

    wire_put_varint(out, pushed->incarnation);
    wire_put_u64(out, pushed->applied);
    wire_put_varint(out, pushed->sent_bytes);
    wire_put_varint(out, pushed->status);
}

static void decode_pushed(struct reader *reader, struct message *message)
{
    struct pushed *pushed = &message->pushed;

    pushed->incarnation = read_u32(reader);
    pushed->applied = read_u64(reader);
    pushed->sent_bytes = read_number(reader, UINT64_MAX);
    pushed->status = (enum pushed_status)read_number(reader, PUSHED_BUSY);
}

static void encode_compare(struct buffer *out, const struct message *message)
{
    const struct compare *compare = &message->compare;

    wire_put_u64(out, compare->session);
    wire_put_u64(out, compare->root.sum.low);
    wire_put_u64(out, compare->root.sum.high);
    wire_put_varint(out, compare->root.count);
    wire_put_u64(out, compare->horizon);
}

static void decode_compare(struct reader *reader, struct message *message)
{
    struct compare *compare = &message->compare;

    compare->session = read_u64(reader);
    compare->root.sum.low = read_u64(reader);
    compare->root.sum.high = read_u64(reader);
    compare->root.count = read_number(reader, UINT64_MAX);
    compare->horizon = read_u64(reader);
}

static void encode_compared(struct buffer *out, const struct message *message)
{
    const struct compared *compared = &message->compared;

    wire_put_u64(out, compared->session);
    buffer_append_byte(out, (char)(compared->is_equal | compared->is_busy << 1));
    wire_put_varint(out, compared->leaf_count);
    wire_put_u64(out, compared->horizon);
    positions_encode(out, compared->vector, compared->vector_count);
}

static void decode_compared(struct reader *reader, struct message *message)
{
    struct compared *compared = &message->compared;
    uint8_t flags;

    compared->session = read_u64(reader);
    flags = read_flags(reader, 3);
    compared->is_equal = (flags & 1) != 0;
    compared->is_busy = (flags & 2) != 0;
    compared->leaf_count = read_number(reader, UINT64_MAX);
    compared->horizon = read_u64(reader);
    compared->vector = read_positions(reader, &compared->vector_count);
}

static void encode_open(struct buffer *out, const struct message *message)
{
    const struct open_leaves *open = &message->open;

    wire_put_u64(out, open->session);
    wire_put_varint(out, open->batch);
    wire_put_u64(out, open->cutoff);
    wire_put_u64(out, open->horizon);
    buffer_append_byte(out, open->by_content);
    wire_put_varint(out, open->symbols);
    put_numbers(out, open->leaves, open->leaf_count);
}

static void decode_open(struct reader *reader, struct message *message)
{
    struct open_leaves *open = &message->open;

    open->session = read_u64(reader);
    open->batch = read_u32(reader);
    open->cutoff = read_u64(reader);
    open->horizon = read_u64(reader);
    open->by_content = read_flags(reader, 1) != 0;
    open->symbols = read_u32(reader);
    open->leaves = read_numbers(reader, &open->leaf_count);
}

static void encode_get(struct buffer *out, const struct message *message)
{
    const struct get *get = &message->get;

    wire_put_u64(out, get->session);
    wire_put_varint(out, get->batch);
    buffer_append_byte(out, (char)(get->level | get->is_list << 1));
    wire_put_varint(out, get->from);
    wire_put_varint(out, get->count);
}

static void decode_get(struct reader *reader, struct message *message)
{
    struct get *get = &message->get;
    uint8_t flags;

    get->session = read_u64(reader);
    get->batch = read_u32(reader);
    flags = read_flags(reader, 3);
    get->level = (enum sketch_level)(flags & 1);
    get->is_list = (flags & 2) != 0;
    get->from = read_number(reader, UINT64_MAX);
    get->count = read_u32(reader);
}

static size_t element_size(enum sketch_level level)
{
    return level == LEVEL_LEAVES ? NARROW_SIZE : WIDE_SIZE;
}

static void encode_sketch(struct buffer *out, const struct message *message)
{
    const struct sketch_message *sketch = &message->sketch;

    wire_put_u64(out, sketch->session);
    wire_put_varint(out, sketch->batch);
    wire_put_varint(out, sketch->level);
    wire_put_varint(out, sketch->from);
    wire_put_varint(out, sketch->count);
    wire_put_varint(out, sketch->set_size);
    wire_put_bytes(out, sketch->symbols);
}

static void decode_sketch(struct reader *reader, struct message *message)
{
    struct sketch_message *sketch = &message->sketch;
    size_t sum_size;

    sketch->session = read_u64(reader);
    sketch->batch = read_u32(reader);
    sketch->level = (enum sketch_level)read_number(reader, LEVEL_RECORDS);
    sketch->from = read_number(reader, UINT64_MAX);
    sketch->count = read_u32(reader);
    sketch->set_size = read_number(reader, UINT64_MAX);
    sketch->symbols = read_bytes(reader);
    sum_size = element_size(sketch->level);
    if (sketch->symbols.size < sketch->count * (sum_size + SYMBOL_REST_MIN) ||
        sketch->symbols.size > sketch->count * (sum_size + SYMBOL_REST_MAX))
        (void)fail_reading(reader);
}

static void encode_list(struct buffer *out, const struct message *message)
{
    const struct list_message *list = &message->list;

    wire_put_u64(out, list->session);
    wire_put_varint(out, list->batch);
    wire_put_varint(out, list->level);
    wire_put_varint(out, list->from);
    wire_put_varint(out, list->set_size);
    wire_put_varint(out, list->count);
    for (size_t i = 0; i < list->count; i++) {
        wire_put_u64(out, list->elements[i].a);
        if (list->level == LEVEL_RECORDS)
            wire_put_u64(out, list->elements[i].b);
    }
}

static void decode_list(struct reader *reader, struct message *message)
{
    struct list_message *list = &message->list;

    list->session = read_u64(reader);
    list->batch = read_u32(reader);
    list->level = (enum sketch_level)read_number(reader, LEVEL_RECORDS);
    list->from = read_number(reader, UINT64_MAX);
    list->set_size = read_number(reader, UINT64_MAX);
    list->count = read_count(reader, element_size(list->level));
    if (list->count > 0)
        list->elements = xcalloc(list->count, sizeof *list->elements);
    for (size_t i = 0; i < list->count; i++) {
        list->elements[i].a = read_u64(reader);
        if (list->level == LEVEL_RECORDS)
            list->elements[i].b = read_u64(reader);
    }
}

static void encode_fetch(struct buffer *out, const struct message *message)
{
    const struct fetch *fetch = &message->fetch;

    wire_put_u64(out, fetch->session);
    wire_put_varint(out, fetch->batch);
    wire_put_varint(out, fetch->number);
    put_numbers(out, fetch->keys, fetch->count);
}

static void decode_fetch(struct reader *reader, struct message *message)
{
    struct fetch *fetch = &message->fetch;

    fetch->session = read_u64(reader);
    fetch->batch = read_u32(reader);
    fetch->number = read_u32(reader);
    fetch->keys = read_numbers(reader, &fetch->count);
}

static void encode_records(struct buffer *out, const struct message *message)
{
    const struct records_message *records = &message->records;

    wire_put_u64(out, records->session);
    wire_put_varint(out, records->batch);
    wire_put_varint(out, records->number);
    wire_put_varint(out, records->consumed);
    wire_put_u64(out, records->horizon);
    wire_put_bytes(out, records->records);
}

static void decode_records(struct reader *reader, struct message *message)
{
    struct records_message *records = &message->records;

    records->session = read_u64(reader);
    records->batch = read_u32(reader);
    records->number = read_u32(reader);
    records->consumed = read_u32(reader);
    records->horizon = read_u64(reader);
    records->records = read_bytes(reader);
}

static void encode_given(struct buffer *out, const struct message *message)
{
    const struct given *given = &message->given;

    wire_put_u64(out, given->session);
    wire_put_varint(out, given->batch);
    wire_put_varint(out, given->number);
    buffer_append_byte(out, given->is_refused);
}

static void decode_given(struct reader *reader, struct message *message)
{
    struct given *given = &message->given;

    given->session = read_u64(reader);
    given->batch = read_u32(reader);
    given->number = read_u32(reader);
    given->is_refused = read_flags(reader, 1) != 0;
}

static void encode_page(struct buffer *out, const struct message *message)
{
    const struct page_request *page = &message->page;

    wire_put_u64(out, page->session);
    wire_put_varint(out, page->number);
    wire_put_bytes(out, page->cursor);
    wire_put_varint(out, page->bytes_max);
}

static void decode_page(struct reader *reader, struct message *message)
{
    struct page_request *page = &message->page;

    page->session = read_u64(reader);
    page->number = read_u32(reader);
    page->cursor = read_bytes(reader);
    page->bytes_max = read_u32(reader);
}

static void encode_paged(struct buffer *out, const struct message *message)
{
    const struct page *page = &message->paged;

    wire_put_u64(out, page->session);
    wire_put_varint(out, page->number);
    buffer_append_byte(out, (char)(page->is_last | page->is_refused << 1));
    wire_put_u64(out, page->horizon);
    wire_put_bytes(out, page->cursor);
    positions_encode(out, page->vector, page->vector_count);
    wire_put_bytes(out, page->records);
}

static void decode_paged(struct reader *reader, struct message *message)
{
    struct page *page = &message->paged;
    uint8_t flags;

    page->session = read_u64(reader);
    page->number = read_u32(reader);
    flags = read_flags(reader, 3);
    page->is_last = (flags & 1) != 0;
    page->is_refused = (flags & 2) != 0;
    page->horizon = read_u64(reader);
    page->cursor = read_bytes(reader);
    page->vector = read_positions(reader, &page->vector_count);
    page->records = read_bytes(reader);
}

/* --- all kinds --- */

static const struct codec {
    void (*encode)(struct buffer *out, const struct message *message);
    void (*decode)(struct reader *reader, struct message *message);
} codecs[] = {
    [MESSAGE_BEAT] = {encode_beat, decode_beat},
    [MESSAGE_MEMBERS] = {encode_members, decode_members},
    [MESSAGE_PUSH] = {encode_push, decode_push},
    [MESSAGE_PUSHED] = {encode_pushed, decode_pushed},
    [MESSAGE_COMPARE] = {encode_compare, decode_compare},
    [MESSAGE_COMPARED] = {encode_compared, decode_compared},
    [MESSAGE_OPEN] = {encode_open, decode_open},
    [MESSAGE_GET] = {encode_get, decode_get},
    [MESSAGE_SKETCH] = {encode_sketch, decode_sketch},
    [MESSAGE_LIST] = {encode_list, decode_list},
    [MESSAGE_FETCH] = {encode_fetch, decode_fetch},
    [MESSAGE_RECORDS] = {encode_records, decode_records},
    [MESSAGE_GIVE] = {encode_records, decode_records},
    [MESSAGE_GIVEN] = {encode_given, decode_given},
    [MESSAGE_PAGE] = {encode_page, decode_page},
    [MESSAGE_PAGED] = {encode_paged, decode_paged},
};

_Static_assert(COUNT_OF(codecs) == MESSAGE_KIND_COUNT, "a codec for each kind");

void message_encode(struct buffer *out, const struct message *message)
{
    assert(message->kind < MESSAGE_KIND_COUNT);
    out->size = 0;
    codecs[message->kind].encode(out, message);
}

enum status message_decode(enum message_kind kind, struct bytes body, struct message *message)
{
    struct reader reader = {.rest = body};
    struct message read = {.kind = kind, .body_size = body.size};

    assert(kind < MESSAGE_KIND_COUNT);
    codecs[kind].decode(&reader, &read);
    if (reader.is_bad || reader.rest.size > 0) {
        message_clear(&read);
        return STATUS_CORRUPT;
    }
    *message = read;
    return STATUS_OK;
}

void message_clear(struct message *message)
{
    switch (message->kind) {
    case MESSAGE_BEAT:
        free(message->beat.vector);
        break;
    case MESSAGE_MEMBERS:
        free(message->members.entries);
        free(message->members.replaced);
        break;
    case MESSAGE_COMPARED:
        free(message->compared.vector);
        break;
    case MESSAGE_OPEN:
        free(message->open.leaves);
        break;
    case MESSAGE_LIST:
        free(message->list.elements);
        break;
    case MESSAGE_FETCH:
        free(message->fetch.keys);
        break;
    case MESSAGE_PAGED:
        free(message->paged.vector);
        break;
    case MESSAGE_PUSH:
    case MESSAGE_PUSHED:
    case MESSAGE_COMPARE:
    case MESSAGE_GET:
    case MESSAGE_SKETCH:
    case MESSAGE_RECORDS:
    case MESSAGE_GIVE:
    case MESSAGE_GIVEN:
    case MESSAGE_PAGE:
    case MESSAGE_KIND_COUNT:
        break;
    }
}
