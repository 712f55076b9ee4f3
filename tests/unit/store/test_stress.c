/* Several threads, one store, little memory.  Each writer keeps in its head what must be stored
 * under the keys that are its own; all of them move money between accounts, whose sum stays;
 * readers and listers look on; one thread empties a database, swaps two and writes into them. */
#include "store/store.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/random.h"
#include "store/scan.h"
#include "unit/test.h"

#define DURATION_MS 3500
#define WRITERS     3
#define READERS     2
#define OWN_KEYS    400
#define ACCOUNTS    24
#define START_SUM   (ACCOUNTS * 1000)
#define VALUE_MAX   6000 /* some are longer than RECORD_INLINE_MAX */
#define EXPIRY_MS   400
#define TURNS_OPEN  200 /* a client reads on before it waits for its writes */

enum { DB_OWN, DB_ACCOUNTS, DB_SWAPPED, DB_SWAPPED_TOO };

static struct options *options;
static struct store *store;
static char directory[64];
static atomic_bool is_over;
static uint64_t seed;

struct client {
    struct store_thread *thread;
    struct txn *txn;
    struct random random;
    uint64_t depends_on;
    int number;
    pthread_t id;
    uint32_t sizes[OWN_KEYS]; /* of own keys; 0 = absent */
    int64_t expiries[OWN_KEYS];
    uint64_t looks; /* how often a reader saw all accounts at one time */
};

static int64_t now_ms(void)
{
    return clock_wall_ms(clock_real());
}

static void ignore(void *context)
{
    (void)context;
}

static struct ns *db(int n)
{
    return registry_database(store_registry(store), n);
}

static void must(enum status status)
{
    assert(status == STATUS_OK);
}

static uint64_t below(struct client *client, uint64_t limit)
{
    return random_below(&client->random, limit);
}

static struct bytes own_key(const struct client *client, int i, char text[32])
{
    return (struct bytes){text, (size_t)snprintf(text, 32, "own:%d:%d", client->number, i)};
}

static struct bytes account_key(int i, char text[32])
{
    return (struct bytes){text, (size_t)snprintf(text, 32, "account:%d", i)};
}

/* ---------- transactions ---------- */

static void end_turn(struct client *client)
{
    (void)!store_commit_turn(client->thread);
    epoch_exit(store_epoch(client->thread));
    epoch_enter(store_epoch(client->thread));
}

/* Parked: as a loop would, once more in a later turn. */
static void enter(struct client *client)
{
    enum status status;

    while ((status = txn_enter(client->txn)) == STATUS_PARKED) {
        end_turn(client);
        poll(NULL, 0, 1);
    }
    must(status);
}

static void commit(struct client *client)
{
    int64_t wait_ms;

    must(txn_commit(client->txn, &client->depends_on, &wait_ms));
    if (below(client, TURNS_OPEN) > 0)
        return;
    end_turn(client);
    while (store_committed(store) < client->depends_on)
        poll(NULL, 0, 1);
}

/* What a value says can be told from its size and its first byte. */
static void put(struct client *client, struct ns *ns, struct bytes key, uint32_t size,
                int64_t expiry_ms)
{
    char *area;

    must(txn_put(client->txn, ns, key, (struct bytes){"m", 1}, expiry_ms, false, size, &area));
    memset(area, (int)(size & 0x7f), size);
}

static void put_money(struct client *client, int account, int64_t money)
{
    char key[32], *area;

    must(txn_put(client->txn, db(DB_ACCOUNTS), account_key(account, key), (struct bytes){"", 0},
                 EXPIRY_NONE, false, sizeof money, &area));
    memcpy(area, &money, sizeof money);
}

static int64_t money_of(const struct entry *entry)
{
    int64_t money;

    assert(entry->header.value_size == sizeof money);
    memcpy(&money, entry_value(entry).data, sizeof money);
    return money;
}

static int64_t money_at(struct client *client, int account)
{
    const struct entry *entry;
    char key[32];

    must(txn_find(client->txn, db(DB_ACCOUNTS), account_key(account, key), &entry));
    return money_of(entry);
}

static void transfer(struct client *client)
{
    int from = (int)below(client, ACCOUNTS), to = (int)below(client, ACCOUNTS);
    int64_t money = (int64_t)below(client, 50);
    char key[32];

    txn_reset(client->txn, now_ms());
    txn_name(client->txn, db(DB_ACCOUNTS), account_key(from, key));
    txn_name(client->txn, db(DB_ACCOUNTS), account_key(to, key));
    enter(client);
    put_money(client, from, money_at(client, from) - money);
    put_money(client, to, money_at(client, to) + money);
    commit(client);
}

