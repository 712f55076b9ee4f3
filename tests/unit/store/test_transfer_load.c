/* Reading a whole store page by page, and a blank one that takes it over. */
#include "store/transfer_load.h"

#include <glob.h>

#include "base/buffer.h"
#include "store/digest.h"
#include "store/news.h"
#include "store/replica.h"
#include "store/transfer_page.h"
#include "store/transfer_stream.h"
#include "unit/store/dump.h"

#define PAGE_BYTES 4096
#define LONG_VALUE 600000 /* three chunks */
#define PAGES_MAX  100000

static struct node source, blank;
static struct transfer_pages *pages; /* of the source */
static char long_value[LONG_VALUE];

static int set_up(void **state)
{
    (void)state;
    memset(long_value, 'l', sizeof long_value);
    node_create(&source);
    node_create(&blank);
    pages = transfer_pages_create(source.thread);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    transfer_pages_destroy(pages);
    node_destroy(&source);
    node_destroy(&blank);
    return 0;
}

/* ---------- all kinds of records ---------- */

static void set_limit(struct node *node, struct ns *ns, enum limit limit, int64_t value)
{
    node_enter(node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_set(node->txn, ns, limit, value), STATUS_OK);
    node_commit(node);
}

static void swap(struct node *node, int a, int b)
{
    node_enter(node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_swap(node->txn, a, b), STATUS_OK);
    node_commit(node);
}

static void empty(struct node *node, struct ns *ns)
{
    node_enter(node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_empty(node->txn, ns), STATUS_OK);
    node_commit(node);
}

static void drop(struct node *node, const char *title)
{
    node_enter(node, NULL, (struct bytes){NULL, 0});
    assert_int_equal(registry_drop(node->txn, bytes_of(title)), STATUS_OK);
    node_commit(node);
}

static bool has_expired(struct node *node, struct ns *ns, const char *key)
{
    const struct entry *entry;
    uint64_t group = 0;
    bool is_expired;

    epoch_enter(store_epoch(node->thread));
    is_expired = store_find_any(node->thread, ns, bytes_of(key), &entry, &group) == STATUS_OK &&
                 entry->header.kind == ENTRY_EXPIRED && group <= store_committed(node->store);
    epoch_exit(store_epoch(node->thread));
    return is_expired;
}

/* Background expiry runs until it has turned this key; the clock must not go so far that it is
 * purged. */
static void expire(struct node *node, struct ns *ns, const char *key)
{
    store_set_active_expiry(node->store, true);
    for (int i = 0; i < DEADLINE_MS && !has_expired(node, ns, key); i++)
        poll(NULL, 0, 1);
    assert_true(has_expired(node, ns, key));
    store_set_active_expiry(node->store, false);
}

static void fill(struct node *node)
{
    struct ns *db0 = node_db(node, 0), *web = node_create_ns(node, "web"),
              *gone = node_create_ns(node, "gone"), *idle = node_create_ns(node, "idle");
    char key[32];

    node_put(node, db0, bytes_of("long"), (struct bytes){long_value, LONG_VALUE}, "", EXPIRY_NONE);
    node_put(node, db0, bytes_of("middle"), (struct bytes){long_value, 3000}, "{\"m\":1}",
             now_ms() + 100000);
    for (int i = 0; i < 200; i++) {
        (void)snprintf(key, sizeof key, "key %d", i);
        node_set(node, web, key, key);
    }
    node_put(node, web, bytes_of(""), bytes_of("of the empty key"), "[]", EXPIRY_NONE);
    node_put(node, web, bytes_of("empty"), bytes_of(""), "", now_ms() + 5000000);
    node_put(node, web, (struct bytes){"zero \0 byte", 11}, bytes_of("\xff"), "", EXPIRY_NONE);
    node_delete(node, web, "key 7");
    node_set(node, node_db(node, 3), "k", "of db3");
    node_set(node, gone, "k", "v");
    drop(node, "gone");
    node_set(node, node_db(node, 5), "before", "v");
    empty(node, node_db(node, 5));
    node_set(node, node_db(node, 5), "after", "v");
    swap(node, 3, 4);
    set_limit(node, web, LIMIT_KEYS, 12345);
    node_put(node, web, bytes_of("short-lived"), bytes_of("v"), "{}", now_ms() + 500);
    pass_ms(600);
    expire(node, web, "short-lived");
    ns_release(web);
    ns_release(gone);
    ns_release(idle);
}

