/* flights.h - the elements of a file that are on their way to the server.
 *
 * Requests may overtake each other when they are sent again, so two writes of one key must not be
 * in flight together.  A later pair of a key that is in flight waits behind it, as its follower,
 * and a still later one takes the follower's place: it would have been overwritten anyway.
 *
 * A flight keeps the element's text, to send it again or to write it to the file of failed ones.
 */
#ifndef CLI_FLIGHTS_H
#define CLI_FLIGHTS_H

#include <stdint.h>

#include "bytes.h"
#include "elements.h"

struct flight {
    struct buffer bytes; /* the key, then the text */
    size_t key_size;
    struct place place;
    uint64_t number;        /* which element of the file, from 0 */
    uint64_t payload_bytes; /* of key and value */
    struct flight *follower;
    struct flight *next;       /* in the same bucket, or free */
    struct flight *next_ready; /* the caller's, too */
    void *owner;               /* the caller's */
};

#define FLIGHTS_MAX    4096
#define FLIGHT_BUCKETS 8192

struct flights {
    struct flight *buckets[FLIGHT_BUCKETS];
    struct flight *free;
    size_t count;          /* in flight, without followers */
    size_t follower_bytes; /* of their texts */
};

struct bytes flight_key(const struct flight *flight);
struct bytes flight_text(const struct flight *flight);

/* The one of that key, or NULL. */
struct flight *flights_find(const struct flights *flights, struct bytes key);

/* Adds one, of a key that is not in flight; the rest of it is the caller's to fill. */
struct flight *flights_add(struct flights *flights, struct bytes key, struct bytes text);

/* Lets one wait behind `first`; another that waited there may have lost its place to it. */
struct flight *flights_follow(struct flights *flights, struct flight *first, struct bytes text,
                              bool *has_replaced);

/* It has landed.  Returns its follower, which is now in flight in its place, or NULL. */
struct flight *flights_remove(struct flights *flights, struct flight *flight);

/* The lowest number of all, UINT64_MAX if there is none. */
uint64_t flights_first(const struct flights *flights);

void flights_clear(struct flights *flights);

#endif
