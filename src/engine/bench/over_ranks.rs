//! Several ranks: what the ordered sum of the gradients takes beside a step of training, and what the model says of more of them.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use candle_core::{DType, Device, Tensor};
use serde::Serialize;

use super::plan::trainer;
use super::scaling::{Computing, Link, Predicted, Scaling, SumTime};
use super::{BenchModel, Machine, Times};
use crate::kernels::Workers;
use crate::kernels::precision::agreed;
use crate::nn::parameter_count;
use crate::ranks::{Collective, Node, Tree, bytes_of, doubles_of, share};
use crate::train::{RunEnd, sum_over_ranks};

/// The model is asked at these numbers of ranks.
const RANKS: [usize; 10] = [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
/// Numbers in the smallest sum that is measured, and by how much the next is larger, up to the network's and this.
const SMALLEST: usize = 1 << 8;
const APART: usize = 8;
const LARGEST: usize = 1 << 22;

/// What came out. The field names are those of `--format json`; times in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct RanksReport {
    pub difflab: &'static str,
    pub config: String,
    pub machine: Machine,
    pub ranks: usize,
    /// Images of a step of one process.
    pub batch_size: usize,
    /// Of them a rank's, where they are divided.
    pub images_a_rank: usize,
    pub parameters: usize,
    /// Of the gradients of a step.
    pub bytes: usize,
    /// A step of the whole batch, and of a rank's images alone, all ranks at it at once, none waiting for another.
    pub whole_step: f64,
    pub divided_step: f64,
    /// The ordered sum of the gradients; slowest rank, median.
    pub sum: f64,
    /// Sums of other sizes.
    pub sums: Vec<SumTime>,
    /// A step of the batch over the ranks: the model's, and as measured.
    pub predicted_step: f64,
    pub measured_step: f64,
    /// What the ranks took in such a step to tell each other losses and gradients, waiting for the slowest included.
    pub exchange: f64,
    pub scaling: Scaling,
    pub predicted: Vec<Predicted>,
}

/// What to measure.
#[derive(Clone, Debug)]
pub struct RanksPlan {
    /// Images of a step of one process.
    pub batch_size: usize,
    pub repeats: usize,
    pub warm_up: usize,
    /// Of a rank; 0: one for each physical core.
    pub threads: usize,
}

impl RanksPlan {
    /// Measures, all ranks together. `say` is told what comes next.
    ///
    /// # Errors
    /// When there is one rank alone, a step fails, or the connection ends.
    pub fn run(
        &self,
        subject: &BenchModel,
        ranks: &Arc<dyn Collective>,
        mut say: impl FnMut(&str),
    ) -> Result<RanksReport> {
        ensure!(!ranks.is_alone(), "one rank alone exchanges nothing");
        let mut subject = subject.clone();
        let config = &mut subject.config;
        config.train.precision = agreed(config.train.precision, config.model.kind, &Device::Cpu, &**ranks)?.into();
        let subject = &subject;
        let workers = Arc::new(Workers::new(self.threads)?);
        let parameters = parameter_count(&subject.net_config())?;
        let bytes = parameters * size_of::<f32>();
        let images_a_rank = self.batch_size.div_ceil(ranks.size());
        say("training, each rank for itself");
        let whole_step = self.step(subject, self.batch_size, &workers, &**ranks)?;
        let divided_step = self.step(subject, images_a_rank, &workers, &**ranks)?;
        let mut sums = Vec::new();
        for numbers in sizes(parameters) {
            say(&format!("the sum of {numbers} numbers"));
            sums.push(self.sum(&**ranks, &workers, numbers)?);
        }
        let sum = self.sum(&**ranks, &workers, parameters)?.seconds;
        say("training over the ranks");
        let (measured_step, exchange) = self.over_ranks(subject, &workers, ranks)?;
        let scaling = Scaling {
            link: Link::fitted(ranks.size(), &sums),
            computing: Computing::through((self.batch_size, whole_step), (images_a_rank, divided_step)),
            batch_size: self.batch_size,
            bytes,
        };
        Ok(RanksReport {
            difflab: env!("CARGO_PKG_VERSION"),
            config: subject.config.name.clone(),
            machine: Machine::new(&Device::Cpu, workers.threads()),
            ranks: ranks.size(),
            batch_size: self.batch_size,
            images_a_rank,
            parameters,
            bytes,
            whole_step,
            divided_step,
            sum,
            sums,
            predicted_step: scaling.at(ranks.size()).divided_seconds,
            measured_step,
            exchange,
            scaling,
            predicted: RANKS.map(|ranks| scaling.at(ranks)).to_vec(),
        })
    }

