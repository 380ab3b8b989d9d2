/* SPDX-License-Identifier: MIT */
#include "sys/ports_impl.h"

#include "base/fmt.h"
#include "base/num.h"
#include "sys/ptab.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>

/*
 * The messages of netlink(7) and sock_diag(7), whose headers come with the
 * kernel and not with the C library.
 */

enum {
	DIAG_PROTOCOL = 4,      /* NETLINK_SOCK_DIAG */
	DIAG_BY_FAMILY = 20,    /* SOCK_DIAG_BY_FAMILY */
	MSG_ERROR = 2,
	MSG_DONE = 3,
	FLAG_REQUEST = 1,
	FLAG_INTERRUPTED = 0x10,
	FLAG_DUMP = 0x300,
	STATE_LISTEN = 10,
};

#define DUMP_TRIES 4    /* one is disturbed by a socket made or closed */

struct nl_address {
	uint16_t family, pad;
	uint32_t pid, groups;
};

struct nl_head {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, pid;
};

struct diag_id {
	uint16_t port, peer_port;       /* network order, as the addresses */
	uint8_t addr[16], peer[16];
	uint32_t interface, cookie[2];
};

struct diag_ask {
	struct nl_head head;
	uint8_t family, protocol, ext, pad;
	uint32_t states;
	struct diag_id id;
};

struct diag_answer {
	uint8_t family, state, timer, retrans;
	struct diag_id id;
	uint32_t expires, rqueue, wqueue, uid, inode;
};

static int ask(int fd, uint8_t family)
{
	struct nl_address kernel = { .family = AF_NETLINK };
	struct diag_ask req = {
		.head = {
			.len = sizeof req,
			.type = DIAG_BY_FAMILY,
			.flags = FLAG_REQUEST | FLAG_DUMP,
			.seq = family,
		},
		.family = family,
		.protocol = IPPROTO_TCP,
		.states = 1U << STATE_LISTEN,
	};
	ssize_t n;

	do
		n = sendto(fd, &req, sizeof req, 0,
			   (const struct sockaddr *)(const void *)&kernel,
			   sizeof kernel);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof req ? 0 : -1;
}

static int add_answer(struct ports *t, const char *p, size_t n, struct err *e)
{
	struct port_holder h = { .port = 0 };
	struct diag_answer a;

	if (n < sizeof a)
		return err_set(e, ERR_INVALID, "sock_diag: short answer");
	memcpy(&a, p, sizeof a);
	if (a.state != STATE_LISTEN)
		return 0;
	h.port = ntohs(a.id.port);
	h.ipv6 = a.family == AF_INET6;
	memcpy(h.addr, a.id.addr, h.ipv6 ? 16 : 4);
	h.uid = a.uid;
	h.inode = a.inode;
	return ports_add(t, &h, e);
}

enum part { PART_BAD = -1, PART_MORE, PART_DONE, PART_AGAIN };

/* One datagram, which holds several messages. */
static enum part take_part(struct ports *t, const char *p, size_t n,
			   uint32_t seq, bool *disturbed, struct err *e)
{
	struct nl_head h;

	while (n >= sizeof h) {
		memcpy(&h, p, sizeof h);
		if (h.len < sizeof h || h.len > n)
			break;
		if (h.flags & FLAG_INTERRUPTED)
			*disturbed = true;
		if (h.seq == seq && h.type == MSG_DONE)
			return *disturbed ? PART_AGAIN : PART_DONE;
		if (h.type == MSG_ERROR) {
			err_set(e, ERR_SYSTEM, "sock_diag: refused");
			return PART_BAD;
		}
		if (h.seq == seq && h.type == DIAG_BY_FAMILY &&
		    add_answer(t, p + sizeof h, h.len - sizeof h, e) < 0)
			return PART_BAD;
		h.len = (h.len + 3) & ~3U;
		if (h.len >= n)
			return PART_MORE;
		p += h.len;
		n -= h.len;
	}
	err_set(e, ERR_INVALID, "sock_diag: malformed answer");
	return PART_BAD;
}

/*
 * The kernel has each part ready before it returns from the call that asks
 * for it, so an empty queue means that it does not answer at all.
 */
static enum part dump(struct ports *t, int fd, uint8_t family, struct err *e)
{
	_Alignas(struct nl_head) char buf[32768];
	bool disturbed = false;
	enum part part;
	ssize_t n;

	if (ask(fd, family) < 0) {
		err_sys(e, "sock_diag: ask");
		return PART_BAD;
	}
	do {
		do
			n = recv(fd, buf, sizeof buf,
				 MSG_DONTWAIT | MSG_TRUNC);
		while (n < 0 && errno == EINTR);
		if (n < 0) {
			err_sys(e, "sock_diag: answer");
			return PART_BAD;
		}
		if ((size_t)n > sizeof buf) {
			err_set(e, ERR_FULL, "sock_diag: answer too large");
			return PART_BAD;
		}
		part = take_part(t, buf, (size_t)n, family, &disturbed, e);
	} while (part == PART_MORE);
	return part;
}

static int dump_family(struct ports *t, int fd, uint8_t family, struct err *e)
{
	size_t was = t->n;
	enum part part = PART_AGAIN;

	for (int i = 0; i < DUMP_TRIES && part == PART_AGAIN; i++) {
		t->n = was;
		part = dump(t, fd, family, e);
	}
	/* Still disturbed: what it has is as good as any moment's truth. */
	return part == PART_BAD ? -1 : 0;
}

