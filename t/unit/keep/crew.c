/* SPDX-License-Identifier: MIT */
/*
 * Programs of the keeper's own. The program is this one again, found in a
 * scratch directory under the name that its owner gives it.
 */
#include "keep/crew.h"

#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"
#include "unit/hub/scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static struct loop loop;
static struct crew crew;
static char self[512], heard[2][4096], logged[8192];
static int turns, missed;

/* The program */

static void print_fds(void)
{
	for (int fd = 0; fd < 1024; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			printf("fd %d\n", fd);
}

static int play(const char *role)
{
	char c;
	int sig = 0;

	if (!strcmp(role, "die"))
		return 3;
	prctl(PR_GET_PDEATHSIG, &sig);
	printf("signal %d\n", sig);
	if (!strcmp(role, "fds"))
		print_fds();
	printf("half");
	fflush(stdout);
	fprintf(stderr, "a complaint\n");
	while (read(0, &c, 1) == 1)
		if (c == 'x')
			return 4;
	return 0;
}

/* Its keeper */

static void on_signal(struct loop *l, int signo)
{
	int status;
	pid_t pid;

	(void)l;
	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!crew_reaped(&crew, pid, status))
			scratch_bail("reaped a stranger");
}

static void on_heard(struct crew_member *m, int stream, struct str line)
{
	size_t n = strlen(heard[stream]);

	(void)m;
	snprintf(heard[stream] + n, sizeof heard[0] - n, "%.*s|",
		 STR_ARG(line));
}

static void on_turned(struct crew_member *m, bool there)
{
	(void)m;
	turns += there;
	missed += !there;
}

static void on_log(struct str line)
{
	size_t n = strlen(logged);

	snprintf(logged + n, sizeof logged - n, "%.*s", STR_ARG(line));
}

static void forget(void)
{
	memset(heard, 0, sizeof heard);
	memset(logged, 0, sizeof logged);
	turns = missed = 0;
}

#define until(cond) \
	do { \
		while (!(cond)) \
			loop_turn(&loop, -1, NULL); \
	} while (0)

static struct crew_member member(const char *role, char **argv)
{
	static char name[] = "helper";

	argv[0] = name;
	argv[1] = (char *)(uintptr_t)role;
	argv[2] = NULL;
	return (struct crew_member){ .name = name, .argv = argv,
		.heard = on_heard, .turned = on_turned };
}

static bool in_log(const char *words)
{
	if (strstr(logged, words))
		return true;
	tap_diag("log: %s", logged);
	return false;
}

static size_t count(const char *text, const char *word)
{
	size_t n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text += strlen(word);
	}
	return n;
}

static void missing(void)
{
	char *argv[3], at[600];
	struct crew_member m = member("sit", argv);
	int p[2];

	if (os_pipe(p) < 0)
		scratch_bail("pipe");
	m.in = p[0];
	crew_start(&crew, &m);
	ok(m.missing && !m.pid && missed == 1 && !turns && m.error[0],
	   "a program that is not there");
	crew_retry(&crew);
	ok(m.missing && missed == 1 && count(logged, "\n") == 1 &&
	   in_log("not found"), "is said once");
	snprintf(at, sizeof at, "%s/helper", scratch_path);
	if (symlink(self, at) < 0)
		scratch_bail("symlink");
	crew_retry(&crew);
	until(turns);
	ok(!m.missing && m.pid && turns == 1 && !m.error[0],
	   "and found when it is looked for again");
	crew_dismiss(&m);
	close(p[1]);
	until(!m.pid);
	ok(!m.again.armed && !m.deaths, "dismissed: its end is no death");
	crew_release(&m);
	close(p[0]);
	ok(fd_count(FD_CREW) == 0 && fd_count(FD_EXEC) == 0 &&
	   list_empty(&crew.members), "all closed");
	forget();
}

