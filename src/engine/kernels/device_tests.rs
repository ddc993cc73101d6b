//! The operations around the kernels, run with their plain forms on a processor, against the fast CPU kernels: forward and
//! in every gradient.

use candle_core::{Device, Result, Tensor, Var};

use crate::config::Precision;
use crate::kernels::{self, Padding, device};
use crate::random::{Stream, generator, normal};

fn var(seed: u64, shape: &[usize]) -> Var {
    let count = shape.iter().product();
    let numbers = normal(&mut generator(seed, Stream::Noise, 7), count);
    Var::from_tensor(&Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()).unwrap()
}

type Way<'a> = &'a dyn Fn(&[&Tensor]) -> Result<Tensor>;

/// Both ways on the same arguments: results and gradients agree.
fn agree(shapes: &[&[usize]], ways: [Way<'_>; 2]) {
    let arguments: Vec<Var> = shapes.iter().enumerate().map(|(i, shape)| var(i as u64, shape)).collect();
    let tensors: Vec<&Tensor> = arguments.iter().map(Var::as_tensor).collect();
    let run = |way: Way<'_>| {
        let y = way(&tensors).unwrap();
        let weights = var(99, y.dims()).as_detached_tensor();
        let gradients = (&y * weights).unwrap().sum_all().unwrap().backward().unwrap();
        let of = |x: &Var| gradients.get(x).unwrap().clone();
        std::iter::once(y.detach()).chain(arguments.iter().map(of)).collect::<Vec<Tensor>>()
    };
    let [ours, theirs] = ways.map(run);
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert_eq!(a.dims(), b.dims(), "{i}");
        let largest = |x: &Tensor| x.abs().unwrap().flatten_all().unwrap().max(0).unwrap().to_scalar::<f32>().unwrap();
        let apart = largest(&(a - b).unwrap()) / largest(b).max(1e-3);
        assert!(apart < 2e-5, "number {i} of {shapes:?} (0: the result): {apart}");
    }
}

#[test]
fn convolutions() {
    let shapes: [(usize, usize, usize, usize, usize); 5] =
        [(2, 5, 6, 3, 4), (1, 4, 4, 8, 5), (3, 7, 5, 4, 4), (2, 1, 1, 4, 2), (2, 8, 8, 1, 4)];
    for (n, h, w, c_in, c_out) in shapes {
        for (k, stride, padding) in
            [(3, 1, Padding::Same), (3, 2, Padding::Same), (3, 2, Padding::RightBottom), (1, 1, Padding::Same)]
        {
            if h.min(w) + 1 < k {
                continue;
            }
            for bias in [&[c_out][..], &[n, c_out]] {
                agree(
                    &[&[n, h, w, c_in], &[k, k, c_in, c_out], bias],
                    [&|a| device::conv2d(a[0], a[1], a[2], stride, padding), &|a| {
                        kernels::conv2d(a[0], a[1], a[2], stride, padding, Precision::F32)
                    }],
                );
            }
        }
    }
}

#[test]
fn linear_layers() {
    for shape in [&[3, 4][..], &[2, 3, 5, 4], &[1, 4]] {
        agree(
            &[shape, &[4, 6], &[6]],
            [&|a| device::linear(a[0], a[1], a[2]), &|a| kernels::linear(a[0], a[1], a[2], Precision::F32)],
        );
    }
}

#[test]
fn normalizations() {
    for silu in [false, true] {
        for affine in [&[8][..], &[2, 8]] {
            for groups in [1, 2, 8] {
                agree(
                    &[&[2, 3, 4, 8], affine, &[8]],
                    [&|a| device::group_norm(a[0], a[1], a[2], groups, 1e-5, silu), &|a| {
                        kernels::group_norm(a[0], a[1], a[2], groups, 1e-5, silu)
                    }],
                );
            }
        }
    }
}

#[test]
fn scale_and_shift_told_by_the_time() {
    // Weight and bias side by side, so that both are seen.
    let both = |(w, b): (Tensor, Tensor)| Tensor::cat(&[w, b], 1);
    agree(
        &[&[3, 8], &[4], &[4]],
        [&|a| both(device::film(a[0], a[1], a[2])?), &|a| both(kernels::film(a[0], a[1], a[2])?)],
    );
}

#[test]
fn attention_in_heads() {
    for heads in [1, 2, 4] {
        let shape: &[usize] = &[2, 3, 4, 8];
        agree(
            &[shape, shape, shape],
            [&|a| device::attention(a[0], a[1], a[2], heads), &|a| {
                kernels::attention(a[0], a[1], a[2], heads, Precision::F32)
            }],
        );
    }
}

#[test]
fn the_rest() {
    let x: &[usize] = &[2, 3, 5, 4];
    agree(&[x], [&|a| device::silu(a[0]), &|a| kernels::silu(a[0])]);
    agree(&[x], [&|a| device::upsample_nearest2x(a[0]), &|a| kernels::upsample_nearest2x(a[0])]);
    agree(&[x, &[2, 3, 5, 6]], [&|a| device::concat_channels(a[0], a[1]), &|a| kernels::concat_channels(a[0], a[1])]);
    agree(&[x, x], [&|a| device::squared_error(a[0], a[1]), &|a| kernels::squared_error(a[0], a[1])]);
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let [x, w, b] = [&[1, 2, 2, 3][..], &[3, 3, 4, 2], &[2]].map(|shape| var(0, shape).as_detached_tensor());
    let said = |result: Result<Tensor>| result.unwrap_err().to_string();
    assert!(said(device::conv2d(&x, &w, &b, 1, Padding::Same)).contains("4 channels was given 3"));
    assert!(said(device::group_norm(&x, &b, &b, 2, 1e-5, false)).contains("don't divide"));
    assert!(said(device::attention(&x, &x, &x, 2)).contains("2 heads"));
}

#[test]
fn gradients_that_are_put_aside_are_all_there() {
    let [x, w, b] = [&[2, 3, 3, 4][..], &[3, 3, 4, 4], &[4]].map(|shape| var(3, shape));
    let loss = || {
        // Weights that are used twice, and once more by an operation of candle's.
        let y = device::conv2d(x.as_tensor(), &w, &b, 1, Padding::Same).unwrap();
        let y = device::conv2d(&y, &w, &b, 1, Padding::Same).unwrap();
        (y.sqr().unwrap().sum_all().unwrap() + w.sqr().unwrap().sum_all().unwrap()).unwrap()
    };
    let (ours, theirs) = (device::backward(&loss()).unwrap(), loss().backward().unwrap());
    for var in [&x, &w, &b] {
        let of = |store: &candle_core::backprop::GradStore| {
            store.get(var).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap()
        };
        let (a, b) = (of(&ours), of(&theirs));
        let largest = b.iter().fold(0f32, |most, x| most.max(x.abs()));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() <= 1e-5 * largest), "{a:?} {b:?}");
    }
    // Nothing of it is left for the next.
    let again = device::backward(&x.sqr().unwrap().sum_all().unwrap()).unwrap();
    assert!(again.get(&w).is_none() && again.get(&x).is_some());
}
