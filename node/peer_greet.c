#include "node/peer_private.h"

#include <sodium.h>
#include <string.h>

static struct wire_text text_of(const char *text, size_t max)
{
	size_t len = strlen(text);

	return (struct wire_text){text, len < max ? len : max};
}

void peer_introduce(struct peer *peer)
{
	const struct peer_self *self = peer->self;
	struct wire_hello *hello = &peer->hello;

	*hello = (struct wire_hello){
		.version = WIRE_VERSION,
		.lowest = WIRE_VERSION_LOWEST,
		.epoch = self->epoch,
		.generation = share_generation(self->share),
		.name = text_of(self->name, WIRE_NAME_MAX),
		.software = text_of(self->software, WIRE_SOFTWARE_MAX),
		.port = self->port,
	};
	memcpy(hello->node_key, identity_public_key(self->identity), WIRE_KEY_LEN);
	memcpy(hello->group, self->group->short_tag, WIRE_GROUP_LEN);
	randombytes_buf(hello->nonce, sizeof hello->nonce);
	peer->told_generation = hello->generation;
}

static void copy_text(char *to, size_t room, struct wire_text text)
{
	size_t len = text.len < room - 1 ? text.len : room - 1;

	if (len)
		memcpy(to, text.at, len);
	to[len] = 0;
}

static void note_theirs(struct peer *peer, const struct wire_hello *hello)
{
	struct peer_theirs *theirs = &peer->theirs;

	memcpy(theirs->key, hello->node_key, WIRE_KEY_LEN);
	theirs->epoch = hello->epoch;
	theirs->generation = hello->generation;
	theirs->version = wire_common_version(&peer->hello, hello);
	theirs->port = hello->port;
	copy_text(theirs->name, sizeof theirs->name, hello->name);
	copy_text(theirs->software, sizeof theirs->software, hello->software);
}

/* What both sides look at. False: it has ended. */
static bool is_of_ours(struct peer *peer, const struct wire_hello *hello)
{
	if (memcmp(hello->group, peer->self->group->short_tag, WIRE_GROUP_LEN) != 0)
		peer_end(peer, WIRE_BYE_REFUSED, "another group");
	else if (wire_common_version(&peer->hello, hello) == 0)
		peer_end(peer, WIRE_BYE_REFUSED, "no version of the protocol that both of us speak");
	return !peer_has_ended(peer);
}

static bool is_own_key(const struct peer *peer)
{
	return memcmp(peer->theirs.key, identity_public_key(peer->self->identity), WIRE_KEY_LEN) == 0;
}

static void send_welcome(struct peer *peer, const struct wire_hello *hello)
{
	struct wire_message welcome = {.type = WIRE_WELCOME, .hello = peer->hello};
	uint8_t bytes[WIRE_WELCOME_SIGNED];

	wire_welcome_signed_bytes(hello, &welcome.hello, bytes);
	identity_sign(peer->self->identity, bytes, sizeof bytes, welcome.hello.signature);
	peer_post(peer, &welcome);
}

static const char *reason_text(int reason)
{
	static const char *const texts[] = {
		[WIRE_BYE_GOING] = "going", [WIRE_BYE_DUPLICATE] = "there is another connection between us", [WIRE_BYE_REFUSED] = "not wanted here",
		[WIRE_BYE_BROKEN] = "a rule was broken", [WIRE_BYE_CLONE] = "you have my key", [WIRE_BYE_FULL] = "as many connections as there may be",
	};
	size_t at = (size_t)reason;

	return at < sizeof texts / sizeof texts[0] && texts[at] ? texts[at] : "not wanted here";
}

static bool is_admitted(struct peer *peer)
{
	int reason = peer->owner->on_admit(peer->owner, peer);

	if (reason)
		peer_end(peer, reason, "%s", reason_text(reason));
	return !peer_has_ended(peer);
}

static void get_ready(struct peer *peer)
{
	if (peer_has_ended(peer))
		return;
	peer->state = PEER_READY;
	peer->owner->on_ready(peer->owner, peer);
	peer_begin_holdings(peer);
}

static void on_hello(struct peer *peer, const struct wire_hello *hello)
{
	uint8_t curve[IDENTITY_KEY_LEN];

	if (!is_of_ours(peer, hello))
		return;
	if (!identity_curve_of(hello->node_key, curve) || memcmp(curve, peer->client_key, sizeof curve) != 0) {
		peer_end(peer, WIRE_BYE_REFUSED, "the wrong key");
		return;
	}
	peer_introduce(peer);
	note_theirs(peer, hello);
	/* Whoever has our own key is shown that we have it, too, so that both know for certain. */
	if (is_own_key(peer))
		send_welcome(peer, hello);
	if (!is_admitted(peer) || is_own_key(peer))
		return;
	send_welcome(peer, hello);
	get_ready(peer);
}

static void on_welcome(struct peer *peer, const struct wire_hello *welcome)
{
	uint8_t bytes[WIRE_WELCOME_SIGNED];

	if (!is_of_ours(peer, welcome))
		return;
	wire_welcome_signed_bytes(&peer->hello, welcome, bytes);
	if (!identity_verify(welcome->node_key, bytes, sizeof bytes, welcome->signature)) {
		peer_end(peer, WIRE_BYE_BROKEN, "the signature of your WELCOME is wrong");
		return;
	}
	note_theirs(peer, welcome);
	if (is_admitted(peer))
		get_ready(peer);
}

void peer_on_greeting(struct peer *peer, const struct wire_message *message)
{
	if (!peer->is_dialed && message->type == WIRE_HELLO)
		on_hello(peer, &message->hello);
	else if (peer->is_dialed && message->type == WIRE_WELCOME)
		on_welcome(peer, &message->hello);
	else
		peer_end(peer, WIRE_BYE_BROKEN, "%s before %s", wire_type_name(message->type), peer->is_dialed ? "WELCOME" : "HELLO");
}
