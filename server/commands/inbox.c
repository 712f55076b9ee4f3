#include "commands/inbox.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/session.h"

struct letter {
    atomic_int references;
    enum letter_kind kind;
    void (*spell_own)(const struct session *session, struct bytes content, struct reply *reply);
    size_t count;
    size_t sizes[LETTER_PARTS_MAX];
    char bytes[]; /* the parts, one behind the other */
};

struct letter *letter_create(enum letter_kind kind, const struct bytes *parts, size_t count)
{
    struct letter *letter;
    size_t size = 0;

    for (size_t i = 0; i < count; i++)
        size += parts[i].size;
    letter = xmalloc(sizeof *letter + size);
    atomic_init(&letter->references, 1);
    letter->kind = kind;
    letter->spell_own = NULL;
    letter->count = count;
    size = 0;
    for (size_t i = 0; i < count; i++) {
        letter->sizes[i] = parts[i].size;
        if (parts[i].size > 0)
            memcpy(letter->bytes + size, parts[i].data, parts[i].size);
        size += parts[i].size;
    }
    return letter;
}

struct letter *letter_create_own(void (*spell)(const struct session *session, struct bytes content,
                                               struct reply *reply),
                                 struct bytes content)
{
    struct letter *letter = letter_create(LETTER_OWN, &content, 1);

    letter->spell_own = spell;
    return letter;
}

void letter_release(struct letter *letter)
{
    if (atomic_fetch_sub_explicit(&letter->references, 1, memory_order_acq_rel) == 1)
        free(letter);
}

struct bytes letter_content(const struct letter *letter)
{
    return (struct bytes){letter->bytes, letter->sizes[0]};
}

static size_t letter_size(const struct letter *letter)
{
    size_t size = sizeof *letter;

    for (size_t i = 0; i < letter->count; i++)
        size += letter->sizes[i];
    return size;
}

static void spell(const struct letter *letter, const struct session *session, struct reply *reply)
{
    const char *at = letter->bytes;

    if (letter->kind == LETTER_OWN) {
        letter->spell_own(session, (struct bytes){at, letter->sizes[0]}, reply);
        return;
    }

    if (letter->kind == LETTER_LINE) {
        reply->ops->simple(reply, (struct bytes){at, letter->sizes[0]});
        return;
    }
    reply_push(reply, letter->count);
    for (size_t i = 0; i < letter->count; i++) {
        reply_bulk(reply, (struct bytes){at, letter->sizes[i]});
        at += letter->sizes[i];
    }
}

void inbox_init(struct inbox *inbox)
{
    *inbox = (struct inbox){.count = 0};
    (void)pthread_mutex_init(&inbox->lock, NULL);
}

static void release_all(struct letter **letters, size_t count)
{
    for (size_t i = 0; i < count; i++)
        letter_release(letters[i]);
    free(letters);
}

void inbox_clear(struct inbox *inbox)
{
    release_all(inbox->letters, inbox->count);
    (void)pthread_mutex_destroy(&inbox->lock);
}

/* With the lock held. */
static void put(struct inbox *inbox, struct letter *letter)
{
    if (inbox->bytes + letter_size(letter) > INBOX_BYTES_MAX) {
        inbox->has_overflowed = true;
        return;
    }
    inbox->letters =
        xgrow(inbox->letters, inbox->count, &inbox->capacity, sizeof inbox->letters[0]);
    atomic_fetch_add_explicit(&letter->references, 1, memory_order_relaxed);
    inbox->letters[inbox->count++] = letter;
    inbox->bytes += letter_size(letter);
}

void inbox_post(struct session *session, struct letter *letter)
{
    struct inbox *inbox = &session->inbox;

    (void)pthread_mutex_lock(&inbox->lock);
    put(inbox, letter);
    (void)pthread_mutex_unlock(&inbox->lock);
    if (!atomic_exchange(&session->has_inbox, true))
        session->wake(session);
}

/* All of it; the inbox is empty. */
static struct letter **take(struct session *session, size_t *count, bool *has_overflowed)
{
    struct inbox *inbox = &session->inbox;
    struct letter **letters;

    atomic_store(&session->has_inbox, false); /* who posts from here on wakes again */
    (void)pthread_mutex_lock(&inbox->lock);
    letters = inbox->letters;
    *count = inbox->count;
    *has_overflowed = inbox->has_overflowed;
    inbox->letters = NULL;
    inbox->count = inbox->capacity = inbox->bytes = 0;
    (void)pthread_mutex_unlock(&inbox->lock);
    return letters;
}

bool inbox_deliver(struct session *session, struct reply *reply)
{
    bool has_overflowed;
    size_t count;
    struct letter **letters = take(session, &count, &has_overflowed);

    for (size_t i = 0; i < count; i++)
        spell(letters[i], session, reply);
    release_all(letters, count);
    return !has_overflowed;
}

void inbox_empty(struct session *session)
{
    bool has_overflowed;
    size_t count;
    struct letter **letters = take(session, &count, &has_overflowed);

    release_all(letters, count);
}
