#include "node/gateway_asked.h"
#include "support/cmocka.h"

static struct digest digest_number(unsigned number)
{
	uint8_t bytes[32] = {(uint8_t)number, (uint8_t)(number >> 8), 1};

	return digest_of_sha256(bytes);
}

static void more_than_a_quarter_is_all(void **state)
{
	struct gateway_asked asked = {0};
	struct digest one = digest_number(1), other = digest_number(2);

	(void)state;
	assert_false(gateway_asked_add(&asked, &one, 1000, 200));
	assert_false(gateway_asked_add(&asked, &other, 1000, 200));
	assert_false(gateway_asked_add(&asked, &one, 1000, 50));
	assert_true(gateway_asked_add(&asked, &one, 1000, 1));
	assert_true(gateway_asked_add(&asked, &one, 1000, UINT64_MAX));
	assert_true(gateway_asked_add(&asked, &one, 1000, UINT64_MAX));
	assert_false(gateway_asked_add(&asked, &other, 1000, 50));
	assert_true(gateway_asked_add(&asked, &other, 1000, 1000));
}

static void those_not_asked_for_are_forgotten(void **state)
{
	struct gateway_asked asked = {0};
	struct digest kept = digest_number(9999), lost = digest_number(9998);

	(void)state;
	assert_false(gateway_asked_add(&asked, &lost, 1000, 250));
	assert_false(gateway_asked_add(&asked, &kept, 1000, 250));
	for (unsigned i = 0; i < GATEWAY_ASKED_MAX; i++) {
		struct digest digest = digest_number(i);
		assert_false(gateway_asked_add(&asked, &digest, 1000, 1));
		assert_false(gateway_asked_add(&asked, &kept, 1000, 0));
	}
	assert_true(gateway_asked_add(&asked, &kept, 1000, 1));
	assert_false(gateway_asked_add(&asked, &lost, 1000, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_than_a_quarter_is_all),
		cmocka_unit_test(those_not_asked_for_are_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
