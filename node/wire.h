/* wire: the messages between two nodes, as structures and as bytes (docs/PROTOCOL.md).
 *
 * A message is one control frame, a CBOR map with small numbers as keys, and for STATES and PIECE a second frame of plain bytes behind it. Written in one way
 * only: keys ascending, shortest heads, definite lengths, every field there. Read with some mercy: unknown keys are passed over, any width of head will do; but keys
 * ascend, and each field that the type names must be there, with the right kind of value within its limit. Pure, takes no memory; any thread.
 */
#ifndef LARDER_NODE_WIRE_H
#define LARDER_NODE_WIRE_H

#include "node/tag.h"
#include "store/chain.h"
#include "store/digest.h"

#define WIRE_VERSION 1        /* the version spoken here */
#define WIRE_VERSION_LOWEST 1 /* the oldest one understood */

/* Sizes of frames. */
#define WIRE_CONTROL_MAX ((size_t)64 << 10) /* a control frame */
#define WIRE_PIECE_MAX ((size_t)256 << 10)  /* a bulk frame: a piece of a chunk, or states */
#define WIRE_STATES_MAX (WIRE_PIECE_MAX / SHA256_LEN)
#define WIRE_NESTING_MAX 8                  /* values within values, in what is passed over */

/* Requests of one end that the other has not answered, of all kinds together; for more there is NO, too much. A request is a credit: who asks for a chunk has room for it. */
#define WIRE_ASKED_MAX 64

/* Fields. Texts are in bytes. */
#define WIRE_KEY_LEN 32        /* an Ed25519 public key */
#define WIRE_NONCE_LEN 32
#define WIRE_SIGNATURE_LEN 64
#define WIRE_GROUP_LEN 8
#define WIRE_TICKET_LEN 16
#define WIRE_NAME_MAX 63       /* what a node calls itself */
#define WIRE_SOFTWARE_MAX 63
#define WIRE_BYE_TEXT_MAX 200
#define WIRE_TAGS_MAX 4000     /* in HOLDINGS; in HAVE, added and removed together */
#define WIRE_FIND_MAX 256      /* tags in FIND */
#define WIRE_CURSOR_MAX 256
#define WIRE_ENTRIES_MAX 512   /* in NAMES */
#define WIRE_ENTRIES_BYTES ((size_t)60 << 10)
#define WIRE_REPO_MAX 280
#define WIRE_COMMIT_MAX 64
#define WIRE_PATH_MAX 1024
#define WIRE_ADDRESSES_MAX 32
#define WIRE_DIGEST_MAX 64     /* bytes of a digest, of whatever algorithm */
#define WIRE_CHUNKS_MAX (CHAIN_MAX_BLOB / CHAIN_CHUNK) /* chunks of the largest blob */

enum wire_type {
	WIRE_UNKNOWN = 0, /* a well-formed message of a type not known here: to be ignored */
	/* the session */
	WIRE_HELLO = 1, WIRE_WELCOME = 2, WIRE_BYE = 3, WIRE_PING = 4, WIRE_PONG = 5,
	/* who holds what */
	WIRE_HOLDINGS = 6, WIRE_HAVE = 7, WIRE_RESYNC = 8, WIRE_FIND = 9, WIRE_FOUND = 10,
	/* blobs */
	WIRE_CHAIN = 11, WIRE_STATES = 12, WIRE_CHUNK = 13, WIRE_PIECE = 14, WIRE_NO = 15, WIRE_REJECT = 16, WIRE_CANCEL = 17,
	/* names and addresses */
	WIRE_LIST = 18, WIRE_NAMES = 19, WIRE_PEERS = 20,
	/* the way back */
	WIRE_REACH = 21, WIRE_REACHED = 22,
	/* Numbers kept for later; unknown until then. */
	WIRE_WANT = 24, WIRE_CLAIM = 25, WIRE_PROGRESS = 26,
	/* the bulk connection */
	WIRE_BULK_OFFER = 27, WIRE_BULK_ACCEPT = 28,
};

/* Borrowed, not zero-terminated. `at` may be NULL where len is 0. */
struct wire_bytes {
	const uint8_t *at;
	size_t len;
};
struct wire_text { /* read: UTF-8 without control characters */
	const char *at;
	size_t len;
};
struct wire_tags {
	const struct tag *at;
	size_t count;
};

