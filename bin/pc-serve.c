/* SPDX-License-Identifier: MIT */
/* pc-serve - keep the modules of a home running */

#include "keep/keeper.h"
#include "hub/home.h"
#include "sys/cli.h"

#include <stdlib.h>

extern char **environ;

static const char *home, *bind_addr;
static long port = -1, workers, ready_fd = -1;
static bool no_front;

static const struct opt opts[] = {
	OPT_STR(0, "home", "DIR", &home,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_LONG(0, "port", "NUM", &port, 0, 65535,
		 "TCP port of the front door (PORT, else 1939; 0: a free one)"),
	OPT_STR(0, "bind", "ADDR", &bind_addr,
		"address to bind (PARACHUTE_BIND_HOST, else loopback)"),
	OPT_FLAG(0, "no-front", &no_front,
		 "no TCP port: local commands only"),
	OPT_LONG(0, "workers", "NUM", &workers, 1, 16,
		 "front door processes (one a processor, at most 4)"),
	OPT_LONG(0, "ready-fd", "NUM", &ready_fd, 3, 1 << 20,
		 "write the port and a newline there once hub.sock answers"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-serve",
	.args = "",
	.about = "keep the modules of a home running",
	.opts = opts,
	.nargs = { 0, 0 },
};

/* An empty variable is an unset one. */
static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static uint16_t port_of_env(void)
{
	const char *text = env("PORT");
	uint64_t n;

	if (!text)
		return HUB_PORT;
	if (!str_to_u64(str_trim(str_of(text), " \t"), 65535, &n) || n == 0)
		cli_usage("PORT is \"%s\"; it must be a number from 1 to "
			  "65535, or unset", text);
	return (uint16_t)n;
}

int main(int argc, char **argv)
{
	struct keeper_opts o = { .environ = environ, .self = argv[0] };
	struct err e = { 0 };
	int status;

	cli_parse(argc, argv);
	o.home = home;
	o.bind = bind_addr ? bind_addr : env("PARACHUTE_BIND_HOST");
	o.front = !no_front;
	o.port = port >= 0 ? (uint16_t)port : port_of_env();
	o.workers = (unsigned)workers;
	o.ready_fd = (int)ready_fd;
	status = keeper_run(&o, &e);
	if (status < 0) {
		cli_warn(&e);
		return EXIT_FAILED;
	}
	return status;
}
