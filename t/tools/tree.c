/* SPDX-License-Identifier: MIT */
/*
 * tree [OPTION...] DIR    - a tree of processes that misbehaves as told
 * tree --alive DIR        - which processes of such trees live
 *
 *	--seed N                draw the tree and its traits from N
 *	--depth D --width W     generations below the first process (2), and
 *	                        how many children one has at most (3)
 *	--root LIST             traits of the first process, with commas
 *	--rest LIST             traits of all the others
 *	--ban LIST              these are never drawn
 *	--bind root|late|below|never    who listens on PORT (or --port)
 *	--name NAME             what "rename" calls itself
 *
 * Traits are in the table below. Without a seed the tree is full, D
 * generations of W, and has only the traits that were named.
 *
 * Each start makes a file of its own in DIR and maps it; all that descends
 * from it has the mapping, whatever descriptors, names, users, groups or
 * environment it has by then. --alive finds it in /proc/PID/maps: proof that
 * a process is of a tree, which the program under test knows nothing of. It
 * prints "PID FILE TRAIT,..." a line; DIR may be one that has such directories,
 * then FILE has a slash. A first process that finds an older tree of the same
 * DIR alive adds a line to DIR.double.
 */

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEAF = 1 << 0, SETSID = 1 << 1, SETPGID = 1 << 2, ORPHAN = 1 << 3,
	DYING = 1 << 4, WASH = 1 << 5, DAEMONISE = 1 << 6, FLOOD = 1 << 7,
	ENDLESS = 1 << 8, RENAME = 1 << 9, REAPER = 1 << 10,
	STOPPED = 1 << 11, THREADS = 1 << 12, HEADLESS = 1 << 13,
	STORM = 1 << 14, NOBODY = 1 << 15, CLOSED = 1 << 16, HOP = 1 << 17,
	LEAVE = 1 << 18,
};

/* What it does; of 64 processes that could, so many draw it. */
static const struct {
	const char *name;
	unsigned bit;
	unsigned root, rest;
} traits[] = {
	{ "deaf", DEAF, 16, 24 },       /* ignores TERM, HUP and INT */
	{ "setsid", SETSID, 6, 20 },
	{ "setpgid", SETPGID, 6, 12 },
	{ "orphan", ORPHAN, 0, 20 },    /* its parent is gone */
	{ "dying", DYING, 12, 12 },     /* TERM: forks one that lives on */
	{ "wash", WASH, 16, 16 },       /* overwrites its environment */
	{ "daemonise", DAEMONISE, 3, 0 },       /* exits 0, goes on below */
	{ "flood", FLOOD, 2, 2 },       /* prints for ever */
	{ "endless", ENDLESS, 2, 2 },   /* the same, one line */
	{ "rename", RENAME, 8, 12 },    /* has the name of another */
	{ "reaper", REAPER, 8, 8 },     /* a subreaper in the middle */
	{ "stopped", STOPPED, 2, 6 },   /* SIGSTOP to itself */
	{ "threads", THREADS, 8, 8 },
	{ "headless", HEADLESS, 3, 6 }, /* its first thread has ended */
	{ "storm", STORM, 2, 3 },       /* vforks and executes all the time */
	{ "nobody", NOBODY, 6, 8 },     /* another user, when root */
	{ "closed", CLOSED, 6, 16 },    /* closes every descriptor */
	{ "hop", HOP, 2, 3 },           /* another pid every 10 ms */
	{ "leave", LEAVE, 3, 6 },       /* exits once its children are made */
};

#define NTRAITS (sizeof traits / sizeof *traits)
#define ROWS    1024    /* processes of a tree that are remembered */
#define MOST    48      /* those that fork stop at so many */
#define HOPS    3000    /* a test that fails is over some day */

/* What all processes of a tree share. */
struct table {
	atomic_uint made, hops, used;
	struct { atomic_int pid; unsigned has; } row[ROWS];
};

static struct {
	bool seeded, alive;
	uint64_t seed;
	long depth, width;
	unsigned root, rest, ban;
	const char *bind, *port, *name, *dir;
} o = { .depth = 2, .width = 3, .name = "vault" };

static struct table *tab;
static char tag[4096];          /* the path of our table */
static char *args_at, *env_at;
static size_t args_len, env_len;

extern char **environ;

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "tree: %s: %s\n", what, strerror(errno));
	exit(99);
}

/* splitmix64: the same tree for a seed, on every machine */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
	x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
	return x ^ (x >> 31);
}

static unsigned draw(uint64_t path, unsigned what, unsigned n)
{
	return (unsigned)(mix(mix(o.seed ^ path) + what) % n);
}

