/* SPDX-License-Identifier: MIT */
/* What is seen is taken only when it is done with; small pipes, others. */
#define _GNU_SOURCE
#include "log/intake.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tap.h"

static int waits(int fd)
{
	int n = -1;

	ioctl(fd, FIONREAD, &n);
	return n;
}

static bool sees(struct intake *in, const char *want)
{
	struct err e;

	return intake_fill(in, &e) == 1 && str_is(intake_seen(in), want);
}

static void peeks(void)
{
	struct intake in;
	struct err e;
	int p[2];

	if (pipe(p) < 0 || intake_init(&in, p[0], &e) < 0)
		exit(1);
	ok(intake_fill(&in, &e) == 0 && intake_pause_ms(&in) < 0 && !in.ended,
	   "nothing yet: wait for the pipe");
	write(p[1], "onetwo", 6);
	ok(sees(&in, "onetwo") && waits(p[0]) == 6, "seen, and still there");
	ok(intake_done(&in, 3, &e) == 0 && waits(p[0]) == 3,
	   "taken as far as it is done with");
	ok(sees(&in, "two"), "the rest is seen again");
	intake_done(&in, 0, &e);
	ok(intake_pause_ms(&in) == 1, "a part of a frame: wait some time");
	ok(intake_fill(&in, &e) == 0 && intake_pause_ms(&in) == 2,
	   "nothing more: longer");
	write(p[1], "three", 5);
	ok(sees(&in, "twothree") && intake_done(&in, 8, &e) == 0 &&
	   waits(p[0]) == 0, "more of it came");
	write(p[1], "half", 4);
	ok(sees(&in, "half") && intake_done(&in, 0, &e) == 0, "a half");
	for (int i = 0; i < 20 && intake_pause_ms(&in) >= 0; i++)
		intake_fill(&in, &e);
	ok(sees(&in, "half") && waits(p[0]) == 0,
	   "whose other half does not come is taken");
	intake_done(&in, 0, &e);
	ok(intake_fill(&in, &e) == 0 && intake_pause_ms(&in) < 0,
	   "and then the pipe is waited for");
	write(p[1], "whole", 5);
	ok(sees(&in, "halfwhole") && intake_done(&in, 8, &e) == 0 &&
	   str_is(intake_seen(&in), "e"), "the other half is behind it");
	write(p[1], "nd", 2);
	ok(sees(&in, "end") && intake_done(&in, 3, &e) == 0 &&
	   waits(p[0]) == 0, "a taken rest and what is seen, in one");
	write(p[1], "last", 4);
	close(p[1]);
	ok(sees(&in, "last") && !in.ended && intake_done(&in, 4, &e) == 0,
	   "what is left behind at the end");
	ok(intake_fill(&in, &e) == 0 && in.ended, "the end");
	intake_release(&in);
	close(p[0]);
}

/* A pipe that could not be made larger than what one frame needs. */
static void small(void)
{
	static char bytes[4096];
	struct intake in;
	struct err e;
	int p[2], turns = 0;
	size_t got = 0;

	if (pipe(p) < 0 || intake_init(&in, p[0], &e) < 0 ||
	    fcntl(p[0], F_SETPIPE_SZ, 4096) < 0)
		exit(1);
	in.room = 4096;
	for (; got < 10000 && turns < 100; turns++) {
		fcntl(p[1], F_SETFL, O_NONBLOCK);
		write(p[1], bytes, sizeof bytes);
		if (intake_fill(&in, &e) == 1)
			intake_done(&in, 0, &e);
		got = intake_seen(&in).n;
	}
	ok(got >= 10000 && turns < 10, "a frame larger than its pipe is taken "
	   "piece by piece, at once (%d turns)", turns);
	intake_release(&in);
	close(p[0]);
	close(p[1]);
}

static void others(void)
{
	struct intake in;
	struct err e;
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0 ||
	    intake_init(&in, s[0], &e) < 0)
		exit(1);
	ok(intake_fill(&in, &e) == 0, "a socket: nothing yet");
	write(s[1], "onetwo", 6);
	ok(sees(&in, "onetwo") && waits(s[0]) == 0, "is taken when it is seen");
	ok(intake_done(&in, 3, &e) == 0 && str_is(intake_seen(&in), "two"),
	   "the rest is kept");
	shutdown(s[1], SHUT_WR);
	ok(intake_fill(&in, &e) == 0 && in.ended &&
	   str_is(intake_seen(&in), "two"), "to the end");
	intake_release(&in);
	close(s[0]);
	close(s[1]);
}

int main(void)
{
	alarm(60);
	peeks();
	small();
	others();
	return tap_done();
}
