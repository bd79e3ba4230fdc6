#include "cli/args.h"

#include "cli/suggest.h"

#include <stdlib.h>
#include <string.h>

const struct args_flag args_global_flags[] = {
	{"config", 0, "FILE", "read this file instead of the usual ones"},
	{"home", 0, "DIR", "keep everything there (default ~/.cache/larder)"},
	{"hub", 0, "URL", "the hub to ask (default https://huggingface.co)"},
	{"max-size", 0, "SIZE", "hold at most that much, as in 500G"},
	{"min-free", 0, "SIZE", "leave that much of the disk free"},
	{"log-level", 0, "LEVEL", "error, warn (default), info or debug"},
	{"verbose", 'v', NULL, "tell more; twice: everything"},
	{"quiet", 'q', NULL, "errors only: no progress, no summary"},
	{"json", 0, NULL, "print the result as one JSON object"},
	{"help", 'h', NULL, "explain the command"},
	{"version", 0, NULL, "print the version"},
	{NULL},
};

void args_release(struct args *args)
{
	free(args->operands);
	*args = (struct args){0};
}

const struct command *args_find_command(const struct command *const *commands, const char *name)
{
	for (; *commands; commands++)
		if (strcmp((*commands)->name, name) == 0)
			return *commands;
	return NULL;
}

unsigned args_count(const struct args *args, const char *name)
{
	unsigned count = 0;

	for (size_t i = 0; i < args->given_count; i++)
		count += strcmp(args->given[i].flag->name, name) == 0;
	return count;
}

bool args_has(const struct args *args, const char *name)
{
	return args_count(args, name) > 0;
}

const char *args_value(const struct args *args, const char *name)
{
	const char *value = NULL;

	for (size_t i = 0; i < args->given_count; i++)
		if (strcmp(args->given[i].flag->name, name) == 0)
			value = args->given[i].value;
	return value;
}

static const struct args_flag *find_in(const struct args_flag *flags, const char *name, size_t len, char letter)
{
	for (; flags && flags->name; flags++)
		if (letter ? flags->letter == letter : strlen(flags->name) == len && strncmp(flags->name, name, len) == 0)
			return flags;
	return NULL;
}

/* Among the global flags, those of `command`, and, while that is not known, those of all commands. */
static const struct args_flag *find_flag(const struct command *const *commands, const struct command *command, const char *name, size_t len, char letter)
{
	const struct args_flag *flag = find_in(args_global_flags, name, len, letter);

	if (flag)
		return flag;
	if (command)
		return find_in(command->flags, name, len, letter);
	for (; !flag && *commands; commands++)
		flag = find_in((*commands)->flags, name, len, letter);
	return flag;
}

static enum err unknown_flag(const struct command *command, const char *word, struct why *why)
{
	const char *best = NULL, *name = word + strspn(word, "-");
	char typed[32];
	size_t len = strcspn(name, "=");

	if (len < sizeof typed) {
		memcpy(typed, name, len);
		typed[len] = 0;
		for (const struct args_flag *flag = args_global_flags; flag->name; flag++)
			best = suggest_nearer(typed, best, flag->name);
		for (const struct args_flag *flag = command ? command->flags : NULL; flag && flag->name; flag++)
			best = suggest_nearer(typed, best, flag->name);
	}
	if (best)
		return why_set(why, ERR_USAGE, "there is no flag %s%s%s: did you mean --%s?", word, command ? " for larder " : "",
			       command ? command->name : "", best);
	return why_set(why, ERR_USAGE, "there is no flag %s%s%s: larder %s%s--help lists them", word, command ? " for larder " : "",
		       command ? command->name : "", command ? command->name : "", command ? " " : "");
}

static enum err unknown_command(const struct command *const *commands, const char *word, struct why *why)
{
	const char *best = NULL;

	for (; *commands; commands++)
		best = suggest_nearer(word, best, (*commands)->name);
	if (best)
		return why_set(why, ERR_USAGE, "there is no command \"%s\": did you mean larder %s?", word, best);
	return why_set(why, ERR_USAGE, "there is no command \"%s\": larder help lists them", word);
}

static enum err give(struct args *args, const struct args_flag *flag, const char *value, struct why *why)
{
	if (args->given_count == ARGS_FLAGS_MAX)
		return why_set(why, ERR_USAGE, "that is more than %d flags", ARGS_FLAGS_MAX);
	args->given[args->given_count++] = (struct args_given){flag, value};
	return ERR_OK;
}

