/* SPDX-License-Identifier: MIT */
#include "keep/notify.h"

#include "base/fmt.h"
#include "keep/sup.h"
#include "keep/sweep.h"
#include "sys/fd.h"
#include "sys/log.h"
#include "sys/os.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define DATAGRAM_MAX 4096       /* as much as systemd takes */
#define BATCH 16                /* a turn: a chatty one is not alone here */
#define SPARE_FDS 64            /* else a pipe for NOTIFY_FD is a luxury */
#define WATCHDOG_MAX_MS 86400000

/* The words */

static void take_word(struct notify_words *w, struct str key, struct str value)
{
	if (str_is(key, "READY"))
		w->ready = w->ready || str_is(value, "1");
	else if (str_is(key, "STOPPING"))
		w->stopping = w->stopping || str_is(value, "1");
	else if (str_is(key, "RELOADING"))
		w->reloading = w->reloading || str_is(value, "1");
	else if (str_is(key, "STATUS")) {
		w->has_status = true;
		w->status = value;
	} else if (str_is(key, "WATCHDOG")) {
		w->alive = w->alive || str_is(value, "1");
		w->trigger = w->trigger || str_is(value, "trigger");
	} else if (str_is(key, "WATCHDOG_USEC")) {
		w->has_usec = str_to_u64(value, UINT64_MAX, &w->usec);
	}
}

void notify_parse(struct notify_words *w, struct str rest)
{
	struct str line, key, value;

	*w = (struct notify_words){ .status = STR_NULL };
	while (rest.n) {
		str_cut(rest, '\n', &line, &rest);
		if (str_cut(line, '=', &key, &value))
			take_word(w, key, value);
	}
}

/* What they do */

static void on_silence(struct loop *l, struct timer *t)
{
	struct mod *m = CONTAINER(t, struct mod, notice.watchdog);

	(void)l;
	if (m->state != SM_UP && m->state != SM_EXECING)
		return;
	mod_say(m, "its watchdog heard nothing for %lld ms",
		(long long)m->notice.watchdog_ms);
	sup_end(m->sup, m, END_WATCHDOG);
}

static void set_watchdog(struct mod *m, uint64_t usec)
{
	uint64_t ms = usec / 1000 + (usec % 1000 != 0);

	m->notice.watchdog_ms = ms < WATCHDOG_MAX_MS ? (int64_t)ms :
		WATCHDOG_MAX_MS;
	if (!usec)
		loop_cancel(m->sup->loop, &m->notice.watchdog);
}

static void become_ready(struct mod *m, bool by_fd)
{
	struct notice *n = &m->notice;

	n->reloading = false;
	if (n->ready)
		return;
	n->ready = true;
	n->by_fd = by_fd;
	/* It knows better whether it has to listen. */
	if (mod_has_fault(m, ERROR_UNBOUND))
		m->error = (struct start_error){ 0 };
	mod_say(m, "says that it is ready, after %d ms",
		(int)(os_now_ms() - m->started_ms));
}

/* A copy that ends where a character ends. */
static void take_status(struct notice *n, struct str text)
{
	struct str cut = str_take(text, sizeof n->status - 1);

	while (cut.n && cut.n < text.n && (text.p[cut.n] & 0xc0) == 0x80)
		cut.n--;
	if (!str_to_c(cut, n->status, sizeof n->status))
		n->status[0] = '\0';
}

static void take_words(struct mod *m, const struct notify_words *w)
{
	struct notice *n = &m->notice;

	if (w->reloading)
		n->reloading = true;
	if (w->ready)
		become_ready(m, false);
	if (w->stopping)
		n->stopping = true;
	if (w->has_status)
		take_status(n, w->status);
	if (w->has_usec)
		set_watchdog(m, w->usec);
	if (n->watchdog_ms && (w->alive || w->has_usec))
		loop_in(m->sup->loop, &n->watchdog, n->watchdog_ms);
	if (w->trigger)
		sup_end(m->sup, m, END_WATCHDOG);
	sup_touch(m->sup);
}

/* Who sent in this turn: to look up a line of parents costs. */
struct senders {
	struct { pid_t pid; struct mod *mod; } all[BATCH];
	size_t n;
};