int ports_read_diag(struct ports *t, struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, DIAG_PROTOCOL);
	int rc = -1;

	if (fd < 0)
		return err_sys(e, "sock_diag");
	if (!dump_family(t, fd, AF_INET, e) && !dump_family(t, fd, AF_INET6, e))
		rc = 0;
	close(fd);
	return rc;
}

/* /proc/net/tcp and tcp6 */

/* Words of eight digits, each in the byte order of the host. */
static bool parse_address(struct str hex, struct port_holder *h)
{
	size_t words = hex.n / 8;
	char text[9];
	uint32_t word;

	if (hex.n != 8 && hex.n != 32)
		return false;
	h->ipv6 = words == 4;
	for (size_t i = 0; i < words; i++) {
		const char *end;

		str_to_c(str_take(str_skip(hex, i * 8), 8), text, sizeof text);
		word = (uint32_t)num_hex(text, &end);
		if (*end)
			return false;
		memcpy(h->addr + i * 4, &word, 4);
	}
	return true;
}

/* "  0: 0100007F:0793 00000000:0000 0A ..." with uid and inode as 8 and 10 */
static int take_line(struct ports *t, struct str line, struct err *e)
{
	struct port_holder h = { .port = 0 };
	struct str word[10], addr, port;
	char text[5];
	uint64_t uid;

	for (size_t i = 0; i < LEN(word); i++) {
		line = str_trim(line, " ");
		str_cut(line, ' ', &word[i], &line);
	}
	if (!str_is(word[3], "0A"))
		return 0;
	if (!str_cut(word[1], ':', &addr, &port) ||
	    !parse_address(addr, &h) || port.n != 4 ||
	    !str_to_c(port, text, sizeof text) ||
	    !str_to_u64(word[7], UINT32_MAX, &uid) ||
	    !str_to_u64(word[9], UINT64_MAX, &h.inode))
		return err_set(e, ERR_INVALID, "/proc/net/tcp: odd line");
	h.port = (uint16_t)num_hex(text, NULL);
	h.uid = (uid_t)uid;
	return ports_add(t, &h, e);
}

static int take_lines(struct ports *t, int fd, struct err *e)
{
	char buf[8192];
	size_t have = 0;
	ssize_t n;

	for (;;) {
		struct str rest, line;

		n = read(fd, buf + have, sizeof buf - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "/proc/net/tcp");
		if (!n)
			return 0;
		rest = (struct str){ buf, have + (size_t)n };
		while (str_find(rest, '\n') >= 0) {
			str_cut(rest, '\n', &line, &rest);
			if (take_line(t, line, e) < 0)
				return -1;
		}
		if (rest.n == sizeof buf)
			return err_set(e, ERR_INVALID,
				       "/proc/net/tcp: line too long");
		memmove(buf, rest.p, rest.n);
		have = rest.n;
	}
}

static int read_table(struct ports *t, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return err_sys(e, "%s", path);
	rc = take_lines(t, fd, e);
	close(fd);
	return rc;
}

int ports_read_proc(struct ports *t, struct err *e)
{
	if (read_table(t, "/proc/net/tcp", e) < 0)
		return -1;
	/* A kernel without IPv6 has no such file. */
	if (read_table(t, "/proc/net/tcp6", e) < 0 && access("/proc/net/tcp6",
							     F_OK) == 0)
		return -1;
	return 0;
}

/* Who has a socket open */

/* 2: it has none at all. */
static int thread_holds(pid_t pid, uint64_t inode)
{
	char path[32], want[40], link[40];
	struct dirent *d;
	int holds = 2;
	ssize_t n;
	DIR *dir;

	fmt(want, sizeof want, "socket:[%llu]",
	    (unsigned long long)inode);
	fmt(path, sizeof path, "/proc/%ld/fd", (long)pid);
	dir = opendir(path);
	if (!dir)               /* who is gone has nothing */
		return (errno == ENOENT || errno == ESRCH) &&
		       access("/proc/self", F_OK) == 0 ? 0 : -1;
	while (holds != 1 && (errno = 0, d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		if (holds == 2)
			holds = 0;
		n = readlinkat(dirfd(dir), d->d_name, link, sizeof link - 1);
		if (n < 0) {
			if (errno != ENOENT)    /* closed in the meantime */
				holds = -1;
			continue;
		}
		link[n] = '\0';
		if (!strcmp(link, want))
			holds = 1;
	}
	if (holds != 1 && errno)
		holds = -1;
	closedir(dir);
	return holds;
}

int ports_holds(pid_t pid, uint64_t inode)
{
	int holds = thread_holds(pid, inode);
	struct proc p;

	/* A server whose first thread has ended has its files all the same. */
	if (holds == 2 && proc_read(pid, &p) == 0 && p.thread != pid)
		holds = thread_holds(p.thread, inode);
	return holds == 2 ? 0 : holds;
}

pid_t ports_owner(uint64_t inode)
{
	DIR *dir = opendir("/proc");
	struct dirent *d;
	pid_t pid = 0;

	if (!dir)
		return 0;
	while (!pid && (d = readdir(dir))) {
		pid_t at = (pid_t)num_dec(d->d_name, NULL);

		if (at > 0 && ports_holds(at, inode) == 1)
			pid = at;
	}
	closedir(dir);
	return pid;
}
