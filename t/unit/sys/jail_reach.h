/* SPDX-License-Identifier: MIT */
#ifndef T_UNIT_SYS_JAIL_REACH_H
#define T_UNIT_SYS_JAIL_REACH_H

/* Attempts to reach other addresses. */
#include "jail_tries.h"

#include "sys/net.h"
#include "sys/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#ifndef MSG_FASTOPEN
#define MSG_FASTOPEN 0x20000000
#endif

static struct sockaddr_in at_port(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

/* Connected nowhere: more than a worker has. */
static int hold_sockets(struct cell *c)
{
	c->tcp = socket(AF_INET, SOCK_STREAM, 0);
	c->udp = socket(AF_INET, SOCK_DGRAM, 0);
	c->local = socket(AF_UNIX, SOCK_STREAM, 0);
	return c->tcp < 0 || c->udp < 0 || c->local < 0 ? -1 : 0;
}

static int hold_peers(struct cell *c)
{
	struct err e;
	int peer;

	c->port = 0;
	c->listener = net_listen_tcp("127.0.0.1", &c->port, &e);
	peer = net_connect_tcp("127.0.0.1", c->port, &e);
	if (peer < 0)
		return -1;
	poll(&(struct pollfd){ .fd = c->listener, .events = POLLIN }, 1, -1);
	c->accepted = os_accept(c->listener);
	return c->accepted < 0 ? -1 :
	       socketpair(AF_UNIX, SOCK_STREAM, 0, c->pair);
}

static int new_tcp(struct cell *c)
{
	(void)c;
	return made(socket(AF_INET, SOCK_STREAM, 0));
}

static int new_local(struct cell *c)
{
	(void)c;
	return made(socket(AF_UNIX, SOCK_STREAM, 0));
}

static int new_netlink(struct cell *c)
{
	(void)c;
	return made(socket(AF_NETLINK, SOCK_RAW, 0));
}

static int new_pair(struct cell *c)
{
	int p[2];

	(void)c;
	return socketpair(AF_UNIX, SOCK_STREAM, 0, p);
}

static int connect_old(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);

	return connect(c->tcp, (struct sockaddr *)&a, sizeof a);
}

static int connect_udp(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);

	return connect(c->udp, (struct sockaddr *)&a, sizeof a);
}

static int connect_local(struct cell *c)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "s" };

	if (fchdir(c->home) < 0)
		return -1;
	return connect(c->local, (struct sockaddr *)&a, sizeof a);
}

static int dissolve(int fd)
{
	struct sockaddr a = { .sa_family = AF_UNSPEC };

	return connect(fd, &a, sizeof a);
}

/* Anew: a descriptor that does not block is on its way then. */
static int connect_again(int fd, uint16_t port)
{
	struct sockaddr_in a = at_port(port);

	if (dissolve(fd) < 0)
		return -1;
	return connect(fd, (struct sockaddr *)&a, sizeof a) < 0 &&
	       errno != EINPROGRESS ? -1 : 0;
}

static int connect_accepted(struct cell *c)
{
	return connect_again(c->accepted, c->port);
}

static int connect_listener(struct cell *c)
{
	return shutdown(c->listener, SHUT_RDWR) < 0 ? -1 :
	       connect_again(c->listener, 1);
}

static int shut_listener(struct cell *c)
{
	return shutdown(c->listener, SHUT_RD);
}

static int deafen_listener(struct cell *c)
{
	struct { uint16_t code; uint8_t yes, no; uint32_t k; } drop = {
		0x06, 0, 0, 0 };
	struct { unsigned short n; void *insn; } prog = { 1, &drop };

	return setsockopt(c->listener, SOL_SOCKET, 26 /* SO_ATTACH_FILTER */,
			  &prog, sizeof prog);
}

static int block_listener(struct cell *c)
{
	return fcntl(c->listener, F_SETFL, 0);
}

static int shorten_listener(struct cell *c)
{
	return listen(c->listener, 0);
}

static int listen_old(struct cell *c)
{
	struct sockaddr_in a = at_port(0);

	return bind(c->tcp, (struct sockaddr *)&a, sizeof a);
}

static int send_fast_open(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);

	return sendto(c->tcp, "x", 1, MSG_FASTOPEN | MSG_NOSIGNAL,
		      (struct sockaddr *)&a, sizeof a) < 0 ? -1 : 0;
}

static int later_fast_open(struct cell *c)
{
	int on = 1;     /* TCP_FASTOPEN_CONNECT */

	return setsockopt(c->tcp, IPPROTO_TCP, 30, &on, sizeof on);
}

static int send_udp(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);

	return sendto(c->udp, "x", 1, 0, (struct sockaddr *)&a, sizeof a) < 0 ?
	       -1 : 0;
}

static struct msghdr message(struct iovec *iov, struct sockaddr_in *to)
{
	return (struct msghdr){ .msg_iov = iov, .msg_iovlen = 1,
		.msg_name = to, .msg_namelen = to ? sizeof *to : 0 };
}