static unsigned traits_of(uint64_t path, bool first)
{
	unsigned got = first ? o.root : o.rest;
	size_t i;

	for (i = 0; o.seeded && i < NTRAITS; i++)
		if (draw(path, (unsigned)i, 64) <
		    (first ? traits[i].root : traits[i].rest))
			got |= traits[i].bit & ~o.ban;
	return got;
}

static unsigned traits_named(const char *list)
{
	unsigned got = 0;
	size_t i, n;

	for (; *list; list += n + (list[n] == ',')) {
		n = strcspn(list, ",");
		for (i = 0; i < NTRAITS; i++)
			if (strlen(traits[i].name) == n &&
			    !strncmp(traits[i].name, list, n))
				break;
		if (i == NTRAITS) {
			fprintf(stderr, "tree: no trait %s\n", list);
			exit(2);
		}
		got |= traits[i].bit;
	}
	return got;
}

static void print_traits(unsigned has)
{
	const char *comma = "";
	size_t i;

	for (i = 0; i < NTRAITS; i++)
		if (has & traits[i].bit) {
			printf("%s%s", comma, traits[i].name);
			comma = ",";
		}
	puts(*comma ? "" : "-");
}

/* --- the evidence */

static void nap(int ms)
{
	poll(NULL, 0, ms);
}

/* Its end is the path of the mapping; a file that is gone says so. */
static bool maps_have(const char *maps, const char *dir, char file[256])
{
	FILE *f = fopen(maps, "re");
	char line[4600], *at;
	bool found = false;
	size_t n = strlen(dir);

	while (f && !found && fgets(line, sizeof line, f)) {
		at = strstr(line, dir);
		if (!at || at[n] != '/')
			continue;
		snprintf(file, 256, "%.*s", (int)strcspn(at + n + 1, " \n"),
			 at + n + 1);
		found = true;
	}
	if (f)
		fclose(f);
	return found;
}

/* A first thread that has ended has no maps; the others have. */
static bool is_of(int pid, const char *dir, char file[256])
{
	char path[64];
	struct dirent *e;
	DIR *d;
	bool found;

	snprintf(path, sizeof path, "/proc/%d/maps", pid);
	if (maps_have(path, dir, file))
		return true;
	snprintf(path, sizeof path, "/proc/%d/task", pid);
	d = opendir(path);
	found = false;
	while (d && !found && (e = readdir(d))) {
		int tid = atoi(e->d_name);

		snprintf(path, sizeof path, "/proc/%d/task/%d/maps", pid, tid);
		found = tid > 0 && tid != pid && maps_have(path, dir, file);
	}
	if (d)
		closedir(d);
	return found;
}

