#include "unit/replication/pair.h"
#include "unit/replication/random_message.h"
#include "unit/test.h"

#define KEYS       20000
#define MANY_KEYS  1000000
#define OLD_MS     3600000
#define SESSIONS   60
#define MINUTE_US  60000000
#define KEY_COST   128  /* bytes for a differing key, the records apart */
#define EQUAL_COST 1024 /* ... for a comparison that finds nothing */
#define RETRY_US   2000000

static struct universe *universe, *large;

/* Both hold all keys, written long ago. */
static struct pair *make_equal(struct universe *keys, uint64_t seed)
{
    struct pair *pair = pair_create(keys, seed);

    for (size_t i = 0; i < keys->count; i++) {
        pair->toys[0].records[i] = (struct toy_record){stamp_ago(OLD_MS) + i, i};
        pair->toys[1].records[i] = pair->toys[0].records[i];
    }
    return pair;
}

/* One side writes a key, or lost it, or never had it; which side, the seed says. */
static void differ_at_random(struct pair *pair, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct toy *toy = &pair->toys[random_below(&pair->random, 2)];
        struct toy_record *record =
            &toy->records[random_below(&pair->random, pair->universe->count)];

        if (random_below(&pair->random, 3) == 0)
            *record = (struct toy_record){0};
        else
            *record = (struct toy_record){stamp_ago(OLD_MS / 2) + i, i};
    }
}

/* So many distinct keys that only the second has newer. */
static void write_at_second(struct pair *pair, size_t count)
{
    struct toy_record *records = pair->toys[1].records;

    for (size_t i = 0; i < count;) {
        size_t key = random_below(&pair->random, pair->universe->count);

        if (records[key].stamp >= stamp_ago(OLD_MS / 2))
            continue;
        records[key] = (struct toy_record){stamp_ago(OLD_MS / 2) + i, i};
        i++;
    }
}

/* Nothing is left open at the hosts, once both have forgotten the session. */
static void require_closed(struct pair *pair)
{
    pair_run(pair, MINUTE_US);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pair->toys[i].lists_open, 0);
        assert_int_equal(pair->toys[i].scans_open, 0);
    }
    assert_int_equal(pair->event_count, 0);
}

static void equal_replicas_say_so_in_two_messages(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    assert_true(pair_compare(pair));
    assert_int_equal(pair->toys[0].differences, 0);
    assert_true(pair->toys[0].cutoff == UINT64_MAX);
    assert_int_equal(pair->messages, 2);
    assert_true(comparer_bytes(pair->toys[0].comparer, 2) <= EQUAL_COST);
    assert_int_equal(comparer_bytes(pair->toys[0].comparer, 2),
                     comparer_bytes(pair->toys[1].comparer, 1));
    require_closed(pair);
    pair_destroy(pair);
}

static void one_session_makes_them_equal(void **state)
{
    static const size_t counts[] = {1, 2, 10, 100, 1000, 5000, KEYS * 10};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        struct pair *pair = make_equal(universe, i);

        differ_at_random(pair, counts[i]);
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        assert_true(pair->toys[0].differences > 0);
        assert_int_equal(pair->toys[0].failed, 0);
        assert_true(pair_compare(pair));
        assert_true(pair->toys[0].differences == 0);
        require_closed(pair);
        pair_destroy(pair);
    }
}

static void an_empty_one_takes_all_or_gives_nothing(void **state)
{
    (void)state;
    for (int empty = 0; empty < 2; empty++) {
        struct pair *pair = make_equal(universe, 1);

        memset(pair->toys[empty].records, 0, KEYS * sizeof(struct toy_record));
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        assert_int_equal(pair->toys[0].differences, KEYS);
        assert_int_equal(pair->toys[empty].merged_records, KEYS);
        assert_int_equal(pair->toys[1 - empty].merged_records, 0);
        pair_destroy(pair);
    }
}

