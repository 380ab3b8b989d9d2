/* SPDX-License-Identifier: MIT */
#define _XOPEN_SOURCE 700
#include "sys/os.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Makes a system call fail for the rest of this process: the second ways. */
struct bpf { uint16_t code; uint8_t yes, no; uint32_t k; };
struct bpf_prog { unsigned short n; struct bpf *p; };

static bool deny(long nr, int err)
{
	struct bpf p[] = {
		{ 0x20, 0, 0, 0 },                      /* load the number */
		{ 0x15, 0, 1, (uint32_t)nr },
		{ 0x06, 0, 0, 0x00050000 | (uint32_t)err },
		{ 0x06, 0, 0, 0x7fff0000 },             /* allow */
	};
	struct bpf_prog prog = { 4, p };

	prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L);
	return !prctl(PR_SET_SECCOMP, 2L, &prog);
}

static bool cloexec(int fd)
{
	return fcntl(fd, F_GETFD) & FD_CLOEXEC;
}

static bool nonblock(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void clocks(void)
{
	int64_t last = os_now_ms(), t, unix_s = (int64_t)time(NULL);
	bool back = false;

	for (int i = 0; i < 1000; i++) {
		t = os_now_ms();
		back |= t < last;
		last = t;
	}
	ok(!back && last > 0, "the monotonic clock never goes back");
	t = os_unix_ms() / 1000;
	ok(t >= unix_s && t < unix_s + 3600, "milliseconds since 1970");
	t = os_unix_ns() / 1000000000;
	ok(t >= unix_s && t < unix_s + 3600, "nanoseconds since 1970");
}

static void randomness(void)
{
	unsigned char a[700] = { 0 }, b[700] = { 0 };
	int zeros = 0;

	ok(!os_random(a, sizeof a) && !os_random(b, sizeof b), "random bytes");
	ok(memcmp(a, b, sizeof a), "others the second time");
	for (size_t i = sizeof a - 64; i < sizeof a; i++)
		zeros += !a[i];
	ok(zeros < 32, "up to the last byte");
}

static void descriptors(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof a;
	int p[2], l, c, got;

	ok(!os_pipe(p), "a pipe");
	ok(cloexec(p[0]) && cloexec(p[1]), "is close-on-exec at both ends");
	ok(!nonblock(p[0]) && !nonblock(p[1]), "and blocks");
	ok(!os_set_nonblock(p[0]) && nonblock(p[0]) && !nonblock(p[1]),
	   "one end made non-blocking");
	close(p[0]);
	close(p[1]);
	ok(os_set_nonblock(p[0]) < 0 && errno == EBADF, "not a closed one");

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	l = socket(AF_INET, SOCK_STREAM, 0);
	c = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(l, (struct sockaddr *)&a, len) || listen(l, 1) ||
	    getsockname(l, (struct sockaddr *)&a, &len) ||
	    connect(c, (struct sockaddr *)&a, len))
		tap_diag("no loopback: %s", strerror(errno));
	got = os_accept(l);
	ok(got >= 0 && cloexec(got) && nonblock(got),
	   "an accepted socket is close-on-exec and non-blocking");
	close(got);
	close(c);
	close(l);
}

/* Until it takes no more. */
static size_t stuff(int fd, size_t each)
{
	static const char block[65536] = { 'x' };
	size_t all = 0;
	ssize_t n;

	while ((n = os_write_nowait(fd, block, each)) > 0)
		all += (size_t)n;
	return n < 0 && errno == EAGAIN ? all : 0;
}

static size_t drain(int fd)
{
	char buf[65536];
	size_t all = 0;
	ssize_t n;

	os_set_nonblock(fd);
	while ((n = read(fd, buf, sizeof buf)) > 0)
		all += (size_t)n;
	return all;
}

