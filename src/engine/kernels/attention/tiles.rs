//! In mixed precision, on tiles: what is multiplied is rounded to bf16, sums and the softmax are f32.
//!
//! Scores stand with their keys in rows and 16 queries in columns, so that all that a softmax needs of a query is in one
//! lane.

use super::head::Head;
use super::operands::Sizes;
use super::sample::HeadsSample;
use crate::kernels::buffers::{Part, Scratch};
use crate::kernels::simd::{COLUMNS, DEPTH, PairSimd, TileKernel, Tiles, exp_for_bf16, without_traces};

/// Whether heads of `d` channels go on tiles: two channels are a word.
pub(super) fn fits(d: usize) -> bool {
    d.is_multiple_of(2)
}

/// One sample forward; `out` is as long as q.
pub(super) struct AttentionForward<'a> {
    pub sample: HeadsSample<'a>,
    pub out: Part<'a>,
}

// SAFETY: `run` may be called when the lengths are those that the fields tell, and the heads fit.
impl TileKernel for AttentionForward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) {
        let s = self.sample;
        let z = Sizes::of(s);
        assert_eq!(self.out.len(), s.q.len());
        let out = self.out.as_mut_ptr().cast::<f32>();
        let d = z.channels / s.heads;
        let factor = 1.0 / (d as f32).sqrt();
        let mut scores = Scratch::new(z.padded * COLUMNS);
        // Beyond the last key there are never weights.
        let mut weights = Scratch::zeroed(z.padded / 2 * COLUMNS);
        let mut share = [0.0; COLUMNS];
        // SAFETY: the processor has both; the heads and queries are those of the sample.
        unsafe {
            let (keys, queries, values) = (z.rows::<S>(s.k), z.in_columns::<S>(s.q), z.by_channels::<S>(s.v));
            for i in 0..s.heads {
                let head = Head::new(z, d, i);
                let mut alone = Scratch::zeroed(head.alone_words());
                for query in (0..z.positions).step_by(COLUMNS) {
                    head.alone::<S>(&queries, query, &mut alone);
                    head.scores::<T>(&keys, &alone, &mut scores);
                    for l in (0..COLUMNS).step_by(S::LANES) {
                        let least = minus_largest::<S>(z, &scores[l..], factor);
                        let (row, to) = (scores.as_ptr().add(l), weights.as_mut_ptr().add(l));
                        let mut sum = S::splat(0.0);
                        for pair in 0..z.positions.div_ceil(2) {
                            let a = weight::<S>(row.add(2 * pair * COLUMNS), factor, least);
                            let b = match 2 * pair + 1 < z.positions {
                                true => weight::<S>(row.add((2 * pair + 1) * COLUMNS), factor, least),
                                false => S::splat(0.0),
                            };
                            sum = S::add(sum, S::add(a, b));
                            S::store(to.add(pair * COLUMNS), S::pair(a, b));
                        }
                        S::store(share.as_mut_ptr().add(l), S::div(S::splat(1.0), sum));
                    }
                    head.over_keys::<S, T>(&values, &weights, &share, query, out);
                }
            }
        }
    }
}

/// −factor · the largest score of each query.
///
/// # Safety
/// The processor has `S`; `scores` has the lanes of all keys, [`COLUMNS`] apart.
#[inline(always)]
unsafe fn minus_largest<S: PairSimd>(z: Sizes, scores: &[f32], factor: f32) -> S::V {
    debug_assert!(scores.len() >= (z.positions - 1) * COLUMNS + S::LANES);
    let row = scores.as_ptr();
    // SAFETY: rows of keys.
    unsafe {
        // Two at a time, so that one need not wait for the other.
        let mut largest = [S::load(row); 2];
        for key in 1..z.positions {
            let side = key % 2;
            largest[side] = S::max(largest[side], S::load(row.add(key * COLUMNS)));
        }
        S::mul(S::max(largest[0], largest[1]), S::splat(-factor))
    }
}

