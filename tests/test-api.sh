#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# The contract of every function of the API, alone and racing with others.

# shellcheck source=tests/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/engine.sh
. "$(dirname "$0")/engine.sh"

ktap_begin
engine_begin
engine_run api
engine_run wait
engine_run disable
engine_run race
engine_end
ktap_end
