/* SPDX-License-Identifier: MIT */
/* What modules say about themselves, and who is heard. */
#include "rig.h"

static void words(void)
{
	struct notify_words w;

	notify_parse(&w, STR("READY=1\nSTATUS=Serving 3 users\nMAINPID=7"));
	ok(w.ready && w.has_status && str_is(w.status, "Serving 3 users") &&
	   !w.stopping && !w.reloading && !w.alive && !w.trigger && !w.has_usec,
	   "ready, with a status");
	notify_parse(&w, STR("READY=0\nREADY=yes\nREADY\nXREADY=1\nready=1"));
	ok(!w.ready, "only READY=1 is ready");
	notify_parse(&w, STR("\n\nREADY=1\nREADY=0\n"));
	ok(w.ready, "said once is said");
	notify_parse(&w, STR("STATUS=a=b\nSTATUS=c"));
	ok(w.has_status && str_is(w.status, "c"), "the last status counts");
	notify_parse(&w, STR("STATUS="));
	ok(w.has_status && !w.status.n, "an empty status takes it back");
	notify_parse(&w, STR("RELOADING=1\nMONOTONIC_USEC=12"));
	ok(w.reloading && !w.ready, "reloading");
	notify_parse(&w, STR("STOPPING=1"));
	ok(w.stopping, "stopping");
	notify_parse(&w, STR("WATCHDOG=1"));
	ok(w.alive && !w.trigger && !w.has_usec, "it lives");
	notify_parse(&w, STR("WATCHDOG=trigger"));
	ok(w.trigger && !w.alive, "it does not");
	notify_parse(&w, STR("WATCHDOG_USEC=2500000"));
	ok(w.has_usec && w.usec == 2500000, "how often it will say so");
	notify_parse(&w, STR("WATCHDOG_USEC=-1"));
	ok(!w.has_usec, "no number is nothing");
	notify_parse(&w, STR("WATCHDOG_USEC=99999999999999999999999"));
	ok(!w.has_usec, "nor is one too large");
	notify_parse(&w, STR_NULL);
	ok(!w.ready && !w.has_status, "nothing");
}

static void send_as(const char *socket, const char *text)
{
	int fd = os_dgram(NULL);

	if (fd < 0 || os_send_to(fd, socket, text, strlen(text)) < 0)
		_exit(7);
	close(fd);
}

static void a_stranger_is_ignored(struct mod *m)
{
	uint64_t was = rig.sup.notifier.ignored;
	pid_t pid;
	int status;

	send_as(rig.sup.notifier.name, "READY=1\nSTATUS=I am sit");
	until(rig.sup.notifier.ignored == was + 1);
	ok(!m->notice.ready && !m->notice.status[0],
	   "the keeper itself is no module");
	pid = fork();
	if (!pid) {
		send_as(rig.sup.notifier.name, "READY=1");
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	until(rig.sup.notifier.ignored == was + 2);
	ok(!m->notice.ready, "one that is gone is nobody");
}

/* From here on the modules are what they say. */
static void says_ready(void)
{
	struct mod *m = rig_mod("tells");
	struct facts f;

	tell(m, EV_START);
	until(m->state == SM_UP && m->notice.ready);
	mod_facts(m, &f);
	ok(mod_is_ready(m) && f.ready && f.by == READY_BY_NOTIFY && f.alive &&
	   f.listening == LISTEN_NO, "ready, by its own word");
	ok(!strcmp(m->notice.status, "all is well"), "and its status");
	stop(m);
	ok(!m->notice.ready && !m->notice.status[0] && !mod_is_ready(m),
	   "which ends with its run");
}

static void says_it_by_descriptor(void)
{
	struct mod *m = rig_mod("byte");
	struct facts f;

	tell(m, EV_START);
	until(m->state == SM_UP && m->notice.ready && said(m, "wrote "));
	mod_facts(m, &f);
	ok(f.ready && f.by == READY_BY_FD, "ready, by a byte");
	ok(said(m, "wrote ") == 2 && m->notice.fd >= 0 &&
	   fd_kind_of(m->notice.fd) == FD_NOTIFY &&
	   fd_owner_of(m->notice.fd) == m->id,
	   "a second byte is written, too; the pipe stays");
	stop(m);
	ok(m->notice.fd < 0 && fd_count(FD_NOTIFY) == 1,
	   "and is closed with the run");
}

static void watchdog(void)
{
	struct mod *m = rig_mod("silent");
	pid_t first;

	tell(m, EV_START);
	until(m->state == SM_UP && m->notice.watchdog_ms);
	first = m->pid;
	ok(m->notice.watchdog_ms == 1 && m->notice.watchdog.armed,
	   "it asks for a watchdog");
	until(m->runs == 2);
	ok(!lives(first) && m->exit_code == 128 + SIGABRT &&
	   m->end_cause == END_NONE, "silent: ended by SIGABRT, and run again");
	until(m->state == SM_CRASHED);
	ok(m->runs == 3 && m->end_cause == END_WATCHDOG,
	   "through the crash budget");
	stop(m);
	m = rig_mod("trigger");
	tell(m, EV_START);
	until(m->state == SM_CRASHED);
	ok(m->runs == 3 && m->end_cause == END_WATCHDOG,
	   "WATCHDOG=trigger does the same at once");
	stop(m);
}

int main(int argc, char **argv)
{
	play(argc, argv);
	words();
	rig_up();
	rig_row("sit", "[\"up\"]", "");
	rig_row("tells", "[\"notify\",\"READY=1\\nSTATUS=all is well\"]", "");
	rig_row("byte", "[\"byte\"]", "");
	rig_row("silent", "[\"notify\",\"WATCHDOG_USEC=1000\"]", "");
	rig_row("trigger", "[\"notify\",\"WATCHDOG=trigger\"]", "");
	rig_rows();
	start(rig_mod("sit"));
	a_stranger_is_ignored(rig_mod("sit"));
	stop(rig_mod("sit"));
	says_ready();
	says_it_by_descriptor();
	watchdog();
	return tap_done();
}
