/* SPDX-License-Identifier: MIT */
#include "sys/loop.h"

#include "base/str.h"
#include "sys/fd.h"
#include "sys/loop_backend.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/*
 * A turn is: wait, run the timers that are due, hand out at most LOOP_BATCH
 * events, run the later calls. Whatever a handler adds waits for the next
 * turn, so no turn is endless.
 *
 * Timers are a pairing heap threaded through themselves: prev is the parent
 * for a first child, else the elder sibling.
 */

#define NOT_IN_TIMERS INT64_MIN
#define SIGNALS_MAX 65

/* The one that catches signals. A handler sees caught and wake only. */
static struct {
	struct loop *loop;
	struct watch watch;
	void (*fn)(struct loop *, int signo);
	struct sigaction was[SIGNALS_MAX];
	bool ours[SIGNALS_MAX];
	int rd;                 /* 0: none; it is never stdin */
} sig;
static volatile sig_atomic_t caught[SIGNALS_MAX];
static volatile sig_atomic_t wake = -1;

int loop_init(struct loop *l, struct err *e)
{
	*l = (struct loop){ .floor_ms = NOT_IN_TIMERS };
	list_init(&l->later);
	l->be = backend_open(e);
	return l->be ? 0 : -1;
}

static void release_signals(void)
{
	int wr = wake;

	for (int s = 1; s < SIGNALS_MAX; s++) {
		if (sig.ours[s])
			sigaction(s, &sig.was[s], NULL);
		sig.ours[s] = false;
		caught[s] = 0;
	}
	loop_forget(sig.loop, &sig.watch);
	wake = -1;
	fd_close(&wr);
	fd_close(&sig.rd);
	sig.loop = NULL;
}

void loop_release(struct loop *l)
{
	if (!l->be)
		return;
	if (sig.loop == l)
		release_signals();
	backend_close(l->be);
	l->be = NULL;
}

/* Watches */

int loop_watch(struct loop *l, struct watch *w, int fd, unsigned events,
	       struct err *e)
{
	if (w->fd >= 0)
		BUG("watched twice");
	w->fd = fd;
	w->events = events;
	w->slot = -1;
	if (backend_add(l->be, w, e) < 0) {
		w->fd = -1;
		return -1;
	}
	return 0;
}

void loop_mask(struct loop *l, struct watch *w, unsigned events)
{
	if (w->fd < 0 || w->events == events)
		return;
	w->events = events;
	backend_mask(l->be, w);
}

void loop_forget(struct loop *l, struct watch *w)
{
	if (w->fd < 0)
		return;
	backend_remove(l->be, w);
	w->fd = -1;
	w->slot = -1;
	for (int i = 0; i < l->npending; i++)
		if (l->pending[i].watch == w)
			l->pending[i].watch = NULL;
}

/* Timers */

static bool before(const struct timer *a, const struct timer *b)
{
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms;
	return a->order < b->order;
}

/* Of two heaps without siblings one. */
static struct timer *meld(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a || !b)
		return a ? a : b;
	if (before(b, a)) {
		t = a;
		a = b;
		b = t;
	}
	b->prev = a;
	b->next = a->child;
	if (a->child)
		a->child->prev = b;
	a->child = b;
	return a;
}

/* Children become one heap: in pairs from the left, then from the right. */
static struct timer *meld_all(struct timer *first)
{
	struct timer *pairs = NULL, *root = NULL, *next;

	while (first) {
		struct timer *a = first, *b = a->next;

		next = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = meld(a, b);
		a->next = pairs;
		pairs = a;
		first = next;
	}
	for (; pairs; pairs = next) {
		next = pairs->next;
		pairs->next = NULL;
		root = meld(root, pairs);
	}
	return root;
}

void loop_cancel(struct loop *l, struct timer *t)
{
	struct timer *below;

	if (!t->armed)
		return;
	below = meld_all(t->child);
	if (l->timers == t) {
		l->timers = below;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		l->timers = meld(l->timers, below);
	}
	t->child = t->next = t->prev = NULL;
	t->armed = false;
}

/*
 * A timer handler that sets a time in the past, again and again, would come
 * first for ever; so within timer handlers nothing is earlier than now.
 */
void loop_at(struct loop *l, struct timer *t, int64_t at_ms)
{
	loop_cancel(l, t);
	t->at_ms = at_ms < l->floor_ms ? l->floor_ms : at_ms;
	t->order = l->order++;
	t->armed = true;
	l->timers = meld(l->timers, t);
}

void loop_in(struct loop *l, struct timer *t, int64_t delay_ms)
{
	loop_at(l, t, os_now_ms() + delay_ms);
}

static void run_timers(struct loop *l)
{
	uint64_t end = l->order;
	struct timer *t = l->timers;

	if (!t)
		return;
	l->floor_ms = os_now_ms();
	for (; t && t->at_ms <= l->floor_ms && t->order < end; t = l->timers) {
		loop_cancel(l, t);
		t->fn(l, t);
	}
	l->floor_ms = NOT_IN_TIMERS;
}

/* Later calls */

