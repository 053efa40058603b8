/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's commands about guests: tds, td start|stop|info, attach. */
#ifndef VMM_CONSOLE_CMD_H
#define VMM_CONSOLE_CMD_H

/** vmm_console_register() - add them to the console. Boot core, once */
void vmm_console_register(void);

#endif
