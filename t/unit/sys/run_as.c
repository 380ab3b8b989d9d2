/* SPDX-License-Identifier: MIT */
/* As whom a program is started, and with what it may use. */
#define _GNU_SOURCE
#include "sys/run.h"

#include "sys/fd.h"
#include "sys/os.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"
#define NOBODY 65533

static char *none[] = { NULL };

/* What the started program, this one again, has to say of itself. */
static int tell(void)
{
	struct rlimit open_files, core, size;
	struct stat st;
	gid_t groups[8];
	char oom[16] = "";
	int n = getgroups(8, groups), fd;

	fd = open("/proc/self/oom_score_adj", O_RDONLY);
	if (fd >= 0 && read(fd, oom, sizeof oom - 1) > 0)
		oom[strcspn(oom, "\n")] = '\0';
	getrlimit(RLIMIT_NOFILE, &open_files);
	getrlimit(RLIMIT_CORE, &core);
	getrlimit(RLIMIT_FSIZE, &size);
	fstat(1, &st);
	printf("uid=%u/%u gid=%u/%u groups=", getuid(), geteuid(), getgid(),
	       getegid());
	for (int i = 0; i < n; i++)
		printf("%u,", groups[i]);
	printf(" nofile=%lld/%lld core=%lld fsize=%d nice=%d oom=%s "
	       "stdout=%u session=%d\n", (long long)open_files.rlim_cur,
	       (long long)open_files.rlim_max, (long long)core.rlim_max,
	       size.rlim_max == RLIM_INFINITY, getpriority(PRIO_PROCESS, 0),
	       oom, (unsigned)st.st_uid, getsid(0) == getpid());
	return 0;
}

static int role(const char *what)
{
	if (!strcmp(what, "tell"))
		return tell();
	alarm(60);      /* should nobody end it */
	if (write(1, "holding\n", 8) != 8)
		return 9;
	for (;;)
		pause();
}

