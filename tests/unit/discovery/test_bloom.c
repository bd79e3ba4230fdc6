#include "discovery/bloom.h"

#include "support/cmocka.h"

#include <string.h>

#define LEN 256

/* Tags as uniform as those of a keyed hash: splitmix64 (Steele, Lea, Flood 2014) of a running number. */
static uint64_t mixed(uint64_t number)
{
	number = (number + 1) * 0x9e3779b97f4a7c15U;
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9U;
	number = (number ^ number >> 27) * 0x94d049bb133111ebU;
	return number ^ number >> 31;
}

static void make_tag(uint64_t number, uint8_t tag[BLOOM_TAG_LEN])
{
	uint64_t halves[2] = {mixed(2 * number), mixed(2 * number + 1)};

	memcpy(tag, halves, sizeof halves);
}

/* Adds tags 0, 1, ... while there is room; returns how many. */
static size_t fill_up(uint8_t *bits, size_t len)
{
	uint8_t tag[BLOOM_TAG_LEN];
	size_t added = 0;

	for (; bloom_has_room(bits, len); added++) {
		make_tag(added, tag);
		bloom_add(bits, len, tag);
	}
	return added;
}

static size_t false_alarms(const uint8_t *bits, size_t len, size_t tries)
{
	uint8_t tag[BLOOM_TAG_LEN];
	size_t wrong = 0;

	for (size_t i = 0; i < tries; i++) {
		make_tag(1000000 + i, tag);
		wrong += bloom_may_hold(bits, len, tag);
	}
	return wrong;
}

static void what_was_added_is_held(void **state)
{
	static const size_t lens[] = {BLOOM_MIN, 9, 100, 252, LEN};
	uint8_t bits[LEN], tag[BLOOM_TAG_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
		size_t added;
		memset(bits, 0, sizeof bits);
		added = fill_up(bits, lens[i]);
		assert_true(added >= lens[i]);
		for (size_t n = 0; n < added; n++) {
			make_tag(n, tag);
			assert_true(bloom_may_hold(bits, lens[i], tag));
		}
	}
}

/* Others read these bits: which they are is part of the protocol. */
static void the_bits_are_those_of_the_protocol(void **state)
{
	static const uint8_t tag[BLOOM_TAG_LEN] = {0x00, 0, 0, 0, 0x09, 0x08, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00, 0x00, 0x80};
	uint8_t bits[LEN] = {0}, expected[LEN] = {0};

	(void)state;
	bloom_add(bits, LEN, tag);
	expected[0] = 0x03; /* 0; 0x80000001 mod 2048 = 1 */
	expected[1] = 0x02; /* 0x809 mod 2048 = 9 */
	expected[255] = 0x80; /* 0xffffffff mod 2048 = 2047 */
	assert_memory_equal(bits, expected, LEN);
	assert_int_equal(bloom_fill(bits, LEN), 4);
}

static void a_filter_is_wrong_as_seldom_as_it_says(void **state)
{
	uint8_t bits[LEN] = {0};
	size_t wrong;

	(void)state;
	assert_int_equal(false_alarms(bits, LEN, 1000), 0);
	/* 2048 bits, 4 a tag, half of them set: 2048 * ln 2 / 4 = 355 tags. */
	assert_in_range(fill_up(bits, LEN), 330, 380);
	wrong = false_alarms(bits, LEN, 100000);
	assert_in_range(wrong, 5500, 7000); /* one in 16: 6250 */
}

static void one_that_says_yes_too_often_is_overfull(void **state)
{
	uint8_t bits[LEN] = {0};

	(void)state;
	fill_up(bits, LEN);
	assert_false(bloom_is_overfull(bits, LEN));
	memset(bits, 0x0f, LEN);
	assert_false(bloom_is_overfull(bits, LEN));
	assert_false(bloom_has_room(bits, LEN));
	bits[7] = 0x1f;
	assert_true(bloom_is_overfull(bits, LEN));
}

static void one_too_short_holds_nothing(void **state)
{
	uint8_t bits[BLOOM_MIN] = {0}, tag[BLOOM_TAG_LEN] = {1};

	(void)state;
	bloom_add(bits, BLOOM_MIN - 1, tag);
	assert_int_equal(bloom_fill(bits, BLOOM_MIN), 0);
	assert_false(bloom_has_room(bits, BLOOM_MIN - 1));
	memset(bits, 0xff, sizeof bits);
	assert_false(bloom_may_hold(bits, BLOOM_MIN - 1, tag));
	assert_false(bloom_may_hold(NULL, 0, tag));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_added_is_held),
		cmocka_unit_test(the_bits_are_those_of_the_protocol),
		cmocka_unit_test(a_filter_is_wrong_as_seldom_as_it_says),
		cmocka_unit_test(one_that_says_yes_too_often_is_overfull),
		cmocka_unit_test(one_too_short_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
