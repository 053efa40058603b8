/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The configuration: a device tree blob turned into plain structs.
 *
 * The one file that knows libfdt. The blob is checked whole before a property is read (fdt_check_full), so that every
 * later call works on a tree without dangling offsets. Nothing is ignored silently: an unknown property, child or
 * compatible is a typing error of the operator and gets its sentence. A guest with an error is left out; an error
 * above the guests makes the whole tree unusable. config_parse() is pure; config_load() runs once on the boot core.
 *
 * Devicetree Specification, "Flattened Devicetree (DTB) Format"; node shape: vmm/config.h.
 */
#include "vmm/config.h"

/* libfdt's inline functions are not written for this file's warning level. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wcast-qual"
#include <libfdt.h>
#pragma GCC diagnostic pop

#include "include/cella/errno.h"
#include "include/cella/memory_map.h"
#include "include/cella/tdshim.h"
#include "include/spec/tdx/report.h"
#include "include/spec/tdx/td_params.h"
#include "kernel/lib/format.h"
#include "kernel/lib/string.h"
#include "kernel/log.h"
#include "vmm/guest.h"

#define CONFIG_MODULE_TEXT "config"
#define CONFIG_ROOT "/chosen/hypervisor"
#define CONFIG_BLOB_MAX MIB(1)
#define CONFIG_PATH_BYTES 96
#define CONFIG_NUMBER_MAX BIT(44)	/* KiB; keeps byte counts far from wrapping */
/* All RAM of a guest lies below the payload window. */
#define GUEST_RAM_MAX (GUEST_LOW_RAM_MAX + GUEST_PAYLOAD_WINDOW - GUEST_HIGH_RAM_BASE)
#define CONFIG_MAX_NODES 63	/* the last bit stands for all nodes above */
#define MAX_PROPERTIES 11

#define HEX_DIGITS "0123456789abcdefABCDEF"
/* Names go to the console's commands and to log lines. */
#define NAME_CHARACTERS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_."

/* After the first refusal reading goes on with defaults, for nothing; the caller looks for a sentence once, at the end. */
struct reader {
	const void *blob;
	const struct boot_info *boot;
	char *error;	/* CONFIG_ERROR_BYTES: the first refusal's sentence; empty: none yet */
	int node;	/* being read */
};

/* A kind of node, known by its compatible. */
struct node_kind {
	const char *compatible;
	const char *properties[MAX_PROPERTIES];	/* that it may have, besides the neutral ones */
	size_t module;	/* of a boot module: offset of its pointer in struct guest_config */
};

static const struct node_kind root_kind = { "hypervisor,cella", { "td-pool", "td-pool-nodes" }, 0 };
static const struct node_kind td_kind = {
	"cella,td",
	{ "domain-uuid", "cpus", "memory", "cella,td-attributes", "cella,td-xfam", "cella,mr-config-id",
	  "cella,mr-owner", "cella,mr-owner-config", "cella,expected-mrtd", "cella,on-exit" },
	0,
};
static const struct node_kind console_kind = { "cella,console", { NULL }, 0 };
static const struct node_kind module_kinds[] = {
	{ "module,firmware", { "mb-index" }, offsetof(struct guest_config, firmware) },
	{ "module,kernel", { "mb-index", "bootargs" }, offsetof(struct guest_config, kernel) },
	{ "module,ramdisk", { "mb-index" }, offsetof(struct guest_config, ramdisk) },
};
/* On every node: its kind, and what dtc adds or demands by itself and carries no meaning here. */
static const char *const neutral_properties[] = {
	"compatible", "phandle", "linux,phandle", "#address-cells", "#size-cells", "reg",
};

static struct {
	bool loaded;
	bool usable;
	struct config config;
} state;