/// e^(factor · score + least), for the scores of one key.
///
/// # Safety
/// The processor has `S`, and `score` its numbers.
#[inline(always)]
unsafe fn weight<S: PairSimd>(score: *const f32, factor: f32, least: S::V) -> S::V {
    // SAFETY: the caller's promise.
    unsafe { without_traces::<S>(exp_for_bf16::<S>(S::mul_add(S::load(score), S::splat(factor), least))) }
}

/// One sample backward: the gradients of q, k and v, as long as these, as is `d_out`. The formulas are those of
/// [`super::vectors::AttentionBackward`].
pub(super) struct AttentionBackward<'a> {
    pub sample: HeadsSample<'a>,
    pub d_out: &'a [f32],
    pub gradients: [Part<'a>; 3],
}

// SAFETY: `run` may be called when the lengths are those that the fields tell, and the heads fit.
impl TileKernel for AttentionBackward<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<S: PairSimd, T: Tiles>(self) {
        let s = self.sample;
        let z = Sizes::of(s);
        assert!(self.d_out.len() == s.q.len() && self.gradients.iter().all(|g| g.len() == s.q.len()));
        let [dq, dk, dv] = self.gradients.map(|g| g.as_mut_ptr().cast::<f32>());
        let d = z.channels / s.heads;
        let mut block = Block {
            z,
            factor: 1.0 / (d as f32).sqrt(),
            scores: Scratch::new(z.padded * COLUMNS),
            d_weights: Scratch::new(z.padded * COLUMNS),
            // Beyond the last key there is never anything.
            weight_rows: Scratch::zeroed(z.padded * COLUMNS),
            d_score_rows: Scratch::zeroed(z.padded * COLUMNS),
            d_score_pairs: Scratch::zeroed(z.padded / 2 * COLUMNS),
        };
        // SAFETY: the processor has both; the heads and queries are those of the sample.
        unsafe {
            let (key_rows, value_rows) = (z.rows::<S>(s.k), z.rows::<S>(s.v));
            let (queries, d_out) = (z.in_columns::<S>(s.q), z.in_columns::<S>(self.d_out));
            let (query_pairs, d_out_pairs) = (z.pairs::<S>(s.q), z.pairs::<S>(self.d_out));
            let keys = z.by_channels::<S>(s.k);
            for i in 0..s.heads {
                let head = Head::new(z, d, i);
                let [mut query_alone, mut d_alone] = [(); 2].map(|()| Scratch::zeroed(head.alone_words()));
                let [mut d_keys, mut d_values] =
                    [(); 2].map(|()| Scratch::new(z.padded * head.channel_tiles().len() * COLUMNS));
                for query in (0..z.positions).step_by(COLUMNS) {
                    head.alone::<S>(&queries, query, &mut query_alone);
                    head.scores::<T>(&key_rows, &query_alone, &mut block.scores);
                    head.alone::<S>(&d_out, query, &mut d_alone);
                    head.scores::<T>(&value_rows, &d_alone, &mut block.d_weights);
                    // Two blocks of queries lie side by side in the rows.
                    let second = query % DEPTH > 0;
                    block.gradients::<S>(second);
                    head.over_keys::<S, T>(&keys, &block.d_score_pairs, &[1.0; COLUMNS], query, dq);
                    let last = query + COLUMNS >= z.positions;
                    if last && !second {
                        block.clear_second();
                    }
                    if last || second {
                        let (from, more) = (query / DEPTH * DEPTH, query >= DEPTH);
                        head.over_queries::<T>(&block.d_score_rows, &query_pairs, from, more, &mut d_keys);
                        head.over_queries::<T>(&block.weight_rows, &d_out_pairs, from, more, &mut d_values);
                    }
                }
                head.write_all::<S>(&d_keys, dk);
                head.write_all::<S>(&d_values, dv);
            }
        }
    }
}

