//! Documents that events wrote: no PUT and no DELETE is about them.

use super::*;

async fn of_kind(wanted: &str, damage: Damage, store: &Store) -> Case {
    let document = store.of_events.iter().find(|document| kind(document) == wanted);
    let document = document.unwrap_or_else(|| panic!("no {wanted} among {:?}", store.of_events));
    Case::start(format!("{damage:?}"), store, document, |path| damage.befall(path)).await
}

/// The event counts as not served, and is served.
#[tokio::test]
async fn a_damaged_entry_of_the_ledger_counts_as_none() {
    let store = Store::fill().await;
    let mut faults = Vec::new();
    for damage in EVERY_DAMAGE {
        let mut case = of_kind("ledger", damage, &store).await;
        case.serve_the_bystander().await;
        let outcome = case.process.outcome(&call_to_ada()).await;
        case.expect(outcome == "delivered", || format!("the call is {outcome}"));
        let outcome = case.process.outcome(&call_to_ada()).await;
        case.expect(outcome == "duplicate", || format!("the call is {outcome} when it comes again"));
        faults.extend(case.end().await);
    }
    conclude("every damage", &faults);
}

/// What it stands for is forgotten.
#[tokio::test]
async fn a_damaged_marker_counts_as_none() {
    let store = Store::fill().await;
    let mut faults = Vec::new();
    for damage in EVERY_DAMAGE {
        let mut case = of_kind("markers", damage, &store).await;
        case.serve_the_bystander().await;
        let mut late = change_for_ada("ChatMessageReceived", 1);
        late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
        let outcome = case.process.outcome(&late).await;
        case.expect(outcome == "delivered", || format!("the message is {outcome}"));
        let outcome = case.process.outcome(&change_for_ada("ChatMessageDeleted", 2)).await;
        case.expect(matches!(outcome.as_str(), "delivered" | "duplicate"), || format!("its deletion is {outcome}"));
        faults.extend(case.end().await);
    }
    conclude("every damage", &faults);
}

#[tokio::test]
async fn a_damaged_dead_letter_stands_in_the_way_of_no_other() {
    let store = Store::fill().await;
    let mut faults = Vec::new();
    for damage in EVERY_DAMAGE {
        let mut case = of_kind("dead-letters", damage, &store).await;
        case.serve_the_bystander().await;
        case.hub.add_fault(notification_hubs_emulator::Fault::status(400));
        let outcome = case.process.outcome(&message_to(BYSTANDER)).await;
        case.expect(outcome == "dead_lettered", || format!("a refused message is {outcome}"));
        let reply = case.process.maintain().await;
        case.expect(reply.status == 200, || format!("maintenance is answered {} {}", reply.status, reply.text));
        case.hub.clear();
        let mut replay = command(&vars(&case.hub, &[("STORE", "file:store")]), case.folder.path());
        let output = replay.arg("replay").output().await.unwrap();
        let told = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        case.expect(case.hub.accepted().len() == 1, || format!("the replay says {told}"));
        case.expect(told.contains("dead-letters"), || format!("the replay says {told}"));
        case.expect(output.status.code() == Some(1), || format!("the replay ends with {}", output.status));
        faults.extend(case.end().await);
    }
    conclude("every damage", &faults);
}

#[tokio::test]
async fn what_a_newer_program_wrote_about_events_is_never_overwritten() {
    const NEWER: &str = "{\"v\":99}";
    let store = Store::fill().await;
    let mut faults = Vec::new();
    for document in &store.of_events {
        let write = |path: &Path| fs::write(path, NEWER).unwrap();
        let mut case = Case::start("newer format".to_owned(), &store, document, write).await;
        case.serve_the_bystander().await;
        let mut late = change_for_ada("ChatMessageReceived", 1);
        late["eventTime"] = json!(ago(chrono::TimeDelta::seconds(10)));
        for event in [call_to_ada(), late, change_for_ada("ChatMessageDeleted", 2), json!("no event")] {
            case.process.invoke(&event).await;
        }
        case.process.maintain().await;
        case.serve_the_bystander().await;
        let left = fs::read_to_string(case.path()).unwrap_or_default();
        case.expect(left == NEWER, || format!("the document is now {left:?}"));
        faults.extend(case.end().await);
    }
    conclude(&format!("{} documents of a newer format", store.of_events.len()), &faults);
}
