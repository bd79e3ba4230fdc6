/* Which kernels this processor can run. */
#include "store/sha256_kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
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
#endif
