/* Two ends in one process, over loopback; and connections that keep no rules. */
#include "node/bulk_private.h"
#include "support/cmocka.h"
#include "support/fast_clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define BYTES_MAX ((size_t)256 << 10)

static const uint8_t ticket[WIRE_TICKET_LEN] = "ticket of 16 by", other_ticket[WIRE_TICKET_LEN] = "another ticket.";
static const struct seal_keys keys = {{1}, {2}};

struct end {
	struct bulk_owner owner;
	struct bulk *bulk;
	struct bulk_link *link;
	unsigned ups, ends, writables, frames;
	enum bulk_end how;
	uint8_t last;      /* first byte of the last frame's control; frames count from 0 */
	size_t bytes;
	bool closes_at_frame;
};

struct scene {
	struct fast_clock clock;
	struct loop *loop;
	struct pool *pool;
	struct lan lan;
	struct log log;
	struct end listener, dialer;
	unsigned given;
	atomic_uint given_back; /* on any thread */
	uint8_t bytes[BYTES_MAX];
};

static void on_frame(struct bulk_owner *owner, struct bulk_link *link, const struct seal_opened *frame)
{
	struct end *end = container_of(owner, struct end, owner);

	assert_ptr_equal(link, end->link);
	assert_int_equal(frame->control_len, 1);
	assert_int_equal(frame->control[0], (uint8_t)end->frames);
	end->frames++;
	end->bytes += frame->len;
	if (end->closes_at_frame)
		bulk_close(link);
}

static void on_up(struct bulk_owner *owner, struct bulk_link *link)
{
	assert_true(bulk_is_up(link));
	container_of(owner, struct end, owner)->ups++;
}

static void on_end(struct bulk_owner *owner, struct bulk_link *link, enum bulk_end how)
{
	struct end *end = container_of(owner, struct end, owner);

	assert_ptr_equal(link, end->link);
	end->link = NULL;
	end->how = how;
	end->ends++;
}

static void on_writable(struct bulk_owner *owner, struct bulk_link *link)
{
	(void)link;
	container_of(owner, struct end, owner)->writables++;
}

static void open_end(struct scene *scene, struct end *end, int port)
{
	static const struct lan_address loopback = {.family = 4, .bytes = {127, 0, 0, 1}};
	struct bulk_options options = {.loop = scene->loop, .pool = scene->pool, .lan = &scene->lan, .log = &scene->log, .owner = &end->owner, .listen = &loopback, .port = port};

	end->owner = (struct bulk_owner){on_frame, on_up, on_end, on_writable};
	assert_int_equal(bulk_create(&options, &end->bulk), ERR_OK);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof *scene);

	fast_clock_init(&scene->clock, 1);
	scene->log = (struct log){.out = stderr, .level = getenv("LARDER_TEST_LOG") ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR};
	assert_int_equal(loop_create(&scene->clock.clock, &scene->loop), ERR_OK);
	assert_int_equal(pool_create(2, &scene->pool), ERR_OK);
	loop_attach_pool(scene->loop, scene->pool);
	open_end(scene, &scene->listener, 0);
	open_end(scene, &scene->dialer, -1);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	bulk_destroy(scene->dialer.bulk);
	bulk_destroy(scene->listener.bulk);
	assert_int_equal(scene->given, scene->given_back);
	loop_destroy(scene->loop);
	pool_destroy(scene->pool);
	free(scene);
	return 0;
}

