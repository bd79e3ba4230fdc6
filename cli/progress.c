#include "cli/progress.h"

#include "base/text.h"
#include "cli/output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RATE_MEMORY_MS 3000
#define PART_MAX 64
#define NAME_COLUMNS_MIN 8
#define NAME_COLUMNS_MAX 40

enum part { PART_PERCENT, PART_BYTES, PART_RATE, PART_LEFT, PART_FILES, PART_COUNT };

/* 100 % is for what is done: the last file's proof may still be under way. */
static void percent_part(const struct progress_state *state, char ret[PART_MAX])
{
	bool is_done = state->bytes_done >= state->bytes_total && state->files_done >= state->files_total;
	unsigned percent = 100;

	if (state->bytes_done < state->bytes_total)
		percent = (unsigned)((double)state->bytes_done * 100 / (double)state->bytes_total);
	snprintf(ret, PART_MAX, "%3u%%", percent > 99 && !is_done ? 99 : percent);
}

static void left_part(const struct progress_state *state, char ret[PART_MAX])
{
	uint64_t left = state->bytes_total - state->bytes_done;
	char time[TIME_TEXT_MAX];

	if (state->rate == 0 || state->bytes_done >= state->bytes_total || left / state->rate > 99 * 86400)
		return;
	snprintf(ret, PART_MAX, "%s left", output_duration((left + state->rate - 1) / state->rate, time));
}

static void fill_parts(const struct progress_state *state, char parts[PART_COUNT][PART_MAX])
{
	char done[SIZE_TEXT_MAX], total[SIZE_TEXT_MAX];

	percent_part(state, parts[PART_PERCENT]);
	snprintf(parts[PART_BYTES], PART_MAX, "%s of %s", output_size(state->bytes_done, done), output_size(state->bytes_total, total));
	if (state->rate)
		snprintf(parts[PART_RATE], PART_MAX, "%s/s", output_size(state->rate, done));
	left_part(state, parts[PART_LEFT]);
	if (state->files_total)
		snprintf(parts[PART_FILES], PART_MAX, "%llu/%llu files", (unsigned long long)state->files_done, (unsigned long long)state->files_total);
}

/* The end of a path says most: "...dir/model.safetensors". */
static void add_name(const char *name, size_t room, char ret[PROGRESS_TEXT_MAX])
{
	size_t columns = output_columns(name), used = strlen(ret);
	const char *cut = "";

	if (room > NAME_COLUMNS_MAX)
		room = NAME_COLUMNS_MAX;
	if (room < NAME_COLUMNS_MIN)
		return;
	if (columns > room) {
		cut = "...";
		while (*name && output_columns(name) > room - strlen(cut)) {
			do {
				name++;
			} while (((unsigned char)*name & 0xc0) == 0x80);
		}
	}
	snprintf(ret + used, PROGRESS_TEXT_MAX - used, "  %s%s", cut, name);
	text_tame(ret + used);
}

const char *progress_text(const struct progress_state *state, size_t width, char ret[PROGRESS_TEXT_MAX])
{
	static const enum part by_worth[] = {PART_RATE, PART_LEFT, PART_BYTES, PART_FILES};
	char parts[PART_COUNT][PART_MAX] = {{0}};
	bool shown[PART_COUNT] = {[PART_PERCENT] = true};
	size_t used;

	fill_parts(state, parts);
	used = strlen(parts[PART_PERCENT]);
	for (size_t i = 0; i < sizeof by_worth / sizeof by_worth[0]; i++) {
		size_t len = strlen(parts[by_worth[i]]);
		if (len && used + 2 + len <= width) {
			shown[by_worth[i]] = true;
			used += 2 + len;
		}
	}
	ret[0] = 0;
	for (size_t i = 0; i < PART_COUNT; i++) {
		if (!shown[i])
			continue;
		if (i > 0)
			strcat(ret, "  ");
		strcat(ret, parts[i]);
	}
	if (state->name && width > used + 2)
		add_name(state->name, width - used - 2, ret);
	return ret;
}

uint64_t progress_rate_sample(struct progress_rate *rate, uint64_t count, int64_t now_ms)
{
	int64_t passed = now_ms - rate->last_ms;
	double now_per_s;

	if (!rate->has_sample) {
		*rate = (struct progress_rate){.last_count = count, .last_ms = now_ms, .has_sample = true};
		return 0;
	}
	if (passed <= 0 || count < rate->last_count)
		return (uint64_t)rate->per_s;
	now_per_s = (double)(count - rate->last_count) * 1000 / (double)passed;
	if (rate->per_s <= 0)
		rate->per_s = now_per_s;
	else
		rate->per_s += (now_per_s - rate->per_s) * (double)passed / (double)(passed + RATE_MEMORY_MS);
	rate->last_count = count;
	rate->last_ms = now_ms;
	return (uint64_t)rate->per_s;
}

void progress_init(struct progress *progress, FILE *stream)
{
	const char *term = getenv("TERM");

	*progress = (struct progress){.stream = stream};
	atomic_init(&progress->drawn, false);
	progress->is_terminal = stream && isatty(fileno(stream)) && term && *term && strcmp(term, "dumb") != 0;
}

static size_t terminal_width(FILE *stream)
{
	struct winsize size = {0};

	if (ioctl(fileno(stream), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
		return 80;
	return size.ws_col;
}

void progress_show(struct progress *progress, struct progress_state *state, uint64_t moved, int64_t now_ms)
{
	char text[PROGRESS_TEXT_MAX];
	size_t width;

	if (!progress->stream)
		return;
	if (progress->next_ms == 0 && !progress->is_terminal)
		progress->next_ms = now_ms + PROGRESS_LINE_MS; /* what is done before that needs no line */
	if (now_ms < progress->next_ms && progress->rate.has_sample)
		return;
	state->rate = progress_rate_sample(&progress->rate, moved, now_ms);
	if (now_ms < progress->next_ms)
		return;
	if (!progress->is_terminal) {
		progress->next_ms = now_ms + PROGRESS_LINE_MS;
		progress_text(state, 120, text);
		fprintf(progress->stream, "%s\n", text + strspn(text, " "));
		fflush(progress->stream);
		return;
	}
	progress->next_ms = now_ms + PROGRESS_DRAW_MS;
	width = terminal_width(progress->stream);
	/* The last column stays free: some terminals break the line there. */
	progress_text(state, width > PROGRESS_WIDTH_MIN ? width - 1 : PROGRESS_WIDTH_MIN, text);
	fprintf(progress->stream, "\r%s\033[K", text);
	fflush(progress->stream);
	atomic_store(&progress->drawn, true);
}

void progress_wipe(struct progress *progress)
{
	if (!progress->stream || !atomic_exchange(&progress->drawn, false))
		return;
	fputs("\r\033[K", progress->stream);
	fflush(progress->stream);
}
