#!/usr/bin/env python3
"""Writes chain_golden.h: chains and digests of known bytes, from a SHA-256 in plain Python that shares nothing with store/.

usage: chain_golden.py > chain_golden.h    (takes half a minute)
"""
import hashlib
import struct

CHUNK = 1 << 20
SIZES = [0, 1, 55, 56, 63, 64, 65, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK]
MASK = 0xFFFFFFFF


def primes(count):
    found = []
    n = 2
    while len(found) < count:
        if all(n % p for p in found):
            found.append(n)
        n += 1
    return found


def root_fraction(n, degree):
    """The first 32 bits of the fractional part of the square or cube root of n."""
    target = n << (32 * degree)
    low, high = 0, 1 << 40
    while high - low > 1:
        middle = (low + high) // 2
        if middle ** degree <= target:
            low = middle
        else:
            high = middle
    return low & MASK


K = [root_fraction(p, 3) for p in primes(64)]
INITIAL = [root_fraction(p, 2) for p in primes(8)]


def ror(x, n):
    return (x >> n | x << (32 - n)) & MASK


def compress(state, block):
    w = list(struct.unpack(">16I", block))
    for t in range(16, 64):
        s0 = ror(w[t - 15], 7) ^ ror(w[t - 15], 18) ^ w[t - 15] >> 3
        s1 = ror(w[t - 2], 17) ^ ror(w[t - 2], 19) ^ w[t - 2] >> 10
        w.append((w[t - 16] + s0 + w[t - 7] + s1) & MASK)
    a, b, c, d, e, f, g, h = state
    for t in range(64):
        t1 = h + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) + (e & f ^ ~e & g) + K[t] + w[t]
        t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) + (a & b ^ a & c ^ b & c)
        a, b, c, d, e, f, g, h = (t1 + t2) & MASK, a, b, c, (d + t1) & MASK, e, f, g
    return [(x + y) & MASK for x, y in zip(state, (a, b, c, d, e, f, g, h))]


def chain(data):
    """The states at the chunks' borders, and the digest."""
    state, states = INITIAL, []
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack(">Q", 8 * len(data))
    for at in range(0, len(padded), 64):
        if at and at % CHUNK == 0 and at < len(data):
            states.append(struct.pack(">8I", *state))
        state = compress(state, padded[at:at + 64])
    return states, struct.pack(">8I", *state)


def main():
    everything = bytes((i ^ i >> 8 ^ (i >> 16) * 31) & 255 for i in range(max(SIZES)))
    print("/* Written by chain_golden.py. Byte i of every message is i ^ i >> 8 ^ (i >> 16) * 31, cut to eight bits. */")
    print("#ifndef LARDER_TESTS_CHAIN_GOLDEN_H\n#define LARDER_TESTS_CHAIN_GOLDEN_H\n\n#include <stdint.h>\n")
    print("static const struct chain_golden {\n\tuint64_t size;\n\tconst char *states[2]; /* S(1), S(2) */\n\tconst char *digest;")
    print("} chain_golden[] = {")
    for size in SIZES:
        states, digest = chain(everything[:size])
        assert digest == hashlib.sha256(everything[:size]).digest()
        listed = ", ".join(f'"{s.hex()}"' for s in states)
        print(f'\t{{{size}, {{{listed or "0"}}},\n\t "{digest.hex()}"}},')
    print("};\n\n#endif")


main()
