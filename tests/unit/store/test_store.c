#include "support/cmocka.h"

#include "store/filesystem.h"
#include "store/reserve.h"
#include "support/store_home.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void remote_file_systems(void **state)
{
	(void)state;
	assert_true(filesystem_is_remote(0x6969, NULL));
	assert_true(filesystem_is_remote(0xff534d42, NULL));
	assert_true(filesystem_is_remote(0x01021997, "9p"));
	assert_true(filesystem_is_remote(0x0bd00bd0, NULL));
	assert_true(filesystem_is_remote(0x65735546, "fuse.sshfs"));
	assert_true(filesystem_is_remote(0x65735546, "fuse.glusterfs"));
	assert_true(filesystem_is_remote(0, "nfs4"));
	assert_false(filesystem_is_remote(0x65735546, NULL));
	assert_false(filesystem_is_remote(0x65735546, "fuse.ntfs-3g"));
	assert_false(filesystem_is_remote(0x65735546, "fuseblk"));
	assert_false(filesystem_is_remote(0xef53, "ext4"));
	assert_false(filesystem_is_remote(0x01021994, "tmpfs"));
	assert_false(filesystem_is_remote(0x794c7630, "overlay"));
	assert_false(filesystem_is_remote(0x9123683e, "btrfs"));
}

static void mount_lines(void **state)
{
	static const char line[] = "36 35 0:51 / /mnt rw,noatime shared:1 master:2 - fuse.sshfs user@host:/ rw,user_id=0\n";
	char type[FILESYSTEM_TYPE_MAX] = "";

	(void)state;
	assert_true(filesystem_parse_mount(line, 0, 51, type));
	assert_string_equal(type, "fuse.sshfs");
	assert_false(filesystem_parse_mount(line, 0, 52, type));
	assert_false(filesystem_parse_mount("36 35 0:51 / /mnt rw", 0, 51, type));
	assert_false(filesystem_parse_mount("36 35 0:51 / /mnt rw - ", 0, 51, type));
	assert_false(filesystem_parse_mount("", 0, 51, type));
}

static mode_t mode_of(const struct store_home *home, const char *name)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", home->home, name);
	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 0777;
}

static void home_is_private(void **state)
{
	struct store_home *home = *state;
	char *text = NULL;
	size_t len = 0;

	assert_int_equal(mode_of(home, "."), 0700);
	assert_int_equal(mode_of(home, "secret"), 0600);
	store_home_close(home);
	assert_int_equal(chmod(home->home, 0755), 0);
	home->log.out = open_memstream(&text, &len);
	store_home_open(home);
	fclose(home->log.out);
	home->log.out = NULL;
	assert_non_null(strstr(text, "warn: "));
	assert_int_equal(mode_of(home, "."), 0700);
	free(text);
}

static void other_peoples_directories_stay_as_they_are(void **state)
{
	struct store_home *home = *state;
	struct store *store = NULL;
	struct why why = {0};

	assert_int_equal(chmod(home->dir, 0755), 0);
	home->options.home = home->dir; /* it has "home" in it */
	assert_int_equal(store_open(&home->options, &store, &why), ERR_EXISTS);
	assert_non_null(strstr(why.text, home->dir));
	assert_int_equal(mode_of(home, ".."), 0755);
	home->options.home = "/proc/nothing";
	assert_int_equal(store_open(&home->options, &store, &why), ERR_IO);
	home->options.home = home->home;
}

static void homes_of_others_are_left_alone(void **state)
{
	struct store_home *home = *state;
	struct store *store = NULL;
	struct why why = {0};

	if (geteuid() != 0)
		skip(); /* nothing can be given to others */
	store_home_close(home);
	assert_int_equal(chown(home->home, 12345, 12345), 0);
	assert_int_equal(store_open(&home->options, &store, &why), ERR_PERMISSION);
	assert_non_null(strstr(why.text, "12345"));
	home->options.read_only = true; /* root may look */
	store_home_open(home);
	store_home_close(home);
	assert_int_equal(chmod(home->dir, 0755) | chmod(home->home, 0777), 0);
	for (int i = 0; i < 2; i++) {
		home->options.read_only = i > 0;
		assert_int_equal(seteuid(12346), 0);
		assert_int_equal(store_open(&home->options, &store, &why), ERR_PERMISSION);
		assert_int_equal(seteuid(0), 0);
		assert_non_null(strstr(why.text, "belongs to another user"));
	}
	assert_null(store);
}

static void secret_stays(void **state)
{
	static const uint8_t zero[STORE_SECRET_LEN];
	struct store_home *home = *state;
	uint8_t secret[STORE_SECRET_LEN];
	char path[200];

	memcpy(secret, store_secret(home->store), sizeof secret);
	assert_memory_not_equal(secret, zero, sizeof secret);
	store_home_close(home);
	store_home_open(home);
	assert_memory_equal(secret, store_secret(home->store), sizeof secret);
	/* Cut short, it is replaced. */
	store_home_close(home);
	snprintf(path, sizeof path, "%s/secret", home->home);
	assert_int_equal(truncate(path, 7), 0);
	store_home_open(home);
	assert_memory_not_equal(secret, store_secret(home->store), sizeof secret);
}

