//! One handle, registered under four ids for four users at the same time: one of them has it, and the API says which.

use std::collections::BTreeSet;
use std::ops::Range;

use futures_util::future::join_all;
use notification_hubs_emulator::Emulator;
use serde_json::{Value, json};

use crate::binary::Process;
use crate::blob::{BlobService, Fault, Held, Schedule};
use crate::reach::{Reach, masked, reach, shared_handle, shown};
use crate::stories::{Ask, Round, STORIES, Story};
use crate::support::*;
use crate::tally::{asked_for, conclude};

const RACERS: usize = 4;

/// As many are under way at a time.
const AT_ONCE: usize = 10;

/// What the handle and the ids were before a race.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// Nobody knew them.
    New,
    /// The handle belonged to a fifth installation, which registers again during the race.
    Owned,
    /// Each id had another handle.
    Elsewhere,
}

/// One race. Nothing in it has a name that anything had in another.
struct Race(usize);

impl Race {
    fn user(&self, racer: usize) -> String {
        format!("8:acs:racer{racer}-{}", self.0)
    }

    fn users(&self) -> Vec<String> {
        (0..=RACERS).map(|racer| self.user(racer)).collect()
    }

    fn id(&self, racer: usize) -> String {
        format!("phone{racer}-{}", self.0)
    }

    /// A phone of the first racer that is in no race.
    fn bystander(&self) -> String {
        format!("bystander-{}", self.0)
    }

    /// Handle 0 is the one that all want.
    fn phone(&self, racer: usize, handle: u16) -> Value {
        json!({"userId": self.user(racer), "platform": "apns", "pushChannel": format!("{:060x}{handle:04x}", self.0)})
    }

    /// Somebody registers for the handle.
    async fn enter(&self, racer: usize, process: &Process) {
        process.register(&self.id(racer), self.phone(racer, 0)).await;
    }

    async fn run(&self, processes: &[Process]) {
        let put = async |number: usize, id: String, phone: Value| {
            processes[number % processes.len()].register(&id, phone).await;
        };
        let number = self.0;
        put(number, self.bystander(), self.phone(0, 0xb)).await;
        let before = [Before::New, Before::Owned, Before::Elsewhere][number % 3];
        let mut racers = RACERS;
        match before {
            Before::New => {}
            Before::Owned => {
                self.enter(RACERS, &processes[0]).await;
                racers += 1;
            }
            Before::Elsewhere => {
                let others = (0..RACERS).zip(1..);
                join_all(others.map(|(racer, handle)| put(racer, self.id(racer), self.phone(racer, handle)))).await;
            }
        }
        join_all((0..racers).map(|racer| self.enter(racer, &processes[(number + racer) % processes.len()]))).await;
    }

    /// What should not be.
    async fn fault(&self, process: &Process, reach: &Reach) -> Option<String> {
        let reach: Reach = self.users().into_iter().map(|user| (user.clone(), reach[&user].clone())).collect();
        if let Some((_, users)) = shared_handle(&reach) {
            return Some(format!("the handle is pushed to for {users:?}"));
        }
        let ids: Vec<String> = (0..=RACERS).map(|racer| self.id(racer)).chain([self.bystander()]).collect();
        let (reached, shown) = (masked(&reach), shown(process, &ids).await.unwrap());
        if reached != shown {
            return Some(format!("GET shows {shown:?}, pushes go to {reached:?}"));
        }
        let mut handles: Vec<&str> = shown.values().flatten().map(String::as_str).collect();
        handles.sort_unstable();
        (handles != ["****0000", "****000b"]).then(|| format!("only {reached:?} is reached"))
    }
}

/// One process for each of the settings, all of which stand for the same store.
type Stores = [Vec<(&'static str, String)>];

async fn run_races(stores: &Stores) {
    let count = asked_for("RACES", 100);
    let faults = races(0..count, stores).await;
    conclude(&format!("{count} races, {} processes", stores.len()), &faults);
}

/// What should not be after these races.
async fn races(numbers: Range<usize>, stores: &Stores) -> Vec<String> {
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let start = async |store: &Vec<_>| Process::start(&vars(&hub, &borrowed(store)), folder.path()).await;
    let processes = join_all(stores.iter().map(start)).await;
    let mut faults = Vec::new();
    for first in numbers.clone().step_by(AT_ONCE) {
        let races: Vec<Race> = (first..numbers.end.min(first + AT_ONCE)).map(Race).collect();
        join_all(races.iter().map(|race| race.run(&processes))).await;
        let process = &processes[first / AT_ONCE % processes.len()];
        let users: Vec<String> = races.iter().flat_map(Race::users).collect();
        let reach = reach(process, &hub, &users, false).await;
        let found = join_all(races.iter().map(|race| race.fault(process, &reach))).await;
        let told = |(race, fault): (&Race, Option<String>)| fault.map(|fault| format!("race {}: {fault}", race.0));
        faults.extend(races.iter().zip(found).filter_map(told));
    }
    faults
}

#[tokio::test]
async fn a_handle_has_one_owner_after_races_within_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let store = vec![("STORE", format!("file:{}", folder.path().display()))];
    run_races(&[store]).await;
}

#[tokio::test]
async fn a_handle_has_one_owner_after_races_of_two_processes_on_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let store = vec![("STORE", format!("file:{}", folder.path().display()))];
    run_races(&[store.clone(), store]).await;
}

