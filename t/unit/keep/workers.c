/* SPDX-License-Identifier: MIT */
/*
 * The keeper's side of the front door. pc-front is this program again, found
 * in a scratch directory: it does what signals tell it to.
 */
#include "keep/workers.h"

#include "keep/out.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "unit/hub/scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

extern char **environ;

static struct loop loop;
static struct crew crew;
static struct doors doors;
static struct workers workers;
static struct logs logs;
static struct feeds feeds;
static struct out out;
static _Alignas(8) char hub_ring[RING_SIZE], front_ring[RING_SIZE];
static char self[512];
static int dir;

/* The program */

static volatile sig_atomic_t told;

static void on_told(int sig)
{
	told = sig;
}

static int play_prepare(void)
{
	FILE *f = fopen("prepared", "a");
	char c = 0;
	int status;

	if (!f)
		return 9;
	fprintf(f, "p\n");
	fclose(f);
	f = fopen("status", "r");
	if (!f)
		return 0;
	status = fread(&c, 1, 1, f) == 1 ? c - '0' : 0;
	fclose(f);
	if (c == 'h') {         /* hangs */
		fprintf(stderr, "waiting for the disk\n");
		pause();
	}
	if (status == 9) {
		remove("status");
		raise(SIGKILL);
	}
	if (status)
		fprintf(stderr, "the disk is full\n");
	return status;
}

/* SIGUSR1: hub.db is gone. SIGUSR2: the keeper is another. SIGHUP: asks for
 * a prepare. */
