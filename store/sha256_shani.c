/* One and two messages with the SHA instructions of x86: what fits into the sixteen registers that these can name. */
#include "store/sha256_shani.h"

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	for (unsigned i = 0; i < count; i++)
		shani_advance(1, states + i, data + i, blocks);
}

static void advance_two(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	if (count == 2)
		shani_advance(2, states, data, blocks);
	else
		advance(states, data, count, blocks);
}

const struct sha256_kernel sha256_shani = {"shani", 1, sha256_cpu_has_shani, advance};
const struct sha256_kernel sha256_shanix2 = {"shanix2", 2, sha256_cpu_has_shani, advance_two};
