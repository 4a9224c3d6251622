//! The process is killed within a PUT or DELETE: nobody gets what is for somebody else, and nobody loses a phone that
//! they did not give away.
//!
//! Once at moments that a seed chooses, on a folder and on Azurite, and once at each write that the request makes, on
//! the stand-in for Azure Blob.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use fastrand::Rng;
use notification_hubs_emulator::Emulator;
use serde_json::json;
use tempfile::TempDir;
use tokio::task::yield_now;

use crate::binary::Process;
use crate::blob::{BlobService, Held};
use crate::reach::{Reach, masked, reach, shared_handle, shown};
use crate::stories::{Ask, Round, STORIES, Story, X, Y};
use crate::support::*;
use crate::tally::{asked_for, conclude};

const SEED: u64 = 20_261_122;

/// The hub, the settings for a store, and the process that runs at the time.
struct Stage {
    hub: Emulator,
    settings: Vec<(&'static str, String)>,
    process: Process,
    folder: TempDir,
}

/// What became of the request that was to be cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    Off,
    /// It was answered before the kill.
    Answered,
}

impl Stage {
    async fn open(settings: Vec<(&'static str, String)>) -> Self {
        let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
        let process = start(&hub, &settings, &folder).await;
        Self { hub, settings, process, folder }
    }

    /// Kills the process.
    async fn kill(&mut self) {
        self.process.kill().await;
    }

    /// Another process takes its place.
    async fn restart(&mut self) {
        self.process = start(&self.hub, &self.settings, &self.folder).await;
    }

    /// What follows a kill. Says what should not be, and how long the request takes that was cut off. What `late` does
    /// happens after somebody else was served.
    async fn follow(&self, story: &Story, round: Round, cut: Cut, late: impl FnOnce()) -> Result<Duration, String> {
        if let Some(phone) = story.then {
            round.ask(&self.process, Ask::Put(phone)).await;
        }
        late();
        let users: Vec<String> = story.users().map(|user| round.user(user)).collect();
        let found = reach(&self.process, &self.hub, &users, story.has_calls()).await;
        self.judge(story, round, &found, Some(cut)).await?;
        let since = Instant::now();
        round.ask(&self.process, story.first).await;
        let took = since.elapsed();
        let found = reach(&self.process, &self.hub, &users, story.has_calls()).await;
        self.judge(story, round, &found, None).await?;
        Ok(took)
    }

    /// Without `cut` the request came again.
    async fn judge(&self, story: &Story, round: Round, found: &Reach, cut: Option<Cut>) -> Result<(), String> {
        let when = match cut {
            Some(Cut::Off) => "after the cut",
            Some(Cut::Answered) => "after the answer",
            None => "after the repeat",
        };
        let fail = |what: String| Err(format!("{}, {when}: {what}", story.name));
        if let Some((handle, users)) = shared_handle(found) {
            return fail(format!("{handle} is pushed to for {users:?}"));
        }
        for expected in story.reach {
            let (must, may) = match cut {
                Some(Cut::Off) => (expected.cut_off[0], expected.cut_off[1]),
                Some(Cut::Answered) => (expected.answered, &[][..]),
                None => (expected.repeated, &[][..]),
            };
            let (must, may, reached) = (round.handles(must), round.handles(may), &found[&round.user(expected.user)]);
            let is_allowed = |handle: &String| must.contains(handle) || may.contains(handle);
            if !(must.is_subset(reached) && reached.iter().all(is_allowed)) {
                return fail(format!("{} is reached at {reached:?}, not at {must:?} or {may:?}", expected.user));
            }
        }
        if cut != Some(Cut::Off) {
            let ids: Vec<String> = story.ids().into_iter().map(|id| round.id(id)).collect();
            let (shown, found) = (shown(&self.process, &ids).await?, masked(found));
            if shown != found {
                return fail(format!("GET shows {shown:?}, pushes go to {found:?}"));
            }
        }
        Ok(())
    }
}

async fn start(hub: &Emulator, settings: &[(&'static str, String)], folder: &TempDir) -> Process {
    Process::start(&vars(hub, &borrowed(settings)), folder.path()).await
}

/// Kills so many processes, each within a request that it has just been sent.
async fn kill_within_requests(settings: Vec<(&'static str, String)>, kills: usize) {
    let mut rng = Rng::with_seed(SEED);
    let mut stage = Stage::open(settings).await;
    let mut took = [Duration::from_millis(6); STORIES.len()];
    let (mut cut_off, mut faults) = (0, Vec::new());
    for number in 0..kills {
        // Every other kill meets the first story.
        let index = if number % 2 == 0 { 0 } else { 1 + number / 2 % (STORIES.len() - 1) };
        let (story, round) = (&STORIES[index], Round(number));
        round.set_up(&stage.process, story).await;
        let delay = took[index].mul_f64(rng.f64() * 1.1);
        let cut = cut_after(&mut stage, story.first, round, delay).await;
        cut_off += usize::from(cut == Cut::Off);
        stage.restart().await;
        match stage.follow(story, round, cut, || {}).await {
            Ok(time) => took[index] = time,
            Err(fault) => faults.push(format!("kill {number}, after {delay:?}: {fault}")),
        }
    }
    conclude(&format!("seed {SEED}, {kills} kills, {cut_off} requests cut off"), &faults);
    assert!(cut_off * 4 >= kills, "only {cut_off} of {kills} requests were cut off");
}

async fn cut_after(stage: &mut Stage, ask: Ask, round: Round, delay: Duration) -> Cut {
    let request = match ask {
        Ask::Put(phone) => stage.process.put_request(&round.id(phone.id), &round.installation(phone)),
        Ask::Delete(id) => stage.process.delete_request(&round.id(id)),
    };
    let since = Instant::now();
    let mut answer = tokio::spawn(request.send());
    // The runtime's own timer counts milliseconds.
    while since.elapsed() < delay {
        yield_now().await;
    }
    stage.kill().await;
    match (&mut answer).await.unwrap() {
        Ok(answer) => {
            assert!(answer.status().is_success(), "{answer:?}");
            Cut::Answered
        }
        Err(_) => Cut::Off,
    }
}

#[tokio::test]
async fn no_handle_has_two_owners_after_kills_on_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let settings = vec![("STORE", format!("file:{}", folder.path().display()))];
    kill_within_requests(settings, asked_for("KILLS", 60)).await;
}

/// Kills a process at each write of each story. One that was held back before it was taken comes `late`, or not at all.
async fn kill_at_writes(when: Held, late: bool) {
    let service = BlobService::start().await;
    let mut stage = Stage::open(service.settings()).await;
    let (mut kills, mut faults) = (0, Vec::new());
    for story in &STORIES {
        for after in 0.. {
            let round = Round(kills);
            round.set_up(&stage.process, story).await;
            let held = service.hold(after, when);
            let was_held = tokio::select! {
                _ = round.ask(&stage.process, story.first) => false,
                reached = held => reached.is_ok(),
            };
            if !was_held {
                service.resume();
                break;
            }
            kills += 1;
            stage.kill().await;
            service.resume();
            stage.restart().await;
            let comes_late = || {
                if late {
                    service.take_what_was_held();
                }
            };
            let followed = stage.follow(story, round, Cut::Off, comes_late).await;
            faults.extend(followed.err().map(|fault| format!("write {}: {fault}", after + 1)));
        }
    }
    let late = if late { ", which comes late" } else { "" };
    conclude(&format!("{kills} kills {when:?} a write was taken{late}").to_lowercase(), &faults);
    assert!(kills > STORIES.len(), "{kills} kills");
}

#[tokio::test]
async fn no_handle_has_two_owners_after_a_kill_before_any_write_to_azure_blob() {
    kill_at_writes(Held::Before, false).await;
}

#[tokio::test]
async fn no_handle_has_two_owners_after_a_kill_after_any_write_to_azure_blob() {
    kill_at_writes(Held::After, false).await;
}

/// It was on its way when its sender was killed.
#[tokio::test]
async fn no_handle_has_two_owners_where_the_last_write_to_azure_blob_comes_late() {
    kill_at_writes(Held::Before, true).await;
}

/// Maintenance finishes what was cut off, unless somebody else has had the handle since then.
#[tokio::test]
async fn what_was_cut_off_does_not_come_back_after_another_phone_had_its_handle_and_was_forgotten() {
    let service = BlobService::start().await;
    let mut stage = Stage::open(service.settings()).await;
    let mut kills = 0;
    for after in 0.. {
        let round = Round(kills);
        let held = service.hold(after, Held::After);
        let was_held = tokio::select! {
            _ = round.ask(&stage.process, Ask::Put(X)) => false,
            reached = held => reached.is_ok(),
        };
        service.resume();
        if !was_held {
            break;
        }
        kills += 1;
        stage.kill().await;
        stage.restart().await;
        round.ask(&stage.process, Ask::Put(Y)).await;
        round.ask(&stage.process, Ask::Delete(Y.id)).await;
    }
    assert!(kills > 3, "{kills} kills");
    let minutes_later = TestClock::at(&ago(TimeDelta::minutes(-5)));
    let app = App::by_clock(&minutes_later, &borrowed(&service.settings())).await;
    let timer = json!({"Data": {"timer": {}}, "Metadata": {}});
    let reply = Reply::of(app.request(reqwest::Method::POST, "/Maintenance").body(timer.to_string())).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    app.stop().await;
    let users: Vec<String> = (0..kills).flat_map(|kill| [X, Y].map(|phone| Round(kill).user(phone.user))).collect();
    let found = reach(&stage.process, &stage.hub, &users, false).await;
    let reached: Vec<_> = found.into_iter().filter(|(_, handles)| !handles.is_empty()).collect();
    assert!(reached.is_empty(), "{kills} kills, then pushed to: {reached:?}");
}

#[cfg(feature = "foreign-tests")]
mod azurite {
    use super::*;
    use crate::azurite::Azurite;

    #[tokio::test]
    async fn no_handle_has_two_owners_after_kills() {
        let azurite = Azurite::start().await;
        kill_within_requests(azurite.settings(), asked_for("KILLS", 60)).await;
    }
}
