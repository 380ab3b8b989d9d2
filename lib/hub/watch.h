/* SPDX-License-Identifier: MIT */
#ifndef HUB_WATCH_H
#define HUB_WATCH_H

/*
 * pc-status --watch and --events: what the hub tells, for as long as somebody
 * wants to see it.
 *
 * The table is asked for anew when an event came, and with usage every two
 * seconds. On a terminal it is one picture, of which only what changed is
 * written; q, SIGINT and SIGTERM end it, SIGTSTP and SIGCONT work. Otherwise
 * each picture is printed below the last. A hub that goes away is shown as
 * that, and waited for.
 */

#include "hub/reach.h"

struct watch_args {
	struct reach *reach;
	char *const *wanted;    /* modules; none: all */
	bool usage, json;
};

/* The exit status of the program. */
int watch_table(const struct watch_args *);
/* One event a line. 0: told to stop, the reader is gone, or the hub ended the
 * stream in order; 3: the hub is gone. */
int watch_events(const struct watch_args *);

#endif
