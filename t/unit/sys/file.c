/* SPDX-License-Identifier: MIT */
#include "sys/file.h"

#include "sys/ptab.h"
#include "tap.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[4096];
static int dir;
static struct arena arena;

static void put(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
			0600);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		tap_ok(false, __FILE__, __LINE__, "%s", strerror(errno));
	close(fd);
}

/* The text of a file, or the error, for comparing. */
static const char *get(const char *name, size_t max)
{
	static char text[300];
	struct err e = { 0 };
	struct str s;

	if (file_read(dir, name, max, &arena, &s, &e) < 0) {
		snprintf(text, sizeof text, "error %d", (int)e.code);
		return text;
	}
	return str_to_c(s, text, sizeof text) ? text : "too long";
}

static bool failed(const char *name, size_t max, enum err_code code)
{
	struct err e = { 0 };
	struct str s;

	return file_read(dir, name, max, &arena, &s, &e) < 0 &&
	       e.code == code && strstr(e.msg, name);
}

/* What is in the directory beside . and .. */
static size_t entries(void)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fdopendir(fd);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static bool same_place(int fd, const char *name)
{
	struct stat a, b;

	return fd >= 0 && !fstat(fd, &a) && !fstatat(dir, name, &b, 0) &&
	       a.st_ino == b.st_ino && a.st_dev == b.st_dev &&
	       (fcntl(fd, F_GETFD) & FD_CLOEXEC);
}

static bool mode_is(const char *name, mode_t mode)
{
	struct stat st;

	return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) &&
	       (st.st_mode & 07777) == mode;
}

/* Directories */

static void refused(const char *path, enum err_code code)
{
	struct err e = { 0 };

	ok(dir_open(dir, path, &e) < 0 && e.code == code, "'%s': %s", path,
	   e.msg);
	if (code == ERR_INVALID)
		ok(dir_make(dir, path, 0700, &e) < 0 && e.code == code,
		   "'%s' is not made", path);
}

static void directories(void)
{
	struct err e = { 0 };
	char path[5000];
	int fd;

	umask(0);
	fd = dir_make(dir, "a/b/c", 0750, &e);
	ok(same_place(fd, "a/b/c"), "made: %s", e.msg);
	ok(mode_is("a", 0750) && mode_is("a/b/c", 0750), "with that mode");
	close(fd);
	umask(022);
	fd = dir_make(dir, "a/b/c/d", 0700, &e);
	ok(same_place(fd, "a/b/c/d") && mode_is("a/b/c", 0750),
	   "what is there stays as it is");
	close(fd);
	fd = dir_open(dir, "a/b", &e);
	ok(same_place(fd, "a/b"), "opened");
	close(fd);
	fd = dir_open(dir, "a//b/", &e);
	ok(same_place(fd, "a/b"), "slashes do not count");
	close(fd);
	refused("a/x/y", ERR_NOT_FOUND);
	ok(faccessat(dir, "a/x", F_OK, 0) < 0, "nor made by looking");
	put("a/file", "f");
	if (symlinkat("b", dir, "a/link") || symlinkat("a", dir, "up") ||
	    symlinkat("nowhere", dir, "a/dead"))
		tap_diag("%s", strerror(errno));
	refused("a/link", ERR_INVALID);
	refused("up/b", ERR_INVALID);
	refused("a/dead", ERR_INVALID);
	refused("a/file", ERR_INVALID);
	refused("a/file/x", ERR_INVALID);
	refused("a/./b", ERR_INVALID);
	refused("a/../a", ERR_INVALID);
	refused("..", ERR_INVALID);
	refused("", ERR_INVALID);
	memset(path, 'n', 300);
	path[300] = '\0';
	ok(dir_open(dir, path, &e) < 0, "a name too long: %.60s", e.msg);
	ok(dir_open(-1, "a", &e) < 0, "no directory: %s", e.msg);

	fd = dir_open(AT_FDCWD, "/", &e);
	ok(fd >= 0, "the root: %s", e.msg);
	close(fd);
	fd = dir_open(fd, "/proc/self/fd/../fd", &e);
	ok(fd < 0, "no link on an absolute path either: %s", e.msg);
	if (realpath(top, path)) {
		strcat(path, "/a/b");
		fd = dir_open(-1, path, &e);
		ok(same_place(fd, "a/b"), "an absolute path: %s", e.msg);
		close(fd);
	}
	ok(!chdir(top), "from here");
	fd = dir_open(AT_FDCWD, "a/b", &e);
	ok(same_place(fd, "a/b"), "relative to the working directory");
	close(fd);
}

