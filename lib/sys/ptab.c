/* SPDX-License-Identifier: MIT */
#include "sys/ptab.h"

#include "base/fmt.h"
#include "base/num.h"
#include "sys/fd.h"
#include "sys/os.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * /proc is opened once and kept. The table lives in os_map() memory: it
 * grows by doubling, and children do not carry it about.
 */

/* Places in /proc/PID/stat, counted from 1 as proc(5) does. */
enum {
	STAT_STATE = 3,
	STAT_PPID = 4,
	STAT_PGID = 5,
	STAT_SID = 6,
	STAT_UTIME = 14,        /* and stime, cutime, cstime */
	STAT_THREADS = 20,
	STAT_START = 22,
};

#define STAT_SIZE 1024  /* 52 fields of up to 20 digits, most of them 0 */

static DIR *proc_dir(void)
{
	static DIR *dir;
	int fd;

	if (dir)
		return dir;
	fd = fd_own(open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), FD_DIR,
		    0);
	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir)
		fd_close(&fd);
	return dir;
}

static int open_of(pid_t pid, const char *what)
{
	DIR *dir = proc_dir();
	char name[48];
	int fd;

	if (!dir)
		return -1;
	fmt(name, sizeof name, "%ld/%s", (long)pid, what);
	do
		fd = openat(dirfd(dir), name, O_RDONLY | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return fd;
}

static ssize_t read_some(int fd, char *p, size_t n)
{
	ssize_t got;

	do
		got = read(fd, p, n);
	while (got < 0 && errno == EINTR);
	return got;
}

/* Up to size - 1 bytes and a NUL; -1 when it is gone or unreadable. */
static ssize_t read_of(pid_t pid, const char *what, char *out, size_t size)
{
	int fd = open_of(pid, what);
	size_t n = 0;
	ssize_t got = 0;

	if (fd < 0)
		return -1;
	while (n < size - 1 &&
	       (got = read_some(fd, out + n, size - 1 - n)) > 0)
		n += (size_t)got;
	close(fd);
	out[n] = '\0';
	return got < 0 ? -1 : (ssize_t)n;
}

/* What follows the name, which may itself hold blanks and brackets. */
static const char *after_comm(const char *text)
{
	const char *end = strrchr(text, ')');

	return end && end[1] == ' ' ? end + 2 : NULL;
}

/* Field n of those after the name; NULL when there are not so many. */
static const char *field(const char *rest, int n)
{
	for (int at = STAT_STATE; rest && at < n; at++) {
		rest = strchr(rest, ' ');
		rest = rest ? rest + 1 : NULL;
	}
	return rest;
}

/* Its own time, and that of children it has waited for. */
static uint64_t cpu_ms(const char *times)
{
	uint64_t sum = 0, hz;

	for (int i = 0; i < 4; i++)
		sum += num_dec(times, &times);
	hz = getauxval(AT_CLKTCK);
	return sum * 1000 / (hz ? hz : 100);
}

static int parse_stat(const char *text, struct proc *p)
{
	const char *open = strchr(text, '('), *rest = after_comm(text);
	const char *times = field(rest, STAT_UTIME);
	const char *threads = field(times,
				    STAT_STATE + STAT_THREADS - STAT_UTIME);
	const char *start = field(threads,
				  STAT_STATE + STAT_START - STAT_THREADS);
	size_t n;

	if (!open || !start)
		return -1;
	n = (size_t)(rest - 2 - (open + 1));
	if (n > sizeof p->comm - 1)
		n = sizeof p->comm - 1;
	memset(p->comm, 0, sizeof p->comm);
	memcpy(p->comm, open + 1, n);
	p->pid = p->thread = (pid_t)num_dec(text, NULL);
	p->state = *rest;
	p->ppid = (pid_t)num_dec(field(rest, STAT_PPID), NULL);
	p->pgid = (pid_t)num_dec(field(rest, STAT_PGID), NULL);
	p->sid = (pid_t)num_dec(field(rest, STAT_SID), NULL);
	/* Its first thread may be gone, and others run on. */
	p->dead = p->state == 'Z' && num_dec(threads, NULL) <= 1;
	p->start = num_dec(start, NULL);
	p->cpu_ms = cpu_ms(times);
	return 0;
}

/* One read: this file comes whole, and a table has many. */
static int read_stat(pid_t pid, char *text, size_t size)
{
	int fd = open_of(pid, "stat");
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_some(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n > 0 ? 0 : -1;
}

/* Of a process whose first thread has ended: it has given back what they
 * share, and shows none of it. */
static pid_t next_thread(pid_t pid)
{
	int fd = open_of(pid, "task");
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	pid_t thread = pid;
	struct dirent *d;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && thread == pid && (d = readdir(dir)))
		if (d->d_name[0] != '.')
			thread = (pid_t)num_dec(d->d_name, NULL);
	if (dir)
		closedir(dir);
	return thread;
}

int proc_read(pid_t pid, struct proc *p)
{
	char text[STAT_SIZE];

	if (pid <= 0 || read_stat(pid, text, sizeof text) < 0 ||
	    parse_stat(text, p) < 0)
		return -1;
	if (p->state == 'Z' && !p->dead)
		p->thread = next_thread(pid);
	return 0;
}

/* The table */

void proc_signal(const struct proc *p, int sig)
{
	int fd = os_pidfd(p->pid);
	struct proc now;

	if (fd < 0 && errno == ESRCH)
		return;
	if (proc_read(p->pid, &now) == 0 && now.start == p->start) {
		if (fd >= 0)
			os_pidfd_signal(fd, sig);
		else
			kill(p->pid, sig);
	}
	if (fd >= 0)
		close(fd);
}

void ptab_init(struct ptab *t)
{
	*t = (struct ptab){ .n = 0 };
}

void ptab_release(struct ptab *t)
{
	os_unmap(t->all, t->size * sizeof *t->all);
	ptab_init(t);
}

static int grow(struct ptab *t, struct err *e)
{
	size_t size = t->size ? t->size * 2 : 1024;
	struct proc *all;

	if (size > PTAB_MAX)
		return err_set(e, ERR_FULL, "more than %d processes",
			       PTAB_MAX);
	all = os_map(size * sizeof *all);
	if (!all)
		return err_set(e, ERR_NO_MEMORY, "process table: no memory");
	if (t->n)
		memcpy(all, t->all, t->n * sizeof *all);
	os_unmap(t->all, t->size * sizeof *all);
	t->all = all;
	t->size = size;
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct proc *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

void ptab_sort(struct ptab *t)
{
	if (t->n)
		qsort(t->all, t->n, sizeof *t->all, by_pid);
}

int ptab_read(struct ptab *t, struct err *e)
{
	DIR *dir = proc_dir();
	bool sorted = true;
	struct dirent *d;

	t->n = 0;
	if (!dir)
		return err_sys(e, "process table: /proc");
	rewinddir(dir);
	while (errno = 0, (d = readdir(dir))) {
		if (d->d_name[0] < '0' || d->d_name[0] > '9')
			continue;
		if (t->n == t->size && grow(t, e) < 0)
			return -1;
		if (proc_read((pid_t)num_dec(d->d_name, NULL),
			      &t->all[t->n]) < 0) {
			/* Gone is one thing, not to be had another. */
			if (errno == EMFILE || errno == ENFILE ||
			    errno == ENOMEM)
				return err_sys(e, "process table: /proc");
			continue;
		}
		sorted = sorted && (!t->n ||
				    t->all[t->n - 1].pid < t->all[t->n].pid);
		t->n++;
	}
	if (errno)
		return err_sys(e, "process table: /proc");
	if (!sorted)
		ptab_sort(t);
	return 0;
}

const struct proc *ptab_find(const struct ptab *t, pid_t pid)
{
	struct proc key = { .pid = pid };

	if (!t->n)
		return NULL;
	return bsearch(&key, t->all, t->n, sizeof *t->all, by_pid);
}

/* Read while it changed, a snapshot may even hold a circle. */
const struct proc *ptab_top(const struct ptab *t, const struct proc *p,
			    pid_t root, bool *torn)
{
	for (size_t depth = 0; depth < t->n; depth++) {
		pid_t above = p->ppid;

		if (above == root)
			return p;
		p = ptab_find(t, above);
		if (!p) {
			*torn = above > 0;
			return NULL;
		}
	}
	*torn = true;
	return NULL;
}

/* Facts of one process */

static void printable(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] < ' ' || p[i] > '~')
			p[i] = '?';
}

