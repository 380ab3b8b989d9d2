/* SPDX-License-Identifier: MIT */
/* CRI lines: what Kubernetes' description shows, what we write, and what is
 * no such line; each also cut short. */
#include "log/cri.h"

#include <string.h>

#include "tap.h"

#define T "2016-10-06T00:17:09.669794202Z"
#define NS INT64_C(1475713029669794202)

static const struct {
	const char *line, *text;
	int stream;
	bool partial;
} good[] = {
	/* kubelet-cri-logging.md, its examples */
	{ T " stdout F The content of the log entry 1",
	  "The content of the log entry 1", 0, false },
	{ T " stdout P First line of log entry 2",
	  "First line of log entry 2", 0, true },
	{ T " stderr F Last line of the log entry 2",
	  "Last line of the log entry 2", 1, false },
	{ T " stdout F ", "", 0, false },
	{ T " stdout F  two spaces", " two spaces", 0, false },
	{ T " stdout P:x:y further tags", "further tags", 0, true },
};

static const char *const bad[] = {
	"", "a plain line", T, T " stdout", T " stdout F", T " stdout F:x",
	T " stdin F x", T " stdout X x", T " stdout  x", T "  stdout F x",
	" " T " stdout F x", "2016-13-06T00:17:09Z stdout F x",
	T " STDOUT F x", T "\tstdout F x", T " stdout f x",
};

static void reads(void)
{
	struct cri_line l;

	for (size_t i = 0; i < LEN(good); i++) {
		struct str s = guarded(0, str_of(good[i].line));

		ok(cri_take(s, &l) && l.unix_ns == NS &&
		   str_is(l.text, good[i].text) && l.stream == good[i].stream &&
		   l.partial == good[i].partial, "reads \"%s\"", good[i].line);
	}
	for (size_t i = 0; i < LEN(bad); i++)
		ok(!cri_take(guarded(0, str_of(bad[i])), &l),
		   "no line: \"%s\"", bad[i]);
	for (size_t n = 0; n < CRI_HEAD; n++)
		ok(!cri_take(guarded(0, str_take(str_of(good[0].line), n)),
			     &l), "cut at %zu", n);
	ok(cri_take(STR("2016-10-06T00:17:09+02:00 stdout F x"), &l),
	   "another form of the time");
	ok(cri_starts(STR(T " stdout F x\nrubbish")) &&
	   cri_starts(STR(T " stdout F x")) && !cri_starts(STR("x\n" T)) &&
	   !cri_starts(STR_NULL), "a file is told by its first line");
}

static bool writes(struct cri_clock *c, const struct cri_line *l,
		   const char *want)
{
	char out[CRI_EXTRA + 64];
	size_t n = cri_put(c, l, out);

	return n == strlen(want) && n == CRI_EXTRA + l->text.n &&
	       memcmp(out, want, n) == 0;
}

int main(void)
{
	struct cri_clock c = { 0 };

	reads();
	ok(writes(&c, &(struct cri_line){ NS, 0, false, STR("a") },
		  T " stdout F a\n"), "a line");
	ok(writes(&c, &(struct cri_line){ NS, 1, true, STR("a b") },
		  T " stderr P a b\n"), "of the same time");
	ok(writes(&c, &(struct cri_line){ NS + 1, 0, false, STR_NULL },
		  "2016-10-06T00:17:09.669794203Z stdout F \n"),
	   "of another, empty");
	ok(writes(&c, &(struct cri_line){ 0, 0, false, STR("a\nb\n") },
		  "1970-01-01T00:00:00.000000000Z stdout F a b \n"),
	   "a newline within is none");
	c = (struct cri_clock){ 0 };
	ok(writes(&c, &(struct cri_line){ 0, 0, false, STR("x") },
		  "1970-01-01T00:00:00.000000000Z stdout F x\n"),
	   "the first time may be zero");
	return tap_done();
}
