#include "node/group.h"

#include "node/keyfile.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define GROUP_FILE "group"
#define CHECK_LEN 3 /* bytes behind the key in a join code */
#define CODE_BYTES (GROUP_KEY_LEN + CHECK_LEN)
#define CODE_SYMBOLS (CODE_BYTES * 8 / 5)
#define CODE_STRETCH 4 /* symbols between two dashes */
#define CHECK_LABEL "larder join code 1"

enum subkey { SUBKEY_CURVE = 1, SUBKEY_TAG = 2, SUBKEY_SHORT = 3 };

_Static_assert(CODE_BYTES * 8 == CODE_SYMBOLS * 5, "a join code has no loose bits");
_Static_assert(sizeof GROUP_CODE_PREFIX + CODE_SYMBOLS + CODE_SYMBOLS / CODE_STRETCH <= GROUP_CODE_MAX, "a join code fits");
_Static_assert(sizeof GROUP_CONTEXT - 1 == crypto_kdf_CONTEXTBYTES && GROUP_KEY_LEN == crypto_kdf_KEYBYTES, "crypto_kdf");

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz"; /* Crockford's: without i, l, o, u */

static void derive(const struct group *group, enum subkey number, uint8_t *ret, size_t len)
{
	crypto_kdf_derive_from_key(ret, len, number, GROUP_CONTEXT, group->key);
}

void group_init(struct group *ret_group, const uint8_t key[GROUP_KEY_LEN], bool is_creator)
{
	uint8_t short_tag[crypto_kdf_BYTES_MIN];

	*ret_group = (struct group){.is_creator = is_creator};
	memcpy(ret_group->key, key, GROUP_KEY_LEN);
	derive(ret_group, SUBKEY_CURVE, ret_group->curve_secret, sizeof ret_group->curve_secret);
	crypto_scalarmult_base(ret_group->curve_public, ret_group->curve_secret);
	derive(ret_group, SUBKEY_TAG, ret_group->tag_key, sizeof ret_group->tag_key);
	derive(ret_group, SUBKEY_SHORT, short_tag, sizeof short_tag);
	memcpy(ret_group->short_tag, short_tag, sizeof ret_group->short_tag);
}

void group_init_open(struct group *ret_group)
{
	uint8_t key[GROUP_KEY_LEN];

	crypto_generichash(key, sizeof key, (const uint8_t *)GROUP_OPEN_LABEL, sizeof GROUP_OPEN_LABEL - 1, NULL, 0);
	group_init(ret_group, key, false);
	ret_group->is_open = true;
}

void group_init_new(struct group *ret_group)
{
	uint8_t key[GROUP_KEY_LEN];

	randombytes_buf(key, sizeof key);
	group_init(ret_group, key, true);
	sodium_memzero(key, sizeof key);
}

void group_release(struct group *group)
{
	sodium_memzero(group, sizeof *group);
}

const char *group_text(const struct group *group, char ret[GROUP_TEXT_MAX])
{
	return sodium_bin2hex(ret, GROUP_TEXT_MAX, group->short_tag, sizeof group->short_tag);
}

void group_tag(const struct group *group, const struct digest *digest, struct tag *ret_tag)
{
	uint8_t bytes[1 + DIGEST_MAX_BYTES];
	size_t len = digest_len(digest->algorithm);

	bytes[0] = (uint8_t)digest->algorithm;
	memcpy(bytes + 1, digest->bytes, len);
	crypto_generichash(ret_tag->bytes, sizeof ret_tag->bytes, bytes, 1 + len, group->tag_key, sizeof group->tag_key);
}

/* --- join codes */

static void code_bytes(const uint8_t key[GROUP_KEY_LEN], uint8_t ret[CODE_BYTES])
{
	uint8_t hash[crypto_generichash_BYTES];

	crypto_generichash(hash, sizeof hash, (const uint8_t *)CHECK_LABEL, sizeof CHECK_LABEL - 1, key, GROUP_KEY_LEN);
	memcpy(ret, key, GROUP_KEY_LEN);
	memcpy(ret + GROUP_KEY_LEN, hash, CHECK_LEN);
}

/* Symbol `i` is five bits, the highest first. It may lie across two bytes. */
static unsigned symbol_shift(size_t i)
{
	return 11 - (unsigned)(5 * i % 8);
}

const char *group_code(const struct group *group, char ret[GROUP_CODE_MAX])
{
	uint8_t bytes[CODE_BYTES + 1] = {0};
	size_t at = sizeof GROUP_CODE_PREFIX - 1;

	code_bytes(group->key, bytes);
	memcpy(ret, GROUP_CODE_PREFIX, at);
	for (size_t i = 0; i < CODE_SYMBOLS; i++) {
		unsigned pair = (unsigned)bytes[5 * i / 8] << 8 | bytes[5 * i / 8 + 1];
		if (i && i % CODE_STRETCH == 0)
			ret[at++] = '-';
		ret[at++] = alphabet[pair >> symbol_shift(i) & 31];
	}
	ret[at] = 0;
	sodium_memzero(bytes, sizeof bytes);
	return ret;
}

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* What a person puts between the symbols, or a mail program around them; it may also make long dashes of them, which are not ASCII. */
static bool is_between(char letter)
{
	return (letter && strchr(" \t\r\n-\"'", letter)) || (unsigned char)letter >= 0x80;
}

