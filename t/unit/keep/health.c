/* SPDX-License-Identifier: MIT */
/* One request, 64 bytes of its answer, and what follows from them. */
#include "rig.h"

#include "keep/listen.h"

static void status_lines(void)
{
	static const struct {
		const char *line;
		int status;
	} all[] = {
		{ "HTTP/1.1 200 OK\r\n", 200 }, { "HTTP/1.0 204 \r\n", 204 },
		{ "HTTP/1.1 401 Unauthorized\r\n", 401 },
		{ "HTTP/1.1 503\r\n", 503 }, { "HTTP/1.1 200\n", 200 },
		{ "HTTP/1.1 100 Continue\r\n", 100 },
		{ "HTTP/1.1 599 x", 599 },
		{ "HTTP/1.1 200", 0 }, { "HTTP/1.1 2000 OK", 0 },
		{ "HTTP/1.1 600 x\r\n", 0 }, { "HTTP/1.1 099 x\r\n", 0 },
		{ "HTTP/1.1  200 OK", 0 }, { "HTTP/2 200 OK\r\n", 0 },
		{ "http/1.1 200 OK\r\n", 0 }, { "SSH-2.0-OpenSSH_9\r\n", 0 },
		{ "HTTP/1.x 200 OK\r\n", 0 }, { "HTTP/1.1 2x0 OK\r\n", 0 },
		{ "\r\nHTTP/1.1 200 OK\r\n", 0 }, { "", 0 },
	};

	for (size_t i = 0; i < LEN(all); i++)
		ok(health_status(str_of(all[i].line)) == all[i].status,
		   "%.12s: %d", all[i].line, all[i].status);
}

static struct mod *up(const char *name)
{
	struct mod *m = rig_mod(name);

	tell(m, EV_START);
	until(mod_is_ready(m));
	return m;
}

/* Somebody looks, long after the last time. */
static void check(struct mod *m)
{
	int64_t was = m->health.at_ms;

	if (was)
		m->health.at_ms -= HEALTH_EVERY_MS;
	was = m->health.at_ms;
	health_look(&rig.sup);
	until(m->health.at_ms != was && m->health.fd < 0);
}

static void answers(const char *name, enum healthy state, int status,
		    const char *error)
{
	struct mod *m = up(name);
	const struct health *h = &m->health;
	struct facts f;

	ok(h->state == HEALTH_UNKNOWN && !h->at_ms, "%s: not asked yet", name);
	check(m);
	mod_facts(m, &f);
	ok(h->state == state && f.healthy == state &&
	   h->http_status == status && h->at_unix_ms > 0, "%s: %s, %d", name,
	   state == HEALTH_OK ? "healthy" : "failing", h->http_status);
	ok(strstr(h->error, error) && !*error == !h->error[0],
	   "%s: says why: %s", name, h->error);
	ok(h->n <= HEALTH_LINE_MAX && !fd_count(FD_HEALTH) &&
	   !rig.sup.checks.running && !h->timer.armed,
	   "%s: nothing is left of it", name);
	stop(m);
	ok(h->state == HEALTH_UNKNOWN && !h->at_ms,
	   "%s: the next run is another", name);
}

static void is_not_asked_for_nothing(void)
{
	struct mod *m = up("fine");

	settle();
	ok(!m->health.timer.armed && !m->health.at_ms, "nobody looks: nothing");
	check(m);
	settle();
	ok(!m->health.timer.armed, "one look, one request");
	health_look(&rig.sup);
	settle();
	ok(!m->health.asked && m->health.fd < 0 && !m->health.timer.armed,
	   "looked at again soon: what is known");
	health_watchers(&rig.sup, 1);
	ok(m->health.timer.armed && m->health.timer.at_ms ==
	   m->health.at_ms + HEALTH_EVERY_MS, "watched: every 30 s");
	m->health.state = HEALTH_FAILING;
	health_watchers(&rig.sup, 1);
	ok(m->health.timer.at_ms == m->health.at_ms + HEALTH_AGAIN_MS,
	   "after a failure sooner");
	ok(rig.sup.probe.armed, "and so is who listens");
	health_watchers(&rig.sup, 0);
	ok(!m->health.timer.armed && !rig.sup.probe.armed,
	   "nobody watches any more: nothing");
	stop(m);
}

static void asks_whom_it_can(void)
{
	struct mod *m = rig_mod("sit");

	start(m);
	health_look(&rig.sup);
	settle();
	ok(!m->health.asked && !m->health.at_ms,
	   "not ready, and has time left: not asked");
	m->started_ms -= READY_WINDOW_MS;
	check(m);
	ok(m->health.state == HEALTH_FAILING && !m->health.http_status &&
	   strstr(m->health.error, "refused"), "not ready in time: refused");
	m->notice.ready = true;
	m->health.at_ms = 0;
	health_look(&rig.sup);
	settle();
	ok(m->health.fd < 0 && !m->health.timer.armed,
	   "ready by its word, and never listened: nobody to ask");
	stop(m);
}

