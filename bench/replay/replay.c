/* replay.c - a load that costs as little as a load can, for Redis's protocol and memcached's.
 *
 * Each connection owns one pipeline of equal commands, written once; before it is sent again only
 * the digits of its keys change.  Of the replies, whose sizes are known, bytes are counted and
 * nothing is parsed but the first byte.  So one core can load more than one core of a server.
 *
 *     replay --port 6379 --command get --keys 100000 --pipeline 16 --requests 1000000
 *     replay --port 11211 --protocol memcached --command set --each yes --keys 1000000
 *     replay --port 6379 --command get --keys 100000 --pipeline 400 --connections 256
 *            --bursts 100 --pid 4711 --before 1000000
 *
 * With --bursts the load costs the server nothing: it is stopped (SIGSTOP) while a pipeline is sent
 * on every connection, goes on (SIGCONT), and has the machine to itself until the last reply has
 * arrived, by the kernel's stamp on it; only that time counts.  A burst must fit into the sockets'
 * buffers on both sides.  So many requests as --before says come steadily first: a server that
 * spreads its clients over threads only under load has done so then.
 *
 * The result is one line of JSON.  The keys are those of redis-benchmark: key:000000000042. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define KEY_PREFIX      "key:"
#define KEY_DIGITS      12
#define SILENCE_MS      20000 /* without a reply: the server is broken, or a reply was shorter */
#define LOOK_AGAIN_NS   5000000
#define CONNECTIONS_MAX 4096
#define FILES_MORE      64 /* open files beside the connections */
#define EVENTS_MAX      256
#define READ_SIZE       (256 * 1024)

struct options {
    int port, database, connections, pipeline, value_bytes, bursts, before, pid;
    int64_t keys, requests;
    bool is_memcached, is_set;
    bool is_each;   /* every key once, in order */
    bool is_random; /* values that do not compress */
    bool is_multi;  /* memcached: a pipeline is one get of so many keys */
};

struct connection {
    int fd;
    char *batch;
    size_t commands; /* in the batch that is under way */
    size_t awaited;  /* bytes of its replies still to come */
    int64_t sent_us;
    int64_t arrived_us; /* by the clock of the day, the last of what was received; in bursts */
};

/* What is the same for all connections. */
struct load {
    struct options options;
    char *command; /* one of them, with the digits still to be filled in */
    size_t command_size, digits_at, value_at, reply_size;
    const char *before, *after;           /* what stands around the commands of a pipeline */
    size_t before_size, reply_after_size; /* and behind its replies */
    char first;                           /* of every reply */
    uint64_t random;
    int64_t sent, next_key;
    uint32_t *latencies_us;
    size_t latency_count;
};

static void fail(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    fputs("replay: ", stderr);
    vfprintf(stderr, format, list);
    fputc('\n', stderr);
    va_end(list);
    exit(1);
}

static void *allocate(size_t count, size_t size)
{
    void *memory = calloc(count > 0 ? count : 1, size);

    if (memory == NULL)
        fail("out of memory");
    return memory;
}

static int64_t us_of(struct timespec time)
{
    return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static int64_t clock_us(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return us_of(now);
}

static int64_t now_us(void)
{
    return clock_us(CLOCK_MONOTONIC);
}

/* --- commands --- */

static void build_command(struct load *load)
{
    const struct options *options = &load->options;
    int size = options->value_bytes, capacity = size + 256, written;
    char *value = allocate((size_t)size + 1, 1), *out = allocate((size_t)capacity, 1), text[128];
    const char *key = KEY_PREFIX "000000000000";

    memset(value, 'x', (size_t)size);
    if (options->is_memcached && options->is_set)
        written = snprintf(out, (size_t)capacity, "set %s 0 0 %d\r\n%s\r\n", key, size, value);
    else if (options->is_multi)
        written = snprintf(out, (size_t)capacity, " %s", key);
    else if (options->is_memcached)
        written = snprintf(out, (size_t)capacity, "get %s\r\n", key);
    else if (options->is_set)
        written = snprintf(out, (size_t)capacity, "*3\r\n$3\r\nSET\r\n$16\r\n%s\r\n$%d\r\n%s\r\n",
                           key, size, value);
    else
        written = snprintf(out, (size_t)capacity, "*2\r\n$3\r\nGET\r\n$16\r\n%s\r\n", key);
    load->command = out;
    load->command_size = (size_t)written;
    load->digits_at = (size_t)(strstr(out, KEY_PREFIX) - out) + strlen(KEY_PREFIX);
    load->value_at = load->command_size - (size_t)size - strlen("\r\n"); /* of a SET */
    if (options->is_set)
        snprintf(text, sizeof text, "%s", options->is_memcached ? "STORED\r\n" : "+OK\r\n");
    else if (options->is_memcached)
        snprintf(text, sizeof text, "VALUE %s 0 %d\r\n\r\n%s", key, size,
                 options->is_multi ? "" : "END\r\n");
    else
        snprintf(text, sizeof text, "$%d\r\n\r\n", size);
    load->first = text[0];
    load->reply_size = strlen(text) + (options->is_set ? 0 : (size_t)size);
    load->before = options->is_multi ? "get" : "";
    load->after = options->is_multi ? "\r\n" : "";
    load->before_size = strlen(load->before);
    load->reply_after_size = options->is_multi ? strlen("END\r\n") : 0;
    free(value);
}

/* xorshift64* (Vigna). */
static uint64_t random_next(struct load *load)
{
    load->random ^= load->random >> 12;
    load->random ^= load->random << 25;
    load->random ^= load->random >> 27;
    return load->random * 2685821657736338717U;
}

static void fill_key(struct load *load, char *command)
{
    uint64_t keys = (uint64_t)load->options.keys;
    uint64_t key =
        load->options.is_each ? (uint64_t)load->next_key++ % keys : random_next(load) % keys;
    char *digit = command + load->digits_at + KEY_DIGITS;

    for (int i = 0; i < KEY_DIGITS; i++, key /= 10)
        *--digit = (char)('0' + key % 10);
}

static void fill_value(struct load *load, char *value)
{
    size_t size = (size_t)load->options.value_bytes;

    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t number = random_next(load);

        memcpy(value + at, &number, size - at < sizeof number ? size - at : sizeof number);
    }
}

