#include "net/liar.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static const char *const bye_names[] = {"unknown", "going", "duplicate", "refused", "broken", "clone", "full"};
static const char *const end_names[] = {"unreachable", "stranger", "ended", "broke rules", "not admitted"};

void liar_tell(const struct session *session, const char *event, const char *format, ...)
{
	char text[LAN_TEXT_MAX];
	va_list arguments;

	printf("{\"event\": \"%s\"", event);
	if (session)
		printf(", \"peer\": \"%s\", \"dialed\": %s", lan_text(transport_address(session->connection), text), session->dialed >= 0 ? "true" : "false");
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("}\n");
}

uint64_t liar_next_step(struct liar *liar, uint64_t count)
{
	return (liar->is_step_fixed ? liar->step : liar->step++) % count;
}

/* --- sending */

bool session_send_bytes(struct session *session, const void *control, size_t len)
{
	return transport_send(session->connection, control, len, NULL) == ERR_OK;
}

bool session_send(struct session *session, const struct wire_message *message)
{
	struct transport_bulk bulk = {.data = message->bulk.at, .len = message->bulk.len};
	uint8_t control[WIRE_CONTROL_MAX];
	size_t len;

	if (wire_encode(message, control, sizeof control, &len, NULL) != ERR_OK)
		abort(); /* a mode that wants to send such a thing sends bytes */
	return transport_send(session->connection, control, len, bulk.len ? &bulk : NULL) == ERR_OK;
}

void session_send_no(struct session *session, uint64_t request, enum wire_no no)
{
	session_send(session, &(struct wire_message){.type = WIRE_NO, .request = request, .no = no});
}

/* --- greeting */

void session_introduce(struct session *session)
{
	static const char software[] = "larder 0.1.0";
	const struct liar *liar = session->liar;
	struct wire_hello *hello = &session->hello;

	*hello = (struct wire_hello){
		.version = WIRE_VERSION,
		.lowest = WIRE_VERSION_LOWEST,
		.epoch = liar->epoch,
		.generation = 1,
		.name = {liar->name, strlen(liar->name)},
		.software = {software, sizeof software - 1},
		.port = transport_port(liar->transport),
	};
	memcpy(hello->node_key, identity_public_key(liar->identity), WIRE_KEY_LEN);
	memcpy(hello->group, liar->group.short_tag, WIRE_GROUP_LEN);
	randombytes_buf(hello->nonce, sizeof hello->nonce);
}

void session_sign(struct session *session, const struct wire_hello *theirs, struct wire_hello *welcome)
{
	uint8_t bytes[WIRE_WELCOME_SIGNED];

	wire_welcome_signed_bytes(theirs, welcome, bytes);
	identity_sign(session->liar->identity, bytes, sizeof bytes, welcome->signature);
}

void session_send_welcome(struct session *session, const struct wire_hello *theirs)
{
	struct wire_message welcome = {.type = WIRE_WELCOME, .hello = session->hello};

	session_sign(session, theirs, &welcome.hello);
	session_send(session, &welcome);
}

void session_get_ready(struct session *session)
{
	session->is_ready = true;
	transport_admit(session->connection);
	liar_tell(session, "session", "%s", "");
	if (session->liar->mode->on_ready)
		session->liar->mode->on_ready(session);
}

static void keep_text(struct wire_text *text, char room[WIRE_NAME_MAX + 1])
{
	memcpy(room, text->at, text->len);
	text->at = room;
}

static void record(struct liar *liar, const struct wire_hello *theirs)
{
	liar->recorded = *theirs;
	keep_text(&liar->recorded.name, liar->recorded_text[0]);
	keep_text(&liar->recorded.software, liar->recorded_text[1]);
}

static void on_hello(struct session *session, const struct wire_message *message)
{
	const struct mode *mode = session->liar->mode;

	record(session->liar, &message->hello);
	if (mode->on_hello) {
		mode->on_hello(session, &message->hello);
		return;
	}
	session_send_welcome(session, &message->hello);
	session_get_ready(session);
}

static void on_welcome(struct session *session, const struct wire_message *message)
{
	record(session->liar, &message->hello);
	session_get_ready(session);
}

static void on_bye(struct session *session, const struct wire_message *message)
{
	struct wire_text text = message->bye.text;
	size_t reason = (size_t)message->bye.reason;

	liar_tell(session, "bye", ", \"reason\": \"%s\", \"text\": \"%.*s\"", reason < sizeof bye_names / sizeof bye_names[0] ? bye_names[reason] : "unknown",
		  (int)text.len, text.len ? text.at : "");
}

/* --- what it holds */

