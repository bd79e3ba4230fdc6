/* token: the person's token for the hub, where the Hugging Face tools would find it.
 *
 * HF_TOKEN, else HUGGING_FACE_HUB_TOKEN, else the token file (dirs.h). HF_TOKEN set to nothing means: no token. Blocks on the disk.
 */
#ifndef LARDER_NODE_TOKEN_H
#define LARDER_NODE_TOKEN_H

#include "base/err.h"

#define TOKEN_MAX 4096

/* *ret_token: NULL when there is none; else to be freed with token_free(). Something that cannot be a token, or a file that cannot be read, is no failure, since public files
 * need none: *ret_token is NULL and `note` says so (it is untouched otherwise). */
enum err token_find(char **ret_token, struct why *note) LARDER_MUST_USE;
/* Wipes it first. NULL is fine. */
void token_free(char *token);

#endif
