/* Frames of a bulk connection. The keys and frames were made by other programs (Python's hashlib and cryptography) from what docs/PROTOCOL.md says; those of AES-256-GCM are in there. */
#include "node/seal.h"
#include "support/cmocka.h"
#include "support/hex.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define CONTROL "control"
#define BYTES "some bytes of a chunk"

static const enum wire_cipher ciphers[] = {WIRE_CIPHER_AES_256_GCM, WIRE_CIPHER_CHACHA20_POLY1305};
static const uint8_t key[SEAL_KEY_LEN] = {1, 2, 3};

struct pair {
	struct seal *closing, *opening;
	uint8_t frame[SEAL_FRAME_MAX];
	size_t len;
};

static void open_pair(struct pair *pair, enum wire_cipher cipher)
{
	assert_int_equal(seal_create(cipher, key, false, &pair->closing), ERR_OK);
	assert_int_equal(seal_create(cipher, key, true, &pair->opening), ERR_OK);
}

static void release_pair(struct pair *pair)
{
	seal_destroy(pair->closing);
	seal_destroy(pair->opening);
}

static void close_one(struct pair *pair)
{
	size_t len = 0;

	assert_int_equal(seal_close(pair->closing, CONTROL, sizeof CONTROL, BYTES, sizeof BYTES, pair->frame, &pair->len), ERR_OK);
	assert_int_equal(seal_frame_len(pair->frame, &len), ERR_OK);
	assert_int_equal(len, pair->len);
}

static void assert_opens(struct pair *pair)
{
	struct seal_opened opened;

	assert_int_equal(seal_open(pair->opening, pair->frame, pair->len, &opened), ERR_OK);
	assert_int_equal(opened.control_len, sizeof CONTROL);
	assert_int_equal(opened.len, sizeof BYTES);
	assert_memory_equal(opened.control, CONTROL, sizeof CONTROL);
	assert_memory_equal(opened.bytes, BYTES, sizeof BYTES);
}

static void what_is_closed_opens_in_its_order(void **state)
{
	static struct pair pair;

	(void)state;
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
		open_pair(&pair, ciphers[i]);
		for (unsigned n = 0; n < 3; n++) {
			close_one(&pair);
			assert_opens(&pair);
		}
		release_pair(&pair);
	}
}

static void the_largest_and_the_empty_one(void **state)
{
	static struct pair pair;
	static uint8_t control[SEAL_CONTROL_MAX], bytes[WIRE_PIECE_MAX];
	struct seal_opened opened;

	(void)state;
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++) {
		open_pair(&pair, ciphers[i]);
		assert_int_equal(seal_close(pair.closing, NULL, 0, NULL, 0, pair.frame, &pair.len), ERR_OK);
		assert_int_equal(pair.len, SEAL_HEAD_LEN + SEAL_TAG_LEN);
		assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_OK);
		assert_true(opened.control_len == 0 && opened.len == 0);
		randombytes_buf(bytes, sizeof bytes);
		assert_int_equal(seal_close(pair.closing, control, sizeof control, bytes, sizeof bytes, pair.frame, &pair.len), ERR_OK);
		assert_int_equal(pair.len, SEAL_FRAME_MAX);
		assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_OK);
		assert_true(opened.control_len == sizeof control && opened.len == sizeof bytes);
		assert_memory_equal(opened.bytes, bytes, sizeof bytes);
		release_pair(&pair);
	}
}

/* Each byte of the frame, its length included. After what does not open, nothing does. */
static void a_changed_byte_does_not_open(void **state)
{
	static struct pair pair;
	struct seal_opened opened = {.len = 77};

	(void)state;
	for (size_t i = 0; i < sizeof ciphers / sizeof ciphers[0]; i++)
		for (size_t at = 0, len = 1; at < len; at++) {
			open_pair(&pair, ciphers[i]);
			close_one(&pair);
			len = pair.len;
			pair.frame[at] ^= 1;
			assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_UNPROVEN);
			close_one(&pair);
			assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_UNPROVEN);
			assert_int_equal(opened.len, 77);
			release_pair(&pair);
		}
}

static void a_frame_opens_in_its_place_only(void **state)
{
	static struct pair pair;
	struct seal_opened opened;
	uint8_t first[128];
	size_t first_len;

	(void)state;
	open_pair(&pair, WIRE_CIPHER_AES_256_GCM);
	close_one(&pair);
	memcpy(first, pair.frame, pair.len);
	first_len = pair.len;
	assert_opens(&pair);
	assert_int_equal(seal_open(pair.opening, first, first_len, &opened), ERR_UNPROVEN); /* repeated */
	release_pair(&pair);
	open_pair(&pair, WIRE_CIPHER_AES_256_GCM);
	close_one(&pair);
	close_one(&pair);
	assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_UNPROVEN); /* one left out */
	release_pair(&pair);
}

static void another_key_or_cipher_does_not_open(void **state)
{
	static struct pair pair;
	struct seal_opened opened;
	uint8_t other[SEAL_KEY_LEN] = {1, 2, 4};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(seal_create(WIRE_CIPHER_AES_256_GCM, key, false, &pair.closing), ERR_OK);
		assert_int_equal(seal_create(i ? WIRE_CIPHER_CHACHA20_POLY1305 : WIRE_CIPHER_AES_256_GCM, i ? key : other, true, &pair.opening), ERR_OK);
		close_one(&pair);
		assert_int_equal(seal_open(pair.opening, pair.frame, pair.len, &opened), ERR_UNPROVEN);
		release_pair(&pair);
	}
}

