/* SPDX-License-Identifier: MIT */
#include "sys/loop.h"

#include "base/str.h"
#include "sys/fd.h"
#include "sys/os.h"
#include "sys/ptab.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop loop;

static void turn(int max_ms)
{
	struct err e = { 0 };

	if (loop_turn(&loop, max_ms, &e) < 0)
		tap_ok(false, __FILE__, __LINE__, "turn: %s", e.msg);
}

/* A pipe (or socket pair) whose read end is watched. */
struct line {
	struct watch w;
	int p[2];
	unsigned calls, events;
	void (*then)(struct line *);
	struct line *other;
};

static void on_line(struct loop *l, struct watch *w, unsigned events)
{
	struct line *at = CONTAINER(w, struct line, w);

	(void)l;
	at->calls++;
	at->events = events;
	if (at->then)
		at->then(at);
}

static void line_open(struct line *at, void (*then)(struct line *))
{
	struct err e = { 0 };

	*at = (struct line){ .w = WATCH_INIT(on_line), .then = then };
	if (os_pipe(at->p) < 0 ||
	    loop_watch(&loop, &at->w, at->p[0], LOOP_READ, &e) < 0)
		tap_ok(false, __FILE__, __LINE__, "pipe: %s", e.msg);
}

static void line_put(struct line *at)
{
	if (write(at->p[1], "x", 1) != 1)
		tap_ok(false, __FILE__, __LINE__, "%s", strerror(errno));
}

static void line_get(struct line *at)
{
	char c;

	if (read(at->p[0], &c, 1) != 1)
		tap_ok(false, __FILE__, __LINE__, "%s", strerror(errno));
}

static void line_close(struct line *at)
{
	loop_forget(&loop, &at->w);
	close(at->p[0]);
	if (at->p[1] >= 0)
		close(at->p[1]);
}

static void readiness(void)
{
	struct err e = { 0 };
	struct line a;
	int s[2];

	line_open(&a, NULL);
	turn(0);
	ok(a.calls == 0, "nothing to read, nothing called");
	line_put(&a);
	turn(-1);
	ok(a.calls == 1 && a.events == LOOP_READ, "a byte is reported");
	turn(-1);
	ok(a.calls == 2, "and again, since it was not read");
	line_get(&a);
	turn(0);
	ok(a.calls == 2, "not after that");
	line_put(&a);
	loop_mask(&loop, &a.w, 0);
	turn(0);
	ok(a.calls == 2, "masked: not reported");
	loop_mask(&loop, &a.w, LOOP_READ);
	turn(-1);
	ok(a.calls == 3, "unmasked: reported");
	line_get(&a);
	close(a.p[1]);
	a.p[1] = -1;
	loop_mask(&loop, &a.w, 0);
	turn(-1);
	ok(a.calls == 4 && a.events == LOOP_HUP,
	   "the other end closed: reported without being asked for");
	line_close(&a);
	ok(a.w.fd == -1, "forgotten");
	loop_forget(&loop, &a.w);
	loop_mask(&loop, &a.w, LOOP_READ);
	turn(0);
	ok(a.calls == 4, "twice is fine");

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 ||
	    write(s[1], "x", 1) != 1)
		tap_diag("%s", strerror(errno));
	a = (struct line){ .w = WATCH_INIT(on_line) };
	loop_watch(&loop, &a.w, s[0], LOOP_WRITE, &e);
	turn(-1);
	ok(a.calls == 1 && a.events == LOOP_WRITE, "writable, and only that");
	loop_mask(&loop, &a.w, LOOP_READ | LOOP_WRITE);
	turn(-1);
	ok(a.calls == 2 && a.events == (LOOP_READ | LOOP_WRITE), "both");
	close(s[1]);
	loop_mask(&loop, &a.w, 0);
	turn(-1);
	ok(a.calls == 3 && a.events == LOOP_HUP, "the peer is gone");
	loop_forget(&loop, &a.w);
	ok(loop_watch(&loop, &a.w, s[0], LOOP_READ, &e) == 0, "watched again");
	loop_forget(&loop, &a.w);
	close(s[0]);
}

static unsigned total;

static void kill_self(struct line *at)
{
	total++;
	line_close(at);
	free(at);
}

static void kill_both(struct line *at)
{
	kill_self(at->other);
	kill_self(at);
}

static void mask_other(struct line *at)
{
	loop_mask(&loop, &at->other->w, LOOP_WRITE);
}

/* The same watch on another descriptor, where nothing happens. */
static void move_other(struct line *at)
{
	struct err e = { 0 };
	int was = at->other->p[0];

	loop_forget(&loop, &at->other->w);
	at->other->p[0] = dup(0);
	close(was);
	loop_watch(&loop, &at->other->w, at->p[1], 0, &e);
}

