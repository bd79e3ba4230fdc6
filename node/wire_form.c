#include "node/wire_form.h"

/* --- the session */

static void check_versions(struct wire_map *map, const struct wire_hello *hello)
{
	if (hello->lowest > hello->version)
		wire_stream_fail(map->stream, ERR_INVALID, "understands no version");
}

static void hello_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_hello *hello = &m->hello;

	hello->version = wire_map_number(map, 2, "version", hello->version, 1, UINT64_MAX);
	hello->lowest = wire_map_number(map, 3, "lowest version", hello->lowest, 1, UINT64_MAX);
	check_versions(map, hello);
	wire_map_fixed(map, 4, "node key", hello->node_key, WIRE_KEY_LEN);
	wire_map_fixed(map, 5, "nonce", hello->nonce, WIRE_NONCE_LEN);
	hello->epoch = wire_map_number(map, 6, "epoch", hello->epoch, 0, UINT64_MAX);
	hello->generation = wire_map_number(map, 7, "generation", hello->generation, 0, UINT64_MAX);
	wire_map_text(map, 8, "name", &hello->name, 1, WIRE_NAME_MAX);
	hello->port = (uint16_t)wire_map_number(map, 9, "port", hello->port, 0, UINT16_MAX);
	wire_map_text(map, 10, "software", &hello->software, 0, WIRE_SOFTWARE_MAX);
	wire_map_fixed(map, 11, "group", hello->group, WIRE_GROUP_LEN);
}

static void welcome_fields(struct wire_map *map, struct wire_message *m)
{
	hello_fields(map, m);
	wire_map_fixed(map, 12, "signature", m->hello.signature, WIRE_SIGNATURE_LEN);
}

static void bye_fields(struct wire_map *map, struct wire_message *m)
{
	uint64_t reason = wire_map_number(map, 2, "reason", m->bye.reason, 1, UINT32_MAX);

	m->bye.reason = reason > WIRE_BYE_FULL ? WIRE_BYE_REFUSED : (enum wire_bye)reason;
	wire_map_text(map, 3, "text", &m->bye.text, 0, WIRE_BYE_TEXT_MAX);
}

/* --- who holds what */

static void holdings_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_holdings *holdings = &m->holdings;

	holdings->generation = wire_map_number(map, 2, "generation", holdings->generation, 0, UINT64_MAX);
	holdings->part = (uint32_t)wire_map_number(map, 3, "part", holdings->part, 0, UINT32_MAX);
	holdings->is_last = wire_map_flag(map, 4, "last", holdings->is_last);
	wire_map_tags(map, 5, "tags", &holdings->tags, WIRE_TAGS_MAX);
}

static void have_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_have *have = &m->have;

	have->generation = wire_map_number(map, 2, "generation", have->generation, 1, UINT64_MAX);
	wire_map_tags(map, 3, "added tags", &have->added, WIRE_TAGS_MAX);
	wire_map_tags(map, 4, "removed tags", &have->removed, WIRE_TAGS_MAX);
	if (have->added.count + have->removed.count > WIRE_TAGS_MAX)
		wire_stream_fail(map->stream, ERR_LIMIT, "has more than %d tags", WIRE_TAGS_MAX);
}

static void find_fields(struct wire_map *map, struct wire_message *m)
{
	wire_map_tags(map, 2, "tags", &m->find.tags, WIRE_FIND_MAX);
	if (m->find.tags.count == 0)
		wire_stream_fail(map->stream, ERR_INVALID, "asks for nothing");
}

static void found_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_bytes *found = &m->found.found;

	wire_map_bytes(map, 2, "answer", found, WIRE_FIND_MAX);
	for (size_t i = 0; !map->stream->err && i < found->len; i++)
		if (found->at[i] > WIRE_FOUND_WHOLE)
			wire_stream_fail(map->stream, ERR_INVALID, "answers %u", found->at[i]);
}

/* --- blobs */

static void chain_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_chain *chain = &m->chain;

	wire_map_digest(map, 2, "digest", &chain->digest);
	chain->from = wire_map_number(map, 3, "first state", chain->from, 1, WIRE_CHUNKS_MAX);
	chain->count = (uint32_t)wire_map_number(map, 4, "count", chain->count, 0, WIRE_STATES_MAX);
}

/* S(1) to S(n-1) are all there are. */
static void states_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_states *states = &m->states;
	uint64_t count = m->bulk.len / SHA256_LEN;

	states->size = wire_map_number(map, 2, "size", states->size, 0, CHAIN_MAX_BLOB);
	states->from = wire_map_number(map, 3, "first state", states->from, 1, WIRE_CHUNKS_MAX);
	if (m->bulk.len % SHA256_LEN != 0)
		wire_stream_fail(map->stream, ERR_INVALID, "has %zu bytes of states, which are no whole ones", m->bulk.len);
	else if (count > 0 && states->from + count > chain_chunk_count(states->size))
		wire_stream_fail(map->stream, ERR_INVALID, "has states beyond the end");
}

