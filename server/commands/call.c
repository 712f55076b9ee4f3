#include "commands/call.h"

#include <stdarg.h>
#include <stdio.h>

enum status call_fail(struct call *call, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(call->error_text, sizeof call->error_text, format, arguments);
    va_end(arguments);
    return STATUS_FAILED;
}

enum status call_answer_when_synced(struct call *call)
{
    uint64_t group = store_request_sync(call_services(call)->store);

    if (group == 0)
        return STATUS_CANNOT_PERSIST;
    call_depend_on(call, group);
    reply_ok(call->reply);
    return STATUS_OK;
}
