# SPDX-License-Identifier: GPL-2.0-only
#
# A table out of what bench-guest.sh printed.  Exit status: 0 if everything
# was measured and the harness is sound, 1 if not.  A missed target is marked
# and does not change the status.

function fail(text) {
	print "bench: " text
	bad = 1
}

# The mark of a value, as it is printed, against its limit
function missed(value, limit) {
	return value + 0 > limit + 0 ? "  MISSED" : ""
}

# row TEXT PHASE NAME TARGET: one metric; TARGET "" if there is none
function row(text, phase, name, target,    s, c, mark, r) {
	if (!((phase, name) in stock)) {
		fail("no result " name " in phase " phase)
		return
	}
	s = stock[phase, name]
	c = cmwq[phase, name]
	if (s + 0 <= 0 || c + 0 <= 0) {
		fail("result " name " in phase " phase " is not a time")
		return
	}
	r = c / s
	if (target != "")
		mark = sprintf("<= %.2f%s", target,
			       missed(sprintf("%.3f", r), target))
	printf("%-44s %10.1f %10.1f %7.3f  %s\n", text, s, c, r, mark)
}

# tax TEXT PHASE LIMIT: a context switch against the one before loading
function tax(text, phase, limit,    d, mark) {
	if (!(phase in sw)) {
		fail("no context switch in phase " phase)
		return
	}
	d = sw[phase] - sw["before"]
	if (limit != "")
		mark = sprintf("<= %+d%s", limit,
			       missed(sprintf("%.1f", d), limit))
	printf("%-44s %10.1f %10.1f %+7.1f  %s\n", text, sw["before"],
	       sw[phase], d, mark)
}

function head(title, col) {
	printf("\n%-44s %10s %10s %7s  %s\n", title, "stock", "cmwq", col,
	       "target")
}

{ sub(/\r$/, "") }

$1 == "bench" && NF == 5 {
	stock[$2, $3] = $4
	cmwq[$2, $3] = $5
	if ($2 == "self") {
		d = $5 / $4 - 1
		if (d < 0)
			d = -d
		n_self++
		if (d >= worst) {
			worst = d
			worst_name = $3
		}
	}
}

$1 == "switch" && NF == 3 { sw[$2] = $3 }

$1 == "info" { info[$2] = $3 }

END {
	if (!info["end"])
		fail("the run did not reach its end")
	printf("%s, %s\n", info["kernel"], unit == "" ? "ticks" : unit)

	head("hooks=auto, accelerator " info["rest_accelerator"], "ratio")
	row("no-op item, batch of 256, per item", "rest", "noop_b256", 0.45)
	row("  the same, items never queued before", "rest",
	    "noop_b256_fresh", 0.45)
	row("no-op item, batch of 16, per item", "rest", "noop_b16", 0.65)
	row("  the same, items never queued before", "rest",
	    "noop_b16_fresh", 0.65)
	row("queue -> start", "rest", "queue_start", 0.95)
	row("queue -> done, seen by the producer", "rest", "queue_done", 1.00)
	row("queue -> start, worker asleep", "rest", "queue_start_asleep", "")
	row("queue -> done, worker asleep", "rest", "queue_done_asleep", "")
	row("flush_work, idle item", "rest", "flush_work_idle", "")
	row("cancel_work_sync, idle item", "rest", "cancel_work_sync_idle", "")
	row("queue + cancel_work_sync", "rest", "queue_cancel", 1.00)
	row("queue + flush_work", "rest", "queue_flush_work", 1.00)
	row("queue + flush_workqueue", "rest", "queue_flush_workqueue", 1.00)

	if (info["rest_accelerator"] != "off")
		fail("the accelerator came on too early")

	head("hooks=auto, accelerator " info["on_accelerator"], "ratio")
	row("block -> next item", "on", "block_next", 1.00)
	row("  a chain of 32 such blocks, whole", "on", "block_chain32", "")
	if (info["accelerator_on"] == "never")
		fail("the accelerator did not come on in " \
		     info["drive_chains"] " chains")
	else
		printf("came on after %d hand-overs, %d ms of virtual time\n",
		       info["drive_handovers"], info["drive_ms"])

	if (info["on_accelerator"] == "off")
		fail("the accelerator did not stay on")

	head("fixed modes", "ratio")
	row("block -> next item, hooks=notifier", "notifier", "block_next",
	    1.25)
	row("  a chain of 32", "notifier", "block_chain32", "")
	row("block -> next item, hooks=entry", "entry", "block_next", 1.00)
	row("  a chain of 32", "entry", "block_chain32", "")
	row("  no-op item, batch of 256, per item", "entry", "noop_b256", "")
	row("  no-op item, batch of 16, per item", "entry", "noop_b16", "")
	row("  queue -> start", "entry", "queue_start", "")
	row("  queue -> done", "entry", "queue_done", "")
	row("block -> next item, hooks=tracepoint", "tracepoint",
	    "block_next", "")
	row("  a chain of 32", "tracepoint", "block_chain32", "")

	printf("\n%-44s %10s %10s %7s  %s\n", "unrelated context switch",
	       "unloaded", "cmwq", "extra", "target")
	if (!("before" in sw)) {
		fail("no context switch before loading")
	} else {
		tax("hooks=auto, at rest", "rest", 8)
		tax("hooks=auto, accelerator on", "on", 40)
		tax("after unloading", "after", 0)
		tax("hooks=notifier", "notifier", "")
		tax("hooks=entry", "entry", "")
		tax("hooks=tracepoint", "tracepoint", "")
		tax("after unloading all of these", "end", 0)
	}

	# Two identical engines: whatever differs is the harness.
	printf("\nself-check, stock against stock: %d metrics, ", n_self)
	printf("largest difference %.2f %% (%s)\n", worst * 100, worst_name)
	if (!n_self)
		fail("no self-check")
	if (worst > tolerance)
		fail("two identical engines differ by more than " \
		     tolerance * 100 " %")
	exit bad
}
