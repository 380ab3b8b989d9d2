/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SPAWN_H
#define KEEP_SPAWN_H

/*
 * What a module is started with, built anew for every run: the row, its
 * module.json, its settings (hub/supervise), its environment (keep/environ)
 * and the origin as they are now.
 *
 * PC_OWNER in the environment is the mark by which what the module forks is
 * recognised. A second mark, an odd RLIMIT_MSGQUEUE, stays where a program
 * overwrites its environment.
 */

#include "hub/home.h"
#include "hub/owner.h"
#include "keep/sup.h"
#include "sys/user.h"

struct spawn_ctx {
	const struct home *home;
	struct registry *registry;
	char *const *environ;
	uint16_t hub_port;
	uint64_t nofile;        /* soft limit the keeper was started with */
	const struct owner *owner;      /* marks of this home */
};

struct spawn {
	struct arena arena;
	const char *path;       /* what to execute */
	const char *cwd;        /* NULL: none given */
	char *argv[ARGV_MAX + 1], **envp;
	struct run_limit limits[RUN_LIMITS_MAX];
	size_t nlimits;
	bool has_nice, has_oom_score, set_user;
	int nice, oom_score;
	struct user user;
};

enum spawn_answer {
	SPAWN_READY,
	SPAWN_UNFIT,            /* it cannot be started as it is */
	SPAWN_REFUSED,          /* the system is short of something now */
};

/* Re-reads row, module.json and settings into mod->module and mod->settings.
 * -1: mod->error says why. */
int spawn_resolve(struct spawn_ctx *, struct mod *);

/*
 * Resolves (unless mod->fresh), builds and checks; the caller releases the arena in any case.
 * Unless SPAWN_READY nothing can be executed, and mod->error says why.
 */
enum spawn_answer spawn_prepare(struct spawn_ctx *, struct mod *,
				struct spawn *);

/* What of it goes into the request; out and err are the caller's. */
void spawn_request(const struct spawn_ctx *, const struct mod *,
		   const struct spawn *, struct run_req *);

/* Says in mod->error at which step its child failed. */
void spawn_failed(struct mod *, const struct run_failure *);

#endif
