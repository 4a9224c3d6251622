//! The JSON names of the domain's enums, stored and shown.

use chrono::Weekday;
use serde::{Deserialize, Serialize};

use crate::notifications::device::{AndroidMode, ContentMode, Os, Platform};
use crate::notifications::preferences::Notify;

/// Declares the JSON names of an enum of the domain, which itself knows no spelling.
macro_rules! names {
    ($name:ident for $domain:ident { $($variant:ident = $text:literal),+ }) => {
        #[derive(Clone, Copy, PartialEq, Serialize, Deserialize)]
        pub(super) enum $name { $(#[serde(rename = $text)] $variant),+ }
        impl From<$domain> for $name {
            fn from(value: $domain) -> Self { match value { $($domain::$variant => Self::$variant),+ } }
        }
        impl From<$name> for $domain {
            fn from(value: $name) -> Self { match value { $($name::$variant => Self::$variant),+ } }
        }
    };
}

names!(PlatformName for Platform { Apns = "apns", FcmV1 = "fcmv1" });
names!(OsName for Os { Ios = "ios", Android = "android" });
names!(AndroidName for AndroidMode { Notification = "notification", Data = "data" });
names!(ContentName for ContentMode { Full = "full", Sender = "sender", Hidden = "hidden" });
names!(NotifyName for Notify { All = "all", Mentions = "mentions", None = "none" });
names!(DayName for Weekday {
    Mon = "mon", Tue = "tue", Wed = "wed", Thu = "thu", Fri = "fri", Sat = "sat", Sun = "sun"
});
