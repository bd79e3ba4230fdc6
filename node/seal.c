#include "node/seal.h"

#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#define HWCAP_AES_BITS (3UL << 3) /* AES and PMULL; Linux, arch/arm64/include/uapi/asm/hwcap.h */
#endif

#define LABEL "larder bulk 1"
#define CONTEXT "larder-b"
#define NONCE_LEN 12
#define LENGTH_LEN 4 /* of the control frame's length */

enum { KEY_TO_LISTENER = 1, KEY_TO_DIALER = 2 };

_Static_assert(SEAL_KEY_LEN == crypto_kdf_KEYBYTES && sizeof CONTEXT - 1 == crypto_kdf_CONTEXTBYTES, "as libsodium has them");
_Static_assert(2 * WIRE_NONCE_LEN <= crypto_generichash_KEYBYTES_MAX, "both randoms are the key");

/* --- keys */

static void put_number(uint8_t *to, uint64_t number, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(number >> 8 * (len - 1 - i));
}

static uint32_t get_number(const uint8_t *from)
{
	return (uint32_t)from[0] << 24 | (uint32_t)from[1] << 16 | (uint32_t)from[2] << 8 | from[3];
}

static void add_number(crypto_generichash_state *hash, uint64_t number, size_t len)
{
	uint8_t bytes[8];

	put_number(bytes, number, len);
	crypto_generichash_update(hash, bytes, len);
}

void seal_derive(const struct seal_ends *ends, struct seal_keys *ret_keys)
{
	uint8_t randoms[2 * WIRE_NONCE_LEN], secret[SEAL_KEY_LEN];
	crypto_generichash_state hash;

	memcpy(randoms, ends->accept->random, WIRE_NONCE_LEN);
	memcpy(randoms + WIRE_NONCE_LEN, ends->offer->random, WIRE_NONCE_LEN);
	crypto_generichash_init(&hash, randoms, sizeof randoms, sizeof secret);
	crypto_generichash_update(&hash, (const uint8_t *)LABEL, sizeof LABEL - 1);
	crypto_generichash_update(&hash, ends->dialer_key, WIRE_KEY_LEN);
	crypto_generichash_update(&hash, ends->listener_key, WIRE_KEY_LEN);
	add_number(&hash, ends->dialer_epoch, 8);
	add_number(&hash, ends->listener_epoch, 8);
	crypto_generichash_update(&hash, ends->offer->ticket, WIRE_TICKET_LEN);
	add_number(&hash, ends->accept->cipher, 1);
	crypto_generichash_final(&hash, secret, sizeof secret);
	crypto_kdf_derive_from_key(ret_keys->to_listener, SEAL_KEY_LEN, KEY_TO_LISTENER, CONTEXT, secret);
	crypto_kdf_derive_from_key(ret_keys->to_dialer, SEAL_KEY_LEN, KEY_TO_DIALER, CONTEXT, secret);
	sodium_memzero(randoms, sizeof randoms);
	sodium_memzero(secret, sizeof secret);
	sodium_memzero(&hash, sizeof hash);
}

static bool has_aes(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("aes") && __builtin_cpu_supports("pclmul");
#elif defined(__aarch64__)
	return (getauxval(AT_HWCAP) & HWCAP_AES_BITS) == HWCAP_AES_BITS;
#else
	return false;
#endif
}

enum wire_cipher seal_best_cipher(void) { return has_aes() ? WIRE_CIPHER_AES_256_GCM : WIRE_CIPHER_CHACHA20_POLY1305; }
enum wire_cipher seal_common_cipher(enum wire_cipher a, enum wire_cipher b) { return a == b ? a : WIRE_CIPHER_CHACHA20_POLY1305; }

/* --- one direction */

struct seal {
	EVP_CIPHER_CTX *context;
	uint64_t count;
	bool is_over;
};

enum err seal_create(enum wire_cipher cipher, const uint8_t key[SEAL_KEY_LEN], bool is_opening, struct seal **ret_seal)
{
	const EVP_CIPHER *kind = cipher == WIRE_CIPHER_AES_256_GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305();
	struct seal *seal = calloc(1, sizeof *seal);

	if (!seal)
		return ERR_NO_MEMORY;
	seal->context = EVP_CIPHER_CTX_new();
	if (!seal->context || EVP_CipherInit_ex(seal->context, kind, NULL, key, NULL, !is_opening) != 1) {
		enum err err = seal->context ? ERR_UNSUPPORTED : ERR_NO_MEMORY;
		seal_destroy(seal);
		return err;
	}
	*ret_seal = seal;
	return ERR_OK;
}

