//! What each kernel computes, written plainly, number by number: the operations around the kernels are tested with it on
//! processors. The kernels themselves `difflab doctor --device` compares with the CPU's operations.

use candle_core::{CpuStorage, Result, Storage};

use super::call::Call;

/// Runs a kernel.
pub(super) fn run(call: &Call) -> Result<CpuStorage> {
    let numbers = |i: usize| -> Result<Vec<f32>> {
        let (storage, layout) = call.inputs[i].storage_and_layout();
        let Storage::Cpu(storage) = &*storage else { candle_core::bail!("not on the CPU") };
        Ok(storage.as_slice::<f32>()?[layout.start_offset()..][..layout.shape().elem_count()].to_vec())
    };
    let inputs: Vec<Vec<f32>> = (0..call.inputs.len()).map(numbers).collect::<Result<_>>()?;
    let x: Vec<&[f32]> = inputs.iter().map(Vec::as_slice).collect();
    let count = call.shape.elem_count();
    let sizes = call.sizes;
    let out = match (call.name, sizes) {
        ("patches4" | "patches", &[n, h, w, c, k, stride, pad, ho, wo]) => {
            let c = if call.name.ends_with('4') { 4 * c } else { c };
            patches(x[0], None, [n, h, w, c, k, stride, pad, ho, wo])
        }
        ("pixels4" | "pixels", &[n, h, w, c, k, stride, pad, ho, wo]) => {
            let c = if call.name.ends_with('4') { 4 * c } else { c };
            patches(&vec![0.0; n * h * w * c], Some(x[0]), [n, h, w, c, k, stride, pad, ho, wo])
        }
        ("add_bias", &[_, pixels, c, per_sample]) => {
            let bias = |i: usize| x[1][if per_sample == 1 { i / (pixels * c) * c } else { 0 } + i % c];
            (0..count).map(|i| x[0][i] + bias(i)).collect()
        }
        ("sum_rows", &[n, rows, c]) => {
            let sum = |s: usize, j: usize| (0..rows).map(|r| x[0][(s * rows + r) * c + j]).sum();
            (0..n * c).map(|i| sum(i / c, i % c)).collect()
        }
        ("group_norm", &[pixels, c, of_group, weight_row, bias_row, silu]) => {
            let norm = Norm { x: x[0], weight: x[1], bias: x[2], pixels, c, of_group, weight_row, bias_row };
            let y = |i: usize| norm.at(i, call.factors[0]).z;
            (0..count).map(|i| if silu == 1 { y(i) * sigmoid(y(i)) } else { y(i) }).collect()
        }
        ("group_norm_back", &[n, pixels, c, of_group, weight_row, bias_row, silu]) => {
            let norm = Norm { x: x[0], weight: x[1], bias: x[2], pixels, c, of_group, weight_row, bias_row };
            norm.back(n, x[3], silu == 1, call.factors[0])
        }
        ("silu", _) => x[0].iter().map(|&x| x * sigmoid(x)).collect(),
        ("silu_back", _) => (0..count).map(|i| x[1][i] * slope(x[0][i])).collect(),
        ("squared_error", &[n, size]) => {
            let squares = |s: usize| (s * size..(s + 1) * size).map(|i| (x[0][i] - x[1][i]).powi(2)).sum::<f32>();
            (0..n).map(|s| squares(s) / size as f32).collect()
        }
        ("squared_error_back", &[_, size]) => {
            (0..count).map(|i| 2.0 * (x[0][i] - x[1][i]) * x[2][i / size] / size as f32).collect()
        }
        ("twice", &[_, h, w, c]) => {
            let from = |i: usize| {
                let (j, column, row) = (i % c, i / c % (2 * w), i / c / (2 * w) % (2 * h));
                ((i / (4 * h * w * c) * h + row / 2) * w + column / 2) * c + j
            };
            (0..count).map(|i| x[0][from(i)]).collect()
        }
        ("halved", &[n, h, w, c]) => {
            let mut out = vec![0.0; n * h * w * c];
            for (i, d) in x[0].iter().enumerate() {
                let (j, column, row) = (i % c, i / c % (2 * w), i / c / (2 * w) % (2 * h));
                out[((i / (4 * h * w * c) * h + row / 2) * w + column / 2) * c + j] += d;
            }
            out
        }
        ("beside", &[_, a, b]) => {
            let of = |row: usize, j: usize| if j < a { x[0][row * a + j] } else { x[1][row * b + j - a] };
            (0..count).map(|i| of(i / (a + b), i % (a + b))).collect()
        }
        ("apart", &[rows, a, b]) => {
            let left = (0..rows * a).map(|i| x[0][i / a * (a + b) + i % a]);
            left.chain((0..rows * b).map(|i| x[0][i / b * (a + b) + a + i % b])).collect()
        }
        ("film", &[_, c, shifted]) => {
            let row = |i: usize| &x[0][i / c * 2 * c..][..2 * c];
            let shift = |i: usize| if shifted == 1 { row(i)[c + i % c] } else { 0.0 };
            (0..count).map(|i| (1.0 + row(i)[i % c]) * x[1][i % c] + shift(i)).collect()
        }
        ("film_back", &[n, c, shifted]) => {
            let of_film = (0..2 * n * c).map(|i| match (i % (2 * c), i / (2 * c)) {
                (j, sample) if j < c => x[2][sample * c + j] * x[1][j],
                (j, sample) => x[2][sample * c + j - c] * shifted as f32,
            });
            of_film.chain((0..n * c).map(|i| x[2][i] * (1.0 + x[0][i / c * 2 * c + i % c]))).collect()
        }
        ("softmax", &[_, width]) => x[0].chunks(width).flat_map(|row| softmax(row, call.factors[0])).collect(),
        ("softmax_back", &[_, width]) => {
            let row = |p: &[f32], dp: &[f32]| {
                let sum: f32 = p.iter().zip(dp).map(|(p, dp)| p * dp).sum();
                p.iter().zip(dp).map(|(p, dp)| call.factors[0] * p * (dp - sum)).collect::<Vec<f32>>()
            };
            x[0].chunks(width).zip(x[1].chunks(width)).flat_map(|(p, dp)| row(p, dp)).collect()
        }
        ("exchange", &[_, a, b, d]) => {
            let from = |i: usize| ((i / (a * b * d) * a + i / d % a) * b + i / d / a % b) * d + i % d;
            (0..count).map(|i| x[0][from(i)]).collect()
        }
        (name, sizes) => candle_core::bail!("there is no kernel {name} of {} sizes", sizes.len()),
    };
    assert_eq!(out.len(), count, "{}", call.name);
    Ok(CpuStorage::F32(out))
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// Of SiLU.
fn slope(x: f32) -> f32 {
    sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))
}

