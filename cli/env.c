#include "cli/commands.h"
#include "cli/endpoint.h"
#include "cli/endpoint_settings.h"
#include "cli/session.h"

#include <stdlib.h>
#include <string.h>

static enum err choose_shell(const struct args *args, enum shell *ret_shell, struct why *why)
{
	const char *named = args_value(args, "shell"), *own = getenv("SHELL");

	*ret_shell = SHELL_SH;
	if (named && !shell_parse(named, ret_shell))
		return why_set(why, ERR_USAGE, "--shell: \"%s\" is not known: sh (also for bash and zsh), fish or csh", named);
	if (!named && own)
		(void)!shell_parse(own, ret_shell);
	return ERR_OK;
}

static enum err print(struct output *output, const struct endpoint *endpoint, const struct endpoint_settings *settings, enum shell shell, struct why *why)
{
	json_t *variables = json_object();

	for (size_t i = 0; i < settings->count; i++) {
		const struct endpoint_setting *setting = &settings->items[i];
		char *line = endpoint_setting_line(setting, shell);
		if (!line) {
			json_decref(variables);
			return why_set(why, ERR_NO_MEMORY, "out of memory");
		}
		if (output->json)
			json_object_set_new(variables, setting->name, json_string(setting->value));
		else
			output_line(output, "%s", line);
		free(line);
	}
	if (output->json)
		output_json(output, json_pack("{s:s, s:s, s:s, s:O}", "gateway", endpoint->url, "node", endpoint->node, "version", endpoint->version, "variables", variables));
	json_decref(variables);
	return ERR_OK;
}

static enum err run_env(struct session *session, const struct args *args, struct why *why)
{
	struct endpoint_settings settings = {0};
	struct endpoint endpoint = {0};
	struct why trouble = {0};
	enum shell shell;
	enum err err = choose_shell(args, &shell, why);

	if (err)
		return err;
	err = endpoint_find(session, &endpoint, &trouble);
	if (err == ERR_HUB_AWAY)
		return why_set(why, err, "%s: start one with larderd, or let larder run -- COMMAND do it", trouble.text);
	if (err)
		return why_set(why, err, "%s", trouble.text);
	err = endpoint_settings_make(&settings, endpoint.url, session->config.hub, why);
	if (!err)
		err = print(&session->output, &endpoint, &settings, shell, why);
	endpoint_settings_release(&settings);
	return err;
}

static const struct args_flag flags[] = {
	{"shell", 0, "SHELL", "sh (bash, zsh), fish or csh; else what $SHELL is"},
	{0},
};

const struct command env_command = {
	.name = "env",
	.summary = "print what sets programs to this machine's gateway",
	.operands = "",
	.help = "Only when the gateway answers; otherwise exit code 4, and nothing is set: a\n"
		"program would find neither it nor the hub. Which variables: larder help run.\n\n"
		"--json: {gateway, node, version, variables: {NAME: VALUE}}\n\n"
		"Examples:\n"
		"  larder env --shell fish | source\n"
		"  eval \"$(larder env)\"\n",
	.flags = flags,
	.run = run_env,
};
