#include "node/gateway_asked.h"

bool gateway_asked_add(struct gateway_asked *asked, const struct digest *digest, uint64_t size, uint64_t bytes)
{
	size_t place = 0;

	for (size_t i = 0; i < GATEWAY_ASKED_MAX; i++) {
		if (digest_equal(&asked->files[i].digest, digest)) {
			place = i;
			break;
		}
		if (asked->files[i].used < asked->files[place].used)
			place = i;
	}
	if (!digest_equal(&asked->files[place].digest, digest)) {
		asked->files[place].digest = *digest;
		asked->files[place].bytes = 0;
	}
	asked->files[place].used = ++asked->turn;
	if (bytes > size - asked->files[place].bytes)
		bytes = size - asked->files[place].bytes;
	asked->files[place].bytes += bytes;
	return asked->files[place].bytes > size / GATEWAY_ASKED_PART;
}
