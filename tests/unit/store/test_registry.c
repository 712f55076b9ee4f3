/* The registries of several stores: the records of one are carried to the others by hand, as
 * merging does, each transaction a little later than the one before. */
#include "store/registry.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "replication/version.h"
#include "store/carry.h"
#include "store/keyspace.h"
#include "store/record.h"
#include "store/registry_internal.h"
#include "store/replica.h"
#include "store/store_internal.h"
#include "store/txn_internal.h"
#include "unit/test.h"

#define DEADLINE_MS 10000
#define NODES       3

static _Atomic int64_t wall_us = 1700000000000000;

static int64_t fake_wall(const struct clock *clock)
{
    (void)clock;
    return atomic_load(&wall_us);
}

static const struct clock fake_clock = {fake_wall, fake_wall};

struct node {
    char directory[64];
    char databases[16];
    struct options *options;
    struct store *store;
    struct store_thread *thread;
    struct txn *txn;
};

static struct node nodes[NODES];
static struct node *const a = &nodes[0], *const b = &nodes[1], *const c = &nodes[2];

static void ignore(void *context)
{
    (void)context;
}

static int64_t now_ms(void)
{
    return atomic_load(&wall_us) / 1000;
}

static void pass_ms(int64_t ms)
{
    atomic_fetch_add(&wall_us, ms * 1000);
}

/* ---------- stores ---------- */

static void open_node(struct node *node)
{
    char error[OPTIONS_ERROR_MAX], store_error[STORE_ERROR_MAX];
    char *arguments[] = {"test",     "--dir", node->directory, "--loglevel",   "warning",
                         "--limits", "none",  "--databases",   node->databases};

    node->options = options_create();
    assert_int_equal(options_parse(node->options, COUNT_OF(arguments), arguments, error),
                     STATUS_OK);
    assert_int_equal(options_finish(node->options, error), STATUS_OK);
    assert_int_equal(store_open(node->options, &fake_clock, &node->store, store_error), STATUS_OK);
    node->thread = store_join(node->store, ignore, NULL);
    node->txn = txn_create(node->thread);
    store_set_horizon(node->store, 0); /* no tombstone is purged */
    epoch_enter(store_epoch(node->thread));
}

static void close_node(struct node *node)
{
    epoch_exit(store_epoch(node->thread));
    txn_destroy(node->txn);
    store_leave(node->thread);
    store_close(node->store);
    options_destroy(node->options);
}

static void reopen(struct node *node)
{
    close_node(node);
    open_node(node);
}

static void reopen_with(struct node *node, const char *databases)
{
    strcpy(node->databases, databases);
    reopen(node);
}

static int set_up(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        strcpy(nodes[i].directory, "/tmp/grapevine-test-XXXXXX");
        strcpy(nodes[i].databases, "16");
        assert_non_null(mkdtemp(nodes[i].directory));
        open_node(&nodes[i]);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++) {
        char command[512];

        close_node(&nodes[i]);
        (void)snprintf(command, sizeof command, "rm -rf %s", nodes[i].directory);
        assert_int_equal(system(command), 0);
    }
    return 0;
}

/* ---------- transactions ---------- */

static void enter(struct node *node)
{
    pass_ms(10);
    txn_reset(node->txn, now_ms());
    assert_int_equal(txn_enter(node->txn), STATUS_OK);
}

static void wait_committed(struct node *node, uint64_t group)
{
    store_end_turn(node->thread);
    epoch_exit(store_epoch(node->thread));
    for (int i = 0; i < DEADLINE_MS && store_committed(node->store) < group; i++)
        poll(NULL, 0, 1);
    epoch_enter(store_epoch(node->thread));
    assert_true(store_committed(node->store) >= group);
}

static void commit(struct node *node)
{
    uint64_t group = 0;
    int64_t wait_ms;

    assert_int_equal(txn_commit(node->txn, &group, &wait_ms), STATUS_OK);
    wait_committed(node, group);
}

static void done(struct node *node, enum status status)
{
    assert_int_equal(status, STATUS_OK);
    commit(node);
}

static struct registry *registry(const struct node *node)
{
    return store_registry(node->store);
}

static struct ns *db(const struct node *node, int n)
{
    return registry_database(registry(node), n);
}

/* Borrowed: the registry holds it. */
static struct ns *titled(const struct node *node, const char *title)
{
    struct ns *ns = NULL;

    if (registry_find(registry(node), bytes_of(title), &ns) == STATUS_OK)
        ns_release(ns);
    return ns;
}

static void create(struct node *node, const char *title)
{
    enter(node);
    done(node, registry_create(node->txn, bytes_of(title)));
}

static void change_title(struct node *node, const char *title, const char *new_title)
{
    enter(node);
    done(node, registry_rename(node->txn, bytes_of(title), bytes_of(new_title)));
}

static void drop(struct node *node, const char *title)
{
    enter(node);
    done(node, registry_drop(node->txn, bytes_of(title)));
}

