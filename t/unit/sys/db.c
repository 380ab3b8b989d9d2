/* SPDX-License-Identifier: MIT */
/* A database, and the system under it. */
#define _GNU_SOURCE
#include "sys/db.h"

#include "tap.h"
#include "unit/hub/scratch.h"

#include <errno.h>
#include <sched.h>
#include <sqlite3.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#define NAME "x.db"

static int dir;
static struct arena arena;

static struct db *open_db(enum db_mode mode, int busy_ms, struct err *e)
{
	*e = (struct err){ 0 };
	return db_open(dir, scratch_path, NAME, mode, busy_ms, e);
}

/* Must work. */
static struct db *must(enum db_mode mode, int busy_ms)
{
	struct err e;
	struct db *db = open_db(mode, busy_ms, &e);

	if (!db)
		scratch_bail(e.msg);
	return db;
}

static bool refused(enum db_mode mode, enum err_code code, const char *words)
{
	struct err e;
	struct db *db = open_db(mode, 0, &e);
	bool good = !db && e.code == code && strstr(e.msg, NAME) &&
		    strstr(e.msg, words);

	if (!good)
		tap_diag("%d: %s", (int)e.code, db ? "opened" : e.msg);
	db_close(db);
	return good;
}

static void clean(void)
{
	scratch_remove(dir, NAME);
	scratch_remove(dir, NAME "-wal");
	scratch_remove(dir, NAME "-shm");
}

static unsigned bits(const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0
		? 0 : (unsigned)st.st_mode & 07777;
}

static bool exists(const char *name)
{
	return faccessat(dir, name, F_OK, 0) == 0;
}

static int64_t number(struct db *db, const char *sql)
{
	struct err e = { 0 };
	struct db_query q;
	int64_t n = -1;

	db_ask(&q, db, sql);
	if (db_row(&q, &e) > 0)
		n = db_int(&q, 0);
	else
		tap_diag("%s", e.msg);
	db_done(&q);
	return n;
}

