#include "unit/replication/toys.h"

#define JUMP_US (5 * SECOND_US)

/* ---------- forming ---------- */

static void nodes_that_name_each_other_become_one_cluster(void **state)
{
    struct toys *toys = toys_start_all(3);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct gossip_status status = toys_status(&toys->all[i]);

        assert_int_equal(status.member_count, 3);
        assert_int_equal(status.peer_count, 2);
        assert_int_equal(status.peers[0].state, PEER_UP);
        assert_int_equal(status.peers[1].state, PEER_UP);
        assert_int_equal(status.gate, GATE_OPEN);
    }
    toys_destroy(toys);
}

static void a_node_learns_of_others_through_one(void **state)
{
    struct toys *toys = toys_create(3);

    (void)state;
    toys->all[0].peer_count = toys->all[2].peer_count = 0;
    for (size_t i = 0; i < 3; i++)
        toys_start(&toys->all[i]);
    toys_run(toys, 3 * SECOND_US);
    assert_true(toys->all[0].is_linked[2]);
    assert_int_equal(toys_status(&toys->all[2]).member_count, 3);
    toys_destroy(toys);
}

static void who_has_data_does_not_wait_for_peers_that_are_not_there(void **state)
{
    struct toys *toys = toys_create(2);

    (void)state;
    toys->all[0].is_blank = false;
    toys_start(&toys->all[0]);
    assert_int_equal(toys->all[0].gate, GATE_WAIT);
    toys_run(toys, 1100000);
    assert_int_equal(toys->all[0].gate, GATE_OPEN);
    toys_destroy(toys);
}

static void data_of_two_that_have_forgotten_deletes_do_not_mix(void **state)
{
    struct toys *toys = toys_create(2);

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        toys->all[i].is_blank = false;
        toys->all[i].horizon_at_least = toys_clock(&toys->all[i]);
        toys_start(&toys->all[i]);
    }
    toys_run(toys, 3 * SECOND_US);
    assert_int_equal(toys_status(&toys->all[0]).member_count, 1);
    assert_non_null(strstr(toys->all[1].refusal, "wipe the data of one"));
    toys_destroy(toys);
}

/* ---------- pushing ---------- */

static void a_write_is_pushed_at_once(void **state)
{
    struct toys *toys = toys_start_all(2);
    uint64_t stamp = toys_write(&toys->all[0]);

    (void)state;
    toys_run(toys, TOYS_TICK_US);
    assert_true(toys_position(&toys->all[1], &toys->all[0]) >= stamp);
    assert_true(toys_status(&toys->all[0]).peers[0].applied >= stamp);
    assert_int_equal(toys->all[1].merges, 1);
    toys_destroy(toys);
}

static void a_lost_push_is_sent_again(void **state)
{
    struct toys *toys = toys_start_all(2);
    uint64_t stamp;

    (void)state;
    toys->all[0].is_counting = toys->all[1].is_counting = true;
    toys->is_lost[MESSAGE_PUSH] = true;
    stamp = toys_write(&toys->all[0]);
    toys_run(toys, TOYS_TICK_US);
    assert_true(toys_position(&toys->all[1], &toys->all[0]) < stamp);
    toys->is_lost[MESSAGE_PUSH] = false;
    (void)toys_write(&toys->all[0]); /* it comes behind a gap */
    toys_run(toys, SECOND_US / 2);
    assert_true(toys_position(&toys->all[1], &toys->all[0]) >= stamp);
    toys_destroy(toys);
}

static void what_a_log_has_lost_is_left_to_comparing(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    uint64_t last;

    (void)state;
    (void)toys_write(a); /* who has nothing would load everything */
    toys_run(toys, SECOND_US);
    toys_cut(toys, 0, 1, true);
    toys_run(toys, SECOND_US);
    (void)toys_write(a);
    a->log_begin = a->log_count;
    last = toys_write(a);
    a->is_counting = b->is_counting = true;
    toys_cut(toys, 0, 1, false);
    toys_run(toys, 4 * SECOND_US);
    assert_true(toys_position(b, a) < last);
    a->is_counting = b->is_counting = false;
    toys_run(toys, 4 * SECOND_US);
    assert_true(toys_position(b, a) >= last);
    toys_destroy(toys);
}

