//! What was done is forgotten: all of it, or one station's.

use crate::course::{CourseProgress, Station};

/// Forgets all that is done, and the seed of the learner's questions. What that was, in words.
pub fn forget_all(progress: &mut CourseProgress, shipped: &[Station]) -> String {
    let CourseProgress { seed, done, .. } = std::mem::take(progress);
    let all: usize = done.values().map(|tasks| tasks.len()).sum();
    let number = |id: &str| shipped.iter().position(|station| station.id == id).map(|i| i + 1);
    let mut named: Vec<(usize, String)> = done
        .iter()
        .filter(|(_, tasks)| !tasks.is_empty())
        .map(|(id, tasks)| match number(id) {
            Some(number) => (number, format!("{} of station {number}", tasks.len())),
            None => (usize::MAX, format!("{} of \"{}\"", tasks.len(), id.escape_debug())),
        })
        .collect();
    named.sort();
    let named: Vec<String> = named.into_iter().map(|(_, words)| words).collect();
    let mut words = match all {
        0 => "nothing was done yet: there is nothing to forget".into(),
        _ => format!("{} ({})", forgotten(all), named.join(", ")),
    };
    if seed != 0 {
        words += &format!("; the questions have the numbers of seed 0 again, not of {seed}");
    }
    words
}

/// Forgets what is done of one station. What that was, in words.
pub fn forget_station(progress: &mut CourseProgress, station: &Station, number: Option<usize>) -> String {
    let done = progress.done.remove(&station.id).unwrap_or_default();
    let of = match number {
        Some(number) => format!("station {number}, {}", station.title),
        None => station.title.clone(),
    };
    let numbers: Vec<String> = (station.tasks.iter().enumerate())
        .filter(|(_, task)| done.contains(&task.id))
        .map(|(i, _)| (i + 1).to_string())
        .collect();
    match (done.len(), numbers.len()) {
        (0, _) => format!("{of}: nothing was done yet, there is nothing to forget"),
        (all, 0) => format!("{of}: {}, of an older version of it", forgotten(all)),
        (all, _) => format!("{of}: {} ({})", forgotten(all), numbers.join(", ")),
    }
}

fn forgotten(tasks: usize) -> String {
    match tasks {
        1 => "1 task that was done is forgotten".into(),
        tasks => format!("{tasks} tasks that were done are forgotten"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::course::stations;

    #[test]
    fn what_is_forgotten_is_said_and_the_rest_stays() {
        let shipped = stations().unwrap();
        let mut progress = CourseProgress::default();
        progress.seed = 7;
        for (station, task) in [(1, 3), (1, 0), (4, 2)] {
            progress.tick(&shipped[station].id, &shipped[station].tasks[task].id);
        }
        progress.tick("mine", "old");
        let mut all = progress.clone();
        assert_eq!(
            forget_all(&mut all, &shipped),
            "4 tasks that were done are forgotten (2 of station 2, 1 of station 5, 1 of \"mine\"); \
             the questions have the numbers of seed 0 again, not of 7"
        );
        assert_eq!(all, CourseProgress::default());
        assert_eq!(
            forget_station(&mut progress, &shipped[1], Some(2)),
            "station 2, What t means: 2 tasks that were done are forgotten (1, 4)"
        );
        assert_eq!((progress.seed, progress.done.len()), (7, 2));
        assert!(forget_station(&mut progress, &shipped[1], Some(2)).contains("nothing was done yet"));
        let mine = Station { id: "mine".into(), title: "Mine".into(), ..shipped[0].clone() };
        assert!(forget_station(&mut progress, &mine, None).ends_with("is forgotten, of an older version of it"));
        assert!(forget_all(&mut CourseProgress::default(), &shipped).starts_with("nothing was done yet"));
    }
}
