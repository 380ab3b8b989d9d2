/* SPDX-License-Identifier: MIT */
#ifndef T_RIG_H
#define T_RIG_H

/*
 * Real modules under a real supervisor in one loop, without a keeper. The
 * modules are this program again: a test calls play() first, with its roles.
 *
 *	rig_up();
 *	rig_row("a", "[\"stubborn\"]", "");
 *	rig_row("b", "[\"sit\"]", ",\"supervise\":{\"dependsOn\":[\"a\"]}");
 *	rig_rows();
 *
 * Nothing waits but for an event; alarm() ends a test that hangs.
 */

#include "keep/api.h"
#include "keep/api_view.h"
#include "keep/spawn.h"
#include "keep/sup.h"
#include "keep/sweep.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/net.h"
#include "sys/os.h"
#include "unit/hub/scratch.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static struct rig {
	struct loop loop;
	struct home home;
	struct registry registry;
	struct owner owner;
	struct spawn_ctx spawn;
	struct sup sup;
	struct ops ops;
	struct feeds feeds;
	struct logs logs;
	struct crew crew;
	struct workers workers; /* none */
	struct events events;
	struct httpd httpd;
	struct api api;
	struct out out;
	char self[512], rows[65536];
	int changed;
} rig;

/* The modules */

static inline void print(const char *what, long n)
{
	char line[64];
	int len = snprintf(line, sizeof line, "%s %ld\n", what, n);

	if (write(1, line, (size_t)len) < 0)
		_exit(9);
}

static inline _Noreturn void sit(void)
{
	for (;;)
		pause();
}

/* Own session, no SIGTERM unless it listens to it; says so, and stays. */
static inline void leave_one(bool stubborn)
{
	int p[2];
	char c;

	if (pipe(p) < 0)
		_exit(9);
	if (fork()) {
		close(p[1]);
		while (read(p[0], &c, 1) < 0)
			;
		close(p[0]);
		return;
	}
	setsid();
	if (stubborn)
		signal(SIGTERM, SIG_IGN);
	print("left", getpid());
	close(p[1]);
	close(p[0]);
	sit();
}

/* The same, in an environment of nothing. */
static inline void leave_bare(char *self)
{
	static char a[] = "act", b[] = "stubborn", c[] = "left";
	char *argv[] = { self, a, b, c, NULL }, *envp[] = { NULL };

	if (fork())
		return;
	setsid();
	execve("/proc/self/exe", argv, envp);
	_exit(9);
}

static inline int bind_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)atoi(getenv("PORT"))),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)(void *)&a, sizeof a) < 0 ||
	    listen(fd, 8) < 0)
		_exit(8);
	return fd;
}

static inline void notify(const char *text)
{
	int fd = os_dgram(NULL);

	if (fd < 0 || os_send_to(fd, getenv("NOTIFY_SOCKET"), text,
				 strlen(text)) < 0)
		_exit(9);
	close(fd);
}

/* The second when the first has been heard, or there would be no news. */
static inline void write_bytes(void)
{
	int fd = atoi(getenv("NOTIFY_FD"));

	if (write(fd, "x", 1) != 1)
		_exit(9);
	usleep(20000);
	if (write(fd, "x", 1) != 1)
		_exit(9);
	print("wrote", 2);
}

/* One way to answer whatever is asked. */
static inline _Noreturn void answer_with(const char *text)
{
	int listener = bind_port(), fd;
	char line[4096];

	for (;;) {
		fd = accept(listener, NULL, NULL);
		if (fd < 0 || read(fd, line, sizeof line) <= 0)
			_exit(9);
		if (!strcmp(text, "never"))
			continue;
		snprintf(line, sizeof line, "%s\r\n\r\n", text);
		if (write(fd, line, strlen(line)) < 0)
			_exit(9);
		memset(line, 'x', sizeof line);
		while (!strcmp(text, "HTTP/1.1 200 endless") &&
		       send(fd, line, sizeof line, MSG_NOSIGNAL) > 0)
			;
		close(fd);
	}
}

/* The parent is gone as soon as its child listens. */
static inline void into_the_background(void)
{
	int p[2];
	char c;

	if (pipe(p) < 0)
		_exit(9);
	if (fork()) {
		close(p[1]);
		_exit(read(p[0], &c, 1) == 1 ? 0 : 9);
	}
	setsid();
	bind_port();
	print("left", getpid());
	if (write(p[1], "x", 1) != 1)
		_exit(9);
	sit();
}

/* Listens until SIGUSR1. */
static inline void shut(void)
{
	sigset_t set;
	int sig, fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = bind_port();
	sigwait(&set, &sig);
	close(fd);
}

