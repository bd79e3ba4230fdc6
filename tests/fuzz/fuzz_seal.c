/* Frames of a bulk connection, opened. Bit 0 of the first byte says which cipher, bit 1 what the rest is: what one who has the key put into a frame, sealed here; or what comes over the
 * connection from one who has it not. What opens lies within its frame, and is the same frame when it is closed again; what was not sealed never opens, and nothing opens after it. */
#include "fuzz/fuzz.h"
#include "node/seal.h"

#include <openssl/evp.h>
#include <string.h>

#define NONCE_LEN 12

static const uint8_t key[SEAL_KEY_LEN] = "a key that everybody may know";

static struct seal *create(enum wire_cipher cipher, bool is_opening)
{
	struct seal *seal = NULL;

	must(seal_create(cipher, key, is_opening, &seal) == ERR_OK);
	return seal;
}

/* What seal_close() does, around anything: the first frame of a connection. */
static size_t close_around(enum wire_cipher cipher, const uint8_t *plain, size_t len, uint8_t *frame)
{
	static const uint8_t nonce[NONCE_LEN];
	EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	size_t rest = len + SEAL_TAG_LEN;
	int done;

	for (size_t i = 0; i < SEAL_HEAD_LEN; i++)
		frame[i] = (uint8_t)(rest >> 8 * (SEAL_HEAD_LEN - 1 - i));
	must(context && EVP_EncryptInit_ex(context, cipher == WIRE_CIPHER_AES_256_GCM ? EVP_aes_256_gcm() : EVP_chacha20_poly1305(), NULL, key, nonce) == 1);
	must(EVP_EncryptUpdate(context, NULL, &done, frame, SEAL_HEAD_LEN) == 1);
	must(len == 0 || EVP_EncryptUpdate(context, frame + SEAL_HEAD_LEN, &done, plain, (int)len) == 1);
	must(EVP_EncryptFinal_ex(context, frame + SEAL_HEAD_LEN + len, &done) == 1);
	must(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, SEAL_TAG_LEN, frame + SEAL_HEAD_LEN + len) == 1);
	EVP_CIPHER_CTX_free(context);
	return SEAL_HEAD_LEN + rest;
}

static void check_opened(const struct seal_opened *opened, const uint8_t *frame, size_t len)
{
	const uint8_t *end = frame + len - SEAL_TAG_LEN;

	if (opened->control_len == 0) {
		must(opened->len == 0 && len == SEAL_HEAD_LEN + SEAL_TAG_LEN);
		return;
	}
	must(opened->control_len <= SEAL_CONTROL_MAX && opened->control >= frame + SEAL_HEAD_LEN && opened->control + opened->control_len == opened->bytes);
	must(opened->bytes <= end && opened->len == (size_t)(end - opened->bytes));
}

static void open_sealed(enum wire_cipher cipher, const uint8_t *plain, size_t len)
{
	static uint8_t frame[SEAL_FRAME_MAX], kept[SEAL_FRAME_MAX], again[SEAL_FRAME_MAX];
	struct seal *opening = create(cipher, true), *closing = create(cipher, false);
	size_t frame_len, told_len, again_len;
	struct seal_opened opened;
	enum err err;

	frame_len = close_around(cipher, plain, len, frame);
	memcpy(kept, frame, frame_len);
	must(seal_frame_len(frame, &told_len) == ERR_OK && told_len == frame_len);
	err = seal_open(opening, frame, frame_len, &opened);
	must(err == ERR_OK || err == ERR_INVALID);
	if (!err) {
		check_opened(&opened, frame, frame_len);
		must(seal_close(closing, opened.control, opened.control_len, opened.bytes, opened.len, again, &again_len) == ERR_OK);
		must(again_len == frame_len && memcmp(again, kept, frame_len) == 0);
	}
	seal_destroy(opening);
	seal_destroy(closing);
}

static void open_garbage(enum wire_cipher cipher, const uint8_t *data, size_t size)
{
	static uint8_t frame[SEAL_FRAME_MAX];
	struct seal *opening = create(cipher, true);
	struct seal_opened opened;
	size_t len;

	while (size >= SEAL_HEAD_LEN && seal_frame_len(data, &len) == ERR_OK && len <= size) {
		must(len >= SEAL_HEAD_LEN + SEAL_TAG_LEN && len <= SEAL_FRAME_MAX);
		memcpy(frame, data, len);
		must(seal_open(opening, frame, len, &opened) == ERR_UNPROVEN);
		data += len;
		size -= len;
	}
	seal_destroy(opening);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum wire_cipher cipher;

	if (size == 0 || size - 1 > SEAL_PLAIN_MAX)
		return 0;
	cipher = data[0] & 1 ? WIRE_CIPHER_CHACHA20_POLY1305 : WIRE_CIPHER_AES_256_GCM;
	if (data[0] & 2)
		open_garbage(cipher, data + 1, size - 1);
	else
		open_sealed(cipher, data + 1, size - 1);
	return 0;
}
