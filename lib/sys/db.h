/* SPDX-License-Identifier: MIT */
#ifndef SYS_DB_H
#define SYS_DB_H

/*
 * A database in a file, shared with other processes: SQLite, in WAL mode.
 *
 * The one place that knows SQLite: nothing of it is seen outside. One thread.
 * Transactions are synced when they end; what reads never waits for a writer
 * and no writer for what reads. Memory is bounded: a page cache of 1 MiB, no
 * temporary files, no value over 16 MiB.
 *
 * While a struct db is open, nobody in this process may open and close its
 * file, or those beside it (-wal, -shm), by hand: the close would drop the
 * locks of SQLite. stat(2) is fine. It does not go through a fork either: the
 * child believes in locks that only its parent has.
 *
 * Errors name the file and what to do. ERR_BUSY: another process has it, and
 * nothing was done. ERR_INVALID: no database, or a damaged one. ERR_DENIED:
 * may not be read or written. ERR_FULL: the disk. ERR_EXISTS: a key that is
 * there already. ERR_NOT_FOUND: no such file, or it was taken away while it
 * was open. ERR_FAILED: the rest, a volume that cannot do WAL among it.
 */

#include "base/arena.h"
#include "base/err.h"

enum db_mode {
	DB_READ,                /* what is there; a write fails */
	DB_WRITE,               /* what is there */
	DB_MAKE,                /* made when absent: 0600 from the first byte */
};

struct db;

/*
 * The file `name` in the directory dirfd, whose path is dir; a symbolic link
 * of that name is refused. busy_ms is how long a call waits for another
 * writer; with 0 it does not. Has been read from when it returns, so that the
 * files beside it exist. NULL and err.
 */
struct db *db_open(int dirfd, const char *dir, const char *name, enum db_mode,
		   int busy_ms, struct err *);
void db_close(struct db *);     /* NULL is fine; no query may be open */
/* How long calls wait from now on. */
void db_wait(struct db *, int busy_ms);

/*
 * Whether the path still leads to the file that is open; asks the system.
 * DB_PARTED: it does, but one beside it (-wal, -shm) is gone or another. What
 * others write is not seen from then on, nor seen by them what is written
 * here; so nothing is, and nothing is touched when it is closed.
 */
enum db_place { DB_THERE, DB_GONE, DB_REPLACED, DB_PARTED };
enum db_place db_place(const struct db *);

/* Its permission bits when it was opened. */
unsigned db_bits(const struct db *);

/* A number that changes when somebody else has written. */
int db_version(struct db *, int64_t *out, struct err *);

/* Statements without parameters and rows, several in one text. */
int db_run(struct db *, const char *sql, struct err *);

/*
 * db_begin() takes the write lock, unless the path leads elsewhere by now.
 * db_finish() ends what it began: commits when result is 0, else takes it
 * back; -1 when nothing was committed, with the err that is there already
 * when result was -1.
 *
 *	if (db_begin(db, e) < 0)
 *		return -1;
 *	return db_finish(db, write_all(db, e), e);
 */
int db_begin(struct db *, struct err *);
int db_finish(struct db *, int result, struct err *);

/*
 * One statement with parameters (?1, ?2 ...), counted from 1, and columns,
 * counted from 0. What is bound must live until db_done(). Mistakes stick,
 * and db_row() tells of them.
 *
 *	db_ask(&q, db, "SELECT a FROM t WHERE b = ?1");
 *	db_bind_text(&q, 1, b);
 *	while ((got = db_row(&q, e)) > 0)
 *		use(db_text(&q, 0, arena));
 *	db_done(&q);
 */
struct db_query {
	struct db *db;
	void *stmt;
	int code;
};

void db_ask(struct db_query *, struct db *, const char *sql);
void db_bind_text(struct db_query *, int at, struct str);
void db_bind_opt(struct db_query *, int at, struct str);  /* p NULL: NULL */
void db_bind_int(struct db_query *, int at, int64_t);
int  db_row(struct db_query *, struct err *);   /* 1, 0: no more, -1 */
void db_done(struct db_query *);

/* Of the row. NULL is STR_NULL, and no other text is. A full arena is for the
 * caller to ask about, once, at the end. */
struct str db_text(struct db_query *, int column, struct arena *);
/* The same, without a copy: until the next db_row(). */
struct str db_peek(struct db_query *, int column);
int64_t db_int(struct db_query *, int column);

/* Runs a statement that has no rows, and ends it. */
int db_do(struct db_query *, struct err *);

#endif
