/* SPDX-License-Identifier: MIT */
#ifndef KEEP_CREW_H
#define KEEP_CREW_H

/*
 * Programs of our own that the keeper keeps: the log writer, the workers of
 * the front door. They are found beside our own executable, are no modules,
 * and have no budget: one that ends is started again at once, after
 * CREW_DEATHS of them in a second every CREW_PAUSE_MS, unless its owner says
 * that it is to rest. What they say comes line by line to `heard`.
 *
 * A program that is not there is said once and tried again by crew_retry().
 */

#include "keep/lines.h"
#include "sys/loop.h"

#include <sys/types.h>

#define CREW_DEATHS   5
#define CREW_PAUSE_MS 100

struct crew;
struct crew_member;

enum crew_next {
	CREW_AGAIN,
	CREW_REST,              /* until crew_go() */
};

struct crew_out {
	struct watch watch;
	struct lines lines;
	struct crew_member *member;
	int fd;
};

struct crew_member {
	/* The owner's, before crew_start(). */
	const char *name;       /* of the program; static */
	char *const *argv;
	char *const *environ;   /* NULL: the crew's */
	int in;                 /* its stdin; 0: /dev/null. Not taken over */
	const int *extra;       /* its 3, 4, ...; not taken over either */
	size_t nextra;
	bool passing;           /* it does one thing and ends */
	bool outlives;          /* no signal when the keeper dies: it ends by
				 * itself once it has done what it was given */
	/* stream 0 stdout, 1 stderr */
	void (*heard)(struct crew_member *, int stream, struct str line);
	/* It ended (waitpid's status); NULL: always CREW_AGAIN. */
	enum crew_next (*ended)(struct crew_member *, int status);
	/* It runs anew (true), or is missing (false). */
	void (*turned)(struct crew_member *, bool there);
	void *ctx;

	struct list node;
	struct crew *crew;
	pid_t pid;              /* 0: does not run */
	int outcome;            /* exec's; -1 */
	struct watch outcome_watch;
	uint64_t deaths;
	int64_t died_ms[CREW_DEATHS];   /* the last ones, in a ring */
	bool missing;
	bool hasty;             /* it ends again and again, which was said */
	bool leaving;           /* status 0 is its proper end now */
	char error[160];        /* why it does not run; "" */
	struct timer again;
	struct crew_out out[2];
	char *tails;            /* of its output's lines */
};

struct crew {
	struct loop *loop;
	char dir[4096];         /* ours; "": not known */
	char *const *environ;
	uint64_t nofile;        /* soft limit for them; 0: ours */
	struct list members;
};

/* argv0 where the system does not say what we are. */
void crew_init(struct crew *, struct loop *, const char *argv0,
	       char *const *environ);
void crew_start(struct crew *, struct crew_member *);
/* The same for one that rests until crew_go(), which starts what neither runs
 * nor is about to. */
void crew_add(struct crew *, struct crew_member *);
void crew_go(struct crew_member *);
void crew_retry(struct crew *);         /* those that are missing */
/* A child was reaped: false when it is none of ours. */
bool crew_reaped(struct crew *, pid_t, int status);
bool crew_has(const struct crew *, pid_t);
/* Before it is told to end: from now on it may. */
void crew_dismiss(struct crew_member *);
/* Forgets it, running or not. */
void crew_release(struct crew_member *);

#endif
