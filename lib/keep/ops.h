/* SPDX-License-Identifier: MIT */
#ifndef KEEP_OPS_H
#define KEEP_OPS_H

/*
 * Operations that clients ask for: start, stop, restart, and waiting.
 *
 * Those on one module take effect in order, one at a time; a stop does not
 * wait its turn: it ends the starts and restarts before it, whose clients are
 * told the state they come to. An operation has taken effect when exec
 * succeeded or failed, or when nothing of the run is left; only then the next
 * one begins. A client that asked for ?wait=ready goes on waiting beside the
 * queue.
 *
 *	POST start --ops_submit--> queue of the module --EV_START--> sup
 *	   answer <--ops_settle-- end of turn, states settled
 *
 * A client that goes away takes back its wait, not its operation.
 */

#include "keep/sup.h"
#include "sys/httpd.h"

enum op_kind { OP_START, OP_STOP, OP_RESTART };

struct op {
	struct list node;       /* in the module's queue, or waiting */
	enum op_kind kind;
	struct mod *mod;
	struct httpd_conn *conn;        /* NULL: nobody waits any more */
	struct ops *ops;
	bool begun, wait;
	bool stuck;             /* and that was told */
	bool ended;             /* by a stop that came after it */
	unsigned tries, downs;  /* the module's, when it began */
	struct timer deadline;
	int timeout_s;
};

/* Which modules are waited for; n 0: all. */
struct ready_set {
	unsigned ids[64];
	size_t n;
};

/* A wait for several modules at once (GET /api/ready?wait=ready). */
struct ready_wait {
	struct list node;
	struct ready_set set;
	struct httpd_conn *conn;
	struct ops *ops;
	struct timer deadline;
	int timeout_s;
};

struct ops {
	struct sup *sup;
	struct op all[OPS_MAX];
	struct list free, waiting;
	struct ready_wait waits[HUB_CONNS_MAX];
	struct list waits_free, waits_busy;
	/* Answers GET /api/ready as things are; the API's. */
	void (*tell_ready)(struct httpd_conn *, struct sup *);
};

void ops_init(struct ops *, struct sup *);

/* Takes the connection and answers it. timeout_s 0: do not wait for ready. */
void ops_submit(struct ops *, struct mod *, enum op_kind, int timeout_s,
		struct httpd_conn *);
void ops_wait_ready(struct ops *, const struct ready_set *, int timeout_s,
		    struct httpd_conn *);

/* Clients that wait for something to become ready; of that peer, if it is not
 * 0 (httpd_peer). */
size_t ops_waiting(const struct ops *, uint64_t peer);

/* The hub is being stopped: starts that wait are overtaken by that stop. */
void ops_close(struct ops *);

/* Once a turn, when something changed: answers what can be answered. */
void ops_settle(struct ops *);
/* A stop that SIGKILL did not complete: its clients are told what is left. */
void ops_stuck(struct ops *, struct mod *);

#endif
