/* SPDX-License-Identifier: MIT */
#include "sys/run.h"

#include "sys/fd.h"
#include "sys/os.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SELF "/proc/self/exe"

static char top[1024];
static char *none[] = { NULL };
static char x[] = "x", tells[] = "tell", holds[] = "hold";

/* What the started program, this one again, has to say of itself. */

static void tell_signals(void)
{
	struct sigaction sa;
	sigset_t mask;
	int odd = 0, blocked = 0;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	for (int s = 1; s < 32; s++) {
		sigaction(s, NULL, &sa);
		/* These a sanitizer takes for itself. */
		if (s != SIGSEGV && s != SIGBUS && s != SIGFPE)
			odd += sa.sa_handler != SIG_DFL;
		blocked += sigismember(&mask, s) == 1;
	}
	printf("odd=%d blocked=%d\n", odd, blocked);
}

static void tell_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.' && atoi(e->d_name) != dirfd(d))
			n++;
	closedir(d);
	printf("fds=%d\n", n);
}

static int tell(int argc, char **argv)
{
	extern char **environ;
	struct rlimit lim;
	char cwd[4096], c;

	printf("session=%d\n", getsid(0) == getpid() && getpgrp() == getpid());
	printf("stdin=%ld\n", (long)read(0, &c, 1));
	printf("cwd=%s\n", getcwd(cwd, sizeof cwd) ? cwd : "?");
	getrlimit(RLIMIT_NOFILE, &lim);
	printf("nofile=%llu\n", (unsigned long long)lim.rlim_cur);
	tell_signals();
	tell_descriptors();
	for (int i = 0; i < argc; i++)
		printf("arg=%s\n", argv[i]);
	for (char **p = environ; *p; p++)
		printf("env=%s\n", *p);
	fflush(stdout);
	fprintf(stderr, "to stderr\n");
	return 9;
}

static int role(int argc, char **argv)
{
	if (!strcmp(argv[1], "tell"))
		return tell(argc, argv);
	if (!strcmp(argv[1], "third"))
		return write(3, "x", 1) == 1 ? 0 : 1;
	/* "hold": say so, and never end. */
	printf("holding\n");
	fflush(stdout);
	for (;;)
		pause();
}

/* The end of a start: 1 executed, -1 not. */
static int outcome_of(int fd, struct run_failure *why)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int rc;

	while (!(rc = run_outcome(fd, why)))
		poll(&p, 1, -1);
	return rc;
}

static int status_of(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) :
	       1000 + WTERMSIG(status);
}

static char *slurp(int fd)
{
	static char text[2][16384];
	static int turn;
	char *to = text[turn = !turn];
	size_t n = 0;
	ssize_t got;

	while ((got = read(fd, to + n, sizeof text[0] - 1 - n)) > 0)
		n += (size_t)got;
	to[n] = '\0';
	close(fd);
	return to;
}

static bool has(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	return at && (at == text || at[-1] == '\n') &&
	       at[strlen(line)] == '\n';
}

static void on_term(int signo)
{
	(void)signo;
}

/* As bad as it gets: ignored, caught, blocked, and an open descriptor. */
static void make_untidy(void)
{
	struct sigaction sa = { .sa_handler = on_term };
	sigset_t mask;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	sigaction(SIGTERM, &sa, NULL);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	dup2(1, 30);
}

static void make_tidy(void)
{
	sigset_t mask;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	ok(sigismember(&mask, SIGUSR1) == 1 && !sigismember(&mask, SIGTERM),
	   "our own mask is as it was");
	ok(fd_count(FD_FREE) == 0, "nothing is left in the table");
	close(30);
	sigemptyset(&mask);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	signal(SIGTERM, SIG_DFL);
}

