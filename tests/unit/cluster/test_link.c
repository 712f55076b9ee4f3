#include "unit/cluster/nodes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cluster/frame.h"
#include "cluster/hello.h"

/* --- two nodes --- */

static struct test_node a, b;

static void open_pair(void)
{
    node_open(&a, 1);
    node_open(&b, 2);
}

static void connect_pair(void)
{
    open_pair();
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
}

static void close_pair(void)
{
    node_close(&a);
    node_close(&b);
}

static void two_nodes_learn_who_the_other_is(void **state)
{
    (void)state;
    connect_pair();
    assert_int_equal(a.up_id, 2);
    assert_int_equal(b.up_id, 1);
    assert_string_equal(a.up_dialled, b.address);
    assert_string_equal(b.up_dialled, "");
    assert_string_equal(b.up_address, "announced:1");
    close_pair();
}

static struct buffer body_of(size_t size)
{
    struct buffer body = {0};

    (void)buffer_reserve(&body, size + 1);
    for (size_t i = 0; i < size; i++)
        body.data[i] = (char)(i * 31 + (i >> 11));
    body.size = size;
    return body;
}

static void messages_of_every_size_arrive_both_ways(void **state)
{
    static const size_t sizes[] = {0,
                                   1,
                                   100,
                                   FRAME_PIECE_MAX - 1,
                                   FRAME_PIECE_MAX,
                                   FRAME_PIECE_MAX + 1,
                                   FRAME_BYTES_MAX,
                                   3 * FRAME_PIECE_MAX,
                                   (size_t)30 << 20};

    (void)state;
    connect_pair();
    b.echoes_to = 1;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct buffer body = body_of(sizes[i]);

        links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
        RUN_UNTIL(a.messages[MESSAGE_PUSH] == (int)i + 1);
        assert_int_equal(a.body_size, sizes[i]);
        assert_true(a.body_hash == hash_content(buffer_view(&body)));
        buffer_clear(&body);
    }
    close_pair();
}

static void a_beat_overtakes_a_long_message(void **state)
{
    struct buffer body = body_of((size_t)20 << 20);

    (void)state;
    connect_pair();
    links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
    links_send(a.links, 2, MESSAGE_GET, bytes_of("short"));
    links_send(a.links, 2, MESSAGE_BEAT, bytes_of("beat"));
    RUN_UNTIL(b.arrived == 3);
    assert_int_equal(b.order[0], MESSAGE_BEAT);
    assert_int_equal(b.order[1], MESSAGE_GET);
    assert_int_equal(b.order[2], MESSAGE_PUSH);
    buffer_clear(&body);
    close_pair();
}

static void both_sides_are_told_while_a_long_message_moves(void **state)
{
    struct buffer body = body_of((size_t)20 << 20);

    (void)state;
    connect_pair();
    links_send(a.links, 2, MESSAGE_RECORDS, buffer_view(&body));
    links_send(a.links, 2, MESSAGE_GET, bytes_of("short"));
    RUN_UNTIL(b.arrived == 2);
    assert_true(a.pieces[MESSAGE_RECORDS] > 0 && b.pieces[MESSAGE_RECORDS] > 0);
    assert_int_equal(a.pieces[MESSAGE_GET] + b.pieces[MESSAGE_GET], 0);
    buffer_clear(&body);
    close_pair();
}

static void bytes_are_counted_for_both(void **state)
{
    int64_t in, out, in_b, out_b;

    (void)state;
    connect_pair();
    links_send(a.links, 2, MESSAGE_PUSH, bytes_of("0123456789"));
    RUN_UNTIL(b.arrived == 1);
    links_bytes(a.links, 2, &in, &out);
    links_bytes(b.links, 1, &in_b, &out_b);
    assert_in_range(out, 10, 1000);
    assert_int_equal(in_b, out);
    close_pair();
}

static void a_message_to_nobody_is_lost(void **state)
{
    (void)state;
    open_pair();
    links_send(a.links, 2, MESSAGE_PUSH, bytes_of("x"));
    links_send(a.links, 99, MESSAGE_PUSH, bytes_of("x"));
    run_turns(3);
    assert_int_equal(b.arrived, 0);
    close_pair();
}