static void set_keys_max(struct node *node, struct ns *ns, int64_t value)
{
    enter(node);
    done(node, registry_set(node->txn, ns, LIMIT_KEYS, value));
}

static void empty(struct node *node, struct ns *ns)
{
    enter(node);
    done(node, registry_empty(node->txn, ns));
}

static void swap(struct node *node, int one, int other)
{
    enter(node);
    done(node, registry_swap(node->txn, one, other));
}

static void put_in_txn(struct node *node, struct ns *ns, const char *key, struct bytes value,
                       int64_t expiry_ms)
{
    char *area;

    assert_int_equal(
        txn_put(node->txn, ns, bytes_of(key), bytes_of(""), expiry_ms, false, value.size, &area),
        STATUS_OK);
    memcpy(area, value.data, value.size);
}

static void put(struct node *node, struct ns *ns, const char *key, const char *value)
{
    enter(node);
    put_in_txn(node, ns, key, bytes_of(value), EXPIRY_NONE);
    commit(node);
}

static void delete_key(struct node *node, struct ns *ns, const char *key)
{
    enter(node);
    done(node, txn_delete(node->txn, ns, bytes_of(key)));
}

static const struct entry *find(struct node *node, struct ns *ns, const char *key)
{
    const struct entry *entry;
    uint64_t depends_on = 0;

    return store_find_any(node->thread, ns, bytes_of(key), &entry, &depends_on) == STATUS_OK ? entry
                                                                                             : NULL;
}

static bool has(struct node *node, struct ns *ns, const char *key)
{
    const struct entry *entry = find(node, ns, key);

    return entry != NULL && entry_is_live(entry, now_ms());
}

/* ---------- carrying records ---------- */

/* A record as another store reads it. */
struct carried {
    struct buffer id;
    struct entry *entry;
};

static void read_record(struct node *node, const struct ns *ns, struct bytes key,
                        struct bytes stored, struct carried *carried)
{
    struct record_view record;

    assert_int_equal(record_decode(stored, &record), STATUS_OK);
    *carried = (struct carried){0};
    buffer_append(&carried->id, ns->id, NS_ID_SIZE);
    carried->entry = entry_create(0, 0, key, record.meta,
                                  record.header.kind == ENTRY_LIVE ? record.header.value_size : 0);
    carried->entry->header = record.header;
    if (record_has_chunks(&record.header)) {
        const struct entry *whole;
        uint64_t depends_on = 0;

        assert_int_equal(store_find_any(node->thread, ns, key, &whole, &depends_on), STATUS_OK);
        memcpy(entry_value_area(carried->entry), entry_value(whole).data, record.header.value_size);
    } else if (record.value.size > 0) {
        memcpy(entry_value_area(carried->entry), record.value.data, record.value.size);
    }
}

/* All records of a namespace, as they are stored. */
static size_t read_all(struct node *node, const struct ns *ns, struct carried *all, size_t max)
{
    struct engine_iterator *iterator = engine_iterate(node->store->engine);
    uint32_t number = atomic_load(&ns->number);
    struct buffer from = {0};
    struct bytes key;
    size_t count = 0;

    engine_iterator_seek(iterator, keyspace_namespace(&from, KEYSPACE_RECORD, number));
    for (; engine_iterator_is_valid(iterator) &&
           keyspace_read_record(engine_iterator_key(iterator), number, &key);
         engine_iterator_next(iterator)) {
        assert_true(count < max);
        read_record(node, ns, key, engine_iterator_value(iterator), &all[count++]);
    }
    engine_iterator_destroy(iterator);
    buffer_clear(&from);
    return count;
}

static struct wire_record wire_of(const struct carried *carried)
{
    const struct record_header *header = &carried->entry->header;

    return (struct wire_record){.ns = buffer_view(&carried->id),
                                .key = entry_key(carried->entry),
                                .meta = entry_meta(carried->entry),
                                .value = header->kind == ENTRY_LIVE ? entry_value(carried->entry)
                                                                    : bytes_of(""),
                                .version = {header->stamp, 1, header->value_hash},
                                .expiry_ms = header->expiry_ms,
                                .value_size = header->value_size,
                                .kind = (enum wire_kind)header->kind};
}

/* As merging does with one record, in the node's open transaction. */
static enum status merge_in_txn(struct node *node, const struct carried *carried)
{
    struct wire_record record = wire_of(carried);
    struct ns *ns = registry_by_id(registry(node), record.ns);
    bool is_registry = ns != NULL && atomic_load(&ns->number) == NS_REGISTRY;
    const struct entry *held;
    enum status status = STATUS_OK;

