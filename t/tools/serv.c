/* SPDX-License-Identifier: MIT */
/*
 * serv [OPTION...] - a server that misbehaves as told.
 *
 * Listens on $PORT (or --listen PORT) of 127.0.0.1 and answers 200. A request
 * steers it; the answer comes when the deed is done:
 *
 *	/lines/N /errlines/N    print "line 1" ... "line N", counting on
 *	/say/TEXT               print TEXT
 *	/long/N                 print N bytes without a newline
 *	/exit/N                 exit with N (no answer)
 *	/unbind                 stop listening
 *	/notify/TEXT            send TEXT to $NOTIFY_SOCKET, ',' as newline and
 *	                        '+' as blank
 *	/.../health             with --health FILE: answer what is in FILE, or
 *	                        never when it is not there; FILE.asked gets
 *	                        the request
 *	/orphans/N              N processes that lose their parent, then exit
 *
 * Options act in this order, whatever their order on the command line:
 *
 *	--ignore-term           ignore SIGTERM
 *	--ignore-first-term     the first SIGTERM is only printed
 *	--env FILE --fds FILE --cwd FILE        print them to files
 *	--lock FILE             hold FILE, as do all that descend from us; if
 *	                        somebody does, write FILE.double
 *	--child                 start a stubborn one: own session, no SIGTERM
 *	--orphan                the same, and its parent is gone
 *	--wrap                  go on in a child; the parent waits for it
 *	--setsid                own session
 *	--daemonise             go on in an orphan; the parent waits until it
 *	                        listens, then exits with 0
 *	--mark FILE             append "PID MILLISECONDS"
 *	--lines N --errlines N --long N         as above, at once
 *	--flood                 a child prints for ever
 *	--notify TEXT           as /notify
 *	--notify-child TEXT     the same by a grandchild in its own session
 *	--notify-fd             a byte on $NOTIFY_FD, then one more
 *	--health FILE           see above
 *	--late MS               bind only then
 *	--late-fifo FILE        bind when a byte comes
 *	--no-bind               never bind
 *	--exit N                exit with N, now
 *	--exit-after MS         or then
 *	--exit-fifo FILE        or when a byte comes
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_NOW = 2 | 4 };      /* LOCK_EX | LOCK_NB */

static struct {
	bool ignore_term, first_term, child, orphan, wrap, daemonise, setsid;
	bool flood, no_bind, notify_fd;
	const char *mark, *lock, *env, *fds, *cwd, *late_fifo, *exit_fifo;
	const char *listen, *lines, *errlines, *longline, *late;
	const char *exit_code, *exit_after, *notify, *notify_child, *health;
} o;

static const struct {
	const char *name;
	bool *flag;
	const char **value;
} opts[] = {
	{ "--ignore-term", &o.ignore_term, NULL },
	{ "--ignore-first-term", &o.first_term, NULL },
	{ "--child", &o.child, NULL },
	{ "--orphan", &o.orphan, NULL },
	{ "--wrap", &o.wrap, NULL },
	{ "--daemonise", &o.daemonise, NULL },
	{ "--setsid", &o.setsid, NULL },
	{ "--flood", &o.flood, NULL },
	{ "--no-bind", &o.no_bind, NULL },
	{ "--notify-fd", &o.notify_fd, NULL },
	{ "--notify", NULL, &o.notify },
	{ "--notify-child", NULL, &o.notify_child },
	{ "--health", NULL, &o.health },
	{ "--mark", NULL, &o.mark },
	{ "--lock", NULL, &o.lock },
	{ "--env", NULL, &o.env },
	{ "--fds", NULL, &o.fds },
	{ "--cwd", NULL, &o.cwd },
	{ "--listen", NULL, &o.listen },
	{ "--lines", NULL, &o.lines },
	{ "--errlines", NULL, &o.errlines },
	{ "--long", NULL, &o.longline },
	{ "--late", NULL, &o.late },
	{ "--late-fifo", NULL, &o.late_fifo },
	{ "--exit", NULL, &o.exit_code },
	{ "--exit-after", NULL, &o.exit_after },
	{ "--exit-fifo", NULL, &o.exit_fifo },
};

