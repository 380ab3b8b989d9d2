/* SPDX-License-Identifier: MIT */
/*
 * A worker from its start to its end. The order of the start matters: the
 * broker is forked before there is anything worth having in memory, hub.db
 * and its log are open before nothing can be opened any more, and what a
 * client says is read only after that.
 */
#include "front/front.h"

#include "base/fmt.h"
#include "front/operator.h"
#include "front/published.h"
#include "front/route.h"
#include "sys/fd.h"
#include "sys/jail.h"
#include "sys/log.h"
#include "sys/os.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define FIRST_SOCKET 3
#define PREPARE_AGAIN_MS 60000  /* without hub.db: it is tried so often */

static struct front *told;      /* whom a signal is for */

void front_tell(const struct front *f, const char *what, const char *text)
{
	char line[400];
	int n = fmt(line, sizeof line - 1, "%s%s%s", what, text ? " " : "",
		    text ? text : "");

	if (n > (int)sizeof line - 2)
		n = sizeof line - 2;
	for (int i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[n] = '\n';
	os_write_nowait(f->out, line, (size_t)n + 1);
}

/* The end */

/* Open requests end within FRONT_DRAIN_MS, or are cut. */
static void on_drain_over(struct loop *l, struct timer *t)
{
	(void)t;
	loop_stop(l);
}

static void on_drained(struct httpd *d)
{
	loop_stop(d->loop);
}

void front_leave(struct front *f, int status)
{
	if (f->draining)
		return;
	f->draining = true;
	f->status = status;
	loop_in(&f->loop, &f->drain_timer, FRONT_DRAIN_MS);
	httpd_drain(&f->httpd);
	bridge_drain(&f->bridge);
}

static void on_signal(struct loop *l, int signo)
{
	(void)l;
	(void)signo;
	front_leave(told, FRONT_EXIT_DONE);
}

int front_dial(struct front *f, struct err *e)
{
	int fd = dial_unix(&f->dial, e);

	if (fd < 0 && f->dial.fd < 0 && !f->draining) {
		log_say("the process that opens connections for this worker is "
			"gone: this worker ends, another follows");
		front_leave(f, FRONT_EXIT_FAILED);
	}
	return fd;
}

/* hub.db */

/* Its bytes are nobody's any more: nothing that needs it is answered. */
static void lose_store(struct front *f, enum store_place place)
{
	static const char *const what[] = {
		[STORE_GONE] = "hub.db was removed",
		[STORE_REPLACED] = "hub.db was replaced",
		[STORE_PARTED] = "hub.db-wal or hub.db-shm was removed",
	};

	fmt(f->store_error, sizeof f->store_error, "%s; hub.db is being "
	    "prepared anew", what[place]);
	log_say("%s: this worker ends, another follows", f->store_error);
	f->store = NULL;
	health_set_db(f, place == STORE_GONE ? "error: path-gone" :
		      "error: path-replaced");
	front_leave(f, FRONT_EXIT_PREPARE);
}

/* There may be one now, it may be another than the one that failed, or what
 * failed may be well: only a new worker can open it. */
static void await_store(struct front *f, int64_t now_ms)
{
	struct file_id id;

	if (f->draining || file_id(f->home.fd, STORE_FILE, &id, NULL) < 0)
		return;
	if ((id.exists && !file_same(&id, &f->db_id)) ||
	    now_ms - f->failed_ms >= PREPARE_AGAIN_MS)
		front_leave(f, FRONT_EXIT_PREPARE);
}

static void look_at_store(struct front *f)
{
	enum store_place place = store_place(f->store);
	int64_t version = f->store_version;

	if (place != STORE_THERE) {
		lose_store(f, place);
		return;
	}
	health_set_db(f, store_health(f->store));
	if (store_version(f->store, &version, NULL) == 0 &&
	    version != f->store_version) {
		f->store_version = version;
		f->origins_old = true;
	}
}

void front_look(struct front *f)
{
	int64_t now_ms = os_now_ms();
	struct file_id id;

	if (f->looked_ms && now_ms - f->looked_ms < FRONT_FRESH_MS)
		return;
	f->looked_ms = now_ms;
	if (f->store)
		look_at_store(f);
	else
		await_store(f, now_ms);
	if (file_id(f->home.fd, HOME_EXPOSE, &id, NULL) == 0 &&
	    !file_same(&id, &f->expose_id))
		f->origins_old = true;
	if (f->origins_old)
		front_origins(f);
}

static void on_gone(struct loop *l, struct watch *w, unsigned events)
{
	struct front *f = CONTAINER(w, struct front, gone);

	(void)l;
	(void)events;
	os_watch_clear(f->gone_fd);
	f->looked_ms = 0;
	front_look(f);
}

/* Best effort: it is looked at on use, too. */
static void watch_paths(struct front *f)
{
	static const char *const names[] = { "", "-wal", "-shm" };
	char all[LEN(names)][sizeof f->home.path + sizeof STORE_FILE "-wal/"];
	const char *const paths[] = { all[0], all[1], all[2], f->home.path };

	for (size_t i = 0; i < LEN(names); i++)
		fmt(all[i], sizeof all[i], "%s/" STORE_FILE "%s", f->home.path,
		    names[i]);
	f->gone_fd = fd_own(os_watch_paths(paths, LEN(paths)), FD_WATCH, 0);
	if (f->gone_fd >= 0)
		loop_watch(&f->loop, &f->gone, f->gone_fd, LOOP_READ, NULL);
}

static const char *word_of(const struct err *e)
{
	switch (e->code) {
	case ERR_NOT_FOUND:
		return "unconfigured";
	case ERR_BUSY:
		return "error: transient";
	case ERR_INVALID:
		return "error: fatal";
	default:
		return "error: other";
	}
}

/* Without one it serves all the same, and says why not what needs it. */
static void open_store(struct front *f)
{
	struct err e = { 0 };

	/* Who closes it last has it for itself for a moment, and there is no
	 * second try from within the jail. Nobody waits for us yet. */
	f->opened = f->store = store_open(&f->home, STORE_WRITE, FRONT_BUSY_MS,
					  &e);
	if (f->store) {
		store_wait(f->store, 0);
		/* Also has its log and index made, which cannot be later. */
		health_set_db(f, store_health(f->store));
		store_version(f->store, &f->store_version, NULL);
		watch_paths(f);
	} else {
		/* One that was only busy is tried again when it is needed. */
		if (e.code != ERR_BUSY)
			file_id(f->home.fd, STORE_FILE, &f->db_id, NULL);
		fmt(f->store_error, sizeof f->store_error, "%s", e.msg);
		log_say("%s", f->store_error);
		health_set_db(f, word_of(&e));
		f->failed_ms = os_now_ms();
	}
	f->auth = auth_new(f->store, &e);
	if (!f->auth)
		log_say("%s", e.msg);
}

/* Origins */

/* --prepare wrote the stored one down for the keeper. */
static void check_written(struct front *f, struct str stored,
			  struct arena *a)
{
	if (!str_eq(stored, origin_stored(&f->home, a)))
		front_tell(f, "prepare", "the stored origin has changed");
}

void front_origins(struct front *f)
{
	struct arena next;
	struct origins found;
	const struct claims *c;
	struct str stored = STR_NULL, was = f->origins.issuer, own = STR_NULL;

	arena_init(&next, 1024 * 1024);
	if (f->store && store_setting(f->store, "hub_origin", &next, &stored,
				      NULL) < 0) {
		/* What was known counts until it can be read. */
		arena_release(&next);
		return;
	}
	file_id(f->home.fd, HOME_EXPOSE, &f->expose_id, NULL);
	origins_find(&found, stored, f->environ, f->home.fd, f->port, &next);
	if (f->store && operator_claims(&f->home, f->auth, &c))
		own = arena_str(&next, c->iss);
	if (arena_failed(&next)) {
		arena_release(&next);
		return;
	}
	if (f->store)
		check_written(f, stored, &next);
	if (f->origins.n && !str_eq(was, found.issuer))
		front_tell(f, "prepare", "the issuer has changed");
	f->origins = found;
	f->origins_old = false;
	f->operator_issuer = own;
	arena_release(&f->origin_arena);
	f->origin_arena = next;
}

/* operator.token */

/* Only the keeper's --prepare may write it. */
static void on_token_time(struct loop *l, struct timer *t)
{
	struct front *f = CONTAINER(t, struct front, token_timer);
	const struct claims *c;

	loop_in(l, t, FRONT_TOKEN_MS);
	if (f->store && operator_claims(&f->home, f->auth, &c) &&
	    c->exp_s - os_unix_ms() / 1000 <= OPERATOR_ROTATE_S)
		front_tell(f, "prepare", "operator.token is near its end");
}

/* The start */

static void raise_nofile(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) < 0)
		return;
	r.rlim_cur = r.rlim_max > FD_TABLE_MAX ? FD_TABLE_MAX : r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

