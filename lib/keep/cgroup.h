/* SPDX-License-Identifier: MIT */
#ifndef KEEP_CGROUP_H
#define KEEP_CGROUP_H

/*
 * A control group (cgroups(7), version 2) for each module, where we have a
 * place of our own to make them: our group was delegated to us (the extended
 * attribute trusted.delegate or user.delegate is 1, as service managers set
 * it), or it is the root of a cgroup namespace made for us. Nothing is made
 * anywhere else, and no controller is touched.
 *
 * A child is born into its group, so nothing it forks is ever outside; and
 * cgroup.kill ends all of a group at once, however fast it forks. Without
 * such a place every call here does nothing, and the walk of processes does.
 */

#include "hub/owner.h"

struct cgroup {
	int fd;                 /* our group; -1: none that is ours */
	const struct owner *owner;
	char path[256];         /* ours, as in /proc/self/cgroup */
};

void cgroup_init(struct cgroup *, const struct owner *);
/* Removes what is empty of what was made. */
void cgroup_release(struct cgroup *);

/* A new group for a run of a module: a descriptor; -1: none. */
int  cgroup_make(struct cgroup *, unsigned id);
/* Its path, as in /proc/PID/cgroup; false: it has none. */
bool cgroup_path(const struct cgroup *, unsigned id, char *out, size_t size);
/* Whether anything is in it: 1, 0, or -1 there is none, or unknown. */
int  cgroup_populated(const struct cgroup *, unsigned id);
/* SIGKILL to all that is in it. -1: it has to be done one by one. */
int  cgroup_kill(const struct cgroup *, unsigned id);
void cgroup_remove(struct cgroup *, unsigned id);
/* What a keeper before us left in groups of ours is ended. */
void cgroup_kill_old(struct cgroup *);

#endif
