/* SPDX-License-Identifier: MIT */
/*
 * A ring beside a model that keeps every line. The ring lies between pages
 * that nobody may touch: one byte outside of the block is a fault.
 */
#include "keep/ring.h"

#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEPT    1024            /* lines the model remembers: the newest */
#define TEXT    8192
#define READERS 6

struct entry {
	uint64_t seq;
	int64_t unix_ns;
	int stream;
	bool partial;
	size_t n;
	char text[TEXT];
};

static struct entry model[KEPT];
static uint64_t last;           /* newest line of the model */
static struct ring ring;
static char *block;
static uint32_t block_size;

static unsigned rnd(unsigned below)
{
	static uint64_t x = 88172645463325252;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 11) % below;
}

/* A new ring of that size, its end against the guard page; its start, too,
 * when it fills whole pages. */
static void anew(uint32_t size)
{
	static char *map;
	static size_t len;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t body = (size + page - 1) / page * page;

	if (map)
		munmap(map, len);
	len = body + 2 * page;
	map = mmap(NULL, len, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED || mprotect(map, page, PROT_NONE) < 0 ||
	    mprotect(map + page + body, page, PROT_NONE) < 0) {
		printf("Bail out! no guard pages\n");
		exit(1);
	}
	block = map + page + body - size / 8 * 8;
	block_size = size / 8 * 8;
	ring_init(&ring, block, size);
	last = 0;
}

static void put(struct str text)
{
	struct entry *e = &model[++last % KEPT];

	*e = (struct entry){ .seq = last, .unix_ns = (int64_t)last * 7 - 3,
			     .stream = last % 3 ? RING_OUT : RING_ERR,
			     .partial = last % 5 == 0, .n = text.n };
	if (text.n)
		memcpy(e->text, text.p, text.n);
	ring_put(&ring, e->stream, e->partial, e->unix_ns, text);
}

static bool is_entry(const struct ring_line *l, uint64_t seq)
{
	const struct entry *e = &model[seq % KEPT];

	return l->seq == seq && e->seq == seq && l->unix_ns == e->unix_ns &&
	       l->stream == e->stream && l->partial == e->partial &&
	       l->text.n == e->n &&
	       (!e->n || !memcmp(l->text.p, e->text, e->n));
}

/* The whole of it, read from the oldest, is the newest lines of the model. */
static bool agrees(void)
{
	struct ring_cursor at = ring_oldest(&ring);
	uint64_t first = last - ring_lines(&ring) + 1, missed;
	struct ring_line l;

	if (ring_last(&ring) != last || (last && !ring_lines(&ring)))
		return false;
	for (uint64_t seq = first; seq <= last; seq++)
		if (!ring_next(&ring, &at, &l, &missed) || missed ||
		    !is_entry(&l, seq))
			return false;
	return !ring_next(&ring, &at, &l, &missed) && !missed;
}

/* Reads up to n lines; *want is what the model says comes next. */
static bool reads_on(struct ring_cursor *at, uint64_t *want, unsigned n)
{
	uint64_t first = last - ring_lines(&ring) + 1, missed, gap;
	struct ring_line l;

	while (n--) {
		gap = *want < first ? first - *want : 0;
		if (*want > last)
			return !ring_next(&ring, at, &l, &missed) && !missed;
		if (!ring_next(&ring, at, &l, &missed) || missed != gap ||
		    !is_entry(&l, *want + gap))
			return false;
		*want += gap + 1;
	}
	return true;
}

static size_t footprint(size_t n)
{
	return (24 + n + 7) / 8 * 8;
}

/* What is kept is not less than what had to be given up for it. */
static bool is_well_filled(size_t largest)
{
	size_t kept = 0;

	if (ring_lines(&ring) == last)
		return true;
	for (uint64_t s = last - ring_lines(&ring) + 1; s <= last; s++)
		kept += footprint(model[s % KEPT].n);
	return kept + 3 * footprint(largest) + 64 >= block_size;
}

/* Lines of random sizes; some look like what the ring itself writes. */
static struct str some_text(size_t most)
{
	static char text[TEXT];
	size_t n = rnd(4) ? rnd((unsigned)(most < 100 ? most : 100) + 1) :
		   rnd((unsigned)most + 1);