static void a_difference_of_a_key_costs_little(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    write_at_second(pair, 1);
    assert_true(pair_compare(pair));
    assert_int_equal(pair->toys[0].differences, 1);
    assert_int_equal(pair->toys[0].merged_records, 1);
    assert_int_equal(pair->toys[1].merged_records, 0);
    assert_true(comparer_bytes(pair->toys[0].comparer, 2) <= 2048);
    pair_destroy(pair);
}

static void a_thousand_of_a_million_keys_cost_little_each(void **state)
{
    struct pair *pair = make_equal(large, 1);
    int64_t bytes;

    (void)state;
    write_at_second(pair, 1000);
    assert_true(pair_compare(pair));
    bytes = comparer_bytes(pair->toys[0].comparer, 2);
    print_message("%.1f bytes a key, %zu messages\n", (double)bytes / 1000, pair->messages);
    assert_int_equal(pair->toys[0].differences, 1000);
    assert_int_equal(pair->toys[0].merged_records, 1000);
    assert_true(bytes <= 1000 * KEY_COST);
    assert_true(pair_is_equal(pair));
    pair_destroy(pair);
}

static void most_of_a_million_keys_are_repaired_in_bounded_steps(void **state)
{
    struct pair *pair = make_equal(large, 1);

    (void)state;
    for (size_t i = 0; i < MANY_KEYS; i++)
        if (random_below(&pair->random, 10) < 7)
            pair->toys[1].records[i] = (struct toy_record){stamp_ago(OLD_MS / 2) + i, i};
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    print_message("%.1f bytes a key, largest message %zu\n",
                  (double)comparer_bytes(pair->toys[0].comparer, 2) /
                      (double)pair->toys[0].differences,
                  pair->largest_message);
    assert_int_equal(pair->toys[1].merged_records, 0);
    assert_true(pair->largest_message < 2 << 20);
    require_closed(pair);
    pair_destroy(pair);
}

/* More keys on one side, so that its leaves begin elsewhere. */
static void leaves_that_begin_elsewhere_are_paired(void **state)
{
    struct pair *pair = make_equal(large, 1);
    size_t missing = 0;

    (void)state;
    for (size_t i = 0; i < MANY_KEYS; i++)
        if (random_below(&pair->random, 10) < 5) {
            pair->toys[0].records[i] = (struct toy_record){0};
            missing++;
        }
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    print_message("%zu missing, %zu and %zu moved\n", missing, pair->toys[0].merged_records,
                  pair->toys[1].merged_records);
    assert_true(pair->toys[0].merged_records + pair->toys[1].merged_records < missing * 11 / 10);
    pair_destroy(pair);
}

/* ---------- claims ---------- */

/* What the second had written when it took its positions: a log of all its writes ever. */
#define LOG_MAX 20000

static struct {
    size_t key;
    uint64_t stamp;
} writes[LOG_MAX];
static size_t write_count, writes_before;

static void note_writes(struct toy *toy)
{
    if (toy->node_id == 2)
        writes_before = write_count;
}

/* Each of them up to the cutoff is held at the first, or a newer one of its key. */
static void require_claim(struct toy *toy)
{
    for (size_t i = 0; i < writes_before; i++)
        if (writes[i].stamp <= toy->cutoff)
            assert_true(toy->records[writes[i].key].stamp >= writes[i].stamp);
}

static void write_now(struct toy *toy, size_t key)
{
    int64_t wall_ms = pair_time(toy->pair).wall_us / 1000;

    toy->records[key] = (struct toy_record){stamp_of_wall_ms(wall_ms) + write_count, write_count};
    if (toy->node_id == 2 && write_count < LOG_MAX) {
        writes[write_count].key = key;
        writes[write_count++].stamp = toy->records[key].stamp;
    }
}

static struct pair *make_watched(uint64_t seed)
{
    struct pair *pair = make_equal(universe, seed);

    write_count = writes_before = 0;
    pair->on_held = note_writes;
    pair->on_covered = require_claim;
    return pair;
}

