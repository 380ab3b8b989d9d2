/* SPDX-License-Identifier: MIT */
/* What the child opens for its parent, and what it does not. */
#define _GNU_SOURCE
#include "sys/dial.h"

#include "sys/fd.h"
#include "sys/net.h"
#include "sys/os.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char dir[] = "/tmp/dial-XXXXXX";
static struct dial d;
static int home, server;

static struct str beneath(const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/%s", dir, name);
	return str_of(path);
}

static void put(const char *name, const char *text)
{
	int fd = openat(home, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		printf("Bail out! %s: %s\n", name, strerror(errno));
	close(fd);
}

static bool is_ours(int fd)
{
	return fd >= 0 && (fcntl(fd, F_GETFD) & FD_CLOEXEC) &&
	       (fcntl(fd, F_GETFL) & O_NONBLOCK);
}

/* What is sent arrives at the listening socket. */
static bool arrives(int fd, int at)
{
	struct pollfd p = { .fd = at, .events = POLLIN };
	char got[8] = "";
	int peer;

	if (fd < 0 || poll(&p, 1, -1) < 0 || (peer = accept(at, NULL, NULL)) < 0)
		return false;
	p = (struct pollfd){ .fd = fd, .events = POLLOUT };
	if (poll(&p, 1, -1) < 0 || send(fd, "hello", 5, MSG_NOSIGNAL) != 5 ||
	    recv(peer, got, 5, MSG_WAITALL) < 0)
		got[0] = '\0';
	close(peer);
	return !strcmp(got, "hello");
}

static void test_sockets(void)
{
	struct err e = { 0 };
	uint16_t port = 0, six = 0;
	int tcp = net_listen_tcp("127.0.0.1", &port, &e), fd, tcp6;

	fcntl(server, F_SETFL, 0);
	fcntl(tcp, F_SETFL, 0);
	fd = dial_unix(&d, &e);
	ok(is_ours(fd), "the socket in the directory");
	close(fd);
	close(accept(server, NULL, NULL));
	fd = dial_port(&d, port, &e);
	ok(is_ours(fd) && arrives(fd, tcp), "a port: %s", e.msg);
	close(fd);
	close(tcp);
	fd = dial_port(&d, port, &e);
	ok(fd < 0 && e.code == ERR_UNREACHABLE && e.sys == ECONNREFUSED,
	   "nobody there: %s", e.msg);
	tcp6 = net_listen_tcp("::1", &six, &e);
	if (tcp6 >= 0) {
		fcntl(tcp6, F_SETFL, 0);
		fd = dial_port(&d, six, &e);
		ok(fd >= 0 && arrives(fd, tcp6), "somebody on ::1 only");
		close(fd);
		close(tcp6);
	}
	fd = dial_port(&d, 0, &e);
	ok(fd < 0 && e.code == ERR_INVALID, "no port: %s", e.msg);
}

static void refused(const char *what, struct str name)
{
	struct err e = { 0 };
	int fd = dial_file(&d, name, &e);

	ok(fd < 0 && e.code == ERR_INVALID, "not %s: %s", what, e.msg);
}

static void test_files(void)
{
	struct err e = { 0 };
	char text[16] = "";
	char longest[PATH_MAX];
	int fd;

	put("a.info", "of a");
	fd = dial_file(&d, beneath("a"), &e);
	ok(is_ours(fd) && read(fd, text, sizeof text - 1) == 4 &&
	   !strcmp(text, "of a"), "a file: %s", e.msg);
	ok(write(fd, "x", 1) < 0 && errno == EBADF, "to read only");
	close(fd);
	fd = dial_file(&d, beneath("none"), &e);
	ok(fd < 0 && e.code == ERR_NOT_FOUND && strstr(e.msg, "none.info"),
	   "absent: %s", e.msg);
	mkdirat(home, "dir.info", 0755);
	mkfifoat(home, "fifo.info", 0644);
	symlinkat("/etc/passwd", home, "link.info");
	refused("a link that leads elsewhere", beneath("link"));
	refused("a directory", beneath("dir"));
	refused("a fifo, nor waited for", beneath("fifo"));
	refused("upwards", beneath("x/../a"));
	refused("upwards at its end", beneath("a/.."));
	refused("a name from nowhere", STR("a"));
	refused("nothing", STR_NULL);
	refused("what a NUL cuts", STR("/etc/passwd\0/x"));
	memset(longest, '/', sizeof longest);
	refused("too long a name", (struct str){ longest, PATH_MAX - 1 });
	refused("far too long a name", (struct str){ longest, PATH_MAX });
	ok(dial_file(&d, STR("/etc/passwd"), &e) < 0 &&
	   e.code == ERR_NOT_FOUND, "the suffix always: %s", e.msg);
	fd = dial_file(&d, beneath("..a"), &e);
	ok(fd < 0 && e.code == ERR_NOT_FOUND, "dots may begin a name");
}

/* Bytes that none of our calls sends: never a descriptor, always an answer. */
static void test_nonsense(void)
{
	struct { int32_t w[100]; } said, heard;
	unsigned wrong = 0, seed = 1;
	struct err e;
	int fd;

	for (int i = 0; i < 2000; i++) {
		char room[CMSG_SPACE(sizeof(int))];
		struct iovec iov = { &heard, sizeof heard };
		struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1,
			.msg_control = room, .msg_controllen = sizeof room };
		size_t n;

		for (size_t k = 0; k < LEN(said.w); k++) {
			seed = seed * 1103515245 + 12345;
			said.w[k] = (int32_t)(seed >> 8);
		}
		/* Not so wild that the first byte is always wrong. */
		n = 1 + seed % (i % 2 ? sizeof said : 16);
		((unsigned char *)&said)[4] = (unsigned char)(i % 5);
		send(d.fd, &said, n, MSG_NOSIGNAL);
		wrong += recvmsg(d.fd, &m, 0) <= 0 || CMSG_FIRSTHDR(&m);
	}
	ok(!wrong, "2,000 malformed questions (%u)", wrong);
	fd = dial_unix(&d, &e);
	ok(fd >= 0, "and it still serves");
	close(fd);
	close(accept(server, NULL, NULL));
}

