//! Known answers for SAS tokens. The signatures were computed outside of this project (Python's hmac, OpenSSL), each over
//! the text that one of the public clients signs.

use super::*;

const RULE: &str = "DefaultFullSharedAccessSignature";
const KEY: &str = "c2VjcmV0LXRlc3Qta2V5LWZvci1uaC12ZWN0b3ItMDE=";
/// 2026-01-01T00:00:00Z
const EXPIRY: u64 = 1_767_225_600;
const HOST: &str = "contoso-ns.servicebus.windows.net";

/// The client, its `sr`, and the signature in base64.
const VECTORS: [(&str, &str, &str); 5] = [
    (
        "hub",
        "https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2Fcontoso-hub",
        "LPwb0izvI8fGIkG+/h0rAQmjLZHDU7PF6PL4OGamfG4=",
    ),
    (
        "JavaScript SDK",
        "https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2F",
        "D815Wbf7HJwzuAldgEEKmh/Ulkipe/1gw4sf20Bmq+E=",
    ),
    (
        ".NET SDK",
        "http%3a%2f%2fcontoso-ns.servicebus.windows.net%2fcontoso-hub%2fmessages%2f",
        "uDCvTF44uqb+DQG/Bk/F/uUwAmbc8Bf20oTvZLkHTRg=",
    ),
    (
        "Java SDK",
        "https%3a%2f%2fcontoso-ns.servicebus.windows.net%2fcontoso-hub%2fmessages\
         %3fapi-version%3d2020-06%26direct",
        "4wQ9S3cJIHqJxClBr/gFCXpG87Qu84rR2X5IBWyRpkA=",
    ),
    ("Rust client", "sb%3A%2F%2Fcontoso-ns.servicebus.windows.net%2F", "h0xBRDH5sSBQgaEyWv14xgjJZ28lvDprA6n6MgTGGAs="),
];

fn rules() -> Vec<Rule> {
    let secondary_key = "another".to_owned();
    vec![Rule { primary_key: KEY.to_owned(), secondary_key, ..Rule::default() }]
}

fn header(sr: &str, signature: &str) -> String {
    let signature = signature.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    format!("SharedAccessSignature sr={sr}&sig={signature}&se={EXPIRY}&skn={RULE}")
}

fn check(authorization: &str) -> Result<(), ServiceError> {
    check_at(authorization, HOST, "/contoso-hub/messages", EXPIRY - 1)
}

fn check_at(authorization: &str, host: &str, path: &str, now: u64) -> Result<(), ServiceError> {
    let context = AuthContext { authorization: Some(authorization), host, path, now };
    verify(context, &rules()).map(|_| ())
}

fn signed(key: &[u8], text: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[test]
fn tokens_of_every_public_client_are_valid() {
    for (client, sr, signature) in VECTORS {
        check(&header(sr, signature)).unwrap_or_else(|error| panic!("{client}: {error}"));
    }
}

#[test]
fn both_keys_of_a_rule_are_valid() {
    let sr = VECTORS[0].1;
    check(&header(sr, &signed(b"another", &format!("{sr}\n{EXPIRY}")))).unwrap();
}

#[test]
fn parameters_may_come_in_any_order() {
    let (_, sr, signature) = VECTORS[0];
    let ordered = header(sr, signature);
    let (scheme, parameters) = ordered.split_once(' ').unwrap();
    let reversed: Vec<_> = parameters.split('&').rev().collect();
    check(&format!("{scheme} {}", reversed.join("&"))).unwrap();
}

#[test]
fn a_signature_over_anything_else_is_invalid() {
    let sr = VECTORS[0].1;
    let decoded = STANDARD.decode(KEY).unwrap();
    let mixed = sr.replace("contoso", "Contoso");
    let wrong = [
        ("key decoded from base64", signed(&decoded, &format!("{sr}\n{EXPIRY}"))),
        ("CRLF instead of LF", signed(KEY.as_bytes(), &format!("{sr}\r\n{EXPIRY}"))),
        ("address not in lower case", signed(KEY.as_bytes(), &format!("{mixed}\n{EXPIRY}"))),
        ("decoded address", signed(KEY.as_bytes(), &format!("{}\n{EXPIRY}", percent_decode(sr)))),
        ("other expiry", signed(KEY.as_bytes(), &format!("{sr}\n{}", EXPIRY + 1))),
        ("empty key", signed(b"", &format!("{sr}\n{EXPIRY}"))),
        ("not base64", "not base64".to_owned()),
    ];
    for (what, signature) in wrong {
        let result = check(&header(sr, &signature));
        assert!(matches!(result, Err(ServiceError::InvalidSignature)), "{what}: {result:?}");
    }
    let unknown = header(sr, VECTORS[0].2).replace(RULE, "SomebodyElse");
    assert!(matches!(check(&unknown), Err(ServiceError::InvalidSignature)));
}

#[test]
fn a_token_expires_in_the_second_it_names() {
    let (_, sr, signature) = VECTORS[0];
    let result = check_at(&header(sr, signature), HOST, "/contoso-hub/messages", EXPIRY);
    assert!(matches!(result, Err(ServiceError::ExpiredToken)), "{result:?}");
}

#[test]
fn a_header_that_is_no_sas_token_is_malformed() {
    let (_, sr, signature) = VECTORS[0];
    let good = header(sr, signature);
    let mut headers = vec!["Bearer abc".to_owned(), good.replace("Signature sr", "Signaturesr")];
    for part in ["sr=", "&sig=", "&se=", "&skn="] {
        headers.push(good.replace(part, &part.replace('=', "x=")));
    }
    headers.push(good.replace(&EXPIRY.to_string(), "tomorrow"));
    for header in headers {
        let result = check(&header);
        assert!(matches!(result, Err(ServiceError::MalformedToken)), "{header}: {result:?}");
    }
}

#[test]
fn the_audience_must_be_the_host_and_a_prefix_of_the_path() {
    let (_, sr, signature) = VECTORS[0];
    let hub = header(sr, signature);
    let valid = [
        (HOST, "/contoso-hub"),
        (HOST, "/contoso-hub/messages/"),
        ("CONTOSO-ns.servicebus.windows.net:443", "/Contoso-Hub/messages"),
        (HOST, "/contoso%2Dhub/messages"),
    ];
    for (host, path) in valid {
        check_at(&hub, host, path, 0).unwrap_or_else(|error| panic!("{host}{path}: {error}"));
    }
    let invalid = [
        ("fabrikam.servicebus.windows.net", "/contoso-hub/messages"),
        (HOST, "/contoso-hub-2/messages"),
        (HOST, "/other/messages"),
    ];
    for (host, path) in invalid {
        let result = check_at(&hub, host, path, 0);
        assert!(matches!(result, Err(ServiceError::InvalidAudience)), "{host}{path}: {result:?}");
    }
}

#[test]
fn loopback_names_are_the_same_host() {
    for name in ["127.0.0.1", "localhost", "LOCALHOST%3A7090"] {
        let sr = format!("http%3A%2F%2F{name}%2Fcontoso-hub");
        let token = header(&sr, &signed(KEY.as_bytes(), &format!("{sr}\n{EXPIRY}")));
        check_at(&token, "emulator.local:7090", "/contoso-hub/messages", 0).unwrap();
    }
}
