/* renames.h - the lines "rename-command" given at start.
 *
 * They are Redis's old means to keep commands from clients: a command answers to another name that
 * only some know, or to none.  Rules of ACL say it better, and go by the rows' names; so does HTTP.
 */
#ifndef COMMANDS_RENAMES_H
#define COMMANDS_RENAMES_H

#include "config/options.h"

/* After table_init() and acl_names_init(), before any other thread runs. */
enum status renames_apply(const struct options *options, char error[OPTIONS_ERROR_MAX]) MUST_USE;

#endif
