/* SPDX-License-Identifier: MIT */
#ifndef KEEP_ENVIRON_H
#define KEEP_ENVIRON_H

/*
 * The environment of a run. Later wins: the keeper's own (less what is meant
 * for the keeper alone), who it runs as (HOME, USER, LOGNAME, when that is
 * somebody else), PATH with the places service managers forget, PORT of the
 * row, <home>/<short>/.env, the envFile and then the env of its settings, the
 * origins, PARACHUTE_HOME, NOTIFY_SOCKET and NOTIFY_FD (keep/notify), and
 * PC_OWNER. A PORT in a file is dropped.
 */

#include "keep/spawn.h"
#include "sys/user.h"

struct environment {
	struct arena *a;
	struct pair *all;
	size_t n, size;
};

/* In the arena; user NULL: ours. -1: a file that is named cannot be read. */
int environ_build(struct environment *, struct spawn_ctx *, struct mod *,
		  const struct user *, struct err *);

/* The PATH that the same would give, as far as it can be told; in the arena,
 * never NULL. */
const char *environ_path(struct arena *, struct spawn_ctx *, struct mod *,
			 const struct user *);

const char *environ_get(const struct environment *, const char *name);

/* What execve() takes; NULL without memory. The last call. */
char **environ_finish(struct environment *);

#endif