static void nowait_pipe(const char *how)
{
	char page[4096];
	int p[2], same;
	size_t all;
	ssize_t n;

	os_pipe(p);
	same = dup(p[1]);
	all = stuff(same, 10000);
	ok(all >= 4096, "%s: a full pipe says EAGAIN (after %zu)", how, all);
	ok(!nonblock(p[1]), "%s: its flags are as they were", how);
	ok(os_write_nowait(same, "x", 1) < 0 && errno == EAGAIN,
	   "%s: not one byte more", how);
	ok(read(p[0], page, sizeof page) == (ssize_t)sizeof page,
	   "%s: a page is read", how);
	n = os_write_nowait(same, page, sizeof page);
	ok(n > 0 && (size_t)n <= sizeof page, "%s: a page fits", how);
	all = all - sizeof page + (size_t)n;
	ok(drain(p[0]) == all, "%s: what it took is all there", how);
	close(p[0]);
	ok(os_write_nowait(same, "x", 1) < 0 && errno == EPIPE,
	   "%s: nobody reads: EPIPE", how);
	close(p[1]);
	close(same);
	ok(os_write_nowait(same, "x", 1) < 0 && errno == EBADF,
	   "%s: closed: EBADF", how);
}

static void nowait_others(const char *how)
{
	char big[100000] = { 'y' };
	FILE *f = tmpfile();
	int s[2], m, t;
	struct stat st;
	size_t all;

	ok(os_write_nowait(fileno(f), big, sizeof big) == sizeof big &&
	   !fstat(fileno(f), &st) && st.st_size == sizeof big,
	   "%s: a regular file takes it all", how);
	fclose(f);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		tap_diag("no socketpair");
	all = stuff(s[0], 3000);
	ok(all >= 3000 && !nonblock(s[0]), "%s: a full socket", how);
	ok(drain(s[1]) == all, "%s: has it all", how);
	close(s[0]);
	close(s[1]);

	m = posix_openpt(O_RDWR | O_NOCTTY);
	if (m < 0 || grantpt(m) || unlockpt(m) ||
	    (t = open(ptsname(m), O_RDWR | O_NOCTTY)) < 0) {
		tap_diag("no terminals here");
		return;
	}
	all = stuff(t, 4000);
	ok(all >= 256 && !nonblock(t), "%s: a full terminal (after %zu)", how,
	   all);
	ok(drain(m) >= all, "%s: has it all", how);
	close(t);
	close(m);
}

static void nowait(const char *how)
{
	nowait_pipe(how);
	nowait_others(how);
}

static bool cloexec_from_40(void)
{
	static const int at[] = { 40, 41, 55, 300 };
	bool good = true;

	dup2(1, 39);
	for (size_t i = 0; i < LEN(at); i++)
		dup2(1, at[i]);
	os_cloexec_from(40);
	for (size_t i = 0; i < LEN(at); i++) {
		good = good && cloexec(at[i]);
		close(at[i]);
	}
	good = good && !cloexec(39) && !cloexec(1);
	close(39);
	return good;
}

static void peers(void)
{
	uid_t uid = 77;
	pid_t pid = 0;
	int s[2], p[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) < 0)
		tap_diag("no socketpair");
	ok(!os_peer(s[0], &uid, &pid) && uid == geteuid() && pid == getpid(),
	   "the peer of a socket pair is ourselves");
	close(s[0]);
	close(s[1]);
	s[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	ok(os_peer(s[0], &uid, &pid) < 0, "a socket without peer has none");
	close(s[0]);
	os_pipe(p);
	ok(os_peer(p[0], &uid, &pid) < 0 && errno == ENOTSOCK, "nor a pipe");
	close(p[0]);
	close(p[1]);
}

static void children(void)
{
	pid_t pids[3], got[8] = { 0 };
	bool all = true;
	int p[2], n;
	char c;

	os_pipe(p);
	for (size_t i = 0; i < LEN(pids); i++) {
		pids[i] = fork();
		if (!pids[i]) {
			close(p[1]);
			_exit(read(p[0], &c, 1) != 0);
		}
	}
	n = os_children(got, LEN(got));
	if (n < 0) {
		ok(errno == ENOSYS, "children are not listed here");
	} else {
		ok(n == 3, "three children, %d listed", n);
		for (size_t i = 0; i < LEN(pids); i++) {
			bool found = false;

			for (int j = 0; j < 3; j++)
				found |= got[j] == pids[i];
			all &= found;
		}
		ok(all, "they are those");
		got[1] = 0;
		ok(os_children(got, 1) == 3 && !got[1],
		   "all are counted, only those with room are stored");
	}
	close(p[0]);
	close(p[1]);
	for (size_t i = 0; i < LEN(pids); i++)
		waitpid(pids[i], NULL, 0);
	ok(os_children(got, 8) <= 0, "none is left");
}

