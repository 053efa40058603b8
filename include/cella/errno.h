/* SPDX-License-Identifier: BSD-2-Clause */
/* Error codes: a function that acts returns 0 or one of these, negated. */
#ifndef CELLA_ERRNO_H
#define CELLA_ERRNO_H

#define EPERM 1	/* not allowed in this state */
#define EIO 5	/* the device or the TDX module failed for good */
#define EAGAIN 11	/* transient: try again */
#define ENOMEM 12	/* no page of that kind left */
#define EBUSY 16	/* held by somebody else */
#define EEXIST 17	/* already there */
#define ENODEV 19	/* the machine does not have it */
#define EINVAL 22	/* malformed input */
#define ENOSPC 28	/* a fixed table is full */
#define ERANGE 34	/* outside the allowed range */
#define ENOTSUP 95	/* this module or machine cannot do it */

#endif
