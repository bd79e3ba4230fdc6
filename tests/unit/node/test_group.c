#include "node/group.h"
#include "support/cmocka.h"
#include "support/temp_dir.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void assert_hex(const uint8_t *bytes, size_t len, const char *hex)
{
	char text[129];

	assert_true(len <= 64);
	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	assert_string_equal(text, hex);
}

static void count_up(uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)i;
}

/* Computed with Python's hashlib and RFC 7748, from docs/PROTOCOL.md alone. */
static void the_open_group_is_what_was_published(void **state)
{
	struct digest digest = {.algorithm = DIGEST_SHA256}, alias = {.algorithm = DIGEST_GIT_SHA1};
	struct group group;
	struct tag tag;
	char text[GROUP_TEXT_MAX];

	(void)state;
	group_init_open(&group);
	assert_true(group.is_open);
	assert_hex(group.key, 32, "95ac694970fbcc26708eb8dd35982b3c68ac4ec7bc74a84d77c40abbfa7bb5ea");
	assert_hex(group.curve_secret, 32, "a17ada1b692dd49b6ca0e06123816e4c4195d1c0d794134edbc18ff1274116d5");
	assert_hex(group.curve_public, 32, "c0b3c2cfb06b2c886716c363a2f23b7564055e383c85ef3a59f066911a84293b");
	assert_hex(group.tag_key, 32, "8633399c82d9381a1c8e5745148c419e2968a006c144160028d68e66764e15e9");
	assert_string_equal(group_text(&group, text), "34ae9e1b7f588cd1");
	count_up(digest.bytes, 32);
	group_tag(&group, &digest, &tag);
	assert_hex(tag.bytes, TAG_LEN, "0b9da9b5d943768d0634d00252b402a4");
	count_up(alias.bytes, 20);
	group_tag(&group, &alias, &tag);
	assert_hex(tag.bytes, TAG_LEN, "0a68b439b3b0979a3d34f15ee095ac09");
}

static void groups_differ_in_everything(void **state)
{
	struct digest digest = {.algorithm = DIGEST_SHA256};
	struct group a, b;
	struct tag tag_a, tag_b;

	(void)state;
	group_init_new(&a);
	group_init_new(&b);
	assert_false(a.is_open);
	assert_true(a.is_creator);
	assert_memory_not_equal(a.key, b.key, sizeof a.key);
	assert_memory_not_equal(a.curve_public, b.curve_public, sizeof a.curve_public);
	assert_memory_not_equal(a.short_tag, b.short_tag, sizeof a.short_tag);
	group_tag(&a, &digest, &tag_a);
	group_tag(&b, &digest, &tag_b);
	assert_false(tag_equal(&tag_a, &tag_b));
	group_release(&a);
	assert_hex(a.key, 4, "00000000");
	assert_hex(a.curve_secret, 4, "00000000");
}

static const char golden_code[] = "larder-000g-40r4-0m30-e209-185g-r38e-1w81-24gk-2gah-c5rr-34d1-p70x-3rfy-bhtb";

static void a_join_code_is_what_it_was(void **state)
{
	uint8_t key[GROUP_KEY_LEN], back[GROUP_KEY_LEN];
	struct group group;
	char code[GROUP_CODE_MAX];

	(void)state;
	count_up(key, sizeof key);
	group_init(&group, key, false);
	assert_string_equal(group_code(&group, code), golden_code);
	assert_int_equal(group_parse_code(code, back, NULL), ERR_OK);
	assert_memory_equal(key, back, sizeof key);
}

static void a_join_code_comes_back_as_people_write_it(void **state)
{
	static const char *const texts[] = {
		"LARDER-000G-40R4-0M30-E209-185G-R38E-1W81-24GK-2GAH-C5RR-34D1-P70X-3RFY-BHTB",
		"  larder 000g 40r4 0m30 e209 185g r38e 1w81 24gk\n  2gah c5rr 34d1 p70x 3rfy bhtb ",
		"000g40r40m30e209185gr38e1w8124gk2gahc5rr34d1p70x3rfybhtb",
		"Larder-OOOG-4Or4-om3o-e2O9-I85g-r38e-lw8i-24gk-\r\n\t2gah-c5rr-34dL-p7ox-3rfy-bhtb\n",
		"\"larder\xe2\x80\x93" "000g\xe2\x80\x93" "40r4-0m30-e209-185g-r38e-1w81-24gk-2gah-c5rr-34d1-p70x-3rfy-bhtb\"",
	};
	uint8_t key[GROUP_KEY_LEN], back[GROUP_KEY_LEN];

	(void)state;
	count_up(key, sizeof key);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		memset(back, 0, sizeof back);
		assert_int_equal(group_parse_code(texts[i], back, NULL), ERR_OK);
		assert_memory_equal(key, back, sizeof key);
	}
}