static void a_message_takes_the_link_that_its_sender_dialled(void **state)
{
    (void)state;
    connect_pair();
    node_dial(&b, a.address);
    RUN_UNTIL(b.ups == 2);
    /* Without its target, b's own link ends; the other one goes on. */
    links_set_targets(b.links, NULL, 0);
    links_send(b.links, 1, MESSAGE_PUSH, bytes_of("x"));
    RUN_UNTIL(a.arrived == 1);
    assert_int_equal(a.downs, 0);
    assert_int_equal(b.downs, 0);
    close_pair();
}

static void a_dropped_link_is_dialled_again(void **state)
{
    (void)state;
    connect_pair();
    links_drop(b.links, 1, "as the test wants it");
    assert_int_equal(b.downs, 0); /* not from inside of the call */
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    clock_ahead_us += 5000000;
    RUN_UNTIL(a.ups == 2 && b.ups == 2);
    assert_int_equal(log_count("it refuses: ERR as the test wants it"), 1);
    close_pair();
}

static void a_link_can_be_dropped_while_its_message_is_read(void **state)
{
    (void)state;
    connect_pair();
    b.drops = 1;
    for (int i = 0; i < 3; i++)
        links_send(a.links, 2, MESSAGE_PUSH, bytes_of("x"));
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    assert_int_equal(b.arrived, 1);
    close_pair();
}

static void a_message_that_is_not_understood_ends_the_link(void **state)
{
    (void)state;
    connect_pair();
    b.refuses_messages = true;
    links_send(a.links, 2, MESSAGE_PUSH, bytes_of("x"));
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    assert_int_equal(log_count("a message PUSH is not as it should be"), 2);
    close_pair();
}

static void a_message_over_the_bound_is_not_sent_nor_taken(void **state)
{
    struct buffer body = body_of(5000);
    struct links_config config;

    (void)state;
    node_open(&a, 1);
    config = test_config(&b, 2);
    config.body_max = 4999;
    node_open_with(&b, &config);
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    links_send(b.links, 1, MESSAGE_PUSH, buffer_view(&body));
    links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    assert_int_equal(a.arrived + b.arrived, 0);
    buffer_clear(&body);
    close_pair();
}

static void a_name_is_looked_up(void **state)
{
    char target[64];

    (void)state;
    open_pair();
    (void)snprintf(target, sizeof target, "localhost:%d", links_port(b.links));
    node_dial(&a, target);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    assert_string_equal(a.up_dialled, target);
    close_pair();
}

static void a_lookup_that_is_not_wanted_any_more_is_forgotten(void **state)
{
    const char *names[] = {"one.invalid:1", "two.invalid:1", "no port"};

    (void)state;
    node_open(&a, 1);
    links_set_targets(a.links, names, COUNT_OF(names));
    RUN_UNTIL(log_count("this is not host:port") == 1);
    links_set_targets(a.links, names, 1);
    run_turns(2);
    node_close(&a);
}

static void a_node_that_comes_later_is_found(void **state)
{
    struct links_config config;
    char target[32];
    int port;

    (void)state;
    open_pair();
    port = links_port(b.links);
    (void)snprintf(target, sizeof target, "%s", b.address);
    node_close(&b);
    node_dial(&a, target);
    RUN_UNTIL(log_count("Connection refused") == 1);
    config = test_config(&b, 2);
    config.port = port;
    node_open_with(&b, &config);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    close_pair();
}

/* --- who may stay --- */

static void a_target_that_is_this_process_is_said_once(void **state)
{
    (void)state;
    node_open(&a, 1);
    node_dial(&a, a.address);
    RUN_UNTIL(a.selves == 1);
    clock_ahead_us += 60000000;
    run_turns(5);
    assert_int_equal(a.selves, 1);
    assert_int_equal(a.ups, 0);
    node_close(&a);
}

static void another_process_with_our_id_is_refused(void **state)
{
    (void)state;
    node_open(&a, 1);
    node_open(&b, 1);
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("another process uses this node's id") == 2);
    assert_int_equal(a.ups + b.ups + a.selves + b.selves, 0);
    close_pair();
}

static void open_incarnation(struct test_node *node, uint64_t node_id, uint32_t incarnation)
{
    struct links_config config = test_config(node, node_id);

    config.incarnation = incarnation;
    node_open_with(node, &config);
}

/* The second process of a node; the first one lives on, in silence once its target is gone. */
static struct test_node second;

