/* export.h - all of a namespace as lines of JSON, and watching it change. */
#ifndef CLI_EXPORT_H
#define CLI_EXPORT_H

#include "session.h"

enum cli_exit export_run(struct cli *cli);

#endif
