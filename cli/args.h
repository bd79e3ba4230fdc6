/* args: the command line taken apart: a command, its flags and its operands.
 *
 * Flags may stand before or after the command and between operands; "--" ends them, and so does the first operand of a command whose operands are another
 * program's words. "--flag VALUE" and "--flag=VALUE" are the same. A flag's name
 * means the same in every command, so that what stands before the command can be understood. Pure; everything points into argv and the tables.
 */
#ifndef LARDER_CLI_ARGS_H
#define LARDER_CLI_ARGS_H

#include "base/err.h"

#define ARGS_FLAGS_MAX 64 /* flags on one command line */
#define ARGS_OPERANDS_MAX 100000 /* for commands that take any number */

struct session;
struct args;

struct args_flag {
	const char *name;       /* without the dashes; NULL ends a table */
	char letter;            /* 0: none */
	const char *value_name; /* "DIR"; NULL: takes no value */
	const char *help;
};

struct command {
	const char *name;
	const char *summary;  /* one line for the list of commands */
	const char *operands; /* "NAME [GLOB...]"; "" for none */
	const char *help;     /* what else to know, and examples */
	const struct args_flag *flags; /* of its own; NULL: none */
	unsigned min_operands, max_operands;
	bool ends_flags; /* with its first operand: the words behind that are another program's */
	/* `why` says what failed; the caller tells it. */
	enum err (*run)(struct session *session, const struct args *args, struct why *why);
};

struct args_given {
	const struct args_flag *flag;
	const char *value; /* NULL when it takes none */
};

struct args {
	const struct command *command; /* NULL: none was named */
	const char **operands;         /* owned array of borrowed words */
	size_t operand_count;
	struct args_given given[ARGS_FLAGS_MAX];
	size_t given_count;
};

/* The flags that every command has. */
extern const struct args_flag args_global_flags[];

/* `commands` ends with NULL, here and below. ERR_USAGE: unknown command or flag (with the nearest that there is), a value missing or not wanted, too few or too many operands; `ret_args` is filled as far as it went, and
 * --json is known wherever it stands. ERR_NO_MEMORY. Release it in any case. With --help or --version nothing is missing. */
enum err args_parse(struct args *ret_args, const struct command *const *commands, int argc, const char *const argv[], struct why *why) LARDER_MUST_USE;
void args_release(struct args *args);

bool args_has(const struct args *args, const char *name);
/* How often it was given. */
unsigned args_count(const struct args *args, const char *name);
/* The last value given, or NULL. */
const char *args_value(const struct args *args, const char *name);

/* The command of that name, or NULL. */
const struct command *args_find_command(const struct command *const *commands, const char *name);

#endif
