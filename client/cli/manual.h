/* manual.h - the manual page of grapevine-cli. */
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include <stdio.h>

/* In the language of man pages (troff, with man's macros). */
void manual_print(FILE *out);

#endif
