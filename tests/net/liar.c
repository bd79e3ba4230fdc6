#include "net/liar.h"

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

static void print_usage(void)
{
	fprintf(stderr, "usage: liar MODE --home DIR --file PATH [--dial ADDRESS]... [--port PORT] [--which NUMBER] [--name NAME] [--code JOIN-CODE]\n\n"
			"--file: the genuine file. --which: the chunk that is wrong, how many are, or the only one of several things to do.\nModes:\n");
	for (const struct mode *mode = liar_modes; mode->name; mode++)
		fprintf(stderr, "  %-14s %s\n", mode->name, mode->help);
}

struct wish {
	const char *home, *file, *code;
	uint16_t port;
	uint64_t which;
	bool has_which;
};

static const struct mode *find_mode(const char *name)
{
	const struct mode *mode = liar_modes;

	while (mode->name && strcmp(mode->name, name) != 0)
		mode++;
	return mode->name ? mode : NULL;
}

static bool take(struct liar *liar, struct wish *wish, int option)
{
	switch (option) {
	case 'h':
		wish->home = optarg;
		return true;
	case 'f':
		wish->file = optarg;
		return true;
	case 'd':
		return liar->dial_count < LIAR_DIALS_MAX && lan_parse(optarg, TRANSPORT_PORT, &liar->dials[liar->dial_count++]);
	case 'p':
		wish->port = (uint16_t)strtoul(optarg, NULL, 10);
		return true;
	case 'w':
		wish->which = strtoull(optarg, NULL, 10);
		wish->has_which = true;
		return true;
	case 'n':
		liar->name = optarg;
		return true;
	case 'c':
		wish->code = optarg;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct liar *liar, struct wish *wish)
{
	static const struct option options[] = {{"home", 1, NULL, 'h'}, {"file", 1, NULL, 'f'}, {"dial", 1, NULL, 'd'}, {"port", 1, NULL, 'p'},
						{"which", 1, NULL, 'w'}, {"name", 1, NULL, 'n'}, {"code", 1, NULL, 'c'}, {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (!take(liar, wish, option))
			return false;
	liar->mode = optind == argc - 1 ? find_mode(argv[optind]) : NULL;
	return liar->mode && wish->home && wish->file;
}

static enum err enter_group(struct liar *liar, const char *code, struct why *why)
{
	uint8_t key[GROUP_KEY_LEN];
	enum err err = code ? group_parse_code(code, key, why) : ERR_OK;

	if (err)
		return err;
	if (liar->mode->knows_no_group)
		group_init_new(&liar->group);
	else if (code)
		group_init(&liar->group, key, false);
	else
		group_init_open(&liar->group);
	return ERR_OK;
}

static int compare_tags(const void *a, const void *b)
{
	return tag_compare(a, b);
}

static enum err fill_tags(struct liar *liar)
{
	liar->tag_count = liar->mode->tags + 1;
	liar->tags = calloc(liar->tag_count, sizeof *liar->tags);
	if (!liar->tags)
		return ERR_NO_MEMORY;
	randombytes_buf(liar->tags, liar->tag_count * sizeof *liar->tags);
	group_tag(&liar->group, &liar->claim.digest, &liar->tags[0]);
	qsort(liar->tags, liar->tag_count, sizeof *liar->tags, compare_tags);
	return ERR_OK;
}

static enum err open_transport(struct liar *liar, uint16_t port, struct why *why)
{
	struct transport_options options = {.group = &liar->group, .identity = liar->identity, .lan = &liar->lan, .log = &liar->log, .owner = &liar->owner, .port = port};
	enum err err = loop_create(clock_system(), &liar->loop);

	if (err)
		return err;
	options.loop = liar->loop;
	err = lan_allow(&liar->lan, "0.0.0.0/0", why);
	if (!err)
		err = lan_allow(&liar->lan, "::/0", why);
	return err ? err : transport_create(&options, &liar->transport, why);
}

static enum err set_up(struct liar *liar, const struct wish *wish, struct why *why)
{
	uint64_t which = wish->has_which ? wish->which : liar->mode->claim == CLAIM_HEAD ? 2 : LIAR_ALL_CHUNKS;
	enum err err = enter_group(liar, wish->code, why);

	list_init(&liar->sessions);
	randombytes_buf(&liar->epoch, sizeof liar->epoch);
	if (wish->has_which)
		liar->step = wish->which;
	liar->is_step_fixed = wish->has_which;
	if (!err)
		err = claim_open(wish->file, liar->mode->claim, which, &liar->claim, why);
	if (!err)
		err = fill_tags(liar);
	if (!err)
		err = identity_open(wish->home, IDENTITY_MACHINE_ID, &liar->log, &liar->identity, why);
	return err ? err : open_transport(liar, wish->port, why);
}

int main(int argc, char **argv)
{
	static struct liar liar;
	struct wish wish = {0};
	struct why why = {0};

	setvbuf(stdout, NULL, _IOLBF, 0);
	signal(SIGPIPE, SIG_IGN);
	liar.name = "liar";
	liar.log = (struct log){.out = stderr, .level = LOG_LEVEL_DEBUG};
	if (sodium_init() < 0 || !parse(argc, argv, &liar, &wish)) {
		print_usage();
		return 2;
	}
	if (set_up(&liar, &wish, &why) != ERR_OK) {
		fprintf(stderr, "liar: %s\n", why.text);
		return 1;
	}
	liar_tell(NULL, "ready", ", \"node\": \"%s\", \"port\": %u", identity_text(liar.identity), (unsigned)transport_port(liar.transport));
	if (liar.mode->run)
		return liar.mode->run(&liar);
	liar_run(&liar);
	return 0;
}