/* Descriptors that are open; none may be lost on a way out. */
static int open_count(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

/* Reading */

static void reading(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);
	struct err e = { 0 };
	struct str text;
	char *big = malloc(100000);

	put("f", "hello");
	ok(!strcmp(get("f", 100), "hello"), "read");
	ok(!strcmp(get("f", 5), "hello"), "exactly as large as allowed");
	ok(failed("f", 4, ERR_FULL), "larger");
	put("f", "");
	ok(!strcmp(get("f", 0), ""), "empty");
	put("f", "x");
	ok(failed("f", 0, ERR_FULL), "one byte where none may be");
	memset(big, 'b', 100000);
	big[99999] = '\0';
	put("f", big);
	ok(!file_read(dir, "f", 99999, &arena, &text, &e) &&
	   text.n == 99999 && str_is(text, big), "a large one");
	free(big);
	ok(failed("absent", 9, ERR_NOT_FOUND), "absent");
	ok(failed("a", 9, ERR_INVALID), "a directory");
	if (mkfifoat(dir, "fifo", 0600) || symlinkat("f", dir, "ln"))
		tap_diag("%s", strerror(errno));
	ok(failed("fifo", 9, ERR_INVALID), "a fifo, without waiting");
	ok(failed("ln", 100000, ERR_INVALID), "a symbolic link");
	ok(file_read(AT_FDCWD, "/dev/null", 9, &arena, &text, &e) < 0 &&
	   e.code == ERR_INVALID, "a device: %s", e.msg);
	ok(!file_read(AT_FDCWD, "/proc/self/status", 100000, &arena, &text,
		      &e) && text.n > 256 &&
	   str_starts(text, STR("Name:")), "one that says it has no size");
	ok(file_read(AT_FDCWD, "/proc/self/status", 256, &arena, &text,
		     &e) < 0 && e.code == ERR_FULL, "and is too large: %s",
	   e.msg);
	arena_reset(&arena);
	arena.cap = 100;
	ok(failed("f", 100000, ERR_NO_MEMORY), "no memory");
	arena_reset(&arena);
	arena.cap = 1 << 20;
	close(s);
}

static void identity(void)
{
	struct file_id a, b;
	struct err e = { 0 };
	struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
	int fd;

	put("id", "one");
	ok(!file_id(dir, "id", &a, &e) && a.exists && a.size == 3, "known");
	ok(!file_id(dir, "id", &b, &e) && file_same(&a, &b), "the same");
	utimensat(dir, "id", old, 0);
	ok(!file_id(dir, "id", &b, &e) && !file_same(&a, &b) &&
	   b.mtime_ns == 1000000000000, "touched");
	a = b;
	file_put(dir, "id", STR("one"), 0600, &e);
	utimensat(dir, "id", old, 0);
	ok(!file_id(dir, "id", &b, &e) && !file_same(&a, &b), "replaced");
	fd = openat(dir, "id", O_RDONLY | O_CLOEXEC);
	ok(!file_id(dir, "id", &a, &e) && !file_id_of(fd, &b, &e) &&
	   file_same(&a, &b), "by name or open, the same");
	close(fd);
	unlinkat(dir, "id", 0);
	ok(!file_id(dir, "id", &a, &e) && !a.exists && !file_same(&a, &b),
	   "gone is no error");
	ok(!file_id(dir, "absent", &b, &e) && file_same(&a, &b),
	   "absent is as absent");
	ok(file_id_of(fd, &b, &e) < 0 && !b.exists, "one that is closed: %s",
	   e.msg);
	ok(file_id(dir, "f/x", &b, &e) < 0 && !b.exists, "below a file: %s",
	   e.msg);
}

