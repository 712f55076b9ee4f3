#include "http/bulk_item.h"

#include "commands/metadata.h"
#include "http/base64.h"
#include "http/expiration.h"
#include "http/key_name.h"

/* What was seen of a pair; the rest of it is in the item. */
struct pair {
    bool has_key, has_value, is_base64;
    struct bytes expiration, ttl, metadata; /* data NULL = not given */
};

void bulk_item_clear(struct bulk_item *item)
{
    buffer_clear(&item->key);
    buffer_clear(&item->value);
    buffer_clear(&item->metadata);
    buffer_clear(&item->member);
    buffer_clear(&item->text);
}

static bool note_broken(struct fault *fault)
{
    return fault_note(fault, REFUSE_BAD_REQUEST, "the body is not valid JSON");
}

/* What comes next is of another kind than `what` says, or of none. */
static bool note_kind(struct json_reader *reader, struct fault *fault, const char *what)
{
    if (json_reader_peek(reader) == JSON_IS_BAD)
        return note_broken(fault);
    return fault_note(fault, REFUSE_BAD_REQUEST, "%s", what);
}

static bool take_string(struct json_reader *reader, struct buffer *out, struct fault *fault,
                        const char *what)
{
    if (json_reader_peek(reader) != JSON_IS_STRING)
        return note_kind(reader, fault, what);
    out->size = 0;
    return json_reader_take_string(reader, out) || note_broken(fault);
}

static bool take_number(struct json_reader *reader, struct bytes *number, struct fault *fault,
                        const char *what)
{
    enum json_kind kind = json_reader_peek(reader);

    if (kind != JSON_IS_NUMBER && kind != JSON_IS_NULL)
        return note_kind(reader, fault, what);
    if (!json_reader_skip(reader, number))
        return note_broken(fault);
    if (kind == JSON_IS_NULL)
        *number = (struct bytes){NULL, 0};
    return true;
}

static bool take_boolean(struct json_reader *reader, bool *is_true, struct fault *fault,
                         const char *what)
{
    enum json_kind kind = json_reader_peek(reader);
    struct bytes raw;

    if (kind != JSON_IS_TRUE && kind != JSON_IS_FALSE && kind != JSON_IS_NULL)
        return note_kind(reader, fault, what);
    *is_true = kind == JSON_IS_TRUE;
    return json_reader_skip(reader, &raw) || note_broken(fault);
}

/* Enough for a token that the end of the text cuts in two. */
#define TOKEN_MAX 8

static bool take_any(struct json_reader *reader, struct bytes *raw, struct fault *fault,
                     enum http_refusal refusal, const char *too_long)
{
    struct bytes text = reader->text;
    bool is_cut = text.size - reader->at > METADATA_TEXT_MAX;

    if (is_cut)
        reader->text.size = reader->at + METADATA_TEXT_MAX;
    if (json_reader_skip(reader, raw)) {
        reader->text = text;
        return true;
    }
    if (is_cut && reader->text.size - reader->at < TOKEN_MAX)
        return fault_note(fault, refusal, "%s", too_long);
    return note_broken(fault);
}

static bool take_metadata(struct json_reader *reader, struct bytes *raw, struct fault *fault)
{
    return take_any(reader, raw, fault, REFUSE_METADATA_TOO_LONG,
                    "Metadata length exceeds every limit.");
}

static bool take_unknown(struct json_reader *reader, struct fault *fault)
{
    struct bytes raw;

    return take_any(reader, &raw, fault, REFUSE_BAD_REQUEST, "a member of the item is too long");
}

static bool take_member(struct bulk_item *item, struct pair *pair, struct json_reader *reader,
                        struct fault *fault)
{
    struct bytes name = buffer_view(&item->member);

