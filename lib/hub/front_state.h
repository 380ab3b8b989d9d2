/* SPDX-License-Identifier: MIT */
#ifndef HUB_FRONT_STATE_H
#define HUB_FRONT_STATE_H

/* The front door as GET /api/hub tells of it, judged and shown. */

#include "hub/report.h"

struct front_state {
	enum verdict verdict;   /* INACTIVE: the hub has none */
	char why[240];          /* "" when it is active */
};

void front_state_read(struct front_state *, const struct json *hub);

/* Everything about it, as text for people. */
void show_front(struct buf *, const struct json *hub);

#endif
