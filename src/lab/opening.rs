//! From a plan to a worker that is ready to train: data, network, run folder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use candle_core::DeviceLocation;
use crossbeam_channel::Receiver;

use super::data_facts::DataFacts;
use super::film_channel::FilmSender;
use super::followers::{announce, share_data};
use super::forking::Forked;
use super::history::history as past_of;
use super::latents::OpenedLatents;
use super::live::Live;
use super::outbox::EventOutbox;
use super::plan::{LabPlan, RunChoice};
use super::precision::decide;
use super::preview::Preview;
use super::preview_network::PreviewNetwork;
use super::protocol::{Command, Event, Phase, RunInfo};
use super::racing::Racing;
use super::resuming::Resumed;
use super::sampling_settings::check_sampling;
use super::snapshots_due::Missed;
use super::standing::Standing;
use super::worker::{Parts, Worker};
use crate::config::{Config, POINT_SETS};
use crate::data::{self, DataCard, DataIdentity, Identified, copy_card};
use crate::diffusion::check_terminal_snr;
use crate::kernels::Workers;
use crate::kernels::precision::{sampling_doubt, slowness, taken};
use crate::nn::autoencoder::AutoencoderConfig;
use crate::process::interrupt::{self, Token};
use crate::ranks::world;
use crate::run::checkpoint::{self, Progress};
use crate::run::history::{self, HistoryPlan};
use crate::run::tensorboard::LiveEvents;
use crate::run::{
    Journal, RecentLosses, RunDir, RunError, check_layout, keep_autoencoder, other_class_names, own_card, sweep,
    write_class_names,
};
use crate::thousands::thousands;
use crate::train::Trainer;