/* Few keys are written again and again, on both sides, and nothing is pushed. */
static void a_claim_holds_while_both_write(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct pair *pair = make_watched(seed);

        for (int i = 0; i < 8; i++) {
            for (int j = 0; j < 300; j++) {
                write_now(&pair->toys[random_below(&pair->random, 3) == 0 ? 0 : 1],
                          random_below(&pair->random, 500));
                pair_run(pair, (int64_t)random_below(&pair->random, 2) * 50000);
            }
            assert_true(pair_compare(pair));
        }
        pair_destroy(pair);
    }
}

/* A write that never came was overwritten a moment ago. */
static void what_a_young_write_replaced_is_not_claimed_without_it(void **state)
{
    struct pair *pair = make_watched(1);

    (void)state;
    write_now(&pair->toys[1], 7);
    pair_run(pair, 10 * (int64_t)COMPARE_CUTOFF_MS * 1000);
    write_now(&pair->toys[1], 7);
    write_now(&pair->toys[1], 8);
    assert_true(pair_compare(pair));
    assert_int_equal(pair->toys[0].merged_records, 2);
    pair_destroy(pair);
}

static void young_differences_are_left_to_pushes_that_work(void **state)
{
    struct pair *pair = make_watched(1);

    (void)state;
    pair->toys[0].positions[1].position = UINT64_MAX;
    write_now(&pair->toys[1], 7);
    write_now(&pair->toys[0], 8);
    assert_true(pair_compare(pair));
    assert_int_equal(pair->toys[0].merged_records + pair->toys[1].merged_records, 0);
    assert_int_equal(pair->toys[0].differences, 0);
    pair_destroy(pair);
}

static void a_merge_that_fails_claims_nothing(void **state)
{
    static const enum applied failures[] = {APPLIED_FAILED, APPLIED_SKEW,
                                            APPLIED_UNKNOWN_NAMESPACE};

    (void)state;
    for (size_t i = 0; i < COUNT_OF(failures); i++) {
        struct pair *pair = make_watched(i);

        write_now(&pair->toys[1], 7);
        pair->toys[0].failure = failures[i];
        pair->toys[0].failing_merges = 2;
        assert_false(pair_compare(pair));
        assert_int_equal(pair->toys[0].covered, 0);
        assert_int_equal(pair->toys[0].failed, 1);
        (void)pair_compare(pair);
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        require_closed(pair);
        pair_destroy(pair);
    }
}

/* What does not need the missing namespace is merged all the same. */
static void a_session_goes_on_behind_a_merge_that_failed(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    memset(pair->toys[0].records, 0, KEYS * sizeof(struct toy_record));
    pair->toys[0].failure = APPLIED_UNKNOWN_NAMESPACE;
    pair->toys[0].failing_merges = 2;
    assert_false(pair_compare(pair));
    assert_true(pair->toys[0].merged_records >= KEYS - 4096);
    assert_true(pair->toys[0].merged_records < KEYS);
    pair_destroy(pair);
}

/* The record that makes the others' namespace known stands somewhere in the blob. */
static void the_registry_is_merged_before_what_needs_it(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    for (size_t key = 0; key < 2000; key++)
        pair->toys[0].records[key] = (struct toy_record){0};
    pair->toys[0].needs_registry = true;
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    pair_destroy(pair);
}

static void a_peer_that_refuses_records_does_not_end_the_session(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    write_now(&pair->toys[0], 7);
    pair->toys[0].records[7].stamp = stamp_ago(OLD_MS / 2);
    pair->toys[1].failure = APPLIED_FAILED;
    pair->toys[1].failing_merges = 1;
    assert_true(pair_compare(pair));
    assert_false(pair_is_equal(pair));
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    pair_destroy(pair);
}

