#include "library/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* How much of an error reply a sentence repeats. */
#define ECHO_MAX 384

/* No server means to keep a client waiting for longer than this. */
#define TOLD_MAX_MS (24 * 3600 * 1000LL)

/* An error reply begins so, and contains that (may be ""). */
struct meaning {
    const char *begin;
    const char *within;
    enum grapevine_error error;
    bool is_passing;
    bool is_of_server;
};

/* clang-format off */
static const struct meaning meanings[] = {
    { "RATELIMIT ",    "", GRAPEVINE_RATE_LIMITED, true,  false },
    { "KEYTOOLONG ",   "", GRAPEVINE_TOO_LONG,     false, false },
    { "VALUETOOLONG ", "", GRAPEVINE_TOO_LONG,     false, false },
    { "METATOOLONG ",  "", GRAPEVINE_TOO_LONG,     false, false },
    { "NAMESPACEFULL ", "", GRAPEVINE_FULL,        false, false },
    { "NOAUTH ",       "", GRAPEVINE_DENIED,       false, true },
    { "WRONGPASS ",    "", GRAPEVINE_DENIED,       false, true },
    { "NOPERM ",       "", GRAPEVINE_DENIED,       false, true },
    { "DENIED ",       "", GRAPEVINE_DENIED,       false, true },
    { "MISCONF ",      "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "LOADING ",      "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "CLOCKSKEW ",    "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "STALE ",        "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "LEAVING ",      "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "BUSY ",         "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "OOM ",          "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "READONLY ",     "", GRAPEVINE_UNAVAILABLE,  true,  true },
    { "ERR max number of clients", "", GRAPEVINE_UNAVAILABLE, true, true },
    { "ERR the stored data can't be read", "", GRAPEVINE_UNAVAILABLE, true, true },
    { "ERR no such namespace", "", GRAPEVINE_NO_NAMESPACE, false, true },
    { "ERR DB index is out of range", "", GRAPEVINE_NO_NAMESPACE, false, true },
    { "ERR namespace '", "' already exists", GRAPEVINE_NAMESPACE_TAKEN, false, false },
};
/* clang-format on */

#define MEANING_COUNT (sizeof meanings / sizeof *meanings)

static const struct meaning *find(const char *text)
{
    for (size_t i = 0; i < MEANING_COUNT; i++)
        if (strncmp(text, meanings[i].begin, strlen(meanings[i].begin)) == 0 &&
            strstr(text, meanings[i].within) != NULL)
            return &meanings[i];
    return NULL;
}

/* The number in "... retry in 417 ms ..."; 0 if there is none. */
static int64_t told(const char *text)
{
    static const char before[] = "retry in ";
    const char *at = strstr(text, before);
    int64_t ms = 0;

    if (at == NULL)
        return 0;
    for (at += strlen(before); *at >= '0' && *at <= '9' && ms <= TOLD_MAX_MS; at++)
        ms = 10 * ms + (*at - '0');
    return strncmp(at, " ms", 3) == 0 && ms <= TOLD_MAX_MS ? ms : 0;
}

void failure_of_reply(struct failure *failure, const char *server, struct grapevine_bytes text)
{
    char line[ECHO_MAX + 1];
    size_t size = text.size < ECHO_MAX ? text.size : ECHO_MAX;
    const struct meaning *meaning;

    memcpy(line, text.data, size);
    line[size] = '\0';
    meaning = find(line);
    failure_say(failure, meaning != NULL ? meaning->error : GRAPEVINE_REFUSED, "%s answered: %s",
                server, line);
    if (meaning == NULL)
        return;
    failure->is_passing = meaning->is_passing;
    failure->is_of_server = meaning->is_of_server;
    failure->told_ms = told(line);
}

void failure_of_connection(struct failure *failure, const char *server, const char *what)
{
    failure_say(failure, GRAPEVINE_UNREACHABLE, "%s: %s", server, what);
    failure->is_passing = true;
    failure->is_of_server = true;
}

void failure_say(struct failure *failure, enum grapevine_error error, const char *format, ...)
{
    va_list arguments;

    *failure = (struct failure){.error = error};
    va_start(arguments, format);
    (void)vsnprintf(failure->sentence, sizeof failure->sentence, format, arguments);
    va_end(arguments);
}
