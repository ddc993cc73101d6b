// src/engine/kernels/device/kernels.cu on a processor. Blocks run one after the other; where a block's threads wait for each other,
// each of them is a thread. Built by kernels.py.

#include <barrier>
#include <math.h>
#include <memory>
#include <thread>
#include <vector>

struct Three {
    unsigned x, y, z;
};
struct float4 {
    float x, y, z, w;
};
static float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static float rsqrtf(float x) { return 1.0f / sqrtf(x); }

static thread_local Three threadIdx, blockIdx;
static Three blockDim, gridDim;
static std::unique_ptr<std::barrier<>> meeting;
static void __syncthreads() { meeting->arrive_and_wait(); }

#define __global__
#define __device__
#define __shared__ static

#include "../../src/engine/kernels/device/kernels.cu"

template <typename F>
static void run(Three blocks, Three threads, F kernel) {
    gridDim = blocks;
    blockDim = threads;
    for (unsigned by = 0; by < blocks.y; by++)
        for (unsigned bx = 0; bx < blocks.x; bx++) {
            const unsigned count = threads.x * threads.y;
            meeting = std::make_unique<std::barrier<>>(count);
            std::vector<std::thread> all;
            for (unsigned t = 0; t < count; t++)
                all.emplace_back([=] {
                    threadIdx = {t % threads.x, t / threads.x, 0};
                    blockIdx = {bx, by, 0};
                    kernel();
                    // One that is done doesn't hold up the others.
                    meeting->arrive_and_drop();
                });
            for (auto &thread : all) thread.join();
        }
}

// A kernel whose threads don't know of each other, on so many numbers.
template <typename F>
static void alone(long long total, F kernel) {
    blockDim = {256, 1, 1};
    gridDim = {(unsigned)((total + 255) / 256), 1, 1};
    for (unsigned bx = 0; bx < gridDim.x; bx++)
        for (unsigned t = 0; t < 256; t++) {
            threadIdx = {t, 0, 0};
            blockIdx = {bx, 0, 0};
            kernel();
        }
}

static const Three ROW = {256, 1, 1};
typedef const float *In;
typedef float *Out;

extern "C" {
void run_patches(int by, In x, Out out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    const long long total = (long long)n * ho * wo * k * k * c;
    if (by == 4) alone(total / 4, [=] { patches4((const float4 *)x, (float4 *)out, n, h, w, c / 4, k, stride, pad, ho, wo); });
    else alone(total, [=] { patches(x, out, n, h, w, c, k, stride, pad, ho, wo); });
}
void run_pixels(int by, In d, Out out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    const long long total = (long long)n * h * w * c;
    if (by == 4) alone(total / 4, [=] { pixels4((const float4 *)d, (float4 *)out, n, h, w, c / 4, k, stride, pad, ho, wo); });
    else alone(total, [=] { pixels(d, out, n, h, w, c, k, stride, pad, ho, wo); });
}
void run_add_bias(In y, In b, Out out, int n, int p, int c, int per_sample) {
    alone((long long)n * p * c, [=] { add_bias(y, b, out, n, p, c, per_sample); });
}
void run_sum_rows(In x, Out out, int n, int rows, int c) {
    run({(unsigned)(c + 31) / 32, (unsigned)n, 1}, {32, 32, 1}, [=] { sum_rows(x, out, n, rows, c); });
}
void run_group_norm(In x, In w, In b, Out out, int n, int p, int c, int g, int wr, int br, int silu, float eps) {
    run({(unsigned)(c / g), (unsigned)n, 1}, ROW, [=] { group_norm(x, w, b, out, p, c, g, wr, br, silu, eps); });
}
void run_group_norm_back(In x, In w, In b, In dy, Out out, int n, int p, int c, int g, int wr, int br, int silu, float eps) {
    run({(unsigned)(c / g), (unsigned)n, 1}, ROW, [=] { group_norm_back(x, w, b, dy, out, n, p, c, g, wr, br, silu, eps); });
}
void run_silu(In x, Out out, int n) { alone(n, [=] { silu(x, out, n); }); }
void run_silu_back(In x, In dy, Out out, int n) { alone(n, [=] { silu_back(x, dy, out, n); }); }
void run_squared_error(In a, In b, Out out, int n, int size) {
    run({(unsigned)n, 1, 1}, ROW, [=] { squared_error(a, b, out, n, size); });
}
void run_squared_error_back(In a, In b, In d, Out out, int n, int size) {
    alone((long long)n * size, [=] { squared_error_back(a, b, d, out, n, size); });
}
void run_twice(In x, Out out, int n, int h, int w, int c) { alone(4LL * n * h * w * c, [=] { twice(x, out, n, h, w, c); }); }
void run_halved(In d, Out out, int n, int h, int w, int c) { alone((long long)n * h * w * c, [=] { halved(d, out, n, h, w, c); }); }
void run_beside(In x, In y, Out out, int rows, int a, int b) { alone((long long)rows * (a + b), [=] { beside(x, y, out, rows, a, b); }); }
void run_apart(In d, Out out, int rows, int a, int b) { alone((long long)rows * (a + b), [=] { apart(d, out, rows, a, b); }); }
void run_film(In f, In v, Out out, int n, int c, int shifted) { alone((long long)n * c, [=] { film(f, v, out, n, c, shifted); }); }
void run_film_back(In f, In v, In d, Out out, int n, int c, int shifted) {
    alone(3LL * n * c, [=] { film_back(f, v, d, out, n, c, shifted); });
}
void run_softmax(In x, Out out, int rows, int width, float scale) { run({(unsigned)rows, 1, 1}, ROW, [=] { softmax(x, out, rows, width, scale); }); }
void run_softmax_back(In p, In dp, Out out, int rows, int width, float scale) {
    run({(unsigned)rows, 1, 1}, ROW, [=] { softmax_back(p, dp, out, rows, width, scale); });
}
void run_exchange(In x, Out out, int n, int a, int b, int d) { alone((long long)n * a * b * d, [=] { exchange(x, out, n, a, b, d); }); }
void run_adamw(Out p, Out m, Out v, Out e, In g, int length, In f) {
    const Slot slots[2] = {{p, m, v, e, g, length / 2}, {p + length / 2, m + length / 2, v + length / 2, e + length / 2, g + length / 2, length - length / 2}};
    run({2, 2, 1}, ROW, [&] { adamw(slots, f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9]); });
}
void run_squares(In g, int length, Out out) {
    const Slot slots[2] = {{0, 0, 0, 0, g, length / 2}, {0, 0, 0, 0, g + length / 2, length - length / 2}};
    run({2, 2, 1}, ROW, [&] { squares(slots, out); });
}
}
