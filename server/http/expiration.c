#include "http/expiration.h"

#include "store/entry.h"

#define SECONDS_MAX (INT64_MAX / 1000 - 1)

static bool note_ttl(struct fault *fault, struct bytes ttl, const char *what)
{
    char echo[FAULT_ECHO_MAX + 1];

    return fault_note(fault, REFUSE_EXPIRATION_TTL, "Invalid expiration_ttl of %s. %s",
                      fault_echo(ttl, echo), what);
}

static bool note_moment(struct fault *fault, struct bytes expiration, const char *what)
{
    char echo[FAULT_ECHO_MAX + 1];

    return fault_note(fault, REFUSE_EXPIRATION, "Invalid expiration of %s. %s",
                      fault_echo(expiration, echo), what);
}

static bool read_ttl(struct bytes ttl, int64_t now_ms, int64_t *expiry_ms, struct fault *fault)
{
    int64_t seconds;

    if (!bytes_to_int64(ttl, &seconds) || seconds <= 0)
        return note_ttl(fault, ttl, "Please specify integer greater than 0.");
    if (seconds < EXPIRATION_DISTANCE_S)
        return note_ttl(fault, ttl, "Expiration TTL must be at least 60.");
    if (seconds > SECONDS_MAX - now_ms / 1000)
        return note_ttl(fault, ttl, "No moment is that far away.");
    *expiry_ms = now_ms + seconds * 1000;
    return true;
}

static bool read_moment(struct bytes expiration, int64_t now_ms, int64_t *expiry_ms,
                        struct fault *fault)
{
    int64_t seconds, now_s = now_ms / 1000;

    if (!bytes_to_int64(expiration, &seconds) || seconds <= now_s)
        return note_moment(fault, expiration,
                           "Please specify integer greater than the current number of seconds "
                           "since the UNIX epoch.");
    if (seconds < now_s + EXPIRATION_DISTANCE_S)
        return note_moment(fault, expiration,
                           "Expiration times must be at least 60 seconds in the future.");
    if (seconds > SECONDS_MAX)
        return note_moment(fault, expiration, "No moment is that far away.");
    *expiry_ms = seconds * 1000;
    return true;
}

bool expiration_read(const struct bytes *expiration, const struct bytes *ttl, int64_t now_ms,
                     int64_t *expiry_ms, struct fault *fault)
{
    if (ttl != NULL)
        return read_ttl(*ttl, now_ms, expiry_ms, fault);
    if (expiration != NULL)
        return read_moment(*expiration, now_ms, expiry_ms, fault);
    *expiry_ms = EXPIRY_NONE;
    return true;
}
