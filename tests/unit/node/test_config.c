#include "support/cmocka.h"

#include "node/config.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct world {
	char dir[64];
	char path[128];
};

static const char *const variables[] = {
	"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_ENDPOINT", "HF_HOME", "HF_TOKEN", "HF_TOKEN_PATH", "HUGGING_FACE_HUB_TOKEN", "LARDER_CONFIG", "LARDER_HOME",
	"LARDER_HUB", "LARDER_PROXY", "LARDER_CA_FILE", "LARDER_SHA256", "LARDER_MAX_SIZE", "LARDER_MIN_FREE", "LARDER_LOG_LEVEL",
};

/* A home of its own for each test, and nothing else in the environment. */
static int enter(void **state)
{
	struct world *world = calloc(1, sizeof *world);

	if (!world)
		return -1;
	strcpy(world->dir, "/tmp/larder-config-XXXXXX");
	if (!mkdtemp(world->dir))
		return -1;
	for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
		unsetenv(variables[i]);
	setenv("HOME", world->dir, 1);
	*state = world;
	return 0;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
	(void)info;
	(void)kind;
	(void)at;
	return remove(path);
}

static int leave(void **state)
{
	struct world *world = *state;
	int failed = nftw(world->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);

	free(world);
	return failed;
}

/* Write `text` to `name` in the home, with the directories on the way; returns its path. */
static const char *put(struct world *world, const char *name, const char *text)
{
	FILE *file;

	snprintf(world->path, sizeof world->path, "%s/%s", world->dir, name);
	for (char *p = world->path + strlen(world->dir) + 1; *p; p++) {
		if (*p == '/') {
			*p = 0;
			mkdir(world->path, 0700);
			*p = '/';
		}
	}
	file = fopen(world->path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	return world->path;
}

static struct config load(const char *file, const struct config_flag *flags, size_t count)
{
	struct config config = {0};
	struct why why = {0};

	if (config_load(&config, file, flags, count, &why) != ERR_OK)
		fail_msg("%s", why.text);
	return config;
}

static void refuses(const char *file, const char *part, const char *other_part)
{
	struct config config = {.max_size = 7};
	struct why why = {0};

	assert_int_equal(config_load(&config, file, NULL, 0, &why), ERR_USAGE);
	assert_int_equal(config.max_size, 7);
	if (!strstr(why.text, part) || !strstr(why.text, other_part))
		fail_msg("\"%s\" lacks \"%s\" or \"%s\"", why.text, part, other_part);
}

static void defaults_come_without_any_setting(void **state)
{
	struct world *world = *state;
	struct config config = load(NULL, NULL, 0);
	char home[128];

	snprintf(home, sizeof home, "%s/.cache/larder", world->dir);
	assert_string_equal(config.home, home);
	assert_string_equal(config.hub, "https://huggingface.co");
	assert_null(config.token);
	assert_int_equal(config.max_size, 0);
	assert_true(config.min_free == UINT64_MAX);
	assert_int_equal(config.log_level, LOG_LEVEL_WARN);
	assert_string_equal(config.note.text, "");
	config_release(&config);
}

static void flag_beats_environment_beats_file(void **state)
{
	struct config_flag flag = {"max_size", "3K"};
	struct config config;

	put(*state, ".config/larder/larder.conf", "# mine\nmax_size = 1K\n  min_free = 1M\nlog_level = debug\n");
	config = load(NULL, NULL, 0);
	assert_int_equal(config.max_size, 1024);
	assert_int_equal(config.min_free, 1 << 20);
	assert_int_equal(config.log_level, LOG_LEVEL_DEBUG);
	config_release(&config);

	setenv("LARDER_MAX_SIZE", "2K", 1);
	config = load(NULL, NULL, 0);
	assert_int_equal(config.max_size, 2048);
	config_release(&config);

	config = load(NULL, &flag, 1);
	assert_int_equal(config.max_size, 3072);
	assert_int_equal(config.min_free, 1 << 20);
	config_release(&config);
}

static void a_named_file_replaces_the_usual_ones(void **state)
{
	struct world *world = *state;
	struct config config;
	char path[128];

	put(world, ".config/larder/larder.conf", "max_size = 1K\n");
	strcpy(path, put(world, "other.conf", "hub = http://127.0.0.1:8080/\n"));
	config = load(path, NULL, 0);
	assert_int_equal(config.max_size, 0);
	assert_string_equal(config.hub, "http://127.0.0.1:8080");
	config_release(&config);
	refuses("/nonexistent/larder.conf", "/nonexistent/larder.conf", "No such file");
}

static void a_bad_file_names_its_line(void **state)
{
	struct world *world = *state;
	char long_line[600];

	refuses(put(world, "a.conf", "max_size = 1K\nmax-sise = 2\n"), "a.conf:2", "max-sise");
	refuses(put(world, "b.conf", "\n\nmax_size = lots\n"), "b.conf:3", "lots");
	refuses(put(world, "c.conf", "[larder]\nmax_size = 1\n"), "c.conf:2", "larder");
	refuses(put(world, "d.conf", "max_size\n"), "d.conf:1", "key = value");
	refuses(put(world, "e.conf", "max_size =\n"), "e.conf:1", "max_size");
	refuses(put(world, "f.conf", "home = somewhere\n"), "f.conf:1", "somewhere");
	refuses(put(world, "g.conf", "hub = huggingface.co\n"), "g.conf:1", "https://");
	refuses(put(world, "h.conf", "nonsense\nlog_level = loud\n"), "h.conf:1", "key = value");
	memset(long_line, 'a', sizeof long_line);
	long_line[sizeof long_line - 1] = 0;
	refuses(put(world, "i.conf", long_line), "i.conf:1", "too long");
}

static void paths_may_begin_at_home(void **state)
{
	struct world *world = *state;
	struct config config = load(put(world, "a.conf", "home = ~/larder data\n"), NULL, 0);
	char home[128];

	snprintf(home, sizeof home, "%s/larder data", world->dir);
	assert_string_equal(config.home, home);
	config_release(&config);
}

static void a_relative_flag_starts_here(void **state)
{
	struct world *world = *state;
	struct config_flag flag = {"home", "data"};
	struct config config;
	char home[128];

	assert_int_equal(chdir(world->dir), 0);
	config = load(NULL, &flag, 1);
	snprintf(home, sizeof home, "%s/data", world->dir);
	assert_string_equal(config.home, home);
	config_release(&config);
	assert_int_equal(chdir("/"), 0);
}

static void the_hub_is_ours_then_theirs_then_the_default(void **state)
{
	struct config config;

	(void)state;
	setenv("HF_ENDPOINT", "https://hub.example/prefix/", 1);
	config = load(NULL, NULL, 0);
	assert_string_equal(config.hub, "https://hub.example/prefix");
	config_release(&config);
	setenv("LARDER_HUB", "http://other.example", 1);
	config = load(NULL, NULL, 0);
	assert_string_equal(config.hub, "http://other.example");
	config_release(&config);
}

static void a_gateway_is_no_hub(void **state)
{
	static const char *const gateways[] = {"http://127.0.0.1:5274", "http://localhost:5274/", "http://[::1]:5274", "http://127.1.2.3:5274/x"};
	static const char *const hubs[] = {"http://127.0.0.1:5275", "http://localhost", "http://192.168.1.2:5274", "http://localhost.example:5274"};
	struct config config;

	(void)state;
	for (size_t i = 0; i < sizeof gateways / sizeof gateways[0]; i++) {
		setenv("HF_ENDPOINT", gateways[i], 1);
		config = load(NULL, NULL, 0);
		assert_string_equal(config.hub, "https://huggingface.co");
		assert_non_null(strstr(config.note.text, "gateway"));
		config_release(&config);
	}
	for (size_t i = 0; i < sizeof hubs / sizeof hubs[0]; i++) {
		setenv("HF_ENDPOINT", hubs[i], 1);
		config = load(NULL, NULL, 0);
		assert_string_equal(config.hub, hubs[i]);
		config_release(&config);
	}
}

static void a_gateway_elsewhere_is_no_hub_either(void **state)
{
	struct config config;

	(void)state;
	setenv("HF_ENDPOINT", "http://127.0.0.1:8274", 1);
	setenv("LARDER_GATEWAY", "127.0.0.1:8274, [::1]:9274", 1);
	config = load(NULL, NULL, 0);
	assert_string_equal(config.hub, "https://huggingface.co");
	assert_int_equal(config.gateway.count, 2);
	config_release(&config);
	unsetenv("LARDER_GATEWAY");
	config = load(NULL, NULL, 0);
	assert_string_equal(config.hub, "http://127.0.0.1:8274");
	config_release(&config);
}

static void expect_token(const char *token)
{
	struct config config = load(NULL, NULL, 0);

	if (token)
		assert_string_equal(config.token, token);
	else
		assert_null(config.token);
	config_release(&config);
}

static void the_token_is_found_where_the_tools_keep_it(void **state)
{
	struct world *world = *state;

	put(world, ".cache/huggingface/token", "hf_file\n");
	expect_token("hf_file");
	put(world, "hf/token", "hf_home");
	setenv("HF_HOME", "~/hf", 1);
	expect_token("hf_home");
	setenv("HF_TOKEN_PATH", put(world, "elsewhere", "\n  hf_path \n"), 1);
	expect_token("hf_path");
	setenv("HUGGING_FACE_HUB_TOKEN", "hf_old", 1);
	expect_token("hf_old");
	setenv("HF_TOKEN", "hf_env", 1);
	expect_token("hf_env");
	setenv("HF_TOKEN", "", 1);
	expect_token(NULL);
}

static void nonsense_is_no_token(void **state)
{
	struct config config;

	put(*state, ".cache/huggingface/token", "two words");
	config = load(NULL, NULL, 0);
	assert_null(config.token);
	assert_non_null(strstr(config.note.text, "not a token"));
	config_release(&config);
	setenv("HF_TOKEN", "hf_x\r\nX-Evil: 1", 1);
	expect_token(NULL);
}

static void sizes_are_powers_of_1024(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} goods[] = {
		{"0", 0}, {"10", 10}, {"10B", 10}, {"1K", 1024}, {"1k", 1024}, {"2M", 2 << 20}, {"500G", (uint64_t)500 << 30}, {"1T", (uint64_t)1 << 40},
		{"1.5G", (uint64_t)3 << 29}, {"0.25K", 256}, {"4 GB", (uint64_t)4 << 30}, {"4GiB", (uint64_t)4 << 30}, {"16777214T", (uint64_t)16777214 << 40},
	};
	static const char *const bads[] = {"", "K", "-1", "1P", "1.", ".5G", "1KK", "1K x", "16777216T", "99999999999999999999", "0x10", "1e3", "1iB"};
	uint64_t bytes = 5;

	(void)state;
	for (size_t i = 0; i < sizeof goods / sizeof goods[0]; i++) {
		if (!config_parse_size(goods[i].text, &bytes))
			fail_msg("\"%s\" was refused", goods[i].text);
		assert_true(bytes == goods[i].bytes);
	}
	bytes = 5;
	for (size_t i = 0; i < sizeof bads / sizeof bads[0]; i++) {
		if (config_parse_size(bads[i], &bytes))
			fail_msg("\"%s\" was taken", bads[i]);
		assert_true(bytes == 5);
	}
}