extern char **environ;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "serv: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void put(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t got = write(fd, text, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			_exit(98);      /* nobody listens to us any more */
		text += got;
		n -= (size_t)got;
	}
}

static void print_lines(int fd, long n)
{
	static long count;
	char buf[8192], line[32];
	size_t used = 0;
	int len;

	for (; n > 0; n--) {
		len = snprintf(line, sizeof line, "line %ld\n", ++count);
		if (used + (size_t)len > sizeof buf) {
			put(fd, buf, used);
			used = 0;
		}
		memcpy(buf + used, line, (size_t)len);
		used += (size_t)len;
	}
	put(fd, buf, used);
}

static void print_long(long n)
{
	char buf[4096];

	memset(buf, 'x', sizeof buf);
	for (; n > (long)sizeof buf; n -= (long)sizeof buf)
		put(1, buf, sizeof buf);
	put(1, buf, (size_t)n);
}

static void mark(void)
{
	char line[64];
	struct timespec t;
	int len, fd;

	if (!o.mark)
		return;
	fd = open(o.mark, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(o.mark);
	clock_gettime(CLOCK_MONOTONIC, &t);
	len = snprintf(line, sizeof line, "%ld %ld\n", (long)getpid(),
		       (long)t.tv_sec * 1000 + t.tv_nsec / 1000000);
	put(fd, line, (size_t)len);
	close(fd);
}

/* Held until the last process that has the descriptor is gone. */
static void take_lock(void)
{
	char path[4096];
	FILE *f;
	int fd;

	if (!o.lock)
		return;
	fd = open(o.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		die(o.lock);
	if (syscall(SYS_flock, fd, LOCK_NOW) == 0)
		return;
	snprintf(path, sizeof path, "%s.double", o.lock);
	f = fopen(path, "a");
	if (!f)
		die(path);
	fprintf(f, "DOUBLE %ld\n", (long)getpid());
	fclose(f);
}

/* A file is there when it is whole. */
static FILE *out_open(const char *path, char tmp[4096])
{
	FILE *f;

	snprintf(tmp, 4096, "%s.%ld", path, (long)getpid());
	f = fopen(tmp, "w");
	if (!f)
		die(tmp);
	return f;
}

static void out_close(FILE *f, const char *path, const char *tmp)
{
	if (fclose(f) || rename(tmp, path) < 0)
		die(path);
}

static void print_fds(FILE *f)
{
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	char path[300], target[4096];
	ssize_t n;

	if (!d)
		die("/proc/self/fd");
	while ((e = readdir(d))) {
		int fd = atoi(e->d_name);

		if (e->d_name[0] == '.' || fd == dirfd(d) || fd == fileno(f))
			continue;
		snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof target - 1);
		target[n < 0 ? 0 : n] = '\0';
		fprintf(f, "%d %s\n", fd, target);
	}
	closedir(d);
}

static void print_self(void)
{
	char tmp[4096], cwd[4096];
	FILE *f;
	size_t i;

	if (o.fds) {            /* first: the others open more */
		f = out_open(o.fds, tmp);
		print_fds(f);
		out_close(f, o.fds, tmp);
	}
	if (o.env) {
		f = out_open(o.env, tmp);
		for (i = 0; environ[i]; i++)
			fprintf(f, "%s\n", environ[i]);
		out_close(f, o.env, tmp);
	}
	if (o.cwd) {
		f = out_open(o.cwd, tmp);
		if (!getcwd(cwd, sizeof cwd))
			die("getcwd");
		fprintf(f, "%s\n", cwd);
		out_close(f, o.cwd, tmp);
	}
}

static _Noreturn void stubborn(void)
{
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	mark();
	for (;;)
		pause();
}

static void start_children(void)
{
	pid_t pid;

	if (o.child && fork() == 0)
		stubborn();
	if (!o.orphan)
		return;
	pid = fork();
	if (pid == 0) {
		if (fork() == 0)
			stubborn();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* The descriptor that the daemon closes once it listens. */
static int go_on_elsewhere(void)
{
	int st, p[2];
	char byte;
	pid_t pid;

	if (o.wrap && (pid = fork()) != 0) {
		while (waitpid(pid, &st, 0) < 0)
			;
		_exit(WIFEXITED(st) ? WEXITSTATUS(st) : 1);
	}
	if (o.setsid)
		setsid();
	if (!o.daemonise)
		return -1;
	if (pipe(p) < 0)
		die("pipe");
	if (fork() != 0) {
		close(p[1]);
		while (read(p[0], &byte, 1) < 0)
			;
		_exit(0);
	}
	close(p[0]);
	setsid();
	if (fork() != 0)
		_exit(0);
	return p[1];
}

static void wait_byte(const char *path)
{
	int fd = open(path, O_RDONLY);
	char byte;

	if (fd < 0)
		die(path);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	close(fd);
}

static int listen_on(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || !port)
		die("no port");
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 128) < 0)
		die(port);
	return fd;
}