static void clean_child(const char *text)
{
	char line[4200];

	ok(has(text, "session=1"), "in a session of its own");
	ok(has(text, "stdin=0"), "with nothing on stdin");
	snprintf(line, sizeof line, "cwd=%s", top);
	ok(has(text, line), "in its directory");
	ok(has(text, "nofile=77"), "with its limit");
	ok(has(text, "odd=0 blocked=0"), "signals as if fresh");
	ok(has(text, "fds=3"), "three descriptors");
	ok(strstr(text, "arg=a name\narg=tell\narg=two words\narg=\n"),
	   "the arguments");
	ok(strstr(text, "env=A=1\nenv=B=two words\n") &&
	   !strstr(text, "PATH="), "the environment, and no more");
}

static void starting(void)
{
	char name[] = "a name", two[] = "two words", empty[] = "";
	char env1[] = "A=1", env2[] = "B=two words";
	char *argv[] = { name, tells, two, empty, NULL };
	char *envp[] = { env1, env2, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = envp,
			       .cwd = top, .nofile = 77 };
	struct run_failure why;
	struct err e = { 0 };
	int out[2], err[2], fd = -1;
	pid_t pid;

	make_untidy();
	os_pipe(out);
	os_pipe(err);
	req.out = out[1];
	req.err = err[1];
	pid = run_start(&req, &fd, &e);
	ok(pid > 0, "started: %s", e.msg);
	ok(fd_kind_of(fd) == FD_EXEC && (fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
	   (fcntl(fd, F_GETFL) & O_NONBLOCK), "the outcome is ours to watch");
	close(out[1]);
	close(err[1]);
	ok(outcome_of(fd, &why) == 1, "executed");
	fd_close(&fd);
	clean_child(slurp(out[0]));
	ok(!strcmp(slurp(err[0]), "to stderr\n"), "stderr");
	ok(status_of(pid) == 9, "its exit status is ours to have");
	make_tidy();
}

/* Wherever it is with us, it is 3 there; and nothing else is. */
static void a_third_one(int at)
{
	char third[] = "third", name[] = "x";
	char *argv[] = { name, third, NULL }, *envp[] = { NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = envp,
			       .out = 2, .err = 2 };
	struct run_failure why;
	int p[2], q[2], fd = -1, given;
	struct err e = { 0 };
	pid_t pid;
	char c = 0;

	os_pipe(p);
	os_pipe(q);
	given = fcntl(p[1], F_DUPFD_CLOEXEC, at);
	req.extra = &given;
	req.nextra = 1;
	pid = run_start(&req, &fd, &e);
	ok(pid > 0 && outcome_of(fd, &why) == 1 && status_of(pid) == 0 &&
	   read(p[0], &c, 1) == 1 && c == 'x', "%d becomes 3", given);
	fd_close(&fd);
	ok(fcntl(given, F_GETFD) & FD_CLOEXEC, "  and stays as it is here");
	req.nextra = 0;
	pid = run_start(&req, &fd, &e);
	ok(pid > 0 && outcome_of(fd, &why) == 1 && status_of(pid) == 1,
	   "  none: there is no 3");
	fd_close(&fd);
	close(p[0]);
	close(p[1]);
	close(q[0]);
	close(q[1]);
	close(given);
}

static void fails(const char *what, struct run_req req, int status,
		  enum run_step step, int sys)
{
	struct run_failure why = { 0 };
	char *argv[] = { x, NULL };
	struct err e = { 0 };
	int fd = -1;
	pid_t pid;

	req.argv = argv;
	req.envp = none;
	pid = run_start(&req, &fd, &e);
	ok(pid > 0 && outcome_of(fd, &why) == -1, "%s: fails", what);
	ok(why.step == (int)step && (!sys || why.sys == sys),
	   "%s: at step %d: %s", what, (int)why.step, strerror(why.sys));
	ok(status_of(pid) == status, "%s: exit status %d", what, status);
	fd_close(&fd);
}

static void put(const char *name, mode_t mode, const char *text)
{
	char path[4200];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", top, name);
	f = fopen(path, "w");
	if (!f || fputs(text, f) < 0 || fclose(f) || chmod(path, mode))
		tap_ok(false, __FILE__, __LINE__, "%s: %s", path,
		       strerror(errno));
}

static void failures(void)
{
	struct run_req req = { .out = 1, .err = 2, .cwd = top };

	put("plain", 0644, "x");
	put("noise", 0755, "\1\2\3");
	put("script", 0755, "#!/no/such/interpreter\n");
	req.path = "./absent";
	fails("absent", req, 127, RUN_EXEC, ENOENT);
	req.path = "./plain/x";
	fails("below a file", req, 127, RUN_EXEC, ENOTDIR);
	req.path = "./plain";
	fails("not executable", req, 126, RUN_EXEC, EACCES);
	req.path = "./noise";
	fails("no program", req, 126, RUN_EXEC, ENOEXEC);
	req.path = "./script";
	fails("no interpreter", req, 127, RUN_EXEC, ENOENT);
	req.gate = false;
	req.path = SELF;
	req.cwd = "/no/such/dir";
	fails("no directory", req, 125, RUN_CHDIR, ENOENT);
	req.cwd = NULL;
	req.err = -1;
	fails("no stderr", req, 125, RUN_SETUP, 0);
	req.err = 999;
	fails("a closed stderr", req, 125, RUN_SETUP, EBADF);
}

/* In a process of its own, whose standard descriptors are moved about. */
static int run_low(int out, int err, bool closed)
{
	char *argv[] = { x, tells, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = none };
	struct run_failure why;
	int a, b, fd = -1;
	pid_t pid;

	if (chdir(top))
		return 3;
	a = open("1", O_RDWR | O_CREAT | O_TRUNC, 0600);
	b = open("2", O_RDWR | O_CREAT | O_TRUNC, 0600);
	close(0);
	dup2(a, 1);
	dup2(b, 2);
	if (closed) {           /* the outcome takes 0, 1 */
		out = fcntl(a, F_DUPFD, 20);
		err = fcntl(b, F_DUPFD, 20);
		close(0);
		close(1);
		close(2);
	} else if (out == 0) {
		dup2(a, 0);
	}
	req.out = out;
	req.err = err;
	pid = run_start(&req, &fd, NULL);
	if (pid < 0 || outcome_of(fd, &why) != 1 || status_of(pid) != 9)
		return 1;
	fd_close(&fd);
	req.path = "/no/such/program";
	pid = run_start(&req, &fd, NULL);
	if (pid < 0 || outcome_of(fd, &why) != -1 || why.sys != ENOENT)
		return 2;
	return status_of(pid) == 127 ? 0 : 4;
}

static char *file(const char *name)
{
	char path[4200];

	snprintf(path, sizeof path, "%s/%s", top, name);
	return slurp(open(path, O_RDONLY | O_CLOEXEC));
}

static void low(const char *what, int out, int err, bool closed,
		const char *in1, const char *in2)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(run_low(out, err, closed));
	status = status_of(pid);
	ok(!status, "%s: ends well (%d)", what, status);
	ok(strstr(file("1"), in1) && strstr(file("2"), in2),
	   "%s: arrives where it should", what);
	ok(has(file(strstr(in1, "fds") ? "1" : "2"), "fds=3"),
	   "%s: three descriptors", what);
}

