/* SPDX-License-Identifier: MIT */
/* Where the kernel counts, and what it says there. */
#include "sys/oom.h"

#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TWO "26 20 0:23 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n"
#define ONE "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
#define CPU "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
#define SUB "26 20 0:23 /box /cg rw - cgroup2 none rw\n"

static const struct {
	const char *name, *cgroup, *mounts;
	bool v1;
	const char *want;       /* NULL: none */
} cases[] = {
	{ "cgroup2", "0::/a/b\n", TWO, false,
	  "/sys/fs/cgroup/a/b/memory.events" },
	{ "its root", "0::/\n", TWO, false, "/sys/fs/cgroup/memory.events" },
	{ "a part is mounted", "0::/box/x\n", SUB, false,
	  "/cg/x/memory.events" },
	{ "we are not in it", "0::/other\n", SUB, false, NULL },
	{ "v1", "5:cpu:/c\n4:memory:/m\n0::/\n", CPU ONE, true,
	  "/sys/fs/cgroup/memory/m/memory.oom_control" },
	{ "v1, with others", "4:cpu,memory:/m\n", ONE, true,
	  "/sys/fs/cgroup/memory/m/memory.oom_control" },
	{ "no cgroup2 there", "4:memory:/m\n", ONE, false, NULL },
	{ "not mounted", "0::/a\n", ONE, false, NULL },
	{ "no v1 there", "0::/a\n", TWO, true, NULL },
	{ "empty", "", "", false, NULL },
	{ "garbage", "::::\n0\n\n", "- - - -\n-\n", false, NULL },
};

static void paths(void)
{
	char out[128];

	for (size_t i = 0; i < LEN(cases); i++) {
		bool got = oom_path(guarded(0, str_of(cases[i].cgroup)),
				    guarded(1, str_of(cases[i].mounts)),
				    cases[i].v1, out, sizeof out);

		ok(got == (cases[i].want != NULL) &&
		   (!got || !strcmp(out, cases[i].want)), "%s: %s",
		   cases[i].name, got ? out : "none");
	}
	ok(!oom_path(str_of("0::/a\n"), str_of(TWO), false, out, 10),
	   "too long: none");
}

static void counts(void)
{
	uint64_t n = 7;

	ok(oom_count(STR("low 0\nhigh 3\nmax 1\noom 4\noom_kill 2\n"), &n) &&
	   n == 2, "memory.events");
	ok(oom_count(STR("oom_kill_disable 0\nunder_oom 0\noom_kill 5"), &n)
	   && n == 5, "memory.oom_control");
	ok(!oom_count(STR("oom_kill_disable 1\n"), &n) &&
	   !oom_count(STR("oom_kill x\n"), &n) && !oom_count(STR_NULL, &n),
	   "no count");
}

static void write_count(int fd, unsigned n)
{
	char text[32];
	int len = snprintf(text, sizeof text, "oom_kill %u\n", n);

	ok(pwrite(fd, text, (size_t)len, 0) == len, "the kernel says %u", n);
}

static void takes(void)
{
	char path[] = "/tmp/pc-oom-XXXXXX";
	struct oom o = { .fd = mkstemp(path), .counted = 3 };

	unlink(path);
	write_count(o.fd, 3);
	ok(!oom_take(&o), "nothing new");
	write_count(o.fd, 5);
	ok(oom_take(&o) && oom_take(&o) && !oom_take(&o),
	   "two kills are told twice");
	write_count(o.fd, 6);
	oom_forget(&o);
	ok(!oom_take(&o), "what was forgotten is not told");
	oom_close(&o);
	ok(o.fd == -1 && !oom_take(&o), "without the file it is never said");
}

int main(void)
{
	paths();
	counts();
	takes();
	return tap_done();
}
