/* SPDX-License-Identifier: MIT */
#include "keep/workers.h"

#include "base/fmt.h"
#include "sys/log.h"
#include "sys/os.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREPARE_PAUSE_MS 1000   /* between two that workers ask for */

/* Whether anybody will come to the door. */
static void set_doors(struct workers *w)
{
	bool deserted = !w->preparing;

	for (size_t i = 0; i < LEN(w->each); i++) {
		const struct worker *k = &w->each[i];
		const struct crew_member *m = &k->member;

		if (m->crew && (m->pid || m->again.armed) &&
		    (!m->hasty || k->able))
			deserted = false;
	}
	doors_answer(w->doors, deserted && !w->stopping);
}

static struct worker *worker_of(struct crew_member *m)
{
	return CONTAINER(m, struct worker, member);
}

/* By somebody: that says nothing of what it can do. */
static bool was_killed(int status)
{
	return WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL ||
				       WTERMSIG(status) == SIGTERM);
}

/* Preparing */

static void run_prepare(struct workers *w)
{
	w->preparing = true;
	w->prepare_again = w->late = false;
	w->prepare_said[0] = '\0';
	w->prepared_ms = os_now_ms();
	loop_in(w->prepare.crew->loop, &w->patience, PREPARE_MS);
	crew_go(&w->prepare);
}

bool workers_prepare(struct workers *w)
{
	if (!w->n || w->stopping)
		return false;
	if (w->preparing)
		w->prepare_again = true;
	else if (!w->later.armed)
		run_prepare(w);
	return true;
}

/* Asked for by a worker: one that errs must not keep the host busy. */
static void prepare_soon(struct workers *w)
{
	int64_t due = w->prepared_ms + PREPARE_PAUSE_MS;

	if (w->preparing)
		w->prepare_again = true;
	else if (!w->later.armed)
		loop_at(w->prepare.crew->loop, &w->later, due);
}

static void on_later(struct loop *l, struct timer *t)
{
	struct workers *w = CONTAINER(t, struct workers, later);

	(void)l;
	if (!w->stopping)
		run_prepare(w);
}

static void on_prepare_heard(struct crew_member *m, int stream,
			     struct str line)
{
	struct workers *w = m->ctx;

	source_put(w->log, stream ? RING_ERR : RING_OUT, false, os_unix_ns(),
		   line);
	if (stream)
		fmt(w->prepare_said, sizeof w->prepare_said, "%.*s",
		    STR_ARG(line));
}

static void start_workers(struct workers *w)
{
	size_t n = 0;

	for (size_t i = 0; i < LEN(w->each); i++)
		n += w->each[i].member.crew && !w->each[i].retired;
	for (size_t i = 0; i < LEN(w->each); i++) {
		struct crew_member *m = &w->each[i].member;

		if (w->each[i].retired || (!m->crew && n >= w->n))
			continue;
		if (!m->crew) {
			crew_add(w->prepare.crew, m);
			n++;
		}
		crew_go(m);
	}
}

static enum crew_next on_prepare_ended(struct crew_member *m, int status)
{
	struct workers *w = m->ctx;

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		w->prepare_error[0] = '\0';
	else if (w->prepare_said[0] && !w->late)
		fmt(w->prepare_error, sizeof w->prepare_error, "%s",
		    w->prepare_said);
	else if (!w->late)
		fmt(w->prepare_error, sizeof w->prepare_error, "ended by %s "
		    "%d", WIFSIGNALED(status) ? "signal" : "status",
		    WIFSIGNALED(status) ? WTERMSIG(status) :
		    WEXITSTATUS(status));
	w->preparing = false;
	loop_cancel(m->crew->loop, &w->patience);
	if (!w->stopping) {
		start_workers(w);
		if (w->prepare_again)
			run_prepare(w);
		else if (was_killed(status) && !w->late)
			prepare_soon(w);
	}
	set_doors(w);
	return CREW_REST;
}

/* A disk or a lock that hangs must not keep the door shut: what needs no
 * hub.db is answered. */
static void on_patience_over(struct loop *l, struct timer *t)
{
	struct workers *w = CONTAINER(t, struct workers, patience);

	(void)l;
	w->late = true;
	fmt(w->prepare_error, sizeof w->prepare_error, "pc-front --prepare "
	    "did not end within %d s and was killed", PREPARE_MS / 1000);
	log_say("%s", w->prepare_error);
	if (w->prepare.pid)
		kill(w->prepare.pid, SIGKILL);
	if (!w->stopping)
		start_workers(w);
}