/* Writing */

static void replacing(void)
{
	struct err e = { 0 };
	size_t n;

	put("r", "old");
	n = entries();
	umask(077);
	ok(!file_replace(dir, "r", STR("new"), 0644, &e) &&
	   !strcmp(get("r", 99), "new"), "replaced: %s", e.msg);
	ok(mode_is("r", 0644), "with exactly that mode");
	umask(0);
	ok(!file_put(dir, "r", STR("secret"), 0600, &e) &&
	   mode_is("r", 0600) && !strcmp(get("r", 99), "secret"),
	   "without syncing");
	umask(022);
	ok(entries() == n, "nothing else is left");
	ok(!file_replace(dir, "r2", STR_NULL, 0600, &e) &&
	   !strcmp(get("r2", 0), ""), "a new one, empty");
	ok(!file_replace(dir, "a/b/r", STR("deep"), 0600, &e) &&
	   !strcmp(get("a/b/r", 99), "deep"), "in a directory below: %s",
	   e.msg);
	put("target", "kept");
	if (symlinkat("target", dir, "rl"))
		tap_diag("%s", strerror(errno));
	ok(!file_replace(dir, "rl", STR("mine"), 0600, &e) &&
	   !strcmp(get("rl", 99), "mine") &&
	   !strcmp(get("target", 99), "kept"),
	   "a symbolic link is replaced, what it names stays");
	n = entries();
	ok(file_replace(dir, "a", STR("x"), 0600, &e) < 0 &&
	   entries() == n, "not a directory, and no litter: %s", e.msg);
	ok(file_replace(dir, "no/r", STR("x"), 0600, &e) < 0 &&
	   e.code == ERR_NOT_FOUND, "no such directory: %s", e.msg);
}

/* The disk is full after 4 KiB, as far as this process can tell. */
static void no_room(void)
{
	static char big[20000];
	struct rlimit lim = { 4096, RLIM_INFINITY }, was;
	struct err e = { 0 };
	size_t n;

	memset(big, 'b', sizeof big);
	put("r", "old");
	n = entries();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	lim.rlim_max = was.rlim_max;
	setrlimit(RLIMIT_FSIZE, &lim);
	ok(file_replace(dir, "r", (struct str){ big, sizeof big }, 0600,
			&e) < 0 && e.sys == EFBIG, "no room: %s", e.msg);
	setrlimit(RLIMIT_FSIZE, &was);
	ok(!strcmp(get("r", 99), "old") && entries() == n,
	   "the old one stands, no litter");
}

/* One process replaces, another reads: never a part, never nothing. */
static void atomic(void)
{
	struct err e = { 0 };
	int status = 1, whole = 0, other = 0;
	pid_t pid;

	put("at", "0000000000");
	pid = fork();
	if (!pid) {
		int rc = 0;

		for (int i = 0; i < 300 && !rc; i++)
			rc = file_put(dir, "at", i % 2 ?
					  STR("1111111111") :
					  STR("2222222222"), 0600, &e);
		_exit(rc ? 1 : 0);
	}
	while (!waitpid(pid, &status, WNOHANG)) {
		const char *s = get("at", 10);

		if (strlen(s) == 10 && strspn(s, s[0] == '0' ? "0" :
					      s[0] == '1' ? "1" : "2") == 10)
			whole++;
		else
			other++;
		arena_reset(&arena);
	}
	ok(status == 0 && whole && !other,
	   "a reader saw %d whole files, %d others", whole, other);
}

static void write_all(void)
{
	static char big[300000], got[300000];
	struct err e = { 0 };
	size_t have = 0;
	int p[2], status = 1;
	ssize_t n;
	pid_t pid;

	for (size_t i = 0; i < sizeof big; i++)
		big[i] = (char)(i % 251);
	if (pipe(p) < 0)
		tap_diag("%s", strerror(errno));
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	pid = fork();
	if (!pid) {
		close(p[0]);
		_exit(file_write_all(p[1], (struct str){ big, sizeof big },
				     &e) < 0);
	}
	close(p[1]);
	while ((n = read(p[0], got + have, sizeof got - have)) > 0)
		have += (size_t)n;
	waitpid(pid, &status, 0);
	ok(have == sizeof big && !memcmp(big, got, have) && !status,
	   "all is written, to a pipe that takes less at a time");
	close(p[0]);
	ok(file_write_all(-1, STR("x"), &e) < 0 && e.sys == EBADF,
	   "nowhere: %s", e.msg);
	ok(!file_write_all(-1, STR_NULL, &e), "nothing is always written");
}