/* ---------- pages ---------- */

/* False: it was the last one. */
static bool read_page(size_t bytes_max, struct buffer *cursor, struct buffer *page)
{
    struct buffer before = {0};
    bool is_last;

    page->size = 0;
    buffer_append_bytes(&before, buffer_view(cursor));
    assert_int_equal(
        transfer_read_page(pages, buffer_view(&before), bytes_max, page, cursor, &is_last),
        STATUS_OK);
    buffer_clear(&before);
    return !is_last;
}

static void assert_same(struct node *a, struct node *b)
{
    struct ns_counts at_a = registry_counts(store_registry(a->store)),
                     at_b = registry_counts(store_registry(b->store));
    struct buffer all_a = {0}, all_b = {0};

    node_dump(a, &all_a);
    node_dump(b, &all_b);
    assert_int_equal(all_a.size, all_b.size);
    assert_memory_equal(all_a.data, all_b.data, all_a.size);
    assert_int_equal(at_a.keys, at_b.keys);
    assert_int_equal(at_a.bytes, at_b.bytes);
    assert_int_equal(at_a.expiring, at_b.expiring);
    assert_int_equal(at_a.buried, at_b.buried);
    buffer_clear(&all_a);
    buffer_clear(&all_b);
}

static struct digest digest_of(struct node *node)
{
    struct store_digest *digest = store_digest(node->store);
    struct leaf_list *list;
    struct digest root;

    for (int i = 0; i < DEADLINE_MS && !digest_is_ready(digest); i++)
        poll(NULL, 0, 1);
    assert_int_equal(digest_list(digest, &list), STATUS_OK);
    root = list->root;
    leaf_list_destroy(list);
    return root;
}

static void assert_same_digest(struct node *a, struct node *b)
{
    struct digest of_a = digest_of(a), of_b = digest_of(b);

    assert_true(of_a.count > 0);
    assert_int_equal(of_a.count, of_b.count);
    assert_true(of_a.sum.low == of_b.sum.low && of_a.sum.high == of_b.sum.high);
}

/* Leaf by leaf, without waiting for anything to be counted. */
static void assert_same_leaves_at_once(struct node *a, struct node *b)
{
    struct leaf_list *of_a, *of_b;

    (void)digest_of(a);
    assert_int_equal(digest_list(store_digest(a->store), &of_a), STATUS_OK);
    assert_true(digest_is_ready(store_digest(b->store)));
    assert_int_equal(digest_list(store_digest(b->store), &of_b), STATUS_OK);
    assert_int_equal(of_a->count, of_b->count);
    for (size_t i = 0; i < of_a->count; i++)
        assert_true(of_a->leaves[i].fingerprint == of_b->leaves[i].fingerprint);
    leaf_list_destroy(of_a);
    leaf_list_destroy(of_b);
}

/* ---------- loading ---------- */

static enum status load_page(struct transfer_load *load, struct bytes blob)
{
    enum status status = STATUS_PARKED;

    for (int i = 0; i < DEADLINE_MS && status == STATUS_PARKED; i++) {
        status = transfer_load_page(load, blob);
        poll(NULL, 0, status == STATUS_PARKED ? 1 : 0);
    }
    return status;
}

static void finish(struct transfer_load *load)
{
    assert_int_equal(transfer_load_finish(load), STATUS_OK);
    transfer_load_destroy(load);
}

/* So many pages of a stream, or all. */
static void take_pages(struct transfer_load *load, size_t bytes_max, int count)
{
    struct buffer cursor = {0}, page = {0};
    bool is_more = true;

    for (int i = 0; i < count && is_more; i++) {
        is_more = read_page(bytes_max, &cursor, &page);
        assert_int_equal(load_page(load, buffer_view(&page)), STATUS_OK);
    }
    buffer_clear(&cursor);
    buffer_clear(&page);
}

static void load_from(struct node *from, struct node *to)
{
    struct transfer_load *load = transfer_load_begin(to->thread);

    transfer_pages_destroy(pages);
    pages = transfer_pages_create(from->thread);
    take_pages(load, PAGE_BYTES, PAGES_MAX);
    finish(load);
}