/* Without the program there are no workers either: nothing more to say. */
static void on_prepare_turned(struct crew_member *m, bool there)
{
	struct workers *w = m->ctx;

	w->preparing = there;
	if (there)
		w->prepare_error[0] = '\0';
	else
		loop_cancel(m->crew->loop, &w->patience);
	set_doors(w);
}

/* The workers */

/* Renewing */

static void forget(struct worker *);

/* One that does not run at this moment needs no word. */
static void dismiss(struct worker *k)
{
	crew_dismiss(&k->member);
	if (k->member.pid)
		kill(k->member.pid, SIGTERM);
	else
		forget(k);
}

/*
 * One step, whenever one came to be ready or is gone: with more to serve than
 * are needed an old one leaves, else a successor starts. One at a time.
 */
static void renew(struct workers *w)
{
	struct worker *spare = NULL, *old = NULL;
	size_t serving = 0;
	bool waits = false;

	for (size_t i = 0; i < LEN(w->each); i++) {
		struct worker *k = &w->each[i];

		if (!k->member.crew) {
			spare = k;
			continue;
		}
		if (k->retired)
			old = k;
		serving += k->retired || k->ready;
		waits = waits || k->member.leaving ||
			(!k->retired && !k->ready);
	}
	w->renewing = old != NULL;
	if (!old || waits || w->stopping)
		return;
	if (serving > w->n) {
		dismiss(old);
	} else if (spare) {
		crew_add(w->prepare.crew, &spare->member);
		crew_go(&spare->member);
	}
}

/* Its place is free for another. */
static void forget(struct worker *k)
{
	k->retired = k->able = false;
	crew_release(&k->member);
	renew(k->all);
}

bool workers_renew(struct workers *w)
{
	size_t n = 0;

	if (!w->n || w->stopping)
		return false;
	if (w->renewing)
		return true;
	for (size_t i = 0; i < LEN(w->each); i++) {
		w->each[i].retired = w->each[i].member.crew != NULL;
		n += w->each[i].retired;
	}
	renew(w);
	return n > 0;
}

static void on_message(struct worker *k, struct str line)
{
	struct workers *w = k->all;
	struct str what, text;

	str_cut(line, ' ', &what, &text);
	if (str_is(what, "ready")) {
		k->ready = k->able = true;
		if (w->renewing)
			renew(w);
	} else if (str_is(what, "sandbox")) {
		fmt(k->sandbox, sizeof k->sandbox, "%.*s", STR_ARG(text));
	} else if (str_is(what, "db")) {
		fmt(k->db, sizeof k->db, "%.*s", STR_ARG(text));
	} else if (str_is(what, "hijacked")) {
		fmt(w->hijacked, sizeof w->hijacked, "%.*s", STR_ARG(text));
	} else if (str_is(what, "prepare")) {
		prepare_soon(w);
	}
	set_doors(w);
}

static void on_heard(struct crew_member *m, int stream, struct str line)
{
	struct worker *k = worker_of(m);

	if (stream == 0)
		on_message(k, line);
	else
		source_put(k->all->log, RING_ERR, false, os_unix_ns(), line);
}

static void on_turned(struct crew_member *m, bool there)
{
	(void)there;
	set_doors(worker_of(m)->all);
}

static enum crew_next on_ended(struct crew_member *m, int status)
{
	struct worker *k = worker_of(m);
	struct workers *w = k->all;
	int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (!k->ready && !was_killed(status))
		k->able = false;
	k->ready = false;
	k->sandbox[0] = k->db[0] = '\0';
	if (w->stopping)
		return CREW_REST;
	if (code == WORKER_NO_DATABASE && !m->leaving)
		prepare_soon(w);
	/* One that was to be replaced does not come back by itself. */
	if (m->leaving || (k->retired && code != -1)) {
		forget(k);
		return CREW_REST;
	}
	if (code == WORKER_NO_DATABASE)
		return CREW_REST;
	if (code == WORKER_OTHER_VERSION) {
		m->missing = true;      /* tried again by crew_retry() */
		fmt(m->error, sizeof m->error, "it is of another version than "
		    "this pc-serve: restart the hub to finish the upgrade");
		log_say("%s: %s", m->name, m->error);
		set_doors(w);
		return CREW_REST;
	}
	return CREW_AGAIN;
}

/* Start and end */

static size_t default_count(void)
{
	int n = os_processors();

	return n > WORKERS_DEFAULT ? WORKERS_DEFAULT : (size_t)n;
}