/* Locks */

static void locking(void)
{
	struct err e = { 0 };
	int a = file_lock(dir, "lock", 0, &e), b, go[2], status = 1;
	struct proc p = { .pid = 0 };
	pid_t pid, us = getpid();
	char c;

	ok(same_place(a, "lock") && mode_is("lock", 0600), "locked: %s",
	   e.msg);
	ok(file_lock(dir, "lock", 0, &e) < 0 && e.code == ERR_EXISTS,
	   "not twice: %s", e.msg);
	ok(file_lock(dir, "lock", 20, &e) < 0 && e.code == ERR_EXISTS,
	   "nor after waiting: %s", e.msg);
	if (renameat(dir, "f", dir, "lock"))
		tap_diag("%s", strerror(errno));
	b = file_lock(dir, "lock", 0, &e);
	ok(same_place(b, "lock"), "the name got another file: that is free");
	close(b);
	close(a);
	if (pipe(go) < 0)
		tap_diag("%s", strerror(errno));
	pid = fork();
	if (!pid) {
		a = file_lock(dir, "lock", 0, &e);
		c = write(go[1], "x", 1) < 0;
		/* Let go as soon as the other waits. */
		while (!proc_read(us, &p) && p.state != 'S')
			sched_yield();
		_exit(a < 0);
	}
	if (read(go[0], &c, 1) != 1)
		tap_diag("%s", strerror(errno));
	a = file_lock(dir, "lock", 30000, &e);
	ok(a >= 0, "waited for, until its holder died: %s", e.msg);
	waitpid(pid, &status, 0);
	ok(status == 0, "which had it");
	close(a);
	close(go[0]);
	close(go[1]);
	ok(file_lock(dir, "a", 0, &e) < 0, "no directory: %s", e.msg);
	ok(file_lock(dir, "fifo", 0, &e) < 0 && e.code == ERR_INVALID,
	   "no fifo: %s", e.msg);
	ok(file_lock(dir, "ln", 0, &e) < 0, "no symbolic link: %s", e.msg);
}

/* In place of the library's, to come between its open() and its flock(). */
static int replacements;

int flock(int fd, int op)
{
	struct err e = { 0 };

	if (replacements-- > 0)
		file_put(dir, "fl", STR("another"), 0600, &e);
	return (int)syscall(SYS_flock, fd, op);
}

static void replaced_lock(void)
{
	struct err e = { 0 };
	int fd;

	replacements = 1;
	fd = file_lock(dir, "fl", 0, &e);
	ok(same_place(fd, "fl"), "replaced between open and lock: the new one "
	   "is locked: %s", e.msg);
	close(fd);
	replacements = 1000000;
	fd = file_lock(dir, "fl", 0, &e);
	ok(fd < 0 && e.code == ERR_FAILED, "replaced each time: %s", e.msg);
	replacements = 0;
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char cmd[4200];
	int before;

	alarm(60);
	snprintf(top, sizeof top, "%s/file.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(top))
		tap_skip_all("no temporary directory");
	dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	arena_init(&arena, 1 << 20);
	before = open_count();
	directories();
	reading();
	identity();
	replacing();
	no_room();
	atomic();
	write_all();
	locking();
	replaced_lock();
	/* One more is ptab's, which keeps /proc. */
	ok(open_count() <= before + 1, "no descriptor is lost");
	arena_release(&arena);
	close(dir);
	snprintf(cmd, sizeof cmd, "cd / && rm -rf '%s'", top);
	if (system(cmd))
		tap_diag("%s is left", top);
	return tap_done();
}
