/* exit_code: what the program's end tells the shell, from the kind of failure. Pure. */
#ifndef LARDER_CLI_EXIT_CODE_H
#define LARDER_CLI_EXIT_CODE_H

#include "base/err.h"

enum exit_code {
	EXIT_CODE_DONE = 0,
	EXIT_CODE_OTHER = 1,
	EXIT_CODE_USAGE = 2,
	EXIT_CODE_NOT_FOUND = 3,
	EXIT_CODE_HUB_AWAY = 4,
	EXIT_CODE_UNPROVEN = 5,
	EXIT_CODE_DENIED = 6,
	EXIT_CODE_NO_SPACE = 7,
	EXIT_CODE_STOPPED = 130, /* as shells say it of a program that Ctrl-C ended */
};

enum exit_code exit_code_of(enum err err);

#endif