/* Who was killed while it made its file has left one of no size. */
static struct table *map_table(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);
	void *at = MAP_FAILED;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (flags & O_CREAT ? !ftruncate(fd, sizeof(struct table)) :
	    !fstat(fd, &st) && st.st_size >= (off_t)sizeof(struct table))
		at = mmap(NULL, sizeof(struct table), PROT_READ |
			  (flags & O_RDWR ? PROT_WRITE : 0), MAP_SHARED,
			  fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static unsigned traits_noted(const char *dir, const char *file, int pid)
{
	char path[4096];
	const struct table *t;
	unsigned i, has = 0;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	t = map_table(path, O_RDONLY);
	for (i = 0; t && i < ROWS; i++)
		if (t->row[i].pid == pid)
			has = t->row[i].has;
	if (t)
		munmap((void *)(uintptr_t)t, sizeof *t);
	return has;
}

static int print_alive(const char *dir)
{
	char file[256];
	struct dirent *e;
	DIR *d = opendir("/proc");

	if (!d)
		die("/proc");
	while ((e = readdir(d))) {
		int pid = atoi(e->d_name);

		if (pid <= 0 || pid == getpid() || !is_of(pid, dir, file))
			continue;
		printf("%d %s ", pid, file);
		print_traits(traits_noted(dir, file, pid));
	}
	closedir(d);
	return 0;
}

static void note(unsigned has)
{
	unsigned at = atomic_fetch_add(&tab->used, 1) % ROWS;

	tab->row[at].has = has;
	tab->row[at].pid = getpid();
}

/* Of each older tree, does a process that it has noted still live? */
static void look_for_others(void)
{
	char path[4096], file[256];
	struct dirent *e;
	DIR *d = opendir(o.dir);
	FILE *f;
	unsigned i;

	while (d && (e = readdir(d))) {
		const struct table *t;

		snprintf(path, sizeof path, "%s/%s", o.dir, e->d_name);
		if (e->d_name[0] == '.' || !strcmp(path, tag) ||
		    !(t = map_table(path, O_RDONLY)))
			continue;
		for (i = 0; i < ROWS; i++) {
			int pid = t->row[i].pid;

			if (!pid || pid == getpid() ||
			    !is_of(pid, o.dir, file) ||
			    strcmp(file, e->d_name))
				continue;
			snprintf(path, sizeof path, "%s.double", o.dir);
			f = fopen(path, "a");
			if (f && fprintf(f, "pid %d of %s lives at the start "
					 "of %d\n", pid, file, getpid()) > 0)
				fclose(f);
		}
		munmap((void *)(uintptr_t)t, sizeof *t);
	}
	if (d)
		closedir(d);
}

static void tag_self(void)
{
	int fd;

	if (mkdir(o.dir, 0755) < 0 && errno != EEXIST)
		die(o.dir);
	snprintf(tag, sizeof tag, "%s/XXXXXX", o.dir);
	fd = mkstemp(tag);
	if (fd < 0)
		die(tag);
	close(fd);
	tab = map_table(tag, O_RDWR | O_CREAT);
	if (!tab)
		die(tag);
	look_for_others();
}

/* --- what they do */

static unsigned mine;           /* our traits, for the signal handler */

static _Noreturn void rest_in_peace(void)
{
	for (;;)
		pause();
}

static void on_term(int sig)
{
	(void)sig;
	if (atomic_fetch_add(&tab->made, 1) < MOST && fork() == 0) {
		setsid();
		signal(SIGTERM, SIG_IGN);
		note(mine | DEAF | SETSID);
		rest_in_peace();
	}
	_exit(0);
}

static void *rest_thread(void *unused)
{
	(void)unused;
	rest_in_peace();
}

static void start_threads(int n)
{
	pthread_t t;

	while (n-- > 0)
		if (pthread_create(&t, NULL, rest_thread, NULL))
			die("thread");
}

static _Noreturn void print_for_ever(bool newlines)
{
	char block[4096];
	unsigned i;

	memset(block, 'x', sizeof block);
	if (newlines)
		block[sizeof block - 1] = block[sizeof block / 2] = '\n';
	for (i = 1;; i++)
		if (write(1, block, sizeof block) < 0)
			nap(50);        /* nobody listens any more */
		else if (i % 16 == 0)
			nap(1);         /* many of us share a machine */
}

static _Noreturn void storm(void)
{
	char self[] = "/proc/self/exe", word[] = "--nothing";
	char *argv[] = { self, word, NULL }, *none[] = { NULL };
	pid_t pid;

	for (;; nap(20))
		if (posix_spawn(&pid, self, NULL, NULL, argv, none))
			nap(50);
}

static _Noreturn void hop(void)
{
	while (atomic_fetch_add(&tab->hops, 1) < HOPS) {
		pid_t pid = fork();

		if (pid > 0)
			_exit(0);
		if (pid == 0)
			note(mine);
		nap(10);
	}
	rest_in_peace();
}

static int listen_on(const char *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd < 0)
		return -1;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)atoi(port));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
	    listen(fd, 16) < 0)
		fprintf(stderr, "tree: port %s: %s\n", port, strerror(errno));
	return fd;
}

static void take_on(unsigned has)
{
	mine = has;
	note(has);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, has & DEAF ? SIG_IGN : SIG_DFL);
	signal(SIGHUP, has & DEAF ? SIG_IGN : SIG_DFL);
	signal(SIGINT, has & DEAF ? SIG_IGN : SIG_DFL);
	if (has & DYING)
		signal(SIGTERM, on_term);
	if (has & SETSID)
		setsid();
	if (has & SETPGID)
		setpgid(0, 0);
	if (has & REAPER)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (has & RENAME) {
		prctl(PR_SET_NAME, o.name, 0, 0, 0);
		memset(args_at, 0, args_len);
		snprintf(args_at, args_len, "%s", o.name);
	}
	if (has & WASH) {
		memset(env_at, 0, env_len);
		*environ = NULL;
	}
	if (has & NOBODY && getuid() == 0 && (setgid(65534) || setuid(65534)))
		die("setuid");
}

static void close_all(void)
{
	long fd, end = sysconf(_SC_OPEN_MAX);

	for (fd = 0; fd < (end > 1024 ? 1024 : end); fd++)
		close((int)fd);
}

