#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# How many items of an unbound queue are in execution at once, per node and in
# all.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

ktap_begin
engine_begin
engine_run active
engine_end
ktap_end
