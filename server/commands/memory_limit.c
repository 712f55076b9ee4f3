#include "commands/memory_limit.h"

#include "base/memory.h"
#include "commands/session.h"
#include "commands/table.h"
#include "commands/transactions.h"

/* The least that the cache may take, besides its hash table. */
#define CACHE_MIN_BYTES (1 << 20)

static int64_t max_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void memory_limit_look(struct services *services)
{
    const struct options *options = services->options;
    int64_t max = options_number(options, OPTION_MAXMEMORY);
    int64_t room = INT64_MAX;
    bool is_over = false;

    if (max > 0) {
        struct store_statistics store;
        int64_t rest;

        store_statistics(services->store, &store);
        rest = (int64_t)memory_used() - store.cache_bytes;
        room = max_of(max - rest, store.cache_overhead + CACHE_MIN_BYTES);
        is_over = rest > max && options_is_noeviction(options);
    }
    store_set_cache_size(services->store, options_number(options, OPTION_CACHE_SIZE), room);
    atomic_store_explicit(&services->is_out_of_memory, is_over, memory_order_relaxed);
}

bool memory_limit_concerns(const struct call *call)
{
    const struct command *command = call->command;

    if (command->run == command_exec)
        return transaction_has(call->session, CMD_DENYOOM);
    return (command->flags & CMD_DENYOOM) ||
           (call->session->is_multi && !(command->flags & CMD_IN_MULTI));
}
