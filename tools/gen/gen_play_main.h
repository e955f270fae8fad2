// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The command "apitap-gen play".

#pragma once

// argv[0] is "play". Returns the exit status.
int play_main(int argc, char **argv);
