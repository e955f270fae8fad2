# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The apitap authors
"""Files in MaxMind's format (MaxMind DB File Format Specification 2.0), as an operator brings them."""

import ipaddress
import struct

KINDS = {"str": 2, "double": 3, "uint16": 5, "uint32": 6, "map": 7, "uint64": 9, "array": 11}


def control(kind, size):
    number = KINDS[kind]
    return bytes([number << 5 | size] if number <= 7 else [size, number - 7])


def encode(value):
    """A map, list, text, double, or a whole number of so many bytes; each below 29 bytes or members."""
    if isinstance(value, dict):
        return control("map", len(value)) + b"".join(encode(k) + encode(v) for k, v in value.items())
    if isinstance(value, list):
        return control("array", len(value)) + b"".join(map(encode, value))
    if isinstance(value, str):
        return control("str", len(value)) + value.encode()
    if isinstance(value, float):
        return control("double", 8) + struct.pack(">d", value)
    number, size = value
    return control("uint%d" % (8 * size), size) + number.to_bytes(size, "big")


def write(path, places):
    """places: IPv4 networks, and what is known of each."""
    nodes, leaves, data = [[None, None]], [], b""
    for network, what in places.items():
        network = ipaddress.IPv4Network(network)
        bits = format(int(network.network_address), "032b")[:network.prefixlen]
        at = 0
        for bit in map(int, bits[:-1]):
            if nodes[at][bit] is None:
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        leaves.append((at, int(bits[-1]), len(data)))
        data += encode(what)
    for at, bit, offset in leaves:
        nodes[at][bit] = len(nodes) + 16 + offset
    tree = b"".join((len(nodes) if side is None else side).to_bytes(3, "big")
                    for node in nodes for side in node)
    about = {"node_count": (len(nodes), 4), "record_size": (24, 2), "ip_version": (4, 2),
             "database_type": "Test-City-ASN", "languages": [], "description": {},
             "binary_format_major_version": (2, 2), "binary_format_minor_version": (0, 2),
             "build_epoch": (1700000000, 8)}
    with open(path, "wb") as out:
        out.write(tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + encode(about))


def read_places(path):
    """Lines of "NETWORK COUNTRY AS LATITUDE LONGITUDE KILOMETRES"; # begins a comment."""
    places = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                network, country, asn, latitude, longitude, radius = words
                places[network] = {
                    "country": {"iso_code": country},
                    "autonomous_system_number": (int(asn), 4),
                    "location": {"latitude": float(latitude), "longitude": float(longitude),
                                 "accuracy_radius": (int(radius), 2)}}
    return places
