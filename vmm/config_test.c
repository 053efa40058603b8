/* SPDX-License-Identifier: BSD-2-Clause */
#include "vmm/config.h"

#include <libfdt.h>
#include <string.h>

#include "include/spec/tdx/td_params.h"
#include "include/cella/errno.h"
#include "tests/unit/test.h"

#define BLOB_BYTES 4096

static _Alignas(8) u8 blob[BLOB_BYTES];
static struct boot_info boot;
static struct config config;
static char error[CONFIG_ERROR_BYTES];
static char left_out[CONFIG_ERROR_BYTES];

static void keep_sentence(const char *sentence)
{
	strcpy(left_out, sentence);
}

static void string_property(const char *name, const char *text)
{
	fdt_property_string(blob, name, text);
}

static void begin(u32 pool_kib)
{
	fdt_create(blob, sizeof(blob));
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	fdt_begin_node(blob, "chosen");
	fdt_begin_node(blob, "hypervisor");
	string_property("compatible", "hypervisor,cella");
	if (pool_kib)
		fdt_property_u32(blob, "td-pool", pool_kib);
	memset(&boot, 0, sizeof(boot));
	boot.module_count = 4;
	for (u32 i = 0; i < 4; i++)
		boot.modules[i].bytes = 0x1000 * (i + 1);
}

static void child(const char *name, const char *compatible, int mb_index)
{
	fdt_begin_node(blob, name);
	string_property("compatible", compatible);
	if (mb_index >= 0)
		fdt_property_u32(blob, "mb-index", (u32)mb_index);
	fdt_end_node(blob);
}

static void begin_td(const char *name, u32 memory_kib)
{
	fdt_begin_node(blob, name);
	string_property("compatible", "cella,td");
	if (memory_kib)
		fdt_property_u32(blob, "memory", memory_kib);
}

static void end_td(void)
{
	child("firmware", "module,firmware", 1);
	fdt_end_node(blob);
}

static int finish(void)
{
	fdt_end_node(blob);
	fdt_end_node(blob);
	fdt_end_node(blob);
	fdt_finish(blob);
	left_out[0] = '\0';
	return config_parse(blob, fdt_totalsize(blob), &boot, &config, error, keep_sentence);
}

static void good_tree(void)
{
	static const u8 digest[48] = { 1, 2, 3 };

	begin(1048576);
	fdt_begin_node(blob, "linux");
	string_property("compatible", "cella,td");
	string_property("domain-uuid", "01234567-89ab-cdef-0123-456789abcdef");
	fdt_property_u32(blob, "cpus", 2);
	fdt_property_u64(blob, "memory", 524288);
	fdt_property_u64(blob, "cella,td-xfam", 7);
	fdt_property(blob, "cella,mr-owner", digest, sizeof(digest));
	fdt_property(blob, "cella,expected-mrtd", digest, sizeof(digest));
	string_property("cella,on-exit", "restart");
	child("firmware", "module,firmware", 1);
	fdt_begin_node(blob, "kernel");
	string_property("compatible", "module,kernel");
	fdt_property_u32(blob, "mb-index", 2);
	string_property("bootargs", "console=hvc0");
	fdt_end_node(blob);
	child("ramdisk", "module,ramdisk", 3);
	child("console@0", "cella,console", -1);
	fdt_end_node(blob);
}

TEST(config_reads_the_nodes_of_the_td_pool)
{
	const fdt32_t nodes[] = { cpu_to_fdt32(0), cpu_to_fdt32(3), cpu_to_fdt32(62) };
	const fdt32_t high[] = { cpu_to_fdt32(1), cpu_to_fdt32(63) };

	begin(1024);
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.td_pool_nodes, 0);
	begin(1024);
	fdt_property(blob, "td-pool-nodes", nodes, sizeof(nodes));
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.td_pool_nodes, BIT(0) | BIT(3) | BIT(62));
	begin(1024);
	fdt_property(blob, "td-pool-nodes", high, sizeof(high));
	CHECK_EQ(finish(), -EINVAL);
	CHECK_STR(error, "node /chosen/hypervisor: property \"td-pool-nodes\": node 63 is above the highest, 62");
	begin(1024);
	fdt_property(blob, "td-pool-nodes", high, 6);
	CHECK_EQ(finish(), -EINVAL);
	begin(1024);
	fdt_property(blob, "td-pool-nodes", high, 0);
	CHECK_EQ(finish(), -EINVAL);
}

TEST(config_reads_everything_a_td_may_have)
{
	const struct guest_config *guest = &config.guests[0];

	good_tree();
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.td_pool_bytes, GIB(1));
	CHECK_EQ(config.guest_count, 1);
	CHECK_STR(guest->name, "linux");
	CHECK_STR(guest->uuid, "01234567-89ab-cdef-0123-456789abcdef");
	CHECK_EQ(guest->cpus, 2);
	CHECK_EQ(guest->memory_bytes, MIB(512));
	CHECK_EQ(guest->attributes, TD_ATTR_SEPT_VE_DISABLE);
	CHECK_EQ(guest->xfam, 7);
	CHECK_EQ(guest->mrowner[2], 3);
	CHECK(guest->has_expected_mrtd && guest->restart_on_exit && guest->has_console);
	CHECK(guest->firmware == &boot.modules[1]);
	CHECK(guest->kernel == &boot.modules[2]);
	CHECK(guest->ramdisk == &boot.modules[3]);
	CHECK_STR(guest->cmdline, "console=hvc0");
	CHECK_STR(left_out, "");
}

