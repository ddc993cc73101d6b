//! Panes of real runs: the same noise, and of equal settings the same pictures.

use std::path::Path;
use std::sync::Arc;

use candle_core::Device;
use crossbeam_channel::unbounded;

use super::panes::PanesUnderWay;
use super::protocol::{ArchiveNews, SampleOrder, SamplePane, SampleRequest};
use crate::config::{Config, SamplerName};
use crate::lab::{Audience, Event, Lab, LabPlan, PreviewFrame, RunChoice, SamplingSettings};

const STEPS: u64 = 6;

fn config() -> Config {
    let text = r#"
        name = "tiny"
        [data]
        dataset = "mnist-10k"
        held_out = 8
        [diffusion]
        timesteps = 20
        [model]
        block_out_channels = [8, 8]
        norm_num_groups = 4
        mid_attention = false
        class_conditional = true
        [train]
        steps = 6
        batch_size = 8
        warmup_steps = 1
        eval_every = 0
        checkpoint_every = 0
        history = "on"
        [preview]
        enabled = false
        save_every = 0
        steps = 4
    "#;
    Config::from_toml(text, "tiny").unwrap()
}

fn train(config: Config, dir: &Path) {
    let plan = LabPlan {
        config,
        run: RunChoice::New { dir: Some(dir.to_path_buf()) },
        device: Device::Cpu,
        threads: 1,
        accept_data: false,
        audience: Audience::Nobody,
        warnings: vec![],
        chosen: vec![],
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    };
    let lab = Lab::spawn(plan).unwrap();
    while !matches!(lab.events.recv().unwrap(), Event::Ended(_)) {}
    assert!(lab.join().unwrap().finished);
}

/// Everything that comes of a request.
fn sample(panes: Vec<SamplePane>, order: SampleOrder) -> (Vec<Vec<PreviewFrame>>, Vec<(usize, String)>) {
    let mut frames = vec![Vec::new(); panes.len()];
    let mut failed = Vec::new();
    let (send, news) = unbounded();
    let mut work = PanesUnderWay::default();
    work.begin(SampleRequest { round: 7, panes, seed: 3, num: 4, order, gently: true }, &send).unwrap();
    while !work.is_empty() {
        work.advance(&send).unwrap();
        for told in news.try_iter() {
            match told {
                ArchiveNews::Frame { round: 7, pane, frame, .. } => frames[pane].push(*frame),
                ArchiveNews::NoFrames { round: 7, pane, why } => failed.push((pane, why)),
                other => panic!("{other:?}"),
            }
        }
    }
    (frames, failed)
}

#[test]
fn panes_begin_with_one_noise_and_equal_settings_make_equal_pictures() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    train(config(), &dir);
    let settings = SamplingSettings::new(&config());
    let with = |change: &dyn Fn(&mut SamplingSettings)| {
        let mut settings = settings.clone();
        change(&mut settings);
        Some(Arc::new(settings))
    };
    let pane = |raw, settings| SamplePane { dir: dir.clone(), step: None, raw, settings };
    let panes = vec![
        pane(false, with(&|_| {})),
        pane(false, with(&|_| {})),
        pane(true, with(&|_| {})),
        pane(false, with(&|set| set.sample.guidance_scale = 3.0)),
        pane(false, with(&|set| set.sample.sampler = SamplerName::UniPc)),
        pane(false, with(&|set| set.steps = 9)),
        pane(false, None),
    ];
    let (frames, failed) = sample(panes, SampleOrder::Together);
    assert!(failed.is_empty(), "{failed:?}");
    for (i, film) in frames.iter().enumerate() {
        assert_eq!(film[0].x_t, frames[0][0].x_t, "pane {i} begins with other noise");
        assert_eq!(film.last().unwrap().index, film.last().unwrap().total);
        assert_eq!(film[0].step, STEPS);
    }
    let end = |i: usize| frames[i].last().unwrap().x_t.clone();
    for (a, b) in frames[0].iter().zip(&frames[1]) {
        assert_eq!((&a.x_t, &a.x_0), (&b.x_t, &b.x_0), "equal settings, frame {}", a.index);
    }
    assert_eq!(end(0), end(6), "as its own previews are");
    for other in 2..6 {
        assert_ne!(end(0), end(other), "pane {other} is otherwise");
    }
    assert_eq!((frames[0].len(), frames[5].len()), (5, 10));
    // What is alike together is alike one after the other.
    let (again, _) = sample(vec![pane(false, with(&|_| {}))], SampleOrder::InTurn);
    assert_eq!(again[0].last().unwrap().x_t, end(0));
}

#[test]
fn every_kept_step_is_sampled_and_what_is_not_there_says_so() {
    let place = tempfile::tempdir().unwrap();
    let dir = place.path().join("run");
    train(config(), &dir);
    let pane = |step, raw| SamplePane { dir: dir.clone(), step, raw, settings: None };
    let panes = vec![pane(Some(1), false), pane(Some(5), false), pane(Some(4), false), pane(Some(5), true)];
    let (frames, failed) = sample(panes, SampleOrder::InTurn);
    assert_eq!((frames[0][0].step, frames[1][0].step), (1, 5));
    assert_eq!(frames[0][0].x_t, frames[1][0].x_t);
    assert_ne!(frames[0].last().unwrap().x_t, frames[1].last().unwrap().x_t);
    assert_eq!(failed.iter().map(|(pane, _)| *pane).collect::<Vec<_>>(), [2, 3]);
    assert!(failed[0].1.contains("history has: 1, 2, 3, 5"), "{}", failed[0].1);
    assert!(failed[1].1.contains("raw ones are in checkpoints"), "{}", failed[1].1);
    // Without a checkpoint the newest of the history is what there is.
    std::fs::remove_dir_all(dir.join("checkpoints")).unwrap();
    let (frames, failed) = sample(vec![pane(None, false), pane(None, true)], SampleOrder::Together);
    assert!(frames[0][0].step >= 5 && frames[1].is_empty());
    assert!(failed.len() == 1 && failed[0].1.ends_with("in checkpoints, and there is none yet"), "{failed:?}");
}
