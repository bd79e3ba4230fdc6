#include "node/facts.h"
#include "support/cmocka.h"

#include <stdlib.h>
#include <string.h>

static const struct facts facts = {
	.version = "1.2.3", .node = "0123456789abcdef", .name = "desk", .home = "/home/someone/.cache/larder", .hub = "https://huggingface.co", .group_is_open = true,
	.uptime_s = 9, .peers = 3, .transfers = 2, .shared_blobs = 4, .shared_bytes = 5, .blobs = 6, .bytes = 7,
	.hub_bytes = 18000000000000000000u, .hub_requests = 11, .peer_bytes = 12, .store_bytes = 13, .wasted_bytes = 14, .saved_bytes = 15, .served_bytes = 16,
};

static void json_tells_what_answers(void **state)
{
	json_t *object = facts_json(&facts);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(object, "larder")), "1.2.3");
	assert_string_equal(json_string_value(json_object_get(object, "node")), "0123456789abcdef");
	assert_string_equal(json_string_value(json_object_get(object, "home")), facts.home);
	assert_int_equal(json_integer_value(json_object_get(object, "peer_bytes")), 12);
	assert_int_equal(json_integer_value(json_object_get(object, "served_bytes")), 16);
	assert_true(json_is_true(json_object_get(object, "open_group")));
	json_decref(object);
}

/* Names of a home and a machine may have any bytes. */
static void bytes_that_are_no_text_do_no_harm(void **state)
{
	struct facts odd = facts;
	json_t *object;

	(void)state;
	odd.home = "/home/\xff";
	object = facts_json(&odd);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "larder")), "1.2.3");
	json_decref(object);
}

/* https://prometheus.io/docs/instrumenting/exposition_formats/ */
static void metrics_have_help_type_and_value(void **state)
{
	struct buf text;
	unsigned lines = 0;

	(void)state;
	buf_init(&text, FACTS_TEXT_MAX);
	assert_int_equal(facts_metrics(&facts, &text), ERR_OK);
	assert_non_null(strstr(buf_str(&text), "# TYPE larder_hub_bytes_total counter\nlarder_hub_bytes_total 18000000000000000000\n"));
	assert_non_null(strstr(buf_str(&text), "# HELP larder_held_blobs Blobs in the store.\n# TYPE larder_held_blobs gauge\nlarder_held_blobs 6\n"));
	assert_non_null(strstr(buf_str(&text), "larder_info{version=\"1.2.3\",node=\"0123456789abcdef\"} 1\n"));
	for (const char *line = buf_str(&text); *line; line = strchr(line, '\n') + 1, lines++) {
		size_t name = strcspn(line, " {");
		assert_non_null(strchr(line, '\n'));
		if (*line == '#')
			continue;
		/* Counters are called so, and nothing else is. */
		assert_int_equal(strncmp(line - strlen(" counter\n"), " counter\n", 9) == 0, strncmp(line + name - 6, "_total", 6) == 0);
	}
	assert_int_equal(lines % 3, 0);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_tells_what_answers),
		cmocka_unit_test(bytes_that_are_no_text_do_no_harm),
		cmocka_unit_test(metrics_have_help_type_and_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
