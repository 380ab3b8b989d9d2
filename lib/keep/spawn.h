/* SPDX-License-Identifier: MIT */
#ifndef KEEP_SPAWN_H
#define KEEP_SPAWN_H

/*
 * What a module is started with, built anew for every run: the row, its
 * module.json, its .env and the origin as they are now.
 *
 * Environment, later wins: the keeper's own (less what is meant for the
 * keeper alone), PATH with the places service managers forget, PORT of the
 * row, <home>/<short>/.env (its PORT is dropped), then PARACHUTE_HUB_ORIGIN,
 * PARACHUTE_HUB_ORIGINS, PARACHUTE_HUB_JWKS_ORIGIN, PARACHUTE_HOME,
 * NOTIFY_SOCKET and NOTIFY_FD (keep/notify), and PC_OWNER, by which what the
 * module forks is recognised. A second mark, an
 * odd RLIMIT_MSGQUEUE, stays where a program overwrites its environment.
 */

#include "hub/home.h"
#include "hub/owner.h"
#include "keep/sup.h"

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
};

enum spawn_answer {
	SPAWN_READY,
	SPAWN_UNFIT,            /* it cannot be started as it is */
	SPAWN_REFUSED,          /* the system is short of something now */
};

/* Re-reads row and module.json into mod->module. -1: mod->error says why. */
int spawn_resolve(struct spawn_ctx *, struct mod *);

/*
 * Resolves, builds and checks; the caller releases the arena in any case.
 * Unless SPAWN_READY nothing can be executed, and mod->error says why.
 */
enum spawn_answer spawn_prepare(struct spawn_ctx *, struct mod *,
				struct spawn *);

#endif
