//! Documents that registrations wrote.

use super::*;

/// What mends a document.
#[derive(Debug, Clone, Copy)]
enum Mending {
    /// Both of Ada's apps register as before.
    Again,
    /// Her phone registers for Cy, with other handles; then somebody new has its old ones.
    Moved,
    /// Her phones are deleted; then Cy's has the handles of one.
    Deleted,
    /// Cy's phone has the handles before she does anything.
    GivenAway,
    /// The timer ran before.
    AfterMaintenance,
}

const NEW_CALLS: u16 = 0xc2;

fn phone(user: &str, alerts: u16, calls: u16) -> Value {
    json!({"userId": user, "platform": "apns", "pushChannel": handle(alerts), "voipPushChannel": handle(calls)})
}

async fn every_document_with_every_damage(mending: Mending) {
    let store = Store::fill().await;
    let (mut cases, mut faults) = (0, Vec::new());
    for document in &store.of_ada {
        for damage in EVERY_DAMAGE {
            let befall = |path: &Path| damage.befall(path);
            let mut case = Case::start(format!("{damage:?}, {mending:?}"), &store, document, befall).await;
            case.serve_the_bystander().await;
            case.expect_no_loss().await;
            case.mend(mending).await;
            case.serve_the_bystander().await;
            cases += 1;
            faults.extend(case.end().await);
        }
    }
    conclude(&format!("{cases} damaged documents, {mending:?}"), &faults);
    assert!(cases >= 3 * EVERY_DAMAGE.len(), "only {cases} documents");
}

impl Case {
    async fn mend(&mut self, mending: Mending) {
        match mending {
            Mending::Again => self.register_again().await,
            Mending::AfterMaintenance => {
                let reply = self.process.maintain().await;
                self.expect(reply.status == 200, || format!("maintenance is answered {} {}", reply.status, reply.text));
                self.register_again().await;
            }
            Mending::Moved => {
                self.put("phone", &phone(CY, NEW, NEW_CALLS)).await;
                self.put("tablet", &tablet_of_ada()).await;
                let moved = [(ADA, &[TABLET][..]), (BYSTANDER, &[OTHER]), (CY, &[NEW, NEW_CALLS])];
                self.expect_reach("when it moved", &moved).await;
                self.put("new", &phone(BYSTANDER, PHONE, PHONE_CALLS)).await;
                let given = [moved[0], (BYSTANDER, &[OTHER, PHONE, PHONE_CALLS]), moved[2]];
                self.expect_reach("when its handles were given away", &given).await;
            }
            Mending::Deleted => {
                self.delete("phone").await;
                self.delete("tablet").await;
                self.expect_reach("when they were deleted", &[(BYSTANDER, &[OTHER])]).await;
                self.put("new", &phone(CY, PHONE, PHONE_CALLS)).await;
                let given = [(BYSTANDER, &[OTHER][..]), (CY, &[PHONE, PHONE_CALLS])];
                self.expect_reach("when their handles were given away", &given).await;
            }
            Mending::GivenAway => self.give_away().await,
        }
    }

    async fn register_again(&mut self) {
        self.put("phone", &phone_of_ada()).await;
        self.put("tablet", &tablet_of_ada()).await;
        let before = [(ADA, &[PHONE, PHONE_CALLS, TABLET][..]), (NUMBER, &[PHONE]), (BYSTANDER, &[OTHER])];
        self.expect_reach("when they registered again", &before).await;
    }

    /// Without Ada's doing it may be refused; once it is not, she no longer gets anything there.
    async fn give_away(&mut self) {
        let installation = phone(CY, PHONE, PHONE_CALLS);
        let reply = Reply::of(self.process.put_request("new", &installation)).await;
        if reply.status != 503 {
            self.expect(reply.status == 201, || format!("PUT new is answered {} {}", reply.status, reply.text));
            self.hub.clear();
            for event in [message_to(ADA), message_to(CY), call_to(ADA), call_to(CY)] {
                self.process.invoke(&event).await;
            }
            let reach = accepted(&self.hub, &[ADA, CY].map(str::to_owned));
            let given = [PHONE, PHONE_CALLS].map(handle);
            let is_right = given.iter().all(|handle| reach[CY].contains(handle) && !reach[ADA].contains(handle));
            self.expect(is_right, || format!("when handles were given away, pushes go to {reach:?}"));
        }
        let mut with_new_handle = phone_of_ada();
        with_new_handle["pushChannel"] = json!(handle(NEW));
        with_new_handle["voipPushChannel"] = json!(handle(NEW_CALLS));
        self.put("phone", &with_new_handle).await;
        self.put("tablet", &tablet_of_ada()).await;
        self.put("new", &installation).await;
        let all = [
            (ADA, &[NEW, NEW_CALLS, TABLET][..]),
            (NUMBER, &[NEW]),
            (BYSTANDER, &[OTHER]),
            (CY, &[PHONE, PHONE_CALLS]),
        ];
        self.expect_reach("when everybody registered", &all).await;
    }
}

