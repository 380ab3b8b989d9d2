/* SPDX-License-Identifier: MIT */
#include "keep/keeper.h"

#include "base/fmt.h"
#include "keep/api.h"
#include "keep/api_view.h"
#include "keep/boot.h"
#include "keep/door.h"
#include "keep/hold.h"
#include "keep/logd.h"
#include "keep/manager.h"
#include "keep/settings.h"
#include "keep/sock.h"
#include "keep/sweep.h"
#include "keep/workers.h"
#include "sys/fd.h"
#include "sys/file.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define LAST_WORDS_MS 20        /* answers of the last stop, then the end */

struct keeper {
	struct loop loop;
	struct home home;
	struct registry registry;
	struct spawn_ctx spawn;
	struct sup sup;
	struct ops ops;
	struct feeds feeds;
	struct logs logs;
	struct events events;
	struct crew crew;
	struct logd logd;
	struct sock sock;
	struct api api;
	struct doors doors;
	struct workers workers;
	struct hold hold;
	struct records records;
	struct manager manager;
	struct timer deadline, goodbye;
	int signals;            /* how many asked us to stop */
	bool closing;           /* everything is being stopped */
	bool ending;            /* all is down, the last answers are sent */
	int status;
};

/* One keeper a process; too large for a stack, needed before any malloc. */
static struct keeper keeper;
static struct out out;
static _Alignas(8) char hub_ring[RING_SIZE], front_ring[RING_SIZE];

static void say_line(struct str line)
{
	while (line.n && line.p[line.n - 1] == '\n')
		line.n--;
	if (str_starts(line, STR("[supervisor] ")))
		line = str_skip(line, 13);
	source_put(&keeper.logs.hub, RING_OUT, false, os_unix_ns(), line);
}

/* The end */

static bool all_down(const struct keeper *k)
{
	for (size_t i = 0; i < k->sup.n; i++)
		if (k->sup.mods[i]->state != SM_DOWN)
			return false;
	return true;
}

static void on_goodbye(struct loop *l, struct timer *t)
{
	(void)t;
	loop_stop(l);
}

/* Everything is down: who waits for an answer gets it, then that is all. */
static void finish_if_down(struct keeper *k)
{
	if (!k->closing || k->ending || !all_down(k))
		return;
	k->ending = true;
	loop_cancel(&k->loop, &k->deadline);
	feeds_end(&k->feeds);
	workers_stop(&k->workers);
	loop_in(&k->loop, &k->goodbye,
		k->sock.httpd.serving ? LAST_WORDS_MS : 0);
}

/* No more patience: SIGKILL, and a moment for it to take effect. */
static void kill_all(struct keeper *k)
{
	loop_cancel(&k->loop, &k->deadline);
	sweep_kill_all(&k->sup);
	loop_in(&k->loop, &k->goodbye, KILL_TIMEOUT_MS);
	finish_if_down(k);
}

static void on_deadline(struct loop *l, struct timer *t)
{
	(void)l;
	log_say("not everything has stopped in time; SIGKILL");
	kill_all(CONTAINER(t, struct keeper, deadline));
}

static void stop_all(struct keeper *k)
{
	int64_t longest = STOP_TIMEOUT_MS;

	if (k->closing)
		return;
	k->closing = k->api.closing = true;
	manager_stopping(&k->manager);
	ops_close(&k->ops);
	for (size_t i = 0; i < k->sup.n; i++)
		if (sm_has_run(k->sup.mods[i]->state) &&
		    k->sup.mods[i]->rules.stop_ms > longest)
			longest = k->sup.mods[i]->rules.stop_ms;
	for (size_t i = 0; i < k->sup.n; i++)
		sup_event(&k->sup, k->sup.mods[i], EV_STOP);
	loop_in(&k->loop, &k->deadline, longest + 1000);
	finish_if_down(k);
}

static void on_stop_signal(struct keeper *k, int signo)
{
	k->signals++;
	if (k->signals == 1) {
		log_say("%s: stopping every module; once more kills them",
			signo == SIGINT ? "interrupt" : "told to stop");
		stop_all(k);
		return;
	}
	log_say("told again: SIGKILL to everything");
	k->status = 128 + signo;
	kill_all(k);
}