static void load_all(void)
{
    load_from(&source, &blank);
}

/* So that there are tables, and rows that are in none. */
static void reopen_source(void)
{
    transfer_pages_destroy(pages);
    node_reopen(&source);
    pages = transfer_pages_create(source.thread);
}

/* Who wrote the key's record, 0 = there is none. */
static uint64_t writer_of(struct node *node, struct ns *ns, const char *key)
{
    const struct entry *entry;
    uint64_t group = 0, node_id = 0;

    epoch_enter(store_epoch(node->thread));
    if (store_find_any(node->thread, ns, bytes_of(key), &entry, &group) == STATUS_OK)
        node_id = store_node_of_alias(node->store, entry->header.origin);
    epoch_exit(store_epoch(node->thread));
    return node_id;
}

/* ---------- claims ---------- */

static void a_blank_store_that_is_filled_holds_the_same(void **state)
{
    struct ns *web;

    (void)state;
    fill(&source);
    load_all();
    assert_same(&source, &blank);
    assert_same_digest(&source, &blank);
    assert_int_equal(registry_find(store_registry(blank.store), bytes_of("web"), &web), STATUS_OK);
    assert_string_equal(node_get(&blank, web, "key 8"), "key 8");
    assert_string_equal(node_get(&blank, web, "key 7"), "");
    assert_string_equal(node_get(&blank, web, ""), "of the empty key");
    assert_string_equal(node_get(&blank, node_db(&blank, 4), "k"), "of db3");
    assert_string_equal(node_get(&blank, node_db(&blank, 5), "before"), "");
    assert_int_equal(ns_limit(store_registry(blank.store), web, LIMIT_KEYS), 12345);
    assert_int_equal(atomic_load(&web->key_count), 202);
    ns_release(web);
    node_reopen(&blank);
    assert_same(&source, &blank);
    assert_same_digest(&source, &blank);
}

static void what_is_over_but_has_not_expired_yet_is_loaded_as_it_is(void **state)
{
    (void)state;
    node_put(&source, node_db(&source, 0), bytes_of("k"), bytes_of("v"), "", now_ms() + 100);
    pass_ms(200);
    load_all();
    assert_same(&source, &blank);
    assert_int_equal(atomic_load(&node_db(&blank, 0)->expiring_count), 1);
    expire(&blank, node_db(&blank, 0), "k");
    assert_int_equal(atomic_load(&node_db(&blank, 0)->expiring_count), 0);
}

static void pages_of_any_size_lead_to_the_same(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);

    (void)state;
    fill(&source);
    reopen_source();
    node_set(&source, node_db(&source, 0), "in no table", "v");
    take_pages(load, 1, PAGES_MAX);
    finish(load);
    assert_same(&source, &blank);
}

static void what_is_written_meanwhile_is_not_in_the_pages(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    struct buffer cursor = {0}, page = {0};
    bool is_more = true;

    (void)state;
    fill(&source);
    reopen_source();
    node_set(&source, node_db(&source, 0), "before", "v");
    for (int i = 0; is_more; i++) {
        char key[32];

        (void)snprintf(key, sizeof key, "meanwhile %d", i);
        is_more = read_page(20000, &cursor, &page);
        assert_int_equal(load_page(load, buffer_view(&page)), STATUS_OK);
        node_set(&source, node_db(&source, 0), key, "v");
        node_set(&source, node_db(&source, 0), "before", "again");
    }
    finish(load);
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "before"), "v");
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "meanwhile 0"), "");
    buffer_clear(&cursor);
    buffer_clear(&page);
}

/* Q2, O2. */
static void a_cursor_of_nothing_begins_a_new_stream(void **state)
{
    const char *const cursors[] = {"", "short", "of twenty-four bytes ...",
                                   "much too long to be one of ours"};

    (void)state;
    fill(&source);
    for (size_t i = 0; i < COUNT_OF(cursors); i++) {
        struct buffer cursor = {0}, page = {0};

        buffer_append_text(&cursor, cursors[i]);
        assert_true(read_page(1, &cursor, &page));
        assert_int_equal(page.data[0], STREAM_HEAD);
        buffer_clear(&cursor);
        buffer_clear(&page);
    }
}

