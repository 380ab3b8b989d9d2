/* SPDX-License-Identifier: MIT */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int count, failed;

bool tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%s %d - ", good ? "ok" : "not ok", ++count);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	if (!good) {
		failed++;
		printf("# failed at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

void tap_diag(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void tap_skip_all(const char *why)
{
	printf("1..0 # SKIP %s\n", why);
	exit(0);
}

int tap_done(void)
{
	printf("1..%d\n", count);
	return failed ? 1 : 0;
}

struct str guarded(int slot, struct str s)
{
	static struct { char *map; size_t len; } slots[4];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t body = (s.n + page - 1) / page * page;
	char *map;

	if (slots[slot].map)
		munmap(slots[slot].map, slots[slot].len);
	map = mmap(NULL, body + page, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED ||
	    mprotect(map + body, page, PROT_NONE) < 0) {
		printf("Bail out! no guard page\n");
		exit(1);
	}
	slots[slot].map = map;
	slots[slot].len = body + page;
	if (s.n)
		memcpy(map + body - s.n, s.p, s.n);
	return (struct str){ map + body - s.n, s.n };
}
