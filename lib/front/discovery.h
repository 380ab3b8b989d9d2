/* SPDX-License-Identifier: MIT */
#ifndef FRONT_DISCOVERY_H
#define FRONT_DISCOVERY_H

/*
 * Documents about the hub and its modules, for programs (runtime.md 3.8,
 * auth.md 4.1). Pure: a listing and an origin in, JSON out. The buf fails
 * when there is no memory.
 */

#include "base/buf.h"
#include "front/listing.h"

/*
 * /.well-known/parachute.json: {"vaults":[],"services":[],"<name>":[]}. Every
 * address begins with the origin; bytes that may not stand in a URL are
 * escaped. A module that is called vaults or services has no list by its own
 * name.
 */
void discovery_write(struct buf *, const struct listing *, struct str origin);

/* /.well-known/oauth-protected-resource (RFC 9728). Scopes: what may be asked
 * for of the first party, as far as it is installed, and what modules
 * define. */
void discovery_write_resource(struct buf *, const struct listing *,
			      struct str origin);

/* A path for a URL: with a slash before it, its other bytes escaped where
 * they must be. */
void discovery_put_path(struct buf *, struct str path);

#endif
