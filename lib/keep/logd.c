/* SPDX-License-Identifier: MIT */
#include "keep/logd.h"

#include "base/fmt.h"
#include "sys/log.h"

/* A status is for a file that we wrote lines to; others are no news. */
static void on_status(struct logd *w, struct str line)
{
	struct str name, what, text;
	struct source *s;

	str_cut(line, ' ', &name, &what);
	str_cut(what, ' ', &what, &text);
	s = logs_find(w->logs, name);
	if (s)
		fmt(s->log_error, sizeof s->log_error, "%.*s",
		    str_is(what, "error") ? (int)text.n : 0, text.p);
}

static void on_heard(struct crew_member *m, int stream, struct str line)
{
	if (stream == 0)
		on_status(m->ctx, line);
	else
		log_say("%s: %.*s", m->name, STR_ARG(line));
}

/* A new one begins with files that are all in order, as far as it knows. */
static void on_turned(struct crew_member *m, bool there)
{
	struct logd *w = m->ctx;

	LIST_EACH(n, &w->logs->all)
		CONTAINER(n, struct source, node)->log_error[0] = '\0';
	logger_writer(&w->logger, there);
}

void logd_start(struct logd *w, struct crew *c, struct logs *logs,
		  const char *home)
{
	static char name[] = "pc-logd", option[] = "--home";
	struct err e = { 0 };

	w->logs = logs;
	fmt(w->home, sizeof w->home, "%s", home);
	w->argv[0] = name;
	w->argv[1] = option;
	w->argv[2] = w->home;
	w->argv[3] = NULL;
	if (logger_open(&w->logger, c->loop, logs, &e) < 0) {
		log_say("no log files: %s", e.msg);
		return;
	}
	w->member = (struct crew_member){ .name = name, .argv = w->argv,
		.in = w->logger.in, .outlives = true, .heard = on_heard,
		.turned = on_turned, .ctx = w };
	crew_start(c, &w->member);
}

bool logd_ended(struct logd *w)
{
	struct crew_member *m = &w->member;

	if (!m->crew || m->missing)
		return true;
	if (logger_is_done(&w->logger) && !m->leaving) {
		crew_dismiss(m);
		logger_close(&w->logger);
	}
	return m->leaving && !m->pid && !m->again.armed;
}

void logd_release(struct logd *w)
{
	crew_release(&w->member);
	logger_release(&w->logger);
}
