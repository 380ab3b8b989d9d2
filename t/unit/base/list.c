/* SPDX-License-Identifier: MIT */
#include "base/list.h"

#include "base/str.h"
#include "tap.h"

#include <string.h>

struct letter {
	char name;
	struct list node;
};

static struct letter letters[26];
static struct list head;

/* The list, read forwards; "?" when backwards says something else. */
static const char *spell(void)
{
	static char text[64];
	size_t n = 0, back;

	LIST_EACH(l, &head)
		text[n++] = CONTAINER(l, struct letter, node)->name;
	text[n] = '\0';
	back = n;
	for (struct list *l = head.prev; l != &head; l = l->prev)
		if (!back || CONTAINER(l, struct letter, node)->name !=
		    text[--back])
			return "?";
	return back ? "?" : text;
}

static void fill(int n)
{
	list_init(&head);
	for (int i = 0; i < n; i++) {
		letters[i].name = (char)('a' + i);
		list_init(&letters[i].node);
		list_append(&head, &letters[i].node);
	}
}

static bool spells(const char *want)
{
	return !strcmp(spell(), want);
}

int main(void)
{
	fill(0);
	ok(list_empty(&head) && spells(""), "empty");
	fill(3);
	ok(!list_empty(&head) && spells("abc"), "in the order of appending");
	list_remove(&letters[1].node);
	ok(spells("ac") && list_empty(&letters[1].node),
	   "out of the middle, and by itself again");
	list_remove(&letters[1].node);
	ok(spells("ac"), "twice is fine");
	list_append(&head, &letters[1].node);
	ok(spells("acb"), "in again, at the end");
	list_remove(&letters[0].node);
	list_remove(&letters[1].node);
	ok(spells("c"), "both ends");
	list_remove(&letters[2].node);
	ok(list_empty(&head) && spells(""), "the last one");

	fill(26);
	LIST_EACH(l, &head)
		if (CONTAINER(l, struct letter, node)->name % 2)
			list_remove(l);
	ok(spells("bdfhjlnprtvxz"), "the loop survives what it removes");
	LIST_EACH(l, &head)
		list_remove(l);
	ok(list_empty(&head), "even all of them");

	fill(2);
	LIST_EACH(l, &head) {
		list_remove(l);
		list_append(&head, l);
		if (CONTAINER(l, struct letter, node)->name == 'b')
			break;
	}
	ok(spells("ab"), "moved to the end from within the loop");
	return tap_done();
}
