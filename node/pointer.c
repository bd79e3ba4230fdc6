#include "node/pointer.h"
#include "node/number.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

struct fields {
	bool has_version, has_digest, has_size;
	struct digest digest;
	uint64_t size;
};

static bool is_text(const char *at, size_t len, const char *text)
{
	return strlen(text) == len && memcmp(at, text, len) == 0;
}

static bool is_version(const char *value, size_t len)
{
	return is_text(value, len, "https://git-lfs.github.com/spec/v1") || is_text(value, len, "https://hawser.github.com/spec/v1");
}

static bool parse_oid(const char *value, size_t len, struct digest *digest)
{
	static const char prefix[] = "sha256:";
	const size_t skip = sizeof prefix - 1;
	char hex[DIGEST_HEX_MAX];

	if (len != skip + 64 || memcmp(value, prefix, skip) != 0)
		return false;
	memcpy(hex, value + skip, 64);
	hex[64] = 0;
	return digest_parse_hex(DIGEST_SHA256, hex, digest);
}

/* "key value", without its line end. */
static bool parse_line(const char *line, size_t len, struct fields *fields)
{
	const char *space = memchr(line, ' ', len);
	size_t key_len, value_len;
	const char *value;

	if (!space || space == line)
		return false;
	value = space + 1;
	key_len = (size_t)(space - line);
	value_len = len - key_len - 1;
	if (!fields->has_version)
		return fields->has_version = is_text(line, key_len, "version") && is_version(value, value_len);
	if (is_text(line, key_len, "oid"))
		return !fields->has_digest && (fields->has_digest = parse_oid(value, value_len, &fields->digest));
	if (is_text(line, key_len, "size"))
		return !fields->has_size && (fields->has_size = number_parse(value, value_len, &fields->size));
	return true;
}

bool pointer_parse(const char *text, size_t len, struct digest *ret_digest, uint64_t *ret_size)
{
	struct fields fields = {0};

	if (len >= POINTER_MAX_BYTES)
		return false;
	for (const char *at = text, *end = text + len; at < end;) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			stop = end;
		if (!parse_line(at, (size_t)(stop - at), &fields))
			return false;
		at = stop < end ? stop + 1 : end;
	}
	if (!fields.has_digest || !fields.has_size)
		return false;
	*ret_digest = fields.digest;
	*ret_size = fields.size;
	return true;
}

size_t pointer_write(const struct digest *digest, uint64_t size, char ret_text[POINTER_MAX_BYTES])
{
	char hex[DIGEST_HEX_MAX];

	return (size_t)snprintf(ret_text, POINTER_MAX_BYTES, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %" PRIu64 "\n", digest_hex(digest, hex), size);
}

bool pointer_git_oid(const char *text, size_t len, struct digest *ret_oid)
{
	char blob[POINTER_MAX_BYTES + 32];
	size_t head = (size_t)snprintf(blob, sizeof blob, "blob %zu", len) + 1; /* with its zero byte */
	struct digest oid = {.algorithm = DIGEST_GIT_SHA1};

	if (len > sizeof blob - head)
		return false;
	memcpy(blob + head, text, len);
	if (EVP_Digest(blob, head + len, oid.bytes, NULL, EVP_sha1(), NULL) != 1)
		return false;
	*ret_oid = oid;
	return true;
}
