/* bench_transport [SECONDS]: how fast pieces of 256 KiB go from one process to another over CURVE on loopback, and what 100 links cost that say nothing. */
#include "node/transport.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define IDLE_LINKS 100
#define SERVERS 8

struct end {
	struct transport_owner owner;
	struct loop *loop;
	struct lan lan;
	struct group group;
	struct identity *identity;
	struct transport *transport;
	struct transport_link *out; /* where pieces are sent */
	uint64_t received;
	char home[64];
};

static uint8_t piece[TRANSPORT_BULK_MAX];

static void must(enum err err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, err_name(err));
	exit(1);
}

static void keep(void *data, void *hint)
{
	(void)data, (void)hint;
}

static void pour(struct end *end)
{
	const struct transport_bulk bulk = {piece, sizeof piece, keep, NULL};

	while (end->out && transport_send(end->out, "piece", 5, &bulk) == ERR_OK)
		continue;
}

static void on_message(struct transport_owner *owner, struct transport_link *link, const uint8_t *control, size_t control_len, const uint8_t *bulk, size_t bulk_len)
{
	struct end *end = container_of(owner, struct end, owner);

	(void)control, (void)bulk;
	transport_admit(link);
	end->received += bulk_len;
	if (control_len == 4) { /* "pour" */
		end->out = link;
		pour(end);
	}
}

static void on_closed(struct transport_owner *owner, struct transport_link *link, enum transport_end end)
{
	(void)link, (void)end;
	container_of(owner, struct end, owner)->out = NULL;
}

static void on_writable(struct transport_owner *owner, struct transport_link *link)
{
	(void)link;
	pour(container_of(owner, struct end, owner));
}

static void open_end(struct end *end)
{
	static const struct lan_address loopback = {.family = 4, .bytes = {127, 0, 0, 1}};
	static struct log log;
	struct transport_options options = {.lan = &end->lan, .group = &end->group, .log = &log, .owner = &end->owner, .listen = &loopback};

	snprintf(end->home, sizeof end->home, "/tmp/larder-bench-XXXXXX");
	if (!mkdtemp(end->home))
		exit(1);
	group_init_open(&end->group);
	end->owner = (struct transport_owner){.on_message = on_message, .on_closed = on_closed, .on_writable = on_writable};
	must(loop_create(clock_system(), &end->loop), "loop");
	must(identity_open(end->home, "/nonexistent", &log, &end->identity, NULL), "identity");
	options.loop = end->loop;
	options.identity = end->identity;
	must(transport_create(&options, &end->transport, NULL), "transport");
}

static void close_end(struct end *end)
{
	char path[96];

	transport_destroy(end->transport);
	identity_close(end->identity);
	loop_destroy(end->loop);
	snprintf(path, sizeof path, "%s/node.key", end->home);
	unlink(path);
	rmdir(end->home);
}

static double cpu_s(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static double memory_mb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long resident = 0, shared = 0;

	if (file && fscanf(file, "%*u %lu %lu", &resident, &shared) != 2)
		resident = shared = 0;
	if (file)
		fclose(file);
	return (double)(resident - shared) * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void run_for(struct end *end, int64_t ms)
{
	int64_t until_ms = clock_now_ms(clock_system()) + ms;

	while (clock_now_ms(clock_system()) < until_ms)
		loop_turn(end->loop, (int)(until_ms - clock_now_ms(clock_system())));
}

/* The other process: serves at several ports, since an address may have only so many connections at one, until the pipe is closed. */
static void serve(int ports_fd, int end_fd, int64_t pour_ms)
{
	static struct end ends[SERVERS];
	uint16_t ports[SERVERS];
	double before;

	for (int i = 0; i < SERVERS; i++) {
		open_end(&ends[i]);
		ports[i] = transport_port(ends[i].transport);
	}
	if (write(ports_fd, ports, sizeof ports) != sizeof ports)
		exit(1);
	before = cpu_s();
	run_for(&ends[0], pour_ms);
	printf("  the sender took %.2f CPU seconds\n", cpu_s() - before);
	fflush(stdout);
	while (poll(&(struct pollfd){.fd = end_fd, .events = POLLIN}, 1, 0) == 0)
		for (int i = 0; i < SERVERS; i++)
			loop_turn(ends[i].loop, 5);
	for (int i = 0; i < SERVERS; i++)
		close_end(&ends[i]);
	exit(0);
}

static void measure_pour(struct end *end, struct lan_address address, int64_t ms)
{
	struct transport_link *link;
	double before = cpu_s();
	int64_t began_ms = clock_now_ms(clock_system()), took_ms;

	must(transport_dial(end->transport, &address, &link), "dial");
	must(transport_send(link, "pour", 4, NULL), "send");
	run_for(end, ms);
	took_ms = clock_now_ms(clock_system()) - began_ms;
	printf("  %.3f GB/s, %.2f CPU seconds here in %.2f s\n", (double)end->received / 1e6 / (double)took_ms, cpu_s() - before, (double)took_ms / 1e3);
	transport_close(link);
}

static void measure_idle(struct end *end, struct lan_address address, const uint16_t *ports)
{
	struct transport_link *link;
	double before, memory_before = memory_mb();

	for (int i = 0; i < IDLE_LINKS; i++) {
		address.port = ports[i % SERVERS];
		must(transport_dial(end->transport, &address, &link), "dial");
		must(transport_send(link, "hello", 5, NULL), "send");
	}
	run_for(end, 2000);
	before = cpu_s();
	run_for(end, 10000);
	printf("  %d idle links: %.3f %% of a core, %.1f MB more\n", IDLE_LINKS, (cpu_s() - before) * 10, memory_mb() - memory_before);
}

int main(int argc, char **argv)
{
	int64_t ms = argc > 1 ? atoi(argv[1]) * 1000 : 5000;
	struct lan_address address = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct end end = {0};
	int port_pipe[2], end_pipe[2];
	uint16_t ports[SERVERS];
	pid_t child;

	if (pipe(port_pipe) != 0 || pipe(end_pipe) != 0)
		return 1;
	child = fork();
	if (child == 0) {
		close(end_pipe[1]);
		serve(port_pipe[1], end_pipe[0], ms);
	}
	close(end_pipe[0]);
	if (read(port_pipe[0], ports, sizeof ports) != sizeof ports)
		return 1;
	address.port = ports[0];
	open_end(&end);
	if (ms > 0)
		measure_pour(&end, address, ms);
	measure_idle(&end, address, ports);
	close_end(&end);
	close(end_pipe[1]);
	waitpid(child, NULL, 0);
	return 0;
}
