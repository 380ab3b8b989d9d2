/* SPDX-License-Identifier: MIT */
#include "sys/ptab.h"

#include "sys/fd.h"
#include "tap.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CROWD 300

static int hold[2];     /* children live until it is closed */

static pid_t child(const char *comm)
{
	pid_t pid;
	int told[2];
	char c;

	if (pipe(told) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		close(hold[1]);
		if (comm)
			prctl(PR_SET_NAME, comm, 0L, 0L, 0L);
		c = write(told[1], "", 1) < 0;
		_exit(read(hold[0], &c, 1) != 0);
	}
	close(told[1]);
	if (read(told[0], &c, 1) != 1)
		tap_diag("a child that says nothing");
	close(told[0]);
	return pid;
}

/* This program again, with that name and environment: it waits. */
static pid_t executed(const char *name, char **envp)
{
	char zero[4000], wait_[] = "wait", line[] = "two\nlines";
	char *argv[] = { zero, wait_, line, NULL };
	int told[2];
	pid_t pid;
	char c;

	snprintf(zero, sizeof zero, "%s", name);
	if (pipe(told) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		close(hold[1]);
		dup2(hold[0], 0);
		dup2(told[1], 1);
		execve("/proc/self/exe", argv, envp);
		_exit(127);
	}
	close(told[1]);
	if (read(told[0], &c, 1) != 1)
		tap_diag("not executed");
	close(told[0]);
	return pid;
}

static void *wait_for_end(void *arg)
{
	char c;

	(void)arg;
	if (write(1, "", 1) != 1)
		_exit(1);
	_exit(read(0, &c, 1) != 0);
}

static int waits(const char *name)
{
	pthread_t other;

	if (strcmp(name, "headless") != 0)
		wait_for_end(NULL);
	else if (!pthread_create(&other, NULL, wait_for_end, NULL))
		pthread_exit(NULL);
	return 1;
}

static int has_env(pid_t pid, const char *name, const char *value)
{
	char text[64];
	int rc = proc_env(pid, name, text, sizeof text);

	return rc == 1 ? !strcmp(text, value) : rc;
}

static void end_all(void)
{
	close(hold[0]);
	close(hold[1]);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	if (pipe(hold) < 0)
		tap_diag("%s", strerror(errno));
}

static void uses(void)
{
	size_t n = 16 << 20;
	uint64_t memory = proc_memory(getpid());
	char *block = malloc(n);
	int fds = proc_descriptors(getpid()), fd = dup(0);

	ok(memory > 4096 && block, "%llu bytes",
	   (unsigned long long)memory);
	for (size_t i = 0; block && i < n; i += 4096)
		((volatile char *)block)[i] = 1;
	ok(proc_memory(getpid()) >= memory + n, "  16 MiB more");
	free(block);
	ok(fds >= 3 && proc_descriptors(getpid()) == fds + 1,
	   "%d descriptors, then one more", fds);
	close(fd);
	ok(!proc_memory(1 << 30) && proc_descriptors(1 << 30) == -1,
	   "nobody uses nothing");
}

static void ourselves(void)
{
	struct proc p = { .pid = 0 };

	ok(!proc_read(getpid(), &p), "ourselves");
	ok(p.pid == getpid() && p.ppid == getppid() && p.pgid == getpgrp() &&
	   p.sid == getsid(0), "pid, parent, group, session");
	ok(p.state == 'R' && p.start > 0, "running, since %llu",
	   (unsigned long long)p.start);
	ok(!strcmp(p.comm, "ptab.t"), "by the name of %s", p.comm);
	while (p.cpu_ms < 20)
		proc_read(getpid(), &p);
	ok(p.cpu_ms <= (uint64_t)clock() / (CLOCKS_PER_SEC / 1000) + 10,
	   "it has used %llu ms", (unsigned long long)p.cpu_ms);
	uses();
	ok(proc_read(0, &p) < 0 && proc_read(-1, &p) < 0 &&
	   proc_read(1 << 30, &p) < 0, "nobody");
}

