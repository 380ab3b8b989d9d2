/* SPDX-License-Identifier: MIT */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include "front/body.h"

/* What a hub's own origin may be: as origin_read() takes and gives it, and of
 * no loopback address. */
int settings_origin(struct str in, struct arena *, struct str *out,
		    struct refusal *);

#endif
