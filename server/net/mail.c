#include "net/mail.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "net/connection.h"

void mail_init(struct mail *mail, struct bell *bell)
{
    *mail = (struct mail){.bell = bell};
    TAILQ_INIT(&mail->woken);
    TAILQ_INIT(&mail->immigrants);
    (void)pthread_mutex_init(&mail->lock, NULL);
}

void mail_clear(struct mail *mail)
{
    assert(TAILQ_EMPTY(&mail->immigrants) && TAILQ_EMPTY(&mail->woken));
    while (mail->newcomer_count > 0)
        (void)close(mail->newcomers[--mail->newcomer_count].descriptor);
    free(mail->newcomers);
    (void)pthread_mutex_destroy(&mail->lock);
}

static void lock(struct mail *mail)
{
    (void)pthread_mutex_lock(&mail->lock);
}

static void unlock(struct mail *mail)
{
    (void)pthread_mutex_unlock(&mail->lock);
}

/* --- newcomers --- */

void mail_post_newcomer(struct mail *mail, struct newcomer newcomer)
{
    lock(mail);
    mail->newcomers = xgrow(mail->newcomers, mail->newcomer_count, &mail->newcomer_capacity,
                            sizeof mail->newcomers[0]);
    mail->newcomers[mail->newcomer_count++] = newcomer;
    unlock(mail);
    bell_ring(mail->bell);
}

struct newcomer *mail_take_newcomers(struct mail *mail, size_t *count)
{
    struct newcomer *newcomers;

    lock(mail);
    newcomers = mail->newcomers;
    *count = mail->newcomer_count;
    mail->newcomers = NULL;
    mail->newcomer_count = mail->newcomer_capacity = 0;
    unlock(mail);
    return newcomers;
}

/* --- connections --- */

static struct mail *lock_home(struct connection *connection)
{
    for (;;) {
        struct mail *home = atomic_load(&connection->home);

        lock(home);
        if (atomic_load(&connection->home) == home)
            return home;
        unlock(home);
    }
}

void mail_post_wake(struct connection *connection)
{
    struct mail *home = lock_home(connection);

    if (!connection->is_woken)
        TAILQ_INSERT_TAIL(&home->woken, connection, woken);
    connection->is_woken = true;
    unlock(home);
    bell_ring(home->bell);
}

struct connection *mail_take_woken(struct mail *mail)
{
    struct connection *connection;

    lock(mail);
    connection = TAILQ_FIRST(&mail->woken);
    if (connection != NULL) {
        TAILQ_REMOVE(&mail->woken, connection, woken);
        connection->is_woken = false;
    }
    unlock(mail);
    return connection;
}

struct connection *mail_take_immigrant(struct mail *mail)
{
    struct connection *connection;

    lock(mail);
    connection = TAILQ_FIRST(&mail->immigrants);
    if (connection != NULL)
        TAILQ_REMOVE(&mail->immigrants, connection, all);
    unlock(mail);
    return connection;
}

void mail_give_away(struct connection *connection, struct mail *to)
{
    struct mail *from = atomic_load(&connection->home);
    struct mail *first = (uintptr_t)from < (uintptr_t)to ? from : to;
    struct mail *second = first == from ? to : from;

    lock(first);
    lock(second);
    if (connection->is_woken) {
        TAILQ_REMOVE(&from->woken, connection, woken);
        TAILQ_INSERT_TAIL(&to->woken, connection, woken);
    }
    TAILQ_INSERT_TAIL(&to->immigrants, connection, all);
    atomic_store(&connection->home, to);
    unlock(second);
    unlock(first);
    bell_ring(to->bell);
}

void mail_forget(struct connection *connection)
{
    struct mail *home = lock_home(connection);

    if (connection->is_woken)
        TAILQ_REMOVE(&home->woken, connection, woken);
    connection->is_woken = false;
    unlock(home);
}
