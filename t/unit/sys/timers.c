/* SPDX-License-Identifier: MIT */
#include "sys/loop.h"

#include "sys/os.h"
#include "tap.h"

#include <unistd.h>

static struct loop loop;

static void turn(int max_ms)
{
	struct err e = { 0 };

	if (loop_turn(&loop, max_ms, &e) < 0)
		tap_ok(false, __FILE__, __LINE__, "turn: %s", e.msg);
}

struct alarm {
	struct timer t;
	int64_t at;
	unsigned set;           /* when, among all settings */
	bool due;
};

static struct alarm *rang[4000];
static size_t nrang;

static void on_alarm(struct loop *l, struct timer *t)
{
	struct alarm *a = CONTAINER(t, struct alarm, t);

	(void)l;
	if (nrang < LEN(rang))
		rang[nrang++] = a;
}

static unsigned next_random(void)
{
	static uint32_t state = 12345;

	state = state * 1664525 + 1013904223;
	return state >> 8;
}

/* Random settings, moves and removals against the order they must have. */
static void timer_order(void)
{
	static struct alarm all[1500];
	int64_t now = os_now_ms();
	unsigned set = 0;
	size_t due = 0;
	bool sorted = true, only = true;

	for (size_t i = 0; i < LEN(all); i++)
		all[i].t = (struct timer)TIMER_INIT(on_alarm);
	for (int i = 0; i < 20000; i++) {
		struct alarm *a = &all[next_random() % LEN(all)];

		a->due = next_random() % 4;
		if (a->due) {
			a->at = now - 1000 + next_random() % 500;
			a->set = set++;
			loop_at(&loop, &a->t, a->at);
		} else {
			loop_cancel(&loop, &a->t);
		}
	}
	for (size_t i = 0; i < LEN(all); i++)
		due += all[i].due;
	nrang = 0;
	turn(-1);
	for (size_t i = 0; i < nrang; i++) {
		struct alarm *a = rang[i], *b = i ? rang[i - 1] : NULL;

		only &= a->due && !a->t.armed;
		if (b)
			sorted &= b->at < a->at ||
				  (b->at == a->at && b->set < a->set);
	}
	ok(nrang == due && only, "%zu due, %zu rang", due, nrang);
	ok(sorted, "in order of time, then of setting");
	turn(0);
	ok(nrang == due, "once");
}

static struct timer first, second, third;
static int heard[3];

static void on_first(struct loop *l, struct timer *t)
{
	(void)t;
	heard[0]++;
	loop_cancel(l, &second);
	loop_at(l, &third, 0);
}

static void on_second(struct loop *l, struct timer *t)
{
	(void)l;
	(void)t;
	heard[1]++;
}

static void on_third(struct loop *l, struct timer *t)
{
	heard[2]++;
	loop_at(l, t, -5);
}

static void timer_handlers(void)
{
	first = (struct timer)TIMER_INIT(on_first);
	second = (struct timer)TIMER_INIT(on_second);
	third = (struct timer)TIMER_INIT(on_third);
	loop_at(&loop, &second, 2);
	loop_at(&loop, &first, 1);
	turn(-1);
	ok(heard[0] == 1 && heard[1] == 0, "one due with it is cancelled");
	ok(heard[2] == 0, "one set by a handler waits for the next turn");
	loop_at(&loop, &second, os_now_ms());
	turn(-1);
	ok(heard[2] == 1 && heard[1] == 1,
	   "one that is always due keeps no other from its turn");
	turn(-1);
	turn(-1);
	ok(heard[2] == 3, "and comes once a turn");
	loop_cancel(&loop, &third);
	loop_cancel(&loop, &third);
	turn(0);
	ok(heard[2] == 3 && !third.armed, "cancelled, twice is fine");
}

static void timer_waits(void)
{
	struct alarm a = { .t = TIMER_INIT(on_alarm) };
	int64_t start = os_now_ms();
	struct alarm b = { .t = TIMER_INIT(on_alarm) };

	nrang = 0;
	loop_at(&loop, &b.t, start + 3600000);
	loop_in(&loop, &a.t, 10);
	while (!nrang)
		turn(-1);
	ok(os_now_ms() - start >= 10 && rang[0] == &a, "never too early");
	loop_at(&loop, &a.t, start + 7200000);
	start = os_now_ms();
	turn(5);
	ok(nrang == 1 && os_now_ms() - start >= 5,
	   "a turn waits as long as it may, with a timer that is far");
	loop_cancel(&loop, &a.t);
	loop_cancel(&loop, &b.t);
	start = os_now_ms();
	turn(5);
	ok(os_now_ms() - start >= 5, "and with none");
}

int main(void)
{
	struct err e = { 0 };

	alarm(60);
	ok(!loop_init(&loop, &e), "a loop (%s)", loop_name());
	timer_order();
	timer_handlers();
	timer_waits();
	loop_release(&loop);
	return tap_done();
}
