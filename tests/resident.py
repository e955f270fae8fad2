# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""How much memory a program that is running has, looked at again and again."""

import pathlib


def sample(pid, sizes, done):
    """Appends MiB to sizes, for a thread, until the event or the end of the process."""
    while not done.wait(0.1):
        try:
            status = pathlib.Path("/proc/%d/status" % pid).read_text()
        except OSError:
            return
        sizes += [int(line.split()[1]) / 1024 for line in status.splitlines()
                  if line.startswith("VmRSS")]
