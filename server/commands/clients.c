#include "commands/clients.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "commands/table.h"

struct clients *clients_create(void)
{
    struct clients *clients = xcalloc(1, sizeof(*clients));

    pthread_mutex_init(&clients->lock, NULL);
    return clients;
}

void clients_destroy(struct clients *clients)
{
    if (clients == NULL)
        return;
    assert(clients->first == NULL);
    pthread_mutex_destroy(&clients->lock);
    free(clients);
}

void clients_add(struct clients *clients, struct session *session)
{
    pthread_mutex_lock(&clients->lock);
    session->id = ++clients->last_id;
    session->next = NULL;
    session->previous = clients->last;
    if (clients->last == NULL)
        clients->first = session;
    else
        clients->last->next = session;
    clients->last = session;
    clients->count++;
    pthread_mutex_unlock(&clients->lock);
}

/* With the lock held. */
static void set_name(struct session *session, char *name)
{
    free(session->name);
    session->name = name;
}

void clients_remove(struct clients *clients, struct session *session)
{
    clients_set_monitor(clients, session, false);
    pthread_mutex_lock(&clients->lock);
    if (session->previous == NULL)
        clients->first = session->next;
    else
        session->previous->next = session->next;
    if (session->next == NULL)
        clients->last = session->previous;
    else
        session->next->previous = session->previous;
    session->next = session->previous = NULL;
    clients->count -= !atomic_load(&session->is_killed);
    set_name(session, NULL);
    pthread_mutex_unlock(&clients->lock);
}

int clients_count(struct clients *clients)
{
    int count;

    pthread_mutex_lock(&clients->lock);
    count = clients->count;
    pthread_mutex_unlock(&clients->lock);
    return count;
}

void clients_each(struct clients *clients, void (*each)(void *context, struct session *session),
                  void *context)
{
    pthread_mutex_lock(&clients->lock);
    for (struct session *session = clients->first; session != NULL; session = session->next)
        if (!atomic_load(&session->is_killed))
            each(context, session);
    pthread_mutex_unlock(&clients->lock);
}

/* --- names --- */

bool clients_is_showable(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] < '!' || text.data[i] > '~')
            return false;
    return true;
}

bool clients_set_name(struct clients *clients, struct session *session, struct bytes name)
{
    char *copy = NULL;

    if (!clients_is_showable(name))
        return false;
    if (name.size > 0) {
        copy = xmalloc(name.size + 1);
        memcpy(copy, name.data, name.size);
        copy[name.size] = '\0';
    }
    pthread_mutex_lock(&clients->lock);
    set_name(session, copy);
    pthread_mutex_unlock(&clients->lock);
    return true;
}

void clients_drop_name(struct clients *clients, struct session *session)
{
    pthread_mutex_lock(&clients->lock);
    set_name(session, NULL);
    pthread_mutex_unlock(&clients->lock);
}

const char *clients_borrow_name(const struct session *session)
{
    return session->name; /* its own thread is the only one that changes it */
}

void clients_kill(struct clients *clients, struct session *session)
{
    if (atomic_exchange(&session->is_killed, true))
        return;
    clients->count--;
    session->wake(session);
}

void clients_set_user(struct clients *clients, struct session *session, struct acl_user *user)
{
    pthread_mutex_lock(&clients->lock);
    session->user = user;
    pthread_mutex_unlock(&clients->lock);
}

/* --- MONITOR --- */

void clients_set_monitor(struct clients *clients, struct session *session, bool is_monitor)
{
    pthread_mutex_lock(&clients->lock);
    if (atomic_load(&session->is_monitor) != is_monitor) {
        atomic_store(&session->is_monitor, is_monitor);
        atomic_fetch_add(&clients->monitor_count, is_monitor ? 1 : -1);
    }
    pthread_mutex_unlock(&clients->lock);
}

/* HELLO 3 AUTH user password: the two words behind AUTH. */
static bool follows_auth(const struct call *call, size_t index)
{
    return (index > 2 && bytes_is_word(call->argv[index - 1], "auth")) ||
           (index > 3 && bytes_is_word(call->argv[index - 2], "auth"));
}