static void low_descriptors(void)
{
	low("1 and 2", 1, 2, false, "fds=", "to stderr");
	low("2 and 1", 2, 1, false, "to stderr", "fds=");
	low("0 and 2", 0, 2, false, "fds=", "to stderr");
	low("0, 1 and 2 closed", -1, -1, true, "fds=", "to stderr");
}

/* Starts one that holds, tells its pid, dies. */
static pid_t start_and_die(bool with_parent)
{
	char *argv[] = { x, holds, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = none,
			       .die_with_parent = with_parent, .err = 2 };
	pid_t mid, pid = -1;
	int out[2], tell_pid[2], fd;
	char c;

	os_pipe(out);
	os_pipe(tell_pid);
	req.out = out[1];
	mid = fork();
	if (!mid) {
		pid = run_start(&req, &fd, NULL);
		if (read(out[0], &c, 1) != 1 ||
		    write(tell_pid[1], &pid, sizeof pid) < 0)
			_exit(1);
		_exit(0);
	}
	close(tell_pid[1]);
	close(out[1]);
	if (read(tell_pid[0], &pid, sizeof pid) != sizeof pid)
		pid = -1;
	status_of(mid);
	close(tell_pid[0]);
	close(out[0]);
	return pid;
}

/* In place of the library's: the parent died while the child began. */
static bool orphaned;

