/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include "tap.h"

#include <stdlib.h>
#include <string.h>

/* A sanitizer ends the program where malloc would say no. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static bool is_clear(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void zeroed_aligned_apart(void)
{
	static char *got[600];
	bool good = true, apart = true;
	struct arena a;

	arena_init(&a, 1 << 20);
	ok(!a.blocks && !arena_failed(&a), "nothing allocated yet");
	for (size_t i = 0; i < LEN(got); i++) {
		got[i] = arena_alloc(&a, i + 1);
		good = good && got[i] && is_clear(got[i], i + 1) &&
		       (uintptr_t)got[i] % _Alignof(max_align_t) == 0;
		if (!good)
			break;
		memset(got[i], (int)(i % 255) + 1, i + 1);
	}
	ok(good, "600 sizes: zeroed and aligned");
	for (size_t i = 0; i < LEN(got); i++)
		for (size_t k = 0; k <= i; k++)
			apart = apart && got[i][k] == (char)(i % 255 + 1);
	ok(apart, "none lies in another");
	ok(arena_alloc(&a, 0) && !arena_failed(&a), "none is something");
	arena_reset(&a);
	ok(!a.blocks && !a.used, "reset frees all");
	ok(is_clear(arena_alloc(&a, 4000), 4000), "and it is zeroed again");
	arena_release(&a);
	arena_release(&a);
}

static void has_a_cap(void)
{
	struct arena a;
	char *first;
	int n = 0;

	arena_init(&a, 10000);
	first = arena_cstr(&a, STR("kept"));
	while (arena_alloc(&a, 100))
		n++;
	ok(n >= 60 && n < 100 && a.used <= 10000 && arena_failed(&a),
	   "10000 bytes hold %d times 100", n);
	ok(!arena_alloc(&a, 1) && !strcmp(first, "kept"),
	   "failure stays; what was given does, too");
	arena_reset(&a);
	ok(!arena_failed(&a) && arena_alloc(&a, 1), "reset forgives");
	ok(!arena_alloc(&a, 10001) && arena_failed(&a), "more than the cap");
	arena_release(&a);

	arena_init(&a, 16384);
	ok(arena_alloc(&a, 16384) && !arena_failed(&a), "all of it at once");
	ok(!arena_alloc(&a, 1), "then no more");
	arena_release(&a);

	arena_init(&a, 0);
	ok(!arena_alloc(&a, 1) && arena_failed(&a), "an arena of nothing");
	arena_release(&a);

	/* A cap that is no multiple of the alignment. */
	arena_init(&a, 101);
	ok(arena_alloc(&a, 90) && !arena_alloc(&a, 20), "an odd cap");
	arena_release(&a);
}

static void arrays(void)
{
	struct arena a;
	int *all;

	arena_init(&a, 1 << 16);
	all = arena_array(&a, 100, sizeof *all);
	ok(all && is_clear((char *)all, 100 * sizeof *all), "an array");
	ok(arena_array(&a, 0, 8) && arena_array(&a, 8, 0), "of nothing");
	ok(!arena_array(&a, SIZE_MAX / 2, 4) && arena_failed(&a),
	   "a product that wraps");
	arena_reset(&a);
	ok(!arena_array(&a, (SIZE_MAX >> 1) + 2, 2) && arena_failed(&a),
	   "one that wraps to little");
	arena_reset(&a);
	ok(!arena_array(&a, 2, SIZE_MAX) && arena_failed(&a),
	   "and the other way round");
	arena_release(&a);

	arena_init(&a, SIZE_MAX);
	ok(!arena_alloc(&a, SIZE_MAX / 4) && arena_failed(&a),
	   "no memory");
	arena_release(&a);
}

static void strings(void)
{
	char big[5001];
	struct arena a;
	struct str s;
	char *c;

	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	arena_init(&a, 1 << 16);
	s = arena_str(&a, guarded(0, STR("a\0b")));
	ok(str_eq(s, STR("a\0b")) && s.p[s.n] == '\0', "a copy");
	s = arena_str(&a, STR_NULL);
	ok(s.p && !s.n, "an empty copy is not nothing");
	c = arena_cstr(&a, guarded(0, STR("abc")));
	ok(c && !strcmp(c, "abc"), "with NUL");
	c = arena_printf(&a, "%d %s", -5, "x");
	ok(c && !strcmp(c, "-5 x"), "printed");
	c = arena_printf(&a, "%s", big);
	ok(c && !strcmp(c, big), "printed, larger than a block");
	arena_release(&a);

	arena_init(&a, 16);
	ok(!arena_printf(&a, "%s", big) && arena_failed(&a), "no room: printf");
	arena_reset(&a);
	s = arena_str(&a, str_of(big));
	ok(!s.p && !s.n && arena_failed(&a), "no room: copy");
	arena_reset(&a);
	ok(!arena_cstr(&a, str_of(big)), "no room: C string");
	arena_release(&a);
}

int main(void)
{
	zeroed_aligned_apart();
	has_a_cap();
	arrays();
	strings();
	return tap_done();
}
