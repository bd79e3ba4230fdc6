#include "node/identity.h"
#include "support/cmocka.h"
#include "support/temp_dir.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MACHINE_A "0123456789abcdef0123456789abcdef\n"
#define MACHINE_B "ffffffffffffffff0123456789abcdef\n"

struct bench {
	struct temp_dir dir;
	char home[96], machine[96], *text;
	size_t text_len;
	struct log log;
};

static int set_up(void **state)
{
	struct bench *bench = calloc(1, sizeof *bench);

	temp_dir_make(&bench->dir);
	snprintf(bench->home, sizeof bench->home, "%s/home", bench->dir.path);
	snprintf(bench->machine, sizeof bench->machine, "%s/machine-id", bench->dir.path);
	assert_int_equal(mkdir(bench->home, 0700), 0);
	temp_dir_write(&bench->dir, "machine-id", MACHINE_A);
	bench->log = (struct log){.out = open_memstream(&bench->text, &bench->text_len), .level = LOG_LEVEL_WARN};
	*state = bench;
	return 0;
}

static int tear_down(void **state)
{
	struct bench *bench = *state;

	fclose(bench->log.out);
	free(bench->text);
	temp_dir_remove(&bench->dir);
	free(bench);
	return 0;
}

static struct identity *open_identity(struct bench *bench)
{
	struct identity *identity;
	struct why why = {0};

	if (identity_open(bench->home, bench->machine, &bench->log, &identity, &why) != ERR_OK)
		fail_msg("identity_open: %s", why.text);
	return identity;
}

/* Open, keep the public key, close. */
static void key_now(struct bench *bench, uint8_t ret_key[IDENTITY_KEY_LEN])
{
	struct identity *identity = open_identity(bench);

	memcpy(ret_key, identity_public_key(identity), IDENTITY_KEY_LEN);
	identity_close(identity);
}

static const char *logged(struct bench *bench)
{
	fflush(bench->log.out);
	return bench->text;
}

static void a_key_is_made_once(void **state)
{
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN];

	key_now(bench, first);
	assert_int_equal(temp_dir_mode(&bench->dir, "home/node.key"), 0600);
	key_now(bench, second);
	assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	assert_string_equal(logged(bench), "");
}

static void the_file_says_what_it_always_said(void **state)
{
	struct bench *bench = *state;
	struct identity *identity;
	char text[512];

	temp_dir_write(&bench->dir, "home/node.key",
		       "larder node key 1\nseed 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nmachine -\n");
	identity = open_identity(bench);
	assert_string_equal(identity_text(identity), "9d24e2eeaf27c2a0");
	identity_close(identity);
	temp_dir_read(&bench->dir, "home/node.key", text, sizeof text);
	assert_string_equal(text, "larder node key 1\nseed 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
				  "machine 23b91853f7261956069566d283a3af304bcb4edbe417b90b5091384cffbb9f16\n");
}

static void a_copied_home_gets_a_key_of_its_own(void **state)
{
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN], third[IDENTITY_KEY_LEN];

	key_now(bench, first);
	temp_dir_write(&bench->dir, "machine-id", MACHINE_B);
	key_now(bench, second);
	assert_memory_not_equal(first, second, IDENTITY_KEY_LEN);
	assert_non_null(strstr(logged(bench), "another machine"));
	key_now(bench, third);
	assert_memory_equal(second, third, IDENTITY_KEY_LEN);
}

static void without_a_machine_id_nothing_is_compared(void **state)
{
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN];

	key_now(bench, first);
	temp_dir_write(&bench->dir, "machine-id", "uninitialized\n");
	key_now(bench, second);
	assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	assert_int_equal(unlink(bench->machine), 0);
	key_now(bench, second);
	assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	assert_string_equal(logged(bench), "");
}

static void a_key_made_without_a_machine_id_is_bound_later(void **state)
{
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN];

	assert_int_equal(unlink(bench->machine), 0);
	key_now(bench, first);
	temp_dir_write(&bench->dir, "machine-id", MACHINE_A);
	key_now(bench, second);
	assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	temp_dir_write(&bench->dir, "machine-id", MACHINE_B);
	key_now(bench, second);
	assert_memory_not_equal(first, second, IDENTITY_KEY_LEN);
}

static void what_is_no_key_is_replaced(void **state)
{
	static const char *const texts[] = {
		"", "larder node key 1\n", "larder node key 2\nseed 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nmachine -\n",
		"larder node key 1\nseed 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e\nmachine -\n",
		"larder node key 1\nseed 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\nmachine 00\n",
	};
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN];

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		temp_dir_write(&bench->dir, "home/node.key", texts[i]);
		key_now(bench, first);
		assert_non_null(strstr(logged(bench), "cannot be read as a key"));
		key_now(bench, second);
		assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	}
}

