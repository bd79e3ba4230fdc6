/* suggest: which of the words that exist was meant by one that does not. Pure; any thread. */
#ifndef LARDER_CLI_SUGGEST_H
#define LARDER_CLI_SUGGEST_H

#include <stddef.h>

/* How many letters have to be put in, taken out, changed or swapped with their neighbour; SIZE_MAX for words over 31 letters. */
size_t suggest_distance(const char *a, const char *b);

/* `best` if it is at least as near to `word` as `candidate`, else the latter. NULL: none yet; what is too far off to be meant never becomes best. */
const char *suggest_nearer(const char *word, const char *best, const char *candidate);

#endif