/// One of them does all that it has to do while the other one waits for its first answer.
#[tokio::test]
async fn a_handle_has_one_owner_after_races_of_a_slow_and_a_quick_process_on_azure_blob() {
    let service = BlobService::with(Schedule::new(20_261_122, 100, &[Fault::Slow])).await;
    run_races(&[service.settings(), service.spared_settings()]).await;
}

/// As if its clock were ahead: the times of changes do not say in which order they were made.
#[tokio::test]
async fn changes_that_began_before_another_and_went_on_after_it_leave_one_owner() {
    let service = BlobService::start().await;
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let start = async |settings| Process::start(&vars(&hub, &borrowed(settings)), folder.path()).await;
    let (slow, quick) = (start(&service.settings()).await, start(&service.spared_settings()).await);
    let race = Race(0);
    slow.register(&race.bystander(), race.phone(0, 0xb)).await;
    service.pause();
    let others_come = async {
        service.wait_for_waiting(RACERS - 1).await;
        race.enter(RACERS - 1, &quick).await;
        service.go_on();
    };
    tokio::join!(join_all((0..RACERS - 1).map(|racer| race.enter(racer, &slow))), others_come);
    let reach = reach(&quick, &hub, &race.users(), false).await;
    assert_eq!(race.fault(&quick, &reach).await, None);
}

/// At each write of a change another process makes a whole one.
#[tokio::test]
async fn a_change_within_another_leaves_one_owner() {
    let service = BlobService::start().await;
    let (hub, folder) = (emulator().await, tempfile::tempdir().unwrap());
    let start = async |settings| Process::start(&vars(&hub, &borrowed(settings)), folder.path()).await;
    let (slow, quick) = (start(&service.settings()).await, start(&service.spared_settings()).await);
    let (mut count, mut faults) = (0, Vec::new());
    for (story, then) in STORIES.iter().filter_map(|story| story.then.map(|then| (story, then))) {
        for after in 0.. {
            let round = Round(count);
            round.set_up(&slow, story).await;
            let held = service.hold(after, Held::ForAWhile);
            let mut first = std::pin::pin!(round.ask(&slow, story.first));
            let was_held = tokio::select! {
                _ = &mut first => false,
                reached = held => reached.is_ok(),
            };
            if !was_held {
                service.resume();
                break;
            }
            count += 1;
            round.ask(&quick, Ask::Put(then)).await;
            service.go_on();
            first.await;
            let fault = side_by_side(story, round, &quick, &hub).await;
            faults.extend(fault.map(|fault| format!("{}, within write {}: {fault}", story.name, after + 1)));
        }
    }
    conclude(&format!("{count} changes within others"), &faults);
    assert!(count > STORIES.len(), "{count} changes");
}

/// What should not be after two changes that ran side by side.
async fn side_by_side(story: &Story, round: Round, process: &Process, hub: &Emulator) -> Option<String> {
    let users: Vec<String> = story.users().map(|user| round.user(user)).collect();
    let reach = reach(process, hub, &users, story.has_calls()).await;
    if let Some((handle, users)) = shared_handle(&reach) {
        return Some(format!("{handle} is pushed to for {users:?}"));
    }
    let ids: Vec<String> = story.ids().into_iter().map(|id| round.id(id)).collect();
    let (reached, shown) = (masked(&reach), shown(process, &ids).await.unwrap());
    if reached != shown {
        return Some(format!("GET shows {shown:?}, pushes go to {reached:?}"));
    }
    let handles: BTreeSet<String> = reach.into_values().flatten().collect();
    let named: Vec<&str> = story.wanted().union(&story.bystanders()).copied().collect();
    let missing: Vec<&str> = named.into_iter().filter(|name| !handles.contains(&round.handle(name))).collect();
    (!missing.is_empty()).then(|| format!("nobody is reached at {missing:?}"))
}

#[cfg(feature = "foreign-tests")]
mod azurite {
    use super::*;
    use crate::azurite::Azurite;

    /// Azurite takes the longer for a document the more it has: so many races later a new one takes its place.
    const RACES_EACH: usize = 200;

    #[tokio::test]
    async fn a_handle_has_one_owner_after_races() {
        let count = asked_for("RACES", 100);
        let mut faults = Vec::new();
        for first in (0..count).step_by(RACES_EACH) {
            let azurite = Azurite::start().await;
            let stores = [azurite.settings(), azurite.settings()];
            faults.extend(races(first..count.min(first + RACES_EACH), &stores).await);
        }
        conclude(&format!("{count} races, 2 processes on Azurite"), &faults);
    }
}