static void a_load_may_begin_anew_half_way(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    struct node first;

    (void)state;
    node_create(&first);
    node_set(&first, node_db(&first, 0), "of the first", "v");
    node_reopen(&first);
    transfer_pages_destroy(pages);
    pages = transfer_pages_create(first.thread);
    take_pages(load, 100, 3);
    transfer_pages_destroy(pages);
    pages = transfer_pages_create(source.thread);
    node_destroy(&first);
    fill(&source);
    take_pages(load, PAGE_BYTES, 2);
    take_pages(load, PAGE_BYTES, PAGES_MAX);
    finish(load);
    assert_same(&source, &blank);
}

/* The first one asked for rows that were dropped when the second page was read. */
static void a_page_can_be_asked_for_again(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    struct buffer cursor = {0}, before = {0}, page = {0}, again = {0};
    bool is_more = true;

    (void)state;
    fill(&source);
    reopen_source();
    while (is_more) {
        before.size = 0;
        buffer_append_bytes(&before, buffer_view(&cursor));
        is_more = read_page(PAGE_BYTES, &cursor, &page);
        if (is_more && before.size > 0) {
            (void)read_page(PAGE_BYTES, &before, &again);
            assert_int_equal(again.size, page.size);
            assert_memory_equal(again.data, page.data, page.size);
        }
        assert_int_equal(load_page(load, buffer_view(&page)), STATUS_OK);
    }
    finish(load);
    assert_same(&source, &blank);
    buffer_clear(&cursor);
    buffer_clear(&before);
    buffer_clear(&page);
    buffer_clear(&again);
}

/* Q1. */
static void what_nobody_asks_for_any_more_goes(void **state)
{
    struct buffer cursors[PAGES_READINGS_MAX + 1] = {0}, page = {0};

    (void)state;
    fill(&source);
    assert_false(transfer_pages_expire(pages));
    for (int i = 0; i <= PAGES_READINGS_MAX; i++)
        assert_true(read_page(1, &cursors[i], &page));
    assert_true(read_page(1, &cursors[1], &page));
    assert_int_equal(page.data[0], STREAM_ROWS);
    assert_true(read_page(1, &cursors[0], &page));
    assert_int_equal(page.data[0], STREAM_HEAD);
    pass_ms(PAGES_IDLE_MS - 1);
    assert_true(transfer_pages_expire(pages));
    assert_true(read_page(1, &cursors[1], &page));
    assert_int_equal(page.data[0], STREAM_ROWS);
    pass_ms(1);
    assert_true(transfer_pages_expire(pages));
    assert_true(read_page(1, &cursors[1], &page));
    assert_int_equal(page.data[0], STREAM_ROWS);
    pass_ms(PAGES_IDLE_MS);
    assert_false(transfer_pages_expire(pages));
    for (int i = 0; i <= PAGES_READINGS_MAX; i++)
        buffer_clear(&cursors[i]);
    buffer_clear(&page);
}

/* Each takes over the one before, aliases and all, and writes. */
static void who_wrote_what_is_known_after_any_number_of_takeovers(void **state)
{
    struct node third;
    uint64_t ids[3] = {store_node_id(source.store), store_node_id(blank.store)};
    const char *const keys[3] = {"of the source", "of the second", "of the third"};

    (void)state;
    node_set(&source, node_db(&source, 0), keys[0], "v");
    node_set(&source, node_db(&source, 0), "replaced", "v");
    load_all();
    assert_true(store_node_id(blank.store) == ids[1]);
    node_set(&blank, node_db(&blank, 0), keys[1], "v");
    node_delete(&blank, node_db(&blank, 0), "replaced");
    node_create(&third);
    ids[2] = store_node_id(third.store);
    load_from(&blank, &third);
    assert_same(&blank, &third);
    node_set(&third, node_db(&third, 0), keys[2], "v");
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 3; j++)
            assert_true(writer_of(&third, node_db(&third, 0), keys[j]) == ids[j]);
        assert_true(writer_of(&third, node_db(&third, 0), "replaced") == ids[1]);
        node_reopen(&third);
    }
    assert_true(store_node_id(third.store) == ids[2]);
    transfer_pages_destroy(pages);
    pages = transfer_pages_create(source.thread);
    node_destroy(&third);
}

