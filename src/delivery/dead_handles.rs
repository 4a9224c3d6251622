//! Removes the device handles that the push services report as dead, through the hubs' feedback. A report counts only if handle and
//! installation are still what they were, and there must not be too many: a hub with another app's credentials reports all.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream::{self, StreamExt};
use serde::Serialize;
use tokio::time::Instant;

use super::DeliveryService;
use super::code::Code;
use super::sending::Hubs;
use crate::notifications::device::DeviceHandle;
use crate::push::hub::Hub;
use crate::push::hub::feedback::{BlobLines, DeadReport, FeedbackError, FeedbackSource, Unreadable};
use crate::storage::feedback::{FeedbackProblem, FeedbackReading, FeedbackReadings};
use crate::storage::installations::HubScope;
use crate::storage::store::StoreError;

/// No more than a fifth of the installations that a hub reaches lose their handle within a day; one does in any case.
const AT_MOST_ONE_IN: usize = 5;

/// Dead handles that one run takes in, at some 300 bytes each. More are read by the next run.
const MOST_HANDLES: usize = 50_000;

/// Reports that are looked up together, and removals that are counted together: a process that is killed forgets no more.
const BATCH: usize = 200;

/// A hub of which too many were reported is not asked again before: the reports of so many are not read every time.
const LOOK_AGAIN_AFTER: TimeDelta = TimeDelta::minutes(55);

/// Of the time of a run, this share is for reading; the rest is for removing.
const READING_SHARE: f64 = 0.4;

/// Why a hub's reports are not followed.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Feedback(#[from] FeedbackError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(
        "{reported} device tokens are reported as dead within a day, of {reached} installations that the hub reaches: more than \
         one in {AT_MOST_ONE_IN}, so nothing is removed. Are the hub's credentials for Apple and Google those of this app?"
    )]
    TooMany { reported: usize, reached: usize },
    #[error("the installations could not be counted in time, so nothing is removed")]
    NotCounted,
}

impl Problem {
    fn code(&self) -> Code {
        match self {
            Self::Feedback(error) => Code::from(error),
            Self::Store(error) => Code::from(error),
            Self::TooMany { .. } => Code::TooManyDead,
            Self::NotCounted => Code::StoreTimeout,
        }
    }
}

/// A hub with a key for its feedback, and whose handles it reports.
struct Reporter<'a> {
    hub: &'a Hub,
    source: &'a FeedbackSource,
    scope: HubScope,
}

/// What was read in a run.
#[derive(Default)]
struct Read {
    /// The handles that would be removed, and when they were last reported.
    dead: HashMap<DeviceHandle, DateTime<Utc>>,
    /// How far each blob was read.
    ends: BTreeMap<String, u64>,
    /// Lines that are no reports.
    unreadable: u64,
    /// Why it was not read to the end.
    cut_off: Option<FeedbackError>,
}

/// What `Status` tells of a hub's feedback.
#[derive(Debug, Serialize)]
pub struct FeedbackStatus {
    hub: String,
    app: Option<String>,
    voip: bool,
    read_at: Option<DateTime<Utc>>,
    removed: u64,
    problem: Option<FeedbackProblem>,
}

impl DeliveryService {
    /// Removes what the hubs report, one hub after the other, until the time is over; returns how many handles. What goes wrong with
    /// one hub is logged, and told by `Status`.
    pub async fn remove_dead_handles(&self, until: Instant, now: DateTime<Utc>) -> u64 {
        let mut removed = 0;
        for reporter in self.hubs.reporters() {
            if Instant::now() >= until {
                break;
            }
            if let Err(error) = self.follow(&reporter, &mut removed, until, now).await {
                let (hub, code) = (reporter.hub.name(), Code::from(&error).name());
                tracing::error!(hub, code, "dead tokens: {error}");
            }
        }
        removed
    }

    /// How far each hub's feedback was read.
    pub async fn feedback_status(&self, now: DateTime<Utc>) -> Result<Vec<FeedbackStatus>, StoreError> {
        let mut all = Vec::new();
        for reporter in self.hubs.reporters() {
            let FeedbackReading { read_at, removed, problem, .. } = self.feedback.read(&reporter.key(), now).await?;
            let app = reporter.scope.app.as_ref().map(|app| app.as_str().to_owned());
            let (hub, voip) = (reporter.hub.name().to_owned(), reporter.scope.is_voip);
            all.push(FeedbackStatus { hub, app, voip, read_at, removed, problem });
        }
        Ok(all)
    }

