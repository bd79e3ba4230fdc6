/* filesystem: whether a directory lies on a file system that can hold a store.
 *
 * SQLite's shared memory, locks and renames need one machine's own file system. Deciding is pure; filesystem_check() reads /proc and
 * blocks, as filesystem_is_read_only() may. Any thread.
 */
#ifndef LARDER_STORE_FILESYSTEM_H
#define LARDER_STORE_FILESYSTEM_H

#include "base/err.h"

#define FILESYSTEM_TYPE_MAX 64

/* Whether a file system is shared by machines: by its statfs() magic or by its type as in /proc/self/mountinfo ("fuse.sshfs"; NULL: not
 * known). FUSE alone is not. */
bool filesystem_is_remote(unsigned long magic, const char *type);

/* The type in a line of mountinfo (proc(5)) when the line is about the device major:minor. */
bool filesystem_parse_mount(const char *line, unsigned device_major, unsigned device_minor, char ret_type[FILESYSTEM_TYPE_MAX]);

/* ERR_UNSUPPORTED when the open directory `fd`, called `path` in the sentence, lies on a remote file system. */
enum err filesystem_check(int fd, const char *path, struct why *why) LARDER_MUST_USE;

/* Whether the file system of the open directory `fd` is mounted read-only; false when that cannot be told. */
bool filesystem_is_read_only(int fd);

#endif
