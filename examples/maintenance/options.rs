//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::prelude::{Long, Short, ValueExt as _};

use crate::Failure;

pub const HELP: &str = "\
maintenance: what Maintenance costs, and what it does to the latency of events meanwhile

Usage: cargo run --release --features benches --example maintenance -- [OPTIONS]

  --installations N how many the store has; 10000 unless told. In a folder each takes 12 KB in three files
  --store S         folder or azurite; folder unless told. Azurite comes from `npm ci` in tests/foreign
  --expired P       percent of them that expire before the second measurement; 10 unless told, 0 for none
  --rate N          events a second; 100 unless told, 10 with Azurite
  --seconds N       how long events are measured before Maintenance, and how long Maintenance is repeated while nothing
                    has expired; 20 unless told
  --minutes N       a measurement that takes longer fails; 20 unless told
  --binary PATH     measure this binary instead of building one
";

#[derive(Debug)]
pub struct Options {
    pub installations: usize,
    pub store: StoreKind,
    pub expired_percent: usize,
    pub rate: Option<u32>,
    pub before: Duration,
    pub limit: Duration,
    pub binary: Option<PathBuf>,
}

/// Where the documents are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    Folder,
    Azurite,
}

impl Options {
    /// Events a second. Azurite itself answers some hundred requests a second.
    pub fn rate(&self) -> u32 {
        let usual = match self.store {
            StoreKind::Folder => 100,
            StoreKind::Azurite => 10,
        };
        self.rate.unwrap_or(usual)
    }

    /// `None` when help is asked for.
    pub fn read() -> Result<Option<Self>, Failure> {
        let mut options = Self {
            installations: 10_000,
            store: StoreKind::Folder,
            expired_percent: 10,
            rate: None,
            before: Duration::from_secs(20),
            limit: Duration::from_secs(20 * 60),
            binary: None,
        };
        let mut arguments = lexopt::Parser::from_env();
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("installations") => options.installations = arguments.value()?.parse()?,
                Long("expired") => options.expired_percent = arguments.value()?.parse()?,
                Long("rate") => options.rate = Some(arguments.value()?.parse()?),
                Long("seconds") => options.before = Duration::from_secs(arguments.value()?.parse()?),
                Long("minutes") => options.limit = Duration::from_secs(60 * arguments.value()?.parse::<u64>()?),
                Long("binary") => options.binary = Some(arguments.value()?.into()),
                Long("store") => {
                    options.store = match arguments.value()?.to_str() {
                        Some("folder") => StoreKind::Folder,
                        Some("azurite") => StoreKind::Azurite,
                        _ => return Err("--store is folder or azurite".into()),
                    }
                }
                Long("help") | Short('h') => return Ok(None),
                Short(_) | Long(_) | lexopt::Arg::Value(_) => return Err(argument.unexpected().into()),
            }
        }
        if options.expired_percent >= 100 || options.rate == Some(0) || options.installations == 0 {
            return Err("--expired is below 100; --rate and --installations are at least 1".into());
        }
        Ok(Some(options))
    }
}
