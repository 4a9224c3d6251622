//! `acs-push check`: prints what can be checked from here.

use super::Output;
use crate::check::Report;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub struct CheckCommand {
    /// As one JSON object.
    pub json: bool,
}

impl CheckCommand {
    /// Prints the report, and returns how many faults there are.
    pub fn print(self, report: &Report, output: &mut Output) -> usize {
        if self.json {
            output.print(&serde_json::to_string_pretty(report).expect("texts and flags always serialize"));
        } else {
            report.lines().for_each(|line| output.print(&line));
        }
        report.faults()
    }
}