static void odd_name(const char *what, const char *name)
{
	pid_t pid = child(name);
	struct proc p = { .pid = 0 };

	ok(!proc_read(pid, &p) && p.pid == pid && p.ppid == getpid() &&
	   p.sid == getsid(0) && p.start > 0 && !strcmp(p.comm, name),
	   "a name like %s", what);
}

static void odd_names(void)
{
	odd_name("the fields after it", "a) S 1 (b");
	odd_name("its end", ") ) )");
	odd_name("its beginning", "((((");
	odd_name("two lines", "line\nbreak");
	odd_name("nothing", " ");
	odd_name("the longest", "fifteen-letters");
	end_all();
}

static void zombies(void)
{
	char text[64] = "";
	struct proc p;
	siginfo_t si;
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_NAME, "undead", 0L, 0L, 0L);
		_exit(0);
	}
	waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT);
	ok(!proc_read(pid, &p) && p.state == 'Z', "a zombie");
	ok(proc_command(pid, text, sizeof text) && !strcmp(text, "[undead]"),
	   "its command is %s", text);
	waitpid(pid, NULL, 0);
	ok(proc_read(pid, &p) < 0 && has_env(pid, "A", "1") == -1 &&
	   !proc_command(pid, text, sizeof text), "gone");
}

static void table(void)
{
	struct err e = { 0 };
	struct ptab t;
	pid_t pids[CROWD], below = -1;
	bool sorted = true, all = true, torn = false;
	const struct proc *top;
	int told[2];
	size_t was;

	ptab_init(&t);
	ok(!ptab_find(&t, 1), "empty");
	for (size_t i = 0; i < CROWD; i++)
		pids[i] = child(NULL);
	if (pipe(told) < 0)
		tap_diag("%s", strerror(errno));
	if (!fork()) {          /* whose child is one level further down */
		below = child(NULL);
		close(hold[1]);
		if (write(told[1], &below, sizeof below) < 0)
			_exit(1);
		waitpid(below, NULL, 0);
		_exit(0);
	}
	if (read(told[0], &below, sizeof below) != sizeof below)
		tap_diag("%s", strerror(errno));
	ok(!ptab_read(&t, &e), "the table: %zu processes: %s", t.n, e.msg);
	for (size_t i = 1; i < t.n; i++)
		sorted &= t.all[i - 1].pid < t.all[i].pid;
	ok(sorted, "sorted by pid");
	for (size_t i = 0; i < CROWD; i++) {
		const struct proc *p = ptab_find(&t, pids[i]);

		all &= p && p->pid == pids[i] && p->ppid == getpid() &&
		       ptab_top(&t, p, getpid(), &torn) == p;
	}
	ok(all && ptab_find(&t, getpid()), "we and our children are in it");
	top = ptab_find(&t, below) ?
		ptab_top(&t, ptab_find(&t, below), getpid(), &torn) : NULL;
	ok(top && top->pid == ptab_find(&t, below)->ppid,
	   "a grandchild is below us by its parent");
	ok(top && !ptab_top(&t, top, pids[0], &torn) && !torn,
	   "and not below its uncle");
	was = t.size;
	end_all();
	ok(!ptab_read(&t, &e) && t.size == was, "again, in the same memory");
	all = true;
	for (size_t i = 0; i < CROWD; i++)
		all &= !ptab_find(&t, pids[i]);
	ok(all, "without those that ended");
	ptab_release(&t);
	ok(!t.n && !t.all, "released");
	ok(fd_count(FD_DIR) == 1, "/proc is kept, and in the table");
	close(told[0]);
	close(told[1]);
}

static void circle(void)
{
	struct proc all[] = {
		{ .pid = 5, .ppid = 7 }, { .pid = 6, .ppid = 5 },
		{ .pid = 7, .ppid = 6 },
	};
	struct ptab t = { all, LEN(all), LEN(all) };

	bool torn = false;

	ok(ptab_top(&t, &all[0], 7, &torn) == &all[0] && !torn &&
	   !ptab_top(&t, &all[0], 1, &torn) && torn, "a circle has an end");
}

/* The bug: pids had gone round, a parent came after its child in the table and
 * was gone by then; the child was taken for one that is not below us. */