    hlc_observe(&node->store->order.hlc, record.version.stamp);
    if (ns == NULL)
        return registry_was_dropped(registry(node), record.ns) ? STATUS_OK : STATUS_NO_NAMESPACE;
    if (record.version.stamp > atomic_load(&ns->emptied_stamp) &&
        (txn_find_latest(node->txn, ns, record.key, &held) != STATUS_OK ||
         held->header.stamp < record.version.stamp)) {
        assert_int_equal(txn_adopt(node->txn, ns, carried->entry), STATUS_OK);
        if (is_registry)
            status = registry_merged(node->txn, &record);
    }
    ns_release(ns);
    return status;
}

static void merge(struct node *node, const struct carried *carried, bool is_prepared)
{
    struct wire_record record = wire_of(carried);

    if (is_prepared)
        assert_int_equal(registry_prepare(node->thread, &record), STATUS_OK);
    enter(node);
    done(node, merge_in_txn(node, carried));
}

static void free_carried(struct carried *carried)
{
    buffer_clear(&carried->id);
    entry_destroy(carried->entry);
}

static void carry_records(struct node *from, struct node *to, const struct ns *ns)
{
    struct carried all[64];
    size_t count = read_all(from, ns, all, COUNT_OF(all));

    for (size_t i = 0; i < count; i++) {
        merge(to, &all[i], true);
        free_carried(&all[i]);
    }
}

static struct ns *records_of(const struct node *node)
{
    unsigned char id[NS_ID_SIZE];
    struct ns *ns;

    memset(id, 0xff, sizeof id);
    ns = registry_by_id(registry(node), (struct bytes){(char *)id, sizeof id});
    ns_release(ns);
    return ns;
}

static void carry_registry(struct node *from, struct node *to)
{
    carry_records(from, to, records_of(from));
}

/* ---------- namespaces ---------- */

static void a_namespace_created_there_is_found_here(void **state)
{
    (void)state;
    create(a, "news");
    set_keys_max(a, titled(a, "news"), 7);
    carry_registry(a, b);
    assert_non_null(titled(b, "news"));
    assert_memory_equal(titled(a, "news")->id, titled(b, "news")->id, NS_ID_SIZE);
    put(b, titled(b, "news"), "k", "v");
    reopen(b);
    assert_int_equal(ns_limit(registry(b), titled(b, "news"), LIMIT_KEYS), 7);
    assert_int_equal(titled(b, "news")->key_count, 1);
    assert_true(has(b, titled(b, "news"), "k"));
}

static const struct ns *of_id(const struct node *node, const unsigned char id[NS_ID_SIZE])
{
    struct ns *ns = NULL;

    if (registry_find_id(registry(node), id, &ns) == STATUS_OK)
        ns_release(ns);
    return ns;
}

static void a_namespace_is_found_by_its_id_while_it_lives(void **state)
{
    unsigned char id[NS_ID_SIZE];

    (void)state;
    create(a, "news");
    memcpy(id, titled(a, "news")->id, sizeof id);
    assert_ptr_equal(of_id(a, id), titled(a, "news"));
    change_title(a, "news", "olds");
    assert_ptr_equal(of_id(a, id), titled(a, "olds"));
    reopen(a);
    assert_ptr_equal(of_id(a, id), titled(a, "olds"));
    drop(a, "olds");
    assert_null(of_id(a, id));
    id[0] ^= 1;
    assert_null(of_id(a, id));
}

static void a_database_is_found_by_its_fixed_id(void **state)
{
    unsigned char id[NS_ID_SIZE] = {[NS_ID_SIZE - 1] = 3};

    (void)state;
    assert_ptr_equal(of_id(a, id), db(a, 3));
    swap(a, 3, 4);
    assert_ptr_equal(of_id(a, id), db(a, 4));
    reopen_with(a, "4");
    assert_null(of_id(a, id));
}

static void many_namespaces_are_each_found_by_id(void **state)
{
    unsigned char ids[100][NS_ID_SIZE];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        char title[16];

        (void)snprintf(title, sizeof title, "n%zu", i);
        create(a, title);
        memcpy(ids[i], titled(a, title)->id, NS_ID_SIZE);
        if (i % 2 == 1)
            drop(a, title);
    }
    for (size_t i = 0; i < COUNT_OF(ids); i++)
        assert_int_equal(of_id(a, ids[i]) != NULL, i % 2 == 0);
}

static void a_new_title_and_new_settings_follow(void **state)
{
    (void)state;
    create(a, "news");
    carry_registry(a, b);
    change_title(a, "news", "olds");
    set_keys_max(a, titled(a, "olds"), 7);
    carry_registry(a, b);
    for (int i = 0; i < 2; i++) {
        assert_null(titled(b, "news"));
        assert_int_equal(ns_limit(registry(b), titled(b, "olds"), LIMIT_KEYS), 7);
        reopen(b);
    }
}

static void of_two_changes_of_one_namespace_the_later_holds_everywhere(void **state)
{
    (void)state;
    create(a, "news");
    carry_registry(a, b);
    change_title(a, "news", "earlier");
    change_title(b, "news", "later");
    carry_registry(a, b);
    carry_registry(b, a);
    assert_non_null(titled(a, "later"));
    assert_non_null(titled(b, "later"));
    assert_null(titled(a, "earlier"));
}

