/* SPDX-License-Identifier: BSD-2-Clause */
/* CPUID leaves and bits. SDM volume 2A, "CPUID". */
#ifndef SPEC_X86_CPUID_H
#define SPEC_X86_CPUID_H

#define CPUID_VENDOR 0x0
#define CPUID_FEATURES 0x1
#define CPUID_CACHE 0x4
#define CPUID_MONITOR 0x5
#define CPUID_THERMAL 0x6
#define CPUID_EXTENDED 0x7
#define CPUID_PERFMON 0xa
#define CPUID_TOPOLOGY 0xb
#define CPUID_XSAVE 0xd
#define CPUID_TSC 0x15
#define CPUID_FREQUENCY 0x16
#define CPUID_LBR 0x1c
#define CPUID_TOPOLOGY_V2 0x1f
#define CPUID_TDX_GUEST 0x21
#define CPUID_PERFMON_EXTENDED 0x23
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_HYPERVISOR_TSC 0x40000010	/* EAX: TSC frequency in kHz */
#define CPUID_HYPERVISOR_LAST 0x4fffffff
#define CPUID_FREQUENCY_MHZ_MASK 0xffff
#define CPUID_EXT_MAX 0x80000000
#define CPUID_EXT_FEATURES 0x80000001
#define CPUID_EXT_POWER 0x80000007
#define CPUID_EXT_ADDRESS 0x80000008

#define CPUID_1_ECX_MONITOR (1u << 3)
#define CPUID_1_ECX_VMX (1u << 5)
#define CPUID_1_ECX_EIST (1u << 7)
#define CPUID_1_ECX_TM2 (1u << 8)
#define CPUID_1_ECX_CNXT_ID (1u << 10)
#define CPUID_1_ECX_SDBG (1u << 11)
#define CPUID_1_ECX_XTPR (1u << 14)
#define CPUID_1_ECX_FMA (1u << 12)
#define CPUID_1_ECX_PCID (1u << 17)
#define CPUID_1_ECX_DCA (1u << 18)
#define CPUID_1_ECX_X2APIC (1u << 21)
#define CPUID_1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID_1_ECX_XSAVE (1u << 26)
#define CPUID_1_ECX_OSXSAVE (1u << 27)
#define CPUID_1_ECX_AVX (1u << 28)
#define CPUID_1_ECX_F16C (1u << 29)
#define CPUID_1_ECX_RDRAND (1u << 30)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_1_EDX_APIC (1u << 9)
#define CPUID_1_EDX_PAT (1u << 16)
#define CPUID_1_EDX_PSN (1u << 18)
#define CPUID_1_EDX_CLFLUSH (1u << 19)
#define CPUID_1_EDX_ACPI (1u << 22)
#define CPUID_1_EDX_SELF_SNOOP (1u << 27)
#define CPUID_1_EDX_HTT (1u << 28)
#define CPUID_1_EDX_TM (1u << 29)
#define CPUID_1_EDX_PBE (1u << 31)
#define CPUID_1_EBX_IDS_SHIFT 16	/* addressable ids in the package */
#define CPUID_1_EBX_IDS_MASK 0x00ff0000u
#define CPUID_1_EBX_APIC_ID_SHIFT 24
#define CPUID_1_EBX_APIC_ID_MASK 0xff000000u

#define CPUID_4_EAX_TYPE_MASK 0x1fu	/* 0: no more caches */
#define CPUID_4_EAX_LEVEL_SHIFT 5
#define CPUID_4_EAX_LEVEL_MASK 0x7u
#define CPUID_4_LEVEL_L3 3
#define CPUID_4_EAX_SHARING_MASK 0x03ffc000u
#define CPUID_4_EAX_CORES_MASK 0xfc000000u
#define CPUID_4_EAX_SHARING_SHIFT 14	/* addressable ids sharing the cache, minus one, 12 bits */
#define CPUID_4_EAX_CORES_SHIFT 26	/* addressable cores in the package, minus one, 6 bits */
#define CPUID_4_EAX_TOPOLOGY_MASK 0xffffc000u	/* both */

#define CPUID_7_EBX_HLE (1u << 4)
#define CPUID_7_EBX_SMEP (1u << 7)
#define CPUID_7_EBX_RTM (1u << 11)
#define CPUID_7_EBX_RDT_M (1u << 12)
#define CPUID_7_EBX_RDT_A (1u << 15)
#define CPUID_7_EBX_RDSEED (1u << 18)
#define CPUID_7_EBX_SMAP (1u << 20)
#define CPUID_7_EBX_CLFLUSHOPT (1u << 23)
#define CPUID_7_ECX_UMIP (1u << 2)
#define CPUID_7_ECX_PKU (1u << 3)
#define CPUID_7_ECX_OSPKE (1u << 4)
#define CPUID_7_ECX_WAITPKG (1u << 5)
#define CPUID_7_ECX_TME (1u << 13)
#define CPUID_7_ECX_LA57 (1u << 16)
#define CPUID_7_ECX_MOVDIR64B (1u << 28)
#define CPUID_7_EDX_TSXLDTRK (1u << 16)
#define CPUID_7_EDX_PCONFIG (1u << 18)
#define CPUID_7_EDX_ARCH_CAPABILITIES (1u << 29)
#define CPUID_7_1_EAX_ARCH_PERFMON_EXT (1u << 8)

#define CPUID_PERFMON_EAX_VERSION 0xffu
#define CPUID_PERFMON_EDX_FIXED 0x1fu	/* fixed counters */
#define CPUID_LBR_EAX_DEPTHS 0xffu

#define CPUID_TOPOLOGY_EAX_SHIFT 0x1f	/* bits of the APIC id below this level */
#define CPUID_TOPOLOGY_ECX_TYPE 0xff00	/* 0: no such level */
#define CPUID_TOPOLOGY_ECX_TYPE_SHIFT 8
#define CPUID_TOPOLOGY_ECX_LEVEL 0xff	/* repeats the sub-leaf */
#define CPUID_TOPOLOGY_THREAD 1	/* level types */
#define CPUID_TOPOLOGY_CORE 2
#define CPUID_TOPOLOGY_DIE 5

#define CPUID_EXT_EDX_NX (1u << 20)
#define CPUID_EXT_EDX_1G_PAGES (1u << 26)
#define CPUID_EXT_EDX_RDTSCP (1u << 27)
#define CPUID_EXT_EDX_LONG_MODE (1u << 29)
#define CPUID_EXT_LONG_MODE_BIT 29
#define CPUID_EXT_EDX_INVARIANT_TSC (1u << 8)	/* of leaf 0x80000007 */
#define CPUID_EXT_ADDRESS_PA_MASK 0xff
#define CPUID_EXT_ADDRESS_LA_SHIFT 8

#endif
