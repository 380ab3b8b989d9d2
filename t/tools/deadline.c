/* SPDX-License-Identifier: MIT */
/*
 * deadline SECONDS CMD ARG... - run one test script, and leave nothing of it.
 *
 * CMD runs in a process group of its own. It is ended when it takes longer
 * than SECONDS, or when this program is told to end. Whatever it started is
 * below us in the process tree, even what left its session: we are a
 * subreaper. What is still alive when CMD is done is named, killed, and makes
 * a passed test a failed one.
 *
 * CMD also gets PC_TEST_DIR, an empty directory that is removed at the end
 * however CMD ends, and PC_TEST_PORTS=FIRST: a block of TCP ports that no other test
 * script has at the same time, kept by a lock for as long as we live.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK      256          /* ports a script */
#define PORT_FIRST 10240        /* above what people use, below what the */
#define PORT_END   32768        /* kernel gives to outgoing connections */
#define PROCS_MAX  65536

static int wake[2];

static void on_signal(int sig)
{
	unsigned char byte = (unsigned char)sig;
	int saved = errno;

	if (write(wake[1], &byte, 1) < 0)
		_exit(1);
	errno = saved;
}

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "deadline: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The first free block, from a place that differs from script to script. */
static void take_ports(void)
{
	const int blocks = (PORT_END - PORT_FIRST) / BLOCK;
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[128], text[16];
	int i, n, fd;

	snprintf(path, sizeof path, "/tmp/pc-test-ports.%ld", (long)getuid());
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		die(path);
	for (i = 0; i < blocks; i++) {
		n = (int)((getpid() + i) % blocks);
		snprintf(path, sizeof path, "/tmp/pc-test-ports.%ld/%d",
			 (long)getuid(), n);
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
			  0600);
		if (fd < 0)
			die(path);
		if (fcntl(fd, F_SETLK, &whole) == 0) {
			snprintf(text, sizeof text, "%d",
				 PORT_FIRST + n * BLOCK);
			setenv("PC_TEST_PORTS", text, 1);
			return;
		}
		close(fd);
	}
	errno = EBUSY;
	die("no block of ports is free");
}

static char scratch[4096];

static void make_scratch(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(scratch, sizeof scratch, "%s/pc-test.XXXXXX",
		 tmp && *tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch))
		die(scratch);
	setenv("PC_TEST_DIR", scratch, 1);
}

/* After the last process of the test is gone. */
static void remove_scratch(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		execlp("rm", "rm", "-rf", "--", scratch, (char *)NULL);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

struct seen {
	int pid, ppid;
	char state;
};

static int read_stat(int pid, struct seen *out)
{
	char path[64], text[512], *p;
	ssize_t n;
	int fd, threads;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	p = strrchr(text, ')');         /* the name may hold anything */
	out->pid = pid;
	if (!p || sscanf(p + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
			 "%*u %*u %*d %*d %*d %*d %d", &out->state,
			 &out->ppid, &threads) != 3)
		return -1;
	/* Its first thread has ended, the others live. */
	if (out->state == 'Z' && threads > 1)
		out->state = 'S';
	return 0;
}

static size_t read_procs(struct seen *all)
{
	struct dirent *d;
	size_t n = 0;
	DIR *dir = opendir("/proc");

	if (!dir)
		return 0;
	while (n < PROCS_MAX && (d = readdir(dir))) {
		int pid = atoi(d->d_name);

		if (pid > 0 && read_stat(pid, &all[n]) == 0)
			n++;
	}
	closedir(dir);
	return n;
}

static bool is_below(const struct seen *all, size_t n, int pid, int root)
{
	size_t i;
	int hops;

	for (hops = 0; pid > 1 && hops < 64; hops++) {
		for (i = 0; i < n && all[i].pid != pid; i++)
			;
		if (i == n)
			return false;
		pid = all[i].ppid;
		if (pid == root)
			return true;
	}
	return false;
}

static void name_process(int pid)
{
	char path[64], text[256];
	ssize_t n, i;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	if (n < 0)
		n = 0;
	for (i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ')
			text[i] = ' ';
	text[n] = '\0';
	fprintf(stderr, "# left behind, killed now: pid %d: %s\n", pid, text);
}

/* Names and kills what is alive below us; how many were found. */
static size_t sweep(bool say)
{
	static struct seen all[PROCS_MAX];
	size_t i, n = read_procs(all), found = 0;

	for (i = 0; i < n; i++) {
		if (all[i].state == 'Z' || all[i].pid == getpid() ||
		    !is_below(all, n, all[i].pid, getpid()))
			continue;
		found++;
		if (say)
			name_process(all[i].pid);
		kill(all[i].pid, SIGKILL);
	}
	return found;
}

static size_t clean_up(bool say)
{
	size_t found = sweep(say);

	if (found)
		while (sweep(false))
			waitpid(-1, NULL, 0);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	return found;
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pid_t spawn(char **argv)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	fprintf(stderr, "deadline: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void watch_signals(void)
{
	static const int signals[] = { SIGCHLD, SIGTERM, SIGINT, SIGHUP };
	struct sigaction sa = { .sa_handler = on_signal };
	size_t i;

	/* Who reads what we say may be gone before all is cleaned up. */
	signal(SIGPIPE, SIG_IGN);
	if (pipe(wake) < 0)
		die("pipe");
	for (i = 0; i < 2; i++) {
		fcntl(wake[i], F_SETFD, FD_CLOEXEC);
		fcntl(wake[i], F_SETFL, O_NONBLOCK);
	}
	sigemptyset(&sa.sa_mask);
	sa.sa_flags = SA_RESTART | SA_NOCLDSTOP;
	for (i = 0; i < sizeof signals / sizeof *signals; i++)
		sigaction(signals[i], &sa, NULL);
}

/* True and *status when CMD is done; others that we inherited are reaped. */
static bool reap(pid_t pid, int *status)
{
	bool done = false;
	int st;
	pid_t got;

	while ((got = waitpid(-1, &st, WNOHANG)) > 0)
		if (got == pid) {
			*status = st;
			done = true;
		}
	return done;
}

int main(int argc, char **argv)
{
	long end, left;
	int status = 0;
	bool ended = false;
	unsigned char byte;
	pid_t pid;

	if (argc < 3 || atol(argv[1]) <= 0) {
		fprintf(stderr, "usage: deadline SECONDS CMD ARG...\n");
		return 2;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	take_ports();
	make_scratch();
	watch_signals();
	end = now_ms() + atol(argv[1]) * 1000;
	pid = spawn(argv + 2);
	while (!reap(pid, &status)) {
		struct pollfd pfd = { .fd = wake[0], .events = POLLIN };

		left = end - now_ms();
		if (left > 0 && poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			die("poll");
		while (read(wake[0], &byte, 1) == 1)
			if (byte != SIGCHLD)
				ended = true;
		if (!ended && now_ms() < end)
			continue;
		fprintf(stderr, "# %s: %s\n", argv[2], ended ?
			"told to end" : "the overall deadline has passed");
		clean_up(false);
		remove_scratch();
		return 1;
	}
	ended = clean_up(true) > 0;
	remove_scratch();
	if (ended)
		return 1;
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "# %s: ended by signal %d\n", argv[2],
			WTERMSIG(status));
		return 128 + WTERMSIG(status);
	}
	return WEXITSTATUS(status);
}
