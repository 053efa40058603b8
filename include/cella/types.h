/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Integer names, address kinds and the few macros every file uses.
 *
 * Address kinds are one-member structs: the same machine code as an integer, but mixing them does not compile. A host
 * virtual address is an ordinary typed pointer. The SHARED bit is removed where a GPA enters the hypervisor and the HKID
 * is added to an HPA only by hpa_with_hkid().
 */
#ifndef CELLA_TYPES_H
#define CELLA_TYPES_H

#ifndef __ASSEMBLER__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

/** hpa_t - host physical address, HKID bits clear */
typedef struct {
	u64 raw;
} hpa_t;

/** gpa_t - guest physical address, SHARED bit clear */
typedef struct {
	u64 raw;
} gpa_t;

/** hkid_t - TDX private KeyID */
typedef struct {
	u16 raw;
} hkid_t;

/** keyed_hpa_t - host physical address with an HKID in its top bits: only ever passed to the TDX module */
typedef struct {
	u64 raw;
} keyed_hpa_t;

#define HPA(value) ((hpa_t){ (value) })
#define GPA(value) ((gpa_t){ (value) })
#define HKID(value) ((hkid_t){ (u16)(value) })

static inline hpa_t hpa_add(hpa_t base, u64 bytes)
{
	return HPA(base.raw + bytes);
}

static inline gpa_t gpa_add(gpa_t base, u64 bytes)
{
	return GPA(base.raw + bytes);
}

#define __must_check __attribute__((warn_unused_result))
#define __maybe_unused __attribute__((unused))
#define __noreturn __attribute__((noreturn))
#define __printf(format_arg, first_arg) __attribute__((format(printf, format_arg, first_arg)))
#define __packed __attribute__((packed))
#define __aligned(bytes) __attribute__((aligned(bytes)))

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define ALIGN_DOWN(value, align) ((value) & ~((__typeof__(value))(align) - 1))
#define ALIGN_UP(value, align) ALIGN_DOWN((value) + (align) - 1, align)
#define IS_ALIGNED(value, align) (((value) & ((__typeof__(value))(align) - 1)) == 0)
#define DIV_ROUND_UP(value, by) (((value) + (by) - 1) / (by))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define BIT(n) (1ull << (n))
#define container_of(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#define KIB(n) ((u64)(n) << 10)
#define MIB(n) ((u64)(n) << 20)
#define GIB(n) ((u64)(n) << 30)

#endif /* __ASSEMBLER__ */

#define PAGE_SHIFT 12
#define PAGE_SIZE 0x1000
#define PAGE_SIZE_2M 0x200000
#define PAGE_SIZE_1G 0x40000000

#endif