bool proc_command(pid_t pid, char *out, size_t size)
{
	ssize_t n = read_of(pid, "cmdline", out, size);
	struct proc p;

	if (n < 0)
		return false;
	while (n > 0 && !out[n - 1])
		n--;
	if (n > 0) {
		for (ssize_t i = 0; i < n; i++)
			if (!out[i])
				out[i] = ' ';
		printable(out, (size_t)n);
		return true;
	}
	if (proc_read(pid, &p) < 0)
		return false;
	printable(p.comm, strlen(p.comm));
	fmt(out, size, "[%s]", p.comm);
	return true;
}

/* One pair, gathered until its NUL; longer ones cannot be what is sought. */
struct pair {
	char text[256];
	size_t n;
};

static bool pair_feed(struct pair *pair, const char *p, size_t n,
		      const char *name, char *out, size_t size)
{
	struct str key, value;

	for (size_t i = 0; i < n; i++) {
		if (p[i]) {
			if (pair->n < sizeof pair->text)
				pair->text[pair->n++] = p[i];
			continue;
		}
		if (str_cut((struct str){ pair->text, pair->n }, '=', &key,
			    &value) && str_is(key, name) &&
		    pair->n < sizeof pair->text)
			return str_to_c(value, out, size);
		pair->n = 0;
	}
	return false;
}

