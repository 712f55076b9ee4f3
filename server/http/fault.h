/* fault.h - what is wrong with a part of a request, as pure code found it.
 *
 * Whoever asked refuses the request with it: http_refuse(call, fault.refusal, "%s", fault.text).
 */
#ifndef HTTP_FAULT_H
#define HTTP_FAULT_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "http/refusal.h"

#define FAULT_TEXT_MAX 256
#define FAULT_ECHO_MAX 64

struct fault {
    enum http_refusal refusal;
    char text[FAULT_TEXT_MAX];
};

/* Notes it and returns false. */
bool fault_note(struct fault *fault, enum http_refusal refusal, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* What a text may repeat of a client's bytes: the beginning, in printable ASCII, the rest of it as
 * question marks; zero-ended. */
const char *fault_echo(struct bytes bytes, char echo[FAULT_ECHO_MAX + 1]);

#endif