static void chunk_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_chunk *chunk = &m->chunk;

	wire_map_digest(map, 2, "digest", &chunk->digest);
	chunk->size = wire_map_number(map, 3, "size", chunk->size, 0, CHAIN_MAX_BLOB);
	chunk->index = wire_map_number(map, 4, "chunk", chunk->index, 0, WIRE_CHUNKS_MAX - 1);
	if (chunk->size > 0 && chunk->index >= chain_chunk_count(chunk->size))
		wire_stream_fail(map->stream, ERR_INVALID, "asks for a chunk beyond the end");
}

static void piece_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_piece *piece = &m->piece;

	piece->offset = (uint32_t)wire_map_number(map, 2, "offset", piece->offset, 0, CHAIN_CHUNK - 1);
	piece->length = (uint32_t)wire_map_number(map, 3, "length", piece->length, 1, CHAIN_CHUNK);
	if (m->bulk.len == 0)
		wire_stream_fail(map->stream, ERR_INVALID, "has no bytes");
	else if (piece->offset > piece->length || m->bulk.len > piece->length - piece->offset)
		wire_stream_fail(map->stream, ERR_INVALID, "has bytes beyond its chunk");
}

static void refusal_fields(struct wire_map *map, struct wire_message *m)
{
	uint64_t code = wire_map_number(map, 2, "code", m->no, 1, UINT32_MAX);

	m->no = code > WIRE_NO_DAMAGED ? WIRE_NO_NOT_HELD : (enum wire_no)code;
}

static void reject_fields(struct wire_map *map, struct wire_message *m)
{
	wire_map_digest(map, 2, "digest", &m->reject.digest);
	m->reject.index = wire_map_number(map, 3, "chunk", m->reject.index, 0, WIRE_CHUNKS_MAX - 1);
}

/* --- names and addresses */

static void list_fields(struct wire_map *map, struct wire_message *m)
{
	wire_map_bytes(map, 2, "cursor", &m->list.cursor, WIRE_CURSOR_MAX);
}

static void entry_fields(struct wire_map *map, struct wire_entry *entry)
{
	wire_map_text(map, 0, "repo", &entry->repo, 1, WIRE_REPO_MAX);
	wire_map_text(map, 1, "commit", &entry->commit, 1, WIRE_COMMIT_MAX);
	wire_map_text(map, 2, "path", &entry->path, 1, WIRE_PATH_MAX);
	entry->size = wire_map_number(map, 3, "size", entry->size, 0, CHAIN_MAX_BLOB);
	wire_map_digest(map, 4, "digest", &entry->digest);
}

void wire_form_entry(struct wire_stream *stream, struct wire_entry *entry)
{
	struct wire_map map;

	wire_map_begin(&map, stream);
	entry_fields(&map, entry);
	wire_map_end(&map);
}

/* Entries have been looked at when they are written or read; they stay in the form that they have on the wire. Returns what is behind them. */
static struct wire_reader check_entries(struct wire_stream *stream, struct wire_reader reader, uint32_t count)
{
	struct wire_stream entries = wire_stream_read(reader, stream->what, stream->why);
	struct wire_entry entry;

	entries.err = stream->err;
	for (uint32_t i = 0; i < count && !entries.err; i++)
		wire_form_entry(&entries, &entry);
	stream->err = entries.err;
	return entries.reader;
}

static void read_entries(struct wire_stream *stream, struct wire_names *names)
{
	const uint8_t *begin = stream->reader.at;

	stream->reader = check_entries(stream, stream->reader, names->count);
	names->entries = (struct wire_bytes){begin, (size_t)(stream->reader.at - begin)};
}

static void write_entries(struct wire_stream *stream, const struct wire_names *names)
{
	struct wire_reader rest = check_entries(stream, (struct wire_reader){names->entries.at, names->entries.len}, names->count);

	if (rest.left > 0)
		wire_stream_fail(stream, ERR_INVALID, "has more entries than it counts");
	wire_stream_add(stream, names->entries.at, names->entries.len);
}

static void names_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_names *names = &m->names;

	names->count = (uint32_t)wire_map_array(map, 2, "entries", names->count, WIRE_ENTRIES_MAX);
	if (map->stream->out)
		write_entries(map->stream, names);
	else
		read_entries(map->stream, names);
	wire_map_bytes(map, 3, "cursor", &names->next, WIRE_CURSOR_MAX);
}

