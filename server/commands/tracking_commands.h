/* tracking_commands.h - the subcommands of CLIENT that are about tracking, for its rows. */
#ifndef COMMANDS_TRACKING_COMMANDS_H
#define COMMANDS_TRACKING_COMMANDS_H

#include "commands/call.h"

enum status command_client_tracking(struct call *call);
enum status command_client_caching(struct call *call);
enum status command_client_trackinginfo(struct call *call);
enum status command_client_getredir(struct call *call);

#endif
