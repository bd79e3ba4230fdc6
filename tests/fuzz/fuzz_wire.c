/* The first byte is the length of the bulk frame, the rest is the control frame. What is read can be written, and is the same when it is read and written again. */
#include "fuzz/fuzz.h"
#include "support/wire_sample.h"

#include <string.h>

static void check_entries(const struct wire_names *names)
{
	struct wire_bytes rest = names->entries;
	struct wire_entry entry;
	uint32_t count = 0;

	for (; wire_entry_next(&rest, &entry); count++)
		must(entry.path.len >= 1 && entry.path.len <= WIRE_PATH_MAX && entry.size <= CHAIN_MAX_BLOB && !memchr(entry.path.at, 0, entry.path.len));
	must(count == names->count && rest.len == 0);
}

static void check_round_trip(const struct wire_message *message)
{
	static uint8_t frame[WIRE_CONTROL_MAX], again[WIRE_CONTROL_MAX];
	struct wire_message read;
	struct why why = {0};
	size_t len, again_len;

	must(wire_encode(message, frame, sizeof frame, &len, &why) == ERR_OK);
	must(wire_decode(frame, len, message->bulk.at, message->bulk.len, &read, &why) == ERR_OK);
	must(wire_sample_equal(message, &read));
	must(wire_encode(&read, again, sizeof again, &again_len, &why) == ERR_OK);
	must(again_len == len && memcmp(frame, again, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t bulk[UINT8_MAX];
	struct wire_message message;
	struct why why = {0};
	enum err err;

	if (size == 0)
		return 0;
	err = wire_decode(data + 1, size - 1, bulk, data[0], &message, &why);
	must(err == ERR_OK || ((err == ERR_INVALID || err == ERR_LIMIT) && why.text[0]));
	if (err || message.type == WIRE_UNKNOWN)
		return 0;
	check_round_trip(&message);
	if (message.type == WIRE_NAMES)
		check_entries(&message.names);
	return 0;
}
