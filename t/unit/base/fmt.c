/* SPDX-License-Identifier: MIT */
#include "base/fmt.h"

#include "tap.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 600        /* longer than anything printed here */

/* The formats are data here, the arguments fit them by construction. */
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static char blank[MOST];

/* Room of size bytes, a page that nobody may touch behind it. */
static char *room(int slot, size_t size)
{
	return (char *)(size_t)guarded(slot, (struct str){ blank, size }).p;
}

/* The same length, and the same bytes up to and with the NUL. */
static bool same(int got, const char *out, int want, const char *libc,
		 size_t size)
{
	size_t n = want < 0 ? 0 : (size_t)want + 1;

	if (got == want && !memcmp(out, libc, n < size ? n : size))
		return true;
	tap_diag("room %zu: %d \"%.*s\", libc has %d \"%.*s\"", size, got,
		 size ? (int)size : 0, size ? out : "", want,
		 size ? (int)size : 0, size ? libc : "");
	return false;
}

/* Prints with both, into size bytes. */
#define BOTH(size, ...) ( \
	memset(blank, '#', sizeof blank), \
	mine = room(0, (size)), theirs = room(1, (size)), \
	got = fmt(mine, (size), __VA_ARGS__), \
	want = snprintf(theirs, (size), __VA_ARGS__), \
	same(got, mine, want, theirs, (size)))

static void as_in_libc(void)
{
	char *mine, *theirs;
	int got, want;

#define CASE(...) do { \
	bool good = true; \
	for (size_t size = 0; size < 80; size++) \
		good = good && BOTH(size, __VA_ARGS__); \
	ok(good, "%s", #__VA_ARGS__); \
} while (0)

	CASE("%s", "");
	CASE("plain");
	CASE("%d", 0);
	CASE("%d %d", INT_MIN, INT_MAX);
	CASE("%u", UINT_MAX);
	CASE("%ld %ld %lu", LONG_MIN, LONG_MAX, ULONG_MAX);
	CASE("%lld %lld %llu", LLONG_MIN, LLONG_MAX, ULLONG_MAX);
	CASE("%llo %llx", ULLONG_MAX, ULLONG_MAX);
	CASE("%zu %zd %zx", SIZE_MAX, (ssize_t)-1, SIZE_MAX);
	CASE("%x %x %o", 0, 0xdeadbeef, 0777);
	CASE("%04o", 0640);
	CASE("%02x%02x%04x", 7, 255, 0x12345);
	CASE("%03d|%03d|%03d|%03d", 7, -7, 1234, -1234);
	CASE("%5d|%-5d|%05d", 42, 42, -42);
	CASE("%.0d|%.0d|%.3d|%6.3d|%-6.3d|%06d", 0, 1, 5, -5, -5, 0);
	CASE("%*d|%-*d|%*d|%0*d", 6, 1, 6, 2, -6, 3, 6, 4);
	CASE("%.*d|%.*d", 4, 9, -4, 0);
	CASE("%c%c", 'a', '\377');
	CASE("%3c|%-3c|", 'a', 'b');
	CASE("%c after NUL", '\0');
	CASE("%s/%s", "one", "two");
	CASE("%10s|%-10s|%2s", "abc", "abc", "abc");
	CASE("%.2s|%.0s|%.9s|%.s", "abc", "abc", "abc", "abc");
	CASE("%5.1s|%-5.1s|", "abc", "abc");
	CASE("%*s|%-*s|%*s", 4, "a", 4, "b", -4, "c");
	CASE("%.*s|%.*s|%.*s", 2, "abc", 0, "abc", -1, "abc");
	CASE("%*.*s|", 7, 3, "abcdef");
	CASE("100%% %d%%", 3);
	CASE("%%");
	CASE("%d %s %c %llu %s", 1, "2", '3', 4ULL, "5 that go to the stack");
	CASE("%d%d%d%d%d%d%d%s", 1, 2, 3, 4, 5, 6, 7, "8");
#undef CASE
}

static void null_prints(void)
{
	const char *volatile none = NULL;
	char out[20];

	ok(fmt(out, sizeof out, "%s", none) == 6 && !strcmp(out, "(null)"),
	   "a string that is not there");
	ok(fmt(out, sizeof out, "%.*s.", 0, none) == 1 && !strcmp(out, "."),
	   "nothing of it");
}

