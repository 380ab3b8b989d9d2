/* SPDX-License-Identifier: MIT */
#ifndef SYS_LOOP_H
#define SYS_LOOP_H

/*
 * The event loop: readiness, timers, signals, one thread.
 *
 * Watches, timers and deferred calls are embedded in the object they serve
 * and found back with CONTAINER(). After loop_init() nothing here allocates.
 * All of them may be added and removed from any handler, their own included;
 * a handler that was removed is not called again, not even for an event that
 * the kernel had already reported. Level-triggered: what is not read is
 * reported again. Timers are monotonic milliseconds and fire in order of
 * their time, those of equal time in the order they were set.
 *
 * A watch must be removed before its descriptor is closed.
 */

#include "base/err.h"
#include "base/list.h"

#include <signal.h>
#include <stdint.h>

enum {
	LOOP_READ  = 1,
	LOOP_WRITE = 2,
	LOOP_HUP   = 4,         /* reported always, never asked for: the other
				 * end is gone, or an error is pending, which
				 * a read or write then tells */
	LOOP_END   = 8,         /* the other end will send no more, whatever
				 * there is still to be read; where the system
				 * tells */
	LOOP_ONE   = 16,        /* asked for only: of several processes that
				 * watch the same listening socket, to wake
				 * one; where the system can */
};

/* Events a turn: a busy few do not keep timers and the others waiting. */
#define LOOP_BATCH 64

struct loop;

struct watch {
	int fd;                 /* -1 while not in a loop */
	unsigned events;        /* of the above, or 0 */
	void (*fn)(struct loop *, struct watch *, unsigned events);
	int slot;               /* the backend's */
};
#define WATCH_INIT(handler) { .fd = -1, .fn = (handler), .slot = -1 }

struct timer {
	int64_t at_ms;
	uint64_t order;
	void (*fn)(struct loop *, struct timer *);
	struct timer *child, *next, *prev;      /* pairing heap */
	bool armed;
};
#define TIMER_INIT(handler) { .fn = (handler) }

/* A call at the end of this turn of the loop, once however often asked. */
struct later {
	struct list node;
	void (*fn)(struct loop *, struct later *);
};

struct loop_backend;

/* What the kernel reported and no handler has heard yet. */
struct loop_event {
	struct watch *watch;    /* NULL: removed in the meantime */
	unsigned events;
};

struct loop {
	struct loop_backend *be;
	struct timer *timers;
	uint64_t order;
	int64_t floor_ms;       /* within timer handlers: the time it is */
	struct list later;
	struct loop_event pending[LOOP_BATCH];
	int npending;
	bool stop, turning;
};

int  loop_init(struct loop *, struct err *);
void loop_release(struct loop *);

/* The loop does not own the descriptor. One watch a descriptor; regular files
 * cannot be watched. */
int  loop_watch(struct loop *, struct watch *, int fd, unsigned events,
		struct err *);
void loop_mask(struct loop *, struct watch *, unsigned events);
void loop_forget(struct loop *, struct watch *);        /* twice is fine */

void loop_at(struct loop *, struct timer *, int64_t at_ms);  /* or moves */
void loop_in(struct loop *, struct timer *, int64_t delay_ms);
void loop_cancel(struct loop *, struct timer *);        /* twice is fine */

void later_init(struct later *, void (*fn)(struct loop *, struct later *));
void loop_later(struct loop *, struct later *);
void later_cancel(struct later *);

/*
 * Calls fn(loop, signo) from the loop for each of the caught signals
 * (a wake-up pipe; several of one kind may become one call). One loop a
 * process may do this. List ends with 0.
 */
int loop_signals(struct loop *, const int *signals,
		 void (*fn)(struct loop *, int signo), struct err *);

/* One turn: waits (at most max_ms, -1 for as long as it takes), dispatches
 * timers, events and later calls. Not from a handler. */
int  loop_turn(struct loop *, int max_ms, struct err *);
int  loop_run(struct loop *, struct err *);     /* until loop_stop() */
void loop_stop(struct loop *);

const char *loop_name(void);    /* "epoll" or "poll" */

#endif
