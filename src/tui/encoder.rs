//! The thread that turns pictures into the terminal's picture protocol.
//!
//! Encoding a picture takes milliseconds, so it never happens while a frame is drawn. The latest
//! picture of each slot wins; older ones that were not begun are forgotten, so nothing queues up
//! however slow the machine is.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use image::RgbImage;
use ratatui::layout::{Position, Size};
use ratatui_image::protocol::Protocol;
use ratatui_image::protocol::iterm2::Iterm2;
use ratatui_image::protocol::kitty::Kitty;
use ratatui_image::protocol::sixel::Sixel;

use super::image_protocol::{Graphics, ImageProtocol};
use super::pictures::{Picture, PictureSlot};
use super::sixel;

/// Shortest time between two rounds of encoding: ten pictures a second look smooth, and a terminal
/// can still follow.
const SHORTEST_ROUND: Duration = Duration::from_millis(100);

/// Encoding may take one part in so many of the thread's time; the rest belongs to the training.
const SHARE: u32 = 25;

/// A finished picture, ready to be put into a frame.
pub struct Encoded {
    /// [`Picture::version`] of what it shows.
    pub version: u64,
    /// The characters it covers.
    pub size: Size,
    /// Its pieces, each with the place of its upper left corner. More than one only where the
    /// terminal limits the size of a picture.
    pub tiles: Vec<(Position, Protocol)>,
}

/// A picture that waits to be encoded.
struct Job {
    picture: Picture,
    size: Size,
}

#[derive(Default)]
struct Desk {
    waiting: HashMap<PictureSlot, Job>,
    finished: HashMap<PictureSlot, Arc<Encoded>>,
    /// Grows when everything is forgotten: what was begun before is not wanted any more.
    round: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    work: Condvar,
}

impl Shared {
    /// The lock is held for a few map operations only, never while encoding or drawing.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The encoding thread, seen from the screen. Ends when dropped.
pub struct Encoder {
    shared: Arc<Shared>,
    finished: Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl Encoder {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn spawn(graphics: &Graphics) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (notify, finished) = bounded(1);
        let thread = {
            let (shared, graphics) = (Arc::clone(&shared), graphics.clone());
            std::thread::Builder::new()
                .name("difflab-pictures".into())
                .spawn(move || encode_until_closed(&shared, &graphics, &notify))?
        };
        Ok(Self { shared, finished, thread: Some(thread) })
    }

    /// Hands over a picture for an area of `size` characters; replaces one of the same slot that
    /// still waits.
    pub fn submit(&self, slot: PictureSlot, picture: Picture, size: Size) {
        self.shared.desk().waiting.insert(slot, Job { picture, size });
        self.shared.work.notify_one();
    }

    /// Forgets every picture, those that are being encoded too.
    pub fn forget(&self) {
        let mut desk = self.shared.desk();
        desk.waiting.clear();
        desk.finished.clear();
        desk.round += 1;
    }

    /// The last finished picture of a slot.
    pub fn latest(&self, slot: PictureSlot) -> Option<Arc<Encoded>> {
        self.shared.desk().finished.get(&slot).cloned()
    }

