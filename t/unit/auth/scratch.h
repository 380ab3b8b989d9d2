/* SPDX-License-Identifier: MIT */
#ifndef T_AUTH_SCRATCH_H
#define T_AUTH_SCRATCH_H

/* What the tests of lib/auth share beside a scratch directory: other people's
 * cryptography, run as a process. */

#include "unit/hub/scratch.h"

#include <stdarg.h>
#include <sys/wait.h>

/* The exit status of a shell command, run in the scratch directory. */
__attribute__((format(printf, 1, 2)))
static inline int sh(const char *fmt, ...)
{
	char what[2000], whole[2400];
	va_list ap;
	int rc;

	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(whole, sizeof whole, "cd '%s' && { %s; } >out 2>&1",
		 scratch_path, what);
	rc = system(whole);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

/* What the last one had to say, on one line. */
static inline const char *said(int dir)
{
	static char line[200];
	const char *text = get(dir, "out");

	snprintf(line, sizeof line, "%.199s", text ? text : "");
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = c[1] ? ' ' : '\0';
	return line;
}

#endif
