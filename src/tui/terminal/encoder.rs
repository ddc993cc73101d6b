//! The thread that turns pictures into the terminal's picture protocol.
//!
//! Encoding a picture takes milliseconds. The screen waits for the pictures of a frame before it draws it, so that
//! a picture and its label are of the same moment, but only so long; then it draws without them. The latest
//! picture of each slot wins; older ones that were not begun are forgotten, so nothing queues up however slow the
//! machine is. How often pictures may change, the film asks for ([`Encoder::pace`]).

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
use super::sixel;
use crate::tui::pictures::{Picture, PictureSlot};

/// Shortest time between two pictures of a film: ten a second look smooth, and a terminal can still follow.
const SHORTEST: Duration = Duration::from_millis(100);

/// Encoding a film may take one part in so many of the thread's time; the rest belongs to the training.
const SHARE: u32 = 25;

/// Rows of characters of one sixel: a dialog makes only those vanish that it touches, and what doesn't change of a
/// picture isn't sent again.
const TILE_ROWS: u16 = 4;

/// A finished picture, ready to be put into a frame.
pub struct Encoded {
    /// [`Picture::version`] of what it shows.
    pub version: u64,
    /// The characters it covers.
    pub size: Size,
    /// Its pieces, each with the place of its upper left corner; none where it can't be encoded.
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
    /// Mean time that a round of encoding takes.
    cost: Duration,
    /// Grows when everything is forgotten: what was begun before is not wanted any more.
    round: u64,
    closed: bool,
}

#[derive(Default)]
struct Shared {
    desk: Mutex<Desk>,
    work: Condvar,
    done: Condvar,
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

