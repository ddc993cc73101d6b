//! Keys of the album.

use crossterm::event::{KeyCode, KeyEvent};

use crate::tui::archive::ArchiveRequest;
use crate::tui::effect::Effect;
use crate::tui::layout::{self, AlbumPane};
use crate::tui::state::{Album, Gravity, State};

/// Opens the album of the run that is read.
pub fn open(state: &mut State) -> Vec<Effect> {
    let dir = match state.chosen_run() {
        Some(run) => Some(run.dir.clone()),
        None => state.live.info.as_ref().map(|info| info.run_dir.clone()),
    };
    let Some(dir) = dir else {
        state.news.answer(state.now, Gravity::Info, "there is no run folder with pictures yet");
        return Vec::new();
    };
    state.album = Some(Album::of(&dir));
    vec![Effect::Ask(ArchiveRequest::Album(dir))]
}

/// Takes a key into it.
pub fn key(state: &mut State, event: &KeyEvent) -> Vec<Effect> {
    let (columns, rows) = grid(state);
    let now = state.now;
    let Some(album) = &mut state.album else { return Vec::new() };
    let last = album.all().len().saturating_sub(1);
    let page = (columns * rows) as isize;
    match event.code {
        KeyCode::Esc if album.open.is_some() => album.open = None,
        KeyCode::Esc if album.beside.is_some() => album.beside = None,
        KeyCode::Esc | KeyCode::Char('q' | 'G') => state.album = None,
        KeyCode::Enter if album.all().is_empty() => {}
        KeyCode::Enter => album.open = if album.open.is_some() { None } else { Some(now) },
        KeyCode::Char(' ') if album.beside == Some(album.chosen) => album.beside = None,
        KeyCode::Char(' ') if !album.all().is_empty() => album.beside = Some(album.chosen),
        KeyCode::Left | KeyCode::Char('h') => go(album, -1, last, now),
        KeyCode::Right | KeyCode::Char('l') => go(album, 1, last, now),
        KeyCode::Up | KeyCode::Char('k') => go(album, -(columns as isize), last, now),
        KeyCode::Down | KeyCode::Char('j') => go(album, columns as isize, last, now),
        KeyCode::PageUp => go(album, -page, last, now),
        KeyCode::PageDown => go(album, page, last, now),
        KeyCode::Home => go(album, isize::MIN / 2, last, now),
        KeyCode::End => go(album, isize::MAX / 2, last, now),
        KeyCode::Char('s') => to_snapshot(album, now),
        KeyCode::Char('r') => {
            let dir = album.dir.clone();
            return vec![Effect::Ask(ArchiveRequest::Album(dir))];
        }
        _ => {}
    }
    Vec::new()
}

/// By so many pictures, as far as there are any; what runs begins anew.
fn go(album: &mut Album, by: isize, last: usize, now: std::time::Duration) {
    album.chosen = (album.chosen as isize).saturating_add(by).clamp(0, last as isize) as usize;
    album.open = album.open.map(|_| now);
}

/// To the next snapshot, round and round.
fn to_snapshot(album: &mut Album, now: std::time::Duration) {
    let n = album.all().len();
    let next = (1..=n).map(|by| (album.chosen + by) % n.max(1)).find(|at| album.all()[*at].is_snapshot());
    if let Some(next) = next {
        album.chosen = next;
        album.open = album.open.map(|_| now);
    }
}

/// The places of small pictures.
fn pane(state: &State) -> AlbumPane {
    let n = state.album.as_ref().map_or(0, |album| album.all().len());
    state.album_area().map(|area| layout::album(area, n)).unwrap_or_default()
}

/// Columns and rows of small pictures.
fn grid(state: &State) -> (usize, usize) {
    let pane = pane(state);
    (pane.columns.max(1), pane.rows.max(1))
}

/// What is missing of the pictures that are seen.
pub fn ask_for_pictures(state: &mut State) -> Vec<Effect> {
    let pane = pane(state);
    let most = (u32::from(state.size.0) * u32::from(state.cell_size.0)).clamp(64, 1200);
    let Some(album) = &mut state.album else { return Vec::new() };
    let wanted: Vec<usize> = match album.open {
        Some(_) => album.large(),
        None => pane.page(album.chosen, album.all().len()).collect(),
    };
    // Sharp enough for the whole screen, so that each is read once.
    let pictures = album.to_ask(&wanted).into_iter().map(|path| ArchiveRequest::Picture { path, most });
    let mut asked: Vec<Effect> = pictures.map(Effect::Ask).collect();
    if album.open.is_some() {
        let films = album.films_to_ask().into_iter().map(|path| ArchiveRequest::Film { path, most: most.min(700) });
        asked.extend(films.map(Effect::Ask));
    }
    asked
}
