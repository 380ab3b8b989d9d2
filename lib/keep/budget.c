/* SPDX-License-Identifier: MIT */
#include "keep/budget.h"

void budget_clear(struct budget *b)
{
	*b = (struct budget){ 0 };
}

static void prune(struct budget *b, int64_t now)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < b->n; i++)
		if (b->stamp[i] >= now - CRASH_WINDOW_MS)
			b->stamp[kept++] = b->stamp[i];
	b->n = kept;
}

static int64_t jitter(int64_t ms, uint32_t dice)
{
	return ms - ms / 5 + (int64_t)(dice % 1000) * (2 * (ms / 5)) / 1000;
}

bool budget_crash(struct budget *b, int64_t now, int64_t alive_ms,
		  uint32_t dice, int64_t *delay_ms)
{
	if (alive_ms >= STABLE_MS)
		budget_clear(b);
	prune(b, now);
	if (b->n < CRASH_MAX)
		b->stamp[b->n++] = now;
	else
		b->stamp[CRASH_MAX - 1] = now;
	if (!b->spent && b->n < CRASH_MAX) {
		*delay_ms = b->n == 1 ? 0 : RESTART_DELAY_MS;
		return true;
	}
	b->spent = true;
	if (!b->slow_ms)
		b->slow_ms = SLOW_RETRY_MS;
	else if (b->slow_ms < SLOW_RETRY_MAX_MS / 2)
		b->slow_ms *= 2;
	else
		b->slow_ms = SLOW_RETRY_MAX_MS;
	*delay_ms = jitter(b->slow_ms, dice);
	return false;
}

int64_t budget_slow(const struct budget *b, uint32_t dice)
{
	return jitter(b->slow_ms ? b->slow_ms : SLOW_RETRY_MS, dice);
}

unsigned budget_count(const struct budget *b, int64_t now, int64_t alive_ms)
{
	unsigned n = 0;

	if (alive_ms >= STABLE_MS)
		return 0;
	for (unsigned i = 0; i < b->n; i++)
		n += b->stamp[i] >= now - CRASH_WINDOW_MS;
	return b->spent && n < CRASH_MAX ? CRASH_MAX : n;
}