    /// Times `work` on all ranks at once: of each run the slowest rank's, and of them the median.
    fn slowest(&self, ranks: &dyn Collective, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
        let mut seconds = Vec::new();
        for run in 0..self.warm_up + self.repeats.max(1) {
            ranks.barrier()?;
            let started = Instant::now();
            work()?;
            let took = started.elapsed().as_secs_f64();
            let all = ranks.gathered(Ok(bytes_of([took])))?;
            let all = all.iter().flat_map(|bytes| doubles_of(bytes));
            if run >= self.warm_up {
                seconds.push(all.fold(0.0, f64::max));
            }
        }
        Ok(Times::of(seconds).median())
    }

    /// A step of `images`, of each rank for itself.
    fn step(&self, subject: &BenchModel, images: usize, workers: &Arc<Workers>, ranks: &dyn Collective) -> Result<f64> {
        let mut trainer = trainer(subject, images, workers, &Device::Cpu)?;
        self.slowest(ranks, || trainer.step().map(drop))
    }

    /// The sum that training makes of the gradients, where each rank has one shard of so many numbers.
    fn sum(&self, ranks: &dyn Collective, workers: &Workers, numbers: usize) -> Result<SumTime> {
        let tree = Tree::new(ranks.size());
        let own = tree.cover(share(ranks.size(), ranks.size(), ranks.rank()));
        let gradient = Tensor::ones(numbers, DType::F32, &Device::Cpu)?;
        let own: Vec<(Node, Vec<&Tensor>)> = own.into_iter().map(|node| (node, vec![&gradient])).collect();
        let seconds = self.slowest(ranks, || sum_over_ranks(ranks, tree, &own, workers).map(drop))?;
        Ok(SumTime { bytes: numbers * size_of::<f32>(), seconds })
    }

    /// Steps of training over the ranks, as rank 0 sees them: the median, and of it what the ranks took to tell each other losses
    /// and gradients, waiting for the slowest included. The other ranks follow, and are told.
    fn over_ranks(
        &self,
        subject: &BenchModel,
        workers: &Arc<Workers>,
        ranks: &Arc<dyn Collective>,
    ) -> Result<(f64, f64)> {
        let mut trainer = trainer(subject, self.batch_size, workers, &Device::Cpu)?.over(ranks.clone())?;
        trainer.begin_together()?;
        let (mut steps, mut exchanges) = (Vec::new(), Vec::new());
        if ranks.leads() {
            for run in 0..self.warm_up + self.repeats.max(1) {
                let started = Instant::now();
                trainer.step()?;
                if run >= self.warm_up {
                    steps.push(started.elapsed().as_secs_f64());
                    exchanges.push(trainer.exchange_time().unwrap_or_default().as_secs_f64());
                }
            }
            trainer.end_for_all(RunEnd::Done)?;
        } else {
            trainer.follow()?;
        }
        let medians = [steps, exchanges].map(|times| if times.is_empty() { 0.0 } else { Times::of(times).median() });
        let told = doubles_of(&ranks.broadcast(bytes_of(medians))?);
        Ok((told.first().copied().unwrap_or_default(), told.get(1).copied().unwrap_or_default()))
    }
}

/// Sizes of the sums, in numbers.
fn sizes(parameters: usize) -> Vec<usize> {
    let largest = parameters.max(LARGEST);
    std::iter::successors(Some(SMALLEST), |n| Some(n * APART)).take_while(|&n| n <= largest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranks::on_threads;

    #[test]
    fn ranks_are_measured_together_and_the_model_follows_from_that() {
        let tiny = ["model.block_out_channels=[8, 8]", "model.norm_num_groups=4"].map(String::from);
        let subject = BenchModel::named("mnist-quick", &tiny).unwrap();
        let plan = RanksPlan { batch_size: 4, repeats: 1, warm_up: 0, threads: 1 };
        let reports = on_threads(2, |ranks| plan.run(&subject, &ranks, |_| {}).unwrap());
        let report = &reports[0];
        assert_eq!((report.ranks, report.images_a_rank, report.bytes), (2, 2, 4 * report.parameters));
        // What was measured is the same on both.
        assert_eq!((report.sum, report.whole_step), (reports[1].sum, reports[1].whole_step));
        assert!(report.sums.len() >= 5 && report.sums.iter().all(|sum| sum.seconds > 0.0));
        assert_eq!(report.predicted.len(), RANKS.len());
        assert!(report.predicted_step > 0.0 && report.measured_step > report.exchange && report.exchange > 0.0);
        assert!(on_threads(1, |ranks| plan.run(&subject, &ranks, |_| {}).is_err())[0]);
    }
}
