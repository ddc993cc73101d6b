//! The machine's own limit: multiplications and additions on all workers at once, from registers to registers.

use anyhow::Result;

use super::{Peak, Times};
use crate::config::Precision;
use crate::kernels::Workers;
use crate::kernels::peak::multiply_add;

/// Rounds of one run: some milliseconds.
const ROUNDS: usize = 2_000_000;

/// Times them in `precision`; `None` where the processor has no instructions for it.
///
/// # Errors
/// None of its own.
pub fn measure(precision: Precision, workers: &Workers, warm_up: usize, repeats: usize) -> Result<Option<Peak>> {
    let mut operations = None;
    let times = Times::measure(warm_up, repeats, || {
        let each = workers.run(workers.threads(), |_| multiply_add(precision, ROUNDS));
        operations = each.into_iter().sum();
        Ok(())
    })?;
    Ok(operations.map(|operations| Peak::new(precision.name(), &times, operations)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_workers_count_and_what_the_processor_lacks_is_left_out() {
        let rate = |precision, threads| measure(precision, &Workers::new(threads).unwrap(), 0, 1).unwrap();
        let (one, two) = (rate(Precision::F32, 1).unwrap(), rate(Precision::F32, 2).unwrap());
        assert!(one.gflop_per_second > 0.0 && two.best_gflop_per_second >= two.gflop_per_second);
        assert_eq!(one.precision, "f32");
        assert_eq!(rate(Precision::Bf16, 1).is_some(), multiply_add(Precision::Bf16, 1).is_some());
    }
}
