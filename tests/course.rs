//! `difflab course` with the real program: stations, sheets that differ by seed, answers, progress that lasts.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

/// The program, its data folder inside `home`.
fn difflab(home: &Path, words: &[&str]) -> Output {
    let root = env!("CARGO_MANIFEST_DIR");
    let mut command = Command::new(env!("CARGO_BIN_EXE_difflab"));
    command.current_dir(root).env("XDG_DATA_HOME", home.join("data")).args(words).output().unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn refused(home: &Path, words: &[&str], sentence: &str) {
    let output = difflab(home, words);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(sentence), "{said}");
}

/// What stands behind "Answer: " on the sheet of solutions of one station, one a task.
fn answers(home: &Path, station: &str, seed: &str) -> Vec<String> {
    let sheet = out(&difflab(home, &["course", station, "--sheet", "--solutions", "--seed", seed]));
    let answers = sheet.lines().filter_map(|line| line.strip_prefix("Answer: "));
    let short = |answer: &str| match answer {
        "done in the lab" => "done".to_string(),
        _ => answer.split([',', ')']).next().unwrap().replace('−', "-"),
    };
    answers.map(short).collect()
}

#[test]
fn the_right_answers_of_every_station_are_right_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    for station in 1..=10 {
        let number = station.to_string();
        let page = out(&difflab(home, &["course", &number, "--seed", "7"]));
        assert!(
            page.contains("difflab ") && page.contains("→ ") && !page.contains('\\') && !page.contains('$'),
            "{page}"
        );
        let given = answers(home, &number, "7");
        assert!((3..=6).contains(&given.len()), "{given:?}");
        let given: Vec<String> = given.iter().enumerate().map(|(i, answer)| format!("{}={answer}", i + 1)).collect();
        let mut words = vec!["course", &number, "--seed", "7", "--check"];
        words.extend(given.iter().map(String::as_str));
        let said = out(&difflab(home, &words));
        assert!(!said.contains("Hint") && said.contains(&format!("{0} of {0} done", given.len())), "{said}");
    }
    let listed = out(&difflab(home, &["course"]));
    assert_eq!(listed.matches('✓').count(), 10, "{listed}");
    // The seed of the answers is remembered.
    assert_eq!(out(&difflab(home, &["course", "3"])), out(&difflab(home, &["course", "3", "--seed", "7"])));
    // One station is forgotten, and its neighbours are not.
    let said = out(&difflab(home, &["course", "3", "--reset"]));
    assert!(
        said.starts_with("station 3, A denoiser") && said.contains("5 tasks that were done are forgotten"),
        "{said}"
    );
    let listed = out(&difflab(home, &["course"]));
    assert!(listed.matches('✓').count() == 9 && listed.contains("by hand   0 of 5\n"), "{listed}");
    assert!(out(&difflab(home, &["course", "3", "--reset"])).contains("nothing was done yet"));
    refused(home, &["course", "11", "--reset"], "there is no station 11");
    refused(home, &["course", "3", "--reset", "--print"], "cannot be used with");
    let said = out(&difflab(home, &["course", "--reset"]));
    assert!(
        said.contains("tasks that were done are forgotten (6 of station 1, ") && said.contains("not of 7"),
        "{said}"
    );
    assert!(!out(&difflab(home, &["course"])).contains('✓'));
    assert!(out(&difflab(home, &["course", "--reset"])).contains("nothing was done yet"));
}

#[test]
fn sheets_are_the_same_for_one_seed_and_differ_for_two() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let sheet = |seed: &str, more: &[&str]| {
        out(&difflab(home, &[&["course", "--sheet", "--format", "md", "--seed", seed], more].concat()))
    };
    assert_eq!(sheet("7", &[]), sheet("7", &[]));
    assert_ne!(sheet("7", &[]), sheet("8", &[]));
    assert!(sheet("7", &[]).starts_with("# Diffusion models: questions, sheet 7\n"));
    let solved = sheet("7", &["--solutions"]);
    assert!(solved.contains("Answer: ") && solved.matches("$$").count().is_multiple_of(2), "{solved}");
    assert!(solved.lines().all(|line| line.matches('$').count().is_multiple_of(2)), "{solved}");
    // Each question of the sheet is among the solutions.
    assert!(sheet("7", &[]).lines().skip(1).all(|line| solved.contains(line)));
    // Reading writes nothing.
    assert!(!home.join("data").exists());
}

#[test]
fn wrong_answers_get_a_hint_and_what_is_no_answer_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let said = out(&difflab(home, &["course", "1", "--check", "1=-5", "2=1e9"]));
    assert!(said.contains("1: -5 is not it. Hint: Each step leaves") && said.contains("0 of 6 done"), "{said}");
    assert!(!home.join("data").exists(), "nothing was learned");
    refused(home, &["course", "1", "--check", "1=much"], "a number is asked for");
    refused(home, &["course", "1", "--check", "6=z"], "it is done in the lab");
    refused(home, &["course", "4", "--check", "5=z"], "a letter is asked for, a to d");
    refused(home, &["course", "1", "--check", "7=1"], "there is no task 7, only 1 to 6");
    refused(home, &["course", "1", "--check", "7"], "such as 2=0.25");
    refused(home, &["course", "--check", "1=1"], "answers are to one station");
    refused(home, &["course", "11"], "there is no station 11, only 1 to 10");
    refused(home, &["course", "--seed", "3"], "--seed: give a station's number");
    refused(home, &["course", "--solutions"], "--sheet");
}

#[test]
fn damaged_progress_is_put_aside_and_said() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let folder = home.join("data/difflab");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("course.json"), "{\"version\": 1, ").unwrap();
    let output = difflab(home, &["course"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("is damaged: it is now"));
    assert!(folder.join("course.damaged-1.json").is_file() && !folder.join("course.json").exists());
    fs::write(folder.join("course.json"), "{\"version\": 9}").unwrap();
    let output = difflab(home, &["course"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("newer difflab"));
}

#[test]
fn a_teacher_s_station_is_read_asked_and_kept() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let example = "configs/course/your-own.toml";
    assert!(out(&difflab(home, &["course", "--file", example])).contains("Noise on clothes"));
    let said = out(&difflab(home, &["course", "--file", example, "--check", "3=10", "5=done"]));
    assert!(said.contains("2 of 6 done") && said.contains("by your word"), "{said}");
    assert!(out(&difflab(home, &["course", "--file", example])).contains("✓ 3. How many classes"));
    let said = out(&difflab(home, &["course", "--file", example, "--reset"]));
    assert_eq!(said, "Noise on clothes: 2 tasks that were done are forgotten (3, 5)\n");
    let sheet = out(&difflab(home, &["course", "--file", example, "--sheet", "--solutions"]));
    assert!(sheet.contains("Answer: 10"), "{sheet}");
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(example)).unwrap();
    let mine = home.join("mine.toml");
    let mine_path = mine.to_str().unwrap();
    fs::write(&mine, text.replace("tolerance = 0.05", "tolerence = 0.05")).unwrap();
    refused(home, &["course", "--file", mine_path], "unknown key `tolerence`; did you mean `tolerance`?");
    fs::write(&mine, text.replace("fashion-noise", "guidance")).unwrap();
    refused(home, &["course", "--file", mine_path], "is that of station 7");
    refused(home, &["course", "--file", "nowhere.toml"], "cannot read the station nowhere.toml");
}
