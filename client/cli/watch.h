/* watch.h - prints changes as they happen, across reconnects without a gap (KV.WATCH). */
#ifndef CLI_WATCH_H
#define CLI_WATCH_H

#include "session.h"

enum cli_exit watch_run(struct cli *cli);

#endif
