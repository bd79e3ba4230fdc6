#include "cli/help.h"

#include "cli/commands.h"

#include <string.h>

/* Help is given before a session is opened; it never gets here. */
static enum err run_help(struct session *session, const struct args *args, struct why *why)
{
	(void)session;
	(void)args;
	return why_set(why, ERR_USAGE, "larder help explains a command");
}

const struct command help_command = {
	.name = "help",
	.summary = "explain a command",
	.operands = "[COMMAND]",
	.help = "Examples:\n"
		"  larder help\n"
		"  larder help get\n",
	.max_operands = 1,
	.run = run_help,
};

static void print_flags(struct output *output, const struct args_flag *flags)
{
	for (; flags->name; flags++) {
		char words[64], letter[8] = "    ";
		if (flags->letter)
			snprintf(letter, sizeof letter, "-%c, ", flags->letter);
		snprintf(words, sizeof words, "%s--%s%s%s", letter, flags->name, flags->value_name ? " " : "",
			 flags->value_name ? flags->value_name : "");
		output_line(output, "  %-24s %s", words, flags->help);
	}
}

static void print_command(struct output *output, const struct command *command)
{
	output_line(output, "larder %s: %s", command->name, command->summary);
	output_line(output, "\nUsage: larder %s%s%s%s", command->name, command->flags ? " [FLAGS]" : "", *command->operands ? " " : "", command->operands);
	output_line(output, "\n%s", command->help);
	if (command->flags) {
		output_line(output, "Flags:");
		print_flags(output, command->flags);
		output_line(output, "%s", "");
	}
	output_line(output, "Flags of every command:");
	print_flags(output, args_global_flags);
}

static void print_all(struct output *output)
{
	output_line(output, "larder fetches files of the Hugging Face Hub once, proves every byte against the\n"
			    "SHA-256 that the hub publishes, and keeps them for the next time.\n\n"
			    "Usage: larder COMMAND [FLAGS] ...\n\n"
			    "Try:   larder get sentence-transformers/all-MiniLM-L6-v2\n\n"
			    "Commands (larder help COMMAND tells more):");
	for (const struct command *const *command = commands; *command; command++)
		output_line(output, "  %-9s %s", (*command)->name, (*command)->summary);
	output_line(output, "\nFlags of every command:");
	print_flags(output, args_global_flags);
	output_line(output, "\nNames: ORG/NAME, ORG/NAME@REVISION, ORG/NAME:PATH, datasets/ORG/NAME,\n"
			    "spaces/ORG/NAME, hf://ORG/NAME@REVISION/PATH, the address of a page of the hub,\n"
			    "sha256:HEX.\n\n"
			    "Exit codes: 0 done, 2 wrong usage, 3 not found, 4 hub unreachable,\n"
			    "5 verification failed, 6 not authorised, 7 no space,\n"
			    "130 stopped by Ctrl-C, 1 anything else.");
}

bool help_is_wanted(const struct args *args)
{
	return args_has(args, "help") || args->command == &help_command;
}

enum err help_print(struct output *output, const struct args *args, struct why *why)
{
	const struct command *command = args->command;

	if (command == &help_command && args->operand_count > 0) {
		command = args_find_command(commands, args->operands[0]);
		if (!command)
			return why_set(why, ERR_USAGE, "there is no command \"%s\": larder help lists them", args->operands[0]);
	} else if (command == &help_command) {
		command = NULL;
	}
	if (command)
		print_command(output, command);
	else
		print_all(output);
	return ERR_OK;
}
