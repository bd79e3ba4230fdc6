/* The input is a TXT record as it comes from the LAN. What is taken from it can be written and read again, and is the same. */
#include "discovery/bloom.h"
#include "discovery/note.h"
#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct discovery_note note, again;
	uint8_t txt[NOTE_TXT_MAX];
	size_t len;

	if (note_parse(data, size, &note) != ERR_OK)
		return 0;
	must(note.version >= 1 && note.version <= NOTE_VERSION_MAX && note.filter_len <= NOTE_FILTER_MAX);
	must(!bloom_is_overfull(note.filter, note.filter_len));
	len = note_write(&note, txt);
	must(len <= NOTE_TXT_MAX && note_parse(txt, len, &again) == ERR_OK && note_is_equal(&note, &again));
	return 0;
}
