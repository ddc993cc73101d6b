//! What a follower has is what the file holds, however it was written, torn, cut back or replaced.

use std::fs::{self, OpenOptions};
use std::io::Write;

use proptest::prelude::*;

use super::*;

fn number(line: &[u8]) -> Option<u64> {
    std::str::from_utf8(line).ok()?.parse().ok()
}

/// A follower, and all that it has given.
struct Follower {
    tail: Tail<u64>,
    has: Vec<u64>,
    unreadable: u64,
    /// Records that were given, again ones too.
    given: usize,
    restarts: Vec<Restart>,
}

impl Follower {
    fn of(path: &Path) -> Self {
        Self { tail: Tail::new(path, number), has: Vec::new(), unreadable: 0, given: 0, restarts: Vec::new() }
    }

    fn look(&mut self) -> bool {
        let fresh = self.tail.look().unwrap();
        if let Some(restart) = fresh.restart {
            assert!(restart.kept as usize <= self.has.len());
            self.has.truncate(restart.kept as usize);
            self.restarts.push(restart);
        }
        self.given += fresh.records.len();
        self.has.extend(fresh.records);
        self.unreadable += fresh.unreadable;
        fresh.more
    }

    fn look_to_the_end(&mut self) {
        while self.look() {}
    }
}

fn append(path: &Path, text: &str) {
    OpenOptions::new().create(true).append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn cut(path: &Path, length: u64) {
    OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

#[test]
fn half_a_line_is_waited_for_and_a_missing_file_too() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut follower = Follower::of(&path);
    follower.look();
    append(&path, "1\n2\n3");
    follower.look();
    assert_eq!(follower.has, [1, 2]);
    append(&path, "3");
    follower.look();
    assert_eq!(follower.has, [1, 2]);
    append(&path, "3\nno number\n4\n");
    follower.look();
    assert_eq!((follower.has.as_slice(), follower.unreadable), (&[1, 2, 333, 4][..], 1));
    // Torn by a full disk, cut off again, and another line in its place.
    append(&path, "55");
    follower.look();
    cut(&path, fs::metadata(&path).unwrap().len() - 2);
    follower.look();
    append(&path, "66");
    cut(&path, fs::metadata(&path).unwrap().len() - 2);
    append(&path, "777\n");
    follower.look();
    assert_eq!(follower.has, [1, 2, 333, 4, 777]);
    assert!(follower.restarts.is_empty());
}

#[test]
fn a_file_that_is_cut_back_and_goes_on_longer_than_before_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let mut follower = Follower::of(&path);
    for i in 100..200 {
        append(&path, &format!("{i}\n"));
        follower.look();
    }
    cut(&path, 4 * 50);
    follower.look();
    assert_eq!(follower.has, (100..150).collect::<Vec<u64>>());
    assert_eq!(follower.restarts, [Restart { kept: 50, why: WhyRestarted::CutBack }]);
    cut(&path, 4 * 40);
    (0..100).for_each(|i| append(&path, &format!("{}\n", 500 + i)));
    follower.look();
    assert_eq!(follower.has, (100..140).chain(500..600).collect::<Vec<u64>>());
    assert_eq!(follower.restarts[1], Restart { kept: 40, why: WhyRestarted::CutBack });
    assert_eq!(follower.given, 200, "what holds is not given again");
}

#[test]
fn a_file_in_anothers_place_is_noticed_and_one_with_the_same_lines_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let other = dir.path().join("other");
    let mut follower = Follower::of(&path);
    append(&path, "1\n2\n");
    follower.look();
    append(&other, "1\n2\n3\n");
    fs::rename(&other, &path).unwrap();
    follower.look();
    assert_eq!((follower.has.as_slice(), follower.given, follower.restarts.len()), (&[1, 2, 3][..], 3, 0));
    append(&other, "7\n8\n");
    fs::rename(&other, &path).unwrap();
    follower.look();
    assert_eq!(follower.has, [7, 8]);
    assert_eq!(follower.restarts, [Restart { kept: 0, why: WhyRestarted::Replaced }]);
    fs::remove_file(&path).unwrap();
    assert!(follower.tail.look().unwrap().gone);
    assert_eq!(follower.has, [7, 8]);
    append(&path, "7\n8\n9\n");
    follower.look();
    assert_eq!(follower.has, [7, 8, 9]);
}

