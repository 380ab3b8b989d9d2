/* SPDX-License-Identifier: MIT */
#include "hub/home.h"
#include "unit/hub/scratch.h"

#include <sys/wait.h>

static char *path(const char *name)
{
	static char out[8][512];
	static unsigned i;

	i = (i + 1) % LEN(out);
	snprintf(out[i], sizeof out[i], "%s/%s", scratch_path, name);
	return out[i];
}

static bool same_file(int fd, const char *name)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(name, &b) == 0 &&
	       a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

/* Opens, and compares the path. */
static bool opens(const char *option, bool make, const char *want)
{
	struct err e = { 0 };
	struct home h;
	bool good;

	if (home_open(&h, option, make, &e) < 0) {
		tap_diag("%s", e.msg);
		return false;
	}
	good = is_text(str_of(h.path), want) && same_file(h.fd, want) &&
	       fcntl(h.fd, F_GETFD) == FD_CLOEXEC;
	home_close(&h);
	return good && h.fd == -1;
}

/* Refuses with that code, and the message holds the words. */
static bool refuses(const char *option, bool make, enum err_code code,
		    const char *words)
{
	struct err e = { 0 };
	struct home h;

	if (home_open(&h, option, make, &e) == 0) {
		home_close(&h);
		return false;
	}
	tap_diag("%s", e.msg);
	return h.fd == -1 && e.code == code && strstr(e.msg, words);
}

static void short_names(void)
{
	static const char *const good[] = {
		"vault", "a", "0", "A.b_c-d", "Ok.name_1-2", "a..b", "hubs",
		"log", "Hub", "parachute-hub",
	};
	static const char *const bad[] = {
		"", ".", "..", ".a", "-a", "_a", "a/b", "../x", "a b", "a\n",
		"a\x7f", "\xc3\xa9", "a%2f", "hub", "front", "operations",
		"channel", "well-known", "cloudflared", "logs", "a:b", "a\\b",
	};
	char text[65];

	for (size_t i = 0; i < LEN(good); i++)
		ok(home_short_ok(guarded(0, str_of(good[i]))), "good: %s",
		   good[i]);
	for (size_t i = 0; i < LEN(bad); i++)
		ok(!home_short_ok(guarded(0, str_of(bad[i]))), "bad: case %zu",
		   i);
	memset(text, 'a', sizeof text);
	ok(home_short_ok((struct str){ text, 64 }), "64 characters");
	ok(!home_short_ok((struct str){ text, 65 }), "65 characters");
	ok(!home_short_ok((struct str){ "a\0b", 3 }), "a NUL");
}

static void chooses(int dir)
{
	mkdirat(dir, "option", 0700);
	mkdirat(dir, "variable", 0700);
	mkdirat(dir, "user", 0700);
	mkdirat(dir, "user/.parachute", 0700);
	setenv("PARACHUTE_HOME", path("variable"), 1);
	setenv("HOME", path("user"), 1);
	ok(opens(path("option"), false, path("option")), "the option first");
	ok(opens(NULL, false, path("variable")), "then PARACHUTE_HOME");
	ok(opens("", false, path("variable")), "an empty option is none");
	setenv("PARACHUTE_HOME", "", 1);
	ok(opens(NULL, false, path("user/.parachute")),
	   "an empty variable is none: then $HOME/.parachute");
	unsetenv("PARACHUTE_HOME");
	ok(opens(NULL, false, path("user/.parachute")), "so is an unset one");
	unsetenv("HOME");
	ok(refuses(NULL, false, ERR_USAGE, "--home"), "none at all");
	setenv("HOME", "", 1);
	ok(refuses(NULL, true, ERR_USAGE, "--home"), "an empty HOME is none");
}

static void relative(void)
{
	if (chdir(scratch_path) < 0)
		scratch_bail("chdir");
	ok(opens("option", false, path("option")), "a relative one");
	ok(opens("option//", false, path("option")), "slashes at its end");
	ok(opens("new/a", true, path("new/a")), "a relative one is made");
	ok(opens("/", false, "/"), "the root");
	if (chdir("/") < 0)
		scratch_bail("chdir");
	ok(opens(path("option") + 1, false, path("option")),
	   "relative to the root");
}

static void makes(int dir)
{
	struct stat st;
	mode_t was = umask(0);

	ok(refuses(path("m"), false, ERR_NOT_FOUND, "does not exist"),
	   "a missing one");
	ok(opens(path("m/n/o"), true, path("m/n/o")), "is made when asked");
	for (size_t i = 0; i < 3; i++) {
		static const char *const all[] = { "m", "m/n", "m/n/o" };

		ok(fstatat(dir, all[i], &st, 0) == 0 &&
		   (st.st_mode & 07777) == 0700, "  %s is 0700", all[i]);
	}
	fchmodat(dir, "m", 0755, 0);
	ok(opens(path("m/n/o"), true, path("m/n/o")), "again is nothing");
	ok(fstatat(dir, "m", &st, 0) == 0 && (st.st_mode & 07777) == 0755,
	   "  and changes no mode");
	umask(was);
}

