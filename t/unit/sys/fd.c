/* SPDX-License-Identifier: MIT */
#include "sys/fd.h"

#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static void life(void)
{
	int p[2], fd, was;

	if (pipe(p) < 0)
		tap_diag("pipe: %s", strerror(errno));
	was = p[0];
	ok(fd_kind_of(p[0]) == FD_FREE && !fd_count(FD_FREE),
	   "nothing is in the table");
	ok(fd_own(p[0], FD_OUT, 12) == p[0], "entered, and handed on");
	ok(fd_own(p[1], FD_ERR, 13) == p[1], "another");
	ok(fd_kind_of(p[0]) == FD_OUT && fd_owner_of(p[0]) == 12 &&
	   fd_kind_of(p[1]) == FD_ERR && fd_owner_of(p[1]) == 13,
	   "with kind and owner");
	ok(fd_count(FD_OUT) == 1 && fd_count(FD_ERR) == 1 &&
	   fd_count(FD_CONN) == 0 && fd_count(FD_FREE) == 2, "counted");
	ok(fd_own(p[0], FD_CONN, 3) == p[0] && fd_count(FD_OUT) == 0 &&
	   fd_count(FD_CONN) == 1 && fd_count(FD_FREE) == 2,
	   "entered again, it changes kind");
	errno = 77;
	fd_close(&p[0]);
	ok(p[0] == -1 && errno == 77, "closed: -1, and errno as it was");
	ok(fcntl(was, F_GETFD) < 0 && errno == EBADF, "really closed");
	ok(fd_kind_of(was) == FD_FREE && !fd_owner_of(was) &&
	   fd_count(FD_FREE) == 1, "and struck from the table");
	fd_close(&p[0]);
	ok(p[0] == -1 && fd_count(FD_FREE) == 1, "closing twice is fine");
	fd = dup(1);
	was = fd;
	fd_close(&fd);
	ok(fcntl(was, F_GETFD) < 0 && fd_count(FD_FREE) == 1,
	   "one that was never entered is closed as well");
	fd_close(&p[1]);
	ok(!fd_count(FD_FREE), "none is left");
}

static void edges(void)
{
	struct rlimit lim = { .rlim_cur = FD_TABLE_MAX + 16 };
	int fd;

	errno = ENFILE;
	ok(fd_own(-1, FD_CONN, 1) == -1 && errno == ENFILE &&
	   !fd_count(FD_FREE), "-1 passes through");
	ok(fd_kind_of(-1) == FD_FREE && fd_kind_of(1 << 30) == FD_FREE &&
	   !fd_owner_of(-1), "what cannot be is free");
	lim.rlim_max = lim.rlim_cur;
	getrlimit(RLIMIT_NOFILE, &lim);
	if (lim.rlim_max < FD_TABLE_MAX + 16) {
		tap_diag("the descriptor limit is too low for the last part");
		return;
	}
	lim.rlim_cur = lim.rlim_max;
	setrlimit(RLIMIT_NOFILE, &lim);
	fd = fcntl(1, F_DUPFD, FD_TABLE_MAX - 1);
	ok(fd == FD_TABLE_MAX - 1 && fd_own(fd, FD_OTHER, 0) == fd,
	   "the last place");
	fd_close(&fd);
	fd = fcntl(1, F_DUPFD, FD_TABLE_MAX);
	ok(fd >= FD_TABLE_MAX && fd_own(fd, FD_CONN, 1) == -1 &&
	   errno == EMFILE, "beyond the table: EMFILE");
	ok(fcntl(fd, F_GETFD) < 0, "and closed");
}

int main(void)
{
	bool named = true;

	life();
	edges();
	for (int i = 0; i < FD_NKIND; i++)
		named &= *fd_kind_name((enum fd_kind)i) != '\0';
	ok(named, "every kind has a name");
	ok(!strcmp(fd_kind_name(FD_LISTEN), "listen") &&
	   !strcmp(fd_kind_name(FD_OUT), "stdout"), "the right one");
	return tap_done();
}