void seal_destroy(struct seal *seal)
{
	if (!seal)
		return;
	EVP_CIPHER_CTX_free(seal->context);
	free(seal);
}

/* The nonce of this frame, and its head. A counter is never used twice, whatever becomes of the frame. */
static bool begin(struct seal *seal, const uint8_t head[SEAL_HEAD_LEN])
{
	uint8_t nonce[NONCE_LEN] = {0};
	int len;

	if (seal->is_over || seal->count == UINT64_MAX)
		return false;
	put_number(nonce + NONCE_LEN - 8, seal->count++, 8);
	return EVP_CipherInit_ex(seal->context, NULL, NULL, NULL, nonce, -1) == 1 && EVP_CipherUpdate(seal->context, NULL, &len, head, SEAL_HEAD_LEN) == 1;
}

/* Both ciphers give as many bytes as they take. */
static bool add(struct seal *seal, const void *bytes, size_t len, uint8_t **at)
{
	int done;

	if (len == 0)
		return true;
	if (EVP_CipherUpdate(seal->context, *at, &done, bytes, (int)len) != 1 || (size_t)done != len)
		return false;
	*at += len;
	return true;
}

static bool finish(struct seal *seal, uint8_t *at)
{
	int done;

	return EVP_CipherFinal_ex(seal->context, at, &done) == 1 && done == 0;
}

enum err seal_close(struct seal *seal, const void *control, size_t control_len, const void *bytes, size_t len, uint8_t *ret_frame, size_t *ret_frame_len)
{
	size_t plain_len = control_len ? LENGTH_LEN + control_len + len : 0;
	uint8_t length[LENGTH_LEN], *at = ret_frame + SEAL_HEAD_LEN;
	bool is_closed;

	put_number(ret_frame, plain_len + SEAL_TAG_LEN, SEAL_HEAD_LEN);
	put_number(length, control_len, sizeof length);
	is_closed = begin(seal, ret_frame);
	if (plain_len > 0)
		is_closed = is_closed && add(seal, length, sizeof length, &at) && add(seal, control, control_len, &at) && add(seal, bytes, len, &at);
	is_closed = is_closed && finish(seal, at) && EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, at) == 1;
	seal->is_over = !is_closed;
	if (!is_closed)
		return ERR_IO;
	*ret_frame_len = SEAL_HEAD_LEN + plain_len + SEAL_TAG_LEN;
	return ERR_OK;
}

enum err seal_frame_len(const uint8_t head[SEAL_HEAD_LEN], size_t *ret_len)
{
	uint32_t len = get_number(head);

	if (len < SEAL_TAG_LEN)
		return ERR_INVALID;
	if (len > SEAL_FRAME_MAX - SEAL_HEAD_LEN)
		return ERR_LIMIT;
	*ret_len = SEAL_HEAD_LEN + len;
	return ERR_OK;
}

static enum err take_apart(const uint8_t *plain, size_t len, struct seal_opened *ret_opened)
{
	size_t control_len;

	*ret_opened = (struct seal_opened){0};
	if (len == 0)
		return ERR_OK;
	if (len < LENGTH_LEN)
		return ERR_INVALID;
	control_len = get_number(plain);
	if (control_len == 0 || control_len > SEAL_CONTROL_MAX || control_len > len - LENGTH_LEN)
		return ERR_INVALID;
	plain += LENGTH_LEN;
	*ret_opened = (struct seal_opened){.control = plain, .bytes = plain + control_len, .control_len = control_len, .len = len - LENGTH_LEN - control_len};
	return ERR_OK;
}

enum err seal_open(struct seal *seal, uint8_t *frame, size_t frame_len, struct seal_opened *ret_opened)
{
	size_t len = frame_len - SEAL_HEAD_LEN - SEAL_TAG_LEN;
	uint8_t *at = frame + SEAL_HEAD_LEN;
	bool is_open = begin(seal, frame) && add(seal, at, len, &at) && EVP_CIPHER_CTX_ctrl(seal->context, EVP_CTRL_AEAD_SET_TAG, SEAL_TAG_LEN, at) == 1 && finish(seal, at);

	seal->is_over = !is_open;
	return is_open ? take_apart(frame + SEAL_HEAD_LEN, len, ret_opened) : ERR_UNPROVEN;
}
