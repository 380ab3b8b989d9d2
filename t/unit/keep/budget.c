/* SPDX-License-Identifier: MIT */
/* G4, line by line, with a clock that is only a number. */
#include "keep/budget.h"

#include "tap.h"

static const uint32_t dice[] = { 0, 1, 499, 500, 999, 1000, 1001, 123456789,
	0x7fffffff, 0x80000000, UINT32_MAX - 1, UINT32_MAX };

static const int64_t slow_steps[] = { 60000, 120000, 240000, 480000, 900000,
	900000, 900000 };

static bool within_20(int64_t got, int64_t ms)
{
	return got >= ms - ms / 5 && got <= ms + ms / 5;
}

/* From a clean budget: 1st at once, 2nd after 500 ms, 3rd is the end. */
static bool three_strikes(struct budget *b, int64_t at, int64_t apart)
{
	int64_t d1 = -1, d2 = -1, d3 = -1;
	bool one = budget_crash(b, at, 0, 7, &d1);
	unsigned n1 = budget_count(b, at, 0);
	bool two = budget_crash(b, at + apart, 0, 7, &d2);
	unsigned n2 = budget_count(b, at + apart, 0);
	bool three = budget_crash(b, at + 2 * apart, 0, 7, &d3);
	unsigned n3 = budget_count(b, at + 2 * apart, 0);

	return one && d1 == 0 && n1 == 1 && two && d2 == 500 && n2 == 2 &&
	       !three && within_20(d3, 60000) && n3 == 3;
}

static void spends(void)
{
	static const int64_t starts[] = { 0, 1, 500, 59999, 60000, 60001,
		(int64_t)1 << 40, INT64_MAX - 60000 };

	for (size_t i = 0; i < LEN(starts); i++) {
		struct budget b = { 0 };

		ok(three_strikes(&b, starts[i], 0), "three at %lld ms",
		   (long long)starts[i]);
		budget_clear(&b);
		ok(three_strikes(&b, starts[i], 30000),
		   "cleared, and three over a whole window");
	}
}

static void window_slides(void)
{
	struct budget b = { 0 };
	int64_t delay = -1;

	budget_crash(&b, 1000, 0, 0, &delay);
	ok(budget_count(&b, 61000, 0) == 1 && budget_count(&b, 61001, 0) == 0,
	   "a crash counts for 60 s, and no longer");
	ok(budget_crash(&b, 61001, 0, 0, &delay) && delay == 0,
	   "one after the window counts as the first");
	ok(budget_crash(&b, 121001, 0, 0, &delay) && delay == 500,
	   "one on its edge as the second");
	ok(budget_crash(&b, 121002, 0, 0, &delay) && delay == 500,
	   "then the first has left the window");
	ok(!budget_crash(&b, 121003, 0, 0, &delay), "and this is the third");

	/* For ever, as long as there are never three in a window. */
	budget_clear(&b);
	for (int64_t t = 0, n = 0; n < 1000; n++, t += 30001) {
		if (budget_crash(&b, t, 0, 0, &delay) &&
		    delay == (n ? 500 : 0))
			continue;
		ok(false, "crash %d", (int)n);
		return;
	}
	ok(true, "a crash every 30 s and a bit is never the third");
}

static void heals_slowly(void)
{
	struct budget b = { 0 };
	int64_t now = 5000, delay = 0;

	budget_crash(&b, now, 0, 0, &delay);
	budget_crash(&b, now, 0, 0, &delay);
	for (size_t i = 0; i < LEN(slow_steps); i++) {
		bool again = budget_crash(&b, now, 0, dice[i], &delay);

		ok(!again && within_20(delay, slow_steps[i]),
		   "slow retry %zu: %lld ms", i, (long long)delay);
		ok(budget_count(&b, now, 0) == 3 &&
		   budget_count(&b, now + 10000000, 0) == 3,
		   "spent stays spent, however long it waits");
		ok(within_20(budget_slow(&b, dice[i]), slow_steps[i]) &&
		   budget_slow(&b, 5) == budget_slow(&b, 5),
		   "what is no crash does not make it slower");
		now += delay + 100;
	}
	budget_clear(&b);
	ok(budget_count(&b, now, 0) == 0 && three_strikes(&b, now, 100),
	   "cleared, all of it: the slow steps begin anew, too");
}

/* No timer: what a run was alive for is told with its end, or the question. */
static void stays_up(void)
{
	struct budget b = { 0 };
	int64_t delay = -1;

	budget_crash(&b, 0, 0, 0, &delay);
	budget_crash(&b, 10, 0, 0, &delay);
	ok(budget_count(&b, 20, 59999) == 2 && budget_count(&b, 20, 60000) == 0,
	   "60 s alive, and nothing is counted any more");
	ok(budget_count(&b, 20, 0) == 2, "but nothing is forgotten by asking");
	ok(budget_crash(&b, 30, 60000, 0, &delay) && delay == 0 &&
	   budget_count(&b, 30, 0) == 1, "a crash after 60 s is the first");
	budget_clear(&b);
	for (int i = 0; i < 5; i++)
		budget_crash(&b, i, 59999, 0, &delay);
	ok(b.spent && b.slow_ms == 240000 && budget_count(&b, 9, 59999) == 3,
	   "59.999 s are not enough");
	ok(budget_count(&b, 9, 60000) == 0 && b.spent, "spent, and alive");
	ok(budget_crash(&b, 100, 60000, 0, &delay) && !b.spent &&
	   delay == 0 && b.slow_ms == 0, "60 s clear a spent one, all of it");
}

static void throws_dice(void)
{
	int64_t least = INT64_MAX, most = 0, delay = 0;
	struct budget clean = { 0 };
	bool good = true, slow = true;

	for (uint32_t i = 0; i < 3000; i++) {
		struct budget b = { 0 };
		uint32_t die = i < LEN(dice) ? dice[i] : i;

		budget_crash(&b, 0, 0, die, &delay);
		good = good && delay == 0;
		budget_crash(&b, 0, 0, die, &delay);
		good = good && delay == 500;
		budget_crash(&b, 0, 0, die, &delay);
		good = good && within_20(delay, 60000);
		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
		delay = budget_slow(&clean, die);
		slow = slow && within_20(delay, 60000);
	}
	ok(good && slow, "whatever the dice say: within 20 %%");
	ok(least < 49000 && most > 71000, "and they spread: %lld to %lld ms",
	   (long long)least, (long long)most);
}

int main(void)
{
	spends();
	window_slides();
	heals_slowly();
	stays_up();
	throws_dice();
	return tap_done();
}
