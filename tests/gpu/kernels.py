#!/usr/bin/env python3
"""Checks the CUDA kernels against PyTorch, by themselves.

    python3 tests/gpu/kernels.py              compiled for the processor, where there is no GPU: needs g++ and any PyTorch
    python3 tests/gpu/kernels.py --ptx FILE   as they are, on a GPU: FILE is what nvcc --ptx makes of them
"""

import argparse
import ctypes
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F

HERE = Path(__file__).resolve().parent
failed = 0


def build(folder):
    out = Path(folder) / "kernels.so"
    command = ["g++", "-std=c++20", "-O1", "-shared", "-fPIC", "-pthread", "-w", "-o", str(out), str(HERE / "emulated.cpp")]
    subprocess.run(command, check=True)
    return ctypes.CDLL(str(out))


class Processor:
    """The kernels as functions of a library."""

    device = "cpu"

    def __init__(self, library):
        self.library = library

    def __getattr__(self, name):
        function = getattr(self.library, f"run_{name}")

        def call(*arguments):
            given = []
            for a in arguments:
                if isinstance(a, torch.Tensor):
                    assert a.is_contiguous() and a.dtype == torch.float32
                    given.append(ctypes.c_void_p(a.data_ptr()))
                else:
                    given.append(ctypes.c_float(a) if isinstance(a, float) else ctypes.c_int(a))
            function(*given)

        return call


