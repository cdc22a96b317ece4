#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Which item runs when and where: ordered queues, affinity, the concurrency
# policy, for a target of one and of more.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

ktap_begin
engine_begin
engine_run order
engine_run policy
engine_end

# The tunable that the kernel's own workqueues do not have.
if [ "$ENGINE" = cmwq ] && [ -z "$engine_stuck" ]; then
	CMWQ_PARAMS="${CMWQ_PARAMS-} concurrency=3"
	engine_begin
	engine_run policy target=3
	engine_end
fi
ktap_end