static int play_worker(char **argv)
{
	static const int signals[] = { SIGTERM, SIGUSR1, SIGUSR2, SIGHUP };
	const char *fds = getenv("LISTEN_FDS"), *env = getenv("LISTEN_FDNAMES");
	int listening = 0;
	socklen_t n = sizeof listening;
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	sigprocmask(SIG_BLOCK, &all, NULL);
	for (size_t i = 0; i < LEN(signals); i++)
		signal(signals[i], on_told);
	if (getsockopt(3, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0)
		return 1;
	printf("sandbox %s %s %d %s %s\n", fds, env, listening, argv[3],
	       argv[4]);
	printf("db ok\nready\n");
	fflush(stdout);
	fprintf(stderr, "a worker\n");
	for (;;) {
		sigsuspend(&none);
		if (told == SIGUSR1)
			return 75;
		if (told == SIGUSR2)
			return 69;
		if (told == SIGTERM)
			return 0;
		printf("prepare the token ends soon\nhijacked by another\n");
		fflush(stdout);
	}
}

static int play(int argc, char **argv)
{
	if (chdir(getenv("SCRATCH")) < 0)
		return 9;
	return !strcmp(argv[argc - 1], "--prepare") ? play_prepare() :
		play_worker(argv);
}

/* Its keeper */

static void on_signal(struct loop *l, int signo)
{
	int status;
	pid_t pid;

	(void)l;
	(void)signo;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (!crew_reaped(&crew, pid, status))
			scratch_bail("reaped a stranger");
}

static void on_log(struct str line)
{
	(void)line;
}

#define until(cond) \
	do { \
		while (!(cond)) \
			loop_turn(&loop, -1, NULL); \
	} while (0)

static size_t prepared(void)
{
	char text[64];
	int fd = openat(dir, "prepared", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);

	if (fd >= 0)
		close(fd);
	return n < 0 ? 0 : (size_t)n / 2;
}

static size_t ready(void)
{
	size_t n = 0;

	for (size_t i = 0; i < LEN(workers.each); i++)
		n += workers.each[i].ready;
	return n;
}

static bool answers(void)
{
	return doors.all[0].watch.events & LOOP_READ;
}

static void begin(size_t n)
{
	uint16_t port = 0;
	struct err e = { 0 };

	doors_init(&doors, &loop);
	if (doors_open(&doors, "127.0.0.1", &port, &e) < 0)
		scratch_bail(e.msg);
	workers_start(&workers, &crew, &doors, &logs.front, scratch_path, port,
		      n);
}

static void end(void)
{
	until(workers_stop(&workers));
	workers_release(&workers);
	doors_close(&doors);
}

static void missing(void)
{
	begin(2);
	until(workers.prepare.missing);
	ok(answers() && !ready() && workers.prepare.error[0],
	   "without the program the door answers, and closes");
	ok(workers_prepare(&workers), "it can be asked for all the same");
	end();
}

static void runs(void)
{
	char want[64];
	pid_t first;

	snprintf(want, sizeof want, "LISTEN_FDS=1");
	begin(2);
	ok(!answers() && workers.preparing, "who comes early waits");
	until(ready() == 2);
	ok(prepared() == 1 && !workers.preparing && !workers.prepare_error[0],
	   "prepared once, then the workers");
	ok(strlen(workers.instance) == 36 && workers.instance[14] == '4',
	   "an instance: %s", workers.instance);
	snprintf(want, sizeof want, "1 http 1 --port %s", workers.port);
	ok(!strcmp(workers.each[0].sandbox, want) &&
	   !strcmp(workers.each[1].db, "ok"), "they have the socket: %s",
	   workers.each[0].sandbox);
	ok(!answers(), "the door is theirs");
	first = workers.each[0].member.pid;
	kill(first, SIGKILL);
	until(ready() == 1);
	ok(!answers(), "one dies: nobody is turned away");
	until(ready() == 2);
	ok(workers.each[0].member.pid != first &&
	   workers.each[0].member.deaths == 1 && prepared() == 1,
	   "it is started again, without preparing");
}

/* Killed faster than any of them can be ready. */
static void storm(void)
{
	uint64_t deaths = workers.each[0].member.deaths;
	bool shut = true;

	while (workers.each[0].member.deaths < deaths + 2 * CREW_DEATHS) {
		for (size_t i = 0; i < 2; i++)
			if (workers.each[i].member.pid)
				kill(workers.each[i].member.pid, SIGKILL);
		loop_turn(&loop, -1, NULL);
		shut = shut && !answers();
	}
	ok(workers.each[0].member.hasty && shut,
	   "killed again and again: nobody is turned away");
	until(ready() == 2);
}

static void prepares(void)
{
	pid_t pid = workers.each[1].member.pid;
	uint64_t deaths = workers.each[1].member.deaths;

	kill(pid, SIGUSR1);
	until(prepared() == 2 && ready() == 2);
	ok(workers.each[1].member.pid != pid &&
	   workers.each[1].member.deaths == deaths,
	   "hub.db is gone: prepared, then started again");
	kill(workers.each[0].member.pid, SIGHUP);
	until(prepared() == 3 && !workers.preparing);
	ok(ready() == 2 && !strcmp(workers.hijacked, "by another"),
	   "a worker asks for it, and says who else is there");
	put(dir, "status", "3");
	workers_prepare(&workers);
	workers_prepare(&workers);
	until(prepared() == 5 && !workers.preparing);
	ok(!strcmp(workers.prepare_error, "the disk is full") && ready() == 2,
	   "asked for twice: run twice; its failure is kept: %s",
	   workers.prepare_error);
	unlinkat(dir, "status", 0);
	workers_prepare(&workers);
	until(prepared() == 6 && !workers.preparing);
	ok(!workers.prepare_error[0], "and forgotten");
	put(dir, "status", "9");
	workers_prepare(&workers);
	until(prepared() == 8 && !workers.preparing);
	ok(!workers.prepare_error[0], "killed: run again, unasked");
}

static void renews(void)
{
	pid_t was[2] = { workers.each[0].member.pid,
			 workers.each[1].member.pid };
	size_t least = 2, most = 0, running;

	ok(workers_renew(&workers) && workers_renew(&workers),
	   "renewed, however often asked");
	while (workers.renewing) {
		loop_turn(&loop, -1, NULL);
		running = 0;
		for (size_t i = 0; i < LEN(workers.each); i++)
			running += workers.each[i].member.crew != NULL;
		least = ready() < least ? ready() : least;
		most = running > most ? running : most;
	}
	until(ready() == 2);
	ok(least == 2 && most == 3, "never fewer than 2 ready (%zu), never more "
	   "than 3 at once (%zu)", least, most);
	ok(kill(was[0], 0) < 0 && kill(was[1], 0) < 0 && prepared() == 8,
	   "all others are new");
}

/* The one that is to be replaced goes by itself: there is no one to dismiss. */
static void renews_what_is_gone(void)
{
	size_t n = prepared();
	pid_t was[2] = { 0, 0 };

	for (size_t i = 0, k = 0; i < LEN(workers.each); i++)
		if (workers.each[i].ready)
			was[k++] = workers.each[i].member.pid;
	workers_renew(&workers);
	kill(was[0], SIGUSR1);
	until(!workers.renewing && ready() == 2 && prepared() > n);
	ok(kill(was[0], 0) < 0 && kill(was[1], 0) < 0,
	   "one leaves by itself meanwhile: renewed all the same");
	ok(workers_renew(&workers) && workers.renewing, "and can be again");
	until(!workers.renewing && ready() == 2);
}

static void hangs(void)
{
	size_t n;

	until(!workers.preparing && !workers.later.armed);
	n = prepared();
	put(dir, "status", "h");
	workers_prepare(&workers);
	until(prepared() == n + 1 &&
	      strstr(workers.prepare_said, "waiting for the disk"));
	ok(!workers.prepare_error[0],
	   "what it says on its way is no failure");
	ok(workers.preparing && workers.patience.armed && ready() == 2,
	   "one that hangs is waited for (%d, %d, %zu)", workers.preparing,
	   workers.patience.armed, ready());
	/* As if the time were over. */
	loop_at(&loop, &workers.patience, 0);
	until(!workers.preparing);
	ok(strstr(workers.prepare_error, "did not end within 30 s") &&
	   ready() == 2 && !workers.patience.armed, "and killed: %s",
	   workers.prepare_error);
	unlinkat(dir, "status", 0);
}

/* None serves yet, and what makes the files does not end. */
static void hangs_at_first(void)
{
	put(dir, "status", "h");
	begin(2);
	until(workers.prepare.pid);
	ok(!ready() && !answers(), "who comes waits");
	loop_at(&loop, &workers.patience, 0);
	until(ready() == 2);
	ok(!answers(), "they start without it");
	end();
	unlinkat(dir, "status", 0);
}

static void parts(void)
{
	struct crew_member *m = NULL;

	for (size_t i = 0; i < LEN(workers.each); i++)
		if (workers.each[i].ready)
			m = &workers.each[i].member;
	if (!m)
		scratch_bail("nobody is ready");
	kill(m->pid, SIGUSR2);
	until(!m->pid);
	ok(m->missing && strstr(m->error, "another version") && ready() == 1,
	   "a worker of another version rests: %s", m->error);
	crew_retry(&crew);
	until(ready() == 2);
	ok(!m->error[0], "until it is looked for again");
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGCHLD, 0 };
	struct err e = { 0 };
	char at[600];

	if (argc > 1)
		return play(argc, argv);
	alarm(120);
	dir = scratch();
	setenv("SCRATCH", scratch_path, 1);
	setenv("LISTEN_PID", "1", 1);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0 ||
	    loop_init(&loop, &e) < 0 ||
	    loop_signals(&loop, signals, on_signal, &e) < 0)
		scratch_bail(e.msg);
	feeds_init(&feeds, &loop, 1);
	logs_init(&logs, &out, &feeds, hub_ring, front_ring);
	log_to(on_log);
	crew_init(&crew, &loop, argv[0], environ);
	snprintf(crew.dir, sizeof crew.dir, "%s", scratch_path);
	missing();
	snprintf(at, sizeof at, "%s/pc-front", scratch_path);
	if (symlink(self, at) < 0)
		scratch_bail("symlink");
	runs();
	storm();
	prepares();
	renews();
	renews_what_is_gone();
	hangs();
	parts();
	end();
	hangs_at_first();
	ok(fd_count(FD_CREW) == 0 && fd_count(FD_EXEC) == 0 &&
	   fd_count(FD_LISTEN) == 0 && list_empty(&crew.members),
	   "told to leave, all gone, all closed");
	loop_release(&loop);
	return tap_done();
}
