#include "commands/session.h"

#include <stdlib.h>

#include "commands/acl_user.h"

void session_init(struct session *session)
{
    memset(session, 0, sizeof *session);
    session->descriptor = -1;
    session->protocol = 2;
    inbox_init(&session->inbox);
    atomic_store_explicit(&session->shared_protocol, 2, memory_order_relaxed);
    atomic_store_explicit(&session->shared_multi, -1, memory_order_relaxed);
}

void session_select(struct session *session, int database, struct ns *named)
{
    if (session->named != NULL)
        ns_release(session->named);
    session->database = database;
    session->named = named;
    atomic_store_explicit(&session->shared_database, database, memory_order_relaxed);
}

void session_unwatch(struct session *session)
{
    for (size_t i = 0; i < session->watched_count; i++) {
        ns_release(session->watched[i].ns);
        buffer_clear(&session->watched[i].key);
    }
    free(session->watched);
    session->watched = NULL;
    session->watched_count = session->watched_capacity = 0;
}

void session_discard_queue(struct session *session)
{
    session->is_multi = session->is_multi_dirty = false;
    free(session->queue);
    session->queue = NULL;
    session->queue_count = session->queue_capacity = 0;
    free(session->queue_sizes);
    session->queue_sizes = NULL;
    session->queue_sizes_count = session->queue_sizes_capacity = 0;
    buffer_clear(&session->queue_words);
    atomic_store_explicit(&session->shared_multi, -1, memory_order_relaxed);
    atomic_store_explicit(&session->multi_bytes, 0, memory_order_relaxed);
    session_unwatch(session);
}

void session_reset(struct session *session)
{
    session_discard_queue(session);
    session_select(session, 0, NULL);
    session->protocol = 2;
    session->reply_mode = REPLY_ON;
    atomic_store_explicit(&session->shared_protocol, 2, memory_order_relaxed);
}

void session_clear(struct session *session)
{
    session_discard_queue(session);
    session_select(session, 0, NULL);
    free(session->name);
    session->name = NULL;
    acl_user_release(session->user);
    session->user = NULL;
    inbox_clear(&session->inbox);
}
