/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Configuration: the device tree of the boot module whose text is "config", read with libfdt, checked whole, turned into
 * plain structs. Node shape as Xen's hyperlaunch (/chosen/hypervisor, mb-index), names as interfaces.md section 1.2:
 *
 *   / { chosen { hypervisor {
 *       compatible = "hypervisor,cella";
 *       td-pool = <KiB (u32 or u64)>;            optional
 *       td-pool-nodes = <n ...>;                 optional: NUMA nodes it may lie on; default all
 *       <name> {
 *           compatible = "cella,td";
 *           domain-uuid = "...";                 optional
 *           cpus = <n>;                          default 1
 *           memory = <KiB (u32 or u64)>;
 *           cella,td-attributes = /bits/ 64 <>;  default SEPT_VE_DISABLE
 *           cella,td-xfam = /bits/ 64 <>;        default: all the module and machine offer that Cella can give
 *           cella,mr-config-id, cella,mr-owner, cella,mr-owner-config = [48 bytes];   optional
 *           cella,expected-mrtd = [48 bytes];    optional: refuse to start on mismatch
 *           cella,on-exit = "stop" | "restart";  default "stop"
 *           firmware { compatible = "module,firmware"; mb-index = <n>; };
 *           kernel   { compatible = "module,kernel"; mb-index = <n>; bootargs = "..."; };   for tdshim
 *           ramdisk  { compatible = "module,ramdisk"; mb-index = <n>; };                    optional
 *           console@0 { compatible = "cella,console"; };                                    optional, at most one
 *       }; }; }; };
 *
 * Every error is one sentence with node and property, and the guest (or, for the tree itself, all guests) is skipped.
 */
#ifndef VMM_CONFIG_H
#define VMM_CONFIG_H

#include "include/cella/boot_info.h"
#include "include/cella/types.h"

#define CONFIG_MAX_GUESTS 16
#define CONFIG_NAME_BYTES 32
#define CONFIG_CMDLINE_BYTES 2048
#define CONFIG_ERROR_BYTES 200

struct guest_config {
	char name[CONFIG_NAME_BYTES];
	char uuid[40];
	u32 cpus;
	u64 memory_bytes;
	u64 attributes;
	u64 xfam;	/* 0: default */
	u8 mrconfigid[48], mrowner[48], mrownerconfig[48];
	bool has_expected_mrtd;
	u8 expected_mrtd[48];
	bool restart_on_exit;
	bool has_console;
	const struct boot_module *firmware;
	const struct boot_module *kernel;	/* NULL: firmware finds its own */
	const struct boot_module *ramdisk;	/* NULL: none */
	char cmdline[CONFIG_CMDLINE_BYTES];
};

struct config {
	u64 td_pool_bytes;	/* 0: default */
	u64 td_pool_nodes;	/* bit per NUMA node, 0: all */
	u32 guest_count;
	struct guest_config guests[CONFIG_MAX_GUESTS];
};

/**
 * config_parse() - pure: check and read a blob
 * @blob: 8-byte aligned copy. @error: CONFIG_ERROR_BYTES, one sentence with node and property. 0, or -EINVAL with @config
 * unusable. Bad guests are left out and reported through @report (may be NULL), the rest is kept.
 */
int __must_check config_parse(const void *blob, u64 bytes, const struct boot_info *boot, struct config *config,
			      char error[CONFIG_ERROR_BYTES], void (*report)(const char *sentence));
/** config_load() - find the module, parse, log every error; NULL when there is no usable configuration. Boot core, once */
const struct config *config_load(const struct boot_info *boot);

#endif
