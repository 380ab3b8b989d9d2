/* SPDX-License-Identifier: MIT */
#include "keep/health.h"

#include "base/fmt.h"
#include "keep/listen.h"
#include "keep/spawn.h"
#include "keep/sup.h"
#include "sys/fd.h"
#include "sys/net.h"
#include "sys/os.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK": what follows the status does not matter. */
int health_status(struct str s)
{
	int status;

	if (s.n < 13 || !str_starts(s, STR("HTTP/1.")) || !is_digit(s.p[7]) ||
	    s.p[8] != ' ' || !is_digit(s.p[9]) || !is_digit(s.p[10]) ||
	    !is_digit(s.p[11]) ||
	    (s.p[12] != ' ' && s.p[12] != '\r' && s.p[12] != '\n'))
		return 0;
	status = (s.p[9] - '0') * 100 + (s.p[10] - '0') * 10 + s.p[11] - '0';
	return status >= 100 && status <= 599 ? status : 0;
}

static bool is_path(struct str s)
{
	if (!s.n || s.p[0] != '/' || s.n > HEALTH_PATH_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || s.p[i] == '#')
			return false;
	return true;
}

struct str health_path(const struct mod *m)
{
	struct str path = m->module.manifest.health;

	if (!path.n) {
		const struct row *row = registry_find(m->sup->spawn->registry,
						      str_of(m->short_name));

		path = row ? row->health : STR_NULL;
	}
	return is_path(path) ? path : STR_NULL;
}

/* When the next check may be made. */
static int64_t due_ms(const struct mod *m)
{
	const struct health *h = &m->health;
	int64_t due = mod_is_ready(m) ? 0 : m->started_ms + READY_WINDOW_MS;
	int64_t next = h->at_ms + (h->state == HEALTH_FAILING ?
				   HEALTH_AGAIN_MS : HEALTH_EVERY_MS);

	return h->at_ms && next > due ? next : due;
}

static bool is_wanted(const struct sup *s, const struct mod *m)
{
	const struct health *h = &m->health;

	if (m->state != SM_UP || h->none || (m->notice.ready && !m->listened))
		return false;
	return h->asked || h->opted || s->checks.watchers;
}

static void plan(struct sup *s, struct mod *m)
{
	if (m->health.fd >= 0 || m->health.queued)
		return;
	if (is_wanted(s, m))
		loop_at(s->loop, &m->health.timer, due_ms(m));
	else
		loop_cancel(s->loop, &m->health.timer);
}

void health_settle(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (s->checks.running < HEALTH_AT_ONCE)
			m->health.queued = false;
		plan(s, m);
	}
}

void health_look(struct sup *s)
{
	int64_t now = os_now_ms();

	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (m->state != SM_UP || m->health.asked || due_ms(m) > now)
			continue;
		m->health.asked = true;
		plan(s, m);
	}
}

void health_watchers(struct sup *s, unsigned n)
{
	s->checks.watchers = n;
	health_settle(s);
	listen_watch(s);
}

/* A check */

static void start_next(struct sup *s);

static void close_check(struct mod *m)
{
	loop_forget(m->sup->loop, &m->health.watch);
	loop_cancel(m->sup->loop, &m->health.timer);
	if (m->health.fd >= 0)
		m->sup->checks.running--;
	fd_close(&m->health.fd);
}

