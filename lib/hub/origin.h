/* SPDX-License-Identifier: MIT */
#ifndef HUB_ORIGIN_H
#define HUB_ORIGIN_H

/*
 * Where the hub is reached, as far as it is configured: from settings, the
 * environment and the exposure on disk, never from a request. The first that
 * is there counts: the stored origin, PARACHUTE_HUB_ORIGIN,
 * RENDER_EXTERNAL_URL, https://$FLY_APP_NAME.fly.dev, hubOrigin of
 * expose-state.json. What was stored or exposed counts only when it is no
 * loopback address: it is for others. No origin ends with a slash.
 */

#include "hub/home.h"
#include "base/arena.h"

#define ORIGINS_MAX 8

enum origin_source {
	ORIGIN_NONE,            /* nothing is configured */
	ORIGIN_SETTINGS,
	ORIGIN_ENV,
	ORIGIN_EXPOSE,
};

struct origins {
	struct str issuer;              /* empty: ORIGIN_NONE */
	enum origin_source source;
	struct str local;               /* http://127.0.0.1:PORT */
	/* All that mean this hub: every tier that is there, then
	 * http://localhost:PORT and local; each once. */
	struct str all[ORIGINS_MAX];
	size_t n;
};

/* stored: what the settings say, or empty. All text lives in the arena, the
 * environment or `stored`. */
void origins_find(struct origins *, struct str stored, char *const *environ,
		  int homefd, uint16_t port, struct arena *);

/* The settings' origin as the keeper knows it, from hub/run/origin; empty
 * when none is stored. */
struct str origin_stored(const struct home *, struct arena *);

/* Makes that file say what is stored; empty: there is none. Left as it is when
 * it says so already. */
int origin_note(const struct home *, struct str stored, struct err *);

/*
 * An origin that somebody gives us: http(s)://HOST[:PORT] and nothing behind
 * it. *out: as tokens and browsers spell it, in lower case and without a port
 * that goes without saying, in the arena. The message continues a sentence:
 * "has a path".
 */
int origin_read(struct str in, struct arena *, struct str *out, struct err *);

/* An absolute http(s) URL whose host is not this machine by name. */
bool origin_is_public(struct str);

#endif
