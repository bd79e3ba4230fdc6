#include "cli/ask.h"
#include "cli/commands.h"
#include "node/group.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* --- what is told */

static void print(struct session *session, const struct group *group)
{
	char code[GROUP_CODE_MAX] = "", tag[GROUP_TEXT_MAX];

	if (!group->is_open)
		group_code(group, code);
	if (session->output.json)
		output_json(&session->output, json_pack("{s:b, s:s, s:b, s:s*}", "open", group->is_open, "tag", group_text(group, tag), "creator", group->is_creator, "code",
							*code ? code : NULL));
	else
		output_line(&session->output, "%s", *code ? code : "open");
	sodium_memzero(code, sizeof code);
}

/* A node that runs would go on in the old group. */
static enum err regroup(struct session *session, struct why *why)
{
	struct ask ask = {0};
	struct why trouble = {0};
	enum err err = ask_node(session, json_pack("{s:s}", "ask", "regroup"), &ask, &trouble);

	ask_release(&ask);
	if (err == ERR_NOT_FOUND)
		return ERR_OK;
	return err ? why_set(why, err, "the group is changed on disk, but the node that runs could not be told, so restart it: %s", trouble.text) : ERR_OK;
}

static enum err change_to(struct session *session, const struct group *group, struct why *why)
{
	enum err err = group->is_open ? group_remove(session->config.home, why) : group_save(session->config.home, group, why);

	return err ? err : regroup(session, why);
}

static void tell_of_before(struct session *session)
{
	session_remark(session, "what the open group has got from here, its nodes keep; files that are open to all stay so");
}

/* --- the acts; `group` is the one of the home, and is replaced */

static enum err refuse_second(const struct group *group, struct why *why)
{
	char tag[GROUP_TEXT_MAX];

	return why_set(why, ERR_EXISTS, "this node is in a private group already (%s): larder group leave comes first, and the code is lost with it unless larder group show is kept",
		       group_text(group, tag));
}

static enum err create(struct session *session, struct group *group, const char *code, struct why *why)
{
	enum err err;

	(void)code;
	if (!group->is_open)
		return refuse_second(group, why);
	group_release(group);
	group_init_new(group);
	err = change_to(session, group, why);
	if (err)
		return err;
	print(session, group);
	session_remark(session, "whoever has this code is in the group; on each of the other machines: larder group join -   (and then the code)");
	tell_of_before(session);
	return ERR_OK;
}

/* From standard input; the code is a line. */
static enum err read_code(char *ret, size_t room, struct why *why)
{
	if (!fgets(ret, (int)room, stdin))
		return why_set(why, ERR_USAGE, "there was no code on standard input");
	if (!strchr(ret, '\n') && !feof(stdin))
		return why_set(why, ERR_USAGE, "what came on standard input is too long for a code");
	return ERR_OK;
}

static enum err join(struct session *session, struct group *group, const char *code, struct why *why)
{
	char text[4 * GROUP_CODE_MAX];
	uint8_t key[GROUP_KEY_LEN];
	bool from_input, is_same;
	enum err err = ERR_OK;

	if (!code)
		return why_set(why, ERR_USAGE, "larder group join needs the code, or - to read it from standard input");
	from_input = strcmp(code, "-") == 0;
	if (from_input)
		err = read_code(text, sizeof text, why);
	if (!err)
		err = group_parse_code(from_input ? text : code, key, why);
	sodium_memzero(text, sizeof text);
	if (err)
		return err == ERR_INVALID ? ERR_USAGE : err;
	is_same = !group->is_open && sodium_memcmp(group->key, key, sizeof key) == 0;
	if (!group->is_open && !is_same) {
		sodium_memzero(key, sizeof key);
		return refuse_second(group, why);
	}
	if (!is_same) {
		group_release(group);
		group_init(group, key, false);
		err = change_to(session, group, why);
	}
	sodium_memzero(key, sizeof key);
	if (err)
		return err;
	if (!from_input)
		session_remark(session, "other users of this machine can see the arguments of a program while it runs, and your shell remembers them: larder group join - reads the "
					"code from standard input");
	session_remark(session, is_same ? "this node is in that group already" : "this node is in the group now");
	if (!is_same)
		tell_of_before(session);
	if (session->output.json)
		print(session, group);
	return ERR_OK;
}

