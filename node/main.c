/* larderd: a node that stays. */
#include "base/version.h"
#include "node/activation.h"
#include "node/hub.h"
#include "node/in_use.h"
#include "node/node.h"
#include "node/notify.h"
#include "node/reload.h"
#include "node/signals.h"

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define FLAGS_MAX 128
/* Hashing takes the processors; more may wait for the disk and for names to be resolved meanwhile. */
#define WAITING_THREADS 4
#define HOME_LOOK_MS 2000

enum { EXIT_OK = 0, EXIT_OTHER = 1, EXIT_USAGE = 2 };

struct daemon {
	struct config config;
	struct log log;
	struct sha256_engine engine;
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	struct http *http;
	struct hub *hub;
	struct node *node;
	struct signals signals;
	struct in_use in_use;
	struct activation activation;
	struct loop_timer look_at_home;
	bool home_is_gone;
	const struct wish *wish;
};

/* A flag is a setting: --log-level is log_level of larder.conf. */
struct setting {
	const char *flag, *key, *value_name, *help;
};

static const struct setting settings[] = {
	{"home", "home", "DIR", "where the store is"},
	{"name", "name", "NAME", "what other nodes show for this one (the host name)"},
	{"listen", "listen", "ADDR:PORT", "where peers are served (all addresses, port 5273)"},
	{"bulk-port", "bulk_port", "PORT", "where the bytes of files are given to peers (5275), or off: over --listen"},
	{"peer", "peer", "HOST[:PORT]", "a node to talk to where multicast does not reach; may be repeated"},
	{"interface", "interface", "NAME", "the networks to use; may be repeated"},
	{"allow", "allow", "CIDR", "peers that are not on this LAN and yet welcome; may be repeated"},
	{"discovery", "discovery", "HOW", "auto, daemon, embedded or off"},
	{"hub", "hub", "URL", "the hub (https://huggingface.co)"},
	{"hub-use", "hub_use", "WHEN", "spare, fast or never"},
	{"serve", "serve", "yes|no", "give to other nodes"},
	{"share-names", "share_names", "yes|no", "let other nodes list what is public here by name"},
	{"share-gated", "share_gated", "yes|no", "in a private group, give gated files too"},
	{"max-size", "max_size", "SIZE", "the most to be held, as 500G"},
	{"min-free", "min_free", "SIZE", "what stays free on the disk"},
	{"gateway", "gateway", "ADDR:PORT", "where programs of this machine are answered (127.0.0.1:5274), or off; may be repeated"},
	{"gateway-allow", "gateway_allow", "CIDR", "other machines that may use the gateway, for what is public; may be repeated"},
	{"gateway-host", "gateway_host", "NAME", "a name by which it may be called; may be repeated"},
	{"gateway-origin", "gateway_origin", "URL", "a web page's origin that may use it; may be repeated"},
	{"log-level", "log_level", "LEVEL", "error, warn, info or debug"},
};

#define SETTINGS (sizeof settings / sizeof settings[0])

struct wish {
	const char *config_file;
	struct config_flag flags[FLAGS_MAX];
	size_t count;
	bool while_used, help, version;
};

static void print_help(void)
{
	printf("larderd: a node of larder, which keeps model files and shares them on the LAN\n\nUsage: larderd [FLAGS]\n\n");
	for (size_t i = 0; i < SETTINGS; i++) {
		char words[40];
		snprintf(words, sizeof words, "--%s %s", settings[i].flag, settings[i].value_name);
		printf("  %-24s %s\n", words, settings[i].help);
	}
	printf("  %-24s %s\n  %-24s %s\n  %-24s %s\n  %-24s %s\n  %-24s %s\n", "--while-used", "end when no larder run uses this node", "--no-mdns", "the same as --discovery off", "--config FILE",
	       "read this instead of larder.conf", "--version", "print the version", "--help", "print this");
	printf("\nEvery flag is a key of larder.conf (--max-size is max_size) and a variable\n(LARDER_MAX_SIZE). A flag beats the environment beats the file.\n");
}

