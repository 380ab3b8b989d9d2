/* SPDX-License-Identifier: MIT */
#include "sys/cli.h"
#include "tap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static bool follow, json, wait_ready;
static long lines = 200, seconds = 30;
static const char *home = "none";

static const struct opt opts[] = {
	OPT_FLAG('f', "follow", &follow, "keep printing; don't [stop]: ever"),
	OPT_LONG('n', "lines", "NUM", &lines, -5, 100, "the last NUM lines"),
	OPT_FLAG(0, "json", &json, "print JSON, and do so in words that "
		 "are too many for a line of eighty"),
	OPT_MAYBE('w', "wait", "S", &wait_ready, &seconds, 1, 600, "wait"),
	OPT_STR(0, "home", "DIR", &home, "the home of the hub"),
	OPT_END
};

const struct prog prog = {
	.name = "pc-try",
	.args = "MODULE...",
	.about = "try the options",
	.opts = opts,
	.nargs = { 1, 3 },
	.complete = "module",
};

struct ran {
	int status;             /* exit status, or minus the signal */
	char out[16384], err[2048];
};

static void slurp(int fd, char *to, size_t size)
{
	ssize_t n = pread(fd, to, size - 1, 0);

	to[n > 0 ? n : 0] = '\0';
}

static int scratch(void)
{
	char name[] = "/tmp/pc-cli-XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	return fd;
}

/* The function runs in a child; stdout goes to `out`, -1 for a file. */
static struct ran run_to(int out, int (*fn)(void *), void *arg)
{
	struct ran r = { 0 };
	int o = out < 0 ? scratch() : out, e = scratch(), status;
	pid_t pid = fork();

	if (!pid) {
		dup2(o, 1);
		dup2(e, 2);
		exit(fn(arg));
	}
	waitpid(pid, &status, 0);
	r.status = WIFSIGNALED(status) ? -WTERMSIG(status) :
					 WEXITSTATUS(status);
	if (out < 0) {
		slurp(o, r.out, sizeof r.out);
		close(o);
	}
	slurp(e, r.err, sizeof r.err);
	close(e);
	return r;
}

static struct ran run(int (*fn)(void *), void *arg)
{
	return run_to(-1, fn, arg);
}

#define WORDS_MAX 12

static int parse(void *words)
{
	char copy[512], *argv[WORDS_MAX], **args;
	int argc = 0;

	snprintf(copy, sizeof copy, "pc-try %s", (const char *)words);
	for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
		argv[argc++] = strcmp(w, "''") ? w : w + 2;
	argv[argc] = NULL;
	args = cli_parse(argc, argv);
	cli_printf("f%d j%d w%d n%ld s%ld h=%s:", follow, json, wait_ready,
		   lines, seconds, home);
	for (; *args; args++)
		cli_printf(" %s", *args);
	return cli_finish(EXIT_DONE);
}

static struct ran try(const char *words)
{
	return run(parse, (void *)(size_t)words);
}

static const struct { const char *words, *want; } good[] = {
	{ "a",                    "f0 j0 w0 n200 s30 h=none: a" },
	{ "a b c",                "f0 j0 w0 n200 s30 h=none: a b c" },
	{ "-f a",                 "f1 j0 w0 n200 s30 h=none: a" },
	{ "a -f b --json",        "f1 j1 w0 n200 s30 h=none: a b" },
	{ "-fn 3 a",              "f1 j0 w0 n3 s30 h=none: a" },
	{ "-n3 a",                "f0 j0 w0 n3 s30 h=none: a" },
	{ "-fn3 a",               "f1 j0 w0 n3 s30 h=none: a" },
	{ "-n -5 a",              "f0 j0 w0 n-5 s30 h=none: a" },
	{ "--lines 100 a",        "f0 j0 w0 n100 s30 h=none: a" },
	{ "--lines=0 a",          "f0 j0 w0 n0 s30 h=none: a" },
	{ "-n1 --lines=2 a",      "f0 j0 w0 n2 s30 h=none: a" },
	{ "--wait a",             "f0 j0 w1 n200 s30 h=none: a" },
	{ "--wait=5 a",           "f0 j0 w1 n200 s5 h=none: a" },
	{ "-w a",                 "f0 j0 w1 n200 s30 h=none: a" },
	{ "-w5 a",                "f0 j0 w1 n200 s5 h=none: a" },
	{ "-wf a",                "f1 j0 w1 n200 s30 h=none: a" },
	{ "--home /x a",          "f0 j0 w0 n200 s30 h=/x: a" },
	{ "--home=a=b a",         "f0 j0 w0 n200 s30 h=a=b: a" },
	{ "--home --json a",      "f0 j0 w0 n200 s30 h=--json: a" },
	{ "-- -f --json",         "f0 j0 w0 n200 s30 h=none: -f --json" },
	{ "-f -- --",             "f1 j0 w0 n200 s30 h=none: --" },
	{ "- a",                  "f0 j0 w0 n200 s30 h=none: - a" },
};