/* RFC 9562, version 4. */
static void make_instance(char out[37])
{
	unsigned char b[16] = { 0 };
	size_t n = 0;

	os_random(b, sizeof b);
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof b; i++)
		n += (size_t)fmt(out + n, 37 - n, "%s%02x",
				 i == 4 || i == 6 || i == 8 || i == 10 ?
				 "-" : "", b[i]);
}

/* Ours, with the sockets that are passed on and without those of whoever
 * passed some to us. */
static char **make_environ(char *const *environ, size_t nfds)
{
	static char count[] = "LISTEN_FDS=0";
	static char one[] = "LISTEN_FDNAMES=http",
		two[] = "LISTEN_FDNAMES=http:http";
	size_t n = 0, k = 0;
	char **out;

	while (environ[n])
		n++;
	out = calloc(n + 3, sizeof *out);
	if (!out)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (strncmp(environ[i], "LISTEN_", 7) != 0)
			out[k++] = environ[i];
	count[sizeof count - 2] = (char)('0' + nfds);
	out[k++] = count;
	out[k] = nfds > 1 ? two : one;
	return out;
}

static void set_argv(struct workers *w)
{
	static char name[] = "pc-front", home[] = "--home", port[] = "--port",
		instance[] = "--instance", prepare[] = "--prepare";
	char *const argv[] = { name, home, w->home, port, w->port, instance,
		w->instance };

	memcpy(w->argv, argv, sizeof argv);
	memcpy(w->prepare_argv, argv, sizeof argv);
	w->prepare_argv[LEN(argv)] = prepare;
}

void workers_start(struct workers *w, struct crew *c, struct doors *d,
		   struct source *log, const char *home, uint16_t port,
		   size_t n)
{
	*w = (struct workers){ .doors = d, .log = log,
		.later = TIMER_INIT(on_later),
		.patience = TIMER_INIT(on_patience_over),
		.n = n ? n : default_count() };
	fmt(w->home, sizeof w->home, "%s", home);
	fmt(w->port, sizeof w->port, "%u", (unsigned)port);
	make_instance(w->instance);
	for (size_t i = 0; i < LEN(d->all); i++)
		if (d->all[i].fd >= 0)
			w->fds[w->nfds++] = d->all[i].fd;
	set_argv(w);
	w->environ = make_environ(c->environ, w->nfds);
	if (!w->environ) {
		log_say("no memory for the front door");
		w->n = 0;
		return;
	}
	for (size_t i = 0; i < LEN(w->each); i++) {
		w->each[i].all = w;
		w->each[i].member = (struct crew_member){
			.name = w->argv[0], .argv = w->argv,
			.environ = w->environ, .extra = w->fds,
			.nextra = w->nfds, .heard = on_heard,
			.turned = on_turned, .ended = on_ended };
	}
	w->prepare = (struct crew_member){ .name = w->argv[0],
		.argv = w->prepare_argv, .passing = true,
		.heard = on_prepare_heard, .turned = on_prepare_turned,
		.ended = on_prepare_ended, .ctx = w };
	crew_add(c, &w->prepare);
	run_prepare(w);
	set_doors(w);
}

bool workers_stop(struct workers *w)
{
	size_t left = w->n && w->prepare.pid ? 1 : 0;

	if (!w->n)
		return true;
	if (!w->stopping) {
		w->stopping = true;
		loop_cancel(w->prepare.crew->loop, &w->later);
		for (size_t i = 0; i < LEN(w->each); i++) {
			struct crew_member *m = &w->each[i].member;

			if (m->crew && m->pid)
				dismiss(&w->each[i]);
			else if (m->crew)
				loop_cancel(m->crew->loop, &m->again);
		}
		set_doors(w);
	}
	for (size_t i = 0; i < LEN(w->each); i++)
		left += w->each[i].member.crew && w->each[i].member.pid;
	return !left;
}

static void end(struct crew_member *m)
{
	if (m->crew && m->pid)
		kill(m->pid, SIGKILL);
	crew_release(m);
}

void workers_release(struct workers *w)
{
	if (!w->n)
		return;
	loop_cancel(w->prepare.crew->loop, &w->later);
	loop_cancel(w->prepare.crew->loop, &w->patience);
	for (size_t i = 0; i < LEN(w->each); i++)
		end(&w->each[i].member);
	end(&w->prepare);
	free(w->environ);
	w->environ = NULL;
	w->n = 0;
}