static void test_no_room(void)
{
	struct rlimit was, low;
	struct err e = { 0 };
	int fd = dup(0);

	close(fd);
	getrlimit(RLIMIT_NOFILE, &was);
	low = was;
	low.rlim_cur = (rlim_t)fd;
	setrlimit(RLIMIT_NOFILE, &low);
	fd = dial_unix(&d, &e);
	setrlimit(RLIMIT_NOFILE, &was);
	ok(fd < 0 && e.code == ERR_FULL, "no room for one more: %s", e.msg);
	close(accept(server, NULL, NULL));
	fd = dial_unix(&d, &e);
	ok(fd >= 0, "then there is");
	close(fd);
	close(accept(server, NULL, NULL));
}

static int fds_of(pid_t pid)
{
	char path[64];
	int n = 0;

	for (int i = 0; i < 256; i++) {
		snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, i);
		n += access(path, F_OK) == 0;
	}
	return n;
}

static void test_child(void)
{
	struct err e;
	int fd = dial_unix(&d, &e), refused = 0;
	uint32_t serial;

	close(fd);
	close(accept(server, NULL, NULL));
	ok(kill(d.pid, SIGTERM) == 0 && kill(d.pid, SIGHUP) == 0 &&
	   kill(d.pid, SIGUSR1) == 0 && kill(d.pid, SIGALRM) == 0,
	   "signals are sent");
	fd = dial_unix(&d, &e);
	ok(fd >= 0, "and leave it where it is");
	close(fd);
	close(accept(server, NULL, NULL));
	/* A refusal comes when it is done with what it has sent before. */
	dial_port(&d, 0, &e);
	if (access("/proc/self/fd/0", F_OK) == 0)
		ok(fds_of(d.pid) == 1, "it holds its end alone (%d)",
		   fds_of(d.pid));
	/* Stopped, as a debugger might: nobody waits for ever. */
	kill(d.pid, SIGSTOP);
	ok(dial_unix(&d, &e) < 0 && e.code == ERR_UNREACHABLE && d.fd >= 0,
	   "one that does not answer: %s", e.msg);
	serial = d.serial;
	for (int i = 0; i < 20; i++)
		refused += dial_file(&d, beneath("a"), &e) < 0;
	ok(refused == 20 && d.serial == serial,
	   "it is waited for once: the next are not even asked");
	kill(d.pid, SIGCONT);
	poll(&(struct pollfd){ .fd = d.fd, .events = POLLIN }, 1, -1);
	fd = dial_file(&d, beneath("a"), &e);
	ok(fd >= 0 && read(fd, (char[4]){ 0 }, 4) == 4,
	   "a late answer is not taken for the next");
	close(fd);
	kill(d.pid, SIGKILL);
	ok(dial_unix(&d, &e) < 0 && e.code == ERR_UNREACHABLE && d.fd < 0,
	   "gone: %s", e.msg);
	ok(dial_port(&d, 1, &e) < 0 && e.code == ERR_UNREACHABLE,
	   "for good: %s", e.msg);
	dial_close(&d);
}

/* Neither a close nor a death leaves a child behind. */
static void test_ends(const struct dial_conf *conf)
{
	struct err e;
	int p[2], status = 0;
	struct pollfd end;
	char byte;
	pid_t pid;

	dial_open(&d, conf, &e);
	pid = d.pid;
	dial_close(&d);
	ok(d.fd < 0 && (waitpid(pid, &status, 0) == pid || errno == ECHILD) &&
	   status == 0, "closed: it ends");
	if (os_pipe(p) < 0)
		return;
	/* Of the pipe it has no end, so only its parent's death closes it. */
	pid = fork();
	if (!pid) {
		close(p[0]);
		dial_open(&d, conf, &e);
		if (write(p[1], &d.pid, sizeof d.pid) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	if (read(p[0], &d.pid, sizeof d.pid) != sizeof d.pid)
		d.pid = -1;
	end = (struct pollfd){ .fd = os_pidfd(d.pid), .events = POLLIN };
	kill(pid, SIGKILL);
	ok(read(p[0], &byte, 1) == 0, "it holds nothing of its parent's");
	waitpid(pid, NULL, 0);
	if (end.fd >= 0)
		ok(poll(&end, 1, -1) == 1, "its parent is killed: it ends");
	close(end.fd);
	close(p[0]);
}

int main(void)
{
	struct dial_conf conf = { .sock_name = "s", .suffix = ".info" };
	struct err e = { 0 };

	alarm(60);
	if (!mkdtemp(dir) || (home = open(dir, O_RDONLY | O_DIRECTORY)) < 0 ||
	    (server = net_listen_unix(home, "s", &e)) < 0)
		tap_skip_all("no directory");
	conf.sock_dir = home;
	ok(dial_open(&d, &conf, &e) == 0, "opened");
	ok(fd_count(FD_OTHER) == 1, "in the table");
	test_sockets();
	test_files();
	test_nonsense();
	test_no_room();
	test_child();
	ok(fd_count(FD_OTHER) == 0, "out of the table");
	test_ends(&conf);
	unlinkat(home, "a.info", 0);
	unlinkat(home, "fifo.info", 0);
	unlinkat(home, "dir.info", AT_REMOVEDIR);
	unlinkat(home, "s", 0);
	rmdir(dir);
	return tap_done();
}
