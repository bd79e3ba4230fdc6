#include "cli/doctor.h"

#include "cli/ask.h"

#include <string.h>

struct hearing {
	struct ask ask;
	struct doctor *doctor;
};

/* --- who is heard */

static void on_peer(struct ask *ask, json_t *line)
{
	struct doctor *doctor = container_of(ask, struct hearing, ask)->doctor;
	const char *verdict = ask_text(line, "verdict");

	if (*verdict)
		doctor_note(doctor, FINDING_WARNING, "peers", "look at that machine's disk and memory; bytes from there are proven like all others", "%s (%s) is %s: %s",
			    ask_text(line, "name"), ask_text(line, "node"), verdict, ask_text(line, "reason"));
}

static void listen_to_peers(struct doctor *doctor)
{
	const struct config *config = &doctor->session->config;
	struct hearing hearing = {.ask = {.on_line = on_peer}, .doctor = doctor};
	bool is_off = config->discovery == CONFIG_DISCOVERY_OFF;
	struct why why = {0};
	char text[48];

	if (ask_node(doctor->session, json_pack("{s:s}", "ask", "peers"), &hearing.ask, &why) != ERR_OK) {
		doctor_note(doctor, FINDING_PROBLEM, "peers", NULL, "%s", why.text);
		return;
	}
	doctor->heard = ask_number(hearing.ask.last, "heard");
	ask_heard(doctor->heard, text);
	if (doctor->heard)
		doctor_note(doctor, FINDING_OK, "peers", NULL, "%s", text);
	else if (is_off && config->peers.count == 0)
		doctor_note(doctor, FINDING_WARNING, "peers", "set discovery = auto, or name a node: peer = HOST in larder.conf", "%s: discovery is off, and no peer is named", text);
	else
		doctor_note(doctor, FINDING_WARNING, "peers", "if there is one: larder doctor HOST looks at the way to it; are both in the same group?", "%s", text);
	ask_release(&hearing.ask);
}

/* --- the node itself */

static void judge_discovery(struct doctor *doctor, json_t *node)
{
	const char *mode = ask_text(node, "discovery");

	if (strcmp(mode, "none") == 0)
		doctor_note(doctor, FINDING_PROBLEM, "discovery", "start avahi-daemon (and dbus), or set discovery = embedded; or name nodes: peer = HOST",
			    "other nodes cannot be looked for by multicast");
	else
		doctor_note(doctor, FINDING_OK, "discovery", NULL, "%s", mode);
}

static void judge_group(struct doctor *doctor, json_t *node)
{
	const struct config *config = &doctor->session->config;
	json_t *group = json_object_get(node, "group");
	bool is_open = json_is_true(json_object_get(group, "open"));

	if (is_open)
		doctor_note(doctor, FINDING_OK, "group", NULL, "the open one");
	else
		doctor_note(doctor, FINDING_OK, "group", NULL, "a private one, %s: other nodes must have the same", ask_text(group, "tag"));
	if (config->share_gated && is_open)
		doctor_note(doctor, FINDING_WARNING, "group", "larder group create makes a private one", "share_gated has no meaning in the open group");
	if (!config->serve)
		doctor_note(doctor, FINDING_WARNING, "serve", "set serve = yes", "this node takes from others and gives nothing");
}

static void judge(struct doctor *doctor, json_t *node)
{
	bool is_own = doctor->session->node;
	uint64_t port = ask_number(node, "port");

	if (is_own)
		doctor_note(doctor, FINDING_OK, "node", NULL, "none runs on this home; one was started for this look, with port %llu", (unsigned long long)port);
	else
		doctor_note(doctor, FINDING_OK, "node", NULL, "process %llu, larder %s, port %llu, id %s", (unsigned long long)ask_number(node, "pid"),
			    ask_text(node, "version"), (unsigned long long)port, ask_text(node, "node"));
	doctor->port = (uint16_t)port;
	doctor_port(doctor, doctor->port);
	if (!is_own && !json_is_true(json_object_get(node, "passing")))
		doctor_gateway(doctor, ask_text(node, "gateway"));
	judge_group(doctor, node);
	listen_to_peers(doctor);
}

/* The mode of discovery is known only when it has tried, which listening gives it time for. */
static void look_at_discovery(struct doctor *doctor)
{
	struct ask ask = {0};

	if (ask_node(doctor->session, json_pack("{s:s}", "ask", "status"), &ask, NULL) == ERR_OK)
		judge_discovery(doctor, ask.last);
	ask_release(&ask);
}

void doctor_node(struct doctor *doctor)
{
	struct ask ask = {0};
	struct why why = {0};
	enum err err = session_open_node(doctor->session, &why);

	if (!err)
		err = ask_node(doctor->session, json_pack("{s:s}", "ask", "status"), &ask, &why);
	if (err) {
		doctor_note(doctor, FINDING_PROBLEM, "node", NULL, "%s", why.text);
		return;
	}
	doctor->has_node = true;
	judge(doctor, ask.last);
	ask_release(&ask);
	look_at_discovery(doctor);
}
