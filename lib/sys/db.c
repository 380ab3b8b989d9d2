/* SPDX-License-Identifier: MIT */
#include "sys/db.h"

#include "base/fmt.h"
#include "sys/os.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* SQLite copies paths into buffers of 512, names of side files among them. */
#define PATH_ROOM 480
#define VALUE_MAX (16 << 20)
#define PAUSE_MAX_MS 25

static const char *const beside[] = { "-wal", "-shm" };

struct db {
	sqlite3 *lite;
	int dirfd;              /* ours */
	char name[64];
	char *path;             /* as the user knows it, for db_place() */
	dev_t dev;
	ino_t ino;
	ino_t sides[LEN(beside)];       /* 0: there was none */
	mode_t mode;
	int busy_ms;
};

/* What SQLite asks of the system */

static sqlite3_vfs own_vfs;
static int (*their_random)(sqlite3_vfs *, int, char *);

/* Works where there is no /dev, and in a sandbox. */
static int vfs_random(sqlite3_vfs *vfs, int n, char *out)
{
	if (os_random(out, (size_t)n) == 0)
		return n;
	return their_random(vfs, n, out);
}

/* Our path is complete. Resolved, it could become longer than what fits. */
static int vfs_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
	size_t n = strlen(path);

	(void)vfs;
	if (n >= (size_t)size)
		return SQLITE_CANTOPEN;
	memcpy(out, path, n + 1);
	return SQLITE_OK;
}

static int start(struct err *e)
{
	sqlite3_vfs *theirs;

	if (own_vfs.zName)
		return 0;
	if (sqlite3_initialize() != SQLITE_OK ||
	    !(theirs = sqlite3_vfs_find("unix")))
		return err_set(e, ERR_NO_MEMORY, "no memory for a database");
	own_vfs = *theirs;
	their_random = theirs->xRandomness;
	own_vfs.xRandomness = vfs_random;
	own_vfs.xFullPathname = vfs_path;
	own_vfs.zName = "pc";
	sqlite3_vfs_register(&own_vfs, 1);
	return 0;
}

/* Errors */

static int denied(const struct db *db, struct err *e)
{
	return err_set(e, ERR_DENIED, "%s: uid %ld may not write it, or the "
		       "files beside it; run as the owner of the home, and "
		       "let the owner write there", db->name,
		       (long)geteuid());
}

static int no_wal(const struct db *db, const char *why, struct err *e)
{
	return err_set(e, ERR_FAILED, "%s: its volume cannot keep a write-ahead "
		       "log (%s); move the home to a local file system",
		       db->name, why);
}

static int full(const struct db *db, struct err *e)
{
	return err_set(e, ERR_FULL, "%s: no room on its disk; make some",
		       db->name);
}

/* Failures of reading and writing, by errno where SQLite kept it. */
static int io_error(const struct db *db, int code, struct err *e)
{
	int sys = sqlite3_system_errno(db->lite);

	switch (code) {
	case SQLITE_IOERR_SHMOPEN:
	case SQLITE_IOERR_SHMSIZE:
	case SQLITE_IOERR_SHMLOCK:
	case SQLITE_IOERR_SHMMAP:
	case SQLITE_IOERR_LOCK:
		if (sys == ENOSPC || sys == EDQUOT)
			return full(db, e);
		return no_wal(db, sqlite3_errstr(code), e);
	case SQLITE_IOERR_NOMEM:
		return err_set(e, ERR_NO_MEMORY, "%s: no memory", db->name);
	default:
		break;
	}
	if (sys == ENOSPC || sys == EDQUOT || sys == EFBIG)
		return full(db, e);
	if (sys == EACCES || sys == EPERM || sys == EROFS)
		return denied(db, e);
	if ((code & 0xff) == SQLITE_CANTOPEN)
		return err_set(e, ERR_FAILED, "%s: cannot be opened, or a file "
			       "beside it (-wal, -shm): %s", db->name,
			       sys ? strerror(sys) : "is one a directory?");
	return err_set(e, ERR_FAILED, "%s: cannot be read or written: %s",
		       db->name, sys ? strerror(sys) : sqlite3_errstr(code));
}

