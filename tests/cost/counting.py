# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Instructions of the worker for a capture, by callgrind: the same on every machine, whatever else
it does.

The start, which takes far longer than a small capture, is not instrumented: the capture comes
through a pipe, and counting is switched on when the sensor waits for it.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

START_S = 600  # the most that a start may take


def wait_for_reader(pipe, run):
    """The pipe, when the process reads it; it may also end before."""
    end = time.monotonic() + START_S
    while run.poll() is None and time.monotonic() < end:
        try:
            sink = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # ENXIO: nobody reads
            time.sleep(0.02)
            continue
        os.set_blocking(sink, True)
        return os.fdopen(sink, "wb")
    sys.exit("the sensor did not read the capture, exit status %s" % run.poll())


def count(build, capture, off):
    """Instructions of the worker without the types in off."""
    with tempfile.TemporaryDirectory() as folder:
        conf, pipe, log = (os.path.join(folder, name) for name in ("conf", "pipe", "log"))
        with open(conf, "w", encoding="utf-8") as out:
            out.write("types = { disabled = [ %s ]; };\n" % ", ".join('"%s"' % t for t in off))
        os.mkfifo(pipe)
        with open(log, "w", encoding="utf-8") as out:
            run = subprocess.Popen(
                ["valgrind", "--tool=callgrind", "--instr-atstart=no",
                 "--toggle-collect=tracker_burst", "--callgrind-out-file=/dev/null",
                 os.path.join(build, "apitap"), "replay", "--quiet", "-c", conf, pipe],
                stdout=subprocess.DEVNULL, stderr=out)
        try:
            with wait_for_reader(pipe, run) as sink:
                subprocess.run(["callgrind_control", "--instr=on", str(run.pid)], check=True,
                               stdout=subprocess.DEVNULL, timeout=START_S)
                with open(capture, "rb") as source:
                    shutil.copyfileobj(source, sink)
        finally:
            if run.poll() is None:
                try:
                    run.wait(START_S)
                except subprocess.TimeoutExpired:
                    run.kill()
        with open(log, encoding="utf-8", errors="replace") as text:
            found = re.search(r"Collected : (\d+)", text.read())
    if run.returncode or not found or found.group(1) == "0":
        sys.exit("nothing was counted, exit status %s" % run.returncode)
    return int(found.group(1))


