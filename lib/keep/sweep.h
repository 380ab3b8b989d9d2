/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SWEEP_H
#define KEEP_SWEEP_H

/*
 * What is left of a run when its leader is gone, and ending it.
 *
 * The keeper is a subreaper: whatever a module forks stays below the keeper,
 * an orphan becomes its child. To whom an orphan belongs is decided by
 * evidence (hub/owner). One pass serves all modules; the next
 * one is made when a child of ours was reaped, never by polling. When all our
 * children are leaders we know, nothing of any ended run is left: that is one
 * read of a small file.
 *
 * The leader's group gets the signals themselves. What is elsewhere is found
 * by walking our subtree, until two passes find nothing; where the module has
 * a cgroup, that says whether anything is left, and is killed as one.
 */

#include "keep/sup.h"

#define LEFT_MAX 16     /* as many as an error message can use */

struct left {
	pid_t pid;
	char command[160];
};

void sweep_init(struct sup *);
void sweep_later(struct sup *);         /* look at the end of this turn */

/* Reads the table of processes, for sweep_owner(). */
int sweep_table(struct sup *, struct err *);

/* The module a process of s->ptab belongs to, by evidence; NULL: unknown. */
struct mod *sweep_owner(struct sup *, const struct proc *);

/* SIGKILL to a process outside of our subtree, if by its marks it is this
 * module, which does not run. False: it is not. */
bool sweep_end_stray(struct sup *, const struct mod *, pid_t);

/* The same of a process by itself, its line of parents read now. */
struct mod *sweep_find(struct sup *, pid_t, uid_t);

/* Processes of the module's run that live; at most max are described. */
size_t sweep_left(struct sup *, struct mod *, struct left *, size_t max);

/*
 * SIGKILL to everything that is provably some module's; how many there were,
 * or 1 when that cannot be told. What was below us before the first module,
 * and what nothing connects with one, is not ours to end.
 */
size_t sweep_kill_all(struct sup *);

#endif