static int fail(const struct db *db, int code, struct err *e)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(e, ERR_BUSY, "%s: another process is writing "
			       "it; try again", db->name);
	case SQLITE_FULL:
		return full(db, e);
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return denied(db, e);
	case SQLITE_CORRUPT:
		return err_set(e, ERR_INVALID, "%s: is damaged; move it away "
			       "with its -wal and -shm, and restore a copy",
			       db->name);
	case SQLITE_NOTADB:
		return err_set(e, ERR_INVALID, "%s: is no database; move it "
			       "away, and restore a copy", db->name);
	case SQLITE_PROTOCOL:
		return no_wal(db, "its locks do not work", e);
	case SQLITE_NOMEM:
		return err_set(e, ERR_NO_MEMORY, "%s: no memory", db->name);
	case SQLITE_TOOBIG:
		return err_set(e, ERR_FULL, "%s: a value is over %d MiB",
			       db->name, VALUE_MAX >> 20);
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return io_error(db, code, e);
	case SQLITE_CONSTRAINT:
		return err_set(e, code == SQLITE_CONSTRAINT_UNIQUE ||
			       code == SQLITE_CONSTRAINT_PRIMARYKEY
			       ? ERR_EXISTS : ERR_FAILED, "%s: %s", db->name,
			       sqlite3_errmsg(db->lite));
	default:
		return err_set(e, ERR_FAILED, "%s: %s", db->name,
			       sqlite3_errmsg(db->lite));
	}
}

/* Opening */

/*
 * An empty file is an empty database. SQLite would make it with the modes of
 * our umask; made by us it is nobody else's from the first byte, and SQLite
 * gives the files beside it the same mode. Nobody has a new file open, so
 * closing it drops no lock.
 */
static int make_file(const struct db *db, struct err *e)
{
	int fd = openat(db->dirfd, db->name, O_RDWR | O_CREAT | O_EXCL |
			O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0) {
		err_sys(e, "%s: cannot be made", db->name);
		return err_add(e, "; let uid %ld write there",
			       (long)geteuid());
	}
	if (fchmod(fd, 0600) < 0 || fsync(db->dirfd) < 0) {
		err_sys(e, "%s: cannot be made", db->name);
		unlinkat(db->dirfd, db->name, 0);
		close(fd);
		return -1;
	}
	close(fd);
	return 0;
}

static int look(struct db *db, struct err *e)
{
	struct stat st;

	if (fstatat(db->dirfd, db->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno == ENOENT)
			return err_set(e, ERR_NOT_FOUND, "%s: there is none",
				       db->name);
		return err_sys(e, "%s: cannot be looked at", db->name);
	}
	if (S_ISLNK(st.st_mode))
		return err_set(e, ERR_INVALID, "%s: is a symbolic link; put "
			       "the file itself in its place", db->name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_INVALID, "%s: is no regular file; move "
			       "it away", db->name);
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	db->mode = st.st_mode;
	return 0;
}