static void a_namespace_dropped_there_is_gone_here_at_once_and_for_good(void **state)
{
    unsigned char id[NS_ID_SIZE];
    struct bytes id_bytes = {(char *)id, sizeof id};

    (void)state;
    create(a, "news");
    carry_registry(a, b);
    put(b, titled(b, "news"), "k", "v");
    memcpy(id, titled(a, "news")->id, NS_ID_SIZE);
    assert_false(registry_was_dropped(registry(b), id_bytes));
    drop(a, "news");
    carry_registry(a, b);
    for (int i = 0; i < 2; i++) {
        assert_null(titled(b, "news"));
        assert_null(registry_by_id(registry(b), id_bytes));
        assert_true(registry_was_dropped(registry(b), id_bytes));
        reopen(b);
    }
    carry_registry(a, c);
    assert_true(registry_was_dropped(registry(c), id_bytes));
}

static void a_rename_that_is_newer_than_a_drop_brings_back_what_is_newer_too(void **state)
{
    (void)state;
    create(a, "news");
    carry_registry(a, b);
    put(b, titled(b, "news"), "old", "v");
    drop(a, "news");
    change_title(b, "news", "olds");
    put(b, titled(b, "olds"), "new", "v");
    carry_registry(b, a);
    carry_registry(a, b);
    carry_records(b, a, titled(b, "olds"));
    for (int i = 0; i < 2; i++, reopen(a), reopen(b)) {
        assert_true(has(a, titled(a, "olds"), "new"));
        assert_true(has(b, titled(b, "olds"), "new"));
        assert_int_equal(titled(a, "olds")->key_count, 1);
        assert_int_equal(titled(b, "olds")->key_count, 1);
        assert_true(titled(a, "olds")->emptied_stamp > 0);
        assert_int_equal(titled(a, "olds")->emptied_stamp, titled(b, "olds")->emptied_stamp);
    }
}

static void an_emptying_is_remembered_while_its_namespace_is_dropped(void **state)
{
    (void)state;
    create(a, "news");
    carry_registry(a, b);
    carry_registry(a, c);
    put(b, titled(b, "news"), "k", "v");
    drop(a, "news");
    empty(b, titled(b, "news"));
    carry_registry(b, c);
    carry_registry(a, c);
    assert_null(titled(c, "news"));
    change_title(b, "news", "olds");
    carry_registry(b, c);
    assert_int_equal(titled(c, "olds")->emptied_stamp, titled(b, "olds")->emptied_stamp);
    reopen(c);
    assert_int_equal(titled(c, "olds")->emptied_stamp, titled(b, "olds")->emptied_stamp);
}

/* ---------- titles ---------- */

/* "<title>~<id>" of the namespace that a node created. */
static void other_title(const struct ns *ns, char text[32])
{
    (void)snprintf(text, 32, "news~%02x%02x%02x%02x", ns->id[0], ns->id[1], ns->id[2], ns->id[3]);
}

static void one_title_created_twice_is_kept_by_the_older_namespace(void **state)
{
    char shown_b[32], shown_c[32];

    (void)state;
    for (int i = 0; i < NODES; i++) {
        create(&nodes[i], "news");
        put(&nodes[i], titled(&nodes[i], "news"), "k", "v");
    }
    other_title(titled(b, "news"), shown_b);
    other_title(titled(c, "news"), shown_c);
    /* each node hears of the others in another order */
    carry_registry(c, a);
    carry_registry(a, b);
    carry_registry(b, a);
    carry_registry(b, c);
    for (int i = 0; i < NODES; i++) {
        reopen(&nodes[i]);
        assert_int_equal(titled(&nodes[i], "news")->database, -1);
        assert_memory_equal(titled(&nodes[i], "news")->id, titled(a, "news")->id, NS_ID_SIZE);
        assert_non_null(titled(&nodes[i], shown_b));
        assert_non_null(titled(&nodes[i], shown_c));
        assert_int_equal(titled(&nodes[i], "news")->key_count, i == 0);
        assert_int_equal(titled(&nodes[i], shown_b)->key_count, i == 1);
    }
}

static void a_title_is_shown_again_when_its_owner_is_renamed_or_dropped(void **state)
{
    char shown_b[32], shown_c[32], *title;

    (void)state;
    for (int i = 0; i < NODES; i++)
        create(&nodes[i], "news");
    other_title(titled(b, "news"), shown_b);
    other_title(titled(c, "news"), shown_c);
    carry_registry(b, a);
    carry_registry(c, a);
    change_title(a, "news", "olds");
    assert_null(titled(a, shown_b));
    assert_non_null(titled(a, shown_c));
    carry_registry(a, b);
    title = ns_take_title(registry(b), titled(b, "news"));
    assert_string_equal(title, "news");
    free(title);
    drop(a, "news");
    assert_null(titled(a, shown_c));
    assert_non_null(titled(a, "news"));
    carry_registry(a, c);
    assert_memory_equal(titled(a, "news")->id, titled(c, "news")->id, NS_ID_SIZE);
}