#[test]
fn a_long_file_comes_in_parts_and_a_line_without_end_costs_no_memory() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    let text: String = (0..400_000).map(|i| format!("{i}\n")).collect();
    append(&path, &text);
    let mut follower = Follower::of(&path);
    assert!(follower.look(), "there is more");
    assert!(follower.has.len() < 400_000);
    follower.look_to_the_end();
    assert_eq!(follower.has, (0..400_000).collect::<Vec<u64>>());
    // Cut back to a half: no more than a fortieth of it is given again.
    let half = text.find("\n200000\n").unwrap() + 1;
    cut(&path, half as u64);
    follower.look_to_the_end();
    assert_eq!(follower.has, (0..200_000).collect::<Vec<u64>>());
    assert!(follower.given < 410_000 && follower.restarts.len() == 1, "{}", follower.given);
    append(&path, &text[half..]);
    follower.look_to_the_end();
    assert_eq!(follower.has, (0..400_000).collect::<Vec<u64>>());
    follower.restarts.clear();
    append(&path, &"9".repeat(5 << 20));
    follower.look_to_the_end();
    assert!(follower.tail.begun.len() <= LONGEST + MOST && follower.tail.begun.capacity() <= 2 * (LONGEST + MOST));
    append(&path, "\n1\n");
    follower.look_to_the_end();
    assert_eq!((follower.has.len(), follower.has[400_000], follower.unreadable), (400_001, 1, 1));
    assert!(follower.restarts.is_empty());
}

#[cfg(unix)]
#[test]
fn a_fifo_is_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.jsonl");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(Tail::new(&path, number).look().unwrap_err().to_string().contains("FIFO"));
}

/// What happens to a file.
#[derive(Clone, Debug)]
enum Happens {
    /// Whole lines and a piece of the next are written, in one go.
    Grows {
        lines: u64,
        torn: bool,
    },
    /// Cut back to a share of its lines.
    Cut(f64),
    /// Written anew: the same lines, or others.
    Rewritten {
        same: bool,
    },
    Looked,
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => (0u64..6, any::<bool>()).prop_map(|(lines, torn)| Happens::Grows { lines, torn }),
        1 => (0.0..1.0f64).prop_map(Happens::Cut),
        1 => any::<bool>().prop_map(|same| Happens::Rewritten { same }),
        4 => Just(Happens::Looked),
    ]
}

/// Whole lines of a text.
fn lines(text: &str) -> Vec<u64> {
    text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.parse().ok()).collect()
}

proptest! {
    #[test]
    fn a_follower_has_what_the_file_holds(story in prop::collection::vec(happens(), 0..60)) {
        let dir = tempfile::tempdir().unwrap();
        let (path, other) = (dir.path().join("a.jsonl"), dir.path().join("other"));
        let mut follower = Follower::of(&path);
        // Each line is another, as those of a run are.
        let (mut text, mut next, mut only_grew) = (String::new(), 1_000_000u64, true);
        for event in story {
            match event {
                Happens::Grows { lines, torn } => {
                    // A torn line is cut off before the next is written.
                    let whole = text.rfind('\n').map_or(0, |at| at + 1);
                    text.truncate(whole);
                    if path.exists() {
                        cut(&path, whole as u64);
                    }
                    let mut new: String = (0..lines).map(|i| format!("{}\n", next + i)).collect();
                    next += lines;
                    if torn {
                        new += &next.to_string()[..3];
                        next += 1;
                    }
                    append(&path, &new);
                    text += &new;
                }
                Happens::Cut(share) => {
                    let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
                    let kept = (share * ends.len() as f64) as usize;
                    text.truncate(if kept == 0 { 0 } else { ends[kept - 1] });
                    if path.exists() {
                        cut(&path, text.len() as u64);
                    }
                    only_grew = false;
                }
                Happens::Rewritten { same } => {
                    if !same {
                        text = (0..lines(&text).len() as u64).map(|i| format!("{}\n", next + i)).collect();
                        next += 1000;
                        only_grew = false;
                    }
                    fs::write(&other, &text).unwrap();
                    fs::rename(&other, &path).unwrap();
                }
                Happens::Looked => {
                    follower.look();
                    prop_assert_eq!(&follower.has, &lines(&text));
                }
            }
        }
        follower.look();
        prop_assert_eq!(&follower.has, &lines(&text));
        if only_grew {
            prop_assert!(follower.restarts.is_empty());
            prop_assert_eq!(follower.given, follower.has.len());
        }
    }

    #[test]
    fn however_writes_are_split_every_line_comes_once(
        numbers in prop::collection::vec(0u64..10_000, 0..100), splits in prop::collection::vec(1usize..9, 1..50),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        let text: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        let mut follower = Follower::of(&path);
        let (mut at, mut split) = (0, splits.iter().cycle());
        while at < text.len() {
            let end = (at + split.next().unwrap()).min(text.len());
            append(&path, &text[at..end]);
            follower.look();
            at = end;
        }
        prop_assert_eq!(&follower.has, &numbers);
        prop_assert!(follower.given == numbers.len() && follower.restarts.is_empty());
    }
}