static void a_watcher_sees_it_lost(void)
{
	struct mod *m = up("shuts");

	health_watchers(&rig.sup, 1);
	kill(m->pid, SIGUSR1);
	until(m->listening == LISTEN_NO);
	ok(!mod_is_ready(m),
	   "a lost listener is seen without a look");
	health_watchers(&rig.sup, 0);
	stop(m);
}

/* The listener is another's: what it says is not the module's health. */
static void a_stranger_answers(void)
{
	struct mod *m = rig_mod("sit");
	struct err e = { 0 };
	uint16_t port;
	int fd;

	start(m);
	port = m->port;
	fd = net_listen_tcp("127.0.0.1", &port, &e);
	rig.sup.looked_ms = 0;
	listen_look(&rig.sup);
	ok(fd >= 0 && m->listening == LISTEN_OTHER, "a stranger has the port");
	m->started_ms -= READY_WINDOW_MS;
	check(m);
	ok(m->health.state == HEALTH_FAILING && strstr(m->health.error, "port"),
	   "not asked: %s", m->health.error);
	close(fd);
	stop(m);
}

static void is_restarted(void)
{
	struct mod *m;
	unsigned runs;
	pid_t first;

	put(rig.home.fd, "bad/" SUPERVISE_FILE,
	    "{\"restartOnUnhealthy\":true}");
	fchmodat(rig.home.fd, "bad/" SUPERVISE_FILE, 0600, 0);
	m = up("bad");
	runs = m->runs;
	first = m->pid;
	ok(m->health.opted, "asked for in its settings");
	check(m);
	check(m);
	ok(m->state == SM_UP && m->health.failures == 2 &&
	   m->health.timer.armed, "two failures: asked again soon");
	m->health.at_ms -= HEALTH_EVERY_MS;
	health_settle(&rig.sup);
	until(m->end_cause == END_UNHEALTHY);
	ok(m->state == SM_ABORTING && m->health.failures == 3,
	   "the third ends it");
	until(m->runs == runs + 1 && m->state == SM_UP);
	ok(!lives(first) && m->exit_code == 128 + SIGTERM &&
	   budget_count(&m->budget, os_now_ms(), 0) == 1 && m->health.opted,
	   "by its stop signal, as a crash");
	unlinkat(rig.home.fd, "bad/" SUPERVISE_FILE, 0);
	stop(m);
}

#define MANY 20

static void at_most_16_at_once(void)
{
	struct mod *all[MANY];
	unsigned most = 0, done = 0;
	char name[32];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "hangs%d", i);
		all[i] = up(name);
	}
	health_look(&rig.sup);
	while (done < MANY) {
		turn(-1);
		if (rig.sup.checks.running > most)
			most = rig.sup.checks.running;
		done = 0;
		for (int i = 0; i < MANY; i++)
			done += all[i]->health.at_ms > 0;
	}
	ok(most == HEALTH_AT_ONCE && fd_count(FD_HEALTH) == 0,
	   "%u at once, and the others after them", most);
	ok(all[0]->health.state == HEALTH_FAILING &&
	   strstr(all[0]->health.error, "1500"), "%s", all[0]->health.error);
	for (int i = 0; i < MANY; i++)
		stop(all[i]);
}

int main(int argc, char **argv)
{
	char name[32];

	play(argc, argv);
	status_lines();
	rig_up();
	rig_row("fine", "[\"answer\",\"HTTP/1.1 200 OK\"]", "");
	rig_row("door", "[\"answer\",\"HTTP/1.0 401 No\"]", "");
	rig_row("bad", "[\"answer\",\"HTTP/1.1 500 No\"]", "");
	rig_row("noise", "[\"answer\",\"SSH-2.0-OpenSSH\"]", "");
	rig_row("flood", "[\"answer\",\"HTTP/1.1 200 endless\"]", "");
	rig_row("mute", "[\"answer\",\"\"]", "");
	rig_row("sit", "[\"up\"]", "");
	rig_row("shuts", "[\"shut\"]", "");
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof name, "hangs%d", i);
		rig_row(name, "[\"answer\",\"never\"]", "");
	}
	rig_rows();
	answers("fine", HEALTH_OK, 200, "");
	answers("door", HEALTH_OK, 401, "");
	answers("bad", HEALTH_FAILING, 500, "500");
	answers("noise", HEALTH_FAILING, 0, "HTTP");
	answers("flood", HEALTH_OK, 200, "");
	answers("mute", HEALTH_FAILING, 0, "HTTP");
	is_not_asked_for_nothing();
	asks_whom_it_can();
	a_stranger_answers();
	a_watcher_sees_it_lost();
	is_restarted();
	at_most_16_at_once();
	return tap_done();
}
