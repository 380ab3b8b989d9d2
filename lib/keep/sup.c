/* SPDX-License-Identifier: MIT */
#include "keep/sup.h"

#include "base/fmt.h"
#include "keep/crew.h"
#include "keep/deps.h"
#include "keep/history.h"
#include "keep/listen.h"
#include "keep/record.h"
#include "keep/settings.h"
#include "keep/spawn.h"
#include "keep/stream.h"
#include "keep/sweep.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"
#include "sys/run.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#define SPARE_FDS 12    /* what a preflight and a fork have open at once */

/* Runs */

static void run_ended(struct sup *s, struct mod *m)
{
	loop_forget(s->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	listen_ended(s, m);
	notify_ended(m);
	health_ended(m);
}

void sup_read_outcome(struct sup *s, struct mod *m)
{
	struct run_failure why;
	int got;

	if (m->outcome < 0)
		return;
	got = run_outcome(m->outcome, &why);
	if (got == 0) {
		if (m->outcome_watch.fd < 0)
			loop_in(s->loop, &m->timer, FORK_RETRY_MS);
		return;
	}
	if (m->state == SM_EXECING)
		loop_cancel(s->loop, &m->timer);
	loop_forget(s->loop, &m->outcome_watch);
	fd_close(&m->outcome);
	m->tries++;
	if (got > 0) {
		m->runs++;
		m->error = (struct start_error){ 0 };
		mod_say(m, "started, pid %d: %s", (int)m->pid,
			m->module.argv[0]);
		sup_event(s, m, EV_EXEC_OK);
		if (m->state == SM_UP)
			listen_started(s, m);
	} else {
		spawn_failed(m, &why);
		m->end_cause = END_NO_EXEC;
		sup_event(s, m, EV_EXEC_FAIL);
	}
}

static void on_outcome(struct loop *l, struct watch *w, unsigned events)
{
	struct mod *m = CONTAINER(w, struct mod, outcome_watch);

	(void)l;
	(void)events;
	sup_read_outcome(m->sup, m);
}

static void refused(struct sup *s, struct mod *m, const struct err *e)
{
	mod_fault(m, ERROR_SPAWN, NULL, "%s; trying again", e->msg);
	stream_close(m);
	m->tries++;
	sup_event(s, m, EV_REFUSED);
}

static void save(struct sup *s, struct mod *m)
{
	struct record r = { .kind = RECORD_MODULE, .id = m->id,
		.stopped = m->rests, .pid = m->pid, .start = m->start,
		.started_unix_ms = m->started_unix_ms, .budget = m->budget,
		.due_ms = m->timer.armed ? m->timer.at_ms : 0 };

	m->unsaved = false;
	if (!s->records)
		return;
	memcpy(r.name, m->short_name, sizeof r.name);
	record_put(s->records, m->slot, &r);
}

/* Forks. The child waits at its gate until it is on record, so that a keeper
 * that is killed here leaves nothing that the next one does not know. */
static int fork_child(struct sup *s, struct mod *m, const struct spawn *sp,
		      const int far[2], struct err *e)
{
	int group = cgroup_make(&s->cgroup, m->id);
	int far_notice = m->notice.far; /* the child does not have m */
	struct run_req req;
	struct proc p;

	spawn_request(s->spawn, m, sp, &req);
	req.out = far[0];
	req.err = far[1];
	req.extra = &far_notice;
	req.nextra = far_notice < 0 ? 0 : 1;
	req.cgroup = group < 0 ? 0 : group;
	req.gate = true;
	m->started_ms = os_now_ms();
	m->started_unix_ms = os_unix_ms();
	history_begin(s, m);
	m->pid = run_start(&req, &m->outcome, e);
	fd_close(&group);
	if (m->pid < 0) {
		m->pid = 0;
		return -1;
	}
	m->start = proc_read(m->pid, &p) == 0 ? p.start : 0;
	save(s, m);
	run_go(m->outcome);     /* if it is gone, its exit will tell */
	return 0;
}

/* Starts the program; the outcome of exec comes through the loop. */
static void launch(struct sup *s, struct mod *m, const struct spawn *sp)
{
	struct err e = { 0 };
	int far[2], rc;

	if (stream_open(m, far, &e) < 0) {
		refused(s, m, &e);
		return;
	}
	settings_take(m);
	rc = fork_child(s, m, sp, far, &e);
	fd_close(&far[0]);
	fd_close(&far[1]);
	if (rc < 0) {
		refused(s, m, &e);
		return;
	}
	m->sid = m->pid;
	m->sweep_signal = 0;
	m->end_cause = END_NONE;
	m->usage = (struct usage){ 0 };
	s->used_ms = 0;
	m->outcome_watch.fn = on_outcome;
	if (loop_watch(s->loop, &m->outcome_watch, m->outcome, LOOP_READ,
		       &e) < 0)
		loop_in(s->loop, &m->timer, FORK_RETRY_MS);
}

static void spawn(struct sup *s, struct mod *m)
{
	struct spawn sp = { 0 };
	struct err e = { 0 };
	const struct row *row;

	/* As the file is now; rows that came or went change nothing else. */
	if (registry_load(s->spawn->registry, s->spawn->home->fd, NULL) > 0)
		sup_sync(s);
	row = registry_find(s->spawn->registry, str_of(m->short_name));
	if (row)
		m->port = row->port;
	if (!os_has_spare(SPARE_FDS)) {
		err_set(&e, ERR_FULL, "no descriptors left");
		refused(s, m, &e);
		return;
	}
	notify_prepare(m);
	switch (spawn_prepare(s->spawn, m, &sp)) {
	case SPAWN_READY:
		if (!listen_is_squatted(s, m, m->port)) {
			launch(s, m, &sp);
			break;
		}
		m->tries++;
		history_failed(s, m, CAUSE_SQUATTED);
		sup_event(s, m, EV_SQUAT);
		break;
	case SPAWN_UNFIT:
		m->tries++;
		history_failed(s, m, CAUSE_EXEC_FAILED);
		sup_event(s, m, EV_UNFIT);
		break;
	case SPAWN_REFUSED:
		m->tries++;
		sup_event(s, m, EV_REFUSED);
		break;
	}
	notify_launched(m);
	arena_release(&sp.arena);
}

/* Exits: believed only when waitid() says so, and after the last output. */

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}