/* What a terminal sends to all is the keeper's business. */
static int take_signals(struct front *f, struct err *e)
{
	static const int ignored[] = { SIGINT, SIGHUP, SIGPIPE, SIGXFSZ };
	static const int caught[] = { SIGTERM, 0 };

	for (size_t i = 0; i < LEN(ignored); i++)
		os_ignore_signal(ignored[i]);
	told = f;
	return loop_signals(&f->loop, caught, on_signal, e);
}

static int open_broker(struct front *f, struct err *e)
{
	struct dial_conf conf = { .suffix = "/.parachute/module.json" };
	int rc;

	conf.sock_dir = home_sock(&f->home, &conf.sock_name, e);
	if (conf.sock_dir < 0)
		return -1;
	rc = dial_open(&f->dial, &conf, e);
	close(conf.sock_dir);
	return rc;
}

static int serve(struct front *f, int nsockets, struct err *e)
{
	if (httpd_init(&f->httpd, &f->loop, FRONT_CONNS_MAX, e) < 0)
		return -1;
	f->httpd.ctx = f;
	f->httpd.on_request = route_request;
	f->httpd.on_idle = on_drained;
	f->httpd.max_per_peer = FRONT_PEER_MAX;
	for (int i = 0; i < nsockets; i++)
		if (httpd_listen(&f->httpd, FIRST_SOCKET + i, e) < 0)
			return -1;
	return 0;
}

