#include "http/value.h"

#include "http/expiration.h"
#include "http/key_name.h"

#define CACHE_TTL_MIN 30

bool value_check_key(struct http_call *call)
{
    struct fault fault;

    return key_name_check(buffer_view(&call->key), http_limit(call, LIMIT_KEY_SIZE), &fault) ||
           http_refuse_fault(call, &fault);
}

bool value_check_cache_ttl(struct http_call *call, struct bytes ttl)
{
    char echo[FAULT_ECHO_MAX + 1];
    int64_t seconds;

    if (bytes_to_int64(ttl, &seconds) && seconds >= CACHE_TTL_MIN)
        return true;
    http_refuse(call, REFUSE_CACHE_TTL, "Invalid cache_ttl of %s. Cache TTL must be at least %d.",
                fault_echo(ttl, echo), CACHE_TTL_MIN);
    return false;
}

bool value_expiration(struct http_call *call, int64_t *expiry_ms)
{
    struct buffer moment = {0}, ttl = {0};
    bool has_moment, has_ttl, is_right;
    struct fault fault;

    is_right = http_parameter(call, "expiration", &moment, &has_moment) &&
               http_parameter(call, "expiration_ttl", &ttl, &has_ttl);
    if (is_right) {
        struct bytes moment_text = buffer_view(&moment), ttl_text = buffer_view(&ttl);

        is_right = expiration_read(has_moment ? &moment_text : NULL, has_ttl ? &ttl_text : NULL,
                                   call->now_ms, expiry_ms, &fault) ||
                   http_refuse_fault(call, &fault);
    }
    buffer_clear(&moment);
    buffer_clear(&ttl);
    return is_right;
}

/* Here and not by the command alone: its limits are the same, but users' code knows these words. */
static bool check_sizes(struct http_call *call, struct bytes value, struct bytes meta)
{
    int64_t value_max = http_limit(call, LIMIT_VALUE_SIZE);
    int64_t meta_max = http_limit(call, LIMIT_METADATA_SIZE);

    if ((int64_t)value.size > value_max)
        http_refuse(call, REFUSE_VALUE_TOO_LONG, "Value length of %zu exceeds limit of %lld.",
                    value.size, (long long)value_max);
    else if ((int64_t)meta.size > meta_max)
        http_refuse(call, REFUSE_METADATA_TOO_LONG, "Metadata length of %zu exceeds limit of %lld.",
                    meta.size, (long long)meta_max);
    else
        return true;
    return false;
}

static enum http_progress run_write(struct http_call *call, const struct bytes *argv, size_t argc)
{
    if (http_command(call, argv, argc) == HTTP_PARKED)
        return HTTP_PARKED;
    if (!http_command_refused(call))
        (void)http_respond(call, NULL);
    return HTTP_DONE;
}

enum http_progress value_write(struct http_call *call, struct bytes value, struct bytes meta,
                               int64_t expiry_ms)
{
    char number[INT64_TEXT_MAX];
    struct bytes argv[7] = {bytes_of("kv.put"), buffer_view(&call->key), value};
    size_t argc = 3;

    if (!check_sizes(call, value, meta))
        return HTTP_DONE;
    if (expiry_ms != EXPIRY_NONE) {
        argv[argc++] = bytes_of("pxat");
        argv[argc++] = (struct bytes){number, int64_to_text(expiry_ms, number)};
    }
    if (meta.size > 0) {
        argv[argc++] = bytes_of("meta");
        argv[argc++] = meta;
    }
    return run_write(call, argv, argc);
}

enum http_progress value_delete(struct http_call *call)
{
    const struct bytes argv[] = {bytes_of("del"), buffer_view(&call->key)};

    return run_write(call, argv, COUNT_OF(argv));
}

enum http_progress value_read(struct http_call *call, struct bytes key, bool *is_found,
                              struct value_found *found)
{
    const struct bytes argv[] = {bytes_of("kv.get"), key};
    const struct http_answer *answer = &call->answer;
    size_t expiration;

    *is_found = false;
    if (http_command(call, argv, COUNT_OF(argv)) == HTTP_PARKED)
        return HTTP_PARKED;
    if (http_command_refused(call) || http_answer_kind(answer, 0) == ANSWER_NULL)
        return HTTP_DONE;
    *is_found = true;
    expiration = http_answer_member(answer, 0, "expiration");
    found->value = http_answer_member(answer, 0, "value");
    found->meta = http_answer_text(answer, http_answer_member(answer, 0, "metadata"));
    found->has_expiration = http_answer_kind(answer, expiration) == ANSWER_INTEGER;
    found->expiry_ms = answer->values[expiration].integer;
    return HTTP_DONE;
}