static void a_new_title_may_not_be_one_that_is_shown(void **state)
{
    char shown[32];

    (void)state;
    create(a, "news");
    create(b, "news");
    other_title(titled(b, "news"), shown);
    carry_registry(b, a);
    enter(a);
    assert_int_equal(registry_create(a->txn, bytes_of(shown)), STATUS_TITLE_TAKEN);
    assert_int_equal(registry_create(a->txn, bytes_of("news")), STATUS_TITLE_TAKEN);
    txn_abandon(a->txn);
    change_title(a, shown, "mine");
    assert_non_null(titled(a, "mine"));
    assert_non_null(titled(a, "news"));
}

/* ---------- emptying ---------- */

static void emptying_what_was_never_stored_does_nothing(void **state)
{
    struct carried all[8];

    (void)state;
    empty(a, db(a, 3));
    assert_int_equal(db(a, 3)->emptied_stamp, 0);
    assert_int_equal(read_all(a, records_of(a), all, COUNT_OF(all)), 0);
}

static void an_emptying_kills_what_is_older_here(void **state)
{
    (void)state;
    put(a, db(a, 0), "k", "v");
    put(b, db(b, 0), "l", "v");
    empty(a, db(a, 0));
    carry_registry(a, b);
    for (int i = 0; i < 2; i++) {
        assert_false(has(b, db(b, 0), "l"));
        assert_int_equal(db(b, 0)->key_count, 0);
        assert_int_equal(db(b, 0)->emptied_stamp, db(a, 0)->emptied_stamp);
        reopen(b);
    }
}

static void what_a_transaction_writes_behind_its_emptying_is_not_dead(void **state)
{
    (void)state;
    enter(a);
    put_in_txn(a, db(a, 0), "before", bytes_of("v"), EXPIRY_NONE);
    assert_int_equal(registry_empty(a->txn, db(a, 0)), STATUS_OK);
    put_in_txn(a, db(a, 0), "behind", bytes_of("v"), EXPIRY_NONE);
    commit(a);
    carry_registry(a, b);
    carry_records(a, b, db(a, 0));
    assert_true(has(b, db(b, 0), "behind"));
    assert_false(has(b, db(b, 0), "before"));
    assert_int_equal(db(b, 0)->key_count, 1);
}

static const size_t long_size = 300000;

static void put_long(struct node *node, const char *key)
{
    char *value = calloc(1, long_size);

    value[long_size - 1] = 'x';
    enter(node);
    put_in_txn(node, db(node, 0), key, (struct bytes){value, long_size}, EXPIRY_NONE);
    commit(node);
    free(value);
}

/* Node b writes around the emptying of a; what of it must be there afterwards. */
static void write_around(void)
{
    put(a, db(a, 0), "k", "v");
    put(b, db(b, 0), "old", "v");
    put(b, db(b, 0), "overwritten", "v");
    put(b, db(b, 0), "deleted", "v");
    put_long(b, "old and long");
    empty(a, db(a, 0));
    put(b, db(b, 0), "overwritten", "w");
    put_long(b, "new and long");
    delete_key(b, db(b, 0), "deleted");
    enter(b);
    put_in_txn(b, db(b, 0), "expiring", bytes_of("v"), now_ms() + 3600000);
    commit(b);
}

static void assert_survivors(void)
{
    struct ns *ns = db(b, 0);

    for (int i = 0; i < 2; i++, reopen(b), ns = db(b, 0)) {
        assert_null(find(b, ns, "old"));
        assert_null(find(b, ns, "old and long"));
        assert_true(bytes_equal(entry_value(find(b, ns, "overwritten")), bytes_of("w")));
        assert_int_equal(entry_value(find(b, ns, "new and long")).data[long_size - 1], 'x');
        assert_int_equal(find(b, ns, "deleted")->header.kind, ENTRY_TOMBSTONE);
        assert_true(find(b, ns, "overwritten")->header.stamp > ns->emptied_stamp);
        assert_true(find(b, ns, "deleted")->header.stamp > ns->emptied_stamp);
        assert_int_equal(ns->key_count, 3);
        assert_int_equal(ns->expiring_count, 1);
        assert_int_equal(ns->buried_count, 1);
        /* "overwritten" and a letter, "new and long", "expiring" and a letter */
        assert_int_equal(ns->byte_count, 12 + (12 + long_size) + 9);
    }
}

static void an_emptying_keeps_what_is_newer_here(void **state)
{
    (void)state;
    write_around();
    carry_registry(a, b);
    assert_survivors();
}

