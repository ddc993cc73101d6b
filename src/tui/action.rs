//! Everything a person can ask of the screen.

use crate::tui::panel::Panel;

/// One thing to do in the list of runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunsAction {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
    /// Look at the chosen run.
    Open,
    Filter,
    SortNext,
    SortPrevious,
    SortOtherWay,
    Mark,
    /// Pin as what others are held against.
    Pin,
    Unmark,
    /// Draw the marked ones over one another.
    Compare,
    Note,
    Tags,
    /// A new run from its weights.
    Fork,
    Trash,
    Restore,
    /// Close, clear the filter, or go back: whatever is nearest.
    Back,
    /// Back to where one came from.
    Leave,
}

/// One thing to do. The binding table says by which key, `update` what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    FocusNext,
    FocusPrevious,
    Focus(Panel),
    Zoom,
    /// Close, dismiss, or go back to live: whatever is nearest.
    Back,
    TogglePause,
    StepOnce,
    Snapshot,
    Checkpoint,
    SampleNow,
    TogglePreview,
    MorePreview,
    LessPreview,
    CursorDown,
    CursorUp,
    CursorFarDown,
    CursorFarUp,
    CursorOneDown,
    CursorOneUp,
    CursorFirst,
    CursorLast,
    EarlierColumn,
    LaterColumn,
    FramePrevious,
    FrameNext,
    ToggleFilm,
    ClassNext,
    ClassPrevious,
    GuidanceUp,
    GuidanceDown,
    NextSampler,
    MoreSteps,
    FewerSteps,
    NextEta,
    LearningRateUp,
    LearningRateDown,
    LearningRateReset,
    /// Take the newest live change back.
    Undo,
    Redo,
    ToggleLogY,
    ToggleLogX,
    NextXAxis,
    /// Another curve in the loss panel.
    NextCurve,
    PreviousCurve,
    /// A cursor on the curves, and where it goes.
    ReadCurves,
    ReadEarlier,
    ReadLater,
    ReadFarEarlier,
    ReadFarLater,
    NextMark,
    PreviousMark,
    Bookmark,
    NextSmoothing,
    LossCloser,
    LossWider,
    LossEarlier,
    LossLater,
    LossWhole,
    ToggleHeatScale,
    ToggleBound,
    NextScheduleView,
    NextTimeAxis,
    NextExample,
    NextPointsView,
    /// Settings side by side, from one noise.
    Beside,
    /// One noise through the steps of training that are kept, and all of them at once.
    TrainingTime,
    LearningStrip,
    /// Other runs over this one.
    Compare,
    NextRun,
    PreviousRun,
    PinRun,
    ToggleDifference,
    Differences,
    /// What the run has left of pictures.
    Album,
    ToggleFreeze,
    NextTheme,
    NextMarker,
    /// The list of runs, over the lab.
    Runs,
    /// A new run from this one's weights.
    Fork,
    /// Something in the list of runs.
    InRuns(RunsAction),
    /// The mathematics of the panel in focus.
    Explain,
    /// Keys to the course's page, or back to the lab.
    Course,
    Messages,
    Help,
    Palette,
    Redraw,
    Quit,
    /// Save and leave without a question.
    Leave,
}
