//! Messages as people and programs write them: what the phone shows of HTML, pictures, files and bots' cards.

use serde_json::{Value, json};

use crate::support::*;

/// A message with this data laid over the usual.
fn message(id: &str, data: &Value) -> Value {
    let mut event = chat(id, "ChatMessageReceived", id, 1, "");
    for (name, value) in data.as_object().unwrap() {
        event["data"][name] = value.clone();
    }
    event
}

fn html(body: &str) -> Value {
    json!({"type": "RichText/Html", "messageBody": body})
}

fn files(files: &Value) -> Value {
    json!({"type": "Text", "messageBody": " ", "metadata": {"fileSharingMetadata": files.to_string()}})
}

fn bot(kind: &str, body: &str) -> Value {
    json!({"type": "Text", "messageBody": body, "metadata": {"microsoft.azure.communication.chat.bot.contenttype": kind}})
}

/// What iPhone shows of it: title and body.
async fn shown(data: Value, locale: Option<&str>) -> (String, String) {
    let app = App::start().await;
    app.register("iphone", json!({"userId": BOB, "platform": "apns", "pushChannel": IPHONE, "locale": locale})).await;
    assert_eq!(app.deliver(&message("e1", &data)).await["outcome"], "delivered");
    let alert = body(&app.hub.accepted()[0])["aps"]["alert"].take();
    (alert["title"].as_str().unwrap().to_owned(), alert["body"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_message_shows_its_words_or_what_was_sent_in_their_place() {
    let picture = "<p><img alt=\"image\" src=\"\" itemscope=\"png\" width=\"166\" height=\"250\"></p>";
    let card = r#"{"attachments":[{"content":{"type":"AdaptiveCard","fallbackText":"Pick a slot","body":[]}}]}"#;
    for (data, text) in [
        (
            html("<p>well done <img alt=\"😀\" itemtype=\"http://schema.skype.com/Emoji\" src=\"x\"> see you</p>"),
            "well done 😀 see you",
        ),
        (html("<blockquote itemtype=\"http://schema.skype.com/Reply\">earlier</blockquote><p>answer</p>"), "answer"),
        (html(picture), "Sent a picture"),
        (html(&picture.repeat(3)), "Sent 3 pictures"),
        (html("<attachment id=\"08a182fe-0b29-443e-8d7f-8896bc1908a2\"></attachment>"), "Sent a file"),
        (html(&format!("{picture}<attachment id=\"1\"></attachment>")), "Sent 2 attachments"),
        (html(&format!("look {picture}")), "look"),
        (
            files(&json!([{"name": "report.pdf", "extension": "pdf", "url": "https://files.example/report.pdf"}])),
            "Sent a file: report.pdf",
        ),
        (files(&json!([{"name": "a.pdf"}, {"name": "b.pdf"}])), "Sent 2 files"),
        (files(&json!([{"name": "me.jpg", "extension": "jpg"}])), "Sent a picture"),
        (files(&json!([{"name": "voice.m4a"}])), "Sent a recording"),
        (bot("azurebotservice.adaptivecard", card), "Pick a slot"),
        (bot("azurebotservice.adaptivecard", "{\"attachments\":[]}"), "Sent a card"),
        (bot("azurebotservice.adaptivecard", "Which day?"), "Which day?"),
    ] {
        let (title, body) = shown(data.clone(), None).await;
        assert_eq!((title.as_str(), body.as_str()), ("Alice", text), "{data}");
    }
}

#[tokio::test]
async fn who_is_mentioned_reads_it_in_the_title_and_nobody_else() {
    let mention = |id: &str| html(&format!("<msft-mention id=\"{id}\" displayText=\"Bob\"></msft-mention> look"));
    for (id, locale, title) in [
        (BOB, None, "Alice mentioned you"),
        (BOB, Some("fr"), "Alice vous a mentionné"),
        (ALICE, None, "Alice"),
        ("0", None, "Alice"),
    ] {
        assert_eq!(shown(mention(id), locale).await, (title.to_owned(), "Bob look".to_owned()), "{id} {locale:?}");
    }
}

#[tokio::test]
async fn who_is_mentioned_in_what_a_reply_quotes_only_is_not_mentioned_again() {
    let reply = format!(
        "<blockquote itemtype=\"http://schema.skype.com/Reply\"><msft-mention id=\"{BOB}\">Bob</msft-mention> look</blockquote>\
         <p>done</p>"
    );
    assert_eq!(shown(html(&reply), None).await, ("Alice".to_owned(), "done".to_owned()));
}

#[tokio::test]
async fn what_was_sent_is_told_in_the_readers_language() {
    for (locale, text) in [
        ("fr", "Photo envoyée"),
        ("ko-KR", "사진을 보냈습니다"),
        ("zh-CN", "发送了一张图片"),
        ("zh-TW", "傳送了一張圖片"),
    ] {
        assert_eq!(shown(html("<img src=\"a.png\">"), Some(locale)).await.1, text, "{locale}");
    }
}

#[tokio::test]
async fn a_file_is_named_where_everything_may_be_shown_only() {
    let file = files(&json!([{"name": "diagnosis.pdf"}]));
    for (content, text) in [("full", "Sent a file: diagnosis.pdf"), ("sender", "New message")] {
        let app = App::with(&[("NOTIFICATION_CONTENT", content)]).await;
        app.register_iphone(BOB).await;
        app.deliver(&message("e1", &file)).await;
        assert_eq!(body(&app.hub.accepted()[0])["aps"]["alert"]["body"], text);
    }
}

#[tokio::test]
async fn what_is_for_programs_is_ignored_and_so_is_a_message_with_nothing_in_it() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    let custom =
        json!({"type": "Text", "messageBody": "typing", "metadata": {"customEvent": "true", "customEventName": "x"}});
    for (data, code) in [
        (bot("azurebotservice.event", "{}"), "bot_event"),
        (custom, "custom_event"),
        (html("<p> &nbsp;<br></p>"), "empty_body"),
        (files(&json!([])), "empty_body"),
        (html("<ul><li></li></ul>"), "empty_body"),
    ] {
        let line = app.deliver(&message(code, &data)).await;
        assert_eq!((&line["outcome"], &line["code"]), (&json!("ignored"), &json!(code)), "{data}");
    }
    assert!(app.hub.requests().is_empty());
}

#[tokio::test]
async fn an_edit_to_a_picture_replaces_the_words() {
    let app = App::start().await;
    app.register_iphone(BOB).await;
    app.deliver(&message("m1", &html("<p>soon</p>"))).await;
    let mut edit = chat("e2", "ChatMessageEdited", "m1", 2, "");
    edit["data"]["type"] = json!("RichText/Html");
    edit["data"]["messageBody"] = json!("<img src=\"a.png\">");
    assert_eq!(app.deliver(&edit).await["outcome"], "delivered");
    let sent = app.hub.accepted();
    assert_eq!(headers(&sent[0])["apns-collapse-id"], headers(&sent[1])["apns-collapse-id"]);
    assert_eq!(body(&sent[1])["aps"]["alert"]["body"], "Sent a picture");
}
