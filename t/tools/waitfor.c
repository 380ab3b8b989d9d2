/* SPDX-License-Identifier: MIT */
/*
 * waitfor [-t SECONDS] WHAT... - wait for something that nobody announces.
 *
 *	pid-gone PID...         the processes have ended (zombies count as gone)
 *	port-open PORT          127.0.0.1:PORT takes a connection
 *	port-free PORT...       nobody listens there any more
 *	file PATH               PATH exists
 *	lines N PATH            PATH has N lines or more
 *	has TEXT PATH           PATH holds TEXT
 *	pause                   just SECONDS (may be a fraction)
 *
 * Ends with 0, or with 1 after SECONDS (default 60). Files are watched by
 * inotify and processes by pidfd; ports are asked again and again, paced.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PACE_MS 5

static long end_ms;

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int left_ms(void)
{
	long left = end_ms - now_ms();

	return left < 0 ? 0 : (int)left;
}

static _Noreturn void late(const char *what)
{
	fprintf(stderr, "waitfor: %s: not in time\n", what);
	exit(1);
}

static void wait_pid(const char *text)
{
	pid_t pid = (pid_t)atol(text);
	struct pollfd pfd = { .events = POLLIN };

	if (pid <= 0) {
		fprintf(stderr, "waitfor: '%s' is no pid\n", text);
		exit(2);
	}
	pfd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pfd.fd < 0 && errno == ESRCH)
		return;
	if (pfd.fd < 0) {
		perror("waitfor: pidfd_open");
		exit(2);
	}
	if (poll(&pfd, 1, left_ms()) <= 0)
		late(text);
	close(pfd.fd);
}

static bool port_open(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool open;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(text));
	open = fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0;
	if (fd >= 0)
		close(fd);
	return open;
}

/* Asking whether somebody listens must not count as a connection to him. */
static bool port_free(const char *text)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
	bool is_free;

	a.sin_addr.s_addr = htonl(INADDR_ANY);
	a.sin_port = htons((uint16_t)atoi(text));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	is_free = bind(fd, (struct sockaddr *)&a, sizeof a) == 0 &&
		  listen(fd, 1) == 0;
	close(fd);
	return is_free;
}

static void wait_port(const char *text, bool want(const char *))
{
	while (!want(text)) {
		if (!left_ms())
			late(text);
		poll(NULL, 0, PACE_MS);
	}
}

/* What has been read of a file that grows; only the end is kept. */
struct scan {
	int fd;
	size_t lines, kept;
	char buf[65536];
};

/* Whether what came since the last call completes it. */
static bool scan_more(struct scan *s, const char *path, const char *text,
		      size_t lines)
{
	size_t i, end, n = text ? strlen(text) : 0;
	ssize_t got;

	if (s->fd < 0 && (s->fd = open(path, O_RDONLY)) < 0)
		return false;
	while ((got = read(s->fd, s->buf + s->kept,
			   sizeof s->buf - s->kept)) > 0) {
		end = s->kept + (size_t)got;
		for (i = s->kept; i < end; i++)
			s->lines += s->buf[i] == '\n';
		for (i = 0; n && i + n <= end; i++)
			if (!memcmp(s->buf + i, text, n))
				return true;
		if (!n && s->lines >= lines)
			return true;
		s->kept = n && end >= n ? n - 1 : n ? end : 0;
		memmove(s->buf, s->buf + end - s->kept, s->kept);
	}
	return !n && s->lines >= lines;
}

static bool file_is(struct scan *s, const char *what, const char *arg,
		    const char *path)
{
	if (!strcmp(what, "file"))
		return access(path, F_OK) == 0;
	if (!strcmp(what, "has"))
		return scan_more(s, path, arg, 0);
	return scan_more(s, path, NULL, (size_t)atol(arg));
}

/* Its directory, or the nearest that is there by now: what is not there yet
 * is seen when it comes. Again after each event, for the next one below. */
static void watch(int fd, const char *path)
{
	char dir[4096];

	snprintf(dir, sizeof dir, "%s", path);
	for (;;) {
		char *slash = strrchr(dir, '/');

		if (slash)
			slash[slash == dir] = '\0';
		if (inotify_add_watch(fd, slash ? dir : ".", IN_CREATE |
				      IN_MODIFY | IN_MOVED_TO |
				      IN_CLOSE_WRITE) >= 0)
			return;
		if (errno != ENOENT || !slash || !strcmp(dir, "/"))
			break;
	}
	fprintf(stderr, "waitfor: %s: %s\n", dir, strerror(errno));
	exit(2);
}

static void wait_file(const char *what, const char *arg, const char *path)
{
	static struct scan scan = { .fd = -1 };
	struct pollfd pfd = { .fd = inotify_init1(IN_NONBLOCK),
			      .events = POLLIN };
	char events[8192];

	for (;;) {
		watch(pfd.fd, path);
		if (file_is(&scan, what, arg, path))
			break;
		if (!left_ms())
			late(path);
		if (poll(&pfd, 1, left_ms()) > 0)
			while (read(pfd.fd, events, sizeof events) > 0)
				;
	}
	close(pfd.fd);
}

static int usage(void)
{
	fprintf(stderr, "usage: waitfor [-t SECONDS] pid-gone PID... | "
		"port-open PORT | port-free PORT... | file PATH | "
		"lines N PATH | has TEXT PATH | pause\n");
	return 2;
}

int main(int argc, char **argv)
{
	double seconds = 60;
	const char *what;
	int opt, i;

	while ((opt = getopt(argc, argv, "+t:")) != -1) {
		if (opt != 't')
			return usage();
		seconds = atof(optarg);
	}
	argc -= optind;
	argv += optind;
	if (argc < 1)
		return usage();
	end_ms = now_ms() + (long)(seconds * 1000);
	what = argv[0];
	if (!strcmp(what, "pause") && argc == 1)
		poll(NULL, 0, left_ms());
	else if (!strcmp(what, "file") && argc == 2)
		wait_file(what, "", argv[1]);
	else if ((!strcmp(what, "lines") || !strcmp(what, "has")) && argc == 3)
		wait_file(what, argv[1], argv[2]);
	else if (!strcmp(what, "port-open") && argc == 2)
		wait_port(argv[1], port_open);
	else if (!strcmp(what, "port-free") && argc > 1)
		for (i = 1; i < argc; i++)
			wait_port(argv[i], port_free);
	else if (!strcmp(what, "pid-gone") && argc > 1)
		for (i = 1; i < argc; i++)
			wait_pid(argv[i]);
	else
		return usage();
	return 0;
}
