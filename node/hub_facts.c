#include "node/hub_facts.h"
#include "node/number.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* `W/"abc"` or `"abc"` or `abc`, of exactly the algorithm's length. */
static bool parse_etag(enum digest_algorithm algorithm, const char *value, struct digest *ret_digest)
{
	size_t len = 2 * digest_len(algorithm);
	char hex[DIGEST_HEX_MAX];
	bool quoted;

	if (strncasecmp(value, "W/", 2) == 0)
		value += 2;
	quoted = *value == '"';
	value += quoted;
	if (strlen(value) != len + quoted || (quoted && value[len] != '"'))
		return false;
	memcpy(hex, value, len);
	hex[len] = 0;
	return digest_parse_hex(algorithm, hex, ret_digest);
}

static void add_linked(struct hub_facts *facts, const struct http_answer *answer)
{
	const char *etag = http_answer_header(answer, "X-Linked-Etag");
	const char *size = http_answer_header(answer, "X-Linked-Size");

	if (etag && !parse_etag(DIGEST_SHA256, etag, &facts->linked) && !parse_etag(DIGEST_GIT_SHA1, etag, &facts->linked))
		facts->linked = (struct digest){.algorithm = DIGEST_NONE};
	if (size)
		facts->has_linked_size = number_parse(size, strlen(size), &facts->linked_size);
}

/* An ETag of 64 digits is never taken: a CDN has such ones that are no SHA-256 of the file. */
static void add_own(struct hub_facts *facts, const struct http_answer *answer)
{
	const char *etag = http_answer_header(answer, "ETag");
	const char *length = http_answer_header(answer, "Content-Length");
	const char *encoding = http_answer_header(answer, "Content-Encoding");

	facts->git = (struct digest){.algorithm = DIGEST_NONE};
	if (etag && !parse_etag(DIGEST_GIT_SHA1, etag, &facts->git))
		facts->git.algorithm = DIGEST_NONE;
	facts->has_length = length && (!encoding || strcasecmp(encoding, "identity") == 0) && number_parse(length, strlen(length), &facts->length);
}

static void copy_header(char *ret, size_t room, const struct http_answer *answer, const char *name)
{
	const char *value = http_answer_header(answer, name);

	snprintf(ret, room, "%s", value ? value : "");
}

enum err hub_facts_add(struct hub_facts *facts, const struct http_answer *answer)
{
	const char *commit = http_answer_header(answer, "X-Repo-Commit");
	const char *type = http_answer_header(answer, "Content-Type");
	const char *link = http_answer_header(answer, "Link");

	facts->status = answer->status;
	if (commit && name_is_commit(commit))
		memcpy(facts->commit, commit, sizeof facts->commit);
	add_linked(facts, answer);
	add_own(facts, answer);
	facts->is_html = type && strncasecmp(type, "text/html", 9) == 0;
	copy_header(facts->code, sizeof facts->code, answer, "X-Error-Code");
	copy_header(facts->message, sizeof facts->message, answer, "X-Error-Message");
	free(facts->link_next);
	facts->link_next = NULL;
	facts->is_marked = commit || facts->code[0] || facts->message[0] || http_answer_header(answer, "X-Request-Id");
	return link ? url_link_next(link, &facts->link_next) : ERR_OK;
}

void hub_facts_release(struct hub_facts *facts)
{
	free(facts->link_next);
	*facts = (struct hub_facts){0};
}

bool hub_facts_has_file(const struct hub_facts *facts, struct digest *ret_digest, uint64_t *ret_size)
{
	if (facts->linked.algorithm != DIGEST_NONE && facts->has_linked_size) {
		*ret_digest = facts->linked;
		*ret_size = facts->linked_size;
		return true;
	}
	if (facts->linked.algorithm != DIGEST_NONE || facts->git.algorithm == DIGEST_NONE || !facts->has_length || facts->status != 200)
		return false;
	*ret_digest = facts->git;
	*ret_size = facts->length;
	return true;
}

void hub_facts_add_message(struct hub_facts *facts, const char *json, size_t len)
{
	json_t *root;
	const char *message;

	if (facts->message[0])
		return;
	root = json_loadb(json, len, 0, NULL);
	message = json_string_value(json_object_get(root, "error"));
	snprintf(facts->message, sizeof facts->message, "%s", message ? message : "");
	json_decref(root);
}