/// Loads the data, builds the trainer, makes or opens the run folder, and says so on the way. The
/// folder comes last: a plan that cannot work leaves none behind, and until then `token` can break it off.
///
/// # Errors
/// Data, configs and run folders that cannot be used, with the typed error in the chain; `Interrupted`.
pub fn open(
    mut plan: LabPlan,
    commands: Receiver<Command>,
    frames: FilmSender,
    token: &Token,
    standing: &Standing,
    outbox: &mut EventOutbox,
) -> Result<Worker> {
    // From now on: a run that cannot be opened holds no other up.
    let turn = plan.racing.as_ref().map(Racing::turn);
    let mut config = plan.config;
    let ranks = world();
    announce(&*ranks, &config)?;
    // Before a run that goes on is compared with what it was: what was found then is no change if it is found again.
    let precision = decide(&mut config, &plan.device, &*ranks)?;
    // Refused before anything is loaded. A run that is there already is not held up by it: its model card says it.
    match DataCard::of(&config.data) {
        Err(error) if matches!(plan.run, RunChoice::New { .. }) => return Err(error.into()),
        _ => {}
    }
    say(outbox, format!("loading {}", config.data.dataset));
    let dataset = data::load_watched(&config.data, &mut |count| {
        outbox.send(Event::Phase(Phase::Loading(count.to_string())));
    })?;
    interrupt::check()?;
    let shape = (dataset.height, dataset.width, dataset.channels);
    let mut warnings = plan.warnings;
    let identity = match &plan.run {
        // Nothing asks for it before the first checkpoint, but other ranks.
        RunChoice::New { .. } if !config.diffuses_latents() && ranks.is_alone() => None,
        _ => Some(DataIdentity::of(&dataset)),
    };
    let mut resumed = match (&plan.run, &identity) {
        (RunChoice::Resume(path), Some(identity)) => {
            say(outbox, format!("reading the newest checkpoint of {}", path.display()));
            Some(Resumed::open(path, &config, (identity, &dataset.warnings), plan.accept_data)?)
        }
        _ => None,
    };
    let forked = match (&plan.run, &identity) {
        (RunChoice::Fork { from, .. }, Some(identity)) => {
            say(outbox, format!("reading the checkpoint of step {} of {}", from.step, from.run.display()));
            let said = (identity, &dataset.warnings[..]);
            Some(Forked::open_newest(from, &mut config, said, plan.accept_data, &plan.device)?)
        }
        _ => None,
    };
    if matches!(plan.run, RunChoice::New { .. })
        && let Some(parent) = config.parent.take()
    {
        warnings.push(format!(
            "the config is that of a fork of {} at step {}: this run begins anew, with fresh weights",
            parent.run, parent.step
        ));
    }
    warnings.extend(forked.iter().flat_map(|forked| forked.warnings.iter().cloned()));
    warnings.extend(resumed.iter_mut().flat_map(|resumed| std::mem::take(&mut resumed.warnings)));
    let workers = match &plan.racing {
        Some(racing) => racing.workers.clone(),
        None => Arc::new(Workers::new(plan.threads)?),
    };
    let parent = match (&resumed, &forked) {
        (Some(resumed), _) => Some((resumed.run.path(), resumed.folder.as_path())),
        (_, Some(forked)) => Some(forked.parent()),
        _ => None,
    };
    let latents = match &identity {
        Some(identity) => OpenedLatents::open((&plan.run, parent), &config, (&dataset, identity), &workers, outbox)?,
        None => None,
    };
    let (seen, space) = match latents {
        Some(latents) => {
            warnings.extend(latents.warnings);
            plan.chosen.extend(latents.words);
            (Some(latents.data), Some(latents.space))
        }
        None => (None, None),
    };
    warnings.extend(match &space {
        Some(space) => config.validate_for_latents(space.shape(), space.config().factor(), dataset.classes.len())?,
        None => config.validate_for_data(shape.0, shape.1, shape.2, dataset.classes.len())?,
    });
    if let Some(next) = &plan.then {
        check_next_stage(&config, &next.config, shape, dataset.classes.len())?;
    }
    warnings.extend(dataset.warnings.iter().cloned());
    warnings.extend(config.data.held_out.doubt(dataset.len()));
    if let Some(identity) = &identity {
        share_data(&*ranks, &config, identity, seen.as_ref())?;
    }
    let held_out = config.data.held_out.of(dataset.len());
    let (train_data, held_out_data) = dataset.split_held_out(held_out, config.seed)?;
    let facts = DataFacts::of(&train_data, &held_out_data);
    let (facts, train_data, held_out) = match (space, seen) {
        (Some(space), Some(seen)) => {
            let (seen, held_out) = seen.split_held_out(held_out, config.seed)?;
            (facts.in_latents(space, &seen), seen, held_out)
        }
        _ => (facts, train_data, held_out_data),
    };
    let identity = match identity {
        Some(identity) => Identified::now(identity),
        None => Identified::later(&train_data, &held_out, config.seed),
    };
    let counted = config.count_epochs(facts.train_images).map(|epochs| counted(epochs, &config, facts.train_images));
    if counted.is_some() {
        warnings.extend(config.warm_up_doubt());
    }

    let network = config.model.kind.title();
    let article = if config.trains_autoencoder() { "an" } else { "a" };
    say(outbox, format!("building {article} {network} for {} {}", thousands(facts.train_images), noun(&config)));
    interrupt::check()?;
    let trainer = Trainer::new(&config, train_data, &held_out, &plan.device, workers.clone())?;
    let mut trainer = trainer.over(ranks.clone())?;
    trainer.check_ranks()?;
    let asked_shards = config.train.shards;
    if plan.device.is_cpu() {
        config.train.shards = trainer.shards();
    } else if asked_shards > 0 {
        warnings.push("train.shards is for processors: other devices take the images of a step together".into());
    }
    let [in_training, in_samples] =
        [config.train.precision, config.sample.precision].map(|choice| taken(choice, config.model.kind, &plan.device));
    warnings.extend(slowness("train.precision", in_training));
    warnings.extend(sampling_doubt(in_samples, &plan.device));
    warnings.extend(check_terminal_snr(&config.diffusion, trainer.schedule()));
    check_sampling(&config.sample, trainer.schedule(), &facts.classes)?;

    let (mut resumed_with, mut begun_as, mut past) = (String::new(), String::new(), Default::default());
    let mut live = Live::new(&config);
    let (mut run, mut progress) = match resumed {
        None if forked.is_some() => {
            // Just looked at: it is there.
            let forked = forked.context("a fork without its parent")?;
            forked.take_over(&mut trainer, &config)?;
            token.commit()?;
            let mut run = RunDir::create(plan.run.new_dir(), &config)?;
            run.tidy_up_unless_started();
            let (restored, problem) = forked.live(&config, (trainer.schedule(), &facts.classes));
            live = restored;
            warnings.extend(problem);
            begun_as = forked.words(&live, &config, &facts.classes);
            (run, forked.progress)
        }
        None => {
            token.commit()?;
            let mut run = RunDir::create(plan.run.new_dir(), &config)?;
            run.tidy_up_unless_started();
            (run, Progress::new(&config))
        }
        Some(resumed) => {
            let (path, step) = (resumed.run.path(), resumed.step);
            if step > config.train.steps {
                return Err(RunError::StepsDone { path: path.into(), done: step, steps: config.train.steps }.into());
            }
            check_layout(&resumed.folder, trainer.net_config())?;
            let loaded = checkpoint::load(&resumed.folder, &config, &plan.device)?;
            let before = (resumed.before.train.shards, loaded.progress.threads);
            if let (0, threads @ 1..) = before
                && asked_shards == 0
                && plan.device.is_cpu()
            {
                trainer.set_shards_of(threads);
                config.train.shards = trainer.shards();
                warnings.push(format!(
                    "the run was begun by a difflab that cut each batch into as many shards as there were threads, and goes \
                     on with {} (train.shards): its bits stay the same on any number of them",
                    config.train.shards
                ));
            }
            trainer.restore(&loaded.state).with_context(|| format!("going on from {}", resumed.folder.display()))?;
            // Up to here the run is as it was.
            token.commit()?;
            sweep(path);
            history::cut_back(path, step)?;
            let every = resumed.before.train.log_every.max(config.train.log_every);
            let from = config.parent.as_ref().map_or(0, |parent| parent.step);
            let left = Journal::cut_back(path, (from, step), every)?;
            warnings.extend(left.doubts);
            past = (left.steps, left.rows);
            let mut progress = loaded.progress;
            // A checkpoint of an older difflab may have less time than the lines before it.
            progress.elapsed_s = progress.elapsed_s.max(left.elapsed_s);
            resumed_with = resumed.changes(&config);
            let (before, scale) = (&resumed.before, loaded.state.learning_rate_scale);
            let (restored, problem) =
                Live::restored((before, &config), &progress.live, scale, (trainer.schedule(), &facts.classes));
            live = restored;
            warnings.extend(problem);
            if let Some(words) = live.words(&config, &facts.classes) {
                resumed_with += &format!("; still set: {words}");
            }
            resumed.run.write_config(&config)?;
            (resumed.run, progress)
        }
    };
    warnings.extend(trainer.idle_workers());
    trainer.begin_together()?;
    progress.threads = workers.threads();
    progress.data = Some(identity);
    standing.begun(run.path());
    let start_step = trainer.steps_done();
    let other = other_class_names(run.path(), &facts.classes);
    write_class_names(run.path(), &facts.classes)?;
    warnings.extend(other.map(|other| format!("{other}: the file has been rewritten")));
    for card in cards(&plan.run, &config) {
        let copied = copy_card(&card, &own_card(run.path()));
        copied.map_err(|error| RunError::not_writable(run.path(), error))?;
    }
    if let Some(space) = &facts.latents {
        warnings.extend(keep_autoencoder(run.path(), space)?);
    }
    let mut journal = Journal::open(run.path(), config.diffusion.timesteps)?;
    let missed = match &plan.run {
        RunChoice::New { .. } => {
            journal.event(0, "start", &format!("{} from {}", config.name, facts.source));
            Missed::default()
        }
        RunChoice::Fork { .. } => {
            journal.event(start_step, "fork", &begun_as);
            Missed::default()
        }
        RunChoice::Resume(path) => {
            journal.event(start_step, "resume", &format!("from step {start_step}{resumed_with}"));
            Missed::of(path, start_step, config.preview.snapshot_every)?
        }
    };
    for step in &missed.lost {
        let what = format!("the snapshot of step {step} is lost: the run was stopped before it was written");
        journal.event(*step, "snapshot_lost", &what);
        warnings.push(what);
    }
    for choice in &plan.chosen {
        journal.event(start_step, "chosen", choice);
    }
    let found: Vec<String> = precision.map(|decided| decided.to_string()).into_iter().chain(counted).collect();
    for words in &found {
        journal.event(start_step, "chosen", words);
    }
    let plan_of_history = {
        let (asked, steps) = (config.train.history, config.train.steps);
        let decided = HistoryPlan::new(asked, trainer.parameter_count(), start_step, steps);
        // A run that goes on has been told.
        let words = decided.words.filter(|_| !matches!(plan.run, RunChoice::Resume(_)));
        HistoryPlan { words, ..decided }
    };
    if let Some(words) = &plan_of_history.words {
        journal.event(start_step, "chosen", words);
    }
    for warning in &warnings {
        journal.event(start_step, "warning", warning);
    }
    let events = config.train.tensorboard.then(|| LiveEvents::open(run.path(), start_step));
    let events = events.map(|(events, problem)| {
        if let Some(warning) = &problem {
            journal.event(start_step, "warning", warning);
        }
        warnings.extend(problem);
        events
    });
    journal.flush().map_err(|error| RunError::not_writable(run.path(), error))?;
    run.started();

    let info = RunInfo {
        run_dir: run.path().to_path_buf(),
        network: network.into(),
        parameters: trainer.parameter_count(),
        train_images: facts.train_images,
        held_out_images: facts.held_out_images,
        steps_per_epoch: facts.train_images as f64 / config.train.batch_size as f64,
        image_shape: shape,
        sample_shape: facts.sample_shape(),
        classes: facts.classes.clone(),
        conditional: config.model.class_conditional,
        alphas_cumprod: Arc::new(trainer.schedule().alphas_cumprod.clone()),
        examples: facts.examples.clone(),
        latent_examples: facts.latent_examples.clone(),
        points: facts.points.clone(),
        device: match plan.device.location() {
            DeviceLocation::Cpu => "cpu".into(),
            DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
            DeviceLocation::Metal { gpu_id } => format!("metal:{gpu_id}"),
        },
        threads: workers.threads(),
        start_step,
        warnings,
        chosen: plan.chosen.clone(),
        stage: plan.stage.clone(),
        live: live.clone(),
        config: config.clone(),
    };
    outbox.send(Event::Ready(Arc::new(info)));
    // The last is the one that stays on the screen.
    for message in plan_of_history.words.into_iter().chain(found) {
        outbox.send(Event::Note { step: start_step, message });
    }
    let mut recent_losses = RecentLosses::default();
    past.1.iter().for_each(|row| recent_losses.push(row.clone()));
    if start_step > 0 {
        outbox.send(past_of(run.path(), start_step, past)?);
    }

    let asked = PreviewNetwork {
        net: trainer.ema_net(in_samples)?,
        parameterization: trainer.parameterization().clone(),
        workers,
        device: plan.device,
        image_shape: shape,
        latents: facts.latents.clone(),
        class_names: facts.classes.clone(),
        examples: facts.examples.clone(),
    };
    let preview = Preview::new(asked, &config, &live, start_step);
    let (audience, after_step) = (plan.audience, plan.after_step);
    let is_new = !matches!(plan.run, RunChoice::Resume(_));
    let is_fork = matches!(plan.run, RunChoice::Fork { .. });
    let mut worker = Worker::new(Parts {
        config,
        facts,
        audience,
        run,
        journal,
        events,
        trainer,
        progress,
        live,
        preview,
        commands,
        frames,
        after_step,
        turn,
    });
    worker.is_new = is_new;
    worker.recent_losses = recent_losses;
    worker.standing = standing.clone();
    worker.keeping.on = plan_of_history.kept;
    worker.write_card(outbox);
    if !history::steps(worker.run_dir()).contains(&start_step) {
        // Of a fork, or lost by a kill.
        worker.keep_history(outbox)?;
    }
    if is_fork {
        // Its own from the first: the parent may go, or lose this checkpoint.
        worker.saved = None;
        worker.save_checkpoint(outbox)?;
    }
    if missed.now {
        worker.order_snapshot(true, outbox)?;
    }
    Ok(worker)
}

