/* gateway_private: what the files that run the gateway share. */
#ifndef LARDER_NODE_GATEWAY_PRIVATE_H
#define LARDER_NODE_GATEWAY_PRIVATE_H

#include "node/gateway.h"
#include "node/gateway_asked.h"
#include "node/gateway_blob.h"
#include "node/gateway_connection.h"
#include "node/gateway_direct.h"
#include "node/gateway_fill.h"
#include "node/gateway_request.h"
#include "node/gateway_via.h"

#define GATEWAY_URL_MAX (sizeof "http://" + LAN_TEXT_MAX)

/* Larger files huggingface_hub takes by Xet alone: it refuses to get them by plain HTTP, before it asks. */
#define GATEWAY_PLAIN_MAX ((uint64_t)50000000000)

/* One address. */
struct gateway_listener {
	struct gateway *gateway;
	struct list link;
	struct MHD_Daemon *daemon;
	struct loop_watch watch;  /* of libmicrohttpd's epoll descriptor */
	struct loop_timer timer;  /* when it wants to run although nothing is ready */
	bool has_room;            /* a connection has ended in this run */
	struct lan_address address;
	int fd;                   /* -1: libmicrohttpd has it */
};

struct gateway {
	struct node *node;
	struct loop *loop;
	struct log *log;
	struct list listeners, requests;
	struct guard_rules rules;
	struct lan lan;           /* who may ask, besides this machine */
	struct gateway_connections connections;
	struct gateway_hubs hubs;
	struct gateway_blobs blobs;
	struct gateway_fills fills;
	struct gateway_asked asked;
	uint64_t sent_bytes;      /* what clients have sent, and is held (gateway_sent.h) */
	struct gateway_via via;
	char url[GATEWAY_URL_MAX];
	bool is_ending;
};

/* Have libmicrohttpd run in the next turn of the loop. */
void gateway_listener_kick(struct gateway_listener *listener);

/* --- callbacks of libmicrohttpd, all with the listener */
void *gateway_request_on_target(void *listener, const char *target, struct MHD_Connection *connection);
enum MHD_Result gateway_request_on_part(void *listener, struct MHD_Connection *connection, const char *path, const char *method, const char *version, const char *data,
					size_t *len, void **request);
void gateway_request_on_end(void *listener, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode how);
/* Its client is gone, or will not read the answer: what is under way for it ends. */
void gateway_request_leave(struct gateway_request *request);
/* No more replies: what rests is woken, to be closed. */
void gateway_request_end_all(struct gateway *gateway);

#endif
