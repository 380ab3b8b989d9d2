/* SPDX-License-Identifier: MIT */
#ifndef HUB_OWNER_H
#define HUB_OWNER_H

/*
 * To whom a process belongs, by evidence. Each kind is proof by itself; a pid
 * alone is none, and what cannot be read is "unknown", never "no".
 *
 *	evidence   read from                 stays through        gone with
 *	record     pid and start time of     everything           the leader
 *	           a leader, written before
 *	           it ran
 *	descent    parents in /proc, up to   env -i, setsid       double fork
 *	           a leader or a marked one                       of a dead one
 *	session    /proc/PID/stat            env -i, double fork  setsid
 *	cgroup     /proc/PID/cgroup, where   all of these         moving itself
 *	           it has one of its own                          out of it
 *	limit      RLIMIT_MSGQUEUE in        all of these         lowering it
 *	           /proc/PID/limits
 *	mark       PC_OWNER in the first     setsid, double fork  env -i, an
 *	           environment                                    overwritten one
 *
 * The limit is an odd number, one of a window below our own (819,200 bytes by
 * default). No POSIX message queue is made with limits like these, and one
 * that is has room enough. Token and window are drawn once for a home and a
 * boot of the host, so a keeper knows what one before it has left behind;
 * pids and start times mean something within that boot alone.
 *
 * A session number is proof only while its own leader is known to be alive,
 * or below a keeper that was told of its end: else it may be another's.
 */

#include "base/err.h"
#include "sys/ptab.h"

#define OWNER_TOKEN 33          /* 32 hexadecimal digits and NUL */
#define OWNER_ENV   "PC_OWNER"
#define OWNER_GROUP "pc-"       /* and PC_OWNER's value: a cgroup's name */

struct owner {
	char token[OWNER_TOKEN];
	uint64_t limits;        /* first of the window; 0: no such marks here */
	bool too_high;          /* above what this keeper may set: only read */
};

int owner_draw(struct owner *, struct err *);
/* Takes over what a keeper before this one drew. */
void owner_take(struct owner *, const char *token, uint64_t limits);

/* What a module is started with: RLIMIT_MSGQUEUE (0: none), and the value of
 * PC_OWNER into out. */
uint64_t owner_limit(const struct owner *, unsigned id);
#define OWNER_VALUE (OWNER_TOKEN + 11)
void owner_value(const struct owner *, unsigned id, char out[OWNER_VALUE]);

/* The id that a limit or a PC_OWNER stands for, of those up to last; 0: it is
 * none of ours. Limits go round: the newest that had this one. */
unsigned owner_of_limit(const struct owner *, uint64_t limit, unsigned last);
unsigned owner_of_value(const struct owner *, struct str value,
			unsigned last);

/* The same of the path in its /proc/PID/cgroup. */
unsigned owner_of_group(const struct owner *, struct str path, unsigned last);

/* What the asker knows of one module. */
struct claim {
	unsigned id;
	pid_t leader;           /* 0: none, or gone */
	uint64_t start;         /* its; 0: it is our child, not yet reaped */
	pid_t sid;              /* session of its run; 0: none */
};

struct claims {
	const struct owner *owner;
	const struct claim *all;
	size_t n;
	unsigned last_id;
	bool live;              /* of a keeper that is told of every exit */
	bool groups;            /* modules have cgroups here */
	bool wary;              /* of what anybody can put on: all marks but
				 * the cgroup */
};

/*
 * Whose p is, by what is its own (all but descent); 0: nothing says so.
 * Live claims are for processes below the keeper.
 */
unsigned owner_of(const struct claims *, const struct ptab *,
		  const struct proc *p);

/*
 * The same with descent: the first of p and its parents, up to but not
 * including root, that leads a run or is in its session; else the first that
 * is marked, for marks can be forged. root 0: all of them.
 */
unsigned owner_of_line(const struct claims *, const struct ptab *,
		       const struct proc *p, pid_t root);

#endif
