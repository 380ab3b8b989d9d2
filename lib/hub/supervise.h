/* SPDX-License-Identifier: MIT */
#ifndef HUB_SUPERVISE_H
#define HUB_SUPERVISE_H

/*
 * How a module is to be supervised: one set of values, merged key by key from
 * three places.
 *
 *	<home>/<short>/supervise.json   the operator's: wins
 *	module.json's "supervise"       the author's
 *	hub/limits.h                    what holds without either
 *
 * The members of "limits" and "env" count as keys of their own.
 *
 * The operator's file is read strictly: the first fault in it, an unknown key
 * too, makes all of it void, and the module must not be started (`fault`).
 * What is wrong in module.json is a problem and leaves out that key alone; an
 * unknown key there is a note. What decides about others than the module
 * (user, limits.oomScore, an absolute envFile) is the operator's alone.
 *
 * Values of env are secrets: supervise_write() gives the names only.
 */

#include "hub/module.h"
#include "sys/run.h"

#define SUPERVISE_FILE "supervise.json"

enum restart_policy { RESTART_ALWAYS, RESTART_ON_FAILURE, RESTART_NEVER };
/* What becomes of lines beside the ring: a file that is waited for, one that
 * is not (what it does not take at once is a gap in it), none. */
enum log_mode { LOG_MODE_FILE, LOG_MODE_LOSSY, LOG_MODE_MEMORY };
enum setting_from { FROM_DEFAULT, FROM_MODULE, FROM_OPERATOR };

/* Where each stands in from[]; limits and env have theirs beside them. */
enum setting {
	SET_RESTART,
	SET_STOP_SIGNAL,
	SET_STOP_TIMEOUT,
	SET_READY_TIMEOUT,
	SET_DEPENDS_ON,
	SET_RESTART_ON_UNHEALTHY,
	SET_CRITICAL,
	SET_NICE,
	SET_OOM_SCORE,
	SET_ENV_FILE,
	SET_USER,
	SET_LOG_MODE,
	SET_NSETTING
};

struct setting_limit {
	enum setting_from from;         /* FROM_DEFAULT: not set */
	uint64_t value;                 /* RUN_UNLIMITED */
};

struct setting_var {
	enum setting_from from;
	struct str name, value;
};

struct supervise {
	enum restart_policy restart;
	int stop_signal;
	int stop_timeout_ms, ready_timeout_ms;
	const struct str *depends_on;
	size_t ndepends_on;
	bool restart_on_unhealthy, critical;
	int nice, oom_score;            /* as inherited unless set */
	struct str env_file;            /* relative to <home>/<short> or, from
					 * module.json, to its directory */
	struct str user;                /* a name or a number; empty: ours */
	enum log_mode log_mode;
	enum setting_from from[SET_NSETTING];
	struct setting_limit limits[RUN_LIMITS_MAX];    /* as run_limits[] */
	struct setting_var *env;
	size_t nenv;

	/* The operator's file cannot be used: "NAME/supervise.json: line 2
	 * column 9: ..."; ERR_NONE: it can, or there is none. */
	struct err fault;
};

/* What holds without any file. */
void supervise_init(struct supervise *);

/*
 * Lays an object over the values. The author's (FROM_MODULE) never fails but
 * for memory: faults go to problems, as of file. The operator's stops at its
 * first fault: -1, ERR_INVALID, "line L column C: KEY: ...", and *at.
 */
int supervise_merge(struct supervise *, const struct json *, enum setting_from,
		    struct arena *, struct problems *, const char *file,
		    struct json_at *at, struct err *);

/*
 * The whole for one module: defaults, the "supervise" of its manifest, and
 * the operator's file in home. What is wrong in either becomes a problem (when
 * given); a fault of the operator's file is also kept in `fault`, and none of
 * it holds. What it depends on joins the manifest's needs. All text is in the
 * arena. -1: no memory.
 */
int supervise_read(struct supervise *, int home, struct module *,
		   struct arena *, struct problems *, struct err *);

/* The operator's file alone, as it is now. 0: there is none, or it is good;
 * -1: one problem more. */
int supervise_check(int home, const char *short_name, struct problems *,
		    struct arena *);

/* An object: each key in snake_case, and "source". */
void supervise_write(struct jsonw *, const struct supervise *);

#endif
