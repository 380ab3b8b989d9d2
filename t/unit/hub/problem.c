/* SPDX-License-Identifier: MIT */
#include "hub/problem.h"

#include "hub/limits.h"
#include "unit/hub/scratch.h"

static void adds(void)
{
	struct problems ps = { .n = 0 };
	char file[] = "services.json", word[] = "word";
	struct arena a;

	arena_init(&a, 64 * 1024);
	problem_add(&ps, &a, file, 3, 14, "a %s and %d", word, 5);
	problem_note(&ps, &a, file, 0, 0, "a note");
	memset(file, 'x', sizeof file - 1);
	memset(word, 'x', sizeof word - 1);
	ok(ps.n == 2 && ps.dropped == 0, "two problems");
	ok(is_text(ps.all[0].text, "a word and 5"), "its text is copied");
	ok(is_text(ps.all[0].file, "services.json"), "its file too");
	ok(ps.all[0].line == 3 && ps.all[0].column == 14, "its place");
	ok(!ps.all[0].note && ps.all[1].note, "a note is a note");
	arena_release(&a);
}

static void overflows(void)
{
	struct problems ps = { .n = 0 };
	struct arena a;

	arena_init(&a, 64 * 1024);
	for (unsigned i = 0; i < PROBLEMS_MAX - 1; i++)
		problem_add(&ps, &a, "f", i + 1, 1, "problem %u", i);
	ok(ps.n == PROBLEMS_MAX - 1 && !ps.dropped, "all but one place taken");
	problem_add(&ps, &a, "f", 1, 1, "one more");
	ok(ps.n == PROBLEMS_MAX && ps.dropped == 1, "the last place is taken");
	ok(is_text(ps.all[PROBLEMS_MAX - 1].text,
		   "1 more, not shown; mend these first"), "it says 1");
	for (unsigned i = 0; i < 5000; i++)
		problem_add(&ps, &a, "f", 1, 1, "more and more");
	ok(ps.n == PROBLEMS_MAX && ps.dropped == 5001, "then it counts");
	ok(is_text(ps.all[PROBLEMS_MAX - 1].text,
		   "5001 more, not shown; mend these first"), "it says 5001");
	ok(is_text(ps.all[PROBLEMS_MAX - 2].text, "problem 62"),
	   "the others stay");
	ok(!arena_failed(&a) && a.used < 32 * 1024, "in bounded memory");
	arena_release(&a);
}

static void long_text(void)
{
	struct problems ps = { .n = 0 };
	static char text[5000];
	struct arena a;

	arena_init(&a, 64 * 1024);
	memset(text, 'y', sizeof text - 1);
	problem_add(&ps, &a, "f", 0, 0, "%s", text);
	ok(ps.n == 1 && ps.all[0].text.n < 1000 && ps.all[0].text.n > 100,
	   "a text has an end");
	arena_release(&a);
}

/* With no memory at any step it counts, and what is there is whole. */
static void no_memory(void)
{
	bool whole = true;

	for (size_t cap = 0; cap < 12000; cap += 100) {
		struct problems ps = { .n = 0 };
		struct arena a;
		size_t shown;

		arena_init(&a, cap);
		for (int i = 0; i < 100; i++)
			problem_add(&ps, &a, "f", 1, 1, "problem");
		shown = ps.n == PROBLEMS_MAX ? ps.n - 1 : ps.n;
		whole &= shown + ps.dropped == 100;
		for (size_t i = 0; i < shown; i++)
			whole &= str_is(ps.all[i].text, "problem") &&
				 str_is(ps.all[i].file, "f");
		arena_release(&a);
	}
	ok(whole, "none is lost uncounted when memory is short");
}

static void shows(void)
{
	static const struct { const char *in; size_t n; const char *want; }
	cases[] = {
#define CASE(in, want) { in, sizeof in - 1, want }
		CASE("parachute-vault", "parachute-vault"),
		CASE("a b", "a b"),
		CASE("a\nb\0c\x1b[2J", "a\\x0ab\\x00c\\x1b[2J"),
		CASE("back\\slash", "back\\x5cslash"),
		CASE("\xe2\x80\xae", "\\xe2\\x80\\xae"),
		CASE("", ""),
#undef CASE
	};
	char out[PROBLEM_SHOW], text[200];

	for (size_t i = 0; i < LEN(cases); i++)
		ok(is_text(str_of(problem_show(out, guarded(0,
			(struct str){ cases[i].in, cases[i].n }))),
			   cases[i].want), "shown: %s", cases[i].want);
	memset(text, 'a', sizeof text);
	ok(strlen(problem_show(out, (struct str){ text, 64 })) == 64,
	   "64 characters are shown");
	problem_show(out, (struct str){ text, 65 });
	ok(strlen(out) == 67 && strcmp(out + 64, "...") == 0, "65 are cut");
	memset(text, '\n', sizeof text);
	for (size_t n = 0; n <= sizeof text; n++)
		if (strlen(problem_show(out, guarded(0,
				(struct str){ text, n }))) >= sizeof out)
			break;
	ok(strlen(out) == 67, "escapes are cut whole: %s", out);
}

int main(void)
{
	adds();
	overflows();
	long_text();
	no_memory();
	shows();
	return tap_done();
}
