/* SPDX-License-Identifier: MIT */
/* Several processes with one listening socket; how a peer's end is told. */
#include "sys/loop.h"

#include "sys/net.h"
#include "sys/os.h"
#include "sys/ptab.h"
#include "tap.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 4
#define ROUNDS  50

static struct loop loop;
static struct watch watch;
static int told;
static unsigned heard;

static void on_event(struct loop *l, struct watch *w, unsigned events)
{
	(void)l;
	(void)w;
	told++;
	heard = events;
}

static int connect_to(uint16_t port)
{
	struct err e;

	/* On loopback the handshake is over when the call returns. */
	return net_connect_tcp("127.0.0.1", port, &e);
}

static void watch_it(int fd, unsigned events)
{
	struct err e = { 0 };

	watch = (struct watch)WATCH_INIT(on_event);
	if (loop_init(&loop, &e) < 0 ||
	    loop_watch(&loop, &watch, fd, events, &e) < 0)
		printf("Bail out! %s\n", e.msg);
}

/* What else wakes a worker: the end of the test. */
static void on_end(struct loop *l, struct watch *w, unsigned events)
{
	(void)w;
	(void)events;
	loop_stop(l);
}

static int say_to;

static void on_connection(struct loop *l, struct watch *w, unsigned events)
{
	int fd = os_accept(w->fd);

	(void)l;
	(void)events;
	if (fd >= 0 && write(say_to, "y", 1) != 1)
		_exit(1);
	if (fd >= 0)
		close(fd);
}

_Noreturn static void work(int fd, int until)
{
	struct watch end = WATCH_INIT(on_end);
	struct err e;

	watch_it(fd, LOOP_READ | LOOP_ONE);
	watch.fn = on_connection;
	if (loop_watch(&loop, &end, until, LOOP_READ, &e) < 0 ||
	    loop_run(&loop, &e) < 0)
		_exit(1);
	_exit(0);
}

static void wait_asleep(const pid_t *pids)
{
	struct proc p = { .pid = 0 };

	for (int i = 0; i < WORKERS; i++)
		while (proc_read(pids[i], &p) == 0 && p.state != 'S')
			sched_yield();
}

/* How often it fell asleep, and was woken. */
static long wakes_of(pid_t pid)
{
	struct rusage u = { .ru_nvcsw = 0 };

	wait4(pid, NULL, 0, &u);
	return u.ru_nvcsw;
}

/* Of several that sleep one is woken for each that connects. */
static void test_one(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e), says[2], end[2], c;
	int taken = 0;
	long wakes = 0;
	pid_t pids[WORKERS];
	char said;

	if (fd < 0 || os_pipe(says) < 0 || os_pipe(end) < 0) {
		ok(false, "set up");
		return;
	}
	say_to = says[1];
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (!pids[i]) {
			close(end[1]);
			work(fd, end[0]);
		}
	}
	close(says[1]);
	for (int i = 0; i < ROUNDS; i++) {
		wait_asleep(pids);
		c = connect_to(port);
		taken += read(says[0], &said, 1) == 1;
		close(c);
	}
	close(end[1]);
	for (int i = 0; i < WORKERS; i++)
		wakes += wakes_of(pids[i]);
	ok(taken == ROUNDS, "%d connections taken", taken);
	/* With all of them it were four times as many as there are rounds. */
	if (!strcmp(loop_name(), "epoll"))
		ok(wakes < ROUNDS * 2, "by %ld wake-ups", wakes);
	close(says[0]);
	close(end[0]);
	close(fd);
}

/* When descriptors are short a server asks no more, for a while. */
static void test_mask(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e), c = connect_to(port);

	watch_it(fd, LOOP_READ | LOOP_ONE);
	loop_turn(&loop, 0, NULL);
	loop_turn(&loop, 0, NULL);
	ok(told == 2 && heard == LOOP_READ, "told as long as nobody takes it");
	loop_mask(&loop, &watch, 0);
	loop_turn(&loop, 0, NULL);
	ok(told == 2, "not asked: not told");
	loop_mask(&loop, &watch, LOOP_READ | LOOP_ONE);
	loop_turn(&loop, 0, NULL);
	ok(told == 3, "asked again: told");
	loop_mask(&loop, &watch, LOOP_READ);
	loop_turn(&loop, 0, NULL);
	ok(told == 4, "alone as well");
	loop_forget(&loop, &watch);
	loop_release(&loop);
	close(c);
	close(fd);
}

static void test_end(void)
{
	struct err e = { 0 };
	uint16_t port = 0;
	int fd = net_listen_tcp("127.0.0.1", &port, &e), peer, mine;

	peer = connect_to(port);
	mine = os_accept(fd);
	watch_it(mine, LOOP_END);
	told = 0;
	if (send(peer, "x", 1, MSG_NOSIGNAL) != 1)
		printf("Bail out! send\n");
	loop_turn(&loop, 0, NULL);
	ok(!told, "it speaks: that was not asked for");
	shutdown(peer, SHUT_WR);
	loop_turn(&loop, -1, NULL);
	ok(told == 1 && heard == LOOP_END,
	   "it has ended: told, though there is something to read");
	loop_mask(&loop, &watch, 0);
	loop_turn(&loop, 0, NULL);
	ok(told == 1, "not asked: not told");
	loop_forget(&loop, &watch);
	loop_release(&loop);
	close(peer);
	close(mine);
	close(fd);
}

int main(void)
{
	alarm(60);
	test_one();
	test_mask();
	test_end();
	return tap_done();
}