static bool tell_part(struct session *session)
{
	const struct liar *liar = session->liar;
	size_t left = liar->tag_count - session->tags_told, count = left < WIRE_TAGS_MAX ? left : WIRE_TAGS_MAX;
	struct wire_message message = {.type = WIRE_HOLDINGS, .holdings = {
		.generation = 1,
		.part = session->parts_told,
		.is_last = count == left,
		.tags = {liar->tags + session->tags_told, count},
	}};

	if (!session_send(session, &message))
		return false;
	session->parts_told++;
	session->tags_told += count;
	session->is_telling = !message.holdings.is_last;
	return true;
}

static void on_resync(struct session *session, const struct wire_message *message)
{
	(void)message;
	if (session->is_telling)
		return;
	session->is_telling = true;
	session->tags_told = session->parts_told = 0;
	while (session->is_telling && tell_part(session))
		continue;
}

static void on_find(struct session *session, const struct wire_message *message)
{
	uint8_t found[WIRE_FIND_MAX];
	size_t count = message->find.tags.count;

	memset(found, WIRE_FOUND_WHOLE, count);
	session_send(session, &(struct wire_message){.type = WIRE_FOUND, .request = message->request, .found = {{found, count}}});
}

/* --- giving it */

static void on_chain(struct session *session, const struct wire_message *message)
{
	const struct claim *claim = &session->liar->claim;
	uint64_t from = message->chain.from, count = message->chain.count;
	struct wire_message answer = {.type = WIRE_STATES, .request = message->request, .states = {claim->size, from}};

	liar_tell(session, "asked", ", \"what\": \"chain\"");
	if (session->liar->mode->on_chain) {
		session->liar->mode->on_chain(session, message);
		return;
	}
	if (!digest_equal(&message->chain.digest, &claim->digest)) {
		session_send_no(session, message->request, WIRE_NO_NOT_HELD);
		return;
	}
	if (from > claim->chain.count)
		count = 0;
	else if (count > claim->chain.count - from + 1)
		count = claim->chain.count - from + 1;
	if (count)
		answer.bulk = (struct wire_bytes){claim->chain.states[from - 1], (size_t)count * SHA256_LEN};
	session_send(session, &answer);
}

/* The next piece of the first chunk that is wanted. False: there is nothing to send, or no room. */
static bool send_piece(struct session *session)
{
	const struct claim *claim = &session->liar->claim;
	struct wanted_piece *wanted = &session->wanted[0];
	size_t length, len;
	struct wire_message piece = {.type = WIRE_PIECE};

	if (session->wanted_count == 0)
		return false;
	length = chain_chunk_len(claim->chain.size, wanted->index);
	len = length - wanted->offset < WIRE_PIECE_MAX ? length - wanted->offset : WIRE_PIECE_MAX;
	piece.request = wanted->request;
	piece.piece = (struct wire_piece){(uint32_t)wanted->offset, (uint32_t)length};
	piece.bulk = (struct wire_bytes){claim->bytes + chain_chunk_offset(wanted->index) + wanted->offset, len};
	if (!session_send(session, &piece))
		return false;
	wanted->offset += len;
	if (wanted->offset == length)
		memmove(wanted, wanted + 1, --session->wanted_count * sizeof *wanted);
	return true;
}

static void drip(struct loop_timer *timer)
{
	struct session *session = container_of(timer, struct session, timer);

	(void)send_piece(session);
	if (loop_timer_start(session->liar->loop, timer, LIAR_DRIP_MS) != ERR_OK)
		abort();
}

static void send_pieces(struct session *session)
{
	if (session->liar->mode->is_dripping) {
		if (!session->timer.place)
			drip(&session->timer);
		return;
	}
	while (send_piece(session))
		continue;
}

static void on_chunk(struct session *session, const struct wire_message *message)
{
	const struct claim *claim = &session->liar->claim;
	uint64_t index = message->chunk.index;

	liar_tell(session, "asked", ", \"what\": \"chunk\", \"index\": %" PRIu64, index);
	if (session->liar->mode->on_chunk) {
		session->liar->mode->on_chunk(session, message);
		return;
	}
	if (!digest_equal(&message->chunk.digest, &claim->digest) || index > claim->chain.count || session->wanted_count == WIRE_ASKED_MAX) {
		session_send_no(session, message->request, WIRE_NO_NOT_HELD);
		return;
	}
	session->wanted[session->wanted_count++] = (struct wanted_piece){message->request, index, 0};
	send_pieces(session);
}

static void on_cancel(struct session *session, const struct wire_message *message)
{
	for (size_t i = 0; i < session->wanted_count; i++)
		if (session->wanted[i].request == message->request) {
			session->wanted_count--;
			memmove(&session->wanted[i], &session->wanted[i + 1], (session->wanted_count - i) * sizeof session->wanted[0]);
			return;
		}
}

