#include "config/options_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/text_file.h"

#define IO_THREADS_MAX     128
#define GOSSIP_PORT_OFFSET 10000
#define SECRET_BYTES_MAX   4096
#define REASON_MAX         (OPTIONS_ERROR_MAX / 2)

/* --- the object --- */

static void set_default(struct options *options, enum option_id id)
{
    char problem[OPTIONS_ERROR_MAX];
    struct option_value value;
    bool is_good;

    is_good =
        option_parse(id, bytes_of(option_rows[id].default_text), bytes_of(""), &value, problem);
    assert(is_good);
    (void)is_good;
    options_store_value(options, id, value);
}

struct options *options_create(void)
{
    struct options *options = xcalloc(1, sizeof(*options));

    pthread_mutex_init(&options->change_lock, NULL);
    pthread_mutex_init(&options->text_lock, NULL);
    options->file = xstrdup("");
    for (int i = 0; i < OPTION_COUNT; i++)
        set_default(options, (enum option_id)i);
    return options;
}

static void clear_lines(struct option_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        words_clear(&lines->at[i].words);
        free(lines->at[i].origin);
    }
    free(lines->at);
}

void options_destroy(struct options *options)
{
    if (options == NULL)
        return;
    for (int i = 0; i < OPTION_COUNT; i++) {
        xbytes_free(options->text[i]);
        free(options->origin[i]);
    }
    for (int i = 0; i < LINE_KIND_COUNT; i++)
        clear_lines(&options->lines[i]);
    free(options->file);
    pthread_mutex_destroy(&options->text_lock);
    pthread_mutex_destroy(&options->change_lock);
    free(options);
}

/* Locking is no change that a reader of the options could see. */
static void lock_texts(const struct options *options)
{
    pthread_mutex_lock(&((struct options *)(uintptr_t)options)->text_lock);
}

static void unlock_texts(const struct options *options)
{
    pthread_mutex_unlock(&((struct options *)(uintptr_t)options)->text_lock);
}

struct option_value options_take_value(const struct options *options, enum option_id id)
{
    struct option_value value = option_of_number(options_number(options, id));

    if (option_type_is_text(option_rows[id].type))
        value.text = options_take_bytes(options, id);
    return value;
}

static void store_output_limits(struct options *options, struct bytes text)
{
    struct output_limit limits[CLIENT_CLASS_COUNT];

    option_output_limits(text, limits);
    for (int i = 0; i < CLIENT_CLASS_COUNT; i++) {
        options->output_limit[i].hard_bytes = limits[i].hard_bytes;
        options->output_limit[i].soft_bytes = limits[i].soft_bytes;
        options->output_limit[i].soft_seconds = limits[i].soft_seconds;
    }
}

void options_store_value(struct options *options, enum option_id id, struct option_value value)
{
    struct bytes old;

    if (!option_type_is_text(option_rows[id].type)) {
        options->number[id] = value.number;
        return;
    }
    if (id == OPTION_CLIENT_OUTPUT_BUFFER_LIMIT)
        store_output_limits(options, value.text);
    lock_texts(options);
    old = options->text[id];
    options->text[id] = value.text;
    unlock_texts(options);
    xbytes_free(old);
}

/* --- reading --- */

int64_t options_number(const struct options *options, enum option_id id)
{
    return atomic_load_explicit(&options->number[id], memory_order_relaxed);
}

bool options_is_on(const struct options *options, enum option_id id)
{
    return options_number(options, id) != 0;
}

bool options_is_given(const struct options *options, enum option_id id)
{
    return options->origin[id] != NULL;
}

bool options_counts_use(const struct options *options)
{
    int64_t policy = options_number(options, OPTION_MAXMEMORY_POLICY);

    return policy == POLICY_VOLATILE_LFU || policy == POLICY_ALLKEYS_LFU;
}

bool options_is_noeviction(const struct options *options)
{
    return options_number(options, OPTION_MAXMEMORY_POLICY) == POLICY_NOEVICTION;
}

struct output_limit options_output_limit(const struct options *options, enum client_class class)
{
    const struct output_limit_cell *cell = &options->output_limit[class];

