#include "cli/doctor.h"

#include "cli/commands.h"

#include <stdarg.h>
#include <string.h>

static const char *const names[] = {[FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_PROBLEM] = "problem"};

static void print(struct session *session, enum finding finding, const char *topic, const char *text, const char *remedy)
{
	output_line(&session->output, "%-8s %-10s %s", names[finding], topic, text);
	if (remedy)
		output_line(&session->output, "%-8s %-10s -> %s", "", "", remedy);
	fflush(session->output.stream); /* the next thing may take seconds */
}

void doctor_note(struct doctor *doctor, enum finding finding, const char *topic, const char *remedy, const char *format, ...)
{
	char text[WHY_MAX];
	struct why tamed;
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	(void)why_set(&tamed, ERR_OK, "%s", text);
	doctor->problems += finding == FINDING_PROBLEM;
	doctor->warnings += finding == FINDING_WARNING;
	json_array_append_new(doctor->findings,
			      json_pack("{s:s, s:s, s:s, s:s*}", "topic", topic, "state", names[finding], "text", tamed.text, "remedy", remedy));
	if (!doctor->session->output.json)
		print(doctor->session, finding, topic, tamed.text, remedy);
}

static enum err finish(struct doctor *doctor, struct why *why)
{
	struct session *session = doctor->session;
	char problems[48], warnings[48];

	output_count(doctor->problems, "problem", "problems", problems);
	output_count(doctor->warnings, "warning", "warnings", warnings);
	if (session->output.json)
		output_json(&session->output, json_pack("{s:i, s:i, s:O}", "problems", (int)doctor->problems, "warnings", (int)doctor->warnings, "findings",
							doctor->findings));
	if (doctor->problems)
		return why_set(why, ERR_IO, "%s, %s", problems, warnings);
	session_remark(session, "no problem, %s", warnings);
	return ERR_OK;
}

static enum err run_doctor(struct session *session, const struct args *args, struct why *why)
{
	struct doctor doctor = {.session = session, .findings = json_array()};
	enum err err;

	doctor_home(&doctor);
	doctor_surroundings(&doctor);
	doctor_network(&doctor);
	if (doctor.has_store) {
		doctor_hub(&doctor);
		doctor_node(&doctor);
	}
	doctor_multicast(&doctor);
	if (args->operand_count)
		doctor_host(&doctor, args->operands[0]);
	err = session->stop ? why_set(why, ERR_CANCELLED, "stopped") : finish(&doctor, why);
	json_decref(doctor.findings);
	return err;
}

const struct command doctor_command = {
	.name = "doctor",
	.summary = "tell why it does not work, and what to do",
	.operands = "[HOST[:PORT]]",
	.help = "Looks at the store and its disk, the clock, the hub, the token, variables that\n"
		"lead elsewhere, the node, its port and gateway, the network and who is heard\n"
		"there. With HOST, an address, a name, or what larder peers calls a node, also\n"
		"at the way to that one: the connection, the group's key, the port for the bytes\n"
		"of files; and at the way back, for which the node there is asked to connect to\n"
		"this one.\n\n"
		"Each line is ok, a warning or a problem, with what to do behind ->. The exit\n"
		"code is 1 when there is a problem.\n\n"
		"--json: {problems, warnings, findings: [{topic, state, text, remedy}]}\n\n"
		"Examples:\n"
		"  larder doctor\n"
		"  larder doctor nas.lab.example\n"
		"  larder doctor 192.168.1.7:5273\n",
	.max_operands = 1,
	.run = run_doctor,
};
