// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The apitap authors
//
// Counters of the flow side, one row each. A worker owns one struct and is its only writer;
// readers see values that may be a little old.

#pragma once

#include <stdint.h>

#define FLOW_STATS(X)                                                                              \
	X(flows_created, "flows entered into the table")                                           \
	X(flows_expired, "flows removed by a timeout")                                             \
	X(flows_closed, "flows removed after FIN or RST")                                          \
	X(flows_evicted, "flows removed to make room")                                             \
	X(flows_evicted_active, "connections with payload among them")                             \
	X(flows_relieved, "connections that waited longest, ended for memory that others need")    \
	X(flow_table_full, "packets without a flow because the table was full")                    \
	X(conn_pool_empty, "flows followed without payload because the pool was empty")            \
	X(parser_blocks_empty, "connections not parsed because no block for their state was free") \
	X(tcp_segments, "TCP segments with payload")                                               \
	X(tcp_out_of_order, "segments held until a hole was filled")                               \
	X(tcp_hold_full, "segments not held because a bound was reached")                          \
	X(tcp_duplicate_bytes, "payload bytes seen before")                                        \
	X(tcp_overlap_conflicts, "retransmissions with other bytes than the first copy")           \
	X(tcp_gaps, "holes given up")                                                              \
	X(tcp_gap_bytes, "bytes missing in holes given up")                                        \
	X(tcp_out_of_window, "segments too far from the expected sequence number")                 \
	X(tcp_bad_rst, "resets that did not match the expected sequence number")                   \
	X(tcp_midstream, "flows whose start was not seen")                                         \
	X(tcp_bad_checksum, "segments whose checksum was wrong")                                   \
	X(ip_frag_overlaps, "datagrams left out because their fragments contradict each other")    \
	X(http_requests, "request heads parsed")                                                   \
	X(http_responses, "final response heads parsed")                                           \
	X(http_exchanges, "exchanges ended and reported")                                          \
	X(http_no_response, "exchanges that ended without a response")                             \
	X(http_no_request, "responses without a request")                                          \
	X(http_gaps, "holes inside a message")                                                     \
	X(http_skipped_bytes, "bytes skipped while looking for the next message")                  \
	X(http_errors, "messages given up as not HTTP")                                            \
	X(http_pipeline_full, "requests not followed because too many were pending")               \
	X(http_tx_pool_empty, "exchanges not followed because the pool was empty")                 \
	X(http_head_too_long, "heads longer than the limit")                                       \
	X(http_upgrades, "connections that left HTTP by 101 or CONNECT")                           \
	X(ws_frames, "WebSocket frames")                                                           \
	X(ws_messages, "WebSocket messages searched like bodies")                                  \
	X(ws_bad_frames, "WebSocket frames against the standard")                                  \
	X(ws_resyncs, "WebSocket directions found again behind a hole")                            \
	X(ws_lost, "WebSocket directions given up")                                                \
	X(ws_skipped_bytes, "bytes skipped while looking for the next WebSocket frame")            \
	X(ws_undecoded, "compressed WebSocket messages not decoded")                               \
	X(h2_connections, "HTTP/2 connections")                                                    \
	X(h2_streams, "HTTP/2 streams followed")                                                   \
	X(h2_streams_evicted, "HTTP/2 streams given up because too many were open")                \
	X(h2_streams_hidden, "HTTP/2 streams of a flood, not reported")                            \
	X(h2_resets, "HTTP/2 streams that were reset")                                             \
	X(h2_bad_frames, "HTTP/2 frames that break the protocol")                                  \
	X(h2_lost, "HTTP/2 directions in which the next frame had to be searched")                 \
	X(h2_skipped_bytes, "bytes skipped in that search")                                        \
	X(h2_blocks_lost, "HTTP/2 header blocks that could not be read")                           \
	X(h2_hpack_errors, "HTTP/2 header blocks that are none")                                   \
	X(h2_tunnels, "HTTP/2 streams that became a tunnel by CONNECT")                            \
	X(body_bytes, "decoded body bytes")                                                        \
	X(body_scanned_bytes, "decoded body bytes given to the scanner")                           \
	X(body_skipped_bytes, "decoded body bytes of kinds that are not scanned")                  \
	X(body_over_limit_bytes, "body bytes past a configured or decoding limit")                 \
	X(body_coding_unknown, "bodies in a coding that is not decoded")                           \
	X(body_coding_errors, "bodies whose coding was damaged")                                   \
	X(body_bombs, "bodies that grew past the allowed ratio")                                   \
	X(body_no_context, "bodies not decoded because no decoder was free")                       \
	X(body_decoders_taken, "bodies that had been silent and lost their decoder to others")     \
	X(body_broken, "JSON, XML and other bodies that are not what their type says")             \
	X(body_too_deep, "bodies nested deeper than the limit")                                    \
	X(tls_handshakes, "TLS handshakes reported")                                               \
	X(tls_bad_messages, "TLS hellos and certificates that were damaged or too long")           \
	X(tls_not, "directions given up as not TLS, or lost by a hole")                            \
	X(tls_decrypted, "TLS connections whose secrets were known")                               \
	X(tls_records_opened, "TLS records decrypted")                                             \
	X(tls_records_lost, "TLS records that should have been decrypted and could not")           \
	X(tls_early_unread, "TLS connections with early data, which are not decrypted")            \
	X(tls_rekeyed, "TLS connections decrypted up to a renegotiation")                          \
	X(tls_plain_bytes, "decrypted bytes given to the parser inside")

struct flow_stats {
#define X(name, help) uint64_t name;
	FLOW_STATS(X)
#undef X
};
