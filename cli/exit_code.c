#include "cli/exit_code.h"

enum exit_code exit_code_of(enum err err)
{
	switch (err) {
	case ERR_OK:
		return EXIT_CODE_DONE;
	case ERR_USAGE:
		return EXIT_CODE_USAGE;
	case ERR_NOT_FOUND:
		return EXIT_CODE_NOT_FOUND;
	case ERR_HUB_AWAY:
	case ERR_CUT: /* it went away in the middle */
		return EXIT_CODE_HUB_AWAY;
	case ERR_UNPROVEN:
		return EXIT_CODE_UNPROVEN;
	case ERR_DENIED:
		return EXIT_CODE_DENIED;
	case ERR_NO_SPACE:
		return EXIT_CODE_NO_SPACE;
	case ERR_CANCELLED:
		return EXIT_CODE_STOPPED;
	case ERR_NO_MEMORY:
	case ERR_INVALID:
	case ERR_LIMIT:
	case ERR_EXISTS:
	case ERR_PERMISSION:
	case ERR_BUSY:
	case ERR_UNSUPPORTED:
	case ERR_IO:
		break;
	}
	return EXIT_CODE_OTHER;
}