static const struct { const char *words, *names; } bad[] = {
	{ "--nope a",      "unknown option --nope;" },
	{ "--nope=3 a",    "unknown option --nope;" },
	{ "--follo a",     "unknown option --follo;" },
	{ "--=3 a",        "unknown option --;" },
	{ "-fx a",         "unknown option -x;" },
	{ "-5 a",          "unknown option -5;" },
	{ "--follow=1 a",  "--follow takes no value;" },
	{ "a --lines",     "--lines needs a value (NUM);" },
	{ "a -n",          "--lines needs a value (NUM);" },
	{ "a --home",      "--home needs a value (DIR);" },
	{ "--home= a",     "--home: the value is empty;" },
	{ "--home '' a",   "--home: the value is empty;" },
	{ "--lines= a",    "--lines: the value is empty;" },
	{ "--wait= a",     "--wait: the value is empty;" },
	{ "-n x a",        "--lines: 'x' is not a number from -5 to 100;" },
	{ "-n 3x a",       "--lines: '3x' is not a number from -5 to 100;" },
	{ "-n +3 a",       "--lines: '+3' is not a number from -5 to 100;" },
	{ "-n 101 a",      "--lines: '101' is not a number from -5 to 100;" },
	{ "-n -6 a",       "--lines: '-6' is not a number from -5 to 100;" },
	{ "-n - a",        "--lines: '-' is not a number from -5 to 100;" },
	{ "-n 99999999999999999999 a", "'99999999999999999999' is not" },
	{ "--wait=0 a",    "--wait: '0' is not a number from 1 to 600;" },
	{ "-w601 a",       "--wait: '601' is not a number from 1 to 600;" },
	{ "",              "MODULE... is missing;" },
	{ "-f",            "MODULE... is missing;" },
	{ "a b c d",       "'d' is one argument too many (at most 3);" },
	{ "--completion=tcsh", "--completion: 'tcsh' is not bash, zsh or" },
};

static bool one_line(const char *s)
{
	const char *end = strchr(s, '\n');

	return end && !end[1];
}

static void test_parse(void)
{
	for (size_t i = 0; i < LEN(good); i++) {
		struct ran r = try(good[i].words);

		ok(r.status == 0 && !strcmp(r.out, good[i].want) && !*r.err,
		   "taken: %s", good[i].words);
		if (strcmp(r.out, good[i].want) != 0)
			tap_diag("%s %s", r.out, r.err);
	}
	for (size_t i = 0; i < LEN(bad); i++) {
		struct ran r = try(bad[i].words);
		bool said = !strncmp(r.err, "pc-try: ", 8) &&
			    strstr(r.err, bad[i].names) &&
			    strstr(r.err, "; see pc-try --help\n");

		ok(r.status == EXIT_USAGE && said && one_line(r.err) &&
		   !*r.out, "refused: %s", bad[i].words);
		if (!said)
			tap_diag("%s", r.err);
	}
}

static int no_words(void *unused)
{
	char *argv[] = { NULL };

	(void)unused;
	cli_parse(0, argv);
	return 0;
}

