#include "node/socket_owner.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 512
#define ESTABLISHED 1
#define ENTRY_MAX 48

/* Words of 32 bits as this machine has them, then the port. An IPv4 address may stand in the table for IPv6. */
static void write_entry(const struct lan_address *address, bool is_mapped, char ret_text[ENTRY_MAX])
{
	uint8_t bytes[16] = {0};
	uint32_t words[4];
	size_t first = 0, len = 0;

	if (address->family == 4) {
		memset(bytes + 10, 0xff, 2);
		memcpy(bytes + 12, address->bytes, 4);
		first = is_mapped ? 0 : 3;
	} else
		memcpy(bytes, address->bytes, sizeof bytes);
	memcpy(words, bytes, sizeof words);
	for (size_t i = first; i < 4; i++)
		len += (size_t)snprintf(ret_text + len, ENTRY_MAX - len, "%08X", (unsigned)words[i]);
	snprintf(ret_text + len, ENTRY_MAX - len, ":%04X", address->port);
}

static bool find(const char *table, const struct lan_address *local, const struct lan_address *remote, bool is_mapped, uid_t *ret_user)
{
	FILE *file = fopen(table, "re");
	char line[LINE_MAX_BYTES], here[ENTRY_MAX], there[ENTRY_MAX], ours[ENTRY_MAX], theirs[ENTRY_MAX];
	bool found = false;

	if (!file)
		return false;
	write_entry(local, is_mapped, ours);
	write_entry(remote, is_mapped, theirs);
	while (!found && fgets(line, sizeof line, file)) {
		unsigned state, user;
		if (sscanf(line, " %*d: %47s %47s %x %*s %*s %*s %u", here, there, &state, &user) != 4 || state != ESTABLISHED)
			continue;
		found = strcmp(here, ours) == 0 && strcmp(there, theirs) == 0;
		if (found)
			*ret_user = user;
	}
	fclose(file);
	return found;
}

bool socket_owner(const struct lan_address *local, const struct lan_address *remote, uid_t *ret_user)
{
	if (local->family == 4 && find("/proc/net/tcp", local, remote, false, ret_user))
		return true;
	return find("/proc/net/tcp6", local, remote, true, ret_user);
}
