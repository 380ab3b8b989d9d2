/* SPDX-License-Identifier: MIT */
#ifndef HUB_VERB_H
#define HUB_VERB_H

/*
 * pc-start, pc-stop and pc-restart: the same program but for the word.
 * Operations on several modules run side by side; each is answered by a line
 * of its own, on stdout when it worked, on stderr when it did not.
 */

#include "hub/reach.h"

struct verb {
	const char *name;       /* of the operation: "start" */
	const char *done;       /* "started" */
	bool stops;             /* without a hub there is nothing to do (of
				 * one that is far away nobody knows) */
	bool renews;            /* it can be done to the front door, too */
};

struct verb_args {
	struct reach_opts reach;
	char **modules;         /* NULL-terminated */
	bool all, wait;
	long wait_s;
};

#define VERB_WAIT_S 30          /* --wait without a number, as the API */

/* The exit status: the worst of what happened. */
int verb_run(const struct verb *, const struct verb_args *);

#endif