	switch (rnd(3)) {
	case 0:
		memcpy(text, block, n < block_size ? n : block_size);
		break;
	case 1:
		memset(text, rnd(2) ? 0 : 1, n);
		break;
	default:
		for (size_t i = 0; i < n; i++)
			text[i] = (char)rnd(256);
	}
	return (struct str){ text, n };
}

static void random_lines(uint32_t size, size_t most, int rounds)
{
	struct ring_cursor at[READERS];
	uint64_t want[READERS], seq;
	bool good = true, filled = true;

	anew(size);
	for (int i = 0; i < READERS; i++) {
		at[i] = ring_oldest(&ring);
		want[i] = 1;
	}
	for (int i = 0; i < rounds && good; i++) {
		unsigned who = rnd(READERS);

		put(some_text(most));
		good = i % 16 || agrees();
		filled = filled && is_well_filled(most);
		/* The last one is always there, the first one hardly ever. */
		if (who && rnd(READERS) < who)
			good = good && reads_on(&at[who], &want[who],
						rnd(3 * who));
		good = good && reads_on(&at[READERS - 1], &want[READERS - 1],
					2);
		if (rnd(50))
			continue;
		seq = rnd((unsigned)last + 5) + 1;
		at[who] = ring_from(&ring, seq);
		want[who] = seq < last + 1 ? seq : last + 1;
	}
	for (int i = 0; i < READERS; i++)
		good = good && reads_on(&at[i], &want[i], KEPT + 1);
	ok(good && agrees(), "a ring of %u, lines up to %zu, %d of them",
	   size, most, rounds);
	ok(filled, "and it is well filled");
}

/* All sequences of six sizes, among them those that fit exactly. */
static void exact_fits(void)
{
	static char text[TEXT];
	bool good = true;

	memset(text, 'x', sizeof text);
	for (uint32_t size = 104; size <= 256 && good; size += 8) {
		size_t most = size - 40 - 24;
		size_t sizes[] = { 0, 8, 16, 33, most - 24, most };

		for (int seq = 0; seq < 6 * 6 * 6 * 6 * 6 * 6 && good; seq++) {
			static uint32_t is;

			if (is != size)
				anew(is = size);
			ring_init(&ring, block, size);
			last = 0;
			for (int k = 0, s = seq; k < 6; k++, s /= 6) {
				size_t n = sizes[s % 6];

				put((struct str){ text, n < most ? n : most });
				good = good && agrees();
			}
		}
		if (!good)
			tap_diag("ring of %u", size);
	}
	ok(good, "every order of sizes, exact fits among them");
}

static void the_largest(void)
{
	static char text[TEXT + 8];
	struct ring_cursor at;
	struct ring_line l;
	uint64_t missed;
	size_t most;

	memset(text, 'y', sizeof text);
	anew(4096);
	ring_put(&ring, RING_OUT, false, 1, (struct str){ text, 8200 });
	at = ring_oldest(&ring);
	ok(ring_next(&ring, &at, &l, &missed) && l.seq == 1 &&
	   l.text.n > 4000 && l.text.n < 4096 &&
	   !memcmp(l.text.p, text, l.text.n), "longer than the ring: cut");
	most = l.text.n;
	ring_put(&ring, RING_OUT, false, 1, (struct str){ text, most });
	ok(ring_lines(&ring) == 1 && ring_last(&ring) == 2, "the next like it");
	ring_put(&ring, RING_OUT, false, 1, STR(""));
	ok(ring_lines(&ring) == 1 && ring_last(&ring) == 3,
	   "no room for anything beside it");
	ring_put(&ring, RING_OUT, false, 1, (struct str){ text, most - 48 });
	ok(ring_lines(&ring) == 2, "an empty one, and all that is left");
	ok(!ring_next(&ring, &(struct ring_cursor){ .seq = 5 }, &l, &missed),
	   "no more than that");
}