static _Noreturn void live(unsigned has)
{
	if (has & CLOSED)
		close_all();
	if (has & LEAVE)
		_exit(0);
	if (has & (THREADS | HEADLESS))
		start_threads(3);
	if (has & STOPPED)
		raise(SIGSTOP);
	if (has & STORM)
		storm();
	if (has & HOP)
		hop();
	if (has & (FLOOD | ENDLESS))
		print_for_ever(has & FLOOD);
	if (has & HEADLESS)
		pthread_exit(NULL);
	rest_in_peace();
}

/* True in the child, which has no parent that knows it, if so wanted. */
static bool fork_off(bool orphan)
{
	pid_t pid;

	if (atomic_fetch_add(&tab->made, 1) >= MOST)
		return false;
	pid = fork();
	if (pid != 0)
		return false;
	return !orphan || fork() == 0 || (_exit(0), false);
}

static _Noreturn void grow(uint64_t path, long depth, bool binds);

static void have_children(uint64_t path, long depth, bool binds)
{
	long i, n = o.seeded ? 1 + draw(path, 100, (unsigned)o.width) :
		o.width;

	for (i = 0; depth > 0 && i < n; i++) {
		uint64_t below = mix(path + (uint64_t)i + 1);

		if (fork_off(traits_of(below, false) & ORPHAN))
			grow(below, depth - 1, binds && i == 0);
	}
}

/* The one that binds "below" is the first leaf. */
static _Noreturn void grow(uint64_t path, long depth, bool binds)
{
	take_on(traits_of(path, false));
	have_children(path, depth, binds);
	if (binds && depth == 0)
		listen_on(o.port);
	live(mine);
}

/* The first process: what it ends with, the keeper takes for our end. */
static _Noreturn void grow_root(void)
{
	static const char *const how[] = { "root", "root", "root", "late",
		"below", "never" };
	unsigned has = traits_of(0, true);
	bool below;

	if (!o.bind)
		o.bind = o.seeded ? how[draw(0, 101, 6)] : "root";
	below = !strcmp(o.bind, "below") && o.depth > 0;
	if (!o.port)
		o.bind = "never";
	take_on(has);
	if (has & DAEMONISE && fork_off(false))
		setsid();
	else if (has & DAEMONISE) {
		nap(20);
		_exit(0);
	}
	note(has);
	have_children(0, o.depth, below);
	if (!strcmp(o.bind, "late"))
		nap(150);
	if (!strcmp(o.bind, "late") || !strcmp(o.bind, "root"))
		listen_on(o.port);
	live(has);
}

static void find_areas(int argc, char **argv)
{
	size_t n;

	args_at = argv[0];
	args_len = (size_t)(argv[argc - 1] - argv[0]) +
		strlen(argv[argc - 1]) + 1;
	env_at = args_at;
	if (!environ[0])
		return;
	for (n = 0; environ[n + 1]; n++)
		;
	env_at = environ[0];
	env_len = (size_t)(environ[n] - environ[0]) + strlen(environ[n]) + 1;
}

static void parse(char **argv)
{
	for (argv++; *argv && **argv == '-'; argv++) {
		const char *name = *argv;

		if (!strcmp(name, "--alive")) {
			o.alive = true;
			continue;
		}
		if (!strcmp(name, "--nothing"))
			_exit(0);
		if (!*++argv)
			break;
		if (!strcmp(name, "--seed")) {
			o.seeded = true;
			o.seed = strtoull(*argv, NULL, 10);
		} else if (!strcmp(name, "--depth"))
			o.depth = atol(*argv);
		else if (!strcmp(name, "--width"))
			o.width = atol(*argv);
		else if (!strcmp(name, "--root"))
			o.root = traits_named(*argv);
		else if (!strcmp(name, "--rest"))
			o.rest = traits_named(*argv);
		else if (!strcmp(name, "--ban"))
			o.ban = traits_named(*argv);
		else if (!strcmp(name, "--bind"))
			o.bind = strdup(*argv);
		else if (!strcmp(name, "--port"))
			o.port = strdup(*argv);
		else if (!strcmp(name, "--name"))
			o.name = strdup(*argv);
		else
			break;
	}
	if (!*argv || **argv == '-' || argv[1] || o.width < 1) {
		fprintf(stderr, "tree: bad usage\n");
		exit(2);
	}
	o.dir = strdup(*argv);
}

int main(int argc, char **argv)
{
	const char *port = getenv("PORT");

	parse(argv);
	if (o.alive)
		return print_alive(o.dir);
	if (!o.port && port)
		o.port = strdup(port);
	find_areas(argc, argv);
	tag_self();
	grow_root();
}