    if (bytes_equal(name, bytes_of("key")))
        return pair->has_key = take_string(reader, &item->key, fault, "key must be a string");
    if (bytes_equal(name, bytes_of("value")))
        return pair->has_value = take_string(reader, &item->value, fault, "value must be a string");
    if (bytes_equal(name, bytes_of("base64")))
        return take_boolean(reader, &pair->is_base64, fault, "base64 must be true or false");
    if (bytes_equal(name, bytes_of("expiration")))
        return take_number(reader, &pair->expiration, fault, "expiration must be a number");
    if (bytes_equal(name, bytes_of("expiration_ttl")))
        return take_number(reader, &pair->ttl, fault, "expiration_ttl must be a number");
    if (bytes_equal(name, bytes_of("metadata")))
        return take_metadata(reader, &pair->metadata, fault);
    return take_unknown(reader, fault);
}

static bool take_members(struct bulk_item *item, struct pair *pair, struct json_reader *reader,
                         struct fault *fault)
{
    if (!json_reader_enter(reader, JSON_IS_OBJECT))
        return note_broken(fault);
    while (json_reader_next_member(reader, &item->member))
        if (!take_member(item, pair, reader, fault))
            return false;
    return !reader->is_bad || note_broken(fault);
}

/* --- checks, once all is seen --- */

static bool decode_value(struct bulk_item *item, struct fault *fault)
{
    struct buffer encoded = item->value;

    item->text.size = 0;
    if (!base64_decode(buffer_view(&encoded), &item->text))
        return fault_note(fault, REFUSE_BAD_REQUEST, "value is not valid base64");
    item->value = item->text;
    item->text = encoded;
    return true;
}

static bool check_value(const struct bulk_item *item, const struct bulk_rules *rules,
                        struct fault *fault)
{
    if ((int64_t)item->value.size <= rules->value_size_max)
        return true;
    return fault_note(fault, REFUSE_VALUE_TOO_LONG, "Value length of %zu exceeds limit of %lld.",
                      item->value.size, (long long)rules->value_size_max);
}

static bool read_metadata(struct bulk_item *item, struct bytes raw, const struct bulk_rules *rules,
                          struct fault *fault)
{
    struct bytes compact;

    item->metadata.size = 0;
    if (raw.data == NULL)
        return true;
    json_reader_compact(raw, &item->metadata);
    if ((int64_t)item->metadata.size > rules->metadata_size_max)
        return fault_note(fault, REFUSE_METADATA_TOO_LONG,
                          "Metadata length of %zu exceeds limit of %lld.", item->metadata.size,
                          (long long)rules->metadata_size_max);
    compact = buffer_view(&item->metadata);
    if (metadata_check(&compact) != STATUS_OK)
        return fault_note(fault, REFUSE_METADATA, "metadata must be valid json");
    item->metadata.size = compact.size;
    return true;
}

static bool read_expiration(struct bulk_item *item, const struct pair *pair,
                            const struct bulk_rules *rules, struct fault *fault)
{
    return expiration_read(pair->expiration.data != NULL ? &pair->expiration : NULL,
                           pair->ttl.data != NULL ? &pair->ttl : NULL, rules->now_ms,
                           &item->expiry_ms, fault);
}

bool bulk_item_read_pair(struct bulk_item *item, struct json_reader *reader,
                         const struct bulk_rules *rules, struct fault *fault)
{
    struct pair pair = {0};

    if (json_reader_peek(reader) != JSON_IS_OBJECT)
        return note_kind(reader, fault, "each item must be an object with key and value");
    if (!take_members(item, &pair, reader, fault))
        return false;
    if (!pair.has_key)
        return fault_note(fault, REFUSE_BAD_REQUEST, "key is missing");
    if (!pair.has_value)
        return fault_note(fault, REFUSE_BAD_REQUEST, "value is missing");
    return key_name_check(buffer_view(&item->key), rules->key_size_max, fault) &&
           (!pair.is_base64 || decode_value(item, fault)) && check_value(item, rules, fault) &&
           read_metadata(item, pair.metadata, rules, fault) &&
           read_expiration(item, &pair, rules, fault);
}

bool bulk_item_read_name(struct bulk_item *item, struct json_reader *reader,
                         const struct bulk_rules *rules, struct fault *fault)
{
    return take_string(reader, &item->key, fault, "each item must be the name of a key") &&
           key_name_check(buffer_view(&item->key), rules->key_size_max, fault);
}
