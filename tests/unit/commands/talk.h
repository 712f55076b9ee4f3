/* talk.h - commands without a network: a store in a temporary directory, a clock that stands still
 * until it is moved, and sessions to talk to. */
#ifndef UNIT_COMMANDS_TALK_H
#define UNIT_COMMANDS_TALK_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "commands/acl_check.h"
#include "commands/clients.h"
#include "commands/cursors.h"
#include "commands/dispatch.h"
#include "commands/events.h"
#include "commands/statistics.h"
#include "commands/table.h"
#include "commands/teller.h"
#include "commands/tracking.h"
#include "commands/watch.h"
#include "resp/writer.h"
#include "unit/test.h"

#define TALK_WORDS_MAX 64

struct talk {
    char directory[64];
    struct options *options;
    struct services services;
    struct worker worker;
    struct session session, other; /* two clients */
    struct buffer reply;
    _Atomic int64_t wall_us;
};

static struct talk talk;

static int64_t talk_wall(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&talk.wall_us);
}

static const struct clock talk_clock = {talk_wall, talk_wall};

static inline void pass_ms(int64_t ms)
{
    atomic_fetch_add(&talk.wall_us, ms * 1000);
}

static void talk_ignore(void *context)
{
    (void)context;
}

static void talk_begin_session(struct session *session)
{
    session_init(session);
    acl_begin_session(&talk.services, session);
    session->is_authenticated = true;
    clients_add(talk.services.clients, session);
}

static void talk_end_session(struct session *session)
{
    pubsub_forget(talk.services.pubsub, session);
    clients_remove(talk.services.clients, session);
    tracking_forget(&talk.services, session);
    watch_stop(talk.services.watch, session);
    session_clear(session);
}

static int talk_set_up(void **state)
{
    char options_error[OPTIONS_ERROR_MAX], store_error[STORE_ERROR_MAX];
    char program[] = "test", dir[] = "--dir", level[] = "--loglevel", warning[] = "warning";
    char *arguments[] = {program, dir, talk.directory, level, warning};
    struct services *services = &talk.services;

    (void)state;
    strcpy(talk.directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(talk.directory));
    atomic_store(&talk.wall_us, 1700000000000000);
    table_init();
    talk.options = options_create();
    assert_int_equal(options_parse(talk.options, COUNT_OF(arguments), arguments, options_error),
                     STATUS_OK);
    assert_int_equal(options_finish(talk.options, options_error), STATUS_OK);
    *services = (struct services){.options = talk.options, .clock = &talk_clock};
    services->statistics = statistics_create(talk.options, &talk_clock);
    services->clients = clients_create();
    services->acl = acl_create(talk.options);
    acl_obey_options(services->acl);
    services->pubsub = pubsub_create();
    services->events = events_create(talk.options, services->pubsub);
    services->tracking = tracking_create(talk.options);
    services->watch = watch_create(services);
    services->cursors = cursors_create(CURSORS_POSITIONS_MAX, CURSORS_BYTES_MAX);
    assert_int_equal(store_open(talk.options, &talk_clock, &services->store, store_error),
                     STATUS_OK);
    store_set_teller(services->store, teller_tell, services);
    talk.worker = (struct worker){.services = services};
    talk.worker.statistics = statistics_join(services->statistics);
    talk.worker.store_thread = store_join(services->store, talk_ignore, NULL);
    talk.worker.txn = txn_create(talk.worker.store_thread);
    talk_begin_session(&talk.session);
    talk_begin_session(&talk.other);
    return 0;
}

static int talk_tear_down(void **state)
{
    char command[128];

    (void)state;
    talk_end_session(&talk.session);
    talk_end_session(&talk.other);
    txn_destroy(talk.worker.txn);
    store_leave(talk.worker.store_thread);
    store_close(talk.services.store);
    cursors_destroy(talk.services.cursors);
    clients_destroy(talk.services.clients);
    events_destroy(talk.services.events);
    acl_destroy(talk.services.acl);
    tracking_destroy(talk.services.tracking);
    watch_destroy(talk.services.watch);
    pubsub_destroy(talk.services.pubsub);
    statistics_destroy(talk.services.statistics);
    buffer_clear(&talk.worker.scratch);
    buffer_clear(&talk.reply);
    options_destroy(talk.options);
    snprintf(command, sizeof command, "rm -rf %s", talk.directory);
    return system(command);
}

static struct outcome talk_dispatch(struct session *session, const struct request *request)
{
    struct epoch_thread *epoch = store_epoch(talk.worker.store_thread);
    struct resp_writer writer;
    struct outcome outcome;

    talk.reply.size = 0;
    resp_writer_init(&writer, &talk.reply, session->protocol);
    epoch_enter(epoch);
    outcome = dispatch(&talk.worker, session, &writer.reply, request, clock_wall_ms(&talk_clock));
    store_end_turn(talk.worker.store_thread);
    epoch_exit(epoch);
    return outcome;
}

/* What was answered, with a blank for every line break but the last. */
static const char *talk_reply(void)
{
    size_t size = talk.reply.size;

    buffer_append_byte(&talk.reply, '\0');
    for (size_t i = 0, out = 0; i <= size; i++) {
        if (talk.reply.data[i] == '\n')
            continue;
        talk.reply.data[out++] = talk.reply.data[i] == '\r' ? ' ' : talk.reply.data[i];
        if (i == size && out > 1)
            talk.reply.data[out - 2] = '\0';
    }
    return talk.reply.data;
}

static const char *say_words(struct session *session, const struct bytes *words, size_t count)
{
    struct outcome outcome = talk_dispatch(session, &(struct request){words, count, 0});

    return outcome.is_parked ? "(parked)" : talk_reply();
}

/* Sends a command, its words separated by blanks, and returns the answer. */
static const char *say_by(struct session *session, const char *line)
{
    struct bytes words[TALK_WORDS_MAX];
    size_t count = 0;

    while (*line != '\0') {
        size_t size = strcspn(line, " ");

        assert_true(count < TALK_WORDS_MAX);
        words[count++] = (struct bytes){line, size};
        line += size + (line[size] == ' ');
    }
    return say_words(session, words, count);
}

static inline const char *say(const char *line)
{
    return say_by(&talk.session, line);
}

static inline const char *say_other(const char *line)
{
    return say_by(&talk.other, line);
}

#endif