#[tokio::test]
async fn registering_again_mends_any_document() {
    every_document_with_every_damage(Mending::Again).await;
}

/// The first message fails and has the document mended; one that comes again gets through.
#[tokio::test]
async fn a_message_mends_the_document_of_its_recipient() {
    let store = Store::fill().await;
    let (mut cases, mut faults) = (0, Vec::new());
    for document in store.of_ada.iter().filter(|document| kind(document) == "recipients") {
        for damage in EVERY_DAMAGE {
            let befall = |path: &Path| damage.befall(path);
            let mut case = Case::start(format!("{damage:?}, a message"), &store, document, befall).await;
            let mut statuses = BTreeSet::new();
            for address in [ADA, NUMBER] {
                let again = async {
                    loop {
                        let status = case.process.invoke(&message_to(address)).await.status;
                        statuses.insert(status);
                        if status == 200 {
                            break;
                        }
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                let _ = tokio::time::timeout(Duration::from_secs(20), again).await;
            }
            case.expect(statuses == BTreeSet::from([200, 500]), || format!("messages are answered {statuses:?}"));
            let before = [(ADA, &[PHONE, PHONE_CALLS, TABLET][..]), (NUMBER, &[PHONE]), (BYSTANDER, &[OTHER])];
            case.expect_reach("when messages came", &before).await;
            cases += 1;
            faults.extend(case.end().await);
        }
    }
    conclude(&format!("{cases} damaged documents of recipients"), &faults);
    assert_eq!(cases, 2 * EVERY_DAMAGE.len());
}

#[tokio::test]
async fn moving_to_another_user_mends_any_document() {
    every_document_with_every_damage(Mending::Moved).await;
}

#[tokio::test]
async fn deleting_mends_any_document() {
    every_document_with_every_damage(Mending::Deleted).await;
}

#[tokio::test]
async fn a_handle_that_goes_to_somebody_else_has_one_owner_whatever_document_is_damaged() {
    every_document_with_every_damage(Mending::GivenAway).await;
}

#[tokio::test]
async fn maintenance_is_stopped_by_no_document_and_does_no_harm() {
    every_document_with_every_damage(Mending::AfterMaintenance).await;
}

#[tokio::test]
async fn a_document_of_a_newer_format_is_refused_and_never_overwritten() {
    const NEWER: &str = "{\"v\":99}";
    let store = Store::fill().await;
    let mut faults = Vec::new();
    for document in &store.of_ada {
        let write = |path: &Path| fs::write(path, NEWER).unwrap();
        let mut case = Case::start("newer format".to_owned(), &store, document, write).await;
        case.serve_the_bystander().await;
        case.expect_no_loss().await;
        let mut statuses = Vec::new();
        for (id, installation) in [("phone", phone_of_ada()), ("tablet", tablet_of_ada())] {
            statuses.push(case.process.put(id, installation).await);
        }
        case.expect(statuses.contains(&503), || format!("PUTs are answered {statuses:?}"));
        for id in ["phone", "tablet"] {
            case.process.delete(id).await;
        }
        case.process.put("new", phone(CY, PHONE, PHONE_CALLS)).await;
        case.process.put("phone", phone(CY, NEW, NEW_CALLS)).await;
        case.process.maintain().await;
        case.serve_the_bystander().await;
        let left = fs::read_to_string(case.path()).unwrap_or_default();
        case.expect(left == NEWER, || format!("the document is now {left:?}"));
        faults.extend(case.end().await);
    }
    conclude(&format!("{} documents of a newer format", store.of_ada.len()), &faults);
}