/* What a module left outside of all that could be told apart. */
static int end_strays(struct keeper *k)
{
	int64_t until = os_now_ms() + KILL_TIMEOUT_MS;
	size_t n;

	while ((n = sweep_kill_all(&k->sup)) > 0 && os_now_ms() < until) {
		loop_turn(&k->loop, LAST_WORDS_MS, NULL);
		sup_reap(&k->sup);
	}
	if (n)
		log_say("%zu processes survived SIGKILL", n);
	return n ? 1 : 0;
}

/* What was handed over is in the files, or a moment is over. */
static void end_logd(struct keeper *k)
{
	int64_t until = os_now_ms() + LOGD_PATIENCE_MS, left;

	while (!logd_ended(&k->logd) &&
	       (left = until - os_now_ms()) > 0 &&
	       loop_turn(&k->loop, (int)left, NULL) == 0)
		;
	logd_release(&k->logd);
}

/* SIGHUP and boot: only these two, and operations, start or stop anything. */

static void start_new(struct keeper *k)
{
	for (size_t i = 0; i < k->sup.n; i++) {
		struct mod *m = k->sup.mods[i];

		if (!m->listed || m->asked)
			continue;
		if (m->module.argv[0] || m->left)
			sup_boot(&k->sup, m);
		else if (m->module.reason)
			mod_fault(m, ERROR_NO_COMMAND, NULL, "%s",
				  m->module.reason);
	}
}

/* The home */

static void check_home(struct keeper *k)
{
	if (k->closing || hold_is_there(&k->hold))
		return;
	log_say("%s was removed or replaced: this hub has lost its home and "
		"stops everything", k->home.path);
	k->status = 1;
	stop_all(k);
}

static void on_home_moved(struct hold *h)
{
	check_home(CONTAINER(h, struct keeper, hold));
}

/* What the supervisor tells */

static void tell_manager(struct keeper *k)
{
	size_t n = 0, failing = 0;

	for (size_t i = 0; i < k->sup.n; i++) {
		n += k->sup.mods[i]->listed;
		failing += mod_is_failing(k->sup.mods[i]);
	}
	manager_status(&k->manager, n, failing);
}

static void on_changed(struct sup *s)
{
	struct keeper *k = s->ctx;

	if (k->hold.watch.fd < 0)       /* nobody tells: look */
		check_home(k);
	hold_count(&k->hold);
	events_settle(&k->events);      /* before what was waiting for it */
	ops_settle(&k->ops);
	tell_manager(k);
	finish_if_down(k);
}

static void on_stuck(struct sup *s, struct mod *m)
{
	struct keeper *k = s->ctx;

	ops_stuck(&k->ops, m);
}

static void on_gap(struct logs *logs, const struct source *s,
		   const struct feed_gap *gap)
{
	events_log_gap(logs->ctx, s->name, gap);
}

static void on_critical(struct sup *s, struct mod *m)
{
	struct keeper *k = s->ctx;

	if (k->closing)
		return;
	log_say("%s is critical and is not started again: stopping every "
		"module, then the hub", m->short_name);
	k->status = 1;
	stop_all(k);
}

/* The beginning */

static int open_doors(struct keeper *k, const struct keeper_opts *o,
		      struct err *e)
{
	struct err why = { 0 };
	uint16_t port = o->port;
	char line[16];

	/* Modules are told where the front door would be, in any case. */
	k->spawn.hub_port = port ? port : HUB_PORT;
	unlinkat(k->hold.run_dir, HOME_PORT, 0);
	if (!o->front)
		return 0;
	if (doors_open(&k->doors, o->bind, &port, e) < 0)
		return -1;
	k->spawn.hub_port = k->api.port = port;
	fmt(line, sizeof line, "%u\n", (unsigned)port);
	if (file_put(k->hold.run_dir, HOME_PORT, str_of(line), 0644, &why) < 0)
		log_say(HOME_RUN "/" HOME_PORT ": %s", why.msg);
	return 0;
}

/* What a keeper that was killed left is ended before the port is bound. */
static int take_over(struct keeper *k, struct err *e)
{
	if (record_open(&k->records, k->hold.run_dir, e) < 0)
		return err_wrap(e, "home %s", k->home.path);
	k->spawn.owner = &k->records.owner;
	cgroup_init(&k->sup.cgroup, &k->records.owner);
	boot_end_leftovers(&k->records, &k->sup.cgroup);
	k->sup.records = &k->records;
	k->sup.last_id = k->records.last_id;
	return 0;
}