/// Does the network of the next stage fit the latents that this one's autoencoder makes? Better told before it is trained.
fn check_next_stage(
    config: &Config,
    next: &Config,
    (height, width, channels): (usize, usize, usize),
    num_classes: usize,
) -> Result<()> {
    let autoencoder = AutoencoderConfig::new(&config.autoencoder, height, width, channels);
    let latents = autoencoder.latent_shape(height, width)?;
    next.validate_for_latents(latents, autoencoder.factor(), num_classes)?;
    Ok(())
}

/// The data cards that a new run takes a copy of, the one that counts last: that beside the data, and a fork's parent's.
fn cards(choice: &RunChoice, config: &Config) -> Vec<PathBuf> {
    let beside = DataCard::place(&config.data);
    match choice {
        RunChoice::New { .. } => beside.into_iter().collect(),
        RunChoice::Fork { from, .. } => beside.into_iter().chain([own_card(&from.run)]).collect(),
        RunChoice::Resume(_) => Vec::new(),
    }
}

fn say(outbox: &mut EventOutbox, text: String) {
    outbox.send(Event::Phase(Phase::Starting(text)));
}

/// "10 epochs = 8,907 steps: 57,000 images in batches of 64".
fn counted(epochs: f64, config: &Config, images: usize) -> String {
    let steps = usize::try_from(config.train.steps).map_or_else(|_| config.train.steps.to_string(), thousands);
    let word = if epochs == 1.0 { "epoch" } else { "epochs" };
    format!(
        "{epochs} {word} = {steps} steps: {} {} in batches of {}",
        thousands(images),
        noun(config),
        config.train.batch_size
    )
}

/// What the data consists of.
fn noun(config: &Config) -> &'static str {
    if POINT_SETS.contains(&config.data.dataset.as_str()) { "points" } else { "images" }
}
