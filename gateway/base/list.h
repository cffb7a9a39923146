/* list.h - a doubly linked list whose links are in the things themselves. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stddef.h>

struct list_link {
	struct list_link *prev, *next;
};

/* The head is a link too: empty when it names itself. */
static inline void list_init(struct list_link *head)
{
	head->prev = head->next = head;
}

static inline int list_empty(const struct list_link *head)
{
	return head->next == head;
}

static inline void list_add(struct list_link *head, struct list_link *link) /* at the end */
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* All of one list to the end of another. */
static inline void list_move_all(struct list_link *from, struct list_link *to)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

/* Takes it out; a link that is zeroed or taken out already is fine. */
static inline void list_take(struct list_link *link)
{
	if (!link->next)
		return;
	link->prev->next = link->next;
	link->next->prev = link->prev;
	link->prev = link->next = NULL;
}

#define list_of(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#endif
