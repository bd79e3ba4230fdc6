#include "node/wire.h"
#include "node/wire_form.h"

#define KEY_TYPE 0
#define KEY_REQUEST 1
#define ENTRY_BYTES (WIRE_REPO_MAX + WIRE_COMMIT_MAX + WIRE_PATH_MAX + DIGEST_MAX_BYTES + 64)

_Static_assert(WIRE_ENTRIES_BYTES + WIRE_CURSOR_MAX + 64 <= WIRE_CONTROL_MAX, "a full page fits a frame");
_Static_assert((size_t)WIRE_TAGS_MAX * TAG_LEN + 64 <= WIRE_CONTROL_MAX, "all tags fit a frame");

const char *wire_type_name(enum wire_type type)
{
	const struct wire_form *form = wire_form_of(type);

	return form ? form->name : "unknown";
}

/* The rest of the map, either way. */
static void message_fields(struct wire_map *map, const struct wire_form *form, struct wire_message *m)
{
	if (m->bulk.len > WIRE_PIECE_MAX)
		wire_stream_fail(map->stream, ERR_LIMIT, "has %zu bytes in its second frame", m->bulk.len);
	else if (m->bulk.len > 0 && !form->may_have_bulk)
		wire_stream_fail(map->stream, ERR_INVALID, "has a second frame");
	if (form->has_request)
		m->request = wire_map_number(map, KEY_REQUEST, "request", m->request, 0, UINT64_MAX);
	if (form->fields)
		form->fields(map, m);
}

static void read_message(struct wire_stream *stream, struct wire_message *m)
{
	static const struct wire_form unknown = {.may_have_bulk = true};
	const struct wire_form *form;
	struct wire_map map;
	uint64_t type;

	wire_map_begin(&map, stream);
	type = wire_map_number(&map, KEY_TYPE, "type", 0, 0, UINT64_MAX);
	form = wire_form_of(type);
	m->type = form ? (enum wire_type)type : WIRE_UNKNOWN;
	stream->what = form ? form->name : "a message";
	message_fields(&map, form ? form : &unknown, m);
	wire_map_end(&map);
	if (stream->reader.left > 0)
		wire_stream_fail(stream, ERR_INVALID, "has bytes behind its end");
}

enum err wire_decode(const void *control, size_t control_len, const void *bulk, size_t bulk_len, struct wire_message *ret_message, struct why *why)
{
	struct wire_stream stream = wire_stream_read((struct wire_reader){control, control_len}, "a message", why);
	struct wire_message message = {.bulk = {bulk_len ? bulk : NULL, bulk_len}};

	if (control_len > WIRE_CONTROL_MAX)
		return why_set(why, ERR_LIMIT, "a message has a control frame of %zu bytes", control_len);
	read_message(&stream, &message);
	if (stream.err)
		return stream.err;
	*ret_message = message;
	return ERR_OK;
}

enum err wire_encode(const struct wire_message *message, uint8_t *ret_control, size_t room, size_t *ret_len, struct why *why)
{
	const struct wire_form *form = wire_form_of(message->type);
	struct wire_message m = *message; /* the lines that describe it could write to it, though they do not */
	struct wire_stream stream;
	struct wire_map map;

	if (!form)
		return why_set(why, ERR_INVALID, "no message of an unknown type can be written");
	stream = wire_stream_write(ret_control, room < WIRE_CONTROL_MAX ? room : WIRE_CONTROL_MAX, form->name, why);
	wire_map_begin(&map, &stream);
	wire_map_number(&map, KEY_TYPE, "type", message->type, 1, UINT64_MAX);
	message_fields(&map, form, &m);
	wire_map_end(&map);
	if (stream.err)
		return stream.err;
	*ret_len = stream.len;
	return ERR_OK;
}

/* --- entries of NAMES */

bool wire_entry_next(struct wire_bytes *rest, struct wire_entry *ret_entry)
{
	struct wire_stream stream = wire_stream_read((struct wire_reader){rest->at, rest->len}, "NAMES", NULL);
	struct wire_entry entry;

	if (rest->len == 0)
		return false;
	wire_form_entry(&stream, &entry);
	if (stream.err)
		return false;
	*rest = (struct wire_bytes){stream.reader.at, stream.reader.left};
	*ret_entry = entry;
	return true;
}

enum err wire_page_add(struct wire_page *page, const struct wire_entry *entry, struct why *why)
{
	uint8_t bytes[ENTRY_BYTES];
	struct wire_stream stream = wire_stream_write(bytes, sizeof bytes, "an entry", why);
	struct wire_entry copy = *entry;

	wire_form_entry(&stream, &copy);
	if (stream.err)
		return ERR_INVALID;
	if (page->count == WIRE_ENTRIES_MAX || stream.len > sizeof page->bytes - page->len)
		return ERR_LIMIT;
	memcpy(page->bytes + page->len, bytes, stream.len);
	page->len += stream.len;
	page->count++;
	return ERR_OK;
}

/* --- the handshake */

static uint8_t *put(uint8_t *at, const void *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

static uint8_t *put_number(uint8_t *at, uint64_t number)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(number >> shift);
	return at;
}

void wire_welcome_signed_bytes(const struct wire_hello *hello, const struct wire_hello *welcome, uint8_t ret[WIRE_WELCOME_SIGNED])
{
	uint8_t *at = put(ret, WIRE_WELCOME_LABEL, sizeof WIRE_WELCOME_LABEL - 1);

	at = put(at, hello->node_key, WIRE_KEY_LEN);
	at = put(at, welcome->node_key, WIRE_KEY_LEN);
	at = put(at, hello->nonce, WIRE_NONCE_LEN);
	at = put(at, welcome->nonce, WIRE_NONCE_LEN);
	put_number(put_number(at, hello->epoch), welcome->epoch);
}

uint64_t wire_common_version(const struct wire_hello *a, const struct wire_hello *b)
{
	uint64_t common = a->version < b->version ? a->version : b->version;

	return common >= a->lowest && common >= b->lowest ? common : 0;
}
