/* pair.h - two comparers, each over a toy store in memory, and a network between them that loses,
 * doubles and delays what a seed says.
 *
 * Both stores draw from one universe of keys, so that a key is a number, and its hash is computed
 * once.  Time is a number too: a session that takes minutes is over in a moment. */
#ifndef UNIT_REPLICATION_PAIR_H
#define UNIT_REPLICATION_PAIR_H

#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "replication/compare.h"
#include "replication/compare_find.h"
#include "replication/records.h"

#define PAIR_KEY_MAX   32
#define PAIR_EVENTS    4096
#define PIECE_US       500000
#define PAIR_TICK_US   50000
#define PAIR_LISTS     16
#define PAIR_START_MS  1764000000000
#define PAIR_VALUE     "0123456789"
#define PAIR_ORIGINS   2
#define PAIR_REGISTRY  77 /* the key whose record is sent as one of the registry */
#define PAIR_HOST_US   100
#define PAIR_TRAVEL_US 200

struct universe {
    struct digest_keys keys;
    size_t count;
    struct hash128 *hashes;
    struct element *by_hash; /* the key's hash, its number */
    struct element_index index;
};

/* A record is its stamp (0 = none), and a number that stands for its content. */
struct toy_record {
    uint64_t stamp;
    uint64_t content;
};

struct toy_list {
    uint64_t token;
    struct element *leaves; /* fingerprint; first key */
    size_t count, capacity;
};

struct pair;

struct toy {
    struct pair *pair;
    uint64_t node_id;
    struct toy_record *records;
    struct comparer *comparer;
    struct comparer_owner owner;
    struct gossip_host host;
    struct origin_position positions[PAIR_ORIGINS];
    uint64_t next_token;
    struct toy_list lists[PAIR_LISTS];
    size_t lists_open, scans_open;
    bool is_not_ready;
    int failing_merges;  /* so many merges end with `failure` */
    bool needs_registry; /* merges nothing before it has the registry's record */
    enum applied failure;
    int covered, failed;
    int64_t differences;
    uint64_t cutoff;
    size_t merges, merged_records;
};

/* What happens later: a message arrives, or the host answers. */
struct pair_event {
    int64_t due_us;
    uint64_t order;
    struct toy *toy;
    bool is_message;
    enum message_kind kind; /* of a message */
    void (*answer)(struct toy *toy, struct pair_event *event);
    uint64_t token;
    void *memory;
    size_t size;
    uint64_t number;
};

struct pair {
    struct universe *universe;
    struct toy toys[2];
    struct random random;
    unsigned loss, doubles, delays; /* per cent */
    int64_t records_take_us;        /* on their way, in pieces */
    int64_t fetch_again_us;         /* each FETCH arrives a second time, so much later */
    int64_t now_us;
    struct pair_event events[PAIR_EVENTS];
    size_t event_count;
    uint64_t order;
    size_t messages, records_messages, largest_message;
    void (*on_held)(struct toy *toy);
    void (*on_covered)(struct toy *toy);
};

static inline struct gossip_time pair_time(const struct pair *pair)
{
    return (struct gossip_time){PAIR_START_MS * 1000 + pair->now_us, pair->now_us};
}

/* A stamp so many milliseconds before the pair's time began. */
static inline uint64_t stamp_ago(int64_t ms)
{
    return stamp_of_wall_ms(PAIR_START_MS - ms);
}

/* ---------- the universe ---------- */

static const unsigned char pair_ns[DIGEST_NS_SIZE] = "pair";
static const unsigned char pair_registry[DIGEST_NS_SIZE] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static inline void key_text(size_t key, char text[PAIR_KEY_MAX])
{
    (void)snprintf(text, PAIR_KEY_MAX, "key:%08zu", key);
}

static inline struct universe *universe_create(size_t count)
{
    struct universe *universe = xcalloc(1, sizeof *universe);
    char text[PAIR_KEY_MAX];

    digest_keys_derive(&universe->keys, bytes_of("secret"));
    universe->count = count;
    universe->hashes = xcalloc(count, sizeof *universe->hashes);
    universe->by_hash = xcalloc(count, sizeof *universe->by_hash);
    for (size_t i = 0; i < count; i++) {
        key_text(i, text);
        universe->hashes[i] = digest_of_key(&universe->keys, pair_ns, bytes_of(text));
        universe->by_hash[i] = (struct element){universe->hashes[i].high, i};
    }
    element_index_init(&universe->index, universe->by_hash, count);
    return universe;
}