static struct line *two(struct line **b, void (*then)(struct line *))
{
	struct line *a = malloc(sizeof *a);

	*b = malloc(sizeof **b);
	line_open(a, then);
	line_open(*b, then);
	a->other = *b;
	(*b)->other = a;
	line_put(a);
	line_put(*b);
	return a;
}

static void removal(void)
{
	struct line *a, *b;

	total = 0;
	two(&b, kill_self);
	turn(-1);
	ok(total == 2, "both remove and free themselves");

	total = 0;
	two(&b, kill_both);
	turn(-1);
	turn(0);
	ok(total == 2, "the first removes both, the second already reported");

	a = two(&b, mask_other);
	turn(-1);
	total = a->calls + b->calls;
	turn(0);
	ok(total == 1 && a->calls + b->calls <= 2,
	   "a masked event, already reported, is not heard");
	kill_self(a);
	kill_self(b);

	a = two(&b, move_other);
	turn(-1);
	total = a->calls + b->calls;
	ok(total == 1, "nor one of a descriptor watched before");
	loop_forget(&loop, &a->w);
	loop_forget(&loop, &b->w);
	kill_self(a);
	kill_self(b);
}

/* More than a batch, all ready, nobody reads: all are heard, none thrice. */
#define CROWD 200

static unsigned ticks;

static void on_tick(struct loop *l, struct timer *t)
{
	ticks++;
	loop_at(l, t, 0);
}

static void fairness(void)
{
	static struct line crowd[CROWD];
	struct timer tick = TIMER_INIT(on_tick);
	unsigned most = 0, least = 1000, before = 0, sum;
	bool bounded = true;

	for (int i = 0; i < CROWD; i++) {
		line_open(&crowd[i], NULL);
		line_put(&crowd[i]);
	}
	loop_at(&loop, &tick, 0);
	for (int n = 0; n < 4; n++) {
		sum = 0;
		turn(-1);
		for (int i = 0; i < CROWD; i++)
			sum += crowd[i].calls;
		bounded &= sum - before > 0 && sum - before <= LOOP_BATCH;
		before = sum;
	}
	for (int i = 0; i < CROWD; i++) {
		if (crowd[i].calls > most)
			most = crowd[i].calls;
		if (crowd[i].calls < least)
			least = crowd[i].calls;
	}
	ok(bounded, "no turn takes more than a batch");
	ok(least >= 1 && most <= 2, "%d ready, four turns: all heard (%u..%u)",
	   CROWD, least, most);
	ok(ticks == 4, "a timer had its turn each time");
	loop_cancel(&loop, &tick);
	/* Removed from the middle, first and last: the others stay. */
	for (int i = 0; i < CROWD; i += 3)
		loop_forget(&loop, &crowd[i].w);
	for (int i = 0; i < CROWD; i++)
		crowd[i].calls = 0;
	for (int n = 0; n < 4; n++)
		turn(-1);
	bounded = true;
	for (int i = 0; i < CROWD; i++)
		bounded &= (i % 3 != 0) == (crowd[i].calls > 0);
	ok(bounded, "a third removed: exactly the rest is heard");
	for (int i = 0; i < CROWD; i++)
		line_close(&crowd[i]);
}

/* Later calls */

static struct later one, another;
static int calls[2];

static void on_one(struct loop *l, struct later *la)
{
	calls[0]++;
	loop_later(l, la);
	later_cancel(&another);
}

static void on_another(struct loop *l, struct later *la)
{
	(void)l;
	(void)la;
	calls[1]++;
}

static void ask_later(struct line *at)
{
	line_get(at);
	loop_later(&loop, &another);
	loop_later(&loop, &another);
	total = (unsigned)calls[1];
}

static void later_calls(void)
{
	struct line a;

	later_init(&one, on_one);
	later_init(&another, on_another);
	line_open(&a, ask_later);
	line_put(&a);
	turn(-1);
	ok(total == 0 && calls[1] == 1,
	   "asked for twice in a handler: called once, after it");
	turn(0);
	ok(calls[1] == 1, "not again");
	loop_later(&loop, &one);
	loop_later(&loop, &another);
	turn(-1);
	ok(calls[0] == 1 && calls[1] == 1,
	   "asked for before the turn: it does not wait; one removes another");
	turn(-1);
	ok(calls[0] == 2, "one that asks again is called in the next turn");
	later_cancel(&one);
	later_cancel(&one);
	turn(0);
	ok(calls[0] == 2, "removed");
	line_close(&a);
}

/* Signals */

