/* err: the one error type of the whole program, and the sentence that explains a failure.
 *
 * Every function that can fail returns `enum err`; ERR_OK is 0. Out-parameters are written on success only.
 * A code says what kind of failure it was, so that a caller can decide; a `struct why` says it to a person.
 * Any thread; nothing here blocks or allocates.
 */
#ifndef LARDER_BASE_ERR_H
#define LARDER_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#define LARDER_MUST_USE __attribute__((warn_unused_result))
#define LARDER_PRINTF(format_at, first_at) __attribute__((format(printf, format_at, first_at)))

enum err {
	ERR_OK = 0,
	ERR_NO_MEMORY,    /* an allocation failed */
	ERR_USAGE,        /* what the person typed makes no sense */
	ERR_INVALID,      /* bytes from outside break the rules of their format */
	ERR_LIMIT,        /* a named limit would be exceeded */
	ERR_NOT_FOUND,    /* no such name, blob, revision, file */
	ERR_EXISTS,       /* the thing to be created is there already */
	ERR_HUB_AWAY,     /* the hub cannot be reached, or does not answer like a hub */
	ERR_CUT,          /* a body or connection ended early; asking again may help */
	ERR_UNPROVEN,     /* bytes contradict the digest they were asked for by */
	ERR_DENIED,       /* the hub does not let this token (or nobody without one) have it */
	ERR_NO_SPACE,     /* disk full or quota reached */
	ERR_PERMISSION,   /* the operating system does not let us */
	ERR_BUSY,         /* somebody else holds the lock */
	ERR_CANCELLED,    /* ended because it was asked to */
	ERR_UNSUPPORTED,  /* cannot be done here: network file system, newer index, missing CPU feature */
	ERR_IO,           /* the operating system or a library failed otherwise */
};

#define WHY_MAX 640

/* One sentence for a person, without a final newline: what failed, on which thing, what to do. Functions that can
 * fail for reasons outside the program take a `struct why *` as their last parameter; it may be NULL, and is written
 * on failure only. Initialise it with {0}. */
struct why {
	char text[WHY_MAX];
};

/* A short English name of the kind of failure: "not found". Never NULL. */
const char *err_name(enum err code);

/* The kind of failure that errno value `error_number` stands for: ENOSPC, EDQUOT, EFBIG are ERR_NO_SPACE; EACCES, EPERM, EROFS
 * are ERR_PERMISSION; ENOENT is ERR_NOT_FOUND; EEXIST is ERR_EXISTS; ENOMEM is ERR_NO_MEMORY; all else is ERR_IO. */
enum err err_from_errno(int error_number);

/* Write the sentence (cut at WHY_MAX - 1 bytes) and return `code`, so that a failing function can end with
 * `return why_set(why, ERR_NOT_FOUND, "no file %s", name);`. Control characters become '?', so that text from outside
 * cannot drive a terminal. */
enum err why_set(struct why *why, enum err code, const char *format, ...) LARDER_PRINTF(3, 4);

/* The same for a failed system call: appends ": " and the text of `error_number`, and returns err_from_errno() of it. */
enum err why_errno(struct why *why, int error_number, const char *format, ...) LARDER_PRINTF(3, 4);

/* Put "PREFIX: " before the sentence that is there (or before the name of `code`, if there is none). Returns `code`. */
enum err why_prefix(struct why *why, enum err code, const char *format, ...) LARDER_PRINTF(3, 4);

#endif
