/* undo: remembers how to take back what a power loss would take back. For the shim alone; one thread.
 *
 * What was written to a file since its last fsync, and names made, moved or removed since their directory's last fsync. System calls are
 * made directly, never through the functions that the shim stands in for.
 */
#ifndef LARDER_TESTS_FAULT_UNDO_H
#define LARDER_TESTS_FAULT_UNDO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Call these before the thing is done. `len` bytes at `offset` are about to be written, or the file about to be given `size`. */
void undo_note_write(int fd, off_t offset, size_t len);
void undo_note_size(int fd, off_t size);
/* Paths are absolute. What is at `to` or `path` now is kept in `stash`, a directory on the same file system. */
void undo_note_create(const char *path);
void undo_note_rename(const char *from, const char *to, const char *stash);
void undo_note_unlink(const char *path, const char *stash);

/* After an fsync that succeeded: of a file or directory that is open, and now called `path`. */
void undo_forget(int fd, const char *path);

/* Take back what was written to one file. */
void undo_file(int fd);
/* Take it all back; only what was written, and no names, with `names_stay`. */
void undo_all(bool names_stay, const char *stash);

#endif