pid_t getppid(void)
{
	return orphaned ? 1 : (pid_t)syscall(SYS_getppid);
}

static void parent_gone(void)
{
	char *argv[] = { x, tells, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = none,
			       .out = 2, .err = 2, .die_with_parent = true };
	pid_t pid;
	int fd;

	orphaned = true;
	pid = run_start(&req, &fd, NULL);
	orphaned = false;
	ok(pid > 0 && status_of(pid) == 125,
	   "does not begin when its parent is gone already");
	fd_close(&fd);
}

static void parents(void)
{
	pid_t pid;

	os_subreaper();
	pid = start_and_die(true);
	ok(pid > 0 && status_of(pid) == 1000 + SIGKILL, "dies with its parent");
	pid = start_and_die(false);
	kill(pid, SIGTERM);
	ok(pid > 0 && status_of(pid) == 1000 + SIGTERM,
	   "another lives until it is told");
}

static void gates(void)
{
	char *argv[] = { x, holds, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = none,
			       .err = 2, .gate = true };
	struct run_failure why;
	int out[2], fd = -1;
	pid_t pid;

	os_pipe(out);
	req.out = out[1];
	pid = run_start(&req, &fd, NULL);
	ok(run_outcome(fd, &why) == 0, "it waits at the gate");
	ok(!run_go(fd), "which opens");
	close(out[1]);
	ok(outcome_of(fd, &why) == 1, "executed");
	fd_close(&fd);
	kill(pid, SIGKILL);
	ok(status_of(pid) == 1000 + SIGKILL, "and killed");
	close(out[0]);

	req.out = 2;
	pid = run_start(&req, &fd, NULL);
	fd_close(&fd);
	ok(status_of(pid) == 125, "a gate that nobody opens any more: 125");

	req.path = "/no/such/program";
	pid = run_start(&req, &fd, NULL);
	run_go(fd);
	ok(outcome_of(fd, &why) == -1 && why.step == RUN_EXEC &&
	   why.sys == ENOENT && status_of(pid) == 127,
	   "a failure behind the gate");
	fd_close(&fd);
	req.cwd = "/no/such/dir";
	pid = run_start(&req, &fd, NULL);
	ok(status_of(pid) == 125, "a failure before it");
	ok(run_go(fd) < 0, "whose gate opens for nobody");
	ok(run_outcome(fd, &why) == -1 && why.step == RUN_CHDIR,
	   "is told all the same");
	fd_close(&fd);
}

static void forks_refused(void)
{
	char *argv[] = { x, NULL };
	struct run_req req = { .path = SELF, .argv = argv, .envp = none,
			       .out = 1, .err = 2 };
	struct rlimit lim = { 0, 0 };
	struct err e = { 0 };
	int fd = -5;
	pid_t pid = fork();

	if (pid) {
		int status = status_of(pid);

		if (status == 77)
			tap_diag("forks cannot be refused here");
		else
			ok(status == 0, "fork refused: an error, no more");
		return;
	}
	setrlimit(RLIMIT_NPROC, &lim);
	if (!geteuid() && (setgid(65534) || setuid(65534)))
		_exit(77);
	pid = run_start(&req, &fd, &e);
	if (pid > 0)
		_exit(77);
	_exit(e.sys == EAGAIN && fd == -5 && !fd_count(FD_FREE) ? 0 : 1);
}

/* Finding */

static struct arena arena;

static void finds(const char *name, const char *path, const char *cwd,
		  const char *want, enum err_code code)
{
	const char *found = "?";
	struct err e = { 0 };
	char full[4400] = "";
	int rc = run_find(name, path, cwd, &arena, &found, &e);

	if (want)
		snprintf(full, sizeof full, *want == '/' ? "%s%s" : "%s/%s",
			 *want == '/' ? "" : top, want);
	ok(rc == (code ? -1 : 0) && e.code == code &&
	   (want ? found && !strcmp(found, full) : !found),
	   "%s in %s: %s %s", name, path ? path : "(default)",
	   found ? found : "-", e.msg);
}

