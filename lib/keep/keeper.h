/* SPDX-License-Identifier: MIT */
#ifndef KEEP_KEEPER_H
#define KEEP_KEEPER_H

/*
 * The keeper from start to end.
 *
 * Start: signals are caught; the lock of the home is taken; hub.sock is bound
 * (who asks from now on waits for the answer); what a killed keeper left is
 * ended; the TCP port is bound; the front door (keep/workers) and the modules
 * are started, all at once; the ready line is written.
 * Where there is no front door, TCP connections are accepted and closed.
 *
 * SIGHUP re-reads services.json, starts what is new, stops what is gone.
 * SIGTERM and SIGINT stop everything side by side under one deadline; a
 * second one kills at once. keeper_run() returns the exit status: 0 told to
 * stop and everything is gone; 1 could not start, or something survived, or a
 * module that is critical has given up, or the home is gone; 128 + signal
 * after a second signal.
 */

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct keeper_opts {
	const char *home;       /* NULL: PARACHUTE_HOME, else ~/.parachute */
	const char *bind;       /* NULL: 127.0.0.1, and ::1 where there is one */
	uint16_t port;          /* 0: a free one */
	bool front;             /* false: no TCP port at all */
	unsigned workers;       /* of the front door; 0: as fits the host */
	int ready_fd;           /* -1: none */
	const char *self;       /* argv[0] */
	char *const *environ;
};

/* On -1 e says why nothing was started. */
int keeper_run(const struct keeper_opts *, struct err *);

#endif
