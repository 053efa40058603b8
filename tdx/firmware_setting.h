/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Firmware settings that TDX depends on, as Intel's reference firmware and the large server vendors call them. Dell
 * folds TME and TME-MT into one "Memory Encryption" with the values "Single Key" and "Multiple Keys".
 */
#ifndef TDX_FIRMWARE_SETTING_H
#define TDX_FIRMWARE_SETTING_H

#define SETTING_VMX "\"Intel Virtualization Technology (VT-x)\" or \"Intel VMX\": Enabled"
#define SETTING_TME "\"Memory Encryption (TME)\" or \"Total Memory Encryption\": Enabled"
#define SETTING_TME_MT \
	"\"Total Memory Encryption Multi-Tenant (TME-MT)\": Enabled, or \"Memory Encryption\": Multiple Keys"
#define SETTING_INTEGRITY \
	"\"TME-MT memory integrity\" or \"Global Memory Integrity\": Disabled; \"Memory Encryption (TME)\": Enabled"
#define SETTING_KEY_SPLIT "\"Trust Domain Extension (TDX)\": Enabled; \"TME-MT/TDX key split\": not zero"
#define SETTING_TDX \
	"\"Trust Domain Extension (TDX)\" and \"SW Guard Extensions (SGX)\": Enabled (all memory channels populated alike)"
#define SETTING_SEAM_LOADER "\"TDX Secure Arbitration Mode Loader (SEAM Loader)\": Enabled"
#define SETTING_X2APIC "\"x2APIC\" or \"Extended APIC\": Enabled; \"x2APIC opt-out\": Disabled"
#define SETTING_CPUID_LIMIT "\"Limit CPUID Maximum\": Disabled"
#define SETTING_ADDRESS_LIMIT "\"Limit CPU PA to 46 bits\" or \"CPU Physical Address Limit\": Disabled"
#define SETTING_ALL_CORES \
	"\"Active Cores\" or \"Cores per Processor\": All; \"Hyper-Threading\" or \"Logical Processor\": unchanged"
#define SETTING_CPU_HOT_PLUG "\"CPU Hot-Plug\" or \"ACPI processor hot add\": Disabled"
#define SETTING_MEMORY_HOT_PLUG "\"Memory Hot-Plug\": Disabled"
#define SETTING_CLUSTERING "\"Sub-NUMA Clustering (SNC)\" or \"LLC as NUMA node\": Disabled"
#define SETTING_MEMORY_LAYOUT "\"Node Interleaving\", \"Memory Mirroring\" and \"Memory Sparing\": Disabled"
#define SETTING_MONITOR "\"Monitor/MWAIT\": Enabled"
#define SETTING_UPDATE "none, only newer firmware and microcode change it"

#endif