/* The pipe that all of them hold tells when the last one is gone. */
static void make_orphans(long n)
{
	int p[2];
	char byte;

	if (pipe(p) < 0)
		die("pipe");
	for (; n > 0; n--) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			pid_t parent = getpid();

			if (fork() == 0)
				while (getppid() == parent)
					poll(NULL, 0, 1);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	close(p[1]);
	while (read(p[0], &byte, 1) > 0)
		;
	close(p[0]);
}

/* As sd_notify(3) does. */
static void notify(const char *text)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	const char *name = getenv("NOTIFY_SOCKET");
	char out[1024];
	size_t n = 0, len;
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	if (!name || fd < 0) {
		fprintf(stderr, "serv: no NOTIFY_SOCKET\n");
		return;
	}
	len = strlen(name);
	memcpy(un.sun_path, name, len);
	if (*name == '@')
		un.sun_path[0] = '\0';
	for (; n < sizeof out && text[n]; n++)
		out[n] = text[n] == ',' ? '\n' : text[n] == '+' ? ' ' : text[n];
	if (sendto(fd, out, n, 0, (struct sockaddr *)(void *)&un,
		   (socklen_t)(sizeof un.sun_family + len)) < 0)
		perror("serv: notify");
	close(fd);
}

/* The grandchild stays: who is gone cannot be looked at. */
static void notify_all(void)
{
	const char *fd = getenv("NOTIFY_FD");
	int i;

	if (o.notify)
		notify(o.notify);
	if (o.notify_child && fork() == 0) {
		if (fork())
			_exit(0);
		setsid();
		notify(o.notify_child);
		for (;;)
			pause();
	}
	for (i = 0; o.notify_fd && fd && i < 2; i++) {
		put(atoi(fd), "x", 1);
		poll(NULL, 0, 50);
	}
}

/* Asked by the hub: /say/health of a module "say" is no order to say it. */
static bool is_health(const char *path)
{
	size_t n = strlen(path);

	return n >= 7 && !strcmp(path + n - 7, "/health");
}

/* True when the request is dealt with. */
static bool be_healthy(int fd, const char *path, const char *req)
{
	char name[4096], text[8192];
	FILE *f;
	size_t n;

	if (!o.health || !is_health(path))
		return false;
	snprintf(name, sizeof name, "%s.asked", o.health);
	f = fopen(name, "a");
	if (f) {
		fputs(req, f);
		fclose(f);
	}
	f = fopen(o.health, "r");
	if (!f)
		return true;            /* held open, never answered */
	n = fread(text, 1, sizeof text, f);
	fclose(f);
	if (send(fd, text, n, MSG_NOSIGNAL) < 0)
		perror("serv: health");
	close(fd);
	return true;
}