static void where_to_begin(void)
{
	struct ring_cursor at, back;
	struct ring_line l;
	uint64_t missed = 9;

	anew(4096);
	ok(ring_last(&ring) == 0 && ring_lines(&ring) == 0, "nothing yet");
	at = ring_oldest(&ring);
	ok(!ring_next(&ring, &at, &l, &missed) && !missed && at.seq == 1,
	   "from the oldest of none");
	at = ring_newest(&ring, 10);
	back = ring_from(&ring, 1000);
	ok(at.seq == 1 && back.seq == 1,
	   "newest of none; from what is to come");
	put(STR("one"));
	ok(ring_next(&ring, &at, &l, &missed) && is_entry(&l, 1) && !missed &&
	   ring_next(&ring, &back, &l, &missed) && is_entry(&l, 1) && !missed,
	   "both then see the first");
	put(STR("two"));
	put(STR("three"));
	ok(ring_newest(&ring, 0).seq == 4 && ring_newest(&ring, 1).seq == 3 &&
	   ring_newest(&ring, 3).seq == 1 && ring_newest(&ring, 4).seq == 1 &&
	   ring_newest(&ring, UINT64_MAX).seq == 1, "the newest n");
	ok(ring_from(&ring, 2).seq == 2 && ring_from(&ring, 4).seq == 4 &&
	   ring_from(&ring, 5).seq == 4 &&
	   ring_from(&ring, UINT64_MAX).seq == 4, "from a number on");
	at = ring_newest(&ring, 2);
	ok(ring_next(&ring, &at, &l, &missed) && is_entry(&l, 2) &&
	   ring_next(&ring, &at, &l, &missed) && is_entry(&l, 3) &&
	   !ring_next(&ring, &at, &l, &missed), "the newest two");
	at = (struct ring_cursor){ .seq = UINT64_MAX };
	ok(!ring_next(&ring, &at, &l, &missed) && !missed &&
	   at.seq == UINT64_MAX, "a number that will hardly come");
}

/* One that looked away while everything went by. */
static void falls_behind(void)
{
	struct ring_cursor at;
	struct ring_line l;
	uint64_t missed;

	anew(4096);
	for (int i = 0; i < 5; i++)
		put(STR("before"));
	at = ring_oldest(&ring);
	ring_next(&ring, &at, &l, &missed);
	ring_next(&ring, &at, &l, &missed);
	for (int i = 0; i < 1000; i++)
		put(STR("a line that goes by"));
	ok(ring_next(&ring, &at, &l, &missed) &&
	   missed == 1005 - ring_lines(&ring) - 2 &&
	   is_entry(&l, 1006 - ring_lines(&ring)),
	   "%d missed, exactly", (int)missed);
	ok(ring_next(&ring, &at, &l, &missed) && missed == 0,
	   "said once");
}

/* The block may be copied: nothing in it is a pointer. */
static void is_flat(void)
{
	struct ring moved;
	struct ring_cursor at = { .seq = 0 };
	struct ring_line l;
	uint64_t missed, n = 0;
	char *copy = malloc(4096);
	bool same = true;

	anew(4096);
	for (int i = 0; i < 300; i++)
		put(some_text(60));
	memcpy(copy, block, 4096);
	memset(block, 0xee, 4096);
	moved.head = (struct ring_head *)(void *)copy;
	at = ring_oldest(&moved);
	while (ring_next(&moved, &at, &l, &missed))
		same = same && is_entry(&l, last - ring_lines(&moved) + ++n);
	ok(same && n == ring_lines(&moved) && n > 10,
	   "a copy of the block is the same ring");
	free(copy);
}

static void too_small(void)
{
	static char small[64];
	struct rlimit none = { 0 };
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		setrlimit(RLIMIT_CORE, &none);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		ring_init(&ring, small, sizeof small);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ok(pid > 0 && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT,
	   "a ring that holds nothing is our own mistake");
}

int main(void)
{
	where_to_begin();
	random_lines(104, 40, 20000);
	random_lines(136, 72, 20000);
	random_lines(1000, 200, 20000);
	random_lines(4096, 4096 - 40 - 24, 20000);
	random_lines(4096, 30, 20000);
	random_lines(8192, 8192 - 40 - 24, 10000);
	random_lines(8192, 300, 10000);
	exact_fits();
	the_largest();
	falls_behind();
	is_flat();
	too_small();
	return tap_done();
}
