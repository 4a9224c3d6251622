//! The samples that a visitor of the page is offered first: one of each kind that a phone shows, and what to expect of it.

use serde_json::{Value, json};

use crate::samples::Sample;

/// A sample event, perhaps with other data.
pub struct Told {
    folder: &'static str,
    file: &'static str,
    /// What it is called on the page.
    pub name: &'static str,
    /// What the phones do.
    pub expect: &'static str,
    /// Laid over the members of `data`.
    pub data: Value,
}

impl Told {
    /// Whether it is this sample, with or without other data.
    pub fn is_about(&self, sample: &Sample) -> bool {
        sample.folder == self.folder && sample.file == self.file
    }
}

/// All of them, in the order of the list.
pub fn all() -> Vec<Told> {
    let mut all = vec![
        told("constructed/IncomingCall.jwt-context", "Incoming call", CALL, json!({})),
        told(
            "seed/SMSReceived",
            "SMS",
            "All phones show the number and the text, in quiet hours without a sound.",
            json!({}),
        ),
        told(
            "seed/ChatMessageReceived",
            "Chat message",
            "All phones show who wrote and what, grouped by thread.",
            json!({}),
        ),
        told("seed/ChatMessageEdited", "Edit of the last chat message", EDIT, json!({})),
        told(
            "seed/ChatMessageEdited",
            "Edit of the last chat message to a picture",
            "The line that stands for a picture takes the place of the words.",
            json!({ "type": "RichText/Html", "messageBody": PICTURE }),
        ),
        told(
            "seed/ChatMessageDeleted",
            "Deletion of the last chat message",
            "All phones withdraw the message.",
            json!({}),
        ),
    ];
    all.extend(words());
    all.extend(without_words());
    all.extend(bots());
    all.extend(calls_and_threads());
    all
}

const CALL: &str = "All phones ring, in quiet hours too: a VoIP push on iOS, a data message on Android. \
                    Enter accepts, Escape declines.";
const EDIT: &str = "iOS replaces the message without a sound; on Android the app does.";
const WORDLESS: &str = "A message without words: the line says what was sent, in the reader's language.";
const PICTURE: &str = "<p><img alt=\"image\" src=\"https://files.example/1\" itemscope=\"png\"></p>";

fn told(sample: &'static str, name: &'static str, expect: &'static str, data: Value) -> Told {
    let (folder, file) = sample.split_once('/').unwrap_or_default();
    Told { folder, file, name, expect, data }
}

fn html(name: &'static str, expect: &'static str, body: &str) -> Told {
    told("constructed/ChatMessageReceived.picture", name, expect, json!({ "messageBody": body }))
}

fn files(name: &'static str, expect: &'static str, files: &Value) -> Told {
    let metadata = json!({ "fileSharingMetadata": files.to_string() });
    told("constructed/ChatMessageReceived.file", name, expect, json!({ "metadata": metadata }))
}

fn bot(name: &'static str, expect: &'static str, kind: &str, body: &str) -> Told {
    let metadata = json!({ "microsoft.azure.communication.chat.bot.contenttype": format!("azurebotservice.{kind}") });
    let data = json!({ "metadata": metadata, "messageBody": body });
    told("constructed/ChatMessageReceived.card", name, expect, data)
}

fn words() -> [Told; 5] {
    let agenda = "<h4>Agenda</h4><ul><li>Budget</li><li>Hiring &amp; rooms</li></ul>\
                  <p>See <a href=\"https://files.example/plan\">the plan</a></p>";
    let emoji = "<p>well done <img alt=\"😀\" itemtype=\"http://schema.skype.com/Emoji\" src=\"x\"> see you</p>";
    let reply = "<blockquote itemtype=\"http://schema.skype.com/Reply\"><p>Lunch?</p></blockquote><p>At one</p>";
    [
        html("Formatted text", "The words in one line, without markup or addresses.", agenda),
        html("Emoji", "An emoji that is a picture in the HTML is text on the phone.", emoji),
        html("Reply", "The answer, without what it quotes.", reply),
        told(
            "constructed/ChatMessageReceived.mention",
            "Mention",
            "The title says that the reader is mentioned.",
            json!({}),
        ),
        told(
            "constructed/ChatMessageReceived.right-to-left",
            "Hebrew and Arabic",
            "Each line runs in its own direction.",
            json!({}),
        ),
    ]
}

fn without_words() -> [Told; 8] {
    let named = "The same with the file's name.";
    let counted = "Several are counted.";
    let pair = format!("{PICTURE}<attachment id=\"1\"></attachment>");
    [
        told("constructed/ChatMessageReceived.picture", "Picture", WORDLESS, json!({})),
        html(
            "GIF",
            WORDLESS,
            "<p><img itemtype=\"http://schema.skype.com/Giphy\" src=\"https://files.example/3\"></p>",
        ),
        html("Video", WORDLESS, "<video src=\"https://files.example/4\">Your client cannot play videos.</video>"),
        files("Recording", WORDLESS, &json!([{ "name": "voice.m4a" }])),
        told("constructed/ChatMessageReceived.file", "File", named, json!({})),
        html("Location", WORDLESS, "<location latitude=\"47.6\" longitude=\"-122.1\"></location>"),
        html("Three pictures", counted, &PICTURE.repeat(3)),
        html("Picture and file", counted, &pair),
    ]
}

fn bots() -> [Told; 3] {
    let none = "Nothing: the message is for programs, and the event is ignored.";
    let wordless = r#"{"attachments":[{"content":{"type":"AdaptiveCard","body":[{"type":"Image","url":"x"}]}}]}"#;
    [
        told(
            "constructed/ChatMessageReceived.card",
            "Bot's card",
            "The card's own words for those who cannot show it, and none of its JSON.",
            json!({}),
        ),
        bot("Bot's card without words", WORDLESS, "adaptivecard", wordless),
        bot("Bot's event", none, "event", "{}"),
    ]
}

fn calls_and_threads() -> [Told; 5] {
    let anonymous = json!({ "kind": "unknown", "rawId": "4:anonymous" });
    let alert = "An alert on all phones: the Calling SDK cannot take a call from nobody.";
    [
        told(
            "constructed/IncomingCall.pstn-caller",
            "Call from a telephone",
            "All phones ring, with the number.",
            json!({}),
        ),
        told(
            "constructed/IncomingCall.pstn-caller",
            "Call from a hidden number",
            "All phones ring, without a number.",
            json!({ "from": anonymous, "callerDisplayName": "" }),
        ),
        told(
            "constructed/IncomingCall.jwt-context",
            "Call without a caller",
            alert,
            json!({ "from": null, "callerDisplayName": null }),
        ),
        told("seed/ChatThreadCreatedWithUser", "Added to a chat", "All phones list it without a sound.", json!({})),
        told("seed/ChatThreadWithUserDeleted", "End of the chat", "All phones withdraw the whole thread.", json!({})),
    ]
}
