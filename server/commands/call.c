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