    return (struct output_limit){
        atomic_load_explicit(&cell->hard_bytes, memory_order_relaxed),
        atomic_load_explicit(&cell->soft_bytes, memory_order_relaxed),
        atomic_load_explicit(&cell->soft_seconds, memory_order_relaxed),
    };
}

struct bytes options_take_bytes(const struct options *options, enum option_id id)
{
    struct bytes copy;

    assert(option_type_is_text(option_rows[id].type));
    lock_texts(options);
    copy = xbytes_copy(options->text[id]);
    unlock_texts(options);
    return copy;
}

char *options_take_text(const struct options *options, enum option_id id)
{
    char *copy;

    assert(option_type_is_text(option_rows[id].type) && option_rows[id].type != TYPE_BYTES);
    lock_texts(options);
    copy = xstrdup(options->text[id].data);
    unlock_texts(options);
    return copy;
}

struct limits options_limits(const struct options *options)
{
    enum limit_profile profile = (enum limit_profile)options_number(options, OPTION_LIMITS);
    struct limits limits = *limits_of_profile(profile);

    for (int i = 0; i < LIMIT_COUNT; i++) {
        int64_t number = options_number(options, (enum option_id)(OPTION_MAX_KEY_SIZE + i));

        if (number != OPTION_FROM_PROFILE)
            limits.at[i] = number;
    }
    return limits;
}

const char *options_file(const struct options *options)
{
    return options->file;
}

void options_set_hook(struct options *options, enum option_id id, option_hook *hook, void *context)
{
    options->hook[id].call = hook;
    options->hook[id].context = context;
}

void options_print_shown(const struct options *options, enum option_id id, struct buffer *text)
{
    struct option_value value;
    enum limit limit;

    if (options->is_derived[id] && (option_rows[id].flags & FLAG_SECRET) != 0)
        return;
    value = options_take_value(options, id);
    if (option_is_limit(id, &limit))
        value.number = options_limits(options).at[limit];
    option_print(id, &value, text);
    option_value_clear(&value);
}

/* --- what depends on other options --- */

/* A conflict is blamed on the option that somebody wrote. */
static enum status blame(const struct options *options, enum option_id id, const char *reason,
                         char error[OPTIONS_ERROR_MAX])
{
    const char *origin = options->origin[id];

    snprintf(error, OPTIONS_ERROR_MAX, "%.150s%s%s: %.256s", origin != NULL ? origin : "",
             origin != NULL ? ": " : "", option_name(id), reason);
    return STATUS_FAILED;
}

static bool is_empty(const struct options *options, enum option_id id)
{
    struct bytes text = options_take_bytes(options, id);

    xbytes_free(text);
    return text.size == 0;
}

static void derive_number(struct options *options, enum option_id id, int64_t number)
{
    options_store_value(options, id, option_of_number(number));
    options->is_derived[id] = true;
}

/* The cores this process may use, which can be fewer than the machine has. */
static void finish_io_threads(struct options *options)
{
    cpu_set_t cores;
    int count;

    if (options_number(options, OPTION_IO_THREADS) != 0)
        return;
    count = sched_getaffinity(0, sizeof(cores), &cores) == 0 ? CPU_COUNT(&cores) : 1;
    derive_number(options, OPTION_IO_THREADS, count < IO_THREADS_MAX ? count : IO_THREADS_MAX);
}

static enum status read_secret_file(struct options *options, char error[OPTIONS_ERROR_MAX])
{
    char *path = options_take_text(options, OPTION_CLUSTER_SECRET_FILE);
    struct buffer text = {0};
    enum status status = STATUS_OK;
    char reason[REASON_MAX];
    int problem = text_file_read(path, &text);

    while (text.size > 0 && (text.data[text.size - 1] == '\n' || text.data[text.size - 1] == '\r'))
        text.size--;
    if (problem != 0)
        snprintf(reason, sizeof(reason), "cannot read '%.100s': %s", path, strerror(problem));
    else if (text.size == 0 || text.size > SECRET_BYTES_MAX ||
             memchr(text.data, '\0', text.size) != NULL)
        snprintf(reason, sizeof(reason),
                 "'%.100s' does not hold a secret of 1 to %d bytes without a zero byte", path,
                 SECRET_BYTES_MAX);
    else
        reason[0] = '\0';
    if (reason[0] != '\0') {
        status = blame(options, OPTION_CLUSTER_SECRET_FILE, reason, error);
        buffer_clear(&text);
    } else {
        options_store_value(options, OPTION_CLUSTER_SECRET, option_of_text(&text));
        options->is_derived[OPTION_CLUSTER_SECRET] = true;
    }
    free(path);
    return status;
}