static inline _Noreturn void act(char **argv)
{
	char *self = argv[-2];

	for (; *argv; argv++) {
		if (!strcmp(*argv, "stubborn"))
			signal(SIGTERM, SIG_IGN);
		else if (!strcmp(*argv, "leave"))
			leave_one(true);
		else if (!strcmp(*argv, "leave-mild"))
			leave_one(false);
		else if (!strcmp(*argv, "leave-bare"))
			leave_bare(self);
		else if (!strcmp(*argv, "left"))
			print("left", getpid());
		else if (!strcmp(*argv, "daemon"))
			into_the_background();
		else if (!strcmp(*argv, "wrap") && fork())
			sit();
		else if (!strcmp(*argv, "listen"))
			bind_port();
		else if (!strcmp(*argv, "answer"))
			answer_with(*++argv);
		else if (!strcmp(*argv, "notify"))
			notify(*++argv);
		else if (!strcmp(*argv, "shut"))
			shut();
		else if (!strcmp(*argv, "byte"))
			write_bytes();
		else if (!strcmp(*argv, "exit"))
			_exit(atoi(*++argv));
		else if (!strcmp(*argv, "child") && !fork())
			sit();
		else if (!strcmp(*argv, "up"))
			print("up", getpid());
	}
	sit();
}

/* In main, first of all. */
static inline void play(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "act"))
		act(argv + 2);
}

/* The supervisor */

static inline void turn(int ms)
{
	struct err e;

	if (loop_turn(&rig.loop, ms, &e) < 0)
		scratch_bail(e.msg);
}

#define until(cond) \
	do { \
		while (!(cond)) \
			turn(-1); \
	} while (0)

/* All that can happen without anything new from outside. */
static inline void settle(void)
{
	for (int i = 0; i < 20; i++)
		turn(0);
}

static inline void rig_signal(struct loop *l, int signo)
{
	(void)l;
	if (signo == SIGCHLD)
		sup_reap(&rig.sup);
}

static inline void rig_changed(struct sup *s)
{
	(void)s;
	rig.changed++;
	events_settle(&rig.events);
	ops_settle(&rig.ops);
}

static inline void rig_stuck(struct sup *s, struct mod *m)
{
	(void)s;
	ops_stuck(&rig.ops, m);
}

static inline void rig_log(struct str line)
{
	tap_diag("%.*s", (int)line.n - 1, line.p);
}

static inline void rig_serve(struct err *e)
{
	int fd = net_listen_unix(rig.home.fd, HOME_SOCK, e);

	if (fd < 0 || httpd_init(&rig.httpd, &rig.loop, 320, e) < 0 ||
	    httpd_listen(&rig.httpd, fd, e) < 0)
		scratch_bail(e->msg);
	rig.httpd.ctx = &rig.api;
	rig.httpd.on_request = api_request;
}

static inline void rig_down(void)
{
	events_release(&rig.events);
	sup_release(&rig.sup);
}

static inline void rig_up(void)
{
	static _Alignas(8) char hub_ring[RING_SIZE], front_ring[RING_SIZE];
	static const int signals[] = { SIGCHLD, 0 };
	static char path[] = "PATH=/usr/bin:/bin";
	static char *env[] = { path, NULL };
	struct err e = { 0 };
	ssize_t n = readlink("/proc/self/exe", rig.self, sizeof rig.self - 1);

	signal(SIGPIPE, SIG_IGN);
	alarm(240);
	atexit(rig_down);
	rig.home.fd = scratch();
	snprintf(rig.home.path, sizeof rig.home.path, "%s", scratch_path);
	log_to(rig_log);
	if (n < 0 || loop_init(&rig.loop, &e) < 0 ||
	    loop_signals(&rig.loop, signals, rig_signal, &e) < 0)
		scratch_bail(e.msg);
	registry_init(&rig.registry);
	rig.spawn = (struct spawn_ctx){ .home = &rig.home,
		.registry = &rig.registry, .environ = env,
		.hub_port = 1939 };
	rig.spawn.owner = &rig.owner;
	if (owner_draw(&rig.owner, &e) < 0)
		scratch_bail(e.msg);
	out_init(&rig.out, &rig.loop, open("/dev/null", O_WRONLY | O_CLOEXEC));
	feeds_init(&rig.feeds, &rig.loop, 5);
	crew_init(&rig.crew, &rig.loop, rig.self, env);
	logs_init(&rig.logs, &rig.out, &rig.feeds, hub_ring, front_ring);
	sup_init(&rig.sup, &rig.loop, &rig.logs, &rig.spawn);
	rig.sup.changed = rig_changed;
	rig.sup.stuck = rig_stuck;
	ops_init(&rig.ops, &rig.sup);
	rig.ops.tell_ready = api_tell_ready;
	events_init(&rig.events, &rig.sup, &rig.feeds);
	rig.events.put_rows = view_rows;
	rig.events.ctx = &rig.api;
	rig.api = (struct api){ .sup = &rig.sup, .ops = &rig.ops,
		.feeds = &rig.feeds, .logs = &rig.logs,
		.crew = &rig.crew, .workers = &rig.workers,
		.events = &rig.events,
		.registry = &rig.registry,
		.spawn = &rig.spawn, .out = &rig.out };
	rig_serve(&e);
}