struct wire_hello {
	uint64_t version, lowest;            /* lowest <= version, both at least 1 */
	uint8_t node_key[WIRE_KEY_LEN];
	uint8_t nonce[WIRE_NONCE_LEN];
	uint64_t epoch;                      /* random, anew at each start */
	uint64_t generation;                 /* of the holdings, at this moment */
	struct wire_text name;               /* never empty */
	uint16_t port;                       /* where connections are taken; 0: nowhere */
	struct wire_text software;           /* "larder 0.1.0"; for people */
	uint8_t group[WIRE_GROUP_LEN];       /* the group's short tag */
	uint8_t signature[WIRE_SIGNATURE_LEN]; /* WELCOME only; zero in a HELLO */
};

enum wire_bye {
	WIRE_BYE_GOING = 1,     /* ends, or is restarted */
	WIRE_BYE_DUPLICATE = 2, /* there is another connection between us, which stays */
	WIRE_BYE_REFUSED = 3,   /* not wanted here; also what an unknown reason is read as */
	WIRE_BYE_BROKEN = 4,    /* you broke a rule */
	WIRE_BYE_CLONE = 5,     /* you have my key, and are not me */
	WIRE_BYE_FULL = 6,      /* as many connections as there may be */
};

enum wire_found { WIRE_FOUND_NONE = 0, WIRE_FOUND_PART = 1, WIRE_FOUND_WHOLE = 2 };

enum wire_no {
	WIRE_NO_NOT_HELD = 1, /* or not for you; also what an unknown code is read as */
	WIRE_NO_BUSY = 2,     /* ask again later, or somebody else now */
	WIRE_NO_TOO_MUCH = 3, /* more requests at once than there may be */
	WIRE_NO_DAMAGED = 4,  /* it was held, and has been found broken */
};

enum wire_reached {
	WIRE_REACHED_YOU = 1,      /* a node of the group answers at your port */
	WIRE_REACHED_NOBODY = 2,   /* no connection comes about; also what an unknown code is read as */
	WIRE_REACHED_STRANGER = 3, /* something answers, which is no node of the group, or takes no connections from me */
};

enum wire_cipher {
	WIRE_CIPHER_AES_256_GCM = 1,
	WIRE_CIPHER_CHACHA20_POLY1305 = 2, /* which everybody has; also what an unknown code is read as */
};

struct wire_bye_message { enum wire_bye reason; struct wire_text text; };
struct wire_holdings { uint64_t generation; uint32_t part; bool is_last; struct wire_tags tags; };
struct wire_have { uint64_t generation; struct wire_tags added, removed; };
struct wire_find { struct wire_tags tags; };          /* never empty */
struct wire_found_message { struct wire_bytes found; }; /* an enum wire_found a byte, one for each tag asked */
struct wire_chain { struct digest digest; uint64_t from; uint32_t count; }; /* S(from) ..: from >= 1; count 0: the size alone is asked for */
struct wire_states { uint64_t size, from; };          /* the states S(from) .. are the bulk frame; it may be empty */
struct wire_chunk { struct digest digest; uint64_t size, index; }; /* size 0: not known; else index is below its chunk count */
struct wire_piece { uint32_t offset, length; };       /* of the bulk frame within the chunk; of the whole chunk */
struct wire_reject { struct digest digest; uint64_t index; };
struct wire_list { struct wire_bytes cursor; };       /* empty: from the beginning */
struct wire_names { struct wire_bytes entries; uint32_t count; struct wire_bytes next; }; /* entries: as wire_entry_next() takes them. next: empty at the end */

struct wire_address {
	uint8_t family;    /* 4, 6 */
	uint8_t bytes[16]; /* 4 of them or all, in network order; zero behind */
	uint16_t port;     /* not 0 */
};
struct wire_peers { struct wire_address addresses[WIRE_ADDRESSES_MAX]; uint32_t count; };

