/* SPDX-License-Identifier: MIT */
#ifndef FRONT_PREPARE_H
#define FRONT_PREPARE_H

/*
 * pc-front --prepare: everything of the front door that makes files, so that
 * no worker has to. Creates and migrates hub.db, makes the signing key, keeps
 * operator.token, writes hub/run/origin and hub-instance.json. What is as it
 * should be is left as it is.
 */

#include "base/err.h"

#include <stdint.h>

struct prepare_opts {
	const char *home;               /* NULL: as the environment says */
	const char *instance;           /* of this boot; NULL: by hand */
	uint16_t port;
	char *const *environ;
};

/* What it did goes to sys/log, one line each. */
int prepare_run(const struct prepare_opts *, struct err *);

#endif
