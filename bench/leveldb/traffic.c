/* traffic.c - one kind of request at a time, as fast as a server answers: for bench/scale and
 * bench/uncached.
 *
 *     traffic PORT WHAT COUNT KEYS [name=value ...]
 *
 * WHAT is `load` (SETs of the keys 0 .. COUNT-1), `set` (of keys drawn from KEYS), `get`, or `miss`
 * (GETs of keys that are not there, between those that are).  Some connections take turns; each has
 * one pipeline on its way.  At the end one line: seconds, replies, and how many of them were nil.
 *
 *     db=15 connections=4 pipeline=100 size=64 text=0 shuffled=0 seed=1
 */
#include "keys.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 64
#define REQUEST_MAX     256 /* beside the value */

enum { DB, CONNECTIONS, PIPELINE, SIZE, TEXT, SHUFFLED, SEED, SETTINGS };
static const char *const names[SETTINGS] = {"db",   "connections", "pipeline", "size",
                                            "text", "shuffled",    "seed"};
static uint64_t settings[SETTINGS] = {15, 4, 100, 64, 0, 0, 1};

struct connection {
    int socket;
    uint64_t waiting; /* replies */
    uint64_t skip;    /* bytes of a value to come */
    size_t line;      /* bytes of a line that has begun */
    char head[32];    /* the first ones of it */
};

static uint64_t nils, replies;
static char input[1 << 18];

static void die(const char *what)
{
    (void)fprintf(stderr, "traffic: %s\n", what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, file = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (file < 0 || connect(file, (struct sockaddr *)&address, sizeof address) != 0)
        die("can't connect");
    (void)setsockopt(file, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return file;
}

static void end_line(struct connection *connection)
{
    connection->head[connection->line < 31 ? connection->line : 31] = '\0';
    connection->line = 0;
    if (connection->head[0] == '-')
        die(connection->head);
    if (connection->head[0] == '$' && connection->head[1] != '-')
        connection->skip = strtoull(connection->head + 1, NULL, 10) + 2;
    nils += connection->head[0] == '$' && connection->head[1] == '-';
    replies++;
    connection->waiting--;
}

static void take(struct connection *connection, const char *at, size_t size)
{
    while (size > 0) {
        size_t skipped = connection->skip < size ? connection->skip : size;

        connection->skip -= skipped;
        at += skipped;
        size -= skipped;
        if (size == 0)
            return;
        if (connection->line < sizeof connection->head - 1)
            connection->head[connection->line] = *at;
        connection->line++;
        if (*at == '\n')
            end_line(connection);
        at++;
        size--;
    }
}

static void read_replies(struct connection *connection)
{
    while (connection->waiting > 0 || connection->skip > 0) {
        ssize_t got = read(connection->socket, input, sizeof input);

        if (got <= 0)
            die("the server closed the connection");
        take(connection, input, (size_t)got);
    }
}

static void send_all(int file, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t sent = write(file, data, size);

        if (sent <= 0)
            die("can't send");
        data += sent;
        size -= (size_t)sent;
    }
}

struct work {
    bool is_load, is_set, is_miss;
    uint64_t count, keys, done, state;
};

static size_t put_set(char *at, const char *key, uint64_t number)
{
    size_t size = settings[SIZE];
    int head =
        sprintf(at, "*3\r\n$3\r\nSET\r\n$%d\r\n%.*s\r\n$%zu\r\n", KEY_SIZE, KEY_SIZE, key, size);

    write_value(at + head, size, number ^ settings[SEED] << 40, settings[TEXT] != 0);
    memcpy(at + head + size, "\r\n", 2);
    return (size_t)head + size + 2;
}

static size_t put_request(const struct work *work, char *at, uint64_t number)
{
    char key[KEY_MAX];
    size_t size = write_key(key, number, work->is_miss);

    if (work->is_load || work->is_set)
        return put_set(at, key, number);
    return (size_t)sprintf(at, "*2\r\n$3\r\nGET\r\n$%zu\r\n%.*s\r\n", size, (int)size, key);
}

static uint64_t next_number(struct work *work)
{
    uint64_t n = work->done++;

    if (!work->is_load)
        return draw(&work->state, work->keys);
    return settings[SHUFFLED] != 0 ? shuffled(n, work->count, settings[SEED]) : n;
}

static void run(struct work *work, struct connection *connections)
{
    char *out = malloc(settings[PIPELINE] * (REQUEST_MAX + settings[SIZE]));

    if (out == NULL)
        die("no memory");
    for (uint64_t turn = 0; work->done < work->count; turn++) {
        struct connection *connection = &connections[turn % settings[CONNECTIONS]];
        size_t size = 0;

        read_replies(connection);
        for (; connection->waiting < settings[PIPELINE] && work->done < work->count;
             connection->waiting++)
            size += put_request(work, out + size, next_number(work));
        send_all(connection->socket, out, size);
    }
    for (uint64_t i = 0; i < settings[CONNECTIONS]; i++)
        read_replies(&connections[i]);
    free(out);
}

static void read_setting(const char *word)
{
    for (int i = 0; i < SETTINGS; i++) {
        size_t size = strlen(names[i]);

        if (strncmp(word, names[i], size) == 0 && word[size] == '=') {
            settings[i] = strtoull(word + size + 1, NULL, 10);
            return;
        }
    }
    die("PORT load|set|get|miss COUNT KEYS [db= connections= pipeline= size= text= shuffled= "
        "seed=]");
}

static void select_database(struct connection *connection)
{
    char text[64];
    int size = sprintf(text, "SELECT %llu\r\n", (unsigned long long)settings[DB]);

    send_all(connection->socket, text, (size_t)size);
    connection->waiting = 1;
    read_replies(connection);
}

int main(int argc, char **argv)
{
    static struct connection connections[CONNECTIONS_MAX];
    struct timespec from, to;
    struct work work;

    if (argc < 5)
        read_setting("");
    for (int i = 5; i < argc; i++)
        read_setting(argv[i]);
    work = (struct work){.is_load = strcmp(argv[2], "load") == 0,
                         .is_set = strcmp(argv[2], "set") == 0,
                         .is_miss = strcmp(argv[2], "miss") == 0,
                         .count = strtoull(argv[3], NULL, 10),
                         .keys = strtoull(argv[4], NULL, 10),
                         .state = mix(settings[SEED])};
    if (settings[CONNECTIONS] > CONNECTIONS_MAX || settings[CONNECTIONS] == 0)
        die("connections=1..64");
    for (uint64_t i = 0; i < settings[CONNECTIONS]; i++) {
        connections[i].socket = connect_to(atoi(argv[1]));
        select_database(&connections[i]);
    }
    nils = replies = 0;
    clock_gettime(CLOCK_MONOTONIC, &from);
    run(&work, connections);
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%.6f %llu %llu\n",
           (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9,
           (unsigned long long)replies, (unsigned long long)nils);
    return 0;
}