static void reads_no_further(void)
{
	struct str s = guarded(2, STR("abcdef"));
	char out[20];

	ok(fmt(out, sizeof out, "%.*s", STR_ARG(s)) == 6 &&
	   !strcmp(out, "abcdef"), "a span without NUL, to its last byte");
	ok(fmt(NULL, 0, "%.6s %d", s.p, 12) == 9, "measured, no room at all");
}

static void too_long(void)
{
	const volatile int most = INT_MAX;
	char out[4];

	errno = 0;
	ok(fmt(out, sizeof out, "%*s.", most, "") == -1 && errno == EOVERFLOW,
	   "more than an int");
	ok(fmt(out, sizeof out, "%*s", most, "") == INT_MAX &&
	   !strcmp(out, "   "), "as much as an int");
}

static uint64_t dice(void)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

/* All magnitudes alike, not only large ones. */
static unsigned long long number(void)
{
	return dice() >> dice() % 64 ^ (dice() % 2 ? 0 : ULLONG_MAX);
}

/* One conversion, with flags, width and precision as they come. */
static void some_format(char out[32], char conversion, unsigned lengths)
{
	static const char *const flags[] = { "", "-", "0", "-0" };
	static const char *const length[] = { "", "l", "ll", "z" };
	bool text = conversion == 's' || conversion == 'c';
	char *p = out;

	p += sprintf(p, "<%%%s", flags[dice() % (text ? 2 : 4)]);
	if (dice() % 2)
		p += sprintf(p, "%u", (unsigned)(dice() % 40 + 1));
	if (dice() % 2 && conversion != 'c')
		p += sprintf(p, ".%u", (unsigned)(dice() % 40));
	sprintf(p, "%s%c>", length[lengths], conversion);
}

static bool integers(const char *format, size_t size, unsigned length)
{
	unsigned long long v = number();
	char *mine, *theirs;
	int got, want;

	switch (length) {
	case 0:
		return BOTH(size, format, (unsigned)v);
	case 1:
		return BOTH(size, format, (unsigned long)v);
	case 2:
		return BOTH(size, format, v);
	default:
		return BOTH(size, format, (size_t)v);
	}
}

static bool texts(const char *format, size_t size)
{
	size_t n = dice() % 50;
	char text[51], *mine, *theirs;
	int got, want;

	for (size_t i = 0; i < n; i++)
		text[i] = (char)(dice() % 255 + 1);
	text[n] = '\0';
	return BOTH(size, format, guarded(2, (struct str){ text, n + 1 }).p);
}

static void at_random(void)
{
	static const char kinds[] = "duoxsc";
	char format[32] = "", *mine, *theirs;
	int bad = 0, got, want;

	for (int i = 0; i < 30000 && bad < 5; i++) {
		char c = kinds[dice() % (sizeof kinds - 1)];
		unsigned length = c == 's' || c == 'c' ? 0 : dice() % 4;
		size_t size = dice() % 60;
		int byte = (int)(dice() % 256);
		bool good;

		some_format(format, c, length);
		if (c == 's')
			good = texts(format, size);
		else if (c == 'c')
			good = BOTH(size, format, byte);
		else
			good = integers(format, size, length);
		if (!good)
			tap_diag("the format was %s", format);
		bad += !good;
	}
	ok(!bad, "30000 formats, arguments and sizes at random");
	for (int i = 0; i < 10000 && bad < 5; i++) {
		int width = (int)(dice() % 90) - 45;
		int precision = (int)(dice() % 60) - 10;
		unsigned v = (unsigned)number();
		size_t size = dice() % 90;

		bad += !BOTH(size, "%*.*d%0*u%-*.*s|", width, precision,
			     (int)v, width, v, width, precision,
			     "some text, some text, some text");
	}
	ok(!bad, "10000 times width and precision from arguments");
}

static void unknown(void)
{
	static const char *const formats[] = {
		"%f", "%i", "%X", "%p", "%hd", "%jd", "%+d", "%#x", "%", "%5",
		"%l", "%n",
	};
	struct rlimit none = { 0 };

	for (size_t i = 0; i < LEN(formats); i++) {
		int status = 0;
		char out[20];
		pid_t pid = fork();

		if (pid < 0)
			exit(1);
		if (!pid) {
			setrlimit(RLIMIT_CORE, &none);
			close(STDERR_FILENO);
			fmt(out, sizeof out, formats[i], 1L, 2L, 3L);
			_exit(0);
		}
		waitpid(pid, &status, 0);
		ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
		   "%s is a mistake of ours", formats[i]);
	}
}

int main(void)
{
	as_in_libc();
	null_prints();
	reads_no_further();
	too_long();
	at_random();
	unknown();
	return tap_done();
}