/* An orphan of ours: it tells its pid, waits for the end of `hold`. */
static pid_t orphan(int hold, bool dies)
{
	int tell[2], go[2];
	pid_t mid, pid = 0;
	char c;

	os_pipe(tell);
	os_pipe(go);
	mid = fork();
	if (!mid) {
		pid = fork();
		if (!pid) {
			if (dies)
				os_die_with_parent(SIGKILL);
			pid = getpid();
			c = write(tell[1], &pid, sizeof pid) < 0;
			c = write(go[1], "", 1) < 0;
			_exit(read(hold, &c, 1) == 0 ? 7 : 8);
		}
		_exit(read(go[0], &c, 1) != 1);
	}
	if (read(tell[0], &pid, sizeof pid) != sizeof pid)
		pid = -1;
	waitpid(mid, NULL, 0);
	close(tell[0]);
	close(tell[1]);
	close(go[0]);
	close(go[1]);
	return pid;
}

static void orphans(void)
{
	int hold[2], status = 0;
	pid_t pid;

	ok(!os_subreaper(), "we inherit orphans");
	os_pipe(hold);
	fcntl(hold[1], F_SETFD, FD_CLOEXEC);
	pid = orphan(hold[0], true);
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGKILL,
	   "one that dies with its parent does, and becomes ours");
	if (write(hold[1], "x", 1) != 1)
		tap_diag("pipe: %s", strerror(errno));
	pid = orphan(hold[0], false);
	ok(waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	   WEXITSTATUS(status) == 8, "another lives on, and becomes ours");
	close(hold[0]);
	close(hold[1]);
}

static void pidfds(void)
{
	int status = 0, fd;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	fd = os_pidfd(pid);
	if (fd < 0) {
		ok(errno == ENOSYS, "no pidfds here");
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		return;
	}
	ok(cloexec(fd), "a pidfd is close-on-exec");
	ok(!os_pidfd_signal(fd, 0), "signal 0 through it");
	ok(!os_pidfd_signal(fd, SIGTERM), "a signal through it");
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGTERM, "arrives");
	ok(os_pidfd_signal(fd, SIGTERM) < 0 && errno == ESRCH,
	   "after that it names nobody");
	close(fd);
	ok(os_pidfd(pid) < 0 && errno == ESRCH, "no pidfd for the dead");
}

static void maps(void)
{
	size_t n = (size_t)64 << 20;
	volatile char *p = os_map(n);
	int status = 0;
	pid_t pid;

	ok(p != NULL, "64 MiB");
	if (!p)
		return;
	ok(!p[0] && !p[n - 1], "are zero");
	p[5000] = 'a';
	p[n - 1] = 'b';
	os_map_trim((void *)(uintptr_t)(p + 4096), 4096);
	ok(!p[5000] && p[n - 1] == 'b', "trimmed pages are zero again");
	pid = fork();
	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		_exit(p[n - 1]);
	}
	ok(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
	   WTERMSIG(status) == SIGSEGV, "a child does not have them");
	os_unmap((void *)(uintptr_t)p, n);
	os_unmap(NULL, 0);
	ok(!os_map((size_t)1 << 62), "what cannot be had is NULL");
}

/* For a child: nothing can be opened any more. */
static int without_proc(void)
{
#ifdef SYS_open
	deny(SYS_open, EACCES);
#endif
	deny(SYS_openat, EACCES);
	if (open("/proc/self/fd", O_RDONLY) >= 0)
		return 2;
	return cloexec_from_40() && os_children(NULL, 0) < 0 ? 0 : 1;
}

static void peeks(void)
{
	char seen[8] = "", got[8] = "";
	int p[2], spare[2], file = open("/dev/null", O_RDONLY);

	if (pipe(p) < 0 || pipe(spare) < 0)
		exit(1);
	ok(os_pipe_room(p[0]) >= 4096 && os_pipe_room(file) == 0,
	   "a pipe has a size, a file has none");
	ok(os_pipe_peek(p[0], spare, seen, 8) < 0 && errno == EAGAIN,
	   "nothing to see");
	ok(write(p[1], "abcdef", 6) == 6 &&
	   os_pipe_peek(p[0], spare, seen, 4) == 4 && !memcmp(seen, "abcd", 4),
	   "the first bytes are seen");
	ok(os_pipe_peek(p[0], spare, seen, 8) == 6 &&
	   !memcmp(seen, "abcdef", 6), "and again, with the rest");
	ok(read(p[0], got, 8) == 6 && !memcmp(got, "abcdef", 6),
	   "they are still there");
	close(p[1]);
	ok(os_pipe_peek(p[0], spare, seen, 8) == 0, "nobody can write");
	ok(os_pipe_peek(file, spare, seen, 8) < 0 && errno == ENOSYS,
	   "no pipe: read it");
	close(p[0]);
	close(spare[0]);
	close(spare[1]);
	close(file);
}

