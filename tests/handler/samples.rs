//! Every sample event of the documentation, old and new, in both schemas, has the outcome that it should.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::*;

/// File, outcome, and the code of the reason where it is not plainly delivered; `user` or `number` is registered for where a recipient is named.
const EXPECTED: [(&str, &str, &str); 62] = [
    ("seed/ChatMemberAddedToThreadWithUser", "ignored", "somebody_else"),
    ("seed/ChatMemberRemovedFromThreadWithUser", "ignored", "somebody_else"),
    ("seed/ChatMessageDeleted", "delivered", ""),
    ("seed/ChatMessageEdited", "delivered", ""),
    ("seed/ChatMessageReceived", "delivered", ""),
    ("seed/ChatThreadCreatedWithUser", "delivered", ""),
    ("seed/ChatThreadPropertiesUpdatedPerUser", "ignored", "switched_off"),
    ("seed/ChatThreadWithUserDeleted", "delivered", ""),
    ("seed/SMSDeliveryReportReceived", "ignored", "switched_off"),
    ("seed/SMSReceived", "delivered", ""),
    ("current/AdvancedMessageAnalysisCompleted", "filtered", "subject"),
    ("current/AdvancedMessageDeliveryStatusUpdated", "filtered", "subject"),
    ("current/AdvancedMessageReceived", "filtered", "subject"),
    ("current/AdvancedMessageReceived.spec", "filtered", "subject"),
    ("current/CallEnded", "filtered", "subject"),
    ("current/CallParticipantAdded", "filtered", "subject"),
    ("current/CallParticipantRemoved", "filtered", "subject"),
    ("current/CallStarted", "filtered", "subject"),
    ("current/ChatMessageDeleted", "delivered", ""),
    ("current/ChatMessageDeletedInThread", "ignored", "unpushed_type"),
    ("current/ChatMessageEdited", "delivered", ""),
    ("current/ChatMessageEditedInThread", "ignored", "unpushed_type"),
    ("current/ChatMessageReceived", "delivered", ""),
    ("current/ChatMessageReceivedInThread", "ignored", "unpushed_type"),
    ("current/ChatParticipantAddedToThreadWithUser", "ignored", "somebody_else"),
    ("current/ChatParticipantRemovedFromThreadWithUser", "ignored", "somebody_else"),
    ("current/ChatThreadCreated", "ignored", "unpushed_type"),
    ("current/ChatThreadCreatedWithUser", "delivered", ""),
    ("current/ChatThreadDeleted", "ignored", "unpushed_type"),
    ("current/ChatThreadParticipantAdded", "ignored", "unpushed_type"),
    ("current/ChatThreadParticipantRemoved", "ignored", "unpushed_type"),
    ("current/ChatThreadPropertiesUpdated", "ignored", "unpushed_type"),
    ("current/ChatThreadPropertiesUpdatedPerUser", "ignored", "switched_off"),
    ("current/ChatThreadWithUserDeleted", "delivered", ""),
    ("current/EmailDeliveryReportReceived", "filtered", "subject"),
    ("current/EmailEngagementTrackingReportReceived", "filtered", "subject"),
    ("current/IncomingCall", "delivered", "no_voip_handle"),
    ("current/IncomingCall.spec", "no_device", "no_recipient"),
    ("current/RecordingFileStatusUpdated", "filtered", "subject"),
    ("current/RouterWorkerOfferAccepted", "filtered", "subject"),
    ("current/RouterWorkerOfferDeclined", "filtered", "subject"),
    ("current/RouterWorkerOfferExpired", "filtered", "subject"),
    ("current/RouterWorkerOfferIssued", "filtered", "subject"),
    ("current/RouterWorkerOfferRevoked", "filtered", "subject"),
    ("current/SMSDeliveryReportReceived", "ignored", "switched_off"),
    ("current/SMSReceived", "delivered", ""),
    ("current/UserDisconnected", "ignored", "unpushed_type"),
    ("current/cloudevents/CallStarted", "ignored", "unpushed_type"),
    ("current/cloudevents/ChatAzureBotCommandReceivedInThread", "ignored", "unpushed_type"),
    ("current/cloudevents/ChatMessageReceived", "delivered", ""),
    ("current/cloudevents/ChatTypingIndicatorReceivedInThread", "ignored", "unpushed_type"),
    ("current/cloudevents/IncomingCall", "no_device", "no_recipient"),
    ("current/cloudevents/SMSReceived", "delivered", ""),
    ("current/constructed/CallEnded.sdk-model-shape", "filtered", "subject"),
    ("current/constructed/ChatMessageReceived.card", "delivered", ""),
    ("current/constructed/ChatMessageReceived.file", "delivered", ""),
    ("current/constructed/ChatMessageReceived.mention", "delivered", ""),
    ("current/constructed/ChatMessageReceived.picture", "delivered", ""),
    ("current/constructed/ChatMessageReceived.right-to-left", "delivered", ""),
    ("current/constructed/IncomingCall.jwt-context", "delivered", "no_voip_handle"),
    ("current/constructed/IncomingCall.pstn-caller", "delivered", "no_voip_handle"),
    ("current/constructed/SMSReceived.cloudevent-current", "delivered", ""),
];

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events").join(format!("{name}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Whom the sample is for, as an installation says it.
fn recipient(event: &Value) -> Option<Value> {
    let data = &event["data"];
    let user = data
        .pointer("/recipientCommunicationIdentifier/rawId")
        .or(data.get("recipientId"))
        .or(data.pointer("/to/rawId"));
    if let Some(user) = user.and_then(Value::as_str) {
        return (!user.starts_with('{')).then(|| json!({"userId": user}));
    }
    let number = data.get("to").or(data.get("To")).and_then(Value::as_str)?;
    Some(json!({"phoneNumbers": [number]}))
}