static int symbol_value(char letter)
{
	const char *found;

	letter = lower(letter);
	if (letter == 'o')
		letter = '0';
	if (letter == 'i' || letter == 'l')
		letter = '1';
	found = letter ? strchr(alphabet, letter) : NULL;
	return found ? (int)(found - alphabet) : -1;
}

/* Past the prefix, where there is one, however it is written. */
static const char *skip_prefix(const char *text)
{
	const char *at = text;

	for (const char *prefix = GROUP_CODE_PREFIX; *prefix != '-'; at++) {
		if (is_between(*at))
			continue;
		if (lower(*at) != *prefix++)
			return text;
	}
	return at;
}

enum err group_parse_code(const char *text, uint8_t ret_key[GROUP_KEY_LEN], struct why *why)
{
	uint8_t bytes[CODE_BYTES + 1] = {0}, right[CODE_BYTES];
	enum err err = ERR_OK;
	size_t count = 0;

	for (const char *at = skip_prefix(text); *at && count <= CODE_SYMBOLS; at++) {
		int value = symbol_value(*at);
		if (is_between(*at))
			continue;
		if (value < 0) {
			err = why_set(why, ERR_INVALID, "a join code has no '%c' in it", *at);
			goto out;
		}
		if (count < CODE_SYMBOLS) {
			unsigned pair = (unsigned)value << symbol_shift(count);
			bytes[5 * count / 8] |= (uint8_t)(pair >> 8);
			bytes[5 * count / 8 + 1] |= (uint8_t)pair;
		}
		count++;
	}
	code_bytes(bytes, right);
	if (count != CODE_SYMBOLS)
		err = why_set(why, ERR_INVALID, "the join code is too %s: it has %d letters and digits behind \"" GROUP_CODE_PREFIX "\"", count < CODE_SYMBOLS ? "short" : "long", CODE_SYMBOLS);
	else if (sodium_memcmp(bytes, right, CODE_BYTES) != 0)
		err = why_set(why, ERR_INVALID, "there is a slip in the join code: compare it with the original");
	else
		memcpy(ret_key, bytes, GROUP_KEY_LEN);
out:
	sodium_memzero(bytes, sizeof bytes);
	sodium_memzero(right, sizeof right);
	return err;
}

/* --- the file */

static enum err parse_file(const char *home, const char *text, struct group *ret_group, struct why *why)
{
	char hex[2 * GROUP_KEY_LEN + 1] = "", creator[4] = "";
	uint8_t key[GROUP_KEY_LEN];
	size_t len = 0;
	enum err err = ERR_OK;

	if (sscanf(text, "larder group 1\nkey %64[0-9a-f]\ncreator %3[a-z]\n", hex, creator) != 2 ||
	    sodium_hex2bin(key, sizeof key, hex, strlen(hex), NULL, &len, NULL) != 0 || len != sizeof key)
		err = why_set(why, ERR_INVALID, "%s/" GROUP_FILE " cannot be read as a group: join it again, or remove the file to be in the open group", home);
	else
		group_init(ret_group, key, strcmp(creator, "yes") == 0);
	sodium_memzero(hex, sizeof hex);
	sodium_memzero(key, sizeof key);
	return err;
}

enum err group_load(const char *home, struct group *ret_group, struct why *why)
{
	struct why reason = {0};
	char text[KEYFILE_MAX];
	enum err err = keyfile_read(home, GROUP_FILE, text, &reason);

	if (err == ERR_NOT_FOUND) {
		group_init_open(ret_group);
		return ERR_OK;
	}
	if (err)
		return why_set(why, err, "%s", reason.text);
	err = parse_file(home, text, ret_group, why);
	sodium_memzero(text, sizeof text);
	return err;
}

enum err group_save(const char *home, const struct group *group, struct why *why)
{
	char text[KEYFILE_MAX], hex[2 * GROUP_KEY_LEN + 1];
	enum err err;

	if (group->is_open)
		return group_remove(home, why);
	sodium_bin2hex(hex, sizeof hex, group->key, sizeof group->key);
	snprintf(text, sizeof text, "larder group 1\nkey %s\ncreator %s\n", hex, group->is_creator ? "yes" : "no");
	err = keyfile_write(home, GROUP_FILE, text, why);
	sodium_memzero(text, sizeof text);
	sodium_memzero(hex, sizeof hex);
	return err;
}

enum err group_remove(const char *home, struct why *why)
{
	return keyfile_remove(home, GROUP_FILE, why);
}
