/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sys/dial.h"

#include "sys/fd.h"
#include "sys/jail.h"
#include "sys/net.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

/* A disk may make it wait where no peer can. */
#define ANSWER_MS 1000
#define FDS_MAX   65536         /* where they can only be counted up */

enum want { WANT_UNIX = 1, WANT_PORT, WANT_FILE };

/* One message each way; n bytes of a directory follow the question. */
struct question {
	uint32_t serial;
	uint8_t want, zero;
	uint16_t port, n, zeros;
};

struct answer {
	uint32_t serial;
	struct err e;           /* code 0: a descriptor comes with it */
};

struct asked {
	struct question q;
	char dir[PATH_MAX];
};

/* The child. It believes nothing of what it is asked. */

struct dialer {
	int fd;
	const char *sock_name, *suffix;
};

static int invalid(struct err *e, const char *why)
{
	return err_set(e, ERR_INVALID, "%s", why);
}

static bool is_up(struct str name)
{
	return str_is(name, "..");
}

/* Absolute, without NUL, and never upwards. */
static bool is_plain(struct str dir)
{
	struct str rest = dir, part;

	if (!dir.n || dir.p[0] != '/' || str_find(dir, '\0') >= 0)
		return false;
	while (rest.n) {
		str_cut(rest, '/', &part, &rest);
		if (is_up(part))
			return false;
	}
	return true;
}

static int open_file(const struct dialer *d, struct str dir, struct err *e)
{
	char path[PATH_MAX];
	struct stat st;
	size_t n = strlen(d->suffix);
	int fd;

	if (!is_plain(dir) || dir.n + n >= sizeof path)
		return invalid(e, "no name of a directory");
	memcpy(path, dir.p, dir.n);
	memcpy(path + dir.n, d->suffix, n + 1);
	/* Of that name, not of what it points to. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC |
		  O_NOFOLLOW);
	if (fd < 0 && errno == ELOOP)
		return err_set(e, ERR_INVALID, "open %s: a symbolic link",
			       path);
	if (fd < 0)
		return err_sys(e, "open %s", path);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		return fd;
	close(fd);
	return err_set(e, ERR_INVALID, "open %s: not a regular file", path);
}

/* On loopback it is decided at once whether somebody listens. */
static int connect_at(const char *addr, uint16_t port, struct err *e)
{
	int fd = net_connect_tcp(addr, port, e);
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (fd < 0 || poll(&p, 1, 0) <= 0)
		return fd;
	errno = net_error(fd);
	if (!errno)
		return fd;
	err_sys(e, "connect to %s port %u", addr, (unsigned)port);
	close(fd);
	return -1;
}

static int connect_port(uint16_t port, struct err *e)
{
	struct err six;
	int fd = port ? connect_at("127.0.0.1", port, e) :
		 invalid(e, "no port");

	if (fd < 0 && port)
		fd = connect_at("::1", port, &six);
	return fd;
}

static int fulfil(const struct dialer *d, const struct asked *a, size_t n,
		  struct err *e)
{
	const struct question *q = &a->q;

	if (n < sizeof *q || n != sizeof *q + q->n || q->zero || q->zeros ||
	    (q->want != WANT_FILE && q->n) || (q->want != WANT_PORT && q->port))
		return invalid(e, "malformed question");
	switch (q->want) {
	case WANT_UNIX:
		return net_connect_unix(AT_FDCWD, d->sock_name, e);
	case WANT_PORT:
		return connect_port(q->port, e);
	case WANT_FILE:
		return open_file(d, (struct str){ a->dir, q->n }, e);
	default:
		return invalid(e, "unknown question");
	}
}

/* Room for one descriptor beside a message. */
union control {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

static int hand_over(int to, const struct answer *a, int fd)
{
	union control c = { .room = { 0 } };
	struct iovec iov = { (void *)(uintptr_t)a, sizeof *a };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *h;
	ssize_t n;

	if (fd >= 0) {
		m.msg_control = &c;
		m.msg_controllen = sizeof c.room;
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof fd);
		memcpy(CMSG_DATA(h), &fd, sizeof fd);
	}
	do
		n = sendmsg(to, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

_Noreturn static void serve(const struct dialer *d)
{
	struct asked a = { .q = { .serial = 0 } };
	ssize_t n;

	while ((n = recv(d->fd, &a, sizeof a, 0)) != 0) {
		struct answer is = { .serial = 0 };
		int fd;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		fd = fulfil(d, &a, (size_t)n, &is.e);
		is.serial = a.q.serial;
		n = hand_over(d->fd, &is, fd);
		if (fd >= 0)
			close(fd);
		if (n < 0)
			break;
	}
	_exit(0);
}

/* All but its end of the pair, which becomes 0. */
static int keep_one(int fd)
{
	struct rlimit lim = { FDS_MAX, FDS_MAX };

	if (fd && dup2(fd, 0) < 0)
		return -1;
#ifdef SYS_close_range
	if (!syscall(SYS_close_range, 1, ~0U, 0))
		return 0;
#endif
	getrlimit(RLIMIT_NOFILE, &lim);
	for (rlim_t i = 1; i < lim.rlim_cur && i < FDS_MAX; i++)
		close((int)i);
	return 0;
}

_Noreturn static void become_dialer(int fd, const struct dial_conf *conf,
				    pid_t parent)
{
	struct dialer d = { 0, conf->sock_name, conf->suffix };

	if (os_die_with_parent(SIGKILL) < 0 || getppid() != parent ||
	    fchdir(conf->sock_dir) < 0 || keep_one(fd) < 0)
		_exit(1);
	jail_dialer();
	serve(&d);
}

/* The parent */

int dial_open(struct dial *d, const struct dial_conf *conf, struct err *e)
{
	struct timeval patience = { ANSWER_MS / 1000,
				    ANSWER_MS % 1000 * 1000 };
	pid_t parent = getpid();
	sigset_t all, was;
	int p[2];

	*d = (struct dial){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_sys(e, "dialer: no socket");
	d->fd = fd_own(p[0], FD_OTHER, 0);
	if (d->fd < 0 || setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
				    sizeof patience) < 0) {
		err_sys(e, "dialer: no socket");
		close(p[1]);
		fd_close(&d->fd);
		return -1;
	}
	/* They stay blocked in the child: no handler of ours runs there, and
	 * a signal to the whole group leaves it to its parent to end. */
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &was);
	d->pid = fork();
	if (d->pid == 0)
		become_dialer(p[1], conf, parent);
	sigprocmask(SIG_SETMASK, &was, NULL);
	close(p[1]);
	if (d->pid > 0)
		return 0;
	err_sys(e, "dialer: fork");
	fd_close(&d->fd);
	return -1;
}

void dial_close(struct dial *d)
{
	fd_close(&d->fd);
	if (d->pid > 0)
		waitpid(d->pid, NULL, WNOHANG);
	d->pid = 0;
}

static int gone(struct dial *d, struct err *e)
{
	dial_close(d);
	return err_set(e, ERR_UNREACHABLE, "the process that opens "
		       "connections for this one is gone");
}

/* The descriptor that came, or -1. */
static int taken(struct msghdr *m)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int fd = -1;

	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof fd))
		memcpy(&fd, CMSG_DATA(h), sizeof fd);
	return fd;
}