static void address_fields(struct wire_map *map, struct wire_address *address)
{
	struct wire_bytes bytes = {address->bytes, address->family == 4 ? 4 : sizeof address->bytes};

	wire_map_bytes(map, 0, "address", &bytes, sizeof address->bytes);
	address->port = (uint16_t)wire_map_number(map, 1, "port", address->port, 1, UINT16_MAX);
	if (map->stream->err)
		return;
	if (bytes.len != 4 && bytes.len != sizeof address->bytes)
		wire_stream_fail(map->stream, ERR_INVALID, "has an address of %zu bytes", bytes.len);
	else if (!map->stream->out)
		memcpy(address->bytes, bytes.at, bytes.len);
	address->family = bytes.len == 4 ? 4 : 6;
}

static void peers_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_peers *peers = &m->peers;
	struct wire_map item;

	peers->count = (uint32_t)wire_map_array(map, 2, "addresses", peers->count, WIRE_ADDRESSES_MAX);
	for (uint32_t i = 0; i < peers->count && !map->stream->err; i++) {
		wire_map_begin(&item, map->stream);
		address_fields(&item, &peers->addresses[i]);
		wire_map_end(&item);
	}
}

/* --- the way back */

static void reached_fields(struct wire_map *map, struct wire_message *m)
{
	uint64_t code = wire_map_number(map, 2, "code", m->reached, 1, UINT32_MAX);

	m->reached = code > WIRE_REACHED_STRANGER ? WIRE_REACHED_NOBODY : (enum wire_reached)code;
}

/* --- the bulk connection */

static enum wire_cipher cipher_field(struct wire_map *map, unsigned key, enum wire_cipher cipher)
{
	uint64_t code = wire_map_number(map, key, "cipher", cipher, 1, UINT32_MAX);

	return code > WIRE_CIPHER_CHACHA20_POLY1305 ? WIRE_CIPHER_CHACHA20_POLY1305 : (enum wire_cipher)code;
}

static void bulk_offer_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_bulk_offer *offer = &m->bulk_offer;

	offer->port = (uint16_t)wire_map_number(map, 2, "port", offer->port, 1, UINT16_MAX);
	wire_map_fixed(map, 3, "ticket", offer->ticket, WIRE_TICKET_LEN);
	wire_map_fixed(map, 4, "random", offer->random, WIRE_NONCE_LEN);
	offer->cipher = cipher_field(map, 5, offer->cipher);
}

static void bulk_accept_fields(struct wire_map *map, struct wire_message *m)
{
	struct wire_bulk_accept *accept = &m->bulk_accept;

	wire_map_fixed(map, 2, "ticket", accept->ticket, WIRE_TICKET_LEN);
	wire_map_fixed(map, 3, "random", accept->random, WIRE_NONCE_LEN);
	accept->cipher = cipher_field(map, 4, accept->cipher);
}

/* --- messages */

static const struct wire_form forms[] = {
	[WIRE_HELLO] = {"HELLO", false, false, hello_fields},
	[WIRE_WELCOME] = {"WELCOME", false, false, welcome_fields},
	[WIRE_BYE] = {"BYE", false, false, bye_fields},
	[WIRE_PING] = {"PING", true, false, NULL},
	[WIRE_PONG] = {"PONG", true, false, NULL},
	[WIRE_HOLDINGS] = {"HOLDINGS", false, false, holdings_fields},
	[WIRE_HAVE] = {"HAVE", false, false, have_fields},
	[WIRE_RESYNC] = {"RESYNC", false, false, NULL},
	[WIRE_FIND] = {"FIND", true, false, find_fields},
	[WIRE_FOUND] = {"FOUND", true, false, found_fields},
	[WIRE_CHAIN] = {"CHAIN", true, false, chain_fields},
	[WIRE_STATES] = {"STATES", true, true, states_fields},
	[WIRE_CHUNK] = {"CHUNK", true, false, chunk_fields},
	[WIRE_PIECE] = {"PIECE", true, true, piece_fields},
	[WIRE_NO] = {"NO", true, false, refusal_fields},
	[WIRE_REJECT] = {"REJECT", false, false, reject_fields},
	[WIRE_CANCEL] = {"CANCEL", true, false, NULL},
	[WIRE_LIST] = {"LIST", true, false, list_fields},
	[WIRE_NAMES] = {"NAMES", true, false, names_fields},
	[WIRE_PEERS] = {"PEERS", false, false, peers_fields},
	[WIRE_REACH] = {"REACH", true, false, NULL},
	[WIRE_REACHED] = {"REACHED", true, false, reached_fields},
	[WIRE_BULK_OFFER] = {"BULK_OFFER", false, false, bulk_offer_fields},
	[WIRE_BULK_ACCEPT] = {"BULK_ACCEPT", false, false, bulk_accept_fields},
};

const struct wire_form *wire_form_of(uint64_t type)
{
	return type < sizeof forms / sizeof forms[0] && forms[type].name ? &forms[type] : NULL;
}