static void finding(void)
{
	char path[9000];

	put("d1/tool", 0644, "x");
	put("d2/tool", 0755, "x");
	put("d2/only", 0600, "x");
	snprintf(path, sizeof path, "%s/none:%s/d1:%s/d2", top, top, top);
	finds("tool", path, NULL, "d2/tool", ERR_NONE);
	finds("only", path, NULL, "d2/only", ERR_DENIED);
	finds("absent", path, NULL, NULL, ERR_NOT_FOUND);
	finds("", path, NULL, NULL, ERR_NOT_FOUND);
	finds("dir", path, NULL, NULL, ERR_NOT_FOUND);
	finds("./tool", path, path, NULL, ERR_NOT_FOUND);
	snprintf(path, sizeof path, "%s/d2/tool", top);
	finds(path, "", NULL, "d2/tool", ERR_NONE);
	finds(path, "/nowhere", "/nowhere", "d2/tool", ERR_NONE);
	snprintf(path, sizeof path, "%s/d2", top);
	finds("./tool", "/nowhere", path, "d2/./tool", ERR_NONE);
	finds("tool", ":/nowhere", path, "d2/tool", ERR_NONE);
	finds("dir/x", NULL, path, NULL, ERR_NOT_FOUND);
	finds("./dir", NULL, path, "d2/./dir", ERR_DENIED);
	finds("tool", "d2", top, "d2/tool", ERR_NONE);
	if (chdir(top))
		tap_diag("%s", strerror(errno));
	finds("d2/tool", NULL, NULL, "d2/tool", ERR_NONE);
	finds("./tool", NULL, "d2", "d2/./tool", ERR_NONE);
	finds("tool", "d1:d2", NULL, "d2/tool", ERR_NONE);
	if (!access("/bin/sh", X_OK) || !access("/usr/bin/sh", X_OK)) {
		const char *found = NULL;

		ok(!run_find("sh", NULL, NULL, &arena, &found, NULL) &&
		   found && !access(found, X_OK), "without PATH: %s",
		   found ? found : "-");
	}
	arena_reset(&arena);
	arena.cap = 16;
	finds("tool", path, NULL, NULL, ERR_NO_MEMORY);
	arena_release(&arena);
}

static void own_place(void)
{
	struct err e = { 0 };
	char dir[4096], real[PATH_MAX] = "", small[4];

	if (!realpath(SELF, real))
		tap_diag("no /proc");
	*strrchr(real, '/') = '\0';
	ok(run_own_dir("x", dir, sizeof dir, &e) == 0 && !strcmp(dir, real),
	   "where we are: %s", dir);
	ok(run_own_dir("no-such-program", small, sizeof small, &e) < 0 &&
	   strstr(e.msg, "no-such-program"), "not to be told: %s", e.msg);
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char cmd[4200], real[PATH_MAX];

	if (argc > 1)
		return role(argc, argv);
	alarm(60);
	snprintf(top, sizeof top, "%s/run.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(top))
		tap_skip_all("no temporary directory");
	if (!realpath(top, real) ||
	    !str_to_c(str_of(real), top, sizeof top))
		tap_skip_all("a temporary directory of too long a name");
	snprintf(cmd, sizeof cmd, "mkdir -p '%s/d1' '%s/d2/dir'", top, top);
	if (system(cmd))
		tap_diag("no directories");
	arena_init(&arena, 1 << 20);
	starting();
	a_third_one(3);
	a_third_one(40);
	failures();
	low_descriptors();
	parents();
	parent_gone();
	gates();
	forks_refused();
	finding();
	own_place();
	ok(!fd_count(FD_FREE), "no descriptor is left in the table");
	snprintf(cmd, sizeof cmd, "cd / && rm -rf '%s'", top);
	if (system(cmd))
		tap_diag("%s is left", top);
	return tap_done();
}