static inline void universe_destroy(struct universe *universe)
{
    element_index_clear(&universe->index);
    free(universe->hashes);
    free(universe->by_hash);
    free(universe);
}

static inline struct hash128 toy_hash(const struct toy *toy, size_t key)
{
    const struct toy_record *record = &toy->records[key];
    struct digest_version version = {record->stamp, 1, record->content, INT64_MAX, false};

    return digest_of_record(&toy->pair->universe->keys, toy->pair->universe->hashes[key], &version);
}

/* ---------- events ---------- */

static inline struct pair_event *add_event(struct toy *toy, int64_t delay_us)
{
    struct pair *pair = toy->pair;
    struct pair_event *event = &pair->events[pair->event_count++];

    if (pair->event_count == PAIR_EVENTS)
        abort();
    *event =
        (struct pair_event){.due_us = pair->now_us + delay_us, .order = pair->order++, .toy = toy};
    return event;
}

static inline void copy_into(struct pair_event *event, const void *data, size_t size)
{
    event->memory = xmalloc(size + 1);
    event->size = size;
    if (size > 0)
        memcpy(event->memory, data, size);
}

static void answer_moving(struct toy *toy, struct pair_event *event)
{
    comparer_moving(toy->comparer, pair_time(toy->pair), toy == &toy->pair->toys[0] ? 2 : 1,
                    event->kind);
}

/* Both sides see each piece. */
static inline void move_in_pieces(struct pair *pair, enum message_kind kind)
{
    for (int64_t at_us = PAIR_TRAVEL_US; at_us < pair->records_take_us; at_us += PIECE_US)
        for (int i = 0; i < 2; i++) {
            struct pair_event *event = add_event(&pair->toys[i], at_us);

            event->answer = answer_moving;
            event->kind = kind;
        }
}

static inline void deliver(struct toy *from, int64_t after_us, enum message_kind kind,
                           struct bytes body)
{
    struct pair *pair = from->pair;
    struct pair_event *event =
        add_event(from == &pair->toys[0] ? &pair->toys[1] : &pair->toys[0], after_us);

    event->is_message = true;
    event->kind = kind;
    copy_into(event, body.data, body.size);
}

static void toy_send(void *context, uint64_t node_id, enum message_kind kind, struct bytes body)
{
    struct toy *toy = context;
    struct pair *pair = toy->pair;
    int64_t travel_us = PAIR_TRAVEL_US;
    int copies = 1;

    if (node_id > 2)
        return; /* to a stranger */
    pair->messages++;
    if (body.size > pair->largest_message)
        pair->largest_message = body.size;
    if (random_below(&pair->random, 100) < pair->loss)
        copies = 0;
    else if (random_below(&pair->random, 100) < pair->doubles)
        copies = 2;
    if (kind == MESSAGE_RECORDS || kind == MESSAGE_GIVE) {
        pair->records_messages++;
        move_in_pieces(pair, kind);
        travel_us += pair->records_take_us;
    }
    for (; copies > 0; copies--) {
        bool is_late = random_below(&pair->random, 100) < pair->delays;
        int64_t delay_us = is_late ? (int64_t)random_below(&pair->random, 5000000) : 0;

        deliver(toy, travel_us + delay_us, kind, body);
    }
    if (kind == MESSAGE_FETCH && pair->fetch_again_us > 0)
        deliver(toy, pair->fetch_again_us, kind, body);
}

/* ---------- the host: lists ---------- */

static inline struct toy_list *find_list(struct toy *toy, uint64_t token)
{
    for (size_t i = 0; i < PAIR_LISTS; i++)
        if (toy->lists[i].token == token)
            return &toy->lists[i];
    return NULL;
}

static inline void list_add(const struct toy *toy, struct toy_list *list, size_t from,
                            const struct digest *digest)
{
    char text[PAIR_KEY_MAX] = "";

    list->leaves = xgrow(list->leaves, list->count, &list->capacity, sizeof *list->leaves);
    if (list->count > 0)
        key_text(from, text);
    list->leaves[list->count++] = (struct element){
        digest_of_leaf(&toy->pair->universe->keys, pair_ns, bytes_of(text), digest), from};
}