static void records_with_one_stamp_and_two_contents_are_found(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    pair->toys[0].records[7].content = 1;
    pair->toys[1].records[7].content = 2;
    pair->toys[0].records[9000].content = 4;
    pair->toys[1].records[9000].content = 3;
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    assert_int_equal(pair->toys[0].records[7].content, 2);
    assert_int_equal(pair->toys[1].records[9000].content, 4);
    pair_destroy(pair);
}

static void nobody_compares_before_the_leaves_are_counted(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct pair *pair = make_equal(universe, 1);

        pair->toys[i].is_not_ready = true;
        assert_false(pair_compare(pair));
        assert_int_equal(pair->toys[0].failed, 1);
        require_closed(pair);
        pair_destroy(pair);
    }
}

/* ---------- a bad network ---------- */

static void make_network_bad(struct pair *pair)
{
    pair->loss = (unsigned)random_below(&pair->random, 20);
    pair->doubles = (unsigned)random_below(&pair->random, 30);
    pair->delays = (unsigned)random_below(&pair->random, 20);
}

static void nothing_is_missed_where_all_is_said_twice(void **state)
{
    (void)state;
    for (int newer = 0; newer < 2; newer++) {
        struct pair *pair = make_equal(universe, 1);

        for (size_t key = 0; key < KEYS; key++)
            pair->toys[newer].records[key].stamp++;
        pair->doubles = 100;
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        require_closed(pair);
        pair_destroy(pair);
    }
}

static void lost_doubled_and_late_messages_do_no_harm(void **state)
{
    int covered = 0;

    (void)state;
    for (uint64_t seed = 0; seed < SESSIONS; seed++) {
        struct pair *pair = make_watched(seed);
        size_t count = random_below(&pair->random, 4) == 0 ? 9000 : 300;

        for (size_t i = 0; i < count; i++)
            write_now(&pair->toys[random_below(&pair->random, 2)],
                      random_below(&pair->random, KEYS));
        make_network_bad(pair);
        pair_run(pair, 3000000);
        for (int i = 0; i < 4; i++)
            covered += pair_compare(pair);
        pair->loss = pair->doubles = pair->delays = 0;
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        require_closed(pair);
        pair_destroy(pair);
    }
    print_message("%d of %d sessions completed\n", covered, SESSIONS * 4);
    assert_true(covered > SESSIONS * 2);
}

/* Of this session, as if the other side had sent it, or a stranger. */
static void send_nonsense(struct pair *pair, uint64_t session, uint64_t node_id)
{
    enum message_kind kind =
        MESSAGE_COMPARE +
        (enum message_kind)random_below(&pair->random, MESSAGE_GIVEN - MESSAGE_COMPARE + 1);
    struct message message = random_message(&pair->random, kind);
    size_t to = random_below(&pair->random, 2);

    message.compare.session = session;
    message.body_size = 100;
    if (kind == MESSAGE_SKETCH || kind == MESSAGE_LIST) {
        message.sketch.batch = random_below(&pair->random, 2) == 0;
        message.sketch.from = 0;
    }
    if (kind == MESSAGE_FETCH || kind == MESSAGE_RECORDS || kind == MESSAGE_GIVE ||
        kind == MESSAGE_GIVEN)
        message.fetch.batch = 1;
    comparer_receive(pair->toys[to].comparer, pair_time(pair), node_id != 0 ? node_id : 2 - to,
                     &message);
    message_clear(&message);
}

/* Nonsense at every step. */
static void compare_amid_nonsense(struct pair *pair, uint64_t session, uint64_t node_id)
{
    struct toy *toy = &pair->toys[0];
    struct pair_event event;

    assert_true(comparer_begin(toy->comparer, pair_time(pair), 2, session));
    while (comparer_is_running(toy->comparer)) {
        send_nonsense(pair, session, node_id);
        if (next_event(pair, pair->now_us + PAIR_TICK_US, &event))
            happen(pair, &event);
        else
            pair_run(pair, PAIR_TICK_US);
    }
}

