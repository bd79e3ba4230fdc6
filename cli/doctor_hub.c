#include "cli/doctor.h"

#include "node/hub_facts.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CLOCK_WARN_S 300
#define CLOCK_WRONG_S 86400
#define ANSWER_MS 8000

/* One question to the hub: who am I? Its answer tells of the hub, the clock and the token together. */
struct asking {
	struct activity activity;
	struct doctor *doctor;
	struct http_request request;
	struct hub_facts facts;
	int64_t hub_time_s; /* 0: it did not say */
	enum err err;
	struct why why;
};

static void on_answer(struct http_request *request, const struct http_answer *answer)
{
	struct asking *asking = container_of(request, struct asking, request);
	const char *date = http_answer_header(answer, "Date");
	struct tm at = {0};

	if (date && strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &at))
		asking->hub_time_s = (int64_t)timegm(&at);
	if (hub_facts_add(&asking->facts, answer) != ERR_OK)
		asking->err = ERR_NO_MEMORY;
}

static void on_done(struct http_request *request, enum err err, const struct why *why)
{
	struct asking *asking = container_of(request, struct asking, request);

	asking->err = err;
	if (why)
		asking->why = *why;
	asking->activity.done = true;
}

static void stop(struct activity *activity)
{
	struct asking *asking = container_of(activity, struct asking, activity);

	http_cancel(asking->doctor->session->http, &asking->request);
	asking->err = why_set(&asking->why, ERR_CANCELLED, "stopped");
	activity->done = true;
}

/* --- what the answer means */

static void judge_clock(const struct asking *asking)
{
	int64_t off = clock_wall_s(clock_system()) - asking->hub_time_s, size = off < 0 ? -off : off;
	char text[TIME_TEXT_MAX];

	if (!asking->hub_time_s)
		return;
	output_duration((uint64_t)size, text);
	if (size < CLOCK_WARN_S)
		doctor_note(asking->doctor, FINDING_OK, "clock", NULL, "right, by the hub's");
	else
		doctor_note(asking->doctor, size > CLOCK_WRONG_S ? FINDING_PROBLEM : FINDING_WARNING, "clock", "set it; timedatectl set-ntp true keeps it right",
			    "%s %s the hub's: certificates and signed addresses count as expired then", text, off < 0 ? "behind" : "before");
}

static void judge_token(const struct asking *asking)
{
	bool has_token = asking->doctor->session->config.token;

	if (!has_token)
		doctor_note(asking->doctor, FINDING_OK, "token", NULL, "none: public files need none");
	else if (asking->facts.status == 200)
		doctor_note(asking->doctor, FINDING_OK, "token", NULL, "the hub accepts it");
	else if (asking->facts.status == 401 || asking->facts.status == 403)
		doctor_note(asking->doctor, FINDING_PROBLEM, "token", "set HF_TOKEN to a valid one (hf auth login), or to nothing for public files", "the hub refuses it");
	else
		doctor_note(asking->doctor, FINDING_WARNING, "token", NULL, "the hub does not say whether it is valid (it answers %d)", asking->facts.status);
}

static void judge(struct asking *asking)
{
	struct doctor *doctor = asking->doctor;
	const struct hub_facts *facts = &asking->facts;
	const char *hub = doctor->session->config.hub;

	if (asking->err == ERR_UNSUPPORTED)
		doctor_note(doctor, FINDING_PROBLEM, "hub", "is there a login page or a proxy in between? Set ca_file to the certificate of one that is trusted", "%s: %s",
			    hub, asking->why.text);
	else if (asking->err)
		doctor_note(doctor, FINDING_PROBLEM, "hub", "look at the network, the proxy and the hub's address; other nodes give what they hold all the same", "%s: %s",
			    hub, asking->why.text);
	else if ((facts->is_html && !facts->is_marked && facts->status < 500) || facts->status == 511 || (facts->status >= 300 && facts->status < 400))
		doctor_note(doctor, FINDING_PROBLEM, "hub", "open any page in a browser and log in, then try again", "something else than the hub answers at %s: a login page (captive portal)?",
			    hub);
	else if (facts->status >= 500)
		doctor_note(doctor, FINDING_WARNING, "hub", "try again later; other nodes give what they hold all the same", "%s is in trouble: it answers %d", hub,
			    facts->status);
	else
		doctor_note(doctor, FINDING_OK, "hub", NULL, "%s answers", hub);
	if (asking->err)
		return;
	judge_clock(asking);
	if (facts->status < 500)
		judge_token(asking);
}

void doctor_hub(struct doctor *doctor)
{
	struct session *session = doctor->session;
	struct asking asking = {
		.activity = {.stop = stop},
		.doctor = doctor,
		.request = {.method = "GET", .bearer = session->config.token, .range_first = -1, .range_last = -1, .answer_timeout_ms = ANSWER_MS,
			    .on_answer = on_answer, .on_done = on_done},
	};
	char *url = NULL;
	enum err err = session_open_hub(session, &asking.why);

	if (!err && asprintf(&url, "%s/api/whoami-v2", session->config.hub) < 0)
		err = ERR_NO_MEMORY;
	asking.request.url = url;
	if (!err)
		err = http_start(session->http, &asking.request, &asking.why);
	if (!err)
		session_run(session, &asking.activity);
	else
		asking.err = err;
	judge(&asking);
	hub_facts_release(&asking.facts);
	free(url);
}
