#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/endpoint_settings.h"
#include "cli/session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_NOT_FOUND = 127, EXIT_NOT_RUN = 126 }; /* as shells, env and nohup have it */

static enum err apply(struct session *session, const struct endpoint_settings *settings, struct why *why)
{
	for (size_t i = 0; i < settings->count; i++) {
		const struct endpoint_setting *setting = &settings->items[i];
		if (setenv(setting->name, setting->value, 1) != 0)
			return why_errno(why, errno, "%s cannot be set", setting->name);
		if (strcmp(setting->name, "LARDER_HUB") != 0)
			session_remark(session, "%s=%s", setting->name, setting->value);
	}
	return ERR_OK;
}

/* The command takes this process over, and with it the lock that keeps the node: signals, exit code and terminal are its own. */
static void become(struct session *session, const struct args *args, int held)
{
	int failed;

	if (held >= 0)
		(void)!fcntl(held, F_SETFD, 0);
	fflush(session->messages);
	signal(SIGPIPE, SIG_DFL);
	execvp(args->operands[0], (char *const *)(uintptr_t)args->operands);
	failed = errno;
	session_tell(session, "%s cannot be run: %s", args->operands[0], strerrordesc_np(failed));
	_exit(failed == ENOENT ? EXIT_NOT_FOUND : EXIT_NOT_RUN);
}

static enum err run_run(struct session *session, const struct args *args, struct why *why)
{
	struct endpoint_settings settings = {0};
	struct endpoint endpoint = {0};
	int held = -1;
	enum err err = endpoint_provide(session, &endpoint, &held, why);

	if (!err)
		err = endpoint_settings_make(&settings, endpoint.url, session->config.hub, why);
	if (!err)
		err = apply(session, &settings, why);
	endpoint_settings_release(&settings);
	if (!err)
		become(session, args, held);
	if (held >= 0)
		close(held);
	return err;
}

const struct command run_command = {
	.name = "run",
	.summary = "run a command that takes its files from here",
	.operands = "-- COMMAND [ARGUMENT...]",
	.help = "Sets the hub of the command to the gateway of this machine's node, so that\n"
		"programs built on the Hugging Face libraries take their files from the LAN\n"
		"first, unchanged. Where no node answers, one is started, which ends with the\n"
		"last command that uses it. What is set is said on standard error: HF_ENDPOINT;\n"
		"MODEL_ENDPOINT, if there is one; NO_PROXY and no_proxy, if a proxy is set.\n"
		"The command takes the place of larder: its signals and its exit code are its\n"
		"own. Exit code 127 when there is no such command, 126 when it cannot be run.\n\n"
		"Examples:\n"
		"  larder run -- python train.py\n"
		"  larder run -- hf download sentence-transformers/all-MiniLM-L6-v2\n",
	.min_operands = 1,
	.max_operands = ARGS_OPERANDS_MAX,
	.ends_flags = true,
	.run = run_run,
};
