//! The texts of problems and warnings. They are the emulator's own.

/// Why a push platform would refuse a notification that the service accepts with 201.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error("payload too large: {size} bytes, and {platform} accepts at most 4096")]
    PayloadTooLarge { size: usize, platform: &'static str },
    #[error("the hub has no credentials for {0}")]
    MissingCredentials(&'static str),
    #[error("format 'gcm' no longer works: Google shut the legacy FCM API down in July 2024; use 'fcmv1'")]
    LegacyFcm,

    #[error("the APNs body is not a JSON object")]
    ApnsNotObject,
    #[error("the APNs body has no object 'aps'")]
    ApnsWithoutAps,
    #[error("apns-priority must be 1, 5 or 10, not '{0}'")]
    ApnsPriority(String),
    #[error("apns-expiration must be a Unix time in whole seconds, not '{0}'")]
    ApnsExpiration(String),
    #[error("apns-push-type '{0}' is not one that APNs knows")]
    ApnsPushType(String),
    #[error("apns-collapse-id must be at most 64 bytes; it has {0}")]
    ApnsCollapseId(usize),
    #[error("a background push needs apns-priority 5")]
    BackgroundPriority,
    #[error("a background push needs \"content-available\": 1 in 'aps'")]
    BackgroundNotAvailable,
    #[error("a background push must not have '{0}' in 'aps'")]
    BackgroundVisible(&'static str),
    #[error("apns-push-type voip needs a hub whose bundle id ends with '.voip'; this one has '{0}'")]
    VoipOnOrdinaryHub(String),
    #[error("a hub whose bundle id ends with '.voip' accepts only apns-push-type voip")]
    OrdinaryOnVoipHub,

    #[error("the fcmv1 body has no object 'message'")]
    FcmWithoutMessage,
    #[error("'message.{0}' must not be set: the hub adds the device's token")]
    FcmTarget(&'static str),
    #[error("FCM does not know 'message.{0}'")]
    FcmUnknownMember(String),
    #[error("FCM does not know 'message.notification.{0}'; platform fields go under 'android'")]
    FcmUnknownNotificationMember(String),
    #[error("FCM does not know 'message.android.{0}'; what is shown goes under 'android.notification'")]
    FcmUnknownAndroidMember(String),
    #[error("'message.{0}' must be an object")]
    FcmNotObject(&'static str),
    #[error("'message.data.{0}' must be a string")]
    FcmDataNotString(String),
    #[error("'message.data.{0}' is a reserved key")]
    FcmReservedKey(String),
    #[error("'message.android.ttl' must be seconds like \"3600s\", not {0}")]
    FcmTtl(String),
    #[error("'message.android.priority' must be \"normal\" or \"high\", not {0}")]
    FcmPriority(String),
}

/// What the service and the platforms accept, but without effect or with an unknown one.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Warning {
    #[error("apns-topic has no effect: the hub always uses the bundle id of its credential")]
    ApnsTopic,
    #[error("as far as known the hub does not forward '{header}', but '{forwarded}'")]
    ApnsHeaderName { header: String, forwarded: String },
    #[error("the emulator checks neither credentials nor content for '{0}'")]
    PlatformNotChecked(&'static str),
    #[error("the part 'devices' is not JSON: single quotes, as in the reference's sample, are accepted; use JSON")]
    SingleQuotes,
    #[error("without 'direct' in the query the device handle has no effect: this was sent to tags or to everybody")]
    HandleWithoutDirect,
    #[error("{0} device handles are repeated in the batch and skipped")]
    RepeatedHandles(usize),
}