static enum err take(struct wish *wish, const char *key, const char *value, struct why *why)
{
	if (wish->count == FLAGS_MAX)
		return why_set(why, ERR_USAGE, "more than %d flags", FLAGS_MAX);
	wish->flags[wish->count++] = (struct config_flag){key, value};
	return ERR_OK;
}

static enum err parse(int argc, char **argv, struct wish *wish, struct why *why)
{
	struct option options[SETTINGS + 6] = {0};
	enum { NO_MDNS = 1000, CONFIG, HELP, VERSION, WHILE_USED };
	int chosen;
	enum err err = ERR_OK;

	for (size_t i = 0; i < SETTINGS; i++)
		options[i] = (struct option){settings[i].flag, required_argument, NULL, (int)i + 1};
	options[SETTINGS] = (struct option){"no-mdns", no_argument, NULL, NO_MDNS};
	options[SETTINGS + 1] = (struct option){"config", required_argument, NULL, CONFIG};
	options[SETTINGS + 2] = (struct option){"help", no_argument, NULL, HELP};
	options[SETTINGS + 3] = (struct option){"version", no_argument, NULL, VERSION};
	options[SETTINGS + 4] = (struct option){"while-used", no_argument, NULL, WHILE_USED};
	opterr = 0;
	while (!err && (chosen = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (chosen == '?' || chosen == ':')
			err = why_set(why, ERR_USAGE, "%s %s; larderd --help shows the flags", argv[optind - 1],
				      chosen == ':' ? "needs a value" : "is no flag of larderd");
		else if (chosen == NO_MDNS)
			err = take(wish, "discovery", "off", why);
		else if (chosen == CONFIG)
			wish->config_file = optarg;
		else if (chosen == HELP)
			wish->help = true;
		else if (chosen == VERSION)
			wish->version = true;
		else if (chosen == WHILE_USED)
			wish->while_used = true;
		else
			err = take(wish, settings[chosen - 1].key, optarg, why);
	}
	if (!err && optind < argc)
		err = why_set(why, ERR_USAGE, "larderd takes flags only, and not \"%s\"; larderd --help shows them", argv[optind]);
	return err;
}

static void on_stop(struct signals *signals)
{
	loop_stop(container_of(signals, struct daemon, signals)->loop);
}

/* A file that makes no sense changes nothing. */
static void on_reload(struct signals *signals)
{
	struct daemon *daemon = container_of(signals, struct daemon, signals);
	const struct wish *wish = daemon->wish;
	struct config fresh = {0};
	struct why why = {0};

	if (config_load(&fresh, wish->config_file, wish->flags, wish->count, &why) != ERR_OK)
		log_error(&daemon->log, "the settings stay as they are: %s", why.text);
	else if (daemon->node)
		reload_apply(daemon->node, &daemon->config, &fresh);
	config_release(&fresh);
}

static void on_unused(struct in_use *in_use)
{
	loop_stop(container_of(in_use, struct daemon, in_use)->loop);
}

/* A home may be removed at any time. What goes on without it has nothing, and answers programs so. */
static void on_look_at_home(struct loop_timer *timer)
{
	struct daemon *daemon = container_of(timer, struct daemon, look_at_home);

	daemon->home_is_gone = !node_has_home(daemon->node);
	if (daemon->home_is_gone)
		loop_stop(daemon->loop);
	else
		(void)!loop_timer_start(daemon->loop, timer, HOME_LOOK_MS); /* a look without memory for the next is the last */
}

static enum err open_store(struct daemon *daemon, struct why *why)
{
	struct store_options options = {
		.home = daemon->config.home,
		.max_size = daemon->config.max_size,
		.min_free = daemon->config.min_free,
		.engine = &daemon->engine,
		.clock = clock_system(),
		.log = &daemon->log,
	};
	enum err err = sha256_engine_init(&daemon->engine, daemon->config.sha256, why);

	return err ? err : store_open(&options, &daemon->store, why);
}

static enum err open_hub(struct daemon *daemon, struct why *why)
{
	struct http_options http = {
		.user_agent = "larder/" LARDER_VERSION,
		.proxy = daemon->config.proxy,
		.ca_file = daemon->config.ca_file,
		.log = &daemon->log,
	};
	struct hub_options hub = {.url = daemon->config.hub, .token = daemon->config.token, .store = daemon->store};
	enum err err = http_create(daemon->loop, &http, &daemon->http, why);

