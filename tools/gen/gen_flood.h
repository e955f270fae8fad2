// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// The command "apitap-gen flood".

#pragma once

// argv[0] is "flood". Returns the exit status.
int flood_main(int argc, char **argv);
