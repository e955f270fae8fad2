// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Link layers of captures, by their libpcap numbers (DLT_*); 1 is Ethernet.

#pragma once

#include "dataplane/decap.h"

bool link_known(uint32_t link_type);
// Takes the link layer's header off, but for Ethernet's.
enum walk_next link_step(struct walk *walk, uint32_t link_type);
