/* SPDX-License-Identifier: MIT */
#ifndef SYS_OOM_H
#define SYS_OOM_H

/*
 * Whether the kernel ends processes of our cgroup for lack of memory: the
 * count oom_kill of memory.events (cgroup2, Documentation/admin-guide/
 * cgroup-v2.rst) or of memory.oom_control (v1). Where neither can be read it
 * is never said.
 */

#include "base/str.h"

struct oom {
	int fd;                 /* -1: it cannot be told */
	uint64_t counted;
};

void oom_open(struct oom *);
void oom_close(struct oom *);

/* True when there was a kill that no call has told of yet; tells of one. */
bool oom_take(struct oom *);
void oom_forget(struct oom *);  /* what was until now is nobody's */

/*
 * For tests. The file with the count, by the texts of /proc/self/cgroup and
 * /proc/self/mountinfo; v1 asks for the old hierarchy. False: there is none.
 */
bool oom_path(struct str cgroup, struct str mounts, bool v1, char *out,
	      size_t size);
/* The count in the text of that file; false: it has none. */
bool oom_count(struct str text, uint64_t *out);

#endif
