/* SPDX-License-Identifier: MIT */
#ifndef SYS_CLI_H
#define SYS_CLI_H

/*
 * What every program does the same: options, help, errors, exit status.
 *
 * A program defines `const struct prog prog` (extern below) with a table of
 * options; from it come parsing, usage, --help, --version, and completions
 * (--completion=bash|zsh|fish). Only this unit and bin/ print or exit.
 *
 * Syntax: -f, -fn 3, -n3, --follow, --lines 3, --lines=3, "--" ends options,
 * options and arguments in any order. An unknown option, a value that is
 * missing, empty or out of range, or the wrong number of arguments is one
 * line on stderr that names it and points to --help; exit status 2.
 * Given twice, the later counts. Names are never shortened.
 *
 * Errors and tables may quote what strangers wrote (a file, a command line):
 * control characters in them are shown as '?', so one line stays one line
 * and no terminal is steered. cli_put() and cli_printf() pass bytes as given.
 */

#include "base/buf.h"
#include "base/err.h"

enum cli_exit {
	EXIT_DONE = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_NO_HUB = 3,
	EXIT_LATE = 4,
};

enum opt_kind { OPT_KIND_END, OPT_KIND_FLAG, OPT_KIND_LONG, OPT_KIND_STR,
		OPT_KIND_MAYBE };

struct opt {
	enum opt_kind kind;
	char letter;            /* 0: none */
	const char *name;
	const char *arg;        /* what the value is called: "NUM", "DIR" */
	const char *help;       /* one line, lower case, no full stop */
	bool *flag;             /* FLAG; for MAYBE: set when given */
	long *num;
	long min, max;
	const char **str;
};

#define OPT_FLAG(l, n, v, h) \
	{ .kind = OPT_KIND_FLAG, .letter = (l), .name = (n), .flag = (v), \
	  .help = (h) }
#define OPT_LONG(l, n, a, v, lo, hi, h) \
	{ .kind = OPT_KIND_LONG, .letter = (l), .name = (n), .arg = (a), \
	  .num = (v), .min = (lo), .max = (hi), .help = (h) }
#define OPT_STR(l, n, a, v, h) \
	{ .kind = OPT_KIND_STR, .letter = (l), .name = (n), .arg = (a), \
	  .str = (v), .help = (h) }
/* --wait or --wait=S: a number that may be left out (then *num stays). */
#define OPT_MAYBE(l, n, a, f, v, lo, hi, h) \
	{ .kind = OPT_KIND_MAYBE, .letter = (l), .name = (n), .arg = (a), \
	  .flag = (f), .num = (v), .min = (lo), .max = (hi), .help = (h) }
#define OPT_END { .kind = OPT_KIND_END }

struct prog {
	const char *name;       /* "pc-logs" */
	const char *args;       /* "MODULE..." */
	const char *about;      /* one line, lower case; what must be known
				 * before any option, in lines behind it */
	const struct opt *opts;
	struct { int min, max; } nargs;
	/* What an argument can be, for completions: "module", or NULL. */
	const char *complete;
	/* Set for pc: the first non-option ends option parsing. */
	bool verbs;
};

extern const struct prog prog;

/* The arguments that are left, NULL-terminated. Exits on --help,
 * --version, --completion (0) and bad usage (2). */
char **cli_parse(int argc, char **argv);

/* Every option: the program's own, then those that all have. Ends at NULL. */
const struct opt *cli_opt(size_t i);

/* Prints a completion script for that shell; false when we know none. */
bool cli_completion(const char *shell);

/* "pc-logs: ..." on stderr, after what stdout has so far. */
void cli_warn(const struct err *);
void cli_say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void cli_die(const struct err *);     /* with cli_status(e) */
_Noreturn void cli_usage(const char *format, ...)  /* exits 2 */
	__attribute__((format(printf, 1, 2)));
int cli_status(const struct err *);     /* err.code to exit status */

/* stdout, through a buffer. A reader that went away (EPIPE) ends the program
 * quietly by SIGPIPE, as `pc-logs | head` expects, also where that signal was
 * ignored; any other failure is kept for cli_finish(). */
void cli_put(struct str);
void cli_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cli_flush(void);
int  cli_finish(int status);    /* flushes; 1 if stdout did not take it all */

/* Makes text harmless in place, as said above; the code points it has. */
size_t cli_clean(char *text);

/*
 * A table for people: columns line up, two spaces between, no trailing
 * blanks. Cells are copied; NULL is shown as "-". Text given to
 * cli_table_note() goes under the row before it, indented by two; a row may
 * have several. Width counts code points. Without memory the program ends.
 */
struct cli_table;
struct cli_table *cli_table_new(const char *const *heads, size_t n);
void cli_table_row(struct cli_table *, const char *const *cells);
void cli_table_note(struct cli_table *, const char *text);
/* Writes it out, and frees it. */
void cli_table_put(struct cli_table *, struct buf *);

#endif