void later_init(struct later *la, void (*fn)(struct loop *, struct later *))
{
	list_init(&la->node);
	la->fn = fn;
}

void loop_later(struct loop *l, struct later *la)
{
	if (list_empty(&la->node))
		list_append(&l->later, &la->node);
}

void later_cancel(struct later *la)
{
	list_remove(&la->node);
}

static void run_later(struct loop *l)
{
	struct list now;

	if (list_empty(&l->later))
		return;
	/* Takes the place of l->later, which is then empty. */
	list_append(&l->later, &now);
	list_remove(&l->later);
	while (!list_empty(&now)) {
		struct later *la = CONTAINER(now.next, struct later, node);

		list_remove(&la->node);
		la->fn(l, la);
	}
}

/* Signals */

static void on_signal(int signo)
{
	int err = errno;

	caught[signo] = 1;
	/* Full is as good: then it wakes the loop already. */
	if (wake >= 0 && write(wake, "", 1) < 0)
		errno = err;
	errno = err;
}

static void on_wake(struct loop *l, struct watch *w, unsigned events)
{
	char buf[64];

	(void)events;
	/* Emptied first: what comes after it writes again. */
	while (read(w->fd, buf, sizeof buf) == (ssize_t)sizeof buf)
		;
	for (int s = 1; s < SIGNALS_MAX; s++) {
		if (!caught[s])
			continue;
		caught[s] = 0;
		sig.fn(l, s);
		if (sig.loop != l)
			return;
	}
}

static int wake_pipe(struct loop *l, struct err *e)
{
	int p[2];

	if (os_pipe(p) < 0)
		return err_sys(e, "wake-up pipe");
	p[0] = fd_own(p[0], FD_WAKE, 0);
	p[1] = fd_own(p[1], FD_WAKE, 0);
	sig.watch = (struct watch)WATCH_INIT(on_wake);
	if (p[0] < 0 || p[1] < 0 || os_set_nonblock(p[0]) < 0 ||
	    os_set_nonblock(p[1]) < 0) {
		err_sys(e, "wake-up pipe");
	} else if (!loop_watch(l, &sig.watch, p[0], LOOP_READ, e)) {
		sig.rd = p[0];
		wake = p[1];
		return 0;
	}
	fd_close(&p[0]);
	fd_close(&p[1]);
	return -1;
}

int loop_signals(struct loop *l, const int *signals,
		 void (*fn)(struct loop *, int signo), struct err *e)
{
	struct sigaction sa = {
		.sa_handler = on_signal,
		.sa_flags = SA_RESTART | SA_NOCLDSTOP,
	};
	sigset_t mask;

	if (sig.loop)
		return err_set(e, ERR_EXISTS, "signals are caught already");
	if (wake_pipe(l, e) < 0)
		return -1;
	sig.loop = l;
	sig.fn = fn;
	sigfillset(&sa.sa_mask);
	sigemptyset(&mask);
	for (; *signals; signals++) {
		int s = *signals;

		if (s < 1 || s >= SIGNALS_MAX || sig.ours[s] ||
		    sigaction(s, &sa, &sig.was[s]) < 0) {
			err_set(e, ERR_INVALID, "signal %d cannot be caught",
				s);
			release_signals();
			return -1;
		}
		sig.ours[s] = true;
		sigaddset(&mask, s);
	}
	/* Whoever started us may have left them blocked. */
	sigprocmask(SIG_UNBLOCK, &mask, NULL);
	return 0;
}

/* Turning */

static int timeout_of(const struct loop *l, int max_ms)
{
	int64_t left;

	if (!list_empty(&l->later))
		return 0;
	if (!l->timers)
		return max_ms;
	left = l->timers->at_ms - os_now_ms();
	if (left <= 0)
		return 0;
	if (left > INT_MAX)
		left = INT_MAX;
	return max_ms >= 0 && max_ms < left ? max_ms : (int)left;
}

static void run_pending(struct loop *l)
{
	for (int i = 0; i < l->npending; i++) {
		struct loop_event ev = l->pending[i];

		l->pending[i].watch = NULL;
		if (!ev.watch)
			continue;
		ev.events &= ev.watch->events | LOOP_HUP;
		if (ev.events)
			ev.watch->fn(l, ev.watch, ev.events);
	}
	l->npending = 0;
}

int loop_turn(struct loop *l, int max_ms, struct err *e)
{
	int n;

	if (l->turning)
		BUG("the loop is turned from a handler");
	n = backend_wait(l->be, l->pending, LOOP_BATCH, timeout_of(l, max_ms));
	/* What interrupted the wait is in the wake-up pipe by now. */
	while (n < 0 && errno == EINTR)
		n = backend_wait(l->be, l->pending, LOOP_BATCH, 0);
	if (n < 0)
		return err_sys(e, "%s", loop_name());
	l->npending = n;
	l->turning = true;
	run_timers(l);
	run_pending(l);
	run_later(l);
	l->turning = false;
	return 0;
}

int loop_run(struct loop *l, struct err *e)
{
	while (!l->stop)
		if (loop_turn(l, -1, e) < 0)
			return -1;
	l->stop = false;
	return 0;
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