int proc_env(pid_t pid, const char *name, char *out, size_t size)
{
	struct pair pair = { .n = 0 };
	int fd = open_of(pid, "environ");
	bool found = false;
	char buf[4096];
	ssize_t n = 0;

	if (fd < 0)
		return -1;
	while (!found && (n = read_some(fd, buf, sizeof buf)) > 0)
		found = pair_feed(&pair, buf, (size_t)n, name, out, size);
	close(fd);
	/* The last one may have lost its NUL to setproctitle(). */
	if (found || (n == 0 && pair_feed(&pair, "", 1, name, out, size)))
		return 1;
	return n < 0 ? -1 : 0;
}

uint64_t proc_mark(pid_t pid)
{
	static const struct str name = { "Max msgqueue size", 17 };
	struct str rest, line, word;
	uint64_t soft, hard;
	char buf[4096];
	int fd = open_of(pid, "limits");
	ssize_t n = fd < 0 ? -1 : read_some(fd, buf, sizeof buf);

	if (fd >= 0)
		close(fd);
	rest = (struct str){ buf, n > 0 ? (size_t)n : 0 };
	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (!str_starts(line, name))
			continue;
		line = str_trim(str_skip(line, name.n), " ");
		if (!str_cut(line, ' ', &word, &line) ||
		    !str_to_u64(word, UINT64_MAX, &soft))
			return 0;
		str_cut(str_trim(line, " "), ' ', &word, &line);
		return str_to_u64(word, UINT64_MAX, &hard) ? hard : 0;
	}
	return 0;
}

uint64_t proc_mark_max(void)
{
	struct rlimit lim;

	if (getrlimit(RLIMIT_MSGQUEUE, &lim) < 0 ||
	    lim.rlim_max == RLIM_INFINITY)
		return 0;
	return lim.rlim_max;
}

bool proc_cgroup(pid_t pid, char *out, size_t size)
{
	char text[4096];
	ssize_t n = read_of(pid, "cgroup", text, sizeof text);
	struct str rest = { text, n > 0 ? (size_t)n : 0 }, line;

	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (str_starts(line, STR("0::/")))
			return str_to_c(str_skip(line, 3), out, size);
	}
	return false;
}

uint64_t proc_memory(pid_t pid)
{
	char text[4096];
	ssize_t n = read_of(pid, "status", text, sizeof text);
	struct str rest = { text, n > 0 ? (size_t)n : 0 }, line, number;
	uint64_t kib;

	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (!str_starts(line, STR("VmRSS:")))
			continue;
		line = str_trim(str_skip(line, 6), " \t");
		str_cut(line, ' ', &number, &line);
		return str_to_u64(number, UINT64_MAX / 1024, &kib) ?
			kib * 1024 : 0;
	}
	return 0;
}

int proc_descriptors(pid_t pid)
{
	int fd = open_of(pid, "fd"), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	while ((d = readdir(dir)))
		n += d->d_name[0] != '.';
	closedir(dir);
	return n;
}

void proc_boot_id(char out[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read_some(fd, out, 36);

	if (fd >= 0)
		close(fd);
	out[n == 36 ? 36 : 0] = '\0';
}
