/* teller.h - passes committed changes on to those who want to be told (store/news.h): subscribers
 * of keyspace events, clients that track, and those of KV.WATCH. */
#ifndef COMMANDS_TELLER_H
#define COMMANDS_TELLER_H

#include "base/bytes.h"

/* The commit thread; `context` is the struct services. */
void teller_tell(void *context, struct bytes news);

#endif
