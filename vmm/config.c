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

struct reader {
	const void *blob;
	const struct boot_info *boot;
	char *error;	/* CONFIG_ERROR_BYTES, one sentence */
	char path[CONFIG_PATH_BYTES];	/* of the node being read */
};

static struct {
	bool loaded;
	bool usable;
	struct config config;
} state;

static const char *const root_properties[] = { "compatible", "td-pool", NULL };
static const char *const td_properties[] = {
	"compatible", "domain-uuid", "cpus", "memory", "cella,td-attributes", "cella,td-xfam", "cella,mr-config-id",
	"cella,mr-owner", "cella,mr-owner-config", "cella,expected-mrtd", "cella,on-exit", NULL,
};
static const char *const module_properties[] = { "compatible", "mb-index", NULL };
static const char *const kernel_properties[] = { "compatible", "mb-index", "bootargs", NULL };
static const char *const console_properties[] = { "compatible", NULL };
/* What dtc adds or demands by itself; it carries no meaning here. */
static const char *const neutral_properties[] = {
	"phandle", "linux,phandle", "#address-cells", "#size-cells", "reg", NULL,
};

/* One sentence about @property (NULL: the node itself); always -EINVAL, so that callers can return it. */
static int __printf(3, 4) refuse(struct reader *reader, const char *property, const char *format, ...)
{
	int used = format_text(reader->error, CONFIG_ERROR_BYTES, "node %s: ", reader->path);
	va_list args;

	if (property && used < CONFIG_ERROR_BYTES)
		used += format_text(reader->error + used, CONFIG_ERROR_BYTES - (size_t)used, "property \"%s\": ",
				    property);
	if (used < CONFIG_ERROR_BYTES) {
		va_start(args, format);
		format_text_va(reader->error + used, CONFIG_ERROR_BYTES - (size_t)used, format, args);
		va_end(args);
	}
	/* Names come from the blob as they are: what could disturb a terminal is shown as '?'. */
	for (char *at = reader->error; *at; at++)
		if (*at < ' ' || *at > '~')
			*at = '?';
	return -EINVAL;
}

/* Append "/name" to @path. */
static void path_of(struct reader *reader, const char *parent, int node)
{
	int bytes = 0;
	const char *name = fdt_get_name(reader->blob, node, &bytes);

	format_text(reader->path, sizeof(reader->path), "%s/%s", parent, name ? name : "");
}

static bool in_list(const char *const *list, const char *name)
{
	for (; *list; list++)
		if (!strcmp(*list, name))
			return true;
	return false;
}

static int check_properties(struct reader *reader, int node, const char *const *known)
{
	int property;

	fdt_for_each_property_offset(property, reader->blob, node) {
		const char *name = NULL;

		if (!fdt_getprop_by_offset(reader->blob, property, &name, NULL) || !name)
			return refuse(reader, NULL, "a property cannot be read");
		if (!in_list(known, name) && !in_list(neutral_properties, name))
			return refuse(reader, name, "unknown here; known are compatible and those of vmm/config.h");
	}
	return 0;
}

static bool is_compatible(struct reader *reader, int node, const char *compatible)
{
	return fdt_node_check_compatible(reader->blob, node, compatible) == 0;
}

/* A number of one or two cells. *@value keeps its default when the property is absent. */
static int read_number(struct reader *reader, int node, const char *name, u64 *value)
{
	int bytes = 0;
	const void *data = fdt_getprop(reader->blob, node, name, &bytes);

	if (!data)
		return 0;
	if (bytes == (int)sizeof(fdt32_t))
		*value = fdt32_ld(data);
	else if (bytes == (int)sizeof(fdt64_t))
		*value = fdt64_ld(data);
	else
		return refuse(reader, name, "is %d bytes long, a number has 4 or 8", bytes);
	return 0;
}

