/* SPDX-License-Identifier: MIT */
#include "sys/run.h"

#include "sys/fd.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * fork, not vfork: the child may then take its time between the two calls,
 * and a keeper that is killed in between leaves nothing half done. All
 * signals are blocked around it, so that none of our handlers ever runs in
 * the child, where it would write to our wake-up pipe.
 */


/* The child. Nothing but system calls from here to the end of start(). */

_Noreturn static void fail_at(int to, struct run_failure f)
{
	int status = 125;

	f.sys = errno;
	if (f.step == RUN_EXEC)
		status = f.sys == ENOENT || f.sys == ENOTDIR ? 127 : 126;
	/* Nobody there: then nobody wants to know. */
	while (send(to, &f, sizeof f, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	_exit(status);
}

_Noreturn static void fail(int to, enum run_step step)
{
	fail_at(to, (struct run_failure){ .step = (int32_t)step });
}

/* Out of the way of what the child gets. */
static int above(int fd)
{
	int first = 3 + RUN_EXTRA_MAX;

	return fd >= 0 && fd < first ? fcntl(fd, F_DUPFD_CLOEXEC, first) : fd;
}

/* An empty root has no /dev/null; a pipe nobody writes to reads the same. */
static int empty_stdin(void)
{
	int fd = open("/dev/null", O_RDONLY);
	int p[2];

	if (fd < 0) {
		if (pipe(p) < 0)
			return -1;
		close(p[1]);
		fd = p[0];
	}
	if (!fd)
		return 0;
	if (dup2(fd, 0) < 0)
		return -1;
	close(fd);
	return 0;
}

static int set_descriptors(const struct run_req *req, int *report)
{
	int out = above(req->out), err = above(req->err);
	int extra[RUN_EXTRA_MAX], n = (int)req->nextra;

	*report = above(*report);
	if (*report < 0 || out < 0 || err < 0) {
		errno = errno ? errno : EBADF;
		return -1;
	}
	for (int i = 0; i < n; i++)
		if ((extra[i] = above(req->extra[i])) < 0)
			return -1;
	if ((req->in ? dup2(req->in, 0) : empty_stdin()) < 0 ||
	    dup2(out, 1) < 0 || dup2(err, 2) < 0)
		return -1;
	os_cloexec_from(3);
	for (int i = 0; i < n; i++)
		if (dup2(extra[i], 3 + i) < 0)
			return -1;
	return 0;
}

/*
 * These two are ours, asked for by nobody: where limits may not be set (a
 * seccomp filter), the child does without. What its manifest asks for is
 * another thing: set_limits().
 */

static void set_nofile(uint64_t soft)
{
	struct rlimit lim;

	if (!soft || getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return;
	lim.rlim_cur = soft < lim.rlim_max ? (rlim_t)soft : lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
}

/* Only ever lowered: no child can give itself another's. */
static void set_mark(uint64_t mark)
{
	struct rlimit lim = { (rlim_t)mark, (rlim_t)mark };

	if (mark)
		setrlimit(RLIMIT_MSGQUEUE, &lim);
}

static void set_limits(const struct run_req *req, int report)
{
	for (size_t i = 0; i < req->nlimits; i++) {
		const struct run_limit *l = &req->limits[i];
		rlim_t value = l->value == RUN_UNLIMITED ? RLIM_INFINITY :
			       (rlim_t)l->value;
		struct rlimit lim = { value, value };

		if (setrlimit(l->which, &lim) < 0)
			fail_at(report, (struct run_failure){
				.step = RUN_LIMIT, .limit = (int32_t)i });
	}
}

/* What it writes to stays its own to open again, as /dev/stdout. */
static int become(const struct run_req *req)
{
	if (fchown(STDOUT_FILENO, req->uid, (gid_t)-1) < 0 ||
	    fchown(STDERR_FILENO, req->uid, (gid_t)-1) < 0)
		errno = 0;      /* or not: it can write to them as they are */
	if (os_set_groups(req->groups, req->ngroups) < 0 ||
	    setgid(req->gid) < 0)
		return -1;
	return setuid(req->uid);
}

static void wait_at_gate(int fd)
{
	char go;
	ssize_t n;

	do
		n = read(fd, &go, 1);
	while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(125);
}

_Noreturn static void child(const struct run_req *req, int p[2], pid_t parent)
{
	int report = p[1];

	/* Else it would hold its own gate open. */
	close(p[0]);
	errno = 0;
	if (set_descriptors(req, &report) < 0)
		fail(report, RUN_SETUP);
	os_default_signals();
	if (setsid() < 0)
		fail(report, RUN_SETUP);
	set_nofile(req->nofile);
	set_mark(req->mark);
	/* First of all, since it needs a descriptor and a right. */
	if (req->oom_score && os_set_oom_score(*req->oom_score) < 0)
		fail(report, RUN_OOM);
	if (req->nice && setpriority(PRIO_PROCESS, 0, *req->nice) < 0)
		fail(report, RUN_NICE);
	set_limits(req, report);
	if (req->set_user && become(req) < 0)
		fail(report, RUN_USER);
	if (req->cwd && chdir(req->cwd) < 0)
		fail(report, RUN_CHDIR);
	/* A change of uid takes it back, so not before. */
	if (req->die_with_parent) {
		/* Where that is not to be had, the next keeper ends it. */
		os_die_with_parent(SIGKILL);
		/* It may have died before we asked. */
		if (getppid() != parent)
			_exit(125);
	}
	if (req->gate)
		wait_at_gate(report);
	execve(req->path, req->argv, req->envp);
	fail(report, RUN_EXEC);
}

const struct run_limit_name run_limits[] = {
	{ "as", RLIMIT_AS }, { "core", RLIMIT_CORE }, { "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA }, { "fsize", RLIMIT_FSIZE },
	{ "nofile", RLIMIT_NOFILE }, { "stack", RLIMIT_STACK },
#ifdef RLIMIT_NPROC
	{ "memlock", RLIMIT_MEMLOCK }, { "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
#endif
#ifdef RLIMIT_RTTIME
	{ "locks", RLIMIT_LOCKS }, { "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME }, { "sigpending", RLIMIT_SIGPENDING },
#endif
	{ NULL, 0 }
};

/* The parent */

/* A pair of sockets, since the gate opens in the other direction. */
static int report_pair(int p[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, p) < 0)
		return -1;
	if (fcntl(p[0], F_SETFD, FD_CLOEXEC) < 0 ||
	    fcntl(p[1], F_SETFD, FD_CLOEXEC) < 0 ||
	    os_set_nonblock(p[0]) < 0) {
		fd_close(&p[0]);
		fd_close(&p[1]);
		return -1;
	}
	p[0] = fd_own(p[0], FD_EXEC, 0);
	if (p[0] < 0)
		fd_close(&p[1]);
	return p[0] < 0 ? -1 : 0;
}

pid_t run_start(const struct run_req *req, int *outcome, struct err *e)
{
	pid_t self = getpid(), pid;
	sigset_t all, was;
	int p[2], err;

	if (report_pair(p) < 0)
		return err_sys(e, "start %s: outcome pipe", req->path);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &was);
	pid = req->cgroup > 0 ? os_fork_into(req->cgroup) : -1;
	if (pid < 0)
		pid = fork();
	if (!pid)
		child(req, p, self);
	err = errno;
	sigprocmask(SIG_SETMASK, &was, NULL);
	fd_close(&p[1]);
	if (pid < 0) {
		fd_close(&p[0]);
		errno = err;
		return err_sys(e, "start %s: fork", req->path);
	}
	*outcome = p[0];
	return pid;
}

int run_go(int outcome)
{
	ssize_t n;

	do
		n = send(outcome, "", 1, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n == 1 ? 0 : -1;
}

int run_outcome(int outcome, struct run_failure *why)
{
	ssize_t n;

	do
		n = read(outcome, why, sizeof *why);
	while (n < 0 && errno == EINTR);
	/* Reset: it ended with our word to it unread, and said nothing. */
	if (!n || (n < 0 && errno == ECONNRESET))
		return 1;
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n != (ssize_t)sizeof *why)
		*why = (struct run_failure){
			.step = RUN_SETUP,
			.sys = n < 0 ? errno : EPROTO,
		};
	return -1;
}

/* Finding the program */

/* dir/name, made absolute, since the child is in cwd when it executes it. */
static const char *join(struct arena *a, const char *cwd, struct str dir,
			const char *name)
{
	const char *p = dir.n ?
		arena_printf(a, "%.*s/%s", STR_ARG(dir), name) : name;
	char here[4096];

	if (!p || *p == '/')
		return p;
	if (cwd)
		p = arena_printf(a, "%s/%s", cwd, p);
	if (!p || *p == '/')
		return p;
	if (!getcwd(here, sizeof here))
		return p;
	return arena_printf(a, "%s/%s", here, p);
}

enum candidate { ABSENT, REFUSED, GOOD };

static enum candidate look_at(const char *path, bool named)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno == EACCES && named ? REFUSED : ABSENT;
	/* A directory of that name in PATH is not what was meant. */
	if (!S_ISREG(st.st_mode))
		return named ? REFUSED : ABSENT;
	return access(path, X_OK) < 0 ? REFUSED : GOOD;
}

static int no_memory(struct err *e)
{
	return err_set(e, ERR_NO_MEMORY, "no memory");
}

int run_find(const char *name, const char *path, const char *cwd,
	     struct arena *a, const char **found, struct err *e)
{
	struct str rest = str_of(path ? path : "/usr/local/bin:/usr/bin:/bin");
	bool named = strchr(name, '/') != NULL, more = *name != '\0';
	const char *at, *refused = NULL;
	struct str dir = STR_NULL;
	enum candidate is;

	*found = NULL;
	while (more) {
		more = !named && str_cut(rest, ':', &dir, &rest);
		at = join(a, cwd, dir, name);
		if (!at)
			return no_memory(e);
		is = look_at(at, named);
		if (is == GOOD) {
			*found = at;
			return 0;
		}
		if (is == REFUSED && !refused)
			refused = at;
	}
	*found = refused;
	if (refused)
		return err_set(e, ERR_DENIED, "%s: not executable", refused);
	return err_set(e, ERR_NOT_FOUND, "%s: not found", name);
}

int run_own_dir(const char *argv0, char *out, size_t size, struct err *e)
{
	const char *found = NULL;
	struct arena a;
	ssize_t n = os_own_path(out, size);
	char *slash;

	if (n < 0) {
		arena_init(&a, 65536);
		if (run_find(argv0, getenv("PATH"), NULL, &a, &found, e) < 0 ||
		    !str_to_c(str_of(found), out, size))
			found = NULL;
		arena_release(&a);
		if (!found)
			return err_set(e, ERR_NOT_FOUND, "cannot tell where "
				       "%s is", argv0);
	}
	slash = strrchr(out, '/');
	slash[slash == out] = '\0';
	return 0;
}
