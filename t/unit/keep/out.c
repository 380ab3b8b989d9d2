/* SPDX-License-Identifier: MIT */
#include "keep/out.h"

#include "sys/os.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop loop;
static struct out out;
static char got[8 << 20];
static size_t got_n;

static void bail(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

static void turn(int ms)
{
	if (loop_turn(&loop, ms, NULL) < 0)
		bail("loop");
}

/* All that can happen without anything new from outside. */
static void settle(void)
{
	for (int i = 0; i < 20; i++)
		turn(0);
}

static void line(const char *who, const char *text)
{
	out_line(&out, str_of(who), str_of(text));
}

static void begin(int fd)
{
	out_init(&out, &loop, fd);
	got_n = 0;
}

/* A watch must be removed before its descriptor is closed. */
static void end(void)
{
	loop_forget(&loop, &out.watch);
	loop_cancel(&loop, &out.retry);
	later_cancel(&out.flush);
}

/* Reads what is there; the descriptor does not block. */
static bool take(int fd)
{
	ssize_t n = read(fd, got + got_n, sizeof got - 1 - got_n);

	if (n > 0)
		got_n += (size_t)n;
	got[got_n] = '\0';
	return n > 0;
}

static void take_all(int fd)
{
	while (take(fd))
		settle();
}

static void pipe_for(int p[2])
{
	if (os_pipe(p) < 0 || os_set_nonblock(p[0]) < 0)
		bail("pipe");
	begin(p[1]);
}

static void plain_lines(void)
{
	int p[2];

	pipe_for(p);
	line("vault", "hello");
	line("scribe", "");
	out_line(&out, STR("x"), STR_NULL);
	line("supervisor", "bye");
	ok(!take(p[0]), "nothing before the end of the turn");
	settle();
	take(p[0]);
	ok(!strcmp(got, "[vault] hello\n[scribe] \n[x] \n"
		   "[supervisor] bye\n"), "then all of it, in order");
	ok(!(fcntl(p[1], F_GETFL) & O_NONBLOCK),
	   "the flags of the descriptor are left alone");
	line("a", "last words");
	out_flush(&out);
	take(p[0]);
	ok(strstr(got, "[a] last words\n"), "flushed, without a turn");
	end();
	close(p[0]);
	close(p[1]);
}

/*
 * Nobody reads the pipe, which blocks: a write would never return. Then
 * somebody does, and gets every line or the number of those that are gone.
 */
static void full_pipe(void)
{
	unsigned long next = 0, gaps = 0, n, k;
	bool order = true;
	uint64_t lost;
	char text[64];
	int p[2];

	pipe_for(p);
	for (n = 0; n < 40000; n++) {
		snprintf(text, sizeof text, "line %lu", n);
		line("m", text);
		if (n % 100 == 0)
			turn(0);
	}
	settle();
	lost = out.dropped_total;
	ok(lost > 1000 && lost == out.dropped, "%llu of 40000 lines dropped",
	   (unsigned long long)lost);
	ok(loop_turn(&loop, 0, NULL) == 0 && out.fd == p[1],
	   "and it goes on");
	take_all(p[0]);
	line("m", "after");
	settle();
	take_all(p[0]);

	for (char *at = got, *nl; (nl = strchr(at, '\n')); at = nl + 1) {
		*nl = '\0';
		if (sscanf(at, "[m] line %lu", &k) == 1) {
			order = order && k == next;
			next = k + 1;
		} else if (sscanf(at, "[supervisor] %lu lines dropped", &k)
			   == 1) {
			gaps++;
			next += k;
		} else if (strcmp(at, "[m] after") != 0) {
			tap_diag("what is this: %s", at);
			order = false;
		}
	}
	ok(order && next == 40000, "all lines, in order, or how many are gone");
	ok(gaps >= 1 && !out.dropped && out.dropped_total == lost,
	   "which is said once: %lu", gaps);
	end();
	close(p[0]);
	close(p[1]);
}

/* What fits is no reason to be late: nothing spins, nothing is lost. */
static void slow_reader(void)
{
	static char text[60000];
	int p[2], turns = 0;
	size_t n = 0;

	memset(text, 'x', sizeof text - 1);
	pipe_for(p);
	line("a", text);
	line("b", text);
	settle();
	ok(!out.dropped_total && out.watch.fd >= 0, "it waits for room");
	settle();
	ok(out.watch.fd >= 0 && !out.retry.armed, "for as long as it takes");
	while (n < 2 * (sizeof text - 1 + 5)) {
		got_n = 0;
		while (read(p[0], got, 4096) > 0)
			n += 4096;
		turn(0);
		if (++turns > 10000)
			break;
	}
	take_all(p[0]);
	settle();
	ok(out.start == out.end && out.watch.fd < 0 && !out.retry.armed,
	   "all written, and nothing is waited for");
	end();
	close(p[0]);
	close(p[1]);
}

static void nobody_there(void)
{
	int p[2];

	pipe_for(p);
	line("a", "x");
	close(p[0]);
	settle();
	ok(out.fd == -1 && out.watch.fd < 0, "EPIPE: it is over");
	line("a", "y");
	settle();
	out_flush(&out);
	ok(out.fd == -1 && !out.dropped, "and stays so, in silence");
	end();
	close(p[1]);

	/* The reader goes away while lines wait for it. */
	pipe_for(p);
	for (int i = 0; i < 30000; i++)
		line("a", "some line");
	settle();
	ok(out.fd == p[1] && out.watch.fd >= 0, "it waits");
	close(p[0]);
	settle();
	ok(out.fd == -1 && out.watch.fd < 0, "in vain");
	end();
	close(p[1]);
}

static void regular_file(void)
{
	char name[] = "/tmp/pc-out-XXXXXX";
	int fd = mkstemp(name);
	off_t size = 0;

	if (fd < 0)
		bail(name);
	unlink(name);
	begin(fd);
	for (int i = 0; i < 20000; i++) {
		line("file", "0123456789");
		size += 7 + 11;
	}
	settle();
	ok(lseek(fd, 0, SEEK_END) == size && !out.dropped_total,
	   "a file takes it all");
	end();
	close(fd);
}

/* Writable, it says, and takes nothing: neither spinning nor giving up. */
static void full_disk(void)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	if (fd < 0) {
		ok(true, "no /dev/full # SKIP");
		return;
	}
	begin(fd);
	line("a", "x");
	settle();
	ok(out.fd == fd && out.retry.armed && out.end > out.start,
	   "no space: tried again later");
	for (int i = 0; i < 3; i++) {
		int64_t was = out.retry.at_ms;

		while (out.retry.at_ms == was)
			turn(-1);
		if (!out.retry.armed || out.fd != fd)
			break;
	}
	ok(out.retry.armed && out.fd == fd, "and again");
	for (int i = 0; i < 30000; i++)
		line("a", "some line");
	settle();
	ok(out.dropped > 0 && out.fd == fd, "bounded meanwhile");
	end();
	close(fd);
}

static void a_socket(void)
{
	int p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p) < 0 ||
	    os_set_nonblock(p[0]) < 0)
		bail("socketpair");
	begin(p[1]);
	for (int i = 0; i < 60000; i++)
		line("s", "0123456789");
	settle();
	ok(out.dropped_total > 0 && out.fd == p[1], "a socket that is full");
	take_all(p[0]);
	ok(!out.dropped && strstr(got, " lines dropped: "), "and emptied");
	close(p[0]);
	line("s", "x");
	settle();
	ok(out.fd == -1, "and closed");
	end();
	close(p[1]);
}

int main(void)
{
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	alarm(240);
	if (loop_init(&loop, &e) < 0)
		bail(e.msg);
	plain_lines();
	full_pipe();
	slow_reader();
	nobody_there();
	regular_file();
	full_disk();
	a_socket();
	loop_release(&loop);
	return tap_done();
}
