#include "cli/session.h"

#include "base/version.h"
#include "node/control.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>

/* Hashing takes the processors; two more may wait for the disk meanwhile. */
#define WAITING_THREADS 2
#define SETTINGS_MAX 8
#define NODE_TRIES 60
#define NODE_TRY_MS 50
#define TICK_MS PROGRESS_DRAW_MS

static void wipe_progress(struct log *log)
{
	progress_wipe(&container_of(log, struct session, log)->progress);
}

static size_t gather_flags(const struct args *args, struct config_flag flags[SETTINGS_MAX])
{
	static const char *const names[][2] = {
		{"home", "home"}, {"hub", "hub"}, {"max-size", "max_size"}, {"min-free", "min_free"}, {"log-level", "log_level"},
	};
	size_t count = 0;

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		const char *value = args_value(args, names[i][0]);
		if (value)
			flags[count++] = (struct config_flag){names[i][1], value};
	}
	if (args_count(args, "verbose"))
		flags[count++] = (struct config_flag){"log_level", args_count(args, "verbose") > 1 ? "debug" : "info"};
	else if (args_has(args, "quiet"))
		flags[count++] = (struct config_flag){"log_level", "error"};
	return count;
}

enum err session_open(struct session *session, const struct args *args, FILE *out, FILE *messages, struct why *why)
{
	struct config_flag flags[SETTINGS_MAX];
	enum err err;

	*session = (struct session){.args = args, .messages = messages};
	session->output = (struct output){.stream = out, .json = args_has(args, "json")};
	session->quiet = args_has(args, "quiet");
	progress_init(&session->progress, session->quiet ? NULL : messages);
	err = config_load(&session->config, args_value(args, "config"), flags, gather_flags(args, flags), why);
	if (err)
		return err;
	session->log = (struct log){.out = messages, .level = session->config.log_level, .before = wipe_progress};
	if (session->config.note.text[0])
		log_info(&session->log, "%s", session->config.note.text);
	err = sha256_engine_init(&session->engine, session->config.sha256, why);
	if (err)
		config_release(&session->config);
	return err;
}

void session_close(struct session *session)
{
	node_destroy(session->node);
	fetcher_destroy(session->fetcher);
	hub_destroy(session->hub);
	http_destroy(session->http);
	pool_destroy(session->pool);
	signals_stop(&session->signals);
	loop_destroy(session->loop);
	store_close(session->store);
	progress_wipe(&session->progress);
	config_release(&session->config);
}

static enum err open_store(struct session *session, bool read_only, struct why *why)
{
	struct store_options options = {
		.home = session->config.home,
		.max_size = session->config.max_size,
		.min_free = session->config.min_free,
		.read_only = read_only,
		.engine = &session->engine,
		.clock = clock_system(),
		.log = &session->log,
	};

	return session->store ? ERR_OK : store_open(&options, &session->store, why);
}

enum err session_open_store(struct session *session, struct why *why)
{
	return open_store(session, false, why);
}

enum err session_look_at_store(struct session *session, struct why *why)
{
	enum err err = open_store(session, true, why);

	return err == ERR_NOT_FOUND ? ERR_OK : err;
}

static void on_stop(struct signals *signals)
{
	struct session *session = container_of(signals, struct session, signals);

	__atomic_store_n(&session->stop, true, __ATOMIC_RELAXED);
	if (session->activity && session->activity->stop)
		session->activity->stop(session->activity);
}

enum err session_open_loop(struct session *session, struct why *why)
{
	enum err err;

	if (session->loop)
		return ERR_OK;
	err = loop_create(clock_system(), &session->loop);
	if (err)
		return why_set(why, err, "the event loop could not be set up");
	session->signals.on_stop = on_stop;
	err = signals_start(&session->signals, session->loop, why);
	if (err)
		return err;
	err = pool_create(pool_cpus() + WAITING_THREADS, &session->pool);
	if (err)
		return why_set(why, err, "no threads could be started");
	loop_attach_pool(session->loop, session->pool);
	return ERR_OK;
}

enum err session_open_hub(struct session *session, struct why *why)
{
	struct http_options http = {
		.user_agent = "larder/" LARDER_VERSION,
		.proxy = session->config.proxy,
		.ca_file = session->config.ca_file,
		.log = &session->log,
	};
	struct hub_options hub = {.url = session->config.hub, .token = session->config.token};
	enum err err = session_open_store(session, why);

	if (!err)
		err = session_open_loop(session, why);
	if (err || session->hub)
		return err;
	hub.store = session->store;
	err = http_create(session->loop, &http, &session->http, why);
	return err ? err : hub_create(session->loop, session->http, &hub, &session->hub, why);
}

enum err session_open_fetcher(struct session *session, struct why *why)
{
	struct fetcher_options options;
	enum err err = session_open_hub(session, why);

	if (err || session->fetcher)
		return err;
	options = (struct fetcher_options){.loop = session->loop, .pool = session->pool, .hub = session->hub, .store = session->store};
	err = fetcher_create(&options, &session->fetcher);
	return err ? why_set(why, err, "out of memory") : ERR_OK;
}

/* --- the node of this home */

static void on_line(struct control_ask *ask, json_t *line)
{
	(void)ask;
	(void)line;
}

