"""The weights and token ids of every golden file, by integer hashing, so that they need not be stored.

test/helpers/golden-weights.ts says the same in TypeScript; both must agree bit for bit, and the golden index
carries SHA-256 fingerprints that the tests compare. Every operation here is exact in IEEE arithmetic, apart
from one rounding to float32 in the norm weights.
"""

import hashlib

import numpy as np


def fnv1a(text):
    """FNV-1a, 32 bits: tells the tensors apart by their name."""
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def mix(x):
    """lowbias32 of Chris Wellons: a bijection of uint32 that spreads every input bit over all output bits."""
    x = x.astype(np.uint32)
    x ^= x >> np.uint32(16)
    x *= np.uint32(0x7FEB352D)
    x ^= x >> np.uint32(15)
    x *= np.uint32(0x846CA68B)
    x ^= x >> np.uint32(16)
    return x


def draw(name, indices):
    """One uint32 for each element of the tensor `name`."""
    return mix(mix(indices) + np.uint32(fnv1a(name)))


def weight_scale(shape):
    """The largest power of two s with s^2 * fan_in <= 4: activations keep a size near one."""
    scale = 2.0
    while scale * scale * shape[-1] > 4:
        scale /= 2
    return scale


def golden_weight(name, shape):
    """Matrices uniform in [-scale, scale), norm weights uniform in [0.75, 1.25)."""
    indices = np.arange(int(np.prod(shape)), dtype=np.uint32)
    uniform = (draw(name, indices) >> np.uint32(8)).astype(np.float64) / 2**23 - 1  # [-1, 1), 24 bits
    values = 1 + uniform / 4 if len(shape) == 1 else uniform * weight_scale(shape)
    return values.astype(np.float32).reshape(shape)


def golden_ids(start, shape, vocab):
    """Tokens start, start+1, … of one endless stream.

    The product of two uniform numbers favours low ids, so a patch often holds one token twice.
    """
    bits = draw("ids", np.arange(start, start + int(np.prod(shape)), dtype=np.uint32)).astype(np.uint64)
    product = (bits & np.uint64(0xFFFF)) * (bits >> np.uint64(16))
    return ((product * np.uint64(vocab)) >> np.uint64(32)).astype(np.int32).reshape(shape)


def fingerprint(arrays):
    """SHA-256 of the little-endian bytes of the arrays, one after the other."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
