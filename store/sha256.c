#include "store/sha256.h"
#include "store/sha256_kernels.h"

#include <string.h>

#define LEN_FIELD 8 /* the message's length in bits, at the end of the padding */

_Alignas(64) const uint32_t sha256_k[SHA256_ROUNDS] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

const struct sha256_kernel *const *sha256_kernels(void)
{
	static const struct sha256_kernel *const kernels[] = {
#if defined(__x86_64__)
		&sha256_shanix8, &sha256_shanix4, &sha256_avx512x16, &sha256_shanix2, &sha256_avx2x8, &sha256_shani,
#elif defined(__aarch64__)
		&sha256_armv8x2, &sha256_armv8,
#endif
		&sha256_vector4, &sha256_portable, NULL,
	};

	return kernels;
}

const struct sha256_kernel *sha256_kernel_find(const char *name)
{
	for (const struct sha256_kernel *const *at = sha256_kernels(); *at; at++)
		if (strcmp((*at)->name, name) == 0)
			return (*at)->is_supported() ? *at : NULL;
	return NULL;
}

static const struct sha256_kernel *first_supported(const struct sha256_kernel *const kernels[])
{
	while (!(*kernels)->is_supported())
		kernels++;
	return *kernels;
}

static const struct sha256_kernel *best_serial(void)
{
	static const struct sha256_kernel *const order[] = {
#if defined(__x86_64__)
		&sha256_shani,
#elif defined(__aarch64__)
		&sha256_armv8,
#endif
		&sha256_portable,
	};

	return first_supported(order);
}

/* On Zen 4 the SHA unit begins a pair of rounds in each cycle, and AVX-512 goes through the pipes in two halves: there the kernel that
 * uses both is the fastest; where AVX-512 is whole, or the SHA unit slower, AVX-512 alone (docs/BENCHMARKS.md). */
static const struct sha256_kernel *best_wide(void)
{
	static const struct sha256_kernel *const order[] = {
#if defined(__x86_64__)
		&sha256_avx512x16, &sha256_shanix2, &sha256_avx2x8,
#elif defined(__aarch64__)
		&sha256_armv8x2,
#endif
		&sha256_vector4,
	};

#if defined(__x86_64__)
	if (sha256_cpu_is_zen4() && sha256_shanix8.is_supported())
		return &sha256_shanix8;
#endif
	return first_supported(order);
}

/* Half-empty lanes cost as much as full ones: up to which number of messages is the kernel for a few the faster one? */
static void choose_narrow(struct sha256_engine *engine)
{
	engine->narrow = engine->serial;
	engine->narrow_max = engine->wide->lanes / 8;
#if defined(__x86_64__)
	if (engine->wide == &sha256_shanix8) {
		engine->narrow = &sha256_shanix4;
		engine->narrow_max = 6;
	} else if (engine->wide->lanes > 4 && sha256_shanix2.is_supported()) {
		engine->narrow = &sha256_shanix2;
		engine->narrow_max = engine->wide->lanes / 2;
	}
#endif
}

enum err sha256_engine_init(struct sha256_engine *engine, const char *choice, struct why *why)
{
	const struct sha256_kernel *chosen;

	if (!choice) {
		*engine = (struct sha256_engine){.serial = best_serial(), .wide = best_wide()};
		choose_narrow(engine);
		return ERR_OK;
	}
	chosen = sha256_kernel_find(choice);
	if (!chosen)
		return why_set(why, ERR_UNSUPPORTED, "no SHA-256 kernel \"%s\" on this processor; leave the choice to larder", choice);
	engine->narrow = engine->wide = chosen;
	engine->narrow_max = 1;
	engine->serial = chosen->lanes == 1 ? chosen : best_serial();
	return ERR_OK;
}

struct sha256_state sha256_initial(void)
{
	return (struct sha256_state){{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void sha256_write_state(const struct sha256_state *state, uint8_t ret[SHA256_LEN])
{
	for (unsigned i = 0; i < SHA256_LEN; i++)
		ret[i] = (uint8_t)(state->h[i / 4] >> (24 - i % 4 * 8));
}

struct sha256_state sha256_read_state(const uint8_t bytes[SHA256_LEN])
{
	struct sha256_state state = {{0}};

	for (unsigned i = 0; i < SHA256_LEN; i++)
		state.h[i / 4] |= (uint32_t)bytes[i] << (24 - i % 4 * 8);
	return state;
}

void sha256_advance(const struct sha256_engine *engine, struct sha256_state *state, const uint8_t *data, size_t blocks)
{
	engine->serial->advance(&state, &data, 1, blocks);
}

void sha256_advance_many(const struct sha256_engine *engine, struct sha256_state *const states[], const uint8_t *const data[],
			 size_t count, size_t blocks)
{
	while (count > 0) {
		const struct sha256_kernel *kernel = count == 1 ? engine->serial : count <= engine->narrow_max ? engine->narrow : engine->wide;
		unsigned step = count < kernel->lanes ? (unsigned)count : kernel->lanes;

		kernel->advance(states, data, step, blocks);
		states += step;
		data += step;
		count -= step;
	}
}

void sha256_finish(const struct sha256_engine *engine, const struct sha256_state *state, const uint8_t *tail, size_t tail_len,
		   uint64_t total_len, uint8_t ret[SHA256_LEN])
{
	struct sha256_state last = *state;
	size_t whole = tail_len / SHA256_BLOCK, rest = tail_len % SHA256_BLOCK;
	size_t blocks = rest + 1 + LEN_FIELD <= SHA256_BLOCK ? 1 : 2;
	uint8_t padded[2 * SHA256_BLOCK] = {0};

	if (whole)
		sha256_advance(engine, &last, tail, whole);
	if (rest)
		memcpy(padded, tail + whole * SHA256_BLOCK, rest);
	padded[rest] = 0x80;
	for (unsigned i = 0; i < LEN_FIELD; i++)
		padded[blocks * SHA256_BLOCK - 1 - i] = (uint8_t)(total_len << 3 >> 8 * i);
	sha256_advance(engine, &last, padded, blocks);
	sha256_write_state(&last, ret);
}

void sha256_digest(const struct sha256_engine *engine, const void *data, size_t len, uint8_t ret[SHA256_LEN])
{
	struct sha256_state initial = sha256_initial();

	sha256_finish(engine, &initial, data, len, len, ret);
}