/* Not when the next comparison is due, in ten seconds: as soon as comparing may find it. */
static void what_can_not_be_pushed_is_found_by_comparing_soon(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    uint64_t last;

    (void)state;
    (void)toys_write(a); /* who has nothing would load everything */
    toys_run(toys, 12 * SECOND_US);
    toys->is_lost[MESSAGE_PUSH] = true;
    (void)toys_write(a);
    a->log_begin = a->log_count;
    toys->is_lost[MESSAGE_PUSH] = false;
    last = toys_write(a);
    toys_run(toys, 3 * SECOND_US);
    assert_true(toys_position(b, a) >= last);
    toys_destroy(toys);
}

static void a_merge_that_takes_long_is_not_sent_over_and_over(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    uint64_t last;

    (void)state;
    b->is_stalled = true;
    for (int i = 0; i < 100; i++)
        last = toys_write(a);
    toys_run(toys, 20 * SECOND_US);
    assert_true(b->merging_bytes_max < 100 * sizeof last * 3 / 2);
    b->is_stalled = false;
    toys_run(toys, 2 * SECOND_US);
    assert_true(toys_position(b, a) >= last);
    toys_destroy(toys);
}

/* ---------- clocks ---------- */

static void a_wrong_clock_among_three_refuses_writes_on_its_own_node(void **state)
{
    struct toys *toys = toys_create(3);

    (void)state;
    toys->all[2].clock_off_us = -JUMP_US;
    for (size_t i = 0; i < 3; i++)
        toys_start(&toys->all[i]);
    toys_run(toys, 5 * SECOND_US);
    assert_int_equal(toys->all[0].gate, GATE_OPEN);
    assert_int_equal(toys->all[1].gate, GATE_OPEN);
    toys_destroy(toys);
}

/* Which of the two is wrong, the next one tells; it has a second for it. */
static void a_clock_that_the_first_peer_does_not_share_is_not_believed_at_once(void **state)
{
    struct toys *toys = toys_create(2);

    (void)state;
    toys->all[0].clock_off_us = JUMP_US;
    toys->all[0].restored_hlc = stamp_of_wall_ms(TOYS_START_MS); /* it was right before */
    for (size_t i = 0; i < 2; i++)
        toys_start(&toys->all[i]);
    for (int i = 0; i < 16; i++) {
        toys_run(toys, TOYS_TICK_US);
        assert_int_not_equal(toys->all[0].gate, GATE_OPEN);
    }
    toys_run(toys, SECOND_US);
    assert_int_equal(toys->all[0].gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_clock_set_forward_refuses_writes_until_it_is_right(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0];
    uint64_t before = toys_position(a, a);

    (void)state;
    a->clock_off_us = JUMP_US;
    toys_run(toys, 3 * SECOND_US);
    assert_int_equal(a->gate, GATE_SKEW);
    assert_true(toys_position(a, a) <= before + stamp_of_wall_ms(100));
    a->clock_off_us = 0;
    toys_run(toys, SECOND_US);
    assert_int_equal(a->gate, GATE_OPEN);
    toys_destroy(toys);
}

/* ---------- leaving, forgetting ---------- */

static void a_node_leaves_when_all_have_its_writes(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0];

    (void)state;
    (void)toys_write(a);
    assert_int_equal(gossip_leave(a->gossip, toys_time(a)), STATUS_OK);
    assert_int_equal(a->gate, GATE_LEAVING);
    toys_run(toys, 5 * SECOND_US);
    assert_true(toys_status(a).is_out);
    assert_int_equal(toys_status(&toys->all[1]).member_count, 2);
    assert_int_equal(toys_status(&toys->all[2]).member_count, 2);
    toys_destroy(toys);
}

static void a_node_leaves_only_after_comparing_with_all(void **state)
{
    struct toys *toys = toys_create(2);
    struct toy *a = &toys->all[0];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        toys->all[i].is_counting = true;
        toys_start(&toys->all[i]);
    }
    toys_run(toys, 3 * SECOND_US);
    (void)toys_write(a);
    assert_int_equal(gossip_leave(a->gossip, toys_time(a)), STATUS_OK);
    toys_run(toys, 20 * SECOND_US);
    assert_false(toys_status(a).is_out);
    toys->all[0].is_counting = toys->all[1].is_counting = false;
    toys_run(toys, 20 * SECOND_US);
    assert_true(toys_status(a).is_out);
    toys_destroy(toys);
}

