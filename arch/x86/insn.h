/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One inline function per instruction; the only inline assembly of the hypervisor. Complete clobbers, no policy.
 * Depends on nothing but integer types, so that other bare-metal programs of this repository can use it too.
 */
#ifndef ARCH_X86_INSN_H
#define ARCH_X86_INSN_H

#include "include/cella/types.h"

struct cpuid_regs {
	u32 eax, ebx, ecx, edx;
};

static inline struct cpuid_regs cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid_regs regs;

	__asm__ volatile("cpuid"
			 : "=a"(regs.eax), "=b"(regs.ebx), "=c"(regs.ecx), "=d"(regs.edx)
			 : "a"(leaf), "c"(subleaf));
	return regs;
}

static inline u64 rdmsr(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr) : "memory");
	return (u64)high << 32 | low;
}

static inline void wrmsr(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (u64)high << 32 | low;
}

static inline u64 rdpmc(u32 counter)
{
	u32 low, high;

	__asm__ volatile("rdpmc" : "=a"(low), "=d"(high) : "c"(counter));
	return (u64)high << 32 | low;
}

/** rdrand(), rdseed() - false: the generator had nothing */
static inline bool rdrand(u64 *value)
{
	bool done;

	__asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(done) : : "cc");
	return done;
}

static inline bool rdseed(u64 *value)
{
	bool done;

	__asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(done) : : "cc");
	return done;
}

static inline u8 inb(u16 port)
{
	u8 value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u16 inw(u16 port)
{
	u16 value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline u32 inl(u16 port)
{
	u32 value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void outb(u16 port, u8 value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outw(u16 port, u16 value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(u16 port, u32 value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

#define DEFINE_CR(n) \
	static inline u64 read_cr##n(void) \
	{ \
		u64 value; \
\
		__asm__ volatile("mov %%cr" #n ", %0" : "=r"(value) : : "memory"); \
		return value; \
	} \
	static inline void write_cr##n(u64 value) \
	{ \
		__asm__ volatile("mov %0, %%cr" #n : : "r"(value) : "memory"); \
	}
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
DEFINE_CR(8)
#undef DEFINE_CR

#define DEFINE_DR(n) \
	static inline u64 read_dr##n(void) \
	{ \
		u64 value; \
\
		__asm__ volatile("mov %%db" #n ", %0" : "=r"(value)); \
		return value; \
	} \
	static inline void write_dr##n(u64 value) \
	{ \
		__asm__ volatile("mov %0, %%db" #n : : "r"(value)); \
	}
DEFINE_DR(0)
DEFINE_DR(1)
DEFINE_DR(2)
DEFINE_DR(3)
DEFINE_DR(6)
DEFINE_DR(7)
#undef DEFINE_DR

static inline void xsetbv(u32 index, u64 value)
{
	__asm__ volatile("xsetbv" : : "c"(index), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static inline u64 read_flags(void)
{
	u64 flags;

	__asm__ volatile("pushfq; popq %0" : "=r"(flags) : : "memory");
	return flags;
}

static inline void sti(void)
{
	__asm__ volatile("sti" : : : "memory");
}

static inline void cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}

static inline void hlt(void)
{
	__asm__ volatile("hlt" : : : "memory");
}

/** sti_hlt() - enable interrupts and halt with no window between the two */
static inline void sti_hlt(void)
{
	__asm__ volatile("sti; hlt" : : : "memory");
}

static inline void pause(void)
{
	__asm__ volatile("pause" : : : "memory");
}

static inline void wbinvd(void)
{
	__asm__ volatile("wbinvd" : : : "memory");
}

static inline void mfence(void)
{
	__asm__ volatile("mfence" : : : "memory");
}

static inline void lfence(void)
{
	__asm__ volatile("lfence" : : : "memory");
}

static inline void invlpg(const void *address)
{
	__asm__ volatile("invlpg %0" : : "m"(*(const char *)address) : "memory");
}

/** movdir64b() - store 64 bytes past the caches. @to: 64-byte aligned. @from: 64 bytes, any alignment */
static inline void movdir64b(void *to, const void *from)
{
	/* 66 0F 38 F8 /r: destination address in a register, source in memory; encoded for RAX and [RDX] */
	__asm__ volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0x02" : : "a"(to), "d"(from) : "memory");
}

struct table_pointer {
	u16 limit;
	u64 base;
} __packed;

static inline void lgdt(const struct table_pointer *table)
{
	__asm__ volatile("lgdt %0" : : "m"(*table) : "memory");
}

static inline void lidt(const struct table_pointer *table)
{
	__asm__ volatile("lidt %0" : : "m"(*table) : "memory");
}

static inline void ltr(u16 selector)
{
	__asm__ volatile("ltr %0" : : "r"(selector) : "memory");
}

/** mul_div() - a * b / c with a 128-bit product; the quotient must fit 64 bits (a or b below c) */
static inline u64 mul_div(u64 a, u64 b, u64 c)
{
	u64 quotient, high;

	__asm__("mulq %3\n\tdivq %4" : "=&a"(quotient), "=&d"(high) : "0"(a), "rm"(b), "rm"(c) : "cc");
	return quotient;
}

/** reload_segments() - after lgdt: CS by a far return, the data segments directly; FS and GS become null */
static inline void reload_segments(u16 code, u16 data)
{
	__asm__ volatile("pushq %0\n\t"
			 "leaq 1f(%%rip), %%rax\n\t"
			 "pushq %%rax\n\t"
			 "lretq\n"
			 "1:\tmov %1, %%ds\n\t"
			 "mov %1, %%es\n\t"
			 "mov %1, %%ss\n\t"
			 "mov %2, %%fs\n\t"
			 "mov %2, %%gs"
			 :
			 : "r"((u64)code), "r"((u32)data), "r"(0)
			 : "rax", "memory");
}

/** read_gs_pointer() - the quadword at GS:0 */
static inline void *read_gs_pointer(void)
{
	void *value;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(value));
	return value;
}

/** read_frame_pointer() - RBP of the function it is inlined into */
static inline const u64 *read_frame_pointer(void)
{
	const u64 *value;

	__asm__ volatile("mov %%rbp, %0" : "=r"(value));
	return value;
}

/** vmxon() - @region: physical address of the VMXON region. False: CF or ZF set */
static inline bool vmxon(u64 region)
{
	bool failed;

	__asm__ volatile("vmxon %1" : "=@ccbe"(failed) : "m"(region) : "cc", "memory");
	return !failed;
}

static inline void vmxoff(void)
{
	__asm__ volatile("vmxoff" : : : "cc", "memory");
}

/** invept() - @type: 2 = all contexts */
static inline void invept(u64 type)
{
	const u64 descriptor[2] = { 0, 0 };

	__asm__ volatile("invept %0, %1" : : "m"(descriptor), "r"(type) : "cc", "memory");
}

#endif
