//! The lab from the inside: commands in, events and frames out.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use candle_core::Device;
use difflab::config::{Config, HeldOut};
use difflab::lab::{Audience, Command, Ending, Event, Lab, LabPlan, Live, Phase, RunChoice, SamplingSettings};
use difflab::process::interrupt::Interrupted;
use difflab::run::snapshot::SnapshotFacts;
use difflab::run::{checkpoint, read_events, read_metrics};

const PATIENCE: Duration = Duration::from_secs(120);

/// A network and a run small enough for tests; it would train for a long time if nobody stopped it.
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
        steps = 1000000
        batch_size = 8
        warmup_steps = 0
        lr_schedule = "constant"
        checkpoint_every = 0
        [preview]
        num = 3
        steps = 4
        save_every = 0
        [sample]
        steps = 3
        num = 4
    "#;
    Config::from_toml(text, "tiny").unwrap()
}

fn plan(config: Config, run: RunChoice, audience: Audience) -> LabPlan {
    LabPlan {
        config,
        run,
        device: Device::Cpu,
        threads: 1,
        accept_data: false,
        audience,
        warnings: vec![],
        chosen: vec![],
        after_step: None,
        racing: None,
        stage: None,
        then: None,
    }
}

fn open(config: Config, run: RunChoice, audience: Audience) -> Lab {
    Lab::spawn(plan(config, run, audience)).unwrap()
}

fn new_run(dir: &Path) -> RunChoice {
    RunChoice::New { dir: Some(dir.to_path_buf()) }
}

/// The first event that `pick` accepts.
fn wait<T>(lab: &Lab, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        let event = lab.events.recv_deadline(end).expect("an event that never came");
        if let Some(found) = pick(&event) {
            return found;
        }
    }
}

fn phase(wanted: Phase) -> impl FnMut(&Event) -> Option<()> {
    move |event| matches!(event, Event::Phase(phase) if *phase == wanted).then_some(())
}

fn step(event: &Event) -> Option<u64> {
    if let Event::Step(record) = event { Some(record.step) } else { None }
}

fn quit(lab: Lab, save: bool) -> Ending {
    lab.commands.send(Command::Quit { save }).unwrap();
    lab.join().unwrap()
}

#[test]
fn a_panic_in_the_worker_is_told_and_ends_the_lab() {
    let dir = tempfile::tempdir().unwrap();
    let lab = Lab::spawn(LabPlan {
        after_step: Some(|step| assert!(step < 3, "step {step} was to panic")),
        ..plan(config(), new_run(&dir.path().join("run")), Audience::Screen)
    })
    .unwrap();
    let told = wait(&lab, |event| match event {
        Event::Phase(Phase::Failed(message)) => Some(message.clone()),
        _ => None,
    });
    assert!(told.contains("the training thread panicked: step 3 was to panic"), "{told}");
    wait(&lab, |event| matches!(event, Event::Ended(Err(_))).then_some(()));
    assert!(lab.join().unwrap_err().to_string().contains("panicked"));
}

#[test]
fn a_paused_lab_stands_still_takes_single_steps_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let lab = open(config(), new_run(&dir.path().join("run")), Audience::Screen);
    let mut last = wait(&lab, step);
    lab.commands.send(Command::Pause).unwrap();
    wait(&lab, |event| {
        last = step(event).unwrap_or(last);
        phase(Phase::Paused)(event)
    });
    std::thread::sleep(Duration::from_millis(300));
    assert!(lab.events.try_iter().all(|event| step(&event).is_none()), "it trains while paused");

    lab.commands.send(Command::StepOnce).unwrap();
    assert_eq!(wait(&lab, step), last + 1);
    wait(&lab, phase(Phase::Paused));
    std::thread::sleep(Duration::from_millis(300));
    assert!(lab.events.try_iter().all(|event| step(&event).is_none()), "one step, not more");

    lab.commands.send(Command::Resume).unwrap();
    wait(&lab, phase(Phase::Training));
    assert_eq!(wait(&lab, step), last + 2);
    let ending = quit(lab, true);
    assert!(!ending.finished);
    assert_eq!(ending.checkpoint.as_deref(), Some(checkpoint::all(&ending.run_dir)[0].1.as_path()));
}