	return err ? err : hub_create(daemon->loop, daemon->http, &hub, &daemon->hub, why);
}

static enum err open_node(struct daemon *daemon, struct why *why)
{
	struct node_options options = {
		.config = &daemon->config,
		.loop = daemon->loop,
		.pool = daemon->pool,
		.store = daemon->store,
		.http = daemon->http,
		.hub = daemon->hub,
		.activation = &daemon->activation,
		.log = &daemon->log,
	};

	return node_create(&options, &daemon->node, why);
}

static enum err start(struct daemon *daemon, const struct wish *wish, struct why *why)
{
	enum err err = config_load(&daemon->config, wish->config_file, wish->flags, wish->count, why);

	if (!err)
		err = activation_take("gateway", &daemon->activation, why);
	if (err)
		return err;
	daemon->log = (struct log){.out = stderr, .level = daemon->config.log_level};
	if (loop_create(clock_system(), &daemon->loop) != ERR_OK)
		return why_set(why, ERR_IO, "the event loop could not be set up");
	daemon->signals.on_stop = on_stop;
	daemon->signals.on_reload = on_reload;
	daemon->wish = wish;
	err = signals_start(&daemon->signals, daemon->loop, why);
	if (!err)
		err = open_store(daemon, why);
	if (!err && pool_create(pool_cpus() + WAITING_THREADS, &daemon->pool) != ERR_OK)
		err = why_set(why, ERR_IO, "no threads could be started");
	if (err)
		return err;
	loop_attach_pool(daemon->loop, daemon->pool);
	err = open_hub(daemon, why);
	if (!err)
		err = open_node(daemon, why);
	daemon->in_use.on_unused = on_unused;
	return err || !wish->while_used ? err : in_use_watch(&daemon->in_use, daemon->loop, daemon->config.home, why);
}

static void end(struct daemon *daemon)
{
	node_destroy(daemon->node);
	hub_destroy(daemon->hub);
	http_destroy(daemon->http);
	pool_destroy(daemon->pool);
	store_close(daemon->store);
	in_use_stop(&daemon->in_use);
	activation_release(&daemon->activation);
	signals_stop(&daemon->signals);
	loop_destroy(daemon->loop);
	config_release(&daemon->config);
}

/* A link that was dialed takes four descriptors, an open blob one. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		(void)!setrlimit(RLIMIT_NOFILE, &limit); /* less has to do then */
	}
}

static enum err run(const struct wish *wish, struct why *why)
{
	struct daemon daemon = {0};
	enum err err = start(&daemon, wish, why);

	if (!err) {
		const char *gateway = node_gateway_url(daemon.node);
		fprintf(stderr, "larderd %s is ready: %s, port %u, discovery %s, gateway %s\n", LARDER_VERSION, daemon.config.home, (unsigned)node_port(daemon.node),
			node_discovery_name(daemon.node), gateway ? gateway : "off");
		notify_ready();
		daemon.look_at_home.fire = on_look_at_home;
		on_look_at_home(&daemon.look_at_home);
		loop_run(daemon.loop);
		loop_timer_cancel(daemon.loop, &daemon.look_at_home);
		if (daemon.home_is_gone)
			err = why_set(why, ERR_IO, "the home %s is gone, and this node ends: start it again for a new one", daemon.config.home);
	}
	end(&daemon);
	return err;
}

int main(int argc, char **argv)
{
	struct wish wish = {0};
	struct why why = {0};
	enum err err = parse(argc, argv, &wish, &why);

	signal(SIGPIPE, SIG_IGN);
	allow_descriptors();
	if (!err && wish.help)
		print_help();
	else if (!err && wish.version)
		printf("larderd %s\n", LARDER_VERSION);
	else if (!err)
		err = run(&wish, &why);
	if (!err)
		return fflush(stdout) == 0 ? EXIT_OK : EXIT_OTHER;
	fprintf(stderr, "larderd: %s\n", why.text[0] ? why.text : err_name(err));
	return err == ERR_USAGE ? EXIT_USAGE : EXIT_OTHER;
}
