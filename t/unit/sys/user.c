/* SPDX-License-Identifier: MIT */
#include "sys/user.h"

#include "unit/hub/scratch.h"

static int etc;

static bool finds(const char *name, uid_t uid, gid_t gid, const char *home,
		  const char *groups)
{
	char got[200] = "";
	struct err e = { 0 };
	struct user u;

	if (user_find(&u, scratch_path, str_of(name), &e) < 0) {
		tap_diag("%s", e.msg);
		return false;
	}
	for (size_t i = 0; i < u.ngroups; i++)
		snprintf(got + strlen(got), sizeof got - strlen(got), "%u ",
			 (unsigned)u.groups[i]);
	tap_diag("%s: uid %u gid %u home %s groups %s", u.name,
		 (unsigned)u.uid, (unsigned)u.gid, u.home, got);
	return u.uid == uid && u.gid == gid && !strcmp(u.home, home) &&
	       !strcmp(got, groups);
}

static bool fails(const char *name, enum err_code code, const char *words)
{
	struct err e = { 0 };
	struct user u;

	return user_find(&u, scratch_path, str_of(name), &e) < 0 &&
	       e.code == code && strstr(e.msg, words);
}

static void crowd(void)
{
	static char text[20000];
	struct user u;
	size_t n = 0;

	for (int i = 0; i < USER_GROUPS_MAX - 1; i++)
		n += (size_t)sprintf(text + n, "g%d:x:%d:web\n", i, 5000 + i);
	put(etc, "group", text);
	ok(user_find(&u, scratch_path, STR("web"), NULL) == 0 &&
	   u.ngroups == USER_GROUPS_MAX, "as many groups as there may be");
	sprintf(text + n, "one:x:9999:other,web\n");
	put(etc, "group", text);
	ok(fails("web", ERR_FULL, "more than 256 groups"), "and one more");
}

int main(void)
{
	etc = scratch();
	ok(finds("7", 7, 7, "/", ""), "no files: a number");
	ok(fails("web", ERR_NOT_FOUND, "no user web"), "and nobody by name");
	put(etc, "passwd", "root:x:0:0:root:/root:/bin/sh\n"
	    "web:x:33:34::/var/www:/bin/false\n"
	    "+nis\n\nodd:x:minus:1::/:\nlate:x:70000:70000:A,B:/l:\n"
	    "99:x:98:97::/named:\nend:x:5:6::/e");
	ok(finds("web", 33, 34, "/var/www", "34 "), "a name");
	ok(finds("33", 33, 34, "/var/www", "34 "), "his number is he");
	ok(finds("end", 5, 6, "/e", "6 "), "a last line without its end");
	ok(finds("99", 98, 97, "/named", "97 "), "a name that is a number");
	ok(fails("odd", ERR_NOT_FOUND, "no user odd"), "no number");
	ok(fails("we", ERR_NOT_FOUND, "no user we") &&
	   fails("+nis", ERR_NOT_FOUND, "no user"), "not by half");
	put(etc, "group", "web:x:34:\na:x:100:web\nb:x:101:webber,we\n"
	    "c:x:102:x,web,y\nsame:x:34:web\nbad:x::web\n");
	ok(finds("web", 33, 34, "/var/www", "34 100 102 "),
	   "his groups, each once");
	ok(finds("4294967294", 4294967294, 4294967294, "/", ""), "the last");
	ok(fails("4294967295", ERR_NOT_FOUND, "no user") &&
	   fails("-1", ERR_NOT_FOUND, "no user") &&
	   fails("", ERR_NOT_FOUND, "no user"), "which is no number");
	crowd();
	unlinkat(etc, "passwd", 0);
	mkdirat(etc, "passwd", 0755);
	ok(fails("web", ERR_INVALID, "no regular file"), "no file at all");
	return tap_done();
}
