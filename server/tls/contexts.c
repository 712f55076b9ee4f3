#include "tls/contexts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/address.h"
#include "base/complaints.h"
#include "base/memory.h"

struct tls_contexts {
    const struct options *options;
    SSL_CTX *prepared[TLS_USES];
    atomic_bool has[TLS_USES];
    pthread_mutex_t lock;
    /* under the lock */
    SSL_CTX *current[TLS_USES];
    struct complaints complaints;
};

/* --- what the options ask for --- */

#define TEXTS_MAX 12

/* Copies of text options, to be freed together. */
struct texts {
    char *all[TEXTS_MAX];
    size_t count;
};

static const char *take(struct texts *texts, const struct options *options, enum option_id id)
{
    return texts->all[texts->count++] = options_take_text(options, id);
}

static void free_texts(struct texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->all[i]);
}

static struct tls_settings find_settings(struct texts *texts, const struct options *options)
{
    return (struct tls_settings){
        .cert_file = take(texts, options, OPTION_TLS_CERT_FILE),
        .key_file = take(texts, options, OPTION_TLS_KEY_FILE),
        .key_file_pass = take(texts, options, OPTION_TLS_KEY_FILE_PASS),
        .client_cert_file = take(texts, options, OPTION_TLS_CLIENT_CERT_FILE),
        .client_key_file = take(texts, options, OPTION_TLS_CLIENT_KEY_FILE),
        .client_key_file_pass = take(texts, options, OPTION_TLS_CLIENT_KEY_FILE_PASS),
        .ca_cert_file = take(texts, options, OPTION_TLS_CA_CERT_FILE),
        .ca_cert_dir = take(texts, options, OPTION_TLS_CA_CERT_DIR),
        .protocols = take(texts, options, OPTION_TLS_PROTOCOLS),
        .ciphers = take(texts, options, OPTION_TLS_CIPHERS),
        .ciphersuites = take(texts, options, OPTION_TLS_CIPHERSUITES),
        .dh_params_file = take(texts, options, OPTION_TLS_DH_PARAMS_FILE),
        .prefers_own_ciphers = options_is_on(options, OPTION_TLS_PREFER_SERVER_CIPHERS),
        .keeps_sessions = options_is_on(options, OPTION_TLS_SESSION_CACHING),
        .sessions_max = options_number(options, OPTION_TLS_SESSION_CACHE_SIZE),
        .session_s = options_number(options, OPTION_TLS_SESSION_CACHE_TIMEOUT),
    };
}

static enum tls_demand demand_of_clients(const struct options *options)
{
    static const enum tls_demand demands[] = {
        [TLS_AUTH_CLIENTS_NO] = TLS_DEMAND_NONE,
        [TLS_AUTH_CLIENTS_YES] = TLS_DEMAND_ALWAYS,
        [TLS_AUTH_CLIENTS_OPTIONAL] = TLS_DEMAND_IF_SHOWN,
    };

    return demands[options_number(options, OPTION_TLS_AUTH_CLIENTS)];
}

/* Completes the settings for one use; false if it is not wanted. */
static bool specialize(struct tls_settings *settings, const struct options *options,
                       enum tls_use use)
{
    switch (use) {
    case TLS_CLIENTS:
        settings->user = "tls-port";
        settings->demand = demand_of_clients(options);
        return options_number(options, OPTION_TLS_PORT) != 0;
    case TLS_HTTP:
        settings->user = "TLS on http-port";
        settings->demand = TLS_DEMAND_NONE;
        return options_number(options, OPTION_HTTP_PORT) != 0 && *settings->cert_file != '\0' &&
               *settings->key_file != '\0';
    case TLS_REPLICAS:
    case TLS_TO_REPLICAS:
        settings->user = "tls-replication";
        settings->demand = TLS_DEMAND_ALWAYS;
        settings->is_demand_fixed = true;
        settings->is_client = use == TLS_TO_REPLICAS;
        settings->keeps_sessions = false;
        return options_is_on(options, OPTION_TLS_REPLICATION);
    case TLS_USES:
        break;
    }
    return false;
}

/* --- making and changing --- */

static void drop_prepared(struct tls_contexts *contexts)
{
    for (int use = 0; use < TLS_USES; use++) {
        SSL_CTX_free(contexts->prepared[use]);
        contexts->prepared[use] = NULL;
    }
}

enum status tls_contexts_prepare(struct tls_contexts *contexts, char error[TLS_ERROR_MAX])
{
    struct texts texts = {0};
    const struct tls_settings common = find_settings(&texts, contexts->options);
    enum status s = STATUS_OK;

    drop_prepared(contexts);
    for (int use = 0; use < TLS_USES && s == STATUS_OK; use++) {
        struct tls_settings settings = common;

        if (specialize(&settings, contexts->options, (enum tls_use)use))
            s = tls_context_create(&settings, &contexts->prepared[use], error);
    }
    if (s != STATUS_OK)
        drop_prepared(contexts);
    free_texts(&texts);
    return s;
}

void tls_contexts_switch(struct tls_contexts *contexts)
{
    (void)pthread_mutex_lock(&contexts->lock);
    for (int use = 0; use < TLS_USES; use++) {
        SSL_CTX *former = contexts->current[use];

        contexts->current[use] = contexts->prepared[use];
        contexts->prepared[use] = former;
        atomic_store(&contexts->has[use], contexts->current[use] != NULL);
    }
    (void)pthread_mutex_unlock(&contexts->lock);
    drop_prepared(contexts);
}

enum status tls_contexts_create(const struct options *options, struct tls_contexts **created,
                                char error[TLS_ERROR_MAX])
{
    struct tls_contexts *contexts = xcalloc(1, sizeof *contexts);
    enum status s;

    contexts->options = options;
    (void)pthread_mutex_init(&contexts->lock, NULL);
    s = tls_contexts_prepare(contexts, error);
    if (s != STATUS_OK) {
        tls_contexts_destroy(contexts);
        return s;
    }
    tls_contexts_switch(contexts);
    *created = contexts;
    return STATUS_OK;
}

void tls_contexts_destroy(struct tls_contexts *contexts)
{
    if (contexts == NULL)
        return;
    drop_prepared(contexts);
    for (int use = 0; use < TLS_USES; use++)
        SSL_CTX_free(contexts->current[use]);
    (void)pthread_mutex_destroy(&contexts->lock);
    free(contexts);
}

/* --- using --- */

bool tls_contexts_has(const struct tls_contexts *contexts, enum tls_use use)
{
    return atomic_load_explicit(&contexts->has[use], memory_order_relaxed);
}

SSL *tls_contexts_open(struct tls_contexts *contexts, enum tls_use use)
{
    SSL *ssl = NULL;

    (void)pthread_mutex_lock(&contexts->lock);
    if (contexts->current[use] != NULL)
        ssl = SSL_new(contexts->current[use]);
    (void)pthread_mutex_unlock(&contexts->lock);
    return ssl;
}

bool tls_contexts_may_complain(struct tls_contexts *contexts, const char *address, const char *why,
                               int64_t now_us)
{
    bool may;

    (void)pthread_mutex_lock(&contexts->lock);
    may = complaints_allow(&contexts->complaints, address_host(address), bytes_of(why), now_us);
    (void)pthread_mutex_unlock(&contexts->lock);
    return may;
}
