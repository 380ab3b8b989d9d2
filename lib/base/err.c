/* SPDX-License-Identifier: MIT */
#include "base/err.h"

#include "base/fmt.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum err_code code_of(int sys)
{
	switch (sys) {
	case ENOENT:
		return ERR_NOT_FOUND;
	case EEXIST:
	case EADDRINUSE:
		return ERR_EXISTS;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOMEM:
		return ERR_NO_MEMORY;
	case ECONNREFUSED:
		return ERR_UNREACHABLE;
	case ETIMEDOUT:
		return ERR_TIMEOUT;
	default:
		return ERR_SYSTEM;
	}
}

int err_set(struct err *e, enum err_code code, const char *format, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->code = code;
	e->sys = 0;
	va_start(ap, format);
	fmt_va(e->msg, sizeof e->msg, format, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *format, ...)
{
	int sys = errno;
	va_list ap;
	size_t n;

	if (!e)
		return -1;
	e->code = code_of(sys);
	e->sys = sys;
	va_start(ap, format);
	fmt_va(e->msg, sizeof e->msg, format, ap);
	va_end(ap);
	n = strlen(e->msg);
	fmt(e->msg + n, sizeof e->msg - n, ": %s", strerror(sys));
	return -1;
}

int err_add(struct err *e, const char *format, ...)
{
	va_list ap;
	size_t n;

	if (!e)
		return -1;
	n = strlen(e->msg);
	va_start(ap, format);
	fmt_va(e->msg + n, sizeof e->msg - n, format, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *e, const char *format, ...)
{
	char was[sizeof e->msg];
	va_list ap;
	size_t n;

	if (!e)
		return -1;
	memcpy(was, e->msg, sizeof was);
	va_start(ap, format);
	fmt_va(e->msg, sizeof e->msg, format, ap);
	va_end(ap);
	n = strlen(e->msg);
	fmt(e->msg + n, sizeof e->msg - n, ": %s", was);
	return -1;
}

void err_bug(const char *file, int line, const char *why)
{
	char text[240];
	size_t n = (size_t)fmt(text, sizeof text, "BUG at %s:%d: %s\n", file,
			       line, why);

	if (n >= sizeof text)
		n = sizeof text - 1;
	/* Said or not, this is the end. */
	(void)!write(STDERR_FILENO, text, n);
	abort();
}