static void lists_add_up_over_their_places(void **state)
{
	struct config_flag flag = {"peer", "[fe80::1]:5273"};
	struct config config;

	put(*state, ".config/larder/larder.conf", "peer = one, two:5000\npeer = three\n");
	config = load(NULL, &flag, 1);
	assert_int_equal(config.peers.count, 4);
	assert_string_equal(config.peers.items[1], "two:5000");
	assert_string_equal(config.peers.items[3], "[fe80::1]:5273");
	config_release(&config);
}

static void words_and_answers_are_checked(void **state)
{
	struct config config = load(NULL, NULL, 0);

	assert_true(config.serve && config.share_names && !config.share_gated);
	assert_int_equal(config.discovery, CONFIG_DISCOVERY_AUTO);
	config_release(&config);
	config = load(put(*state, "a.conf", "serve = no\nshare_gated = ON\ndiscovery = embedded\nhub_use = never\n"), NULL, 0);
	assert_true(!config.serve && config.share_gated);
	assert_int_equal(config.discovery, CONFIG_DISCOVERY_EMBEDDED);
	assert_int_equal(config.hub_use, CONFIG_HUB_NEVER);
	config_release(&config);
	refuses(put(*state, "b.conf", "serve = perhaps\n"), "perhaps", "yes or no");
	refuses(put(*state, "c.conf", "discovery = radio\n"), "radio", "embedded");
}

