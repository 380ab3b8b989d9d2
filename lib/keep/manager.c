/* SPDX-License-Identifier: MIT */
#include "keep/manager.h"

#include "base/fmt.h"
#include "base/str.h"
#include "sys/fd.h"
#include "sys/os.h"

#include <string.h>
#include <unistd.h>

#define PACE_MS 1000

static const char *get(char *const *environ, const char *name)
{
	struct str key, value;

	for (; *environ; environ++)
		if (str_cut(str_of(*environ), '=', &key, &value) &&
		    str_is(key, name))
			return value.p;
	return NULL;
}

static bool send_text(struct manager *m, const char *text)
{
	return m->fd < 0 ||
	       os_send_to(m->fd, m->socket, text, strlen(text)) == 0;
}

static void send_status(struct manager *m)
{
	char text[MANAGER_STATUS_SIZE + 16];

	memcpy(m->status, m->next, sizeof m->status);
	m->status_ms = os_now_ms();
	fmt(text, sizeof text, "STATUS=%s", m->status);
	send_text(m, text);
}

static void send_ready(struct manager *m)
{
	m->ready_due = !send_text(m, "READY=1");
	if (m->ready_due)
		loop_in(m->loop, &m->later, PACE_MS);
}

static void on_later(struct loop *l, struct timer *t)
{
	struct manager *m = CONTAINER(t, struct manager, later);

	(void)l;
	if (m->ready_due)
		send_ready(m);
	if (strcmp(m->status, m->next) != 0)
		send_status(m);
}

static void on_watchdog(struct loop *l, struct timer *t)
{
	struct manager *m = CONTAINER(t, struct manager, watchdog);

	send_text(m, "WATCHDOG=1");
	loop_in(l, t, m->watchdog_ms);
}

void manager_ready(struct manager *m)
{
	m->told_ready = true;
	send_ready(m);
	if (m->watchdog_ms && !m->watchdog.armed)
		on_watchdog(m->loop, &m->watchdog);
}

/* In microseconds: it must not lie before the signal that asked for it. */
void manager_reloading(struct manager *m)
{
	char text[64];

	fmt(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
	    (long long)os_now_us());
	send_text(m, text);
}

void manager_stopping(struct manager *m)
{
	m->ready_due = false;
	send_text(m, "STOPPING=1");
}

void manager_status(struct manager *m, size_t modules, size_t failing)
{
	char text[MANAGER_STATUS_SIZE];
	int n;

	if (m->fd < 0 || !m->told_ready)
		return;
	n = fmt(text, sizeof text, "%zu module%s", modules,
		modules == 1 ? "" : "s");
	if (failing)
		fmt(text + n, sizeof text - (size_t)n, ", %zu failing",
		    failing);
	if (strcmp(text, m->next) == 0)
		return;
	memcpy(m->next, text, sizeof m->next);
	if (m->later.armed)
		return;
	if (m->status_ms && os_now_ms() - m->status_ms < PACE_MS)
		loop_at(m->loop, &m->later, m->status_ms + PACE_MS);
	else
		send_status(m);
}

/* The manager names whom it watches; a shell in between is not us. */
static int64_t watchdog_of(char *const *environ)
{
	const char *pid = get(environ, "WATCHDOG_PID");
	uint64_t usec, who = 0;

	if (!str_to_u64(str_of(get(environ, "WATCHDOG_USEC")),
			UINT64_MAX / 2, &usec) || !usec)
		return 0;
	if (pid && (!str_to_u64(str_of(pid), INT32_MAX, &who) ||
		    who != (uint64_t)getpid()))
		return 0;
	return usec / 2000 ? (int64_t)(usec / 2000) : 1;
}

void manager_init(struct manager *m, struct loop *l, char *const *environ)
{
	*m = (struct manager){ .loop = l, .fd = -1,
		.later = TIMER_INIT(on_later),
		.watchdog = TIMER_INIT(on_watchdog) };
	m->socket = get(environ, "NOTIFY_SOCKET");
	if (!m->socket)
		return;
	m->fd = fd_own(os_dgram(NULL), FD_MANAGER, 0);
	if (m->fd >= 0)
		m->watchdog_ms = watchdog_of(environ);
}

void manager_release(struct manager *m)
{
	loop_cancel(m->loop, &m->later);
	loop_cancel(m->loop, &m->watchdog);
	fd_close(&m->fd);
}