/* The cache of a new store knows that nothing is stored, and knows it of single keys, too. */
static void what_was_known_to_be_absent_is_found_after_loading(void **state)
{
    struct ns *ns = node_db(&blank, 0);

    (void)state;
    node_set(&blank, ns, "k", "v");
    node_delete(&blank, ns, "k");
    pass_ms(10000);
    for (int i = 0; i < DEADLINE_MS && registry_counts(store_registry(blank.store)).buried > 0; i++)
        poll(NULL, 0, 1);
    assert_int_equal(registry_counts(store_registry(blank.store)).buried, 0);
    assert_string_equal(node_get(&blank, ns, "k"), "");
    assert_string_equal(node_get(&blank, ns, "other"), "");
    node_set(&source, node_db(&source, 0), "k", "loaded");
    node_set(&source, node_db(&source, 0), "other", "loaded");
    load_all();
    assert_string_equal(node_get(&blank, ns, "k"), "loaded");
    assert_string_equal(node_get(&blank, ns, "other"), "loaded");
}

static struct {
    struct store_thread *thread;
    struct ns *ns;
    int count, found; /* news of loads; those after which the key was there at once */
} listener;

static void look(void *context, struct bytes list)
{
    const struct entry *entry;
    struct news news;
    uint64_t group = 0;

    (void)context;
    if (!news_next(&list, &news) || news.kind != NEWS_LOADED)
        return;
    epoch_enter(store_epoch(listener.thread));
    listener.count++;
    listener.found += store_find(listener.thread, listener.ns, bytes_of("k"), now_ms(), &entry,
                                 &group) == STATUS_OK;
    epoch_exit(store_epoch(listener.thread));
}

static void who_hears_of_a_load_finds_what_was_absent_before(void **state)
{
    struct ns *ns = node_db(&blank, 0);

    (void)state;
    node_set(&source, node_db(&source, 0), "k", "loaded");
    assert_string_equal(node_get(&blank, ns, "k"), "");
    listener.ns = ns;
    listener.thread = store_join(blank.store, NULL, NULL);
    listener.count = listener.found = 0;
    store_set_teller(blank.store, look, NULL);
    store_listen(blank.store, 1);
    load_all();
    store_listen(blank.store, -1);
    store_leave(listener.thread);
    assert_int_equal(listener.count, 1);
    assert_int_equal(listener.found, 1);
}

#define MANY_KEYS 4000 /* some leaves */

static void sums_of_what_was_loaded_are_known_at_once(void **state)
{
    char key[16];

    (void)state;
    for (int db = 0; db < 2; db++)
        for (int i = 0; i < MANY_KEYS; i++) {
            (void)snprintf(key, sizeof key, "key %d", i);
            node_set(&source, node_db(&source, db), key, key);
        }
    (void)digest_of(&source); /* both are ready before */
    (void)digest_of(&blank);
    load_all();
    assert_same_leaves_at_once(&source, &blank);
    assert_int_equal(digest_mismatches(store_digest(blank.store)), 0);
    node_set(&blank, node_db(&blank, 0), "key 17", "again");
    node_delete(&blank, node_db(&blank, 0), "key 18");
    node_reopen(&blank);
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "key 17"), "again");
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "key 18"), "");
    assert_string_equal(node_get(&blank, node_db(&blank, 1), "key 18"), "key 18");
}

static void namespaces_may_have_had_other_numbers_before(void **state)
{
    (void)state;
    for (int db = 0; db < 5; db++)
        node_set(&source, node_db(&source, db), "k", "v");
    for (int db = 4; db >= 0; db -= 2) {
        node_set(&blank, node_db(&blank, db), "k", "old");
        node_delete(&blank, node_db(&blank, db), "k");
    }
    pass_ms(10000);
    for (int i = 0; i < DEADLINE_MS && registry_counts(store_registry(blank.store)).buried > 0; i++)
        poll(NULL, 0, 1);
    load_all();
    for (int db = 0; db < 5; db++)
        assert_string_equal(node_get(&blank, node_db(&blank, db), "k"), "v");
    node_reopen(&blank);
    assert_same(&source, &blank);
    assert_same_digest(&source, &blank);
}