static void second_ways(void)
{
	int none[2] = { -1, -1 };
	int status = 1;
	pid_t pid;

	if (!deny(SYS_pwritev2, ENOSYS)) {
		tap_diag("system calls cannot be denied here");
		return;
	}
	nowait("no pwritev2");
	deny(SYS_close_range, ENOSYS);
	ok(cloexec_from_40(), "no close_range: the same");
	deny(SYS_tee, EPERM);
	ok(os_pipe_peek(0, none, NULL, 1) < 0 && errno == ENOSYS,
	   "a filter's EPERM means no peeking");
	deny(SYS_pidfd_open, EPERM);
	ok(os_pidfd(getpid()) < 0 && errno == ENOSYS,
	   "a filter's EPERM means no pidfds");
	pid = fork();
	if (!pid)
		_exit(without_proc());
	ok(waitpid(pid, &status, 0) == pid && status == 0,
	   "no /proc either: the same");
}

static void datagrams(void)
{
	int p[2], s, fd, again, fds[2];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} beside = { .room = { 0 } };
	struct iovec io = { .iov_base = p, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &io, .msg_iovlen = 1,
		.msg_control = &beside, .msg_controllen = sizeof beside };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	char name[64], text[8];
	pid_t pid = -1, kid;

	snprintf(name, sizeof name, "@pc-os-test/%d", (int)getpid());
	fd = os_dgram(name);
	s = os_dgram(NULL);
	again = os_dgram(name);
	ok(fd >= 0 && s >= 0 && again < 0 && errno == EADDRINUSE &&
	   cloexec(fd) && nonblock(fd) && cloexec(s) && nonblock(s),
	   "a name is given once");
	ok(os_dgram("x") < 0 && errno == EINVAL && os_dgram("@") < 0,
	   "no name of this kind");
	ok(os_receive(fd, text, sizeof text, &pid, NULL) < 0 && errno == EAGAIN,
	   "nothing yet");
	kid = fork();
	if (!kid)
		_exit(os_send_to(s, name, "abc", 3) < 0);
	waitpid(kid, NULL, 0);
	ok(os_receive(fd, text, sizeof text, &pid, NULL) == 3 && pid == kid &&
	   !memcmp(text, "abc", 3), "three bytes, by the child");
	os_send_to(s, name, "0123456789", 10);
	ok(os_receive(fd, text, sizeof text, &pid, NULL) == 10 && pid == getpid(),
	   "more than there is room for");
	if (pipe(p) < 0)
		tap_diag("%s", strerror(errno));
	fds[0] = fds[1] = p[1];
	beside.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof fds),
		.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&beside.head), fds, sizeof fds);
	memcpy(un.sun_path + 1, name + 1, strlen(name) - 1);
	msg.msg_name = &un;
	msg.msg_namelen = (socklen_t)(sizeof un.sun_family + strlen(name));
	ok(sendmsg(s, &msg, 0) == 1, "one with descriptors");
	close(p[1]);
	ok(os_receive(fd, text, sizeof text, &pid, NULL) == 1 && pid == getpid(),
	   "  is received");
	ok(read(p[0], text, 1) == 0, "  and they are closed");
	close(p[0]);
	ok(os_send_to(s, "/nowhere/at/all", "x", 1) < 0 &&
	   os_send_to(s, "vsock:1", "x", 1) < 0, "nobody there");
	close(s);
	close(fd);
}

int main(void)
{
	alarm(60);
	signal(SIGPIPE, SIG_IGN);
	clocks();
	randomness();
	descriptors();
	nowait("pwritev2");
	ok(cloexec_from_40(), "from here on all are close-on-exec, none below");
	peers();
	children();
	orphans();
	pidfds();
	maps();
	datagrams();
	peeks();
	second_ways();
	return tap_done();
}
