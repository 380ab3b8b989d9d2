/* SPDX-License-Identifier: MIT */
/* A database goes on within the jail: it is written, read, checkpointed, and
 * shared with a writer outside. */
#define _GNU_SOURCE
#include "sys/jail.h"

#include "sys/db.h"
#include "tap.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS 2000

static char dir[] = "/tmp/jaildb-XXXXXX";
static int home;

static bool add(struct db *db, int64_t n, struct err *e)
{
	struct db_query q;
	static char text[1000];

	memset(text, 'x', sizeof text);
	db_ask(&q, db, "INSERT INTO t VALUES (?1, ?2)");
	db_bind_int(&q, 1, n);
	db_bind_text(&q, 2, (struct str){ text, sizeof text });
	return db_do(&q, e) == 0;
}

static int64_t number(struct db *db, const char *sql, struct err *e)
{
	struct db_query q;
	int64_t n = -1;

	db_ask(&q, db, sql);
	if (db_row(&q, e) > 0)
		n = db_int(&q, 0);
	db_done(&q);
	return n;
}

/* In the jail; 0, or the number of what did not go. */
static int work(struct db *db)
{
	struct err e = { 0 };
	int step = 0;

	for (int64_t i = 0; i < ROWS; i++)
		if (!add(db, i, &e))
			goto failed;
	step = 1;
	if (number(db, "SELECT count(*) FROM t WHERE n >= 0", &e) != ROWS)
		goto failed;
	step = 2;
	/* Sorts more than memory for it would hold. */
	if (number(db, "SELECT abs(n) FROM t ORDER BY s || (n * 7919 % 2003), n "
		   "DESC LIMIT 1", &e) < 0)
		goto failed;
	step = 3;
	if (db_begin(db, &e) < 0 ||
	    db_finish(db, db_run(db, "DELETE FROM t WHERE n % 2 = 0", &e),
		      &e) < 0)
		goto failed;
	step = 4;
	if (number(db, "PRAGMA wal_checkpoint(TRUNCATE)", &e) < 0 ||
	    number(db, "PRAGMA incremental_vacuum(10)", &e) < -1)
		goto failed;
	step = 5;
	if (db_run(db, "CREATE TABLE u AS SELECT * FROM t; DROP TABLE u", &e))
		goto failed;
	step = 6;
	if (db_place(db) != DB_THERE)
		goto failed;
	db_close(db);
	return 0;
failed:
	printf("# step %d: %s\n", step, e.msg);
	fflush(stdout);
	return 1 + step;
}

static void test_within(const char *what, unsigned without)
{
	struct jail_conf conf = { .home = home, .without = without };
	char report[JAIL_REPORT_SIZE];
	struct err e = { 0 };
	struct db *db = db_open(home, dir, "a.db", DB_MAKE, 5000, &e);
	int status;
	bool both;
	pid_t pid;

	if (!db || db_run(db, "CREATE TABLE IF NOT EXISTS t (n INTEGER, s TEXT);"
			  "DELETE FROM t", &e) < 0) {
		ok(false, "made: %s", e.msg);
		return;
	}
	db_close(db);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		db = db_open(home, dir, "a.db", DB_WRITE, 5000, &e);
		jail_worker(&conf, report, sizeof report);
		_exit(db ? work(db) : 100);
	}
	/* At the same time. */
	db = db_open(home, dir, "a.db", DB_WRITE, 5000, &e);
	for (int64_t i = 1; (both = db && i <= ROWS / 4 && add(db, -i, &e));)
		i++;
	both = db && number(db, "SELECT count(*) FROM t WHERE n < 0", &e) > 0;
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: writes, reads, "
	   "sorts, checkpoints (%d)", what, WEXITSTATUS(status));
	ok(both, "%s: beside a writer outside: %s", what, e.msg);
	ok(number(db, "SELECT count(*) FROM t WHERE n >= 0", &e) == ROWS / 2,
	   "%s: what it wrote is there", what);
	db_close(db);
}

int main(void)
{
	alarm(100);
	if (!mkdtemp(dir) ||
	    (home = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		tap_skip_all("no directory");
	test_within("all locks", 0);
	test_within("no landlock", JAIL_FILES);
	test_within("no filter", JAIL_CALLS);
	unlinkat(home, "a.db", 0);
	unlinkat(home, "a.db-wal", 0);
	unlinkat(home, "a.db-shm", 0);
	rmdir(dir);
	return tap_done();
}