/* What the child does decides: 0 is good. */
static int in_child(int (*f)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(f());
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The system, as SQLite meets it */

static int opened, strange;
static int (*real_open)(const char *, int, int);

static int spy_open(const char *path, int flags, int mode)
{
	opened++;
	if (strncmp(path, scratch_path, strlen(scratch_path))) {
		tap_diag("opened %s", path);
		strange++;
	}
	return real_open(path, flags, mode);
}

static void *no_mmap(void *p, size_t n, int prot, int flags, int fd, off_t at)
{
	(void)p, (void)n, (void)prot, (void)flags, (void)fd, (void)at;
	errno = ENODEV;
	return MAP_FAILED;
}

/* The first test: where chance comes from is asked once. */
static void test_system(void)
{
	sqlite3_vfs *vfs;
	struct db *db;

	ok(refused(DB_READ, ERR_NOT_FOUND, "there is none"), "nothing yet");
	vfs = sqlite3_vfs_find("unix");
	real_open = (int (*)(const char *, int, int))
		vfs->xGetSystemCall(vfs, "open");
	vfs->xSetSystemCall(vfs, "open", (sqlite3_syscall_ptr)spy_open);
	db = must(DB_MAKE, 0);
	db_run(db, "CREATE TABLE t (a); CREATE TABLE u (a);"
	       "INSERT INTO t VALUES (random()), (randomblob(9));"
	       "INSERT INTO u SELECT * FROM t ORDER BY a DESC", NULL);
	ok(opened && !strange, "opens files of its own directory alone");
	ok(number(db, "SELECT count(DISTINCT a) FROM t") == 2 &&
	   number(db, "SELECT random() <> 0") == 1, "chance is chance");
	db_close(db);
	vfs->xSetSystemCall(vfs, "open", NULL);
	vfs->xSetSystemCall(vfs, "mmap", (sqlite3_syscall_ptr)no_mmap);
	ok(refused(DB_WRITE, ERR_FAILED, "move the home to a local"),
	   "a volume without shared memory, and a database");
	clean();
	ok(refused(DB_MAKE, ERR_FAILED, "move the home to a local"),
	   "and without one");
	vfs->xSetSystemCall(vfs, "mmap", NULL);
	clean();
}

static void test_make(void)
{
	mode_t was = umask(0);
	struct db *db = must(DB_MAKE, 0);
	struct err e = { 0 };

	ok(!db_run(db, "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 2)",
		   &e), "a table is made %s", e.msg);
	ok(bits(NAME) == 0600 && bits(NAME "-wal") == 0600 &&
	   bits(NAME "-shm") == 0600, "all three files are 0600, umask or not");
	ok(db_bits(db) == 0600, "it knows its mode");
	db_close(db);
	ok(exists(NAME) && !exists(NAME "-wal") && !exists(NAME "-shm"),
	   "the last one takes the files beside it away");
	fchmodat(dir, NAME, 0644, 0);
	db = must(DB_MAKE, 0);
	ok(number(db, "SELECT a FROM t") == 1, "what was there is there");
	ok(db_bits(db) == 0644 && bits(NAME) == 0644,
	   "the mode of one that exists is left alone, and known");
	ok(number(db, "PRAGMA synchronous") == 2 &&
	   number(db, "PRAGMA foreign_keys") == 1, "synced; keys checked");
	db_close(db);
	umask(0777);
	clean();
	db = must(DB_MAKE, 0);
	ok(bits(NAME) == 0600, "and a strict umask does not shut us out");
	db_close(db);
	umask(was);
	clean();
}

static void test_refused(void)
{
	struct db *db;

	ok(refused(DB_READ, ERR_NOT_FOUND, "there is none") &&
	   refused(DB_WRITE, ERR_NOT_FOUND, "there is none") && !exists(NAME),
	   "absent: refused, not made");
	ok(symlinkat("other.db", dir, NAME) == 0 &&
	   refused(DB_MAKE, ERR_INVALID, "symbolic link") &&
	   refused(DB_READ, ERR_INVALID, "symbolic link") &&
	   !exists("other.db"), "a symbolic link is refused, not followed");
	clean();
	ok(mkdirat(dir, NAME, 0700) == 0 &&
	   refused(DB_MAKE, ERR_INVALID, "no regular file"), "a directory");
	clean();
	ok(mkfifoat(dir, NAME, 0600) == 0 &&
	   refused(DB_MAKE, ERR_INVALID, "no regular file"), "a fifo");
	clean();
	put(dir, NAME, "this is a text that is longer than a hundred bytes, as "
	    "a header of SQLite is, and has nothing to do with any database");
	ok(refused(DB_MAKE, ERR_INVALID, "is no database") &&
	   refused(DB_READ, ERR_INVALID, "restore a copy"), "no database");
	clean();
	put(dir, NAME, "");
	db = must(DB_READ, 0);
	ok(number(db, "SELECT count(*) FROM sqlite_schema") == 0,
	   "an empty file is an empty database");
	db_close(db);
	clean();
	db_close(must(DB_MAKE, 0));
	ok(mkdirat(dir, NAME "-wal", 0700) == 0 &&
	   refused(DB_WRITE, ERR_FAILED, "-wal"), "a directory as -wal");
	clean();
}

static void test_damaged(void)
{
	struct db *db = must(DB_MAKE, 0);
	struct err e = { 0 };
	struct db_query q;
	char junk[4096];
	int fd;

	db_run(db, "CREATE TABLE t (a); WITH RECURSIVE n (i) AS (SELECT 1 UNION"
	       " ALL SELECT i + 1 FROM n WHERE i < 5000) INSERT INTO t"
	       " SELECT 'some text ' || i FROM n", NULL);
	db_close(db);
	memset(junk, 0xa5, sizeof junk);
	fd = openat(dir, NAME, O_WRONLY | O_CLOEXEC);
	for (int page = 1; page < 10; page++)
		(void)!pwrite(fd, junk, sizeof junk, page * 4096L);
	close(fd);
	db = must(DB_READ, 0);
	db_ask(&q, db, "SELECT sum(length(a)) FROM t");
	ok(db_row(&q, &e) < 0 && e.code == ERR_INVALID &&
	   strstr(e.msg, NAME ": is damaged") && strstr(e.msg, "-wal"),
	   "a damaged page: %s", e.msg);
	ok(db_row(&q, &e) < 0, "and it stays an error");
	db_done(&q);
	db_close(db);
	clean();
}

static int as_nobody(void)
{
	if (geteuid() == 0 && setuid(65534) < 0)
		return 99;
	return 0;
}

static int may_not_make(void)
{
	return as_nobody() || !refused(DB_MAKE, ERR_DENIED, "cannot be made");
}

static int may_not_read(void)
{
	return as_nobody() || !refused(DB_READ, ERR_DENIED, "uid 65534");
}

static int may_not_write(void)
{
	return as_nobody() || !refused(DB_WRITE, ERR_DENIED, "may not write");
}

static int no_side_files(void)
{
	return as_nobody() || !refused(DB_WRITE, ERR_DENIED, "beside it");
}

static void test_denied(void)
{
	if (geteuid()) {
		ok(true, "permissions # SKIP needs root");
		return;
	}
	fchmod(dir, 0555);
	ok(in_child(may_not_make) == 0, "a directory that is not ours");
	db_close(must(DB_MAKE, 0));
	ok(in_child(may_not_read) == 0, "a file that is not ours");
	fchmodat(dir, NAME, 0444, 0);
	ok(in_child(may_not_write) == 0, "one that we may only read");
	fchmodat(dir, NAME, 0666, 0);
	ok(in_child(no_side_files) == 0,
	   "one that we may write, in a directory that we may not");
	fchmod(dir, 0700);
	clean();
}

static void test_query(void)
{
	struct db *db = must(DB_MAKE, 0);
	struct err e = { 0 };
	struct db_query q;
	struct str s;

	db_run(db, "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)", NULL);
	db_ask(&q, db, "INSERT INTO t VALUES (?1, ?2)");
	db_bind_text(&q, 1, STR("a\0b"));
	db_bind_int(&q, 2, INT64_MIN);
	ok(db_do(&q, &e) == 0, "a row goes in %s", e.msg);
	db_ask(&q, db, "SELECT k, n, ?1, ?2, ?3 FROM t");
	db_bind_opt(&q, 1, STR_NULL);
	db_bind_text(&q, 2, STR_NULL);
	db_bind_opt(&q, 3, STR(""));
	ok(db_row(&q, &e) == 1, "and comes out %s", e.msg);
	s = db_text(&q, 0, &arena);
	ok(str_eq(s, STR("a\0b")), "text with a NUL in it");
	ok(db_int(&q, 1) == INT64_MIN, "the smallest number");
	ok(!db_peek(&q, 2).p && !db_text(&q, 2, &arena).p, "NULL is NULL");
	s = db_text(&q, 3, &arena);
	ok(s.p && !s.n, "no text is empty text where there must be one");
	s = db_text(&q, 4, &arena);
	ok(s.p && !s.n, "empty text is not NULL");
	ok(db_row(&q, &e) == 0, "one row");
	db_done(&q);
	db_ask(&q, db, "INSERT INTO t VALUES (?1, 0)");
	db_bind_text(&q, 1, STR("a\0b"));
	ok(db_do(&q, &e) < 0 && e.code == ERR_EXISTS && strstr(e.msg, "t.k"),
	   "a key twice: %s", e.msg);
	db_ask(&q, db, "SELEKT ?1");
	db_bind_text(&q, 1, STR("x"));
	db_bind_int(&q, 1, 1);
	ok(db_do(&q, &e) < 0 && e.code == ERR_FAILED &&
	   strstr(e.msg, "SELEKT"), "a bad statement: %s", e.msg);
	db_ask(&q, db, "SELECT ?1");
	db_bind_int(&q, 2, 1);
	ok(db_do(&q, &e) < 0, "a parameter that there is not: %s", e.msg);
	db_ask(&q, db, "SELECT zeroblob(20000000)");
	ok(db_do(&q, &e) < 0 && e.code == ERR_FULL, "too much: %s", e.msg);
	ok(db_run(db, "ATTACH '/dev/null' AS x", &e) < 0, "no other database");
	db_close(db);
	clean();
}

static void test_transaction(void)
{
	struct db *db = must(DB_MAKE, 0), *reader, *other;
	int64_t a = 0, b = 0, c = 0;
	struct err e = { 0 };

	db_run(db, "CREATE TABLE t (a)", NULL);
	reader = must(DB_READ, 0);
	other = must(DB_WRITE, 0);
	ok(db_begin(db, &e) == 0 && db_run(db, "INSERT INTO t VALUES (1)",
					   &e) == 0, "written %s", e.msg);
	ok(number(reader, "SELECT count(*) FROM t") == 0,
	   "what is not committed is not seen, and reading does not wait");
	ok(db_begin(other, &e) < 0 && e.code == ERR_BUSY &&
	   strstr(e.msg, NAME), "a second writer: %s", e.msg);
	ok(db_run(other, "INSERT INTO t VALUES (2)", &e) < 0 &&
	   e.code == ERR_BUSY, "also without a transaction");
	e = (struct err){ .code = ERR_INVALID };
	ok(db_finish(db, -1, &e) == -1 && e.code == ERR_INVALID,
	   "taken back, with the error that there was");
	ok(number(reader, "SELECT count(*) FROM t") == 0, "nothing written");
	db_version(db, &a, NULL);
	db_begin(db, NULL);
	db_run(db, "INSERT INTO t VALUES (1)", NULL);
	ok(db_finish(db, 0, &e) == 0, "committed");
	db_version(db, &b, NULL);
	ok(a == b, "our own writes do not change the version");
	ok(number(reader, "SELECT count(*) FROM t") == 1, "and seen");
	db_run(other, "INSERT INTO t VALUES (2)", NULL);
	ok(db_version(db, &c, &e) == 0 && c != b, "those of another do");
	ok(db_finish(db, 0, &e) < 0, "to commit nothing is an error");
	ok(db_run(reader, "DELETE FROM t", &e) < 0 && e.code == ERR_DENIED,
	   "what was opened to read does not write");
	db_close(reader);
	db_close(other);
	db_close(db);
	clean();
}

/*
 * Two logs of one database: who has the old one must not go on with it, nor
 * remove the new one when it ends. He is a process of his own, since within
 * one SQLite hands the old one on.
 */
static int parted(int in, int out)
{
	struct db *db = must(DB_MAKE, 0);
	struct err e = { 0 };
	int bad = db_place(db) != DB_THERE;
	char byte = 0;

	if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
		return 9;
	bad |= (db_place(db) != DB_PARTED) << 1;
	bad |= (db_begin(db, &e) == 0 || e.code != ERR_NOT_FOUND) << 2;
	db_close(db);
	return bad;
}

static void test_parted(const char *first, const char *second)
{
	int in[2], out[2], status = -1;
	struct db *db;
	char byte = 0;
	pid_t pid;

	if (pipe(in) < 0 || pipe(out) < 0 || (pid = fork()) < 0)
		scratch_bail("pipes and a process");
	if (pid == 0)
		_exit(parted(in[0], out[1]));
	ok(read(out[0], &byte, 1) == 1, "another process has it open");
	scratch_remove(dir, first);
	scratch_remove(dir, second);
	db = must(DB_WRITE, 0);
	db_run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (3)", NULL);
	db_close(db);
	ok(write(in[1], &byte, 1) == 1 && waitpid(pid, &status, 0) == pid &&
	   status == 0, "it sees that %s is gone, and writes nothing", first);
	db = must(DB_READ, 0);
	ok(number(db, "SELECT a FROM t") == 3, "and what is new is all there");
	db_close(db);
	for (int i = 0; i < 2; i++) {
		close(in[i]);
		close(out[i]);
	}
	clean();
}

static void test_place(void)
{
	struct db *db = must(DB_MAKE, 0), *other;
	struct err e = { 0 };

	db_run(db, "CREATE TABLE t (a)", NULL);
	ok(db_place(db) == DB_THERE, "it is there");
	renameat(dir, NAME, dir, "moved");
	ok(db_place(db) == DB_GONE, "moved away: gone");
	ok(db_begin(db, &e) < 0 && e.code == ERR_NOT_FOUND &&
	   strstr(e.msg, "taken away"),
	   "and not written to: %s", e.msg);
	renameat(dir, NAME "-wal", dir, "moved-wal");
	renameat(dir, NAME "-shm", dir, "moved-shm");
	other = must(DB_MAKE, 0);
	ok(db_place(db) == DB_REPLACED && db_place(other) == DB_THERE,
	   "another in its place");
	db_close(other);
	db_close(db);
	clean();
	scratch_remove(dir, "moved");
	scratch_remove(dir, "moved-wal");
	scratch_remove(dir, "moved-shm");
}

/* A directory whose path SQLite has no room for. */
static void test_long_path(void)
{
	static char path[4096];
	size_t n = strlen(scratch_path);
	struct err e = { 0 };
	struct db *db, *again;
	int deep = dup(dir);

	memcpy(path, scratch_path, n);
	for (int i = 0; i < 10; i++) {
		char part[101];
		int next;

		memset(part, 'a' + i, 100);
		part[100] = '\0';
		mkdirat(deep, part, 0700);
		next = openat(deep, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(deep);
		deep = next;
		path[n++] = '/';
		memcpy(path + n, part, 101);
		n += 100;
	}
	db = db_open(deep, path, NAME, DB_MAKE, 0, &e);
	ok(db && db_run(db, "CREATE TABLE t (a); INSERT INTO t VALUES (7)",
			&e) == 0, "a path of %zu bytes %s", n, e.msg);
	again = db_open(deep, path, NAME, DB_WRITE, 0, &e);
	ok(again && number(again, "SELECT a FROM t") == 7,
	   "and the same file for the next one %s", e.msg);
	ok(faccessat(deep, NAME "-wal", F_OK, 0) == 0, "-wal lies beside it");
	unlinkat(deep, NAME, 0);
	ok(db && db_place(db) == DB_GONE, "gone is seen there, too");
	db_close(again);
	db_close(db);
	close(deep);
}

static int fill_disk(void)
{
	struct err e = { 0 };
	struct db_query q;
	struct db *db;
	int64_t rows;
	int got = 0;

	if (unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", scratch_path, "tmpfs", 0, "size=1m") < 0)
		return 77;
	dir = open(scratch_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	db = must(DB_MAKE, 0);
	db_run(db, "CREATE TABLE t (a)", NULL);
	for (rows = 0; got == 0 && rows < 1000; rows++) {
		db_ask(&q, db, "INSERT INTO t VALUES (randomblob(20000))");
		got = db_do(&q, &e);
	}
	tap_diag("%s", e.msg);
	if (e.code != ERR_FULL || !strstr(e.msg, "make some") ||
	    number(db, "SELECT count(*) FROM t") != rows - 1)
		return 1;
	/* What frees room may need some: with a little, all is well again. */
	if (mount("none", scratch_path, "tmpfs", MS_REMOUNT, "size=4m") < 0 ||
	    db_run(db, "DELETE FROM t", &e) < 0 ||
	    number(db, "SELECT count(*) FROM t") != 0)
		return 2;
	db_close(db);
	return 0;
}

static void test_full(void)
{
	int got = in_child(fill_disk);

	if (got == 77)
		ok(true, "a full disk # SKIP needs to mount a file system");
	else
		ok(got == 0, "a full disk is said, and nothing is lost: %d",
		   got);
}

int main(void)
{
	dir = scratch();
	arena_init(&arena, 1 << 20);
	test_system();
	test_make();
	test_refused();
	test_damaged();
	test_denied();
	test_query();
	test_transaction();
	test_place();
	test_parted(NAME "-wal", NAME "-shm");
	test_parted(NAME "-shm", "none");
	test_long_path();
	test_full();
	arena_release(&arena);
	close(dir);
	return tap_done();
}