static void on_reject(struct session *session, const struct wire_message *message)
{
	liar_tell(session, "rejected", ", \"index\": %" PRIu64, message->reject.index);
}

static void on_list(struct session *session, const struct wire_message *message)
{
	session_send_no(session, message->request, WIRE_NO_NOT_HELD);
}

static void on_ping(struct session *session, const struct wire_message *message)
{
	session_send(session, &(struct wire_message){.type = WIRE_PONG, .request = message->request});
}

static void on_offer(struct session *session, const struct wire_message *message)
{
	if (session->liar->mode->on_offer)
		session->liar->mode->on_offer(session, message);
}

static void (*const handlers[])(struct session *session, const struct wire_message *message) = {
	[WIRE_HELLO] = on_hello, [WIRE_WELCOME] = on_welcome, [WIRE_BYE] = on_bye, [WIRE_PING] = on_ping, [WIRE_RESYNC] = on_resync, [WIRE_FIND] = on_find,
	[WIRE_CHAIN] = on_chain, [WIRE_CHUNK] = on_chunk, [WIRE_CANCEL] = on_cancel, [WIRE_REJECT] = on_reject, [WIRE_LIST] = on_list,
	[WIRE_BULK_OFFER] = on_offer,
};

/* --- connections */

static struct session *session_create(struct liar *liar, struct transport_link *connection, int dialed)
{
	struct session *session = calloc(1, sizeof *session);

	if (!session)
		abort();
	session->liar = liar;
	session->connection = connection;
	session->dialed = dialed;
	session->timer.fire = drip;
	list_append(&liar->sessions, &session->link);
	transport_set_peer(connection, (struct peer *)(void *)session);
	session_introduce(session);
	return session;
}

static struct session *session_of(struct transport_link *connection)
{
	return (struct session *)(void *)transport_peer(connection);
}

static void dial(struct liar *liar, int which)
{
	struct transport_link *connection;
	struct session *session;

	if (transport_dial(liar->transport, &liar->dials[which], &connection) != ERR_OK)
		abort();
	session = session_create(liar, connection, which);
	if (liar->mode->dial)
		liar->mode->dial(session);
	else
		session_send(session, &(struct wire_message){.type = WIRE_HELLO, .hello = session->hello});
}

static void on_message(struct transport_owner *owner, struct transport_link *connection, const uint8_t *control, size_t control_len, const uint8_t *bulk,
		       size_t bulk_len)
{
	struct liar *liar = container_of(owner, struct liar, owner);
	struct session *session = session_of(connection) ? session_of(connection) : session_create(liar, connection, -1);
	struct wire_message message;

	if (wire_decode(control, control_len, bulk, bulk_len, &message, NULL) != ERR_OK) {
		liar_tell(session, "nonsense", "%s", "");
		return;
	}
	if (session->is_ready && liar->mode->is_mute && message.type != WIRE_BYE)
		return;
	if ((size_t)message.type < sizeof handlers / sizeof handlers[0] && handlers[message.type])
		handlers[message.type](session, &message);
}

struct redial {
	struct loop_timer timer;
	struct liar *liar;
	int which;
};

static void on_redial(struct loop_timer *timer)
{
	struct redial *redial = container_of(timer, struct redial, timer);

	dial(redial->liar, redial->which);
	free(redial);
}

static void on_closed(struct transport_owner *owner, struct transport_link *connection, enum transport_end end)
{
	struct liar *liar = container_of(owner, struct liar, owner);
	struct session *session = session_of(connection);
	struct redial *redial = calloc(1, sizeof *redial);

	liar_tell(session, "closed", ", \"end\": \"%s\"", end_names[end]);
	loop_timer_cancel(liar->loop, &session->timer);
	list_remove(&session->link);
	if (!redial)
		abort();
	*redial = (struct redial){.timer = {.fire = on_redial}, .liar = liar, .which = session->dialed};
	if (session->dialed < 0)
		free(redial);
	else if (loop_timer_start(liar->loop, &redial->timer, LIAR_REDIAL_MS) != ERR_OK)
		abort();
	free(session);
}

static void on_writable(struct transport_owner *owner, struct transport_link *connection)
{
	struct session *session = session_of(connection);

	(void)owner;
	while (session->is_telling && tell_part(session))
		continue;
	if (session->wanted_count)
		send_pieces(session);
	if (session->liar->mode->on_room)
		session->liar->mode->on_room(session);
}

void liar_run(struct liar *liar)
{
	liar->owner = (struct transport_owner){.on_message = on_message, .on_closed = on_closed, .on_writable = on_writable};
	for (size_t i = 0; i < liar->dial_count; i++)
		dial(liar, (int)i);
	for (;;)
		loop_turn(liar->loop, -1);
}
