#include "node/ledger.h"

#include "support/cmocka.h"
#include "support/temp_dir.h"

#include <stdlib.h>
#include <string.h>

struct play {
	struct clock clock;
	int64_t now_s;
	struct temp_dir dir;
	struct pool *pool;
	struct log log;
	struct ledger *ledger;
};

static int64_t wall_s(struct clock *clock) { return container_of(clock, struct play, clock)->now_s; }

static void open_ledger(struct play *play)
{
	assert_int_equal(ledger_open(play->dir.path, &play->clock, play->pool, &play->log, &play->ledger), ERR_OK);
}

static void reopen(struct play *play)
{
	ledger_close(play->ledger);
	open_ledger(play);
}

static int setup(void **state)
{
	struct play *play = calloc(1, sizeof *play);

	play->clock.wall_s = wall_s;
	play->now_s = 1000000;
	temp_dir_make(&play->dir);
	assert_int_equal(pool_create(1, &play->pool), ERR_OK);
	open_ledger(play);
	*state = play;
	return 0;
}

static int teardown(void **state)
{
	struct play *play = *state;

	ledger_close(play->ledger);
	pool_destroy(play->pool);
	temp_dir_remove(&play->dir);
	free(play);
	return 0;
}

static const uint8_t *key_of(unsigned number)
{
	static uint8_t key[LEDGER_KEY_LEN];

	key[0] = (uint8_t)number;
	key[1] = (uint8_t)(number >> 8);
	return key;
}

static void what_was_noted_is_there_the_next_time(void **state)
{
	struct play *play = *state;

	ledger_credit(play->ledger, key_of(1), 100);
	ledger_credit(play->ledger, key_of(1), 23);
	ledger_refute(play->ledger, key_of(2), 60, "a lie\nor two");
	reopen(play);
	assert_int_equal(ledger_find(play->ledger, key_of(1))->good_bytes, 123);
	assert_int_equal(ledger_find(play->ledger, key_of(1))->seen_s, 1000000);
	assert_string_equal(ledger_find(play->ledger, key_of(2))->reason, "a lie?or two");
	assert_true(ledger_is_refuted(play->ledger, key_of(2)));
	assert_false(ledger_is_refuted(play->ledger, key_of(1)));
	assert_null(ledger_find(play->ledger, key_of(3)));
	play->now_s += 60;
	assert_false(ledger_is_refuted(play->ledger, key_of(2)));
}

static void a_lie_outweighs_what_was_good(void **state)
{
	struct play *play = *state;

	ledger_credit(play->ledger, key_of(1), 100);
	ledger_refute(play->ledger, key_of(1), 60, "a lie");
	assert_int_equal(ledger_find(play->ledger, key_of(1))->good_bytes, 0);
}

static void it_is_bounded_and_keeps_who_is_shunned(void **state)
{
	struct play *play = *state;

	ledger_refute(play->ledger, key_of(0), 1000000, "a lie");
	for (unsigned i = 1; i <= 2 * LEDGER_MAX; i++) {
		play->now_s++;
		ledger_credit(play->ledger, key_of(i), 1);
	}
	reopen(play);
	assert_true(ledger_is_refuted(play->ledger, key_of(0)));
	assert_non_null(ledger_find(play->ledger, key_of(2 * LEDGER_MAX)));
	assert_non_null(ledger_find(play->ledger, key_of(LEDGER_MAX + 2)));
	assert_null(ledger_find(play->ledger, key_of(LEDGER_MAX + 1)));
}

static void nonsense_in_the_file_is_left_out(void **state)
{
	struct play *play = *state;
	char text[1024], line[400];

	memset(line, 'a', sizeof line);
	line[sizeof line - 1] = 0;
	snprintf(text, sizeof text, "larder peers 1\n\n%s\n00\nzz00000000000000000000000000000000000000000000000000000000000000 1 2 3 x\n"
		 "0100000000000000000000000000000000000000000000000000000000000000 7 8 9 why\n"
		 "0200000000000000000000000000000000000000000000000000000000000000 7\n", line);
	temp_dir_write(&play->dir, "peers", text);
	open_ledger((ledger_close(play->ledger), play));
	assert_int_equal(ledger_find(play->ledger, key_of(1))->good_bytes, 7);
	assert_string_equal(ledger_find(play->ledger, key_of(1))->reason, "why");
	assert_null(ledger_find(play->ledger, key_of(2)));
	temp_dir_write(&play->dir, "peers", "something else\n");
	reopen(play);
	assert_null(ledger_find(play->ledger, key_of(1)));
}

static void it_is_written_for_its_owner_alone(void **state)
{
	struct play *play = *state;

	ledger_credit(play->ledger, key_of(1), 1);
	ledger_save(play->ledger);
	assert_int_equal(pool_wait(play->pool), 1);
	assert_int_equal(temp_dir_mode(&play->dir, "peers"), 0600);
}

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(what_was_noted_is_there_the_next_time), test(a_lie_outweighs_what_was_good), test(it_is_bounded_and_keeps_who_is_shunned),
		test(nonsense_in_the_file_is_left_out), test(it_is_written_for_its_owner_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
