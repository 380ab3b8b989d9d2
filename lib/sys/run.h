/* SPDX-License-Identifier: MIT */
#ifndef SYS_RUN_H
#define SYS_RUN_H

/*
 * Starting a program: fork, own session, descriptors, limits, another user,
 * directory, execve. The caller has resolved the program (run_find) so that
 * the child does nothing but system calls.
 *
 * The outcome of exec comes through a close-on-exec socket: end of file means
 * it succeeded (or that the child was killed before it got there: its exit
 * tells), else a struct run_failure tells at which step it failed. The
 * child is reaped by whoever reaps: it exits 127 (not found), 126 (not
 * executable), 125 (another step).
 */

#include "base/arena.h"
#include "base/err.h"

#include <sys/types.h>

enum run_step { RUN_CHDIR = 1, RUN_EXEC, RUN_SETUP, RUN_OOM, RUN_NICE,
		RUN_LIMIT, RUN_USER };

struct run_failure {
	int32_t step, sys;
	int32_t limit;          /* RUN_LIMIT: which one of the request */
};

struct run_limit {
	int which;              /* RLIMIT_... */
	uint64_t value;         /* soft and hard */
};

#define RUN_UNLIMITED UINT64_MAX

#define RUN_EXTRA_MAX 4

struct run_req {
	const char *path;       /* what to execute, absolute or with a slash */
	char *const *argv;
	char *const *envp;
	const char *cwd;        /* NULL: ours */
	int cgroup;             /* born into it, if the kernel can; 0: none */
	int in;                 /* becomes 0; 0: stdin is /dev/null */
	int out, err;           /* become 1 and 2 */
	const int *extra;       /* become 3, 4, ...; memory that a child has */
	size_t nextra;          /* at most RUN_EXTRA_MAX */
	bool die_with_parent;   /* SIGKILL when the caller's process dies */
	uint64_t nofile;        /* soft limit to give it; 0: leave */
	uint64_t mark;          /* RLIMIT_MSGQUEUE, soft and hard; 0: leave;
				 * both are left where no limit may be set */
	const struct run_limit *limits;         /* after nofile */
	size_t nlimits;
	const int *nice, *oom_score;            /* NULL: leave */
	bool set_user;          /* then these, groups first, uid last */
	uid_t uid;
	gid_t gid;
	const gid_t *groups;
	size_t ngroups;
	bool gate;              /* wait for run_go() before exec; the child
				 * ends (125) when the starter does not come */
};

/* Returns the pid, and the read end of the outcome pipe (non-blocking) in
 * *outcome. -1: nothing was started (EAGAIN, ENOMEM: fork refused). */
pid_t run_start(const struct run_req *, int *outcome, struct err *);

/* Lets a child that waits at its gate execute. */
int run_go(int outcome);

/* The limits that can be asked for, by the names people write ("nofile" for
 * RLIMIT_NOFILE); ends with a NULL name. */
extern const struct run_limit_name {
	const char *name;
	int which;
} run_limits[];
#define RUN_LIMITS_MAX 15       /* names */

/* Reads the outcome: 1 exec succeeded, 0 not known yet, -1 *why filled. */
int run_outcome(int outcome, struct run_failure *why);

/*
 * Finds name as execvp would: with a slash it is relative to cwd (NULL:
 * ours), else each directory of path (PATH of the child) is tried. The result
 * is in the arena. ERR_NOT_FOUND, or ERR_DENIED when something of that name
 * is there and not executable (*found then holds its path).
 */
int run_find(const char *name, const char *path, const char *cwd,
	     struct arena *, const char **found, struct err *);

/*
 * The directory our own executable is in, absolute: as the system says, else
 * as argv[0] does, which is then looked for in PATH.
 */
int run_own_dir(const char *argv0, char *out, size_t size, struct err *);

#endif