struct bytes clients_shown_argument(const struct call *call, size_t index)
{
    const char *name = call->command->full_name;
    bool is_secret = false;

    if (strcmp(name, "auth") == 0)
        is_secret = index > 0;
    else if (strcmp(name, "hello") == 0)
        is_secret = follows_auth(call, index);
    else if (strcmp(name, "acl|setuser") == 0)
        is_secret = index > 1;
    else if (strcmp(name, "config|set") == 0)
        is_secret = index > 2 && index % 2 == 1 && options_is_secret(call->argv[index - 1]);
    return is_secret ? bytes_of("(redacted)") : call->argv[index];
}

static void append_quoted(struct buffer *line, struct bytes text)
{
    static const char escaped[] = "\n\r\t\a\b\"\\", letters[] = "nrtab\"\\";

    buffer_append_byte(line, '"');
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        const char *found = c == '\0' ? NULL : strchr(escaped, c);

        if (found != NULL) {
            buffer_append_byte(line, '\\');
            buffer_append_byte(line, letters[found - escaped]);
        } else if (c >= ' ' && c <= '~') {
            buffer_append_byte(line, c);
        } else {
            buffer_printf(line, "\\x%02x", (unsigned)(unsigned char)c);
        }
    }
    buffer_append_byte(line, '"');
}

static void append_database(struct buffer *line, const struct call *call)
{
    char *title;

    if (call->session->database >= 0) {
        buffer_printf(line, "%d", call->session->database);
        return;
    }
    title = ns_take_title(store_registry(call_services(call)->store), call->ns);
    buffer_append_text(line, title);
    free(title);
}

static void append_monitor_line(struct buffer *line, const struct call *call)
{
    int64_t now_us = clock_wall_us(call_services(call)->clock);

    buffer_printf(line, "%lld.%06lld [", (long long)(now_us / 1000000),
                  (long long)(now_us % 1000000));
    append_database(line, call);
    buffer_printf(line, " %s]", call->session->address);
    for (size_t i = 0; i < call->argc; i++) {
        buffer_append_byte(line, ' ');
        append_quoted(line, clients_shown_argument(call, i));
    }
}

void clients_feed_monitors(struct clients *clients, const struct call *call)
{
    struct buffer line = {0};
    struct letter *letter;
    struct bytes text;

    if ((call->command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN)) != 0)
        return;
    append_monitor_line(&line, call);
    text = buffer_view(&line);
    letter = letter_create(LETTER_LINE, &text, 1);
    pthread_mutex_lock(&clients->lock);
    for (struct session *session = clients->first; session != NULL; session = session->next)
        if (atomic_load_explicit(&session->is_monitor, memory_order_relaxed))
            inbox_post(session, letter);
    pthread_mutex_unlock(&clients->lock);
    letter_release(letter);
    buffer_clear(&line);
}

/* --- CLIENT PAUSE --- */

/* Far enough for any clock, and twice of it is still a number. */
#define PAUSE_END_MAX (INT64_MAX / 4)

void clients_pause(struct clients *clients, int64_t now_ms, int64_t for_ms, bool is_only_writes)
{
    int64_t end_ms = for_ms < PAUSE_END_MAX - now_ms ? now_ms + for_ms : PAUSE_END_MAX;
    int64_t old, old_end_ms;

    pthread_mutex_lock(&clients->lock);
    old = atomic_load(&clients->pause);
    old_end_ms = old >> 1;
    if (old_end_ms > now_ms) {
        end_ms = end_ms > old_end_ms ? end_ms : old_end_ms;
        is_only_writes = is_only_writes && (old & 1) != 0;
    }
    atomic_store(&clients->pause, end_ms * 2 + is_only_writes);
    pthread_mutex_unlock(&clients->lock);
}

void clients_unpause(struct clients *clients)
{
    pthread_mutex_lock(&clients->lock);
    atomic_store(&clients->pause, 0);
    for (struct session *session = clients->first; session != NULL; session = session->next)
        if (atomic_load(&session->is_paused))
            session->wake(session);
    pthread_mutex_unlock(&clients->lock);
}
