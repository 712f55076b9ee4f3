#include "commands/memory_limit.h"

#include "base/memory.h"
#include "commands/session.h"
#include "commands/table.h"
#include "commands/transactions.h"

/* The least of cache-size, too. */
#define CACHE_MIN_BYTES (1 << 20)

/* What is used besides the cache of records. */
static int64_t measure_rest(const struct services *services)
{
    struct store_statistics store;

    store_statistics(services->store, &store);
    return (int64_t)memory_used() - store.cache_bytes;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

void memory_limit_look(struct services *services)
{
    const struct options *options = services->options;
    int64_t max = options_number(options, OPTION_MAXMEMORY);
    int64_t cache_size = options_number(options, OPTION_CACHE_SIZE);
    bool is_over = false;

    if (max > 0) {
        int64_t rest = measure_rest(services);

        cache_size = clamp(max - rest, CACHE_MIN_BYTES, cache_size);
        is_over = rest > max && options_is_noeviction(options);
    }
    store_set_cache_size(services->store, cache_size);
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
