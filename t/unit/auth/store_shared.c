/* SPDX-License-Identifier: MIT */
/* Several processes and one hub.db, and one that is killed at it. */
#include "auth/store.h"

#include "base/fmt.h"
#include "tap.h"
#include "unit/auth/store_rig.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define T0 INT64_C(1780377693123)
#define WRITES 1000
#define WRITERS 2
#define MAKERS 16
#define MAKINGS 30
#define KILLS 50

static int add(struct store *s, const char *jti, const char *scopes,
	       struct err *e)
{
	const struct store_token t = {
		.jti = str_of(jti), .client_id = STR("pc"),
		.scopes = str_of(scopes), .created_via = STR("cli_mint"),
		.created_ms = T0, .expires_ms = T0 + 1,
	};

	return store_token_add(s, &t, e);
}

/* All that were started: whether each was content. */
static bool content(const pid_t *pids, int n)
{
	bool good = true;

	for (int i = 0; i < n; i++) {
		int status = -1;

		waitpid(pids[i], &status, 0);
		good = good && status == 0;
	}
	return good;
}

static int write_many(int who)
{
	struct store *s = rig_open(STORE_WRITE, 5000);
	struct err e = { 0 };
	char jti[32];

	for (int i = 0; i < WRITES; i++) {
		fmt(jti, sizeof jti, "w%d-%04d", who, i);
		if ((i % 2 ? add(s, jti, "a b", &e)
			   : store_set(s, jti, STR("x"), T0, &e)) < 0) {
			tap_diag("writer %d, %d: %s", who, i, e.msg);
			return 1;
		}
	}
	store_close(s);
	return 0;
}

static void test_writers(void)
{
	pid_t pids[WRITERS];

	store_close(rig_open(STORE_MAKE, 5000));
	for (int i = 0; i < WRITERS; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(write_many(i));
	}
	ok(content(pids, WRITERS), "%d writers, %d writes each: no error",
	   WRITERS, WRITES);
	ok(rig_is("SELECT (SELECT count(*) FROM tokens) +"
		  " (SELECT count(*) FROM hub_settings)", "2000"),
	   "and every one of them is there");
	ok(rig_intact(), "intact");
	rig_clean();
}

/* All at once on a home that has none. */
static void test_makers(void)
{
	bool good = true;

	for (int round = 0; round < MAKINGS; round++) {
		pid_t pids[MAKERS];
		int start[2];
		char go;

		if (pipe(start) < 0)
			scratch_bail("pipe");
		for (int i = 0; i < MAKERS; i++) {
			pids[i] = fork();
			if (pids[i] != 0)
				continue;
			close(start[1]);
			(void)!read(start[0], &go, 1);
			store_close(rig_open(STORE_MAKE, 5000));
			_exit(0);
		}
		close(start[0]);
		close(start[1]);
		good = content(pids, MAKERS) && good &&
			rig_is("SELECT count(*) FROM schema_version", "11");
		rig_clean();
	}
	ok(good, "%d makers at once: it is made once", MAKERS);
}

static void test_busy(void)
{
	const struct store_key k = {
		.kid = STR("k"), .public_pem = STR("p"), .private_pem = STR("q"),
		.algorithm = STR("RS256"), .created_ms = T0,
	};
	struct store *s = rig_open(STORE_MAKE, 5000), *worker;
	struct err e[5] = { 0 };
	struct db *other;
	bool added = true;
	int64_t at;
	size_t n = 9;
	struct store_key *keys;
	struct str v;

	add(s, "one", "a", &e[0]);
	store_close(s);
	worker = rig_open(STORE_WRITE, 0);
	other = rig_raw();
	db_begin(other, NULL);
	ok(add(worker, "two", "a", &e[0]) < 0 && e[0].code == ERR_BUSY &&
	   store_token_revoke(worker, STR("one"), T0, &at, &e[1]) < 0 &&
	   e[1].code == ERR_BUSY &&
	   store_set(worker, "x", STR("y"), T0, &e[2]) < 0 &&
	   e[2].code == ERR_BUSY &&
	   store_add_key(worker, &k, false, T0, &added, &e[3]) < 0 &&
	   e[3].code == ERR_BUSY && !added,
	   "who does not wait is told that another writes: %s", e[0].msg);
	ok(!store_keys(worker, &arena, &keys, &n, &e[4]) && n == 0 &&
	   !store_setting(worker, "x", &arena, &v, &e[4]) && !v.p &&
	   !strcmp(store_health(worker), "ok"), "and still reads");
	db_finish(other, -1, NULL);
	ok(rig_is("SELECT (SELECT count(*) FROM tokens WHERE revoked_at IS"
		  " NULL) || (SELECT count(*) FROM signing_keys)"
		  " || (SELECT count(*) FROM hub_settings)", "100"),
	   "nothing was written");
	ok(!add(worker, "two", "a", &e[0]), "then it goes");
	db_close(other);
	store_close(worker);
	rig_clean();
}

/*
 * Who waits gets it when the other is done. The child is there before anything
 * is open: what SQLite knows of a file does not go through a fork.
 */