static int signals[65];

static void on_signo(struct loop *l, int signo)
{
	(void)l;
	signals[signo]++;
}

static volatile sig_atomic_t foreign;

static void on_foreign(int signo)
{
	(void)signo;
	foreign++;
}

/* Signals us as soon as we sleep, which must be in the loop. */
static pid_t signal_when_asleep(int signo)
{
	pid_t us = getpid(), pid = fork();
	struct proc p = { .pid = 0 };

	if (pid)
		return pid;
	while (proc_read(us, &p) == 0 && p.state != 'S')
		sched_yield();
	kill(us, signo);
	_exit(0);
}

static void catching(void)
{
	static const int list[] = { SIGCHLD, SIGTERM, SIGUSR1, 0 };
	static const int bad[] = { SIGTERM, SIGKILL, 0 };
	struct sigaction sa = { .sa_handler = on_foreign }, now;
	struct err e = { 0 };
	sigset_t set;
	pid_t pid;

	ok(loop_signals(&loop, bad, on_signo, &e) < 0 && e.code == ERR_INVALID,
	   "one that cannot be caught: %s", e.msg);
	sigaction(SIGTERM, NULL, &now);
	ok(now.sa_handler == SIG_DFL && !fd_count(FD_WAKE),
	   "leaves nothing behind");
	sigaction(SIGUSR2, &sa, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ok(!loop_signals(&loop, list, on_signo, &e), "signals are caught");
	ok(fd_count(FD_WAKE) == 2, "through a pipe that is in the table");
	ok(loop_signals(&loop, list, on_signo, &e) < 0 &&
	   e.code == ERR_EXISTS, "a second time is refused: %s", e.msg);
	sigaction(SIGTERM, NULL, &now);
	ok(now.sa_flags & SA_RESTART, "system calls restart");
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	ok(!signals[SIGTERM], "not before the turn");
	turn(-1);
	ok(signals[SIGTERM] == 1 && signals[SIGUSR1] >= 1,
	   "called from the loop, the one that was blocked too");
	signals[SIGUSR1] = 0;
	for (int i = 0; i < 100000; i++)
		raise(SIGUSR1);
	turn(-1);
	ok(signals[SIGUSR1] == 1, "many become one; a full pipe holds nobody");
	pid = fork();
	if (!pid)
		_exit(0);
	while (!signals[SIGCHLD])
		turn(-1);
	ok(waitpid(pid, NULL, WNOHANG) == pid, "a child's end");
}

static void sleeping(void)
{
	pid_t pid;

	/* A signal may leave a wake-up after it was heard: away with it. */
	turn(0);
	signals[SIGTERM] = signals[SIGCHLD] = 0;
	pid = signal_when_asleep(SIGTERM);
	turn(-1);
	ok(signals[SIGTERM] == 1,
	   "with nothing to do it sleeps until a signal, heard in that turn");
	waitpid(pid, NULL, 0);
	while (!signals[SIGCHLD])
		turn(-1);
	turn(0);
	pid = signal_when_asleep(SIGUSR2);
	turn(-1);
	ok(foreign == 1, "interrupted by a signal of others: no error");
	waitpid(pid, NULL, 0);
}

static void stop_loop(struct line *at)
{
	line_get(at);
	loop_stop(&loop);
}

static void running(void)
{
	struct err e = { 0 };
	struct line a;

	line_open(&a, stop_loop);
	line_put(&a);
	ok(!loop_run(&loop, &e) && a.calls == 1, "runs until it is stopped");
	line_put(&a);
	ok(!loop_run(&loop, &e) && a.calls == 2, "and once more");
	loop_stop(&loop);
	ok(!loop_run(&loop, &e) && a.calls == 2, "stopped before: not at all");
	line_close(&a);
}

static void ending(void)
{
	struct sigaction now;
	struct err e = { 0 };

	loop_release(&loop);
	ok(!fd_count(FD_FREE), "released: no descriptor is left");
	sigaction(SIGTERM, NULL, &now);
	ok(now.sa_handler == SIG_DFL, "nor a handler");
	loop_release(&loop);
	ok(!loop_init(&loop, &e), "a new one");
	turn(0);
	loop_release(&loop);
	ok(!fd_count(FD_FREE), "released as well");
}

int main(void)
{
	struct err e = { 0 };

	alarm(60);
	ok(!loop_init(&loop, &e), "a loop (%s)", loop_name());
	ok(fd_count(FD_FREE) == fd_count(FD_LOOP), "its own in the table");
	readiness();
	removal();
	fairness();
	later_calls();
	catching();
	sleeping();
	running();
	ending();
	return tap_done();
}
