/* SPDX-License-Identifier: MIT */
#include "sys/cli.h"
#include "tap.h"

#include <string.h>

static bool loud;

static const struct opt opts[] = {
	OPT_FLAG(0, "loud", &loud, "say more"),
	OPT_END
};

const struct prog prog = {
	.name = "pc",
	.args = "VERB [ARGUMENT...]",
	.about = "run the program of that name",
	.opts = opts,
	.nargs = { 1, 99 },
	.verbs = true,
};

int main(void)
{
	static char given[][8] = { "pc", "--loud", "logs", "--loud", "-f",
				   "--", "a" };
	static const char *const want[] = { "logs", "--loud", "-f", "--",
					    "a" };
	char *argv[LEN(given) + 1] = { NULL }, **args;

	for (size_t i = 0; i < LEN(given); i++)
		argv[i] = given[i];
	args = cli_parse(LEN(given), argv);
	ok(loud, "an option before the verb is ours");
	for (size_t i = 0; i < LEN(want); i++)
		ok(args[i] && !strcmp(args[i], want[i]),
		   "after the verb nothing is touched: %s", want[i]);
	ok(!args[LEN(want)], "and there it ends");
	return tap_done();
}