/* Until its end; how it came out in *why, .step 0 when it was executed. */
static const char *run(struct run_req req, char *word, struct run_failure *why)
{
	static char text[1000];
	char name[] = "x", *argv[] = { name, word, NULL };
	struct err e = { 0 };
	size_t n = 0;
	ssize_t got;
	int p[2], fd = -1, rc;
	pid_t pid;

	if (os_pipe(p) < 0)
		return "";
	req.path = SELF;
	req.argv = argv;
	req.envp = none;
	req.out = req.err = p[1];
	pid = run_start(&req, &fd, &e);
	close(p[1]);
	if (pid < 0) {
		tap_diag("%s", e.msg);
		return "";
	}
	do {
		struct pollfd out = { .fd = fd, .events = POLLIN };

		poll(&out, 1, -1);
		rc = run_outcome(fd, why);
	} while (!rc);
	if (rc > 0)
		*why = (struct run_failure){ 0 };
	fd_close(&fd);
	while ((got = read(p[0], text + n, sizeof text - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = '\0';
	close(p[0]);
	waitpid(pid, NULL, 0);
	tap_diag("step %d, limit %d: %s; %s", (int)why->step, (int)why->limit,
		 strerror(why->sys), text);
	return text;
}

static char tells[] = "tell", holds[] = "hold";

static const struct run_limit limits[] = {
	{ RLIMIT_NOFILE, 50 }, { RLIMIT_CORE, 0 },
	{ RLIMIT_FSIZE, RUN_UNLIMITED },
};

static void limited(void)
{
	int nice = 7, oom = 321;
	struct run_req req = { .limits = limits, .nlimits = LEN(limits),
		.nofile = 60, .nice = &nice, .oom_score = &oom };
	struct run_failure why;
	const char *text = run(req, tells, &why);

	ok(!why.step && strstr(text, "nofile=50/50 core=0 fsize=1 nice=7"),
	   "limits, soft and hard, and nice");
	ok(strstr(text, "oom=321") && strstr(text, "session=1"),
	   "how soon it is ended for lack of memory");
	ok(getpriority(PRIO_PROCESS, 0) == 0, "we are as we were");
	oom = -1001;
	run(req, tells, &why);
	ok(why.step == RUN_OOM && why.sys == EINVAL, "out of range: said");
}

static void names(void)
{
	size_t n = 0;
	bool mark = false;

	for (; run_limits[n].name; n++)
		mark = mark || run_limits[n].which == RLIMIT_MSGQUEUE;
	ok(n && n <= RUN_LIMITS_MAX, "%zu limits by name", n);
	ok(!mark, "our own mark is none of them");
}

/* Everything that only root may, as a step of its own. */
static int without_rights(void)
{
	int nice = -5, oom = -500;
	const gid_t group = 0;
	struct run_limit more[] = { { RLIMIT_CORE, 0 },
		{ RLIMIT_NOFILE, RUN_UNLIMITED } };
	struct run_req req = { .nice = &nice };
	struct run_failure why;
	int good = 0;

	/* Not by a program that was root a moment ago: as one that never. */
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return -1;
	run(req, tells, &why);
	good += why.step == RUN_NICE && (why.sys == EACCES ||
					 why.sys == EPERM);
	req = (struct run_req){ .limits = more, .nlimits = 2 };
	run(req, tells, &why);
	good += why.step == RUN_LIMIT && why.limit == 1 && why.sys == EPERM;
	req = (struct run_req){ .set_user = true, .groups = &group };
	run(req, tells, &why);
	good += why.step == RUN_USER && why.sys == EPERM;
	req = (struct run_req){ .oom_score = &oom };
	run(req, tells, &why);
	good += why.step == RUN_OOM && (why.sys == EACCES ||
					why.sys == EPERM);
	return good;
}

static void refused(void)
{
	int p[2], good = 0;
	pid_t pid;

	if (os_pipe(p) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		good = without_rights();
		_exit(write(p[1], &good, sizeof good) != sizeof good);
	}
	close(p[1]);
	ok(read(p[0], &good, sizeof good) == sizeof good && good == 4,
	   "without the right: four steps, each by its name");
	close(p[0]);
	waitpid(pid, NULL, 0);
}

static void another(void)
{
	static const gid_t groups[] = { NOBODY - 1, 4711, 4712 };
	struct run_req req = { .set_user = true, .uid = NOBODY,
		.gid = NOBODY - 1, .groups = groups, .ngroups = 3 };
	struct run_failure why;
	const char *text = run(req, tells, &why);

	ok(!why.step && strstr(text, "uid=65533/65533 gid=65532/65532 "
			       "groups=4711,4712,65532,"),
	   "another user, with his groups");
	ok(strstr(text, "stdout=65533"), "whose output is his to open");
	req.ngroups = 0;
	text = run(req, tells, &why);
	ok(strstr(text, "groups= "), "with none");
	req.cwd = "/root";
	run(req, tells, &why);
	ok(why.step == RUN_CHDIR && why.sys == EACCES,
	   "and a directory is entered as him");
}

/* The death signal is asked for after the last change of uid, or it is
 * forgotten: then this would wait for ever. */
static void dies_with_us(void)
{
	char name[] = "x", *argv[] = { name, holds, NULL }, text[9] = "";
	int p[2], fd = -1;
	struct run_req req = { .path = SELF, .argv = argv, .envp = none,
		.die_with_parent = true, .set_user = true, .uid = NOBODY,
		.gid = NOBODY };
	pid_t pid;

	if (os_pipe(p) < 0)
		return;
	fflush(stdout);
	pid = fork();
	if (!pid) {
		req.out = req.err = p[1];
		if (run_start(&req, &fd, NULL) < 0)
			_exit(9);
		for (;;)
			pause();
	}
	close(p[1]);
	ok(read(p[0], text, 8) == 8 && !strcmp(text, "holding\n"), "it runs");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(read(p[0], text, 8) == 0, "and dies with who started it");
	close(p[0]);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return role(argv[1]);
	alarm(60);
	limited();
	names();
	if (geteuid() == 0) {
		refused();
		another();
		dies_with_us();
	} else {
		ok(true, "another user # SKIP needs root");
	}
	ok(!fd_count(FD_FREE), "no descriptor is left in the table");
	return tap_done();
}
