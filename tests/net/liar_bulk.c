/* The bulk connection of a session that the liar has dialed: it does what is asked of it, up to the proof, and then something else. */
#include "net/liar.h"
#include "node/bulk.h"
#include "node/seal.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define PATIENCE_S 10
#define PROOF_LEN (SEAL_HEAD_LEN + SEAL_TAG_LEN)

struct side {
	struct session *session;
	int fd;
	struct seal *closing;
	uint8_t frame[SEAL_FRAME_MAX];
	size_t len;
};

static void say(struct side *side, const void *bytes, size_t len)
{
	(void)!send(side->fd, bytes, len, MSG_NOSIGNAL);
}

static void close_frame(struct side *side, const struct wire_message *message)
{
	uint8_t control[WIRE_CONTROL_MAX];
	size_t len = 0;

	if (message && wire_encode(message, control, sizeof control, &len, NULL) != ERR_OK)
		abort();
	if (seal_close(side->closing, control, len, message ? message->bulk.at : NULL, message ? message->bulk.len : 0, side->frame, &side->len) != ERR_OK)
		abort();
}

/* Of a request that nobody has made: it is passed over. */
static void say_piece(struct side *side)
{
	const struct claim *claim = &side->session->liar->claim;

	close_frame(side, &(struct wire_message){.type = WIRE_PIECE, .request = UINT64_MAX, .piece = {0, 1}, .bulk = {claim->bytes, 1}});
	say(side, side->frame, side->len);
}

/* Until the other side ends it. */
static bool is_ended(struct side *side)
{
	uint8_t bytes[4096];
	ssize_t got;

	do {
		got = recv(side->fd, bytes, sizeof bytes, 0);
	} while (got > 0);
	return got == 0 || errno == ECONNRESET;
}

static bool is_proven(struct side *side)
{
	uint8_t bytes[PROOF_LEN];

	return recv(side->fd, bytes, sizeof bytes, MSG_WAITALL) == (ssize_t)sizeof bytes;
}

static void be_garbage(struct side *side)
{
	uint8_t bytes[SEAL_HEAD_LEN + 1000] = {0, 0, 1000 >> 8, 1000 & 0xff};

	randombytes_buf(bytes + SEAL_HEAD_LEN, 1000);
	say(side, bytes, sizeof bytes);
}

static void be_long(struct side *side) { say(side, "\x7f\xff\xff\xff", SEAL_HEAD_LEN); }

static void be_repeated(struct side *side)
{
	say_piece(side);
	say(side, side->frame, side->len);
}

static void be_nonsense(struct side *side)
{
	close_frame(side, &(struct wire_message){.type = WIRE_PING, .request = 1});
	say(side, side->frame, side->len);
}

static void be_over(struct side *side)
{
	say_piece(side);
	shutdown(side->fd, SHUT_RDWR);
}

static const struct trick {
	const char *name;
	bool has_wrong_ticket, has_wrong_key;
	void (*play)(struct side *side); /* after the proof; NULL: there is none */
} tricks[] = {
	{"garbage", false, false, be_garbage}, {"too long", false, false, be_long}, {"repeated", false, false, be_repeated}, {"nonsense", false, false, be_nonsense},
	{"over", false, false, be_over},       {"wrong ticket", true, false, NULL}, {"wrong key", false, true, NULL},
};

static bool open_side(struct side *side, const struct wire_bulk_offer *offer, const struct wire_bulk_accept *accept, const struct trick *trick)
{
	const struct liar *liar = side->session->liar;
	struct seal_ends ends = {
		side->session->hello.node_key, liar->recorded.node_key, side->session->hello.epoch, liar->recorded.epoch, offer, accept,
	};
	struct timeval patience = {PATIENCE_S, 0};
	struct lan_address address = *transport_address(side->session->connection);
	struct sockaddr_storage to;
	struct seal_keys keys;
	socklen_t len;

	seal_derive(&ends, &keys);
	keys.to_listener[0] ^= trick->has_wrong_key;
	address.port = offer->port;
	len = lan_to_sockaddr(&address, &to);
	side->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	return side->fd >= 0 && setsockopt(side->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
	       seal_create(accept->cipher, keys.to_listener, false, &side->closing) == ERR_OK && connect(side->fd, (struct sockaddr *)&to, len) == 0;
}

void liar_bulk_on_offer(struct session *session, const struct wire_message *message)
{
	const struct trick *trick = &tricks[liar_next_step(session->liar, sizeof tricks / sizeof tricks[0])];
	struct wire_message answer = {.type = WIRE_BULK_ACCEPT, .bulk_accept = {.cipher = message->bulk_offer.cipher}};
	struct side *side = calloc(1, sizeof *side);
	bool is_open, was_proven = false;
	uint8_t ticket[WIRE_TICKET_LEN];

	if (!side)
		abort();
	side->session = session;
	memcpy(answer.bulk_accept.ticket, message->bulk_offer.ticket, WIRE_TICKET_LEN);
	memcpy(ticket, message->bulk_offer.ticket, WIRE_TICKET_LEN);
	ticket[0] ^= trick->has_wrong_ticket;
	randombytes_buf(answer.bulk_accept.random, sizeof answer.bulk_accept.random);
	session_send(session, &answer);
	is_open = open_side(side, &message->bulk_offer, &answer.bulk_accept, trick);
	if (is_open) {
		say(side, BULK_GREETING, BULK_GREETING_LEN);
		say(side, ticket, sizeof ticket);
		close_frame(side, NULL);
		say(side, side->frame, side->len);
		was_proven = is_proven(side);
	}
	if (was_proven && trick->play)
		trick->play(side);
	liar_tell(session, "bulk", ", \"trick\": \"%s\", \"open\": %s, \"proven\": %s, \"ended\": %s", trick->name, is_open ? "true" : "false", was_proven ? "true" : "false",
		  is_ended(side) ? "true" : "false");
	close(side->fd);
	seal_destroy(side->closing);
	free(side);
}