/* One sentence about @property (NULL: the node itself), unless there is one already. */
static void __printf(3, 4) reject(struct reader *reader, const char *property, const char *format, ...)
{
	char path[CONFIG_PATH_BYTES], about[CONFIG_PATH_BYTES] = "", why[CONFIG_ERROR_BYTES];
	va_list args;

	if (reader->error[0])
		return;
	if (fdt_get_path(reader->blob, reader->node, path, sizeof(path)))
		copy_text(path, CONFIG_ROOT, sizeof(path));	/* no such node, or a name longer than any good one */
	if (property)
		format_text(about, sizeof(about), "property \"%s\": ", property);
	va_start(args, format);
	format_text_va(why, sizeof(why), format, args);
	va_end(args);
	format_text(reader->error, CONFIG_ERROR_BYTES, "node %s: %s%s", path, about, why);
	/* Names come from the blob as they are: what could disturb a terminal is shown as '?'. */
	for (char *at = reader->error; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
}

static bool in_list(const char *const *list, u32 count, const char *name)
{
	for (u32 i = 0; i < count && list[i]; i++)
		if (!strcmp(list[i], name))
			return true;
	return false;
}

static void check_properties(struct reader *reader, const struct node_kind *kind)
{
	int property;

	fdt_for_each_property_offset(property, reader->blob, reader->node) {
		const char *name = NULL;

		if (!fdt_getprop_by_offset(reader->blob, property, &name, NULL) || !name)
			reject(reader, NULL, "a property cannot be read");
		else if (!in_list(kind->properties, MAX_PROPERTIES, name) &&
			 !in_list(neutral_properties, ARRAY_SIZE(neutral_properties), name))
			reject(reader, name, "unknown here; known are compatible and those of vmm/config.h");
	}
}

static bool is_kind(struct reader *reader, const struct node_kind *kind)
{
	return fdt_node_check_compatible(reader->blob, reader->node, kind->compatible) == 0;
}

/* A number of one or two cells, @fallback when the property is absent. */
static u64 read_number(struct reader *reader, const char *name, u64 fallback)
{
	int bytes = 0;
	const void *data = fdt_getprop(reader->blob, reader->node, name, &bytes);

	if (!data)
		return fallback;
	if (bytes == (int)sizeof(fdt32_t))
		return fdt32_ld(data);
	if (bytes == (int)sizeof(fdt64_t))
		return fdt64_ld(data);
	reject(reader, name, "is %d bytes long, a number has 4 or 8", bytes);
	return fallback;
}

static void require(struct reader *reader, const char *name)
{
	if (!fdt_getprop(reader->blob, reader->node, name, NULL))
		reject(reader, name, "is missing");
}

/* A single string; NULL when the property is absent. The text lives as long as the blob. */
static const char *read_string(struct reader *reader, const char *name)
{
	int bytes = 0;
	const char *data = fdt_getprop(reader->blob, reader->node, name, &bytes);

	if (!data || (bytes >= 1 && strnlen(data, (size_t)bytes) == (size_t)bytes - 1))
		return data;
	reject(reader, name, "is not one string");
	return NULL;
}

/* False: absent. */
static bool read_digest(struct reader *reader, const char *name, u8 digest[TDX_MR_BYTES])
{
	int bytes = 0;
	const void *data = fdt_getprop(reader->blob, reader->node, name, &bytes);

	if (data && bytes != TDX_MR_BYTES)
		reject(reader, name, "is %d bytes long, a SHA-384 digest has %d", bytes, TDX_MR_BYTES);
	else if (data)
		memcpy(digest, data, TDX_MR_BYTES);
	return data != NULL;
}

static bool is_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (u32 i = 0; i < sizeof(shape); i++)
		if (shape[i] == 'x' ? !text[i] || !strchr(HEX_DIGITS, text[i]) : text[i] != shape[i])
			return false;
	return true;
}

static void read_name(struct reader *reader, const struct config *config, struct guest_config *guest)
{
	const char *name = fdt_get_name(reader->blob, reader->node, NULL);

	if (!name || !name[0] || !copy_text(guest->name, name, sizeof(guest->name)))
		reject(reader, NULL, "the name of a TD has 1 to %d characters", CONFIG_NAME_BYTES - 1);
	for (u32 i = 0; guest->name[i]; i++)
		if (!strchr(NAME_CHARACTERS, guest->name[i]))
			reject(reader, NULL, "the name of a TD consists of letters, digits, \"-\", \"_\" and \".\"");
	for (u32 i = 0; i < config->guest_count; i++)
		if (!strcmp(config->guests[i].name, guest->name))
			reject(reader, NULL, "the name is used twice");
}

static void read_size(struct reader *reader, struct guest_config *guest)
{
	u64 cpus = read_number(reader, "cpus", 1), kib = read_number(reader, "memory", 0);

	if (cpus < 1 || cpus > GUEST_MAX_VCPUS)
		reject(reader, "cpus", "%lu is outside 1 to %d", cpus, GUEST_MAX_VCPUS);
	require(reader, "memory");
	if (kib < GUEST_RAM_MIN / KIB(1))
		reject(reader, "memory", "%lu KiB is below the minimum of %lu KiB", kib, GUEST_RAM_MIN / KIB(1));
	if (kib > GUEST_RAM_MAX / KIB(1))
		reject(reader, "memory", "%lu KiB is above the maximum of %lu KiB", kib, GUEST_RAM_MAX / KIB(1));
	if (!IS_ALIGNED(kib, PAGE_SIZE_2M / KIB(1)))
		reject(reader, "memory", "%lu KiB is not a multiple of 2048 KiB", kib);
	guest->cpus = (u32)cpus;
	guest->memory_bytes = kib * KIB(1);
}

