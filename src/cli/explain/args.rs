//! The flags of `difflab explain`.

use clap::ValueEnum;

use crate::explain::Topic;
use crate::tui::terminal::image_protocol::ImageProtocol;

/// Write out the mathematics of what a run does, with its own numbers: formulas, each with its source.
///
/// Without a topic it lists them. Without --run the numbers are those of a config's path and data, and what needs a trained
/// network is left out, in words. All numbers come from the code that trains and samples.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// forward, time, loss, training-step, bound, sampling-step, guidance, plane or data; the beginning of one is enough.
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
    /// Which training image is followed, from 0.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub image: usize,
    /// Row and column of the pixel that is followed by number, and its channel in colour [default: the brightest, channel
    /// 0]; of points x or y.
    #[arg(long, value_name = "ROW,COLUMN", value_parser = pixel)]
    pub pixel: Option<(usize, usize, usize)>,
    /// Topic training-step: the weight to follow, by its name in the checkpoint [default: conv_in.weight, or
    /// the first that AdamW moves].
    #[arg(long, value_name = "NAME")]
    pub weight: Option<String>,
    /// text for a terminal, md for Markdown with LaTeX.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    pub format: Format,
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