    /// Waits until these versions are encoded, at most for `patience`. Are they?
    pub fn wait(&self, wanted: &[(PictureSlot, u64)], patience: Duration) -> bool {
        let end = Instant::now() + patience;
        let mut desk = self.shared.desk();
        loop {
            let ready = |(slot, version): &(PictureSlot, u64)| {
                desk.finished.get(slot).is_some_and(|encoded| encoded.version == *version)
            };
            if wanted.iter().all(ready) {
                return true;
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() || self.thread.as_ref().is_none_or(JoinHandle::is_finished) {
                return false;
            }
            desk = self.shared.done.wait_timeout(desk, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The shortest time between two pictures of a film, by what the last ones took.
    pub fn pace(&self) -> Duration {
        // In whole steps, so that it doesn't change all the time.
        let pace = self.shared.desk().cost * SHARE;
        SHORTEST.max(Duration::from_millis(pace.as_millis() as u64 / 20 * 20))
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
    loop {
        let (jobs, round): (Vec<(PictureSlot, Job)>, u64) = {
            let mut desk = shared.desk();
            loop {
                if desk.closed {
                    return;
                }
                if !desk.waiting.is_empty() {
                    break (desk.waiting.drain().collect(), desk.round);
                }
                desk = shared.work.wait(desk).unwrap_or_else(PoisonError::into_inner);
            }
        };
        let start = Instant::now();
        for (slot, job) in jobs {
            let (version, size) = (job.picture.version, job.size);
            let tiles = encode(job, slot, graphics).unwrap_or_default();
            let mut desk = shared.desk();
            if desk.round != round {
                break;
            }
            desk.finished.insert(slot, Arc::new(Encoded { version, size, tiles }));
            drop(desk);
            shared.done.notify_all();
            // Full: the screen hasn't looked yet, and will see this one too when it does.
            let _ = notify.try_send(());
        }
        let mut desk = shared.desk();
        desk.cost = if desk.cost.is_zero() { start.elapsed() } else { (desk.cost * 3 + start.elapsed()) / 4 };
    }
}

/// `None` when the picture is empty or its protocol refuses it: it is drawn as half-blocks.
fn encode(job: Job, slot: PictureSlot, graphics: &Graphics) -> Option<Vec<(Position, Protocol)>> {
    let Job { picture, size } = job;
    let image = fit(&picture, graphics.pixels(size))?;
    let whole = |protocol| Some(vec![(Position::ORIGIN, protocol)]);
    match graphics.protocol {
        ImageProtocol::Sixel => sixel_tiles(&image, size, graphics),
        ImageProtocol::Kitty => {
            let kitty = Kitty::new(image.into(), size, kitty_id(slot), false, graphics.kitty_inflates).ok()?;
            whole(Protocol::Kitty(kitty))
        }
        ImageProtocol::Iterm => whole(Protocol::ITerm2(Iterm2::new(image.into(), size, false).ok()?)),
        ImageProtocol::Auto | ImageProtocol::Halfblock | ImageProtocol::Ascii => None,
    }
}

/// Cuts a picture into sixels, at the borders of characters; none so large that the terminal clips it.
fn sixel_tiles(image: &RgbImage, size: Size, graphics: &Graphics) -> Option<Vec<(Position, Protocol)>> {
    let (cell_width, cell_height) = graphics.pixels(Size::new(1, 1));
    let (most_width, most_height) = graphics.max_sixel.unwrap_or((u32::MAX, u32::MAX));
    let columns = (most_width / cell_width).clamp(1, u32::from(size.width)) as u16;
    let rows = (most_height / cell_height).clamp(1, u32::from(size.height.min(TILE_ROWS))) as u16;
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
            PictureSlot::Strip(i) => 6 + u32::from(i),
            PictureSlot::Compared(i) => 0x10 + u32::from(i % 16),
            PictureSlot::Album(i) => 0x20 + u32::from(i % 0xe0),
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
        Picture { version, width, height, rgb: Arc::new(rgb), images: None }
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
        let tiles = encode(Job { picture: picture(1, 56, 80), size }, PictureSlot::Forward, &graphics).unwrap();
        let mut covered = vec![0; 35];
        for (at, tile) in &tiles {
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
    fn who_waits_gets_the_version_asked_for_or_goes_on_in_time() {
        let encoder = Encoder::spawn(&graphics(ImageProtocol::Sixel)).unwrap();
        for version in 1..=20 {
            encoder.submit(PictureSlot::CleanGrid, picture(version, 16, 16), Size::new(2, 1));
            assert!(encoder.wait(&[(PictureSlot::CleanGrid, version)], Duration::from_secs(20)));
            assert_eq!(encoder.latest(PictureSlot::CleanGrid).unwrap().version, version);
        }
        // One that can't be encoded is nothing to wait for.
        encoder.submit(PictureSlot::Forward, picture(1, 0, 0), Size::new(2, 1));
        assert!(encoder.wait(&[(PictureSlot::Forward, 1)], Duration::from_secs(20)));
        assert!(!encoder.wait(&[(PictureSlot::Forward, 2)], Duration::from_millis(30)), "it never comes");
        assert!(encoder.pace() >= SHORTEST);
    }

    #[test]
    fn kitty_pictures_are_compressed_where_the_terminal_inflates() {
        let size = |inflates| {
            let graphics = Graphics { kitty_inflates: inflates, ..graphics(ImageProtocol::Kitty) };
            let grey = Picture { version: 1, width: 64, height: 64, rgb: Arc::new(vec![7; 64 * 64 * 3]), images: None };
            let job = Job { picture: grey, size: Size::new(8, 4) };
            let tiles = encode(job, PictureSlot::CleanGrid, &graphics).unwrap();
            let mut buf = ratatui::buffer::Buffer::empty(ratatui::layout::Rect::new(0, 0, 8, 4));
            let area = buf.area;
            ratatui::widgets::Widget::render(ratatui_image::Image::new(&tiles[0].1), area, &mut buf);
            let sent = buf[(0, 0)].symbol().to_owned();
            assert_eq!(sent.contains("o=z"), inflates, "{sent}");
            sent.len()
        };
        assert!(size(true) * 20 < size(false));
    }

    #[test]
    fn what_was_forgotten_does_not_come_back() {
        let encoder = Encoder::spawn(&graphics(ImageProtocol::Sixel)).unwrap();
        encoder.submit(PictureSlot::CleanGrid, picture(1, 16, 16), Size::new(2, 1));
        wait_for(&encoder, PictureSlot::CleanGrid, 1);
        // Large enough to be under way or waiting still.
        encoder.submit(PictureSlot::CleanGrid, picture(2, 640, 640), Size::new(80, 40));
        encoder.forget();
        encoder.submit(PictureSlot::Forward, picture(3, 16, 16), Size::new(2, 1));
        wait_for(&encoder, PictureSlot::Forward, 3);
        assert!(encoder.latest(PictureSlot::CleanGrid).is_none());
    }

    #[test]
    fn a_picture_without_pixels_or_with_too_few_is_left_out() {
        for (width, height, pixels) in [(0, 0, 0), (4, 4, 3), (4, 0, 12)] {
            let picture = Picture { version: 1, width, height, rgb: Arc::new(vec![0; pixels]), images: None };
            let job = Job { picture, size: Size::new(2, 2) };
            assert!(encode(job, PictureSlot::Forward, &graphics(ImageProtocol::Sixel)).is_none());
        }
    }
}
