/* SPDX-License-Identifier: MIT */
#include "base/buf.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

#define HUGE_SIZE (SIZE_MAX / 4)        /* more than there is */

/* A sanitizer ends the program where malloc would say no. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static bool holds(const struct buf *b, const char *want)
{
	return str_is(buf_str(b), want);
}

static void puts_and_resets(void)
{
	struct buf b;

	buf_init(&b, 100);
	ok(!b.p && !buf_str(&b).n && !buf_str(&b).p && !buf_failed(&b),
	   "nothing yet, and nothing allocated");
	buf_put(&b, STR_NULL);
	ok(!b.p, "nothing put, nothing allocated");
	buf_put(&b, STR("ab"));
	buf_putc(&b, 'c');
	buf_putc(&b, '\0');
	buf_printf(&b, "%d-%s", 42, "x");
	ok(str_eq(buf_str(&b), STR("abc\00042-x")) && !buf_failed(&b), "put");
	buf_reset(&b);
	ok(holds(&b, "") && b.p, "empty, and the memory is kept");
	buf_put(&b, STR("again"));
	ok(holds(&b, "again"), "and again");
	buf_release(&b);
	ok(!b.p && !buf_str(&b).n && b.max == 100, "released");
	buf_put(&b, STR("alive"));
	ok(holds(&b, "alive"), "usable after that, too");
	buf_release(&b);
	buf_release(&b);
}

static void has_a_ceiling(void)
{
	struct buf b;

	buf_init(&b, 10);
	buf_put(&b, STR("0123456789"));
	ok(holds(&b, "0123456789") && !buf_failed(&b), "full to the brim");
	buf_putc(&b, 'x');
	ok(buf_failed(&b), "one more does not fit");
	buf_reset(&b);
	ok(!buf_failed(&b), "a reset forgives");

	buf_put(&b, STR("0123456"));
	buf_put(&b, STR("four"));
	buf_put(&b, STR("x"));
	buf_putc(&b, 'y');
	buf_printf(&b, "z");
	ok(holds(&b, "0123456") && buf_failed(&b) && !buf_room(&b, 1),
	   "after a failure nothing is taken, not even what fits");

	buf_reset(&b);
	buf_printf(&b, "%s", "012345678");
	ok(holds(&b, "012345678") && !buf_failed(&b), "printed");
	buf_reset(&b);
	buf_printf(&b, "%s", "0123456789A");
	ok(holds(&b, "") && buf_failed(&b), "printed over it");
	buf_release(&b);

	buf_init(&b, 0);
	buf_putc(&b, 'x');
	ok(buf_failed(&b) && !buf_str(&b).n, "a buffer that may hold nothing");
	buf_release(&b);

	buf_init(&b, SIZE_MAX);
	buf_put(&b, STR("kept"));
	ok(!buf_room(&b, HUGE_SIZE) && buf_failed(&b) && holds(&b, "kept"),
	   "no memory: failed, and what was there stays");
	buf_reset(&b);
	buf_put(&b, STR("x"));
	ok(!buf_room(&b, SIZE_MAX) && buf_failed(&b), "sizes do not wrap");
	buf_release(&b);
}

static void reads(void)
{
	struct buf b;
	char *at, *base;

	buf_init(&b, 1000);
	at = buf_room(&b, 5);
	memcpy(at, "hello", 5);
	buf_commit(&b, 3);
	ok(holds(&b, "hel"), "read into, as far as committed");
	buf_consume(&b, 2);
	buf_put(&b, STR("p!"));
	ok(holds(&b, "lp!"), "consumed from the front");
	buf_consume(&b, 3);
	ok(holds(&b, "") && !b.start && !b.end, "all of it: starts anew");
	buf_put(&b, STR("abc"));
	buf_consume(&b, 99);
	ok(holds(&b, ""), "more than there is: all of it");
	buf_release(&b);

	/* The ceiling is on what is held, not on what has passed. */
	buf_init(&b, 8);
	buf_put(&b, STR("01234567"));
	base = b.p;
	buf_consume(&b, 6);
	buf_put(&b, STR("89abcd"));
	ok(holds(&b, "6789abcd") && !buf_failed(&b) && b.p == base,
	   "room in front is used, in place");
	buf_release(&b);
}

/* Random writes and reads beside a plain array. */
static void as_a_queue(void)
{
	static char model[3000];
	unsigned rnd = 1;
	size_t head = 0, tail = 0;
	bool same = true;
	struct buf b;

	buf_init(&b, 700);
	for (int i = 0; i < 20000 && same; i++) {
		size_t n;

		rnd = rnd * 1103515245 + 12345;
		n = rnd >> 16 & 127;
		if (rnd >> 30 & 1 && tail - head + n <= 700) {
			for (size_t k = 0; k < n; k++)
				model[(tail + k) % sizeof model] =
					(char)(i + (int)k);
			for (size_t k = 0; k < n; k++)
				buf_putc(&b, model[(tail + k) % sizeof model]);
			tail += n;
		} else {
			n = n < tail - head ? n : tail - head;
			buf_consume(&b, n);
			head += n;
		}
		same = buf_str(&b).n == tail - head && !buf_failed(&b) &&
		       b.size <= 700;
		for (size_t k = 0; k < tail - head && same; k++)
			same = buf_str(&b).p[k] ==
				model[(head + k) % sizeof model];
	}
	ok(same && tail > 10000, "a queue of %zu bytes passed through", tail);
	buf_release(&b);
}

int main(void)
{
	puts_and_resets();
	has_a_ceiling();
	reads();
	as_a_queue();
	return tap_done();
}