/* status 0: fmt says why there is none. */
static void decide(struct mod *m, int status, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void decide(struct mod *m, int status, const char *fmt, ...)
{
	enum healthy was = m->health.state;
	struct health *h = &m->health;
	bool ok = status && status < 500;
	va_list ap;

	close_check(m);
	h->asked = false;
	h->state = ok ? HEALTH_OK : HEALTH_FAILING;
	h->http_status = status;
	h->at_ms = os_now_ms();
	h->at_unix_ms = os_unix_ms();
	h->took_ms = h->at_ms - h->began_ms;
	h->failures = ok ? 0 : h->failures + 1;
	va_start(ap, fmt);
	fmt_va(h->error, sizeof h->error, fmt, ap);
	va_end(ap);
	if (h->state != was) {
		if (!ok)
			mod_say(m, "not healthy: %s", h->error);
		else if (was == HEALTH_FAILING)
			mod_say(m, "healthy again");
		sup_touch(m->sup);
	}
	plan(m->sup, m);
	if (h->opted && h->failures >= HEALTH_FAILURES)
		sup_end(m->sup, m, END_UNHEALTHY);
	start_next(m->sup);
}

static void decide_by(struct mod *m, struct str answer)
{
	int status = health_status(answer);

	if (!status)
		decide(m, 0, answer.n ? "its answer is not HTTP" :
		       "it closed the connection without an answer");
	else if (status >= 500)
		decide(m, status, "it answered %d", status);
	else
		decide(m, status, "%s", "");
}

static void send_request(struct mod *m)
{
	struct str path = health_path(m);
	char text[HEALTH_PATH_MAX + 128];
	int n, sys = net_error(m->health.fd);

	if (sys) {
		decide(m, 0, "connection to port %u: %s", (unsigned)m->port,
		       strerror(sys));
		return;
	}
	n = fmt(text, sizeof text, "GET %.*s HTTP/1.1\r\nHost: 127.0.0.1:"
		"%u\r\nUser-Agent: pc-serve\r\nConnection: close\r\n\r\n",
		STR_ARG(path), (unsigned)m->port);
	/* Into an empty socket it goes whole or not at all. */
	if (write(m->health.fd, text, (size_t)n) != n)
		decide(m, 0, "the request could not be sent");
	else
		loop_mask(m->sup->loop, &m->health.watch, LOOP_READ);
}

static void take_answer(struct mod *m)
{
	struct health *h = &m->health;
	ssize_t n = read(h->fd, h->line + h->n, sizeof h->line - h->n);
	struct str got;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		h->n += (size_t)n;
	got = (struct str){ h->line, h->n };
	if (n <= 0 || h->n == sizeof h->line || str_find(got, '\n') >= 0)
		decide_by(m, got);
}

static void on_event(struct loop *l, struct watch *w, unsigned events)
{
	struct mod *m = CONTAINER(w, struct mod, health.watch);

	(void)l;
	(void)events;
	if (w->events & LOOP_WRITE)
		send_request(m);
	else
		take_answer(m);
}

static void begin(struct sup *s, struct mod *m)
{
	struct health *h = &m->health;
	struct err e = { 0 };

	h->n = 0;
	h->began_ms = os_now_ms();
	h->none = !health_path(m).n;
	if (h->none)
		return;
	if (m->listening == LISTEN_OTHER) {
		decide(m, 0, "another process has its port");
		return;
	}
	h->fd = fd_own(net_connect_tcp("127.0.0.1", m->port, &e), FD_HEALTH,
		       m->id);
	if (h->fd < 0 && (e.sys == EMFILE || e.sys == ENFILE ||
			  e.sys == ENOMEM || e.sys == ENOBUFS)) {
		/* Our lack, not its: nothing was learnt. */
		loop_at(s->loop, &h->timer, h->began_ms + HEALTH_AGAIN_MS);
		return;
	}
	if (h->fd >= 0)
		s->checks.running++;
	if (h->fd < 0 || loop_watch(s->loop, &h->watch, h->fd, LOOP_WRITE,
				    &e) < 0) {
		decide(m, 0, "%.*s", (int)sizeof h->error - 1, e.msg);
		return;
	}
	loop_at(s->loop, &h->timer, h->began_ms + HEALTH_TIMEOUT_MS);
}

static void on_timer(struct loop *l, struct timer *t)
{
	struct mod *m = CONTAINER(t, struct mod, health.timer);
	struct sup *s = m->sup;

	(void)l;
	if (m->health.fd >= 0)
		decide(m, 0, "no answer within %d ms", HEALTH_TIMEOUT_MS);
	else if (s->checks.running >= HEALTH_AT_ONCE)
		m->health.queued = true;
	else if (is_wanted(s, m))
		begin(s, m);
}

static void start_next(struct sup *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct mod *m = s->mods[i];

		if (!m->health.queued)
			continue;
		m->health.queued = false;
		plan(s, m);
		if (m->health.timer.armed)
			return;
	}
}

void health_ended(struct mod *m)
{
	bool opted = m->health.opted;

	close_check(m);
	health_mod_init(m);
	m->health.opted = opted;
}

void health_mod_init(struct mod *m)
{
	m->health = (struct health){ .fd = -1, .watch = WATCH_INIT(on_event),
				     .timer = TIMER_INIT(on_timer) };
}