/* How SQLite shall call it: a longer path by way of our descriptor. */
static int connect_to(struct db *db, struct err *e)
{
	const char *path = db->path;
	char by_fd[PATH_ROOM];
	int code;

	if (strlen(path) >= PATH_ROOM) {
		fmt(by_fd, sizeof by_fd, "/proc/self/fd/%d/%s", db->dirfd,
		    db->name);
		if (access(by_fd, F_OK) < 0 && errno == ENOENT)
			return err_set(e, ERR_FAILED, "%s: its path is longer "
				       "than %d bytes, and there is no /proc; "
				       "give the home a shorter one", db->name,
				       PATH_ROOM);
		path = by_fd;
	}
	code = sqlite3_open_v2(path, &db->lite, SQLITE_OPEN_READWRITE, "pc");
	if (!db->lite)
		return err_set(e, ERR_NO_MEMORY, "%s: no memory", db->name);
	sqlite3_extended_result_codes(db->lite, 1);
	if (code != SQLITE_OK)
		return fail(db, sqlite3_extended_errcode(db->lite), e);
	sqlite3_limit(db->lite, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	sqlite3_limit(db->lite, SQLITE_LIMIT_ATTACHED, 0);
	sqlite3_db_config(db->lite, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->lite, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_busy_timeout(db->lite, db->busy_ms);
	return 0;
}

static void pause_ms(int ms)
{
	struct timespec t = { .tv_nsec = ms * 1000000L };

	nanosleep(&t, NULL);
}

/* Turning it on needs the file alone, and for that SQLite does not wait. */
static int use_wal(struct db *db, struct err *e)
{
	int64_t end = os_now_ms() + db->busy_ms;

	for (int ms = 1;; ms = ms * 2 < PAUSE_MAX_MS ? ms * 2 : PAUSE_MAX_MS) {
		struct db_query q;
		int got;

		db_ask(&q, db, "PRAGMA journal_mode=WAL");
		got = db_row(&q, e);
		if (got > 0 && !str_is(db_peek(&q, 0), "wal"))
			got = no_wal(db, "it was refused", e);
		db_done(&q);
		if (got > 0)
			return 0;
		if ((q.code & 0xff) != SQLITE_BUSY || os_now_ms() >= end)
			return -1;
		pause_ms(ms);
	}
}

/* The number of a file beside it; 0 when it is not there. */
static ino_t side(const struct db *db, size_t i)
{
	char name[sizeof db->name + 8];
	struct stat st;

	fmt(name, sizeof name, "%s%s", db->name, beside[i]);
	return fstatat(db->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 :
	       st.st_ino;
}

static int set_up(struct db *db, enum db_mode mode, struct err *e)
{
	struct db_query q;
	int got;

	if (mode != DB_READ && sqlite3_db_readonly(db->lite, "main") == 1)
		return denied(db, e);
	if (db_run(db, "PRAGMA foreign_keys=ON; PRAGMA synchronous=FULL;"
		       "PRAGMA cache_size=-1024; PRAGMA cell_size_check=ON", e)
	    < 0)
		return -1;
	if (mode == DB_READ && db_run(db, "PRAGMA query_only=ON", e) < 0)
		return -1;
	if (mode != DB_READ && use_wal(db, e) < 0)
		return -1;
	db_ask(&q, db, "SELECT count(*) FROM sqlite_schema");
	got = db_row(&q, e);
	db_done(&q);
	if (got < 0)
		return -1;
	if (db_place(db) != DB_THERE)
		return err_set(e, ERR_FAILED, "%s: was replaced while it was "
			       "being opened; try again", db->name);
	for (size_t i = 0; i < LEN(beside); i++)
		db->sides[i] = side(db, i);
	return 0;
}

static struct db *new(int dirfd, const char *dir, const char *name,
		      int busy_ms, struct err *e)
{
	size_t size = strlen(dir) + strlen(name) + 2;
	struct db *db = calloc(1, sizeof *db);

	if (strlen(name) >= sizeof db->name)
		BUG("the name of a database is too long");
	if (!db || !(db->path = malloc(size))) {
		free(db);
		err_set(e, ERR_NO_MEMORY, "%s: no memory", name);
		return NULL;
	}
	fmt(db->path, size, "%s/%s", dir, name);
	fmt(db->name, sizeof db->name, "%s", name);
	db->busy_ms = busy_ms;
	db->dirfd = fcntl(dirfd, F_DUPFD_CLOEXEC, 3);
	if (db->dirfd < 0) {
		err_sys(e, "%s: its directory", name);
		db_close(db);
		return NULL;
	}
	return db;
}

struct db *db_open(int dirfd, const char *dir, const char *name,
		   enum db_mode mode, int busy_ms, struct err *e)
{
	struct db *db;

	if (start(e) < 0)
		return NULL;
	db = new(dirfd, dir, name, busy_ms, e);
	if (!db)
		return NULL;
	if ((mode == DB_MAKE && make_file(db, e) < 0) || look(db, e) < 0 ||
	    connect_to(db, e) < 0 || set_up(db, mode, e) < 0) {
		db_close(db);
		return NULL;
	}
	return db;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	/* The last to close moves the log into the database and removes it by
	 * its name: that may be another log by now. */
	if (db->lite && db_place(db) == DB_PARTED)
		sqlite3_db_config(db->lite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1,
				  NULL);
	if (sqlite3_close(db->lite) != SQLITE_OK)
		BUG("a database is closed while a query is open");
	if (db->dirfd >= 0)
		close(db->dirfd);
	free(db->path);
	free(db);
}

void db_wait(struct db *db, int busy_ms)
{
	db->busy_ms = busy_ms;
	sqlite3_busy_timeout(db->lite, busy_ms);
}

enum db_place db_place(const struct db *db)
{
	struct stat st;

	if (lstat(db->path, &st) < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			? DB_GONE : DB_THERE;
	if (st.st_dev != db->dev || st.st_ino != db->ino)
		return DB_REPLACED;
	for (size_t i = 0; i < LEN(beside); i++)
		if (db->sides[i] && side(db, i) != db->sides[i])
			return DB_PARTED;
	return DB_THERE;
}

unsigned db_bits(const struct db *db)
{
	return db->mode & 07777;
}

/* Statements */

int db_run(struct db *db, const char *sql, struct err *e)
{
	int code = sqlite3_exec(db->lite, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? 0 : fail(db, code, e);
}

/* In WAL mode SQLite does not mind writing to a file that nobody can find. */
int db_begin(struct db *db, struct err *e)
{
	if (db_place(db) != DB_THERE)
		return err_set(e, ERR_NOT_FOUND, "%s: was taken away or "
			       "replaced while it was open; open it anew",
			       db->name);
	return db_run(db, "BEGIN IMMEDIATE", e);
}

int db_finish(struct db *db, int result, struct err *e)
{
	if (result == 0 && db_run(db, "COMMIT", e) == 0)
		return 0;
	/* Some failures have taken everything back already. */
	if (!sqlite3_get_autocommit(db->lite))
		db_run(db, "ROLLBACK", NULL);
	return -1;
}

int db_version(struct db *db, int64_t *out, struct err *e)
{
	struct db_query q;
	int got;

	db_ask(&q, db, "PRAGMA data_version");
	got = db_row(&q, e);
	*out = got > 0 ? db_int(&q, 0) : 0;
	db_done(&q);
	return got > 0 ? 0 : -1;
}

void db_ask(struct db_query *q, struct db *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	q->db = db;
	q->code = sqlite3_prepare_v2(db->lite, sql, -1, &stmt, NULL);
	q->stmt = stmt;
}

static void keep(struct db_query *q, int code)
{
	if (q->code == SQLITE_OK)
		q->code = code;
}

void db_bind_text(struct db_query *q, int at, struct str s)
{
	if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_text64(q->stmt, at, s.p ? s.p : "", s.n,
					    SQLITE_STATIC, SQLITE_UTF8));
}

void db_bind_opt(struct db_query *q, int at, struct str s)
{
	if (s.p)
		db_bind_text(q, at, s);
	else if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_null(q->stmt, at));
}

void db_bind_int(struct db_query *q, int at, int64_t n)
{
	if (q->code == SQLITE_OK)
		keep(q, sqlite3_bind_int64(q->stmt, at, n));
}

int db_row(struct db_query *q, struct err *e)
{
	int code = q->code;

	if (code == SQLITE_OK)
		code = sqlite3_step(q->stmt);
	if (code == SQLITE_ROW)
		return 1;
	if (code == SQLITE_DONE)
		return 0;
	keep(q, code);
	return fail(q->db, code, e);
}

void db_done(struct db_query *q)
{
	sqlite3_finalize(q->stmt);
	q->stmt = NULL;
}

struct str db_peek(struct db_query *q, int column)
{
	const unsigned char *p;

	if (sqlite3_column_type(q->stmt, column) == SQLITE_NULL)
		return STR_NULL;
	p = sqlite3_column_text(q->stmt, column);
	if (!p) {
		keep(q, SQLITE_NOMEM);
		return STR_NULL;
	}
	return (struct str){ (const char *)p,
			     (size_t)sqlite3_column_bytes(q->stmt, column) };
}

struct str db_text(struct db_query *q, int column, struct arena *arena)
{
	struct str s = db_peek(q, column);

	return s.p ? arena_str(arena, s) : STR_NULL;
}

int64_t db_int(struct db_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

int db_do(struct db_query *q, struct err *e)
{
	int got = db_row(q, e);

	db_done(q);
	return got < 0 ? -1 : 0;
}
