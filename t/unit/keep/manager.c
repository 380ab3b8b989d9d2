/* SPDX-License-Identifier: MIT */
/* What our own service manager hears; here it is this program. */
#include "keep/manager.h"

#include "sys/os.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop loop;
static char name[64], socket_env[96], pid_env[32];
static char heard_[256];
static int fd;

/* The next datagram that is there; "" without one. */
static const char *heard(void)
{
	pid_t pid;
	ssize_t n = os_receive(fd, heard_, sizeof heard_ - 1, &pid, NULL);

	if (n >= 0 && pid != getpid())
		return "from somebody else";
	heard_[n < 0 ? 0 : n] = '\0';
	return heard_;
}

static const char *hear(void)
{
	while (!*heard())
		loop_turn(&loop, 10, NULL);
	return heard_;
}

static bool hears(const char *want)
{
	if (!strcmp(hear(), want))
		return true;
	tap_diag("heard '%s', not '%s'", heard_, want);
	return false;
}

static void tells(void)
{
	char *env[] = { socket_env, NULL };
	struct manager m;
	long long at = os_now_us(), said = 0;

	manager_init(&m, &loop, env);
	manager_status(&m, 3, 0);
	ok(!*heard(), "no status before it is ready");
	manager_ready(&m);
	ok(hears("READY=1"), "ready");
	manager_status(&m, 3, 0);
	ok(hears("STATUS=3 modules"), "status");
	manager_status(&m, 3, 0);
	ok(!*heard() && !m.later.armed, "no news");
	manager_status(&m, 3, 1);
	manager_status(&m, 1, 1);
	ok(!*heard() && m.later.armed, "not more than once a second");
	ok(hears("STATUS=1 module, 1 failing") && !*heard(),
	   "then the last of them alone");
	manager_reloading(&m);
	ok(sscanf(hear(), "RELOADING=1\nMONOTONIC_USEC=%lld", &said) == 1 &&
	   said >= at && said <= os_now_us(), "reloading, and since when");
	manager_ready(&m);
	ok(hears("READY=1"), "ready again");
	manager_stopping(&m);
	ok(hears("STOPPING=1"), "stopping");
	ok(!m.watchdog.armed, "nobody asked for a watchdog");
	manager_release(&m);
}

static void watchdog(void)
{
	char usec[] = "WATCHDOG_USEC=20000", other[] = "WATCHDOG_PID=1";
	char bad[] = "WATCHDOG_USEC=20x";
	char *mine[] = { socket_env, usec, pid_env, NULL };
	char *any[] = { usec, socket_env, NULL };
	char *others[] = { socket_env, usec, other, NULL };
	char *odd[] = { socket_env, bad, NULL };
	struct manager m;
	int64_t at;

	snprintf(pid_env, sizeof pid_env, "WATCHDOG_PID=%d", (int)getpid());
	manager_init(&m, &loop, mine);
	at = os_now_ms();
	manager_ready(&m);
	ok(m.watchdog_ms == 10 && hears("READY=1") && hears("WATCHDOG=1") &&
	   hears("WATCHDOG=1") && os_now_ms() - at >= 10,
	   "twice in the time asked for");
	manager_release(&m);
	while (*heard())
		;
	manager_init(&m, &loop, any);
	ok(m.watchdog_ms == 10, "no pid: it is meant for us");
	manager_release(&m);
	manager_init(&m, &loop, others);
	ok(!m.watchdog_ms, "another's pid: it is not");
	manager_release(&m);
	manager_init(&m, &loop, odd);
	ok(!m.watchdog_ms, "no number: no watchdog");
	manager_release(&m);
}

/* READY=1 is sent again; the rest may be lost. */
static void is_not_heard(void)
{
	char *env[] = { socket_env, NULL }, *none[] = { NULL };
	char odd[] = "NOTIFY_SOCKET=vsock:2:1234";
	char *vsock[] = { odd, NULL };
	struct manager m;
	int n = 0;

	manager_init(&m, &loop, env);
	for (; os_send_to(m.fd, name, "x", 1) == 0; n++)
		;
	manager_ready(&m);
	ok(m.ready_due && m.later.armed, "full after %d: waits for its second",
	   n);
	for (; n > 0; n--)
		heard();
	ok(hears("READY=1") && !m.ready_due, "and says it then");
	manager_release(&m);
	manager_init(&m, &loop, none);
	manager_ready(&m);
	manager_status(&m, 1, 0);
	manager_stopping(&m);
	ok(m.fd < 0 && !m.later.armed, "nobody to tell");
	manager_release(&m);
	manager_init(&m, &loop, vsock);
	manager_status(&m, 1, 0);
	manager_stopping(&m);
	ok(!*heard(), "one that we cannot reach");
	manager_release(&m);
}

int main(void)
{
	struct err e = { 0 };

	alarm(60);
	snprintf(name, sizeof name, "@pc-test/%d", (int)getpid());
	snprintf(socket_env, sizeof socket_env, "NOTIFY_SOCKET=%s", name);
	fd = os_dgram(name);
	if (fd < 0 || loop_init(&loop, &e) < 0)
		return 1;
	tells();
	watchdog();
	is_not_heard();
	return tap_done();
}
