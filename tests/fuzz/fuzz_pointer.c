/* A pointer that is accepted means one digest and size, whatever else stands in it. */
#include "fuzz/fuzz.h"
#include "node/pointer.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct digest digest, again;
	uint64_t number, number_again;
	char hex[DIGEST_HEX_MAX], text[POINTER_MAX_BYTES];
	int len;

	if (!pointer_parse((const char *)data, size, &digest, &number))
		return 0;
	must(digest.algorithm == DIGEST_SHA256);
	len = snprintf(text, sizeof text, "version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %llu\n", digest_hex(&digest, hex),
		       (unsigned long long)number);
	must(pointer_parse(text, (size_t)len, &again, &number_again));
	must(digest_equal(&digest, &again) && number == number_again);
	return 0;
}