static void test_common(void)
{
	static const char *const in_help[] = {
		"Usage: pc-try [OPTION...] MODULE...\n",
		"pc-try: try the options\n",
		"  -f, --follow            keep printing; don't [stop]: ever\n",
		"  -n, --lines=NUM         the last NUM lines\n",
		"      --json              print JSON, and do so in words that "
		"are too many for a\n"
		"                          line of eighty\n",
		"  -w, --wait[=S]          wait\n",
		"  -h, --help              print this help and exit\n",
		"      --completion=SHELL  ",
		"\nExit status and files: man pc-try\n",
	};
	struct ran r = try("--help"), l = try("-h");

	ok(r.status == 0 && !*r.err, "--help is done");
	ok(!strcmp(r.out, l.out), "-h is --help");
	for (size_t i = 0; i < LEN(in_help); i++)
		ok(strstr(r.out, in_help[i]), "help has: %s", in_help[i]);
	r = try("--version");
	ok(r.status == 0 && !strcmp(r.out, "pc-try " PC_VERSION "\n"),
	   "--version");
	ok(try("--help --nope").status == EXIT_USAGE, "--help hides no error");
	r = run(no_words, NULL);
	ok(r.status == EXIT_USAGE && strstr(r.err, "is missing"),
	   "an empty argv is usage, not a crash");
}

static void test_completion(void)
{
	static const char *const in[][3] = {
		{ "bash", "complete -F _pc-try pc-try\n",
		  "words='-f --follow -n --lines --json -w --wait --home "
		  "-h --help --version --completion'" },
		{ "bash", "$(pc-status --names 2>/dev/null)",
		  "--home) mapfile -t COMPREPLY < <(compgen -d -- " },
		{ "zsh", "#compdef pc-try\n", "--home=[the home of the hub]"
		  ":DIR:_files -/'" },
		{ "zsh", "don'\\''t \\[stop\\]\\: ever]",
		  "'(-w --wait)'{-w,--wait=-}'[wait]::S:'" },
		{ "fish", "complete -c pc-try -s n -l lines -x -d ",
		  "complete -c pc-try -a '(pc-status --names" },
		{ "fish", "-l follow -d 'keep printing; don\\'t [stop]: ever'",
		  "-x -a '(__fish_complete_directories)'" },
	};

	for (size_t i = 0; i < LEN(in); i++) {
		char words[64];
		struct ran r;

		snprintf(words, sizeof words, "--completion=%s", in[i][0]);
		r = try(words);
		ok(r.status == 0 && !*r.err, "%s: a script", in[i][0]);
		ok(strstr(r.out, in[i][1]), "%s: has %s", in[i][0], in[i][1]);
		ok(strstr(r.out, in[i][2]), "%s: has %s", in[i][0], in[i][2]);
	}
}

static int die(void *code)
{
	struct err e = { 0 };

	cli_put(STR("before\n"));
	err_set(&e, *(enum err_code *)code, "line\none\033[31m");
	cli_die(&e);
}

static int usage_long(void *unused)
{
	char word[3000];

	(void)unused;
	memset(word, 'x', sizeof word);
	cli_usage("%.*s", (int)sizeof word, word);
}

static void test_errors(void)
{
	static const struct { enum err_code code; int want; } map[] = {
		{ ERR_NONE, 1 }, { ERR_FAILED, 1 }, { ERR_USAGE, 2 },
		{ ERR_INVALID, 1 }, { ERR_UNREACHABLE, 3 },
		{ ERR_TIMEOUT, 4 }, { ERR_SYSTEM, 1 }, { ERR_DENIED, 1 },
	};
	struct ran r;

	for (size_t i = 0; i < LEN(map); i++) {
		enum err_code code = map[i].code;

		r = run(die, &code);
		ok(r.status == map[i].want, "code %d exits %d", (int)code,
		   map[i].want);
	}
	ok(!strcmp(r.out, "before\n"), "what was printed comes out");
	ok(!strcmp(r.err, "pc-try: line?one?[31m\n"),
	   "one line that steers no terminal");
	r = run(usage_long, NULL);
	ok(one_line(r.err) && strstr(r.err, "x; see pc-try --help\n"),
	   "a long error is cut and still points to --help");
}

static int much(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100000; i++)
		cli_printf("%d\n", i);
	return cli_finish(EXIT_DONE);
}

static int much_deaf(void *unused)
{
	signal(SIGPIPE, SIG_IGN);
	return much(unused);
}

static int wide(void *unused)
{
	(void)unused;
	cli_put(STR("["));
	cli_printf("%1500d", 7);
	cli_printf("%*d", 70000, 7);
	cli_put(STR("]"));
	return cli_finish(EXIT_LATE);
}

static int silent(void *unused)
{
	(void)unused;
	close(STDOUT_FILENO);
	return cli_finish(EXIT_DONE);
}