static void lengths_have_bounds(void **state)
{
	static const struct {
		const char *head;
		enum err err;
	} cases[] = {
		{"00000000", ERR_INVALID}, {"0000000f", ERR_INVALID}, {"00000010", ERR_OK}, {"00040414", ERR_OK}, {"00040415", ERR_LIMIT}, {"7fffffff", ERR_LIMIT}, {"ffffffff", ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t head[SEAL_HEAD_LEN];
		size_t len = 77;
		assert_int_equal(hex_bytes(cases[i].head, head, sizeof head), SEAL_HEAD_LEN);
		assert_int_equal(seal_frame_len(head, &len), cases[i].err);
		assert_true((len == 77) == (cases[i].err != ERR_OK));
	}
}

/* Sealed with the right key, and yet no frame: as the other end could do it, but not by seal_close(). */
static void what_has_no_control_frame_is_nonsense(void **state)
{
	static const char *const plains[] = {"00", "000000", "00000000", "00000000aa", "00000002aa", "ffffffffaa", "00000401", "80000000aaaaaaaa"};
	uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof plains / sizeof plains[0]; i++) {
		uint8_t frame[64] = {0}, plain[16];
		size_t len = hex_bytes(plains[i], plain, sizeof plain);
		unsigned long long sealed;
		struct seal_opened opened;
		struct seal *seal;
		frame[3] = (uint8_t)(len + SEAL_TAG_LEN);
		crypto_aead_chacha20poly1305_ietf_encrypt(frame + SEAL_HEAD_LEN, &sealed, plain, len, frame, SEAL_HEAD_LEN, NULL, nonce, key);
		assert_int_equal(seal_create(WIRE_CIPHER_CHACHA20_POLY1305, key, true, &seal), ERR_OK);
		assert_int_equal(seal_open(seal, frame, SEAL_HEAD_LEN + len + SEAL_TAG_LEN, &opened), ERR_INVALID);
		seal_destroy(seal);
	}
}

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	uint8_t want[256];

	assert_int_equal(hex_bytes(hex, want, sizeof want), len);
	assert_memory_equal(bytes, want, len);
}

static void fill(uint8_t *bytes, size_t len, uint8_t first)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(first + i);
}

static void keys_and_frames_are_these(void **state)
{
	struct wire_bulk_offer offer = {.port = 5275, .cipher = WIRE_CIPHER_AES_256_GCM};
	struct wire_bulk_accept accept = {.cipher = WIRE_CIPHER_CHACHA20_POLY1305};
	uint8_t dialer[WIRE_KEY_LEN], listener[WIRE_KEY_LEN], control[32], bytes[32], frame[128];
	struct seal_ends ends = {dialer, listener, 0x1122334455667788, 0x99aabbccddeeff00, &offer, &accept};
	struct seal_keys keys;
	struct seal *seal;
	size_t len;

	(void)state;
	hex_bytes("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8", dialer, sizeof dialer);
	hex_bytes("29acbae141bccaf0b22e1a94d34d0bc7361e526d0bfe12c89794bc9322966dd7", listener, sizeof listener);
	fill(offer.ticket, sizeof offer.ticket, 0xd0);
	fill(offer.random, sizeof offer.random, 0x90);
	fill(accept.random, sizeof accept.random, 0x10);
	fill(bytes, sizeof bytes, 0x60);
	seal_derive(&ends, &keys);
	assert_hex(keys.to_listener, SEAL_KEY_LEN, "01ce4d376b2726910d5a5414b6f669f7749e35b2818d836540b1347fc2408c69");
	assert_hex(keys.to_dialer, SEAL_KEY_LEN, "fb628bcf12e7d6f7226b634e468f8cb8e3bcbaf7ede5d418735475b6c3d2cf09");
	assert_int_equal(seal_create(accept.cipher, keys.to_dialer, false, &seal), ERR_OK);
	assert_int_equal(seal_close(seal, NULL, 0, NULL, 0, frame, &len), ERR_OK);
	assert_hex(frame, len, "00000010f486ed7ca80b6bc6e02d477108721c8f");
	assert_int_equal(seal_close(seal, control, hex_bytes("a4000e0109021a00040000031a000dc6c0", control, sizeof control), bytes, sizeof bytes, frame, &len), ERR_OK);
	assert_hex(frame, len, "00000045f7742751865fc13a56905e3b5f44edfede9191ec4f97ebd3089761a6cd2a0cacad9bd537cce91b7451167d7069dd34f0798465810c9efa015e944688c49a7833db679ece4f");
	seal_destroy(seal);
}

static void the_cipher_suits_both(void **state)
{
	(void)state;
	assert_int_equal(seal_common_cipher(WIRE_CIPHER_AES_256_GCM, WIRE_CIPHER_AES_256_GCM), WIRE_CIPHER_AES_256_GCM);
	assert_int_equal(seal_common_cipher(WIRE_CIPHER_AES_256_GCM, WIRE_CIPHER_CHACHA20_POLY1305), WIRE_CIPHER_CHACHA20_POLY1305);
	assert_int_equal(seal_common_cipher(WIRE_CIPHER_CHACHA20_POLY1305, WIRE_CIPHER_AES_256_GCM), WIRE_CIPHER_CHACHA20_POLY1305);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_closed_opens_in_its_order),
		cmocka_unit_test(the_largest_and_the_empty_one),
		cmocka_unit_test(a_changed_byte_does_not_open),
		cmocka_unit_test(a_frame_opens_in_its_place_only),
		cmocka_unit_test(another_key_or_cipher_does_not_open),
		cmocka_unit_test(lengths_have_bounds),
		cmocka_unit_test(what_has_no_control_frame_is_nonsense),
		cmocka_unit_test(keys_and_frames_are_these),
		cmocka_unit_test(the_cipher_suits_both),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
