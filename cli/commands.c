#include "cli/commands.h"

#include "base/version.h"
#include "cli/exit_code.h"
#include "cli/help.h"
#include "cli/session.h"

#include <errno.h>
#include <string.h>

const struct command *const commands[] = {
	&get_command, &who_command, &peers_command, &ls_command, &resolve_command, &status_command, &run_command, &env_command, &verify_command, &add_command,
	&adopt_command, &rm_command, &pin_command, &unpin_command, &gc_command, &group_command, &doctor_command, &help_command, NULL,
};

static int fail(struct session *session, enum err err, const struct why *why, int code)
{
	const char *sentence = why->text[0] ? why->text : err_name(err);

	session_tell(session, "%s", sentence);
	if (session->output.json && !session->output.has_object)
		output_json(&session->output, json_pack("{s:s, s:i}", "error", sentence, "code", code));
	return code;
}

/* What stands in a FILE's buffer may still find no room. */
static int close_output(struct session *session, int code)
{
	struct why why = {0};
	enum err err = output_close(&session->output, &why);

	if (!err)
		return code;
	if (session->output.error_number != EPIPE) /* a reader that has seen enough, as head, is no news */
		session_tell(session, "%s", why.text);
	return code ? code : (int)exit_code_of(err);
}

static int execute(struct session *session, const struct args *args, FILE *out, FILE *messages)
{
	struct why why = {0};
	enum err err = session_open(session, args, out, messages, &why);
	int code;

	if (err)
		return fail(session, err, &why, (int)exit_code_of(err));
	err = args->command->run(session, args, &why);
	code = err == ERR_CANCELLED && session->signals.caught ? 128 + session->signals.caught : (int)exit_code_of(err);
	if (err)
		fail(session, err, &why, code);
	session_close(session);
	return code;
}

int commands_run(int argc, const char *const argv[], FILE *out, FILE *messages)
{
	struct session session = {.messages = messages, .output = {.stream = out}};
	struct args args;
	struct why why = {0};
	enum err err = args_parse(&args, commands, argc, argv, &why);
	int code = EXIT_CODE_DONE;

	session.output.json = args_has(&args, "json");
	if (!err && args_has(&args, "version"))
		output_line(&session.output, "larder %s", LARDER_VERSION);
	else if (!err && help_is_wanted(&args))
		err = help_print(&session.output, &args, &why);
	else if (!err)
		code = execute(&session, &args, out, messages);
	if (err)
		code = fail(&session, err, &why, (int)exit_code_of(err));
	code = close_output(&session, code);
	args_release(&args);
	return code;
}