/*
 * First of all: who asks while what a killed keeper left is being ended waits
 * for the answer, instead of being told that no hub is running.
 */
static int serve(struct keeper *k, struct err *e)
{
	if (sock_open(&k->sock, &k->home, &k->loop, e) < 0)
		return -1;
	k->sock.httpd.ctx = &k->api;
	k->sock.httpd.on_request = api_request;
	return 0;
}

static void unserve(struct keeper *k)
{
	sock_close(&k->sock);
	doors_close(&k->doors);
	unlinkat(k->hold.run_dir, HOME_PORT, 0);
}

/* Requests that are under way are answered, or a moment is over. */
static void end_workers(struct keeper *k)
{
	int64_t until = os_now_ms() + WORKERS_LEAVE_MS, left;

	while (!workers_stop(&k->workers) &&
	       (left = until - os_now_ms()) > 0 &&
	       loop_turn(&k->loop, (int)left, NULL) == 0)
		;
	if (k->workers.n)
		unlinkat(k->home.fd, HOME_INSTANCE, 0);
	workers_release(&k->workers);
}

static void reload(struct keeper *k)
{
	log_say("hangup: reading services.json again");
	check_home(k);
	if (k->closing)
		return;
	manager_reloading(&k->manager);
	sock_again(&k->sock);
	crew_retry(&k->crew);
	api_refresh(&k->api);
	sup_sync(&k->sup);
	settings_look(&k->sup);
	for (size_t i = 0; i < k->sup.n; i++)
		if (!k->sup.mods[i]->listed) {
			sup_event(&k->sup, k->sup.mods[i], EV_STOP);
			k->sup.mods[i]->asked = false;  /* new if it returns */
		}
	start_new(k);
	manager_ready(&k->manager);
}

static void on_signal(struct loop *l, int signo)
{
	struct keeper *k = CONTAINER(l, struct keeper, loop);

	if (signo == SIGCHLD)
		sup_reap(&k->sup);
	else if (signo == SIGHUP && !k->closing)
		reload(k);
	else if (signo == SIGTERM || signo == SIGINT || signo == SIGQUIT)
		on_stop_signal(k, signo);
}

/* As many descriptors as we may have; children get what we were given. */
static void raise_nofile(struct keeper *k)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	k->spawn.nofile = r.rlim_cur;
	r.rlim_cur = r.rlim_max > FD_TABLE_MAX ? FD_TABLE_MAX : r.rlim_max;
	if (r.rlim_cur > k->spawn.nofile)
		setrlimit(RLIMIT_NOFILE, &r);
}

static const char *manager(void)
{
	if (getpid() == 1)
		return "container";
	if (getenv("INVOCATION_ID"))
		return "systemd";
	return NULL;
}

static void tell_ready(const struct keeper *k, int fd)
{
	char line[16];
	int n = fmt(line, sizeof line, "%u\n",
		    (unsigned)k->api.port);

	if (fd < 0)
		return;
	if (os_write_nowait(fd, line, (size_t)n) < n)
		log_say("could not write the ready line: %s", strerror(errno));
	fd_close(&fd);
}

static void set_up(struct keeper *k, const struct keeper_opts *o)
{
	k->spawn.home = &k->home;
	k->spawn.registry = &k->registry;
	k->spawn.environ = o->environ;
	k->deadline = (struct timer)TIMER_INIT(on_deadline);
	k->goodbye = (struct timer)TIMER_INIT(on_goodbye);
	doors_init(&k->doors, &k->loop);
	k->records.fd = -1;
	manager_init(&k->manager, &k->loop, o->environ);
	registry_init(&k->registry);
	out_init(&out, &k->loop, STDOUT_FILENO);
	logs_init(&k->logs, &out, &k->feeds, hub_ring, front_ring);
	log_to(say_line);
	sup_init(&k->sup, &k->loop, &k->logs, &k->spawn);
	crew_init(&k->crew, &k->loop, o->self, o->environ);
	k->crew.nofile = k->spawn.nofile;
	k->sup.crew = &k->crew;
	k->sup.ctx = k;
	k->sup.changed = on_changed;
	k->sup.stuck = on_stuck;
	k->sup.critical = on_critical;
	ops_init(&k->ops, &k->sup);
	k->ops.tell_ready = api_tell_ready;
	events_init(&k->events, &k->sup, &k->feeds);
	k->events.put_rows = view_rows;
	k->events.ctx = &k->api;
	k->logs.on_gap = on_gap;
	k->logs.ctx = &k->events;
	k->api = (struct api){ .sup = &k->sup, .ops = &k->ops,
		.feeds = &k->feeds, .logs = &k->logs,
		.events = &k->events,
		.crew = &k->crew,
		.workers = &k->workers,
		.registry = &k->registry,
		.spawn = &k->spawn, .out = &out, .manager = manager(),
		.started_unix_ms = os_unix_ms(), .started_ms = os_now_ms() };
}

