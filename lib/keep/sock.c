/* SPDX-License-Identifier: MIT */
#include "keep/sock.h"

#include "hub/limits.h"
#include "sys/log.h"
#include "sys/net.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool may_talk(struct httpd *h, uid_t uid, pid_t pid)
{
	(void)h;
	(void)pid;
	return uid == geteuid() || uid == 0;
}

/* The lock is the home's, but PARACHUTE_HUB_SOCK may be shared by two. */
static int refuse_second(int dir, const char *name, struct err *e)
{
	int fd = net_connect_unix(dir, name, NULL);

	if (fd < 0)
		return 0;
	close(fd);
	return err_set(e, ERR_EXISTS, "another hub answers on %s; unset "
		       "PARACHUTE_HUB_SOCK or stop that hub", name);
}

static int make(struct sock *s, struct err *e)
{
	struct stat st;
	const char *name;
	int dir = home_sock(s->home, &name, e), fd = -1;

	if (dir < 0)
		return -1;
	if (refuse_second(dir, name, e) == 0)
		fd = net_listen_unix(dir, name, e);
	if (fd >= 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		s->ino = st.st_ino;
	close(dir);
	return fd < 0 ? err_wrap(e, "hub.sock") : fd;
}

static bool is_ours(const struct sock *s, int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       st.st_ino == s->ino;
}

int sock_open(struct sock *s, const struct home *home, struct loop *l,
	      struct err *e)
{
	int fd;

	s->home = home;
	fd = make(s, e);
	if (fd < 0)
		return -1;
	if (httpd_init(&s->httpd, l, HUB_CONNS_MAX, e) < 0) {
		close(fd);
		return -1;
	}
	s->httpd.may = may_talk;
	s->httpd.max_per_peer = HUB_PEER_MAX;
	return httpd_listen(&s->httpd, fd, e);
}

void sock_again(struct sock *s)
{
	struct err e = { 0 };
	const char *name;
	int dir = home_sock(s->home, &name, NULL), fd;
	bool there = dir >= 0 && is_ours(s, dir, name);

	if (dir >= 0)
		close(dir);
	if (there)
		return;
	fd = make(s, &e);
	if (fd < 0 || httpd_listen(&s->httpd, fd, &e) < 0)
		log_say("hub.sock is gone and does not come back: %s", e.msg);
	else
		log_say("hub.sock was gone; it is back");
}

void sock_close(struct sock *s)
{
	const char *name;
	int dir = home_sock(s->home, &name, NULL);

	httpd_release(&s->httpd);
	if (dir < 0)
		return;
	if (is_ours(s, dir, name))
		unlinkat(dir, name, 0);
	close(dir);
}
