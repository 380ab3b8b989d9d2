/* SPDX-License-Identifier: MIT */
/* pc-front - the front door of a hub: a worker, or what they need made */

#include "front/front.h"
#include "front/prepare.h"
#include "sys/cli.h"

#include <stdlib.h>

extern char **environ;

static const char *home, *instance;
static long port = HUB_PORT;
static bool prepare;

static const struct opt opts[] = {
	OPT_STR(0, "home", "DIR", &home,
		"state directory (PARACHUTE_HOME, else ~/.parachute)"),
	OPT_LONG(0, "port", "NUM", &port, 1, 65535,
		 "TCP port of the hub (1939)"),
	OPT_STR(0, "instance", "UUID", &instance,
		"which boot of the hub it is"),
	OPT_FLAG(0, "prepare", &prepare,
		 "make hub.db, keys and operator.token, then exit"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-front",
	.args = "",
	.about = "serve a hub's front door; started by pc-serve",
	.opts = opts,
	.nargs = { 0, 0 },
};

static int run_prepare(void)
{
	const struct prepare_opts o = { .home = home, .instance = instance,
		.port = (uint16_t)port, .environ = environ };
	struct err e = { 0 };

	if (prepare_run(&o, &e) == 0)
		return EXIT_DONE;
	cli_warn(&e);
	return EXIT_FAILED;
}

/* How many listening sockets were handed down, from descriptor 3 on. */
static int sockets(void)
{
	const char *text = getenv("LISTEN_FDS");
	uint64_t n;

	if (!str_to_u64(str_of(text), 16, &n) || !n)
		cli_usage("it is started by pc-serve, which hands it listening "
			  "sockets (LISTEN_FDS); only --prepare is run by "
			  "hand");
	if (!instance)
		cli_usage("--instance is missing");
	return (int)n;
}

int main(int argc, char **argv)
{
	struct front_opts o = { .environ = environ };
	struct err e = { 0 };
	int status;

	cli_parse(argc, argv);
	if (prepare)
		return run_prepare();
	o.nsockets = sockets();
	o.home = home;
	o.instance = instance;
	o.port = (uint16_t)port;
	status = front_run(&o, &e);
	if (status >= 0)
		return status;
	cli_warn(&e);
	return FRONT_EXIT_FAILED;
}