/* Another one each time. */
static inline uint16_t free_port(void)
{
	static bool given[65536];
	uint16_t port;
	struct err e;
	int fd;

	do {
		port = 0;
		fd = net_listen_tcp("127.0.0.1", &port, &e);
		if (fd < 0)
			scratch_bail(e.msg);
		close(fd);
	} while (given[port]);
	given[port] = true;
	return port;
}

/* Writes module.json and a row; more goes into module.json. */
static inline void rig_manifest(const char *name, const char *argv,
				const char *more)
{
	char text[4000], path[200];

	mkdirat(rig.home.fd, name, 0755);
	snprintf(path, sizeof path, "%s/.parachute", name);
	mkdirat(rig.home.fd, path, 0755);
	snprintf(path, sizeof path, "%s/.parachute/module.json", name);
	if (*argv == '[')
		snprintf(text, sizeof text, "{\"name\":\"%s\",\"manifestName\":"
			 "\"%s\",\"port\":7,\"paths\":[],\"health\":\"/h\","
			 "\"startCmd\":[\"%s\",\"act\",%s%s}", name, name,
			 rig.self, argv + 1, more);
	else
		snprintf(text, sizeof text, "{\"name\":\"%s\",\"manifestName\":"
			 "\"%s\",\"port\":7,\"paths\":[],\"health\":\"/h\","
			 "\"startCmd\":[\"%s\"]%s}", name, name, argv, more);
	put(rig.home.fd, path, text);
}

static inline void rig_row(const char *name, const char *argv,
			   const char *more)
{
	size_t n = strlen(rig.rows);

	rig_manifest(name, argv, more);
	snprintf(rig.rows + n, sizeof rig.rows - n,
		 "%s{\"name\":\"%s\",\"port\":%u,\"paths\":[\"/%s\"],"
		 "\"health\":\"/h\",\"version\":\"1.0.0\","
		 "\"installDir\":\"%s/%s\"}", n ? "," : "", name,
		 (unsigned)free_port(), name, scratch_path, name);
}

/* The rows so far are the registry. */
static inline void rig_rows(void)
{
	static char text[sizeof rig.rows + 32];

	snprintf(text, sizeof text, "{\"services\":[%s]}", rig.rows);
	put(rig.home.fd, HOME_SERVICES, text);
	if (registry_load(&rig.registry, rig.home.fd, NULL) < 0)
		scratch_bail("services.json");
	sup_sync(&rig.sup);
	settle();
}

static inline struct mod *rig_mod(const char *name)
{
	struct mod *m = sup_find(&rig.sup, str_of(name));

	if (!m)
		scratch_bail(name);
	return m;
}

static inline void tell(struct mod *m, enum sm_event ev)
{
	sup_event(&rig.sup, m, ev);
}

/* The number behind the newest line that begins with word, or 0. */
static inline long said(struct mod *m, const char *word)
{
	struct ring_cursor at = ring_oldest(&m->log.ring);
	struct ring_line line;
	uint64_t missed;
	long n = 0;

	while (ring_next(&m->log.ring, &at, &line, &missed)) {
		char text[100] = "";

		str_to_c(line.text, text, sizeof text);
		if (!strncmp(text, word, strlen(word)))
			n = atol(text + strlen(word));
	}
	return n;
}

static inline bool lives(pid_t pid)
{
	struct proc p;

	return proc_read(pid, &p) == 0 && p.state != 'Z';
}

/* What a fresh start gives: up, and the program has said so. */
static inline void start(struct mod *m)
{
	tell(m, EV_START);
	until(m->state == SM_UP && said(m, "up ") == m->pid);
}

static inline void stop(struct mod *m)
{
	tell(m, EV_STOP);
	until(m->state == SM_DOWN);
}

/* One that ignores SIGTERM; time is made to pass. */
static inline void kill_off(struct mod *m)
{
	tell(m, EV_STOP);
	tell(m, EV_TIMER);
	until(m->state == SM_DOWN);
}

#endif
