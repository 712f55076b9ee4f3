/* readers.h - who has read which key, for CLIENT TRACKING (tracking.h).
 *
 * A key goes by its namespace's id and itself, a reader by his client's id; of each is remembered
 * how many publications there were when he read, so that he is told of later ones alone.
 *
 * D1  A reader stands once at a key, with his first and his last reading since he was told of it.
 * D2  A key without readers is forgotten.
 * D3  The readers of a key stand in order of their ids: new clients, whose ids are the largest,
 *     come last.
 *
 * No lock here, no session and no message: all of it is under tracking's lock.
 */
#ifndef COMMANDS_READERS_H
#define COMMANDS_READERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/name_table.h"

struct reader {
    uint64_t id, first_seen, last_seen;
};

struct read_key;

struct readers {
    struct name_table by_name;
    TAILQ_HEAD(read_key_list, read_key) keys; /* the one remembered longest ago first */
    int64_t key_count, reader_count;          /* of keys; of readers of all of them */
};

void readers_init(struct readers *readers);
/* Forgets all keys. */
void readers_clear(struct readers *readers);

/* He has seen all that was published when the count was `seen`. */
void readers_add(struct readers *readers, struct bytes name, uint64_t id, uint64_t seen);

/* NULL if nobody has read it. */
struct read_key *readers_find(const struct readers *readers, struct bytes name);
/* There is one. */
struct read_key *readers_oldest(const struct readers *readers);

struct bytes read_key_name(const struct read_key *key);
bool read_key_has(const struct read_key *key, uint64_t id);

/* Asks for each reader of the key whether it stays, and in what form; then the key may be gone. */
void readers_sift(struct readers *readers, struct read_key *key,
                  bool (*stays)(void *context, struct reader *reader), void *context);

#endif