/* A single string; NULL in *@text when the property is absent. The text lives as long as the blob. */
static int read_string(struct reader *reader, int node, const char *name, const char **text)
{
	int bytes = 0;
	const char *data = fdt_getprop(reader->blob, node, name, &bytes);

	*text = NULL;
	if (!data)
		return 0;
	if (bytes < 1 || strnlen(data, (size_t)bytes) != (size_t)bytes - 1)
		return refuse(reader, name, "is not one string");
	*text = data;
	return 0;
}

static int read_digest(struct reader *reader, int node, const char *name, u8 digest[TDX_MR_BYTES], bool *present)
{
	int bytes = 0;
	const void *data = fdt_getprop(reader->blob, node, name, &bytes);

	*present = data != NULL;
	if (!data)
		return 0;
	if (bytes != TDX_MR_BYTES)
		return refuse(reader, name, "is %d bytes long, a SHA-384 digest has %d", bytes, TDX_MR_BYTES);
	memcpy(digest, data, TDX_MR_BYTES);
	return 0;
}

static bool is_uuid(const char *text)
{
	static const char shape[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	for (u32 i = 0; i < sizeof(shape); i++) {
		char c = text[i];
		bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');

		if (shape[i] == 'x' ? !hex : c != shape[i])
			return false;
	}
	return true;
}

/* Names go to the console's commands and to log lines: letters, digits and -_. only. */
static int read_name(struct reader *reader, int node, struct guest_config *guest)
{
	int bytes = 0;
	const char *name = fdt_get_name(reader->blob, node, &bytes);

	if (!name || bytes < 1 || bytes >= CONFIG_NAME_BYTES)
		return refuse(reader, NULL, "the name of a TD has 1 to %d characters", CONFIG_NAME_BYTES - 1);
	for (int i = 0; i < bytes; i++) {
		char c = name[i];
		bool good = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
			    c == '_' || c == '.';

		if (!good)
			return refuse(reader, NULL,
				      "the name of a TD consists of letters, digits, \"-\", \"_\" and \".\"");
	}
	memcpy(guest->name, name, (size_t)bytes);
	return 0;
}

static int read_size(struct reader *reader, int node, struct guest_config *guest)
{
	u64 cpus = 1, memory_kib = 0;
	int error = read_number(reader, node, "cpus", &cpus);

	if (!error)
		error = read_number(reader, node, "memory", &memory_kib);
	if (error)
		return error;
	if (cpus < 1 || cpus > GUEST_MAX_VCPUS)
		return refuse(reader, "cpus", "%lu is outside 1 to %d", cpus, GUEST_MAX_VCPUS);
	if (!fdt_getprop(reader->blob, node, "memory", NULL))
		return refuse(reader, "memory", "is missing");
	if (memory_kib < GUEST_RAM_MIN / KIB(1))
		return refuse(reader, "memory", "%lu KiB is below the minimum of %lu KiB", memory_kib,
			      GUEST_RAM_MIN / KIB(1));
	if (memory_kib > GUEST_RAM_MAX / KIB(1))
		return refuse(reader, "memory", "%lu KiB is above the maximum of %lu KiB", memory_kib,
			      GUEST_RAM_MAX / KIB(1));
	if (!IS_ALIGNED(memory_kib, PAGE_SIZE_2M / KIB(1)))
		return refuse(reader, "memory", "%lu KiB is not a multiple of 2048 KiB", memory_kib);
	guest->cpus = (u32)cpus;
	guest->memory_bytes = memory_kib * KIB(1);
	return 0;
}

static int read_identity(struct reader *reader, int node, struct guest_config *guest)
{
	const char *uuid, *on_exit;
	bool present;
	int error = 0;

	guest->attributes = TD_ATTR_SEPT_VE_DISABLE;
	error = error ? error : read_number(reader, node, "cella,td-attributes", &guest->attributes);
	error = error ? error : read_number(reader, node, "cella,td-xfam", &guest->xfam);
	error = error ? error : read_digest(reader, node, "cella,mr-config-id", guest->mrconfigid, &present);
	error = error ? error : read_digest(reader, node, "cella,mr-owner", guest->mrowner, &present);
	error = error ? error : read_digest(reader, node, "cella,mr-owner-config", guest->mrownerconfig, &present);
	error = error ? error
		      : read_digest(reader, node, "cella,expected-mrtd", guest->expected_mrtd,
				    &guest->has_expected_mrtd);
	error = error ? error : read_string(reader, node, "domain-uuid", &uuid);
	error = error ? error : read_string(reader, node, "cella,on-exit", &on_exit);
	if (error)
		return error;
	if (uuid && !is_uuid(uuid))
		return refuse(reader, "domain-uuid", "is not of the form 01234567-89ab-cdef-0123-456789abcdef");
	if (uuid)
		copy_text(guest->uuid, uuid, sizeof(guest->uuid));
	if (on_exit && strcmp(on_exit, "stop") && strcmp(on_exit, "restart"))
		return refuse(reader, "cella,on-exit", "is neither \"stop\" nor \"restart\"");
	guest->restart_on_exit = on_exit && !strcmp(on_exit, "restart");
	return 0;
}

/* The boot module that a child node names; once per role. */
static int read_module(struct reader *reader, int node, const char *const *known, const struct boot_module **module)
{
	u64 index = 0;
	int error = check_properties(reader, node, known);

	if (!error)
		error = read_number(reader, node, "mb-index", &index);
	if (error)
		return error;
	if (*module)
		return refuse(reader, NULL, "a second node of this kind");
	if (!fdt_getprop(reader->blob, node, "mb-index", NULL))
		return refuse(reader, "mb-index", "is missing");
	if (index >= reader->boot->module_count)
		return refuse(reader, "mb-index",
			      "there is no boot module %lu, the boot loader gave %u (counted from 0)", index,
			      reader->boot->module_count);
	if (!reader->boot->modules[index].bytes)
		return refuse(reader, "mb-index", "boot module %lu is empty", index);
	*module = &reader->boot->modules[index];
	return 0;
}

static int read_kernel(struct reader *reader, int node, struct guest_config *guest)
{
	const char *bootargs;
	int error = read_module(reader, node, kernel_properties, &guest->kernel);

	if (!error)
		error = read_string(reader, node, "bootargs", &bootargs);
	if (error)
		return error;
	if (bootargs && !copy_text(guest->cmdline, bootargs, sizeof(guest->cmdline)))
		return refuse(reader, "bootargs", "is longer than %d characters", CONFIG_CMDLINE_BYTES - 1);
	return 0;
}

static int read_child(struct reader *reader, int node, struct guest_config *guest)
{
	int error;

	if (is_compatible(reader, node, "module,firmware"))
		return read_module(reader, node, module_properties, &guest->firmware);
	if (is_compatible(reader, node, "module,kernel"))
		return read_kernel(reader, node, guest);
	if (is_compatible(reader, node, "module,ramdisk"))
		return read_module(reader, node, module_properties, &guest->ramdisk);
	if (!is_compatible(reader, node, "cella,console"))
		return refuse(reader, "compatible",
			      "none of module,firmware module,kernel module,ramdisk cella,console");
	error = check_properties(reader, node, console_properties);
	if (error)
		return error;
	if (guest->has_console)
		return refuse(reader, NULL, "a TD has at most one console");
	guest->has_console = true;
	return 0;
}

static int read_children(struct reader *reader, int node, struct guest_config *guest)
{
	char parent[CONFIG_PATH_BYTES];
	int child, error = 0;

	copy_text(parent, reader->path, sizeof(parent));
	fdt_for_each_subnode(child, reader->blob, node) {
		path_of(reader, parent, child);
		error = read_child(reader, child, guest);
		if (error)
			return error;
	}
	copy_text(reader->path, parent, sizeof(reader->path));
	if (!guest->firmware)
		return refuse(reader, NULL, "has no child with compatible \"module,firmware\"");
	if (guest->ramdisk && !guest->kernel)
		return refuse(reader, NULL, "has a ramdisk but no kernel");
	return 0;
}

static int read_guest(struct reader *reader, int node, const struct config *config, struct guest_config *guest)
{
	int error;

	memset(guest, 0, sizeof(*guest));
	if (!is_compatible(reader, node, "cella,td"))
		return refuse(reader, "compatible", "is not \"cella,td\"");
	error = check_properties(reader, node, td_properties);
	if (!error)
		error = read_name(reader, node, guest);
	if (!error)
		error = read_size(reader, node, guest);
	if (!error)
		error = read_identity(reader, node, guest);
	if (!error)
		error = read_children(reader, node, guest);
	for (u32 i = 0; !error && i < config->guest_count; i++)
		if (!strcmp(config->guests[i].name, guest->name))
			error = refuse(reader, NULL, "the name is used twice");
	return error;
}

/* The node above the guests: an error here makes the tree unusable. */
static int read_root(struct reader *reader, struct config *config, int *root)
{
	u64 pool_kib = 0;
	int error;

	copy_text(reader->path, CONFIG_ROOT, sizeof(reader->path));
	*root = fdt_path_offset(reader->blob, CONFIG_ROOT);
	if (*root < 0)
		return refuse(reader, NULL, "is missing");
	if (!is_compatible(reader, *root, "hypervisor,cella"))
		return refuse(reader, "compatible", "is not \"hypervisor,cella\"");
	error = check_properties(reader, *root, root_properties);
	if (!error)
		error = read_number(reader, *root, "td-pool", &pool_kib);
	if (error)
		return error;
	if (pool_kib >= CONFIG_NUMBER_MAX)
		return refuse(reader, "td-pool", "%lu KiB is more than any machine has", pool_kib);
	config->td_pool_bytes = pool_kib * KIB(1);
	return 0;
}

int config_parse(const void *blob, u64 bytes, const struct boot_info *boot, struct config *config,
		 char error[CONFIG_ERROR_BYTES], void (*report)(const char *sentence))
{
	struct reader reader = { .blob = blob, .boot = boot, .error = error };
	int root = 0, node, result;
	bool aligned;

	memset(config, 0, sizeof(*config));
	error[0] = '\0';
	if (bytes < sizeof(struct fdt_header) || bytes > CONFIG_BLOB_MAX) {
		format_text(error, CONFIG_ERROR_BYTES, "%lu bytes cannot be a device tree blob (up to %lu)", bytes,
			    CONFIG_BLOB_MAX);
		return -EINVAL;
	}
	/* libfdt checks every bound, but loads words where these offsets lead. */
	aligned = IS_ALIGNED(fdt_off_dt_struct(blob), sizeof(fdt32_t)) &&
		  IS_ALIGNED(fdt_off_mem_rsvmap(blob), sizeof(u64));
	result = aligned ? fdt_check_full(blob, (size_t)bytes) : -FDT_ERR_ALIGNMENT;
	if (result) {
		format_text(error, CONFIG_ERROR_BYTES, "the device tree blob is damaged: %s", fdt_strerror(result));
		return -EINVAL;
	}
	result = read_root(&reader, config, &root);
	if (result)
		return result;
	fdt_for_each_subnode(node, blob, root) {
		path_of(&reader, CONFIG_ROOT, node);
		if (config->guest_count == CONFIG_MAX_GUESTS)
			result = refuse(&reader, NULL, "is one TD too many, Cella takes %d", CONFIG_MAX_GUESTS);
		else
			result = read_guest(&reader, node, config, &config->guests[config->guest_count]);
		if (!result)
			config->guest_count++;
		else if (report)
			report(error);
	}
	/* A guest that was left out leaves nothing behind in the slot after the last one. */
	if (config->guest_count < CONFIG_MAX_GUESTS)
		memset(&config->guests[config->guest_count], 0, sizeof(config->guests[0]));
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
	for (u32 i = 0; i < state.config.guest_count; i++)
		log_info("config", "TD %s: %u vCPUs, %lu MiB, firmware is boot module \"%s\"",
			 state.config.guests[i].name, state.config.guests[i].cpus,
			 state.config.guests[i].memory_bytes / MIB(1), state.config.guests[i].firmware->text);
	state.usable = true;
	return &state.config;
}