static void assert_refused(const char *text, const char *reason)
{
	uint8_t key[GROUP_KEY_LEN] = {7}, before[GROUP_KEY_LEN] = {7};
	struct why why = {0};

	assert_int_equal(group_parse_code(text, key, &why), ERR_INVALID);
	if (!strstr(why.text, reason))
		fail_msg("\"%s\": %s", text, why.text);
	assert_memory_equal(key, before, sizeof key);
}

static void a_slip_in_a_join_code_is_noticed(void **state)
{
	char text[sizeof golden_code + 8];

	(void)state;
	for (size_t i = sizeof GROUP_CODE_PREFIX - 1; i < sizeof golden_code - 1; i++) {
		if (golden_code[i] == '-')
			continue;
		memcpy(text, golden_code, sizeof golden_code);
		text[i] = text[i] == 'x' ? 'y' : 'x';
		assert_refused(text, "slip");
	}
	memcpy(text, golden_code, sizeof golden_code);
	text[sizeof golden_code - 2] = 0;
	assert_refused(text, "too short");
	snprintf(text, sizeof text, "%s2", golden_code);
	assert_refused(text, "too long");
	assert_refused("", "too short");
	assert_refused("larder", "too short");
	assert_refused("larder-u", "no 'u'");
	assert_refused("larder-\x1b", "no '?'");
}

static void many_keys_go_through_a_join_code(void **state)
{
	uint8_t back[GROUP_KEY_LEN];
	struct group group;
	char code[GROUP_CODE_MAX];

	(void)state;
	for (int i = 0; i < 100; i++) {
		group_init_new(&group);
		for (char *at = (char *)(uintptr_t)group_code(&group, code); *at; at++)
			*at = (char)(i % 2 ? toupper(*at) : *at);
		assert_int_equal(group_parse_code(code, back, NULL), ERR_OK);
		assert_memory_equal(back, group.key, sizeof back);
	}
}

static void a_group_is_kept_in_the_home(void **state)
{
	struct temp_dir dir;
	struct group group, back;

	(void)state;
	temp_dir_make(&dir);
	assert_int_equal(group_load(dir.path, &back, NULL), ERR_OK);
	assert_true(back.is_open);
	group_init_new(&group);
	assert_int_equal(group_save(dir.path, &group, NULL), ERR_OK);
	assert_int_equal(temp_dir_mode(&dir, "group"), 0600);
	assert_int_equal(group_load(dir.path, &back, NULL), ERR_OK);
	assert_memory_equal(&group, &back, sizeof group);
	group_init(&group, group.key, false);
	assert_int_equal(group_save(dir.path, &group, NULL), ERR_OK);
	assert_int_equal(group_load(dir.path, &back, NULL), ERR_OK);
	assert_memory_equal(&group, &back, sizeof group);
	group_init_open(&group);
	assert_int_equal(group_save(dir.path, &group, NULL), ERR_OK);
	assert_int_equal(group_remove(dir.path, NULL), ERR_OK);
	assert_int_equal(group_load(dir.path, &back, NULL), ERR_OK);
	assert_true(back.is_open);
	temp_dir_remove(&dir);
}

static void what_is_no_group_is_not_the_open_one(void **state)
{
	static const char *const texts[] = {
		"", "larder group 2\nkey 00\n", "larder group 1\nkey 0001\ncreator no\n",
		"larder group 1\nkey 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n",
	};
	struct group group = {.is_creator = true}, before = {.is_creator = true};
	struct temp_dir dir;
	struct why why = {0};

	(void)state;
	temp_dir_make(&dir);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		temp_dir_write(&dir, "group", texts[i]);
		assert_int_equal(group_load(dir.path, &group, &why), ERR_INVALID);
		assert_non_null(strstr(why.text, dir.path));
		assert_memory_equal(&group, &before, sizeof group);
	}
	temp_dir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_open_group_is_what_was_published),
		cmocka_unit_test(groups_differ_in_everything),
		cmocka_unit_test(a_join_code_is_what_it_was),
		cmocka_unit_test(a_join_code_comes_back_as_people_write_it),
		cmocka_unit_test(a_slip_in_a_join_code_is_noticed),
		cmocka_unit_test(many_keys_go_through_a_join_code),
		cmocka_unit_test(a_group_is_kept_in_the_home),
		cmocka_unit_test(what_is_no_group_is_not_the_open_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
