/* SPDX-License-Identifier: MIT */
/*
 * A worker of the front door that has been taken over: linked into pc-front
 * with --wrap, this makes it try what a request tells it to. It tries it
 * itself, from within its jail, on the descriptors it serves with; and, so
 * that an attempt is known to be one, in a worker whose host lacks all locks,
 * in a process of its own. $PC_TEST_WITHOUT is the set of those it lacks.
 *
 *	GET /taken/NUMBER	"GOT WANTED NAME"; 404: there are no more
 *
 * WANTED is "refused" or "done", "lacking" where the host has no lock against
 * it, or "left" where it cannot be judged; of these two nothing is tried.
 */
#define _GNU_SOURCE
#include "unit/sys/jail_files.h"
#include "unit/sys/jail_others.h"
#include "unit/sys/jail_reach.h"

#include "front/front.h"
#include "front/route.h"

#define FDS_MAX 1024

unsigned __real_jail_worker(const struct jail_conf *, char *, size_t);
unsigned __wrap_jail_worker(const struct jail_conf *, char *, size_t);
void __real_route_request(struct httpd_conn *, struct httpd_req *);
void __wrap_route_request(struct httpd_conn *, struct httpd_req *);

static struct cell cell;
static unsigned held;
static bool is_free;

/* Somebody of the same user, to be attacked. */
static pid_t start_victim(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int fd = 0; fd < FDS_MAX; fd++)
		close(fd);
	for (;;)
		pause();
}

unsigned __wrap_jail_worker(const struct jail_conf *conf, char *report,
			    size_t size)
{
	struct jail_conf own = *conf;
	const char *without = getenv("PC_TEST_WITHOUT");

	if (without)
		own.without = (unsigned)strtoul(without, NULL, 10);
	is_free = own.without == ALL;
	cell.victim = start_victim();
	if (cell.victim < 0 || hold_sockets(&cell) < 0)
		abort();
	held = __real_jail_worker(&own, report, size);
	return held;
}

/* Not by its name: the one that is open, and that it writes to. */
static int find_file(int home, const char *name)
{
	struct stat want, st;

	if (fstatat(home, name, &want, 0) < 0)
		return -1;
	for (int fd = 0; fd < FDS_MAX; fd++)
		if (fstat(fd, &st) == 0 && st.st_ino == want.st_ino &&
		    st.st_dev == want.st_dev &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return fd;
	return -1;
}

static int find_socket(bool listens)
{
	struct sockaddr_storage a;
	int is;

	for (int fd = 0; fd < FDS_MAX; fd++) {
		socklen_t n = sizeof a, size = sizeof is;

		if (getsockname(fd, (struct sockaddr *)&a, &n) < 0 ||
		    (a.ss_family != AF_INET && a.ss_family != AF_INET6) ||
		    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is, &size) < 0)
			continue;
		n = sizeof a;
		if (listens ? is : !getpeername(fd, (struct sockaddr *)&a, &n))
			return fd;
	}
	return -1;
}

/* What this worker really has. */
static bool look_about(const struct front *f)
{
	cell.dial = f->dial;
	cell.home = f->home.fd;
	cell.port = f->port;
	cell.parent = getppid();
	cell.data = find_file(cell.home, "hub.db");
	cell.shm = find_file(cell.home, "hub.db-shm");
	cell.listener = find_socket(true);
	cell.accepted = find_socket(false);
	cell.pair[0] = cell.pair[1] = f->dial.fd;
	cell.text = openat(cell.home, "text", O_RDONLY | O_CLOEXEC);
	snprintf(cell.outside, sizeof cell.outside, "%.4000s/../outside",
		 f->home.path);
	return cell.data >= 0 && cell.shm >= 0 && cell.listener >= 0 &&
	       cell.accepted >= 0 && cell.text >= 0 && cell.pair[0] >= 0;
}

/* What goes on, whoever asks for it. */

static int reach_hub_sock(struct cell *c)
{
	struct err e;

	return made(dial_unix(&c->dial, &e));
}

static int reach_port(struct cell *c)
{
	struct err e;

	return made(dial_port(&c->dial, c->port, &e));
}

static int read_home(struct cell *c)
{
	return made(openat(c->home, "text", O_RDONLY));
}

static int write_database_open(struct cell *c)
{
	char byte;

	return pread(c->data, &byte, 1, 0) == 1 ? fdatasync(c->data) : -1;
}

static const struct attempt allowed[] = {
	{ "reach hub.sock by the dialer", reach_hub_sock, 0 },
	{ "reach a port of this host by the dialer", reach_port, 0 },
	{ "read a file of the home", read_home, 0 },
	{ "read and sync hub.db", write_database_open, 0 },
};

static const struct attempt *find_attempt(uint64_t i)
{
	static const struct { const struct attempt *all; size_t n; } tables[] =
		{ { file_attempts, LEN(file_attempts) },
		  { reach_attempts, LEN(reach_attempts) },
		  { other_attempts, LEN(other_attempts) },
		  { allowed, LEN(allowed) } };

	for (size_t t = 0; t < LEN(tables); i -= tables[t++].n)
		if (i < tables[t].n)
			return &tables[t].all[i];
	return NULL;
}

static const char *wanted(unsigned by)
{
	if (!by)
		return "done";
	if (SANITIZED && (by & RUNTIME))
		return "left";
	if (!is_free)
		return by & held & ALL ? "refused" : "lacking";
	return (by & ANYHOW) || ((by & ROOT) && getuid()) ? "left" : "done";
}

static int outcome(const struct attempt *a)
{
	int rc;

	errno = 0;
	rc = a->fn(&cell);
	return rc == 0 ? 0 : errno ? errno : EIO;
}

/* On sockets of its own: others go on to need the worker's. One that runs
 * another program says no more. */
static int outcome_apart(const struct attempt *a)
{
	int p[2], got = 0, status = 0;
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0)
		return errno;
	pid = fork();
	if (!pid) {
		got = hold_sockets(&cell) < 0 || hold_peers(&cell) < 0 ? EIO :
		      outcome(a);
		_exit(write(p[1], &got, sizeof got) < 0);
	}
	close(p[1]);
	if (pid < 0 || read(p[0], &got, sizeof got) < 0)
		got = EIO;
	close(p[0]);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && !WIFEXITED(status))
		got = EIO;
	return got;
}

static void put_outcome(struct buf *out, int got)
{
	if (!got)
		buf_put(out, STR("done"));
	else if (is_refusal(got))
		buf_put(out, STR("refused"));
	else
		buf_printf(out, "errno-%d", got);
}

static void answer(struct front *f, struct buf *out, const struct attempt *a)
{
	const char *want = wanted(a->by);

	if (!look_about(f))
		buf_put(out, STR("unfurnished"));
	else if (*want == 'l')
		buf_put(out, STR("-"));
	else
		put_outcome(out, is_free && a->by ? outcome_apart(a) :
			    outcome(a));
	f->dial = cell.dial;
	close(cell.text);
	buf_printf(out, " %s %s\n", want, a->name);
}

void __wrap_route_request(struct httpd_conn *c, struct httpd_req *req)
{
	const struct attempt *a = NULL;
	struct buf out;
	uint64_t i;

	if (!str_starts(req->path, STR("/taken/"))) {
		__real_route_request(c, req);
		return;
	}
	buf_init(&out, 4096);
	if (str_to_u64(str_skip(req->path, 7), 1000, &i))
		a = find_attempt(i);
	if (a)
		answer(httpd_of(c)->ctx, &out, a);
	httpd_reply(c, a ? 200 : 404, "text/plain", STR_NULL, buf_str(&out));
	buf_release(&out);
}
