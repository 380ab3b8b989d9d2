/* SPDX-License-Identifier: MIT */
#include "sys/log.h"

#include "tap.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static char got[4096];
static size_t calls;

static void sink(struct str line)
{
	calls++;
	str_to_c(line, got, sizeof got);
}

static void to_stderr(void)
{
	int p[2], was = dup(2);
	ssize_t n;

	if (pipe(p) < 0 || dup2(p[1], 2) < 0)
		tap_diag("pipe: %s", strerror(errno));
	log_to(NULL);
	log_say("to %s", "stderr");
	dup2(was, 2);
	n = read(p[0], got, sizeof got - 1);
	got[n > 0 ? n : 0] = '\0';
	ok(!strcmp(got, "to stderr\n"), "without a sink it goes to stderr");
}

int main(void)
{
	char big[3000];

	memset(big, 'b', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	log_to(sink);
	errno = 55;
	log_say("[supervisor] %s: started", "vault");
	ok(!strcmp(got, "[supervisor] vault: started\n"), "a line");
	ok(errno == 55, "errno is kept");
	log_say("a\nb\033[1mc\x7f\td");
	ok(!strcmp(got, "a?b?[1mc??d\n"), "always one line, and printable");
	log_say("h\xc3\xa9");
	ok(!strcmp(got, "h\xc3\xa9\n"), "UTF-8 stays");
	log_say("%s", "");
	ok(!strcmp(got, "\n"), "an empty one");
	log_say("%s", big);
	ok(strlen(got) == 1023 && !strcmp(got + 1018, "b...\n"),
	   "a long one is cut, and says so");
	log_say("%.1022s", big);
	ok(strlen(got) == 1023 && !strcmp(got + 1018, "bbbb\n"),
	   "the longest that fits is not");
	ok(calls == 6, "one call a line");
	to_stderr();
	return tap_done();
}
