/* Which kernels this processor can run. */
#include "store/sha256_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <sys/auxv.h>
#define HWCAP_SHA2_BIT (1UL << 6) /* Linux, arch/arm64/include/uapi/asm/hwcap.h */
#endif

bool sha256_cpu_any(void)
{
	return true;
}

#if defined(__x86_64__)
/* gcc before 14 does not know "sha" in __builtin_cpu_supports. */
bool sha256_cpu_has_shani(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) || !(ebx & bit_SHA))
		return false;
	return __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("sse4.1");
}

bool sha256_cpu_has_avx2(void)
{
	return __builtin_cpu_supports("avx2");
}

bool sha256_cpu_has_avx512(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
}

bool sha256_cpu_has_shani_and_avx512(void)
{
	return sha256_cpu_has_shani() && sha256_cpu_has_avx512();
}

/* Family 19h is Zen 3 and Zen 4, of which only the latter has AVX-512. */
bool sha256_cpu_is_zen4(void)
{
	unsigned eax, ebx, ecx, edx;

	if (!__get_cpuid(0, &eax, &ebx, &ecx, &edx) || ebx != signature_AMD_ebx || ecx != signature_AMD_ecx)
		return false;
	if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx))
		return false;
	return (eax >> 8 & 0xF) + (eax >> 20 & 0xFF) == 0x19 && sha256_cpu_has_avx512();
}
#elif defined(__aarch64__)
bool sha256_cpu_has_armv8(void)
{
	return getauxval(AT_HWCAP) & HWCAP_SHA2_BIT;
}
#endif
