#include "discovery/bloom.h"

static size_t place_of(const uint8_t *word, size_t len)
{
	uint32_t value = word[0] | (uint32_t)word[1] << 8 | (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24;

	return value % (len * 8);
}

void bloom_add(uint8_t *bits, size_t len, const uint8_t tag[BLOOM_TAG_LEN])
{
	if (len < BLOOM_MIN)
		return;
	for (size_t i = 0; i < BLOOM_HASHES; i++) {
		size_t place = place_of(tag + 4 * i, len);
		bits[place / 8] |= (uint8_t)(1U << place % 8);
	}
}

bool bloom_may_hold(const uint8_t *bits, size_t len, const uint8_t tag[BLOOM_TAG_LEN])
{
	if (len < BLOOM_MIN)
		return false;
	for (size_t i = 0; i < BLOOM_HASHES; i++) {
		size_t place = place_of(tag + 4 * i, len);
		if (!(bits[place / 8] & 1U << place % 8))
			return false;
	}
	return true;
}

size_t bloom_fill(const uint8_t *bits, size_t len)
{
	size_t set = 0;

	for (size_t i = 0; i < len; i++)
		set += (size_t)__builtin_popcount(bits[i]);
	return set;
}

bool bloom_is_overfull(const uint8_t *bits, size_t len)
{
	return bloom_fill(bits, len) > len * 4;
}

bool bloom_has_room(const uint8_t *bits, size_t len)
{
	return len >= BLOOM_MIN && bloom_fill(bits, len) + BLOOM_HASHES <= len * 4;
}
