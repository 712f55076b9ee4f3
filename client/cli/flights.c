#include "flights.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A flight that carried more gives the rest back when it has landed. */
#define KEEPS ((size_t)16 * 1024)

struct bytes flight_key(const struct flight *flight)
{
    return (struct bytes){flight->bytes.data, flight->key_size};
}

struct bytes flight_text(const struct flight *flight)
{
    return (struct bytes){flight->bytes.data + flight->key_size,
                          flight->bytes.size - flight->key_size};
}

/* FNV-1a. */
static size_t bucket_of(struct bytes key)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < key.size; i++)
        hash = (hash ^ (unsigned char)key.data[i]) * 0x100000001b3;
    return (hash ^ hash >> 32) % FLIGHT_BUCKETS;
}

static bool is_of_key(const struct flight *flight, struct bytes key)
{
    return flight->key_size == key.size &&
           (key.size == 0 || memcmp(flight->bytes.data, key.data, key.size) == 0);
}

struct flight *flights_find(const struct flights *flights, struct bytes key)
{
    struct flight *flight = flights->count > 0 ? flights->buckets[bucket_of(key)] : NULL;

    while (flight != NULL && !is_of_key(flight, key))
        flight = flight->next;
    return flight;
}

static struct flight *take(struct flights *flights, struct bytes key, struct bytes text)
{
    struct flight *flight = flights->free;
    struct buffer bytes = {0};

    if (flight != NULL) {
        flights->free = flight->next;
        bytes = flight->bytes;
        bytes.size = 0;
    } else {
        flight = malloc(sizeof(*flight));
        assert(flight != NULL);
    }
    buffer_reserve(&bytes, key.size + text.size);
    buffer_append(&bytes, key.data, key.size);
    buffer_append(&bytes, text.data, text.size);
    *flight = (struct flight){.bytes = bytes, .key_size = key.size};
    return flight;
}

static void give_back(struct flights *flights, struct flight *flight)
{
    flight->bytes.size = 0;
    buffer_trim(&flight->bytes, KEEPS);
    flight->follower = NULL;
    flight->next = flights->free;
    flights->free = flight;
}

static void insert(struct flights *flights, struct flight *flight)
{
    struct flight **bucket = &flights->buckets[bucket_of(flight_key(flight))];

    flight->next = *bucket;
    *bucket = flight;
    flights->count++;
}

struct flight *flights_add(struct flights *flights, struct bytes key, struct bytes text)
{
    struct flight *flight = take(flights, key, text);

    insert(flights, flight);
    return flight;
}

struct flight *flights_follow(struct flights *flights, struct flight *first, struct bytes text,
                              bool *has_replaced)
{
    struct flight *old = first->follower;

    *has_replaced = old != NULL;
    if (old != NULL) {
        flights->follower_bytes -= old->bytes.size;
        give_back(flights, old);
    }
    first->follower = take(flights, flight_key(first), text);
    flights->follower_bytes += first->follower->bytes.size;
    return first->follower;
}

struct flight *flights_remove(struct flights *flights, struct flight *flight)
{
    struct flight **at = &flights->buckets[bucket_of(flight_key(flight))];
    struct flight *follower = flight->follower;

    while (*at != flight)
        at = &(*at)->next;
    *at = flight->next;
    flights->count--;
    give_back(flights, flight);
    if (follower != NULL) {
        flights->follower_bytes -= follower->bytes.size;
        insert(flights, follower);
    }
    return follower;
}

uint64_t flights_first(const struct flights *flights)
{
    uint64_t first = UINT64_MAX;

    for (size_t i = 0; i < FLIGHT_BUCKETS; i++) {
        for (const struct flight *flight = flights->buckets[i]; flight != NULL;
             flight = flight->next)
            first = flight->number < first ? flight->number : first;
    }
    return first;
}

static void destroy(struct flight *flight)
{
    if (flight == NULL)
        return;
    buffer_clear(&flight->bytes);
    free(flight);
}

static void destroy_all(struct flight *list)
{
    while (list != NULL) {
        struct flight *next = list->next;

        destroy(list->follower);
        destroy(list);
        list = next;
    }
}

void flights_clear(struct flights *flights)
{
    for (size_t i = 0; i < FLIGHT_BUCKETS; i++)
        destroy_all(flights->buckets[i]);
    destroy_all(flights->free);
    *flights = (struct flights){0};
}
