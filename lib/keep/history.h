/* SPDX-License-Identifier: MIT */
#ifndef KEEP_HISTORY_H
#define KEEP_HISTORY_H

/*
 * How the runs of modules ended, as it is kept (hub/exits) and announced
 * (keep/events): one record for each leader that is gone, with the cause and
 * the last lines of that run, and one for a start that gave no process. A
 * file that cannot be written is said once, and nothing waits for it.
 */

#include "hub/exits.h"
#include "keep/sup.h"

/* What is known when a leader is gone. */
struct ending {
	enum end_cause told;    /* by who ended it */
	enum sm_state state;    /* at that moment */
	int signal;             /* 0: it exited */
	bool starved;           /* the kernel counts a kill for lack of memory
				 * that is not accounted for */
};

/* Pure. A cause that nobody knows is never made up: code or signal. */
enum exit_cause history_cause(const struct ending *);

void history_init(struct sup *);
void history_release(struct sup *);

void history_begin(struct sup *, struct mod *);         /* a new run */
/* The leader is gone; m is as it was before that. */
void history_exit(struct sup *, struct mod *, int wait_status);
/* A start that gave no process; tries of the same end are told once. */
void history_failed(struct sup *, struct mod *, enum exit_cause);

/* Any other: number, lines and, where it is 0, the time are filled in. */
void history_record(struct sup *, struct mod *, struct exit_rec *);

/* The exits of a module as an array of JSON, newest first. */
void history_write(struct sup *, const char *short_name, struct jsonw *);

#endif
