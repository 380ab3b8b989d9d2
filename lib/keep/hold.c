/* SPDX-License-Identifier: MIT */
#include "keep/hold.h"

#include "base/fmt.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/os.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_PATIENCE_MS 2000

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

int hold_take(struct hold *h, const struct home *home, struct err *e)
{
	char pid[24];
	ssize_t n;

	*h = (struct hold){ .home = home, .lock = -1, .run_dir = -1,
		.watch = WATCH_INIT(NULL) };
	h->run_dir = fd_own(dir_make(h->home->fd, HOME_RUN, 0700, e), FD_DIR, 0);
	if (h->run_dir < 0)
		return err_wrap(e, "home %s", h->home->path);
	if (lock_home(h, 0, e) < 0 && e->code == ERR_EXISTS) {
		pid_t holder = lock_holder(h);

		/* A keeper that was killed while it forked: its child has the
		 * lock for as long as it takes to execute or to die. */
		if (!holder || kill(holder, 0) == 0 || errno != ESRCH ||
		    lock_home(h, LOCK_PATIENCE_MS, e) < 0)
			return err_set(e, ERR_EXISTS, "a hub already runs on "
				       "%s; pc-status shows it (its lock says "
				       "pid %d)", h->home->path, (int)holder);
	}
	if (h->lock < 0)
		return err_wrap(e, "home %s", h->home->path);
	n = fmt(pid, sizeof pid, "%d\n", (int)getpid());
	if (ftruncate(h->lock, 0) < 0 || pwrite(h->lock, pid, (size_t)n, 0) < n)
		return err_sys(e, "home %s: write " HOME_LOCK, h->home->path);
	return 0;
}

/* How many keepers this home has had: the first half of every log cursor. */
int hold_count(struct hold *h, struct err *e)
{
	struct str text = STR_NULL;
	struct arena a;
	char next[24];
	int rc;

	arena_init(&a, 4096);
	h->boot = 0;
	if (file_read(h->run_dir, HOME_BOOT, 32, &a, &text, NULL) == 0)
		str_to_u64(str_trim(text, "\n"), UINT64_MAX - 1, &h->boot);
	h->boot++;
	fmt(next, sizeof next, "%llu\n", (unsigned long long)h->boot);
	rc = file_put(h->run_dir, HOME_BOOT, str_of(next), 0600, e);
	arena_release(&a);
	return rc < 0 ? err_wrap(e, "home %s", h->home->path) : 0;
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
