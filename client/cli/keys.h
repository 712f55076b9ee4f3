/* keys.h - the commands on single keys, and list. */
#ifndef CLI_KEYS_H
#define CLI_KEYS_H

#include "session.h"

enum cli_exit keys_put(struct cli *cli);
enum cli_exit keys_get(struct cli *cli);
enum cli_exit keys_meta(struct cli *cli);
enum cli_exit keys_delete(struct cli *cli);
enum cli_exit keys_list(struct cli *cli);

#endif
