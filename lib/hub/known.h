/* SPDX-License-Identifier: MIT */
#ifndef HUB_KNOWN_H
#define HUB_KNOWN_H

/* The modules that the hub knows by name, and their canonical places. */

#include "base/str.h"

enum focus { FOCUS_CORE, FOCUS_EXPERIMENTAL, FOCUS_DEPRECATED };

struct known {
	const char *short_name, *manifest, *package, *display_name, *tagline;
	uint16_t port;
	const char *paths[3];           /* NULL-terminated */
	const char *health;
	int strip_prefix;               /* -1: not said */
	const char *start[4];           /* NULL-terminated; [0] NULL: none */
	const char *no_start;           /* why it has no command of its own */
	enum focus focus;
};

extern const struct known known_modules[];      /* ends with a NULL name */

const struct known *known_by_short(struct str);
const struct known *known_by_manifest(struct str);      /* aliases too */
const char *known_focus_name(enum focus);

#endif