static void wrong_kinds(int dir)
{
	char longest[5000];

	put(dir, "file", "x");
	ok(refuses(path("file"), false, ERR_INVALID, "not a directory"),
	   "a file");
	ok(refuses(path("file"), true, ERR_INVALID, "not a directory"),
	   "a file, to be made");
	ok(refuses(path("file/x"), true, ERR_INVALID, "not a directory") ||
	   refuses(path("file/x"), true, ERR_SYSTEM, "cannot make"),
	   "below a file");
	symlinkat("option", dir, "link");
	ok(opens(path("link"), false, path("link")), "a link to a directory");
	ok(opens(path("link"), true, path("link")), "  made: it is there");
	symlinkat("nowhere", dir, "dangling");
	ok(refuses(path("dangling"), true, ERR_NOT_FOUND, "does not exist"),
	   "a link to nothing");
	ok(faccessat(dir, "nowhere", F_OK, 0) < 0, "  nothing is made");
	memset(longest, 'a', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	longest[0] = '/';
	ok(refuses(longest, true, ERR_USAGE, "long"), "too long");
	if (chdir(scratch_path) < 0)
		scratch_bail("chdir");
	ok(refuses(longest + 5000 - 4090, true, ERR_USAGE, "too long"),
	   "too long with where we are");
}

/* As another user: 0 refused as it should be, 1 not. */
static int as_nobody(void)
{
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 2;
	if (!refuses(path("roots"), false, ERR_DENIED, "entered"))
		return 1;
	if (!refuses(path("strangers"), false, ERR_DENIED, "belongs to uid"))
		return 1;
	if (!opens(path("open-roots"), false, path("open-roots")))
		return 1;
	if (!opens(path("own"), false, path("own")))
		return 1;
	if (!refuses(path("no-search"), false, ERR_DENIED, "entered"))
		return 1;
	return 0;
}

static void strangers(int dir)
{
	int status = -1;
	pid_t pid;

	if (getuid() != 0) {
		ok(true, "owners # SKIP needs root");
		return;
	}
	chmod(scratch_path, 0755);
	mkdirat(dir, "roots", 0700);
	mkdirat(dir, "open-roots", 0755);
	mkdirat(dir, "strangers", 0755);
	mkdirat(dir, "own", 0700);
	mkdirat(dir, "no-search", 0600);
	if (fchownat(dir, "strangers", 12345, 12345, 0) < 0 ||
	    fchownat(dir, "own", 65534, 65534, 0) < 0 ||
	    fchownat(dir, "no-search", 65534, 65534, 0) < 0)
		scratch_bail("chown");
	ok(opens(path("strangers"), false, path("strangers")),
	   "root enters any");
	pid = fork();
	if (pid == 0)
		_exit(as_nobody());
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	   "others enter their own and root's, no stranger's");
}

static bool sock_is(const struct home *h, const char *variable,
		    const char *dir, const char *want)
{
	struct err e = { 0 };
	const char *name = NULL;
	bool good;
	int fd;

	if (variable)
		setenv("PARACHUTE_HUB_SOCK", variable, 1);
	else
		unsetenv("PARACHUTE_HUB_SOCK");
	fd = home_sock(h, &name, &e);
	if (!dir) {
		tap_diag("%s", e.msg);
		return fd == -1 && e.code;
	}
	good = fd >= 0 && fd != h->fd && same_file(fd, dir) &&
	       strcmp(name, want) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC;
	if (fd >= 0)
		close(fd);
	return good;
}

static void socks(void)
{
	struct err e = { 0 };
	struct home h;

	if (home_open(&h, path("option"), false, &e) < 0)
		scratch_bail(e.msg);
	ok(sock_is(&h, NULL, path("option"), "hub.sock"), "in the home");
	ok(sock_is(&h, "", path("option"), "hub.sock"), "empty is unset");
	ok(sock_is(&h, path("user/s.sock"), path("user"), "s.sock"),
	   "where PARACHUTE_HUB_SOCK says");
	ok(sock_is(&h, "/s.sock", "/", "s.sock"), "in the root");
	ok(sock_is(&h, "s.sock", ".", "s.sock"), "a bare name is here");
	ok(sock_is(&h, path("user/"), NULL, NULL), "no name: refused");
	ok(sock_is(&h, path("user/.."), NULL, NULL), "..: refused");
	ok(sock_is(&h, path("missing/s.sock"), NULL, NULL),
	   "no directory: refused");
	unsetenv("PARACHUTE_HUB_SOCK");
	home_close(&h);
	home_close(&h);
}

int main(void)
{
	int dir = scratch();

	short_names();
	chooses(dir);
	relative();
	makes(dir);
	wrong_kinds(dir);
	strangers(dir);
	socks();
	close(dir);
	return tap_done();
}