static void nonsense_from_a_peer_does_no_harm(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SESSIONS * 4; seed++) {
        struct pair *pair = make_equal(universe, seed);

        differ_at_random(pair, 1000);
        compare_amid_nonsense(pair, seed + 1, 0);
        pair_run(pair, MINUTE_US);
        assert_true(pair_compare(pair));
        assert_true(pair_is_equal(pair));
        require_closed(pair);
        pair_destroy(pair);
    }
}

static void what_strangers_say_of_a_session_is_ignored(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SESSIONS / 4; seed++) {
        struct pair *pair = make_equal(universe, seed);

        differ_at_random(pair, 1000);
        compare_amid_nonsense(pair, seed + 1, 3);
        assert_int_equal(pair->toys[0].covered, 1);
        assert_true(pair_is_equal(pair));
        require_closed(pair);
        pair_destroy(pair);
    }
}

/* The responder has forgotten it, or never heard of it: nobody waits for it. */
static void a_session_that_the_peer_does_not_know_ends_at_once(void **state)
{
    struct pair *pair = make_equal(universe, 1);
    struct pair_event event;

    (void)state;
    write_at_second(pair, 100);
    assert_true(comparer_begin(pair->toys[0].comparer, pair_time(pair), 2, 5));
    for (int i = 0; i < 4; i++) {
        assert_true(next_event(pair, MINUTE_US, &event));
        happen(pair, &event);
    }
    comparer_link_down(pair->toys[1].comparer, pair_time(pair), 1);
    pair_run(pair, RETRY_US);
    assert_false(comparer_is_running(pair->toys[0].comparer));
    assert_int_equal(pair->toys[0].failed, 1);
    pair_destroy(pair);
}

/* R6: begun at the same time, or one while the other goes on. */
static void two_that_ask_each_other_find_everything_once(void **state)
{
    (void)state;
    for (int64_t apart_us = 0; apart_us < 1500; apart_us += 100) {
        struct pair *pair = make_equal(universe, (uint64_t)apart_us);
        struct toy *toys = pair->toys;
        uint64_t session = random_next(&pair->random);
        struct pair_event event;

        write_at_second(pair, 1000);
        assert_true(comparer_begin(toys[0].comparer, pair_time(pair), 2, session));
        while (next_event(pair, apart_us, &event))
            happen(pair, &event);
        assert_true(comparer_begin(toys[1].comparer, pair_time(pair), 1, session - 1));
        while (next_event(pair, MINUTE_US, &event))
            happen(pair, &event);
        assert_int_equal(toys[0].covered + toys[1].covered, 1);
        assert_int_equal(toys[0].failed + toys[1].failed, 1);
        assert_true(pair_is_equal(pair));
        assert_int_equal(toys[0].merged_records, 1000);
        pair_destroy(pair);
    }
}

/* For the simulator: it must be able to see what the rule prevents. */
static void without_its_rule_a_claim_comes_too_early(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    write_at_second(pair, 1);
    pair->toys[0].owner.rules_off = RULE_JOINT_RAISE;
    comparer_destroy(pair->toys[0].comparer);
    pair->toys[0].comparer = comparer_create(&pair->toys[0].owner);
    assert_true(pair_compare(pair));
    assert_int_equal(pair->toys[0].covered, 2);
    pair_destroy(pair);
}

static void a_peer_that_is_silent_ends_the_session(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    write_at_second(pair, 100);
    pair->loss = 100;
    assert_false(pair_compare(pair));
    assert_int_equal(pair->toys[0].failed, 1);
    assert_true(pair->now_us < MINUTE_US);
    require_closed(pair);
    pair_destroy(pair);
}

/* R4: for longer than all the times that a question is asked, and than a responder remembers. */
static void move_long_records(int64_t fetch_again_us)
{
    struct pair *pair = make_equal(universe, 1);

    write_at_second(pair, 10);
    for (size_t i = 0; i < 10; i++)
        pair->toys[0].records[i] = (struct toy_record){stamp_ago(OLD_MS / 2) + 100 + i, i};
    pair->records_take_us = MINUTE_US;
    pair->fetch_again_us = fetch_again_us;
    assert_true(pair_compare(pair));
    assert_true(pair_is_equal(pair));
    assert_int_equal(pair->records_messages, 2);
    require_closed(pair);
    pair_destroy(pair);
}

