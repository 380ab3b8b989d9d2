/* SPDX-License-Identifier: MIT */
#ifndef FRONT_FRONT_H
#define FRONT_FRONT_H

/*
 * A worker of the front door: what all its parts share.
 *
 * It serves the listening sockets that the keeper handed down, answers from
 * hub.db and from copies of the keeper's documents, and asks the keeper over
 * hub.sock for the rest. Everything that makes a file is `pc-front --prepare`
 * (front/prepare); a worker writes to hub.db alone.
 *
 *	client -> httpd -> front/route (table) -> gate (auth/token) -> handler
 *	                                             |
 *	      hub.db <- front/later (busy: again) <--+--> front/mirror, bridge
 *	                                                     -> hub.sock
 */

#include "auth/token.h"
#include "hub/origin.h"
#include "hub/registry.h"
#include "sys/dial.h"
#include "sys/httpd.h"

#define FRONT_CONNS_MAX   1024  /* clients of one worker */
#define FRONT_PEER_MAX    256   /* of them from one address that is not
				 * loopback */
#define FRONT_ASKS_MAX    32    /* at a time on hub.sock */
#define FRONT_DRAIN_MS    10000 /* open requests, after SIGTERM */
#define FRONT_FRESH_MS    500   /* age of a copy that is still served */
#define FRONT_BUSY_MS     5000  /* for a write that finds another writer */
#define AUTH_BODY_MAX     65536 /* of what is posted to us */

/* How a worker ends, to the keeper. */
enum front_exit {
	FRONT_EXIT_DONE = 0,            /* told to */
	FRONT_EXIT_FAILED = 1,
	FRONT_EXIT_VERSION = 69,        /* the keeper speaks another API */
	FRONT_EXIT_PREPARE = 75,        /* hub.db is gone or another: prepare,
					 * then start me again */
};

struct mirror;
struct published;

struct front {
	struct loop loop;
	struct home home;
	struct httpd httpd;
	struct dial dial;               /* who opens connections for us */
	struct store *store;            /* NULL: none, and why: */
	char store_error[160];
	struct auth *auth;
	struct registry registry;
	struct mirror *mirror;
	struct published *published;    /* NULL until somebody asks */
	char *const *environ;
	uint16_t port;
	char instance[40];              /* of this boot of the hub */
	struct origins origins;         /* as configured, in origin_arena */
	struct arena origin_arena;
	bool draining;
	int status;                     /* to exit with */
};

/* The configured origins, read again when something may have changed. */
void front_origins(struct front *);

/* Has the keeper run `pc-front --prepare` (a worker makes no file), by the
 * line "prepare WHY" on stdout; why is a word of ours. */
void front_prepare(struct front *, const char *why);

#endif
