#include "cli/ask.h"
#include "cli/commands.h"

#include <string.h>

static const char *const titles[] = {"NAME", "NODE", "ADDRESS", "VERSION", "ROUND TRIP", "DIGESTS", "FROM IT", "TO IT"};

struct showing {
	struct ask ask;
	json_t *peers;
	struct table table;
};

/* Verdicts stand below the table: they are rare, and their reasons long. */
static void tell_verdict(struct session *session, json_t *line)
{
	const char *verdict = ask_text(line, "verdict"), *reason = ask_text(line, "reason");
	bool is_here = json_is_true(json_object_get(line, "here"));

	if (*verdict)
		session_tell(session, "%s (%s) is %s%s%s%s", ask_text(line, "name"), ask_text(line, "node"), verdict, *reason ? ": " : "", reason,
			     is_here ? "" : "; it is not here now");
}

static void on_line(struct ask *ask, json_t *line)
{
	struct showing *showing = container_of(ask, struct showing, ask);
	char round_trip[ASK_TIME_MAX], in[SIZE_TEXT_MAX], out[SIZE_TEXT_MAX], digests[24];

	json_array_append(showing->peers, line);
	if (!json_is_true(json_object_get(line, "here")))
		return;
	snprintf(digests, sizeof digests, "%llu", (unsigned long long)ask_number(line, "digests"));
	table_add(&showing->table, (const char *const[]){ask_text(line, "name"), ask_text(line, "node"), ask_text(line, "address"), ask_text(line, "version"),
							 ask_round_trip(line, round_trip), digests, output_size(ask_number(line, "bytes_in"), in),
							 output_size(ask_number(line, "bytes_out"), out)});
}

static void print(struct session *session, struct showing *showing)
{
	uint64_t heard = ask_number(showing->ask.last, "heard");
	char text[48];
	json_t *line;
	size_t i;

	if (session->output.json) {
		output_json(&session->output, json_pack("{s:I, s:O}", "heard", (json_int_t)heard, "peers", showing->peers));
		return;
	}
	if (heard)
		table_print(&showing->table, &session->output);
	json_array_foreach(showing->peers, i, line)
		tell_verdict(session, line);
	session_remark(session, "%s%s", ask_heard(heard, text), heard ? "" : ": larder doctor looks for the reason");
}

static enum err run_peers(struct session *session, const struct args *args, struct why *why)
{
	struct showing showing = {
		.ask = {.on_line = on_line},
		.peers = json_array(),
		.table = {.titles = titles, .columns = sizeof titles / sizeof titles[0], .right_aligned = 0xf0},
	};
	enum err err = session_open_node(session, why);

	(void)args;
	if (!err)
		err = ask_node(session, json_pack("{s:s}", "ask", "peers"), &showing.ask, why);
	if (!err)
		print(session, &showing);
	table_release(&showing.table);
	json_decref(showing.peers);
	ask_release(&showing.ask);
	return err;
}

const struct command peers_command = {
	.name = "peers",
	.summary = "show the other nodes that are here",
	.operands = "",
	.help = "Asks the node that runs on this home; without one, listens for two seconds.\n"
		"Shown are those of the same group that can be talked to: how far away they are,\n"
		"how many digests they tell of (a file outside LFS has two), and what went to and\n"
		"fro since they came. A node that sent what was not what it promised is named\n"
		"with the reason.\n\n"
		"--json: {heard, peers: [{node, name, address, round_trip_us, version, digests,\n"
		"bytes_in, bytes_out, bytes_wasted, bulk_bytes_in, bulk_bytes_out, here, verdict,\n"
		"reason}]}; bulk: what of them went over a connection of its own, sealed\n\n"
		"Examples:\n"
		"  larder peers\n"
		"  larder peers --json | jq -r '.peers[].address'\n",
	.run = run_peers,
};