static void an_emptying_that_was_not_prepared_keeps_the_same(void **state)
{
    struct carried all[8];
    size_t count;

    (void)state;
    write_around();
    reopen(b); /* nothing is in memory, and it is not known how new the newest record is */
    count = read_all(a, records_of(a), all, COUNT_OF(all));
    assert_int_equal(count, 1);
    merge(b, &all[0], false);
    free_carried(&all[0]);
    assert_survivors();
}

static void what_is_written_while_an_emptying_is_prepared_survives_too(void **state)
{
    struct carried all[8];
    struct wire_record record;

    (void)state;
    put(a, db(a, 0), "k", "v");
    empty(a, db(a, 0));
    put(b, db(b, 0), "early", "v");
    assert_int_equal(read_all(a, records_of(a), all, COUNT_OF(all)), 1);
    record = wire_of(&all[0]);
    assert_int_equal(registry_prepare(b->thread, &record), STATUS_OK);
    put(b, db(b, 0), "late", "v");
    assert_int_equal(registry_prepare(b->thread, &record), STATUS_OK); /* a second attempt */
    put(b, db(b, 0), "later", "v");
    merge(b, &all[0], false);
    free_carried(&all[0]);
    assert_true(has(b, db(b, 0), "early"));
    assert_true(has(b, db(b, 0), "late"));
    assert_true(has(b, db(b, 0), "later"));
    assert_int_equal(db(b, 0)->key_count, 3);
}

static void records_merged_with_the_emptying_in_one_transaction_survive_it(void **state)
{
    struct carried emptying[8], data[8];

    (void)state;
    put(a, db(a, 0), "k", "v");
    put(b, db(b, 0), "old", "v");
    empty(a, db(a, 0));
    put(a, db(a, 0), "new", "v");
    assert_int_equal(read_all(a, records_of(a), emptying, COUNT_OF(emptying)), 1);
    assert_int_equal(read_all(a, db(a, 0), data, COUNT_OF(data)), 1);
    enter(b);
    assert_int_equal(merge_in_txn(b, &data[0]), STATUS_OK);
    assert_int_equal(merge_in_txn(b, &emptying[0]), STATUS_OK);
    commit(b);
    free_carried(&data[0]);
    free_carried(&emptying[0]);
    assert_true(has(b, db(b, 0), "new"));
    assert_false(has(b, db(b, 0), "old"));
    assert_int_equal(db(b, 0)->key_count, 1);
}

static void of_two_emptyings_the_later_holds_in_any_order(void **state)
{
    (void)state;
    put(a, db(a, 0), "k", "v");
    put(b, db(b, 0), "k", "v");
    empty(a, db(a, 0));
    put(a, db(a, 0), "between", "v");
    empty(b, db(b, 0));
    carry_registry(b, c);
    carry_registry(a, c);
    carry_registry(b, a);
    carry_registry(a, b);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(db(&nodes[i], 0)->emptied_stamp, db(b, 0)->emptied_stamp);
        assert_int_equal(db(&nodes[i], 0)->key_count, 0);
    }
}

static void an_emptying_is_remembered_until_its_namespace_comes(void **state)
{
    (void)state;
    create(a, "news");
    put(a, titled(a, "news"), "k", "v");
    empty(a, titled(a, "news"));
    carry_registry(a, b); /* emptyings come first: 'e' < 'n' */
    assert_int_equal(titled(b, "news")->emptied_stamp, titled(a, "news")->emptied_stamp);
    reopen(b);
    assert_int_equal(titled(b, "news")->emptied_stamp, titled(a, "news")->emptied_stamp);
}

/* ---------- numbered databases ---------- */

static void the_first_use_of_a_database_leaves_its_settings_alone(void **state)
{
    (void)state;
    set_keys_max(a, db(a, 0), 7);
    put(b, db(b, 0), "k", "v");
    carry_registry(a, b);
    carry_registry(b, a);
    for (int i = 0; i < 2; i++, reopen(a), reopen(b)) {
        assert_int_equal(ns_limit(registry(a), db(a, 0), LIMIT_KEYS), 7);
        assert_int_equal(ns_limit(registry(b), db(b, 0), LIMIT_KEYS), 7);
    }
    assert_true(has(b, db(b, 0), "k"));
}

static void swapped_databases_are_swapped_everywhere(void **state)
{
    (void)state;
    put(a, db(a, 0), "k", "v");
    swap(a, 0, 1);
    carry_registry(a, b);
    carry_records(a, b, db(a, 1));
    for (int i = 0; i < 2; i++, reopen(b)) {
        assert_true(has(b, db(b, 1), "k"));
        assert_int_equal(db(b, 0)->database, 0);
        assert_int_equal(db(b, 1)->database, 1);
    }
    swap(b, 0, 1);
    carry_registry(b, a);
    assert_true(has(a, db(a, 0), "k"));
}

