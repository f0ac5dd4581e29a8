"""Shuffled orders of any length that need no list: the place of one entry is computed from a key.

A Feistel network is a bijection of the numbers below a power of two whatever its round function is (Luby and Rackoff
1988); walking along its cycles until a number below `size` comes up makes it one of the numbers below `size` (Black and
Rogaway 2002, "Ciphers with Arbitrary Finite Domains"). It shuffles well; it is no cipher.
"""

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_ROUNDS = 4  # of two halves each; the fewest for which no pattern is known to show


def permuted(index: Ints, size: int, seed: int, *key: int) -> Ints:
    """Where a permutation of 0 .. size - 1 sends each index.

    Args:
        index: int64 [N], each at least 0 and below `size`.
        size: at most 2^62.
        seed: at least 0.
        *key: each at least 0 and below 2^32; another seed or key is another permutation.

    Returns:
        int64 [N].
    """
    bits = max(2, (size - 1).bit_length())
    keys = np.random.SeedSequence(seed, spawn_key=key).generate_state(2 * _ROUNDS, np.uint64).astype(np.uint64)
    value = index.astype(np.uint64)
    outside = np.arange(len(value))
    while len(outside):  # fewer than half of the numbers below 2^bits are outside, so this ends soon
        value[outside] = _network(value[outside], bits, keys)
        outside = outside[value[outside] >= size]
    return value.astype(np.int64)


def _network(value: Words, bits: int, keys: Words) -> Words:
    """A bijection of 0 .. 2^bits - 1: the halves of a number in turn take in what is made of the other."""
    low = np.uint64(bits // 2)
    low_mask, high_mask = _ones(bits // 2), _ones(bits - bits // 2)
    left, right = value >> low, value & low_mask
    for number in range(0, len(keys), 2):
        left ^= _mixed(right + keys[number]) & high_mask
        right ^= _mixed(left + keys[number + 1]) & low_mask
    return (left << low) | right


def _ones(bits: int) -> np.uint64:
    return np.uint64((1 << bits) - 1)


def _mixed(value: Words) -> Words:
    """Every bit depends on every bit; the finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
