//! How a command ended, as the shell sees it.

use std::process::ExitCode;

/// The end of a command that didn't fail. (A failure is an error and exits 1; a wrong flag exits 2.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// All of it was done.
    Complete,
    /// Some of it was done, or it is recorded and runs on: exit status 3.
    Partial,
}

impl Ending {
    /// Complete only if both are.
    pub(crate) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Complete, Self::Complete) => Self::Complete,
            (Self::Partial, _) | (_, Self::Partial) => Self::Partial,
        }
    }
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        match ending {
            Ending::Complete => Self::SUCCESS,
            Ending::Partial => Self::from(3),
        }
    }
}