static void fill_command(struct load *load, char *command)
{
    fill_key(load, command);
    if (load->options.is_set && load->options.is_random)
        fill_value(load, command + load->value_at);
}

/* --- connections --- */

static void send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);

        if (sent < 0 && errno != EINTR)
            fail("send: %s", strerror(errno));
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
    }
}

static void allow_files(rlim_t count)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    if (limit.rlim_cur >= count)
        return;
    limit.rlim_cur = count;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        fail("so many open files are not allowed here");
}

static int connect_to(const struct options *options)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)options->port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    char text[64];

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        fail("connect: %s", strerror(errno));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (options->is_memcached)
        return fd;
    snprintf(text, sizeof text, "SELECT %d\r\n", options->database);
    send_all(fd, text, strlen(text));
    if (recv(fd, text, 5, MSG_WAITALL) != 5 || text[0] != '+')
        fail("SELECT was refused");
    return fd;
}

static char *command_at(const struct load *load, const struct connection *connection, size_t i)
{
    return connection->batch + load->before_size + i * load->command_size;
}

static void connection_open(struct load *load, struct connection *connection)
{
    size_t pipeline = (size_t)load->options.pipeline;

    connection->fd = connect_to(&load->options);
    connection->batch =
        allocate(load->before_size + pipeline * load->command_size + strlen(load->after) + 1, 1);
    strcpy(connection->batch, load->before);
    for (size_t i = 0; i < pipeline; i++)
        memcpy(command_at(load, connection, i), load->command, load->command_size);
    strcpy(command_at(load, connection, pipeline), load->after);
}

static size_t replies_size(const struct load *load, size_t commands)
{
    return commands * load->reply_size + load->reply_after_size;
}

/* The next pipeline, or what is left of the requests; false if nothing is. */
static bool connection_send(struct load *load, struct connection *connection)
{
    int64_t left = load->options.requests - load->sent;
    size_t commands = (size_t)load->options.pipeline;

    if (left <= 0)
        return false;
    if ((int64_t)commands > left)
        commands = (size_t)left;
    for (size_t i = 0; i < commands; i++)
        fill_command(load, command_at(load, connection, i));
    load->sent += (int64_t)commands;
    connection->commands = commands;
    connection->awaited = replies_size(load, commands);
    connection->sent_us = now_us();
    send_all(connection->fd, connection->batch,
             load->before_size + commands * load->command_size + strlen(load->after));
    return true;
}

/* As recv(). */
static ssize_t receive(struct connection *connection, char *data, size_t size)
{
    struct iovec part = {data, size};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct timespec))];
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got = recvmsg(connection->fd, &message, 0);
    struct cmsghdr *head = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
        struct timespec time;

        memcpy(&time, CMSG_DATA(head), sizeof time);
        connection->arrived_us = us_of(time);
    }
    return got;
}

/* Takes what has come of the replies. */
static void connection_read(struct load *load, struct connection *connection)
{
    static char input[READ_SIZE];
    ssize_t got = receive(connection, input, sizeof input);

    if (got < 0 && errno == EINTR)
        return;
    if (got <= 0)
        fail("the server closed a connection");
    if (connection->awaited == replies_size(load, connection->commands) && input[0] != load->first)
        fail("an unexpected reply: %.*s", (int)(got < 60 ? got : 60), input);
    if ((size_t)got > connection->awaited)
        fail("more bytes than were asked for: is the value's size another?");
    connection->awaited -= (size_t)got;
}