static void a_newer_process_of_a_node_is_refused_while_the_older_lives(void **state)
{
    (void)state;
    connect_pair();
    open_incarnation(&second, 1, 2);
    node_dial(&second, b.address);
    RUN_UNTIL(log_count("its id is in use by another process") == 2);
    assert_int_equal(second.ups + second.refusals, 0); /* not for good */
    node_close(&second);
    close_pair();
}

static void a_newer_process_takes_the_place_of_a_silent_one(void **state)
{
    (void)state;
    connect_pair();
    open_incarnation(&second, 1, 2);
    node_dial(&second, b.address);
    /* Nobody says anything between the jump of the clock and the first look at the hello. */
    RUN_UNTIL(log_count("its id is in use by another process") == 2);
    links_set_targets(a.links, NULL, 0);
    RUN_UNTIL(b.downs == 1);
    clock_ahead_us += 5000000;
    RUN_UNTIL(second.ups == 1);
    assert_int_equal(b.ups, 2);
    node_close(&second);
    close_pair();
}

static void an_older_process_of_a_node_is_refused(void **state)
{
    (void)state;
    node_open(&b, 2);
    open_incarnation(&a, 1, 7);
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    node_close(&a);
    RUN_UNTIL(b.downs == 1);
    clock_ahead_us += 2000000; /* the same address may be complained of again */
    open_incarnation(&a, 1, 6);
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("a newer incarnation of this node is known") == 2);
    assert_int_equal(a.refusals, 1); /* by one that has proven itself */
    node_close(&a);
    open_incarnation(&a, 1, 7);
    clock_ahead_us += 60000000; /* ... and the same trouble told again */
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("a newer incarnation of this node is known") == 4);
    node_close(&a);
    open_incarnation(&a, 1, 8);
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 2);
    close_pair();
}

static void who_is_refused_above_hears_why(void **state)
{
    (void)state;
    open_pair();
    b.refuses = "away for too long";
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("away for too long") == 2);
    assert_int_equal(a.refusals, 1);
    RUN_UNTIL(a.ups == a.downs);
    assert_int_equal(b.downs, 0);
    close_pair();
}

/* Nodes that are started together are often not all ready when the first one dials. */
static void who_is_put_off_comes_again_at_once_and_says_nothing(void **state)
{
    (void)state;
    open_pair();
    b.refuses = "it is starting";
    b.refuses_with = STATUS_PARKED;
    node_dial(&a, b.address);
    RUN_UNTIL(b.ups == 3); /* who is refused waits for some seconds */
    b.refuses = NULL;
    RUN_UNTIL(b.ups == 4 && b.downs == 0);
    assert_int_equal(log_count("it is starting"), 0);
    assert_int_equal(a.refusals, 0);
    close_pair();
}

static void a_wrong_secret_is_one_line_on_both_sides(void **state)
{
    struct links_config config;

    (void)state;
    node_open(&a, 1);
    config = test_config(&b, 2);
    config.secret = bytes_of("another secret");
    node_open_with(&b, &config);
    node_dial(&a, b.address);
    RUN_UNTIL(log_count("wrong cluster secret") == 2);
    assert_int_equal(a.ups + b.ups, 0);
    close_pair();
}

/* --- time --- */

static void a_link_on_which_nothing_comes_is_closed(void **state)
{
    (void)state;
    connect_pair();
    clock_ahead_us += 5000000;
    RUN_UNTIL(a.downs == 1 && b.downs == 1);
    assert_true(log_count("nothing was heard for 5 seconds") >= 1);
    close_pair();
}

static void an_idle_link_stays(void **state)
{
    (void)state;
    connect_pair();
    for (int i = 0; i < 7; i++) {
        clock_ahead_us += 900000;
        run_turns(4);
    }
    assert_int_equal(a.downs + b.downs, 0);
    close_pair();
}

/* --- a way that is blocked --- */

/* Hands on the bytes of one connection to a node until it is told to stop. */
struct relay {
    struct evconnlistener *listener;
    struct bufferevent *near, *far;
    const struct test_node *to;
    char address[32];
};

static void on_relayed(struct bufferevent *from, void *context)
{
    struct relay *relay = context;
    struct bufferevent *into = from == relay->near ? relay->far : relay->near;

    (void)bufferevent_write_buffer(into, bufferevent_get_input(from));
}