static enum status finish_secret(struct options *options, char error[OPTIONS_ERROR_MAX])
{
    enum status status;

    if (!is_empty(options, OPTION_CLUSTER_SECRET_FILE)) {
        if (!is_empty(options, OPTION_CLUSTER_SECRET))
            return blame(options, OPTION_CLUSTER_SECRET_FILE,
                         "give either this or cluster-secret, not both", error);
        status = read_secret_file(options, error);
        if (status != STATUS_OK)
            return status;
    }
    if (is_empty(options, OPTION_PEER))
        return STATUS_OK;
    if (is_empty(options, OPTION_CLUSTER_SECRET))
        return blame(options, OPTION_PEER, "needs cluster-secret or cluster-secret-file too",
                     error);
    if (!options_is_on(options, OPTION_REPLICATION))
        return blame(options, OPTION_PEER, "has no meaning with replication no", error);
    return STATUS_OK;
}

/* Without a secret there is no gossip, the sum is not computed and can't be wrong. */
static enum status finish_gossip_port(struct options *options, char error[OPTIONS_ERROR_MAX])
{
    int64_t port = options_number(options, OPTION_PORT);

    if (is_empty(options, OPTION_CLUSTER_SECRET) || !options_is_on(options, OPTION_REPLICATION) ||
        options_number(options, OPTION_GOSSIP_PORT) != 0)
        return STATUS_OK;
    if (port == 0)
        port = options_number(options, OPTION_TLS_PORT);
    if (port == 0)
        return blame(options, OPTION_GOSSIP_PORT, "must be given if port is 0", error);
    if (port + GOSSIP_PORT_OFFSET > 65535)
        return blame(options, OPTION_GOSSIP_PORT,
                     "port + 10000 is over 65535: give one from 1 to 65535", error);
    derive_number(options, OPTION_GOSSIP_PORT, port + GOSSIP_PORT_OFFSET);
    return STATUS_OK;
}

static enum status check_ports(const struct options *options, char error[OPTIONS_ERROR_MAX])
{
    static const enum option_id ports[] = {OPTION_PORT, OPTION_TLS_PORT, OPTION_HTTP_PORT,
                                           OPTION_GOSSIP_PORT};
    char reason[REASON_MAX];

    for (size_t i = 0; i < COUNT_OF(ports); i++) {
        int64_t port = options_number(options, ports[i]);

        for (size_t j = 0; j < i && port != 0; j++) {
            if (options_number(options, ports[j]) != port)
                continue;
            snprintf(reason, sizeof(reason), "%s is %" PRId64 " as well; give them different ports",
                     option_name(ports[j]), port);
            return blame(options, ports[i], reason, error);
        }
    }
    if (!options_is_on(options, OPTION_PORT) && !options_is_on(options, OPTION_TLS_PORT) &&
        is_empty(options, OPTION_UNIXSOCKET))
        return blame(options, OPTION_PORT,
                     "nothing to listen on: give port, tls-port or unixsocket", error);
    return STATUS_OK;
}

static enum status check_tls(const struct options *options, char error[OPTIONS_ERROR_MAX])
{
    enum option_id user = OPTION_TLS_PORT;

    if (!options_is_on(options, OPTION_TLS_PORT)) {
        if (!options_is_on(options, OPTION_TLS_REPLICATION))
            return STATUS_OK;
        user = OPTION_TLS_REPLICATION;
    }
    if (is_empty(options, OPTION_TLS_CERT_FILE) || is_empty(options, OPTION_TLS_KEY_FILE))
        return blame(options, user, "needs tls-cert-file and tls-key-file too", error);
    if ((user == OPTION_TLS_REPLICATION || options_is_on(options, OPTION_TLS_REPLICATION) ||
         options_number(options, OPTION_TLS_AUTH_CLIENTS) != TLS_AUTH_CLIENTS_NO) &&
        is_empty(options, OPTION_TLS_CA_CERT_FILE) && is_empty(options, OPTION_TLS_CA_CERT_DIR))
        return blame(options, user,
                     "needs tls-ca-cert-file or tls-ca-cert-dir too, or tls-auth-clients no and "
                     "tls-replication no",
                     error);
    return STATUS_OK;
}

