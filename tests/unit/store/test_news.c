#include "store/news.h"

#include "store/txn_internal.h"
#include "unit/store/stores.h"
#include "unit/test.h"

static struct node node;
static struct buffer told; /* "put a|del b|..." */

static const char *const words[] = {
    [NEWS_PUT] = "put",         [NEWS_DELETED] = "del",     [NEWS_EXPIRED] = "expired",
    [NEWS_EMPTIED] = "emptied", [NEWS_SWAPPED] = "swapped", [NEWS_LOADED] = "loaded",
    [NEWS_REMARK] = "remark",
};

static void note(void *context, struct bytes list)
{
    struct news news;

    (void)context;
    while (news_next(&list, &news))
        buffer_printf(&told, "%s%s %.*s|", words[news.kind],
                      news.flags & NEWS_BY_CLIENT ? " by client" : "", (int)news.key.size,
                      news.key.data);
}

static int set_up(void **state)
{
    (void)state;
    node_create(&node);
    store_set_teller(node.store, note, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    node_destroy(&node);
    buffer_clear(&told);
    return 0;
}

/* What was told by the time that the commit thread is done with all there is. */
static void assert_told(const char *expected)
{
    node_reopen(&node);
    buffer_append_byte(&told, '\0');
    assert_string_equal(told.data, expected);
}

static void changes_are_told_in_their_order(void **state)
{
    struct ns *ns = node_db(&node, 0);

    (void)state;
    store_listen(node.store, 1);
    node_set(&node, ns, "a", "1");
    node_set(&node, ns, "b", "1");
    node_set(&node, ns, "a", "2");
    node_delete(&node, ns, "b");
    assert_told("put by client a|put by client b|put by client a|del by client b|");
}

static void without_a_listener_nothing_is_told(void **state)
{
    struct ns *ns = node_db(&node, 0);

    (void)state;
    node_set(&node, ns, "a", "1");
    store_listen(node.store, 1);
    node_set(&node, ns, "b", "1");
    store_listen(node.store, -1);
    node_set(&node, ns, "c", "1");
    assert_told("put by client b|");
}

static void remarks_stand_behind_the_changes_they_are_about(void **state)
{
    struct ns *ns = node_db(&node, 0);
    char *area;

    (void)state;
    store_listen(node.store, 1);
    node_enter(&node, ns, bytes_of("a"));
    txn_remark(node.txn, ns, bytes_of("a"), 7);
    assert_int_equal(
        txn_put(node.txn, ns, bytes_of("a"), bytes_of(""), EXPIRY_NONE, false, 0, &area),
        STATUS_OK);
    node_commit(&node);
    assert_told("put by client a|remark a|");
}

static void remarks_of_an_abandoned_transaction_are_forgotten(void **state)
{
    struct ns *ns = node_db(&node, 0);

    (void)state;
    store_listen(node.store, 1);
    node_enter(&node, ns, bytes_of("a"));
    txn_remark(node.txn, ns, bytes_of("a"), 7);
    txn_abandon(node.txn);
    epoch_exit(store_epoch(node.thread));
    node_set(&node, ns, "b", "1");
    assert_told("put by client b|");
}

static void what_has_expired_is_told_by_who_overwrites_it(void **state)
{
    struct ns *ns = node_db(&node, 0);

    (void)state;
    store_listen(node.store, 1);
    node_put(&node, ns, bytes_of("a"), bytes_of("1"), "", now_ms() + 10);
    pass_ms(20);
    node_set(&node, ns, "a", "2");
    assert_told("put by client a|expired a|put by client a|");
}

static void emptying_and_swapping_are_told_once(void **state)
{
    (void)state;
    node_set(&node, node_db(&node, 0), "a", "1");
    store_listen(node.store, 1);
    node_enter(&node, NULL, bytes_of(""));
    assert_int_equal(registry_empty(node.txn, node_db(&node, 0)), STATUS_OK);
    node_commit(&node);
    node_enter(&node, NULL, bytes_of(""));
    assert_int_equal(registry_swap(node.txn, 0, 1), STATUS_OK);
    node_commit(&node);
    assert_told("emptied |swapped |");
}

#define CLAIM(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLAIM(changes_are_told_in_their_order),
        CLAIM(without_a_listener_nothing_is_told),
        CLAIM(remarks_stand_behind_the_changes_they_are_about),
        CLAIM(remarks_of_an_abandoned_transaction_are_forgotten),
        CLAIM(what_has_expired_is_told_by_who_overwrites_it),
        CLAIM(emptying_and_swapping_are_told_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
