// The kernels that candle lacks. All tensors are f32 and contiguous, channels last; each kernel writes every number of its
// output, in an order that doesn't depend on timing: no atomics.

typedef long long big;
// Of tensors below 2^31 numbers, which is looked after where kernels are started: divisions of 64 bits take several times as long.
typedef unsigned small;

#define FLAT(total)                                          \
    const small at = blockIdx.x * blockDim.x + threadIdx.x; \
    if (at >= (small)(total)) return

// x [n, h, w, c] to patches [n, ho, wo, k, k, c]; zeros beyond the border.
template <typename T>
__device__ void patches_of(const T *x, T *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo, T zero) {
    FLAT((small)n * ho * wo * k * k * c);
    const int j = (int)(at % c);
    small rest = at / c;
    const int kx = (int)(rest % k);
    rest /= k;
    const int ky = (int)(rest % k);
    rest /= k;
    const int ox = (int)(rest % wo);
    rest /= wo;
    const int oy = (int)(rest % ho);
    const small sample = rest / ho;
    const int y = oy * stride + ky - pad, z = ox * stride + kx - pad;
    const bool inside = y >= 0 && y < h && z >= 0 && z < w;
    out[at] = inside ? x[((sample * h + y) * w + z) * c + j] : zero;
}

extern "C" __global__ void patches(const float *x, float *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    patches_of<float>(x, out, n, h, w, c, k, stride, pad, ho, wo, 0.0f);
}

// The same with c counted in fours.
extern "C" __global__ void patches4(const float4 *x, float4 *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    patches_of<float4>(x, out, n, h, w, c, k, stride, pad, ho, wo, make_float4(0.0f, 0.0f, 0.0f, 0.0f));
}

__device__ inline void add_to(float &sum, float more) { sum += more; }
__device__ inline void add_to(float4 &sum, float4 more) {
    sum.x += more.x;
    sum.y += more.y;
    sum.z += more.z;
    sum.w += more.w;
}

// The transpose of `patches`: each pixel's sum over the patches that it is in.
template <typename T>
__device__ void pixels_of(const T *d, T *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo, T zero) {
    FLAT((small)n * h * w * c);
    const int j = (int)(at % c);
    small rest = at / c;
    const int x = (int)(rest % w);
    rest /= w;
    const int y = (int)(rest % h);
    const small sample = rest / h;
    T sum = zero;
    for (int ky = 0; ky < k; ky++) {
        const int oy = y + pad - ky;
        if (oy < 0 || oy % stride != 0 || oy / stride >= ho) continue;
        for (int kx = 0; kx < k; kx++) {
            const int ox = x + pad - kx;
            if (ox < 0 || ox % stride != 0 || ox / stride >= wo) continue;
            add_to(sum, d[((((sample * ho + oy / stride) * wo + ox / stride) * k + ky) * k + kx) * c + j]);
        }
    }
    out[at] = sum;
}

extern "C" __global__ void pixels(const float *d, float *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    pixels_of<float>(d, out, n, h, w, c, k, stride, pad, ho, wo, 0.0f);
}

extern "C" __global__ void pixels4(const float4 *d, float4 *out, int n, int h, int w, int c, int k, int stride, int pad, int ho, int wo) {
    pixels_of<float4>(d, out, n, h, w, c, k, stride, pad, ho, wo, make_float4(0.0f, 0.0f, 0.0f, 0.0f));
}

// y [n, pixels, c] plus b [c] (per_sample 0) or [n, c] (1).
extern "C" __global__ void add_bias(const float *y, const float *b, float *out, int n, int pixels, int c, int per_sample) {
    FLAT((small)n * pixels * c);
    const small sample = at / ((small)pixels * c);
    out[at] = y[at] + b[(per_sample ? sample * c : 0) + at % c];
}

// x [n, rows, c] to its sums over the rows, [n, c]. Blocks of 32 × 32 threads: (channels / 32, n).
extern "C" __global__ void sum_rows(const float *x, float *out, int n, int rows, int c) {
    __shared__ float parts[32][33];
    const int j = blockIdx.x * 32 + threadIdx.x;
    const big sample = blockIdx.y;
    float sum = 0.0f;
    if (j < c)
        for (int r = threadIdx.y; r < rows; r += 32) sum += x[(sample * rows + r) * c + j];
    parts[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    for (int half = 16; half > 0; half /= 2) {
        if (threadIdx.y < half) parts[threadIdx.y][threadIdx.x] += parts[threadIdx.y + half][threadIdx.x];
        __syncthreads();
    }
    if (threadIdx.y == 0 && j < c) out[sample * c + j] = parts[0][threadIdx.x];
}

#define THREADS 256

// The sum over a block's threads, for all of them.
__device__ float block_sum(float mine, float *parts) {
    parts[threadIdx.x] = mine;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] += parts[threadIdx.x + half];
        __syncthreads();
    }
    const float sum = parts[0];
    __syncthreads();
    return sum;
}

