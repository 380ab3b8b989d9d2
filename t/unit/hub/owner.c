/* SPDX-License-Identifier: MIT */
/* Each kind of evidence alone, and what must never be taken for one. */
#include "hub/owner.h"

#include "tap.h"

#include "hub/limits.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static struct owner owner;

/* A process of nothing but an environment, a limit and its own session. */
static pid_t sit(const char *pair, uint64_t limit)
{
	char *const argv[] = { (char *)(uintptr_t)"sit", NULL };
	char env[128];
	char *const envp[] = { env, NULL };
	struct rlimit lim = { (rlim_t)limit, (rlim_t)limit };
	int ready[2];
	char end;
	pid_t pid;

	snprintf(env, sizeof env, "%s", pair);
	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		close(ready[0]);
		setsid();
		if (limit && setrlimit(RLIMIT_MSGQUEUE, &lim) < 0)
			_exit(1);
		dup2(ready[1], 9);
		execve("/proc/self/exe", argv, envp);
		_exit(1);
	}
	close(ready[1]);
	if (read(ready[0], &end, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static unsigned asked(const struct claims *c, pid_t pid)
{
	struct ptab t;
	const struct proc *p;
	unsigned id = 0;

	ptab_init(&t);
	if (ptab_read(&t, NULL) == 0 && (p = ptab_find(&t, pid)))
		id = owner_of(c, &t, p);
	ptab_release(&t);
	return id;
}

static void values(void)
{
	struct owner other = owner;
	char value[OWNER_VALUE];

	owner_value(&owner, 7, value);
	ok(owner_of_value(&owner, str_of(value), 9) == 7, "a value is read");
	ok(owner_of_value(&owner, str_of(value), 6) == 0,
	   "a number that was never given is none");
	other.token[0] ^= 1;
	ok(owner_of_value(&other, str_of(value), 9) == 0,
	   "another home's is none");
	ok(owner_of_value(&owner, STR(""), 9) == 0 &&
	   owner_of_value(&owner, str_of(owner.token), 9) == 0,
	   "nor is half of one");
}

static void groups(void)
{
	char path[160], value[OWNER_VALUE];

	owner_value(&owner, 3, value);
	snprintf(path, sizeof path, "/a.slice/pc.service/pc-%s/sub", value);
	ok(owner_of_group(&owner, str_of(path), 9) == 3,
	   "a group within a group of ours");
	ok(owner_of_group(&owner, STR("/a/pc-other.3/b"), 9) == 0 &&
	   owner_of_group(&owner, STR("/"), 9) == 0, "others are nobody's");
}

static void limits(void)
{
	bool all = true;

	if (!owner.limits) {
		ok(true, "no limits to mark with # SKIP");
		return;
	}
	for (unsigned id = 1; id < 5 * MODULES_MAX; id++)
		all = all && owner_of_limit(&owner, owner_limit(&owner, id),
					    id) == id;
	ok(all, "every number has a limit, the newest that had it");
	ok(owner_of_limit(&owner, owner_limit(&owner, 5), 4) == 0,
	   "but none that was never given");
	ok(owner_of_limit(&owner, owner_limit(&owner, 5) - 1, 9) == 0 &&
	   owner_of_limit(&owner, 819200, 9) == 0 &&
	   owner_of_limit(&owner, 0, 9) == 0, "even and foreign ones are none");
}

static void too_high(void)
{
	struct owner low;

	owner_take(&low, owner.token, owner.limits ? proc_mark_max() + 1 : 0);
	ok(owner_limit(&low, 1) == 0, "a limit we may not set is not set");
	ok(!low.limits || owner_of_limit(&low, low.limits + 2, 9) == 1,
	   "but known where it is met");
}

static void marks(void)
{
	const struct claims c = { .owner = &owner, .last_id = 9 };
	char pair[80] = OWNER_ENV "=", value[OWNER_VALUE];
	pid_t pid;

	owner_value(&owner, 4, value);
	strcat(pair, value);
	pid = sit(pair, 0);
	ok(pid > 0 && asked(&c, pid) == 4, "known by its environment alone");
	end(pid);
	pid = sit("A=b", owner_limit(&owner, 6));
	ok(pid > 0 && (!owner.limits || asked(&c, pid) == 6),
	   "by its limit alone");
	end(pid);
	pid = sit(OWNER_ENV "=0123.4", 0);
	ok(pid > 0 && asked(&c, pid) == 0, "a stranger is nobody's");
	end(pid);
}

static void records(void)
{
	struct proc p = { 0 };
	pid_t pid = sit("A=b", 0);
	struct claim claim = { .id = 2, .leader = pid };
	struct claims c = { .owner = &owner, .all = &claim, .n = 1,
			    .last_id = 9 };

	if (pid < 0 || proc_read(pid, &p) < 0) {
		ok(false, "no process");
		return;
	}
	claim.start = p.start;
	ok(asked(&c, pid) == 2, "known by pid and start time");
	claim.start = p.start + 1;
	ok(asked(&c, pid) == 0, "a pid alone is no evidence");
	end(pid);
}

/* The session of a leader that is gone may be another's by now. */
static void sessions(void)
{
	pid_t pid = sit("A=b", 0);
	struct claim claim = { .id = 2, .sid = pid };
	struct claims c = { .owner = &owner, .all = &claim, .n = 1,
			    .last_id = 9, .live = true };

	ok(pid > 0 && asked(&c, pid) == 2, "in the session of a run of ours");
	c.live = false;
	ok(asked(&c, pid) == 0, "which is none when its leader is gone");
	end(pid);
}

static void descent(void)
{
	struct proc all[] = {
		{ .pid = 1, .ppid = 0, .sid = 1, .start = 1 },
		{ .pid = 10, .ppid = 1, .sid = 10, .start = 5 },
		{ .pid = 20, .ppid = 10, .sid = 20, .start = 6 },
		{ .pid = 30, .ppid = 20, .sid = 30, .start = 7 },
		{ .pid = 40, .ppid = 41, .sid = 40, .start = 8 },
		{ .pid = 41, .ppid = 40, .sid = 41, .start = 8 },
	};
	const struct ptab t = { .all = all, .n = LEN(all) };
	const struct claim claim = { .id = 3, .leader = 20, .start = 6 };
	const struct claims c = { .owner = &owner, .all = &claim, .n = 1,
				  .last_id = 9 };

	ok(owner_of_line(&c, &t, &all[3], 10) == 3, "below a leader");
	ok(owner_of_line(&c, &t, &all[2], 10) == 3, "the leader itself");
	ok(owner_of_line(&c, &t, &all[3], 20) == 0, "not above the root");
	ok(owner_of_line(&c, &t, &all[1], 0) == 0, "not the parent of one");
	ok(owner_of_line(&c, &t, &all[4], 0) == 0, "a circle ends");
}

/* A child of one module that wears the marks of another. */
static void forged(void)
{
	char pair[80] = OWNER_ENV "=", value[OWNER_VALUE];
	struct proc all[2] = { { 0 }, { 0 } };
	const struct ptab t = { .all = all, .n = LEN(all) };
	struct claim claim = { .id = 3 };
	const struct claims c = { .owner = &owner, .all = &claim, .n = 1,
				  .last_id = 9 };
	pid_t pid;

	owner_value(&owner, 4, value);
	strcat(pair, value);
	pid = sit(pair, owner_limit(&owner, 4));
	if (pid < 0 || proc_read(pid, &all[1]) < 0) {
		ok(false, "no process");
		return;
	}
	all[0] = (struct proc){ .pid = all[1].ppid, .sid = 1, .start = 1 };
	if (all[0].pid > all[1].pid) {
		struct proc first = all[0];

		all[0] = all[1];
		all[1] = first;
	}
	ok(owner_of_line(&c, &t, ptab_find(&t, pid), 0) == 4,
	   "marked, and of nobody known");
	claim.leader = getpid();
	ok(owner_of_line(&c, &t, ptab_find(&t, pid), 0) == 3,
	   "a parent counts more than marks, which can be forged");
	end(pid);
}

int main(int argc, char **argv)
{
	struct err e = { 0 };

	if (argc == 1 && strcmp(argv[0], "sit") == 0) {
		if (write(9, "", 1) == 1)
			close(9);
		for (;;)
			pause();
	}
	alarm(60);
	if (owner_draw(&owner, &e) < 0)
		tap_skip_all(e.msg);
	values();
	groups();
	limits();
	too_high();
	marks();
	records();
	sessions();
	descent();
	forged();
	return tap_done();
}