static void test_wait(void)
{
	struct db *other;
	struct err e = { 0 };
	int go[2], up[2];
	pid_t pid;
	char c;

	store_close(rig_open(STORE_MAKE, 5000));
	if (pipe(go) < 0 || pipe(up) < 0 || (pid = fork()) < 0)
		scratch_bail("no process");
	if (pid == 0) {
		struct store *s;

		(void)!read(go[0], &c, 1);
		s = rig_open(STORE_WRITE, 5000);
		(void)!write(up[1], "", 1);
		if (store_set(s, "x", STR("y"), T0, &e) < 0)
			tap_diag("%s", e.msg);
		_exit(e.code != ERR_NONE);
	}
	other = rig_raw();
	db_begin(other, NULL);
	(void)!write(go[1], "", 1);
	(void)!read(up[0], &c, 1);
	db_finish(other, 0, NULL);
	db_close(other);
	ok(content(&pid, 1) &&
	   rig_is("SELECT value FROM hub_settings", "y"), "who waits gets it");
	for (int i = 0; i < 2; i++) {
		close(go[i]);
		close(up[i]);
	}
	rig_clean();
}

/* Tells the number of each write when it is done. Large rows, so that the log
 * is also written back now and then. */
static void write_until_killed(int round, int to)
{
	static char scopes[12000];
	struct store *s = rig_open(STORE_WRITE, 5000);
	struct err e = { 0 };
	char jti[32];

	memset(scopes, 's', sizeof scopes - 1);
	for (int i = 0;; i++) {
		fmt(jti, sizeof jti, "r%02d-%05d", round, i);
		if (add(s, jti, scopes, &e) < 0)
			_exit(1);
		if (write(to, &i, sizeof i) != sizeof i)
			_exit(2);
	}
}

/* Kills it somewhere in the next write, and says what it had done. */
static int kill_one(int round)
{
	int p[2], last = -1, i, status = 0;
	pid_t pid;

	if (pipe(p) < 0 || (pid = fork()) < 0)
		scratch_bail("no process");
	if (pid == 0) {
		close(p[0]);
		write_until_killed(round, p[1]);
	}
	close(p[1]);
	for (int seen = rand() % 40; seen >= 0; seen--)
		if (read(p[0], &last, sizeof last) != sizeof last)
			break;
	for (volatile int spin = rand() % 200000; spin > 0; spin--)
		;
	kill(pid, SIGKILL);
	while (read(p[0], &i, sizeof i) == sizeof i)
		last = i;
	close(p[0]);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? last : -1;
}

/* A process that has it open, as a worker has, until *hold is closed. */
static pid_t hold_open(int *hold)
{
	int go[2], up[2];
	pid_t pid;
	char c;

	if (pipe(go) < 0 || pipe(up) < 0 || (pid = fork()) < 0)
		scratch_bail("no process");
	if (pid == 0) {
		struct store *s = rig_open(STORE_WRITE, 5000);

		close(go[1]);
		(void)!write(up[1], "", 1);
		(void)!read(go[0], &c, 1);
		store_close(s);
		_exit(0);
	}
	(void)!read(up[0], &c, 1);
	close(up[0]);
	close(up[1]);
	close(go[0]);
	*hold = go[1];
	return pid;
}

/* What it had told is there, and at most one row that it could not tell. */
static bool kept(int round, int last)
{
	char sql[200], want[16];

	fmt(sql, sizeof sql, "SELECT count(*) FROM tokens WHERE jti"
	    " BETWEEN 'r%02d-' AND 'r%02d-%05d'", round, round, last);
	fmt(want, sizeof want, "%d", last + 1);
	if (last < 0 || !rig_is(sql, want))
		return false;
	fmt(sql, sizeof sql, "SELECT count(*) <= %d FROM tokens WHERE"
	    " jti LIKE 'r%02d-%%'", last + 2, round);
	return rig_is(sql, "1");
}

/*
 * Every other time it is the only one that has it open, and what it leaves is
 * put right by the next that comes.
 */
static void test_killed(void)
{
	unsigned seed = (unsigned)time(NULL) ^ (unsigned)getpid();
	bool intact = true, all = true;

	tap_diag("seed %u", seed);
	srand(seed);
	store_close(rig_open(STORE_MAKE, 5000));
	for (int round = 0; round < KILLS; round++) {
		int hold = -1;
		pid_t holder = round % 2 ? hold_open(&hold) : 0;
		int last = kill_one(round);

		all = kept(round, last) && all;
		intact = rig_intact() && intact;
		if (holder) {
			close(hold);
			all = content(&holder, 1) && all;
		}
		if (round % 10 == 9)
			rig_sql("DELETE FROM tokens");
	}
	ok(intact, "killed %d times while it wrote: intact", KILLS);
	ok(all, "what was done is there, and at most one write more");
	rig_clean();
}

int main(void)
{
	rig_start();
	test_writers();
	test_makers();
	test_busy();
	test_wait();
	test_killed();
	return rig_end();
}
