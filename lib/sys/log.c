/* SPDX-License-Identifier: MIT */
#include "sys/log.h"

#include "base/fmt.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define LINE 1024       /* a longer one is cut, and shows it */

static void (*to)(struct str line);

void log_to(void (*sink)(struct str line))
{
	to = sink;
}

static void to_stderr(struct str line)
{
	while (line.n) {
		ssize_t n = write(STDERR_FILENO, line.p, line.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		line = str_skip(line, (size_t)n);
	}
}

void log_say(const char *fmt, ...)
{
	static const char cut[] = "...\n";
	int err = errno;
	char line[LINE];
	va_list ap;
	size_t n;
	int want;

	va_start(ap, fmt);
	want = fmt_va(line, sizeof line - 1, fmt, ap);
	va_end(ap);
	n = want < 0 ? 0 : (size_t)want;
	if (n > sizeof line - 2)
		n = sizeof line - 2;
	/* One line, whatever a name in it holds. */
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[n++] = '\n';
	if (want > (int)sizeof line - 2)
		memcpy(line + n - strlen(cut), cut, strlen(cut));
	(to ? to : to_stderr)((struct str){ line, n });
	errno = err;
}
