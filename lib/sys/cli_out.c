/* SPDX-License-Identifier: MIT */
#include "sys/cli.h"

#include "base/arena.h"
#include "base/fmt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char out[65536];
static size_t out_len;
static bool wrote;
static int failed;              /* the first errno of stdout, kept */

/* Well-formed UTF-8 sequence at p: its length, or 0 (RFC 3629, table 3-7). */
static size_t utf8_len(const unsigned char *p)
{
	unsigned char lo = 0x80, hi = 0xbf;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

size_t cli_clean(char *text)
{
	unsigned char *p = (unsigned char *)text, *to = p;
	size_t count = 0;

	for (; *p; count++) {
		size_t n = utf8_len(p);
		/* C1 controls steer terminals as C0 do. */
		bool bad = !n || *p < 0x20 || *p == 0x7f ||
			   (*p == 0xc2 && p[1] < 0xa0);

		if (bad) {
			*to++ = '?';
		} else {
			for (size_t i = 0; i < n; i++)
				*to++ = p[i];
		}
		p += n ? n : 1;
	}
	*to = '\0';
	return count;
}

/* Dies as `yes | head` does, whatever we inherited. */
static void reader_gone(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	raise(SIGPIPE);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(EXIT_FAILED);
}

/* Somebody may have made the descriptor non-blocking for all who share it. */
static void wait_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	poll(&p, 1, -1);
}

static int write_all(int fd, struct str s)
{
	while (s.n) {
		ssize_t n = write(fd, s.p, s.n);

		if (n >= 0)
			s = str_skip(s, (size_t)n);
		else if (errno == EAGAIN)
			wait_writable(fd);
		else if (errno != EINTR)
			return -1;
	}
	return 0;
}

static void emit(struct str s)
{
	if (failed || !s.n)
		return;
	wrote = true;
	if (write_all(STDOUT_FILENO, s) == 0)
		return;
	failed = errno;
	if (failed == EPIPE)
		reader_gone();
}

void cli_flush(void)
{
	size_t n = out_len;

	out_len = 0;
	emit((struct str){ out, n });
}

void cli_put(struct str s)
{
	if (s.n > sizeof out - out_len)
		cli_flush();
	if (s.n > sizeof out) {
		emit(s);
		return;
	}
	if (s.n)
		memcpy(out + out_len, s.p, s.n);
	out_len += s.n;
}

void cli_printf(const char *fmt, ...)
{
	char line[1024], *text = line;
	struct arena a;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = fmt_va(line, sizeof line, fmt, ap);
	va_end(ap);
	if (n < 0) {
		failed = failed ? failed : errno;
		return;
	}
	arena_init(&a, SIZE_MAX);
	if ((size_t)n >= sizeof line) {
		text = arena_alloc(&a, (size_t)n + 1);
		if (text) {
			va_start(ap, fmt);
			fmt_va(text, (size_t)n + 1, fmt, ap);
			va_end(ap);
		}
	}
	if (text)
		cli_put((struct str){ text, (size_t)n });
	else
		failed = failed ? failed : ENOMEM;
	arena_release(&a);
}

int cli_finish(int status)
{
	cli_flush();
	/* A file on a network says only at close that it is full. */
	if (!failed && wrote && close(STDOUT_FILENO) < 0 && errno != EINTR)
		failed = errno;
	if (!failed)
		return status;
	cli_say_error("standard output: %s", strerror(failed));
	return EXIT_FAILED;
}

/* One write, so that lines of several processes do not mix. */
static void say(const char *format, va_list ap, const char *more)
{
	char line[1024];
	size_t n;

	cli_flush();
	n = (size_t)fmt(line, sizeof line, "%s: ", prog.name);
	fmt_va(line + n, sizeof line - n - strlen(more) - 1, format, ap);
	n = strlen(line);
	fmt(line + n, sizeof line - n, "%s", more);
	cli_clean(line);
	n = strlen(line);
	line[n++] = '\n';      /* over the NUL: the write counts */
	/* Where should a failure be reported, if not here? */
	(void)write_all(STDERR_FILENO, (struct str){ line, n });
}

void cli_say_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(fmt, ap, "");
	va_end(ap);
}

void cli_warn(const struct err *e)
{
	cli_say_error("%s", e->msg);
}

void cli_die(const struct err *e)
{
	int status = cli_status(e);

	cli_warn(e);
	exit(status ? status : EXIT_FAILED);
}

void cli_usage(const char *format, ...)
{
	char see[128];
	va_list ap;

	fmt(see, sizeof see, "; see %s --help", prog.name);
	va_start(ap, format);
	say(format, ap, see);
	va_end(ap);
	exit(EXIT_USAGE);
}