#[test]
fn the_preview_goes_from_noise_to_images_and_begins_again_with_new_settings() {
    let dir = tempfile::tempdir().unwrap();
    let lab = open(config(), new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, step);
    lab.commands.send(Command::Pause).unwrap();
    let frames = |wanted: &dyn Fn(&difflab::lab::PreviewFrame) -> bool| {
        let end = Instant::now() + PATIENCE;
        loop {
            let frame = lab.previews.recv_deadline(end).expect("a frame that never came");
            assert_eq!(frame.x_t.len(), 3 * 28 * 28);
            assert!(frame.x_t.iter().chain(frame.x_0.iter()).all(|x| x.is_finite()));
            if wanted(&frame) {
                return frame;
            }
        }
    };
    let finished = frames(&|frame| frame.index == frame.total);
    assert_eq!((finished.total, finished.t), (4, 0));
    assert_eq!(finished.classes, [0, 1, 2]);

    let mut settings = finished.settings.as_ref().clone();
    settings.class = Some(7);
    settings.steps = 6;
    settings.sample.guidance_scale = 0.0;
    lab.commands.send(Command::SetSampling(Box::new(settings.clone()))).unwrap();
    let frame = frames(&|frame| *frame.settings == settings);
    assert!(frame.trajectory > finished.trajectory);
    assert_eq!((frame.total, frame.classes.as_slice()), (6, &[7, 7, 7][..]));

    settings.class = Some(99);
    lab.commands.send(Command::SetSampling(Box::new(settings))).unwrap();
    let message = wait(&lab, |event| match event {
        Event::Warning { message, .. } => Some(message.clone()),
        _ => None,
    });
    assert!(message.contains("99"), "{message}");

    lab.commands.send(Command::SetPreviewEnabled(false)).unwrap();
    wait(&lab, |event| matches!(event, Event::SettingChanged { .. }).then_some(()));
    while lab.previews.try_recv().is_ok() {}
    assert!(lab.previews.recv_timeout(Duration::from_millis(400)).is_err(), "frames come although it is off");
    quit(lab, false);
}

#[test]
fn a_snapshot_is_written_while_training_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let lab = open(config(), new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, step);
    lab.commands.send(Command::Snapshot).unwrap();
    let (at, folder) = wait(&lab, |event| match event {
        Event::SnapshotSaved { step, dir } => Some((*step, dir.clone())),
        _ => None,
    });
    for file in ["grid.png", "samples.safetensors", "trajectory.gif", "snapshot.json"] {
        assert!(folder.join(file).is_file(), "{file} is missing");
    }
    assert!(wait(&lab, step) > at, "the training went on");
    quit(lab, false);
}

