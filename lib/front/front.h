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
 *	      hub.db <- ask_write (busy: again) <----+--> front/mirror, bridge
 *	                                                     -> hub.sock
 *
 * On stdout it tells the keeper, a line each:
 *	ready              it serves
 *	sandbox TEXT       what it is locked in by, and what the host lacks
 *	db TEXT            the state of hub.db, at first and when it changes
 *	hijacked [TEXT]    another answers on our port; without a text: no more
 *	prepare REASON     `pc-front --prepare` has something to do
 */

#include "auth/token.h"
#include "front/bridge.h"
#include "front/health.h"
#include "front/mirror.h"
#include "front/probe.h"
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
#define FRONT_TOKEN_MS    (6 * 3600000) /* operator.token is looked at */
#define AUTH_BODY_MAX     65536 /* of what is posted to us */

/* How a worker ends, to the keeper. */
enum front_exit {
	FRONT_EXIT_DONE = 0,            /* told to */
	FRONT_EXIT_FAILED = 1,
	FRONT_EXIT_VERSION = 69,        /* the keeper speaks another API */
	FRONT_EXIT_PREPARE = 75,        /* hub.db is gone or another: prepare,
					 * then start me again */
};

struct published;

struct front {
	struct loop loop;
	struct home home;
	struct httpd httpd;
	struct dial dial;               /* who opens connections for us */
	struct store *store;            /* NULL: none, and why: */
	char store_error[160];
	struct store *opened;           /* also while its file is gone */
	struct auth *auth;
	struct registry registry;
	struct mirror mirror;
	struct published *published;    /* NULL until somebody asks */
	struct bridge bridge;
	struct health health;
	struct probe probe;
	char *const *environ;
	int out;                        /* to the keeper, for front_tell() */
	uint16_t port;
	char instance[40];              /* of this boot of the hub */
	struct origins origins;         /* as configured, in origin_arena */
	struct str operator_issuer;     /* of operator.token, there too */
	struct arena origin_arena;

	/* What may change on disk, as it was when last looked at. */
	int64_t looked_ms;
	int64_t store_version;
	bool origins_old;               /* somebody wrote since they were read */
	struct file_id db_id, expose_id;
	int64_t failed_ms;              /* to open hub.db */
	struct watch gone;              /* hub.db or the home is moved */
	int gone_fd;
	struct timer token_timer, drain_timer;
	bool draining;
	int status;                     /* to exit with */
};

struct front_opts {
	const char *home, *instance;
	uint16_t port;
	int nsockets;                   /* listening, from descriptor 3 on */
	char *const *environ;
};

/* A worker's life; the status to exit with, or -1: it could not start. */
int front_run(const struct front_opts *, struct err *);

/* On use, at most every FRONT_FRESH_MS: whether hub.db is still there, and
 * what was configured. */
void front_look(struct front *);
/* The configured origins, read again when something may have changed. Where
 * that is not what --prepare wrote down, the keeper is asked for it. */
void front_origins(struct front *);
/* A connection to hub.sock. A worker whose broker has died is of no use: it
 * leaves, and another follows. */
int front_dial(struct front *, struct err *);
/* A line to the keeper: "prepare", "token is near its end". */
void front_tell(const struct front *, const char *what, const char *text);
/* Serves what is open to its end, takes nothing new, and ends. */
void front_leave(struct front *, int status);

#endif
