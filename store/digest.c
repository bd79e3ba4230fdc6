#include "store/digest.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

size_t digest_len(enum digest_algorithm algorithm)
{
	switch (algorithm) {
	case DIGEST_SHA256:
		return 32;
	case DIGEST_GIT_SHA1:
		return 20;
	default:
		return 0;
	}
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	switch (algorithm) {
	case DIGEST_SHA256:
		return "sha256";
	case DIGEST_GIT_SHA1:
		return "git-sha1";
	default:
		return "none";
	}
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->algorithm == b->algorithm && memcmp(a->bytes, b->bytes, digest_len(a->algorithm)) == 0;
}

struct digest digest_of_sha256(const uint8_t bytes[32])
{
	struct digest digest = {.algorithm = DIGEST_SHA256};

	memcpy(digest.bytes, bytes, 32);
	return digest;
}

bool digest_parse_hex(enum digest_algorithm algorithm, const char *hex, struct digest *ret_digest)
{
	struct digest digest = {.algorithm = algorithm};
	size_t len = digest_len(algorithm);

	if (len == 0 || strlen(hex) != 2 * len)
		return false;
	for (size_t i = 0; i < len; i++) {
		int high = text_hex_value(hex[2 * i]), low = text_hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		digest.bytes[i] = (uint8_t)(high << 4 | low);
	}
	*ret_digest = digest;
	return true;
}

bool digest_parse(const char *text, struct digest *ret_digest)
{
	static const enum digest_algorithm known[] = {DIGEST_SHA256, DIGEST_GIT_SHA1};

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		const char *name = digest_algorithm_name(known[i]);
		size_t len = strlen(name);
		if (strncasecmp(text, name, len) == 0 && text[len] == ':')
			return digest_parse_hex(known[i], text + len + 1, ret_digest);
	}
	return digest_parse_hex(DIGEST_SHA256, text, ret_digest);
}

const char *digest_hex(const struct digest *digest, char ret[DIGEST_HEX_MAX])
{
	static const char digits[] = "0123456789abcdef";
	size_t len = digest_len(digest->algorithm);

	for (size_t i = 0; i < len; i++) {
		ret[2 * i] = digits[digest->bytes[i] >> 4];
		ret[2 * i + 1] = digits[digest->bytes[i] & 15];
	}
	ret[2 * len] = 0;
	return ret;
}

const char *digest_text(const struct digest *digest, char ret[DIGEST_TEXT_MAX])
{
	char hex[DIGEST_HEX_MAX];

	snprintf(ret, DIGEST_TEXT_MAX, "%s:%s", digest_algorithm_name(digest->algorithm), digest_hex(digest, hex));
	return ret;
}
