/* SPDX-License-Identifier: MIT */
#ifndef FRONT_HEALTH_H
#define FRONT_HEALTH_H

/* GET /health: bytes made beforehand, anew when what they say has changed. */

#include "base/str.h"

struct front;

struct health {
	char db[64];            /* as last told to the keeper */
	char text[384];
	size_t n;
};

/* What becomes of hub.db: "ok", "unconfigured", "error: ...". */
void health_set_db(struct front *, const char *db);

#endif