static void databases_beyond_those_of_this_server_are_kept_out_of_sight(void **state)
{
    struct ns **list;
    size_t count;

    (void)state;
    reopen_with(a, "100");
    put(a, db(a, 70), "far", "v");
    put(a, db(a, 3), "near", "v");
    swap(a, 3, 99);
    swap(a, 0, 1);
    carry_registry(a, b);
    carry_records(a, b, db(a, 70));
    carry_records(a, b, db(a, 99));
    list = registry_list(registry(b), &count);
    assert_int_equal(count, 0);
    free(list);
    assert_null(titled(b, "db70"));
    assert_false(has(b, db(b, 3), "near"));
    swap(b, 4, 5); /* ... and it does not forget what it can't reach */
    reopen(b);
    assert_int_equal(db(b, 3)->database, 3);
    reopen_with(b, "100");
    assert_true(has(b, db(b, 70), "far"));
    assert_true(has(b, db(b, 99), "near"));
    carry_registry(b, a);
    assert_true(has(a, db(a, 99), "near"));
    assert_memory_equal(db(a, 5)->id, db(b, 5)->id, NS_ID_SIZE);
    reopen(a);
    assert_true(has(a, db(a, 99), "near"));
}

/* ---------- taking back ---------- */

/* What node a did is merged at b in a transaction that is abandoned. */
static void abandon_what_came_from_a(void)
{
    struct carried all[16];
    size_t count = read_all(a, records_of(a), all, COUNT_OF(all));

    enter(b);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(merge_in_txn(b, &all[i]), STATUS_OK);
        free_carried(&all[i]);
    }
    txn_abandon(b->txn);
}

static void an_abandoned_merge_takes_everything_back(void **state)
{
    struct ns *dropped;

    (void)state;
    create(a, "dropped");
    create(a, "renamed");
    carry_registry(a, b);
    dropped = titled(b, "dropped");
    put(b, dropped, "k", "v");
    create(b, "new");
    put(b, db(b, 0), "k", "v");
    create(a, "new");
    drop(a, "dropped");
    change_title(a, "renamed", "after");
    put(a, db(a, 0), "k", "v");
    empty(a, db(a, 0));
    put(b, db(b, 0), "later", "v");
    swap(a, 0, 1);
    set_keys_max(a, db(a, 0), 7);
    abandon_what_came_from_a();
    for (int i = 0; i < 2; i++, reopen(b)) {
        assert_true(has(b, titled(b, "dropped"), "k"));
        assert_non_null(titled(b, "renamed"));
        assert_null(titled(b, "after"));
        assert_true(has(b, db(b, 0), "k"));
        assert_int_equal(db(b, 0)->key_count, 2);
        assert_int_equal(db(b, 0)->emptied_stamp, 0);
        assert_int_equal(db(b, 0)->database, 0);
        assert_int_equal(ns_limit(registry(b), db(b, 1), LIMIT_KEYS), 0);
        assert_non_null(titled(b, "new"));
        assert_false(registry_was_dropped(
            registry(b), (struct bytes){(char *)titled(b, "dropped")->id, NS_ID_SIZE}));
    }
    carry_registry(a, b);
    assert_null(titled(b, "dropped"));
    assert_non_null(titled(b, "after"));
    assert_true(has(b, db(b, 1), "later"));
    assert_int_equal(db(b, 1)->key_count, 1);
}

/* ---------- all together ---------- */

#define SEEDS 12
#define STEPS 40

static const char *const some_titles[] = {"news", "photos", "scores"};

static const char *some_title(struct random *random)
{
    return some_titles[random_below(random, COUNT_OF(some_titles))];
}

/* A namespace that the node has, or NULL. */
static struct ns *some_ns(struct node *node, struct random *random)
{
    struct ns *ns = titled(node, some_title(random));

    return random_below(random, 2) == 0 ? db(node, (int)random_below(random, 3)) : ns;
}

static void carry_data(struct node *from, struct node *to)
{
    size_t count;
    struct ns **list = registry_list(registry(from), &count);

    for (size_t i = 0; i < count; i++) {
        carry_records(from, to, list[i]);
        ns_release(list[i]);
    }
    free(list);
}

/* Any status will do: what can't be done is not done. */
static void change_registry(struct node *node, struct random *random)
{
    struct bytes title = bytes_of(some_title(random)), other = bytes_of(some_title(random));
    enum status status = STATUS_OK;

    enter(node);
    switch (random_below(random, 4)) {
    case 0:
        status = registry_create(node->txn, title);
        break;
    case 1:
        status = registry_rename(node->txn, title, other);
        break;
    case 2:
        status = registry_drop(node->txn, title);
        break;
    default:
        status =
            registry_swap(node->txn, (int)random_below(random, 3), (int)random_below(random, 3));
    }
    if (status == STATUS_OK)
        commit(node);
    else
        txn_abandon(node->txn);
}

static void write_something(struct node *node, struct ns *ns, struct random *random)
{
    char key[8];

    (void)snprintf(key, sizeof key, "%d", (int)random_below(random, 8));
    if (random_below(random, 4) == 0)
        empty(node, ns);
    else if (random_below(random, 4) == 0)
        set_keys_max(node, ns, 1000 + (int64_t)random_below(random, 1000));
    else if (random_below(random, 4) == 0 && has(node, ns, key))
        delete_key(node, ns, key);
    else
        put(node, ns, key, "v");
}

