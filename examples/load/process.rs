//! A target as a child process: started, looked at through `/proc`, killed.

use std::fs;
use std::io;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::Failure;

/// A running target. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pub id: u32,
    pub port: u16,
}

const LONGEST_START: Duration = Duration::from_secs(30);

/// The kernel tells CPU times in hundredths of a second, whatever it counts in itself.
const TICK_MS: u64 = 10;

impl Process {
    /// Starts it on a free port, which it tells in its first line.
    pub async fn start(mut command: Command) -> Result<Self, Failure> {
        // What it complains of is for whoever watches.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit()).kill_on_drop(true);
        let mut child = command.spawn()?;
        let id = child.id().ok_or("it ended at once")?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
        let line = timeout(LONGEST_START, lines.next_line()).await??.unwrap_or_default();
        let port = line.split("127.0.0.1:").nth(1).ok_or_else(|| format!("no port in {line:?}"))?;
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        // Read all the while: a full pipe would hold it up.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { child, id, port: port.parse()? })
    }

    pub async fn kill(mut self) -> Result<(), Failure> {
        if let Some(ended) = self.child.try_wait()? {
            return Err(format!("it ended by itself: {ended}").into());
        }
        Ok(self.child.kill().await?)
    }
}

/// The CPU time of a process, all its threads included.
pub fn cpu(process: u32) -> io::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name in parentheses may hold anything. After it, user and system time are the 12th and 13th fields.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).unwrap_or_default();
    Ok(ticks(fields.split_whitespace().skip(11).take(2)))
}

/// The CPU time that everything on this machine took, and others took from it.
pub fn cpu_of_machine() -> io::Result<Duration> {
    let stat = fs::read_to_string("/proc/stat")?;
    // user, nice, system; then idle and iowait, which are none; irq, softirq, steal.
    let mut fields = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let working = ticks(fields.by_ref().take(3));
    Ok(working + ticks(fields.skip(2).take(3)))
}

fn ticks<'a>(fields: impl Iterator<Item = &'a str>) -> Duration {
    let ticks: u64 = fields.filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * TICK_MS)
}

/// The memory that a process has at present, in MiB.
pub fn memory(process: u32) -> io::Result<f64> {
    memory_line(process, "VmRSS:")
}

/// The most memory that a process had so far, in MiB.
pub fn peak_memory(process: u32) -> io::Result<f64> {
    memory_line(process, "VmHWM:")
}

fn memory_line(process: u32, name: &str) -> io::Result<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    let kib: f64 = value.and_then(|kib| kib.parse().ok()).unwrap_or_default();
    Ok(kib / 1024.0)
}
