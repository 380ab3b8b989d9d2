/* SPDX-License-Identifier: MIT */
#ifndef BASE_LIST_H
#define BASE_LIST_H

/*
 * A doubly linked ring whose nodes are embedded in what they link.
 *
 * list_init() makes a head, or a node that is in no list; list_remove() may
 * be called twice. Found back with CONTAINER().
 *
 *	LIST_EACH(n, &head)
 *		use(CONTAINER(n, struct thing, node));
 *
 * LIST_EACH survives removal of the node it stands on, and of no other.
 */

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
	l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_append(struct list *head, struct list *n)
{
	n->prev = head->prev;
	n->next = head;
	head->prev->next = n;
	head->prev = n;
}

static inline void list_remove(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define LIST_EACH(n, head) \
	for (struct list *n = (head)->next, *n##_next = n->next; \
	     n != (head); n = n##_next, n##_next = n->next)

#endif
