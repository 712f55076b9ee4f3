#include "commands/invalidation.h"

#include "base/wire.h"
#include "commands/inbox.h"

void invalidation_pack(struct buffer *keys, struct bytes key)
{
    wire_put_u32(keys, (uint32_t)key.size);
    buffer_append_bytes(keys, key);
}

static void spell_keys(struct bytes keys, struct reply *reply)
{
    struct bytes rest = keys;
    size_t count = 0;

    while (rest.size > 0) {
        (void)wire_take(&rest, wire_take_u32(&rest));
        count++;
    }
    if (count == 0)
        reply_null(reply);
    else
        reply_array(reply, count);
    while (keys.size > 0)
        reply_bulk(reply, wire_take(&keys, wire_take_u32(&keys)));
}

/* RESP2 has no pushes (V1). */
static void spell_invalidation(const struct session *session, struct bytes keys,
                               struct reply *reply)
{
    if (session->protocol < 3)
        return;
    reply_push(reply, 2);
    reply_text(reply, "invalidate");
    spell_keys(keys, reply);
}

/* Only who listens to channels can get something out of turn in RESP2 (V1). */
static void spell_redirected(const struct session *session, struct bytes keys, struct reply *reply)
{
    if (session->protocol >= 3) {
        spell_invalidation(session, keys, reply);
    } else if (session->is_subscriber) {
        reply_array(reply, 3);
        reply_text(reply, "message");
        reply_text(reply, "__redis__:invalidate");
        spell_keys(keys, reply);
    }
}

static void spell_broken(const struct session *session, struct bytes content, struct reply *reply)
{
    if (session->protocol < 3)
        return;
    reply_push(reply, 2);
    reply_text(reply, "tracking-redir-broken");
    reply_integer(reply, (int64_t)wire_take_u64(&content));
}

void invalidation_post(struct invalidation *invalidation, struct session *target,
                       bool is_redirected)
{
    struct letter **letter = is_redirected ? &invalidation->redirected : &invalidation->direct;

    if (*letter == NULL)
        *letter = letter_create_own(is_redirected ? spell_redirected : spell_invalidation,
                                    invalidation->keys);
    inbox_post(target, *letter);
}

void invalidation_release(struct invalidation *invalidation)
{
    if (invalidation->direct != NULL)
        letter_release(invalidation->direct);
    if (invalidation->redirected != NULL)
        letter_release(invalidation->redirected);
}

void invalidation_post_broken(struct session *session, uint64_t redirect)
{
    struct buffer content = {0};
    struct letter *letter;

    wire_put_u64(&content, redirect);
    letter = letter_create_own(spell_broken, buffer_view(&content));
    inbox_post(session, letter);
    letter_release(letter);
    buffer_clear(&content);
}