static inline struct digest make_list(const struct toy *toy, struct toy_list *list)
{
    const struct universe *universe = toy->pair->universe;
    struct digest digest = {{0}, 0}, root = {{0}, 0};
    size_t from = 0;

    for (size_t i = 0; i < universe->count; i++) {
        if (toy->records[i].stamp == 0)
            continue;
        if (digest_is_boundary(universe->hashes[i])) {
            list_add(toy, list, from, &digest);
            digest_join(&root, &digest);
            digest = (struct digest){{0}, 0};
            from = i;
        }
        digest_add(&digest, toy_hash(toy, i));
    }
    list_add(toy, list, from, &digest);
    digest_join(&root, &digest);
    return root;
}

static void answer_list(struct toy *toy, struct pair_event *event)
{
    struct toy_list *list = find_list(toy, event->token), closed = {0};
    struct digest root = {{0}, 0};
    uint64_t *fingerprints;

    if (list == NULL)
        list = &closed;
    root = make_list(toy, list);
    fingerprints = xmalloc(list->count * sizeof *fingerprints);
    for (size_t i = 0; i < list->count; i++)
        fingerprints[i] = list->leaves[i].a;
    (void)comparer_leaves(toy->comparer, pair_time(toy->pair), event->token, !toy->is_not_ready,
                          fingerprints, list->count, &root);
    free(fingerprints);
    free(closed.leaves);
}

static void toy_list_leaves(void *context, uint64_t token)
{
    struct toy *toy = context;
    struct toy_list *list = find_list(toy, 0);
    struct pair_event *event = add_event(toy, PAIR_HOST_US);

    if (list == NULL)
        abort(); /* lists are not closed */
    list->token = token;
    toy->lists_open++;
    event->answer = answer_list;
    event->token = token;
}

static void toy_close_list(void *context, uint64_t token)
{
    struct toy_list *list = find_list(context, token);

    if (list == NULL)
        return;
    ((struct toy *)context)->lists_open--;
    free(list->leaves);
    *list = (struct toy_list){0};
}

/* ---------- the host: scans ---------- */

struct element_list {
    struct element *elements;
    size_t count, capacity;
};

static inline void scan_leaf(const struct toy *toy, struct element_list *found, size_t from,
                             size_t to, const struct pair_event *event)
{
    bool by_content = event->kind == MESSAGE_OPEN;

    for (size_t i = from; i < to; i++) {
        if (toy->records[i].stamp == 0 || toy->records[i].stamp > event->number)
            continue;
        found->elements =
            xgrow(found->elements, found->count, &found->capacity, sizeof *found->elements);
        found->elements[found->count++] =
            (struct element){toy->pair->universe->hashes[i].high,
                             by_content ? toy_hash(toy, i).low : toy->records[i].stamp};
    }
}

static void answer_scan(struct toy *toy, struct pair_event *event)
{
    const struct element *ranges = event->memory;
    struct element_list found = {0};

    for (size_t i = 0; i < event->size / sizeof *ranges; i++)
        scan_leaf(toy, &found, ranges[i].a, ranges[i].b, event);
    (void)comparer_elements(toy->comparer, pair_time(toy->pair), event->token, found.elements,
                            found.count);
    free(found.elements);
}

static void toy_scan_leaves(void *context, uint64_t token, uint64_t list,
                            const struct open_leaves *open)
{
    struct toy *toy = context;
    const struct toy_list *leaves = find_list(toy, list);
    struct element *ranges = xcalloc(open->leaf_count + 1, sizeof *ranges);
    struct pair_event *event = add_event(toy, PAIR_HOST_US);
    struct element_index index;

    if (leaves == NULL)
        abort();
    element_index_init(&index, leaves->leaves, leaves->count);
    for (size_t i = 0; i < open->leaf_count; i++) {
        size_t at = element_index_find(&index, open->leaves[i]);

        if (at == ELEMENT_NONE)
            continue; /* forged */
        ranges[i].a = leaves->leaves[at].b;
        ranges[i].b =
            at + 1 < leaves->count ? leaves->leaves[at + 1].b : toy->pair->universe->count;
    }
    element_index_clear(&index);
    toy->scans_open++;
    event->answer = answer_scan;
    event->token = token;
    event->number = open->cutoff;
    event->kind = open->by_content ? MESSAGE_OPEN : MESSAGE_BEAT;
    copy_into(event, ranges, open->leaf_count * sizeof *ranges);
    free(ranges);
}

static void toy_close_scan(void *context, uint64_t scan)
{
    (void)scan;
    ((struct toy *)context)->scans_open--;
}

/* ---------- the host: records ---------- */