/* The rest of the words; taking a value moves on. */
struct words {
	const char *const *at, *const *end;
};

static enum err take_value(struct args *args, const struct args_flag *flag, const char *written, struct words *words, struct why *why)
{
	if (!written && words->at == words->end)
		return why_set(why, ERR_USAGE, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value_name);
	return give(args, flag, written ? written : *words->at++, why);
}

static enum err take_long(struct args *args, const struct command *const *commands, const char *word, struct words *words, struct why *why)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	const char *value = name[len] ? name + len + 1 : NULL;
	const struct args_flag *flag = find_flag(commands, args->command, name, len, 0);

	if (!flag)
		return unknown_flag(args->command, word, why);
	if (flag->value_name)
		return take_value(args, flag, value, words, why);
	if (value)
		return why_set(why, ERR_USAGE, "--%s takes no value", flag->name);
	return give(args, flag, NULL, why);
}

static enum err take_short(struct args *args, const struct command *const *commands, const char *word, struct words *words, struct why *why)
{
	for (const char *letter = word + 1; *letter; letter++) {
		const struct args_flag *flag = find_flag(commands, args->command, NULL, 0, *letter);
		enum err err;

		if (!flag)
			return unknown_flag(args->command, word, why);
		if (flag->value_name)
			return take_value(args, flag, letter[1] ? letter + 1 : NULL, words, why);
		err = give(args, flag, NULL, why);
		if (err)
			return err;
	}
	return ERR_OK;
}

static enum err take_word(struct args *args, const struct command *const *commands, const char *word, struct why *why)
{
	if (args->command) {
		args->operands[args->operand_count++] = word;
		return ERR_OK;
	}
	args->command = args_find_command(commands, word);
	return args->command ? ERR_OK : unknown_command(commands, word, why);
}

/* Flags in front of the command may turn out to belong to another; and operands may be too few or too many. */
static enum err check(const struct args *args, struct why *why)
{
	const struct command *command = args->command;
	char word[64] = "--";

	if (args_has(args, "version") || args_has(args, "help"))
		return ERR_OK;
	if (!command)
		return why_set(why, ERR_USAGE, "say what to do, as in larder get ORG/NAME: larder help lists the commands");
	for (size_t i = 0; i < args->given_count; i++) {
		const char *name = args->given[i].flag->name;
		if (!find_in(args_global_flags, name, strlen(name), 0) && !find_in(command->flags, name, strlen(name), 0)) {
			strncat(word, name, sizeof word - 3);
			return unknown_flag(command, word, why);
		}
	}
	if (args->operand_count < command->min_operands)
		return why_set(why, ERR_USAGE, "something is missing: larder %s %s", command->name, command->operands);
	if (args->operand_count > command->max_operands)
		return why_set(why, ERR_USAGE, "\"%s\" is one word too many: larder %s%s%s", args->operands[command->max_operands], command->name,
			       *command->operands ? " " : "", command->operands);
	return ERR_OK;
}

/* So that a failure is told as the rest of the line wants it. */
static void find_json(struct args *args, struct words words)
{
	for (; words.at < words.end && strcmp(*words.at, "--") != 0; words.at++)
		if (strcmp(*words.at, "--json") == 0)
			(void)!give(args, find_in(args_global_flags, "json", strlen("json"), 0), NULL, NULL);
}

enum err args_parse(struct args *ret_args, const struct command *const *commands, int argc, const char *const argv[], struct why *why)
{
	struct words words = {argv + (argc > 0), argv + argc};
	struct args *args = ret_args;
	bool flags_ended = false;
	enum err err = ERR_OK;

	*args = (struct args){0};
	args->operands = calloc((size_t)argc + 1, sizeof *args->operands);
	if (!args->operands)
		return ERR_NO_MEMORY;
	while (!err && words.at < words.end) {
		const char *word = *words.at++;
		flags_ended = flags_ended || (args->operand_count > 0 && args->command->ends_flags);
		if (flags_ended || word[0] != '-' || word[1] == 0)
			err = take_word(args, commands, word, why);
		else if (strcmp(word, "--") == 0)
			flags_ended = true;
		else if (word[1] == '-')
			err = take_long(args, commands, word, &words, why);
		else
			err = take_short(args, commands, word, &words, why);
	}
	if (err)
		find_json(args, words);
	return err ? err : check(args, why);
}