// Mean and 1/√(variance + eps) of a group: block (group, sample), x at the group's first number.
__device__ void statistics(const float *x, int pixels, int c, int of_group, float eps, float *parts, float *mean, float *rate) {
    const int together = of_group < THREADS ? of_group : THREADS;
    const int steps = THREADS / together;
    const bool works = threadIdx.x < (unsigned)(steps * together);
    const float count = (float)pixels * of_group;
    float sum = 0.0f;
    for (int first = 0; first < of_group; first += together) {
        const int j = first + threadIdx.x % together;
        if (works && j < of_group)
            for (int p = threadIdx.x / together; p < pixels; p += steps) sum += x[(big)p * c + j];
    }
    *mean = block_sum(sum, parts) / count;
    float squares = 0.0f;
    for (int first = 0; first < of_group; first += together) {
        const int j = first + threadIdx.x % together;
        if (works && j < of_group)
            for (int p = threadIdx.x / together; p < pixels; p += steps) {
                const float apart = x[(big)p * c + j] - *mean;
                squares += apart * apart;
            }
    }
    *rate = rsqrtf(block_sum(squares, parts) / count + eps);
}

// Group normalization, then SiLU if asked. Blocks (groups, n). Rows of weight and bias are `affine` numbers apart: 0 or c.
extern "C" __global__ void group_norm(const float *x, const float *weight, const float *bias, float *out, int pixels, int c, int of_group, int weight_row, int bias_row, int silu, float eps) {
    __shared__ float parts[THREADS];
    const big sample = blockIdx.y;
    const int start = blockIdx.x * of_group;
    const big base = sample * pixels * c + start;
    float mean, rate;
    statistics(x + base, pixels, c, of_group, eps, parts, &mean, &rate);
    const int together = of_group < THREADS ? of_group : THREADS;
    const int steps = THREADS / together;
    if (threadIdx.x >= (unsigned)(steps * together)) return;
    for (int first = 0; first < of_group; first += together) {
        const int j = first + threadIdx.x % together;
        if (j >= of_group) continue;
        const float w = weight[sample * weight_row + start + j] * rate;
        const float b = bias[sample * bias_row + start + j] - mean * w;
        for (int p = threadIdx.x / together; p < pixels; p += steps) {
            const big i = base + (big)p * c + j;
            const float z = x[i] * w + b;
            out[i] = silu ? z / (1.0f + expf(-z)) : z;
        }
    }
}

// Its gradients: out holds dx [n, pixels, c], then of weight and bias, sample by sample, [n, c] each.
extern "C" __global__ void group_norm_back(const float *x, const float *weight, const float *bias, const float *dy, float *out, int n, int pixels, int c, int of_group, int weight_row, int bias_row, int silu, float eps) {
    __shared__ float parts[THREADS];
    __shared__ float sums[2][THREADS];
    const big sample = blockIdx.y;
    const int start = blockIdx.x * of_group;
    const big base = sample * pixels * c + start;
    float mean, rate;
    statistics(x + base, pixels, c, of_group, eps, parts, &mean, &rate);
    const int together = of_group < THREADS ? of_group : THREADS;
    const int steps = THREADS / together;
    const bool works = threadIdx.x < (unsigned)(steps * together);
    float *d_weight = out + (big)n * pixels * c + sample * c + start;
    float *d_bias = d_weight + (big)n * c;
    // Σ w dz and Σ w dz x̂ over the group.
    float plain = 0.0f, along = 0.0f;
    for (int first = 0; first < of_group; first += together) {
        const int j = first + threadIdx.x % together;
        float of_bias = 0.0f, of_weight = 0.0f, w = 0.0f;
        if (works && j < of_group) {
            w = weight[sample * weight_row + start + j];
            const float b = bias[sample * bias_row + start + j];
            for (int p = threadIdx.x / together; p < pixels; p += steps) {
                const big i = base + (big)p * c + j;
                const float normed = (x[i] - mean) * rate;
                float dz = dy[i];
                if (silu) {
                    const float z = normed * w + b, s = 1.0f / (1.0f + expf(-z));
                    dz *= s * (1.0f + z * (1.0f - s));
                }
                of_bias += dz;
                of_weight += dz * normed;
            }
        }
        plain += w * of_bias;
        along += w * of_weight;
        sums[0][threadIdx.x] = of_weight;
        sums[1][threadIdx.x] = of_bias;
        __syncthreads();
        if (threadIdx.x < (unsigned)together && j < of_group) {
            float a = 0.0f, b = 0.0f;
            for (int k = 0; k < steps; k++) {
                a += sums[0][k * together + threadIdx.x];
                b += sums[1][k * together + threadIdx.x];
            }
            d_weight[j] = a;
            d_bias[j] = b;
        }
        __syncthreads();
    }
    const float count = (float)pixels * of_group;
    plain = block_sum(plain, parts) / count;
    along = block_sum(along, parts) / count;
    if (!works) return;
    for (int first = 0; first < of_group; first += together) {
        const int j = first + threadIdx.x % together;
        if (j >= of_group) continue;
        const float w = weight[sample * weight_row + start + j];
        const float b = bias[sample * bias_row + start + j];
        for (int p = threadIdx.x / together; p < pixels; p += steps) {
            const big i = base + (big)p * c + j;
            const float normed = (x[i] - mean) * rate;
            float dz = dy[i];
            if (silu) {
                const float z = normed * w + b, s = 1.0f / (1.0f + expf(-z));
                dz *= s * (1.0f + z * (1.0f - s));
            }
            out[i] = rate * (dz * w - plain - normed * along);
        }
    }
}

