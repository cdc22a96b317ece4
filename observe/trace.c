// SPDX-License-Identifier: GPL-2.0-only
/*
 * observe/trace.c - the tracepoints of include/trace/events/cmwq.h
 */
#define CREATE_TRACE_POINTS
#include <trace/events/cmwq.h>