    /// Reads one hub's feedback from where the last run ended, removes what it reports, and notes how far it came. Only an error of
    /// the store is returned.
    async fn follow(
        &self,
        reporter: &Reporter<'_>,
        removed: &mut u64,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let key = reporter.key();
        let began = self.feedback.read(&key, now).await?;
        let waits = |problem: &FeedbackProblem| {
            problem.code == Code::TooManyDead.name() && problem.at <= now && now < problem.at + LOOK_AGAIN_AFTER
        };
        if began.problem.as_ref().is_some_and(waits) {
            return Ok(());
        }
        let (read, problem) = match self.read_and_remove(reporter, &began, removed, until, now).await {
            Ok((ends, cut_off)) => (ends, cut_off.map(Problem::from)),
            Err(problem) => (began.read, Some(problem)),
        };
        if let Some(problem) = &problem {
            tracing::error!(hub = reporter.hub.name(), code = problem.code().name(), "dead tokens: {problem}");
        }
        let problem = problem.map(|problem| FeedbackProblem {
            code: problem.code().name().to_owned(),
            reason: problem.to_string(),
            at: now,
        });
        self.feedback.note(&key, &read, problem.as_ref(), now).await
    }

    /// How far it was read, with what cut it off; `Err` if nothing may be said to be read.
    async fn read_and_remove(
        &self,
        reporter: &Reporter<'_>,
        began: &FeedbackReading,
        removed: &mut u64,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<(BTreeMap<String, u64>, Option<FeedbackError>), Problem> {
        let read_until = Instant::now() + (until - Instant::now()).mul_f64(READING_SHARE);
        let read = self.read_feedback(reporter, &began.read, read_until, now).await?;
        if read.unreadable > 0 {
            let (hub, lines) = (reporter.hub.name(), read.unreadable);
            tracing::warn!(hub, lines, "dead tokens: lines of the hub's feedback that are no reports were passed over");
        }
        if !read.dead.is_empty() {
            self.check_share(reporter, began, read.dead.len(), until, now).await?;
            let all = self.remove_all(reporter, began, &read.dead, removed, until, now).await?;
            if !all {
                // The next run reads the same again, and finds what is left.
                return Ok((began.read.clone(), read.cut_off));
            }
        }
        Ok((read.ends, read.cut_off))
    }

    /// Fails if more handles than may be removed in a day were reported.
    async fn check_share(
        &self,
        reporter: &Reporter<'_>,
        began: &FeedbackReading,
        dead: usize,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<(), Problem> {
        let reported = dead.saturating_add(usize::try_from(began.removed).unwrap_or(usize::MAX));
        let enough = reported.saturating_mul(AT_MOST_ONE_IN);
        let reached = self.installations.count_reached(&reporter.scope, enough, now, until).await?;
        let reached = reached.ok_or(Problem::NotCounted)?;
        if reached >= enough || reported <= 1 { Ok(()) } else { Err(Problem::TooMany { reported, reached }) }
    }

    /// Removes handles until the time is over. Returns whether all were.
    async fn remove_all(
        &self,
        reporter: &Reporter<'_>,
        began: &FeedbackReading,
        dead: &HashMap<DeviceHandle, DateTime<Utc>>,
        removed: &mut u64,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let dead: Vec<_> = dead.iter().collect();
        for batch in dead.chunks(BATCH) {
            if Instant::now() >= until {
                return Ok(false);
            }
            let mut removals = Vec::with_capacity(batch.len());
            for (handle, reported) in batch {
                // Boxed: all of them together are some megabytes.
                removals.push(Box::pin(self.installations.remove_dead(handle, **reported, &reporter.scope, now)));
            }
            let done: Vec<_> = self.concurrently(removals).await;
            let count = done.iter().filter(|done| matches!(done, Ok(true))).count() as u64;
            if count > 0 {
                *removed += count;
                self.feedback.add_removed(&reporter.key(), began, count).await?;
            }
            done.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
        Ok(true)
    }

    /// Reads the blobs from where they were left, the oldest first.
    async fn read_feedback(
        &self,
        reporter: &Reporter<'_>,
        before: &BTreeMap<String, u64>,
        until: Instant,
        now: DateTime<Utc>,
    ) -> Result<Read, Problem> {
        let container = reporter.source.container().await?;
        // Whoever is registered was PUT since.
        let blobs = container.blobs(now - self.installations.time_to_live()).await?;
        let mut read = Read::default();
        for blob in &blobs {
            // One that is shorter than what was read of it is another one.
            let from = before.get(&blob.name).copied().filter(|from| *from <= blob.length).unwrap_or(0);
            read.ends.insert(blob.name.clone(), from);
            if from == blob.length || read.cut_off.is_some() || read.is_enough(until) {
                continue;
            }
            let lines = container.lines(blob, from).await;
            let followed = match lines {
                Ok(lines) => self.read_lines(reporter, lines, &blob.name, &mut read, until).await,
                Err(error) => Err(error.into()),
            };
            match followed {
                Ok(()) => {}
                // What was read until then counts.
                Err(Problem::Feedback(error)) => read.cut_off = Some(error),
                Err(problem) => return Err(problem),
            }
        }
        Ok(read)
    }

    /// Takes in the reports of a blob, until its end, until the time is over, or until there are as many as one run takes.
    async fn read_lines(
        &self,
        reporter: &Reporter<'_>,
        mut lines: BlobLines,
        blob: &str,
        read: &mut Read,
        until: Instant,
    ) -> Result<(), Problem> {
        let mut is_over = false;
        while !is_over && !read.is_enough(until) {
            let (mut reported, mut end) = (HashMap::new(), None);
            for _ in 0..BATCH {
                let Some(line) = lines.next().await? else {
                    is_over = true;
                    break;
                };
                end = Some(line.end);
                for report in line.reports() {
                    match report {
                        Ok(Some(DeadReport { handle, time })) => note_latest(&mut reported, handle, time),
                        Ok(None) => {}
                        Err(Unreadable) => read.unreadable += 1,
                    }
                }
            }
            let look = |(handle, time): (DeviceHandle, DateTime<Utc>)| async move {
                let is_dead = self.installations.has_dead(&handle, time, &reporter.scope).await?;
                Ok::<_, StoreError>(is_dead.then_some((handle, time)))
            };
            let is_known = |handle: &DeviceHandle, time| read.dead.get(handle).is_some_and(|known| *known >= time);
            reported.retain(|handle, time| !is_known(handle, *time));
            for found in self.concurrently(reported.into_iter().map(look)).await {
                if let Some((handle, time)) = found? {
                    note_latest(&mut read.dead, handle, time);
                }
            }
            if let Some(end) = end {
                read.ends.insert(blob.to_owned(), end);
            }
        }
        Ok(())
    }

    /// Runs as many at the same time as the store likes.
    async fn concurrently<T>(&self, work: impl IntoIterator<Item = impl Future<Output = T>>) -> Vec<T> {
        stream::iter(work).buffer_unordered(self.installations.max_concurrent_changes()).collect().await
    }
}

fn note_latest(reported: &mut HashMap<DeviceHandle, DateTime<Utc>>, handle: DeviceHandle, time: DateTime<Utc>) {
    let latest = reported.entry(handle).or_insert(time);
    *latest = time.max(*latest);
}

impl Read {
    /// Whether a run takes no more.
    fn is_enough(&self, until: Instant) -> bool {
        self.dead.len() >= MOST_HANDLES || Instant::now() >= until
    }
}

impl Reporter<'_> {
    /// Where its reading is kept.
    fn key(&self) -> String {
        let app = self.scope.app.as_ref().map_or("", |app| app.as_str());
        let of = if self.scope.is_voip { "calls" } else { "alerts" };
        FeedbackReadings::key(&[self.source.host(), self.hub.name(), app, of])
    }
}

impl Hubs {
    /// The hubs that have a key for their feedback.
    fn reporters(&self) -> Vec<Reporter<'_>> {
        let others = self.apps.iter().map(|(app, hubs)| (Some(app.clone()), hubs));
        let apps = std::iter::once((None, &self.default)).chain(others);
        let hubs = apps.flat_map(|(app, hubs)| {
            let voip = hubs.voip.iter().map(|hub| (hub, true));
            let of_app = move |(hub, is_voip)| (hub, HubScope { app: app.clone(), is_voip });
            std::iter::once((&hubs.main, false)).chain(voip).map(of_app)
        });
        let reporters = hubs.filter_map(|(hub, scope)| Some(Reporter { hub, source: hub.feedback()?, scope }));
        reporters.collect()
    }
}