// x · sigmoid(x), and dy times its slope.
extern "C" __global__ void silu(const float *x, float *out, int n) {
    FLAT(n);
    out[at] = x[at] / (1.0f + expf(-x[at]));
}

extern "C" __global__ void silu_back(const float *x, const float *dy, float *out, int n) {
    FLAT(n);
    const float z = x[at], s = 1.0f / (1.0f + expf(-z));
    out[at] = dy[at] * s * (1.0f + z * (1.0f - s));
}

// The mean of (a − b)² over each sample of [n, size]. A block a sample.
extern "C" __global__ void squared_error(const float *a, const float *b, float *out, int n, int size) {
    __shared__ float parts[THREADS];
    const big start = (big)blockIdx.x * size;
    float sum = 0.0f;
    for (int j = threadIdx.x; j < size; j += THREADS) {
        const float apart = a[start + j] - b[start + j];
        sum += apart * apart;
    }
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0) out[blockIdx.x] = sum / size;
}

// Its gradient for a: 2 (a − b) · d / size, d [n].
extern "C" __global__ void squared_error_back(const float *a, const float *b, const float *d, float *out, int n, int size) {
    FLAT((small)n * size);
    out[at] = 2.0f * (a[at] - b[at]) * d[at / size] / size;
}

// [n, h, w, c] to [n, 2h, 2w, c], each pixel four times.
extern "C" __global__ void twice(const float *x, float *out, int n, int h, int w, int c) {
    FLAT((small)n * 4 * h * w * c);
    const int j = (int)(at % c);
    small rest = at / c;
    const int ox = (int)(rest % (2 * w));
    rest /= 2 * w;
    const int oy = (int)(rest % (2 * h));
    const small sample = rest / (2 * h);
    out[at] = x[((sample * h + oy / 2) * w + ox / 2) * c + j];
}

// Its transpose: the sums of four.
extern "C" __global__ void halved(const float *d, float *out, int n, int h, int w, int c) {
    FLAT((small)n * h * w * c);
    const int j = (int)(at % c);
    small rest = at / c;
    const int x = (int)(rest % w);
    rest /= w;
    const int y = (int)(rest % h);
    const small sample = rest / h;
    const float *from = d + ((sample * 2 * h + 2 * y) * 2 * w + 2 * x) * c + j;
    const small row = 2 * w * c;
    out[at] = (from[0] + from[c]) + (from[row] + from[row + c]);
}

// [rows, a] and [rows, b] to [rows, a + b].
extern "C" __global__ void beside(const float *x, const float *y, float *out, int rows, int a, int b) {
    FLAT((small)rows * (a + b));
    const int j = (int)(at % (a + b));
    const small row = at / (a + b);
    out[at] = j < a ? x[row * a + j] : y[row * b + (j - a)];
}

// Its transpose: out holds [rows, a], then [rows, b].
extern "C" __global__ void apart(const float *d, float *out, int rows, int a, int b) {
    FLAT((small)rows * (a + b));
    const small left = (small)rows * a;
    if (at < left) out[at] = d[at / a * (a + b) + at % a];
    else out[at] = d[(at - left) / b * (a + b) + a + (at - left) % b];
}

// (1 + scale) · v, plus shift where `shifted`: film [n, 2c] holds scale and shift, v is [c], out [n, c].
extern "C" __global__ void film(const float *film, const float *v, float *out, int n, int c, int shifted) {
    FLAT((small)n * c);
    const small j = at % c;
    const float *row = film + at / c * 2 * c;
    out[at] = (1.0f + row[j]) * v[j] + (shifted ? row[c + j] : 0.0f);
}

