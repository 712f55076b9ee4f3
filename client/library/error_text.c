#include "grapevine.h"

/* clang-format off */
static const char *const texts[] = {
    [GRAPEVINE_OK]              = "it was done",
    [GRAPEVINE_NOT_FOUND]       = "there is no such key",
    [GRAPEVINE_CONDITION]       = "the condition does not hold: nothing was stored",
    [GRAPEVINE_RATE_LIMITED]    = "the key is written too often",
    [GRAPEVINE_TOO_LONG]        = "the key, the value or the metadata is too long",
    [GRAPEVINE_FULL]            = "the namespace holds as many keys as it may",
    [GRAPEVINE_NO_NAMESPACE]    = "there is no such namespace",
    [GRAPEVINE_NAMESPACE_TAKEN] = "there is a namespace of that title already",
    [GRAPEVINE_DENIED]          = "the server does not let this user do that",
    [GRAPEVINE_UNAVAILABLE]     = "the server can't do that at the moment",
    [GRAPEVINE_UNREACHABLE]     = "no server can be reached",
    [GRAPEVINE_TIMEOUT]         = "there was no answer in time",
    [GRAPEVINE_OUTCOME_UNKNOWN] = "the answer was lost: it may have been done, or not",
    [GRAPEVINE_REFUSED]         = "the server refuses that",
    [GRAPEVINE_PROTOCOL]        = "the answer is not a Grapevine server's",
    [GRAPEVINE_ARGUMENT]        = "the call makes no sense",
    [GRAPEVINE_BUSY]            = "too many requests are in flight",
    [GRAPEVINE_CANCELLED]       = "the client was destroyed first",
};
/* clang-format on */

const char *grapevine_error_text(enum grapevine_error error)
{
    return (size_t)error < sizeof texts / sizeof *texts ? texts[error] : "an unknown error";
}

const char *grapevine_version(void)
{
    return GRAPEVINE_VERSION;
}
