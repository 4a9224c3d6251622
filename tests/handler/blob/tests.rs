//! The stand-in does what it says.

use std::io::{Read as _, Write as _};

use reqwest::Client;

use super::*;
use crate::support::client;

/// What it answers: the status, and the error code in its header.
async fn ask(service: &BlobService, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
    let answer = send(service, &client(), method, path, headers).await.unwrap();
    let code = answer.headers().get("x-ms-error-code").map(|code| code.to_str().unwrap().to_owned());
    (answer.status().as_u16(), code.unwrap_or_default())
}

async fn send(
    service: &BlobService,
    client: &Client,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> reqwest::Result<reqwest::Response> {
    let url = format!("{}/account/{path}", service.address);
    let mut request = client.request(method.parse().unwrap(), url).body("content");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.header("x-ms-blob-type", "BlockBlob").send().await
}

#[tokio::test]
async fn conditions_hold_and_errors_have_azures_codes() {
    let service = BlobService::start().await;
    let ask = async |method: &str, path: &str, headers: &[(&str, &str)]| {
        let (status, code) = ask(&service, method, path, headers).await;
        format!("{status} {code}")
    };
    let (create, any) = ([("if-none-match", "*")], [("if-match", "*")]);
    assert_eq!(ask("GET", "c/kind/one", &[]).await, "404 ContainerNotFound");
    assert_eq!(ask("PUT", "c/kind/one", &[]).await, "404 ContainerNotFound");
    assert_eq!(ask("PUT", "c?restype=container", &[]).await, "201 ");
    assert_eq!(ask("PUT", "c?restype=container", &[]).await, "409 ContainerAlreadyExists");
    assert_eq!(ask("GET", "c/kind/one", &[]).await, "404 BlobNotFound");
    assert_eq!(ask("PUT", "c/kind/one", &any).await, "412 ConditionNotMet");
    assert_eq!(ask("PUT", "c/kind/one", &create).await, "201 ");
    assert_eq!(ask("PUT", "c/kind/one", &create).await, "409 BlobAlreadyExists");

    let shown = send(&service, &client(), "GET", "c/kind/one", &[]).await.unwrap();
    let etag = shown.headers()["etag"].to_str().unwrap().to_owned();
    assert!(shown.headers().contains_key("last-modified") && etag.starts_with('"'), "{shown:?}");
    assert_eq!(shown.text().await.unwrap(), "content");
    let head = send(&service, &client(), "HEAD", "c/kind/one", &[]).await.unwrap();
    assert_eq!((head.headers()["content-length"].as_bytes(), head.status().as_u16()), (&b"7"[..], 200));
    assert_eq!(ask("PUT", "c/kind/one", &[("if-match", &etag)]).await, "201 ");
    assert_eq!(ask("PUT", "c/kind/one", &[("if-match", &etag)]).await, "412 ConditionNotMet");
    assert_eq!(ask("DELETE", "c/kind/one", &[("if-match", &etag)]).await, "412 ConditionNotMet");
    assert_eq!(ask("DELETE", "c/kind/one", &[]).await, "202 ");
    assert_eq!(ask("DELETE", "c/kind/one", &any).await, "404 BlobNotFound");
    assert_eq!(service.counts()["DELETE kind"], 3);
}

#[tokio::test]
async fn a_listing_comes_in_pages() {
    let service = BlobService::start().await;
    ask(&service, "PUT", "c?restype=container", &[]).await;
    for name in ["a/1", "b/1", "b/2", "b/3", "c/1"] {
        ask(&service, "PUT", &format!("c/{name}"), &[]).await;
    }
    let list = async |query: &str| {
        let path = format!("c?restype=container&comp=list{query}");
        let text = send(&service, &client(), "GET", &path, &[]).await.unwrap().text().await.unwrap();
        let names: Vec<String> =
            text.split("<Name>").skip(1).map(|rest| rest.split('<').next().unwrap().to_owned()).collect();
        let next = text.split("<NextMarker>").nth(1).unwrap().split('<').next().unwrap().to_owned();
        (names.join(" "), next)
    };
    assert_eq!(list("&prefix=b/&maxresults=2").await, ("b/1 b/2".to_owned(), "b/3".to_owned()));
    assert_eq!(list("&prefix=b/&maxresults=2&marker=b/3").await, ("b/3".to_owned(), String::new()));
    assert_eq!(list("&startFrom=b/2").await, ("b/2 b/3 c/1".to_owned(), String::new()));
    assert_eq!(list("&delimiter=/").await, ("a/ b/ c/".to_owned(), String::new()));
}

#[tokio::test]
async fn a_batch_deletes_what_it_names_and_answers_each() {
    let service = BlobService::start().await;
    ask(&service, "PUT", "c?restype=container", &[]).await;
    ask(&service, "PUT", "c/kind/one", &[]).await;
    let part = |id: u8, blob: &str| {
        format!(
            "--b\r\nContent-Type: application/http\r\nContent-ID: {id}\r\n\r\nDELETE /account/c/{blob} HTTP/1.1\r\nx-ms-date: d\r\n\r\n\r\n"
        )
    };
    let url = format!("{}/account/c?restype=container&comp=batch", service.address);
    let body = format!("{}{}--b--\r\n", part(0, "kind/one"), part(1, "kind/two"));
    let answer = client().post(url).body(body).send().await.unwrap().text().await.unwrap();
    let lines: Vec<&str> = answer.lines().filter(|line| line.contains("ID") || line.contains("HTTP/")).collect();
    assert_eq!(lines, ["Content-ID: 0", "HTTP/1.1 202 Accepted", "Content-ID: 1", "HTTP/1.1 404 Not Found"]);
    assert_eq!(ask(&service, "GET", "c/kind/one", &[]).await.0, 404);
}

#[tokio::test]
async fn each_fault_is_what_its_name_says() {
    for (fault, status, taken) in [
        (Fault::Refused, Some(503), false),
        (Fault::FailedAfterwards, Some(500), true),
        (Fault::AnswerLost, None, true),
        (Fault::Slow, Some(201), true),
    ] {
        let service = BlobService::start().await;
        ask(&service, "PUT", "c?restype=container", &[]).await;
        let faults: &'static [Fault] = Box::leak(Box::new([fault]));
        service.state.lock().unwrap().schedule = Schedule::new(1, 100, faults);
        let answer = send(&service, &client(), "PUT", "c/kind/one", &[]).await;
        assert_eq!(answer.ok().map(|answer| answer.status().as_u16()), status, "{fault:?}");
        service.state.lock().unwrap().schedule = Schedule::default();
        assert_eq!(ask(&service, "GET", "c/kind/one", &[]).await.0 == 200, taken, "{fault:?}");
        assert_eq!(service.faults_met(), 1);
    }
}

#[tokio::test]
async fn a_lost_answer_has_no_byte_and_no_request_fails_three_times_in_a_row() {
    let service = BlobService::with(Schedule::new(1, 100, &[Fault::AnswerLost])).await;
    let address = service.address.trim_start_matches("http://").to_owned();
    let request = "PUT /account/c?restype=container HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
    let ask = move || {
        let mut connection = std::net::TcpStream::connect(&address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 12];
        let length = connection.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    };
    let answers = tokio::task::spawn_blocking(move || [ask(), ask(), ask(), ask()]).await.unwrap();
    assert_eq!(answers, ["", "", "HTTP/1.1 409", ""]);
}

#[tokio::test]
async fn a_write_is_held_back_before_or_after_it_is_taken_and_nothing_passes_it() {
    for (when, taken) in [(Held::Before, 404), (Held::After, 200)] {
        let service = BlobService::start().await;
        ask(&service, "PUT", "c?restype=container", &[]).await;
        let held = service.hold(1, when);
        assert_eq!(ask(&service, "PUT", "c/kind/one", &[]).await.0, 201);
        let client = client();
        tokio::select! {
            answer = send(&service, &client, "PUT", "c/kind/two", &[]) => panic!("{answer:?}"),
            reached = held => reached.unwrap(),
        }
        tokio::select! {
            biased;
            answer = send(&service, &client, "GET", "c/kind/one", &[]) => panic!("{answer:?}"),
            () = sleep(Duration::from_millis(100)) => {}
        }
        service.resume();
        assert_eq!(ask(&service, "GET", "c/kind/two", &[]).await.0, taken, "{when:?}");
        service.take_what_was_held();
        assert_eq!(ask(&service, "GET", "c/kind/two", &[]).await.0, 200, "{when:?}");
    }
}
