/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include "tap.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void grows(void)
{
	struct err e = { 0 };
	char want[240];

	ok(err_set(&e, ERR_INVALID, "line %d: %s", 3, "expected ':'") == -1 &&
	   e.code == ERR_INVALID && e.sys == 0 &&
	   !strcmp(e.msg, "line 3: expected ':'"), "set");
	ok(err_wrap(&e, "manifest %s", "/x") == -1 && e.code == ERR_INVALID &&
	   !strcmp(e.msg, "manifest /x: line 3: expected ':'"), "wrapped");
	errno = ENOENT;
	ok(err_sys(&e, "open %s", "f") == -1 && e.sys == ENOENT &&
	   e.code == ERR_NOT_FOUND, "a system error");
	snprintf(want, sizeof want, "open f: %s", strerror(ENOENT));
	ok(!strcmp(e.msg, want), "with its text");
	err_wrap(&e, "a");
	ok(e.sys == ENOENT && e.code == ERR_NOT_FOUND,
	   "wrapping keeps code and errno");
	err_set(&e, ERR_FULL, "full");
	ok(e.sys == 0 && !strcmp(e.msg, "full"), "set anew, nothing is left");
	ok(err_set(NULL, ERR_FULL, "x") == -1 && err_sys(NULL, "x") == -1 &&
	   err_wrap(NULL, "x") == -1, "nobody wants to know");
}

static void codes(void)
{
	static const struct { int sys; enum err_code code; } cases[] = {
		{ ENOENT, ERR_NOT_FOUND }, { EEXIST, ERR_EXISTS },
		{ EADDRINUSE, ERR_EXISTS }, { EACCES, ERR_DENIED },
		{ EPERM, ERR_DENIED }, { ENOMEM, ERR_NO_MEMORY },
		{ ECONNREFUSED, ERR_UNREACHABLE }, { ETIMEDOUT, ERR_TIMEOUT },
		{ EIO, ERR_SYSTEM }, { ENOSPC, ERR_SYSTEM },
	};

	for (size_t i = 0; i < LEN(cases); i++) {
		struct err e = { 0 };

		errno = cases[i].sys;
		err_sys(&e, "x");
		ok(e.code == cases[i].code && e.sys == cases[i].sys,
		   "code of: %s", strerror(cases[i].sys));
	}
}

/* A message too long loses its end, never its context. */
static void is_bounded(void)
{
	char text[400], want[sizeof ((struct err *)0)->msg];
	const size_t most = sizeof want - 1;
	struct err e = { 0 };

	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	err_set(&e, ERR_FAILED, "%s", text);
	ok(strlen(e.msg) == most && !strncmp(e.msg, text, most), "set, cut");
	err_wrap(&e, "home %d", 7);
	memset(want, 'x', most);
	memcpy(want, "home 7: ", 8);
	want[most] = '\0';
	ok(!strcmp(e.msg, want), "the context is whole, the end is cut");
	errno = EIO;
	err_sys(&e, "%s", text);
	ok(strlen(e.msg) == most, "a system error, cut");
	err_wrap(&e, "%s", text);
	ok(strlen(e.msg) == most, "a context that is too long itself");
}

static void aborts(void)
{
	char said[200] = "";
	struct rlimit none = { 0 };
	int p[2], status = 0;
	ssize_t n;
	pid_t pid;

	if (pipe(p) < 0 || (pid = fork()) < 0)
		exit(1);
	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		dup2(p[1], 2);
		BUG("a test");
	}
	close(p[1]);
	n = read(p[0], said, sizeof said - 1);
	close(p[0]);
	waitpid(pid, &status, 0);
	ok(n > 0 && strstr(said, "BUG at ") && strstr(said, ": a test\n") &&
	   strstr(said, "err.c:"), "our own mistakes have a place");
	ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
	   "and end the program");
}

int main(void)
{
	grows();
	codes();
	is_bounded();
	aborts();
	return tap_done();
}
