/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest platform: which devices a guest has and where. Composition only.
 *
 * All device states lie in one allocation that lives from build to teardown, so a vCPU can never meet a model whose
 * state is gone. Keystrokes go to the virtio-console once its driver runs, before that, and without one, to COM1. They
 * come from the console task on core 0; the keeper, which creates and destroys platforms, runs on the same core, and
 * neither gives it away in between, so a platform is there for the whole of an input call or not at all.
 *
 * Guest-boot reference, "Recommended guest platforms for Cella", "Common part", "Path D devices".
 */
#include "include/cella/errno.h"
#include "kernel/page.h"
#include "vmm/bus.h"
#include "vmm/dev_console.h"
#include "vmm/dev_pci.h"
#include "vmm/dev_power.h"
#include "vmm/dev_rtc.h"
#include "vmm/dev_serial.h"
#include "vmm/guest.h"

#define CONSOLE_SLOT 2

struct platform {
	struct dev_serial serial;
	struct dev_rtc rtc;
	struct dev_console console;	/* attached only when the guest is configured with one */
};

#define PLATFORM_PAGES DIV_ROUND_UP(sizeof(struct platform), PAGE_SIZE)

static void input(struct console_guest *terminal, const char *bytes, u64 count)
{
	struct guest *guest = container_of(terminal, struct guest, console);
	struct platform *platform = guest->bus.devices;

	if (!platform)
		return;
	if (!guest->config->has_console || !dev_console_input(&platform->console, bytes, count))
		dev_serial_input(&platform->serial, bytes, count);
}

static int create_devices(struct guest *guest, struct platform *platform)
{
	int error = dev_serial_create(&platform->serial, guest);

	if (!error)
		error = dev_rtc_create(&platform->rtc, guest);
	if (!error)
		error = dev_power_create(guest);
	if (!error)
		error = pci_create(guest);
	if (!error && guest->config->has_console)
		error = dev_console_create(&platform->console, guest, CONSOLE_SLOT);
	return error;
}

int platform_create(struct guest *guest)
{
	struct platform *platform = page_zalloc(PLATFORM_PAGES, PAGE_GUEST);
	int error;

	if (!platform)
		return -ENOMEM;
	guest->bus.devices = platform;
	error = create_devices(guest, platform);
	if (error) {
		platform_destroy(guest);
		return error;
	}
	guest->console.name = guest->config->name;
	guest->console.input = input;
	return 0;
}

void platform_destroy(struct guest *guest)
{
	struct platform *platform = guest->bus.devices;

	if (!platform)
		return;
	guest->bus.devices = NULL;
	pci_destroy(guest);
	guest->bus.count = 0;
	page_zfree(platform, PLATFORM_PAGES, PAGE_GUEST);
}