static void read_identity(struct reader *reader, struct guest_config *guest)
{
	const char *uuid = read_string(reader, "domain-uuid"), *on_exit = read_string(reader, "cella,on-exit");

	guest->attributes = read_number(reader, "cella,td-attributes", TD_ATTR_SEPT_VE_DISABLE);
	guest->xfam = read_number(reader, "cella,td-xfam", 0);
	read_digest(reader, "cella,mr-config-id", guest->mrconfigid);
	read_digest(reader, "cella,mr-owner", guest->mrowner);
	read_digest(reader, "cella,mr-owner-config", guest->mrownerconfig);
	guest->has_expected_mrtd = read_digest(reader, "cella,expected-mrtd", guest->expected_mrtd);
	if (uuid && !is_uuid(uuid))
		reject(reader, "domain-uuid", "is not of the form 01234567-89ab-cdef-0123-456789abcdef");
	else if (uuid)
		copy_text(guest->uuid, uuid, sizeof(guest->uuid));
	guest->restart_on_exit = on_exit && !strcmp(on_exit, "restart");
	if (on_exit && strcmp(on_exit, "stop") && !guest->restart_on_exit)
		reject(reader, "cella,on-exit", "is neither \"stop\" nor \"restart\"");
}

/* The boot module that a child node names; once per role. */
static void read_module(struct reader *reader, const struct node_kind *kind, struct guest_config *guest)
{
	const struct boot_module **module = (void *)((char *)guest + kind->module);
	const char *bootargs = read_string(reader, "bootargs");	/* a kernel's; check_properties() saw to that */
	u64 index = read_number(reader, "mb-index", 0);
	u32 count = reader->boot->module_count;

	if (*module)
		reject(reader, NULL, "a second node of this kind");
	require(reader, "mb-index");
	if (index >= count)
		reject(reader, "mb-index", "there is no boot module %lu, the boot loader gave %u (counted from 0)",
		       index, count);
	else if (!reader->boot->modules[index].bytes)
		reject(reader, "mb-index", "boot module %lu is empty", index);
	else
		*module = &reader->boot->modules[index];
	if (bootargs && !copy_text(guest->cmdline, bootargs, sizeof(guest->cmdline)))
		reject(reader, "bootargs", "is longer than %d characters", CONFIG_CMDLINE_BYTES - 1);
}

static void read_child(struct reader *reader, struct guest_config *guest)
{
	for (u32 i = 0; i < ARRAY_SIZE(module_kinds); i++)
		if (is_kind(reader, &module_kinds[i])) {
			check_properties(reader, &module_kinds[i]);
			read_module(reader, &module_kinds[i], guest);
			return;
		}
	if (!is_kind(reader, &console_kind))
		reject(reader, "compatible", "none of module,firmware module,kernel module,ramdisk cella,console");
	check_properties(reader, &console_kind);
	if (guest->has_console)
		reject(reader, NULL, "a TD has at most one console");
	guest->has_console = true;
}

static void read_guest(struct reader *reader, const struct config *config, struct guest_config *guest)
{
	int node = reader->node, child;

	if (!is_kind(reader, &td_kind))
		reject(reader, "compatible", "is not \"cella,td\"");
	check_properties(reader, &td_kind);
	read_name(reader, config, guest);
	read_size(reader, guest);
	read_identity(reader, guest);
	fdt_for_each_subnode(child, reader->blob, node) {
		reader->node = child;
		read_child(reader, guest);
	}
	reader->node = node;
	if (!guest->firmware)
		reject(reader, NULL, "has no child with compatible \"module,firmware\"");
	if (guest->ramdisk && !guest->kernel)
		reject(reader, NULL, "has a ramdisk but no kernel");
}

/* A list of node numbers as a bit each; 0 when the property is absent. */
static u64 read_nodes(struct reader *reader, const char *name)
{
	int bytes = 0;
	const fdt32_t *data = fdt_getprop(reader->blob, reader->node, name, &bytes);
	u64 nodes = 0;

	if (data && (!bytes || bytes % (int)sizeof(*data)))
		reject(reader, name, "is %d bytes long, a list of numbers has 4 for each", bytes);
	for (int i = 0; data && i < bytes / (int)sizeof(*data); i++) {
		u32 node = fdt32_ld(&data[i]);

		if (node >= CONFIG_MAX_NODES)
			reject(reader, name, "node %u is above the highest, %d", node, CONFIG_MAX_NODES - 1);
		else
			nodes |= BIT(node);
	}
	return nodes;
}

