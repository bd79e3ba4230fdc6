#include "cli/status_node.h"

#include "cli/ask.h"

#include <poll.h>
#include <string.h>

#define RATE_MS 500 /* between two looks, where something is being transferred */

static enum err ask(struct session *session, json_t **ret_node, struct why *why)
{
	struct ask ask = {0};
	enum err err = ask_node(session, json_pack("{s:s}", "ask", "status"), &ask, why);

	if (!err)
		*ret_node = json_incref(ask.last);
	ask_release(&ask);
	return err;
}

static json_t *find_transfer(json_t *node, const char *digest)
{
	json_t *transfer;
	size_t i;

	json_array_foreach(json_object_get(node, "transfers"), i, transfer)
		if (strcmp(ask_text(transfer, "digest"), digest) == 0)
			return transfer;
	return NULL;
}

static void set_rates(json_t *before, json_t *now)
{
	uint64_t took_ms = ask_number(now, "uptime_ms") - ask_number(before, "uptime_ms"), sum = 0;
	json_t *transfer;
	size_t i;

	json_array_foreach(json_object_get(now, "transfers"), i, transfer) {
		uint64_t done = ask_number(transfer, "bytes_done"), had = ask_number(find_transfer(before, ask_text(transfer, "digest")), "bytes_done");
		uint64_t rate = done > had && took_ms > 0 ? (done - had) * 1000 / took_ms : 0;
		json_object_set_new(transfer, "rate", json_integer((json_int_t)rate));
		sum += rate;
	}
	json_object_del(now, "end"); /* of the answer, not of the node */
	json_object_set_new(now, "rate", json_integer((json_int_t)sum));
}

enum err status_ask_node(struct session *session, json_t **ret_node, struct why *why)
{
	json_t *before = NULL, *now = NULL;
	struct why trouble = {0};
	enum err err = ask(session, &before, &trouble);

	if (!err && json_array_size(json_object_get(before, "transfers")) > 0) {
		poll(NULL, 0, RATE_MS);
		err = ask(session, &now, &trouble);
	}
	if (!err && !now)
		now = json_deep_copy(before);
	if (now)
		set_rates(before, now);
	json_decref(before);
	if (err && err != ERR_NOT_FOUND && err != ERR_CANCELLED)
		session_tell(session, "%s", trouble.text);
	if (err == ERR_CANCELLED)
		return why_set(why, err, "%s", trouble.text);
	*ret_node = now;
	return ERR_OK;
}

static void print_group(struct session *session, json_t *node)
{
	json_t *group = json_object_get(node, "group");

	if (json_is_true(json_object_get(group, "open")))
		output_line(&session->output, "group       open");
	else
		output_line(&session->output, "group       private, %s%s", ask_text(group, "tag"),
			    json_is_true(json_object_get(group, "creator")) ? ", made here" : "");
}

static void print_transfer(struct session *session, json_t *transfer)
{
	char done[SIZE_TEXT_MAX], size[SIZE_TEXT_MAX], rate[SIZE_TEXT_MAX], line[512];

	snprintf(line, sizeof line, "transfer    %s of %s, %s/s, %.300s", output_size(ask_number(transfer, "bytes_done"), done),
		 json_object_get(transfer, "size") ? output_size(ask_number(transfer, "size"), size) : "?", output_size(ask_number(transfer, "rate"), rate),
		 ask_text(transfer, "name"));
	output_line(&session->output, "%s", line);
}

void status_print_node(struct session *session, json_t *node)
{
	struct output *output = &session->output;
	char time[TIME_TEXT_MAX], count[48], blobs[48], a[SIZE_TEXT_MAX];
	json_t *transfer;
	size_t i;

	if (!node) {
		output_line(output, "node        none runs on this home");
		return;
	}
	output_line(output, "node        %s (%s), process %llu, larder %s, for %s", ask_text(node, "name"), ask_text(node, "node"),
		    (unsigned long long)ask_number(node, "pid"), ask_text(node, "version"), output_duration(ask_number(node, "uptime_ms") / 1000, time));
	output_line(output, "port        %llu, discovery %s", (unsigned long long)ask_number(node, "port"), ask_text(node, "discovery"));
	output_line(output, "gateway     %s", *ask_text(node, "gateway") ? ask_text(node, "gateway") : "off");
	print_group(session, node);
	output_line(output, "peers       %s", output_count(ask_number(node, "peers"), "node is here", "nodes are here", count));
	output_line(output, "shared      %s, %s; given since it runs: %s", output_count(ask_number(node, "shared_blobs"), "blob", "blobs", blobs),
		    output_size(ask_number(node, "shared_bytes"), a), output_size(ask_number(node, "served_bytes"), count));
	json_array_foreach(json_object_get(node, "transfers"), i, transfer)
		print_transfer(session, transfer);
}
