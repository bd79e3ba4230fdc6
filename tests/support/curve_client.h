/* curve_client: a client of ZMTP 3.1 with CURVE (ZeroMQ RFC 23, 26) of the plainest kind, which can do what libzmq's would not: send a message that never ends, or stop in the middle
 * of anything. It blocks, so it belongs into a process of its own. */
#ifndef LARDER_TESTS_CURVE_CLIENT_H
#define LARDER_TESTS_CURVE_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct curve_client {
	int fd;
	uint64_t nonce;
	uint8_t key[32]; /* of what is sent, once the handshake is done */
};

/* To 127.0.0.1; nothing is said yet. */
bool curve_client_connect(struct curve_client *client, uint16_t port);
/* With a new key of its own. */
bool curve_client_handshake(struct curve_client *client, const uint8_t server_key[32]);
/* False: the other side does not want to hear it. */
bool curve_client_send(struct curve_client *client, const void *data, size_t len, bool has_more);
void curve_client_close(struct curve_client *client);

#endif