/* One answer, whosever it is: its length, 0 when nobody is there. */
static ssize_t hear(int from, struct answer *a, int *fd, int flags)
{
	union control c;
	struct iovec iov = { a, sizeof *a };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = &c, .msg_controllen = sizeof c.room,
	};
	ssize_t n;

	do
		n = recvmsg(from, &m, MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	*fd = n > 0 ? taken(&m) : -1;
	return n;
}

static bool is_nothing_yet(ssize_t n)
{
	return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

static int slow(struct err *e)
{
	return err_set(e, ERR_UNREACHABLE, "connections are opened too slowly");
}

/* Takes the answer to what was given up out of the way; never waits. */
static int catch_up(struct dial *d, struct err *e)
{
	struct answer a = { .serial = 0 };
	ssize_t n;
	int fd;

	while (d->late) {
		n = hear(d->fd, &a, &fd, MSG_DONTWAIT);
		if (is_nothing_yet(n))
			return slow(e);
		if (n != sizeof a)
			return gone(d, e);
		if (fd >= 0)
			close(fd);
		d->late = a.serial != d->serial;
	}
	return 0;
}

static int answer_to(struct dial *d, struct err *e)
{
	struct answer a = { .serial = 0 };
	int fd;
	ssize_t n = hear(d->fd, &a, &fd, 0);

	d->late = is_nothing_yet(n);
	if (d->late)
		return slow(e);
	if (n != sizeof a)
		return gone(d, e);
	if (fd >= 0)
		return fd;
	if (!a.e.code)          /* the kernel had no place for it */
		return err_set(e, ERR_FULL, "too many open descriptors");
	if (e)
		*e = a.e;
	return -1;
}

static int ask(struct dial *d, struct asked *a, struct err *e)
{
	size_t n = sizeof a->q + a->q.n;
	ssize_t sent;

	if (d->fd < 0)
		return gone(d, e);
	if (catch_up(d, e) < 0)
		return -1;
	a->q.serial = ++d->serial;
	do
		sent = send(d->fd, a, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (sent < 0 && errno == EINTR);
	if (is_nothing_yet(sent))
		return slow(e);
	return sent < 0 ? gone(d, e) : answer_to(d, e);
}

int dial_unix(struct dial *d, struct err *e)
{
	struct asked a = { .q = { .want = WANT_UNIX } };

	return ask(d, &a, e);
}

int dial_port(struct dial *d, uint16_t port, struct err *e)
{
	struct asked a = { .q = { .want = WANT_PORT, .port = port } };

	return ask(d, &a, e);
}

int dial_file(struct dial *d, struct str dir, struct err *e)
{
	struct asked a = { .q = { .want = WANT_FILE } };

	if (dir.n >= sizeof a.dir)
		return invalid(e, "a directory's name that is too long");
	if (dir.n)
		memcpy(a.dir, dir.p, dir.n);
	a.q.n = (uint16_t)dir.n;
	return ask(d, &a, e);
}
