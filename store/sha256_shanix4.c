/* Four messages with the SHA instructions of x86, for Zen 4: one pair of rounds begins in every cycle there, so that it takes four
 * messages to fill the unit. Their schedules do not fit into sixteen registers; AVX-512 has sixteen more to put words aside in. */
#include "store/sha256_shani.h"

static void advance(struct sha256_state *const states[], const uint8_t *const data[], unsigned count, size_t blocks)
{
	if (count == 4) {
		shani_advance(4, states, data, blocks);
		return;
	}
	if (count >= 2)
		shani_advance(2, states, data, blocks);
	if (count & 1)
		shani_advance(1, states + count - 1, data + count - 1, blocks);
}

const struct sha256_kernel sha256_shanix4 = {"shanix4", 4, sha256_cpu_has_shani_and_avx512, advance};
