/* SPDX-License-Identifier: MIT */
/*
 * A worker that has been taken over. Each attempt is made by a process of its
 * own: free, to see that it would succeed, and from within the jail of a
 * worker, as root and as nobody, with all locks and with some of them missing.
 */
#define _GNU_SOURCE
#include "jail_files.h"
#include "jail_others.h"
#include "jail_reach.h"

#include "sys/net.h"
#include "sys/os.h"
#include "tap.h"

#include <grp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#define NOBODY 65534
#define REFUSED_MAX 200

static char top[] = "/tmp/jail-XXXXXX";
static int topfd;
static struct cell cell;
static int server;              /* home/s */
static unsigned host_has;

static int make(int dir, const char *name, const char *text)
{
	int fd = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("Bail out! %s: %s\n", name, strerror(errno));
	return fd;
}

/* Beneath top: outside, and home with what a worker has there. */
static void furnish(uid_t uid)
{
	struct err e;

	mkdirat(topfd, "home", 0755);
	cell.home = openat(topfd, "home", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(make(topfd, "outside", "out"));
	close(make(cell.home, "text", "text"));
	close(make(cell.home, "data", ""));
	close(make(cell.home, "shm", ""));
	close(make(cell.home, "m.info", "info"));
	mkdirat(cell.home, "empty", 0755);
	mkdirat(cell.home, "sub", 0755);
	server = net_listen_unix(cell.home, "s", &e);
	for (const char **n = (const char *[]){ ".", "text", "data", "shm",
	     "empty", "sub", "s", NULL }; *n; n++)
		if (fchownat(cell.home, *n, uid, uid, 0) < 0)
			printf("Bail out! chown\n");
	if (fchownat(topfd, "outside", uid, uid, 0) < 0 ||
	    fchown(topfd, uid, uid) < 0)
		printf("Bail out! chown\n");
	snprintf(cell.outside, sizeof cell.outside, "%s/outside", top);
}

static void clear_away(void)
{
	static const char *const names[] = { "text", "data", "shm", "m.info",
		"new", "s" };

	for (size_t i = 0; i < LEN(names); i++)
		unlinkat(cell.home, names[i], 0);
	unlinkat(cell.home, "empty", AT_REMOVEDIR);
	unlinkat(cell.home, "sub", AT_REMOVEDIR);
	unlinkat(cell.home, "new", AT_REMOVEDIR);
	unlinkat(topfd, "outside", 0);
	close(server);
	close(cell.home);
	unlinkat(topfd, "home", AT_REMOVEDIR);
}

/* Everything that is there before a worker locks itself in. */
static void hold(void)
{
	struct dial_conf conf = { .sock_dir = cell.home, .sock_name = "s",
		.suffix = "/m.info" };
	struct err e = { 0 };

	cell.data = openat(cell.home, "data", O_RDWR | O_CLOEXEC);
	cell.shm = openat(cell.home, "shm", O_RDWR | O_CLOEXEC);
	cell.text = openat(cell.home, "text", O_RDONLY | O_CLOEXEC);
	if (hold_sockets(&cell) < 0 || hold_peers(&cell) < 0 ||
	    cell.data < 0 || cell.shm < 0 ||
	    dial_open(&cell.dial, &conf, &e) < 0)
		_exit(REFUSED_MAX + 1);
}

static void become(uid_t uid)
{
	if (uid == getuid())
		return;
	if (setgroups(0, NULL) < 0 || setgid(uid) < 0 || setuid(uid) < 0)
		_exit(REFUSED_MAX + 2);
	/* That made it one whom nobody may trace, which is not the jail's. */
	prctl(PR_SET_DUMPABLE, 1);
}

/* In a process of its own: 0 for success, else errno; -1 if it was killed. */
static int outcome_of(int (*fn)(struct cell *), uid_t uid, bool jailed,
		      unsigned without)
{
	char report[JAIL_REPORT_SIZE];
	int status;
	pid_t pid;

	cell.parent = getpid();
	pid = fork();
	if (!pid) {
		struct jail_conf conf = { .home = cell.home,
			.without = without };

		become(uid);
		hold();
		if (jailed)
			jail_worker(&conf, report, sizeof report);
		errno = 0;
		status = fn(&cell);
		_exit(status < 0 ? (errno ? errno : REFUSED_MAX) : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Somebody of the same user, to be attacked. */
static pid_t victim_of(uid_t uid)
{
	int p[2], byte = 0;
	pid_t pid;

	if (pipe(p) < 0)
		return -1;
	pid = fork();
	if (!pid) {
		become(uid);
		if (write(p[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(p[0], &byte, 1) != 1)
		pid = -1;
	close(p[0]);
	close(p[1]);
	return pid;
}

static void try_one(const struct attempt *a, uid_t uid, unsigned without)
{
	unsigned by = a->by & ALL & host_has & ~without;
	int got;

	if (SANITIZED && (a->by & RUNTIME))
		return;
	if (!without && !(a->by & ANYHOW) && !((a->by & ROOT) && uid)) {
		furnish(uid);
		got = outcome_of(a->fn, uid, false, 0);
		ok(got == 0, "free: %s (%d)", a->name, got);
		clear_away();
	}
	if (!by)
		return;
	furnish(uid);
	got = outcome_of(a->fn, uid, true, without);
	ok(is_refusal(got), "jailed: %s (%d)", a->name, got);
	clear_away();
}

static void try_all(uid_t uid, unsigned without)
{
	cell.victim = victim_of(uid);
	tap_diag("as %u, without %u", (unsigned)uid, without);
	for (size_t i = 0; i < LEN(file_attempts); i++)
		try_one(&file_attempts[i], uid, without);
	for (size_t i = 0; i < LEN(reach_attempts); i++)
		try_one(&reach_attempts[i], uid, without);
	for (size_t i = 0; i < LEN(other_attempts); i++)
		try_one(&other_attempts[i], uid, without);
	ok(kill(cell.victim, 0) == 0 && waitpid(cell.victim, NULL, WNOHANG) == 0,
	   "nobody was harmed");
	kill(cell.victim, SIGKILL);
	waitpid(cell.victim, NULL, 0);
}

/* What must go on. Each answers 0. */

static int goes_database(struct cell *c)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = 120, .l_len = 8 };
	char got[4] = "";
	char *p;

	if (ftruncate(c->shm, 65536) < 0 || ftruncate(c->shm, 32768) < 0)
		return -1;
	p = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_SHARED, c->shm, 0);
	if (p == MAP_FAILED)
		return -1;
	p[32767] = 1;
	if (pwrite(c->data, "abc", 3, 4096) != 3 || fsync(c->data) < 0 ||
	    fdatasync(c->data) < 0 || pread(c->data, got, 3, 4096) != 3 ||
	    strcmp(got, "abc") != 0 || fcntl(c->shm, F_SETLK, &lock) < 0 ||
	    ftruncate(c->data, 4096) < 0 || munmap(p, 32768) < 0)
		return -1;
	lock.l_type = F_UNLCK;
	return fcntl(c->shm, F_SETLK, &lock);
}

static int goes_reading(struct cell *c)
{
	char got[8] = "";
	struct stat st;
	int fd = openat(c->home, "text", O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 || read(fd, got, sizeof got) != 4 || fstat(fd, &st) < 0 ||
	    close(fd) < 0 || stat("/", &st) < 0)
		return -1;
	fd = openat(c->home, "sub", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

static int goes_serving(struct cell *c)
{
	struct epoll_event ev = { .events = EPOLLIN }, out;
	char two[] = "ab", got[4] = "";
	struct iovec iov[2] = { { two, 1 }, { two + 1, 1 } };
	int on = 1, peer, fd, ep = epoll_create1(EPOLL_CLOEXEC);
	struct err e;

	peer = dial_port(&c->dial, c->port, &e);
	if (peer < 0 || ep < 0 ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, c->listener, &ev) < 0 ||
	    epoll_wait(ep, &out, 1, -1) != 1)
		return -1;
	fd = os_accept(c->listener);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on))
		return -1;
	if (send(peer, "abc", 3, MSG_NOSIGNAL) != 3 ||
	    poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1) != 1 ||
	    recv(fd, got, 3, 0) != 3 || strcmp(got, "abc") != 0)
		return -1;
	if (writev(fd, iov, 2) != 2 || shutdown(fd, SHUT_WR) < 0)
		return -1;
	return close(fd);
}

static int goes_dialling(struct cell *c)
{
	char dir[128], got[8] = "";
	struct err e;
	int fd = dial_unix(&c->dial, &e);

	if (fd < 0 || send(fd, "x", 1, MSG_NOSIGNAL) != 1)
		return -1;
	snprintf(dir, sizeof dir, "%s/home", top);
	fd = dial_file(&c->dial, str_of(dir), &e);
	if (fd < 0 || read(fd, got, sizeof got) != 4)
		return -1;
	return strcmp(got, "info");
}

static int goes_waiting(struct cell *c)
{
	struct timespec t = { 0, 1000 }, now;
	unsigned char some[32];
	void *p = malloc(1 << 20);
	int in;

	if (!p || os_random(some, sizeof some) < 0 || nanosleep(&t, NULL) < 0 ||
	    clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return -1;
	free(p);
	in = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (in < 0 || inotify_add_watch(in, "/proc/self/cwd", IN_CLOSE) < 0)
		return -1;
	return write(2, "", 0) < 0 || fcntl(c->data, F_GETFL) < 0 ? -1 : 0;
}

static int goes_signals(struct cell *c)
{
	sigset_t set;
	int got = 0;

	(void)c;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (raise(SIGUSR1) != 0 || sigwait(&set, &got) != 0)
		return -1;
	return got == SIGUSR1 ? 0 : -1;
}

static int ends_by_abort(struct cell *c)
{
	(void)c;
	abort();
}

static void test_goes_on(uid_t uid, unsigned without)
{
	static const struct attempt all[] = {
		{ "a database is written", goes_database, 0 },
		{ "the home is read", goes_reading, 0 },
		{ "clients are served", goes_serving, 0 },
		{ "the dialer dials", goes_dialling, 0 },
		{ "time, memory, chance", goes_waiting, 0 },
		{ "signals to itself", goes_signals, 0 },
	};
	int got;

	for (size_t i = 0; i < LEN(all); i++) {
		furnish(uid);
		got = outcome_of(all[i].fn, uid, true, without);
		ok(got == 0, "goes on as %u: %s (%d)", (unsigned)uid,
		   all[i].name, got);
		clear_away();
	}
	furnish(uid);
	ok(outcome_of(ends_by_abort, uid, true, without) == -1,
	   "abort() ends it");
	clear_away();
}

/* What is reported is what /proc says. */
static int tells(struct cell *c)
{
	struct jail_conf conf = { .home = c->home };
	char report[JAIL_REPORT_SIZE], text[4096] = "";
	int fd = open("/proc/self/status", O_RDONLY);
	unsigned set = jail_worker(&conf, report, sizeof report);

	printf("# %s\n", report);
	fflush(stdout);
	if (read(fd, text, sizeof text - 1) < 0 ||
	    !strstr(text, "NoNewPrivs:\t1") ||
	    !strstr(text, "CapPrm:\t0000000000000000") ||
	    !strstr(text, "CapEff:\t0000000000000000") ||
	    !strstr(text, "CapAmb:\t0000000000000000") ||
	    !strstr(text, "Seccomp:\t2"))
		return -1;
	if (!getuid() && !strstr(text, "CapBnd:\t0000000000000000"))
		return -1;
	return set == ALL && !strstr(report, "lacks") ? 0 : -1;
}

static int tells_lacking(struct cell *c)
{
	struct jail_conf conf = { .home = c->home, .without = ALL };
	char report[JAIL_REPORT_SIZE];
	unsigned set = jail_worker(&conf, report, sizeof report);

	return !set && !strcmp(report, "holds: nothing; lacks: "
			       "no new privileges, no capabilities, landlock, "
			       "seccomp") ? 0 : -1;
}

static int knows(struct cell *c)
{
	struct jail_conf conf = { .home = c->home };
	char report[JAIL_REPORT_SIZE];

	/* Told by the exit status, like the others' outcomes. */
	errno = (int)jail_worker(&conf, report, sizeof report) + 1;
	return -1;
}

static void test_report(uid_t uid)
{
	furnish(uid);
	host_has = (unsigned)outcome_of(knows, uid, false, 0) - 1;
	ok(host_has <= ALL && (host_has & JAIL_PRIVS), "locks: %u", host_has);
	if (host_has == ALL)
		ok(outcome_of(tells, uid, false, 0) == 0, "as /proc has it");
	ok(outcome_of(tells_lacking, uid, false, 0) == 0, "what lacks is said");
	clear_away();
}

static void test_as(uid_t uid)
{
	test_report(uid);
	test_goes_on(uid, 0);
	try_all(uid, 0);
	/* Hosts that have the one or the other. */
	test_goes_on(uid, JAIL_FILES);
	try_all(uid, JAIL_FILES);
	test_goes_on(uid, JAIL_CALLS);
	try_all(uid, JAIL_CALLS);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;       /* executed: that was an attempt */
	alarm(100);
	if (!mkdtemp(top) ||
	    (topfd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		tap_skip_all("no directory");
	chmod(top, 0755);
	test_as(getuid());
	if (!getuid())
		test_as(NOBODY);
	rmdir(top);
	return tap_done();
}
