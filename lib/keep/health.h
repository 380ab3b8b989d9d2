/* SPDX-License-Identifier: MIT */
#ifndef KEEP_HEALTH_H
#define KEEP_HEALTH_H

/*
 * Whether a module that runs also answers: one GET of its `health` path
 * (module.json's, else its row's) at 127.0.0.1 and its port, of whose answer
 * HEALTH_LINE_MAX bytes are read at most. Any status below 500 is alive, 401
 * included; 500 and above, garbage, silence and a refused connection fail.
 *
 * Asked when somebody looks and the last result is older than
 * HEALTH_EVERY_MS (HEALTH_AGAIN_MS after a failure), and that often by itself
 * while a watcher is there or the module is opted in to be restarted after
 * HEALTH_FAILURES in a row. Otherwise nothing is asked and nothing wakes up.
 *
 * A module is not asked before it is ready or its readiness window is over,
 * nor when it said that it is ready and has never listened: there is nobody
 * to ask. Nothing here allocates.
 */

#include "hub/facts.h"
#include "hub/limits.h"
#include "sys/loop.h"

struct mod;
struct sup;

struct health {
	enum healthy state;     /* of the last check of this run */
	int http_status;        /* 0: there was none */
	int64_t at_ms, at_unix_ms;      /* when it was decided; 0: never */
	int64_t took_ms;
	unsigned failures;      /* in a row */
	char error[96];         /* of the last one; "" */

	bool opted;             /* HEALTH_FAILURES in a row end the run */
	bool none;              /* it declares no path that can be asked */
	bool asked;             /* somebody looked */
	bool queued;            /* due, and too many are under way */
	int fd;                 /* -1: none is under way */
	struct watch watch;
	struct timer timer;     /* its deadline, or when the next one is due */
	int64_t began_ms;
	char line[HEALTH_LINE_MAX];
	size_t n;
};

struct checks {
	unsigned running, watchers;
};

/*
 * The status in the first bytes of an answer, 100 to 599; 0: it is no HTTP
 * status line (RFC 9112 4).
 */
int health_status(struct str line);

/* The path to ask; empty: none, or none that may stand in a request. */
struct str health_path(const struct mod *);

void health_mod_init(struct mod *);
void health_ended(struct mod *);                /* its run is over */
void health_settle(struct sup *);       /* after a change: arms what is due */
void health_look(struct sup *);         /* somebody reads */
/* So many watch for changes now; listeners are looked at for them, too. */
void health_watchers(struct sup *, unsigned n);

#endif
