# SPDX-License-Identifier: GPL-2.0-only
#
# Checks the sample module's lines in the kernel log: every kind of item ran,
# and ran as its queue promises.  Ends with 1 if not.

/cmwq_sample: per-CPU item: on CPU 0,/	{ percpu++ }
/cmwq_sample: high-priority item:/	{ if (/nice -20,/) highpri++ }
/cmwq_sample: ordered item: step/	{ steps = steps " " $(NF - 1) $NF }
/cmwq_sample: delayed item:/ {
	if (match($0, /item: [0-9]+ ms/))
		delay = substr($0, RSTART + 6, RLENGTH - 9) + 0
}
/cmwq_sample: all items are done/	{ finished++ }

function promise(kept, text)
{
	if (!kept)
		bad++
	printf "   %s  %s\n", kept ? "yes" : "NO ", text
}

END {
	print ""
	promise(percpu == 1, "the per-CPU item ran once, on its CPU")
	promise(highpri == 1, "the high-priority item ran with nice -20")
	promise(steps == " 1begins 1ends 2begins 2ends 3begins 3ends",
		"the ordered items ran one at a time, in order")
	promise(delay >= 100, "the delayed item ran no sooner than after 100 ms")
	promise(finished == 1, "the module went away cleanly")
	exit bad > 0
}
