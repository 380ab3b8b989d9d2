/* SPDX-License-Identifier: MIT */
#include "sys/jail.h"

#include "base/fmt.h"
#include "sys/jail_impl.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* "a, b (c)", as far as there is room. */
struct words {
	char text[JAIL_REPORT_SIZE];
	size_t n;
};

struct locks {
	struct words holds, lacks;
	unsigned without, set;
};

static void add(struct words *w, const char *what, const char *more)
{
	size_t room = sizeof w->text - w->n;
	int n = fmt(w->text + w->n, room, "%s%s%s%s%s", w->n ? ", " : "", what,
		    *more ? " (" : "", more, *more ? ")" : "");

	w->n += (size_t)n < room ? (size_t)n : room - 1;
}

static bool here(const struct locks *l, enum jail_lock lock)
{
	errno = ENOSYS;
	return !(l->without & lock);
}

static void note(struct locks *l, enum jail_lock lock, const char *name,
		 int rc, const char *more)
{
	bool missing = errno == ENOSYS || errno == EOPNOTSUPP;

	if (rc == 0) {
		l->set |= lock;
		add(&l->holds, name, more);
	} else {
		add(&l->lacks, name, missing ? "" : strerror(errno));
	}
}

#if JAIL_SANITIZED
void __sanitizer_set_report_fd(void *);

/* No file can be made for it any more. */
static void keep_reports(void)
{
	__sanitizer_set_report_fd((void *)2);
}
#else
static void keep_reports(void)
{
}
#endif

unsigned jail_worker(const struct jail_conf *conf, char *report, size_t size)
{
	struct locks l = { .without = conf->without };
	char scope[64] = "";

	keep_reports();
	note(&l, JAIL_PRIVS, "no new privileges",
	     here(&l, JAIL_PRIVS) ? lock_privs() : -1, "");
	note(&l, JAIL_CAPS, "no capabilities",
	     here(&l, JAIL_CAPS) ? lock_caps() : -1, "");
	note(&l, JAIL_FILES, "landlock", here(&l, JAIL_FILES) ?
	     lock_files(conf->home, scope, sizeof scope) : -1, scope);
	/* Last: the others are calls that it forbids. */
	note(&l, JAIL_CALLS, "seccomp",
	     here(&l, JAIL_CALLS) ? lock_worker_calls() : -1, "");
	fmt(report, size, "holds: %s%s%s",
	    l.holds.n ? l.holds.text : "nothing",
	    l.lacks.n ? "; lacks: " : "", l.lacks.n ? l.lacks.text : "");
	return l.set;
}

void jail_dialer(void)
{
	char scope[64];

	lock_privs();
	lock_caps();
	lock_files(-1, scope, sizeof scope);
	lock_dialer_calls();
}
