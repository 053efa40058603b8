/* SPDX-License-Identifier: BSD-2-Clause */
/* VMX operation, owned from boot on every core. */
#ifndef ARCH_X86_VMX_H
#define ARCH_X86_VMX_H

/**
 * vmx_on() - enter VMX root operation on this core; for cpu_call_all(). Returns 0 or -ENODEV
 * The outcome is in the core's percpu: vmx, and vmx_reason with a sentence when it is off. Interrupts off.
 */
int vmx_on(void *unused);
/** vmx_off() - leave it; no SEAMCALL after this. Always 0 */
int vmx_off(void *unused);
/** invept_all() - drop all EPT translations of this core. In VMX operation only */
void invept_all(void);

#endif
