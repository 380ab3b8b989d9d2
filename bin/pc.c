/* SPDX-License-Identifier: MIT */
/* pc - run pc-VERB, from where pc itself is */

#include "base/fmt.h"
#include "sys/cli.h"
#include "sys/os.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static const struct opt opts[] = { OPT_END };

const struct prog prog = {
	.name = "pc",
	.args = "VERB [ARGUMENT...]",
	.about = "run pc-VERB: serve, status, start, stop, restart, logs, auth",
	.opts = opts,
	.nargs = { 1, 4096 },
	.verbs = true,
};

static bool is_verb_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || c == '-';
}

/* The directory of the running program, with its last slash. */
static size_t own_directory(char *out, size_t size, const char *argv0)
{
	ssize_t n = readlink("/proc/self/exe", out, size - 1);
	const char *slash;

	if (n <= 0) {           /* no /proc: by the name it was called */
		fmt(out, size, "%s", argv0);
		n = (ssize_t)strlen(out);
	}
	out[n] = '\0';
	slash = strrchr(out, '/');
	return slash ? (size_t)(slash - out) + 1 : 0;
}

int main(int argc, char **argv)
{
	char **args = cli_parse(argc, argv), path[4096];
	struct str verb = str_of(args[0]);
	size_t dir = own_directory(path, sizeof path - 80, argv[0]);

	if (!verb.n || verb.n > 32 || str_span(verb, is_verb_byte).n != verb.n)
		cli_usage("\"%.64s\" is no verb", args[0]);
	fmt(path + dir, sizeof path - dir, "pc-%s", args[0]);
	args[0] = path + dir;
	if (dir)
		execv(path, args);
	else
		execvp(path, args);
	if (errno == ENOENT)
		cli_usage("there is no %s beside pc", path + dir);
	cli_say_error("cannot run %s: %s", path, strerror(errno));
	return EXIT_FAILED;
}