static bool is_value(const struct entry *entry, uint32_t size)
{
    struct bytes value = entry_value(entry);

    for (size_t i = 0; i < value.size; i++)
        if (value.data[i] != (char)(size & 0x7f))
            return false;
    return value.size == size;
}

/* ---------- what each thread does ---------- */

static void write_own(struct client *client)
{
    int i = (int)below(client, OWN_KEYS);
    uint32_t size = 1 + (uint32_t)below(client, below(client, 8) == 0 ? VALUE_MAX : 300);
    int64_t expiry_ms =
        below(client, 10) == 0 ? now_ms() + (int64_t)below(client, EXPIRY_MS) : EXPIRY_NONE;
    char text[32];
    struct bytes key = own_key(client, i, text);

    txn_reset(client->txn, now_ms());
    txn_name(client->txn, db(DB_OWN), key);
    enter(client);
    if (below(client, 4) == 0) {
        (void)!txn_delete(client->txn, db(DB_OWN), key);
        size = 0;
    } else {
        put(client, db(DB_OWN), key, size, expiry_ms);
    }
    commit(client);
    client->sizes[i] = size;
    client->expiries[i] = size == 0 ? EXPIRY_NONE : expiry_ms;
}

static void check_own(struct client *client, int i)
{
    const struct entry *entry;
    int64_t at_ms = now_ms();
    char text[32];
    enum status status = store_find(client->thread, db(DB_OWN), own_key(client, i, text), at_ms,
                                    &entry, &client->depends_on);

    if (client->sizes[i] == 0 || client->expiries[i] <= at_ms) {
        assert(status == STATUS_NOT_FOUND);
        return;
    }
    must(status);
    assert(is_value(entry, client->sizes[i]));
}

static void *run_writer(void *context)
{
    struct client *client = context;

    epoch_enter(store_epoch(client->thread));
    while (!atomic_load(&is_over)) {
        if (below(client, 3) == 0)
            transfer(client);
        else
            write_own(client);
        check_own(client, (int)below(client, OWN_KEYS));
        end_turn(client);
    }
    epoch_exit(store_epoch(client->thread));
    return NULL;
}

static void sum_accounts(struct client *client)
{
    uint64_t before = store_publications(store);
    int64_t sum = 0;

    for (int i = 0; i < ACCOUNTS; i++) {
        const struct entry *entry;
        char key[32];

        must(store_find(client->thread, db(DB_ACCOUNTS), account_key(i, key), now_ms(), &entry,
                        &client->depends_on));
        sum += money_of(entry);
    }
    if (before % 2 != 0 || store_publications(store) != before)
        return;
    client->looks++;
    assert(sum == START_SUM);
}

/* Every account is listed once, whatever is in flight. */
static void list_accounts(struct client *client)
{
    struct scan_row row;
    struct scan *scan;
    int count = 0;

    must(scan_open(client->thread, NULL, db(DB_ACCOUNTS), bytes_of("account:"), bytes_of(""),
                   now_ms(), &scan, &client->depends_on));
    while (scan_next(scan, &row) == STATUS_OK)
        count++;
    scan_close(scan);
    assert(count == ACCOUNTS);
}

static void *run_reader(void *context)
{
    struct client *client = context;

    epoch_enter(store_epoch(client->thread));
    while (!atomic_load(&is_over)) {
        if (below(client, 4) == 0)
            list_accounts(client);
        else
            sum_accounts(client);
        end_turn(client);
    }
    epoch_exit(store_epoch(client->thread));
    return NULL;
}

/* Inside one transaction: nobody but this thread writes there, so the count must be its own. */
static void shake(struct client *client, int round)
{
    char text[32];
    struct ns *ns;

    txn_reset(client->txn, now_ms());
    enter(client);
    ns = db(DB_SWAPPED);
    for (int i = 0; i < 20; i++)
        put(client, ns, (struct bytes){text, (size_t)snprintf(text, 32, "%d", i)},
            1 + (uint32_t)below(client, 2000), EXPIRY_NONE);
    if (round % 3 == 0) {
        must(registry_empty(client->txn, ns));
        assert(txn_key_count(client->txn, ns) == 0);
    }
    if (round % 2 == 0)
        must(registry_swap(client->txn, DB_SWAPPED, DB_SWAPPED_TOO));
    if (round % 5 == 0) {
        txn_abandon(client->txn);
        return;
    }
    commit(client);
    assert(atomic_load(&ns->key_count) == (round % 3 == 0 ? 0 : 20));
}

static void *run_shaker(void *context)
{
    struct client *client = context;

    epoch_enter(store_epoch(client->thread));
    for (int round = 1; !atomic_load(&is_over); round++) {
        shake(client, round);
        end_turn(client);
        poll(NULL, 0, 1);
    }
    epoch_exit(store_epoch(client->thread));
    return NULL;
}