static void long_records_are_sent_once_however_long_they_take(void **state)
{
    (void)state;
    move_long_records(0);
}

static void long_records_are_sent_once_also_when_asked_for_twice(void **state)
{
    (void)state;
    for (int64_t after_us = 0; after_us < MINUTE_US; after_us += RETRY_US)
        move_long_records(after_us + 1000);
}

static void a_link_that_goes_down_ends_both_sides_at_once(void **state)
{
    struct pair *pair = make_equal(universe, 1);

    (void)state;
    write_at_second(pair, 100);
    assert_true(comparer_begin(pair->toys[0].comparer, pair_time(pair), 2, 5));
    for (int i = 0; i < 8; i++) {
        struct pair_event event;

        assert_true(next_event(pair, MINUTE_US, &event));
        happen(pair, &event);
    }
    for (uint64_t i = 0; i < 2; i++) {
        comparer_link_down(pair->toys[i].comparer, pair_time(pair), 2 - i);
        assert_int_equal(pair->toys[i].lists_open, 0);
        assert_int_equal(pair->toys[i].scans_open, 0);
    }
    assert_int_equal(pair->toys[0].failed, 1);
    assert_false(comparer_is_running(pair->toys[0].comparer));
    pair_destroy(pair);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_replicas_say_so_in_two_messages),
        cmocka_unit_test(one_session_makes_them_equal),
        cmocka_unit_test(an_empty_one_takes_all_or_gives_nothing),
        cmocka_unit_test(a_difference_of_a_key_costs_little),
        cmocka_unit_test(a_thousand_of_a_million_keys_cost_little_each),
        cmocka_unit_test(most_of_a_million_keys_are_repaired_in_bounded_steps),
        cmocka_unit_test(leaves_that_begin_elsewhere_are_paired),
        cmocka_unit_test(a_claim_holds_while_both_write),
        cmocka_unit_test(what_a_young_write_replaced_is_not_claimed_without_it),
        cmocka_unit_test(young_differences_are_left_to_pushes_that_work),
        cmocka_unit_test(a_merge_that_fails_claims_nothing),
        cmocka_unit_test(a_session_goes_on_behind_a_merge_that_failed),
        cmocka_unit_test(the_registry_is_merged_before_what_needs_it),
        cmocka_unit_test(a_peer_that_refuses_records_does_not_end_the_session),
        cmocka_unit_test(records_with_one_stamp_and_two_contents_are_found),
        cmocka_unit_test(nobody_compares_before_the_leaves_are_counted),
        cmocka_unit_test(nothing_is_missed_where_all_is_said_twice),
        cmocka_unit_test(lost_doubled_and_late_messages_do_no_harm),
        cmocka_unit_test(nonsense_from_a_peer_does_no_harm),
        cmocka_unit_test(what_strangers_say_of_a_session_is_ignored),
        cmocka_unit_test(a_session_that_the_peer_does_not_know_ends_at_once),
        cmocka_unit_test(two_that_ask_each_other_find_everything_once),
        cmocka_unit_test(without_its_rule_a_claim_comes_too_early),
        cmocka_unit_test(a_peer_that_is_silent_ends_the_session),
        cmocka_unit_test(long_records_are_sent_once_however_long_they_take),
        cmocka_unit_test(long_records_are_sent_once_also_when_asked_for_twice),
        cmocka_unit_test(a_link_that_goes_down_ends_both_sides_at_once),
    };
    int failed;

    universe = universe_create(KEYS);
    large = universe_create(MANY_KEYS);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    universe_destroy(universe);
    universe_destroy(large);
    return failed;
}
