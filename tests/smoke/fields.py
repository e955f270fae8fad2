#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""usage: fields.py BUILD

End to end: what fields are is learnt from all of their values. Numbers that pass a check by
accident are no issue, real ones in a field of the same name are; names of people and numbers in a
field whose name says nothing become issues when the field is learnt; the same on any number of
workers, and kept from one replay to the next."""

import sys

import scenarios

REPLAY_SEED = 0x61706974617031  # of dataplane/replay.c


def group_fields(group):
    """One value says little. All of a field's values say what it is; a restart changes nothing."""
    capture, types = group.gen("fields"), ("card.pan", "person.name", "jp.mynumber")
    conf = scenarios.conf_file(group, "policies = ( %s );\n" % ", ".join(
        '{ type = "%s"; action = "prohibited"; direction = "response"; }' % t for t in types))
    first = group.good(capture, "--config", conf)
    pairs = scenarios.check_expected(group, first, capture)
    group.check("luck", capture.truth["lucky"] > 100, "%d of the numbers that mean nothing pass "
                "for card numbers, and are no issue" % capture.truth["lucky"])
    counts = {e["type"]: i["count"] for e, i in pairs}
    calls = {"person.name": capture.truth["contacts"], "jp.mynumber": capture.truth["subsidies"]}
    for kind, n in calls.items():
        group.check("learnt-" + kind, 0 < counts.get(kind, 0) < n,
                    "%d of %d responses count, those before were learnt from" % (
                        counts.get(kind, 0), n))
    for workers in (2, 4):
        run = group.good(capture, "--config", conf, "--workers", workers)
        group.check("workers-%d" % workers, run.log == first.log and first.issues,
                    "the same %d issues" % len(run.issues), run.verdict(first))
    # The seed decides which exchanges are learnt from: with that of a replay that keeps nothing,
    # nothing here is up to chance.
    state = group.work / "state"
    state.mkdir(mode=0o700)
    (state / "apitap.seed").write_bytes(REPLAY_SEED.to_bytes(8, sys.byteorder))
    saved = group.good(capture, "--config", conf, "--state", state)
    group.check("saved", saved.log == first.log and first.issues, "the same while it is kept",
                saved.verdict(first))
    # Other numbers, names and calls of the same shop.
    other = group.gen("fields", "--seed", 4711)
    again = group.good(other, "--config", conf, "--state", state)
    pairs = scenarios.check_expected(group, again, other, "issues-again")
    counts = {e["type"]: i["count"] for e, i in pairs}
    calls = {"person.name": other.truth["contacts"], "jp.mynumber": other.truth["subsidies"]}
    group.check("known", counts.items() >= calls.items(),
                "from the first response on: " + ", ".join("%s %d" % c for c in calls.items()),
                "%s of %s" % (counts, calls))
    new = group.good(group.gen("fields"), "--config", conf)
    group.check("forgotten", new.log == first.log, "without the state it is learnt anew",
                new.verdict(first))


if __name__ == "__main__":
    scenarios.GROUPS = {"fields": group_fields}
    sys.exit(scenarios.main())
