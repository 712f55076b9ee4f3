/* completion.h - scripts that make a shell complete the words of a command line. */
#ifndef CLI_COMPLETION_H
#define CLI_COMPLETION_H

#include <stdbool.h>
#include <stdio.h>

/* For "bash", "zsh" or "fish"; false for any other. */
bool completion_print(FILE *out, const char *shell);

#endif