static enum status check_tls_client(const struct options *options, char error[OPTIONS_ERROR_MAX])
{
    bool has_key = !is_empty(options, OPTION_TLS_CLIENT_KEY_FILE);

    if (is_empty(options, OPTION_TLS_CLIENT_CERT_FILE) != has_key)
        return STATUS_OK;
    return blame(options, has_key ? OPTION_TLS_CLIENT_KEY_FILE : OPTION_TLS_CLIENT_CERT_FILE,
                 "tls-client-cert-file and tls-client-key-file need each other", error);
}

/* To go on without it would be worse than not to start. */
static enum status finish_replicaof(struct options *options, enum option_id id,
                                    char error[OPTIONS_ERROR_MAX])
{
    char *text = options_take_text(options, id);
    bool is_none = text[0] == '\0' || bytes_is_word(bytes_of(text), "no one");

    free(text);
    if (!is_none)
        return blame(options, id, "Redis's replication is not offered: see peer", error);
    options_store_value(options, id, (struct option_value){0, xbytes_copy(bytes_of(""))});
    return STATUS_OK;
}

enum status options_finish(struct options *options, char error[OPTIONS_ERROR_MAX])
{
    enum status status;

    finish_io_threads(options);
    status = finish_secret(options, error);
    if (status == STATUS_OK)
        status = finish_replicaof(options, OPTION_REPLICAOF, error);
    if (status == STATUS_OK)
        status = finish_replicaof(options, OPTION_SLAVEOF, error);
    if (status == STATUS_OK)
        status = finish_gossip_port(options, error);
    if (status == STATUS_OK)
        status = check_ports(options, error);
    if (status == STATUS_OK)
        status = check_tls(options, error);
    if (status == STATUS_OK)
        status = check_tls_client(options, error);
    return status;
}

/* --- help --- */

static void help_option(enum option_id id, struct buffer *text)
{
    const struct option_row *row = &option_rows[id];
    bool is_plain = row->default_text[0] != '\0' && strcmp(row->default_text, "profile") != 0;

    buffer_printf(text, "  --%-34s %s", row->name, row->help);
    if (row->type == TYPE_CHOICE && (row->flags & FLAG_IGNORED) == 0) {
        buffer_append_text(text, "; ");
        option_print_allowed(id, text);
    }
    if (is_plain && (row->flags & FLAG_IGNORED) == 0)
        buffer_printf(text, " (%s)", row->default_text);
    buffer_append_byte(text, '\n');
}

void options_help(struct buffer *text)
{
    static const struct {
        enum option_id first;
        const char *title;
    } groups[] = {
        {OPTION_PORT, "Network"},
        {OPTION_REQUIREPASS, "Access"},
        {OPTION_DIR, "Storage"},
        {OPTION_LIMITS, "Limits (unless given, those of the profile)"},
        {OPTION_REPLICATION, "Replication"},
        {OPTION_TLS_PORT, "TLS"},
        {OPTION_LOGLEVEL, "Observation"},
        {OPTION_SAVE, "Accepted for Redis's tools; these change nothing"},
        {OPTION_COUNT, NULL},
    };
    size_t group = 0;

    for (int i = 0; i < OPTION_COUNT; i++) {
        if (groups[group].first == (enum option_id)i)
            buffer_printf(text, "\n%s\n", groups[group++].title);
        if ((option_rows[i].flags & FLAG_HIDDEN) == 0)
            help_option((enum option_id)i, text);
    }
}

/* --- lines that are no option --- */

size_t options_line_count(const struct options *options, enum line_kind kind)
{
    return options->lines[kind].count;
}

const struct bytes *options_line(const struct options *options, enum line_kind kind, size_t index,
                                 size_t *count, const char **origin)
{
    const struct option_line *line = &options->lines[kind].at[index];

    *count = line->words.count - 1;
    *origin = line->origin;
    return line->words.word + 1;
}