TEST(config_names_too_little_memory)
{
	begin(0);
	begin_td("linux", 64);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.guest_count, 0);
	CHECK_STR(left_out,
		  "node /chosen/hypervisor/linux: property \"memory\": 64 KiB is below the minimum of 65536 KiB");
}

TEST(config_names_missing_memory)
{
	begin(0);
	begin_td("linux", 0);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK_STR(left_out, "node /chosen/hypervisor/linux: property \"memory\": is missing");
}

TEST(config_refuses_too_much_and_odd_memory)
{
	begin(0);
	begin_td("big", 0);
	fdt_property_u64(blob, "memory", ~0ull);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "is above the maximum of 266338304 KiB"));
	begin(0);
	begin_td("odd", 65540);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "65540 KiB is not a multiple of 2048 KiB"));
}

TEST(config_keeps_good_tds_beside_bad_ones)
{
	begin(0);
	begin_td("bad", 64);
	end_td();
	begin_td("good", 65536);
	end_td();
	begin_td("good", 65536);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.guest_count, 1);
	CHECK_STR(config.guests[0].name, "good");
}

TEST(config_refuses_unknown_properties_and_children)
{
	begin(0);
	begin_td("a", 65536);
	fdt_property_u32(blob, "cpu", 1);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "node /chosen/hypervisor/a: property \"cpu\": unknown here"));
	begin(0);
	begin_td("a", 65536);
	child("disk", "cella,blk", -1);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "node /chosen/hypervisor/a/disk: property \"compatible\": none of"));
}

TEST(config_refuses_module_indices_that_do_not_exist)
{
	begin(0);
	begin_td("a", 65536);
	child("kernel", "module,kernel", 4);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK_STR(left_out, "node /chosen/hypervisor/a/kernel: property \"mb-index\": there is no boot module 4, the "
			    "boot "
			    "loader gave 4 (counted from 0)");
	begin(0);
	begin_td("a", 65536);
	child("kernel", "module,kernel", -1);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "property \"mb-index\": is missing"));
}

TEST(config_wants_firmware_and_a_kernel_for_the_ramdisk)
{
	begin(0);
	begin_td("a", 65536);
	fdt_end_node(blob);
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "has no child with compatible \"module,firmware\""));
	begin(0);
	begin_td("a", 65536);
	child("ramdisk", "module,ramdisk", 2);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "node /chosen/hypervisor/a: has a ramdisk but no kernel"));
}

TEST(config_refuses_doubles)
{
	begin(0);
	begin_td("a", 65536);
	child("firmware-2", "module,firmware", 1);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "a second node of this kind"));
	begin(0);
	begin_td("a", 65536);
	child("console@0", "cella,console", -1);
	child("console@1", "cella,console", -1);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "a TD has at most one console"));
}

static void check_bad_string(const char *name, const char *text, const char *sentence)
{
	begin(0);
	begin_td("a", 65536);
	string_property(name, text);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK_EQ(config.guest_count, 0);
	CHECK(strstr(left_out, sentence));
}

TEST(config_refuses_malformed_values)
{
	check_bad_string("domain-uuid", "0123", "is not of the form");
	check_bad_string("cella,on-exit", "reboot", "is neither \"stop\" nor \"restart\"");
	check_bad_string("cella,mr-owner", "abc", "is 4 bytes long, a SHA-384 digest has 48");
	check_bad_string("cpus", "12", "is 3 bytes long, a number has 4 or 8");
	begin(0);
	begin_td("a", 65536);
	fdt_property_u32(blob, "cpus", 9);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "property \"cpus\": 9 is outside 1 to 8"));
	begin(0);
	begin_td("a b", 65536);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "the name of a TD consists of"));
}

TEST(config_refuses_a_string_that_does_not_end)
{
	begin(0);
	begin_td("a", 65536);
	fdt_property(blob, "cella,on-exit", "stop", 4);
	end_td();
	CHECK_EQ(finish(), 0);
	CHECK(strstr(left_out, "property \"cella,on-exit\": is not one string"));
}

TEST(config_refuses_trees_without_its_node)
{
	CHECK(config_parse(blob, 8, &boot, &config, error, NULL) != 0);
	CHECK(strstr(error, "8 bytes cannot be a device tree blob"));
	fdt_create(blob, sizeof(blob));
	fdt_finish_reservemap(blob);
	fdt_begin_node(blob, "");
	fdt_end_node(blob);
	fdt_finish(blob);
	CHECK(config_parse(blob, fdt_totalsize(blob), &boot, &config, error, NULL) != 0);
	CHECK_STR(error, "node /chosen/hypervisor: is missing");
}

TEST(config_refuses_every_truncation)
{
	u64 whole;

	good_tree();
	CHECK_EQ(finish(), 0);
	whole = fdt_totalsize(blob);
	for (u64 bytes = 0; bytes < whole; bytes++) {
		u64 *copy = __builtin_malloc(bytes + 8); /* exactly sized, so that ASan sees each byte too many */

		memcpy(copy, blob, bytes);
		CHECK(config_parse(copy, bytes, &boot, &config, error, NULL) != 0);
		__builtin_free(copy);
	}
}

TEST(config_survives_every_corrupted_byte)
{
	u64 whole;

	good_tree();
	CHECK_EQ(finish(), 0);
	whole = fdt_totalsize(blob);
	for (u64 i = 0; i < whole; i++) {
		u8 was = blob[i];

		for (u32 flip = 0; flip < 9; flip++) {
			blob[i] = flip == 8 ? (u8)~was : (u8)(was ^ 1u << flip);
			/* Either outcome is fine, a crash is not. */
			if (config_parse(blob, whole, &boot, &config, error, keep_sentence))
				CHECK(error[0] != '\0');
		}
		blob[i] = was;
	}
}