static void torn_line(void)
{
	struct proc all[] = {
		{ .pid = 2, .ppid = 0 }, { .pid = 5, .ppid = 700 },
		{ .pid = 6, .ppid = 5 }, { .pid = 9, .ppid = 2 },
	};
	struct ptab t = { all, LEN(all), LEN(all) };
	bool torn = false;

	ok(!ptab_top(&t, &all[3], 1, &torn) && !torn,
	   "a whole line that does not lead to us");
	ok(!ptab_top(&t, &all[2], 1, &torn) && torn,
	   "one without its parents is not known");
}

static void commands(void)
{
	char *none[] = { NULL }, small[8], text[64], name[3000], big[4000];
	pid_t pid = executed("na\tme \xc3\xa9", none);

	ok(proc_command(pid, text, sizeof text) &&
	   !strcmp(text, "na?me ?? wait two?lines"), "its command is '%s'",
	   text);
	ok(proc_command(pid, small, sizeof small) && !strcmp(small, "na?me ?"),
	   "cut to '%s'", small);
	memset(name, 'n', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	pid = executed(name, none);
	ok(proc_command(pid, big, sizeof big) &&
	   strlen(big) == strlen(name) + strlen(" wait two?lines"),
	   "a long one");
	end_all();
}

/* What a process shows whose first thread has ended: all of it. */
static void headless_shows_all(void)
{
	char a[] = "A=1", *envp[] = { a, NULL };
	pid_t pid = executed("headless", envp);
	struct proc p = { .state = '?' };

	while (proc_read(pid, &p) == 0 && p.state != 'Z')
		poll(NULL, 0, 1);
	ok(p.state == 'Z' && !p.dead && p.thread != pid,
	   "a process without its first thread lives");
	ok(has_env(p.thread, "A", "1") == 1, "its environment is there");
	ok(proc_descriptors(p.thread) >= 3 && proc_memory(p.thread) > 0,
	   "its descriptors and memory are");
	end_all();
}

static void environments(void)
{
	static char big[9000];
	char a[] = "A=1", b[] = "LONGER=with = in it", c[] = "PC_OWNER=x/y";
	char *none[] = { NULL }, *envp[] = { a, big, b, c, NULL };
	int status = 0;
	pid_t pid;

	memset(big, 'B', sizeof big - 1);
	pid = executed("x", envp);
	ok(has_env(pid, "A", "1") == 1, "the first");
	ok(has_env(pid, "PC_OWNER", "x/y") == 1,
	   "the last, behind one longer than what is read at once");
	ok(has_env(pid, "LONGER", "with = in it") == 1, "with = in it");
	ok(has_env(pid, "C_OWNER", "x/y") == 0, "not the end of one");
	ok(has_env(pid, "PC_OWNE", "x/y") == 0, "nor its beginning");
	ok(has_env(pid, "B", "2") == 0, "not what is not there");
	ok(has_env(pid, "", "") == 0, "nothing is never there");
	pid = executed("x", none);
	ok(has_env(pid, "A", "1") == 0, "none at all: no");
	end_all();
	if (geteuid()) {
		ok(has_env(1, "A", "1") == -1, "another's: unknown");
		return;
	}
	pid = fork();
	if (!pid) {
		int rc = setgid(65534) || setuid(65534);

		_exit(rc ? 77 : has_env(getppid(), "A", "1") == -1 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(!status, "another's: unknown");
	ok(has_env(2, "A", "1") != 1, "a kernel thread has none");
}

int main(int argc, char **argv)
{
	char id[37] = "?", again[37];

	if (argc > 1)
		return strcmp(argv[1], "wait") ? 2 : waits(argv[0]);
	alarm(60);
	if (pipe(hold) < 0)
		tap_skip_all("no pipes");
	ourselves();
	odd_names();
	zombies();
	table();
	circle();
	torn_line();
	commands();
	environments();
	headless_shows_all();
	proc_boot_id(id);
	proc_boot_id(again);
	ok(strlen(id) == 36 && id[8] == '-' && id[23] == '-' &&
	   !strcmp(id, again), "boot %s", id);
	return tap_done();
}
