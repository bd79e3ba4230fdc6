#include "cli/suggest.h"

#include <stdint.h>
#include <string.h>

#define WORD_MAX 31

static size_t min(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Damerau's distance over adjacent swaps, row by row. */
size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		before[j] = last[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min(min(last[j], row[j - 1]) + 1, last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = min(row[j], before[j - 2] + 1);
		}
		before = last;
		last = row;
		row = spare;
	}
	return last[b_len];
}

static size_t allowed(const char *word)
{
	size_t len = strlen(word);

	return len <= 2 ? 1 : len <= 5 ? 2 : 3;
}

const char *suggest_nearer(const char *word, const char *best, const char *candidate)
{
	size_t distance = suggest_distance(word, candidate);

	if (distance > allowed(word) || distance >= strlen(candidate))
		return best;
	return best && suggest_distance(word, best) <= distance ? best : candidate;
}