#[test]
fn every_sampling_key_that_is_set_live_reaches_previews_and_snapshots() {
    let dir = tempfile::tempdir().unwrap();
    let lab = open(config(), new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, step);
    let set = ["sample.spacing=linspace", "sample.guidance_scale=1", "sample.guidance_rescale=0.5", "sample.num=2"];
    let set = [&set[..], &["sample.timesteps=19, 7, 0", "sample.negative_class=3"]].concat();
    let set: Vec<String> = set.into_iter().map(String::from).collect();
    let settings = SamplingSettings::new(&config().with_overrides(&set).unwrap());
    lab.commands.send(Command::SetSampling(Box::new(settings.clone()))).unwrap();
    let what = wait(&lab, |event| match event {
        Event::SettingChanged { what, .. } => Some(what.clone()),
        _ => None,
    });
    assert!(what.contains("sample.guidance_rescale = 0.5") && what.contains("sample.num = 2"), "{what}");
    lab.commands.send(Command::Pause).unwrap();
    let end = Instant::now() + PATIENCE;
    let frame = std::iter::from_fn(|| lab.previews.recv_deadline(end).ok()).find(|frame| *frame.settings == settings);
    let frame = frame.expect("a preview with the new settings");
    // The listed timesteps take the place of preview.steps = 4.
    assert_eq!((frame.total, frame.num), (3, 3));

    lab.commands.send(Command::Snapshot).unwrap();
    let folder = wait(&lab, |event| match event {
        Event::SnapshotSaved { dir, .. } => Some(dir.clone()),
        _ => None,
    });
    let facts: SnapshotFacts = serde_json::from_slice(&std::fs::read(folder.join("snapshot.json")).unwrap()).unwrap();
    assert_eq!(facts.sample, Some(settings.sample));
    assert_eq!((facts.shape[0], facts.steps, facts.guidance_scale), (2, 3, Some(1.0)));
    quit(lab, false);
}

#[test]
fn a_changed_learning_rate_holds_at_once_and_after_a_resume() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let lab = open(config(), new_run(&run), Audience::Nobody);
    wait(&lab, step);
    lab.commands.send(Command::SetLearningRateScale(0.25)).unwrap();
    let changed = wait(&lab, |event| match event {
        Event::SettingChanged { step, .. } => Some(*step),
        _ => None,
    });
    let rate = |event: &Event| if let Event::Step(record) = event { Some((record.step, record.lr)) } else { None };
    let expected = 0.25 * config().train.learning_rate;
    let (_, lr) = wait(&lab, |event| rate(event).filter(|(step, _)| *step > changed));
    assert_eq!(lr, expected);
    let ending = quit(lab, true);

    let lab = open(config(), RunChoice::Resume(run.clone()), Audience::Nobody);
    let history = wait(&lab, |event| match event {
        Event::History { steps, .. } => steps.last().map(|record| record.step),
        _ => None,
    });
    assert_eq!(history, ending.step);
    assert_eq!(wait(&lab, rate), (ending.step + 1, expected));
    quit(lab, false);
    assert!(read_events(&run).unwrap().iter().any(|event| event.kind == "setting"));
}

#[test]
fn what_was_set_while_paused_is_saved_at_the_end_and_is_still_set_after_a_resume() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let lab = open(config(), new_run(&run), Audience::Screen);
    let info = |event: &Event| if let Event::Ready(info) = event { Some(info.clone()) } else { None };
    assert_eq!(wait(&lab, info).live, Live::new(&config()));
    wait(&lab, step);
    lab.commands.send(Command::Pause).unwrap();
    wait(&lab, phase(Phase::Paused));
    lab.commands.send(Command::Checkpoint).unwrap();
    wait(&lab, |event| matches!(event, Event::CheckpointSaved { .. }).then_some(()));
    // All of it after the newest checkpoint, and no step after it.
    let mut set = Live { learning_rate_scale: 0.5, previews: false, preview_budget: 0.4, ..Live::new(&config()) };
    set.sampling.sample.guidance_scale = 3.0;
    (set.sampling.steps, set.sampling.class) = (7, Some(4));
    lab.commands.send(Command::SetLearningRateScale(0.5)).unwrap();
    lab.commands.send(Command::SetSampling(Box::new(set.sampling.clone()))).unwrap();
    lab.commands.send(Command::SetPreviewBudget(0.4)).unwrap();
    lab.commands.send(Command::SetPreviewEnabled(false)).unwrap();
    quit(lab, true);

    let lab = open(config(), RunChoice::Resume(run.clone()), Audience::Screen);
    let info_again = wait(&lab, info);
    assert_eq!(info_again.live, set);
    let told = info_again.going_on().unwrap();
    assert!(
        told.contains("guidance_scale = 3")
            && told.contains("class 4, learning rate ")
            && told.contains("(0.5 × the configured "),
        "{told}"
    );
    quit(lab, false);

    // What the resume asks for comes first.
    let asked = config().with_overrides(&["sample.guidance_scale=7".to_string()]).unwrap();
    let lab = open(asked, RunChoice::Resume(run), Audience::Screen);
    let sampling = wait(&lab, info).live.sampling.clone();
    assert_eq!((sampling.sample.guidance_scale, sampling.steps, sampling.class), (7.0, 7, Some(4)));
    quit(lab, false);
}

