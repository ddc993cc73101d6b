//! Lines of events.jsonl as the events that the worker sent when it wrote them.

use std::path::PathBuf;
use std::time::Duration;

use crate::lab::protocol::{Event, HistoryMark};
use crate::run::EventRecord;

/// What a screen is told of a line that has come; `None` for what it sees elsewhere, or need not know.
pub fn told(record: EventRecord) -> Option<Event> {
    let EventRecord { step, kind, what, .. } = record;
    Some(match kind.as_str() {
        "snapshot" => Event::SnapshotSaved { step, dir: PathBuf::from(what) },
        "preview" => Event::PreviewSaved { step, file: PathBuf::from(what) },
        // How long it took, nobody has written.
        "checkpoint" => Event::CheckpointSaved { step, dir: PathBuf::from(what), took: Duration::ZERO },
        "setting" => Event::SettingChanged { step, what },
        "warning" | "snapshot_lost" | "waiting" | "moved" => Event::Warning { step, message: what },
        "resume" => Event::Note { step, message: format!("a process goes on with the run {what}") },
        _ => return None,
    })
}

/// What the curves mark of it, where they do.
pub fn mark(record: EventRecord) -> Option<HistoryMark> {
    let marked = matches!(record.kind.as_str(), "snapshot" | "checkpoint" | "resume" | "setting");
    marked.then_some(HistoryMark { step: record.step, kind: record.kind, what: record.what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: &str, what: &str) -> EventRecord {
        EventRecord { time: "2026-11-28T05:00:00+00:00".into(), step: 7, kind: kind.into(), what: what.into() }
    }

    #[test]
    fn lines_become_the_events_of_a_worker() {
        assert!(
            matches!(told(record("snapshot", "a/b")), Some(Event::SnapshotSaved { step: 7, dir }) if dir.ends_with("b"))
        );
        assert!(matches!(told(record("checkpoint", "c")), Some(Event::CheckpointSaved { step: 7, .. })));
        assert!(matches!(told(record("setting", "w 2")), Some(Event::SettingChanged { what, .. }) if what == "w 2"));
        assert!(matches!(told(record("warning", "no")), Some(Event::Warning { message, .. }) if message == "no"));
        assert!(told(record("finish", "all steps done")).is_none(), "the phase says it");
        assert!(mark(record("setting", "w 2")).is_some() && mark(record("warning", "no")).is_none());
    }
}