static void nobody_complains_of_who_leaves(void **state)
{
    struct toys *toys = toys_create(3);
    struct toy *a = &toys->all[0];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        toys->all[i].wants_horizon = true;
        toys_start(&toys->all[i]);
    }
    (void)toys_write(a);
    toys_run(toys, 5 * SECOND_US);
    assert_true(toys_status(a).horizon > 0);
    assert_int_equal(gossip_leave(a->gossip, toys_time(a)), STATUS_OK);
    for (int i = 0; i < 100 && !toys_status(a).is_out; i++)
        toys_run(toys, TOYS_TICK_US);
    assert_true(toys_status(a).is_out);
    toys_run(toys, 5 * TOYS_TICK_US);
    assert_string_equal(a->refusal, "");
    assert_non_null(strstr(toys->all[1].last_line, "has left the cluster"));
    toys_destroy(toys);
}

/* What was found equal before the last one joined does not count, and who was equal is compared
 * with again after 10 s. */
static void a_node_leaves_without_waiting_for_the_usual_comparison(void **state)
{
    struct toys *toys = toys_create(3);
    struct toy *a = &toys->all[0];

    (void)state;
    toys_start(a);
    toys_start(&toys->all[1]);
    toys_run(toys, 3 * SECOND_US);
    (void)toys_write(a);
    toys_start(&toys->all[2]);
    toys_run(toys, SECOND_US);
    assert_int_equal(gossip_leave(a->gossip, toys_time(a)), STATUS_OK);
    toys_run(toys, 4 * SECOND_US);
    assert_true(toys_status(a).is_out);
    toys_destroy(toys);
}

static void who_is_alone_has_nothing_to_leave(void **state)
{
    struct toys *toys = toys_create(1);
    struct toy *a = &toys->all[0];

    (void)state;
    toys_start(a);
    toys_run(toys, 2 * SECOND_US);
    assert_int_equal(gossip_leave(a->gossip, toys_time(a)), STATUS_NOT_FOUND);
    assert_int_equal(a->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void who_has_left_takes_no_writes_after_a_restart(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0];

    (void)state;
    (void)gossip_leave(a->gossip, toys_time(a));
    toys_run(toys, 5 * SECOND_US);
    assert_true(toys_status(a).is_out);
    toys_stop(a);
    toys_start(a);
    toys_run(toys, 2 * SECOND_US);
    assert_true(toys_status(a).is_out);
    assert_int_not_equal(a->gate, GATE_OPEN);
    assert_int_equal(toys_status(&toys->all[1]).member_count, 1);
    toys_destroy(toys);
}

static void a_node_that_is_forgotten_is_refused_and_knows_it(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0], *c = &toys->all[2];

    (void)state;
    toys_cut(toys, 0, 2, true);
    toys_cut(toys, 1, 2, true);
    toys_run(toys, 2 * SECOND_US);
    assert_int_equal(gossip_forget(a->gossip, toys_time(a), c->node_id), STATUS_OK);
    toys_run(toys, SECOND_US);
    assert_int_equal(toys_status(&toys->all[1]).member_count, 2);
    assert_int_equal(c->gate, GATE_OPEN);
    toys_cut(toys, 0, 2, false);
    toys_cut(toys, 1, 2, false);
    toys_run(toys, 2 * SECOND_US);
    assert_int_equal(c->gate, GATE_STALE);
    assert_int_equal(toys_status(a).member_count, 2);
    toys_destroy(toys);
}

static void forgetting_asks_for_a_member_and_not_for_oneself(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0];

    (void)state;
    assert_int_equal(gossip_forget(a->gossip, toys_time(a), 12345), STATUS_NOT_FOUND);
    assert_int_equal(gossip_forget(a->gossip, toys_time(a), a->node_id), STATUS_SYNTAX);
    toys_destroy(toys);
}

/* ---------- who is out of step ---------- */

static void a_member_that_ran_without_replication_is_stale(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0];

    (void)state;
    (void)toys_write(a);
    toys_run(toys, SECOND_US);
    toys_stop(a);
    a->was_alone = true;
    toys_start(a);
    toys_run(toys, 2 * SECOND_US);
    assert_int_equal(a->gate, GATE_STALE);
    assert_int_equal(toys_status(&toys->all[1]).peers[0].state, PEER_STALE);
    toys_stop(a);
    a->was_alone = false; /* for good */
    toys_start(a);
    assert_int_equal(a->gate, GATE_STALE);
    toys_destroy(toys);
}

