/* cli.h - grapevine-cli: one command, one answer, one exit code. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli_words.h"

/* Does what the command line says; answers go to standard output, errors to standard error. */
enum cli_exit cli_run(int argc, char **argv);

#endif
