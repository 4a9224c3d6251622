//! Creates a SAS token for Notification Hubs. Pure: the caller has the clock and the cache.
//! <https://learn.microsoft.com/rest/api/notificationhubs/common-concepts>

use base64::prelude::{BASE64_STANDARD, Engine};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Signs for `resource` (a URI; its case does not matter) until `expires_at` (Unix seconds) with the rule `rule`.
/// `key` is used as the text it is, not base64-decoded.
pub fn create_sas_token(resource: &str, rule: &str, key: &str, expires_at: i64) -> String {
    let resource = urlencoding::encode(&resource.to_lowercase()).into_owned();
    let signature = urlencoding::encode(&signature(&resource, key, expires_at)).into_owned();
    format!("SharedAccessSignature sr={resource}&sig={signature}&se={expires_at}&skn={}", urlencoding::encode(rule))
}

/// The signature in base64, over the resource as it is written in the token.
fn signature(encoded_resource: &str, key: &str, expires_at: i64) -> String {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    hmac.update(format!("{encoded_resource}\n{expires_at}").as_bytes());
    BASE64_STANDARD.encode(hmac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "c2VjcmV0LXRlc3Qta2V5LWZvci1uaC12ZWN0b3ItMDE=";
    const EXPIRES_AT: i64 = 1_767_225_600;

    /// Computed with Python's hmac, with Node's `WebCrypto` through the official SDK, and (the first) with openssl.
    #[test]
    fn signatures_equal_those_of_five_official_and_public_clients() {
        for (resource, expected) in [
            (
                "https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2Fcontoso-hub",
                "LPwb0izvI8fGIkG+/h0rAQmjLZHDU7PF6PL4OGamfG4=",
            ),
            ("https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2F", "D815Wbf7HJwzuAldgEEKmh/Ulkipe/1gw4sf20Bmq+E="),
            (
                "http%3a%2f%2fcontoso-ns.servicebus.windows.net%2fcontoso-hub%2fmessages%2f",
                "uDCvTF44uqb+DQG/Bk/F/uUwAmbc8Bf20oTvZLkHTRg=",
            ),
            (
                "https%3a%2f%2fcontoso-ns.servicebus.windows.net%2fcontoso-hub%2fmessages%3fapi-version%3d2020-06%26direct",
                "4wQ9S3cJIHqJxClBr/gFCXpG87Qu84rR2X5IBWyRpkA=",
            ),
            ("sb%3A%2F%2Fcontoso-ns.servicebus.windows.net%2F", "h0xBRDH5sSBQgaEyWv14xgjJZ28lvDprA6n6MgTGGAs="),
        ] {
            assert_eq!(signature(resource, KEY, EXPIRES_AT), expected, "{resource}");
        }
    }

    #[test]
    fn the_whole_sas_token_has_the_format_of_the_service() {
        assert_eq!(
            create_sas_token(
                "https://Contoso-NS.servicebus.windows.net/Contoso-Hub",
                "DefaultFullSharedAccessSignature",
                KEY,
                EXPIRES_AT
            ),
            "SharedAccessSignature sr=https%3A%2F%2Fcontoso-ns.servicebus.windows.net%2Fcontoso-hub\
             &sig=LPwb0izvI8fGIkG%2B%2Fh0rAQmjLZHDU7PF6PL4OGamfG4%3D&se=1767225600&skn=DefaultFullSharedAccessSignature"
        );
    }
}