static void answer_collect(struct toy *toy, struct pair_event *event)
{
    const struct universe *universe = toy->pair->universe;
    const uint64_t *keys = event->memory;
    struct buffer blob = {0};
    struct records_writer writer = {.out = &blob};
    size_t answered = 0;

    while (answered < event->size / sizeof *keys && blob.size < event->number) {
        size_t at = element_index_find(&universe->index, keys[answered++]);
        char text[PAIR_KEY_MAX];
        struct wire_record record = {.ns = {(const char *)pair_ns, DIGEST_NS_SIZE},
                                     .meta = bytes_of(""),
                                     .value = bytes_of(PAIR_VALUE),
                                     .value_size = sizeof PAIR_VALUE - 1,
                                     .expiry_ms = INT64_MAX,
                                     .kind = WIRE_LIVE};

        if (at == ELEMENT_NONE || toy->records[at].stamp == 0)
            continue;
        key_text(at, text);
        record.key = bytes_of(text);
        if (at == PAIR_REGISTRY)
            record.ns.data = (const char *)pair_registry;
        record.version = (struct version){toy->records[at].stamp, 1, toy->records[at].content};
        records_put(&writer, &record);
    }
    (void)comparer_collected(toy->comparer, pair_time(toy->pair), event->token, answered,
                             buffer_view(&blob));
    buffer_clear(&blob);
}

static void toy_collect(void *context, uint64_t token, uint64_t scan, const uint64_t *keys,
                        size_t count, size_t bytes_max)
{
    struct pair_event *event = add_event(context, PAIR_HOST_US);

    (void)scan;
    event->answer = answer_collect;
    event->token = token;
    event->number = bytes_max;
    copy_into(event, keys, count * sizeof *keys);
}

static inline void merge_record(struct toy *toy, const struct wire_record *record, size_t key)
{
    struct toy_record *held = &toy->records[key];
    struct version ours = {held->stamp, 1, held->content};

    toy->merged_records++;
    if (version_compare(&record->version, &ours) > 0)
        *held = (struct toy_record){record->version.stamp, record->version.value_hash};
}

static inline enum applied toy_merge(struct toy *toy, struct bytes blob)
{
    struct records_reader reader = records_read(blob);
    struct wire_record record;

    while (records_next(&reader, &record) == STATUS_OK) {
        size_t key = (size_t)strtoul(record.key.data + 4, NULL, 10);

        if (key == PAIR_REGISTRY)
            toy->needs_registry = false;
        if (toy->needs_registry)
            return APPLIED_UNKNOWN_NAMESPACE;
        merge_record(toy, &record, key);
    }
    return APPLIED_OK;
}

static void answer_apply(struct toy *toy, struct pair_event *event)
{
    enum applied result = toy->failure;

    toy->merges++;
    if (toy->failing_merges > 0)
        toy->failing_merges--;
    else
        result = toy_merge(toy, (struct bytes){event->memory, event->size});
    (void)comparer_applied(toy->comparer, pair_time(toy->pair), event->token, result);
}

static void toy_apply(void *context, uint64_t token, uint64_t horizon, struct bytes records)
{
    struct pair_event *event = add_event(context, PAIR_HOST_US);

    (void)horizon;
    event->answer = answer_apply;
    event->token = token;
    copy_into(event, records.data, records.size);
}

/* ---------- the owner ---------- */

static uint64_t toy_token(void *context)
{
    return ++((struct toy *)context)->next_token;
}

static uint64_t toy_horizon(void *context)
{
    (void)context;
    return 0;
}

static const struct origin_position *toy_held(void *context, size_t *count)
{
    struct toy *toy = context;

    if (toy->pair->on_held != NULL)
        toy->pair->on_held(toy);
    *count = PAIR_ORIGINS;
    return toy->positions;
}

static void toy_covered(void *context, struct gossip_time now, uint64_t node_id,
                        const struct origin_position *positions, size_t count, uint64_t cutoff,
                        int64_t differences)
{
    struct toy *toy = context;

    (void)now;
    (void)node_id;
    (void)positions;
    (void)count;
    toy->covered++;
    toy->cutoff = cutoff;
    toy->differences = differences;
    if (toy->pair->on_covered != NULL)
        toy->pair->on_covered(toy);
}

static void toy_failed(void *context, struct gossip_time now, uint64_t node_id)
{
    (void)now;
    (void)node_id;
    ((struct toy *)context)->failed++;
}

/* ---------- the pair ---------- */

