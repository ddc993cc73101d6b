//! Training over ranks, threads and shards: the same bits.

use std::sync::Arc;

use super::*;
use crate::config::Config;
use crate::data::Dataset;
use crate::kernels::Workers;
use crate::ranks::{Alone, Collective, on_threads};
use crate::train::StepReport;

fn data(n: usize) -> Dataset {
    Dataset {
        name: "stripes".into(),
        source: "a test".into(),
        height: 8,
        width: 8,
        channels: 1,
        pixels: (0..n * 64).map(|i| (i * i % 251) as u8).collect::<Vec<u8>>().into(),
        labels: Arc::new((0..n as u32).map(|i| i % 2).collect()),
        classes: vec!["even".into(), "odd".into()],
        warnings: Vec::new(),
    }
}

/// With everything in it that could depend on who computes what: dropout, classes, learned timesteps, pairs of noise and image.
fn trainer(ranks: &Arc<dyn Collective>, threads: usize, overrides: &[&str]) -> Trainer {
    let mut config = Config::default();
    config.train.batch_size = 11;
    config.train.shards = 5;
    config.model.block_out_channels = vec![8, 16];
    config.model.norm_num_groups = 4;
    config.model.attention_levels = vec![];
    config.model.mid_attention = false;
    config.model.dropout = 0.1;
    config.model.class_conditional = true;
    config.data.horizontal_flip = true;
    config.diffusion.timesteps = 6;
    let overrides: Vec<String> = overrides.iter().map(|set| set.to_string()).collect();
    let config = config.with_overrides(&overrides).unwrap();
    let workers = Arc::new(Workers::new(threads).unwrap());
    Trainer::new(&config, data(40), &data(9), &Device::Cpu, workers).unwrap().over(ranks.clone()).unwrap()
}

/// All numbers of a state, as bits.
fn bits(trainer: &Trainer) -> Vec<u32> {
    let state = trainer.state().unwrap();
    let all = state.weights.iter().chain(&state.ema).chain(&state.moments);
    all.flat_map(|(_, tensor)| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap()).map(f32::to_bits).collect()
}

type Trained = (Vec<StepReport>, Vec<u64>, Vec<u32>);

/// Trains `steps` steps on so many ranks of so many threads; what rank 0 saw, and that the others have the same weights.
fn trained(ranks: usize, threads: usize, steps: usize, overrides: &[&str]) -> Trained {
    let mut all = on_threads(ranks, |ranks| {
        let mut trainer = trainer(&ranks, threads, overrides);
        trainer.begin_together().unwrap();
        if !ranks.leads() {
            assert_eq!(trainer.follow().unwrap(), RunEnd::Done);
            return (Vec::new(), Vec::new(), bits(&trainer));
        }
        let reports = (0..steps).map(|_| trainer.step().unwrap()).collect();
        let held_out = trainer.held_out_errors().unwrap().into_iter().map(f64::to_bits).collect();
        assert_eq!(trainer.exchange_time().is_some(), ranks.size() > 1);
        trainer.end_for_all(RunEnd::Done).unwrap();
        (reports, held_out, bits(&trainer))
    });
    let first = all.remove(0);
    assert!(all.iter().all(|(_, _, bits)| *bits == first.2), "the ranks have other weights");
    first
}

#[test]
fn one_process_with_any_threads_and_any_ranks_come_to_the_same_bits() {
    for overrides in [
        &["train.coupling=optimal_transport"][..],
        &["train.timestep_sampling=importance", "train.loss_weighting=vlb", "train.optimizer=muon"],
    ] {
        let alone = trained(1, 1, 3, overrides);
        for (ranks, threads) in [(1, 2), (1, 3), (2, 1), (2, 2), (3, 1), (5, 1)] {
            assert!(
                trained(ranks, threads, 3, overrides) == alone,
                "{ranks} ranks of {threads} threads: {overrides:?}"
            );
        }
        // The number of shards is what counts.
        assert!(trained(1, 2, 3, &[overrides, &["train.shards=4"]].concat()).2 != alone.2);
    }
}

#[test]
fn shards_that_are_left_open_are_as_many_as_all_ranks_have_workers() {
    let shards = on_threads(3, |ranks| trainer(&ranks, 2, &["train.shards=0"]).shards());
    assert_eq!(shards, [6; 3]);
    let alone: Arc<dyn Collective> = Arc::new(Alone);
    assert_eq!(trainer(&alone, 4, &["train.shards=0"]).shards(), 4);
    assert_eq!(trainer(&alone, 4, &["train.shards=7"]).shards(), 7);
}

#[test]
fn a_state_comes_to_the_others_as_rank_0_has_it() {
    let all = on_threads(2, |ranks| {
        let mut trainer = trainer(&ranks, 1, &["train.timestep_sampling=importance", "train.loss_weighting=vlb"]);
        if ranks.leads() {
            // As a resumed run has it.
            let (mut state, _) = state_of(&bytes_of(&trainer.state().unwrap(), 5).unwrap()).unwrap();
            (state.step, state.moments_since, state.learning_rate_scale) = (17, 3, 0.1 + 0.2);
            for (_, tensor) in &mut state.ema {
                *tensor = (&*tensor + 0.25).unwrap();
            }
            trainer.restore(&state).unwrap();
            trainer.set_shards(3);
        }
        trainer.begin_together().unwrap();
        let state = trainer.state().unwrap();
        (bits(&trainer), trainer.shards(), state.step, state.moments_since, state.learning_rate_scale)
    });
    assert!(all[0] == all[1]);
    assert_eq!((all[1].1, all[1].2), (3, 17));
}

#[test]
fn more_ranks_than_shards_are_refused_with_both_numbers() {
    let said = on_threads(4, |ranks| {
        let refused = trainer(&ranks, 1, &["train.shards=3"]).check_ranks();
        refused.unwrap_err().to_string()
    });
    assert!(said[0].starts_with("4 processes") && said[0].contains("train.shards = 3"), "{}", said[0]);
    assert!(on_threads(2, |ranks| trainer(&ranks, 1, &["train.shards=2"]).check_ranks().is_ok()).iter().all(|ok| *ok));
}

#[test]
fn a_step_that_diverges_is_found_by_all_and_leaves_all_as_they_were() {
    let said = on_threads(2, |ranks| {
        let rate = ["train.learning_rate=1e35", "train.warmup_steps=0", "train.lr_schedule=constant"];
        let mut trainer = trainer(&ranks, 1, &rate);
        trainer.begin_together().unwrap();
        if !ranks.leads() {
            assert_eq!(trainer.follow().unwrap(), RunEnd::Failed);
            return (String::new(), bits(&trainer));
        }
        let error = (0..200).find_map(|_| trainer.step().err()).expect("it diverges");
        assert!(error.is::<TrainError>());
        trainer.end_for_all(RunEnd::Failed).unwrap();
        (error.to_string(), bits(&trainer))
    });
    assert!(said[0].0.contains("diverged") && said[0].1 == said[1].1, "{}", said[0].0);
}
