/* list: an intrusive doubly linked list, and the way from a member to its owner.
 *
 * A `struct list` is both the head and the link; a lone one points at itself. The list owns nothing. One thread at a time.
 */
#ifndef LARDER_BASE_LIST_H
#define LARDER_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

/* The struct of `type` whose member `member` is at `pointer`. */
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer) - offsetof(type, member)))

#define list_each(at, head) for (struct list *at = (head)->next; at != (head); at = at->next)
/* The same where the body may remove `at`. */
#define list_each_safe(at, head) \
	for (struct list *at = (head)->next, *at##_next = at->next; at != (head); at = at##_next, at##_next = at->next)

static inline void list_init(struct list *list) { list->next = list->prev = list; }
static inline bool list_is_empty(const struct list *head) { return head->next == head; }

static inline void list_append(struct list *head, struct list *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* Put all of `from` behind what is in `head`; `from` is empty then. */
static inline void list_append_all(struct list *head, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = head->prev;
	head->prev->next = from->next;
	from->prev->next = head;
	head->prev = from->prev;
	list_init(from);
}

/* Harmless on a link that is in no list, as long as it was initialised. */
static inline void list_remove(struct list *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	list_init(link);
}

#endif