static void talks(void)
{
	char *argv[3];
	struct crew_member m = member("fds", argv);
	int p[2], died;
	pid_t first;

	if (os_pipe(p) < 0)
		scratch_bail("pipe");
	m.in = p[0];
	m.outlives = true;
	crew_start(&crew, &m);
	until(heard[1][0] && strstr(heard[0], "fd 2|"));
	ok(!strcmp(heard[0], "signal 0|fd 0|fd 1|fd 2|"),
	   "it has stdin, stdout, stderr, and not the other end: %s", heard[0]);
	ok(!strcmp(heard[1], "a complaint|"), "what it says is heard");
	ok(crew_has(&crew, m.pid) && !crew_has(&crew, getpid()),
	   "it is known by its pid");
	first = m.pid;
	died = (int)m.deaths;
	if (write(p[1], "x", 1) != 1)
		scratch_bail("write");
	until(turns == 2);
	ok(m.pid != first && (int)m.deaths == died + 1 && turns == 2 &&
	   in_log("ended by itself, status 4; started again\n"),
	   "it ends: started again");
	ok(strstr(heard[0], "half|"), "what it said last is heard first");
	kill(m.pid, SIGKILL);
	first = m.pid;
	until(m.pid && m.pid != first);
	ok(in_log("ended by signal 9; started again"), "killed: too");
	crew_dismiss(&m);
	close(p[1]);
	until(!m.pid);
	ok(m.deaths == 2 && !m.again.armed, "end of file ends it");
	crew_release(&m);
	close(p[0]);
	forget();
}

static void hastens(void)
{
	char *argv[3];
	struct crew_member m = member("die", argv);
	int64_t from;

	crew_start(&crew, &m);
	until(m.deaths == CREW_DEATHS - 1);
	ok(count(logged, "\n") == CREW_DEATHS - 1, "every death is said");
	until(m.deaths == CREW_DEATHS);
	from = m.died_ms[CREW_DEATHS - 1];
	ok(m.again.armed && m.again.at_ms >= from + CREW_PAUSE_MS,
	   "the fifth in a second is followed by a pause");
	until(m.deaths == CREW_DEATHS + 3);
	ok(count(logged, "\n") == CREW_DEATHS &&
	   in_log("from now on every 0.1 s"), "and that is said once");
	/* As if a calm hour had passed. */
	for (int i = 0; i < CREW_DEATHS; i++)
		m.died_ms[i] -= 3600000;
	until(m.deaths == CREW_DEATHS + 4);
	ok(count(logged, "\n") == CREW_DEATHS + 1 && !m.hasty,
	   "after a calm time it is told anew");
	crew_release(&m);
	while (waitpid(-1, NULL, 0) > 0)
		;
	forget();
}

/* There, but not to be executed. */
static void unfit(int dir)
{
	char *argv[3];
	struct crew_member m = member("sit", argv);

	unlinkat(dir, "helper", 0);
	put(dir, "helper", "#!/no/such/interpreter\n");
	fchmodat(dir, "helper", 0644, 0);
	crew_start(&crew, &m);
	ok(m.missing && strstr(m.error, "not executable"), "no x bit: %s",
	   m.error);
	fchmodat(dir, "helper", 0755, 0);
	crew_retry(&crew);
	until(m.deaths == 3);
	ok(!m.missing && strstr(m.error, "No such file"),
	   "it cannot be executed: %s", m.error);
	ok(count(logged, "No such file") == 1, "and that is said once");
	crew_release(&m);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGCHLD, 0 };
	struct err e = { 0 };
	ssize_t n;
	int dir;

	if (argc > 1)
		return play(argv[1]);
	alarm(120);
	dir = scratch();
	n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0 || loop_init(&loop, &e) < 0 ||
	    loop_signals(&loop, signals, on_signal, &e) < 0)
		scratch_bail(e.msg);
	crew_init(&crew, &loop, argv[0], environ);
	ok(!strncmp(crew.dir, self, strlen(crew.dir)) &&
	   strchr(self + strlen(crew.dir) + 1, '/') == NULL,
	   "our own directory: %s", crew.dir);
	snprintf(crew.dir, sizeof crew.dir, "%s", scratch_path);
	log_to(on_log);
	missing();
	talks();
	hastens();
	unfit(dir);
	loop_release(&loop);
	return tap_done();
}
