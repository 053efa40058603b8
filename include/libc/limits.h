/* SPDX-License-Identifier: BSD-2-Clause */
/* Empty on purpose: third-party code includes <limits.h> without needing anything from it. */