static void obey(const char *path, int *listener)
{
	long n = 0;
	const char *arg = strchr(path + 1, '/');

	if (arg)
		n = atol(++arg);
	if (!strncmp(path, "/lines/", 7))
		print_lines(1, n);
	else if (!strncmp(path, "/errlines/", 10))
		print_lines(2, n);
	else if (!strncmp(path, "/long/", 6))
		print_long(n);
	else if (!strncmp(path, "/orphans/", 9))
		make_orphans(n);
	else if (!strncmp(path, "/exit/", 6))
		_exit((int)n);
	else if (!strncmp(path, "/say/", 5)) {
		put(1, arg, strlen(arg));
		put(1, "\n", 1);
	} else if (!strncmp(path, "/notify/", 8)) {
		notify(arg);
	} else if (!strcmp(path, "/unbind")) {
		close(*listener);
		*listener = -1;
	}
}

static void serve_one(int *listener)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n"
		"Content-Length: 3\r\nConnection: close\r\n\r\nok\n";
	int fd = accept(*listener, NULL, NULL);
	char req[4096], path[1024] = "";
	ssize_t n = 0, got;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (fd < 0)
		return;
	/* A probe that connects and says nothing must not hold us up. */
	while (n < (ssize_t)sizeof req - 1 && poll(&p, 1, 1000) > 0) {
		got = read(fd, req + n, sizeof req - 1 - (size_t)n);
		if (got <= 0)
			break;
		n += got;
		req[n] = '\0';
		if (strstr(req, "\r\n\r\n"))
			break;
	}
	if (n > 0 && sscanf(req, "%*s %1023s", path) == 1) {
		if (be_healthy(fd, path, req))
			return;
		if (!is_health(path))
			obey(path, listener);
		if (send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL) < 0)
			perror("serv: answer");
	}
	close(fd);
}

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static _Noreturn void serve(int listener)
{
	int code = o.exit_code ? atoi(o.exit_code) : 0;
	long end = o.exit_after ? now_ms() + atol(o.exit_after) : 0;
	struct pollfd p[2] = { { .fd = -1, .events = POLLIN },
			       { .fd = listener, .events = POLLIN } };

	if (o.exit_fifo && (p[0].fd = open(o.exit_fifo, O_RDWR)) < 0)
		die(o.exit_fifo);
	for (;;) {
		long left = end ? end - now_ms() : -1;

		if ((end && left <= 0) || p[0].revents)
			exit(code);
		if (poll(p, 2, (int)left) > 0 && p[1].revents)
			serve_one(&p[1].fd);
	}
}

static void on_term(int sig)
{
	put(1, "term\n", 5);
	signal(sig, SIG_DFL);
}

static void parse(char **argv)
{
	const size_t n = sizeof opts / sizeof *opts;
	size_t i;

	for (; *argv; argv++) {
		for (i = 0; i < n && strcmp(*argv, opts[i].name); i++)
			;
		if (i == n || (opts[i].value && !argv[1])) {
			fprintf(stderr, "serv: bad option %s\n", *argv);
			exit(2);
		}
		if (opts[i].flag)
			*opts[i].flag = true;
		else
			*opts[i].value = *++argv;
	}
}

static void print_first(void)
{
	if (o.lines)
		print_lines(1, atol(o.lines));
	if (o.errlines)
		print_lines(2, atol(o.errlines));
	if (o.longline)
		print_long(atol(o.longline));
	if (o.flood && fork() == 0)
		for (;;)
			print_lines(1, 1000);
}

int main(int argc, char **argv)
{
	int listener = -1, told;

	(void)argc;
	parse(argv + 1);
	if (o.ignore_term)
		signal(SIGTERM, SIG_IGN);
	if (o.first_term)
		signal(SIGTERM, on_term);
	print_self();
	take_lock();
	start_children();
	told = go_on_elsewhere();
	mark();
	print_first();
	notify_all();
	if (o.exit_code && !o.exit_after && !o.exit_fifo)
		return atoi(o.exit_code);
	if (o.late)
		poll(NULL, 0, atoi(o.late));
	if (o.late_fifo)
		wait_byte(o.late_fifo);
	if (!o.no_bind)
		listener = listen_on(o.listen ? o.listen : getenv("PORT"));
	close(told);
	serve(listener);
}
