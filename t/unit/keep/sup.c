/* SPDX-License-Identifier: MIT */
/*
 * What the automaton decides, done to real processes. Where it would wait
 * for a timeout, the test feeds it EV_TIMER: time is an event like another.
 */
#include "rig.h"

#include "keep/listen.h"

#include <sys/resource.h>

static size_t kernel_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static void comes_back(void)
{
	struct mod *m = rig_mod("sit");
	struct mod_state s;
	pid_t first;

	ok(m->state == SM_DOWN && !m->runs && rig.sup.subreaper,
	   "a row alone starts nothing");
	start(m);
	first = m->pid;
	ok(lives(first) && getsid(first) == first && m->runs == 1 &&
	   m->sid == first, "up, in a session of its own");
	ok(!m->timer.armed, "and nothing has to wake us for it");
	mod_state(m, &s);
	ok(s.status == STATUS_RUNNING && s.pid == first && !s.exited &&
	   !s.restarts_in_window && !s.error.type && s.started_unix_ms > 0 &&
	   !strcmp(s.short_name, "sit"), "and so it is told");
	kill(first, SIGKILL);
	until(m->runs == 2 && said(m, "up ") == m->pid);
	mod_state(m, &s);
	ok(m->state == SM_UP && m->pid != first && !lives(first),
	   "killed: up again, as another process");
	ok(s.exited && s.exit_code == 128 + SIGKILL &&
	   s.restarts_in_window == 1 && s.crashed_unix_ms > 0,
	   "and that is told, too");
	ok(ring_lines(&m->log.ring) == 2, "its lines outlive it");
	stop(m);
	ok(m->downs == 1 && !m->pid && m->exit_code == 128 + SIGTERM &&
	   m->runs == 2, "stopped by SIGTERM, and no more runs");
	tell(m, EV_STOP);
	settle();
	ok(m->state == SM_DOWN && m->downs == 1, "stopped once is enough");
}

/* G4 on processes: exactly three, then a pause; a start begins anew. */
static void budget_is_spent(void)
{
	struct mod *m = rig_mod("exits");
	struct mod_state s;

	tell(m, EV_START);
	until(m->state == SM_CRASHED);
	mod_state(m, &s);
	ok(m->runs == 3 && s.status == STATUS_CRASHED && !s.pid &&
	   s.exit_code == 3 && s.restarts_in_window == 3 &&
	   m->timer.armed, "three runs, then crashed");
	tell(m, EV_TIMER);
	until(m->runs == 4 && m->state == SM_CRASHED);
	settle();
	ok(m->runs == 4, "one for each slow retry");
	tell(m, EV_START);
	until(m->state == SM_CRASHED && m->runs == 7);
	ok(m->runs == 7, "a start gives it three more");
	stop(m);
	ok(m->state == SM_DOWN, "stopped while crashed");
}

/* Alive for 60 s: no timer has rung, and the count is clear all the same. */
static void budget_ages(void)
{
	struct mod *m = rig_mod("sit");
	struct mod_state s;
	unsigned runs;

	start(m);
	runs = m->runs;
	for (unsigned i = 1; i <= 2; i++) {
		kill(m->pid, SIGKILL);
		until(m->runs == runs + i && m->state == SM_UP);
	}
	mod_state(m, &s);
	ok(s.restarts_in_window == 2, "two crashes");
	m->started_ms -= STABLE_MS;
	mod_state(m, &s);
	ok(s.restarts_in_window == 0, "60 s later: none");
	kill(m->pid, SIGKILL);
	until(m->state != SM_UP);
	until(m->state == SM_UP);
	mod_state(m, &s);
	ok(s.restarts_in_window == 1, "and the next one is the first");
	stop(m);
}