class Gpu:
    """The kernels on a GPU, started by the driver in PyTorch's context."""

    device = "cuda"

    def __init__(self, ptx):
        torch.cuda.init()
        torch.zeros(1, device="cuda")
        self.driver = ctypes.CDLL("libcuda.so.1")
        self.module = ctypes.c_void_p()
        self.ask("cuModuleLoadData", ctypes.byref(self.module), ctypes.c_char_p(Path(ptx).read_bytes() + b"\0"))

    def ask(self, function, *arguments):
        code = getattr(self.driver, function)(*arguments)
        if code != 0:
            sys.exit(f"{function}: CUDA error {code}")

    def start(self, name, blocks, threads, *arguments):
        function = ctypes.c_void_p()
        self.ask("cuModuleGetFunction", ctypes.byref(function), self.module, name.encode())
        given = []
        for a in arguments:
            if isinstance(a, torch.Tensor):
                assert a.is_contiguous() and a.is_cuda
                given.append(ctypes.c_void_p(a.data_ptr()))
            else:
                given.append(ctypes.c_float(a) if isinstance(a, float) else ctypes.c_int(a))
        pointers = (ctypes.c_void_p * len(given))(*(ctypes.addressof(a) for a in given))
        stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
        self.ask("cuLaunchKernel", function, *blocks, 1, *threads, 1, 0, stream, pointers, None)

    def flat(self, name, out, *arguments, by=1):
        self.start(name, ((out.numel() // by + 255) // 256, 1), (256, 1), *arguments)

    def patches(self, by, x, out, *sizes):
        n, h, w, c, *more = sizes
        self.flat("patches4" if by == 4 else "patches", out, x, out, n, h, w, c // by, *more, by=by)

    def pixels(self, by, d, out, *sizes):
        n, h, w, c, *more = sizes
        self.flat("pixels4" if by == 4 else "pixels", out, d, out, n, h, w, c // by, *more, by=by)

    def sum_rows(self, x, out, n, rows, c):
        self.start("sum_rows", ((c + 31) // 32, n), (32, 32), x, out, n, rows, c)

    def group_norm(self, x, w, b, out, n, p, c, of_group, *more):
        self.start("group_norm", (c // of_group, n), (256, 1), x, w, b, out, p, c, of_group, *more)

    def group_norm_back(self, x, w, b, dy, out, n, p, c, of_group, *more):
        self.start("group_norm_back", (c // of_group, n), (256, 1), x, w, b, dy, out, n, p, c, of_group, *more)

    def squared_error(self, a, b, out, n, size):
        self.start("squared_error", (n, 1), (256, 1), a, b, out, n, size)

    def softmax(self, x, out, rows, width, scale):
        self.start("softmax", (rows, 1), (256, 1), x, out, rows, width, scale)

    def softmax_back(self, p, dp, out, rows, width, scale):
        self.start("softmax_back", (rows, 1), (256, 1), p, dp, out, rows, width, scale)

    def slots(self, tensors, length):
        half = length // 2
        rows = [
            [*(0 if t is None else t.data_ptr() + 4 * start for t in tensors), count]
            for start, count in ((0, half), (half, length - half))
        ]
        return torch.tensor(rows, dtype=torch.int64, device="cuda")

    def adamw(self, p, m, v, e, g, length, factors):
        self.start("adamw", (2, 2), (256, 1), self.slots((p, m, v, e, g), length), *factors.tolist())

    def squares(self, g, length, out):
        self.start("squares", (2, 2), (256, 1), self.slots((None, None, None, None, g), length), out)

    def __getattr__(self, name):
        # Those that are flat: the output is the last tensor.
        def call(*arguments):
            out = [a for a in arguments if isinstance(a, torch.Tensor)][-1]
            self.flat(name, out, *arguments)

        return call


def agree(name, ours, theirs):
    global failed
    apart = ((ours - theirs).abs().max() / theirs.abs().max().clamp_min(1e-6)).item()
    good = apart < 1e-5
    failed += not good
    print(f"{'pass' if good else 'FAIL'}  {name}: {apart:.1e}")


def empty(*shape):
    return torch.full(shape, float("nan"))


def convolution_times():
    """Milliseconds of a 3×3 convolution, forward and both gradients: as products of patches, and PyTorch's own."""
    for n, size, c_in, c_out in [(64, 28, 32, 32), (64, 14, 64, 64), (256, 28, 32, 32), (256, 14, 64, 64), (64, 64, 96, 96)]:
        line = []
        rows = torch.randn(n * size * size, 9 * c_in)
        w, dy = torch.randn(9 * c_in, c_out), torch.randn(n * size * size, c_out)
        image = torch.randn(n, c_in, size, size, requires_grad=True)
        kernel = torch.randn(c_out, c_in, 3, 3, requires_grad=True)
        gradient = torch.randn(n, c_out, size, size)
        for tf32 in (False, True):
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = tf32

            def own():
                y = F.conv2d(image, kernel, padding=1)
                torch.autograd.grad(y, (image, kernel), gradient)

            works = [("y", lambda: rows @ w), ("dw", lambda: rows.T @ dy), ("dp", lambda: dy @ w.T), ("cuDNN all", own)]
            for name, work in works:
                for _ in range(3):
                    work()
                torch.cuda.synchronize()
                started = time.perf_counter()
                for _ in range(20):
                    work()
                torch.cuda.synchronize()
                line.append(f"{name} {(time.perf_counter() - started) * 50:.3f}")
            line.append("| TF32:" if not tf32 else "")
        print(f"times  {n}×{size}×{size}, {c_in} to {c_out}, ms: {' '.join(line)}")


def kernel_times(kernels):
    """Milliseconds of the kernels on a layer of the reference network."""
    n, size, c = 64, 28, 32
    x, w = torch.randn(n, size * size, c), torch.randn(c)
    out, rows = torch.empty_like(x), torch.empty(n * size * size, 9 * c)
    back, sums = torch.empty(x.numel() + 2 * n * c), torch.empty(n, c)
    sizes = (n, size, size, c, 3, 1, 1, size, size)
    affine = (n, size * size, c, 4, 0, 0, 1, 1e-5)
    works = {
        "patches": lambda: kernels.patches(4, x, rows, *sizes),
        "pixels": lambda: kernels.pixels(4, rows, out, *sizes),
        "group_norm": lambda: kernels.group_norm(x, w, w, out, *affine),
        "group_norm_back": lambda: kernels.group_norm_back(x, w, w, x, back, *affine),
        "add_bias": lambda: kernels.add_bias(x, w, out, n, size * size, c, 0),
        "sum_rows": lambda: kernels.sum_rows(x, sums, n, size * size, c),
    }
    for name, work in works.items():
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        for number in range(33):
            if number == 3:
                begin.record()
            work()
        end.record()
        torch.cuda.synchronize()
        print(f"times  {name} on {n}×{size}×{size}×{c}: {begin.elapsed_time(end) / 30:.4f} ms")


def convolutions(kernels):
    for n, h, w, c in [(2, 5, 6, 3), (1, 7, 4, 8)]:
        for k, stride, right_bottom in [(3, 1, False), (3, 2, False), (3, 2, True)]:
            pad = 0 if right_bottom else 1
            zeros = 1 if right_bottom else 2
            ho, wo = (h + zeros - k) // stride + 1, (w + zeros - k) // stride + 1
            x = torch.randn(n, h, w, c, requires_grad=True)
            inner = x.permute(0, 3, 1, 2)
            inner = F.pad(inner, (0, 1, 0, 1) if right_bottom else (1, 1, 1, 1))
            want = F.unfold(inner, k, stride=stride).view(n, c, k * k, ho * wo).permute(0, 3, 2, 1)
            d = torch.randn(n, ho * wo, k * k, c)
            want.backward(d)
            by = 4 if c % 4 == 0 else 1
            out, back = empty(n, ho * wo, k * k, c), empty(n, h, w, c)
            sizes = (n, h, w, c, k, stride, pad, ho, wo)
            kernels.patches(by, x.detach(), out, *sizes)
            kernels.pixels(by, d, back, *sizes)
            agree(f"patches {sizes}", out, want.detach())
            agree(f"pixels {sizes}", back, x.grad)


def norms(kernels):
    for n, p, c, groups in [(2, 49, 16, 4), (1, 30, 12, 12), (1, 5, 600, 2), (2, 9, 6, 1), (1, 1, 8, 2)]:
        for silu in (0, 1):
            for per_sample in (False, True):
                x = torch.randn(n, p, c, requires_grad=True)
                shape = (n, 1, c) if per_sample else (1, 1, c)
                w, b = (torch.randn(shape, requires_grad=True) for _ in range(2))
                z = F.group_norm(x.transpose(1, 2), groups, eps=1e-5).transpose(1, 2) * w + b
                want = F.silu(z) if silu else z
                dy = torch.randn(n, p, c)
                want.backward(dy)
                row = c if per_sample else 0
                out, back = empty(n, p, c), empty(n * p * c + 2 * n * c)
                args = (n, p, c, c // groups, row, row, silu, 1e-5)
                kernels.group_norm(x.detach(), w.detach(), b.detach(), out, *args)
                kernels.group_norm_back(x.detach(), w.detach(), b.detach(), dy, back, *args)
                name = f"group norm {n, p, c, groups}{' SiLU' * silu}{' a row a sample' * per_sample}"
                agree(name, out, want.detach())
                dx, dw, db = back.split([n * p * c, n * c, n * c])
                if c != 8:
                    agree(f"{name}, d x", dx.view(n, p, c), x.grad)
                dw, db = dw.view(n, 1, c), db.view(n, 1, c)
                agree(f"{name}, d w", dw if per_sample else dw.sum(0, keepdim=True), w.grad)
                agree(f"{name}, d b", db if per_sample else db.sum(0, keepdim=True), b.grad)


def rest(kernels):
    n, p, c = 3, 70, 37
    x, y = torch.randn(n, p, c), torch.randn(n, p, c)
    for per_sample in (0, 1):
        b, out = torch.randn(n if per_sample else 1, 1, c), empty(n, p, c)
        kernels.add_bias(x, b, out, n, p, c, per_sample)
        agree(f"bias, per sample {per_sample}", out, x + b)
    out = empty(n, c)
    kernels.sum_rows(x, out, n, p, c)
    agree("sums of rows", out, x.sum(1))
    z = x.clone().requires_grad_()
    want = F.silu(z)
    want.backward(y)
    out, back = empty(n, p, c), empty(n, p, c)
    kernels.silu(x, out, x.numel())
    kernels.silu_back(x, y, back, x.numel())
    agree("SiLU", out, want.detach())
    agree("SiLU, d x", back, z.grad)
    z.grad = None
    want, d = (z - y).square().mean((1, 2)), torch.randn(n)
    want.backward(d)
    out, back = empty(n), empty(n, p, c)
    kernels.squared_error(x, y, out, n, p * c)
    kernels.squared_error_back(x, y, d, back, n, p * c)
    agree("squared error", out, want.detach())
    agree("squared error, d a", back, z.grad)
    x = torch.randn(2, 3, 5, 7, requires_grad=True)
    want, d = x.repeat_interleave(2, 1).repeat_interleave(2, 2), torch.randn(2, 6, 10, 7)
    want.backward(d)
    out, back = empty(2, 6, 10, 7), empty(2, 3, 5, 7)
    kernels.twice(x.detach(), out, 2, 3, 5, 7)
    kernels.halved(d, back, 2, 3, 5, 7)
    agree("upsampling", out, want.detach())
    agree("upsampling, d x", back, x.grad)
    a, b = torch.randn(50, 3), torch.randn(50, 8)
    out, back = empty(50, 11), empty(550)
    kernels.beside(a, b, out, 50, 3, 8)
    kernels.apart(out, back, 50, 3, 8)
    agree("concatenation", out, torch.cat([a, b], 1))
    agree("concatenation, back", back, torch.cat([a.flatten(), b.flatten()]))
    for shifted in (0, 1):
        f, v = torch.randn(5, 14, requires_grad=True), torch.randn(7, requires_grad=True)
        want, d = (1 + f[:, :7]) * v + shifted * f[:, 7:], torch.randn(5, 7)
        want.backward(d)
        out, back = empty(5, 7), empty(105)
        kernels.film(f.detach(), v.detach(), out, 5, 7, shifted)
        kernels.film_back(f.detach(), v.detach(), d, back, 5, 7, shifted)
        agree(f"FiLM, shifted {shifted}", out, want.detach())
        agree(f"FiLM, shifted {shifted}, d film", back[:70].view(5, 14), f.grad)
        agree(f"FiLM, shifted {shifted}, d v", back[70:].view(5, 7).sum(0), v.grad)
    for width in (49, 300):
        s, d = torch.randn(4, width, requires_grad=True), torch.randn(4, width)
        want = (0.3 * s).softmax(1)
        want.backward(d)
        out, back = empty(4, width), empty(4, width)
        kernels.softmax(s.detach(), out, 4, width, 0.3)
        kernels.softmax_back(out, d, back, 4, width, 0.3)
        agree(f"softmax of {width}", out, want.detach())
        agree(f"softmax of {width}, back", back, s.grad)
    x, out = torch.randn(2, 5, 3, 4), empty(2, 3, 5, 4)
    kernels.exchange(x, out, 2, 5, 3, 4)
    agree("exchange", out, x.transpose(1, 2))
    p, m, v, e, g = (torch.rand(1501) for _ in range(5))
    factors = [0.7, 0.9, 0.1, 0.999, 0.001, 1e-8, 1e-2, 1.3, 0.99, 0.1]
    scaled = g * 0.7
    m2, v2 = m * 0.9 + scaled * 0.1, v * 0.999 + scaled**2 * 0.001
    p2 = p * 0.99 - m2 / (v2.sqrt() * 1.3 + 1e-8) * 1e-2
    e2 = e + (p2 - e) * 0.1
    kernels.adamw(p, m, v, e, g, 1501, torch.tensor(factors))
    for name, ours, theirs in [("θ", p, p2), ("m", m, m2), ("v", v, v2), ("average", e, e2)]:
        agree(f"AdamW, {name}", ours, theirs)
    out = empty(4)
    kernels.squares(g, 1501, out)
    agree("squares", out.sum(), g.square().sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ptx", type=Path, help="run these on a GPU")
    options = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        kernels = Gpu(options.ptx) if options.ptx else Processor(build(folder))
        torch.set_default_device(kernels.device)
        convolutions(kernels)
        norms(kernels)
        rest(kernels)
        if options.ptx:
            kernel_times(kernels)
            convolution_times()
    print(f"{failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
