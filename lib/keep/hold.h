/* SPDX-License-Identifier: MIT */
#ifndef KEEP_HOLD_H
#define KEEP_HOLD_H

/*
 * A home as one keeper holds it: its lock, its number among the keepers of
 * this home, and the news when the home is taken away.
 *
 * The lock is on hub/run/keeper.lock and on the directory itself: a file can
 * be removed and made again. Where directories cannot be locked or watched,
 * the lock file alone, and a look now and then, must do.
 */

#include "hub/home.h"
#include "sys/loop.h"

struct hold {
	const struct home *home;
	int lock, run_dir;      /* -1 */
	uint64_t boot;          /* how many keepers this home has had */
	bool counted, told;     /* on disk; that it is not */
	struct watch watch;     /* fd -1: nobody tells */
	void (*moved)(struct hold *);
};

/* Makes hub/run and takes the lock. ERR_EXISTS: another keeper has it. One
 * that was killed while it forked is waited for. */
int  hold_take(struct hold *, const struct home *, struct err *);
/* Counts this keeper: boot is the first half of each of its log cursors.
 * What cannot be written (a full disk) is told, and tried at the next call. */
void hold_count(struct hold *);
/* moved() is called when the home, or the way to it, was moved or removed;
 * hold_is_there() then says whether it is still the one that was locked. */
void hold_watch(struct hold *, struct loop *, void (*moved)(struct hold *));
bool hold_is_there(const struct hold *);

#endif
