# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=dash
#
# Runs the test modules that exist for both engines (tests/modules/engine.h).
# Source it after lib.sh:
#
#	. "$(dirname "$0")/lib.sh"
#	. "$(dirname "$0")/engine.sh"
#	ktap_begin
#	engine_begin
#	engine_run api
#	engine_end
#	ktap_end
#
# ENGINE=stock in the environment runs the control, the kernel's own
# workqueues; ENGINE=dropin the same on cmwq, by cmwq/dropin.h.  CMWQ_PARAMS
# holds parameters for cmwq.ko, TEST_PARAMS some for the test modules.

ENGINE=${ENGINE:-cmwq}
engine_stuck=
engine_hog=/sys/module/workqueue/parameters/cpu_intensive_thresh_us
engine_hog_was=

engine_begin()
{
	case $ENGINE in
	cmwq|dropin)
		# Emulated CPUs are slow: nothing is a hog here.
		# shellcheck disable=SC2086 # several words
		is_loaded cmwq ||
			load_cmwq cpu_intensive_thresh_us=0 ${CMWQ_PARAMS-} ||
			ktap_bail "cmwq.ko does not load"
		;;
	stock)
		# The same.
		if [ -w $engine_hog ]; then
			engine_hog_was=$(cat $engine_hog)
			echo 0 >$engine_hog
		fi
		;;
	*)
		ktap_bail "ENGINE=$ENGINE: cmwq, stock or dropin"
		;;
	esac
}

# How far the module is; the same answer twice means that it is not moving.
engine_state()
{
	cat "/sys/kernel/debug/$1/state" 2>/dev/null
}

# Let module $1 run until it is done; fail if it makes no step for 45 s.
engine_wait()
{
	local state before='' still=0

	while :; do
		state=$(engine_state "$1")
		case $state in
		done*) return 0 ;;
		'') return 1 ;;
		"$before") still=$((still + 1)) ;;
		*) still=0 ;;
		esac
		[ $still -lt "${2:-90}" ] || return 1
		before=$state
		sleep 0.5
	done
}

# engine_run TOPIC [PARAMETER=VALUE...]
engine_run()
{
	local module="cmwq_test_$1" log

	[ "$ENGINE" = cmwq ] || module=${module}_$ENGINE
	shift
	if [ -n "$engine_stuck" ]; then
		ktap_fail "$module" "not run: $engine_stuck is stuck"
		return
	fi
	# shellcheck disable=SC2086 # several words
	if ! load_test "$module" "$@" ${TEST_PARAMS-}; then
		ktap_fail "$module" "does not load"
		return
	fi
	engine_wait "$module" || engine_stuck=$module
	log=$(mktemp)
	sed "s/^# //" "/sys/kernel/debug/$module/results" >"$log"
	ktap_results "$log"
	rm -f "$log"
	if [ -n "$engine_stuck" ]; then
		ktap_fail "$module" "stuck: $(engine_state "$module")"
	elif ! unload_test "$module"; then
		engine_stuck=$module
		ktap_fail "$module" "lost items, cannot be unloaded"
	fi
	[ -n "$engine_stuck" ] || return
	# What is stuck stays: removing it would hang, or worse.
	# shellcheck disable=SC2034 # read by lib.sh
	loaded_tests=
	[ "$ENGINE" = stock ] || diag_stdin <"$CMWQ_VIEWS/pools"
}

engine_end()
{
	[ -z "$engine_hog_was" ] || echo "$engine_hog_was" >$engine_hog
	[ "$ENGINE" != stock ] && [ -z "$engine_stuck" ] || return 0
	[ -z "$cmwq_was_there" ] || return 0
	ktap_test "unload after the test" unload_cmwq
}
