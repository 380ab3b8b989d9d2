/* SPDX-License-Identifier: MIT */
#include "sys/user.h"

#include "base/fmt.h"
#include "sys/file.h"

#include <fcntl.h>
#include <unistd.h>

#define FIELDS 7        /* of a line in passwd; group has four */
#define ID_MAX (UINT32_MAX - 1)         /* the last number means "leave" */

/* The fields of the next line; false at the end. */
static bool next_line(struct str *text, struct str field[FIELDS])
{
	struct str line;

	if (!text->n)
		return false;
	str_cut(*text, '\n', &line, text);
	for (size_t i = 0; i < FIELDS; i++)
		str_cut(line, ':', &field[i], &line);
	return true;
}

/* Absent is empty: a root without /etc has users, too. */
static int read_file(int dir, const char *name, struct arena *a,
		     struct str *text, struct err *e)
{
	*text = STR_NULL;
	if (dir < 0 || file_read(dir, name, USER_FILE_MAX, a, text, e) == 0 ||
	    e->code == ERR_NOT_FOUND)
		return 0;
	return -1;
}

static bool find_passwd(struct user *u, struct str text, struct str name,
			bool by_number)
{
	struct str field[FIELDS];
	uint64_t uid, gid;

	while (next_line(&text, field)) {
		if (!str_eq(field[by_number ? 2 : 0], name) ||
		    !str_to_u64(field[2], ID_MAX, &uid) ||
		    !str_to_u64(field[3], ID_MAX, &gid) ||
		    !str_to_c(field[0], u->name, sizeof u->name) ||
		    !str_to_c(field[5], u->home, sizeof u->home))
			continue;
		u->uid = (uid_t)uid;
		u->gid = (gid_t)gid;
		return true;
	}
	return false;
}

static bool has_member(struct str members, const char *name)
{
	struct str one;

	while (members.n) {
		str_cut(members, ',', &one, &members);
		if (str_is(one, name))
			return true;
	}
	return false;
}

static int find_groups(struct user *u, struct str text, struct err *e)
{
	struct str field[FIELDS];
	uint64_t gid;

	u->groups[0] = u->gid;
	u->ngroups = 1;
	while (next_line(&text, field)) {
		if (!has_member(field[3], u->name) ||
		    !str_to_u64(field[2], ID_MAX, &gid) || gid == u->gid)
			continue;
		if (u->ngroups == USER_GROUPS_MAX)
			return err_set(e, ERR_FULL, "%s is in more than %d "
				       "groups", u->name, USER_GROUPS_MAX);
		u->groups[u->ngroups++] = (gid_t)gid;
	}
	return 0;
}

static int find(struct user *u, int etc, struct str name, struct arena *a,
		struct err *e)
{
	struct str passwd, group;
	uint64_t id;
	bool number = str_to_u64(name, ID_MAX, &id);

	if (read_file(etc, "passwd", a, &passwd, e) < 0 ||
	    read_file(etc, "group", a, &group, e) < 0)
		return -1;
	if (find_passwd(u, passwd, name, false) ||
	    (number && find_passwd(u, passwd, name, true)))
		return find_groups(u, group, e);
	if (!number)
		return err_set(e, ERR_NOT_FOUND, "there is no user %.*s in "
			       "/etc/passwd", STR_ARG(name));
	*u = (struct user){ .uid = (uid_t)id, .gid = (gid_t)id, .home = "/" };
	fmt(u->name, sizeof u->name, "%u", (unsigned)id);
	return 0;
}

int user_find(struct user *u, const char *etc, struct str name, struct err *e)
{
	int dir = open(etc, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	struct err mine = { 0 };
	struct arena a;

	*u = (struct user){ 0 };
	e = e ? e : &mine;
	arena_init(&a, 8 * USER_FILE_MAX);
	rc = find(u, dir, name, &a, e);
	arena_release(&a);
	if (dir >= 0)
		close(dir);
	return rc;
}