/*
 * What is not for us must not end us: a log line over a file size limit, a
 * stray kill -USR1, a terminal that stops who writes to it.
 */
static void ignore_signals(void)
{
	static const int ignored[] = { SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM,
		SIGVTALRM, SIGPROF, SIGXFSZ, SIGXCPU, SIGPOLL, SIGTTOU,
		SIGTTIN, SIGTSTP };

	for (size_t i = 0; i < LEN(ignored); i++)
		os_ignore_signal(ignored[i]);
	for (int sig = 32; sig <= 64; sig++)    /* all that are real-time */
		os_ignore_signal(sig);
}

/* 0, 1 and 2 are somebody's to write to: they must not be our sockets. */
static void fill_stdio(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int start(struct keeper *k, const struct keeper_opts *o, struct err *e)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGQUIT, SIGHUP,
		SIGCHLD, 0 };

	if (o->ready_fd >= 0 && fcntl(o->ready_fd, F_GETFD) < 0)
		return err_sys(e, "--ready-fd %d", o->ready_fd);
	fill_stdio();
	ignore_signals();
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		fd_own(fd, FD_STDIO, 0);
	os_cloexec_from(STDERR_FILENO + 1);
	fd_own(o->ready_fd, FD_READY, 0);
	raise_nofile(k);
	if (loop_init(&k->loop, e) < 0)
		return -1;
	set_up(k, o);
	if (loop_signals(&k->loop, signals, on_signal, e) < 0 ||
	    home_open(&k->home, o->home, true, e) < 0)
		return -1;
	fd_own(k->home.fd, FD_DIR, 0);
	if (hold_take(&k->hold, &k->home, e) < 0 || serve(k, e) < 0)
		return -1;
	if (take_over(k, e) < 0 || open_doors(k, o, e) < 0) {
		unserve(k);
		return -1;
	}
	hold_count(&k->hold);
	hold_watch(&k->hold, &k->loop, on_home_moved);
	feeds_init(&k->feeds, &k->loop, k->hold.boot);
	return 0;
}

static void start_modules(struct keeper *k)
{
	size_t n = 0;

	api_refresh(&k->api);
	start_new(k);
	record_forget_old(&k->records);
	for (size_t i = 0; i < k->sup.n; i++)
		n += sm_wanted(k->sup.mods[i]->state);
	log_say("pc-serve " PC_VERSION ", pid %d, home %s: starting %zu "
		"modules", (int)getpid(), k->home.path, n);
}

int keeper_run(const struct keeper_opts *o, struct err *e)
{
	struct keeper *k = &keeper;
	int survived;

	if (start(k, o, e) < 0)
		return -1;
	logd_start(&k->logd, &k->crew, &k->logs, k->home.path);
	if (o->front)
		workers_start(&k->workers, &k->crew, &k->doors, &k->logs.front,
			      k->home.path, k->api.port, o->workers);
	tell_ready(k, o->ready_fd);
	manager_ready(&k->manager);
	start_modules(k);
	if (loop_run(&k->loop, e) < 0) {
		log_say("%s", e->msg);
		k->status = 1;
	}
	end_workers(k);
	unserve(k);
	survived = end_strays(k);
	k->sup.records = NULL;
	events_release(&k->events);
	manager_release(&k->manager);
	sup_release(&k->sup);
	cgroup_release(&k->sup.cgroup);
	record_close(&k->records, !survived);
	registry_release(&k->registry);
	log_say("stopped");
	end_logd(k);
	out_flush(&out);
	return k->status ? k->status : survived;
}
