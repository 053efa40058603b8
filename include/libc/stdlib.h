/* SPDX-License-Identifier: BSD-2-Clause */
/* Empty on purpose: third-party code includes <stdlib.h> without needing anything from it. */
