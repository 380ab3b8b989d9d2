/* SPDX-License-Identifier: MIT */
#ifndef KEEP_WORKERS_H
#define KEEP_WORKERS_H

/*
 * The front door as the keeper sees it: processes pc-front, some of the crew,
 * that take the listening sockets over, and `pc-front --prepare`, which makes
 * the files they need (hub.db, keys, operator.token), before they start and
 * whenever it is asked for.
 *
 *	           workers_start          asked for, hub.db gone (75)
 *	                |                       |
 *	                v                       v
 *	  (nothing) -> preparing ----------> preparing again
 *	                |  ends, well or not,   |
 *	                |  or takes too long    |
 *	                v                       v
 *	             workers run <------- those that rest run
 *	                |
 *	                +-- another version (69): rests, with the reason
 *	                +-- any other end: started again at once (keep/crew)
 *
 * A worker speaks in lines on its stdout: "ready", "sandbox TEXT", "db TEXT",
 * "hijacked TEXT" (without TEXT: no more), "prepare TEXT". Its stderr is the
 * log of the front. The doors answer nobody while a worker may be about to,
 * however often it is killed; where none can serve they accept and close.
 *
 * workers_renew() replaces each by a successor, one after the other: the new
 * one is ready before the old one is told to leave.
 */

#include "keep/crew.h"
#include "keep/door.h"
#include "keep/source.h"

#define WORKERS_MAX     16
#define WORKERS_DEFAULT 4       /* at most, and one a processor */

#define WORKERS_LEAVE_MS 100    /* after the last module is down */
#define PREPARE_MS 30000        /* then they start without: a key takes one
				 * second, a slow disk some */

/* Ends that mean something: enum front_exit of the front door. */
#define WORKER_OTHER_VERSION 69
#define WORKER_NO_DATABASE   75

struct worker {
	struct crew_member member;
	struct workers *all;
	bool ready;
	bool able;              /* it was ready, and has not failed to be since */
	bool retired;           /* has a successor, or is to get one */
	char sandbox[200], db[64];
};

struct workers {
	struct doors *doors;
	struct source *log;
	size_t n;               /* how many there are to be; 0: no front */
	/* One more than WORKERS_MAX: the place of a successor. */
	struct worker each[WORKERS_MAX + 1];
	struct crew_member prepare;
	bool preparing, prepare_again, renewing, stopping;
	bool late;              /* the one that runs took too long */
	int64_t prepared_ms;    /* when it was begun last */
	struct timer later;     /* not again and again without a pause */
	struct timer patience;  /* with one that does not end */
	char prepare_said[200];         /* the last line of the one that runs */
	char prepare_error[200];        /* how the last one failed; "" */
	char hijacked[160];
	char **environ;
	char *argv[8], *prepare_argv[9];
	int fds[2];
	size_t nfds;
	char port[8], home[4096], instance[37];
};

/* n 0: the default. The doors are open. Said when there is no memory. */
void workers_start(struct workers *, struct crew *, struct doors *,
		   struct source *log, const char *home, uint16_t port,
		   size_t n);
/* Both false when there is no front door, or it has no worker to renew. */
bool workers_prepare(struct workers *);
bool workers_renew(struct workers *);

/* Tells them to leave; true once all are gone. */
bool workers_stop(struct workers *);
void workers_release(struct workers *);         /* SIGKILL to who is left */

#endif