/// What is made of 16 queries' scores.
struct Block {
    z: Sizes,
    factor: f32,
    /// Scores, then weights not yet divided by their sum, and the weights' gradients: `[padded, 16]`.
    scores: Scratch,
    d_weights: Scratch,
    /// Weights and the scores' gradients, rounded: by keys, words of two queries, `[padded, 16]` for 32 queries.
    weight_rows: Scratch,
    d_score_rows: Scratch,
    /// The scores' gradients in pairs of keys, `[padded / 2, 16]`.
    d_score_pairs: Scratch,
}

impl Block {
    /// Weights and the scores' gradients from scores and the weights' gradients.
    ///
    /// # Safety
    /// The processor has `S`.
    #[inline(always)]
    unsafe fn gradients<S: PairSimd>(&mut self, second: bool) {
        let (z, factor) = (self.z, self.factor);
        for l in (0..COLUMNS).step_by(S::LANES) {
            // SAFETY: the lanes of all keys.
            unsafe {
                let least = minus_largest::<S>(z, &self.scores[l..], factor);
                let (e, d) = (self.scores.as_mut_ptr().add(l), self.d_weights.as_ptr().add(l));
                let (mut sum, mut product) = (S::splat(0.0), S::splat(0.0));
                for key in 0..z.positions {
                    let at = key * COLUMNS;
                    let weight = weight::<S>(e.add(at), factor, least);
                    sum = S::add(sum, weight);
                    product = S::mul_add(weight, S::load(d.add(at)), product);
                    S::store(e.add(at), weight);
                }
                let share = S::div(S::splat(1.0), sum);
                let row =
                    Lanes::<S> { e, d, share, factor: S::mul(share, S::splat(factor)), mean: S::mul(product, share) };
                let word = (l + if second { COLUMNS } else { 0 }) / 2;
                let weights = self.weight_rows.as_mut_ptr().add(word);
                let d_scores = self.d_score_rows.as_mut_ptr().add(word);
                let pairs = self.d_score_pairs.as_mut_ptr().add(l);
                for key in (0..z.positions).step_by(2) {
                    let at = key * COLUMNS;
                    let (p, ds) = row.at(at);
                    S::store_rounded(weights.add(at), p);
                    S::store_rounded(d_scores.add(at), ds);
                    let mut next = S::splat(0.0);
                    if key + 1 < z.positions {
                        let at = at + COLUMNS;
                        let (p, ds) = row.at(at);
                        S::store_rounded(weights.add(at), p);
                        S::store_rounded(d_scores.add(at), ds);
                        next = ds;
                    }
                    S::store(pairs.add(key / 2 * COLUMNS), S::pair(ds, next));
                }
            }
        }
    }

    /// There are no queries in the second half of the rows.
    fn clear_second(&mut self) {
        for rows in [&mut self.weight_rows, &mut self.d_score_rows] {
            rows.chunks_exact_mut(COLUMNS).for_each(|row| row[COLUMNS / 2..].fill(0.0));
        }
    }
}

/// A vector of queries.
struct Lanes<S: PairSimd> {
    /// Weights before they are divided by their sum, and the weights' gradients, [`COLUMNS`] from key to key.
    e: *const f32,
    d: *const f32,
    /// One over the sum, this times the scores' factor, and Σ_k p dp.
    share: S::V,
    factor: S::V,
    mean: S::V,
}

impl<S: PairSimd> Lanes<S> {
    /// Weights and gradients of the scores of the key at `at`.
    ///
    /// # Safety
    /// The processor has `S`; the key is there.
    #[inline(always)]
    unsafe fn at(&self, at: usize) -> (S::V, S::V) {
        // SAFETY: the caller's promise.
        unsafe {
            let e = S::load(self.e.add(at));
            let d = S::sub(S::load(self.d.add(at)), self.mean);
            (S::mul(e, self.share), S::mul(S::mul(e, self.factor), d))
        }
    }
}
