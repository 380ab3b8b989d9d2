/* SPDX-License-Identifier: MIT */
#ifndef SYS_PTAB_H
#define SYS_PTAB_H

/*
 * The process table, read from /proc, and facts of one process.
 *
 * A snapshot is true for nobody in particular: processes come and go while
 * it is taken. A pid in it is no proof of identity; pid, start time and boot
 * id together are.
 */

#include "base/err.h"
#include "base/str.h"

#include <sys/types.h>

#define PTAB_MAX 131072         /* far more than a host runs; 8 MB */

struct proc {
	pid_t pid, ppid, pgid, sid;
	char state;             /* 'Z': its first thread is gone */
	bool dead;              /* all are; it only waits to be reaped */
	pid_t thread;           /* who shows its memory, files, environment:
				 * the first one that has not ended */
	uint64_t start;         /* clock ticks since boot, /proc/PID/stat 22 */
	uint64_t cpu_ms;        /* its own, and of children it has reaped */
	char comm[16];
};

struct ptab {
	struct proc *all;       /* sorted by pid */
	size_t n, size;
};

void ptab_init(struct ptab *);
void ptab_release(struct ptab *);
/* Replaces the content; keeps its memory for the next time. Processes that
 * this user may not see are not in it. ERR_FULL beyond PTAB_MAX. */
int  ptab_read(struct ptab *, struct err *);
void ptab_sort(struct ptab *);  /* of one that was put together by hand */
const struct proc *ptab_find(const struct ptab *, pid_t);
/*
 * The child of root at the top of p's line of parents; NULL when p is not
 * below root. *torn (else left alone): that is not known, for a parent is not
 * in the table; it ended while the table was read.
 */
const struct proc *ptab_top(const struct ptab *, const struct proc *p,
			    pid_t root, bool *torn);

/* Of one living process; -1 when it is gone or may not be read. */
int proc_read(pid_t, struct proc *);

/* Signals the process that was found, and nothing that took its number since:
 * its start time is read again behind a pidfd, where the kernel has one. */
void proc_signal(const struct proc *, int sig);

/*
 * The command line with spaces for NULs, unprintable bytes as '?', cut to
 * the buffer; "[comm]" where there is none. False when the process is gone.
 */
bool proc_command(pid_t, char *out, size_t size);

/* The value of NAME in the initial environment: 1, or 0 without one (or one
 * that does not fit), or -1 unknown. Of a thread, as the three at the end. */
int proc_env(pid_t, const char *name, char *out, size_t size);

/* Its hard RLIMIT_MSGQUEUE, which run_start() can set as a mark that survives
 * env -i and setproctitle(); 0 when unknown or unlimited. */
uint64_t proc_mark(pid_t);
/* Our own, above which no mark may be: 0 when unlimited or not supported. */
uint64_t proc_mark_max(void);

/* Its path in the version 2 hierarchy of cgroups(7), "/..."; false: unknown,
 * or none. */
bool proc_cgroup(pid_t, char *out, size_t size);

/* Resident bytes; 0 unknown. Of a file by itself: the number in its stat
 * line is some hundred pages out, which for a small server is all it has. */
uint64_t proc_memory(pid_t);

/* How many descriptors it has open; -1 gone or not ours to read. */
int proc_descriptors(pid_t);

/* Boot id of the running kernel as 36 characters; "" where unknown. */
void proc_boot_id(char out[37]);

#endif