static void cannot_execute(void)
{
	struct mod *m = rig_mod("unfit");
	struct mod_state s;

	put(rig.home.fd, "unfit/run", "#!/no/such/interpreter\n");
	fchmodat(rig.home.fd, "unfit/run", 0755, 0);
	tell(m, EV_START);
	until(m->state == SM_CRASHED);
	mod_state(m, &s);
	ok(m->tries == 1 && !m->runs && s.error.type &&
	   !strcmp(s.error.type, ERROR_SPAWN) &&
	   strstr(s.error.text, "interpreter") && m->exit_code == 127 &&
	   !s.restarts_in_window && m->timer.armed,
	   "exec fails: said, no crash, tried again later");
	put(rig.home.fd, "unfit/run", "");
	tell(m, EV_TIMER);
	until(m->state == SM_CRASHED && m->tries == 2);
	ok(m->exit_code == 126 && !strcmp(m->error.type, ERROR_SPAWN),
	   "no program at all: not executable");
	unlinkat(rig.home.fd, "unfit/run", 0);
	tell(m, EV_TIMER);
	ok(m->state == SM_CRASHED && m->tries == 3 &&
	   !strcmp(m->error.type, ERROR_MISSING), "gone: not even tried");
	rig_manifest("unfit", "[\"up\"]", "");
	start(m);
	ok(m->runs == 1 && !m->error.type, "mended: a start takes it as it is");
	stop(m);
	ok(!m->error.type, "down: nothing to say");
}

/* All of them, wherever they are; time passes by EV_TIMER. */
static void whole_tree_goes(void)
{
	struct mod *m = rig_mod("tree");
	pid_t leader, left;
	struct left out[4];
	size_t n;

	start(m);
	leader = m->pid;
	left = (pid_t)said(m, "left ");
	ok(lives(left) && getsid(left) == left && left != leader,
	   "a child in another session");
	tell(m, EV_STOP);
	settle();
	ok(m->state == SM_STOPPING && lives(leader) && lives(left),
	   "SIGTERM is ignored");
	n = sweep_left(&rig.sup, m, out, LEN(out));
	ok(n == 3 && out[0].pid && strstr(out[0].command, "act"),
	   "%zu processes are its own", n);
	tell(m, EV_TIMER);
	ok(m->state == SM_KILLING, "time is up");
	until(m->state == SM_DOWN);
	ok(!lives(leader) && !lives(left) && m->exit_code == 128 + SIGKILL &&
	   sweep_left(&rig.sup, m, out, LEN(out)) == 0,
	   "down means gone, all of it");
}

/* The leader exits; one it left behind, far away, ignores SIGTERM. */
static void waits_for_the_last(void)
{
	struct mod *m = rig_mod("leaver");
	pid_t left;
	bool alone = true;

	start(m);
	left = (pid_t)said(m, "left ");
	kill(m->pid, SIGKILL);
	until(m->state == SM_CLEARING);
	for (int i = 0; i < 200; i++) {
		turn(0);
		alone = alone && m->runs == 1 && m->state == SM_CLEARING;
	}
	ok(alone && lives(left), "no other run while something is left");
	ok(m->sweep_first == false && !m->pid, "it was looked at");
	kill(left, SIGKILL);
	until(m->runs == 2);
	ok(!lives(left), "and one when it is gone");
	until(said(m, "up ") == m->pid && said(m, "left ") != left);
	left = (pid_t)said(m, "left ");
	kill(m->pid, SIGKILL);
	until(m->state == SM_CLEARING);
	tell(m, EV_TIMER);
	until(m->runs == 3);
	ok(!lives(left), "or when time is up: SIGKILL");
	left = 0;
	until(said(m, "up ") == m->pid);
	kill_off(m);
	ok(!lives((pid_t)said(m, "left ")), "stopped, both");

	rig_manifest("leaver", "[\"leave-mild\",\"up\"]", "");
	start(m);
	left = (pid_t)said(m, "left ");
	kill(m->pid, SIGKILL);
	until(m->state == SM_UP && said(m, "up ") == m->pid && m->runs == 5);
	ok(!lives(left), "one that obeys gets SIGTERM, and no time is lost");
	stop(m);
}

/* A change of mind in the middle, in every order. */
static void minds_change(void)
{
	struct mod *m = rig_mod("stubborn");
	unsigned runs;
	pid_t was;

	start(m);
	was = m->pid;
	tell(m, EV_STOP);
	tell(m, EV_START);
	ok(m->state == SM_CYCLING && lives(was), "stop, start");
	tell(m, EV_STOP);
	tell(m, EV_START);
	tell(m, EV_TIMER);
	until(m->state == SM_UP);
	ok(!lives(was) && m->pid != was && m->runs == 2, "one run after it");
	runs = m->runs;
	was = m->pid;
	until(said(m, "up ") == was);
	tell(m, EV_RESTART);
	tell(m, EV_TIMER);
	tell(m, EV_STOP);
	until(m->state == SM_DOWN);
	ok(!lives(was) && m->runs == runs, "restart, stop: down");
}

