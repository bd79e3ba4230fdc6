/* hub_reach: whether a hub answers; one for all who ask at the same address, whatever tokens they have.
 *
 * One that did not answer is away until it does. While it is away it is asked every HUB_AWAY_MS, in the background, for nothing but a sign of life: nobody who can be served by what is remembered has to
 * wait for that. On the loop.
 */
#ifndef LARDER_NODE_HUB_REACH_H
#define LARDER_NODE_HUB_REACH_H

#include "node/http.h"

struct hub_reach;

/* Of the hub at `base` (hub_base(); copied). NULL: out of memory. */
struct hub_reach *hub_reach_create(struct loop *loop, struct http *http, const char *base);
/* One more holder; returns `reach`. */
struct hub_reach *hub_reach_share(struct hub_reach *reach);
void hub_reach_leave(struct hub_reach *reach); /* NULL is fine */

/* A question was answered; was not answered. */
void hub_reach_note_answer(struct hub_reach *reach);
void hub_reach_note_silence(struct hub_reach *reach);
/* What was asked last failed, and is being tried again; no more. */
void hub_reach_note_failing(struct hub_reach *reach, bool is_failing);

/* As the functions of hub.h and hub_private.h. */
bool hub_reach_is_away(const struct hub_reach *reach);
bool hub_reach_is_left_alone(const struct hub_reach *reach);
bool hub_reach_is_failing(const struct hub_reach *reach);
bool hub_reach_has_just_answered(const struct hub_reach *reach);

#endif
