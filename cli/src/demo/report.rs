//! What the tour tells, and what it keeps for the end.

use std::fmt::Display;
use std::io::{Stdout, Write};
use std::time::Instant;

use super::checker::Finding;

/// Prints step by step and counts what held.
pub(super) struct Report {
    began: Instant,
    out: Stdout,
    checks: u32,
    failed: Vec<String>,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { began: Instant::now(), out: std::io::stdout(), checks: 0, failed: Vec::new() }
    }

    /// A closed standard output doesn't end the tour: its exit status still says whether all held.
    fn line(&mut self, text: impl Display) {
        let _ = writeln!(self.out, "{text}");
    }

    /// Begins a part.
    pub(super) fn part(&mut self, title: &str) {
        self.line(format_args!("\n== {title} ({:.1} s)", self.began.elapsed().as_secs_f64()));
    }

    /// Says what is done or what was answered.
    pub(super) fn say(&mut self, text: &str) {
        self.line(format_args!("   {text}"));
    }

    /// A claim and what the checker found against it.
    pub(super) fn check(&mut self, claim: &str, findings: &[Finding]) {
        self.checks += 1;
        if findings.is_empty() {
            self.line(format_args!("   ok    {claim}"));
            return;
        }
        self.line(format_args!("   WRONG {claim}"));
        for finding in findings {
            self.line(format_args!("         {}", finding.0));
            self.failed.push(format!("{claim}: {}", finding.0));
        }
    }

    /// The summary; an error if anything didn't hold.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        let (seconds, checks) = (self.began.elapsed().as_secs_f64(), self.checks);
        self.line(format_args!("\n== Summary"));
        if self.failed.is_empty() {
            self.line(format_args!("   all {checks} checks held, in {seconds:.1} s"));
            return Ok(());
        }
        let failed = std::mem::take(&mut self.failed);
        for finding in &failed {
            self.line(format_args!("   WRONG {finding}"));
        }
        anyhow::bail!("{} findings in {checks} checks, in {seconds:.1} s", failed.len())
    }
}