static void say_exit(const struct mod *m, int status)
{
	if (WIFSIGNALED(status))
		mod_say(m, "pid %d ended by signal %d (%s)", (int)m->sid,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		mod_say(m, "pid %d exited with status %d", (int)m->sid,
			WEXITSTATUS(status));
}

static void leader_exited(struct sup *s, struct mod *m, int status)
{
	bool ran = m->state == SM_UP || m->state == SM_ABORTING;
	enum sm_event ev = EV_EXIT;
	uint32_t dice = 0;

	m->pid = 0;
	m->start = 0;
	m->exited = true;
	m->exit_code = code_of(status);
	m->exited_ms = os_now_ms();
	say_exit(m, status);
	history_exit(s, m, status);
	if (ran)
		ev = sm_exit(m->rules.restart, m->state == SM_ABORTING ||
			     status != 0);
	if (ran && ev != EV_EXIT_DONE)
		m->crashed_unix_ms = os_unix_ms();
	if (ran && ev == EV_EXIT) {
		os_random(&dice, sizeof dice);
		if (!budget_crash(&m->budget, m->exited_ms,
				  mod_alive_ms(m, m->exited_ms), dice,
				  &m->delay_ms))
			ev = EV_EXIT_LAST;
	}
	run_ended(s, m);
	m->sweep_first = true;
	sup_event(s, m, ev);
}

void sup_reap(struct sup *s)
{
	for (;;) {
		siginfo_t info = { 0 };
		struct mod *m = NULL;
		int status;

		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
		    info.si_pid == 0)
			break;
		for (size_t i = 0; i < s->n && !m; i++)
			if (s->mods[i]->pid == info.si_pid)
				m = s->mods[i];
		if (m) {
			sup_read_outcome(s, m);
			stream_drain(m);
		}
		if (waitpid(info.si_pid, &status, 0) != info.si_pid)
			break;
		if (m)
			leader_exited(s, m, status);
		else if (s->crew)
			crew_reaped(s->crew, info.si_pid, status);
	}
	sweep_later(s);
}

/* The automaton */

static void arm(struct sup *s, struct mod *m, unsigned acts)
{
	int64_t now = os_now_ms();
	uint32_t dice = 0;

	if (acts & ACT_DISARM)
		loop_cancel(s->loop, &m->timer);
	if (acts & ACT_ARM_STOP)
		loop_at(s->loop, &m->timer, now + m->rules.stop_ms);
	if (acts & ACT_ARM_KILL)
		loop_at(s->loop, &m->timer, now + KILL_TIMEOUT_MS);
	if (acts & ACT_ARM_BACKOFF)
		loop_at(s->loop, &m->timer, m->exited_ms + m->delay_ms);
	if (acts & ACT_ARM_SQUAT)
		loop_at(s->loop, &m->timer, now + SQUAT_RETRY_MS);
	if (acts & ACT_ARM_FORK)
		loop_at(s->loop, &m->timer, now + FORK_RETRY_MS);
	if (acts & ACT_ARM_SLOW) {
		os_random(&dice, sizeof dice);
		if (!m->budget.spent)
			m->delay_ms = budget_slow(&m->budget, dice);
		loop_at(s->loop, &m->timer, now + m->delay_ms);
		mod_say(m, "next try in %d s; pc-start %s starts it at once",
			(int)(m->delay_ms / 1000), m->short_name);
	}
}