#[test]
fn a_lab_that_nobody_holds_any_more_saves_and_ends() {
    let dir = tempfile::tempdir().unwrap();
    let lab = open(config(), new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, step);
    let ending = lab.join().unwrap();
    assert!(ending.step > 0 && ending.checkpoint.is_some());
    assert_eq!(read_metrics(&ending.run_dir).unwrap().last().map(|r| r.step), Some(ending.step));
}

#[test]
fn a_screen_keeps_the_worker_after_the_last_step_until_it_quits() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    config.train.steps = 3;
    let lab = open(config, new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, phase(Phase::Finished));
    lab.commands.send(Command::Snapshot).unwrap();
    wait(&lab, |event| matches!(event, Event::SnapshotSaved { .. }).then_some(()));
    let ending = quit(lab, true);
    assert!(ending.finished);
    assert_eq!(checkpoint::all(&ending.run_dir).len(), 1);
}

/// Pictures that take long to load: one under very many names.
fn slow_pictures(folder: &Path) -> Config {
    let picture = folder.join("0.png");
    image::RgbImage::from_fn(300, 300, |x, y| image::Rgb([(x * y) as u8, (x + 3 * y) as u8, 0]))
        .save(&picture)
        .unwrap();
    (1..20_000).for_each(|i| std::fs::hard_link(&picture, folder.join(format!("{i}.png"))).unwrap());
    let mut config = config();
    config.data.dataset = "images".into();
    config.data.path = folder.display().to_string();
    config.data.image_size = 8;
    config.model.class_conditional = false;
    config
}

#[test]
fn a_lab_that_is_left_while_it_loads_ends_soon_and_makes_no_run_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (pictures, run) = (dir.path().join("pictures"), dir.path().join("run"));
    std::fs::create_dir(&pictures).unwrap();
    let lab = open(slow_pictures(&pictures), new_run(&run), Audience::Screen);
    wait(&lab, |event| matches!(event, Event::Phase(Phase::Starting(_))).then_some(()));
    let asked = Instant::now();
    lab.commands.send(Command::Quit { save: true }).unwrap();
    let said = wait(&lab, |event| if let Event::Ended(Err(said)) = event { Some(said.clone()) } else { None });
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert!(said.contains("no run folder was made"), "{said}");
    assert!(Interrupted::caused(&lab.join().unwrap_err()));
    assert!(!run.exists());
}

#[test]
fn a_long_snapshot_is_broken_off_when_the_lab_is_left_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config();
    // A network call takes seconds: it ends after the lab, in which its thread goes on.
    config.sample.num = 30_000;
    let lab = open(config, new_run(&dir.path().join("run")), Audience::Screen);
    wait(&lab, step);
    lab.commands.send(Command::Snapshot).unwrap();
    wait(&lab, step);
    std::thread::sleep(Duration::from_millis(300));
    let asked = Instant::now();
    lab.commands.send(Command::Quit { save: true }).unwrap();
    let said = wait(&lab, |event| match event {
        Event::SnapshotLost { message, .. } => Some(message.clone()),
        _ => None,
    });
    let ending = lab.join().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    assert!(said.contains("broken off") && ending.checkpoint.is_some(), "{said}");
    let left = std::fs::read_dir(ending.run_dir.join("snapshots")).map_or(0, |entries| entries.count());
    assert_eq!(left, 0, "half a snapshot");
}

