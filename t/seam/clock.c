/* SPDX-License-Identifier: MIT */
/*
 * Linked into a program with --wrap, this moves its wall clock: by so many
 * seconds as the eight bytes of the file $PC_TEST_CLOCK say at the time, a
 * number in the machine's own order. The machine's clock stays as it is, and
 * so does what is monotonic.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int __real_clock_gettime(clockid_t id, struct timespec *t);
int __wrap_clock_gettime(clockid_t id, struct timespec *t);
time_t __wrap_time(time_t *out);
int __wrap_gettimeofday(struct timeval *t, void *zone);

/* Mapped, so that no descriptor is held. */
static int64_t moved(void)
{
	static const volatile int64_t *at;
	const char *path = getenv("PC_TEST_CLOCK");
	void *map;
	int fd;

	if (!at && path) {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		map = mmap(NULL, sizeof *at, PROT_READ, MAP_SHARED, fd, 0);
		if (fd < 0 || map == MAP_FAILED)
			abort();
		close(fd);
		at = map;
	}
	return at ? *at : 0;
}

int __wrap_clock_gettime(clockid_t id, struct timespec *t)
{
	int st = __real_clock_gettime(id, t);

	if (st == 0 && id == CLOCK_REALTIME)
		t->tv_sec += (time_t)moved();
	return st;
}

time_t __wrap_time(time_t *out)
{
	struct timespec t;

	if (__wrap_clock_gettime(CLOCK_REALTIME, &t) < 0)
		return -1;
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int __wrap_gettimeofday(struct timeval *out, void *zone)
{
	struct timespec t;

	(void)zone;
	if (__wrap_clock_gettime(CLOCK_REALTIME, &t) < 0)
		return -1;
	out->tv_sec = t.tv_sec;
	out->tv_usec = t.tv_nsec / 1000;
	return 0;
}
