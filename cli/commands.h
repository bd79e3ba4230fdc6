/* commands: all there are, one file each; and how one is run from a command line. */
#ifndef LARDER_CLI_COMMANDS_H
#define LARDER_CLI_COMMANDS_H

#include "cli/args.h"

#include <stdio.h>

extern const struct command add_command, adopt_command, doctor_command, env_command, gc_command, get_command, group_command, help_command, ls_command, peers_command, pin_command, resolve_command, rm_command,
	run_command, status_command, unpin_command, verify_command, who_command;

/* In the order in which help lists them; ends with NULL. */
extern const struct command *const commands[];

/* Run what the command line says: results to `out`, messages to `messages`. Returns the exit code. */
int commands_run(int argc, const char *const argv[], FILE *out, FILE *messages);

#endif