#[test]
fn bad_data_is_an_error_with_its_cause_and_leaves_no_folder() {
    let dir = tempfile::tempdir().unwrap();
    let run: PathBuf = dir.path().join("run");
    let mut config = config();
    config.data.held_out = HeldOut::Count(10_000_000);
    let lab = open(config, new_run(&run), Audience::Nobody);
    let said = wait(&lab, |event| match event {
        Event::Ended(Err(said)) => Some(said.clone()),
        _ => None,
    });
    assert!(said.contains("held_out"), "{said}");
    let error = lab.join().unwrap_err();
    assert!(error.chain().any(|cause| cause.is::<difflab::data::DataError>()), "{error:#}");
    assert!(!run.exists());
}

/// Every kind of file that a step can leave, after each.
fn busy() -> Config {
    let mut config = config();
    (config.train.checkpoint_every, config.preview.save_every, config.preview.snapshot_every) = (1, 1, 1);
    config
}

#[test]
fn a_run_on_trial_waits_after_its_first_step_and_leaves_nothing_unless_it_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let trial = |name: &str, config| {
        let lab = Lab::on_trial(plan(config, new_run(&dir.path().join(name)), Audience::Screen)).unwrap();
        assert_eq!(wait(&lab, step), 1);
        wait(&lab, phase(Phase::Paused));
        lab
    };
    for save in [true, false] {
        let unwanted = trial("unwanted", busy());
        unwanted.commands.send(Command::Quit { save }).unwrap();
        assert!(Interrupted::caused(&unwanted.join().unwrap_err()));
        assert!(!dir.path().join("unwanted").exists());
    }
    // Nobody is left to say that it stays.
    assert!(trial("forgotten", busy()).join().is_err());
    assert!(!dir.path().join("forgotten").exists());

    let kept = trial("kept", config());
    kept.commands.send(Command::Keep).unwrap();
    wait(&kept, |event| step(event).filter(|step| *step > 5));
    let ending = quit(kept, true);
    assert!(ending.checkpoint.is_some() && ending.run_dir.ends_with("kept"));

    // A run of one step is no special case.
    let mut short = config();
    short.train.steps = 1;
    let lab = trial("short", short);
    lab.commands.send(Command::Keep).unwrap();
    wait(&lab, phase(Phase::Finished));
    assert!(quit(lab, true).finished);
}

#[test]
fn a_run_on_trial_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let lab = Lab::on_trial(LabPlan {
        after_step: Some(|step| assert!(step < 1, "step {step} was to panic")),
        ..plan(busy(), new_run(&run), Audience::Screen)
    })
    .unwrap();
    wait(&lab, |event| matches!(event, Event::Ended(Err(_))).then_some(()));
    let error = lab.join().unwrap_err().to_string();
    assert!(error.contains("was to panic") && !error.contains("remains"), "{error}");
    assert!(!run.exists());
}

#[test]
fn a_run_that_stands_aside_is_saved_and_goes_on_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    let lab = open(config(), new_run(&run), Audience::Screen);
    wait(&lab, |event| step(event).filter(|step| *step > 3));
    let stands_aside = |event: &Event| if let Event::StandsAside { step } = event { Some(*step) } else { None };
    lab.commands.send(Command::StandAside).unwrap();
    let stands = wait(&lab, stands_aside);
    assert_eq!(checkpoint::list(&run).last().map(|found| found.step), Some(stands));
    std::thread::sleep(Duration::from_millis(300));
    lab.commands.send(Command::GoOn).unwrap();
    assert_eq!(wait(&lab, step), stands + 1, "it stood still");
    // One that was paused by a person stays so.
    lab.commands.send(Command::Pause).unwrap();
    wait(&lab, phase(Phase::Paused));
    lab.commands.send(Command::StandAside).unwrap();
    let stands = wait(&lab, stands_aside);
    lab.commands.send(Command::GoOn).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(quit(lab, true).step, stands);
}
