#include "support/curve_client.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEY 32
#define MAC 16
#define COOKIE 96
#define VOUCH (MAC + 2 * KEY)

struct handshake {
	uint8_t client_public[KEY], client_secret[KEY]; /* long-term */
	uint8_t short_public[KEY], short_secret[KEY];
	uint8_t server_short[KEY], cookie[COOKIE];
};

static bool write_all(int fd, const void *data, size_t len)
{
	const uint8_t *at = data;

	while (len) {
		ssize_t done = send(fd, at, len, MSG_NOSIGNAL);
		if (done <= 0)
			return false;
		at += done;
		len -= (size_t)done;
	}
	return true;
}

static bool read_all(int fd, void *data, size_t len)
{
	return recv(fd, data, len, MSG_WAITALL) == (ssize_t)len;
}

bool curve_client_connect(struct curve_client *client, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	*client = (struct curve_client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	return client->fd >= 0 && connect(client->fd, (struct sockaddr *)&to, sizeof to) == 0;
}

void curve_client_close(struct curve_client *client)
{
	close(client->fd);
}

static void make_nonce(uint8_t ret[24], const char *prefix, uint64_t number)
{
	memcpy(ret, prefix, 16);
	for (int i = 0; i < 8; i++)
		ret[16 + i] = (uint8_t)(number >> (56 - 8 * i));
}

static bool greet(int fd)
{
	uint8_t ours[64] = {[0] = 0xff, [9] = 0x7f, [10] = 3, [11] = 1}, theirs[64];

	memcpy(ours + 12, "CURVE", 5);
	return write_all(fd, ours, sizeof ours) && read_all(fd, theirs, sizeof theirs);
}

static bool send_command(int fd, const uint8_t *body, size_t len)
{
	uint8_t head[9] = {len > 255 ? 6 : 4};

	if (len <= 255) {
		head[1] = (uint8_t)len;
		return write_all(fd, head, 2) && write_all(fd, body, len);
	}
	head[7] = (uint8_t)(len >> 8);
	head[8] = (uint8_t)len;
	return write_all(fd, head, sizeof head) && write_all(fd, body, len);
}

static bool say_hello(struct curve_client *client, struct handshake *with, const uint8_t server_key[KEY])
{
	uint8_t body[200] = "\x05HELLO\x01", zeros[64] = {0}, nonce[24];

	make_nonce(nonce, "CurveZMQHELLO---", ++client->nonce);
	memcpy(body + 80, with->short_public, KEY);
	memcpy(body + 112, nonce + 16, 8);
	if (crypto_box_easy(body + 120, zeros, sizeof zeros, nonce, server_key, with->short_secret) != 0)
		return false;
	return send_command(client->fd, body, sizeof body);
}

static bool hear_welcome(struct curve_client *client, struct handshake *with, const uint8_t server_key[KEY])
{
	uint8_t frame[2 + 168], nonce[24] = "WELCOME-", inside[KEY + COOKIE];

	if (!read_all(client->fd, frame, sizeof frame))
		return false;
	memcpy(nonce + 8, frame + 10, 16);
	if (crypto_box_open_easy(inside, frame + 26, sizeof inside + MAC, nonce, server_key, with->short_secret) != 0)
		return false;
	memcpy(with->server_short, inside, KEY);
	memcpy(with->cookie, inside + KEY, COOKIE);
	return true;
}

static bool initiate(struct curve_client *client, struct handshake *with, const uint8_t server_key[KEY])
{
	static const uint8_t metadata[] = "\x0bSocket-Type\0\0\0\x06" "DEALER";
	uint8_t vouched[2 * KEY], vouch_nonce[24] = "VOUCH---", nonce[24];
	uint8_t inside[KEY + 16 + VOUCH + sizeof metadata - 1], body[9 + COOKIE + 8 + MAC + sizeof inside] = "\x08INITIATE";

	memcpy(vouched, with->short_public, KEY);
	memcpy(vouched + KEY, server_key, KEY);
	randombytes_buf(vouch_nonce + 8, 16);
	memcpy(inside, with->client_public, KEY);
	memcpy(inside + KEY, vouch_nonce + 8, 16);
	memcpy(inside + KEY + 16 + VOUCH, metadata, sizeof metadata - 1);
	if (crypto_box_easy(inside + KEY + 16, vouched, sizeof vouched, vouch_nonce, with->server_short, with->client_secret) != 0)
		return false;
	make_nonce(nonce, "CurveZMQINITIATE", ++client->nonce);
	memcpy(body + 9, with->cookie, COOKIE);
	memcpy(body + 9 + COOKIE, nonce + 16, 8);
	if (crypto_box_easy(body + 9 + COOKIE + 8, inside, sizeof inside, nonce, with->server_short, with->short_secret) != 0)
		return false;
	return send_command(client->fd, body, sizeof body);
}

static bool hear_ready(struct curve_client *client)
{
	uint8_t head[2], body[255];

	return read_all(client->fd, head, 2) && read_all(client->fd, body, head[1]) && head[1] > 6 && memcmp(body, "\x05READY", 6) == 0;
}

bool curve_client_handshake(struct curve_client *client, const uint8_t server_key[KEY])
{
	struct handshake with;

	crypto_box_keypair(with.client_public, with.client_secret);
	crypto_box_keypair(with.short_public, with.short_secret);
	return greet(client->fd) && say_hello(client, &with, server_key) && hear_welcome(client, &with, server_key) && initiate(client, &with, server_key) && hear_ready(client) &&
	       crypto_box_beforenm(client->key, with.server_short, with.short_secret) == 0;
}

bool curve_client_send(struct curve_client *client, const void *data, size_t len, bool has_more)
{
	uint8_t *frame = malloc(9 + 16 + MAC + 1 + len), *plain = malloc(1 + len), nonce[24];
	uint64_t body = 16 + MAC + 1 + len;
	bool is_sent;

	if (!frame || !plain)
		abort();
	plain[0] = has_more;
	memcpy(plain + 1, data, len);
	make_nonce(nonce, "CurveZMQMESSAGEC", ++client->nonce);
	frame[0] = 2;
	for (int i = 0; i < 8; i++)
		frame[1 + i] = (uint8_t)(body >> (56 - 8 * i));
	memcpy(frame + 9, "\x07MESSAGE", 8);
	memcpy(frame + 17, nonce + 16, 8);
	if (crypto_box_easy_afternm(frame + 25, plain, 1 + len, nonce, client->key) != 0)
		abort();
	is_sent = write_all(client->fd, frame, 9 + body);
	free(frame);
	free(plain);
	return is_sent;
}
