//! What a command prints: lines, in colours if that was asked for, and how far long work is.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use anstyle::{AnsiColor, Style};

/// Where a command prints. Lines go to standard output, progress to standard error.
#[derive(Debug)]
pub struct Output {
    colour: bool,
    progress: bool,
    /// When progress was last shown, or the work began.
    shown: Instant,
    /// Whether it still is.
    is_shown: bool,
}

/// Progress is not shown more often, nor sooner: short work has none.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// How wide the labels of an explanation are, with the blanks before and behind.
const LABEL: usize = 13;

impl Output {
    /// Colours are for standard output, progress for standard error, both for terminals only.
    pub fn new(colour: bool, progress: bool) -> Self {
        Self { colour, progress, shown: Instant::now(), is_shown: false }
    }

    /// Prints a text of one or several lines.
    pub fn print(&mut self, text: &str) {
        self.clear();
        let mut stdout = io::stdout().lock();
        for line in text.lines() {
            let line = if self.colour { painted(line) } else { line.to_owned() };
            // The reader may have closed the pipe.
            let _ = writeln!(stdout, "{line}");
        }
    }

    /// Shows how far the work is.
    pub fn progress(&mut self, done: usize, of_what: &str) {
        if !self.progress || self.shown.elapsed() < PROGRESS_EVERY {
            return;
        }
        let _ = write!(io::stderr(), "\r{done} {of_what}\x1b[K");
        (self.shown, self.is_shown) = (Instant::now(), true);
    }

    /// Takes the progress away.
    fn clear(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        self.clear();
    }
}

/// The line with its parts in colours: the title of an event, labels, names of members and headers, the outcome.
fn painted(line: &str) -> String {
    let faint = Style::new().dimmed();
    let name = AnsiColor::Cyan.on_default();
    if line.starts_with("event ") {
        return in_style(Style::new().bold(), line);
    }
    let trimmed = line.trim_start();
    let indent = line.len() - trimmed.len();
    if let Some((member, value)) = trimmed.split_once(": ")
        && indent > 2
        && (member.starts_with('"') || !member.contains(' '))
    {
        return format!("{}{}: {value}", &line[..indent], in_style(name, member));
    }
    match line.split_at_checked(LABEL) {
        Some((label, rest)) if indent == 2 && label.ends_with("  ") => {
            let rest = if label.trim() == "outcome" { painted_outcome(rest) } else { rest.to_owned() };
            format!("{}{rest}", in_style(faint, label))
        }
        _ => line.to_owned(),
    }
}

fn painted_outcome(outcome: &str) -> String {
    let end = outcome.find([' ', ',']).unwrap_or(outcome.len());
    let (word, rest) = outcome.split_at(end);
    let colour = match word {
        "delivered" => AnsiColor::Green,
        "failed" | "dead_lettered" => AnsiColor::Red,
        _ => AnsiColor::Yellow,
    };
    format!("{}{rest}", in_style(colour.on_default().bold(), word))
}

fn in_style(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}