#define STARTERS 6

/* The child's secret, or nothing where the store would not open. */
static void start_and_tell(const struct store_home *home, int gate, int out)
{
	struct store *store = NULL;
	char byte;

	if (read(gate, &byte, 1) != 0 || store_open(&home->options, &store, NULL) != ERR_OK)
		_exit(1);
	_exit(write(out, store_secret(store), STORE_SECRET_LEN) == STORE_SECRET_LEN ? 0 : 1);
}

static void many_start_together(void **state)
{
	struct store_home *home = *state;
	uint8_t first[STORE_SECRET_LEN], next[STORE_SECRET_LEN];
	int gate[2], out[2], status;
	char fresh[160];

	snprintf(fresh, sizeof fresh, "%s/a/b/fresh", home->dir);
	home->options.home = fresh;
	assert_int_equal(pipe(gate) | pipe(out), 0);
	for (int i = 0; i < STARTERS; i++) {
		if (fork() == 0) {
			close(gate[1]);
			start_and_tell(home, gate[0], out[1]);
		}
	}
	close(gate[1]); /* go */
	for (int i = 0; i < STARTERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(read(out[0], first, sizeof first), sizeof first);
	for (int i = 1; i < STARTERS; i++) {
		assert_int_equal(read(out[0], next, sizeof next), sizeof next);
		assert_memory_equal(first, next, sizeof first);
	}
}

static void looking_creates_nothing(void **state)
{
	struct store_home *home = *state;
	struct store *store = NULL;
	char none[160];
	struct why why = {0};

	snprintf(none, sizeof none, "%s/none", home->dir);
	home->options.home = none;
	home->options.read_only = true;
	assert_int_equal(store_open(&home->options, &store, &why), ERR_NOT_FOUND);
	assert_non_null(strstr(why.text, none));
	assert_int_equal(access(none, F_OK), -1);
	assert_int_equal(mkdir(none, 0700), 0);
	assert_int_equal(store_open(&home->options, &store, &why), ERR_NOT_FOUND);
	assert_int_equal(rmdir(none), 0);
	assert_null(store);
}

static void looking_sees_what_is_held(void **state)
{
	struct store_home *home = *state;
	struct digest digest = store_home_put(home, 1, 1000);
	struct blob_check check;
	char path[256];

	store_home_blob_path(home, &digest, path);
	store_home_damage(home, path, 0, true);
	store_home_close(home);
	home->options.read_only = true;
	store_home_open(home);
	assert_true(store_home_holds(home, &digest));
	assert_int_equal(blob_verify(home->store, &digest, NULL, NULL, NULL, &check, NULL), ERR_UNPROVEN);
	assert_int_equal(check.bad, 1);
	assert_int_equal(access(path, F_OK), 0);
}

static blkcnt_t blocks_of(const struct store_home *home, const char *name)
{
	char path[200];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s", home->home, name);
	return stat(path, &st) == 0 ? st.st_blocks : 0;
}

static void room_is_kept_for_a_full_disk(void **state)
{
	struct store_home *home = *state;
	blkcnt_t blocks = RESERVE_BYTES / 512;

	if (blocks_of(home, RESERVE_NAME) == 0)
		skip(); /* a file system that cannot allocate */
	assert_true(blocks_of(home, RESERVE_NAME) >= blocks);
	assert_true(reserve_give_up(home->store));
	assert_int_equal(blocks_of(home, RESERVE_NAME), 0);
	assert_false(reserve_give_up(home->store));
	store_home_close(home);
	assert_true(blocks_of(home, RESERVE_NAME) >= blocks);
}

static void a_file_in_the_way(void **state)
{
	struct store_home *home = *state;
	struct store *store = NULL;
	char path[160], below[180];
	struct why why = {0};

	snprintf(path, sizeof path, "%s/file", home->dir);
	snprintf(below, sizeof below, "%s/store", path);
	fclose(fopen(path, "w"));
	home->options.home = below;
	assert_int_equal(store_open(&home->options, &store, &why), ERR_IO);
	assert_non_null(strstr(why.text, path));
	home->options.home = "relative";
	assert_int_equal(store_open(&home->options, &store, &why), ERR_INVALID);
}

#define WITH_HOME(test) cmocka_unit_test_setup_teardown(test, store_home_setup, store_home_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(remote_file_systems),
		cmocka_unit_test(mount_lines),
		WITH_HOME(home_is_private),
		WITH_HOME(other_peoples_directories_stay_as_they_are),
		WITH_HOME(homes_of_others_are_left_alone),
		WITH_HOME(secret_stays),
		WITH_HOME(many_start_together),
		WITH_HOME(looking_creates_nothing),
		WITH_HOME(looking_sees_what_is_held),
		WITH_HOME(room_is_kept_for_a_full_disk),
		WITH_HOME(a_file_in_the_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