    /// Receives a value whenever a picture was finished since the last one was taken.
    pub fn finished(&self) -> &Receiver<()> {
        &self.finished
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.shared.desk().closed = true;
        self.shared.work.notify_one();
        if let Some(thread) = self.thread.take() {
            // A panic in it has already been noted by the hook, and its pictures are gone with it.
            let _ = thread.join();
        }
    }
}

fn encode_until_closed(shared: &Shared, graphics: &Graphics, notify: &Sender<()>) {
    let mut next_round = Instant::now();
    loop {
        let (jobs, round): (Vec<(PictureSlot, Job)>, u64) = {
            let mut desk = shared.desk();
            loop {
                if desk.closed {
                    return;
                }
                let wait = next_round.saturating_duration_since(Instant::now());
                if !wait.is_zero() {
                    desk = shared.work.wait_timeout(desk, wait).unwrap_or_else(PoisonError::into_inner).0;
                } else if desk.waiting.is_empty() {
                    desk = shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
                } else {
                    break (desk.waiting.drain().collect(), desk.round);
                }
            }
        };
        let start = Instant::now();
        for (slot, job) in jobs {
            if let Some(encoded) = encode(slot, job, graphics) {
                let mut desk = shared.desk();
                if desk.round != round {
                    break;
                }
                desk.finished.insert(slot, Arc::new(encoded));
                drop(desk);
                // Full: the screen hasn't looked yet, and will see this one too when it does.
                let _ = notify.try_send(());
            }
        }
        next_round = start + SHORTEST_ROUND.max(start.elapsed() * SHARE);
    }
}

/// `None` when the picture is empty or its protocol refuses it: the half-blocks stay.
fn encode(slot: PictureSlot, job: Job, graphics: &Graphics) -> Option<Encoded> {
    let Job { picture, size } = job;
    let version = picture.version;
    let image = fit(&picture, graphics.pixels(size))?;
    let tiles = match graphics.protocol {
        ImageProtocol::Sixel => sixel_tiles(&image, size, graphics)?,
        ImageProtocol::Kitty => {
            let kitty = Kitty::new(image.into(), size, kitty_id(slot), false, false).ok()?;
            vec![(Position::ORIGIN, Protocol::Kitty(kitty))]
        }
        ImageProtocol::Iterm => {
            vec![(Position::ORIGIN, Protocol::ITerm2(Iterm2::new(image.into(), size, false).ok()?))]
        }
        ImageProtocol::Auto | ImageProtocol::Halfblock | ImageProtocol::Ascii => return None,
    };
    Some(Encoded { version, size, tiles })
}

/// Cuts a picture into sixels that the terminal doesn't clip, at the borders of characters.
fn sixel_tiles(image: &RgbImage, size: Size, graphics: &Graphics) -> Option<Vec<(Position, Protocol)>> {
    let (cell_width, cell_height) = graphics.pixels(Size::new(1, 1));
    let (most_width, most_height) = graphics.max_sixel.unwrap_or((u32::MAX, u32::MAX));
    let columns = (most_width / cell_width).clamp(1, u32::from(size.width)) as u16;
    let rows = (most_height / cell_height).clamp(1, u32::from(size.height)) as u16;
    let mut tiles = Vec::new();
    for y in (0..size.height).step_by(usize::from(rows)) {
        for x in (0..size.width).step_by(usize::from(columns)) {
            let cells = Size::new(columns.min(size.width - x), rows.min(size.height - y));
            let (left, top) = graphics.pixels(Size::new(x, y));
            let (width, height) = graphics.pixels(cells);
            let tile = image::imageops::crop_imm(image, left, top, width, height).to_image();
            let data = sixel::encode(&tile, width as usize, height as usize, graphics.sixel_colors)?;
            tiles.push((Position::new(x, y), Protocol::Sixel(Sixel { data, size: cells, is_tmux: false })));
        }
    }
    Some(tiles)
}

/// One picture a slot in the terminal's memory: a new one replaces the old one.
fn kitty_id(slot: PictureSlot) -> u32 {
    0x00d1_ff00
        + match slot {
            PictureSlot::Forward => 1,
            PictureSlot::NoisyGrid => 2,
            PictureSlot::CleanGrid => 3,
            PictureSlot::LossChart => 4,
            PictureSlot::ScheduleChart => 5,
        }
}

/// The picture at exactly the pixels of its area; it usually has them already.
fn fit(picture: &Picture, (width, height): (u32, u32)) -> Option<RgbImage> {
    let image = RgbImage::from_raw(picture.width, picture.height, picture.rgb.to_vec())?;
    if image.width() == 0 || image.height() == 0 || width == 0 || height == 0 {
        return None;
    }
    let image = if image.dimensions() == (width, height) {
        image
    } else {
        image::imageops::resize(&image, width, height, image::imageops::FilterType::Triangle)
    };
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(version: u64, width: u32, height: u32) -> Picture {
        let rgb = (0..width * height * 3).map(|i| (i % 251) as u8).collect();
        Picture { version, width, height, rgb: Arc::new(rgb) }
    }

    fn graphics(protocol: ImageProtocol) -> Graphics {
        Graphics { cell: Some((8, 16)), ..Graphics::new(protocol, "") }
    }

    fn wait_for(encoder: &Encoder, slot: PictureSlot, version: u64) -> Arc<Encoded> {
        let start = Instant::now();
        loop {
            if let Some(encoded) = encoder.latest(slot).filter(|e| e.version == version) {
                return encoded;
            }
            assert!(start.elapsed() < Duration::from_secs(20), "version {version} was never encoded");
            let _ = encoder.finished().recv_timeout(Duration::from_millis(50));
        }
    }

    #[test]
    fn every_pixel_protocol_covers_its_area() {
        let size = Size::new(6, 3);
        for protocol in [ImageProtocol::Sixel, ImageProtocol::Kitty, ImageProtocol::Iterm] {
            let encoder = Encoder::spawn(&graphics(protocol)).unwrap();
            encoder.submit(PictureSlot::Forward, picture(1, 48, 48), size);
            let encoded = wait_for(&encoder, PictureSlot::Forward, 1);
            let [(Position::ORIGIN, tile)] = &encoded.tiles[..] else { panic!("one tile at the corner") };
            assert_eq!((encoded.size, tile.size()), (size, size), "{protocol:?}");
        }
    }

    #[test]
    fn a_picture_larger_than_the_terminal_allows_is_cut_and_covers_its_area_once() {
        let graphics = Graphics { max_sixel: Some((30, 40)), ..graphics(ImageProtocol::Sixel) };
        let size = Size::new(7, 5);
        let encoded = encode(PictureSlot::Forward, Job { picture: picture(1, 56, 80), size }, &graphics).unwrap();
        let mut covered = vec![0; 35];
        for (at, tile) in &encoded.tiles {
            assert!(tile.size().width * 8 <= 30 && tile.size().height * 16 <= 40);
            for y in at.y..at.y + tile.size().height {
                for x in at.x..at.x + tile.size().width {
                    covered[usize::from(y * 7 + x)] += 1;
                }
            }
        }
        assert_eq!(covered, [1; 35]);
    }

    #[test]
    fn of_many_pictures_the_latest_wins() {
        let encoder = Encoder::spawn(&graphics(ImageProtocol::Sixel)).unwrap();
        for version in 1..=200 {
            encoder.submit(PictureSlot::CleanGrid, picture(version, 16, 16), Size::new(2, 1));
        }
        wait_for(&encoder, PictureSlot::CleanGrid, 200);
    }

    #[test]
    fn what_was_forgotten_does_not_come_back() {
        let encoder = Encoder::spawn(&graphics(ImageProtocol::Sixel)).unwrap();
        encoder.submit(PictureSlot::CleanGrid, picture(1, 16, 16), Size::new(2, 1));
        wait_for(&encoder, PictureSlot::CleanGrid, 1);
        // Large enough to be under way or waiting for its round still.
        encoder.submit(PictureSlot::CleanGrid, picture(2, 640, 640), Size::new(80, 40));
        encoder.forget();
        encoder.submit(PictureSlot::Forward, picture(3, 16, 16), Size::new(2, 1));
        wait_for(&encoder, PictureSlot::Forward, 3);
        assert!(encoder.latest(PictureSlot::CleanGrid).is_none());
    }

    #[test]
    fn a_picture_without_pixels_or_with_too_few_is_left_out() {
        for (width, height, pixels) in [(0, 0, 0), (4, 4, 3), (4, 0, 12)] {
            let picture = Picture { version: 1, width, height, rgb: Arc::new(vec![0; pixels]) };
            let job = Job { picture, size: Size::new(2, 2) };
            assert!(encode(PictureSlot::Forward, job, &graphics(ImageProtocol::Sixel)).is_none());
        }
    }
}