fn softmax(row: &[f32], scale: f32) -> Vec<f32> {
    let largest = row.iter().fold(f32::MIN, |a, &b| a.max(b * scale));
    let parts: Vec<f32> = row.iter().map(|x| (x * scale - largest).exp()).collect();
    let sum: f32 = parts.iter().sum();
    parts.into_iter().map(|part| part / sum).collect()
}

/// Patches of `x`, or with their gradient what goes back to `x`.
fn patches(x: &[f32], gradient: Option<&[f32]>, [n, h, w, c, k, stride, pad, ho, wo]: [usize; 9]) -> Vec<f32> {
    let (mut out, mut back) = (Vec::new(), vec![0.0; x.len()]);
    for i in 0..n * ho * wo * k * k * c {
        let (j, kx, ky) = (i % c, i / c % k, i / c / k % k);
        let pixel = i / (c * k * k);
        let (ox, oy, s) = (pixel % wo, pixel / wo % ho, pixel / wo / ho);
        let inside = |o: usize, k: usize, size: usize| (o * stride + k).checked_sub(pad).filter(|&at| at < size);
        let from = inside(oy, ky, h).zip(inside(ox, kx, w)).map(|(y, z)| ((s * h + y) * w + z) * c + j);
        out.push(from.map_or(0.0, |from| x[from]));
        if let (Some(from), Some(gradient)) = (from, gradient) {
            back[from] += gradient[i];
        }
    }
    if gradient.is_some() { back } else { out }
}

struct Norm<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    bias: &'a [f32],
    pixels: usize,
    c: usize,
    of_group: usize,
    weight_row: usize,
    bias_row: usize,
}

/// One number on its way.
struct Normed {
    rate: f64,
    hat: f32,
    w: f32,
    z: f32,
}

impl Norm<'_> {
    /// The numbers of the group that number `i` is in.
    fn group(&self, i: usize) -> impl Iterator<Item = usize> {
        let (sample, channel) = (i / (self.pixels * self.c), i % self.c);
        let first = channel / self.of_group * self.of_group;
        let (c, of_group) = (self.c, self.of_group);
        let start = sample * self.pixels * c + first;
        (0..self.pixels).flat_map(move |p| (0..of_group).map(move |j| start + p * c + j))
    }

    fn at(&self, i: usize, eps: f32) -> Normed {
        let count = (self.pixels * self.of_group) as f64;
        let mean = self.group(i).map(|k| f64::from(self.x[k])).sum::<f64>() / count;
        let variance = self.group(i).map(|k| (f64::from(self.x[k]) - mean).powi(2)).sum::<f64>() / count;
        let rate = 1.0 / (variance + f64::from(eps)).sqrt();
        let (sample, channel) = (i / (self.pixels * self.c), i % self.c);
        let hat = ((f64::from(self.x[i]) - mean) * rate) as f32;
        let w = self.weight[sample * self.weight_row + channel];
        Normed { rate, hat, w, z: hat * w + self.bias[sample * self.bias_row + channel] }
    }

    fn back(&self, n: usize, dy: &[f32], silu: bool, eps: f32) -> Vec<f32> {
        let len = self.x.len();
        let normed: Vec<Normed> = (0..len).map(|i| self.at(i, eps)).collect();
        let dz: Vec<f32> = (0..len).map(|i| dy[i] * if silu { slope(normed[i].z) } else { 1.0 }).collect();
        let mut out = vec![0.0; len + 2 * n * self.c];
        let count = (self.pixels * self.of_group) as f32;
        for i in 0..len {
            let plain = self.group(i).map(|k| normed[k].w * dz[k]).sum::<f32>() / count;
            let along = self.group(i).map(|k| normed[k].w * dz[k] * normed[k].hat).sum::<f32>() / count;
            let Normed { rate, hat, w, .. } = normed[i];
            out[i] = rate as f32 * (dz[i] * w - plain - hat * along);
            let affine = i / (self.pixels * self.c) * self.c + i % self.c;
            out[len + affine] += dz[i] * hat;
            out[len + n * self.c + affine] += dz[i];
        }
        out
    }
}
