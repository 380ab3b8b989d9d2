/* SPDX-License-Identifier: MIT */
#include "keep/hold.h"

#include "base/fmt.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_PATIENCE_MS 2000
#define DYING_MS 300

/* The lock file, and the directory: a file can be removed and made again. */
static int lock_home(struct hold *h, int wait_ms, struct err *e)
{
	int64_t until = os_now_ms() + wait_ms;

	h->lock = fd_own(file_lock(h->run_dir, HOME_LOCK, wait_ms, e), FD_LOCK,
			 0);
	if (h->lock < 0)
		return -1;
	while (flock(h->home->fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK && os_now_ms() < until) {
			poll(NULL, 0, 5);
			continue;
		}
		if (errno != EWOULDBLOCK)
			return 0;       /* not every volume can */
		fd_close(&h->lock);
		return err_set(e, ERR_EXISTS, "locked");
	}
	return 0;
}

/* 0: it does not say. */
static pid_t lock_holder(struct hold *h)
{
	struct str text = STR_NULL;
	struct arena a;
	uint64_t pid = 0;

	arena_init(&a, 4096);
	if (file_read(h->run_dir, HOME_LOCK, 32, &a, &text, NULL) < 0 ||
	    !str_to_u64(str_trim(text, "\n "), INT32_MAX, &pid))
		pid = 0;
	arena_release(&a);
	return (pid_t)pid;
}

/* Of one length always: written over in place, it needs no room on a disk. */
static int put_number(int fd, uint64_t n)
{
	char line[24];
	int len = fmt(line, sizeof line, "%-20llu\n", (unsigned long long)n);
	ssize_t put = pwrite(fd, line, (size_t)len, 0);

	if (put >= 0 && put < len)
		errno = ENOSPC;
	return put == len && ftruncate(fd, len) == 0 ? 0 : -1;
}

int hold_take(struct hold *h, const struct home *home, struct err *e)
{
	*h = (struct hold){ .home = home, .lock = -1, .run_dir = -1,
		.watch = WATCH_INIT(NULL) };
	h->run_dir = fd_own(dir_make(h->home->fd, HOME_RUN, 0700, e), FD_DIR, 0);
	if (h->run_dir < 0)
		return err_wrap(e, "home %s", h->home->path);
	if (lock_home(h, 0, e) < 0 && e->code == ERR_EXISTS) {
		pid_t holder = lock_holder(h);

		/* A keeper that was killed a moment ago may not have got to
		 * letting go. One that was killed while it forked: its child
		 * has the lock until it executes or dies. */
		bool gone = holder && kill(holder, 0) < 0 && errno == ESRCH;

		if (lock_home(h, gone ? LOCK_PATIENCE_MS : DYING_MS, e) < 0)
			return err_set(e, ERR_EXISTS, "a hub already runs on "
				       "%s; pc-status shows it (its lock says "
				       "pid %d)", h->home->path, (int)holder);
	}
	if (h->lock < 0)
		return err_wrap(e, "home %s", h->home->path);
	put_number(h->lock, (uint64_t)getpid());        /* a hint, no more */
	return 0;
}

void hold_count(struct hold *h)
{
	struct str text = STR_NULL;
	struct arena a;
	int fd;

	if (h->counted)
		return;
	if (!h->boot) {
		arena_init(&a, 4096);
		if (file_read(h->run_dir, HOME_BOOT, 32, &a, &text, NULL) == 0)
			str_to_u64(str_trim(text, " \n"), UINT64_MAX - 1,
				   &h->boot);
		arena_release(&a);
		h->boot++;
	}
	fd = openat(h->run_dir, HOME_BOOT, O_WRONLY | O_CREAT | O_NOFOLLOW |
		    O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	h->counted = fd >= 0 && put_number(fd, h->boot) == 0;
	if (!h->counted && !h->told)
		log_say("cannot write " HOME_RUN "/" HOME_BOOT ": %s; trying "
			"again; until then the hub after this one may use its "
			"log cursors again", strerror(errno));
	h->told = !h->counted;
	if (fd >= 0)
		close(fd);
}

/* The home that was locked is the one that its path leads to. */
bool hold_is_there(const struct hold *h)
{
	char path[sizeof h->home->path + 32];
	struct stat ours, theirs;

	fmt(path, sizeof path, "%s/" HOME_RUN "/" HOME_LOCK,
	    h->home->path);
	return fstat(h->lock, &ours) == 0 && stat(path, &theirs) == 0 &&
	       ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev;
}

static void on_moved(struct loop *l, struct watch *w, unsigned events)
{
	struct hold *h = CONTAINER(w, struct hold, watch);

	(void)l;
	(void)events;
	os_watch_clear(w->fd);
	h->moved(h);
}

void hold_watch(struct hold *h, struct loop *loop, void (*moved)(struct hold *))
{
	char path[3][sizeof h->home->path + 32];
	const char *paths[] = { h->home->path, path[0], path[1], path[2] };
	int fd;

	fmt(path[0], sizeof path[0], "%s/hub", h->home->path);
	fmt(path[1], sizeof path[1], "%s/" HOME_RUN, h->home->path);
	fmt(path[2], sizeof path[2], "%s/" HOME_RUN "/" HOME_LOCK,
	    h->home->path);
	h->moved = moved;
	h->watch = (struct watch)WATCH_INIT(on_moved);
	fd = fd_own(os_watch_paths(paths, LEN(paths)), FD_WATCH, 0);
	if (fd >= 0 && loop_watch(loop, &h->watch, fd, LOOP_READ, NULL) < 0)
		fd_close(&fd);
}