// Its gradients: out holds that of film [n, 2c], then that of v, sample by sample, [n, c]. A thread for each of `out`.
extern "C" __global__ void film_back(const float *film, const float *v, const float *d, float *out, int n, int c, int shifted) {
    FLAT((small)n * c * 3);
    const small both = (small)n * 2 * c;
    if (at < both) {
        const small j = at % (2 * c), sample = at / (2 * c);
        if (j < (small)c) out[at] = d[sample * c + j] * v[j];
        else out[at] = shifted ? d[sample * c + j - c] : 0.0f;
    } else {
        const small i = at - both;
        out[at] = d[i] * (1.0f + film[i / c * 2 * c + i % c]);
    }
}

// The softmax of each row of `width` numbers, and its gradient p ∘ (dp − Σ p dp). A block a row.
extern "C" __global__ void softmax(const float *x, float *out, int rows, int width, float scale) {
    __shared__ float parts[THREADS];
    const float *row = x + (big)blockIdx.x * width;
    float *to = out + (big)blockIdx.x * width;
    float largest = -INFINITY;
    for (int j = threadIdx.x; j < width; j += THREADS) largest = fmaxf(largest, row[j] * scale);
    parts[threadIdx.x] = largest;
    __syncthreads();
    for (int half = THREADS / 2; half > 0; half /= 2) {
        if (threadIdx.x < half) parts[threadIdx.x] = fmaxf(parts[threadIdx.x], parts[threadIdx.x + half]);
        __syncthreads();
    }
    largest = parts[0];
    __syncthreads();
    float sum = 0.0f;
    for (int j = threadIdx.x; j < width; j += THREADS) sum += expf(row[j] * scale - largest);
    sum = block_sum(sum, parts);
    for (int j = threadIdx.x; j < width; j += THREADS) to[j] = expf(row[j] * scale - largest) / sum;
}

extern "C" __global__ void softmax_back(const float *p, const float *dp, float *out, int rows, int width, float scale) {
    __shared__ float parts[THREADS];
    const big start = (big)blockIdx.x * width;
    float sum = 0.0f;
    for (int j = threadIdx.x; j < width; j += THREADS) sum += p[start + j] * dp[start + j];
    sum = block_sum(sum, parts);
    for (int j = threadIdx.x; j < width; j += THREADS) out[start + j] = scale * p[start + j] * (dp[start + j] - sum);
}

// [n, positions, heads, d] to [n, heads, positions, d]; with the middle two exchanged, back again.
extern "C" __global__ void exchange(const float *x, float *out, int n, int a, int b, int d) {
    FLAT((small)n * a * b * d);
    const int j = (int)(at % d);
    small rest = at / d;
    const int k = (int)(rest % a);
    rest /= a;
    const int l = (int)(rest % b);
    const small sample = rest / b;
    out[at] = x[((sample * a + k) * b + l) * d + j];
}

// One parameter with all that AdamW keeps of it; addresses on this device.
struct Slot {
    float *parameter, *first, *second, *average;
    const float *gradient;
    big length;
};

// AdamW and the moving average, for many parameters. Blocks (any number, parameters).
extern "C" __global__ void adamw(const Slot *slots, float scale, float beta1, float fresh1, float beta2, float fresh2, float eps, float rate, float root, float keep, float fresh) {
    const Slot s = slots[blockIdx.y];
    for (big i = (big)blockIdx.x * blockDim.x + threadIdx.x; i < s.length; i += (big)gridDim.x * blockDim.x) {
        const float g = s.gradient[i] * scale;
        const float m = s.first[i] * beta1 + g * fresh1;
        const float v = s.second[i] * beta2 + g * g * fresh2;
        const float p = s.parameter[i] * keep - m / (sqrtf(v) * root + eps) * rate;
        const float e = s.average[i];
        s.first[i] = m;
        s.second[i] = v;
        s.parameter[i] = p;
        s.average[i] = e + (p - e) * fresh;
    }
}

// Σ g² in parts: out [gridDim.y, gridDim.x]. Blocks (any number, parameters).
extern "C" __global__ void squares(const Slot *slots, float *out) {
    __shared__ float parts[THREADS];
    const Slot s = slots[blockIdx.y];
    float sum = 0.0f;
    for (big i = (big)blockIdx.x * THREADS + threadIdx.x; i < s.length; i += (big)gridDim.x * THREADS) sum += s.gradient[i] * s.gradient[i];
    sum = block_sum(sum, parts);
    if (threadIdx.x == 0) out[(big)blockIdx.y * gridDim.x + blockIdx.x] = sum;
}