#[tokio::test]
async fn each_sample_has_its_outcome() {
    for (name, outcome, reason) in EXPECTED {
        // The samples repeat ids of one another, so each meets a handler that knows none.
        let app = App::with(&[("EXPIRE_EVENTS", "false")]).await;
        let events = sample(name);
        let event = events.as_array().map_or(&events, |array| &array[0]);
        if let Some(mut phone) =
            recipient(event).filter(|recipient| name.contains("SMS") || recipient.get("userId").is_some())
        {
            phone["platform"] = json!("apns");
            phone["pushChannel"] = json!(IPHONE);
            app.register("iphone", phone).await;
        }
        let line = app.deliver(&events).await;
        let code = line["reason"].as_str().unwrap_or_default().split(':').next().unwrap_or_default();
        assert_eq!((&line["outcome"], code), (&json!(outcome), reason), "{name}");
        assert_eq!(app.hub.accepted().len(), usize::from(outcome == "delivered"), "{name}");
        assert_eq!(app.hub.requests().len(), app.hub.accepted().len(), "{name}: the hub refused something");
        // The same once more, as a string that holds the JSON.
        let again = app.deliver(&json!(events.to_string())).await;
        let expected = if outcome == "delivered" { "duplicate" } else { outcome };
        assert_eq!(again["outcome"], expected, "{name}");
    }
}

#[test]
fn no_sample_is_left_out() {
    let mut files = Vec::new();
    for folder in ["seed", "current", "current/cloudevents", "current/constructed"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events").join(folder);
        for entry in fs::read_dir(path).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            files.extend(name.strip_suffix(".json").map(|name| format!("{folder}/{name}")));
        }
    }
    files.sort();
    let mut expected = EXPECTED.map(|(name, _, _)| name.to_owned()).to_vec();
    expected.sort();
    assert_eq!(files, expected);
}

#[tokio::test]
async fn the_samples_of_types_that_are_off_are_read_when_they_are_switched_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("texts.toml");
    fs::write(&file, "[SMSDeliveryReportReceived]\non = true\n[ChatThreadPropertiesUpdatedPerUser]\non = true")
        .unwrap();
    for (name, outcome, reason) in [
        ("seed/ChatThreadPropertiesUpdatedPerUser", "delivered", ""),
        ("current/ChatThreadPropertiesUpdatedPerUser", "delivered", ""),
        ("seed/SMSDeliveryReportReceived", "ignored", "not_failed"),
        ("current/SMSDeliveryReportReceived", "ignored", "not_failed"),
    ] {
        let app = App::with(&[("EXPIRE_EVENTS", "false"), ("NOTIFICATIONS_FILE", file.to_str().unwrap())]).await;
        let events = sample(name);
        let mut phone = recipient(&events[0]).unwrap();
        phone["platform"] = json!("apns");
        phone["pushChannel"] = json!(IPHONE);
        app.register("iphone", phone).await;
        let line = app.deliver(&events).await;
        assert_eq!((&line["outcome"], line["reason"].as_str().unwrap_or("")), (&json!(outcome), reason), "{name}");
    }
}
