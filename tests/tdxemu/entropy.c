/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers: RDRAND where the CPU has it, else a generator that mixes time stamps (splitmix64). Nothing real is
 * protected by them: this machine's reports are visibly fake.
 */
#include "tests/tdxemu/entropy.h"

#include "arch/x86/insn.h"
#include "include/spec/x86/cpuid.h"
#include "tests/tdxemu/fault.h"

#define RDRAND_TRIES 10	/* SDM volume 1, "Digital Random Number Generator": more failures in a row do not happen */

static u64 mixed_time_stamp(void)
{
	static u64 state;
	u64 x = __atomic_add_fetch(&state, 0x9e3779b97f4a7c15ull, __ATOMIC_RELAXED) ^ rdtsc();

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

static bool cpu_random(u64 *word)
{
	for (u32 i = 0; i < RDRAND_TRIES; i++)
		if (rdrand(word))
			return true;
	return false;
}

bool entropy_take(u64 *words, u32 count)
{
	bool has_rdrand = (cpuid(CPUID_FEATURES, 0).ecx & CPUID_1_ECX_RDRAND) != 0;

	if (fault_platform(PLATFORM_NO_ENTROPY))
		return false;
	for (u32 i = 0; i < count; i++) {
		if (!has_rdrand)
			words[i] = mixed_time_stamp();
		else if (!cpu_random(&words[i]))
			return false;
	}
	return true;
}