/*
 * Stop, in the moment of the start: SIGTERM must reach a process that is not
 * yet the leader of anything.
 */
static void stopped_at_birth(void)
{
	struct mod *m = rig_mod("sit");
	int late = 0;

	for (int i = 0; i < 100 && !late; i++) {
		tell(m, EV_START);
		while (m->state == SM_HELD)
			turn(0);
		tell(m, EV_STOP);
		until(m->state == SM_DOWN || m->state == SM_KILLING);
		late += m->exit_code == 128 + SIGKILL ||
			m->state == SM_KILLING;
		until(m->state == SM_DOWN);
	}
	ok(!late, "stopped at birth: by SIGTERM, not after its timeout");
}

/* Who is being stopped is not looked for: the loop would not rest. */
static void rests_while_stopping(void)
{
	struct mod *m = rig_mod("stubborn");
	int turns = 0;

	start(m);
	ok(m->listening == LISTEN_NO, "it does not listen");
	tell(m, EV_STOP);
	while (rig.sup.probe.armed && m->state == SM_STOPPING && turns < 2000) {
		turn(-1);
		turns++;
	}
	ok(turns < 2000, "the loop rests while a module is stopping");
	kill_off(m);
}

static void keeps_no_descriptor(void)
{
	struct mod *m = rig_mod("sit");
	size_t table, kernel;

	start(m);
	table = fd_count(FD_FREE);
	kernel = kernel_fds();
	for (unsigned i = 0; i < 50; i++) {
		unsigned runs = m->runs;

		if (i % 2) {
			kill(m->pid, SIGKILL);
			until(m->state != SM_UP);
			tell(m, EV_START);
		} else {
			tell(m, EV_RESTART);
		}
		until(m->state == SM_UP && m->runs == runs + 1);
	}
	ok(fd_count(FD_FREE) == table && kernel_fds() == kernel,
	   "50 restarts later: %zu and %zu descriptors", fd_count(FD_FREE),
	   kernel_fds());
	ok(m->state == SM_UP && m->runs >= 51, "and up");
	stop(m);
	ok(fd_count(FD_OUT) == 0 && fd_count(FD_ERR) == 0 &&
	   fd_count(FD_EXEC) == 0, "down: none of its own");
}

static void listens(void)
{
	struct mod *m = rig_mod("server");
	const struct row *row = registry_find(&rig.registry, STR("server"));
	uint16_t port = row->port;
	struct err e;
	int fd = net_listen_tcp("127.0.0.1", &port, &e);

	rig.sup.looked_ms = 0;   /* what it saw before that is too old */
	tell(m, EV_START);
	until(m->state != SM_HELD);
	ok(m->state == SM_SQUATTED && m->error.type &&
	   !strcmp(m->error.type, ERROR_SQUATTER) && !m->runs &&
	   !strcmp(sm_wire(m->state), "crashed") && m->timer.armed &&
	   !budget_count(&m->budget, os_now_ms(), 0),
	   "its port is taken: not started, and no crash");
	tell(m, EV_TIMER);
	ok(m->state == SM_SQUATTED && m->tries == 2, "still");
	close(fd);
	until(m->state == SM_UP);
	until(mod_is_ready(m));
	ok(!m->error.type && m->listening == LISTEN_YES && m->port == port,
	   "free: it is looked at by itself, and ready");
	stop(m);
	ok(!mod_is_ready(m) && m->listening == LISTEN_UNKNOWN, "down");
}

/* A wrapper whose child does the work. */
static void wrapped(void)
{
	struct mod *m = rig_mod("wrapper");
	pid_t inner;

	tell(m, EV_START);
	until(mod_is_ready(m) && said(m, "up "));
	inner = (pid_t)said(m, "up ");
	ok(inner != m->pid && m->listening == LISTEN_YES,
	   "what its child listens on is its own");
	stop(m);
	ok(!lives(inner), "and the child goes with it");
}

/* What cannot stay in the foreground is told so; and it spends its budget. */
static void daemonised(void)
{
	struct mod *m = rig_mod("daemon");
	pid_t left;

	tell(m, EV_START);
	/* A turn may see it start and exit, and the last of its runs end. */
	until(m->error.type && !strcmp(m->error.type, ERROR_DAEMONIZED));
	left = (pid_t)said(m, "left ");
	ok(strstr(m->error.text, "foreground") && left &&
	   m->state != SM_UP, "a daemon is named as what it is");
	until(m->state == SM_UP || m->state == SM_BACKOFF ||
	      m->state == SM_CRASHED);
	ok(!lives(left), "and ended before the next run");
	until(m->state == SM_CRASHED);
	ok(m->runs == 3 && !lives((pid_t)said(m, "left ")),
	   "three times, then no more");
	stop(m);
}

