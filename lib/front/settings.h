/* SPDX-License-Identifier: MIT */
#ifndef FRONT_SETTINGS_H
#define FRONT_SETTINGS_H

#include "front/body.h"

/*
 * What a hub's own origin may be: http(s)://HOST[:PORT], of no loopback
 * address, and nothing behind it. *out: as it is stored, in lower case and
 * without a port that goes without saying, in the arena.
 */
int settings_origin(struct str in, struct arena *, struct str *out,
		    struct refusal *);

#endif