struct wire_bulk_offer {
	uint16_t port;                   /* where the listener of the session waits for the bulk connection; not 0 */
	uint8_t ticket[WIRE_TICKET_LEN]; /* by which he will know it */
	uint8_t random[WIRE_NONCE_LEN];  /* his part of the keys */
	enum wire_cipher cipher;         /* that is best for him */
};
struct wire_bulk_accept {
	uint8_t ticket[WIRE_TICKET_LEN]; /* of the offer */
	uint8_t random[WIRE_NONCE_LEN];
	enum wire_cipher cipher;         /* that is used */
};

/* A digest of an algorithm not known here is read as DIGEST_NONE: a blob that nobody here holds. */
struct wire_message {
	enum wire_type type;
	uint64_t request; /* chosen by who asks, repeated in the answer. PING PONG FIND FOUND CHAIN STATES CHUNK PIECE NO CANCEL LIST NAMES REACH REACHED; else 0 */
	union {
		struct wire_hello hello; /* HELLO, WELCOME */
		struct wire_bye_message bye;
		struct wire_holdings holdings;
		struct wire_have have;
		struct wire_find find;
		struct wire_found_message found;
		struct wire_chain chain;
		struct wire_states states;
		struct wire_chunk chunk;
		struct wire_piece piece;
		enum wire_no no;
		struct wire_reject reject;
		struct wire_list list;
		struct wire_names names;
		struct wire_peers peers;
		enum wire_reached reached;
		struct wire_bulk_offer bulk_offer;
		struct wire_bulk_accept bulk_accept;
	};
	struct wire_bytes bulk; /* the second frame, of STATES and PIECE; else empty */
};

/* "HELLO"; "unknown". */
const char *wire_type_name(enum wire_type type);

/* Read a message of one or two frames; bulk_len is 0 where there is no second one. The message borrows from both. Unknown types are checked to be well-formed, and are
 * WIRE_UNKNOWN. ERR_INVALID, ERR_LIMIT: a rule is broken, `why` says which one in words for a BYE. */
enum err wire_decode(const void *control, size_t control_len, const void *bulk, size_t bulk_len, struct wire_message *ret_message, struct why *why) LARDER_MUST_USE;

/* Write the control frame; the bulk frame goes out as it is. `room`: WIRE_CONTROL_MAX is enough for all that is allowed. What wire_decode() would refuse is refused here, with
 * the same errors; ERR_LIMIT also where `room` is too small. */
enum err wire_encode(const struct wire_message *message, uint8_t *ret_control, size_t room, size_t *ret_len, struct why *why) LARDER_MUST_USE;

/* What a listener signs with its node key: the label, then of dialer and listener both node keys, both nonces and both epochs (big-endian). */
#define WIRE_WELCOME_LABEL "larder welcome 1"
#define WIRE_WELCOME_SIGNED (sizeof WIRE_WELCOME_LABEL - 1 + 2 * (WIRE_KEY_LEN + WIRE_NONCE_LEN + 8))
void wire_welcome_signed_bytes(const struct wire_hello *hello, const struct wire_hello *welcome, uint8_t ret[WIRE_WELCOME_SIGNED]);

/* The highest version that both speak; 0: none. */
uint64_t wire_common_version(const struct wire_hello *a, const struct wire_hello *b);

/* One line of NAMES. */
struct wire_entry {
	struct wire_text repo;   /* "ORG/NAME", "datasets/ORG/NAME" .. Not checked further than text is: see hub_repo_is_valid() and tree_path_is_safe() */
	struct wire_text commit;
	struct wire_text path;
	uint64_t size;           /* at most CHAIN_MAX_BLOB */
	struct digest digest;
};

/* Take the first entry off `rest`, which begins as the `entries` of a decoded message. False at the end (and where they do not come from one). */
bool wire_entry_next(struct wire_bytes *rest, struct wire_entry *ret_entry);

/* Entries being collected for NAMES; begins as zero. */
struct wire_page {
	uint8_t bytes[WIRE_ENTRIES_BYTES];
	size_t len;
	uint32_t count;
};
/* ERR_LIMIT: the page is full; ERR_INVALID: no such entry can be sent at all. The page is unchanged then. */
enum err wire_page_add(struct wire_page *page, const struct wire_entry *entry, struct why *why) LARDER_MUST_USE;

#endif