static struct mod *sender(struct sup *s, struct senders *seen, pid_t pid,
			  uid_t uid)
{
	for (size_t i = 0; i < seen->n; i++)
		if (seen->all[i].pid == pid)
			return seen->all[i].mod;
	seen->all[seen->n].pid = pid;
	seen->all[seen->n].mod = sweep_find(s, pid, uid);
	return seen->all[seen->n++].mod;
}

static void on_datagram(struct loop *l, struct watch *w, unsigned events)
{
	struct sup *s = CONTAINER(w, struct sup, notifier.watch);
	struct senders seen = { .n = 0 };
	char text[DATAGRAM_MAX];
	struct notify_words words;
	struct mod *m;
	uid_t uid = 0;
	ssize_t n;
	pid_t pid;

	(void)l;
	(void)events;
	for (int i = 0; i < BATCH; i++) {
		n = os_receive(w->fd, text, sizeof text, &pid, &uid);
		if (n < 0)
			return;
		m = pid > 0 ? sender(s, &seen, pid, uid) : NULL;
		if (!m || (size_t)n > sizeof text) {
			s->notifier.ignored++;
			continue;
		}
		notify_parse(&words, (struct str){ text, (size_t)n });
		if (m->pid)             /* else its run is over */
			take_words(m, &words);
	}
}

static void on_byte(struct loop *l, struct watch *w, unsigned events)
{
	struct mod *m = CONTAINER(w, struct mod, notice.watch);
	char c;
	ssize_t n = read(w->fd, &c, 1);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	loop_forget(l, w);
	if (n == 1) {
		become_ready(m, true);
		sup_touch(m->sup);
	} else {
		fd_close(&m->notice.fd);        /* nobody can write any more */
	}
}

/* Runs */

/* What the next module cannot do without must not be spent on this one. */
static bool is_roomy(void)
{
	struct rlimit lim;

	return getrlimit(RLIMIT_NOFILE, &lim) == 0 &&
	       lim.rlim_cur >= fd_count(FD_FREE) + SPARE_FDS;
}

static bool make_pipe(struct mod *m)
{
	struct notice *n = &m->notice;
	int p[2];

	if (!is_roomy() || os_pipe(p) < 0)
		return false;
	n->fd = fd_own(p[0], FD_NOTIFY, m->id);
	n->far = fd_own(p[1], FD_NOTIFY, m->id);
	return n->fd >= 0 && n->far >= 0 && os_set_nonblock(n->fd) == 0 &&
	       loop_watch(m->sup->loop, &n->watch, n->fd, LOOP_READ,
			  NULL) == 0;
}

void notify_prepare(struct mod *m)
{
	notify_ended(m);
	if (!make_pipe(m))
		notify_ended(m);
}

void notify_launched(struct mod *m)
{
	fd_close(&m->notice.far);
	if (!m->pid)
		notify_ended(m);
}

void notify_ended(struct mod *m)
{
	struct notice *n = &m->notice;

	loop_cancel(m->sup->loop, &n->watchdog);
	loop_forget(m->sup->loop, &n->watch);
	fd_close(&n->fd);
	fd_close(&n->far);
	notify_mod_init(m);
}

void notify_mod_init(struct mod *m)
{
	m->notice = (struct notice){ .watchdog = TIMER_INIT(on_silence),
		.watch = WATCH_INIT(on_byte), .fd = -1, .far = -1 };
}

void notify_init(struct sup *s)
{
	struct notifier *n = &s->notifier;
	unsigned char dice[16];
	struct err e = { 0 };

	*n = (struct notifier){ .fd = -1, .watch = WATCH_INIT(on_datagram) };
	if (os_random(dice, sizeof dice) < 0)
		return;
	fmt(n->name, sizeof n->name, "@pc/");
	for (size_t i = 0; i < sizeof dice; i++)
		fmt(n->name + 4 + 2 * i, 3, "%02x", dice[i]);
	n->fd = fd_own(os_dgram(n->name), FD_NOTIFY, 0);
	if (n->fd < 0)
		err_sys(&e, "socket");
	else if (loop_watch(s->loop, &n->watch, n->fd, LOOP_READ, &e) == 0)
		return;
	log_say("modules get no NOTIFY_SOCKET: %s", e.msg);
	fd_close(&n->fd);
}

void notify_release(struct sup *s)
{
	loop_forget(s->loop, &s->notifier.watch);
	fd_close(&s->notifier.fd);
}