/* Another process, of nobody here, on the port. */
static void squatted(void)
{
	struct mod *m = rig_mod("server");
	char pid[40], port[40];
	pid_t other;
	int p[2], status;
	char c = 0;

	snprintf(port, sizeof port, "%u", (unsigned)m->port);
	setenv("PORT", port, 1);
	if (pipe(p) < 0 || (other = fork()) < 0)
		scratch_bail("fork");
	if (!other) {
		bind_port();
		if (write(p[1], "x", 1) == 1)
			sit();
		_exit(9);
	}
	close(p[1]);
	ok(read(p[0], &c, 1) == 1 && c == 'x', "a stranger");
	close(p[0]);
	rig.sup.looked_ms = 0;
	tell(m, EV_START);
	until(m->state != SM_HELD);
	snprintf(pid, sizeof pid, "held by pid %d (", (int)other);
	ok(m->state == SM_SQUATTED && strstr(m->error.text, pid) &&
	   strstr(m->error.text, "kill ") && strstr(m->error.text, port),
	   "is named, with the port and what to do");
	/* Its end is seen by who asks next, not before. */
	kill(other, SIGKILL);
	while (kill(other, 0) == 0 && waitpid(other, &status, 0) < 0 &&
	       errno == EINTR)
		;
	tell(m, EV_START);
	until(mod_is_ready(m));
	ok(!m->error.type && m->runs == 2, "gone: a start does not wait");

	/* Up, and a stranger where it should listen. */
	stop(m);
	m = rig_mod("sit");
	start(m);
	m->started_ms -= READY_WINDOW_MS;
	rig.sup.looked_ms = 0;
	listen_look(&rig.sup);
	ok(m->error.type && !strcmp(m->error.type, ERROR_UNBOUND) &&
	   m->state == SM_UP && m->listening == LISTEN_NO,
	   "up for 4 s and no listener: said, and it stays up");
	stop(m);
	ok(!m->error.type, "until it is down");
}

/* No descriptor is to be had: nothing is started, nothing is taken for gone. */
static void short_of_descriptors(void)
{
	struct mod *m = rig_mod("leaver"), *sits = rig_mod("sit");
	struct rlimit was, none;
	size_t table = fd_count(FD_FREE), n = 0;
	int taken[64];
	pid_t left;

	rig_manifest("leaver", "[\"leave\",\"up\"]", "");
	start(m);
	left = (pid_t)said(m, "left ");
	getrlimit(RLIMIT_NOFILE, &was);
	none = was;
	none.rlim_cur = LEN(taken);
	setrlimit(RLIMIT_NOFILE, &none);
	while (n < LEN(taken) && (taken[n] = dup(0)) >= 0)
		n++;
	tell(sits, EV_START);
	until(sits->state != SM_HELD);
	ok(sits->state != SM_UP && sits->state != SM_EXECING &&
	   sits->error.type && sits->timer.armed &&
	   !budget_count(&sits->budget, os_now_ms(), 0),
	   "none for a new run: tried later, and no crash");
	kill(m->pid, SIGKILL);
	until(m->state != SM_UP);
	settle();
	ok(m->state == SM_CLEARING && kill(left, 0) == 0,
	   "none to look with: what is left is not taken for gone");
	while (n)
		close(taken[--n]);
	setrlimit(RLIMIT_NOFILE, &was);
	tell(m, m->state == SM_CLEARING ? EV_TIMER : EV_START);
	tell(sits, EV_START);
	until(m->state == SM_UP && sits->state == SM_UP);
	ok(!lives(left), "they are back: all goes on");
	until(said(m, "up ") == m->pid && said(m, "left ") != left);
	kill_off(m);
	stop(sits);
	ok(fd_count(FD_FREE) == table, "and none was lost");
}