static int begin(struct front *f, const struct front_opts *o, struct err *e)
{
	struct jail_conf jail;
	char report[JAIL_REPORT_SIZE];

	if (home_open(&f->home, o->home, false, e) < 0)
		return -1;
	if (open_broker(f, e) < 0 || loop_init(&f->loop, e) < 0)
		return -1;
	mirror_init(&f->mirror, f);
	bridge_init(&f->bridge);
	probe_init(&f->probe, f);
	open_store(f);
	front_origins(f);
	if (serve(f, o->nsockets, e) < 0 || take_signals(f, e) < 0)
		return -1;
	jail = (struct jail_conf){ .home = f->home.fd };
	jail_worker(&jail, report, sizeof report);
	front_tell(f, "sandbox", report);
	front_tell(f, "ready", NULL);
	mirror_start(&f->mirror);
	probe_start(&f->probe);
	loop_in(&f->loop, &f->token_timer, FRONT_TOKEN_MS);
	return 0;
}

static void end(struct front *f)
{
	probe_release(&f->probe);
	httpd_release(&f->httpd);
	mirror_release(&f->mirror);
	loop_forget(&f->loop, &f->gone);
	fd_close(&f->gone_fd);
	auth_free(f->auth);
	store_close(f->opened);
	dial_close(&f->dial);
	published_free(f);
	registry_release(&f->registry);
	arena_release(&f->origin_arena);
	loop_release(&f->loop);
	home_close(&f->home);
}

int front_run(const struct front_opts *o, struct err *e)
{
	static struct front f;
	int rc;

	f = (struct front){
		.environ = o->environ,
		.out = STDOUT_FILENO,
		.port = o->port,
		.gone_fd = -1,
		.gone = WATCH_INIT(on_gone),
		.token_timer = TIMER_INIT(on_token_time),
		.drain_timer = TIMER_INIT(on_drain_over),
		.home = { .fd = -1 },
		.dial = { .fd = -1 },
	};
	fmt(f.instance, sizeof f.instance, "%s", o->instance);
	registry_init(&f.registry);
	raise_nofile();
	rc = begin(&f, o, e);
	if (rc == 0)
		rc = loop_run(&f.loop, e);
	if (f.loop.be)
		end(&f);
	return rc < 0 ? -1 : f.status;
}