/* --- the two ways to load --- */

static void run_steadily(struct load *load, struct connection *connections)
{
    struct epoll_event events[EVENTS_MAX], event = {.events = EPOLLIN};
    int poll = epoll_create1(EPOLL_CLOEXEC), busy = 0;

    for (int i = 0; i < load->options.connections; i++) {
        event.data.ptr = &connections[i];
        epoll_ctl(poll, EPOLL_CTL_ADD, connections[i].fd, &event);
        busy += connection_send(load, &connections[i]);
    }
    while (busy > 0) {
        int count = epoll_wait(poll, events, EVENTS_MAX, SILENCE_MS);

        if (count == 0)
            fail("no reply for %d s, or one that is too short: is a key missing?",
                 SILENCE_MS / 1000);
        for (int i = 0; i < count; i++) {
            struct connection *connection = events[i].data.ptr;

            connection_read(load, connection);
            if (connection->awaited > 0)
                continue;
            load->latencies_us[load->latency_count++] = (uint32_t)(now_us() - connection->sent_us);
            busy -= !connection_send(load, connection);
        }
    }
    close(poll);
}

static bool has_arrived(const struct connection *connection)
{
    int waiting = 0;

    ioctl(connection->fd, FIONREAD, &waiting);
    return (size_t)waiting >= connection->awaited;
}

/* Only looks, and rarely: the machine is the server's. */
static void await_all(const struct load *load, const struct connection *connections)
{
    static const struct timespec pause = {0, LOOK_AGAIN_NS};
    int64_t deadline_us = now_us() + SILENCE_MS * 1000LL;

    for (int i = 0; i < load->options.connections; i++) {
        while (!has_arrived(&connections[i])) {
            if (now_us() > deadline_us)
                fail("a burst is not answered: is it larger than the sockets' buffers?");
            nanosleep(&pause, NULL);
        }
    }
}

/* Of what is received, the kernel says when it came. */
static void ask_for_arrivals(const struct load *load, const struct connection *connections)
{
    int one = 1;

    for (int i = 0; i < load->options.connections; i++)
        if (setsockopt(connections[i].fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) != 0)
            fail("SO_TIMESTAMPNS: %s", strerror(errno));
}

static void run_before_bursts(struct load *load, struct connection *connections)
{
    int64_t requests = load->options.requests;

    load->options.requests = load->options.before;
    run_steadily(load, connections);
    load->options.requests = requests;
    load->sent = 0;
    load->latency_count = 0;
}

static int64_t last_arrival_us(struct load *load, struct connection *connections)
{
    int64_t last_us = 0;

    for (int i = 0; i < load->options.connections; i++) {
        while (connections[i].awaited > 0)
            connection_read(load, &connections[i]);
        if (connections[i].arrived_us > last_us)
            last_us = connections[i].arrived_us;
    }
    if (last_us == 0)
        fail("the kernel doesn't say when a reply came");
    return last_us;
}

/* Returns the time in which the server was at work. */
static int64_t run_bursts(struct load *load, struct connection *connections)
{
    const struct options *options = &load->options;
    int64_t busy_us = 0;

    run_before_bursts(load, connections);
    ask_for_arrivals(load, connections);
    for (int burst = 0; burst < options->bursts; burst++) {
        int64_t began_us, took_us;

        kill(options->pid, SIGSTOP);
        for (int i = 0; i < options->connections; i++)
            connection_send(load, &connections[i]);
        began_us = clock_us(CLOCK_REALTIME);
        kill(options->pid, SIGCONT);
        await_all(load, connections);
        took_us = last_arrival_us(load, connections) - began_us;
        load->latencies_us[load->latency_count++] = (uint32_t)took_us;
        busy_us += took_us;
    }
    return busy_us;
}

/* --- the result --- */

static int compare_latencies(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

    return (a > b) - (a < b);
}

static uint32_t percentile_us(const struct load *load, double part)
{
    size_t at = (size_t)((double)load->latency_count * part);

    return load->latencies_us[at < load->latency_count ? at : load->latency_count - 1];
}