static struct sockaddr_in loopback_address(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)port),
                                .sin_addr = {htonl(INADDR_LOOPBACK)}};
}

static void on_relay_accept(struct evconnlistener *listener, evutil_socket_t descriptor,
                            struct sockaddr *from, int size, void *context)
{
    struct relay *relay = context;
    struct sockaddr_in address = loopback_address(links_port(relay->to->links));

    (void)listener;
    (void)from;
    (void)size;
    relay->near = bufferevent_socket_new(base, descriptor, BEV_OPT_CLOSE_ON_FREE);
    relay->far = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(relay->near, on_relayed, NULL, NULL, relay);
    bufferevent_setcb(relay->far, on_relayed, NULL, NULL, relay);
    (void)bufferevent_enable(relay->near, EV_READ | EV_WRITE);
    (void)bufferevent_enable(relay->far, EV_READ | EV_WRITE);
    assert_int_equal(
        bufferevent_socket_connect(relay->far, (struct sockaddr *)&address, sizeof address), 0);
}

static void relay_open(struct relay *relay, const struct test_node *to)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;

    *relay = (struct relay){.to = to};
    relay->listener = evconnlistener_new_bind(base, on_relay_accept, relay, LEV_OPT_CLOSE_ON_FREE,
                                              16, (struct sockaddr *)&address, sizeof address);
    assert_non_null(relay->listener);
    (void)getsockname(evconnlistener_get_fd(relay->listener), (struct sockaddr *)&address, &size);
    (void)snprintf(relay->address, sizeof relay->address, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void relay_stop(struct relay *relay)
{
    (void)bufferevent_disable(relay->near, EV_READ);
    (void)bufferevent_disable(relay->far, EV_READ);
}

static void relay_close(struct relay *relay)
{
    evconnlistener_free(relay->listener);
    bufferevent_free(relay->near);
    bufferevent_free(relay->far);
}

/* Until a puts nothing more into its links to b: all that the kernel takes is full. */
static void run_until_full(void)
{
    int64_t in, out, before = -1;

    for (int still = 0; still < 50; still = out == before ? still + 1 : 0, before = out) {
        links_bytes(a.links, 2, &in, &out);
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
}

static void a_reader_that_stops_costs_a_bound_of_memory(void **state)
{
    struct buffer body = body_of((size_t)1 << 20);
    struct relay relay;
    size_t before;

    (void)state;
    open_pair();
    relay_open(&relay, &b);
    node_dial(&a, relay.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    relay_stop(&relay);
    before = memory_used();
    for (int i = 0; i < 100; i++) {
        links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
        links_send(a.links, 2, MESSAGE_GET, (struct bytes){body.data, 100000});
        links_send(a.links, 2, MESSAGE_BEAT, (struct bytes){body.data, 10000});
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    assert_true(memory_used() < before + ((size_t)20 << 20));
    assert_int_equal(a.downs, 0);
    relay_close(&relay);
    buffer_clear(&body);
    close_pair();
}

static void a_link_that_does_not_move_is_gone_around(void **state)
{
    struct buffer body = body_of((size_t)20 << 20);
    struct relay relay;

    (void)state;
    open_pair();
    relay_open(&relay, &b);
    node_dial(&a, relay.address);
    node_dial(&b, a.address);
    RUN_UNTIL(a.ups + b.ups == 3);
    relay_stop(&relay);
    links_send(a.links, 2, MESSAGE_PUSH, buffer_view(&body));
    run_until_full();
    for (int64_t waited_us = 0; b.arrived == 0 && waited_us < 4000000; waited_us += 100000) {
        clock_ahead_us += 100000;
        links_send(a.links, 2, MESSAGE_FETCH, bytes_of("by either way"));
        run_turns(2);
    }
    assert_int_equal(b.order[0], MESSAGE_FETCH);
    assert_true(b.arrived > 0);
    assert_int_equal(a.downs + b.downs, 0);
    relay_close(&relay);
    buffer_clear(&body);
    close_pair();
}

/* --- strangers --- */

static int connect_raw(const struct test_node *node)
{
    struct sockaddr_in address = loopback_address(links_port(node->links));
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(descriptor >= 0);
    assert_int_equal(connect(descriptor, (struct sockaddr *)&address, sizeof address), 0);
    return descriptor;
}

static void send_raw(int descriptor, struct bytes bytes)
{
    (void)send(descriptor, bytes.data, bytes.size, MSG_NOSIGNAL);
}

/* Appends what came; true at the end. */
static bool receive_raw(int descriptor, struct buffer *heard)
{
    char *into = buffer_reserve(heard, 4096);
    ssize_t size = recv(descriptor, into, 4096, MSG_DONTWAIT);

    if (size > 0)
        heard->size += (size_t)size;
    return size == 0 || (size < 0 && errno != EAGAIN);
}

/* What the node answers to these bytes before it closes. */
static struct buffer answer_to(const struct test_node *node, struct bytes bytes)
{
    int descriptor = connect_raw(node);
    struct buffer heard = {0};

    send_raw(descriptor, bytes);
    RUN_UNTIL(receive_raw(descriptor, &heard));
    (void)close(descriptor);
    buffer_append_byte(&heard, '\0');
    return heard;
}

static void assert_answer(struct bytes bytes, const char *expected)
{
    struct buffer heard = answer_to(&a, bytes);

    assert_string_equal(heard.data, expected);
    buffer_clear(&heard);
}

static void a_stranger_gets_one_error_and_is_closed(void **state)
{
    static const char *const said[] = {
        "PING\r\n",         "*1\r\n$4\r\nPING\r\n", "GET / HTTP/1.1\r\n\r\n",
        "\x16\x03\x01\x02", "*1000000\r\n",         "-ERR hello\r\n"};
    const char *expected = "-NOAUTH this is a gossip port";

    (void)state;
    node_open(&a, 1);
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        struct buffer heard = answer_to(&a, bytes_of(said[i]));

        assert_memory_equal(heard.data, expected, strlen(expected));
        buffer_clear(&heard);
    }
    assert_int_equal(a.ups, 0);
    assert_int_equal(log_count("from 127.0.0.1:"), 1); /* X4: one a second for an address */
    node_close(&a);
}

static void a_frame_over_4_kib_is_not_waited_for(void **state)
{
    (void)state;
    node_open(&a, 1);
    assert_answer(bytes_of("*3\r\n$6\r\nGOSSIP\r\n$5\r\nHELLO\r\n$5000\r\n"),
                  "-NOAUTH this is a gossip port, and what came is not gossip\r\n");
    node_close(&a);
}

static void messages_before_the_proof_are_refused(void **state)
{
    (void)state;
    node_open(&a, 1);
    assert_answer(bytes_of("*3\r\n$6\r\nGOSSIP\r\n$4\r\nBEAT\r\n$0\r\n\r\n"),
                  "-NOAUTH this is a gossip port: HELLO and AUTH come first\r\n");
    node_close(&a);
}

static struct buffer good_hello(void)
{
    struct hello_secret secret;
    struct hello hello = {.proto = HELLO_PROTO, .node_id = 7, .incarnation = 1, .instance = 3};
    struct buffer bytes = {0};

    hello_derive(bytes_of("the secret of this cluster"), &secret);
    hello.cluster_id = secret.cluster_id;
    hello_encode(&bytes, &hello);
    return bytes;
}

static void every_truncation_of_a_hello_is_refused(void **state)
{
    struct buffer hello = good_hello();

    (void)state;
    node_open(&a, 1);
    for (size_t size = 0; size < hello.size; size += 5) {
        struct buffer frame = {0};

        frame_put(&frame, "HELLO", (struct bytes){hello.data, size});
        assert_answer(buffer_view(&frame),
                      "-NOAUTH a hello that this version does not understand\r\n");
        buffer_clear(&frame);
    }
    buffer_clear(&hello);
    node_close(&a);
}

/* Our hello says nothing that was made with the secret but the cluster's id, which the other side
 * knew first; a proof comes only after theirs. */
static void who_cannot_prove_gets_no_proof(void **state)
{
    struct buffer hello = good_hello(), frames = {0}, heard;
    struct frame frame;
    size_t size = 0;

    (void)state;
    node_open(&a, 1);
    frame_put(&frames, "HELLO", buffer_view(&hello));
    frame_put(&frames, "AUTH", bytes_of("0123456789abcdef0123456789abcdef"));
    heard = answer_to(&a, buffer_view(&frames));
    assert_int_equal(frame_parse(buffer_view(&heard), 4096, &frame, &size), FRAME_OK);
    assert_true(bytes_equal(frame.name, bytes_of("HELLO")));
    assert_string_equal(heard.data + size, "-NOAUTH wrong cluster secret\r\n");
    assert_int_equal(a.ups, 0);
    buffer_clear(&heard);
    buffer_clear(&frames);
    buffer_clear(&hello);
    node_close(&a);
}

static void who_says_nothing_is_closed_after_5_seconds(void **state)
{
    struct buffer heard = {0};
    int descriptor;

    (void)state;
    node_open(&a, 1);
    descriptor = connect_raw(&a);
    run_turns(3);
    assert_false(receive_raw(descriptor, &heard));
    clock_ahead_us += 5000000;
    RUN_UNTIL(receive_raw(descriptor, &heard));
    (void)close(descriptor);
    buffer_clear(&heard);
    node_close(&a);
}

static void only_64_strangers_are_kept_and_a_node_still_comes_in(void **state)
{
    enum { STRANGERS = 100, KEPT = 64 };
    int descriptors[STRANGERS], closed = 0;
    struct buffer heard = {0};

    (void)state;
    open_pair();
    for (int i = 0; i < STRANGERS; i++) {
        descriptors[i] = connect_raw(&b);
        (void)event_base_loop(base, EVLOOP_NONBLOCK);
    }
    RUN_UNTIL(receive_raw(descriptors[STRANGERS - KEPT - 1], &heard));
    for (int i = 0; i < STRANGERS; i++)
        closed += receive_raw(descriptors[i], &heard);
    assert_int_equal(closed, STRANGERS - KEPT);
    node_dial(&a, b.address);
    RUN_UNTIL(a.ups == 1 && b.ups == 1);
    for (int i = 0; i < STRANGERS; i++)
        (void)close(descriptors[i]);
    buffer_clear(&heard);
    close_pair();
}

int main(void)
{
#define NODES_TEST(test) cmocka_unit_test_setup_teardown(test, nodes_setup, nodes_teardown)
    const struct CMUnitTest tests[] = {
        NODES_TEST(two_nodes_learn_who_the_other_is),
        NODES_TEST(messages_of_every_size_arrive_both_ways),
        NODES_TEST(a_beat_overtakes_a_long_message),
        NODES_TEST(both_sides_are_told_while_a_long_message_moves),
        NODES_TEST(bytes_are_counted_for_both),
        NODES_TEST(a_message_to_nobody_is_lost),
        NODES_TEST(a_message_takes_the_link_that_its_sender_dialled),
        NODES_TEST(a_dropped_link_is_dialled_again),
        NODES_TEST(a_link_can_be_dropped_while_its_message_is_read),
        NODES_TEST(a_message_that_is_not_understood_ends_the_link),
        NODES_TEST(a_message_over_the_bound_is_not_sent_nor_taken),
        NODES_TEST(a_name_is_looked_up),
        NODES_TEST(a_lookup_that_is_not_wanted_any_more_is_forgotten),
        NODES_TEST(a_node_that_comes_later_is_found),
        NODES_TEST(a_target_that_is_this_process_is_said_once),
        NODES_TEST(another_process_with_our_id_is_refused),
        NODES_TEST(a_newer_process_of_a_node_is_refused_while_the_older_lives),
        NODES_TEST(a_newer_process_takes_the_place_of_a_silent_one),
        NODES_TEST(an_older_process_of_a_node_is_refused),
        NODES_TEST(who_is_refused_above_hears_why),
        NODES_TEST(who_is_put_off_comes_again_at_once_and_says_nothing),
        NODES_TEST(a_wrong_secret_is_one_line_on_both_sides),
        NODES_TEST(a_link_on_which_nothing_comes_is_closed),
        NODES_TEST(an_idle_link_stays),
        NODES_TEST(a_reader_that_stops_costs_a_bound_of_memory),
        NODES_TEST(a_link_that_does_not_move_is_gone_around),
        NODES_TEST(a_stranger_gets_one_error_and_is_closed),
        NODES_TEST(a_frame_over_4_kib_is_not_waited_for),
        NODES_TEST(messages_before_the_proof_are_refused),
        NODES_TEST(every_truncation_of_a_hello_is_refused),
        NODES_TEST(who_cannot_prove_gets_no_proof),
        NODES_TEST(who_says_nothing_is_closed_after_5_seconds),
        NODES_TEST(only_64_strangers_are_kept_and_a_node_still_comes_in),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
