#include "base/list.h"

#include "support/cmocka.h"

struct item {
	int value;
	struct list link;
};

static void keeps_the_order_and_finds_the_owner(void **state)
{
	struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
	struct list head;
	int expected = 1;

	(void)state;
	list_init(&head);
	assert_true(list_is_empty(&head));
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].link);
	list_each(at, &head)
		assert_int_equal(container_of(at, struct item, link)->value, expected++);
	assert_int_equal(expected, 4);
}

static void may_lose_the_one_that_is_looked_at(void **state)
{
	struct item items[3] = {{.value = 1}, {.value = 2}, {.value = 3}};
	struct list head;

	(void)state;
	list_init(&head);
	for (int i = 0; i < 3; i++)
		list_append(&head, &items[i].link);
	list_each_safe(at, &head)
		if (container_of(at, struct item, link)->value != 2)
			list_remove(at);
	assert_ptr_equal(head.next, &items[1].link);
	assert_ptr_equal(head.prev, &items[1].link);
	list_remove(&items[1].link);
	list_remove(&items[1].link);
	assert_true(list_is_empty(&head));
}

static void takes_all_of_another(void **state)
{
	struct item items[4] = {{.value = 1}, {.value = 2}, {.value = 3}, {.value = 4}};
	struct list head, other;
	int expected = 1;

	(void)state;
	list_init(&head);
	list_init(&other);
	list_append_all(&head, &other);
	assert_true(list_is_empty(&head));
	for (int i = 0; i < 4; i++)
		list_append(i < 2 ? &head : &other, &items[i].link);
	list_append_all(&head, &other);
	assert_true(list_is_empty(&other));
	list_append_all(&head, &other);
	list_each(at, &head)
		assert_int_equal(container_of(at, struct item, link)->value, expected++);
	assert_int_equal(expected, 5);
	assert_ptr_equal(head.prev, &items[3].link);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_order_and_finds_the_owner),
		cmocka_unit_test(may_lose_the_one_that_is_looked_at),
		cmocka_unit_test(takes_all_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