static inline void toy_init(struct pair *pair, struct toy *toy, uint64_t node_id)
{
    *toy = (struct toy){.pair = pair, .node_id = node_id};
    toy->records = xcalloc(pair->universe->count, sizeof *toy->records);
    toy->host = (struct gossip_host){.context = toy,
                                     .send = toy_send,
                                     .apply = toy_apply,
                                     .list_leaves = toy_list_leaves,
                                     .scan_leaves = toy_scan_leaves,
                                     .collect = toy_collect,
                                     .close_list = toy_close_list,
                                     .close_scan = toy_close_scan};
    toy->owner = (struct comparer_owner){.context = toy,
                                         .host = &toy->host,
                                         .new_token = toy_token,
                                         .horizon = toy_horizon,
                                         .held = toy_held,
                                         .covered = toy_covered,
                                         .failed = toy_failed};
    for (uint64_t i = 0; i < PAIR_ORIGINS; i++)
        toy->positions[i] = (struct origin_position){
            .node_id = i + 1, .incarnation = 1, .position = i + 1 == node_id ? UINT64_MAX : 0};
    toy->comparer = comparer_create(&toy->owner);
}

static inline struct pair *pair_create(struct universe *universe, uint64_t seed)
{
    struct pair *pair = xcalloc(1, sizeof *pair);

    pair->universe = universe;
    pair->random.state = seed;
    toy_init(pair, &pair->toys[0], 1);
    toy_init(pair, &pair->toys[1], 2);
    return pair;
}

static inline void pair_destroy(struct pair *pair)
{
    for (int i = 0; i < 2; i++) {
        comparer_destroy(pair->toys[i].comparer);
        for (size_t j = 0; j < PAIR_LISTS; j++)
            free(pair->toys[i].lists[j].leaves);
        free(pair->toys[i].records);
    }
    for (size_t i = 0; i < pair->event_count; i++)
        free(pair->events[i].memory);
    free(pair);
}

/* Takes the next event out; false if none is due by then. */
static inline bool next_event(struct pair *pair, int64_t until_us, struct pair_event *event)
{
    size_t at = 0;

    for (size_t i = 1; i < pair->event_count; i++)
        if (pair->events[i].due_us < pair->events[at].due_us ||
            (pair->events[i].due_us == pair->events[at].due_us &&
             pair->events[i].order < pair->events[at].order))
            at = i;
    if (pair->event_count == 0 || pair->events[at].due_us > until_us)
        return false;
    *event = pair->events[at];
    pair->events[at] = pair->events[--pair->event_count];
    return true;
}

static inline void happen(struct pair *pair, struct pair_event *event)
{
    struct toy *toy = event->toy;
    struct message message;

    pair->now_us = event->due_us;
    if (!event->is_message) {
        event->answer(toy, event);
    } else if (message_decode(event->kind, (struct bytes){event->memory, event->size}, &message) ==
               STATUS_OK) {
        comparer_receive(toy->comparer, pair_time(pair), toy == &pair->toys[0] ? 2 : 1, &message);
        message_clear(&message);
    } else {
        abort();
    }
    free(event->memory);
}

/* Lets time go by, with a tick every now and then. */
static inline void pair_run(struct pair *pair, int64_t for_us)
{
    int64_t end_us = pair->now_us + for_us;
    struct pair_event event;

    while (pair->now_us < end_us) {
        int64_t tick_us = pair->now_us + PAIR_TICK_US;

        while (next_event(pair, tick_us, &event))
            happen(pair, &event);
        pair->now_us = tick_us;
        for (int i = 0; i < 2; i++)
            comparer_tick(pair->toys[i].comparer, pair_time(pair));
    }
}

/* The first of the two compares with the other; true if the session was completed. */
static inline bool pair_compare(struct pair *pair)
{
    struct toy *toy = &pair->toys[0];
    int covered = toy->covered;
    struct pair_event event;

    if (!comparer_begin(toy->comparer, pair_time(pair), 2, random_next(&pair->random)))
        abort();
    while (comparer_is_running(toy->comparer) &&
           next_event(pair, pair->now_us + PAIR_TICK_US, &event))
        happen(pair, &event);
    while (comparer_is_running(toy->comparer))
        pair_run(pair, PAIR_TICK_US);
    return toy->covered > covered;
}

static inline bool pair_is_equal(const struct pair *pair)
{
    return memcmp(pair->toys[0].records, pair->toys[1].records,
                  pair->universe->count * sizeof(struct toy_record)) == 0;
}

#endif
