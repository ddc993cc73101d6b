//! The flags of `difflab explain`.

use std::path::PathBuf;

use clap::ValueEnum;

use crate::cli::usage::set_in_full;
use crate::explain::Topic;
use crate::tui::terminal::image_protocol::ImageProtocol;

/// Write out the mathematics of what a run does, with its own numbers: formulas, each with its source.
///
/// Without a topic it lists them. Without --run the numbers are those of a config's path and data, and what needs a trained
/// network is left out, in words. All numbers come from the code that trains and samples.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// forward, time (or t), loss, training-step, bound, sampling-step, guidance, plane or data; the beginning of one is
    /// enough.
    #[arg(value_name = "TOPIC", value_parser = Topic::find)]
    pub topic: Option<Topic>,
    /// The run whose numbers to show: a folder, the beginning of its name in runs/, or `latest`.
    #[arg(long, value_name = "RUN", conflicts_with = "config")]
    pub run: Option<String>,
    /// Without a run: the config whose path and data to show, a shipped one or a .toml file.
    #[arg(long, value_name = "CONFIG", default_value = "mnist")]
    pub config: String,
    /// The weights of this step: a checkpoint, or one that the run's history has kept [default: the newest good
    /// checkpoint].
    #[arg(long, visible_alias = "step", value_name = "STEP", requires = "run")]
    pub checkpoint: Option<u64>,
    /// The timestep t, from 0 to T − 1 [default: where signal and noise are equal].
    #[arg(long, value_name = "T")]
    pub at: Option<usize>,
    /// Which training image is followed, from 0 [default: 0].
    #[arg(long, value_name = "N")]
    pub image: Option<usize>,
    /// Row and column of the pixel that is followed by number, and its channel in colour [default: the brightest, channel
    /// 0]; of points x or y.
    #[arg(long, value_name = "ROW,COLUMN", value_parser = pixel)]
    pub pixel: Option<(usize, usize, usize)>,
    /// Topic training-step: the weight to follow, by its name in the checkpoint [default: conv_in.weight,
    /// or conv_out.weight while that has no gradient, or the first that AdamW moves].
    #[arg(long, value_name = "NAME")]
    pub weight: Option<String>,
    /// text for a terminal, md for Markdown with LaTeX, in which pictures are data: URIs, which GitHub and many other readers
    /// don't show [default: text].
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,
    /// Write Markdown to this file, and the pictures as PNG files into a folder beside it: of notes.md into notes-pictures/.
    #[arg(short, long, value_name = "FILE.md", requires = "topic")]
    pub out: Option<PathBuf>,
    /// Explain a run with its data where they lie now: a key of [data], e.g. --set data.path=IMAGES after they have moved;
    /// may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = set_in_full, requires = "run")]
    pub set: Vec<String>,
    /// Explain with the current data, even if the run was trained on others.
    #[arg(long)]
    pub accept_data: bool,
    /// Processor threads; 0: one per physical core.
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub threads: usize,
    /// How to draw pictures on a terminal.
    #[arg(long, value_enum, default_value_t = ImageProtocol::Auto)]
    pub images: ImageProtocol,
}

/// How an explanation is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Md,
}

/// Row, column and channel.
fn pixel(given: &str) -> Result<(usize, usize, usize), String> {
    match given.trim() {
        "x" => return Ok((0, 0, 0)),
        "y" => return Ok((0, 0, 1)),
        _ => {}
    }
    let numbers: Vec<Option<usize>> = given.split(',').map(|part| part.trim().parse().ok()).collect();
    match numbers[..] {
        [Some(row), Some(column)] => Ok((row, column, 0)),
        [Some(row), Some(column), Some(channel)] => Ok((row, column, channel)),
        _ => Err("a pixel is a row and a column, counted from 0, such as 14,9, and of colours a channel, such as 14,9,2; of \
                  points it is x or y"
            .into()),
    }
}