static void a_cluster_of_one_may_run_without_replication_and_keeps_its_data_apart(void **state)
{
    struct toys *toys = toys_create(2);
    struct toy *a = &toys->all[0];

    (void)state;
    toys_start(a);
    toys_run(toys, 2 * SECOND_US);
    (void)toys_write(a);
    toys_stop(a);
    a->was_alone = true;
    toys_start(a);
    assert_true(a->horizon > 0);
    toys_run(toys, 2 * SECOND_US);
    assert_int_equal(a->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_node_restored_from_a_backup_continues_no_life_that_it_forgot(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0];
    struct buffer backup = {0};
    uint32_t forgotten;
    uint64_t written;

    (void)state;
    buffer_append_bytes(&backup, buffer_view(&a->saved));
    toys_stop(a);
    toys_run(toys, 2 * SECOND_US);
    toys_start(a); /* a life that the backup knows nothing of */
    toys_run(toys, 2 * SECOND_US);
    forgotten = gossip_incarnation(a->gossip);
    written = toys_write(a);
    toys_run(toys, 2 * SECOND_US);
    toys_stop(a);
    a->saved.size = 0;
    buffer_append_bytes(&a->saved, buffer_view(&backup));
    a->is_counting = true;
    toys_start(a);
    toys_run(toys, SECOND_US);
    assert_true(gossip_incarnation(a->gossip) > forgotten);
    assert_true(gossip_position(a->gossip, a->node_id, forgotten) < written);
    buffer_clear(&backup);
    toys_destroy(toys);
}

static void begin_again(struct toy *toy, uint64_t last_own)
{
    toys_stop(toy);
    toys_run(toy->toys, SECOND_US);
    toy->last_own = last_own;
    toys_start(toy);
    toys_run(toy->toys, SECOND_US);
}

static void own_writes_that_come_back_are_not_all_that_were_written(void **state)
{
    struct toys *toys = toys_create(1);
    struct toy *a = &toys->all[0];
    uint32_t first;
    uint64_t lost;

    (void)state;
    toys_start(a);
    toys_run(toys, SECOND_US);
    first = gossip_incarnation(a->gossip);
    lost = toys_write(a);
    begin_again(a, gossip_start(a->gossip));
    begin_again(a, lost); /* it came back, but perhaps not what lies before it */
    assert_true(gossip_position(a->gossip, a->node_id, first) > 0);
    assert_true(gossip_position(a->gossip, a->node_id, first) < lost);
    toys_destroy(toys);
}

static void own_writes_of_the_last_life_are_here_up_to_the_last_one(void **state)
{
    struct toys *toys = toys_create(1);
    struct toy *a = &toys->all[0];
    struct buffer early = {0};
    uint32_t first;
    uint64_t kept;

    (void)state;
    toys_start(a);
    toys_run(toys, SECOND_US);
    buffer_append_bytes(&early, buffer_view(&a->saved));
    first = gossip_incarnation(a->gossip);
    kept = toys_write(a);
    toys_run(toys, SECOND_US);
    a->saved.size = 0;
    buffer_append_bytes(&a->saved, buffer_view(&early));
    begin_again(a, kept);
    assert_int_equal(gossip_position(a->gossip, a->node_id, first), kept);
    buffer_clear(&early);
    toys_destroy(toys);
}

static void take_from_disk(struct buffer *backup, const struct toy *toy)
{
    backup->size = 0;
    buffer_append_bytes(backup, buffer_view(&toy->saved));
}

/* Three with a horizon; the last one is down, and on its disk is what was there long before. */
static struct toys *start_three_to_restore_one(void)
{
    struct toys *toys = toys_start_all(3);
    struct toy *c = &toys->all[2];
    struct buffer backup = {0};

    take_from_disk(&backup, c);
    c->restored_hlc = c->hlc;
    for (size_t i = 0; i < 3; i++) {
        (void)toys_write(&toys->all[i]);
        toys->all[i].wants_horizon = true;
    }
    toys_run(toys, 5 * SECOND_US);
    assert_true(toys->all[0].horizon > c->restored_hlc);
    toys->is_cut[0][1] = toys->is_cut[2][1] = true; /* who doesn't hear how far the horizon goes */
    toys_run(toys, 2 * SECOND_US);
    assert_true(toys->all[0].horizon > toys->all[1].horizon);
    toys_stop(c);
    toys->is_cut[2][1] = false;
    c->saved.size = 0;
    buffer_append_bytes(&c->saved, buffer_view(&backup));
    buffer_clear(&backup);
    return toys;
}

static void what_was_restored_is_held_up_to_the_horizon_that_it_begins_below(void **state)
{
    struct toys *toys = start_three_to_restore_one();
    struct toy *a = &toys->all[0], *c = &toys->all[2];

    (void)state;
    toys_start(c);
    toys_run(toys, SECOND_US);
    assert_true(toys_position(a, c) >= a->horizon);
    toys_destroy(toys);
}

static void a_node_restored_from_a_backup_makes_no_other_stale(void **state)
{
    struct toys *toys = start_three_to_restore_one();
    struct toy *a = &toys->all[0], *b = &toys->all[1], *c = &toys->all[2];

    (void)state;
    toys->is_cut[1][0] = true;
    toys_cut(toys, 0, 2, true);
    toys_start(c);
    toys_run(toys, 2 * SECOND_US);
    toys->is_cut[0][1] = false; /* who has the larger horizon knows nothing of it */
    toys_run(toys, 7 * SECOND_US);
    assert_true(b->horizon >= a->horizon);
    assert_true(toys_position(b, c) >= a->horizon);
    toys->is_cut[1][0] = false;
    toys_cut(toys, 0, 2, false);
    toys_run(toys, 7 * SECOND_US);
    assert_int_equal(a->gate, GATE_OPEN);
    assert_int_equal(b->gate, GATE_OPEN);
    assert_int_equal(c->gate, GATE_STALE);
    toys_destroy(toys);
}

/* With positions that know no other node. */
static void beat_with_horizon(struct toy *from, struct toy *to, uint64_t horizon)
{
    uint32_t incarnation = gossip_incarnation(from->gossip);
    uint64_t start = gossip_start(from->gossip);
    struct origin_position vector = {
        .node_id = from->node_id, .incarnation = incarnation, .start = start, .position = horizon};
    struct message message = {.kind = MESSAGE_BEAT,
                              .beat = {.incarnation = incarnation,
                                       .start = start,
                                       .horizon = horizon,
                                       .has_vector = true,
                                       .vector = &vector,
                                       .vector_count = 1}};
    struct buffer body = {0};

    message_encode(&body, &message);
    assert_int_equal(
        gossip_receive(to->gossip, toys_time(to), from->node_id, MESSAGE_BEAT, buffer_view(&body)),
        STATUS_OK);
    buffer_clear(&body);
}

static void who_takes_over_a_horizon_that_did_not_wait_for_it_begins_behind_it(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    uint64_t horizon;

    (void)state;
    (void)toys_write(a);
    (void)toys_write(b);
    toys_run(toys, SECOND_US);
    horizon = toys_position(b, a);
    toys_run(toys, 15 * SECOND_US); /* until all that is held is announced */
    beat_with_horizon(a, b, horizon);
    toys_run(toys, SECOND_US);
    assert_true(b->horizon == horizon);
    assert_true(gossip_start(b->gossip) >= horizon);
    toys_destroy(toys);
}

static void wipe(struct toy *toy, uint64_t node_id)
{
    toys_stop(toy);
    toys_run(toy->toys, TOYS_TICK_US); /* all learn that its links are gone */
    toy->node_id = node_id;
    toy->saved.size = 0;
    toy->log_count = toy->log_begin = 0;
    toy->is_blank = true;
    toy->horizon = 0;
}

static void who_was_wiped_is_removed_only_when_it_is_a_member_anew(void **state)
{
    struct toys *toys = toys_start_all(2);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    uint64_t before = b->node_id;

    (void)state;
    wipe(b, 0x4444);
    toys->is_lost[MESSAGE_BEAT] = true;
    toys_start(b);
    toys_run(toys, 5 * SECOND_US);
    assert_int_equal(toys_status(a).member_count, 2);
    assert_int_equal(gossip_forget(a->gossip, toys_time(a), b->node_id), STATUS_NOT_FOUND);
    toys->is_lost[MESSAGE_BEAT] = false;
    toys_run(toys, 5 * SECOND_US);
    assert_int_equal(toys_status(a).member_count, 2);
    assert_int_equal(gossip_forget(a->gossip, toys_time(a), before), STATUS_NOT_FOUND);
    toys_destroy(toys);
}

/* One tells of another, and both are gone before they could say who that was. */
static void a_writer_that_nobody_knows_holds_no_horizon_back(void **state)
{
    struct toys *toys = toys_create(3);
    struct toy *a = &toys->all[0], *b = &toys->all[1], *c = &toys->all[2];
    uint64_t stamp;

    (void)state;
    a->peer_count = 1;
    b->peers[0] = c->address;
    c->peers[0] = b->address;
    b->peer_count = c->peer_count = 1;
    toys_start(b);
    toys_start(c);
    toys_run(toys, 3 * SECOND_US);
    (void)toys_write(c);
    toys_run(toys, 15 * SECOND_US);
    toys->is_lost[MESSAGE_MEMBERS] = true;
    toys_start(a);
    toys_run(toys, SECOND_US);
    toys_stop(c);
    wipe(b, 0x4444);
    b->peers[0] = a->address;
    toys->is_lost[MESSAGE_MEMBERS] = false;
    toys_start(b);
    toys_run(toys, 10 * SECOND_US);
    assert_int_equal(a->gate, GATE_OPEN);
    stamp = toys_write(a);
    a->wants_horizon = true;
    toys_run(toys, 10 * SECOND_US);
    assert_true(a->horizon >= stamp);
    toys_destroy(toys);
}

/* ---------- loading ---------- */

static struct toys *start_one_with_data(void)
{
    struct toys *toys = toys_create(2);
    struct toy *a = &toys->all[0];

    a->peer_count = 0;
    toys_start(a);
    toys_run(toys, 2 * SECOND_US);
    (void)toys_write(a);
    return toys;
}

static void a_new_node_loads_before_it_serves(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *b = &toys->all[1];

    (void)state;
    toys_start(b);
    toys_run(toys, 3 * SECOND_US);
    assert_int_equal(b->pages_loaded, 2); /* the last one is empty */
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void run_without_ticks(struct toys *toys, int64_t duration_us)
{
    for (int64_t end_us = toys->now_us + duration_us; toys->now_us < end_us;) {
        toys->now_us += TOYS_TICK_US / 10;
        toys_deliver(toys);
        for (size_t i = 0; i < toys->count; i++)
            if (toys->all[i].gossip != NULL)
                toys_dial(&toys->all[i]);
    }
}

static void a_new_node_waits_for_no_tick(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *b = &toys->all[1];

    (void)state;
    toys_start(b);
    run_without_ticks(toys, SECOND_US);
    assert_int_equal(b->pages_loaded, 2);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void nor_for_that_of_a_third_which_must_know_it(void **state)
{
    struct toys *toys = toys_create(3);
    struct toy *a = &toys->all[0], *c = &toys->all[2];

    (void)state;
    toys_start(a);
    toys_start(&toys->all[1]);
    toys_run(toys, 3 * SECOND_US);
    (void)toys_write(a);
    c->peer_count = 1; /* it is told of the first one only */
    toys_start(c);
    run_without_ticks(toys, SECOND_US);
    assert_int_equal(c->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_page_is_read_while_the_one_before_it_is_on_its_way(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];

    (void)state;
    a->page_count = 5;
    b->is_stalled = true;
    toys_start(b);
    toys_run(toys, SECOND_US);
    assert_int_equal(a->sent[MESSAGE_PAGED], 2); /* so many it has room for */
    assert_int_equal(a->pages_read, 3);
    b->is_stalled = false;
    toys_run(toys, SECOND_US);
    assert_int_equal(a->pages_read, 5); /* each once */
    assert_int_equal(b->pages_loaded, 6);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_page_that_is_on_its_way_is_not_asked_for_again(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];

    (void)state;
    toys->is_lost[MESSAGE_PAGED] = true;
    toys_start(b);
    for (int i = 0; i < 10; i++) {
        toys_run(toys, SECOND_US);
        gossip_moving(b->gossip, toys_time(b), a->node_id, MESSAGE_PAGED);
    }
    assert_int_equal(b->sent[MESSAGE_PAGE], 1);
    toys->is_lost[MESSAGE_PAGED] = false;
    toys_run(toys, 5 * SECOND_US); /* it stands still */
    assert_int_equal(b->pages_loaded, 2);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static size_t page_size_over(int64_t way_us)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    size_t size;

    a->page_count = 5;
    toys_start(b);
    toys_run_in_rounds(toys, 3 * SECOND_US, way_us);
    assert_int_equal(b->gate, GATE_OPEN);
    size = a->page_bytes_max;
    toys_destroy(toys);
    return size;
}

static void pages_are_smaller_where_the_way_is_short(void **state)
{
    (void)state;
    assert_int_equal(page_size_over(500), 128 << 10);
    assert_int_equal(page_size_over(5000), 1 << 20);
}

static void a_page_that_was_lost_is_read_again(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];

    (void)state;
    a->page_count = 3;
    toys->is_lost[MESSAGE_PAGED] = true;
    toys_start(b);
    toys_run(toys, SECOND_US);
    assert_int_equal(a->sent[MESSAGE_PAGED], 1);
    toys->is_lost[MESSAGE_PAGED] = false;
    toys_run(toys, 3 * SECOND_US);
    assert_int_equal(b->pages_loaded, 4);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static bool is_believable(const struct toy *toy, uint64_t stamp)
{
    return stamp <= stamp_newest_believed(toys_time(toy).wall_us / 1000, TOYS_SKEW_MS);
}

static void what_is_loaded_under_a_wrong_clock_is_believed_in_its_time(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];

    (void)state;
    a->clock_off_us = JUMP_US;
    (void)toys_write(a);
    toys_run(toys, SECOND_US);
    b->is_stalled = true;
    toys_start(b);
    b->clock_off_us = JUMP_US;
    toys_run(toys, 2 * SECOND_US);
    a->clock_off_us = b->clock_off_us = 0;
    toys_run(toys, TOYS_TICK_US);
    b->is_stalled = false;
    toys_run(toys, SECOND_US);
    assert_true(is_believable(b, b->hlc));
    assert_int_equal(b->gate, GATE_LOADING);
    toys_run(toys, JUMP_US + SECOND_US);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_page_that_could_not_be_read_is_read_again(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];

    (void)state;
    a->fails_pages = true;
    toys_start(b);
    toys_run(toys, 3 * SECOND_US);
    assert_int_equal(b->gate, GATE_LOADING);
    a->fails_pages = false;
    toys_run(toys, 5 * SECOND_US);
    assert_int_equal(b->gate, GATE_OPEN);
    toys_destroy(toys);
}

static void a_source_that_refuses_is_asked_now_and_then(void **state)
{
    struct toys *toys = start_one_with_data();
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    size_t asked;

    (void)state;
    toys->is_lost[MESSAGE_PAGE] = true;
    toys_start(b);
    toys_run(toys, 3 * SECOND_US);
    (void)gossip_forget(a->gossip, toys_time(a), b->node_id);
    asked = b->sent[MESSAGE_PAGE];
    toys_run(toys, 10 * SECOND_US);
    assert_true(b->sent[MESSAGE_PAGE] - asked < 20);
    assert_true(b->log_lines < 20);
    toys_destroy(toys);
}

/* ---------- operators ---------- */

static void meeting_takes_an_address_once_and_not_too_many(void **state)
{
    struct toys *toys = toys_create(1);
    struct toy *a = &toys->all[0];
    char address[GOSSIP_ADDRESS_MAX];

    (void)state;
    toys_start(a);
    toys_run(toys, SECOND_US);
    for (int i = 0; i < 100; i++)
        assert_int_equal(gossip_meet(a->gossip, toys_time(a), "10.0.0.9:16379"), STATUS_OK);
    assert_int_equal(a->target_count, 1);
    for (int i = 1; i < GOSSIP_PEERS_MAX; i++) {
        (void)snprintf(address, sizeof address, "10.0.1.%d:16379", i);
        assert_int_equal(gossip_meet(a->gossip, toys_time(a), address), STATUS_OK);
    }
    assert_int_equal(gossip_meet(a->gossip, toys_time(a), "10.0.2.1:16379"), STATUS_FAILED);
    toys_destroy(toys);
}

/* ---------- cost ---------- */

static void a_closed_origin_costs_no_saves_when_nothing_changes(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0], *b = &toys->all[1];
    size_t saves, bytes;

    (void)state;
    (void)toys_write(a);
    toys_run(toys, 2 * SECOND_US);
    toys_stop(a);
    toys_start(a);
    toys_run(toys, 20 * SECOND_US);
    saves = b->saves;
    bytes = b->sent_bytes;
    toys_run(toys, MINUTE_S * SECOND_US);
    assert_true(b->saves - saves <= MINUTE_S / 10 + 1);
    assert_true((b->sent_bytes - bytes) / MINUTE_S < 1000);
    toys_destroy(toys);
}

static void tombstones_that_wait_for_one_who_is_away_cost_no_saves(void **state)
{
    struct toys *toys = toys_start_all(3);
    struct toy *a = &toys->all[0];
    size_t saves;

    (void)state;
    toys_stop(&toys->all[2]);
    for (size_t i = 0; i < 2; i++)
        toys->all[i].wants_horizon = true;
    toys_run(toys, 10 * SECOND_US);
    saves = a->saves;
    toys_run(toys, MINUTE_S * SECOND_US);
    assert_true(a->saves - saves <= MINUTE_S / 10 + 1);
    toys_start(&toys->all[2]);
    toys_run(toys, 5 * SECOND_US);
    assert_true(a->horizon > 0);
    toys_destroy(toys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nodes_that_name_each_other_become_one_cluster),
        cmocka_unit_test(a_node_learns_of_others_through_one),
        cmocka_unit_test(who_has_data_does_not_wait_for_peers_that_are_not_there),
        cmocka_unit_test(data_of_two_that_have_forgotten_deletes_do_not_mix),
        cmocka_unit_test(a_write_is_pushed_at_once),
        cmocka_unit_test(a_lost_push_is_sent_again),
        cmocka_unit_test(what_a_log_has_lost_is_left_to_comparing),
        cmocka_unit_test(what_can_not_be_pushed_is_found_by_comparing_soon),
        cmocka_unit_test(a_merge_that_takes_long_is_not_sent_over_and_over),
        cmocka_unit_test(a_wrong_clock_among_three_refuses_writes_on_its_own_node),
        cmocka_unit_test(a_clock_that_the_first_peer_does_not_share_is_not_believed_at_once),
        cmocka_unit_test(a_clock_set_forward_refuses_writes_until_it_is_right),
        cmocka_unit_test(a_node_leaves_when_all_have_its_writes),
        cmocka_unit_test(nobody_complains_of_who_leaves),
        cmocka_unit_test(a_node_leaves_only_after_comparing_with_all),
        cmocka_unit_test(a_node_leaves_without_waiting_for_the_usual_comparison),
        cmocka_unit_test(who_is_alone_has_nothing_to_leave),
        cmocka_unit_test(who_has_left_takes_no_writes_after_a_restart),
        cmocka_unit_test(a_node_that_is_forgotten_is_refused_and_knows_it),
        cmocka_unit_test(forgetting_asks_for_a_member_and_not_for_oneself),
        cmocka_unit_test(a_member_that_ran_without_replication_is_stale),
        cmocka_unit_test(a_cluster_of_one_may_run_without_replication_and_keeps_its_data_apart),
        cmocka_unit_test(a_node_restored_from_a_backup_continues_no_life_that_it_forgot),
        cmocka_unit_test(own_writes_that_come_back_are_not_all_that_were_written),
        cmocka_unit_test(own_writes_of_the_last_life_are_here_up_to_the_last_one),
        cmocka_unit_test(what_was_restored_is_held_up_to_the_horizon_that_it_begins_below),
        cmocka_unit_test(a_node_restored_from_a_backup_makes_no_other_stale),
        cmocka_unit_test(who_takes_over_a_horizon_that_did_not_wait_for_it_begins_behind_it),
        cmocka_unit_test(who_was_wiped_is_removed_only_when_it_is_a_member_anew),
        cmocka_unit_test(a_writer_that_nobody_knows_holds_no_horizon_back),
        cmocka_unit_test(a_new_node_loads_before_it_serves),
        cmocka_unit_test(a_new_node_waits_for_no_tick),
        cmocka_unit_test(nor_for_that_of_a_third_which_must_know_it),
        cmocka_unit_test(a_page_is_read_while_the_one_before_it_is_on_its_way),
        cmocka_unit_test(a_page_that_is_on_its_way_is_not_asked_for_again),
        cmocka_unit_test(pages_are_smaller_where_the_way_is_short),
        cmocka_unit_test(a_page_that_was_lost_is_read_again),
        cmocka_unit_test(what_is_loaded_under_a_wrong_clock_is_believed_in_its_time),
        cmocka_unit_test(a_page_that_could_not_be_read_is_read_again),
        cmocka_unit_test(a_source_that_refuses_is_asked_now_and_then),
        cmocka_unit_test(meeting_takes_an_address_once_and_not_too_many),
        cmocka_unit_test(a_closed_origin_costs_no_saves_when_nothing_changes),
        cmocka_unit_test(tombstones_that_wait_for_one_who_is_away_cost_no_saves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