static void a_file_open_to_others_is_closed(void **state)
{
	struct bench *bench = *state;
	uint8_t first[IDENTITY_KEY_LEN], second[IDENTITY_KEY_LEN];
	char path[128];

	key_now(bench, first);
	snprintf(path, sizeof path, "%s/node.key", bench->home);
	assert_int_equal(chmod(path, 0644), 0);
	key_now(bench, second);
	assert_memory_equal(first, second, IDENTITY_KEY_LEN);
	assert_int_equal(temp_dir_mode(&bench->dir, "home/node.key"), 0600);
}

static void a_link_is_not_followed(void **state)
{
	struct bench *bench = *state;
	uint8_t key[IDENTITY_KEY_LEN];
	char path[128], text[512];

	temp_dir_write(&bench->dir, "elsewhere", "precious");
	snprintf(path, sizeof path, "%s/node.key", bench->home);
	assert_int_equal(symlink("../elsewhere", path), 0);
	key_now(bench, key);
	temp_dir_read(&bench->dir, "elsewhere", text, sizeof text);
	assert_string_equal(text, "precious");
}

static void renewing_makes_another_key_that_stays(void **state)
{
	struct bench *bench = *state;
	struct identity *identity = open_identity(bench);
	uint8_t old[IDENTITY_KEY_LEN], now[IDENTITY_KEY_LEN], then[IDENTITY_KEY_LEN];

	memcpy(old, identity_public_key(identity), sizeof old);
	assert_int_equal(identity_renew(identity, NULL), ERR_OK);
	memcpy(now, identity_public_key(identity), sizeof now);
	assert_memory_not_equal(old, now, sizeof now);
	identity_close(identity);
	key_now(bench, then);
	assert_memory_equal(now, then, sizeof now);
}

static void a_home_that_cannot_be_written_is_said(void **state)
{
	struct bench *bench = *state;
	struct identity *identity = open_identity(bench);
	struct why why = {0};
	uint8_t key[IDENTITY_KEY_LEN];

	memcpy(key, identity_public_key(identity), sizeof key);
	assert_int_equal(rename(bench->home, bench->machine), -1);
	assert_int_equal(unlink(bench->machine), 0);
	assert_int_equal(rename(bench->home, bench->machine), 0);
	assert_int_equal(identity_renew(identity, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, bench->home));
	assert_memory_equal(key, identity_public_key(identity), sizeof key);
	identity_close(identity);
}

static void signatures_are_of_the_key_and_the_bytes(void **state)
{
	struct identity *identity = open_identity(*state);
	uint8_t signature[IDENTITY_SIGNATURE_LEN], other[IDENTITY_KEY_LEN] = {1};

	identity_sign(identity, "words", 5, signature);
	assert_true(identity_verify(identity_public_key(identity), "words", 5, signature));
	assert_false(identity_verify(identity_public_key(identity), "wordz", 5, signature));
	assert_false(identity_verify(other, "words", 5, signature));
	signature[0] ^= 1;
	assert_false(identity_verify(identity_public_key(identity), "words", 5, signature));
	identity_close(identity);
}

static void the_curve_key_follows_from_the_node_key(void **state)
{
	struct identity *identity = open_identity(*state);
	uint8_t curve[IDENTITY_KEY_LEN], small[IDENTITY_KEY_LEN] = {1};

	assert_true(identity_curve_of(identity_public_key(identity), curve));
	assert_memory_equal(curve, identity_curve_public(identity), sizeof curve);
	crypto_scalarmult_base(curve, identity_curve_secret(identity));
	assert_memory_equal(curve, identity_curve_public(identity), sizeof curve);
	assert_false(identity_curve_of(small, curve));
	identity_close(identity);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(a_key_is_made_once),
		test(the_file_says_what_it_always_said),
		test(a_copied_home_gets_a_key_of_its_own),
		test(without_a_machine_id_nothing_is_compared),
		test(a_key_made_without_a_machine_id_is_bound_later),
		test(what_is_no_key_is_replaced),
		test(a_file_open_to_others_is_closed),
		test(a_link_is_not_followed),
		test(renewing_makes_another_key_that_stays),
		test(a_home_that_cannot_be_written_is_said),
		test(signatures_are_of_the_key_and_the_bytes),
		test(the_curve_key_follows_from_the_node_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
