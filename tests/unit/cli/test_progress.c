#include "support/cmocka.h"

#include "cli/output.h"
#include "cli/progress.h"

#include <stdlib.h>
#include <string.h>

static struct progress_state halfway(void)
{
	return (struct progress_state){
		.name = "onnx/model.safetensors",
		.bytes_done = 1200000000,
		.bytes_total = 2600000000,
		.files_done = 3,
		.files_total = 42,
		.rate = 103000000,
	};
}

static void shows(struct progress_state state, size_t width, const char *expected)
{
	char text[PROGRESS_TEXT_MAX];

	assert_string_equal(progress_text(&state, width, text), expected);
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	shows(halfway(), 120, " 46%  1.2 GB of 2.6 GB  103.0 MB/s  14 s left  3/42 files  onnx/model.safetensors");
	shows(halfway(), 79, " 46%  1.2 GB of 2.6 GB  103.0 MB/s  14 s left  3/42 files  ...model.safetensors");
	shows(halfway(), 60, " 46%  1.2 GB of 2.6 GB  103.0 MB/s  14 s left  3/42 files");
	shows(halfway(), 50, " 46%  1.2 GB of 2.6 GB  103.0 MB/s  14 s left");
	shows(halfway(), 40, " 46%  103.0 MB/s  14 s left  3/42 files");
	shows(halfway(), 27, " 46%  103.0 MB/s  14 s left");
	shows(halfway(), 20, " 46%  103.0 MB/s");
}

static void no_width_is_ever_exceeded(void **state)
{
	static const char *const names[] = {NULL, "", "a", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e.safetensors", "a\033[2Jb\n"};
	char text[PROGRESS_TEXT_MAX];

	(void)state;
	for (size_t width = PROGRESS_WIDTH_MIN; width <= 200; width++) {
		for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
			struct progress_state at = halfway();
			at.name = names[i];
			progress_text(&at, width, text);
			assert_true(output_columns(text) <= width);
			assert_null(strchr(text, '\033'));
			at = (struct progress_state){names[i], UINT64_MAX - 1, UINT64_MAX, UINT64_MAX - 1, UINT64_MAX, 1};
			assert_true(output_columns(progress_text(&at, width, text)) <= width);
		}
	}
}

static void only_the_end_is_100_percent(void **state)
{
	struct progress_state at = {.bytes_done = 999999999, .bytes_total = 1000000000};
	char text[PROGRESS_TEXT_MAX];

	(void)state;
	assert_memory_equal(progress_text(&at, 20, text), " 99%", 4);
	at.bytes_done++;
	assert_memory_equal(progress_text(&at, 20, text), "100%", 4);
	at.files_total = 1;
	assert_memory_equal(progress_text(&at, 20, text), " 99%", 4);
	at = (struct progress_state){0};
	assert_memory_equal(progress_text(&at, 20, text), "100%", 4);
}

static void the_rate_follows_the_last_seconds(void **state)
{
	struct progress_rate rate = {0};
	uint64_t count = 500;

	(void)state;
	assert_int_equal(progress_rate_sample(&rate, count, 1000), 0);
	assert_int_equal(progress_rate_sample(&rate, count += 100, 1100), 1000);
	for (int64_t now = 1200; now <= 3000; now += 100)
		assert_int_equal(progress_rate_sample(&rate, count += 100, now), 1000);
	for (int64_t now = 3100; now <= 20000; now += 100)
		progress_rate_sample(&rate, count, now);
	assert_true(progress_rate_sample(&rate, count, 20100) < 10);
	assert_true(progress_rate_sample(&rate, 0, 20200) < 10); /* a count that went back is passed over */
}

static void a_log_gets_lines_now_and_then(void **state)
{
	char *written = NULL;
	size_t len = 0, lines = 0;
	FILE *stream = open_memstream(&written, &len);
	struct progress progress;
	struct progress_state at = halfway();

	(void)state;
	progress_init(&progress, stream);
	assert_false(progress.is_terminal);
	for (int64_t now = 1000; now <= 21000; now += 100)
		progress_show(&progress, &at, (uint64_t)now, now);
	progress_wipe(&progress);
	fclose(stream);
	for (const char *p = written; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 4);
	assert_null(strchr(written, '\r'));
	free(written);
}

static void a_terminal_gets_one_line_that_is_wiped(void **state)
{
	char *written = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&written, &len);
	struct progress progress;
	struct progress_state at = halfway();

	(void)state;
	progress_init(&progress, stream);
	progress.is_terminal = true;
	for (int64_t now = 1000; now < 1100; now += 10)
		progress_show(&progress, &at, 0, now);
	progress_wipe(&progress);
	progress_wipe(&progress);
	fclose(stream);
	assert_ptr_equal(strstr(written, "\r 46%"), written);
	assert_null(strstr(written + strlen("\r 46%"), "46%"));
	assert_null(strchr(written, '\n'));
	assert_string_equal(written + len - 4, "\r\033[K");
	free(written);
}

static void silence_shows_nothing(void **state)
{
	struct progress progress;
	struct progress_state at = halfway();

	(void)state;
	progress_init(&progress, NULL);
	progress_show(&progress, &at, 0, 1000);
	progress_wipe(&progress);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(no_width_is_ever_exceeded),
		cmocka_unit_test(only_the_end_is_100_percent),
		cmocka_unit_test(the_rate_follows_the_last_seconds),
		cmocka_unit_test(a_log_gets_lines_now_and_then),
		cmocka_unit_test(a_terminal_gets_one_line_that_is_wiped),
		cmocka_unit_test(silence_shows_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