#define until(scene, condition) \
	do { \
		int64_t give_up_ms = clock_now_ms(clock_system()) + PATIENCE_MS; \
		while (!(condition)) { \
			loop_turn((scene)->loop, 10); \
			if (clock_now_ms(clock_system()) > give_up_ms) \
				fail_msg("in vain: %s", #condition); \
		} \
	} while (0)

static void pass(struct scene *scene, int64_t ms)
{
	scene->clock.ahead_ms += ms;
	for (int i = 0; i < 3; i++)
		loop_turn(scene->loop, 0);
}

static struct lan_address address_of(const struct scene *scene)
{
	return (struct lan_address){.family = 4, .bytes = {127, 0, 0, 1}, .port = bulk_port(scene->listener.bulk)};
}

static void await(struct scene *scene)
{
	assert_int_equal(bulk_await(scene->listener.bulk, ticket, NULL, &scene->listener.link), ERR_OK);
}

static void set_keys(struct scene *scene)
{
	assert_int_equal(bulk_set_keys(scene->listener.link, WIRE_CIPHER_AES_256_GCM, &keys), ERR_OK);
}

static void dial(struct scene *scene, const uint8_t *with, const struct seal_keys *with_keys)
{
	struct lan_address address = address_of(scene);

	assert_int_equal(bulk_dial(scene->dialer.bulk, &address, with, WIRE_CIPHER_AES_256_GCM, with_keys, NULL, &scene->dialer.link), ERR_OK);
}

static void come_up(struct scene *scene)
{
	await(scene);
	set_keys(scene);
	dial(scene, ticket, &keys);
	until(scene, scene->listener.ups && scene->dialer.ups);
}

static void give_back(void *data, void *hint)
{
	(void)data;
	atomic_fetch_add((atomic_uint *)hint, 1);
}

static enum err give(struct scene *scene, struct end *from, uint8_t number, size_t len)
{
	struct transport_bulk bulk = {scene->bytes, len, give_back, &scene->given_back};
	enum err err = bulk_send(from->link, &number, 1, &bulk);

	scene->given += err == ERR_OK;
	return err;
}

/* --- what is right */

static void frames_go_both_ways_in_order(void **state)
{
	struct scene *scene = *state;

	come_up(scene);
	for (unsigned i = 0; i < 300; i++) {
		until(scene, give(scene, &scene->listener, (uint8_t)i, BYTES_MAX - i) == ERR_OK);
		until(scene, give(scene, &scene->dialer, (uint8_t)i, i + 1) == ERR_OK);
	}
	until(scene, scene->dialer.frames == 300 && scene->listener.frames == 300);
	assert_int_equal(scene->dialer.bytes, 300 * BYTES_MAX - 299 * 300 / 2);
	until(scene, scene->given_back == 600);
}

static void keys_may_come_after_the_connection(void **state)
{
	struct scene *scene = *state;

	await(scene);
	dial(scene, ticket, &keys);
	until(scene, scene->listener.link->state == BULK_PROVING);
	set_keys(scene);
	until(scene, scene->listener.ups && scene->dialer.ups);
}

static void a_full_queue_is_told_and_writable_again(void **state)
{
	struct scene *scene = *state;
	unsigned sent = 0;

	come_up(scene);
	while (give(scene, &scene->listener, (uint8_t)sent, BYTES_MAX) == ERR_OK)
		sent++;
	assert_true(sent >= BULK_QUEUE_BYTES / BYTES_MAX);
	until(scene, scene->listener.writables == 1);
	assert_int_equal(give(scene, &scene->listener, (uint8_t)sent, BYTES_MAX), ERR_OK);
	until(scene, scene->dialer.frames == sent + 1);
}

static void memory_is_given_back_when_idle(void **state)
{
	struct scene *scene = *state;

	come_up(scene);
	assert_int_equal(give(scene, &scene->listener, 0, BYTES_MAX), ERR_OK);
	until(scene, scene->dialer.frames == 1 && scene->given_back == 1 && !scene->listener.link->out.is_running && !scene->dialer.link->in.is_running);
	assert_true(scene->listener.link->out.frame && scene->dialer.link->in.slots[0]);
	pass(scene, BULK_IDLE_MS + 1);
	pass(scene, BULK_IDLE_MS + 1);
	assert_true(!scene->listener.link->out.frame && !scene->dialer.link->in.slots[0]);
	assert_int_equal(give(scene, &scene->listener, 1, BYTES_MAX), ERR_OK);
	until(scene, scene->dialer.frames == 2);
}

static void the_other_end_is_told_of_a_close(void **state)
{
	struct scene *scene = *state;

	come_up(scene);
	scene->dialer.closes_at_frame = true;
	for (uint8_t i = 0; i < 8; i++)
		assert_int_equal(give(scene, &scene->listener, i, BYTES_MAX), ERR_OK);
	until(scene, scene->listener.ends == 1);
	assert_true(scene->listener.how == BULK_OVER && scene->dialer.frames == 1 && scene->dialer.ends == 0);
	until(scene, scene->given_back == 8);
}

static void an_end_in_the_middle_of_everything(void **state)
{
	struct scene *scene = *state;

	come_up(scene);
	for (uint8_t i = 0; i < 12; i++)
		assert_int_equal(give(scene, &scene->listener, i, BYTES_MAX), ERR_OK);
	bulk_close(scene->listener.link);
	until(scene, scene->dialer.ends == 1);
	assert_int_equal(scene->dialer.how, BULK_OVER);
}

/* --- who does not come up */

static void nobody_comes(void **state)
{
	struct scene *scene = *state;

	await(scene);
	pass(scene, BULK_PROOF_MS + 1);
	assert_true(scene->listener.ends == 1 && scene->listener.how == BULK_NOT_THERE);
}

static void nobody_listens(void **state)
{
	struct scene *scene = *state;

	bulk_unlisten(scene->listener.bulk);
	{
		struct lan_address address = {.family = 4, .bytes = {127, 0, 0, 1}, .port = 1};
		assert_int_equal(bulk_dial(scene->dialer.bulk, &address, ticket, WIRE_CIPHER_AES_256_GCM, &keys, NULL, &scene->dialer.link), ERR_OK);
	}
	until(scene, scene->dialer.ends == 1);
	assert_int_equal(scene->dialer.how, BULK_NOT_THERE);
}

static void a_wrong_ticket(void **state)
{
	struct scene *scene = *state;

	await(scene);
	set_keys(scene);
	dial(scene, other_ticket, &keys);
	until(scene, scene->dialer.ends == 1);
	assert_true(scene->dialer.how == BULK_NOT_THERE && scene->listener.ends == 0 && scene->listener.ups == 0);
	dial(scene, ticket, &keys);
	until(scene, scene->listener.ups == 1);
}

static void a_ticket_is_good_for_one_connection(void **state)
{
	struct scene *scene = *state;

	come_up(scene);
	dial(scene, ticket, &keys);
	until(scene, scene->dialer.ends == 1);
	assert_true(bulk_is_up(scene->listener.link));
}

static void the_wrong_key(void **state)
{
	static const struct seal_keys wrong = {{1}, {3}}, wrong_too = {{3}, {2}};
	struct scene *scene = *state;

	await(scene);
	set_keys(scene);
	dial(scene, ticket, &wrong_too);
	until(scene, scene->listener.ends == 1 && scene->dialer.ends == 1);
	assert_true(scene->listener.ups == 0 && scene->dialer.ups == 0 && scene->listener.how == BULK_NOT_THERE);
	await(scene);
	set_keys(scene);
	dial(scene, ticket, &wrong);
	until(scene, scene->listener.ends == 2 && scene->dialer.ends == 2);
	assert_int_equal(scene->dialer.ups, 0);
}

/* --- who keeps no rules */

struct raw {
	int fd;
	struct seal *seal;
};

static struct raw raw_dial(struct scene *scene)
{
	struct lan_address address = address_of(scene);
	struct sockaddr_storage to;
	socklen_t len = lan_to_sockaddr(&address, &to);
	struct raw raw = {.fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};

	assert_int_equal(connect(raw.fd, (struct sockaddr *)&to, len), 0);
	assert_int_equal(seal_create(WIRE_CIPHER_AES_256_GCM, keys.to_listener, false, &raw.seal), ERR_OK);
	return raw;
}

static void raw_say(struct raw *raw, const void *bytes, size_t len)
{
	assert_int_equal(send(raw->fd, bytes, len, MSG_NOSIGNAL), len);
}

static void raw_close(struct raw *raw)
{
	close(raw->fd);
	seal_destroy(raw->seal);
}

static bool raw_is_over(struct raw *raw)
{
	uint8_t bytes[256];

	for (;;) {
		ssize_t got = recv(raw->fd, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got == 0 || (got < 0 && errno == ECONNRESET))
			return true;
		if (got < 0)
			return false;
	}
}

static struct raw raw_come_up(struct scene *scene)
{
	struct raw raw = raw_dial(scene);
	uint8_t proof[SEAL_HEAD_LEN + SEAL_TAG_LEN];
	size_t len;

	await(scene);
	set_keys(scene);
	assert_int_equal(seal_close(raw.seal, NULL, 0, NULL, 0, proof, &len), ERR_OK);
	raw_say(&raw, BULK_GREETING, BULK_GREETING_LEN);
	raw_say(&raw, ticket, sizeof ticket);
	raw_say(&raw, proof, len);
	until(scene, scene->listener.ups == 1);
	return raw;
}

static void assert_ends(struct scene *scene, struct raw *raw, enum bulk_end how)
{
	until(scene, scene->listener.ends == 1);
	assert_int_equal(scene->listener.how, how);
	until(scene, raw_is_over(raw));
	raw_close(raw);
}

static void garbage_after_the_proof(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_come_up(scene);
	uint8_t garbage[64] = {0, 0, 0, 60};

	raw_say(&raw, garbage, sizeof garbage);
	assert_ends(scene, &raw, BULK_BROKEN);
	assert_int_equal(scene->listener.frames, 0);
}

static void a_length_beyond_the_limit(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_come_up(scene);

	raw_say(&raw, "\x7f\xff\xff\xff", 4);
	assert_ends(scene, &raw, BULK_BROKEN);
}

static void a_repeated_frame(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_come_up(scene);
	uint8_t frame[64];
	size_t len;

	assert_int_equal(seal_close(raw.seal, "\0", 1, "bytes", 5, frame, &len), ERR_OK);
	raw_say(&raw, frame, len);
	raw_say(&raw, frame, len);
	assert_ends(scene, &raw, BULK_BROKEN);
	assert_int_equal(scene->listener.frames, 1);
}

static void sealed_nonsense(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_come_up(scene);
	uint8_t frame[2 * SEAL_CONTROL_MAX], control[SEAL_CONTROL_MAX + 1] = {0};
	size_t len;

	assert_int_equal(seal_close(raw.seal, control, sizeof control, NULL, 0, frame, &len), ERR_OK);
	raw_say(&raw, frame, len);
	assert_ends(scene, &raw, BULK_NONSENSE);
}

static void one_that_does_not_prove_itself(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_dial(scene);

	await(scene);
	set_keys(scene);
	raw_say(&raw, BULK_GREETING, BULK_GREETING_LEN);
	raw_say(&raw, ticket, sizeof ticket);
	until(scene, scene->listener.link->state == BULK_PROVING);
	pass(scene, BULK_PROOF_MS + 1);
	assert_ends(scene, &raw, BULK_NOT_THERE);
}

static void guests_are_few_and_do_not_stay(void **state)
{
	struct scene *scene = *state;
	struct raw raws[BULK_GUESTS_ADDRESS_MAX + 1];
	size_t count = sizeof raws / sizeof raws[0];

	for (size_t i = 0; i < count; i++) {
		raws[i] = raw_dial(scene);
		if (i + 1 < count)
			until(scene, scene->listener.bulk->guest_count == i + 1);
	}
	raw_say(&raws[0], ticket, 3); /* a part of a ticket does not help */
	until(scene, raw_is_over(&raws[count - 1]));
	assert_int_equal(scene->listener.bulk->guest_count, BULK_GUESTS_ADDRESS_MAX);
	pass(scene, BULK_PROOF_MS + 1);
	assert_int_equal(scene->listener.bulk->guest_count, 0);
	for (size_t i = 0; i < count; i++) {
		assert_true(raw_is_over(&raws[i]));
		raw_close(&raws[i]);
	}
}

/* Its kernel answers, which is what counts; the time is the kernel's, so it is waited for. */
static void one_that_does_not_read_for_a_while(void **state)
{
	struct scene *scene = *state;
	struct raw raw = raw_come_up(scene);
	int64_t then_ms = clock_now_ms(clock_system()) + BULK_DEAD_MS + 2 * BULK_LOOK_MS;
	uint8_t number = 0;

	while (give(scene, &scene->listener, number, BYTES_MAX) != ERR_BUSY) {
		number++;
		pass(scene, 0);
	}
	until(scene, clock_now_ms(clock_system()) > then_ms);
	assert_int_equal(scene->listener.ends, 0);
	until(scene, !raw_is_over(&raw) && scene->given_back == scene->given);
	assert_int_equal(scene->listener.ends, 0);
	raw_close(&raw);
}

struct blocker {
	struct pool_job job;
	sem_t *go;
	bool is_done;
};

static void block(struct pool_job *job) { assert_int_equal(sem_wait(container_of(job, struct blocker, job)->go), 0); }
static void on_unblocked(struct pool_job *job) { container_of(job, struct blocker, job)->is_done = true; }

static void while_the_pool_is_busy_it_is_behind(void **state)
{
	struct scene *scene = *state;
	struct blocker blockers[2];
	sem_t go;

	come_up(scene);
	until(scene, !scene->dialer.link->in.is_running && !scene->listener.link->in.is_running);
	assert_int_equal(sem_init(&go, 0, 0), 0);
	for (size_t i = 0; i < 2; i++) {
		blockers[i] = (struct blocker){.job = {.run = block, .done = on_unblocked}, .go = &go};
		pool_submit(scene->pool, &blockers[i].job);
	}
	assert_int_equal(send(scene->listener.link->fd, "\0", 1, 0), 1);
	until(scene, scene->dialer.link->in.is_running);
	assert_false(bulk_is_behind(scene->dialer.link));
	pass(scene, BULK_BEHIND_MS + 1);
	assert_true(bulk_is_behind(scene->dialer.link));
	assert_false(bulk_is_behind(scene->listener.link));
	sem_post(&go);
	sem_post(&go);
	until(scene, !scene->dialer.link->in.is_running && blockers[0].is_done && blockers[1].is_done);
	assert_false(bulk_is_behind(scene->dialer.link));
	sem_destroy(&go);
}

int main(void)
{
#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(frames_go_both_ways_in_order),
		SCENE(keys_may_come_after_the_connection),
		SCENE(a_full_queue_is_told_and_writable_again),
		SCENE(memory_is_given_back_when_idle),
		SCENE(the_other_end_is_told_of_a_close),
		SCENE(an_end_in_the_middle_of_everything),
		SCENE(nobody_comes),
		SCENE(nobody_listens),
		SCENE(a_wrong_ticket),
		SCENE(a_ticket_is_good_for_one_connection),
		SCENE(the_wrong_key),
		SCENE(garbage_after_the_proof),
		SCENE(a_length_beyond_the_limit),
		SCENE(a_repeated_frame),
		SCENE(sealed_nonsense),
		SCENE(one_that_does_not_prove_itself),
		SCENE(one_that_does_not_read_for_a_while),
		SCENE(while_the_pool_is_busy_it_is_behind),
		SCENE(guests_are_few_and_do_not_stay),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
