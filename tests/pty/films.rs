//! Films of the real program: each begins with noise and goes down to 0.

use std::time::{Duration, Instant};

use crate::lab::{Lab, Setup};

/// The t that the denoising panel names: "x_t at t  99".
fn t_on(screen: &str) -> Option<usize> {
    screen.split_once(" at t ")?.1.split_whitespace().next()?.parse().ok()
}

/// The films that were seen until so many had begun, for so long at most: the t's of each, as they came.
fn films(lab: &Lab, many: usize, time: Duration) -> Vec<Vec<usize>> {
    let start = Instant::now();
    let mut films: Vec<Vec<usize>> = Vec::new();
    while films.len() < many && start.elapsed() < time {
        if let Some(t) = t_on(&lab.screen()) {
            match films.last_mut() {
                Some(film) if film.last().is_some_and(|last| t < *last) => film.push(t),
                Some(film) if film.last() == Some(&t) => {}
                _ => films.push(vec![t]),
            }
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    films
}

#[test]
fn every_film_begins_with_noise_and_goes_down_to_0() {
    // With pictures as characters and as sixels; previews that are computed at once, and slowly.
    let sixel = "\x1b[6;18;9t\x1b[?1;0;256S\x1b[?62;4;22c";
    for (answer, arguments) in [
        ("", &["--set", "preview.steps=20"][..]),
        (sixel, &["--set", "preview.steps=20"]),
        ("", &["--set", "preview.steps=50", "--set", "preview.budget=0.02"]),
    ] {
        let mut lab = Lab::start(&Setup { answer, arguments, ..Setup::default() });
        lab.wait_for("a frame of a film", |screen| t_on(screen).is_some());
        let films = films(&lab, 3, Duration::from_secs(90));
        // A film that was seen from its beginning says so; the last may be under way.
        assert!(films.len() >= 2, "{films:?}");
        for (i, film) in films.iter().enumerate() {
            assert_eq!(film[0], 99, "film {i} of {films:?}");
            assert!(film.len() >= 4 || i + 1 == films.len(), "film {i} of {films:?}");
            assert!(film.last() == Some(&0) || i + 1 == films.len(), "film {i} of {films:?}");
        }
        lab.press("\x03");
        assert_eq!(lab.exit_code(), 130);
    }
}

#[test]
fn a_film_that_is_stopped_stands_while_others_are_computed() {
    let mut lab = Lab::start(&Setup { arguments: &["--set", "preview.steps=20"], ..Setup::default() });
    let middle = |screen: &str| t_on(screen).is_some_and(|t| (20..80).contains(&t));
    lab.wait_for("the middle of a film", middle);
    lab.press("k");
    let screen = lab.wait_for("the hold", |screen| screen.contains("held"));
    let t = t_on(&screen);
    // Long enough for two more films.
    assert_eq!(films(&lab, 2, Duration::from_secs(10)), [[t.unwrap()]]);
    lab.press("\x03");
    assert_eq!(lab.exit_code(), 130);
}