static void step(struct random *random)
{
    struct node *node = &nodes[random_below(random, NODES)];
    struct node *other = &nodes[random_below(random, NODES)];
    struct ns *ns = some_ns(node, random);
    uint64_t choice = random_below(random, 10);

    if (choice < 4)
        change_registry(node, random);
    else if (choice < 8 && ns != NULL)
        write_something(node, ns, random);
    else if (choice == 8 && node != other)
        carry_registry(node, other);
    else if (choice == 9 && node != other) {
        carry_registry(node, other);
        carry_data(node, other);
    }
}

static void carry_everything(void)
{
    for (int round = 0; round < 2; round++)
        for (int from = 0; from < NODES; from++)
            for (int to = 0; to < NODES; to++)
                if (from != to)
                    carry_registry(&nodes[from], &nodes[to]);
    for (int from = 0; from < NODES; from++)
        for (int to = 0; to < NODES; to++)
            if (from != to)
                carry_data(&nodes[from], &nodes[to]);
}

/* Everything that a client could see, and when namespaces were emptied. */
static void describe(struct node *node, struct buffer *text)
{
    size_t count;
    struct ns **list = registry_list(registry(node), &count);

    for (size_t i = 0; i < count; i++) {
        char *title = ns_take_title(registry(node), list[i]);

        if (list[i]->key_count > 0 || list[i]->database < 0)
            buffer_printf(text, "%s %02x%02x keys=%d bytes=%d emptied=%llx max=%d\n", title,
                          list[i]->id[0], list[i]->id[15], (int)list[i]->key_count,
                          (int)list[i]->byte_count, (unsigned long long)list[i]->emptied_stamp,
                          (int)ns_limit(registry(node), list[i], LIMIT_KEYS));
        free(title);
        ns_release(list[i]);
    }
    free(list);
    buffer_append_byte(text, '\0');
}

static void assert_all_alike(uint64_t seed)
{
    struct buffer expected = {0};

    describe(a, &expected);
    for (int i = 0; i < NODES; i++) {
        struct buffer found = {0};

        describe(&nodes[i], &found);
        if (strcmp(found.data, expected.data) != 0)
            print_message("seed %d, node %d\n", (int)seed, i);
        assert_string_equal(found.data, expected.data);
        buffer_clear(&found);
    }
    buffer_clear(&expected);
}

static void whatever_happens_all_come_to_the_same(void **state)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct random random = {seed};

        for (int i = 0; i < STEPS; i++)
            step(&random);
        carry_everything();
        assert_all_alike(seed);
        for (int i = 0; i < NODES; i++)
            reopen(&nodes[i]);
        assert_all_alike(seed);
        assert_int_equal(tear_down(state), 0);
        assert_int_equal(set_up(state), 0);
    }
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(a_namespace_created_there_is_found_here),
        CLAIM(a_namespace_is_found_by_its_id_while_it_lives),
        CLAIM(a_database_is_found_by_its_fixed_id),
        CLAIM(many_namespaces_are_each_found_by_id),
        CLAIM(a_new_title_and_new_settings_follow),
        CLAIM(of_two_changes_of_one_namespace_the_later_holds_everywhere),
        CLAIM(a_namespace_dropped_there_is_gone_here_at_once_and_for_good),
        CLAIM(a_rename_that_is_newer_than_a_drop_brings_back_what_is_newer_too),
        CLAIM(an_emptying_is_remembered_while_its_namespace_is_dropped),
        CLAIM(one_title_created_twice_is_kept_by_the_older_namespace),
        CLAIM(a_title_is_shown_again_when_its_owner_is_renamed_or_dropped),
        CLAIM(a_new_title_may_not_be_one_that_is_shown),
        CLAIM(emptying_what_was_never_stored_does_nothing),
        CLAIM(an_emptying_kills_what_is_older_here),
        CLAIM(what_a_transaction_writes_behind_its_emptying_is_not_dead),
        CLAIM(an_emptying_keeps_what_is_newer_here),
        CLAIM(an_emptying_that_was_not_prepared_keeps_the_same),
        CLAIM(what_is_written_while_an_emptying_is_prepared_survives_too),
        CLAIM(records_merged_with_the_emptying_in_one_transaction_survive_it),
        CLAIM(of_two_emptyings_the_later_holds_in_any_order),
        CLAIM(an_emptying_is_remembered_until_its_namespace_comes),
        CLAIM(the_first_use_of_a_database_leaves_its_settings_alone),
        CLAIM(swapped_databases_are_swapped_everywhere),
        CLAIM(databases_beyond_those_of_this_server_are_kept_out_of_sight),
        CLAIM(an_abandoned_merge_takes_everything_back),
        CLAIM(whatever_happens_all_come_to_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
