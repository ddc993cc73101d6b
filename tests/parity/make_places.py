"""Makes src/engine/data/mnist-places.gz: where one can begin in the middle of train-images-idx3-ubyte.gz.

    python tests/parity/make_places.py

A deflate stream can be entered at the beginning of any block by who knows the 32 KiB before it. For seven places, evenly
spread, the file has, little-endian: the first bit of the block (u64, counted from the file's beginning, lowest bit of
each byte first), how many bytes have been unpacked before it (u64), and the 32 KiB. src/engine/data/mnist_places.rs unpacks the
pieces between them side by side. This decodes the stream by the letter of RFC 1951, and takes a minute.
"""

import gzip
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PIECES, WINDOW = 8, 32768
LENGTHS = [3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258]
LENGTH_BITS = [0] * 8 + [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4 + [5] * 4 + [0]
DISTANCES = [1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
             6145, 8193, 12289, 16385, 24577]
DISTANCE_BITS = [0, 0, 0, 0] + [bits for n in range(1, 14) for bits in (n, n)]
ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]


def table(lengths):
    """For each 15 bits to come: the symbol and how many of them are its code."""
    codes, code = {}, 0
    for length in range(1, 16):
        code <<= 1
        for symbol, of_symbol in enumerate(lengths):
            if of_symbol == length:
                codes[symbol] = (code, length)
                code += 1
    out = [None] * (1 << 15)
    for symbol, (code, length) in codes.items():
        reversed_code = int(format(code, f"0{length}b")[::-1], 2)
        for rest in range(1 << (15 - length)):
            out[reversed_code | rest << length] = (symbol, length)
    return out


class Bits:
    def __init__(self, data, at):
        self.data, self.at = data, at

    def peek(self, count):
        first = self.at >> 3
        return int.from_bytes(self.data[first : first + 4], "little") >> (self.at & 7) & ((1 << count) - 1)

    def take(self, count):
        bits = self.peek(count)
        self.at += count
        return bits

    def symbol(self, table):
        symbol, length = table[self.peek(15)]
        self.at += length
        return symbol


def main():
    packed = (ROOT / "datasets" / "mnist" / "train-images-idx3-ubyte.gz").read_bytes()
    name_end = packed.index(b"\0", 10) + 1
    assert packed[:4] == b"\x1f\x8b\x08\x08", "a gzip file with a name, and nothing more"
    unpacked_len = int.from_bytes(packed[-4:], "little")
    bits, out, places, last = Bits(packed, 8 * name_end), bytearray(), [], False
    while not last:
        if len(out) >= (len(places) + 1) * unpacked_len // PIECES and len(places) < PIECES - 1:
            places.append(bits.at.to_bytes(8, "little") + len(out).to_bytes(8, "little") + bytes(out[-WINDOW:]))
        last, kind = bits.take(1), bits.take(2)
        assert kind == 2, "zlib made them all with codes of their own"
        literals, distances, meta = bits.take(5) + 257, bits.take(5) + 1, bits.take(4) + 4
        lengths = [0] * 19
        for symbol in ORDER[:meta]:
            lengths[symbol] = bits.take(3)
        codes, lengths = table(lengths), []
        while len(lengths) < literals + distances:
            symbol = bits.symbol(codes)
            if symbol < 16:
                lengths.append(symbol)
            elif symbol == 16:
                lengths += [lengths[-1]] * (3 + bits.take(2))
            else:
                lengths += [0] * (3 + bits.take(3) if symbol == 17 else 11 + bits.take(7))
        literal, distance = table(lengths[:literals]), table(lengths[literals:])
        while (symbol := bits.symbol(literal)) != 256:
            if symbol < 256:
                out.append(symbol)
                continue
            length = LENGTHS[symbol - 257] + bits.take(LENGTH_BITS[symbol - 257])
            back = bits.symbol(distance)
            back = DISTANCES[back] + bits.take(DISTANCE_BITS[back])
            if back >= length:
                out += out[len(out) - back : len(out) - back + length]
            else:
                out += (out[-back:] * (length // back + 1))[:length]
    assert len(out) == unpacked_len and zlib.crc32(out) == int.from_bytes(packed[-8:-4], "little")
    target = ROOT / "src" / "data" / "mnist-places.gz"
    target.write_bytes(gzip.compress(b"".join(places), 9, mtime=0))
    print(f"{target}: {len(places)} places; the packed file has crc32 {zlib.crc32(packed):#010x}, {len(packed)} bytes")


main()