static void append(void *context, const char *key)
{
	strcat(strcat(context, key), " ");
}

static void changes_are_told_and_exchanged(void **state)
{
	char keys[256] = "";
	struct config a = load(put(*state, "a.conf", "peer = one, two\nhub = https://one.example\nproxy = http://p\nmax_size = 1G\nserve = no\n"), NULL, 0);
	struct config b = load(put(*state, "b.conf", "peer = one\nhub = https://one.example\nmax_size = 2G\nlog_level = debug\ndiscovery = off\n"), NULL, 0);

	config_each_change(&a, &a, append, keys);
	assert_string_equal(keys, "");
	config_each_change(&a, &b, append, keys);
	assert_string_equal(keys, "proxy max_size log_level peer discovery serve ");
	for (char *key = strtok(keys, " "); key; key = strtok(NULL, " "))
		config_exchange(&a, &b, key);
	assert_true(a.peers.count == 1 && b.peers.count == 2 && a.serve && !a.proxy && b.proxy);
	assert_int_equal(a.max_size, (uint64_t)2 << 30);
	assert_int_equal(a.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(b.discovery, CONFIG_DISCOVERY_AUTO);
	config_release(&a);
	config_release(&b);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, enter, leave)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(changes_are_told_and_exchanged),
		IN_A_WORLD(defaults_come_without_any_setting),
		IN_A_WORLD(flag_beats_environment_beats_file),
		IN_A_WORLD(a_named_file_replaces_the_usual_ones),
		IN_A_WORLD(a_bad_file_names_its_line),
		IN_A_WORLD(paths_may_begin_at_home),
		IN_A_WORLD(a_relative_flag_starts_here),
		IN_A_WORLD(the_hub_is_ours_then_theirs_then_the_default),
		IN_A_WORLD(a_gateway_is_no_hub),
		IN_A_WORLD(a_gateway_elsewhere_is_no_hub_either),
		IN_A_WORLD(the_token_is_found_where_the_tools_keep_it),
		IN_A_WORLD(nonsense_is_no_token),
		cmocka_unit_test(sizes_are_powers_of_1024),
		IN_A_WORLD(lists_add_up_over_their_places),
		IN_A_WORLD(words_and_answers_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