static int send_message(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr m = message(&iov, &a);

	return sendmsg(c->udp, &m, 0) < 0 ? -1 : 0;
}

static int send_messages(struct cell *c)
{
	struct sockaddr_in a = at_port(c->port);
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct { struct msghdr m; unsigned n; } all = { message(&iov, &a), 0 };

	return syscall(SYS_sendmmsg, c->udp, &all, 1, 0) == 1 ? 0 : -1;
}

static int send_descriptor(struct cell *c)
{
	char room[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr m = message(&iov, NULL);
	struct cmsghdr *h;

	m.msg_control = room;
	m.msg_controllen = sizeof room;
	h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &c->data, sizeof(int));
	return sendmsg(c->pair[0], &m, 0) < 0 ? -1 : 0;
}

static int uring(struct cell *c)
{
	struct { uint32_t w[30]; } params = { { 0 } };

	(void)c;
	return made((int)syscall(425, 4, &params));
}

/* What the dialer does not do, for nobody: it says why, and that is all. */
static int refused_by_dialer(int fd, struct err *e)
{
	errno = e->code == ERR_INVALID ? EPERM : EIO;
	return made(fd);
}

static int dial_up(struct cell *c)
{
	struct err e;

	return refused_by_dialer(dial_file(&c->dial, STR("/etc/../etc"), &e),
				 &e);
}

static int dial_nul(struct cell *c)
{
	struct err e;

	return refused_by_dialer(dial_file(&c->dial, STR("/etc/passwd\0"),
					   &e), &e);
}

static int dial_relative(struct cell *c)
{
	struct err e;

	return refused_by_dialer(dial_file(&c->dial, STR("s"), &e), &e);
}

/* In the words of the dialer, past the functions that ask it. */
static int ask_dialer(struct cell *c, int want, uint16_t port, const char *text)
{
	char ask[64] = { 1, 0, 0, 0, (char)want }, answer[512];
	uint16_t n = (uint16_t)strlen(text);
	char room[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { answer, sizeof answer };
	struct msghdr m = message(&iov, NULL);

	m.msg_control = room;
	m.msg_controllen = sizeof room;
	memcpy(ask + 6, &port, sizeof port);
	memcpy(ask + 8, &n, sizeof n);
	memcpy(ask + 12, text, n);
	if (send(c->dial.fd, ask, 12U + n, 0) < 0 ||
	    recvmsg(c->dial.fd, &m, 0) < 0)
		return -1;
	errno = EPERM;
	return CMSG_FIRSTHDR(&m) ? 0 : -1;
}

static int dial_unknown(struct cell *c)
{
	return ask_dialer(c, 9, 0, "");
}

static int dial_other_socket(struct cell *c)
{
	return ask_dialer(c, 1, 0, "/run/s");
}

static int dial_other_host(struct cell *c)
{
	return ask_dialer(c, 2, c->port, "127.0.0.2");
}

static int dial_other_file(struct cell *c)
{
	return ask_dialer(c, 3, 0, "/etc/passwd");
}

#define F JAIL_FILES
#define C JAIL_CALLS
#define P JAIL_CAPS
static const struct attempt reach_attempts[] = {
	{ "a TCP socket", new_tcp, C },
	{ "a local socket", new_local, C },
	{ "a netlink socket", new_netlink, C },
	{ "a pair of sockets", new_pair, C },
	{ "connect an old TCP socket", connect_old, F | C },
	{ "connect an old UDP socket", connect_udp, C },
	{ "connect an old local socket", connect_local, C },
	{ "connect an accepted socket anew", connect_accepted, C },
	{ "connect the listening socket", connect_listener, C },
	{ "end the listening socket", shut_listener, C },
	{ "deafen the listening socket", deafen_listener, C | ROOT },
	{ "make the listening socket block", block_listener, C },
	{ "shorten its queue", shorten_listener, C },
	{ "bind an old socket", listen_old, F | C },
	{ "connect by sending", send_fast_open, C },
	{ "connect by sending later", later_fast_open, C | ANYHOW },
	{ "send to an address", send_udp, C },
	{ "send a message to an address", send_message, C },
	{ "send messages to an address", send_messages, C },
	{ "send a descriptor", send_descriptor, C },
	{ "io_uring", uring, C | ANYHOW },
	{ "have a file opened upwards", dial_up, C | ANYHOW },
	{ "have a file opened with NUL", dial_nul, C | ANYHOW },
	{ "have a relative name opened", dial_relative, C | ANYHOW },
	{ "ask the dialer for something else", dial_unknown, C | ANYHOW },
	{ "ask it for another socket", dial_other_socket, C | ANYHOW },
	{ "ask it for another host", dial_other_host, C | ANYHOW },
	{ "ask it for another file", dial_other_file, C | ANYHOW },
};
#undef F
#undef C
#undef P

#endif
