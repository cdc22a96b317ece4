/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device that a bus of subsys_virtual_register() has as its root.
 */
#ifndef _CMWQ_COMPAT_DEVICE_H
#define _CMWQ_COMPAT_DEVICE_H

#include_next <linux/device.h>

/* /sys/devices/virtual/<name of the bus>; to be put. */
static inline struct device *cmwq_bus_root(struct bus_type *bus)
{
#ifdef CMWQ_HAVE_BUS_GET_DEV_ROOT	/* 6.4 */
	return bus_get_dev_root(bus);
#else
	return get_device(bus->dev_root);
#endif
}

#endif /* _CMWQ_COMPAT_DEVICE_H */
