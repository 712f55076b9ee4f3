#include "http/fault.h"

#include <stdarg.h>
#include <stdio.h>

bool fault_note(struct fault *fault, enum http_refusal refusal, const char *format, ...)
{
    va_list arguments;

    fault->refusal = refusal;
    va_start(arguments, format);
    (void)vsnprintf(fault->text, sizeof fault->text, format, arguments);
    va_end(arguments);
    return false;
}

const char *fault_echo(struct bytes bytes, char echo[FAULT_ECHO_MAX + 1])
{
    size_t size = bytes.size < FAULT_ECHO_MAX ? bytes.size : FAULT_ECHO_MAX;

    for (size_t i = 0; i < size; i++)
        echo[i] = bytes.data[i] >= ' ' && bytes.data[i] <= '~' ? bytes.data[i] : '?';
    echo[size] = '\0';
    return echo;
}
