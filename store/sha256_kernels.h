/* sha256_kernels: what the kernels of sha256.h share; for store/sha256*.c only.
 *
 * Each kernel has a file of its own, compiled for the instructions that it needs: nothing in such a file may run before its
 * is_supported(), which therefore lives in sha256_cpu.c, compiled for any processor of the architecture.
 */
#ifndef LARDER_STORE_SHA256_KERNELS_H
#define LARDER_STORE_SHA256_KERNELS_H

#include "store/sha256.h"

/* Loops over a constant number of rounds must be unrolled, or the arrays in them would not live in registers. */
#ifdef __clang__
#define SHA256_UNROLL _Pragma("clang loop unroll(full)")
#else
#define SHA256_UNROLL _Pragma("GCC unroll 64")
#endif

#define SHA256_INLINE static inline __attribute__((always_inline))

#define SHA256_ROUNDS 64

extern const uint32_t sha256_k[SHA256_ROUNDS]; /* FIPS 180-4, 4.2.2; aligned to 64 bytes */

extern const struct sha256_kernel sha256_portable, sha256_vector4;
bool sha256_cpu_any(void); /* true */

#if defined(__x86_64__)
extern const struct sha256_kernel sha256_shani, sha256_shanix2, sha256_shanix4, sha256_shanix8, sha256_avx2x8, sha256_avx512x16;
bool sha256_cpu_has_shani(void);
bool sha256_cpu_has_avx2(void);
bool sha256_cpu_has_avx512(void); /* F, BW, VL */
bool sha256_cpu_has_shani_and_avx512(void);
bool sha256_cpu_is_zen4(void);
#elif defined(__aarch64__)
extern const struct sha256_kernel sha256_armv8, sha256_armv8x2;
bool sha256_cpu_has_armv8(void);
#endif

#endif