static void print_result(struct load *load, int64_t took_us)
{
    struct rusage usage;

    qsort(load->latencies_us, load->latency_count, sizeof *load->latencies_us, compare_latencies);
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"requests\": %lld, \"seconds\": %.6f, \"per_s\": %.0f, \"p50_us\": %u, "
           "\"p99_us\": %u, \"p999_us\": %u, \"load_cpu_s\": %.3f}\n",
           (long long)load->sent, (double)took_us / 1e6,
           (double)load->sent * 1e6 / (double)(took_us > 0 ? took_us : 1), percentile_us(load, 0.5),
           percentile_us(load, 0.99), percentile_us(load, 0.999),
           (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

/* --- options --- */

static int64_t number_of(const char *name, const char *text, int64_t least, int64_t most)
{
    char *end;
    long long number = strtoll(text, &end, 10);

    if (*text == '\0' || *end != '\0' || number < least || number > most)
        fail("--%s: a number from %lld to %lld", name, (long long)least, (long long)most);
    return number;
}

static bool word_is(const char *name, const char *text, const char *yes, const char *no)
{
    if (strcmp(text, yes) != 0 && strcmp(text, no) != 0)
        fail("--%s: %s or %s", name, yes, no);
    return strcmp(text, yes) == 0;
}

static void set_option(struct options *options, const char *name, const char *text)
{
    const struct {
        const char *name;
        int *number;
        int least, most;
    } numbers[] = {
        {"port", &options->port, 1, 65535},
        {"database", &options->database, 0, 1000000},
        {"connections", &options->connections, 1, CONNECTIONS_MAX},
        {"pipeline", &options->pipeline, 1, 100000},
        {"value-bytes", &options->value_bytes, 1, 1 << 20},
        {"bursts", &options->bursts, 1, 1000000},
        {"before", &options->before, 0, 1000000000},
        {"pid", &options->pid, 2, INT32_MAX},
    };

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0)
            *numbers[i].number = (int)number_of(name, text, numbers[i].least, numbers[i].most);
    if (strcmp(name, "keys") == 0)
        options->keys = number_of(name, text, 1, 999999999999);
    if (strcmp(name, "requests") == 0)
        options->requests = number_of(name, text, 1, 1000000000);
    if (strcmp(name, "protocol") == 0)
        options->is_memcached = word_is(name, text, "memcached", "redis");
    if (strcmp(name, "command") == 0)
        options->is_set = word_is(name, text, "set", "get");
    if (strcmp(name, "each") == 0)
        options->is_each = word_is(name, text, "yes", "no");
    if (strcmp(name, "multi") == 0)
        options->is_multi = word_is(name, text, "yes", "no");
    if (strcmp(name, "random-values") == 0)
        options->is_random = word_is(name, text, "yes", "no");
}

static void read_options(struct options *options, int argc, char **argv)
{
    static const char *const names[] = {"port",   "database", "connections",  "pipeline",
                                        "keys",   "requests", "value-bytes",  "bursts",
                                        "before", "pid",      "protocol",     "command",
                                        "each",   "multi",    "random-values"};
    struct option table[sizeof names / sizeof *names + 1] = {0};
    int which, index;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        table[i] = (struct option){names[i], required_argument, NULL, 1};
    while ((which = getopt_long(argc, argv, "", table, &index)) != -1) {
        if (which != 1)
            exit(2);
        set_option(options, names[index], optarg);
    }
    if (options->port == 0 || (options->bursts > 0 && options->pid == 0))
        fail("--port is needed, and with --bursts --pid");
    if (options->is_multi && (!options->is_memcached || options->is_set))
        fail("--multi is for memcached's get");
    if (options->is_multi) /* whole ones only */
        options->requests += options->pipeline - 1 - (options->requests - 1) % options->pipeline;
    if (options->is_each)
        options->requests = options->keys;
    if (options->bursts > 0)
        options->requests = (int64_t)options->bursts * options->connections * options->pipeline;
}

/* A server that is left stopped would never be ended by SIGTERM. */
static int stopped_pid;

static void let_go_on(void)
{
    kill(stopped_pid, SIGCONT);
}

int main(int argc, char **argv)
{
    struct load load = {.options = {.connections = 50,
                                    .pipeline = 1,
                                    .value_bytes = 100,
                                    .keys = 1,
                                    .requests = 100000},
                        .random = 88172645463325252U};
    struct connection *connections;
    int64_t began_us;

    read_options(&load.options, argc, argv);
    allow_files((rlim_t)load.options.connections + FILES_MORE);
    build_command(&load);
    load.latencies_us = allocate((size_t)(load.options.requests + load.options.before) /
                                         (size_t)load.options.pipeline +
                                     (size_t)load.options.connections + 1,
                                 sizeof *load.latencies_us);
    connections = allocate((size_t)load.options.connections, sizeof *connections);
    for (int i = 0; i < load.options.connections; i++)
        connection_open(&load, &connections[i]);
    began_us = now_us();
    if (load.options.bursts > 0) {
        stopped_pid = load.options.pid;
        atexit(let_go_on);
        print_result(&load, run_bursts(&load, connections));
    } else {
        run_steadily(&load, connections);
        print_result(&load, now_us() - began_us);
    }
    return 0;
}