/* The node above the guests: an error here makes the tree unusable. */
static void read_root(struct reader *reader, struct config *config)
{
	u64 pool_kib;

	reader->node = fdt_path_offset(reader->blob, CONFIG_ROOT);
	if (reader->node < 0)
		reject(reader, NULL, "is missing");
	if (!is_kind(reader, &root_kind))
		reject(reader, "compatible", "is not \"hypervisor,cella\"");
	check_properties(reader, &root_kind);
	pool_kib = read_number(reader, "td-pool", 0);
	if (pool_kib >= CONFIG_NUMBER_MAX)
		reject(reader, "td-pool", "%lu KiB is more than any machine has", pool_kib);
	config->td_pool_bytes = pool_kib * KIB(1);
	config->td_pool_nodes = read_nodes(reader, "td-pool-nodes");
}

/* Every later call works on a tree whose bounds are right. 0, or libfdt's error. */
static int check_blob(const void *blob, u64 bytes)
{
	/* libfdt checks every bound, but loads words where these offsets lead. */
	if (!IS_ALIGNED(fdt_off_dt_struct(blob), sizeof(fdt32_t)) ||
	    !IS_ALIGNED(fdt_off_mem_rsvmap(blob), sizeof(u64)))
		return -FDT_ERR_ALIGNMENT;
	return fdt_check_full(blob, (size_t)bytes);
}

int config_parse(const void *blob, u64 bytes, const struct boot_info *boot, struct config *config,
		 char error[CONFIG_ERROR_BYTES], void (*report)(const char *sentence))
{
	struct reader reader = { .blob = blob, .boot = boot, .error = error };
	int root, node, damage = 0;

	memset(config, 0, sizeof(*config));
	error[0] = '\0';
	if (bytes < sizeof(struct fdt_header) || bytes > CONFIG_BLOB_MAX)
		format_text(error, CONFIG_ERROR_BYTES, "%lu bytes cannot be a device tree blob (up to %lu)", bytes,
			    CONFIG_BLOB_MAX);
	else if ((damage = check_blob(blob, bytes)) != 0)
		format_text(error, CONFIG_ERROR_BYTES, "the device tree blob is damaged: %s", fdt_strerror(damage));
	else
		read_root(&reader, config);
	if (error[0])
		return -EINVAL;
	root = reader.node;
	fdt_for_each_subnode(node, blob, root) {
		struct guest_config *guest = &config->guests[config->guest_count];

		reader.node = node;
		error[0] = '\0';
		if (config->guest_count == CONFIG_MAX_GUESTS)
			reject(&reader, NULL, "is one TD too many, Cella takes %d", CONFIG_MAX_GUESTS);
		else
			read_guest(&reader, config, guest);
		if (!error[0]) {
			config->guest_count++;
			continue;
		}
		/* What is left out leaves nothing behind in the slot after the last one. */
		if (config->guest_count < CONFIG_MAX_GUESTS)
			memset(guest, 0, sizeof(*guest));
		if (report)
			report(error);
	}
	return 0;
}

static void log_left_out(const char *sentence)
{
	log_error("config", "%s: this TD is left out", sentence);
}

static const struct boot_module *find_config_module(const struct boot_info *boot)
{
	for (u32 i = 0; i < boot->module_count; i++)
		if (!strcmp(boot->modules[i].text, CONFIG_MODULE_TEXT))
			return &boot->modules[i];
	return NULL;
}

const struct config *config_load(const struct boot_info *boot)
{
	const struct boot_module *module;
	char error[CONFIG_ERROR_BYTES];

	if (state.loaded)
		return state.usable ? &state.config : NULL;
	state.loaded = true;
	module = find_config_module(boot);
	if (!module) {
		log_warn("config", "no boot module is named \"" CONFIG_MODULE_TEXT "\": no TD is started; "
				   "add `module2 /boot/config.dtb config` to grub.cfg");
		return NULL;
	}
	if (config_parse(hpa_to_hva(module->start), module->bytes, boot, &state.config, error, log_left_out)) {
		log_error("config", "%s: no TD is started", error);
		return NULL;
	}
	if (!state.config.guest_count)
		log_warn("config", "node " CONFIG_ROOT " has no usable TD");
	for (struct guest_config *td = state.config.guests; td < state.config.guests + state.config.guest_count; td++)
		log_info("config", "TD %s: %u vCPUs, %lu MiB, firmware is boot module \"%s\"", td->name, td->cpus,
			 td->memory_bytes / MIB(1), td->firmware->text);
	state.usable = true;
	return &state.config;
}
