/* help: what larder and its commands do, for people. Needs neither settings nor a store. */
#ifndef LARDER_CLI_HELP_H
#define LARDER_CLI_HELP_H

#include "cli/args.h"
#include "cli/output.h"

/* "larder help ...", "larder COMMAND --help", "larder --help". */
bool help_is_wanted(const struct args *args);

/* ERR_USAGE: there is no such command. */
enum err help_print(struct output *output, const struct args *args, struct why *why) LARDER_MUST_USE;

#endif