/* Own session, no parent, an environment of nothing: still its own. */
static void in_disguise(void)
{
	struct mod *m = rig_mod("bare");
	pid_t left;

	if (!rig.owner.limits) {
		ok(true, "no marks here # SKIP");
		return;
	}
	start(m);
	until(said(m, "left "));
	left = (pid_t)said(m, "left ");
	kill(m->pid, SIGKILL);
	until(m->state == SM_CLEARING);
	settle();
	ok(m->state == SM_CLEARING && lives(left), "known by its mark");
	kill_off(m);
	ok(!lives(left), "and ended");
}

static void depend(void)
{
	struct mod *a = rig_mod("first"), *b = rig_mod("second");

	tell(a, EV_START);
	tell(b, EV_START);
	ok(b->state == SM_HELD, "held");
	until(a->state == SM_UP);
	ok(b->state == SM_HELD || mod_is_ready(a), "until the first is ready");
	until(b->state == SM_UP);
	ok(mod_is_ready(a), "which it is");
	stop(b);
	stop(a);
	tell(b, EV_START);
	until(b->state == SM_UP);
	ok(a->state == SM_DOWN, "one that nobody wants is not waited for");
	stop(b);

	a = rig_mod("ring-a");
	b = rig_mod("ring-b");
	tell(a, EV_START);
	tell(b, EV_START);
	until(a->state == SM_UP && b->state == SM_UP);
	ok(true, "a circle is not waited for");
	stop(a);
	stop(b);
	a = rig_mod("lonely");
	tell(a, EV_START);
	until(a->state == SM_UP);
	ok(true, "nor is one that has no row, nor itself");
	stop(a);
}

static void rows_come_and_go(void)
{
	struct mod *m = rig_mod("sit");
	struct err e = { 0 };
	unsigned id = m->id;
	size_t n = rig.sup.n;

	ok(sup_by_id(&rig.sup, id) == m && !sup_by_id(&rig.sup, 9999) &&
	   !sup_find(&rig.sup, STR("nobody")) &&
	   !sup_of_row(&rig.sup, STR("nobody"), &e) &&
	   e.code == ERR_NOT_FOUND, "found, or not");
	start(m);
	rig.rows[0] = '\0';
	rig_rows();
	ok(n > 1 && rig.sup.n == 1 && m->state == SM_UP && !m->listed,
	   "without a row: what runs stays");
	tell(m, EV_STOP);
	until(!sup_find(&rig.sup, STR("sit")));
	ok(rig.sup.n == 0, "until it is down");
	rig_row("sit", "[\"up\"]", "");
	rig_rows();
	m = rig_mod("sit");
	ok(m->id > id && m->state == SM_DOWN && !m->asked,
	   "a row again: a new module, whose number is new");
	start(m);
	stop(m);
}

int main(int argc, char **argv)
{
	play(argc, argv);
	rig_up();
	rig_row("sit", "[\"up\"]", "");
	rig_row("exits", "[\"exit\",\"3\"]", "");
	rig_row("unfit", "./run", "");
	rig_row("tree", "[\"stubborn\",\"child\",\"leave\",\"up\"]", "");
	rig_row("leaver", "[\"leave\",\"up\"]", "");
	rig_row("stubborn", "[\"stubborn\",\"up\"]", "");
	rig_row("server", "[\"listen\"]", "");
	rig_row("wrapper", "[\"wrap\",\"listen\",\"up\"]", "");
	rig_row("daemon", "[\"daemon\"]", "");
	rig_row("bare", "[\"leave-bare\",\"up\"]", "");
	rig_row("first", "[\"listen\",\"up\"]", "");
	rig_row("second", "[\"up\"]",
		",\"supervise\":{\"dependsOn\":[\"first\"]}");
	rig_row("ring-a", "[\"listen\",\"up\"]",
		",\"supervise\":{\"dependsOn\":[\"ring-b\"]}");
	rig_row("ring-b", "[\"up\"]",
		",\"supervise\":{\"dependsOn\":[\"ring-a\"]}");
	rig_row("lonely", "[\"up\"]",
		",\"supervise\":{\"dependsOn\":[\"nobody\",\"lonely\"]}");
	rig_rows();

	comes_back();
	budget_is_spent();
	budget_ages();
	cannot_execute();
	whole_tree_goes();
	waits_for_the_last();
	minds_change();
	stopped_at_birth();
	rests_while_stopping();
	keeps_no_descriptor();
	listens();
	squatted();
	wrapped();
	daemonised();
	in_disguise();
	short_of_descriptors();
	depend();
	rows_come_and_go();
	httpd_release(&rig.httpd);
	return tap_done();
}