static void test_stdout(void)
{
	int p[2], fd = open("/dev/full", O_WRONLY);
	struct ran r;

	r = run_to(fd, much, NULL);
	ok(r.status == EXIT_FAILED &&
	   !strcmp(r.err, "pc-try: standard output: "
			  "No space left on device\n"), "a full disk is said");
	close(fd);
	ok(pipe(p) == 0, "a pipe");
	close(p[0]);
	r = run_to(p[1], much, NULL);
	ok(r.status == -SIGPIPE && !*r.err, "a gone reader: quietly");
	r = run_to(p[1], much_deaf, NULL);
	ok(r.status == -SIGPIPE && !*r.err, "also with SIGPIPE ignored");
	close(p[1]);
	fd = scratch();
	r = run_to(fd, wide, NULL);
	ok(r.status == EXIT_LATE && lseek(fd, 0, SEEK_END) == 71502,
	   "text beyond every buffer arrives whole");
	close(fd);
	ok(run(silent, NULL).status == 0, "no stdout, nothing to say: done");
}

/* A full pipe made non-blocking by a neighbour must not lose a byte. */
static void test_nonblock(void)
{
	int p[2], status;
	size_t all = 0;
	char chunk[4096];
	ssize_t n;
	pid_t pid;

	ok(pipe(p) == 0 && fcntl(p[1], F_SETFL, O_NONBLOCK) == 0, "a pipe");
	pid = fork();
	if (!pid) {
		dup2(p[1], 1);
		exit(much(NULL));
	}
	close(p[1]);
	while ((n = read(p[0], chunk, sizeof chunk)) > 0)
		all += (size_t)n;
	waitpid(pid, &status, 0);
	ok(all == 588890 && status == 0, "non-blocking stdout: all of it");
	close(p[0]);
}

static int table(void *unused)
{
	struct buf b;
	static const char *const heads[] = { "SERVICE", "STATE", "PID" };
	static const char *const rows[][3] = {
		{ "vault", "active", "17" },
		{ "sm\303\266rg\303\245s-and-long", "", "4711" },
		{ "c\033[2J", "line\nfeed", NULL },
	};
	struct cli_table *t = cli_table_new(heads, 3);

	(void)unused;
	cli_table_row(t, rows[0]);
	cli_table_note(t, "healthy");
	cli_table_note(t, "bell\a");
	cli_table_row(t, rows[1]);
	cli_table_row(t, rows[2]);
	buf_init(&b, 65536);
	cli_table_put(t, &b);
	cli_put(buf_str(&b));
	buf_release(&b);
	return cli_finish(EXIT_DONE);
}

static void test_table(void)
{
	static const char want[] =
		"SERVICE           STATE      PID\n"
		"vault             active     17\n"
		"  healthy\n"
		"  bell?\n"
		"sm\303\266rg\303\245s-and-long             4711\n"
		"c?[2J             line?feed  -\n";
	struct ran r = run(table, NULL);

	ok(r.status == 0 && !strcmp(r.out, want), "columns line up");
	if (strcmp(r.out, want) != 0)
		tap_diag("%s", r.out);
}

static void test_clean(void)
{
	static const struct { const char *in, *want; size_t n; } texts[] = {
		{ "", "", 0 },
		{ "plain", "plain", 5 },
		{ "a\tb\177", "a?b?", 4 },
		{ "\302\233m", "?m", 2 },               /* C1: CSI */
		{ "\302\240", "\302\240", 1 },
		{ "\342\202\254", "\342\202\254", 1 },
		{ "\360\237\230\200!", "\360\237\230\200!", 2 },
		{ "\300\200", "??", 2 },                /* overlong */
		{ "\340\200\200", "???", 3 },
		{ "\355\240\200", "???", 3 },           /* surrogate */
		{ "\364\220\200\200", "????", 4 },      /* past U+10FFFF */
		{ "\377\342\202", "???", 3 },           /* cut short */
	};

	for (size_t i = 0; i < LEN(texts); i++) {
		struct str in = { texts[i].in, strlen(texts[i].in) + 1 };
		char *copy = (char *)(size_t)guarded(0, in).p;
		size_t n = cli_clean(copy);

		ok(n == texts[i].n && !strcmp(copy, texts[i].want),
		   "clean %zu", i);
	}
}

int main(void)
{
	test_parse();
	test_common();
	test_completion();
	test_errors();
	test_stdout();
	test_nonblock();
	test_table();
	test_clean();
	return tap_done();
}