static void a_half_loaded_store_is_blank_at_the_next_start(void **state)
{
    uint64_t node_id = store_node_id(blank.store);
    struct transfer_load *load;

    (void)state;
    fill(&source);
    load = transfer_load_begin(blank.thread);
    take_pages(load, PAGE_BYTES, 2);
    transfer_load_destroy(load);
    node_reopen(&blank);
    assert_true(store_is_blank(blank.store));
    assert_true(store_node_id(blank.store) != node_id);
    load_all();
    assert_same(&source, &blank);
    node_reopen(&blank);
    assert_same(&source, &blank);
}

static void what_is_written_after_loading_is_newer(void **state)
{
    struct ns *db0;

    (void)state;
    pass_ms(1000);
    node_set(&source, node_db(&source, 0), "k", "old");
    atomic_fetch_sub(&wall_us, 500000);
    load_all();
    db0 = node_db(&blank, 0);
    assert_true(store_clock(blank.store) >= atomic_load(&db0->newest_stamp));
    assert_true(stamp_wall_ms(atomic_load(&db0->newest_stamp)) > now_ms());
    node_set(&blank, db0, "k", "new");
    assert_string_equal(node_get(&blank, db0, "k"), "new");
    pass_ms(500);
}

static void an_empty_store_can_be_loaded(void **state)
{
    (void)state;
    load_all();
    assert_true(store_is_blank(blank.store));
    node_reopen(&blank);
    node_set(&blank, node_db(&blank, 0), "k", "v");
    node_reopen(&blank);
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "k"), "v");
}

static bool has_unfinished_tables(const struct node *node)
{
    char pattern[96];
    glob_t found;
    bool has_some;

    (void)snprintf(pattern, sizeof pattern, "%s/*.loading", node->directory);
    has_some = glob(pattern, 0, NULL, &found) == 0;
    globfree(&found);
    return has_some;
}

static void what_is_damaged_ends_the_load(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    struct buffer cursor = {0}, page = {0};

    (void)state;
    fill(&source);
    assert_true(read_page(PAGE_BYTES, &cursor, &page));
    assert_int_equal(load_page(load, buffer_view(&page)), STATUS_OK);
    assert_true(has_unfinished_tables(&blank));
    (void)read_page(PAGE_BYTES, &cursor, &page);
    page.data[0] = '?';
    assert_int_equal(load_page(load, buffer_view(&page)), STATUS_CORRUPT);
    assert_false(has_unfinished_tables(&blank));
    page.data[0] = STREAM_ROWS;
    assert_int_equal(load_page(load, buffer_view(&page)), STATUS_CORRUPT);
    assert_int_equal(transfer_load_finish(load), STATUS_CORRUPT);
    transfer_load_destroy(load);
    node_reopen(&blank);
    assert_true(store_is_blank(blank.store));
    buffer_clear(&cursor);
    buffer_clear(&page);
}

/* The source is gone, and so is what it had: there is nobody to ask. */
static void a_load_that_is_given_up_leaves_an_ordinary_blank_store(void **state)
{
    struct transfer_load *load = transfer_load_begin(blank.thread);
    uint64_t node_id = store_node_id(blank.store);

    (void)state;
    fill(&source);
    take_pages(load, PAGE_BYTES, 2);
    finish(load);
    assert_true(store_is_blank(blank.store));
    node_set(&blank, node_db(&blank, 0), "k", "v");
    node_reopen(&blank);
    assert_true(store_node_id(blank.store) == node_id);
    assert_string_equal(node_get(&blank, node_db(&blank, 0), "k"), "v");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_blank_store_that_is_filled_holds_the_same, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_over_but_has_not_expired_yet_is_loaded_as_it_is,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(pages_of_any_size_lead_to_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_meanwhile_is_not_in_the_pages, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cursor_of_nothing_begins_a_new_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_may_begin_anew_half_way, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_can_be_asked_for_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_nobody_asks_for_any_more_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_wrote_what_is_known_after_any_number_of_takeovers,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_known_to_be_absent_is_found_after_loading, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_hears_of_a_load_finds_what_was_absent_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(sums_of_what_was_loaded_are_known_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(namespaces_may_have_had_other_numbers_before, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_half_loaded_store_is_blank_at_the_next_start, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_after_loading_is_newer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_store_can_be_loaded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_damaged_ends_the_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_load_that_is_given_up_leaves_an_ordinary_blank_store,
                                        set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