/* ---------- the whole ---------- */

static void open_store(void)
{
    char error[STORE_ERROR_MAX];

    assert_int_equal(store_open(options, clock_real(), &store, error), STATUS_OK);
}

static void join(struct client *client, int number)
{
    client->number = number;
    client->random.state = seed + (uint64_t)number;
    client->depends_on = 0;
    client->thread = store_join(store, ignore, NULL);
    client->txn = txn_create(client->thread);
}

static void leave(struct client *client)
{
    txn_destroy(client->txn);
    store_leave(client->thread);
}

static void open_accounts(struct client *client)
{
    epoch_enter(store_epoch(client->thread));
    txn_reset(client->txn, now_ms());
    enter(client);
    for (int i = 0; i < ACCOUNTS; i++)
        put_money(client, i, START_SUM / ACCOUNTS);
    commit(client);
    epoch_exit(store_epoch(client->thread));
}

static int64_t listed(struct client *client, struct ns *ns)
{
    struct bytes none = {"", 0};
    struct scan_row row;
    struct scan *scan;
    int64_t count = 0;

    must(scan_open(client->thread, NULL, ns, none, none, now_ms(), &scan, &client->depends_on));
    while (scan_next(scan, &row) == STATUS_OK)
        count++;
    scan_close(scan);
    return count;
}

/* Everything with an expiry is gone by now, and the sweeper has counted it off. */
static void check_counts(struct client *client)
{
    for (int n = 0; n <= DB_SWAPPED_TOO; n++) {
        for (int i = 0; i < 10000 && atomic_load(&db(n)->expiring_count) > 0; i++)
            poll(NULL, 0, 1);
        epoch_enter(store_epoch(client->thread));
        assert_int_equal(db(n)->expiring_count, 0);
        assert_int_equal(db(n)->key_count, listed(client, db(n)));
        epoch_exit(store_epoch(client->thread));
    }
}

static void check_all(struct client *clients)
{
    struct client *reader = &clients[WRITERS];

    check_counts(reader);
    epoch_enter(store_epoch(reader->thread));
    sum_accounts(reader);
    epoch_exit(store_epoch(reader->thread));
    for (int w = 0; w < WRITERS; w++) {
        epoch_enter(store_epoch(clients[w].thread));
        for (int i = 0; i < OWN_KEYS; i++)
            check_own(&clients[w], i);
        epoch_exit(store_epoch(clients[w].thread));
    }
}

static void join_all(struct client *clients, int count)
{
    for (int i = 0; i < count; i++)
        join(&clients[i], i);
}

static void leave_all(struct client *clients, int count)
{
    for (int i = 0; i < count; i++)
        leave(&clients[i]);
}

static void run_all(struct client *clients, int count)
{
    for (int i = 0; i < count; i++)
        pthread_create(&clients[i].id, NULL,
                       i < WRITERS             ? run_writer
                       : i < WRITERS + READERS ? run_reader
                                               : run_shaker,
                       &clients[i]);
    poll(NULL, 0, DURATION_MS);
    atomic_store(&is_over, true);
    for (int i = 0; i < count; i++)
        pthread_join(clients[i].id, NULL);
    poll(NULL, 0, EXPIRY_MS);
}

static void threads_agree_about_what_is_stored(void **state)
{
    enum { COUNT = WRITERS + READERS + 1 };
    struct client *clients = xcalloc(COUNT, sizeof *clients);

    (void)state;
    open_store();
    join_all(clients, COUNT);
    open_accounts(clients);
    run_all(clients, COUNT);
    assert_true(clients[WRITERS].looks > 0);
    check_all(clients);
    leave_all(clients, COUNT);
    store_close(store);

    open_store();
    join_all(clients, COUNT);
    check_all(clients);
    leave_all(clients, COUNT);
    store_close(store);
    free(clients);
}

static int set_up(void **state)
{
    char error[OPTIONS_ERROR_MAX];
    char *arguments[] = {"test",         "--dir", directory,    "--limits", "none",
                         "--cache-size", "1mb",   "--loglevel", "warning"};
    const char *given = getenv("SEED");

    (void)state;
    seed = given != NULL ? strtoull(given, NULL, 10) : random_secret_u64();
    print_message("SEED=%llu\n", (unsigned long long)seed);
    strcpy(directory, "/tmp/grapevine-test-XXXXXX");
    assert_non_null(mkdtemp(directory));
    options = options_create();
    assert_int_equal(options_parse(options, COUNT_OF(arguments), arguments, error), STATUS_OK);
    assert_int_equal(options_finish(options, error), STATUS_OK);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    options_destroy(options);
    (void)snprintf(command, sizeof command, "rm -rf %s", directory);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_agree_about_what_is_stored, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