static enum err show(struct session *session, struct group *group, const char *code, struct why *why)
{
	char tag[GROUP_TEXT_MAX];

	(void)code;
	(void)why;
	print(session, group);
	if (group->is_open)
		session_remark(session, "this node is in the open group, as all are that were not told otherwise");
	else
		session_remark(session, "the code of the private group %s%s; whoever has it is in", group_text(group, tag), group->is_creator ? ", made here" : "");
	return ERR_OK;
}

static enum err leave(struct session *session, struct group *group, const char *code, struct why *why)
{
	bool was_open = group->is_open;
	enum err err = ERR_OK;

	(void)code;
	if (!was_open) {
		group_release(group);
		group_init_open(group);
		err = change_to(session, group, why);
	}
	if (err)
		return err;
	session_remark(session, was_open ? "this node is in the open group already"
					 : "this node is in the open group now: public files that it holds are shared with all nodes of the LAN (serve = no ends that)");
	if (session->output.json)
		print(session, group);
	return ERR_OK;
}

static enum err rotate(struct session *session, struct group *group, const char *code, struct why *why)
{
	enum err err;

	(void)code;
	if (group->is_open)
		return why_set(why, ERR_USAGE, "the open group's key is known to all and cannot be changed: larder group create makes a private one");
	group_release(group);
	group_init_new(group);
	err = change_to(session, group, why);
	if (err)
		return err;
	print(session, group);
	session_remark(session, "this is the new code; those who are to stay leave the old group and join with it: larder group leave, then larder group join -");
	return ERR_OK;
}

static const struct act {
	const char *name;
	bool takes_code;
	enum err (*run)(struct session *session, struct group *group, const char *code, struct why *why);
} acts[] = {
	{"create", false, create}, {"join", true, join}, {"show", false, show}, {"leave", false, leave}, {"rotate", false, rotate},
};

static enum err run_group(struct session *session, const struct args *args, struct why *why)
{
	const char *code = args->operand_count > 1 ? args->operands[1] : NULL;
	const struct act *act = NULL;
	struct group group;
	enum err err;

	for (size_t i = 0; i < sizeof acts / sizeof acts[0]; i++)
		if (strcmp(acts[i].name, args->operands[0]) == 0)
			act = &acts[i];
	if (!act)
		return why_set(why, ERR_USAGE, "\"%s\" cannot be done to a group: larder group create, join, show, leave or rotate", args->operands[0]);
	if (code && !act->takes_code)
		return why_set(why, ERR_USAGE, "\"%s\" is one word too many: larder group %s", code, act->name);
	err = session_open_store(session, why);
	if (!err)
		err = group_load(session->config.home, &group, why);
	if (err)
		return err;
	err = act->run(session, &group, code, why);
	group_release(&group);
	return err;
}

const struct command group_command = {
	.name = "group",
	.summary = "make, join, show, leave or renew a private group",
	.operands = "create | join CODE | show | leave | rotate",
	.help = "A node talks to those of its own group only. All begin in the open group, which\n"
		"shares public files with everybody on the LAN. A private group is a key, handed\n"
		"on as a code:\n\n"
		"  create   make a group and print its code\n"
		"  join     enter the group of that code; - reads it from standard input, since\n"
		"           arguments can be seen by other users of the machine\n"
		"  show     print the code again\n"
		"  leave    go back to the open group\n"
		"  rotate   print a new code: those that are not given it are out\n\n"
		"With share_gated = yes in larder.conf, members give each other gated files, too.\n"
		"A node that runs changes at once. What others have got before, they keep.\n\n"
		"--json: {open, tag, creator, code}\n\n"
		"Examples:\n"
		"  larder group create\n"
		"  ssh lab2 larder group join - <code.txt\n"
		"  larder group leave\n",
	.min_operands = 1,
	.max_operands = 2,
	.run = run_group,
};
