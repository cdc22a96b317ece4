/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _CMWQ_TEST_VETO_H
#define _CMWQ_TEST_VETO_H

/* Refuse: cmwq_test_veto.c */
extern bool cmwq_test_veto;

#endif /* _CMWQ_TEST_VETO_H */