static void on_end(struct control_ask *ask, enum err err, json_t *line, const struct why *why)
{
	(void)ask;
	(void)err;
	(void)line;
	(void)why;
}

/* Whether somebody takes questions; what would be answered is not waited for. */
static enum err knock(struct session *session, struct why *why)
{
	struct control_ask ask = {.on_line = on_line, .on_end = on_end};
	enum err err = control_ask_start(session->loop, session->config.home, json_pack("{s:s}", "ask", "status"), &ask, why);

	control_ask_cancel(&ask);
	return err;
}

static enum err become_node(struct session *session, struct why *why)
{
	struct node_options options = {
		.config = &session->config,
		.loop = session->loop,
		.pool = session->pool,
		.store = session->store,
		.hub = session->hub,
		.log = &session->log,
		.is_passing = true,
	};

	return node_create(&options, &session->node, why);
}

enum err session_find_node(struct session *session, struct why *why)
{
	enum err err;

	if (session->node || session->has_joined)
		return ERR_OK;
	err = knock(session, why);
	if (!err)
		session->has_joined = true;
	return err == ERR_NOT_FOUND ? become_node(session, why) : err;
}

enum err session_open_node(struct session *session, struct why *why)
{
	enum err err = session_open_hub(session, why);

	if (err)
		return err;
	err = session_find_node(session, why);
	for (int tries = 0; err == ERR_BUSY && tries < NODE_TRIES; tries++) {
		poll(NULL, 0, NODE_TRY_MS);
		err = session_find_node(session, why);
	}
	return err;
}

static void tell(struct session *session, const char *format, va_list args)
{
	struct why line;
	char text[WHY_MAX];

	vsnprintf(text, sizeof text, format, args);
	(void)why_set(&line, ERR_OK, "%s", text); /* tames what came from outside */
	progress_wipe(&session->progress);
	fprintf(session->messages, "larder: %s\n", line.text);
	fflush(session->messages);
}

void session_tell(struct session *session, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	tell(session, format, args);
	va_end(args);
}

void session_remark(struct session *session, const char *format, ...)
{
	va_list args;

	if (session->quiet)
		return;
	va_start(args, format);
	tell(session, format, args);
	va_end(args);
}

struct ticker {
	struct loop_timer timer;
	struct session *session;
};

static void on_tick(struct loop_timer *timer)
{
	struct ticker *ticker = container_of(timer, struct ticker, timer);
	struct session *session = ticker->session;
	struct progress_state state = {0};
	uint64_t moved = session->activity->look(session->activity, &state);

	progress_show(&session->progress, &state, moved, loop_now_ms(session->loop));
	/* Without memory for a timer there is no more progress to be seen, and that is all. */
	if (loop_timer_start(session->loop, timer, TICK_MS) != ERR_OK)
		progress_wipe(&session->progress);
}

void session_run(struct session *session, struct activity *activity)
{
	struct ticker ticker = {.timer = {.fire = on_tick}, .session = session};

	session->activity = activity;
	session->progress.rate = (struct progress_rate){0};
	if (activity->look && loop_timer_start(session->loop, &ticker.timer, TICK_MS) != ERR_OK)
		activity->look = NULL;
	if (session->stop && activity->stop)
		activity->stop(activity);
	while (!activity->done)
		loop_turn(session->loop, -1);
	loop_timer_cancel(session->loop, &ticker.timer);
	session->activity = NULL;
	progress_wipe(&session->progress);
}

static void run_work(struct pool_job *job)
{
	struct work *work = container_of(job, struct work, job);

	work->err = work->run(work, &work->why);
}

static void work_done(struct pool_job *job)
{
	container_of(job, struct work, job)->activity.done = true;
}

enum err session_work(struct session *session, struct work *work, struct why *why)
{
	enum err err = session_open_loop(session, why);

	if (err)
		return err;
	work->job = (struct pool_job){.run = run_work, .done = work_done};
	work->why = (struct why){0};
	work->activity.done = false;
	pool_submit(session->pool, &work->job);
	session_run(session, &work->activity);
	if (work->err && why)
		*why = work->why;
	return work->err;
}

struct looking {
	struct activity activity;
	struct session *session;
	struct hub_look look;
	enum err err;
	struct why why;
};

static void on_looked(struct hub_look *look, enum err err, const struct why *why)
{
	struct looking *looking = container_of(look, struct looking, look);

	looking->err = err;
	if (err && why)
		looking->why = *why;
	looking->activity.done = true;
}

static void stop_looking(struct activity *activity)
{
	struct looking *looking = container_of(activity, struct looking, activity);

	hub_look_cancel(looking->session->hub, &looking->look);
	looking->err = why_set(&looking->why, ERR_CANCELLED, "stopped");
	activity->done = true;
}

enum err session_look_up(struct session *session, const struct name *name, struct hub_listing *ret_listing, struct why *why)
{
	struct looking looking = {
		.activity = {.stop = stop_looking},
		.session = session,
		.look = {.name = name, .on_done = on_looked},
	};
	enum err err = hub_look_start(session->hub, &looking.look, why);

	if (err)
		return err;
	session_run(session, &looking.activity);
	if (looking.err) {
		if (why)
			*why = looking.why;
		return looking.err;
	}
	*ret_listing = looking.look.listing;
	return ERR_OK;
}
