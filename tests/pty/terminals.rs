//! Terminals that can do little: no cursor, no UTF-8, other function keys, nobody who reads.

use std::io::Read;
use std::time::{Duration, Instant};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use super::lab::{Lab, Setup};
use super::{PANELS, newest, trained_to};

/// What `difflab words…` writes to a terminal with this environment, to its end.
fn written_by(words: &[&str], environment: &[(&str, &str)]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let size = PtySize { rows: 40, cols: 120, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_difflab"));
    command.args(words);
    command.env_clear();
    environment.iter().for_each(|(name, value)| command.env(name, value));
    command.cwd(folder.path());
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut bytes = Vec::new();
    // The terminal is gone when nobody has it open any more, which is an error on some systems.
    let _ = reader.read_to_end(&mut bytes);
    child.wait().unwrap();
    bytes
}

/// The lines that have more than ASCII.
fn beyond_ascii(bytes: &[u8]) -> Vec<String> {
    let lines = bytes.split(|&byte| byte == b'\n').filter(|line| !line.is_ascii());
    lines.map(|line| String::from_utf8_lossy(line).chars().take(300).collect()).collect()
}

#[test]
fn a_terminal_that_moves_no_cursor_gets_lines_and_a_sentence() {
    for term in ["dumb", ""] {
        let environment: &'static [(&str, &str)] = if term.is_empty() { &[("TERM", "")] } else { &[("TERM", "dumb")] };
        let mut lab = Lab::start(&Setup { environment, ..Setup::default() });
        let screen = lab.wait_for("lines", |screen| screen.contains("loss"));
        assert!(screen.contains("training without a screen"), "{term:?}: {screen}");
        assert_eq!(lab.end(), 130, "{}", lab.written());
        assert!(!lab.written().contains("\x1b[?1049h"), "{term:?}: the screen was taken");
        assert!(lab.modes_are_as_before());
        assert!(newest(&lab.run_dir().join("checkpoints")).is_some(), "{term:?}: no checkpoint");
    }
}

#[test]
fn a_locale_without_utf8_is_sent_nothing_beyond_ascii() {
    for environment in [
        &[("LC_ALL", "C")] as &'static [(&str, &str)],
        &[("LC_ALL", "POSIX"), ("COLORTERM", ""), ("TERM", "vt100")],
        &[("LANG", "de_DE.ISO-8859-1"), ("TERM", "xterm")],
    ] {
        let mut lab = Lab::start(&Setup { environment, ..Setup::default() });
        lab.wait_for("training", trained_to(10));
        for panel in PANELS {
            lab.wait_for(panel, |screen| screen.contains(panel));
        }
        let keys = ["?", "\x1b", ":", "spac", "\x1b", "1z", "z", "2z", "z", "3z", "v", "v", "v", "a", "z", "4z", "z"];
        for key in keys.into_iter().chain(["t", "b", "b", "!", "\x1b", "s", "w", "u", "c", "f", "f", "q", "n"]) {
            lab.press(key);
            std::thread::sleep(Duration::from_millis(80));
        }
        lab.press(":seed=3\r");
        lab.wait_for("the question", |screen| screen.contains("tart another with it?"));
        lab.press("n");
        lab.wait_for("the line", |screen| screen.contains(": seed=3"));
        // Escape and Ctrl-C at once would be another key.
        lab.press("\x1b");
        lab.wait_for("no line", |screen| !screen.contains(": seed=3"));
        lab.press("\x03");
        assert_eq!(lab.exit_code(), 130, "{environment:?}");
        lab.assert_restored();
        let beyond = beyond_ascii(&lab.bytes());
        assert!(beyond.is_empty(), "{environment:?}: {} lines, such as {:?}", beyond.len(), beyond.first());
        let words = lab.screen();
        assert!(words.contains("difflab --resume run"), "{words}");
    }
}

#[test]
fn commands_write_ascii_to_such_a_terminal_and_utf8_elsewhere() {
    let environment = [("LC_ALL", "C"), ("TERM", "xterm-256color"), ("PATH", "/usr/bin:/bin")];
    let train =
        ["two-moons", "--no-tui", "--steps", "30", "--threads", "1", "--run", "run", "--set", "train.eval_every=10"];
    for words in [&["schedule"] as &[&str], &["--help"], &["--help-config"], &["doctor"], &["eval", "nowhere"], &train]
    {
        let bytes = written_by(words, &environment);
        assert!(bytes.len() > 30, "{words:?}: {bytes:?}");
        let beyond = beyond_ascii(&bytes);
        assert!(beyond.is_empty(), "{words:?}: {beyond:?}");
    }
    let utf8 = written_by(&["schedule"], &[("LC_ALL", "C.UTF-8"), ("TERM", "xterm-256color")]);
    assert!(!utf8.is_ascii(), "where there are letters they are used");
    let piped = std::process::Command::new(env!("CARGO_BIN_EXE_difflab")).arg("schedule").env("LC_ALL", "C").output();
    assert!(!piped.unwrap().stdout.is_ascii(), "a file is no terminal");
}

#[test]
fn every_way_to_send_f1_is_help() {
    let mut lab = Lab::start(&Setup::default());
    lab.wait_for("training", trained_to(3));
    // xterm and VT100; VT220 and rxvt; the Linux console; kitty.
    for sequence in ["\x1bOP", "\x1b[11~", "\x1b[[A", "\x1b[P", "\x1b[1;1P"] {
        for (dialog, words) in [("", ""), (":", "an action, or a config key"), ("q", "Leave the lab?")] {
            lab.press(dialog);
            lab.wait_for("the dialog", |screen| screen.contains(words));
            lab.press(sequence);
            lab.wait_for(&format!("help by {sequence:?} over {dialog:?}"), |screen| screen.contains("type to search"));
            lab.press("\x1b");
            lab.wait_for("no help", |screen| !screen.contains("type to search"));
            if !dialog.is_empty() {
                // An Esc that is read together with the next sequence would be part of another key.
                lab.wait_for("the dialog again", |screen| screen.contains(words));
                lab.press("\x1b");
                lab.wait_for("no dialog", |screen| !screen.contains(words));
            }
        }
    }
    assert_eq!(lab.end(), 130);
    lab.assert_restored();
}

#[test]
fn a_finished_run_is_left_without_a_word_of_stopping() {
    let mut lab = Lab::start(&Setup { steps: "20", ..Setup::default() });
    lab.wait_for("the end", |screen| screen.contains("finished"));
    lab.press("q");
    let screen = lab.wait_for("the question", |screen| screen.contains("Leave the lab?"));
    assert!(screen.contains("All 20 steps are done and saved.") && !screen.contains("stops"), "{screen}");
    lab.press("y");
    assert_eq!(lab.exit_code(), 0, "{}", lab.written());
    lab.assert_restored();
    assert!(lab.screen().contains("difflab sample run"), "{}", lab.screen());
}

#[test]
fn training_goes_on_while_nobody_reads_and_the_screen_comes_back() {
    let mut lab = Lab::start(&Setup { arguments: &["--set", "train.log_every=1"], ..Setup::default() });
    lab.wait_for("training", trained_to(5));
    lab.stall();
    // Each size is drawn whole, which soon fills what the terminal holds.
    for i in 0..40 {
        lab.resize(if i % 2 == 0 { 250 } else { 249 }, 90);
        std::thread::sleep(Duration::from_millis(50));
    }
    let before = lab.lines();
    let start = Instant::now();
    while lab.lines() < before + 50 {
        assert!(start.elapsed() < Duration::from_secs(45), "training hangs on the terminal");
        std::thread::sleep(Duration::from_millis(50));
    }
    lab.go_on_reading();
    lab.resize(120, 40);
    lab.wait_for("the screen again", trained_to(before as u64 + 50));
    assert_eq!(lab.end(), 130);
    lab.assert_restored();
}
