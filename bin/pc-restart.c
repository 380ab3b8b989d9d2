/* SPDX-License-Identifier: MIT */
/* pc-restart - restart modules, or start what is not running */

#include "hub/verb.h"
#include "sys/cli.h"

static struct verb_args args = { .wait_s = VERB_WAIT_S };

static const struct opt opts[] = {
	OPT_FLAG('a', "all", &args.all, "every module in services.json"),
	OPT_MAYBE(0, "wait", "SEC", &args.wait, &args.wait_s, 1, 600,
		  "until they are ready (30 s)"),
	REACH_OPTS(args.reach),
	OPT_END
};

const struct prog prog = {
	.name = "pc-restart",
	.args = "MODULE...",
	.about = "restart modules, or start what is not running",
	.opts = opts,
	.nargs = { 0, 1024 },
	.complete = "module",
};

int main(int argc, char **argv)
{
	static const struct verb verb = { .name = "restart",
		.done = "restarted", .renews = true };

	args.modules = cli_parse(argc, argv);
	return cli_finish(verb_run(&verb, &args));
}
