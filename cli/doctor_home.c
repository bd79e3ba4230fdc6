#include "cli/doctor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define TOPIC "home"

static void look_at_disk(struct doctor *doctor)
{
	const struct config *config = &doctor->session->config;
	char free_text[SIZE_TEXT_MAX], least[SIZE_TEXT_MAX];
	struct statvfs disk;
	uint64_t left, keep;

	if (statvfs(config->home, &disk) != 0)
		return;
	left = (uint64_t)disk.f_bavail * disk.f_frsize;
	keep = (uint64_t)disk.f_blocks * disk.f_frsize / 10;
	if (keep < STORE_MIN_FREE_FLOOR)
		keep = STORE_MIN_FREE_FLOOR;
	if (config->min_free != UINT64_MAX)
		keep = config->min_free;
	output_size(left, free_text);
	if (left < keep)
		doctor_note(doctor, FINDING_WARNING, "disk", "make room, or set min_free lower; larder gc shows what can go",
			    "%s are free, and %s are to stay free: what is fetched takes the place of what is held", free_text, output_size(keep, least));
	else
		doctor_note(doctor, FINDING_OK, "disk", NULL, "%s are free", free_text);
}

/* Opening does most of the looking: whose directory it is, and on what kind of file system it lies. A store that is there opens for reading, too. */
void doctor_home(struct doctor *doctor)
{
	struct why why = {0};
	enum err err = session_open_store(doctor->session, &why);

	doctor->has_store = !err;
	if (err) {
		doctor_note(doctor, FINDING_PROBLEM, TOPIC, "set home to a directory of your own on a local disk", "%s", why.text);
		return;
	}
	if (access(doctor->session->config.home, W_OK) == 0)
		doctor_note(doctor, FINDING_OK, TOPIC, NULL, "%s is local and can be written", doctor->session->config.home);
	else
		doctor_note(doctor, FINDING_PROBLEM, TOPIC, "make it writable, or set another home", "%s cannot be written: %s", doctor->session->config.home,
			    strerror(errno));
	look_at_disk(doctor);
}