/* The leader's group gets it now, what is elsewhere in the next pass. */
static void signal_run(struct sup *s, struct mod *m, int sig)
{
	/* Before its setsid() a child has no group of its own yet. */
	if (m->pid && kill(-m->pid, sig) < 0 && errno == ESRCH)
		kill(m->pid, sig);
	/* One that was stopped would not hear of it. */
	if (m->pid && sig != SIGKILL)
		kill(-m->pid, SIGCONT);
	if (!m->pid || sig == SIGKILL) {
		m->sweep_signal = sig;
		sweep_later(s);
	}
	if (sig == SIGKILL)
		mod_say(m, "still there; SIGKILL");
}

/* What hung is to leave a trace of where it did. */
static int stop_signal(const struct mod *m)
{
	if (m->state == SM_ABORTING && m->end_cause == END_WATCHDOG)
		return SIGABRT;
	return m->pid ? m->rules.stop_signal : SIGTERM;
}

static void perform(struct sup *s, struct mod *m, unsigned acts)
{
	arm(s, m, acts);
	if (acts & ACT_CLEAR) {
		budget_clear(&m->budget);
		m->delay_ms = 0;
	}
	if (acts & ACT_TERM)
		signal_run(s, m, stop_signal(m));
	if (acts & ACT_KILL)
		signal_run(s, m, SIGKILL);
	if (acts & ACT_SWEEP) {
		if (m->sweep_signal != SIGKILL)
			m->sweep_signal = SIGTERM;
		sweep_later(s);
	}
	if ((acts & ACT_GIVE_UP) && m->rules.critical)
		s->critical_id = m->id;
	if ((acts & ACT_STUCK) && s->stuck)
		s->stuck(s, m);
	if (acts & ACT_HOLD)
		deps_hold(s, m);
	if (acts & ACT_SPAWN)
		spawn(s, m);
}

void sup_event(struct sup *s, struct mod *m, enum sm_event ev)
{
	enum sm_state was = m->state;
	struct sm_next next = sm_step(was, ev);

	m->state = next.state;
	m->unsaved = true;
	m->rests = m->rests || ev == EV_EXIT_DONE || ev == EV_EXIT_FINAL;
	if (ev == EV_START || ev == EV_STOP || ev == EV_RESTART)
		m->asked = true;
	if (ev == EV_GONE) {
		stream_close(m);
		m->sid = 0;     /* the number may become another's */
	}
	if (next.state == SM_DOWN && was != SM_DOWN) {
		m->downs++;
		m->error = (struct start_error){ 0 };
	}
	perform(s, m, next.acts);
	sup_touch(s);
}

void sup_boot(struct sup *s, struct mod *m)
{
	bool rests = m->recalled && m->rests;

	m->asked = true;
	m->rests = rests;
	if (rests)
		mod_say(m, "stays down, as it was before the hub was killed");
	if (m->left) {
		sup_event(s, m, EV_BOOT_LEFT);
		if (rests)
			sup_event(s, m, EV_STOP);
	} else if (!m->recalled) {
		/* Its row may have come back while it is being stopped. */
		sup_event(s, m, m->state == SM_DOWN ? EV_BOOT : EV_START);
	} else if (!rests) {
		sup_event(s, m, m->budget.spent ? EV_BOOT_SPENT : EV_BOOT);
	}
	m->recalled = false;
}

static void tell_critical(struct sup *s)
{
	struct mod *m = sup_by_id(s, s->critical_id);

	s->critical_id = 0;
	if (m && s->critical)
		s->critical(s, m);
}

static void on_settle(struct loop *l, struct later *later)
{
	struct sup *s = CONTAINER(later, struct sup, settle);

	(void)l;
	for (size_t i = 0; i < s->n; i++) {
		if (s->mods[i]->state == SM_HELD && deps_settled(s, s->mods[i]))
			sup_event(s, s->mods[i], EV_DEPS);
		s->mods[i]->fresh = false;
	}
	for (size_t i = 0; i < s->n; i++)
		if (s->mods[i]->unsaved)
			save(s, s->mods[i]);
	health_settle(s);
	tell_critical(s);
	if (s->changed)
		s->changed(s);
	sup_drop_unlisted(s);
}

void sup_touch(struct sup *s)
{
	loop_later(s->loop, &s->settle);
}

void sup_init(struct sup *s, struct loop *loop, struct logs *logs,
	      struct spawn_ctx *spawn_ctx)
{
	s->loop = loop;
	s->logs = logs;
	s->spawn = spawn_ctx;
	s->n = 0;
	s->subreaper = os_subreaper() == 0;
	s->records = NULL;
	s->cgroup.fd = -1;
	s->nleft = 0;
	later_init(&s->settle, on_settle);
	sweep_init(s);
	listen_init(s);
	history_init(s);
	notify_init(s);
	s->checks = (struct checks){ 0 };
	s->used_ms = 0;
}

void sup_release(struct sup *s)
{
	later_cancel(&s->settle);
	later_cancel(&s->look);
	loop_cancel(s->loop, &s->look_again);
	loop_cancel(s->loop, &s->probe);
	for (size_t i = 0; i < s->n; i++)
		mod_free(s, s->mods[i]);
	s->n = 0;
	history_release(s);
	notify_release(s);
	ptab_release(&s->ptab);
	ports_release(&s->ports);
}
